"""A receiver on a free port, with one known source."""

import gc
import threading
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from app.services.sources import NewSource, add_source
from app.services.unit_of_work import Scope, unit_of_work
from tests import factories


@dataclass(frozen=True)
class Site:
    """A running receiver, and whose source it knows."""

    parts: object
    hospital: UUID
    source: UUID
    port: int


@pytest.fixture
def settings(settings):
    return replace(settings, dimse_host="127.0.0.1", dimse_port=0)


@pytest.fixture
def site(parts):
    from app.dimse.scp import Receiver

    hospital = factories.make_hospital(parts)
    new = NewSource(
        called_ae_title="FILMPASS",
        calling_ae_title="PACS1",
        network="127.0.0.0/8",
        default_issuer="YZ1",
        replace_policy="keep-newest",
    )
    with unit_of_work(parts, Scope(hospital=hospital, name="FILMPASS")) as session:
        source = add_source(session, parts, hospital, new)
    receiver = Receiver(parts)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    yield Site(parts, hospital, source, receiver.port)
    receiver.stop()
    thread.join()


@pytest.fixture
def collected():
    """Let what pynetdicom leaves to the garbage collector go with the test that left it."""
    yield
    gc.collect()
