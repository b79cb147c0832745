"""No secret anywhere: the whole way of a study, then every log line, row, file and answer is searched."""

import logging
import re
import threading
from dataclasses import replace

import pytest
import structlog
from werkzeug.serving import make_server

from app.core.logs import configure_logs
from app.factory import build_parts, create_app
from app.jobs import relay
from app.models.imaging import Study
from app.services.unit_of_work import unit_of_work
from app.web.authentication import Who, requires
from demo.carrier import running_carrier
from demo.carrier_callbacks import Fault
from tests import factories as make

AUTH_TOKEN = "carrier-auth-token"
ID_NUMBER = "11010519491231123X"
NAME = "欧阳^秘密"
PIXELS = b"\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def logs(capfd):
    """The logs as shipped, and the test's own set-up again afterwards."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    configure_logs("json")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def journey(settings, database, tmp_path, logs, capfd):
    """Walk it all; returns the secrets that were in play, and everything that was said and kept."""
    (tmp_path / "keys" / "carrier").write_text(AUTH_TOKEN)
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    with running_carrier(auth_token=AUTH_TOKEN) as carrier:
        chosen = replace(
            settings,
            public_url=f"http://127.0.0.1:{server.port}",
            twilio_account_sid=carrier.account_sid,
            twilio_auth_token_file=tmp_path / "keys" / "carrier",
            twilio_messaging_service_sid="MG" + "0" * 32,
            twilio_base_url=carrier.base_url,
        )
        parts = build_parts(chosen)
        app = create_app(parts)
        server.app = app
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        case, key = _arrive(parts)
        carrier.fail_next(Fault(status=400, code=21211))
        _announce_twice(parts, case)
        token = carrier.messages[0].body.rsplit("/", 1)[1]
        answers, secret = _visit(app, token)
        relay.tick(parts)
        carrier.close()
        server.shutdown()
        thread.join()
        server.server_close()
        parts.decoder.close()
        parts.engine.dispose()
    said = "".join(capfd.readouterr())
    return Journey(token, secret, key, answers, said, make.everything(database), _files(tmp_path))


class Journey:
    def __init__(self, token, secret, key, answers, said, rows, files):
        self.secrets = {"token": token, "cookie": secret, "api key": key, "carrier": AUTH_TOKEN}
        self.numbers = {"phone": make.PHONE, "national phone": make.PHONE[3:], "id number": ID_NUMBER}
        self.token, self.answers, self.said, self.rows, self.files = token, answers, said, rows, files


def _arrive(parts):
    hospital = make.make_hospital(parts)
    patient = make.make_patient(parts, hospital, id_number=ID_NUMBER, name=NAME)
    order = make.make_order(parts, hospital, patient, visit_number="V-77")
    study = make.make_study_ready(parts, hospital, order, pictures=1)
    make.make_report(parts, hospital, order, pdf=b"%PDF-1.7 secret-of-the-report")
    return make.Case(hospital, patient, order, study), make.make_api_key(parts, hospital)


def _announce_twice(parts, case):
    """Be refused by the carrier once, then be accepted by way of another message."""
    make.announce(parts, case)
    make.dispatch_all(parts)
    with unit_of_work(parts, case.scope) as session:
        study = session.get_one(Study, case.study)
        study.consequence += 1
    make.announce(parts, case)
    make.dispatch_all(parts)


def _visit(app, token):
    client = app.test_client()
    form = {"token": token, "kind": "id_last4", "act": "check"}
    answers = [client.get(f"/s/{token}"), client.post(f"/s/{token}")]
    answers += [client.post("/s", data=form | {"fact": typed}) for typed in ("9999", "123X")]
    page = answers[-1].location
    ends = ("", "/series/1", "/series/1/index.json", "/report.pdf", "/p/1/1.jpg", "/t/1.jpg", "/nowhere")
    answers += [client.get(f"{page}{end}") for end in ends]
    app.view_functions["studies.study"] = _breaks
    answers.append(client.get(page))
    return answers, client.get_cookie("filmpass").value


@requires(Who.ANYONE)
def _breaks(public_id):
    raise RuntimeError(f"something broke on the way of {make.PHONE} at /s/{'A' * 22}")


def _files(folder):
    kept = [path for path in folder.rglob("*") if path.is_file() and "keys" not in path.parts]
    return {path.name: path.read_bytes() for path in kept}


@pytest.mark.both_databases
def test_no_secret_is_logged_stored_or_answered(journey):
    assert [answer.status_code for answer in journey.answers[2:4]] == [422, 303]
    assert "unexpected failure" in journey.said  # the logs were really captured
    for name, value in (journey.secrets | journey.numbers).items():
        assert value not in journey.said, name
        for table, rows in journey.rows.items():
            assert value not in str(rows), (name, table)
        for file, content in journey.files.items():
            assert value.encode() not in content, (name, file)
    for word in ("V-77", "胸部 CT"):  # the fact that opens a link, and free text
        assert all(word not in str(rows) for rows in journey.rows.values()), word
    for word in ("欧阳", "秘密", "1958-03-07", "19580307", "V-77", "123X", "9999"):
        assert word not in _UUID.sub("", journey.said), word  # random digits may be any
    assert PIXELS in make.slice_file("1.2.3", 1, "P", "A")  # what is looked for below is what was sent
    for content in journey.files.values():
        assert b"secret-of-the-report" not in content
        assert PIXELS not in content
        assert b"\xff\xd8\xff\xe0" not in content  # a JPEG
        assert b"DICM" not in content
    for answer in journey.answers:
        headers = {name: value for name, value in answer.headers if name != "Set-Cookie"}
        assert journey.token not in str(headers)
        assert headers["Referrer-Policy"] == "no-referrer"
    for answer in journey.answers[4:]:
        assert journey.token.encode() not in answer.data
