"""Text of data sets: bytes in the declared Specific Character Set to str, and the common lies about it.

References
----------
DICOM PS3.3 C.12.1.1.2 (defined terms), PS3.5 6.1.2 (code extensions, where they are reset), Annex J, K (Chinese).
"""

import re

_ESC = 0x1B
_LATIN_1 = "latin_1"
_GB = "gb18030"  # a superset of GB 2312 and GBK, so one codec reads all three
_CODECS = {
    "13": "shift_jis",
    "100": _LATIN_1,
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "166": "iso8859_11",
    "192": "utf_8",
    "203": "iso8859_15",
    "58": _GB,
    "GB18030": _GB,
    "GBK": _GB,
    "ISO 2022 GBK": _GB,
}
_ISO_TERM = re.compile(r"ISO[ _-](?:2022[ _-])?(?:IR[ _-])?(\d+)")  # with the misspellings met in real files
# Escape sequences (PS3.3 Tables C.12-3 and C.12-4): those of G0 say how bytes below 0x80 read, those of G1 the others.
_ESCAPE = re.compile(rb"\x1b(\$[()]?[A-Z@]|[()-][A-Za-z])")
_G0 = {b"(B": None, b"(J": None, b"$B": "iso2022_jp", b"$@": "iso2022_jp", b"$(D": "iso2022_jp_2"}
_G1 = {
    b")I": "13",
    b"-A": "100",
    b"-B": "101",
    b"-C": "109",
    b"-D": "110",
    b"-F": "126",
    b"-G": "127",
    b"-H": "138",
    b"-L": "144",
    b"-M": "148",
    b"-T": "166",
    b"-b": "203",
    b"$)C": "149",
    b"$)A": "58",
}
_RESETS = {"PN": re.compile(rb"[\\^=\r\n\t\f]")}
_RESETS_ELSEWHERE = re.compile(rb"[\\\r\n\t\f]")
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LEADING_SPACE_COUNTS = frozenset({"LT", "ST", "UT", "UC"})
_ONE_ALPHABET = re.compile(  # Latin, Greek, Cyrillic, Hebrew, Arabic as modern names and words have them
    "|".join(rf"[\0-\x7f{letters}]+" for letters in ("\xa0-\u017f", "Ά-ώ", "Ѐ-џ", "א-ת", "ء-ي"))
)
_HIGH_RUN = re.compile(rb"(?<![\x80-\xff])[\x80-\xff]{2,}")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")


def character_sets(raw: bytes) -> tuple[str, ...]:
    """Give the values of Specific Character Set (0008,0005), `""` for an empty one; `()` for an empty attribute."""
    text = raw.decode("ascii", "replace").strip(" \0")
    return tuple(value.strip().upper() for value in text.split("\\")) if text else ()


def decode_text(raw: bytes, character_sets: tuple[str, ...], vr: str) -> str:
    r"""Decode the value of a text element; never fails.

    Parameters
    ----------
    raw : bytes
        The whole value. A backslash in the answer parts values; one that was the second byte of a Chinese character
        is gone by then, so split after decoding.
    character_sets : tuple of str
        As the function of that name gives them.
    vr : str
        Value representation; those that Specific Character Set does not govern are ASCII.

    Returns
    -------
    str
        Without padding; U+FFFD where bytes stand for nothing. A person name keeps `^` and `=`.

    Notes
    -----
    Bytes above 0x7F in text declared as ASCII or Latin-1 are often something else. They are read as UTF-8 when they
    are valid UTF-8, and not by chance only; as GB 18030 when they look Chinese (`_looks_chinese`); else as Latin-1.

    References
    ----------
    DICOM PS3.3 C.12.1.1.2; PS3.5 6.1.2.5.3 (a delimiter resets G1 to that of value 1).
    """
    return decode_text_marked(raw, character_sets, vr)[0]


def decode_text_marked(raw: bytes, character_sets: tuple[str, ...], vr: str) -> tuple[str, str | None]:
    """Decode as `decode_text` does, and tell which set was recognised in place of the one declared.

    Returns
    -------
    tuple of str, and str or None
        The text; the defined term (0008,0005) of the set that the bytes are in, None where they are in that declared.
    """
    recognised = None
    if vr not in _TEXT_VRS:
        text = raw.decode("ascii", "replace")
    elif _ESC in raw:
        text = _decode_escaped(raw, _initial_codec(character_sets), _RESETS.get(vr, _RESETS_ELSEWHERE))
    else:
        text, recognised = _decode_plain(raw, _initial_codec(character_sets))
    if vr == "PN":
        text = text.rstrip("= \0")  # empty groups at the end say nothing (PS3.5 6.2.1.2)
    return (text.rstrip(" \0") if vr in _LEADING_SPACE_COUNTS else text.strip(" \0")), recognised


def _initial_codec(terms: tuple[str, ...]) -> str:
    """Give the codec of bytes above 0x7F before any escape sequence.

    When value 1 has none, the first extension that has: Chinese and Korean files leave the escape sequences out.
    """
    for term in terms:
        iso = _ISO_TERM.fullmatch(term)
        if codec := _CODECS.get(iso[1] if iso else term):
            return codec
    return _LATIN_1


def _decode_plain(raw: bytes, codec: str) -> tuple[str, str | None]:
    if raw.isascii():
        return raw.decode("ascii"), None
    if codec != _LATIN_1:
        return raw.decode(codec, "replace"), None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return (raw.decode(_GB), "GB18030") if _looks_chinese(raw) else (raw.decode(_LATIN_1), None)
    # Some Chinese words are valid UTF-8 by chance ("头颅CT平扫"), but then they mix rare letters of several alphabets.
    by_chance = max(text) < "\u0800" and not _ONE_ALPHABET.fullmatch(text) and _looks_chinese(raw)
    return (raw.decode(_GB), "GB18030") if by_chance else (text, "ISO_IR 192")


def _looks_chinese(raw: bytes) -> bool:
    """Tell Chinese characters in GB 18030 from accented letters in Latin-1.

    All must decode, none to a private character, one at least to an ideograph; and one run of two or more bytes above
    0x7F must be no pair of accented letters within a word ("Conceição"): it is longer, or holds a byte that is no
    letter in Latin-1, or stands apart from ASCII letters. A lone byte ("Müller") is always Latin-1.
    """
    try:
        text = raw.decode(_GB)
    except UnicodeDecodeError:
        return False
    if any("\ue000" <= char <= "\uf8ff" for char in text) or not any("\u3400" <= char <= "\u9fff" for char in text):
        return False
    return any(not _may_be_accented_letters(raw, run) for run in _HIGH_RUN.finditer(raw))


def _may_be_accented_letters(raw: bytes, run: re.Match[bytes]) -> bool:
    touches_word = _ASCII_LETTER.match(raw, run.end()) or _ASCII_LETTER.match(raw, max(run.start() - 1, 0))
    return len(run[0]) == 2 and min(run[0]) >= 0xC0 and bool(touches_word)


def _decode_escaped(raw: bytes, initial: str, resets: re.Pattern[bytes]) -> str:
    low, high, text = b"(B", initial, []
    first, *rest = _ESCAPE.split(raw)
    for escape, piece in zip([b"(B", *rest[::2]], [first, *rest[1::2]], strict=True):
        low = escape if escape in _G0 else low
        high = _CODECS[_G1[escape]] if escape in _G1 else high
        if kanji := _G0[low]:
            text.append((b"\x1b" + low + piece).decode(kanji, "replace"))
            continue
        reset = resets.search(piece) if high != initial else None
        end = reset.start() if reset else len(piece)
        text.append(piece[:end].decode(high, "replace"))
        if reset:
            high = initial
            text.append(piece[end:].decode(high, "replace"))
    return "".join(text).replace("\x1b", "\ufffd")
