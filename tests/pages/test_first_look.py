"""Landing, fact and study in a real browser, with the script and without."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.pages import samples

pytestmark = pytest.mark.browser

LINK = f"/s/{samples.TOKEN}"
STUDY = f"/v/{samples.PUBLIC_ID}"
BOXES = "#fact [name={}]"


def open_fact(page, server):
    page.goto(server.address + LINK)
    page.get_by_role("button", name="打开查看").click()
    page.wait_for_load_state("load")


def fill(page, y, m, d):
    for name, value in (("y", y), ("m", m), ("d", d)):
        page.fill(BOXES.format(name), value)


def typed(page):
    return [page.input_value(BOXES.format(name)) for name in "ymd"]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_patient_mistypes_then_opens_the_study(open_context, server, script):
    page = open_context(java_script_enabled=script).new_page()
    open_fact(page, server)
    fill(page, "1949", "12", "3")
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("alert").first).to_contain_text("日期对不上，还可以试 3 次")
    assert typed(page) == ["1949", "12", "3"]
    fill(page, "１９４９", "3", "12")
    page.get_by_role("button", name="确认").click()
    assert urlsplit(page.url).path == STUDY
    expect(page.get_by_role("heading", level=1)).to_have_text("胸部 CT")


def test_the_number_pad_is_asked_for(phone, server):
    open_fact(phone, server)
    assert [phone.get_attribute(BOXES.format(name), "inputmode") for name in "ymd"] == ["numeric"] * 3


def test_a_pasted_date_spreads_over_the_boxes(phone, server):
    open_fact(phone, server)
    phone.focus(BOXES.format("y"))
    phone.evaluate(
        """selector => {
            const data = new DataTransfer();
            data.setData("text", "１９４９０３１２");
            document.querySelector(selector).dispatchEvent(
                new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }""",
        BOXES.format("y"),
    )
    assert typed(phone) == ["1949", "03", "12"]
    expect(phone.locator("#echo")).to_have_text("您填的是：1949 年 3 月 12 日")


def test_a_full_year_leads_onward_and_the_echo_follows(phone, server):
    open_fact(phone, server)
    phone.focus(BOXES.format("y"))
    phone.keyboard.type("19493")
    assert typed(phone) == ["1949", "3", ""]
    expect(phone.locator("#echo")).to_have_text("您填的是：1949 年 3 月 __ 日")


def test_the_list_takes_over_what_was_typed(phone, server):
    open_fact(phone, server)
    fill(phone, "1949", "3", "12")
    phone.get_by_role("button", name="改成从列表里选").click()
    phone.wait_for_load_state("load")
    assert typed(phone) == ["1949", "3", "12"]
    phone.select_option(BOXES.format("m"), "4")
    expect(phone.locator("#echo")).to_have_text("您填的是：1949 年 4 月 12 日")


def test_another_language_keeps_the_boxes_and_spends_no_try(phone, server):
    open_fact(phone, server)
    fill(phone, "1949", "3", "12")
    phone.get_by_role("button", name="FR").click()
    expect(phone.locator("html")).to_have_attribute("lang", "fr")
    assert typed(phone) == ["1949", "3", "12"]
    expect(phone.locator("#echo")).to_contain_text("12 mars 1949")
    assert [post["act"] for post in server.controls.posts] == ["open", "show"]


def test_offline_sends_nothing_and_says_that_it_does_not_count(phone, server):
    open_fact(phone, server)
    fill(phone, "1949", "3", "12")
    phone.context.set_offline(True)
    phone.get_by_role("button", name="确认").click()
    expect(phone.locator("#offline")).to_contain_text("这次不算")
    phone.context.set_offline(False)
    phone.get_by_role("button", name="确认").click()
    phone.wait_for_url("**" + STUDY)
    assert [post["act"] for post in server.controls.posts] == ["open", "check"]


def test_two_presses_spend_one_try(phone, server):
    open_fact(phone, server)
    fill(phone, "1949", "12", "3")
    phone.evaluate("() => { const b = document.querySelector('#fact .go'); b.click(); b.click(); }")
    expect(phone.get_by_role("alert").first).to_contain_text("日期对不上")
    assert [post["act"] for post in server.controls.posts] == ["open", "check"]


def test_a_wrong_person_switches_the_link_off(phone, server):
    phone.goto(server.address + LINK)
    phone.get_by_text("这不是给您的？").click()
    phone.get_by_role("button", name="发错了，停用这个链接").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("这个链接已经停用")


def test_the_first_view_takes_no_more_than_sixty_kilobytes_over_the_wire(phone, server):
    sizes = []
    cdp = phone.context.new_cdp_session(phone)
    cdp.send("Network.enable")
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    phone.goto(server.address + STUDY, wait_until="load")
    assert phone.evaluate("document.querySelector('#key').naturalWidth") == samples.KEY_IMAGE.width
    assert len(sizes) >= 3
    assert sum(sizes) <= 60_000


def type_size(page):
    page.wait_for_load_state("load")
    return page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")


def test_large_type_and_back(phone, server):
    phone.goto(server.address + STUDY)
    normal = type_size(phone)
    phone.get_by_role("link", name="大字").click()
    assert type_size(phone) > normal * 1.2
    phone.get_by_role("link", name="正常字").click()
    assert type_size(phone) == normal
