"""The guard round the tests holds, and lets local servers through."""

import socket

import pytest
import requests

from tests.network import NetworkBlocked


def test_other_machines_cannot_be_reached():
    with socket.socket() as client, pytest.raises(NetworkBlocked):
        client.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(NetworkBlocked):
        client.sendto(b"", ("192.0.2.1", 53))


def test_names_of_other_machines_are_not_looked_up():
    with pytest.raises(NetworkBlocked):
        requests.get("https://films.example", timeout=1)


def test_loopback_answers():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
