"""No test reaches another machine: only the loopback and Unix sockets answer."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine. Not an OSError, so that no retry swallows it."""


def _is_local(host: object) -> bool:
    if host in {None, "", "localhost"}:
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
        return address.is_loopback or address.is_unspecified
    return False


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]  # sendto takes it last, after data and perhaps flags
        if self.family != socket.AF_UNIX and not _is_local(address[0]):
            raise NetworkBlocked(f"a test tried to reach {address[0]}")
        return method(self, *arguments)

    return connect


@contextlib.contextmanager
def loopback_only() -> Iterator[None]:
    """Refuse connections and name look-ups that leave this machine, in this process."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **keywords: Any) -> Any:
        if not _is_local(host):
            raise NetworkBlocked(f"a test tried to look up {host}")
        return resolve(host, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield
