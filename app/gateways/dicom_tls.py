"""TLS between DICOM applications: both sides show certificates that the same authorities signed.

References
----------
DICOM PS3.15 B.9 (BCP 195 TLS Secure Transport Connection Profile); RFC 9325.
"""

import ssl
from pathlib import Path

from app.core.errors import Conflict
from app.core.settings import Settings

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2: forward secrecy and authenticated encryption, nothing else


def accepting(settings: Settings) -> ssl.SSLContext:
    """Return the context of the receiver, which asks every peer for a certificate.

    Raises
    ------
    Conflict
        When no certificate is configured, or a file cannot be used; the sentence says which.
    """
    return _context(ssl.Purpose.CLIENT_AUTH, settings)


def calling(settings: Settings) -> ssl.SSLContext:
    """Return the context of a caller, which shows the receiver's certificate; errors as of `accepting`."""
    return _context(ssl.Purpose.SERVER_AUTH, settings)


def _context(purpose: ssl.Purpose, settings: Settings) -> ssl.SSLContext:
    certificate, key, authorities = _files(settings)
    try:
        context = ssl.create_default_context(purpose, cafile=authorities)
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise Conflict(
            f"The files of FILMPASS_DIMSE_TLS_CERTIFICATE, _KEY and _AUTHORITIES cannot be used:"
            f" {error.strerror or type(error).__name__}."
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_CIPHERS)
    return context


def _files(settings: Settings) -> tuple[Path, Path, Path]:
    if settings.dimse_tls_certificate == Path():
        raise Conflict("No certificate is set for DICOM under TLS: FILMPASS_DIMSE_TLS_CERTIFICATE, _KEY, _AUTHORITIES.")
    return settings.dimse_tls_certificate, settings.dimse_tls_key, settings.dimse_tls_authorities
