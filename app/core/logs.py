"""Structured logs: one line an event, a request id on each, and one list of what never appears in clear."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from typing_extensions import override

# Values under these names are replaced whole; the patterns below catch secrets inside other text.
REDACTED_NAMES = frozenset(
    {
        "token",
        "passcode",
        "fact",
        "phone",
        "to",
        "body",
        "name",
        "patient_name",
        "patient_id",
        "birth_date",
        "id_number",
        "authorization",
        "cookie",
        "api_key",
        "password",
        "accession_number",
        "email",
        "telephone",
    }
)
_PATTERNS = (
    (re.compile(r"(/s/|/g/|/dw/)[A-Za-z0-9_-]{16,}"), r"\1[redacted]"),
    (re.compile(r"(filmpass=)[A-Za-z0-9_-]{16,}"), r"\1[redacted]"),
    (re.compile(r"\+\d{8,15}"), "[phone]"),
    (re.compile(r"fpk_[A-Za-z0-9_-]+"), "[key]"),
)
_ON_ONE_LINE = {code: repr(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F))}


def redact_text(text: str) -> str:
    """Return `text` without tokens, keys and phone numbers."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor of structlog: drop values by name, clean every other text."""
    for name, value in event.items():
        if name in REDACTED_NAMES:
            event[name] = "[redacted]"
        elif isinstance(value, str):
            event[name] = redact_text(value)
    return event


def way_of(exc_info: Any) -> str:
    """Return the way to an error and its causes, without their words: libraries quote the value that they fail on."""
    error: BaseException | None = exc_info[1]
    steps = []
    while error is not None:
        steps.append("".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nby way of\n".join(steps)


class _RedactingFilter(logging.Filter):
    """Cleans what libraries log through the standard module."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact_text(record.getMessage()).translate(_ON_ONE_LINE)  # it may hold what a stranger sent
        record.args = None
        if record.exc_info:
            record.exc_text = way_of(record.exc_info)  # a formatter takes this text where it is there already
        return True


def configure_logs(log_format: str) -> None:
    """Send structlog and the standard module to standard error, as JSON lines or as plain text."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(way_of),
            redact,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RedactingFilter())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it quotes what it refuses; app/dimse says that it did
    logging.getLogger("gunicorn.error").filters[:] = [_RedactingFilter()]  # it has handlers of its own


def get_logger(name: str) -> Any:
    """Return a logger bound to a component's name."""
    return structlog.get_logger(component=name)  # lazy: binding here would freeze an unconfigured logger
