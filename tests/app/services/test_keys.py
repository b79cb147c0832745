"""The key hierarchy: what opens what, and what no longer opens."""

import pytest
from sqlalchemy import select, update

from app.core.crypto import KeyProblem
from app.core.errors import NotFound
from app.models.keys import HospitalKey, StudyKey
from app.services import keys
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make


@pytest.fixture(autouse=True)
def nothing_in_memory():
    keys._cache.clear()


@pytest.fixture
def hospital(parts):
    return make.make_hospital(parts)


def seal(parts, hospital, plain="+8613800138000", purpose="contact"):
    with reading(parts, Scope(hospital=hospital)) as session:
        return keys.seal_field(session, parts, hospital, purpose, plain)


def test_a_sealed_field_opens_for_its_purpose_only(parts, hospital):
    sealed = seal(parts, hospital)
    with reading(parts, Scope(hospital=hospital)) as session:
        assert keys.open_field(session, parts, "contact", sealed) == "+8613800138000"
        with pytest.raises(KeyProblem):
            keys.open_field(session, parts, "id-number", sealed)
        with pytest.raises(KeyProblem):
            keys.open_field(session, parts, "contact", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_equal_values_look_different_and_are_found_by_their_index(parts, hospital):
    assert seal(parts, hospital) != seal(parts, hospital)
    index = keys.index_of(parts.keys, "phone", "+8613800138000")
    assert index == keys.index_of(parts.keys, "phone", "+8613800138000")
    assert index[1] != keys.index_of(parts.keys, "id-number", "+8613800138000")[1]
    assert b"13800138000" not in index[1]


def test_a_field_of_one_hospital_does_not_open_under_the_key_of_another(parts, hospital):
    other = make.make_hospital(parts, "yz2")
    sealed, theirs = seal(parts, hospital), seal(parts, other)
    with reading(parts, Scope(hospital=other)) as session, pytest.raises(KeyProblem):
        keys.open_field(session, parts, "contact", theirs[:16] + sealed[16:])


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_scope_of_another_hospital_does_not_reach_the_key(parts, hospital):
    other = make.make_hospital(parts, "yz2")
    sealed = seal(parts, hospital)
    keys._cache.clear()
    with reading(parts, Scope(hospital=other)) as session, pytest.raises(Exception, match="No row"):
        keys.open_field(session, parts, "contact", sealed)


def test_a_new_version_makes_new_fields_and_the_old_ones_still_open(parts, hospital):
    old = seal(parts, hospital)
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        new_id = keys.create_hospital_key(session, parts, hospital, version=2)
    assert seal(parts, hospital)[:16] == new_id.bytes != old[:16]
    with reading(parts, Scope(hospital=hospital)) as session:
        assert keys.open_field(session, parts, "contact", old) == "+8613800138000"


def test_no_key_is_stored_unwrapped(parts, hospital):
    study = make.make_study(parts, hospital)
    with reading(parts, Scope(hospital=hospital)) as session:
        secrets = (keys.hospital_key(session, parts, hospital)[1], keys.study_key(session, parts, study))
        stored = [*session.scalars(select(HospitalKey.wrapped)), *session.scalars(select(StudyKey.wrapped))]
    for secret in secrets:
        assert all(secret not in wrapped for wrapped in stored)


def test_each_study_and_each_object_has_a_key_of_its_own(parts, hospital):
    studies = [make.make_study(parts, hospital) for _ in range(2)]
    with reading(parts, Scope(hospital=hospital)) as session:
        first, second = (keys.study_key(session, parts, study) for study in studies)
    assert first != second
    one, other = make.new_id(), make.new_id()
    made = {
        keys.object_key(first, one, "instance"),
        keys.object_key(first, one, "previews"),
        keys.object_key(first, other, "instance"),
        keys.object_key(second, one, "instance"),
    }
    assert len(made) == 4


def test_a_study_whose_key_was_destroyed_is_not_there(parts, hospital):
    study = make.make_study(parts, hospital)
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        session.execute(update(StudyKey).values(wrapped=None, destroyed_at=parts.clock()))
    keys._cache.clear()
    with reading(parts, Scope(hospital=hospital)) as session, pytest.raises(NotFound):
        keys.study_key(session, parts, study)


def test_a_hospital_that_was_not_enrolled_has_no_key(parts):
    with reading(parts, Scope()) as session, pytest.raises(KeyProblem, match="not enrolled"):
        keys.hospital_key(session, parts, make.new_id())
