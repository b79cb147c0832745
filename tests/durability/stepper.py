"""A worker and a relay that do all that is due at each line they read, an hour later each time: run by test_work.py."""

import os
import sys
from datetime import UTC, datetime, timedelta

from app.core.settings import Settings
from app.factory import build_parts
from app.jobs import drain, relay
from tests import factories as make


def main() -> None:
    parts, clock = make.with_clock(build_parts(Settings.from_env(os.environ)), datetime.now(UTC) + timedelta(hours=1))
    for _ in sys.stdin:
        clock.forward(hours=1)
        for work in (drain.drain_all, relay.seal):
            try:
                work(parts)
            except Exception as error:  # noqa: BLE001  as the real loops do
                sys.stderr.write(f"{work.__name__}: {type(error).__name__}\n")
        sys.stdout.write("done\n")
        sys.stdout.flush()
    parts.decoder.close()


if __name__ == "__main__":
    main()
