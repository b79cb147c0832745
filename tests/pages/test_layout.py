"""Every page, every language, small screens and large type: nothing overflows, nothing is too small, axe finds nothing."""

import pytest

from app.web import words
from tests.pages import samples

pytestmark = pytest.mark.browser

LINK = f"/s/{samples.TOKEN}"
STUDY = f"/v/{samples.PUBLIC_ID}"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TOO_SMALL = """() => Array.from(document.querySelectorAll("a, button, summary, select, input:not([type=hidden])"))
    .filter(item => item.offsetParent && !item.classList.contains("skip"))
    .map(item => [item.textContent.trim(), item.getBoundingClientRect()])
    .filter(([, box]) => box.width < 44 || box.height < 44)
    .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""


def landing(page, address):
    page.goto(address + LINK)


def opened_landing(page, address):
    landing(page, address)
    page.click("summary")


def fact(page, address):
    landing(page, address)
    page.click(".btn.go")


def wrong(page, address):
    fact(page, address)
    for name, value in (("y", "1949"), ("m", "12"), ("d", "3")):
        page.fill(f"#fact [name={name}]", value)
    page.click("#fact .btn.go")


def listed(page, address):
    fact(page, address)
    page.click("button.row >> nth=0")


def visit_number(page, address):
    fact(page, address)
    page.click("button.row >> nth=2")


def dead(page, address):
    opened_landing(page, address)
    page.click(".link")


def study(page, address):
    page.goto(address + STUDY)
    page.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true; })")


def viewer(page, address):
    page.goto(f"{address}{STUDY}/series/1")
    page.wait_for_selector("#invert:not([hidden])")


def viewer_series(page, address):
    viewer(page, address)
    page.click("summary")


def viewer_reason(page, address):
    page.goto(f"{address}{STUDY}/series/1?i=40")
    page.wait_for_selector("#invert:not([hidden])")


def viewer_preparing(page, address):
    page.goto(f"{address}{STUDY}/series/1?w=bone")
    page.wait_for_selector("#invert:not([hidden])")


def clips(page, address):
    page.goto(f"{address}{STUDY}/series/5/clips")


PAGES = (
    landing,
    opened_landing,
    fact,
    wrong,
    listed,
    visit_number,
    dead,
    study,
    viewer,
    viewer_series,
    viewer_reason,
    viewer_preparing,
    clips,
)
SCREENS = {"phone": (390, 844, None), "small, 200 %": (320, 568, "212.5%"), "landscape": (844, 390, None)}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_nothing_overflows_and_every_control_can_be_hit(open_context, server, lang, screen):
    width, height, text = SCREENS[screen]
    page = open_context(lang, width, height, bypass_csp=True).new_page()
    for visit in PAGES:
        visit(page, server.address)
        page.wait_for_load_state("load")
        if text:
            page.add_style_tag(content=f"html {{ font-size: {text} !important; }}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, visit.__name__
        assert page.evaluate(TOO_SMALL) == [], visit.__name__


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_axe_finds_nothing(open_context, server, axe, lang):
    page = open_context(lang, bypass_csp=True).new_page()
    for visit in PAGES:
        visit(page, server.address)
        page.wait_for_load_state("load")
        page.add_script_tag(path=axe)
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
        assert len(found["passes"]) > 10
        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]] == []
