"""The audit tree: the RFC 6962 root, and everything that verification has to find."""

import errno
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, select, text

from app.audit.events import Event
from app.audit.record import Fact, read_detail, record
from app.audit.sealing import Frontier, seal_pending, verify_all
from app.jobs import relay
from app.models.audit import AuditCheckpoint, AuditEvent, AuditLeaf
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests.servers import SUPERUSER

WORKER = Scope(worker=True)


def root_of(leaves):
    """MTH of RFC 6962 section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 70))
def test_the_frontier_gives_the_root_of_rfc_6962_wherever_it_is_put_down_and_taken_up(leaves, cut):
    frontier = Frontier()
    for place, leaf in enumerate(leaves):
        if place == cut:
            frontier = Frontier(frontier.size, frontier.packed())
        frontier.add(hashlib.sha256(b"\x00" + leaf).digest())
    assert frontier.root() == root_of(leaves)
    assert frontier.size == len(leaves)
    assert len(frontier.packed()) == 32 * len(leaves).bit_count()


@pytest.fixture
def hospital(parts):
    return make.make_hospital(parts)


def write(parts, hospital, count=1):
    for number in range(count):
        with unit_of_work(parts, Scope(hospital=hospital)) as session:
            fact = Fact(Event.STUDY_OPENED, "link:1", f"study:{number}", hospital, detail={"n": number})
            record(session, parts.keys, fact, now=parts.clock())


def verdict(parts, heads=None):
    lines = parts.settings.heads_file.read_text().splitlines() if heads is None else heads
    with reading(parts, WORKER) as session:
        return verify_all(session, parts.keys, heads=lines)


def tamper(database, *statements, **values):
    """Change rows as somebody would who owns the database and has taken the triggers away."""
    address = make_url(database.owner_url)
    engine = create_engine(address.set(username=SUPERUSER) if database.is_postgresql else address)
    with engine.begin() as connection:
        for table in ("audit_event", "audit_leaf", "audit_checkpoint"):
            if database.is_postgresql:
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            else:
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        for statement in statements:
            assert connection.execute(text(statement), values).rowcount, statement
    engine.dispose()


@pytest.fixture
def sealed(parts, hospital):
    """Two checkpoints: the enrolment's events and three more, then four."""
    write(parts, hospital, 3)
    relay.seal(parts)
    write(parts, hospital, 4)
    relay.seal(parts)
    assert verdict(parts).problem is None
    return parts


@pytest.mark.both_databases
def test_what_happened_is_sealed_and_holds(sealed):
    found = verdict(sealed)
    assert found.checkpoints == 2
    with reading(sealed, WORKER) as session:
        positions = session.scalars(select(AuditLeaf.position).order_by(AuditLeaf.position)).all()
        events = session.scalars(select(AuditEvent)).all()
    assert positions == list(range(found.events)) == list(range(len(events)))


def test_nothing_new_makes_no_checkpoint(sealed):
    relay.seal(sealed)
    assert verdict(sealed).checkpoints == 2


EVENT_3 = "(SELECT event_id FROM audit_leaf WHERE position = 3)"
CHANGES = {
    "actor": (f"UPDATE audit_event SET actor = 'x' WHERE id = {EVENT_3}", "at position 3 was changed"),
    "outcome": (f"UPDATE audit_event SET outcome = 'denied' WHERE id = {EVENT_3}", "at position 3 was changed"),
    "reason": (f"UPDATE audit_event SET reason = 'x' WHERE id = {EVENT_3}", "at position 3 was changed"),
    "patient": (f"UPDATE audit_event SET patient_id = id WHERE id = {EVENT_3}", "at position 3 was changed"),
    "on behalf of": (f"UPDATE audit_event SET on_behalf_of = 'x' WHERE id = {EVENT_3}", "at position 3 was changed"),
    "salt": (f"UPDATE audit_event SET salt = commitment WHERE id = {EVENT_3}", "detail of event"),
    "detail": (f"UPDATE audit_event SET detail_sealed = salt WHERE id = {EVENT_3}", "detail of event"),
    "event gone": (f"DELETE FROM audit_event WHERE id = {EVENT_3}", "at position 3 is gone"),
    "leaf gone": ("DELETE FROM audit_leaf WHERE position = 3", "position 3 is missing"),
    "leaf hash": ("UPDATE audit_leaf SET leaf_hash = event_id WHERE position = 3", "at position 3 was changed"),
    "signature": (
        "UPDATE audit_checkpoint SET signature = (SELECT min(signature) FROM audit_checkpoint)",
        "wrong signature",
    ),
    "root": ("UPDATE audit_checkpoint SET root = previous_root", "does not fit the events before it"),
    "previous root": ("UPDATE audit_checkpoint SET previous_root = root", "does not fit the events before it"),
    "signing key": ("UPDATE audit_checkpoint SET key_id = 'other'", "names a signing key that is not here"),
    "first checkpoint gone": (
        "DELETE FROM audit_checkpoint WHERE size = (SELECT min(size) FROM audit_checkpoint)",
        "does not fit the events before it",
    ),
}


@pytest.mark.parametrize(("statement", "problem"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_named(sealed, database, statement, problem):
    tamper(database, statement)
    assert problem in verdict(sealed).problem


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", ["actor", "detail", "event gone", "leaf gone", "signature"])
def test_a_change_is_named_on_postgresql_too(sealed, database, kind):
    statement, problem = CHANGES[kind]
    tamper(database, statement)
    assert problem in verdict(sealed).problem


def test_reordered_positions_are_named(sealed, database):
    steps = [f"UPDATE audit_leaf SET position = {to} WHERE position = {old}" for old, to in ((3, -1), (4, 3), (-1, 4))]
    tamper(database, *steps)
    assert "does not fit the events before it" in verdict(sealed).problem


class TestHeadsOutside:
    def cut_back(self, parts, database, to):
        tamper(
            database,
            f"DELETE FROM audit_leaf WHERE position >= {to}",
            f"DELETE FROM audit_checkpoint WHERE size > {to}",
            "DELETE FROM audit_event WHERE id NOT IN (SELECT event_id FROM audit_leaf)",
        )

    def sizes(self, parts):
        return [json.loads(line)["size"] for line in parts.settings.heads_file.read_text().splitlines()]

    def test_a_database_that_was_cut_back_contradicts_its_heads(self, sealed, database):
        first, last = self.sizes(sealed)
        self.cut_back(sealed, database, first)
        assert verdict(sealed, heads=[]).problem is None  # alone it looks whole
        assert verdict(sealed).problem == f"no checkpoint of size {last}, though its head was written out"

    def test_leaves_beyond_the_last_checkpoint_are_named_even_without_heads(self, sealed, database):
        first, last = self.sizes(sealed)
        tamper(database, f"DELETE FROM audit_checkpoint WHERE size = {last}")
        assert verdict(sealed, heads=[]).problem == f"position {first} is beyond the last checkpoint"

    def test_a_history_rewritten_to_the_same_length_contradicts_them_too(self, sealed, database, hospital):
        first, last = self.sizes(sealed)
        self.cut_back(sealed, database, first)
        write(sealed, hospital, last - first)
        relay.seal(sealed)
        assert self.sizes(sealed) == [first, last]
        assert "differs from the head that was written out" in verdict(sealed).problem

    @pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"size": 1}'])
    def test_a_line_that_is_no_head_is_named(self, sealed, line):
        assert "no head" in verdict(sealed, heads=[line]).problem

    def test_a_line_that_was_not_written_to_its_end_is_replaced(self, sealed):
        whole = sealed.settings.heads_file.read_text()
        sealed.settings.heads_file.write_text(whole[:-9])
        relay.seal(sealed)  # nothing happened since
        assert sealed.settings.heads_file.read_text() == whole

    def test_a_head_that_could_not_be_written_is_written_later(self, sealed, hospital, monkeypatch):
        write(sealed, hospital)
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", _no_space)
            with pytest.raises(OSError, match="No space"):
                relay.seal(sealed)
        relay.seal(sealed)
        with reading(sealed, WORKER) as session:
            sizes = session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)).all()
        assert self.sizes(sealed) == sizes

    def test_the_head_and_the_files_name_are_synced(self, sealed, hospital, synced):
        write(sealed, hospital)
        sealed.settings.heads_file.unlink()
        relay.seal(sealed)
        assert synced[:2] == [sealed.settings.heads_file, sealed.settings.heads_file.parent]

    def test_heads_are_for_their_owners_eyes(self, sealed):
        assert sealed.settings.heads_file.stat().st_mode & 0o777 == 0o600


def _no_space(_descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_transaction_that_commits_late_is_sealed_all_the_same(parts, hospital):
    """Its event's id is older than ids that a checkpoint holds already."""
    with unit_of_work(parts, Scope(hospital=hospital)) as late:
        record(late, parts.keys, Fact(Event.STUDY_OPENED, "late", "study:0", hospital), now=parts.clock())
        with ThreadPoolExecutor(1) as other:
            other.submit(_write_and_seal, parts, hospital).result()
    relay.seal(parts)
    with reading(parts, WORKER) as session:
        unsealed = session.scalars(select(AuditEvent.id).where(AuditEvent.id.not_in(select(AuditLeaf.event_id)))).all()
    assert unsealed == []
    assert verdict(parts).problem is None


def _write_and_seal(parts, hospital):
    write(parts, hospital)
    relay.seal(parts)


@pytest.mark.both_databases
def test_two_sealers_at_once_make_one_history(parts, hospital):
    write(parts, hospital, 12)

    def seal(_):
        with unit_of_work(parts, WORKER) as session:
            return seal_pending(session, parts.keys, now=parts.clock(), limit=3)

    with ThreadPoolExecutor(4) as sealers:
        heads = [head for head in sealers.map(seal, range(8)) if head]
    assert sorted(head.size for head in heads) == sorted({head.size for head in heads})
    assert verdict(parts, [head.as_line() for head in heads]).problem is None
    with reading(parts, WORKER) as session:
        sizes = session.scalars(select(AuditCheckpoint.size).order_by(AuditCheckpoint.size)).all()
    assert len(sizes) == len(heads)


def test_a_rolled_back_act_leaves_no_event(parts, hospital):
    before = len(make.events(parts, Event.STUDY_OPENED))
    with pytest.raises(ZeroDivisionError), unit_of_work(parts, Scope(hospital=hospital)) as session:
        record(session, parts.keys, Fact(Event.STUDY_OPENED, "x", "study:0", hospital), now=parts.clock())
        raise ZeroDivisionError
    assert len(make.events(parts, Event.STUDY_OPENED)) == before


@pytest.mark.both_databases
def test_the_detail_is_encrypted_and_bound_to_its_event(parts, hospital, database):
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        fact = Fact(Event.STUDY_OPENED, "x", "study:0", hospital, detail={"name": "王小明"})
        record(session, parts.keys, fact, now=parts.clock())
    (row,) = make.events(parts, Event.STUDY_OPENED)
    assert read_detail(parts.keys, row) == {"name": "王小明"}
    assert "王小明".encode() not in row.detail_sealed
    row.id = make.new_id()
    with pytest.raises(Exception, match="does not open"):
        read_detail(parts.keys, row)
