"""Mutated documents, queries and addresses through the hospital API, in this process."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts, create_app
from tests import databases, servers
from tests import factories as make
from tests.app.routes.hospital.conftest import ORDER, PATIENT, REPORT
from tests.fuzz.mutations import mutated_json

_UID = "1.2.3"
_DOCUMENTS: dict[str, Any] = {
    "patients": PATIENT,
    "service-requests": ORDER,
    "reports": REPORT,
    "complete": {"instances": 3, "manifest": [_UID]},
    "hold": {"reason": "x"},
    "release": {},
    "resolve": {"accession_number": "CT-1"},
    "send-again": {},
}
"""What each address takes, by the last word of it."""
_PATH_VALUES = (
    "1.2.3",
    "1.2.826.0.1.77",
    "x",
    "\0",
    "%",
    "../..",
    "a" * 300,
    "0191d2f8-0000-7000-8000-000000000000",
    "é\u202e",
)
_QUERIES = (
    "",
    "limit=5",
    "limit=%00",
    "limit=99999999999999999999",
    "cursor=x",
    "cursor=%ff",
    "state=failed",
    "state=%C0",
    "limit=1&limit=2",
    "x=1",
)
_KEY_LIFE = 4_000
"""Requests for one key: it may send 6,000 a minute."""


class Documents:
    """The API of one hospital."""

    def __init__(self, parts) -> None:
        self._parts, self._client = parts, create_app(parts).test_client()
        self._hospital = make.make_hospital(parts)
        make.make_study(parts, self._hospital, study_instance_uid=_UID)
        described = self._client.get("/api/v1/openapi.json").json["paths"]
        self._doors = [(method.upper(), path) for path, methods in described.items() for method in methods]
        self._asked, self._key = 0, ""
        self.last = b""

    def try_one(self, random: Random) -> str:
        """Send a mutated request; returns its status."""
        if self._asked % _KEY_LIFE == 0:
            self._key = make.make_api_key(self._parts, self._hospital)
        self._asked += 1
        method, template = random.choice(self._doors)
        path = "/".join(
            quote(random.choice(_PATH_VALUES), safe="") if "{" in part else part for part in template.split("/")
        )
        others = tuple(_DOCUMENTS.values())
        own = _DOCUMENTS.get(template.rpartition("/")[2], {}) if random.random() < 0.8 else random.choice(others)
        body = mutated_json(random, own, random.choice(others)) if method != "GET" else b""
        query = random.choice(_QUERIES)
        self.last = f"{method} {path}?{query}\n".encode() + body
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = self._client.open(
            f"{path}?{query}",
            method=method,
            data=body,
            headers=headers,
            content_type="application/json" if body else None,
        )
        assert answer.status_code < 500, answer.text
        assert answer.mimetype in {"application/json", "application/problem+json"}
        return str(answer.status_code)

    def check(self) -> None:
        """Require that a rightful document is still taken."""
        self.last = b""
        answer = self._client.put("/api/v1/patients", json=PATIENT, headers={"Authorization": f"Bearer {self._key}"})
        assert answer.status_code in {200, 201}, answer.text


@contextmanager
def hospital_api(*, postgresql: bool = False) -> Iterator[Documents]:
    """Serve the API over a database of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="filmpass-") as name,
        _database(Path(name), postgresql=postgresql) as database,
    ):
        folder = Path(name)
        create_key_files(folder / "keys")
        parts = build_parts(
            Settings(
                database_url=database.url, data_folder=folder / "data", keys_folder=folder / "keys",
                public_url="http://127.0.0.1", heads_file=folder / "heads.jsonl", minimum_free_bytes=1 << 20,
            )
        )  # fmt: skip
        try:
            yield Documents(parts)
        finally:
            parts.decoder.close()
            parts.engine.dispose()


@contextmanager
def _database(folder: Path, *, postgresql: bool) -> Iterator[databases.Database]:
    if postgresql:
        with servers.postgres() as server, databases.postgresql(server, folder) as made:
            yield made
        return
    template = folder / "template.db"
    databases.migrate(f"sqlite:///{template}", folder)
    with databases.sqlite(template, folder) as made:
        yield made
