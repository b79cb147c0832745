"""What the terminal shows when everything is ready."""

from collections.abc import Iterable
from datetime import date

from demo.doors import CALLED_AE_TITLE, Doors
from demo.site import Site
from demo.telling import Told

_SHOWN = 5
_RULE = "-" * 72


def summary(site: Site, api_key: str, told: list[Told]) -> str:
    """Return the messages as the carrier received them, what opens each, and what to try next."""
    lines = [_RULE]
    for item in told[:_SHOWN]:
        lines += [item.title, f"  SMS         {item.body}", f"  link        {item.link}"]
        lines += [f"  opens with  {_in_words(item.fact)}", ""]
    if len(told) > _SHOWN:
        lines += [f"... and {len(told) - _SHOWN} more in {site.run_file}", ""]
    lines += [f"Filmpass is at {site.base_url}. Try next:"]
    lines += [f"  {what:<20} {how}" for what, how in _next_steps(site, api_key)]
    return "\n".join([*lines, _RULE])


def _in_words(fact: str) -> str:
    if "-" not in fact:
        return f"visit number {fact}"
    return f"date of birth {date.fromisoformat(fact):%-d %B %Y} ({fact})"


def _next_steps(site: Site, api_key: str) -> Iterable[tuple[str, str]]:
    options = site.options
    doors = Doors(site.base_url, api_key, options.dimse_port)
    trust = f" --cacert {site.ca_file}" if site.ca_file else ""
    yield "on this computer", "open a link, press the button, type what opens it"
    if options.tls:
        yield "on a phone", "in the same network: open a link; the certificate is self-made, so it asks once"
    else:
        yield "on a phone", "make run TLS=1"
    yield "your own images", "make run STUDY=<folder or ZIP file>"
    yield "the hospital API", f"curl{trust} -H 'Authorization: Bearer {api_key}' {doors.api_url}/worklist"
    yield "C-STORE", f"storescu -aec {CALLED_AE_TITLE} 127.0.0.1 {options.dimse_port} <files>"
    yield "messages", f"tail -f {site.sent_messages}"
    yield "for scripts", str(site.run_file)
    yield "this log", "goes on below, one name a process"
    yield "stop", "Ctrl-C"
