"""An SMS carrier for the demo and the tests: Twilio's published Messages API, with state, callbacks and faults.

`python -m demo.carrier --port 0 --sent FILE --account-sid AC... --auth-token-file FILE` runs it on the loopback. Beside
Twilio's own paths, with the same credentials: `POST /demo/faults` (JSON fields of `Fault`) decides what the next
message meets, `POST /demo/opt-outs` (JSON `{"to": ...}`) is an answer of STOP.
"""

import argparse
import base64
import binascii
import hmac
import json
import os
import re
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from typing_extensions import override

from demo.carrier_callbacks import Courier, Fault
from demo.carrier_messages import API_VERSION, Message, MessageBook, Refused

_LIST = re.compile(rf"/{API_VERSION}/Accounts/(AC[0-9a-fA-F]{{32}})/Messages\.json")
_ONE = re.compile(rf"/{API_VERSION}/Accounts/(AC[0-9a-fA-F]{{32}})/Messages/((?:SM|MM)[0-9a-fA-F]{{32}})\.json")
_MAX_BODY = 64 << 10


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message as the phone receives it: one line of the sent file."""

    at: str
    channel: str
    to: str
    body: str
    reference: str


class Carrier:
    """The carrier behind its HTTP face; every public method is safe among threads."""

    def __init__(
        self, account_sid: str, auth_token: str, *, sent: Path | None = None, ca_file: str | None = None
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.base_url = ""
        self.book = MessageBook(account_sid)
        self.closing = threading.Event()
        self._courier = Courier(self.book, auth_token, ca_file=ca_file)
        self._sent = sent
        self._accepted: list[Accepted] = []
        self._faults: deque[Fault] = deque()
        self.weather = Fault()
        self._changed = threading.Condition()

    @property
    def messages(self) -> list[Accepted]:
        """What the phones received, oldest first, whatever the API redacts."""
        with self._changed:
            return list(self._accepted)

    def fail_next(self, fault: Fault) -> None:
        """Let one of the next messages meet a fault; several wait in line."""
        with self._changed:
            self._faults.append(fault)

    def opt_out(self, number: str) -> None:
        """Receive STOP from a number."""
        self.book.opt_out(number)

    def wait_for(self, arrived: Callable[[list[Accepted]], bool], timeout: float = 10) -> list[Accepted]:
        """Wait until the accepted messages satisfy `arrived`; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: arrived(list(self._accepted)), timeout):
                raise TimeoutError("The messages that were waited for did not come.")
            return list(self._accepted)

    def next_fault(self) -> Fault:
        """Take what the next message meets: the fault that waits in line, else the weather of the day."""
        with self._changed:
            return self._faults.popleft() if self._faults else self.weather

    def create(self, form: Mapping[str, str], fault: Fault) -> Message:
        """Accept or refuse a message, and set it on its way."""
        if fault.status:
            raise Refused(fault.status, fault.code, "The demo carrier was asked to refuse this.")
        message = self.book.create(form)
        self._note(message)
        self._courier.take(message.sid, fault)
        return message

    def close(self) -> None:
        """Deliver what is owed, then end."""
        self.closing.set()
        self._courier.close()

    def _note(self, message: Message) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        accepted = Accepted(at, "sms", message.to, message.body, message.sid)
        with self._changed:
            if self._sent:
                _append(self._sent, json.dumps(asdict(accepted), ensure_ascii=False) + "\n")
            self._accepted.append(accepted)
            self._changed.notify_all()


def _append(path: Path, line: str) -> None:
    # One write to a file opened for appending: a reader never meets half a line.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, carrier: Carrier) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.carrier = carrier
        carrier.base_url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    fault = Fault()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the request line of a list holds a phone number."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MAX_BODY))
            self._authenticate()
            status, payload = self._route(body)
        except Refused as refused:
            status, payload = refused.status, _problem(refused)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return
        if status:
            self._reply(status, payload)

    def _authenticate(self) -> None:
        carrier = self.server.carrier
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            decoded = base64.b64decode(given, validate=True)
        except binascii.Error:
            decoded = b""
        expected = f"{carrier.account_sid}:{carrier.auth_token}".encode()
        if scheme.lower() != "basic" or not hmac.compare_digest(decoded, expected):
            raise Refused(401, 20003, "Authenticate")

    def _route(self, body: bytes) -> tuple[int, dict[str, Any] | None]:
        book, url = self.server.carrier.book, urlsplit(self.path)
        if self.command == "POST" and url.path.startswith("/demo/"):
            return self._control(url.path, body)
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        many, one = _LIST.fullmatch(url.path), _ONE.fullmatch(url.path)
        found = many or one
        if found is None or found[1] != self.server.carrier.account_sid:
            raise Refused(404, 20404, f"The requested resource {url.path} was not found")
        if many:
            return self._create(form) if self.command == "POST" else (200, _page(book, url.path, url.query))
        sid = found[2]
        if self.command == "DELETE":
            book.delete(sid)
            return 204, None
        return 200, (book.update(sid, form) if self.command == "POST" else book.get(sid)).resource()

    def _create(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any] | None]:
        carrier = self.server.carrier
        fault = self.fault = carrier.next_fault()
        message = carrier.create(form, fault)
        if fault.lose_reply:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return 0, None
        if fault.delay:
            carrier.closing.wait(fault.delay)
        if fault.reply == "endless":
            self._drip()
            return 0, None
        return 201, message.resource()

    def _drip(self) -> None:
        """Answer a byte at a time, without an end, until the client has had enough."""
        self.close_connection = True
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 201 CREATED\r\nX-Patience: ")
            while not self.server.carrier.closing.wait(0.1):
                self.wfile.write(b".")

    def _control(self, path: str, body: bytes) -> tuple[int, dict[str, Any] | None]:
        try:
            fields = json.loads(body)
            if path == "/demo/faults":
                self.server.carrier.fail_next(Fault(**fields))
            elif path == "/demo/opt-outs":
                self.server.carrier.opt_out(fields["to"])
            else:
                raise Refused(404, 20404, "The requested resource was not found")
        except (ValueError, TypeError, KeyError):
            raise Refused(400, 20001, "The body is not what this path takes.") from None
        return 204, None

    def _reply(self, status: int, payload: dict[str, Any] | None) -> None:
        content = b"" if payload is None else _FORMS[self.fault.reply](json.dumps(payload).encode())
        try:
            self.send_response(status)
            if payload is not None:
                kind = "text/html" if self.fault.reply == "html" else "application/json"
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="Twilio API"')
            if 300 <= status < 400:
                self.send_header("Location", self.path)
            if self.fault.retry_after:
                self.send_header("Retry-After", str(self.fault.retry_after))
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client gave up waiting, as a delayed reply wants it to


_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "json": lambda content: content,
    "html": lambda _: b"<html><body><h1>Bad Gateway</h1></body></html>",
    "truncated": lambda content: content[: len(content) // 2],
    "list": lambda content: b"[" + content + b"]",
}


def _problem(refused: Refused) -> dict[str, Any]:
    return {
        "code": refused.code,
        "message": refused.sentence,
        "more_info": f"https://www.twilio.com/docs/errors/{refused.code}",
        "status": refused.status,
    }


def _page(book: MessageBook, path: str, query_string: str) -> dict[str, Any]:
    query = dict(parse_qsl(query_string))
    found = [message for message in book.newest_first() if _matches(message, query)]
    try:
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
    except ValueError:
        raise Refused(400, 20001, "PageSize and Page are whole numbers.") from None
    if not (1 <= size <= 1000 and page >= 0):
        raise Refused(400, 20006, "PageSize is 1 to 1000.")
    shown = found[page * size : (page + 1) * size]

    def uri(number: int) -> str:
        return f"{path}?{urlencode({**query, 'PageSize': size, 'Page': number})}"

    return {
        "end": max(page * size + len(shown) - 1, 0),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
        "page": page,
        "page_size": size,
        "previous_page_uri": uri(page - 1) if page else None,
        "start": page * size,
        "uri": uri(page),
        "messages": [message.resource() for message in shown],
    }


def _matches(message: Message, query: Mapping[str, str]) -> bool:
    if query.get("To", message.to) != message.to or query.get("From", message.sender) != message.sender:
        return False
    for name, fits in _DATE_FILTERS.items():
        if name in query and not (message.sent and fits(message.sent, _parse_date(query[name]))):
            return False
    return True


# The wire says DateSent> for "on or after"; a date without a time stands for its whole day.
_DATE_FILTERS: dict[str, Callable[[datetime, datetime], bool]] = {
    "DateSent": lambda sent, wanted: sent.date() == wanted.date(),
    "DateSent<": lambda sent, wanted: sent <= wanted,
    "DateSent>": lambda sent, wanted: sent >= wanted,
}


def _parse_date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, 20001, "DateSent is a date or a date and time in UTC.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def running_carrier(
    account_sid: str = "AC" + "0" * 32,
    auth_token: str = "demo-auth-token",  # noqa: S107  the carrier is ours, and so is its token
    *,
    port: int = 0,
    sent: Path | None = None,
    ca_file: str | None = None,
) -> Iterator[Carrier]:
    """Run the carrier on the loopback, on threads of this process, until the block ends."""
    carrier = Carrier(account_sid, auth_token, sent=sent, ca_file=ca_file)
    with _Server(port, carrier) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield carrier
        finally:
            carrier.close()
            server.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> None:
    """Run the carrier as a process, until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo.carrier", description="A demo SMS carrier.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line says which")
    parser.add_argument("--sent", type=Path, required=True, help="accepted messages are appended here, one JSON a line")
    parser.add_argument("--account-sid", required=True)
    parser.add_argument("--auth-token-file", type=Path, required=True)
    parser.add_argument("--ca-file", help="certificate that the callbacks may trust")
    chosen = parser.parse_args(arguments)
    token = chosen.auth_token_file.read_text().strip()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the threads start, so that only sigwait receives them
    with running_carrier(
        chosen.account_sid, token, port=chosen.port, sent=chosen.sent, ca_file=chosen.ca_file
    ) as carrier:
        print(f"listening on {carrier.base_url}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
