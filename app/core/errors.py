"""The tree of errors a client may see. `web/problems.py` turns each into a problem document (RFC 9457)."""

from dataclasses import dataclass
from typing import ClassVar


class AppError(Exception):
    """An expected refusal: a stable code, an HTTP status and a sentence a person can act on.

    Parameters
    ----------
    detail : str
        One sentence, free of patient data.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused. `pointer` is a JSON pointer (RFC 6901); the value itself is never repeated."""

    pointer: str
    detail: str


class NotFound(AppError):
    """What does not exist, and what the caller may not know to exist."""

    code = "not-found"
    status = 404
    title = "There is nothing here"


class Forbidden(AppError):
    """A route that does not say who may enter."""

    code = "forbidden"
    status = 403
    title = "This way in is closed"


class Unauthenticated(AppError):
    """No credential, or one that is unknown or ended."""

    code = "unauthenticated"
    status = 401
    title = "A valid key is needed"


class InvalidInput(AppError):
    """Input that does not have the promised shape; `errors` names each field."""

    code = "invalid-input"
    status = 422
    title = "Some fields are not right"

    def __init__(self, errors: list[FieldError], detail: str = "") -> None:
        super().__init__(detail or "; ".join(f"{error.pointer}: {error.detail}" for error in errors))
        self.errors = errors


class BadRequest(AppError):
    """A request that cannot be read at all."""

    code = "bad-request"
    status = 400
    title = "The request cannot be read"


class Conflict(AppError):
    """The request contradicts what is there."""

    code = "conflict"
    status = 409
    title = "This contradicts what is already there"


class NotAcceptable(AppError):
    """No representation that the client accepts."""

    code = "not-acceptable"
    status = 406
    title = "None of the accepted media types can be given"


class TooLarge(AppError):
    """Larger than the stated limit."""

    code = "too-large"
    status = 413
    title = "Larger than the limit"


class UnsupportedMediaType(AppError):
    """A content type that this resource does not take."""

    code = "unsupported-media-type"
    status = 415
    title = "This content type is not taken here"


class TooOften(AppError):
    """More requests than the limit; `retry_after` says in how many seconds to come back."""

    code = "too-often"
    status = 429
    title = "Too many requests"


class OutOfResources(AppError):
    """Disk or quota is full, or the store cannot be written. What was acknowledged before is kept."""

    code = "out-of-resources"
    status = 503
    title = "The store cannot take more at the moment"


class StoreUnavailable(OutOfResources):
    """The image store is elsewhere, and does not answer or refuses. Nothing was stored."""

    code = "store-unavailable"
    title = "The image store does not answer at the moment"


class Gone(AppError):
    """A link that once opened something and no longer does."""

    code = "gone"
    status = 410
    title = "This link no longer opens anything"
