"""The DICOM receiver: one thread an association, admitted by AE titles, network and, under TLS, certificate."""

import selectors
import socket
import ssl
import threading
import time

from sqlalchemy.exc import DBAPIError

from app.core.logs import get_logger
from app.core.settings import Settings
from app.dimse.store import serve
from app.dimse.upper_layer import (
    CALLED_UNKNOWN,
    CALLING_UNKNOWN,
    CONGESTION,
    LIMIT_REACHED,
    Association,
    AssociationEnded,
)
from app.gateways import dicom_tls
from app.services import sources
from app.services.parts import Parts
from app.services.sources import Source
from app.services.unit_of_work import Scope, reading

FINISH_SECONDS = 20
"""How long associations may go on to their own end once a receiver is asked to stop."""

_BACKLOG = 128
_log = get_logger("scp")


def _listener(settings: Settings, *, tls: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.dimse_host else socket.AF_INET
    port = settings.dimse_tls_port if tls else settings.dimse_port
    return socket.create_server((settings.dimse_host, port), family=family, backlog=_BACKLOG)


class Receiver:
    """Listens from construction on; `run` serves until `stop`, which any thread or signal handler may call.

    With a descriptor it listens on that socket, which receivers may share and which outlives each of them. With `tls`
    all of its associations are under TLS, and each peer must show a certificate.
    """

    def __init__(self, parts: Parts, descriptor: int | None = None, *, tls: bool = False) -> None:
        self._parts = parts
        self._tls = dicom_tls.accepting(parts.settings) if tls else None
        self._listener = _listener(parts.settings, tls=tls) if descriptor is None else socket.socket(fileno=descriptor)
        self._listener.settimeout(0)  # another receiver may take the connection that woke both
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
        """Serve until stopped; then whoever is connected may finish, for a while, and then the message in hand."""
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                if any(key.fileobj is self._listener for key, _ in selector.select()):
                    self._admit()
            while self._admit():  # they are connected, and would be reset
                pass
        self._finish()
        self._wake.close()
        self._woken.close()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self._wake.send(b".")

    def _finish(self) -> None:
        deadline = time.monotonic() + FINISH_SECONDS
        with self._lock:
            running = dict(self._running)
        for thread in running:
            thread.join(max(deadline - time.monotonic(), 0))
        for association in running.values():
            association.stop()
        for thread in running:
            thread.join()

    def _admit(self) -> bool:
        """Take the next connection; returns whether there was one."""
        try:
            connection, address = self._listener.accept()
            if self._tls is not None:
                connection = self._under_tls(self._tls, connection)
        except BlockingIOError:
            return False
        except OSError:  # the peer gave up already, or descriptors ran out
            _log.warning("a connection could not be accepted")
            return False
        limit = self._parts.settings.dimse_max_associations
        with self._lock:
            asking = list(self._asking.values())
            if len(asking) >= 2 * limit or asking.count(address[0]) >= limit:  # too many even to tell each why
                connection.close()
                return True
            association = Association(connection)
            thread = threading.Thread(target=self._serve, args=(connection, association, address[0]))
            self._running[thread], self._asking[thread] = association, address[0]
        thread.start()
        return True

    @staticmethod
    def _under_tls(context: ssl.SSLContext, connection: socket.socket) -> socket.socket:
        """Wrap a connection; the handshake is for its own thread, since a peer may take its time over it."""
        with connection:  # an open one moves into what wraps it; one that cannot be wrapped is closed
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def _serve(self, connection: socket.socket, association: Association, address: str) -> None:
        try:
            with connection:
                certificate = association.peer_certificate()
                called, calling = association.read_request()
                source = self._source(association, called, calling, address, certificate)
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

    def _source(
        self, association: Association, called: str, calling: str, address: str, certificate: bytes | None
    ) -> Source:
        """Return who is calling, or reject the association."""
        try:
            with reading(self._parts, Scope(name=called)) as session:
                found = sources.sources_called(session, called)
        except DBAPIError:
            raise association.reject(CONGESTION) from None
        if not found:
            raise association.reject(CALLED_UNKNOWN)
        for source in found:
            if source.calling_ae_title == calling and source.sends_from(address) and source.shows(certificate):
                return source
        raise association.reject(CALLING_UNKNOWN)
