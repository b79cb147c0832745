"""Authorities and the certificates that they sign, for applications that speak DICOM under TLS."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, as files."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """As `openssl x509 -fingerprint -sha256` writes it."""
        return self.read().fingerprint(hashes.SHA256()).hex(":").upper()

    def read(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def read_key(self) -> ec.EllipticCurvePrivateKey:
        return serialization.load_pem_private_key(self.key.read_bytes(), None)


def authority(folder: Path, name: str) -> Certificate:
    return _written(folder, name, None, days=2)


def signed(by: Certificate, name: str, *, days: int = 1) -> Certificate:
    """A certificate for this machine that ends in so many days; a negative number has ended."""
    return _written(by.certificate.parent, name, by, days=days)


def caller(authority: Certificate, own: Certificate | None) -> ssl.SSLContext:
    """The context of a peer that trusts an authority, with a certificate of its own or none."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


def listener(authority: Certificate, own: Certificate) -> ssl.SSLContext:
    """The context of a peer that is called, and asks for a certificate as well."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(own.certificate, own.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _written(folder: Path, name: str, by: Certificate | None, *, days: int) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + days * _DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.read().subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 5 * _DAY)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    made = builder.sign(by.read_key() if by else key, hashes.SHA256())
    written = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    written.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    written.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )  # fmt: skip
    return written
