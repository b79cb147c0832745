"""Bring what the peers need that Debian does not have, run them, and print which were served. See `make peers`."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from scripts.lanes import BIN, obtain_node_packages  # noqa: E402  the project's root must be on the path first

OHIF, OHIF_VERSION = ROOT / ".cache" / "ohif", "3.13.2"
OHIF_SHA256 = "b189d3963bfc58e9394a9db8c7be75d07beb029ec211dbb126d47b62969dd3f1"
_LEFT_OUT = ("package/dist/ort/", "package/dist/dicom-microscopy-viewer/")


def obtain_ohif() -> str:
    """Bring OHIF's published build once, by npm, held to its digest; returns why not, empty when it is there."""
    if (OHIF / OHIF_VERSION).exists():
        return ""
    if shutil.which("npm") is None:
        return "OHIF needs npm; apt-get install npm"
    with tempfile.TemporaryDirectory() as folder:
        pack = ["npm", "pack", "--silent", "--pack-destination", folder, f"@ohif/app@{OHIF_VERSION}"]
        if subprocess.run(pack, stdout=subprocess.DEVNULL, check=False, cwd=folder).returncode:
            return f"npm could not bring @ohif/app {OHIF_VERSION}"
        (package,) = Path(folder).glob("*.tgz")
        if hashlib.sha256(package.read_bytes()).hexdigest() != OHIF_SHA256:
            return f"@ohif/app {OHIF_VERSION} does not have the digest written in scripts/peers.py"
        shutil.rmtree(OHIF, ignore_errors=True)
        with tarfile.open(package) as archive:
            wanted = [item for item in archive if _is_wanted(item.name)]
            archive.extractall(OHIF, wanted, filter="data")
    (OHIF / OHIF_VERSION).touch()  # last: it says that the rest is whole
    return ""


def _is_wanted(name: str) -> bool:
    return name.startswith("package/dist/") and not name.startswith(_LEFT_OUT) and not name.endswith(".map")


def main() -> int:
    """Run every peer; 1 when one was not served."""
    node = obtain_node_packages(ROOT / ".cache" / "node-peers", ROOT / "scripts" / "node-peers" / "package-lock.json")
    for why in filter(None, (node, obtain_ohif())):
        print(why)
    command = [BIN / "python", "-m", "pytest", "tests/peers", "-ra", "--timeout", "600", *sys.argv[1:]]
    environment = {**os.environ, "FILMPASS_TEST_PEERS": "1"}
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
