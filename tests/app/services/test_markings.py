"""Key Object Selections: what they reject is hidden everywhere, whenever it comes; what they mark is shown first."""

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import select

from app.access.actions import Action
from app.access.load.instances import Address
from app.access.load.links import open_link
from app.access.principals import HospitalClient
from app.access.scope import StudyScope
from app.audit.events import Event
from app.core.errors import NotFound
from app.core.identifiers import digest_of, new_id
from app.dicom.instance import parse_header
from app.dicom.key_objects import KEY_OBJECT_SELECTION
from app.dicom.query import Level, parse_query
from app.jobs.drain import drain, drain_all
from app.models.imaging import Study
from app.services import metadata, retrieval, search, series_metadata, viewing
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import reading
from tests import factories as make

QUALITY, OF_INTEREST = "113001", "113000"


PATIENT = "P-1"


def note(study: str, title: str, *instances: int, number: int = 1) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = KEY_OBJECT_SELECTION, f"{study}.9.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.9"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "KO", 9, number
    dataset.PatientID, dataset.AccessionNumber = PATIENT, ""
    code, of_study, of_series = Dataset(), Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = title, "DCM", "a title"
    references = [Dataset() for _ in instances]
    for reference, instance in zip(references, instances, strict=True):
        reference.ReferencedSOPInstanceUID = f"{study}.1.{instance}"
    of_series.SeriesInstanceUID, of_series.ReferencedSOPSequence = f"{study}.1", references
    of_study.StudyInstanceUID, of_study.ReferencedSeriesSequence = study, [of_series]
    dataset.ConceptNameCodeSequence, dataset.CurrentRequestedProcedureEvidenceSequence = [code], [of_study]
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def case(parts):
    hospital = make.make_hospital(parts)
    patient = make.make_patient(parts, hospital, identifier=PATIENT)
    order = make.make_order(parts, hospital, patient)
    return make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order, pictures=3))


@pytest.fixture
def uid(parts, case):
    with reading(parts, case.scope) as session:
        return session.get_one(Study, case.study).study_instance_uid


def take(parts, case, *files):
    intake = Intake(parts, Sender(case.hospital, "stow", "tests", make.ISSUER))
    for file in files:
        intake.take(iter([file]), parse_header)
    intake.close()
    assert not any(outcome.failure for outcome in intake.outcomes)


def work(parts):
    """Do all that falls due within minutes; what is done then may owe more."""
    for times in (1, 2, 30, 31, 32):
        drain_all(replace(parts, clock=lambda times=times: parts.clock() + times * make.SOON))


def numbers(parts, case, uid) -> list[int]:
    scope = StudyScope(root="https://r", principal=HospitalClient(case.hospital, new_id()), hospital_id=case.hospital)
    found = search.search(parts, scope, parse_query([], Level.INSTANCE), study=uid, series=f"{uid}.1").items
    listed = [item["00080018"]["Value"][0] for item in found]
    files = retrieval.find_instances(parts, scope, Address(uid, f"{uid}.1"), Action.INSTANCE_DOWNLOAD)
    told = metadata.find_metadata(parts, scope, Address(uid, f"{uid}.1")).json()
    assert listed == [item.row.sop_instance_uid for item in files]
    assert all(item.encode() in told for item in listed)
    assert told.count(b'"00080018"') == len(listed)
    return [int(item.rpartition(".")[2]) for item in listed]


def seen(parts, case):
    opened = make.open_link(parts, make.make_link(parts, case))
    with reading(parts, case.scope) as session:
        link = open_link(session, digest_of(opened.secret), opened.public_id)
    return viewing.see(parts, link)


@pytest.mark.both_databases
def test_what_is_rejected_is_hidden_everywhere_and_the_page_says_so(parts, case, uid):
    take(parts, case, note(uid, QUALITY, 2))
    work(parts)
    assert numbers(parts, case, uid) == [1, 3]
    page = seen(parts, case)
    assert (page.study.received, page.study.withdrawn) == (3, 1)  # two pictures and the note
    assert [item.shown_count for item in page.series] == [2, 0]
    scope = StudyScope(root="https://r", principal=HospitalClient(case.hospital, new_id()), hospital_id=case.hospital)
    with pytest.raises(NotFound):
        metadata.find_metadata(parts, scope, Address(uid, f"{uid}.1", f"{uid}.1.2"))
    assert retrieval.find_instances(parts, scope, Address(uid, f"{uid}.9"), Action.INSTANCE_DOWNLOAD)
    (event,) = make.events(parts, Event.INSTANCES_WITHDRAWN)
    assert event.resource == f"study:{case.study}"


@pytest.mark.both_databases
def test_a_note_may_come_first_or_twice_and_a_rejected_instance_again(parts, case, uid):
    take(parts, case, note(uid, QUALITY, 3, 4))
    work(parts)
    take(parts, case, make.slice_file(uid, 4, PATIENT, ""), note(uid, QUALITY, 3, 4, number=2))
    work(parts)
    take(parts, case, make.slice_file(uid, 3, PATIENT, ""), make.slice_file(uid, 5, PATIENT, ""))
    work(parts)
    assert numbers(parts, case, uid) == [1, 2, 5]
    assert len(make.events(parts, Event.INSTANCES_WITHDRAWN)) == 1


def test_from_the_note_on_no_picture_of_its_series_is_served_until_it_is_made_anew(parts, case, uid):
    later = replace(parts, clock=lambda: parts.clock() + make.SOON)
    take(parts, case, note(uid, QUALITY, 1))
    drain(later, series_metadata.WRITE)
    assert next(item.preview_object_id for item in seen(parts, case).series) is None


def test_marked_instances_are_the_first_picture_of_the_page(parts, case, uid):
    take(parts, case, note(uid, OF_INTEREST, 3))
    work(parts)
    key = seen(parts, case).key
    assert (key.place, key.marked_by_doctor) == (3, True)
    assert numbers(parts, case, uid) == [1, 2, 3]


def test_references_to_other_studies_mark_nothing(parts, case, uid):
    other = make.make_study_ready(parts, case.hospital, make.make_order(parts, case.hospital, case.patient), pictures=1)
    with reading(parts, case.scope) as session:
        theirs = session.scalars(select(Study.study_instance_uid).where(Study.id == other)).one()
    file = note(uid, QUALITY, 1).replace(f"{uid}.1.1".encode(), f"{theirs}.1.1".encode()[: len(f"{uid}.1.1")])
    take(parts, case, file)
    work(parts)
    assert numbers(parts, case, theirs) == [1]
