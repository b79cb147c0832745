"""`make run`: Filmpass on this machine, whole: web, worker, relay, DICOM receiver, a queue server and an SMS carrier.

One process in the foreground supervises them all, and sends two studies through the doors. What it needs is made under
`--var` when it is not there; nothing else on the machine is touched.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests

from demo import site as commands
from demo.doors import CALLED_AE_TITLE, CALLING_AE_TITLES, HOSPITAL, Doors, Refused, local_session
from demo.examinations import ZONE, Examination, demo_examinations, own_examinations
from demo.memory import Memory
from demo.own_files import OwnFiles, read_own_files
from demo.patients import CAMILLE, ISSUER, OWN_PHONE, XIAOMING
from demo.premises import Trouble, check_port, write_private
from demo.site import Options, Site, environment, make_site
from demo.summary import summary
from demo.supervisor import ChildEndedError, Supervisor
from demo.telling import Stuck, Teller, Told

_ENROL = [
    "hospital", "add", "--code", HOSPITAL, "--name", "云泽市演示医院", "--message-name", "演示院",
    "--time-zone", ZONE.key, "--telephone", "0000-6600 1234", "--issuer", ISSUER, "--quiet-hours", "none", "--json",
]  # fmt: skip
_NUMBERS = [
    ["hospital", "trial-number", "add", HOSPITAL, phone] for phone in (XIAOMING.phone, CAMILLE.phone, OWN_PHONE)
]
_SOURCES = [
    ["source", "add", HOSPITAL, "--called", CALLED_AE_TITLE, "--calling", title, "--network", "127.0.0.1/32",
     "--issuer", ISSUER]
    for title in CALLING_AE_TITLES
]  # fmt: skip
_PROCESSES = ("worker", "relay", "scp")
_USUAL_REQUEST = r" request .* status=[23]\d\d$"
_USUAL_IN_VALKEY = r" \* |overcommit"  # notices, and advice to administrators of large machines
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_printing = threading.Lock()


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C (0), until a process dies or a demo study is stuck (1), or not at all (2)."""
    options = _parse(arguments)
    os.umask(0o077)
    _end_gracefully_on_signals()
    try:
        own = _own_files(options.study) if options.study else None
        site = make_site(options)
        lock = site.premises.claim()
        check_port(site.bind, options.http_port, "HTTP_PORT")
        check_port("127.0.0.1", options.dimse_port, "DIMSE_PORT")
    except Trouble as trouble:
        say(str(trouble))
        return 2
    except KeyboardInterrupt:
        return 0
    return _supervise(Supervisor(environment(site), lock, say), site, own)


def _end_gracefully_on_signals() -> None:
    """A service manager, a script that started this in the background and a closed terminal end all as Ctrl-C does."""
    for number in _ENDS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants it to go on
            signal.signal(number, signal.default_int_handler)


def _own_files(path: Path) -> OwnFiles:
    say(f"reading {path}")
    found = read_own_files(path)
    say(f"{len(found.studies)} studies; {found.ignored} files that are no DICOM instance are left out")
    return found


def _supervise(supervisor: Supervisor, site: Site, own: OwnFiles | None) -> int:
    try:
        memory = _start(supervisor, site)
        shown = _tell(supervisor, site, memory, own)
        write_private(site.run_file, json.dumps(_run_file(site, memory), indent=2) + "\n")
        say(summary(site, memory.api_key, shown))
        supervisor.watch()
    except KeyboardInterrupt:
        say("stopping")
        return 0
    except (ChildEndedError, TimeoutError, Refused, Stuck) as problem:
        say(f"{problem} Stopping the rest.")
    except requests.RequestException as problem:
        say(f"Filmpass does not answer ({type(problem).__name__}). Stopping the rest.")
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        site.run_file.unlink(missing_ok=True)
        supervisor.stop()
    return 1


def _start(supervisor: Supervisor, site: Site) -> Memory:
    site.run_file.unlink(missing_ok=True)
    queue_is_ready = supervisor.launch(
        "valkey", commands.valkey(site), ready="Ready to accept connections", unsaid=_USUAL_IN_VALKEY, outlives=True
    )
    carrier_is_ready = supervisor.launch("carrier", commands.carrier(site), ready=r"listening on (\S+)", outlives=True)
    say("keys and database")
    memory = _prepare(supervisor, site)
    queue_is_ready()
    supervisor.environment["FILMPASS_TWILIO_BASE_URL"] = carrier_is_ready()
    say("starting web, worker, relay and DICOM receiver")
    supervisor.launch("web", commands.gunicorn(site), unsaid=_USUAL_REQUEST)
    for wait in [supervisor.launch(name, commands.flask(f"run-{name}"), ready=": ready") for name in _PROCESSES]:
        wait()
    supervisor.wait_until(_answers(site), "the web server to answer")
    return memory


def _prepare(supervisor: Supervisor, site: Site) -> Memory:
    """Make keys and database, or bring them up to date, and enrol the demo's hospital once."""
    path, base = site.premises.folder / "demo.json", (["keys", "init"], ["db", "upgrade"])
    if memory := Memory.load(path):
        supervisor.run("prepare", commands.operator(*base))
        return memory
    try:
        printed = supervisor.run("prepare", commands.operator(*base, _ENROL, *_NUMBERS, *_SOURCES))
    except ChildEndedError:
        # A start that was killed in between may have enrolled it; what is there already is refused and no harm.
        again = ["api-key", "add", HOSPITAL, "--label", "make run", "--json"]
        printed = supervisor.run("prepare", commands.operator(*base, again))
        for command in (*_NUMBERS, *_SOURCES):
            with suppress(ChildEndedError):
                supervisor.run("prepare", commands.operator(command))
    (line,) = [line for line in printed.splitlines() if line.startswith("{")]
    memory = Memory(path, json.loads(line)["api_key"])
    memory.save()
    return memory


def _tell(supervisor: Supervisor, site: Site, memory: Memory, own: OwnFiles | None) -> list[Told]:
    """Send what was not sent yet; returns what is to be shown."""
    if own:
        wanted = own_examinations(own)
    else:
        wanted = demo_examinations(memory.seed, memory.started_at) if site.options.demo else []
    doors = Doors(site.base_url, memory.api_key, site.options.dimse_port, site.ca_file)
    teller = Teller(doors, site.sent_messages, supervisor.wait_until, say)
    before = {told.study_instance_uid for told in memory.told}
    for examination in wanted:
        if examination.study_instance_uid not in before:
            _tell_one(teller, examination, memory, needed=own is None)
    memory.told = [told.at(site.base_url) for told in memory.told]
    if own:
        return [told for told in memory.told if told.study_instance_uid in own.studies]
    return memory.told if site.options.demo else []


def _tell_one(teller: Teller, examination: Examination, memory: Memory, *, needed: bool) -> None:
    try:
        memory.told.append(teller.tell(examination, {told.token for told in memory.told}))
    except (Refused, Stuck) as problem:
        if needed:
            raise
        say(f"{problem} Going on with the next.")
    memory.save()


def _run_file(site: Site, memory: Memory) -> dict[str, object]:
    doors = Doors(site.base_url, memory.api_key, site.options.dimse_port)
    return {
        "base_url": site.base_url,
        "hospital_api_url": doors.api_url,
        "dicomweb_url": doors.dicomweb_url,
        "dimse": {"host": "127.0.0.1", "port": site.options.dimse_port, "ae_title": CALLED_AE_TITLE},
        "hospital": {"code": HOSPITAL, "api_key": memory.api_key},
        "demo": [
            {"study_instance_uid": told.study_instance_uid, "link": told.link, "fact": told.fact}
            for told in memory.told
        ],
        "sent_messages": str(site.sent_messages),
    }


def _answers(site: Site) -> Callable[[], bool]:
    session = local_session(site.ca_file)

    def asked() -> bool:
        try:
            return session.get(f"{site.base_url}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    return asked


def say(line: str) -> None:
    """Print one whole line, whoever else is printing."""
    with _printing:
        print(line, flush=True)


def _parse(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m demo.run", description="Run everything on this machine.")
    parser.add_argument("--var", type=Path, default=Path("var"))
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--dimse-port", type=int, default=11112)
    parser.add_argument("--demo", type=int, choices=(0, 1), default=1)
    parser.add_argument("--tls", type=int, choices=(0, 1), default=0)
    parser.add_argument("--study", type=Path, help="a folder or a ZIP file of DICOM, sent in place of the demo's")
    chosen = parser.parse_args(arguments)
    if chosen.study and not chosen.study.exists():
        parser.error(f"There is nothing at {chosen.study}.")
    return Options(chosen.var, chosen.http_port, chosen.dimse_port, bool(chosen.demo), bool(chosen.tls), chosen.study)


if __name__ == "__main__":
    sys.exit(main())
