import signal
import subprocess
import sys
import time
from itertools import islice

import pytest

from app.queue import Bell
from tests import servers

# A process of its own: rq wants the main thread and its signals.
_LISTEN = """
import signal, sys
from app.queue import Bell, Listener
listener = Listener(Bell(sys.argv[1]), {"topic": lambda: print("looked", flush=True) or 0.2})
signal.signal(signal.SIGTERM, lambda *_: listener.stop())
listener.run()
"""


_WORKER = """
import signal, sys
from app.queue import Bell, Listener
def drain():
    print("looked", flush=True)
    return 60.0
listener = Listener(Bell(sys.argv[1]), {"topic": drain})
signal.signal(signal.SIGTERM, lambda *_: listener.stop())
listener.run()
"""


@pytest.mark.flow
def test_every_bell_wakes_the_worker_however_close_to_the_last():
    with servers.valkey() as address:
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert worker.stdout.readline() == "looked\n"
            bell = Bell(address)
            for _ in range(5):  # far sooner than the worker would look by itself
                bell.ring(["topic"])
                assert worker.stdout.readline() == "looked\n"
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
        finally:
            worker.kill()
            worker.communicate()


@pytest.mark.flow
def test_listener_stops_though_its_redis_was_lost():
    with servers.valkey() as address:
        listener = subprocess.Popen(
            [sys.executable, "-c", _LISTEN, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert listener.stdout.readline() == "looked\n"
    try:
        said = (line for line in listener.stdout if line == "looked\n")  # between them it warns of the loss
        assert len(list(islice(said, 5))) == 5, "it polls without Redis"
        began = time.monotonic()
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(10) == 0
        assert time.monotonic() - began < 5
    finally:
        listener.kill()
        listener.communicate()
