"""One instance back: bit for bit, in the form that was asked for, recorded before it leaves."""

from email import message_from_bytes

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import select

from app.access import policy
from app.models.audit import AuditEvent
from app.services import scoping
from app.services.unit_of_work import Scope, reading
from tests.factories import slice_file

STUDY = "1.2.826.2.1"
FILE = slice_file(STUDY, 1, "P-1", "A-1")
ADDRESS = (STUDY, f"{STUDY}.1", f"{STUDY}.1.1")


@pytest.fixture
def stored(pacs):
    assert pacs.stow(FILE).status_code == 200
    return pacs


def reads(pacs) -> list[AuditEvent]:
    with reading(pacs.parts, Scope(hospital=pacs.hospital)) as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.action == "instance.read")))


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "multipart/related",
        'multipart/related; type="application/dicom"',
        "multipart/related; type=application/dicom; transfer-syntax=*",
        f'multipart/related; type="application/dicom"; transfer-syntax={ExplicitVRLittleEndian}',
        "image/jpeg, multipart/*;q=0.1",
    ],
)
def test_an_instance_comes_back_bit_for_bit_in_one_part(stored, accept):
    answer = stored.retrieve(*ADDRESS, accept=accept)
    assert answer.status_code == 200
    assert answer.content_length == len(answer.data)
    message = message_from_bytes(
        b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.data
    )
    (part,) = message.get_payload()
    assert message.get_param("type") == "application/dicom"
    assert part["Content-Type"] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    study, series, uid = ADDRESS
    root = "https://films.example/h/yz1/dicom-web"  # whatever host the request names
    assert part["Content-Location"] == f"{root}/studies/{study}/series/{series}/instances/{uid}"
    assert FILE in answer.data


@pytest.mark.parametrize(
    "accept",
    [
        "application/dicom",
        "application/dicom; transfer-syntax=*",
        "image/png, application/dicom;q=0.3",
        "application/*",
    ],
)
def test_the_file_alone_is_given_when_it_is_asked_for(stored, accept):
    answer = stored.retrieve(*ADDRESS, accept=accept)
    assert answer.data == FILE
    assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "accept",
    [
        "image/jpeg",
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90",
        'multipart/related; type="application/octet-stream"',
        "application/dicom;q=0",
        "application/dicom+json",
    ],
)
def test_what_cannot_be_given_is_406_and_not_recorded(stored, accept):
    answer = stored.retrieve(*ADDRESS, accept=accept)
    assert answer.status_code == 406
    assert ExplicitVRLittleEndian in answer.json["detail"]
    assert reads(stored) == []


def test_a_read_is_recorded_with_who_and_which_study(stored):
    stored.retrieve(*ADDRESS)
    (event,) = reads(stored)
    assert event.actor.startswith("api-key:")
    assert event.resource.startswith("study:")


def test_a_read_that_cannot_be_recorded_gives_nothing(stored, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("the audit cannot be written")

    monkeypatch.setattr(scoping, "record", fail)
    answer = stored.retrieve(*ADDRESS)
    assert answer.status_code == 500
    assert FILE not in answer.data


@pytest.mark.both_databases
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_an_address_that_names_nothing_is_404(stored, wrong):
    address = list(ADDRESS)
    address[wrong] += ".9"
    assert stored.retrieve(*address).status_code == 404


def test_another_hospitals_instance_looks_exactly_like_none(stored, make_pacs):
    theirs = make_pacs("yz2")
    other, none = theirs.retrieve(*ADDRESS), theirs.retrieve("1.2.3", "1.2.3", "1.2.3")
    assert other.status_code == none.status_code == 404
    for name in ("type", "title", "status", "code"):
        assert other.json[name] == none.json[name]
    theirs.code = "yz1"
    assert theirs.retrieve(*ADDRESS).status_code == 404
    assert reads(stored) == []


def test_what_policy_refuses_looks_like_none(stored, monkeypatch):
    no = policy.Decision(allowed=False, reason="tests")
    monkeypatch.setattr(scoping, "decide", lambda *_args, **_kwargs: no)
    assert stored.retrieve(*ADDRESS).status_code == 404
    assert reads(stored) == []


def test_a_uid_that_is_none_is_refused(stored):
    assert stored.retrieve("..%2Fx", "1.2", "1.2").status_code in {400, 404}


def test_an_object_that_was_tampered_with_is_an_error_and_never_bytes(stored, settings):
    (pack,) = [path for path in settings.data_folder.rglob("*") if path.is_file()]
    data = bytearray(pack.read_bytes())
    data[100] ^= 1
    pack.write_bytes(data)
    answer = stored.retrieve(*ADDRESS, accept="application/dicom")
    assert answer.status_code == 500
    assert answer.json["code"] == "internal"
    assert reads(stored) == []
