"""The examinations of the demo hospital: what is registered of each, and how its images are sent."""

import hashlib
import io
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from demo.doors import Doors, Receipt
from demo.own_files import OwnFiles, OwnStudy
from demo.patients import CAMILLE, OWN_PHONE, XIAOMING, DemoPatient, make_uid
from demo.phantom import chest_study, nodule_uid
from demo.samples import sample_study

ZONE = ZoneInfo("Asia/Shanghai")
"""Where the demo hospital stands."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_OLDEST_YEAR = 1850  # the page takes no earlier year of birth


@dataclass(frozen=True, slots=True)
class Examination:
    """One study with the documents that stand in the hospital's systems: bodies of the hospital API."""

    title: str
    study_instance_uid: str
    patient: dict[str, Any]
    order: dict[str, Any]
    report: dict[str, Any] | None
    send: Callable[[Doors], Receipt]

    @property
    def fact(self) -> str:
        """Return what opens the link: the date of birth, or the visit number."""
        return str(self.patient.get("birth_date") or self.order["visit_number"])


def demo_examinations(seed: uuid.UUID, started_at: datetime) -> list[Examination]:
    """Return the demo's two: a computed CT with its report by C-STORE, and pydicom's samples by STOW-RS.

    Parameters
    ----------
    seed : uuid.UUID
        Every UID follows from it: sent again, the studies are the same.
    """
    first, second = uuid.uuid5(seed, "chest"), uuid.uuid5(seed, "samples")
    return [
        Examination(
            "a chest CT of three series, by C-STORE",
            make_uid(first),
            _demo_patient(XIAOMING),
            _demo_order(XIAOMING),
            _report(XIAOMING, first, started_at),
            lambda doors: doors.c_store(chest_study(XIAOMING, seed=first, taken_at=started_at.astimezone(ZONE))),
        ),
        Examination(
            "sample files of many kinds, by STOW-RS",
            make_uid(second),
            _demo_patient(CAMILLE),
            _demo_order(CAMILLE),
            None,
            lambda doors: doors.stow(make_uid(second), _written(sample_study(CAMILLE, seed=second))),
        ),
    ]


def own_examinations(found: OwnFiles) -> list[Examination]:
    """Return the user's own studies, with a patient and an order made of their tags, and made up where tags are not.

    A patient is registered once, as their first study says.
    """
    patients: dict[tuple[str, ...], dict[str, Any]] = {}
    made = []
    for number, (uid, study) in enumerate(found.studies.items(), start=1):
        patient = _own_patient(study.tags, made_up_number(uid))
        patient = patients.setdefault(tuple(patient["identifier"].values()), patient)
        order = {
            "accession_number": _text(study.tags, "AccessionNumber") or made_up_number(uid),
            "patient": patient["identifier"],
            "procedure_text": _text(study.tags, "StudyDescription") or "Images",
        }
        if not patient["birth_date"]:
            order["visit_number"] = made_up_number(uid)
        title = f"own study {number} of {len(found.studies)}, by STOW-RS"
        made.append(Examination(title, uid, patient, order, None, _sender(uid, study)))
    return made


def made_up_number(study_instance_uid: str) -> str:
    """Return a number of eight digits in place of one that a study does not have; always the same for a study."""
    return f"{int.from_bytes(hashlib.sha256(study_instance_uid.encode()).digest()) % 10**8:08}"


def _sender(uid: str, study: OwnStudy) -> Callable[[Doors], Receipt]:
    return lambda doors: doors.stow(uid, study.pieces())


def _demo_patient(patient: DemoPatient) -> dict[str, Any]:
    groups = zip(("alphabetic", "ideographic", "phonetic"), patient.name.split("="), strict=False)
    return {
        "identifier": {"value": patient.patient_id, "issuer": patient.issuer},
        "names": {name: group for name, group in groups if group},
        "birth_date": patient.birth_date.isoformat(),
        "sex": patient.sex,
        "phone": patient.phone,
        "language": patient.language,
    }


def _demo_order(patient: DemoPatient) -> dict[str, Any]:
    return {
        "accession_number": patient.accession_number,
        "issuer": patient.issuer,
        "patient": {"value": patient.patient_id, "issuer": patient.issuer},
        "procedure_text": patient.procedure,
    }


def _report(patient: DemoPatient, seed: uuid.UUID, issued_at: datetime) -> dict[str, Any]:
    return {
        "accession_number": patient.accession_number,
        "issuer": patient.issuer,
        "number": f"R-{seed.hex[:8]}",
        "version": 1,
        "status": "final",
        "issued_at": issued_at.isoformat(),
        "conclusion": ["右肺实性小结节，直径约 4 mm，建议 12 个月后复查。", "双肺余未见异常，纵隔及胸壁未见异常。"],
        "findings": [
            "右肺见一枚类圆形实性结节，直径约 4 mm，边界清楚；双肺余肺野未见实变。",
            "气管及主支气管通畅。纵隔未见肿大淋巴结。心影不大。未见胸腔积液。",
            "所示肋骨及胸椎未见骨质破坏。",
            "注：演示数据，影像由程序计算生成，不属于任何真实患者。",
        ],
        "authors": ["演示医师"],
        "signer": "演示审核医师",
        "key_instances": [nodule_uid(seed)],
    }


def _written(instances: Iterator[Dataset]) -> Iterator[list[bytes]]:
    for instance in instances:
        buffer = io.BytesIO()
        instance.save_as(buffer, enforce_file_format=True)
        yield [buffer.getvalue()]


def _own_patient(tags: Dataset, spare_id: str) -> dict[str, Any]:
    identifier = {"value": _text(tags, "PatientID") or spare_id, "issuer": _text(tags, "IssuerOfPatientID")}
    names = _names(tags.get("PatientName"))
    sex = str(tags.get("PatientSex"))
    return {
        "identifier": {name: value for name, value in identifier.items() if value},
        "names": names,
        "birth_date": _birth_date(str(tags.get("PatientBirthDate"))),
        "sex": sex if sex in {"M", "F", "O"} else "U",
        "phone": OWN_PHONE,
        "language": "zh" if "ideographic" in names else "en",
    }


def _names(name: PersonName | None) -> dict[str, str]:
    groups = {kind: str(getattr(name, kind, "")) for kind in ("alphabetic", "ideographic", "phonetic")}
    cleaned = {kind: _UNPRINTABLE.sub("", text).replace("=", "")[:256] for kind, text in groups.items()}
    said = {kind: text for kind, text in cleaned.items() if text.strip("^ ")}
    return said if {"alphabetic", "ideographic"} & set(said) else said | {"alphabetic": "Unnamed"}


def _birth_date(text: str) -> str | None:
    try:
        born = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a date has no zone
    except ValueError:
        return None
    return born.isoformat() if date(_OLDEST_YEAR, 1, 1) <= born <= datetime.now(UTC).date() else None


def _text(tags: Dataset, keyword: str) -> str:
    """Return a tag as the hospital API takes it, or nothing."""
    text = str(tags.get(keyword) or "").strip()
    return "" if len(text) > 64 or _UNPRINTABLE.search(text) else text
