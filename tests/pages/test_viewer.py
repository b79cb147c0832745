"""The viewer in a real browser: the picture and the count agree, whatever the network does."""

import time

import pytest
from playwright.sync_api import expect

from tests.pages import harness, samples

pytestmark = pytest.mark.browser

SERIES = f"/v/{samples.PUBLIC_ID}/series/1"
READ_PICTURE = """() => {
    const image = document.querySelector("#pan img");
    if (!image || !image.complete || !image.naturalWidth) return null;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const drawing = canvas.getContext("2d");
    const w = image.naturalWidth, h = image.naturalHeight;
    drawing.drawImage(image, w * 0.48, h * 0.48, w * 0.04, h * 0.04, 0, 0, 8, 8);
    return drawing.getImageData(4, 4, 1, 1).data[0];
}"""


def look(page, server, k=24):
    page.goto(f"{server.address}{SERIES}?i={k}")
    expect(page.locator("#invert")).to_be_visible()


def shown(page):
    """Return the number of the picture on the screen, read off its grey; None when there is none."""
    grey = page.evaluate(READ_PICTURE)
    return None if grey is None else round((grey - harness.grey(0)) / 4)


def expect_picture(page, k):
    expect(page.locator("#count")).to_have_text(f"第 {k} / 48 幅")
    expect(page.locator("#pan img:not(.blur)")).to_be_visible()
    assert shown(page) == k


def zoom(page):
    return page.evaluate("new DOMMatrix(getComputedStyle(document.querySelector('#pan')).transform).a")


def test_keys_buttons_and_slider_change_the_picture_with_its_count(phone, server):
    look(phone, server)
    expect_picture(phone, 24)
    for key, k in (("ArrowRight", 25), ("ArrowDown", 26), (" ", 27), ("ArrowLeft", 26), ("Home", 1), ("End", 48)):
        phone.keyboard.press(key)
        expect_picture(phone, k)
    phone.get_by_role("link", name="上一幅").click()
    expect_picture(phone, 47)
    phone.locator("#slider").fill("5")
    expect_picture(phone, 5)
    expect(phone.locator("#slider")).to_have_attribute("aria-valuetext", "第 5 幅，共 48 幅")


def test_the_ends_of_a_series_hold(phone, server):
    look(phone, server, 48)
    phone.get_by_role("link", name="下一幅").click(force=True)
    expect_picture(phone, 48)
    expect(phone.locator("#next")).to_have_attribute("aria-disabled", "true")
    assert phone.evaluate("document.activeElement.id") == "next"


def test_a_drag_flicks_through_and_the_address_follows(phone, server):
    look(phone, server)
    box = phone.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    phone.mouse.move(x, y)
    phone.mouse.down()
    phone.mouse.move(x, y + 60, steps=6)
    phone.mouse.up()
    k = int(phone.locator("#slider").input_value())
    assert 26 < k < 36
    expect_picture(phone, k)
    phone.wait_for_url(f"**{SERIES}?i={k}")


def test_while_a_picture_loads_its_own_small_version_is_shown_and_labelled(phone, server):
    server.controls.held = {30}
    look(phone, server)
    phone.locator("#slider").fill("30")
    expect(phone.locator("#pan img.blur")).to_be_visible()
    expect(phone.locator("#state")).to_have_text("第 30 幅的小图，清晰的还在路上")
    expect(phone.locator("#count")).to_have_text("第 30 / 48 幅")
    assert shown(phone) == 30
    server.controls.free.set()
    expect_picture(phone, 30)
    expect(phone.locator("#state")).to_be_hidden()


def test_no_neighbour_ever_stands_under_a_wrong_count(phone, server):
    look(phone, server)
    phone.evaluate(
        """() => {
            window.seen = [];
            const note = () => {
                const image = document.querySelector("#pan img");
                const count = document.querySelector("#count").textContent.match(/\\d+/)[0];
                if (image) window.seen.push([count, image.src.match(/(\\d+)\\.jpg/)[1]]);
            };
            new MutationObserver(note).observe(document.querySelector("#viewer"),
                {childList: true, subtree: true, characterData: true});
        }"""
    )
    for k in (40, 3, 48, 17, 18, 19, 2, 47):
        phone.locator("#slider").fill(str(k))
        if k != 40:
            expect(phone.locator("#pan img")).to_be_visible()
    seen = phone.evaluate("window.seen")
    assert {k for k, _ in seen} >= {"3", "48", "47"}
    assert [pair for pair in seen if pair[0] != pair[1]] == []


def test_loading_goes_outward_and_keeps_a_ring(phone, server):
    look(phone, server, 1)
    expect(phone.locator("#progress")).to_be_hidden()
    asked = [path for path in server.controls.asked if "/p/1/" in path]
    numbers = [int(path.split("/")[-1].split(".")[0]) for path in asked]
    assert numbers[0] == 1
    assert sorted(numbers) == list(range(1, 21))


def test_a_reader_who_flicks_sees_small_versions_and_waits_for_no_picture_that_was_passed(phone, server):
    server.controls.held = set(range(22, 49))
    look(phone, server, 1)
    expect(phone.locator("#progress")).to_be_hidden()
    phone.evaluate("() => { for (let n = 0; n < 38; n += 1) document.getElementById('next').click(); }")
    expect(phone.locator("#pan img.blur")).to_be_visible()
    assert shown(phone) == 39
    server.controls.free.set()
    expect_picture(phone, 39)
    asked = [path.split("/")[-1] for path in server.controls.asked if "/p/1/" in path]
    passed = {f"{k}.jpg?" for k in range(27, 39)}
    assert not passed & set(asked[: asked.index("39.jpg?")])


def test_a_slow_network_is_said_and_the_key_image_offered(phone, server):
    server.controls.held = {30}
    look(phone, server)
    phone.locator("#slider").fill("30")
    expect(phone.locator("#say")).to_contain_text("网络有点慢", timeout=8000)
    phone.get_by_role("button", name="只看关键图像").click()
    expect_picture(phone, 24)
    expect(phone.locator("#say")).to_be_hidden()


def test_lost_pictures_are_said_skipped_and_tried_again(phone, server):
    server.controls.failing = {26, 27}
    look(phone, server, 25)
    phone.keyboard.press("ArrowRight")
    expect(phone.get_by_role("button", name="再试一次")).to_be_visible()
    assert shown(phone) is None
    phone.keyboard.press("ArrowRight")
    expect(phone.locator("#say-title")).to_have_text("第 26 到 27 幅没有载入")
    phone.get_by_role("button", name="跳过这几幅").click()
    expect_picture(phone, 28)
    expect(phone.locator("#say")).to_be_hidden()
    phone.locator("#slider").fill("26")
    expect(phone.get_by_role("button", name="再试一次")).to_be_visible()
    server.controls.failing = set()
    phone.get_by_role("button", name="再试一次").click()
    expect_picture(phone, 26)


def test_a_door_that_closes_meanwhile_shows_why(phone, server):
    look(phone, server)
    expect(phone.locator("#progress")).to_be_hidden()
    server.controls.closed = True
    phone.keyboard.press("Home")
    expect(phone.get_by_role("heading", level=1)).to_have_text("医院暂时关上了这份资料")
    expect(phone.locator("#pan")).to_have_count(0)


def test_a_picture_that_cannot_be_shown_says_why_and_is_not_asked_for(phone, server):
    look(phone, server, 39)
    phone.keyboard.press("ArrowRight")
    expect(phone.locator("#say")).to_contain_text("第 40 幅在这里看不了")
    expect(phone.locator("#say")).to_contain_text("图像数据读不出来。")
    assert shown(phone) is None
    phone.keyboard.press("ArrowRight")
    expect_picture(phone, 41)
    assert not [path for path in server.controls.asked if "/1/40.jpg" in path]


def test_edges_are_words_and_absent_when_unknown(phone, server):
    look(phone, server)
    expect(phone.locator("#edge-left")).to_have_text("右 R")
    expect(phone.locator("#edge-right")).to_have_text("左 L")
    phone.locator("#slider").fill("41")
    expect_picture(phone, 41)
    expect(phone.locator("#edge-left")).to_be_hidden()
    phone.locator("#slider").fill("42")
    expect(phone.locator("#edge-left")).to_have_text("右前 RA")


def test_zoom_pan_invert_and_reset_by_button_and_by_key(phone, server):
    look(phone, server)
    phone.get_by_role("button", name="放大").click()
    assert zoom(phone) == 1.5
    phone.locator("#stage").focus()
    phone.keyboard.press("+")
    assert zoom(phone) == 2.25
    phone.keyboard.press("Shift+ArrowRight")
    assert phone.evaluate("new DOMMatrix(getComputedStyle(document.querySelector('#pan')).transform).e") == -48
    phone.keyboard.press("i")
    expect(phone.get_by_role("button", name="反色")).to_have_attribute("aria-pressed", "true")
    assert "invert" in phone.evaluate("getComputedStyle(document.querySelector('#pan img')).filter")
    phone.keyboard.press("0")
    assert zoom(phone) == 1
    expect(phone.get_by_role("button", name="反色")).to_have_attribute("aria-pressed", "false")


def test_single_letters_do_nothing_while_nothing_is_in_focus(phone, server):
    look(phone, server)
    phone.keyboard.press("i")
    phone.keyboard.press("+")
    assert zoom(phone) == 1
    expect(phone.get_by_role("button", name="反色")).to_have_attribute("aria-pressed", "false")


def test_two_fingers_zoom(phone, server):
    look(phone, server)
    cdp = phone.context.new_cdp_session(phone)
    for kind, points in (("Start", [150, 250]), ("Move", [100, 300]), ("End", [])):
        touches = [{"x": x, "y": 300, "id": number} for number, x in enumerate(points)]
        cdp.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})
    assert zoom(phone) == pytest.approx(2, rel=0.05)


def tap_at(cdp, *seconds):
    """Tap at these moments of the browser's own clock, however slow the machine is."""
    for second in seconds:
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": 195, "y": 300, "button": "left", "clickCount": 1, "timestamp": second}
            cdp.send("Input.dispatchMouseEvent", event)


def test_a_double_tap_zooms_there_and_back_and_two_slow_ones_do_not(phone, server):
    look(phone, server)
    cdp = phone.context.new_cdp_session(phone)
    start = time.time()
    tap_at(cdp, start, start + 0.2)
    assert zoom(phone) == 2
    tap_at(cdp, start + 2, start + 3)
    assert zoom(phone) == 2
    tap_at(cdp, start + 5, start + 5.2)
    assert zoom(phone) == 1


def test_the_screen_reader_hears_the_picture_once_it_rests(phone, server):
    look(phone, server)
    for _ in range(5):
        phone.keyboard.press("ArrowRight")
    assert phone.locator("#live").inner_text() in ("", "第 24 幅，共 48 幅")
    expect(phone.locator("#live")).to_have_text("第 29 幅，共 48 幅")


def test_the_series_can_be_changed(phone, server):
    look(phone, server)
    phone.get_by_text("换序列").click()
    phone.get_by_role("link", name="序列 2").click()
    expect(phone.locator("#count")).to_have_text("第 1 / 1 幅")


def test_without_script_links_flick_and_the_slider_submits(open_context, server):
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{server.address}{SERIES}?i=24")
    page.get_by_role("link", name="下一幅").click()
    expect(page.locator("#count")).to_have_text("第 25 / 48 幅")
    page.get_by_role("slider").press("ArrowRight")
    page.get_by_role("button", name="看这一幅").click()
    expect(page.locator("#count")).to_have_text("第 26 / 48 幅")
    assert page.locator("#pan img").evaluate("image => image.naturalWidth") == 512
    page.get_by_role("link", name="放大").click()
    assert page.url.endswith("/p/1/26.jpg")


def test_another_look_is_awaited_with_patience_and_then_shown_at_the_same_picture(phone, server):
    phone.goto(f"{server.address}{SERIES}?w=lung&i=24")
    expect(phone.get_by_role("status").filter(has_text="正在准备")).to_be_visible()
    expect_picture(phone, 24)
    phone.keyboard.press("ArrowRight")
    expect_picture(phone, 25)
    server.controls.looks.add("lung")
    expect(phone.get_by_role("link", name="肺窗")).to_have_attribute("aria-current", "true", timeout=15_000)
    expect_picture(phone, 25)
    asked = [address for address in server.controls.asked if "index.json?w=lung" in address]
    assert 1 <= len(asked) <= 6
    assert any("/p/1/25/lung.jpg" in address for address in server.controls.asked)
    phone.keyboard.press("ArrowRight")
    expect_picture(phone, 26)
    expect(phone.get_by_role("link", name="骨窗")).to_have_attribute("href", f"{SERIES}?w=bone&i=26")
    expect(phone).to_have_url(f"{server.address}{SERIES}?w=lung&i=26")


def test_a_marked_picture_says_so(phone, server):
    look(phone, server)
    expect(phone.get_by_text("标记为关键图像")).to_be_visible()
    phone.keyboard.press("ArrowRight")
    expect(phone.get_by_text("标记为关键图像")).to_be_hidden()
