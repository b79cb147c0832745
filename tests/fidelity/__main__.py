"""`make fidelity`: every picture at hand against independent renderers; writes a page and fails beyond the tolerances."""

import argparse
import sys
import tempfile
from pathlib import Path

from app.dicom.decode_pool import DecodePool
from tests.fidelity.cases import made_files, published_files, task_of
from tests.fidelity.compare import Case, compare
from tests.fidelity.lossless import compare_bits
from tests.fidelity.peers import RENDERERS, lacking
from tests.fidelity.report import write_report

_SHARE = 0.98  # of the pictures, which must be within the tolerances


def verdict(cases: list[Case], bit_faults: list[str]) -> list[str]:
    """Say what is wrong: nothing when all is well."""
    counted = [case for case in cases if case.counts]
    passed = sum(case.passes for case in counted)
    faults = [] if counted and passed >= _SHARE * len(counted) else [f"{passed} of {len(counted)} within tolerances"]
    missing = [case.task.path.name for case in counted if case.refusal and case.agree]
    return [*faults, *(f"{name}: peers agree on a picture, and we show none" for name in missing), *bit_faults]


def _summary(cases: list[Case], compared: int, bit_faults: list[str]) -> list[str]:
    counted = [case for case in cases if case.counts]
    passed = sum(case.passes for case in counted)
    return [
        f"{passed} of {len(counted)} pictures within the tolerances, of {len(cases)};",
        f"{compared - len(bit_faults)} of {compared} lossless ones decoded bit for bit.",
        *(
            f"  {case.task.path.name}: {case.refusal or f'lossless {case.differences}, JPEG {case.delivered}'}"
            for case in counted
            if not case.passes
        ),
    ]


def main() -> int:
    """Compare, write the page, say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=Path(tempfile.gettempdir()) / "filmpass-fidelity")
    arguments = parser.parse_args()
    if missing := lacking():
        sys.stderr.write(f"This machine lacks {', '.join(missing)}.\n")
        return 2
    arguments.report.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, DecodePool(2) as pool:
        folder = Path(name)
        paths = [*published_files(), *made_files(folder)]
        tasks = [task for path in paths if (task := task_of(path))]
        cases = compare(tasks, folder, pool, list(RENDERERS))
        compared, bit_faults = compare_bits([task.path for task in tasks], folder, pool)
        write_report(cases, bit_faults, arguments.report / "fidelity.html")
    faults = verdict(cases, bit_faults)
    sys.stdout.write("\n".join([*_summary(cases, compared, bit_faults), *faults]) + "\n")
    sys.stdout.write(f"Report: {arguments.report / 'fidelity.html'}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
