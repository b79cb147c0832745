"""Packs in an S3 object store: one object a pack, durable when the store has answered that it is.

An object of S3 is written as a whole, so every commit ends a pack, and what is not committed is in memory here or in a
multipart upload that nobody can read. A key is a prefix and the pack's random id, nothing else. Credentials and region
are found as boto3 finds them: in the environment, in its files, or from the role of the machine.

References
----------
Amazon S3 API: PutObject and UploadPart with Content-MD5, which every compatible store checks; GetObject with Range.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.core.errors import StoreUnavailable
from app.core.identifiers import random_id
from app.core.logs import get_logger
from app.storage.packs import PACK_BYTES

PART_BYTES = 16 << 20
"""All parts of an upload but the last have this size: one store among the compatible ones asks for equal parts."""

_PACK = re.compile("[0-9a-f]{32}")
_LIMITLESS = 1 << 60
_RETRY_AFTER = 30
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    request_checksum_calculation="when_required",  # each body carries Content-MD5
    response_checksum_validation="when_required",  # what is read opens under its key, or not at all
)
_log = get_logger("store")


@contextmanager
def _failures_are_named() -> Iterator[None]:
    """Whatever the store or the way to it does wrong: nothing was stored, and to come back later may help."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        _log.warning("the object store failed", error=type(error).__name__, code=_code(error))
        raise StoreUnavailable("The image store does not answer as it should.", retry_after=_RETRY_AFTER) from error


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


class _Bucket:
    """A bucket's part below a prefix, spoken to in terms of packs. Threads share it."""

    def __init__(self, client: Any, name: str, prefix: str) -> None:
        self.client, self.name, self.prefix = client, name, prefix

    def of(self, pack_id: UUID) -> dict[str, str]:
        """Return the arguments that name a pack."""
        return {"Bucket": self.name, "Key": f"{self.prefix}{pack_id.hex}"}

    def pages(self, operation: str) -> Iterator[dict[str, Any]]:
        """Give what a listing of everything below the prefix answers, page by page."""
        yield from self.client.get_paginator(operation).paginate(Bucket=self.name, Prefix=self.prefix)


class _Upload:
    """A multipart upload of one pack."""

    def __init__(self, bucket: _Bucket, pack_id: UUID) -> None:
        self._bucket, self._pack = bucket, bucket.of(pack_id)
        with _failures_are_named():
            self._id = bucket.client.create_multipart_upload(**self._pack)["UploadId"]
        self._parts: list[dict[str, object]] = []
        self.size = 0

    def send(self, part: BytesIO) -> None:
        """Send the next part, all of it."""
        number = len(self._parts) + 1
        with _failures_are_named():
            answer = self._bucket.client.upload_part(**self._pack, UploadId=self._id, PartNumber=number, **_body(part))
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.size += len(part.getbuffer())

    def complete(self) -> None:
        """Make the object of the parts."""
        parts = {"Parts": self._parts}
        with _failures_are_named():
            try:
                self._bucket.client.complete_multipart_upload(**self._pack, UploadId=self._id, MultipartUpload=parts)
            except (BotoCoreError, ClientError):
                if not self._is_there():
                    raise

    def _is_there(self) -> bool:
        """Whether the object is whole after all: the answer was lost, and an upload that is done is asked for again."""
        return bool(self._bucket.client.head_object(**self._pack)["ContentLength"] == self.size)

    def abort(self) -> None:
        """Drop the parts; what cannot be dropped now goes with the next sweep."""
        with suppress(StoreUnavailable), _failures_are_named():
            self._bucket.client.abort_multipart_upload(**self._pack, UploadId=self._id)


def _body(data: BytesIO) -> dict[str, object]:
    """Return the arguments that send a buffer from its start."""
    data.seek(0)
    digest = hashlib.md5(data.getbuffer(), usedforsecurity=False).digest()
    return {"Body": data, "ContentMD5": b64encode(digest).decode()}


class S3PackWriter:
    """Holds a pack's first `PACK_BYTES` in memory; what goes beyond leaves in parts, while it comes.

    An object begins within those first bytes, so to forget one never needs a byte that has left.
    """

    def __init__(self, bucket: _Bucket) -> None:
        self._bucket = bucket
        self._begin()

    def _begin(self) -> None:
        self.pack_id = random_id()
        self._head, self._part = BytesIO(), BytesIO()
        self._upload: _Upload | None = None

    @property
    def offset(self) -> int:
        """Where the next byte will lie."""
        return (self._upload.size if self._upload else self._head.tell()) + self._part.tell()

    def write(self, sealed: bytes | bytearray | memoryview) -> None:
        """Append sealed bytes.

        Raises
        ------
        StoreUnavailable
            When a part could not be sent.
        """
        view = memoryview(sealed)
        view = view[self._head.write(view[: PACK_BYTES - self._head.tell()]) :]
        while view:
            view = view[self._part.write(view[: PART_BYTES - self._part.tell()]) :]
            if self._part.tell() == PART_BYTES:
                self._send_part()

    def truncate(self, offset: int) -> None:
        """Forget what was written from `offset` on."""
        if offset > PACK_BYTES:
            raise ValueError("An object begins within the first bytes of its pack.")
        self._drop_upload()
        self._part = BytesIO()
        self._head.seek(offset)
        self._head.truncate()

    def commit(self) -> None:
        """Return once the store has said that it has the pack; the writer goes on in another one."""
        if not self.offset:
            return
        if self._part.tell():
            self._send_part()
        if self._upload:
            self._upload.complete()
        else:
            with _failures_are_named():
                self._bucket.client.put_object(**self._bucket.of(self.pack_id), **_body(self._head))
        self._begin()

    def close(self) -> None:
        """Forget what was not committed."""
        self._drop_upload()
        self._begin()

    def _send_part(self) -> None:
        if self._upload is None:
            self._upload = _Upload(self._bucket, self.pack_id)
            head = self._head.getbuffer()
            for start in range(0, PACK_BYTES, PART_BYTES):
                self._upload.send(BytesIO(head[start : start + PART_BYTES]))
        self._upload.send(self._part)
        self._part = BytesIO()

    def _drop_upload(self) -> None:
        if self._upload:
            self._upload.abort()
            self._upload = None


class S3Store:
    """The packs below one prefix of one bucket, for any number of machines.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``; the prefix may be absent. Bucket and prefix belong to one database alone, since a sweep
        removes what that database does not name.
    endpoint_url : str
        Where the store answers; empty for Amazon's own.
    """

    def __init__(self, url: str, *, endpoint_url: str = "") -> None:
        parts = urlsplit(url)
        client = boto3.client("s3", endpoint_url=endpoint_url or None, config=_CONFIG)
        prefix = parts.path.strip("/")
        self._bucket = _Bucket(client, parts.netloc, f"{prefix}/" if prefix else "")

    def create(self) -> S3PackWriter:
        """Start a writer, which asks nothing of the store yet."""
        return S3PackWriter(self._bucket)

    def check(self) -> None:
        """Ask the store whether the bucket is there for us.

        Raises
        ------
        StoreUnavailable
            When it does not say so.
        """
        with _failures_are_named():
            self._bucket.client.head_bucket(Bucket=self._bucket.name)

    def read(self, pack_id: UUID, offset: int, length: int) -> bytes:
        """Return exactly `length` sealed bytes of a pack.

        Raises
        ------
        FileNotFoundError
            When the pack is not there.
        EOFError
            When it is shorter than the index says.
        StoreUnavailable
            When the store does not answer.
        """
        wanted = f"bytes={offset}-{offset + length - 1}"
        with _failures_are_named():
            try:
                data: bytes = self._bucket.client.get_object(**self._bucket.of(pack_id), Range=wanted)["Body"].read()
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    raise FileNotFoundError("A pack is not in the store.") from error
                if _code(error) != "InvalidRange":
                    raise
                data = b""
        if len(data) != length:
            raise EOFError("A pack is shorter than its index says.")
        return data

    def free_bytes(self) -> int:
        """Return a very large number: what the store may hold is agreed elsewhere."""
        return _LIMITLESS

    def clean_incoming(self, older_than: float) -> int:
        """Drop multipart uploads begun before `older_than` (seconds since 1970); returns how many."""
        stale = [upload for upload in self._uploads() if upload["Initiated"].timestamp() < older_than]
        for upload in stale:
            with _failures_are_named():
                self._bucket.client.abort_multipart_upload(
                    Bucket=self._bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
                )
        return len(stale)

    def _uploads(self) -> Iterator[dict[str, Any]]:
        """Give the unfinished uploads; none where the store lists none, whose own rule must then end them."""
        with _failures_are_named():
            try:
                for page in self._bucket.pages("list_multipart_uploads"):
                    yield from page.get("Uploads", ())
            except ClientError as error:
                if _code(error) != "NotImplemented":
                    raise

    def packs(self, *, older_than: float) -> Iterator[UUID]:
        """Give the packs written before `older_than` (seconds since 1970, by the store's clock)."""
        with _failures_are_named():
            for page in self._bucket.pages("list_objects_v2"):
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._bucket.prefix)
                    if _PACK.fullmatch(name) and found["LastModified"].timestamp() < older_than:
                        yield UUID(hex=name)  # what is no pack is not ours to remove

    def remove(self, pack_id: UUID) -> None:
        """Remove a pack that nothing names; one that is gone already is no error."""
        with _failures_are_named():
            self._bucket.client.delete_object(**self._bucket.of(pack_id))
