"""Keys and what is done with them: derive, wrap, seal small values, index blindly, sign, hash short secrets.

The files of the key folder are `root-<id>`, `index-<id>`, `signing-<id>` and `pepper-<id>`: 32 random bytes each, in
base64, mode 0600. The id (eight characters) is stored beside whatever the key made, so keys can be changed one at a
time; of several keys of a kind the newest file name in order is used for new work.

References
----------
NIST SP 800-38D (GCM), RFC 5869 (HKDF), RFC 8032 (Ed25519), RFC 9106 (Argon2).
"""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from app.core.folders import sync_folders_above

KINDS = ("root", "index", "signing", "pepper")
_NONCE = 12


class KeyProblem(Exception):
    """A key is missing or does not open what it should; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Key:
    """32 bytes and the id under which they are known."""

    key_id: str
    secret: bytes

    @override
    def __repr__(self) -> str:
        """Show the id only."""
        return f"Key({self.key_id})"


class KeyFiles:
    """All keys of the folder, by kind and id; the current one of each kind is the last by file time, then name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _keys(self) -> dict[str, dict[str, Key]]:
        """Read at first use: the command that makes the keys runs in an application that has none yet."""
        found: dict[str, dict[str, Key]] = {kind: {} for kind in KINDS}
        for path in sorted(self._folder.glob("*-*"), key=lambda p: (p.stat().st_mtime_ns, p.name)):
            kind, _, key_id = path.name.partition("-")
            if kind in found:
                found[kind][key_id] = Key(key_id, base64.b64decode(path.read_text().strip(), validate=True))
        for kind in KINDS:
            if not found[kind]:
                raise KeyProblem(f"No {kind} key in {self._folder}. Make keys with: flask keys init")
        return found

    def current(self, kind: str) -> Key:
        """Return the key for new work."""
        return list(self._keys[kind].values())[-1]

    def by_id(self, kind: str, key_id: str) -> Key:
        """Return the key that made something stored earlier."""
        try:
            return self._keys[kind][key_id]
        except KeyError:
            raise KeyProblem(f"The {kind} key {key_id} is not in the key folder.") from None


def create_key_files(folder: Path) -> list[str]:
    """Make one key of each kind that has none; returns the names of the new files. Folder 0700, files 0600."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for kind in KINDS:
        if any(folder.glob(f"{kind}-*")):
            continue
        path = folder / f"{kind}-{secrets.token_hex(4)}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        made.append(path.name)
    sync_folders_above(folder / "*")
    return made


def derive(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes by HKDF-SHA256, bound to `purpose`."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Encrypt a small value: random nonce (12 bytes), AES-256-GCM with `context` as associated data."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Undo `seal`.

    Raises
    ------
    KeyProblem
        When key, context or bytes do not belong together.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
    except InvalidTag:
        raise KeyProblem("A sealed value does not open: wrong key, wrong place or changed bytes.") from None


def blind_index(key: Key, purpose: str, value: str) -> bytes:
    """Return HMAC-SHA256 of a value, so that equal values can be found without being readable."""
    return hmac.new(derive(key.secret, f"blind-index:{purpose}"), value.encode(), hashlib.sha256).digest()


def sign(key: Key, message: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes) of a message."""
    return Ed25519PrivateKey.from_private_bytes(key.secret).sign(message)


def verify(key: Key, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` was made by this key over this message."""
    public: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(key.secret).public_key()
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


# 19 MiB and 2 passes is the first recommended setting of RFC 9106's successors for servers; about 20 ms a guess.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def hash_short_secret(pepper: Key, secret: str) -> str:
    """Return `<pepper id>:<argon2id hash>` of a short secret, peppered."""
    peppered = hmac.new(pepper.secret, secret.encode(), hashlib.sha256).hexdigest()
    return f"{pepper.key_id}:{_HASHER.hash(peppered)}"


def short_secret_matches(keys: KeyFiles, stored: str, secret: str) -> bool:
    """Compare a short secret with its stored hash, in constant time for the comparison itself."""
    key_id, _, hashed = stored.partition(":")
    pepper = keys.by_id("pepper", key_id)
    peppered = hmac.new(pepper.secret, secret.encode(), hashlib.sha256).hexdigest()
    try:
        return _HASHER.verify(hashed, peppered)
    except VerificationError:
        return False
