"""Read what strace wrote: each system call with its thread, its moments, its file and its bytes.

strace notes a call's beginning before the kernel acts and its end before the program goes on, so that the moments of
several traces on one machine are in the order of cause and effect.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_SYNCS = ("fsync", "fdatasync")
_WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
_SENDS = ("sendto", "sendmsg")
_NAMES = ("openat", "open", "creat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat")
_OTHER_CHANGES = (
    "ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile", "splice", "unlink", "unlinkat", "rmdir",
    "symlink", "symlinkat", "sync_file_range",
)  # fmt: skip
_TRACED = (*_SYNCS, *_WRITES, *_SENDS, *_NAMES, *_OTHER_CHANGES, "recvfrom", "lseek")

_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
_UNFINISHED = re.compile(r"(\w+)\((.*?) ?<unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_WHOLE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)$", re.DOTALL)
_DURATION = re.compile(r"<(\d+\.\d+)>$")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DESCRIPTOR = re.compile(r"(\d+)<(.*?)>(?=, |$)")


def strace(output: Path, *, attach: Iterable[int] = ()) -> tuple[str, ...]:
    """Give the command that traces what follows it, or processes that run already."""
    attached = [option for pid in attach for option in ("-p", str(pid))]
    how = attached or ["--seccomp-bpf"]
    return (
        "strace", "-f", "-ttt", "-T", "-yy", "-q", "-I", "2", "-s", "200000", "-o", str(output),
        "-e", f"trace={','.join(_TRACED)}", "-e", "signal=none", *how,
    )  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One system call that ended; `begun` and `ended` are seconds since 1970."""

    thread: int
    name: str
    arguments: str
    result: int
    returned: str
    begun: float
    ended: float

    @cached_property
    def path(self) -> str:
        """What the descriptor in its first argument stands for: a path, or a connection."""
        found = _DESCRIPTOR.match(self.arguments)
        return found[2].removesuffix(" (deleted)") if found else ""

    @cached_property
    def strings(self) -> list[str]:
        """Its text arguments: paths."""
        return [text.encode().decode("unicode_escape") for text in _STRING.findall(self.arguments)]

    @cached_property
    def data(self) -> bytes:
        """The bytes that it wrote, sent or received."""
        assert '"...' not in self.arguments, f"strace cut the bytes of a {self.name}"
        return "".join(self.strings).encode("latin-1")

    @property
    def last_number(self) -> int:
        """Its last argument: of a pwrite64, where it wrote."""
        return int(self.arguments.rpartition(", ")[2])

    @property
    def is_sync(self) -> bool:
        """Whether what was written before it began is on the disk now that it ended."""
        return self.name in _SYNCS and self.result == 0

    @property
    def is_write(self) -> bool:
        """Whether it wrote into what its descriptor stands for."""
        return self.name in _WRITES and self.result >= 0

    @property
    def changes_files(self) -> bool:
        """Whether it is one by which files and folders are changed, whether it succeeded or not; opening is not."""
        return self.name in (*_SYNCS, *_WRITES, *_NAMES, *_OTHER_CHANGES) and not self.name.startswith(
            ("open", "creat")
        )

    @property
    def is_send(self) -> bool:
        """Whether it gave bytes to a peer."""
        return self.name in (*_SENDS, *_WRITES) and self.result >= 0


def read(*outputs: Path) -> list[Call]:
    """Give all calls that ended in some traces, in the order in which they ended."""
    calls = [call for output in outputs for call in _calls(output.read_text("latin-1"))]
    return sorted(calls, key=lambda call: call.ended)


def _calls(text: str) -> Iterator[Call]:
    begun: dict[str, tuple[float, str]] = {}
    for line in text.splitlines():
        thread, stamp, rest = _LINE.fullmatch(line).groups()
        if unfinished := _UNFINISHED.fullmatch(rest):
            begun[thread] = float(stamp), f"{unfinished[1]}({unfinished[2]}"
            continue
        start = float(stamp)
        if resumed := _RESUMED.fullmatch(rest):
            start, first = begun.pop(thread)
            rest = first + resumed[2]
        whole = _WHOLE.fullmatch(rest)
        if whole is None or whole[3] == "?":
            continue
        end = start + float(_DURATION.search(whole[4])[1])
        yield Call(int(thread), whole[1], whole[2], int(whole[3]), whole[4], start, end)
