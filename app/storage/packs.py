"""What the services need of an object store, whichever it is: packs that are appended to, committed and read back.

A pack holds sealed objects back to back. Its name is random and built from nothing received.
"""

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

PACK_BYTES = 64 << 20
"""Objects begin within a pack's first bytes: whoever has written so many commits, and ends the pack."""


class PackWriter(Protocol):
    """Appends sealed objects to a pack. It belongs to one thread.

    Nothing may be told to a sender, or named by a row, before the `commit` that follows its last byte returned. After
    a commit a writer goes on in the same pack or in a fresh one, as suits its store: so callers read `pack_id` and
    `offset` anew at the start of each object. Between two commits neither the pack nor its name changes.
    """

    @property
    def pack_id(self) -> UUID:
        """The pack that the next byte goes into."""

    @property
    def offset(self) -> int:
        """Where in it the next byte will lie."""

    def write(self, sealed: bytes | bytearray | memoryview) -> None:
        """Append sealed bytes.

        Raises
        ------
        OutOfResources
            When the store is full, or cannot take more at present.
        """

    def truncate(self, offset: int) -> None:
        """Forget what was written from `offset` on: where an object began, and never below what was committed."""

    def commit(self) -> None:
        """Return once all that was written is durable, and readable under the pack id it was written under.

        With nothing written since the last commit it does nothing. When it raises, the writer is of no more use, and
        nothing that was written since the last commit counts; what was committed before stays.
        """

    def close(self) -> None:
        """End the writer: what was committed stays, the rest is forgotten. May be called twice, and after a failure."""


class PackReader(Protocol):
    """Where packs are read."""

    def read(self, pack_id: UUID, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes of a pack, from `offset` on.

        Raises
        ------
        FileNotFoundError
            When the pack is not there.
        EOFError
            When it is shorter than the index says.
        """


class Store(PackReader, Protocol):
    """Where packs lie."""

    def check(self) -> None:
        """Find out whether a pack could be written now; leaves nothing.

        Raises
        ------
        OutOfResources
            When the store is almost full, or does not answer.
        OSError
            When its disk fails.
        """

    def create(self) -> PackWriter:
        """Start a writer.

        Raises
        ------
        OutOfResources
            When the store is almost full: refused early, so that what runs can finish.
        """

    def free_bytes(self) -> int:
        """Return how many bytes may still be written; a very large number where nothing limits them."""

    def clean_incoming(self, older_than: float) -> int:
        """Remove what unfinished writers left before `older_than` (seconds since 1970); returns how many."""

    def packs(self, *, older_than: float) -> Iterator[UUID]:
        """Give the packs last written before `older_than` (seconds since 1970)."""

    def remove(self, pack_id: UUID) -> None:
        """Remove a pack that nothing names; one that is gone already is no error."""
