"""A child gives up what it does not need."""

import os
import subprocess
import sys
from pathlib import Path

from app.dicom import decode_worker

CHILD = """
import sys
from app.dicom.decode_worker import _lock_down, _warm_up
_warm_up()
_lock_down(64 << 20)
import os, socket
failed = []
for name, act in {
    "read": lambda: open("/etc/hostname"),
    "write": lambda: open("/tmp/filmpass-child", "w"),
    "socket": lambda: socket.socket(),
    "memory": lambda: bytearray(200 << 20),
    "root": lambda: os.setuid(0),
}.items():
    try:
        act()
    except (OSError, MemoryError):
        failed.append(name)
os.write(1, (" ".join(failed) + f" uid={os.getuid()}").encode())
"""


def test_a_locked_child_can_open_nothing_and_is_not_root():
    root = os.getuid() == 0
    answer = subprocess.run(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(Path(decode_worker.__file__).parents[2])},
    ).stdout.decode()
    assert answer.split()[:4] == ["read", "write", "socket", "memory"]
    assert f"uid={65534 if root else os.getuid()}" in answer
    assert "root" in answer.split()
