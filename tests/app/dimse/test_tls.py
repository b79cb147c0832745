"""The receiver under TLS: who shows which certificate is let in as whom."""

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context
from sqlalchemy import func, select

from app.core.errors import Conflict
from app.dimse import upper_layer
from app.dimse.scp import Receiver
from app.models.imaging import Instance
from app.services.sources import change_source
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.app.dimse import certificates
from tests.app.dimse.certificates import authority, caller, signed
from tests.app.dimse.requester import ask, leaving_sockets, listening, named, report_all
from tests.app.dimse.senders import association, instance


@dataclass(frozen=True)
class Guarded:
    """A receiver under TLS beside the one in clear, and the authority of its peers."""

    clear: object
    parts: object
    hospital: object
    source: object
    port: int
    authority: certificates.Certificate


@pytest.fixture
def guarded(site, tmp_path):
    ours = authority(tmp_path, "ours")
    receiver_certificate = signed(ours, "receiver")
    settings = replace(
        site.parts.settings, dimse_tls_port=0, dimse_tls_certificate=receiver_certificate.certificate,
        dimse_tls_key=receiver_certificate.key, dimse_tls_authorities=ours.certificate,
    )  # fmt: skip
    parts = replace(site.parts, settings=settings)
    receiver = Receiver(parts, tls=True)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    yield Guarded(site, parts, site.hospital, site.source, receiver.port, ours)
    receiver.stop()
    thread.join()


@contextmanager
def under_tls(guarded, context: ssl.SSLContext):
    ae = AE("PACS1")
    proposed = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
    made = ae.associate(
        "127.0.0.1", guarded.port, contexts=proposed, ae_title="FILMPASS", tls_args=(context, "127.0.0.1")
    )
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def bind(guarded, fingerprint: str) -> None:
    with unit_of_work(guarded.parts, Scope(hospital=guarded.hospital)) as session:
        change_source(
            session, guarded.parts, guarded.hospital, guarded.source, report_to=None, certificate=fingerprint
        )  # fmt: skip


def count(guarded) -> int:
    with reading(guarded.parts, Scope(hospital=guarded.hospital)) as session:
        return session.scalar(select(func.count()).select_from(Instance))


def test_a_source_with_a_certificate_of_our_authority_is_let_in(guarded):
    with under_tls(guarded, caller(guarded.authority, signed(guarded.authority, "pacs"))) as made:
        assert [made.send_c_store(instance(number)).Status for number in (1, 2)] == [0, 0]
    assert count(guarded) == 2


@leaving_sockets
@pytest.mark.parametrize("shown", ["nothing", "of a stranger", "ended"])
def test_whoever_shows_no_valid_certificate_is_not_even_heard(guarded, tmp_path, shown):
    (tmp_path / "stranger").mkdir()
    own = {
        "nothing": lambda: None,
        "of a stranger": lambda: signed(authority(tmp_path / "stranger", "theirs"), "pacs"),
        "ended": lambda: signed(guarded.authority, "pacs", days=-1),
    }[shown]()
    with under_tls(guarded, caller(guarded.authority, own)) as made:
        assert not made.is_established
        assert not made.is_rejected
    assert count(guarded) == 0


@pytest.mark.both_databases
def test_a_source_is_bound_to_its_certificate(guarded):
    own, other = signed(guarded.authority, "own"), signed(guarded.authority, "other")
    bind(guarded, own.fingerprint)
    with under_tls(guarded, caller(guarded.authority, own)) as made:
        assert made.send_c_store(instance()).Status == 0x0000
    with under_tls(guarded, caller(guarded.authority, other)) as made:
        assert made.is_rejected
        assert made.acceptor.primitive.diagnostic == upper_layer.CALLING_UNKNOWN.reason
    with association(guarded.clear) as made:
        assert made.is_rejected
    bind(guarded, "")
    with association(guarded.clear) as made:
        assert made.is_established


def test_a_source_that_is_bound_anew_is_refused_from_its_next_instance_on(guarded):
    own, next_one = signed(guarded.authority, "own"), signed(guarded.authority, "next")
    with under_tls(guarded, caller(guarded.authority, own)) as made:
        assert made.send_c_store(instance(1)).Status == 0x0000
        bind(guarded, next_one.fingerprint)
        assert made.send_c_store(instance(2)).Status == 0x0124


@leaving_sockets
def test_older_protocols_are_not_spoken(guarded):
    context = caller(guarded.authority, signed(guarded.authority, "pacs"))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA")  # neither authenticated encryption
    with under_tls(guarded, context) as made:
        assert not made.is_established


def test_whoever_speaks_in_clear_or_not_at_all_keeps_nobody_out(guarded, monkeypatch):
    monkeypatch.setattr(upper_layer, "NEGOTIATION_SECONDS", 0.5)
    with (
        socket.create_connection(("127.0.0.1", guarded.port)) as silent,
        socket.create_connection(("127.0.0.1", guarded.port)) as clear,
    ):
        clear.sendall(b"\x01\x00\x00\x00\x00\x10" + bytes(16))
        for peer in (clear, silent):
            peer.settimeout(20)
            with suppress(ConnectionResetError):
                while peer.recv(100):
                    pass
    with under_tls(guarded, caller(guarded.authority, signed(guarded.authority, "pacs"))) as made:
        assert made.send_c_store(instance()).Status == 0x0000


def test_an_idle_association_is_aborted_at_a_stop(guarded, monkeypatch):
    from app.dimse import scp

    monkeypatch.setattr(scp, "FINISH_SECONDS", 0)
    receiver = Receiver(guarded.parts, tls=True)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    own = caller(guarded.authority, signed(guarded.authority, "pacs"))
    with under_tls(replace(guarded, port=receiver.port), own) as made:
        assert made.send_c_store(instance()).Status == 0x0000
        receiver.stop()
        thread.join()
        made.join(20)
        assert made.is_aborted


def test_storescu_of_dcmtk_sends_under_tls(guarded, tmp_path):
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not there; .ci/run brings it")
    own = signed(guarded.authority, "pacs")
    instance().save_as(tmp_path / "one.dcm")
    command = [
        "storescu", "+tls", own.key, own.certificate, "+cf", guarded.authority.certificate, "-aet", "PACS1", "-aec",
        "FILMPASS", "127.0.0.1", str(guarded.port), tmp_path / "one.dcm",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert count(guarded) == 1
    command[command.index(own.key) : command.index(own.key) + 2] = []
    command[command.index("+tls")] = "+tla"
    assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode != 0


@pytest.mark.parametrize("known", [False, True])
def test_a_report_goes_under_tls_to_the_requester_itself_alone(guarded, known):
    own, other = signed(guarded.authority, "own"), signed(guarded.authority, "other")
    if known:
        bind(guarded, own.fingerprint)
    for shown, taken in ((other, 0 if known else 1), (own, 1)):
        with listening(guarded, ssl_context=certificates.listener(guarded.authority, shown)) as requester:
            bind(guarded, "")
            ask(guarded.clear, named(instance()))
            bind(guarded, own.fingerprint if known else "")
            report_all(guarded.parts)
        assert len(requester.reports) == taken


def test_a_receiver_without_a_usable_certificate_does_not_start(site, tmp_path):
    with pytest.raises(Conflict, match="FILMPASS_DIMSE_TLS_CERTIFICATE"):
        Receiver(site.parts, tls=True)
    (tmp_path / "none").write_text("no certificate")
    broken = dict.fromkeys(("dimse_tls_certificate", "dimse_tls_key", "dimse_tls_authorities"), tmp_path / "none")
    with pytest.raises(Conflict, match="cannot be used"):
        Receiver(replace(site.parts, settings=replace(site.parts.settings, **broken)), tls=True)
