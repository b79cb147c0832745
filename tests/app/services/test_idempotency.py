"""Answers kept under a client's key."""

import dataclasses

import pytest

from app.core.crypto import KeyFiles
from app.core.errors import Conflict
from app.core.identifiers import digest_of
from app.services import api_keys, idempotency
from app.services.idempotency import Kept
from app.services.unit_of_work import Scope, unit_of_work
from tests import factories

ANSWER = Kept(201, '{"id":"1"}')


@pytest.fixture
def case(parts):
    hospital = factories.make_hospital(parts)
    digest = digest_of(factories.make_api_key(parts, hospital))
    return parts, api_keys.living_key(parts, digest, "").client


def ask(parts, client, request, *, key="one", act=True):
    with unit_of_work(parts, Scope(hospital=client.hospital_id)) as session:
        kept = idempotency.reserve(session, parts, client, key, request)
        if kept is None and act:
            idempotency.keep(session, client, key, ANSWER)
        return kept


def test_the_same_request_gets_the_kept_answer(case):
    assert ask(*case, b"PUT /a") is None
    assert ask(*case, b"PUT /a") == ANSWER


def test_another_request_under_the_same_key_is_refused(case):
    ask(*case, b"PUT /a")
    with pytest.raises(Conflict):
        ask(*case, b"PUT /b")


def test_an_act_that_failed_leaves_its_key_free(case):
    parts, client = case
    with pytest.raises(RuntimeError), unit_of_work(parts, Scope(hospital=client.hospital_id)) as session:
        idempotency.reserve(session, parts, client, "one", b"PUT /a")
        raise RuntimeError
    assert ask(*case, b"PUT /b") is None


def test_a_new_index_key_does_not_make_a_repeated_request_another_one(case):
    parts, client = case
    ask(parts, client, b"PUT /a")
    folder = parts.settings.keys_folder
    (old,) = folder.glob("index-*")
    newer = folder / "index-ffffffff"
    newer.write_bytes(next(folder.glob("root-*")).read_bytes())
    rotated = dataclasses.replace(parts, keys=KeyFiles(folder))
    assert rotated.keys.current("index").key_id == "ffffffff"
    assert old.exists()
    assert ask(rotated, client, b"PUT /a") == ANSWER
