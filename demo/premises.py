"""What one running Filmpass holds on this machine: its folder, its ports, its certificate."""

import fcntl
import ipaddress
import os
import secrets
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SOCKET_PATH_LIMIT = 107  # sun_path of unix(7), less its final zero
_LEFTOVERS_SECONDS = 15


class Trouble(Exception):
    """Nothing can be started; the sentence says what to do about it."""


class Premises:
    """The folder that holds everything of one installation, claimed for one supervisor at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.socket = self.folder / "valkey.sock"
        if len(os.fsencode(self.socket)) > _SOCKET_PATH_LIMIT:
            raise Trouble(f"The path {self.folder} is too long for a socket in it. Choose a shorter one: VAR=...")
        for part in (self.folder, self.folder / "secrets", self.folder / "valkey", self.folder / "metrics"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)

    def claim(self) -> int:
        """Take the folder; waits for what a killed supervisor left behind to be gone.

        Returns
        -------
        int
            A file descriptor for every child to inherit: its lock ends with the last process that holds it.

        Raises
        ------
        Trouble
            When another supervisor runs here, or its children do not end.
        """
        own = os.open(self.folder / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(f"Filmpass already runs in {self.folder}. End it first, or choose another VAR=...") from None
        children = os.open(self.folder / "children.lock", os.O_RDWR | os.O_CREAT, 0o600)
        _lock_within(children, _LEFTOVERS_SECONDS)
        for stale in (self.socket, *(self.folder / "metrics").glob("*.db")):
            stale.unlink(missing_ok=True)
        return children

    def secret(self, name: str) -> Path:
        """Return the file of a random secret, made when it is first asked for; mode 0600."""
        path = self.folder / "secrets" / name
        if not path.exists():
            write_private(path, secrets.token_hex(32) + "\n")
        return path

    def certificate(self, address: str) -> tuple[Path, Path]:
        """Return certificate and key (PEM) for this machine and `address`; made anew when old or for another one."""
        certificate, key = self.folder / "secrets" / "tls.crt", self.folder / "secrets" / "tls.key"
        if not (certificate.exists() and key.exists() and _serves(certificate.read_bytes(), address)):
            made_certificate, made_key = _make_certificate(address)
            write_private(key, made_key)
            write_private(certificate, made_certificate)
        return certificate, key


def write_private(path: Path, text: str) -> None:
    """Write a whole file or none of it, readable by its owner only."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _lock_within(descriptor: int, seconds: int) -> None:
    def give_up(*_: object) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except TimeoutError:
        raise Trouble("Processes of the last run have not ended yet. Try again in a moment.") from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_port(host: str, port: int, setting: str) -> None:
    """Raise `Trouble` when somebody else listens there; `setting` is what moves it."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as problem:
            reason = problem.strerror or "not possible"
            raise Trouble(f"Port {port} cannot be used: {reason}. Choose another one: {setting}=...") from None


def lan_address() -> str:
    """Return this machine's address as its network sees it, or the loopback when it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; the address is reserved for documentation (RFC 5737).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _serves(pem: bytes, address: str) -> bool:
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    fresh = certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=7)
    return fresh and ipaddress.ip_address(address) in names.get_values_for_type(x509.IPAddress)


def _make_certificate(address: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Filmpass on this machine")])
    addresses = {ipaddress.ip_address(address), ipaddress.ip_address("127.0.0.1")}
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), *map(x509.IPAddress, sorted(addresses))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
