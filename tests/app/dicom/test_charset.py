"""Text in every declared character set, and under the lies that real files tell."""

import pydicom.charset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dicom.charset import character_sets, decode_text, decode_text_marked

ESC = b"\x1b"
LATIN = ("ISO_IR 100",)


@pytest.mark.parametrize(
    ("raw", "terms"),
    [
        (b"", ()),
        (b"  ", ()),
        (b"ISO_IR 100", ("ISO_IR 100",)),
        (b"\\ISO 2022 IR 58", ("", "ISO 2022 IR 58")),
        (b"ISO 2022 IR 13 \\ISO 2022 IR 87", ("ISO 2022 IR 13", "ISO 2022 IR 87")),
        (b"gb18030\0", ("GB18030",)),
    ],
)
def test_the_attribute_gives_its_terms(raw, terms):
    assert character_sets(raw) == terms


@pytest.mark.parametrize(
    ("terms", "raw", "text"),
    [
        # DICOM PS3.5 Annexes H, I, J and K
        (
            ("", "ISO 2022 IR 87"),
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            ("ISO 2022 IR 13", "ISO 2022 IR 87"),
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        ),
        (
            ("", "ISO 2022 IR 149"),
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (("ISO_IR 192",), "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東"),
        (("GB18030",), b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东"),
        (
            ("", "ISO 2022 IR 58"),
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "Zhang^XiaoDong=张^小东",
        ),
        (("GBK",), "张^镕".encode("gbk"), "张^镕"),
        (("ISO 2022 GBK",), "张^镕".encode("gbk"), "张^镕"),
        (("ISO 2022 58",), "张^三".encode("gbk"), "张^三"),
        (("ISO_IR 144",), "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (("ISO_IR 126",), "Διονυσιος".encode("iso8859_7"), "Διονυσιος"),
        (("ISO_IR 127",), "قباني^لنزار".encode("iso8859_6"), "قباني^لنزار"),
        (("ISO_IR 138",), "שרון^דבורה".encode("iso8859_8"), "שרון^דבורה"),
        (("ISO_IR 101",), "Gołąb^Łukasz".encode("iso8859_2"), "Gołąb^Łukasz"),
        (("ISO_IR 148",), "Çiğdem^Şükrü".encode("iso8859_9"), "Çiğdem^Şükrü"),
        (("ISO_IR 166",), "สมชาย".encode("iso8859_11"), "สมชาย"),
        (("ISO_IR 203",), "Cœur^€".encode("iso8859_15"), "Cœur^€"),
        (("ISO_IR 13",), "ﾔﾏﾀﾞ".encode("shift_jis"), "ﾔﾏﾀﾞ"),
        (LATIN, b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        (("ISO_IR_100",), b"\xc4neas", "Äneas"),
        (("ISO-IR 100",), b"\xc4neas", "Äneas"),
    ],
)
def test_the_examples_of_the_standard(terms, raw, text):
    assert decode_text(raw, terms, "PN") == text


def test_pydicom_knows_no_term_that_we_do_not():
    for term, codec in pydicom.charset.python_encoding.items():
        single = bytes(range(0xA1, 0xFF)).decode(codec, "ignore")[:20]
        if codec in {"iso2022_jp", "iso2022_jp_2"}:
            single = "山"
        raw = single.encode(codec)
        expected = single if codec != "iso8859" else decode_text(raw, LATIN, "LO")
        assert decode_text(raw, (term,), "LO") == expected, term


def test_g1_is_reset_by_the_delimiters_of_its_vr():
    raw = b"M\xfcller^" + ESC + b"$)C\xfb\xf3^\xc4neas"
    terms = ("ISO 2022 IR 100", "ISO 2022 IR 149")
    assert decode_text(raw, terms, "PN") == "Müller^洪^Äneas"
    line = ESC + b"-F\xe1\xe2\r\n\xe9\xe8"
    assert decode_text(line, ("ISO 2022 IR 100", "ISO 2022 IR 126"), "LT") == "αβ\r\néè"


def test_chinese_without_its_escape_sequences_is_read():
    assert decode_text("头颅CT平扫".encode("gbk"), ("", "ISO 2022 IR 58"), "LO") == "头颅CT平扫"
    assert decode_text("张三".encode("gbk"), ("ISO 2022 IR 100", "ISO 2022 IR 58"), "PN") == "张三"


CHINESE = [
    "张^三",
    "李",
    "王^小东",
    "欧阳^娜娜",
    "朱^镕基",
    "张镕",
    "头颅CT平扫",
    "CT胸部平扫+增强",
    "肝S8段",
    "MR T1加权Ⅱ期",
    "Wang^San=王^三",
    "腰椎正侧位",
    "陈^丽 ",
    "胸部（正位）",
    "膝关节，左侧",
]
LATINS = [
    "Müller",
    "Buc^Jérôme",
    "Äneas^Rüdiger",
    "Conceição^João",
    "CONCEIÇÃO",
    "Ibáñez^Núñez",
    "Größe 5 µm",
    "Maß 37°C ±0",
    "Übergröße",
    "Grüße",
    "Sørensen^Åse",
    "Nº 5",
    "naïveté",
    "« Été »",
    "L'Haÿ-les-Roses",
    "Señor Güell",
    "Þórður^Æsa",
    "abdômen s/ contraste",
    "crânio – não".replace("–", "-"),
]


@pytest.mark.parametrize(
    "terms", [(), ("",), LATIN, ("ISO_IR 6",), ("ISO 2022 IR 6", "ISO 2022 IR 100"), ("NONSENSE",)]
)
@pytest.mark.parametrize("text", CHINESE)
def test_chinese_bytes_under_a_latin_declaration_are_chinese(terms, text):
    for codec in ("gb18030", "utf-8"):
        assert decode_text(text.encode(codec), terms, "PN") == text.strip()


@pytest.mark.parametrize("text", LATINS)
def test_latin_names_stay_latin(text):
    assert decode_text(text.encode("latin_1"), LATIN, "PN") == text
    assert decode_text(text.encode("latin_1"), (), "LO") == text
    assert decode_text(text.encode("utf-8"), LATIN, "LO") == text


COMMON = [bytes((high, low)).decode("gb2312", "ignore") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF)]


@given(st.lists(st.sampled_from([character for character in COMMON if character]), min_size=3, max_size=12))
def test_any_three_common_chinese_characters_are_found(characters):
    text = "".join(characters)
    raw = text.encode("gb18030")
    by_chance = raw.decode("utf-8", "replace")
    if "\ufffd" in by_chance or not all("\xa0" <= letter <= "\u017f" or "Ѐ" <= letter <= "џ" for letter in by_chance):
        assert decode_text(raw, LATIN, "LO") == text


@given(st.lists(st.tuples(st.sampled_from("abdelmnorstu"), st.sampled_from("äöüéèçñßÅØ")), min_size=1, max_size=8))
def test_no_word_with_lone_accents_is_taken_for_chinese(pairs):
    text = "".join(map("".join, pairs)) + "n"
    assert decode_text(text.encode("latin_1"), LATIN, "PN") == text


def test_a_backslash_within_a_character_is_no_separator():
    raw = b"\x8c\x5c\\\xb1\x5c"
    for terms in (("GB18030",), ("GBK",), LATIN):
        assert decode_text(raw + b"\xd5\xc5\xc8\xfd", terms, "LO").count("\\") == 1


@pytest.mark.parametrize(
    ("vr", "raw", "text"),
    [
        ("LO", b" a b ", "a b"),
        ("LT", b" a b ", " a b"),
        ("UI", b"1.2\0", "1.2"),
        ("CS", b"\xd5\xc5", "\ufffd\ufffd"),
        ("PN", b"A^B==", "A^B"),
        ("LO", b"A==", "A=="),
    ],
)
def test_padding_goes_as_the_vr_says(vr, raw, text):
    assert decode_text(raw, (), vr) == text


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([ESC + b"$B", ESC + b"$)A", ESC + b"(B", ESC, b"\xd5", b"^", b"\\"])).map(b"".join),
    st.lists(st.sampled_from([*pydicom.charset.python_encoding, "ISO_IR 203", "X"]), max_size=3).map(tuple),
    st.sampled_from(["PN", "LO", "LT", "CS"]),
)
def test_no_bytes_make_it_fail(raw, terms, vr):
    text = decode_text(raw, terms, vr)
    assert "\x1b" not in text or vr == "CS"
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "declared", "marked"),
    [
        ("王小明".encode("gbk"), "ISO_IR 100", ("王小明", "GB18030")),
        ("㐀王".encode("gb18030"), "", ("㐀王", "GB18030")),
        ("王小明".encode(), "ISO_IR 100", ("王小明", "ISO_IR 192")),
        ("Müller".encode("latin-1"), "ISO_IR 100", ("Müller", None)),
        ("王小明".encode("gb18030"), "GB18030", ("王小明", None)),
        ("王小明".encode("gb2312"), "\\ISO 2022 IR 58", ("王小明", None)),
        (b"Wang^Xiao", "ISO_IR 100", ("Wang^Xiao", None)),
    ],
)
def test_a_set_that_was_recognised_is_named(raw, declared, marked):
    assert decode_text_marked(raw, character_sets(declared.encode()), "PN") == marked


def test_escapes_of_ir_58_leave_nothing_behind():
    raw = b"Zhang^XiaoDong=\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "小东".encode("gb2312") + b"="
    assert decode_text(raw, ("", "ISO 2022 IR 58"), "PN") == "Zhang^XiaoDong=张^小东"
