"""The Store transaction: what a sender is told of each part, whatever it sends."""

from dataclasses import replace
from io import BytesIO

import pytest
from sqlalchemy import func, select, update

from app.factory import create_app
from app.models.imaging import Instance, InstanceVersion, Quarantine, StoredObject, Study
from app.routes.dicomweb import stow
from app.services import ingest_rows, objects
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.app.routes.dicomweb.conftest import TYPE, body_of
from tests.factories import slice_file

STUDY = "1.2.826.1.1"


def file(number: int = 1, study: str = STUDY) -> bytes:
    return slice_file(study, number, "P-1", "A-1")


def count(pacs, table) -> int:
    with reading(pacs.parts, Scope(hospital=pacs.hospital)) as session:
        return session.scalar(select(func.count()).select_from(table))


def uids(answer, sequence: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json[sequence]["Value"]]


def reasons(answer, sequence: str) -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json[sequence]["Value"]]


def test_stored_instances_are_referenced_and_no_failure_is_mentioned(pacs):
    answer = pacs.stow(file(1), file(2))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert uids(answer, "00081199") == [f"{STUDY}.1.1", f"{STUDY}.1.2"]
    assert set(answer.json) == {"00081190", "00081199"}
    url = f"https://films.example/h/yz1/dicom-web/studies/{STUDY}"
    assert answer.json["00081190"] == {"vr": "UR", "Value": [url]}
    first = answer.json["00081199"]["Value"][0]
    assert first["00081190"]["Value"] == [f"{url}/series/{STUDY}.1/instances/{STUDY}.1.1"]


def test_two_studies_in_one_request_have_no_common_url(pacs):
    answer = pacs.stow(file(1), file(1, "1.2.826.1.2"))
    assert answer.status_code == 200
    assert "00081190" not in answer.json


def test_a_repeat_in_the_same_and_in_the_next_request_is_reported_as_stored(pacs):
    for answer in (pacs.stow(file(), file()), pacs.stow(file())):
        assert answer.status_code == 200
        assert set(uids(answer, "00081199")) == {f"{STUDY}.1.1"}
    assert count(pacs, InstanceVersion) == 1


def test_garbage_among_good_parts_is_listed_and_the_good_ones_are_stored(pacs):
    answer = pacs.stow(file(1), b"no dicom at all" * 20, file(2))
    assert answer.status_code == 202
    assert uids(answer, "00081199") == [f"{STUDY}.1.1", f"{STUDY}.1.2"]
    assert reasons(answer, "0008119A") == [0xC000]
    assert count(pacs, Instance) == 2
    assert count(pacs, Quarantine) == 1


@pytest.mark.parametrize(
    ("limit", "kept"), [("SET_ASIDE_AT_ONCE", 4), ("QUARANTINE_OBJECTS", 2), ("QUARANTINE_BYTES", 3)]
)
def test_what_cannot_be_read_is_kept_up_to_a_limit_and_refused_beyond_it(pacs, monkeypatch, limit, kept):
    monkeypatch.setattr(ingest_rows, limit, 2)
    for number in range(2):
        answer = pacs.stow(*(b"junk %d of %d" % (junk, number) for junk in range(3)), file())
        assert reasons(answer, "0008119A") == [0xC000] * 3
        assert uids(answer, "00081199") == [f"{STUDY}.1.1"]
    assert count(pacs, Quarantine) == kept


def test_what_is_refused_again_and_again_is_set_aside_once_until_it_is_settled(pacs):
    for _ in range(2):
        assert reasons(pacs.stow(b"junk", b"junk", b"other junk"), "0008119A") == [0xC000] * 3
    assert count(pacs, Quarantine) == count(pacs, StoredObject) == 2
    assert sum(path.is_file() for path in pacs.parts.settings.data_folder.rglob("*")) == 2
    with unit_of_work(pacs.parts, Scope(hospital=pacs.hospital)) as session:
        session.execute(update(Quarantine).values(resolved_at=pacs.parts.clock()))
    pacs.stow(b"junk")
    assert count(pacs, Quarantine) == 3


def test_a_body_cut_short_keeps_the_whole_parts_and_sets_the_cut_one_aside(pacs):
    whole = body_of(file(1), file(2))
    answer = pacs.stow(body=whole[:-300])
    assert answer.status_code == 202
    assert uids(answer, "00081199") == [f"{STUDY}.1.1"]
    assert reasons(answer, "00081198" if "00081198" in answer.json else "0008119A") == [0xC000]
    assert count(pacs, Instance) == 1
    with reading(pacs.parts, Scope(hospital=pacs.hospital)) as session:
        row = session.scalars(select(Quarantine)).one()
        kept = objects.reader(session, pacs.parts, pacs.hospital, row.object_id).read()
    assert row.size == len(kept) > 1000
    assert file(2).startswith(kept)


def test_parts_beyond_the_limit_are_answered_as_one_and_those_before_are_stored(pacs, monkeypatch):
    monkeypatch.setattr(stow, "MAX_PARTS", 2)
    answer = pacs.stow(*(file(number) for number in range(1, 6)))
    assert answer.status_code == 202
    assert uids(answer, "00081199") == [f"{STUDY}.1.1", f"{STUDY}.1.2"]
    assert reasons(answer, "0008119A") == [0xA700]
    assert "00081198" not in answer.json
    assert count(pacs, Instance) == 2
    assert pacs.stow(file(3), file(4)).status_code == 200


def test_an_instance_of_another_study_than_the_address_is_refused(pacs):
    answer = pacs.stow(file(1, "1.2.826.1.9"), study=STUDY)
    assert answer.status_code == 409
    assert reasons(answer, "00081198") == [0xA901]
    mixed = pacs.stow(file(1), file(1, "1.2.826.1.9"), study=STUDY)
    assert mixed.status_code == 202
    assert count(pacs, Instance) == 1


@pytest.mark.both_databases
def test_text_with_a_nul_in_it_is_stored_and_matches_nobody(pacs):
    assert pacs.stow(file().replace(b"P-1 ", b"P\0 1")).status_code == 200
    with reading(pacs.parts, Scope(hospital=pacs.hospital)) as session:
        assert session.scalar(select(Study.dicom_patient_id)) == "P\ufffd 1"


@pytest.mark.parametrize("uid", ["../../etc/p", "1.2.3;touch", "1..826.1.11", "1.2.826.1.x"])
def test_a_uid_with_other_characters_in_an_instance_is_refused(pacs, uid):
    assert len(uid) == len(STUDY)
    answer = pacs.stow(file().replace(STUDY.encode(), uid.encode()))
    assert answer.status_code == 400
    assert reasons(answer, "0008119A") == [0xA900]
    assert count(pacs, Instance) == 0


@pytest.mark.parametrize("uid", ["1.2%2F..%2F..%2Fetc", "..%2Fx", "1.2;x", "1" * 65, "1..2"])
def test_a_uid_with_other_characters_in_the_address_is_refused(pacs, uid):
    assert pacs.stow(file(), study=uid).status_code in {400, 404}
    assert count(pacs, Instance) == 0


@pytest.mark.parametrize("body", [b"", b"--xyz--\r\n", b"nothing of the kind", b"--other\r\n\r\nx\r\n--other--\r\n"])
def test_a_body_without_parts_or_with_another_boundary_is_a_bad_request(pacs, body):
    answer = pacs.stow(body=body)
    assert answer.status_code == 400
    assert answer.json["code"] == "bad-request"


def test_a_content_type_without_a_boundary_is_a_bad_request(pacs):
    assert pacs.stow(file(), Content_Type='multipart/related; type="application/dicom"').status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom",
        "multipart/form-data; boundary=xyz",
        'multipart/related; type="application/dicom+xml"; boundary=xyz',
        "",
    ],
)
def test_another_content_type_is_not_taken(pacs, content_type):
    answer = pacs.stow(file(), Content_Type=content_type)
    assert answer.status_code == 415
    assert answer.json["code"] == "unsupported-media-type"


def test_a_client_that_accepts_only_xml_is_told_before_anything_is_stored(pacs):
    assert pacs.stow(file(), Accept="application/dicom+xml").status_code == 406
    assert count(pacs, Instance) == 0


def test_a_body_over_the_limit_is_refused_with_the_limit(pacs):
    settings = replace(pacs.parts.settings, stow_max_body=1000)
    pacs.client = create_app(replace(pacs.parts, settings=settings)).test_client()
    pacs.client.environ_base["wsgi.url_scheme"] = "https"
    answer = pacs.stow(file())
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json["detail"]


def test_a_chunked_body_over_the_limit_is_refused_and_what_was_whole_before_is_kept(pacs):
    limit = len(body_of(file(1))) + 100
    parts = replace(pacs.parts, settings=replace(pacs.parts.settings, stow_max_body=limit))
    environ = {
        "wsgi.url_scheme": "https", "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_AUTHORIZATION": f"Bearer {pacs.key}",
    }  # fmt: skip
    answer = (
        create_app(parts)
        .test_client()
        .post(
            "/h/yz1/dicom-web/studies",
            input_stream=Piecewise(body_of(file(1), file(2)), limit - 50),
            headers={"Content-Type": TYPE.format(boundary="xyz")},
            environ_base=environ,
        )
    )
    assert answer.status_code == 413
    assert count(pacs, Instance) == 1


class Piecewise(BytesIO):
    """Gives its first bytes alone, as a slow sender does."""

    def __init__(self, data: bytes, first: int) -> None:
        super().__init__(data)
        self._first = first

    def read(self, size=-1, /):
        first, self._first = self._first, 0
        return super().read(first or size)


def test_a_full_store_is_503_with_a_time_to_come_back(pacs):
    pacs.parts.store._minimum_free = 1 << 60
    answer = pacs.stow(file())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert reasons(answer, "00081198") == [0xA700]
    pacs.parts.store._minimum_free = 0
    assert pacs.stow(file()).status_code == 200


def test_without_a_key_and_at_another_hospital_nothing_can_be_stored(make_pacs):
    ours, theirs = make_pacs("yz1"), make_pacs("yz2")
    assert ours.stow(file()).status_code == 200
    theirs.code = "yz1"
    assert theirs.stow(file()).status_code == 404
    theirs.key = "fpk_unknown"
    assert theirs.stow(file()).status_code == 401


@pytest.mark.both_databases
def test_the_same_study_uid_at_two_hospitals_is_two_studies(make_pacs):
    ours, theirs = make_pacs("yz1"), make_pacs("yz2")
    assert ours.stow(file(1)).status_code == theirs.stow(file(2)).status_code == 200
    for system, number in ((ours, 1), (theirs, 2)):
        assert system.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.{number}").status_code == 200
        assert system.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.{3 - number}").status_code == 404
    assert theirs.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.1").status_code == 404
