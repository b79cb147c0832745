"""The words of messages."""

import pytest

from app.notify.compose import compose, longest_chinese, templates, utf16_units

LINK = "https://f.cn/s/" + "x" * 22
TELLING = ("CT", "MR", "X", "影像", "检查", "报告", "胸", "scan", "report", "imag", "exam", "compte rendu", "radio")


@pytest.mark.parametrize("language", ["zh", "en", "fr"])
@pytest.mark.parametrize("template", sorted(templates()))
def test_a_message_names_hospital_and_link_and_nothing_of_the_examination(template, language):
    text = compose(template, language, hospital="H", link=LINK)
    assert text.endswith(LINK)
    rest = text.removesuffix(LINK).casefold()
    assert "h" in rest
    assert [word for word in TELLING if word.casefold() in rest] == []


def test_a_character_beyond_the_first_plane_counts_twice():
    assert utf16_units("云") == 1
    assert utf16_units("𠮷") == 2


def test_the_longest_chinese_message_is_counted_with_host_and_token():
    longest = max(utf16_units(compose(t, "zh", hospital="云泽一院", link=LINK)) for t in templates())
    assert longest_chinese("云泽一院", "https://f.cn/") == longest <= 70


@pytest.mark.parametrize(("template", "language"), [("study-lost", "zh"), ("study-ready", "de")])
def test_what_does_not_exist_is_an_error(template, language):
    with pytest.raises(KeyError):
        compose(template, language, hospital="H", link=LINK)
