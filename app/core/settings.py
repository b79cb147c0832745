"""Configuration, read once from the environment into one frozen value. Every name stands in docs/settings.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?")


class SettingsError(Exception):
    """The configuration cannot be used; the sentence says which setting and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation chooses. `FILMPASS_` and the upper-case field name is the environment variable."""

    database_url: str
    keys_folder: Path
    public_url: str
    data_folder: Path = Path()
    database_owner_url: str = ""
    redis_url: str = ""
    heads_file: Path = Path()
    object_store: str = ""
    s3_endpoint_url: str = ""
    dimse_host: str = "0.0.0.0"  # noqa: S104  modalities reach the receiver over the hospital's network
    dimse_port: int = 11112
    dimse_tls_port: int = 2762
    dimse_tls_certificate: Path = Path()
    dimse_tls_key: Path = Path()
    dimse_tls_authorities: Path = Path()
    dimse_max_instance: int = 1 << 30
    dimse_max_associations: int = 16
    stow_max_body: int = 0
    settle_seconds: int = 60
    minimum_free_bytes: int = 256 << 20
    decode_workers: int = 2
    decode_memory_bytes: int = 1536 << 20
    decode_seconds: int = 30
    twilio_account_sid: str = ""
    twilio_auth_token_file: Path = Path()
    twilio_messaging_service_sid: str = ""
    twilio_from: str = ""
    twilio_base_url: str = ""
    twilio_timeout_seconds: int = 5
    twilio_obfuscate_addresses: bool = True
    trusted_proxies: int = 0
    log_format: str = "json"

    @property
    def https(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every `FILMPASS_*` variable.

        Raises
        ------
        SettingsError
            When a needed one is missing, has the wrong shape, or the public address is plain HTTP off the loopback.
        """
        values: dict[str, object] = {}
        for field in fields(cls):
            name = f"FILMPASS_{field.name.upper()}"
            if name in environ:
                values[field.name] = _convert(name, str(field.type), environ[name])
            elif field.name in {"database_url", "keys_folder", "public_url"}:
                raise SettingsError(f"{name} is not set. docs/settings.md says what it needs.")
        unknown = {n for n in environ if n.startswith("FILMPASS_")} - {
            f"FILMPASS_{f.name.upper()}" for f in fields(cls)
        }
        unknown = {
            n for n in unknown if not n.startswith(("FILMPASS_TEST_", "FILMPASS_SHARED", "FILMPASS_AXE", "FILMPASS_CI"))
        }
        if unknown:
            raise SettingsError(f"Unknown setting {min(unknown)}. docs/settings.md lists all names.")
        settings = cls(**values)  # type: ignore[arg-type]  # each was converted by its field's declared type
        settings.validate()
        return settings

    def validate(self) -> None:
        """Refuse what would be unsafe to run with."""
        url = urlsplit(self.public_url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.path not in {"", "/"}:
            raise SettingsError("FILMPASS_PUBLIC_URL needs the form https://host, without a path.")
        if url.scheme == "http" and not _loopback(url.hostname):
            raise SettingsError("FILMPASS_PUBLIC_URL may be plain http only on the loopback; use https.")
        if not self.object_store and self.data_folder == Path():
            raise SettingsError("FILMPASS_DATA_FOLDER is not set, nor FILMPASS_OBJECT_STORE in its place.")
        if self.object_store and not _BUCKET.fullmatch(self.object_store):
            raise SettingsError("FILMPASS_OBJECT_STORE needs the form s3://bucket or s3://bucket/prefix.")
        if self.object_store and self.database_url.startswith("sqlite"):
            raise SettingsError(
                "FILMPASS_OBJECT_STORE is for several hosts, and SQLite for one: use PostgreSQL with it."
            )
        tls = {self.dimse_tls_certificate, self.dimse_tls_key, self.dimse_tls_authorities}
        if Path() in tls and tls != {Path()}:
            raise SettingsError("FILMPASS_DIMSE_TLS_CERTIFICATE, _KEY and _AUTHORITIES go together: set all or none.")
        if self.log_format not in {"json", "plain"}:
            raise SettingsError("FILMPASS_LOG_FORMAT is json or plain.")
        if self.twilio_account_sid and not (self.twilio_messaging_service_sid or self.twilio_from):
            raise SettingsError("Set FILMPASS_TWILIO_MESSAGING_SERVICE_SID or FILMPASS_TWILIO_FROM to send as.")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _convert(name: str, kind: str, text: str) -> object:
    if "Path" in kind:
        return Path(text)
    if "bool" in kind:
        if text not in {"0", "1"}:
            raise SettingsError(f"{name} is 0 or 1.")
        return text == "1"
    if "int" in kind:
        if not text.isdecimal():
            raise SettingsError(f"{name} is a whole number.")
        return int(text)
    return text
