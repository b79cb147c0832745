"""What a client accepts, read as clients write it: quoted or not, lists, quality, in the address or the header.

References
----------
RFC 9110 12.4.2, 12.5.1; DICOM PS3.18 8.3.3.1 (`accept` in the address goes before the header), 8.7.8 (selection).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from typing_extensions import override

from app.core.errors import NotAcceptable
from app.dicom.multipart import parse_content_type

_ITEM = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?", re.ASCII)
_MOST = 100
MULTIPART = "multipart/related"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One media range. `inner` is the type of the parts of a multipart answer, `""` for any."""

    media_type: str
    inner: str
    transfer_syntax: str | None
    quality: float

    def takes(self, offer: "Offer") -> bool:
        """Tell whether an offer satisfies this range, transfer syntaxes aside."""
        if offer.multipart:
            if self.media_type not in {"*/*", "multipart/*", MULTIPART}:
                return False
            return self.inner in {"", "*/*", offer.media_type}
        family = offer.media_type.partition("/")[0] + "/*"
        return self.media_type in {"*/*", family, offer.media_type}


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to answer: a media type, by itself or in parts. `transfer_syntaxes`: None where it has none to choose."""

    media_type: str
    multipart: bool = False
    transfer_syntaxes: tuple[str, ...] | None = None

    @override
    def __str__(self) -> str:
        """Show it as a media range."""
        text = f'{MULTIPART}; type="{self.media_type}"' if self.multipart else self.media_type
        syntaxes = f"; transfer-syntax={' or '.join(self.transfer_syntaxes)}" if self.transfer_syntaxes else ""
        return text + syntaxes


def wanted() -> list[Wanted]:
    """Return what the request accepts, best first; nothing at all accepts anything."""
    text = ",".join(request.args.getlist("accept")).strip() or request.headers.get("Accept", "").strip() or "*/*"
    return parse_accept(text)


def parse_accept(text: str) -> list[Wanted]:
    """Read a list of media ranges, best first; what is none is left out."""
    items = [_range(item.strip()) for item in _ITEM.findall(text)[:_MOST] if item.strip()]
    return sorted((item for item in items if item.quality > 0), key=lambda item: -item.quality)


def _range(text: str) -> Wanted:
    media_type, parameters = parse_content_type(text)
    inner, of_inner = parse_content_type(parameters.get("type", ""))
    syntax = parameters.get("transfer-syntax", of_inner.get("transfer-syntax"))  # some write it within the quotes
    return Wanted(media_type, inner, syntax, _quality(parameters.get("q", "1")))


def _quality(text: str) -> float:
    return float(text) if _QUALITY.fullmatch(text) else 0.0


def choose(offers: Sequence[Offer], ranges: Sequence[Wanted] | None = None) -> tuple[Offer, str | None]:
    """Return the first offer that the best range takes, and the transfer syntax that it names (`*` is any).

    Raises
    ------
    NotAcceptable
        With what could be had.
    """
    for item in wanted() if ranges is None else ranges:
        for offer in offers:
            if item.takes(offer) and _fits(item.transfer_syntax, offer):
                return offer, item.transfer_syntax
    raise NotAcceptable("This can be given as: " + ", ".join(map(str, offers)) + ".")


def _fits(transfer_syntax: str | None, offer: Offer) -> bool:
    if transfer_syntax in {None, "*"} or offer.transfer_syntaxes is None:
        return True
    return transfer_syntax in offer.transfer_syntaxes
