import os
import select
import signal
import subprocess
import sys
import time

import pytest

from demo.supervisor import ChildEndedError, Supervisor

PYTHON = (sys.executable, "-u", "-c")
STAYS = (*PYTHON, "import time; print('up on 7', flush=True); time.sleep(60)")
STUBBORN = (*PYTHON, "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(60)")


@pytest.fixture
def lines():
    return []


@pytest.fixture
def supervisor(lines):
    reading, writing = os.pipe()
    supervisor = Supervisor({**os.environ, "COLOUR": "blue"}, writing, lines.append)
    yield supervisor
    supervisor.stop()
    os.close(reading)
    os.close(writing)


def test_command_gives_what_it_printed_and_its_errors_to_the_log(supervisor, lines):
    program = "import os, sys; print(os.environ['COLOUR']); print('careful', file=sys.stderr)"
    assert supervisor.run("step", [*PYTHON, program]) == "blue\n"
    assert lines == ["step    | careful"]


def test_command_that_fails_is_named(supervisor):
    with pytest.raises(ChildEndedError, match="step ended with exit code 3"):
        supervisor.run("step", [*PYTHON, "raise SystemExit(3)"])


def test_start_waits_for_the_line_that_says_ready(supervisor, lines):
    assert supervisor.start("one", STAYS, ready=r"up on (\d)") == "7"
    assert lines == ["one     | up on 7"]


def test_child_that_dies_before_it_is_ready_is_named(supervisor):
    with pytest.raises(ChildEndedError, match="one ended with exit code 4"):
        supervisor.start("one", [*PYTHON, "raise SystemExit(4)"], ready="up")


def test_child_that_dies_later_is_named_by_watch(supervisor):
    supervisor.start("one", STAYS, ready="up")
    supervisor.launch("two", [*PYTHON, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    with pytest.raises(ChildEndedError, match="two was ended by SIGKILL"):
        supervisor.watch()


def test_waiting_ends_with_truth_with_a_dead_child_or_with_time(supervisor):
    supervisor.wait_until(lambda: True, "nothing")
    with pytest.raises(TimeoutError, match="a miracle"):
        supervisor.wait_until(lambda: False, "a miracle", timeout=0.2)
    supervisor.launch("one", [*PYTHON, "raise SystemExit(1)"])
    with pytest.raises(ChildEndedError):
        supervisor.wait_until(lambda: False, "a miracle")


def test_process_that_outlives_the_others_ends_when_they_are_gone(supervisor, lines):
    farewell = "import signal; signal.signal(15, lambda *_: (print('bye'), exit())); print('up'); signal.pause()"
    supervisor.launch("queue", [*PYTHON, farewell], ready="up", outlives=True)()
    supervisor.launch("one", [*PYTHON, farewell], ready="up")()
    supervisor.stop()
    assert [line.split()[0] for line in lines if "bye" in line] == ["one", "queue"]


def test_lines_that_say_nothing_new_stay_out_of_the_log(supervisor, lines):
    program = "print('GET 200'); print('GET 500'); print('ready 200', flush=True); import signal; signal.pause()"
    supervisor.launch("web", [*PYTHON, program], ready="ready", unsaid="200")()
    assert lines == ["web     | GET 500"]


def test_stubborn_process_and_its_children_are_killed_within_ten_seconds(supervisor, lines, monkeypatch):
    monkeypatch.setattr("demo.supervisor._STOP_SECONDS", (0.3, 0.3))
    supervisor.start("one", STUBBORN, ready="up")
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5
    assert "one does not end by itself and is killed" in lines


_SUPERVISOR_THAT_IS_KILLED = """
import os, signal, sys
from demo.supervisor import Supervisor
reading, writing = os.pipe()
supervisor = Supervisor(os.environ, writing, lambda line: None)
print(supervisor.start("one", [sys.executable, "-u", "-c", "import os, time; print('pid', os.getpid()); time.sleep(60)"],
      ready=r"pid (\\d+)"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_end_with_a_supervisor_that_is_killed():
    done = subprocess.run([sys.executable, "-c", _SUPERVISOR_THAT_IS_KILLED], stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    try:
        descriptor = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    with os.fdopen(descriptor):
        assert select.select([descriptor], [], [], 10)[0]
