"""The only commit in the system: one act, one transaction, with the row-security context set inside it.

On PostgreSQL every statement runs under a context (`Scope`); without one no row is visible. `set_config(..., true)`
ends with the transaction, so a pooled connection carries nothing into the next. On SQLite a writer starts with BEGIN
IMMEDIATE (see app/factory.py) and the scope only documents intent.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.services.parts import Parts

_open: ContextVar[bool] = ContextVar("unit_of_work_open", default=False)
_turn = threading.Lock()
_SET = text(
    "SELECT set_config('filmpass.hospital', :hospital, true), set_config('filmpass.digest', :digest, true),"
    " set_config('filmpass.name', :name, true), set_config('filmpass.attempt', :attempt, true),"
    " set_config('filmpass.worker', :worker, true), set_config('transaction_read_only', :readonly, true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a transaction may see.

    Parameters
    ----------
    hospital : uuid.UUID, optional
        All rows of one hospital.
    digest : bytes, optional
        The one key, token or session row that has this digest.
    name : str, optional
        The one hospital with this code, or the imaging sources with this called AE title.
    attempt : uuid.UUID, optional
        The one delivery attempt with this id.
    worker : bool
        Work owed, audit events to be sealed, and the list of hospitals; no row about a patient.
    """

    hospital: UUID | None = None
    digest: bytes | None = None
    name: str | None = None
    attempt: UUID | None = None
    worker: bool = False


class NestedUnitOfWork(RuntimeError):
    """A unit of work was opened inside another: two acts would share one fate, or one would deadlock on the other."""


@contextmanager
def unit_of_work(parts: Parts, scope: Scope) -> Iterator[Session]:
    """Open a transaction; commit on clean exit, roll back on any exception, then ring what became owed."""
    session = Session(parts.engine, expire_on_commit=False)
    with _not_nested(), _in_turn(parts):
        try:
            _enter(session, scope)
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.close()
    topics: set[str] = session.info.pop("topics", set())
    if topics:
        parts.bell.ring(topics)


@contextmanager
def reading(parts: Parts, scope: Scope) -> Iterator[Session]:
    """Open a transaction that only reads; nothing is flushed or kept. It may stand inside a unit of work."""
    session = Session(parts.engine)
    try:
        connection = session.connection(execution_options={"filmpass_readonly": True})
        _enter(session, scope, readonly=True)
        yield session
        _leave(connection)
    finally:
        session.close()  # rolls back, and what was read stays readable


@contextmanager
def looking(parts: Parts, scope: Scope) -> Iterator[Connection]:
    """Open a connection for one prepared statement that reads: the hot path, without the ORM and its transaction."""
    with parts.engine.connect().execution_options(filmpass_readonly=True) as connection:
        _enter(connection, scope, readonly=True)
        yield connection
        _leave(connection)


@contextmanager
def _in_turn(parts: Parts) -> Iterator[None]:
    """Let threads and processes of a host write to SQLite one after another: it knows no queue, and wakes nobody.

    Who finds its database locked sleeps and looks again, up to a tenth of a second later. Whoever comes without a turn
    still waits that way.
    """
    database = parts.engine.url.database
    if parts.engine.dialect.name != "sqlite" or not database:
        yield
        return
    with _turn:
        # The folder, since closing any descriptor of the file would drop SQLite's own locks on it.
        folder = os.open(Path(database).parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


@contextmanager
def _not_nested() -> Iterator[None]:
    if _open.get():
        raise NestedUnitOfWork("A unit of work is already open here.")
    mark = _open.set(True)
    try:
        yield
    finally:
        _open.reset(mark)


def _leave(connection: Connection) -> None:
    """End a read. psycopg forgets its prepared statements at a ROLLBACK, and planning anew costs more than reading."""
    if connection.dialect.name == "postgresql":
        connection.connection.commit()


def _enter(session: Session | Connection, scope: Scope, *, readonly: bool = False) -> None:
    connection = session if isinstance(session, Connection) else session.get_bind()
    if connection.dialect.name != "postgresql":
        return
    session.execute(
        _SET,
        {
            "hospital": str(scope.hospital or ""),
            "digest": scope.digest.hex() if scope.digest else "",
            "name": scope.name or "",
            "attempt": str(scope.attempt or ""),
            "worker": "on" if scope.worker else "",
            "readonly": "on" if readonly else "off",
        },
    )
