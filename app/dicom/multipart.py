"""Split a multipart/related body into its parts, in bounded memory whatever its length.

References
----------
RFC 2046 5.1.1 (multipart syntax), RFC 2387 (multipart/related), DICOM PS3.18 8.6 (its use by DICOMweb).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Protocol

HEADER_LIMIT = 16 * 1024  # bytes; no DICOMweb client needs a tenth of it
_PADDING_LIMIT = 256  # bytes of white space a gateway may add after a boundary
# RFC 2046 wants 70 characters at most, and fewer kinds; Orthanc sends 73.
_BOUNDARY = re.compile(r"[\x20-\x7e]{0,199}[\x21-\x7e]")
_LINE_REST = re.compile(rb"(--)?[ \t]{0,%d}(?=\r\n)" % _PADDING_LIMIT)
_LINE_REST_BEGUN = re.compile(rb"-|(?:--)?[ \t]{0,%d}\r?" % _PADDING_LIMIT)
_LAST_LINE_REST = re.compile(rb"(--)[ \t]{0,%d}\r?" % _PADDING_LIMIT)
_Line = re.Match[bytes]
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)


class MultipartError(ValueError):
    """The body is not the multipart message that it says it is."""


class BadBoundary(MultipartError):
    """The boundary is missing or no text that can be told from a body."""


class NoParts(MultipartError):
    """The body holds no part: the boundary never opened one."""


class TruncatedBody(MultipartError):
    """The body ended before its closing boundary: its last part is not whole."""


class ByteStream(Protocol):
    """What `split` reads from: `read` may return less than asked for, and `b""` at the end only."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        ...


def parse_content_type(header: str) -> tuple[str, dict[str, str]]:
    """Read a Content-Type header.

    Parameters
    ----------
    header : str
        The value, such as ``multipart/related; type="application/dicom"; boundary=x``; DICOMweb clients leave out
        the quotation marks, even where RFC 2045 wants them.

    Returns
    -------
    media_type : str
        In lower case, `""` for none.
    parameters : dict of str
        Names in lower case, values without quotation marks; the first of two with the same name counts.
    """
    media_type, mark, _ = header.partition(";")
    parameters: dict[str, str] = {}
    for name, value in _PARAMETER.findall(header[len(media_type) :] if mark else ""):
        parameters.setdefault(name.lower(), _unquoted(value.strip()))
    return media_type.strip().lower(), parameters


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value


class _Window:
    """The few bytes of the stream that are in memory, from `at` on."""

    def __init__(self, stream: ByteStream, read_size: int) -> None:
        self._stream, self._read_size = stream, read_size
        self.data, self.at = b"\r\n", 0  # the first boundary may stand at the very start: as if a line had ended
        self.ended = False

    def more(self) -> bool:
        """Read on; False at the end of the stream."""
        chunk = b"" if self.ended else self._stream.read(self._read_size)
        self.ended = not chunk
        self.data, self.at = self.data[self.at :] + chunk, 0
        return not self.ended

    def take(self, end: int) -> memoryview:
        start, self.at = self.at, end
        return memoryview(self.data)[start:end]


class Part:
    """One body part.

    Attributes
    ----------
    headers : Mapping of str
        Names in lower case. Empty when no header block of at most `HEADER_LIMIT` bytes is there: then the body is all
        that stands between the boundaries.
    """

    def __init__(self, headers: Mapping[str, str], splitter: "_Splitter") -> None:
        self.headers = headers
        self._splitter = splitter

    def chunks(self) -> Iterator[memoryview]:
        """Give the body piece by piece, without copying it; what is not taken is skipped when the next part is wanted.

        Raises
        ------
        TruncatedBody
            When the stream ends before the boundary that ends this part.
        """
        while self._splitter.part is self:
            if piece := self._splitter.next_piece():
                yield piece


class _Splitter:
    def __init__(self, stream: ByteStream, boundary: str, read_size: int) -> None:
        self._window = _Window(stream, read_size)
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._line_end = 0  # bytes before the body that are not of it: the CRLF of the line above
        self._closed = False
        self.part: Part | None = None

    def parts(self) -> Iterator[Part]:
        self._skip_preamble()
        while not self._closed:
            headers = self._take_headers()
            self.part = part = Part(headers, self)
            yield part
            for _ in part.chunks():
                pass

    def _skip_preamble(self) -> None:
        self.part = preamble = Part({}, self)
        try:
            for _ in preamble.chunks():
                pass
        except TruncatedBody:
            raise NoParts("The boundary does not occur in the body.") from None
        if self._closed:
            raise NoParts("The body closes before its first part.")

    def next_piece(self) -> memoryview:
        """Give more of the part's body, perhaps nothing yet; at its delimiter, end the part."""
        window = self._window
        body_end, line = self._find_delimiter_line()
        if line is None and window.ended:
            raise TruncatedBody("The body ended before its closing boundary.")
        piece = window.take(body_end)
        above = min(self._line_end, len(piece))
        self._line_end -= above
        if line is None:
            window.more()
        else:
            window.at, self._closed, self.part = line.end(), bool(line[1]), None
        return piece[above:]

    def _find_delimiter_line(self) -> tuple[int, _Line | None]:
        """Give where the known body ends, and the match of what follows the boundary there."""
        data, start, size = self._window.data, self._window.at, len(self._delimiter)
        while (found := data.find(self._delimiter, start)) >= 0:
            rest = found + size
            if line := _LINE_REST.match(data, rest) or (self._window.ended and _LAST_LINE_REST.fullmatch(data, rest)):
                return found, line
            if not self._window.ended and _LINE_REST_BEGUN.fullmatch(data, rest):
                return found, None
            start = found + 1  # data that only begins like the boundary, such as one nested in it
        return max(self._window.at, len(data) - size + 1), None

    def _take_headers(self) -> dict[str, str]:
        window, self._line_end = self._window, 2
        while (end := window.data.find(b"\r\n\r\n", window.at, window.at + HEADER_LIMIT)) < 0:
            if len(window.data) - window.at >= HEADER_LIMIT or not window.more():
                return {}
        if window.data.find(self._delimiter, window.at, end) >= 0:
            return {}
        headers = _parse_headers(bytes(window.take(end)))
        window.at += 2  # the CRLF of the blank line stays: where there is no body, it is the delimiter's
        return headers


def _parse_headers(block: bytes) -> dict[str, str]:
    unfolded = re.sub(r"\r\n[ \t]+", " ", block.decode("latin-1"))
    headers: dict[str, str] = {}
    for line in unfolded.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def split(stream: ByteStream, boundary: str, *, read_size: int = 1 << 20) -> Iterator[Part]:
    """Split a multipart body into its parts while it is read.

    Parameters
    ----------
    stream : ByteStream
        The body, without transfer coding.
    boundary : str
        As `parse_content_type` gives it.
    read_size : int
        Bytes asked for at a time; at most about twice as many are held.

    Yields
    ------
    Part
        In order; each is to be used before the next is asked for.

    Raises
    ------
    BadBoundary
        At once, when the boundary is none.
    NoParts
        When the first part is asked for and there is none.
    TruncatedBody
        When the closing boundary never comes, from the part's `chunks` or when the next part is asked for. The parts
        before are whole.

    References
    ----------
    RFC 2046 5.1.1. A boundary counts only when nothing but white space (or the closing `--`) follows it in its line;
    preamble and epilogue are skipped.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise BadBoundary("The boundary must have 1 to 200 printable characters and not end in a space.")
    return _Splitter(stream, boundary, read_size).parts()
