"""The DICOM receiver: one thread an association, admitted by AE titles and network."""

import selectors
import socket
import threading

from sqlalchemy.exc import DBAPIError

from app.core.logs import get_logger
from app.dimse.store import serve
from app.dimse.upper_layer import (
    CALLED_UNKNOWN,
    CALLING_UNKNOWN,
    CONGESTION,
    LIMIT_REACHED,
    Association,
    AssociationEnded,
)
from app.services import sources
from app.services.parts import Parts
from app.services.sources import Source
from app.services.unit_of_work import Scope, reading

_BACKLOG = 128
_log = get_logger("scp")


class Receiver:
    """Listens from construction on; `run` serves until `stop`, which any thread or signal handler may call."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._parts = parts
        self._listener = socket.create_server(
            (settings.dimse_host, settings.dimse_port),
            family=socket.AF_INET6 if ":" in settings.dimse_host else socket.AF_INET,
            backlog=_BACKLOG,
        )
        self._wake, self._woken = socket.socketpair()
        self._stopping = False
        self._running: dict[threading.Thread, Association] = {}
        self._asking: dict[threading.Thread, str] = {}  # the addresses of those that are not accepted yet
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        port: int = self._listener.getsockname()[1]
        return port

    def run(self) -> None:
        """Serve until stopped: then no new association, and each running one ends after its message."""
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                if any(key.fileobj is self._listener for key, _ in selector.select()):
                    self._admit()
        with self._lock:
            running = dict(self._running)
        for association in running.values():
            association.stop()
        for thread in running:
            thread.join()
        self._wake.close()
        self._woken.close()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self._wake.send(b".")

    def _admit(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError:  # the peer gave up already, or descriptors ran out
            _log.warning("a connection could not be accepted")
            return
        limit = self._parts.settings.dimse_max_associations
        with self._lock:
            asking = list(self._asking.values())
            if len(asking) >= 2 * limit or asking.count(address[0]) >= limit:  # too many even to tell each why
                connection.close()
                return
            association = Association(connection)
            thread = threading.Thread(target=self._serve, args=(connection, association, address[0]))
            self._running[thread], self._asking[thread] = association, address[0]
        thread.start()

    def _serve(self, connection: socket.socket, association: Association, address: str) -> None:
        try:
            with connection:
                called, calling = association.read_request()
                source = self._source(association, called, calling, address)
                self._take_place(association)
                association.accept()
                _log.info("association accepted", source=str(source.id))
                serve(self._parts, association, source)
        except AssociationEnded as end:
            _log.warning("association ended", why=str(end), peer=address)
        except Exception as error:  # noqa: BLE001  one association must not end the receiver
            _log.error("association failed", error=type(error).__name__, exc_info=error)
        finally:
            with self._lock:
                del self._running[threading.current_thread()]
                self._asking.pop(threading.current_thread(), None)

    def _take_place(self, association: Association) -> None:
        """Take one of the places, or reject the association; strangers, who never come here, take none."""
        with self._lock:
            full = len(self._running) - len(self._asking) >= self._parts.settings.dimse_max_associations
            if not full:
                del self._asking[threading.current_thread()]
        if full:
            raise association.reject(LIMIT_REACHED)

    def _source(self, association: Association, called: str, calling: str, address: str) -> Source:
        """Return who is calling, or reject the association."""
        try:
            with reading(self._parts, Scope(name=called)) as session:
                found = sources.sources_called(session, called)
        except DBAPIError:
            raise association.reject(CONGESTION) from None
        if not found:
            raise association.reject(CALLED_UNKNOWN)
        for source in found:
            if source.calling_ae_title == calling and source.sends_from(address):
                return source
        raise association.reject(CALLING_UNKNOWN)
