"""What the logs say of an error, and what they never say of a person."""

import json
import logging

import pytest
import structlog

from app.core.logs import configure_logs, get_logger

TOKEN, NAME = "A" * 22, "王小明"


@pytest.fixture(autouse=True)
def _restored():
    """The test's own set-up again afterwards."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _look_up():
    return {}[NAME]


def _fail():
    try:
        return _look_up()
    except KeyError:
        return int(NAME)


def _fail_alone():
    try:
        return _look_up()
    except KeyError:
        raise ValueError(NAME) from None


@pytest.mark.parametrize("log_format", ["json", "plain"])
@pytest.mark.parametrize("fail", [_fail, _fail_alone])
def test_an_error_is_logged_with_its_way_and_without_its_words(capfd, fail, log_format):
    configure_logs(log_format)
    try:
        fail()
    except ValueError:
        for log in (get_logger("web"), logging.getLogger("library")):
            log.exception("it failed")
            said = capfd.readouterr().err
            assert "it failed" in said
            assert "ValueError" in said
            assert f"in {fail.__name__}" in said
            assert ("KeyError" in said) is (fail is _fail)
            assert NAME not in said
            assert json.dumps(NAME)[1:-1] not in said


def test_what_a_library_quotes_begins_no_line_of_its_own(capfd):
    configure_logs("json")
    logging.getLogger("library").warning("bad title: %s", "A\r\nERROR \x1b[31m\u2028B")
    assert capfd.readouterr().err.endswith(r"bad title: A\r\nERROR \x1b[31m\u2028B" + "\n")


def test_what_the_web_server_says_about_a_bad_request_names_no_link(capfd):
    configure_logs("json")
    server = logging.getLogger("gunicorn.error")
    handler = logging.StreamHandler()
    server.addHandler(handler)
    server.warning("Invalid HTTP request line: 'GET /s/%s foo'", TOKEN)
    server.warning("Invalid HTTP Header: 'Cookie __Host-filmpass=%s'", TOKEN)
    server.removeHandler(handler)
    said = capfd.readouterr().err
    assert "Invalid HTTP request line: 'GET /s/[redacted] foo'" in said
    assert TOKEN not in said
