"""What `make fuzz` runs: each target in turn until the minutes are over; the first crash ends it and is kept."""

import argparse
import hashlib
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import hypothesis
import structlog

from app.dicom.decode_pool import DecodePool
from tests.fuzz.documents import Documents, hospital_api
from tests.fuzz.files import Files
from tests.fuzz.parsers import PROPERTIES

_EXAMPLES = 1_000
_CHECK_EVERY = 500
_SHARES = {"parsers": 0.3, "files": 0.4, "documents": 0.3}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fuzz_parsers(seed: int, seconds: float) -> bool:
    """Let hypothesis look for counterexamples with new seeds, again and again."""
    deadline, tried = time.monotonic() + seconds, Counter[str]()
    hypothesis.settings.register_profile("fuzz", max_examples=_EXAMPLES, database=None, deadline=None)
    hypothesis.settings.load_profile("fuzz")
    while time.monotonic() < deadline:
        target = PROPERTIES[tried.total() // _EXAMPLES % len(PROPERTIES)]
        hypothesis.seed(seed + tried.total())(target)()
        tried[target.__name__] += _EXAMPLES
    for name, count in tried.items():
        _say(f"  {name.replace('_', ' ')}: {count} examples")
    _say(f"parsers: {tried.total() / seconds:.0f} examples a second, nothing found")
    return True


def fuzz_target(name: str, target: Files | Documents, seed: int, seconds: float) -> bool:
    """Try mutations; what breaks is kept in a file."""
    begun, became, number = time.monotonic(), Counter[str](), 0
    while time.monotonic() - begun < seconds:
        try:
            became[target.try_one(Random(seed + number))] += 1
            if number % _CHECK_EVERY == 0:
                target.check()
        except Exception:  # noqa: BLE001  whatever it is, it is a finding
            kept = Path(tempfile.gettempdir(), f"filmpass-{name}-{hashlib.sha256(target.last).hexdigest()[:12]}")
            kept.write_bytes(target.last)
            _say(f"{name}: seed {seed + number} broke it, the bytes are in {kept}\n{traceback.format_exc()}")
            return False
        number += 1
    for outcome, count in became.most_common(12):
        _say(f"  {count:7} {outcome}")
    _say(f"{name}: {number} tried, {number / seconds:.0f} a second, nothing found")
    return True


def _fuzz_files(seed: int, seconds: float) -> bool:
    with DecodePool(2, memory_bytes=256 << 20, seconds_per_instance=10) as pool:
        return fuzz_target("files", Files(pool), seed, seconds)


def _fuzz_documents(seed: int, seconds: float, *, postgresql: bool) -> bool:
    with hospital_api(postgresql=postgresql) as api:
        return fuzz_target("documents", api, seed, seconds)


def main() -> None:
    """Run each target for its share of the time; exit code 1 when one was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads strangers' bytes.")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000 * 1_000_000)
    parser.add_argument("--only", choices=sorted(_SHARES))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    _say(f"seed {chosen.seed}")
    runs: dict[str, Callable[[int, float], bool]] = {
        "parsers": fuzz_parsers,
        "files": _fuzz_files,
        "documents": lambda seed, seconds: _fuzz_documents(seed, seconds, postgresql=chosen.database == "postgresql"),
    }
    shares = {chosen.only: 1.0} if chosen.only else _SHARES
    results = [runs[name](chosen.seed, share * 60 * chosen.minutes) for name, share in shares.items()]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
