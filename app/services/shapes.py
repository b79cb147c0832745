"""What the hospital API's documents share: strict input, plain output, and text that every database takes.

Input is strict: no field too many, no `"1"` for 1. Messages about it never repeat what was sent.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.core.identifiers import InvalidUid, parse_uid

OWN_ERROR = "filmpass"
"""The type of a pydantic error whose message is a sentence of ours."""
# Controls, and what ends a line or turns the direction of all that follows it on a page.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"


class Input(BaseModel):
    """A document that a hospital's system sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Output(BaseModel):
    """A document that we answer with."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse(sentence: str) -> PydanticCustomError:
    """Return the error of a validator; the sentence must not repeat the value."""
    return PydanticCustomError(OWN_ERROR, "{sentence}", {"sentence": sentence})


def _uid(text: str) -> str:
    try:
        return parse_uid(text)
    except InvalidUid as error:
        raise refuse(error.detail) from None


# 64 characters is what DICOM's LO holds (PS3.5 6.2): Patient ID, issuer; SH (accession number) is shorter and often
# exceeded in practice.
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_NO_CONTROLS)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1024, pattern=_NO_CONTROLS)]
Uid = Annotated[
    str,
    AfterValidator(_uid),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64}),
]


class PatientReference(Input):
    """A Patient ID (0010,0020) and its issuer (0010,0021); without one, the hospital's own."""

    value: ShortText
    issuer: ShortText | None = None


class OrderReference(Input):
    """An accession number (0008,0050) and its issuer; without one, the hospital's own."""

    accession_number: ShortText
    issuer: ShortText | None = None


class Written(Output):
    """What became of a write. Holds ids only, so it may be kept for a repeated Idempotency-Key."""

    id: UUID
    outcome: Literal["created", "changed", "unchanged"]

    @property
    def status(self) -> int:
        """Return the HTTP status that says the same."""
        return 201 if self.outcome == "created" else 200


class PageQuery(Input):
    """Where a list goes on: `cursor` is `next_cursor` of the page before."""

    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
