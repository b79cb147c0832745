"""The application itself in a real browser: real links, sessions, pictures and headers, from the landing to the end."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from app.models.imaging import Study
from app.models.links import Capability
from app.services.unit_of_work import reading
from app.web import words
from tests import factories as make
from tests.flows.line import running_line

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
KEY_IMAGE_BYTES = 45_000
FIRST_VIEW_BYTES = 60_000


class Visit:
    """A study of eight pictures with its report, and a page that looks at it."""

    def __init__(self, line, page, case):
        self.line, self.page, self.case = line, page, case
        self.link = f"{line.parts.settings.public_url}/s/{make.make_link(line.parts, case)}"

    def press(self):
        self.page.goto(self.link)
        self.page.click(".btn.go")

    def answer(self, year="1958", month="3", day="7"):
        for name, value in (("y", year), ("m", month), ("d", day)):
            self.page.fill(f"#fact [name={name}]", value)
        with self.page.expect_navigation():
            self.page.click("#fact .btn.go")

    def mistake(self):
        self.answer(month="7", day="3")

    def open_study(self):
        self.press()
        self.answer()
        assert urlsplit(self.page.url).path.startswith("/v/")
        return self.page.url

    @property
    def tries_left(self):
        with reading(self.line.parts, self.case.scope) as session:
            return session.query(Capability).one().tries_left

    def follow_the_newest_message(self):
        with ThreadPoolExecutor(1) as worker:  # the browser's driver runs an event loop in this thread
            worker.submit(make.dispatch_all, self.line.parts).result()
        self.link = self.line.texts[-1][self.line.texts[-1].index("http") :]


@pytest.fixture
def line(settings, tmp_path):
    with running_line(settings, tmp_path) as running:
        yield running


@pytest.fixture
def visit_with(line, open_context):
    """Return a way to begin a visit in a context of one's own."""

    def visit(lang="zh", **options):
        case = make.make_case(line.parts, pictures=8)
        make.make_report(line.parts, case.hospital, case.order, pdf=b"%PDF-1.4")
        make.announce(line.parts, case)
        return Visit(line, open_context(lang, **options).new_page(), case)

    return visit


def every_page(visit):
    """Walk through every kind of page that a link can lead to; yields where it stands."""
    page, line = visit.page, visit.line
    page.goto(visit.link)
    page.click("summary")
    yield "landing"
    page.click(".btn.go")
    yield "question"
    page.click(".rows button >> nth=0")
    yield "question by lists"
    visit.press()
    visit.mistake()
    yield "wrong"
    while visit.tries_left > 1:
        visit.mistake()
    yield "last try"
    visit.mistake()
    yield "locked"
    page.click(".btn.go")
    yield "sent again"
    visit.press()
    yield "replaced"
    visit.follow_the_newest_message()
    study = visit.open_study()
    page.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true; })")
    yield "study"
    page.click(".btn.go")
    expect(page.locator("#invert")).to_be_visible()
    page.wait_for_load_state("networkidle")
    yield "viewer"
    make.change(line.parts, visit.case, Study, visit.case.study, held_at=line.clock())
    page.goto(study)
    yield "held"
    make.change(line.parts, visit.case, Study, visit.case.study, held_at=None)
    page.goto(study)
    page.click(".foot details >> nth=1")
    page.click(".foot form button")
    yield "left"
    page.goto(study)
    yield "reopen"
    page.goto(f"{line.parts.settings.public_url}/s/{'A' * 22}")
    page.click(".btn.go")
    yield "unknown"
    line.clock.forward(days=40)
    visit.press()
    yield "expired"
    page.click(".btn.go")
    visit.follow_the_newest_message()
    page.goto(visit.link)
    page.click("summary")
    page.click(".link")
    yield "switched off"


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_axe_finds_nothing_on_any_page(visit_with, axe, lang):
    visit = visit_with(lang, bypass_csp=True)
    for where in every_page(visit):
        visit.page.wait_for_load_state("load")
        visit.page.add_script_tag(path=axe)
        found = visit.page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
        assert len(found["passes"]) > 10, where
        wrong = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]
        assert wrong == [], where


def test_no_page_asks_elsewhere_or_for_what_is_not_there_or_complains(visit_with):
    visit = visit_with()
    asked, said, missing = [], [], []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.on("pageerror", lambda error: said.append(str(error)))
    visit.page.on("console", lambda entry: said.append(entry.text) if entry.type in {"error", "warning"} else None)
    visit.page.on(
        "response",
        lambda answer: (
            missing.append(answer.url) if answer.status >= 400 and not answer.request.is_navigation_request() else None
        ),
    )
    titles = set()
    for _ in every_page(visit):
        visit.page.wait_for_load_state("load")
        titles.add(visit.page.title())
    assert [url for url in asked if not url.startswith(visit.line.parts.settings.public_url)] == []
    assert missing == []
    # A page that says why a link is dead has a status that says so too, and Chromium notes that.
    assert [text for text in said if not text.startswith("Failed to load resource")] == []
    assert titles == {"随身影像"}


def test_the_first_view_leaves_the_key_image_its_bytes_on_the_wire(visit_with):
    visit = visit_with(service_workers="block")
    study = visit.open_study()
    wire = visit.page.context.new_cdp_session(visit.page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    addresses, received = {}, {}
    wire.on("Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]}))
    wire.on(  # what the page before had asked for may end now as well
        "Network.loadingFinished",
        lambda event: received.update({addresses.get(event["requestId"], ".jpg"): event["encodedDataLength"]}),
    )
    visit.page.goto(study, wait_until="networkidle")
    key = visit.page.locator("#key")
    expect(key).to_be_in_viewport()
    assert key.evaluate("image => image.complete && image.naturalWidth") == 32
    words_and_style = sum(size for url, size in received.items() if not url.endswith(".jpg"))
    assert any("/key/" in url for url in received)
    assert 0 < words_and_style <= FIRST_VIEW_BYTES - KEY_IMAGE_BYTES


def test_a_patient_without_script_reads_flicks_and_leaves(visit_with):
    visit = visit_with(java_script_enabled=False)
    page = visit.page
    visit.press()
    visit.mistake()
    expect(page.get_by_role("alert").first).to_contain_text("日期对不上，还可以试 4 次")
    visit.answer()
    expect(page.get_by_role("heading", level=1)).to_have_text("胸部 CT")
    expect(page.locator("#report")).to_contain_text("两肺未见明显异常。")
    page.click(".btn.go")
    first = int(page.get_attribute("#viewer", "data-k"))
    page.click("#next")
    expect(page.locator("#count")).to_have_text(f"第 {first + 1} / 8 幅")
    page.fill("#slider", "8")
    page.click(".vw-sl button")
    expect(page.locator("#count")).to_have_text("第 8 / 8 幅")
    page.click(".vw-bar a")
    assert urlsplit(page.url).path.endswith("/p/1/8.jpg")
    page.go_back()
    page.click(".vw-top a")
    page.click("text=大字")
    assert page.get_attribute("html", "class") == "big"
    page.click(".foot details >> nth=1")
    page.click("text=不是我，退出")
    expect(page.get_by_role("heading", level=1)).to_have_text("已经退出")


def test_a_reload_after_a_wrong_answer_spends_no_try(visit_with):
    visit = visit_with()
    visit.press()
    visit.mistake()
    left = visit.tries_left
    visit.page.reload()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("请再点一次短信里的链接")
    assert visit.tries_left == left


def test_two_quick_presses_of_the_button_spend_one_try(visit_with):
    visit = visit_with()
    visit.press()
    for name, value in (("y", "1958"), ("m", "7"), ("d", "3")):
        visit.page.fill(f"#fact [name={name}]", value)
    left = visit.tries_left
    visit.page.dblclick("#fact .btn.go")
    expect(visit.page.get_by_role("alert").first).to_contain_text(f"还可以试 {left - 1} 次")
    assert visit.tries_left == left - 1


def test_the_language_chosen_on_the_question_stays_with_what_was_typed_and_after(visit_with):
    visit = visit_with("zh")
    visit.press()
    visit.page.fill("#fact [name=y]", "1958")
    visit.page.click(".lang button[value=fr]")
    expect(visit.page.locator("#fact [name=y]")).to_have_value("1958")
    visit.answer()
    assert visit.page.get_attribute("html", "lang") == "fr"
    visit.page.goto(visit.link)
    assert visit.page.get_attribute("html", "lang") == "fr"


def test_large_type_is_remembered_on_every_page(visit_with):
    visit = visit_with()
    study = visit.open_study()
    visit.page.click("text=大字")
    for address in (study, f"{study}/series/1", visit.link):
        visit.page.goto(address)
        assert visit.page.get_attribute("html", "class") == "big", address


def test_who_looked_lists_three_openings(visit_with):
    visit = visit_with()
    for _ in range(3):
        visit.page.context.clear_cookies()
        visit.open_study()
        visit.line.clock.forward(hours=1)
    seen = visit.page.locator("#who-looked + ul li")
    expect(seen).to_have_count(3)
    expect(seen.first).to_contain_text("今天 14:00 · 现在这一次")
    expect(seen.last).to_contain_text("今天 12:00")


def test_back_shows_nothing_after_leaving(visit_with):
    visit = visit_with()
    visit.open_study()
    visit.page.click(".foot details >> nth=1")
    visit.page.click(".foot form button")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("已经退出")
    visit.page.go_back()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("请再点一次短信里的链接")
    expect(visit.page.locator("#key")).to_have_count(0)
