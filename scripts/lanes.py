"""Run the checks in lanes, print each lane's time and, last of all, the first failure. See scripts/check."""

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests import servers  # noqa: E402  the project's root must be on the path first

BIN = ROOT / ".venv" / "bin"
AXE = ROOT / ".cache" / "axe.min.js"
AXE_VERSION = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
NODE, NODE_LOCK = ROOT / ".cache" / "node", ROOT / "scripts" / "node" / "package-lock.json"
IN_CI = os.environ.get("CI") == "true" or os.environ.get("FILMPASS_CI") == "1"
LAST_LINES = 60

LINT = {
    "format": [BIN / "ruff", "format", "--check", "."],
    "lint": [BIN / "ruff", "check", "."],
    "types": [BIN / "mypy"],
    "imports": [BIN / "lint-imports"],
}
CORES = os.cpu_count() or 2
PYTEST = [BIN / "python", "-m", "pytest", "--numprocesses", str(CORES)]
WAITING = [BIN / "python", "-m", "pytest", "--numprocesses", str(CORES + 1), "--dist", "worksteal"]
"""For tests that wait for processes of their own most of the time."""
TESTS = {
    "unit": [*PYTEST, "-m", "not flow and not postgres and not browser"],
    "flows": [*WAITING, "-m", "(flow or postgres) and not browser"],
    "pages": [*PYTEST, "-m", "browser"],
}


@dataclass(frozen=True)
class Outcome:
    """What one lane came to. ``skipped`` says why it did not run."""

    lane: str
    seconds: float = 0
    failed: bool = False
    output: str = ""
    skipped: str = ""

    @property
    def counts_as_failure(self) -> bool:
        """A skip is a failure where nobody looks."""
        return self.failed or (bool(self.skipped) and IN_CI)

    def __str__(self) -> str:
        if self.skipped:
            return f"  {self.lane:<8} SKIPPED  {self.skipped}"
        return f"  {self.lane:<8} {self.seconds:6.1f} s  {'FAILED' if self.failed else 'ok'}"


def run(lane: str, command: list[str | Path], environment: dict[str, str]) -> Outcome:
    """Run one lane, passing its output through and keeping it for the end."""
    print(f"\n== {lane}", flush=True)
    started = time.monotonic()
    lines = []
    arguments = [str(argument) for argument in command]
    with subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    seconds = time.monotonic() - started
    print(f"== {lane}: {seconds:.1f} s", flush=True)
    return Outcome(lane, seconds, failed=process.returncode != 0, output="".join(lines[-LAST_LINES:]))


def missing_for_pages() -> str:
    """Name what the browser tests lack on this machine, with the one command that brings it; empty when nothing."""
    lacks = {"chromium": shutil.which("chromium") is None, "fonts-noto-cjk": not _has_chinese_font()}
    packages = [package for package, missing in lacks.items() if missing]
    return f"missing on this machine; apt-get install {' '.join(packages)}" if packages else ""


def _has_chinese_font() -> bool:
    if shutil.which("fc-list") is None:
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=True).stdout)


def obtain_axe() -> str:
    """Bring axe-core once, by npm, held to its digest; returns why not, empty when it is there."""
    if AXE.exists() and hashlib.sha256(AXE.read_bytes()).hexdigest() == AXE_SHA256:
        return ""
    if shutil.which("npm") is None:
        return "the accessibility tests need axe-core, which npm brings; apt-get install npm"
    with tempfile.TemporaryDirectory() as folder:
        pack = ["npm", "pack", "--silent", "--pack-destination", folder, f"axe-core@{AXE_VERSION}"]
        if subprocess.run(pack, stdout=subprocess.DEVNULL, check=False, cwd=folder).returncode:
            return f"npm could not bring axe-core {AXE_VERSION}"
        with tarfile.open(Path(folder, f"axe-core-{AXE_VERSION}.tgz")) as archive:
            script = archive.extractfile("package/axe.min.js").read()
    if hashlib.sha256(script).hexdigest() != AXE_SHA256:
        return f"axe-core {AXE_VERSION} does not have the digest written in scripts/lanes.py"
    AXE.parent.mkdir(exist_ok=True)
    AXE.write_bytes(script)
    return ""


def obtain_node_packages(target: Path = NODE, listed: Path = NODE_LOCK) -> str:
    """Bring what a lock lists once, by npm, held to the digests in it; returns why not, as above."""
    lock = target / listed.name
    if lock.exists() and lock.read_bytes() == listed.read_bytes():
        return ""
    if shutil.which("npm") is None:
        return "the tests that use node's packages need npm; apt-get install npm"
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for name in ("package.json", listed.name):
            shutil.copy(listed.with_name(name), folder)
        install = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.run(install, stdout=subprocess.DEVNULL, check=False, cwd=folder).returncode:
            return f"npm could not bring what {listed.parent.relative_to(ROOT)} lists"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        Path(folder, "node_modules").rename(target / "node_modules")
        shutil.copy(listed, target)  # last: it says that the rest is whole
    return ""


def run_tests() -> list[Outcome]:
    """Run every test, with one PostgreSQL and one Valkey for all workers of all lanes."""
    outcomes = []
    if why := obtain_node_packages():
        outcomes.append(Outcome("node", skipped=why))
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, "FILMPASS_AXE": str(AXE)}
        environment["FILMPASS_TEST_POSTGRES"] = str(stack.enter_context(servers.postgres()).folder)
        environment["FILMPASS_TEST_VALKEY"] = stack.enter_context(servers.valkey())
        for lane, command in TESTS.items():
            if lane == "pages" and (why := missing_for_pages()):
                outcomes.append(Outcome(lane, skipped=why))
                continue
            if lane == "pages" and (why := obtain_axe()):
                outcomes.append(Outcome("axe", skipped=why))
            outcomes.append(run(lane, command, environment))
    return outcomes


def report(outcomes: list[Outcome]) -> int:
    """Print the lanes with their times and the first failure; returns the exit code."""
    print("\n== summary", *outcomes, f"  {'all':<8} {sum(o.seconds for o in outcomes):6.1f} s", sep="\n")
    first = next((outcome for outcome in outcomes if outcome.counts_as_failure), None)
    if first is None:
        return 0
    print(f"\n== first failure: {first.lane}", first.output or first.skipped, sep="\n")
    return 1


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/check", description="Format, lint, types, imports and tests.")
    parser.add_argument("--lint-only", action="store_true")
    parser.add_argument("path", nargs="?", help="run only the tests of this path, without the linters")
    arguments = parser.parse_args()
    if arguments.path:
        return run("tests", [BIN / "python", "-m", "pytest", arguments.path], {**os.environ}).failed
    outcomes = [run(lane, command, {**os.environ}) for lane, command in LINT.items()]
    return report(outcomes if arguments.lint_only else outcomes + run_tests())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
