"""A load balancer's view of several nodes: connections in turn, and past a node that refuses."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 64 << 10


class Balancer:
    """Passes TCP connections on, whatever is spoken over them."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turn = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Refuse whoever comes, and hang up on the others."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for end in list(self._open):
            _hang_up(end)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            node = self._node()
            if node is None:
                client.close()
                continue
            self._threads.append(threading.Thread(target=self._carry, args=(client, node)))
            self._threads[-1].start()

    def _node(self) -> socket.socket | None:
        first = next(self._turn)
        for number in range(len(self._ports)):
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", self._ports[(first + number) % len(self._ports)]))
        return None

    def _carry(self, client: socket.socket, node: socket.socket) -> None:
        ends = {client, node}
        self._open |= ends
        with client, node:
            back = threading.Thread(target=self._pass_on, args=(node, client))
            back.start()
            self._pass_on(client, node)
            back.join()
            self._open -= ends

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(_PIECE):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _hang_up(source)
            _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def balancer(ports: list[int]) -> Iterator[Balancer]:
    """Run a balancer."""
    made = Balancer(ports)
    try:
        yield made
    finally:
        made.close()
