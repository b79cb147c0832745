"""Identifiers: typed UIDs with one parser, UUIDv7 for our own rows, tokens and their digests."""

import hashlib
import os
import re
import secrets
import time
from typing import NewType
from uuid import UUID

from app.core.errors import BadRequest

StudyInstanceUid = NewType("StudyInstanceUid", str)
SeriesInstanceUid = NewType("SeriesInstanceUid", str)
SopInstanceUid = NewType("SopInstanceUid", str)
SopClassUid = NewType("SopClassUid", str)
TransferSyntaxUid = NewType("TransferSyntaxUid", str)
Token = NewType("Token", str)
Digest = NewType("Digest", bytes)

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class InvalidUid(BadRequest):
    """Text that is no DICOM UID."""

    code = "invalid-uid"
    title = "This is no DICOM UID"


def parse_uid(text: str) -> str:
    """Return `text` as a DICOM UID; the only maker of one from what a stranger sent.

    Parameters
    ----------
    text : str
        Digits and dots, at most 64 characters; trailing padding (NUL, blank) is dropped. Leading zeros in a component
        are tolerated, since published files carry them.

    Raises
    ------
    InvalidUid
        Anything else: empty, too long, letters, path characters, empty components.

    References
    ----------
    DICOM PS3.5 section 9.1.
    """
    uid = text.rstrip("\0 ")
    if len(uid) > 64 or not _UID.fullmatch(uid):
        raise InvalidUid("A UID has digits and dots only, and at most 64 characters (PS3.5 9.1).")
    return uid


def new_id() -> UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, then random (RFC 9562 section 5.7). Never a secret."""
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))


def random_id() -> UUID:
    """Return a UUIDv4 for names of stored objects, which say nothing about when or what."""
    return UUID(bytes=os.urandom(16), version=4)


def new_token() -> Token:
    """Return 128 random bits as 22 base64url characters."""
    return Token(secrets.token_urlsafe(16))


def parse_token(text: str) -> Token | None:
    """Return `text` as a token when it has the shape of one, else None."""
    return Token(text) if _TOKEN.fullmatch(text) else None


def digest_of(token: str) -> Digest:
    """Return the SHA-256 of a token: what is stored and looked up in its place."""
    return Digest(hashlib.sha256(token.encode()).digest())
