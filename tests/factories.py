"""The only builders: rows through the application's own services where there is one, on the `parts` of a test."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from uuid import UUID

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import create_engine, make_url, select

from app.audit.events import Event
from app.core.identifiers import Token, new_id
from app.dicom.instance import parse_header
from app.jobs.drain import drain, drain_all
from app.models.audit import AuditEvent
from app.models.imaging import Study
from app.models.patients import ContactPoint, Patient, PatientIdentifier, Report, ServiceRequest
from app.models.registry import Base
from app.services import announcing, hospitals, keys, links, matching, objects, reports, study_state
from app.services.hospitals import NewHospital
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.parts import Parts
from app.services.reports import ReportContent
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.databases import Database
from tests.servers import SUPERUSER

SOON = timedelta(seconds=5)
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""A Monday, noon in Shanghai: nobody's night."""
PHONE = "+8613800138000"
BORN = date(1958, 3, 7)
ISSUER = "YZ1"
_numbers = itertools.count(1)


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **amount: float) -> datetime:
        self.moment += timedelta(**amount)
        return self.moment


def with_clock(parts: Parts, moment: datetime = NOON) -> tuple[Parts, HandClock]:
    """Return the parts on a clock of the test's own."""
    clock = HandClock(moment)
    return replace(parts, clock=clock), clock


@dataclass(frozen=True)
class Case:
    """One patient with one order and one study at one hospital."""

    hospital: UUID
    patient: UUID
    order: UUID
    study: UUID

    @property
    def scope(self) -> Scope:
        return Scope(hospital=self.hospital)


def make_hospital(parts: Parts, code: str = "yz1", *, live: bool = True, **changes) -> UUID:
    """Enrol a hospital; live, without quiet hours, with images and report released at once unless told otherwise."""
    hospital_id = new_id()
    new = NewHospital(
        code=code,
        name=changes.pop("name", f"云泽市医院 {code}"),
        message_name=changes.pop("message_name", "云泽一院"),
        time_zone=changes.pop("time_zone", "Asia/Shanghai"),
        telephone=changes.pop("telephone", "0000-66001234"),
        default_issuer=changes.pop("default_issuer", ISSUER),
        quiet_hours=changes.pop("quiet_hours", "none"),
        **changes,
    )
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        hospitals.enrol(session, parts, new, hospital_id)
    if live:
        with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
            hospitals.go_live(session, parts, hospital_id)
    return hospital_id


def make_api_key(parts: Parts, hospital: UUID) -> str:
    """Mint a bearer key for the hospital's system."""
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        return hospitals.mint_api_key(session, parts, hospital, "tests")


def make_patient(
    parts: Parts,
    hospital: UUID,
    *,
    phone: str | None = PHONE,
    identifier: str = "",
    id_number: str | None = None,
    **columns,
) -> UUID:
    """Register a patient with a Patient ID, a phone number and a date of birth."""
    now, patient_id = parts.clock(), new_id()
    values = {"name": "王^小明", "birth_date": BORN, "created_at": now, "updated_at": now} | columns
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        if id_number is not None:
            values["id_number_sealed"] = keys.seal_field(session, parts, hospital, "id-number", id_number)
        session.add(Patient(id=patient_id, hospital_id=hospital, **values))
        session.flush()
        session.add(
            PatientIdentifier(
                hospital_id=hospital,
                patient_id=patient_id,
                issuer=ISSUER,
                value=identifier or f"P-{next(_numbers)}",
                created_at=now,
            )
        )
    if phone is not None:
        make_contact(parts, hospital, patient_id, phone)
    return patient_id


def make_contact(parts: Parts, hospital: UUID, patient: UUID, phone: str = PHONE) -> UUID:
    """Give a patient a phone number."""
    index_key_id, index = keys.index_of(parts.keys, "phone", phone)
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        row = ContactPoint(
            id=new_id(),
            hospital_id=hospital,
            patient_id=patient,
            kind="phone",
            value_sealed=keys.seal_field(session, parts, hospital, "contact", phone),
            value_index=index,
            index_key_id=index_key_id,
            created_at=parts.clock(),
        )
        session.add(row)
        return row.id


def make_order(parts: Parts, hospital: UUID, patient: UUID, *, accession_number: str = "", **columns) -> UUID:
    """Register an order for a patient."""
    now, order_id = parts.clock(), new_id()
    visit_number = columns.pop("visit_number", None)
    values = {"issuer": ISSUER, "created_at": now, "updated_at": now} | columns
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        sealed = partial(keys.seal_field, session, parts, hospital)
        session.add(
            ServiceRequest(
                procedure_sealed=sealed(keys.FREE_TEXT, "胸部 CT"),
                visit_number_sealed=sealed(keys.VISIT_NUMBER, visit_number) if visit_number else None,
                id=order_id,
                hospital_id=hospital,
                patient_id=patient,
                accession_number=accession_number or f"A-{next(_numbers)}",
                **values,
            )
        )
    return order_id


def make_report(
    parts: Parts, hospital: UUID, order: UUID, *, status: str = "final", version: int = 1, pdf: bytes | None = None
) -> UUID:
    """Store a version of an order's report, with its PDF when one is given."""
    now, report_id = parts.clock(), new_id()
    placed = owner = None
    if pdf is not None:
        with reading(parts, Scope(hospital=hospital)) as session:
            owner, secret = keys.hospital_key(session, parts, hospital)
        placed = objects.put(parts, secret, "report", [pdf])
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        if placed is not None:
            rows = objects.index_rows([placed], hospital, hospital_key_id=owner, now=now)
            objects.insert_rows(session, rows)
        content = reports.seal_content(session, parts, hospital, ReportContent(conclusion=("两肺未见明显异常。",)))
        session.add(
            Report(
                id=report_id,
                hospital_id=hospital,
                number=f"R-{order}",
                version=version,
                status=status,
                service_request_id=order,
                content_sealed=content,
                pdf_object_id=placed.object_id if placed else None,
                issued_at=now,
                created_at=now,
            )
        )
    return report_id


def make_study(parts: Parts, hospital: UUID, order: UUID | None = None, **columns) -> UUID:
    """Insert a received study and its key; it carries the Patient ID and accession number of `order`, if any."""
    now, study_id = parts.clock(), new_id()
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        values = {
            "study_instance_uid": f"1.2.3.{next(_numbers)}",
            "state": study_state.RECEIVING,
            "last_arrival_at": now,
            "created_at": now,
            **_identity(session, order),
            **columns,
        }
        session.add(Study(id=study_id, hospital_id=hospital, **values))
        session.flush()
        keys.create_study_key(session, parts, hospital, study_id)
    return study_id


def _identity(session, order: UUID | None) -> dict[str, str]:
    texts = dict.fromkeys(("dicom_patient_name", "dicom_birth_date", "study_date", "study_time"), "")
    if order is None:
        return texts | {"dicom_patient_id": "", "dicom_issuer": ISSUER, "accession_number": ""}
    accession, identifier = session.execute(
        select(ServiceRequest.accession_number, PatientIdentifier.value)
        .join(PatientIdentifier, PatientIdentifier.patient_id == ServiceRequest.patient_id)
        .where(ServiceRequest.id == order)
        .limit(1)
    ).one()
    return texts | {"dicom_patient_id": identifier, "dicom_issuer": ISSUER, "accession_number": accession}


def make_study_ready(parts: Parts, hospital: UUID, order: UUID, *, pictures: int = 0, **columns) -> UUID:
    """Make a matched, complete study of which nobody was told yet.

    Parameters
    ----------
    pictures : int
        How many small CT slices arrive, settle and are rendered for real; 0 makes the rows only, and is fast.
    """
    if pictures:
        study_id = _receive(parts, hospital, order, pictures)
    else:
        ready = {"state": study_state.READY, "revision": 1, "consequence": 1, "complete_at": parts.clock()}
        study_id = make_study(parts, hospital, order, **ready)
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        study = session.scalars(select(Study).where(Study.id == study_id)).one()
        assert matching.match(session, parts, study, now=parts.clock()), study.unmatched_reason
        for name, value in columns.items():
            setattr(study, name, value)
    return study_id


def _receive(parts: Parts, hospital: UUID, order: UUID, pictures: int) -> UUID:
    study_uid = f"1.2.3.{next(_numbers)}"
    with reading(parts, Scope(hospital=hospital)) as session:
        identity = _identity(session, order)
    intake = Intake(parts, Sender(hospital, "stow-rs", "tests", ISSUER))
    for number in range(1, pictures + 1):
        file = slice_file(study_uid, number, identity["dicom_patient_id"], identity["accession_number"])
        intake.take(iter([file]), parse_header)
    intake.close()
    assert [outcome.failure for outcome in intake.outcomes] == [0] * pictures
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        study = session.scalars(select(Study).where(Study.study_instance_uid == study_uid)).one()
        study_state.call_complete(session, study, expected=None, manifest=(), now=parts.clock())
    for topic in (study_state.SETTLE, study_state.RENDER):
        drain(parts, topic)
    return study.id


def slice_file(study_uid: str, number: int, patient_id: str, accession_number: str) -> bytes:
    """Encode one CT slice of 32 x 32 pixels as a PS3.10 file."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{study_uid}.1.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid, f"{study_uid}.1"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 1, number
    dataset.PatientID, dataset.PatientName, dataset.AccessionNumber = patient_id, "Wang^Xiaoming", accession_number
    dataset.WindowCenter, dataset.WindowWidth = 512, 1024
    pixels = (np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) + number) % 1024
    dataset.set_pixel_data(pixels, "MONOCHROME2", 12, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def add_document(parts: Parts, case: Case, said: str) -> None:
    """Add a structured report to a study as a modality sends it, in a series of its own; `said` is its first text."""
    dataset = dcmread(get_testdata_file("reportsi.dcm", download=False))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    next(item for item in dataset.ContentSequence if item.ValueType == "TEXT").TextValue = said
    add_series(parts, case, 7, dataset)


def add_series(parts: Parts, case: Case, number: int, *objects: Dataset) -> None:
    """Add a series to a study as a modality sends it, and wait until everything of it is made."""
    with reading(parts, case.scope) as session:
        study = session.get_one(Study, case.study)
        uid, patient_id = study.study_instance_uid, study.dicom_patient_id
    intake = Intake(parts, Sender(case.hospital, "stow", "tests", ISSUER))
    for at, dataset in enumerate(objects, start=1):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid, f"{uid}.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{number}.{at}"
        dataset.PatientID, dataset.AccessionNumber = patient_id, ""
        dataset.SeriesNumber, dataset.InstanceNumber = number, at
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        intake.take(iter([buffer.getvalue()]), parse_header)
    intake.close()
    assert not any(outcome.failure for outcome in intake.outcomes)
    for times in (1, 30):
        drain_all(replace(parts, clock=lambda times=times: parts.clock() + times * SOON))


def make_case(parts: Parts, code: str = "yz1", *, pictures: int = 0, phone: str | None = PHONE, **hospital) -> Case:
    """Make a hospital, a patient, an order and a ready study."""
    hospital_id = make_hospital(parts, code, **hospital)
    patient_id = make_patient(parts, hospital_id, phone=phone)
    order_id = make_order(parts, hospital_id, patient_id, visit_number="V-77")
    return Case(hospital_id, patient_id, order_id, make_study_ready(parts, hospital_id, order_id, pictures=pictures))


def announce(parts: Parts, case: Case) -> datetime | None:
    """Tell the patient of the study, if everything allows it; sends nothing."""
    with unit_of_work(parts, case.scope) as session:
        return announcing.announce(session, parts, case.study, now=parts.clock())


def dispatch_all(parts: Parts) -> None:
    """Send what is due now."""
    drain(parts, announcing.DISPATCH)


def make_link(parts: Parts, case: Case) -> Token:
    """Make a link to a study, as its message carries it."""
    with unit_of_work(parts, case.scope) as session:
        study = session.scalars(select(Study).where(Study.id == case.study)).one()
        hospital = hospitals.profile(session, case.hospital)
        capability_id = links.ensure_capability(session, study, case.patient, hospital, now=parts.clock())
        return links.mint_token(session, parts, case.hospital, capability_id, "sms", None)


def open_link(parts: Parts, token: Token, typed: str = BORN.isoformat()) -> links.Opened:
    """Open a link with the right fact."""
    state = links.look(parts, token)
    assert state is not None
    opened = links.open_with_fact(parts, state, "birth_date", typed)
    assert opened is not None
    return opened


def change(parts: Parts, case: Case, row: type, row_id: UUID, **columns) -> None:
    """Change columns of one row of the case's hospital."""
    with unit_of_work(parts, case.scope) as session:
        found = session.get_one(row, row_id)
        for name, value in columns.items():
            setattr(found, name, value)


def everything(database: Database) -> dict[str, list[str]]:
    """Read all rows of all tables past every fence, in a fixed order; for comparing before and after."""
    address = make_url(database.owner_url)
    engine = create_engine(address.set(username=SUPERUSER) if database.is_postgresql else address)
    with engine.connect() as connection:
        rows = {
            table.name: sorted(map(repr, connection.execute(select(table)))) for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return rows


def events(parts: Parts, action: Event) -> list[AuditEvent]:
    """Return the audit events of one kind, oldest first."""
    with reading(parts, Scope(worker=True)) as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))
