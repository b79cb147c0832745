import pytest

from demo.site import Options, make_site
from demo.summary import summary
from demo.telling import Told


@pytest.fixture
def site(tmp_path):
    return make_site(Options(tmp_path / "v", 8080, 11112, demo=True, tls=False, study=None))


def told(number, fact="1958-03-07"):
    return Told(f"study {number}", f"1.2.{number}", f"http://h/s/{number}", fact, f"look: http://h/s/{number}")


def test_message_link_and_fact_are_shown_in_words(site):
    lines = summary(site, "fpk_x", [told(1), told(2, "41660218")]).splitlines()
    assert "  SMS         look: http://h/s/1" in lines
    assert "  link        http://h/s/1" in lines
    assert "  opens with  date of birth 7 March 1958 (1958-03-07)" in lines
    assert "  opens with  visit number 41660218" in lines


def test_beyond_five_the_file_has_the_rest(site):
    text = summary(site, "fpk_x", [told(number) for number in range(7)])
    assert "study 4" in text
    assert "study 5" not in text
    assert f"... and 2 more in {site.run_file}" in text
