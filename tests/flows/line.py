"""The application with its web server, and the carrier at the other end of the line."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select
from werkzeug.serving import make_server

from app.factory import build_parts, create_app
from app.models.imaging import Study
from app.models.notifications import DeliveryAttempt, Notification
from app.outbox import claim
from app.services import announcing, dispatching, study_state
from app.services.unit_of_work import Scope, reading, unit_of_work
from demo.carrier import running_carrier
from demo.carrier_callbacks import Fault, sign
from tests import factories as make

AUTH_TOKEN = "carrier-auth-token"
SILENT = Fault(callbacks="dropped")
AFTER = dispatching.RECONCILE_AFTER + timedelta(seconds=1)


class Line:
    """The application with its web server on the loopback, and the carrier at the other end."""

    def __init__(self, parts, clock, carrier):
        self.parts, self.clock, self.carrier = parts, clock, carrier
        self.case = None

    def announced(self, **hospital):
        self.case = make.make_case(self.parts, **hospital)
        make.announce(self.parts, self.case)
        return self.case

    def send(self, *faults, **forward):
        for fault in faults:
            self.carrier.fail_next(fault)
        if forward:
            self.clock.forward(**forward)
        make.dispatch_all(self.parts)

    def rows(self, table):
        with reading(self.parts, self.case.scope) as session:
            return session.scalars(select(table).order_by(table.created_at, table.id)).all()

    @property
    def told(self):
        """State and reason of the newest notification."""
        row = self.rows(Notification)[-1]
        return row.state, row.reason

    @property
    def attempts(self):
        return [(row.number, row.state) for row in self.rows(DeliveryAttempt)]

    @property
    def texts(self):
        return [message.body for message in self.carrier.messages]

    def until(self, happened):
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline, "what was waited for did not come"
            threading.Event().wait(0.02)

    def callback(self, status, attempt=None, *, token=AUTH_TOKEN, **fields):
        """Post a status callback as the carrier would; returns the answer."""
        row = attempt or self.rows(DeliveryAttempt)[-1]
        url = f"{self.parts.settings.public_url}/webhooks/twilio/{row.id}"
        form = {"MessageSid": f"SM{row.id.hex}", "MessageStatus": status, "To": make.PHONE, "NewField": "x"} | fields
        return requests.post(url, data=form, headers={"X-Twilio-Signature": sign(token, url, form)}, timeout=10)


@contextmanager
def running_line(settings, tmp_path):
    """Serve the application on the loopback, where the carrier calls back."""
    token_file = tmp_path / "auth-token"
    token_file.write_text(AUTH_TOKEN)
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    with running_carrier(auth_token=AUTH_TOKEN) as carrier:
        chosen = replace(
            settings,
            public_url=f"http://127.0.0.1:{server.port}",
            twilio_account_sid=carrier.account_sid,
            twilio_auth_token_file=token_file,
            twilio_messaging_service_sid="MG" + "0" * 32,
            twilio_base_url=carrier.base_url,
            twilio_timeout_seconds=1,
        )
        clock = make.HandClock()
        parts = replace(build_parts(chosen), clock=clock)
        server.app = create_app(parts)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Line(parts, clock, carrier)
        finally:
            carrier.close()  # its last callbacks still find the server
            server.shutdown()
            thread.join()
            server.server_close()
            parts.decoder.close()
            parts.engine.dispose()


def tell_of_a_change(line):
    """A final report comes: a revision of consequence."""
    with unit_of_work(line.parts, line.case.scope) as session:
        study = session.scalars(select(Study)).one()
        study_state.report_changed(session, study, status="final", now=line.clock())
    make.make_report(line.parts, line.case.hospital, line.case.order)
    make.announce(line.parts, line.case)


def claim_one(line):
    with unit_of_work(line.parts, Scope(worker=True)) as session:
        (owed,) = claim(session, announcing.DISPATCH, limit=8, now=line.clock())
    return owed


class Killed(BaseException):
    """The process ends here."""


class DyingChannel:
    """Hands the message to the real channel, or not, and dies before anybody hears of it."""

    def __init__(self, channel, *, sends):
        self._channel, self._sends = channel, sends

    def send(self, message):
        if self._sends:
            self._channel.send(message)
        raise Killed


def die(line, *, sends):
    dying = {dispatching.CHANNEL: DyingChannel(line.parts.channels[dispatching.CHANNEL], sends=sends)}
    with pytest.raises(Killed):
        dispatching.dispatch(replace(line.parts, channels=dying), claim_one(line))
