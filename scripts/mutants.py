"""Plant faults in copies of the tree, one at a time, and see that the tests go red for each. See `make mutants`.

A mutant that survives is a law that no test holds. Texts that are not found exactly once mean that the code moved, and
that this list has to follow it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "var", "*.pyc", ".*_cache")
RED, GREEN = 1, 0


class Edit(NamedTuple):
    """What stands in a file now, and what the mutant has there."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A fault, and the tests that are to see it, quickest first."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "skip the directory fsync",
        (Edit("app/storage/filesystem.py", "        sync_folder(path.parent)\n", ""),),
        ("tests/app/storage/test_filesystem.py", "tests/durability/test_traces.py"),
    ),
    Mutant(
        "count a try after comparing",
        (
            Edit("app/services/links.py", "tries_left=Capability.tries_left - 1", "tries_left=Capability.tries_left"),
            Edit("app/services/links.py", "tries_left=Capability.tries_left + 1", "tries_left=Capability.tries_left"),
            Edit(
                "app/services/links.py",
                '        fact = _fact(Event.LINK_REFUSED, state, outcome="denied", reason=kind)\n',
                '        fact = _fact(Event.LINK_REFUSED, state, outcome="denied", reason=kind)\n'
                "        mine = update(Capability).where(Capability.id == state.link.capability_id)\n"
                "        session.execute(mine.values(tries_left=Capability.tries_left - 1))\n",
            ),
        ),
        ("tests/flows/door/test_link_door.py",),
    ),
    Mutant(
        "reuse a nonce for every chunk",
        (Edit("app/storage/encrypted.py", 'struct.pack(">IQ", 0, number)', 'struct.pack(">IQ", 0, 0)'),),
        ("tests/app/storage/test_encrypted.py",),
    ),
    Mutant(
        "reuse a nonce for every sealed field",
        (Edit("app/core/crypto.py", "nonce = os.urandom(_NONCE)", "nonce = bytes(_NONCE)"),),
        ("tests/app/core/test_crypto.py",),
    ),
    Mutant(
        "drop row security",
        (Edit("migrations/versions/0002_fences.py", "{table} ENABLE ROW", "{table} DISABLE ROW"),),
        ("tests/flows/test_row_security.py",),
    ),
    Mutant(
        "send without the do-not-write check",
        (Edit("app/services/dispatching.py", "_why_not(session, hospital, study, contact, now)\n", "None\n"),),
        ("tests/flows/test_message_checks.py",),
    ),
    Mutant(
        "leak the token to the log",
        (
            Edit(
                "app/services/links.py",
                "    now, token = parts.clock(), new_token()\n",
                "    now, token = parts.clock(), new_token()\n"
                "    from app.core.logs import get_logger\n"
                '    get_logger("links").info("link minted", link=token)\n',
            ),
        ),
        ("tests/flows/test_secrets.py",),
    ),
    Mutant(
        "answer a C-STORE before the commit",
        (Edit("app/dimse/store.py", "        intake.flush()\n", ""),),
        ("tests/durability/test_traces.py",),
    ),
    Mutant(
        "answer before SQLite's log is on the disk",
        (Edit("app/factory.py", '"synchronous=FULL"', '"synchronous=NORMAL"'),),
        ("tests/durability/test_traces.py",),
    ),
    Mutant(
        "seal what has an id beyond the last, instead of rows without a checkpoint",
        (
            Edit(
                "app/audit/sealing.py",
                "        .outerjoin(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)\n"
                "        .where(AuditLeaf.event_id.is_(None))\n",
                "        .where(~select(AuditLeaf).where(AuditLeaf.event_id >= AuditEvent.id).exists())\n",
            ),
        ),
        ("tests/app/audit/test_sealing.py",),
    ),
    Mutant(
        "window off by 5",
        (Edit("app/dicom/render.py", "(self.center - 0.5)) / (self", "(self.center + 4.5)) / (self"),),
        ("tests/app/dicom/test_render.py",),
    ),
    Mutant(
        "serve a held study",
        (Edit("app/access/policy.py", '    if study.held:\n        return _no("held")\n', ""),),
        ("tests/app/access/test_policy.py",),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What became of a run of tests: its exit code, the first test that failed, and how long it took."""

    code: int
    first: str
    seconds: float
    output: str


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """Copy the tree as it stands, committed or not; its environment and what it fetched are shared."""
    with tempfile.TemporaryDirectory(prefix="filmpass-mutant-") as folder:
        copy = Path(folder, "tree")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        for shared in (".venv", ".cache"):
            if (ROOT / shared).exists():
                (copy / shared).symlink_to((ROOT / shared).resolve())
        yield copy


def plant(mutant: Mutant, tree: Path) -> None:
    """Change the copy; raises where the code moved."""
    for edit in mutant.edits:
        path = tree / edit.path
        text = path.read_text()
        if (found := text.count(edit.old)) != 1:
            raise SystemExit(f"{mutant.name}: found {found} times instead of once in {edit.path}:\n{edit.old}")
        path.write_text(text.replace(edit.old, edit.new))


def run(tree: Path, tests: tuple[str, ...], *options: str) -> Run:
    """Run tests in a copy until the first fails."""
    began = time.monotonic()
    done = subprocess.run(
        [*PYTEST, *options, *tests], cwd=tree, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )  # fmt: skip
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return Run(
        done.returncode, failed[1] if failed else "", time.monotonic() - began, done.stdout[-3000:] + done.stderr
    )


def try_mutant(mutant: Mutant, *, full: bool) -> tuple[bool, str]:
    """Plant one mutant; returns whether the tests saw it, and the line of the table."""
    with copy_of_the_tree() as tree:
        plant(mutant, tree)
        seen = run(tree, () if full else mutant.tests, *(("-n", str(os.cpu_count() or 2)) if full else ()))
    if seen.code not in (RED, GREEN):
        raise SystemExit(f"{mutant.name}: the tests did not run:\n{seen.output}")
    red = seen.code == RED
    return red, f"{'red by ' + seen.first if red else 'SURVIVED'} in {seen.seconds:.0f} s"


def check_unchanged(mutants: list[Mutant]) -> None:
    """See that the tests are green without a mutant: else their red would say nothing."""
    tests = tuple(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    with copy_of_the_tree() as tree:
        unchanged = run(tree, tests, "-n", str(os.cpu_count() or 2))
    if unchanged.code != GREEN:
        raise SystemExit(f"Without a mutant {unchanged.first} fails already:\n{unchanged.output}")
    print(f"{'no mutant':<75} green in {unchanged.seconds:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="run all tests for each, not only those named beside it")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    chosen = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if chosen.only in mutant.name]
    if not chosen.full:
        check_unchanged(mutants)
    survivors = 0
    for mutant in mutants:
        red, line = try_mutant(mutant, full=chosen.full)
        survivors += not red
        print(f"{mutant.name:<75} {line}", flush=True)
    return min(survivors, 1)


if __name__ == "__main__":
    sys.exit(main())
