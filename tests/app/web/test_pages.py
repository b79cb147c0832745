import gzip
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from app.dicom.render import Code
from app.web import assets, pages, words
from app.web.page_words import Look
from tests.pages import samples

APP = Path(pages.__file__).parents[1]
LANGUAGES = pytest.mark.parametrize("lang", words.LANGUAGES)
LATER = samples.NOW.date().replace(day=20)
STUDIES = {
    "whole": {},
    "big": {"big": True},
    "amended": {"change": "x"},
    "pending": {"report": "pending"},
    "report withheld": {"report": pages.Withheld(reason="until_doctor")},
    "images withheld": {"images": pages.Withheld(reason="until_date", until=LATER), "key_image": None},
    "nothing shown": {"images": "none_shown", "key_image": None},
    "files": {"completeness": pages.Completeness(received=50, expected=50)},
    "missing": {"completeness": pages.Completeness(received=40, expected=49)},
    "uncounted": {"completeness": pages.Completeness(received=40)},
}


@pytest.fixture(autouse=True)
def _app():
    app = Flask("pages", template_folder=str(APP / "templates"))
    with app.test_request_context():
        yield


def study(lang="zh", state="whole", **changes):
    changes = STUDIES[state] | changes
    if changes.pop("change", None):
        changes["report"] = samples.report(lang, status="amended", changed_at=samples.NOW, change="左 → 右")
    return pages.render_study(samples.study(lang, **changes))


def every_page(lang):
    yield pages.render_landing(samples.landing(lang))
    yield pages.render_landing(samples.landing(lang, hospital_name=samples.HOSPITALS[lang].name))
    for kind in ("birth_date", "id_last4", "visit_number"):
        for error in ("none", "mismatch", "impossible_date", "incomplete", "slow_down"):
            yield pages.render_fact(samples.fact(lang, kind=kind, error=error, values=pages.FactValues(fact="12")))
    yield pages.render_fact(samples.fact(lang, input="list"))
    yield pages.render_fact(samples.wrong_fact(lang, tries_left=1))
    for why in pages.DeadReason.__args__:
        yield pages.render_dead(samples.dead(lang, why=why, when=None if why == "unknown" else samples.NOW))
    yield pages.render_dead(samples.dead(lang, why="held", token=None, hospital=None))
    yield pages.render_reopen(pages.ReopenPage(lang=lang))
    yield pages.render_trouble(pages.TroublePage(lang=lang))
    yield pages.render_resent(pages.ResentPage(lang=lang, hospital=samples.HOSPITALS[lang]))
    for state in STUDIES:
        yield study(lang, state)
    for k in (1, 24, 40, 41, 42, 48):
        yield pages.render_viewer(samples.viewer(lang, k=k, picture=samples.picture(k)))


def text_of(html):
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"<head>.*?</head>", "", html, flags=re.DOTALL)))


@LANGUAGES
def test_every_page_obeys_the_strict_content_policy_and_says_its_language(lang):
    for html in every_page(lang):
        assert f'<html lang="{words.LANGUAGE_TAGS[lang]}"' in html
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|data:|https?://", html)
        assert re.findall(r"<script[^>]*>(.*?)</script>", html) in ([], [""])
        assert all(f'<meta name="{name}" content=' in html for name in ("referrer", "robots", "color-scheme"))


@LANGUAGES
def test_every_title_is_neutral(lang):
    titles = {re.search("<title>(.*?)</title>", html)[1] for html in every_page(lang)}
    assert titles == {words.say(lang, "app.name")}


@LANGUAGES
def test_no_placeholder_is_left_unfilled(lang):
    for html in every_page(lang):
        assert not re.search(r"\{\w*\}|None|Undefined|\bnotice\.|\bfact\.", text_of(html))


@LANGUAGES
def test_every_page_has_one_first_heading_and_at_most_one_filled_button(lang):
    for html in every_page(lang):
        assert html.count("<h1") == 1
        assert html.count("<main") == 1
        assert len(re.findall(r'class="btn go"', html)) <= 1


def test_the_landing_holds_neither_token_nor_patient_nor_hospital():
    html = pages.render_landing(samples.landing())
    assert samples.TOKEN not in html
    assert "王" not in html
    assert samples.HOSPITALS["zh"].name not in html
    assert re.findall(r'<form method="post" action=""><input type="hidden" name="act" value="(\w+)"', html) == [
        "open",
        "not_mine",
    ]


def test_an_installation_of_one_hospital_names_it_on_the_landing():
    assert "由云泽市第一人民医院发出。" in pages.render_landing(samples.landing(hospital_name="云泽市第一人民医院"))


def test_the_fact_form_carries_the_token_in_its_body_only():
    html = pages.render_fact(samples.fact())
    assert set(re.findall(r'<form[^>]*action="([^"]*)"', html)) == {"/s"}
    assert f'name="token" value="{samples.TOKEN}"' in html
    assert samples.TOKEN not in re.sub(r'name="token" value="[^"]*"', "", html)


@pytest.mark.parametrize(("lang", "order"), [("zh", "ymd"), ("en", "dmy"), ("fr", "dmy")])
def test_the_boxes_stand_in_the_order_of_the_language(lang, order):
    html = pages.render_fact(samples.fact(lang))
    assert "".join(re.findall(r'<input class="in" name="(\w)"', html)) == order


def test_a_wrong_date_keeps_what_was_typed_and_counts_in_words():
    html = pages.render_fact(samples.wrong_fact())
    assert "日期对不上，还可以试 3 次" in html
    assert "您填的是 1949 年 12 月 3 日，和医院登记的不一样。" in html
    assert re.findall(r'<input class="in" name="\w" value="(\d+)"', html) == ["1949", "12", "3"]
    assert html.count('aria-invalid="true"') == 3
    assert all(words.say("zh", f"fact.tip.{tip}") in html for tip in ("swapped", "lunar", "relative"))


def test_the_last_try_says_what_a_mistake_costs():
    sentence = words.say("zh", "fact.last_try")
    assert sentence in pages.render_fact(samples.wrong_fact(tries_left=1))
    assert sentence not in pages.render_fact(samples.wrong_fact(tries_left=2))


@pytest.mark.parametrize(("values", "year"), [({}, "1955"), ({"y": "1949"}, "1949"), ({"y": "１９４９"}, "1949")])
def test_the_list_opens_near_the_middle_of_patients_ages_or_where_it_was(values, year):
    html = pages.render_fact(samples.fact(input="list", values=pages.FactValues(**values)))
    assert re.findall(r"<option selected>(\d+)</option>", html) == [year]


def test_the_list_keeps_month_and_day_however_they_were_typed():
    values = pages.FactValues(y="1949", m="10", d="03")
    html = pages.render_fact(samples.fact(input="list", values=values))
    assert re.findall(r'<option value="(\d+)" selected>', html) == ["10", "3"]


def test_other_facts_are_offered_in_the_hospitals_order():
    html = pages.render_fact(samples.fact(kind="visit_number"))
    assert re.findall(r'name="kind" value="(\w+)"', html) == ["visit_number", "visit_number", "birth_date", "id_last4"]


@LANGUAGES
def test_what_a_patient_typed_is_never_markup(lang):
    hostile = "<script>alert(1)</script>"
    values = pages.FactValues(y=hostile, fact=hostile)
    for kind in ("birth_date", "visit_number"):
        html = pages.render_fact(samples.wrong_fact(lang, kind=kind, values=values, masked_name="<**"))
        assert hostile not in html
        assert "&lt;**" in html


def test_what_a_hospital_sent_is_never_markup():
    hostile = '"><img src=x onerror=1>'
    row = pages.SeriesRow(position=1, modality=hostile, pictures=1, shown=1, title=hostile)
    html = study(procedure=hostile, patient_name=hostile, series=(row,), report=samples.report(conclusion=(hostile,)))
    html += pages.render_viewer(samples.viewer(procedure=hostile, series=(row,), k=1))
    assert "<img src=x" not in html


def test_a_dead_link_says_why_until_when_and_whom_to_call():
    html = pages.render_dead(samples.dead(why="expired"))
    assert "这个链接到期了" in html
    assert "它能用到 3 月 12 日 09:30。" in html
    assert "云泽市第一人民医院" in html
    assert 'href="tel:000066001234"' in html


def test_a_new_link_is_offered_only_where_one_can_be_sent():
    assert 'action="/s/resend"' in pages.render_dead(samples.dead(can_resend=True))
    assert 'action="/s/resend"' not in pages.render_dead(samples.dead(can_resend=False))
    assert 'action="/s/resend"' not in pages.render_dead(samples.dead(token=None, can_resend=True))


def test_an_unknown_link_names_no_hospital():
    html = pages.render_dead(samples.dead(why="unknown", hospital=None, when=None, can_resend=False))
    assert "打不开这个链接" in html
    assert "发出的医院" not in html


def test_the_report_stands_before_the_picture():
    html = study()
    assert html.index("右肺上叶小结节") < html.index('id="key"') < html.index("查看影像") < html.index("全部影像")


def test_the_key_image_leads_to_itself_in_the_viewer():
    html = study()
    assert html.count(f'href="/v/{samples.PUBLIC_ID}/series/1?i=24"') == 2
    assert "医生标出的关键图像" in html


def test_a_picture_that_no_doctor_marked_is_called_an_example():
    key = pages.KeyImage(series=1, picture=24, of=48, width=512, height=512)
    html = study(key_image=key)
    assert "示例图像" in html
    assert "医生标出" not in html


def test_withheld_images_leave_no_address_of_a_picture():
    html = study(state="images withheld")
    assert "按医院的规定，影像从 3 月 20 日起可以看。" in html
    assert not re.search(r"\.jpg|/series/", html)


def test_a_withheld_report_leaves_no_word_of_it():
    html = study(state="report withheld")
    assert "右肺" not in html
    assert "report.pdf" not in html


def test_an_amended_report_says_when_and_what():
    html = study(state="amended")
    assert "报告在 3 月 15 日更正过" in html
    assert "左 → 右" in html


@pytest.mark.parametrize(
    ("counts", "said", "colour"),
    [
        (pages.Completeness(received=49, expected=49, checked_at=samples.NOW), "49 / 49 幅，一幅不少", " ok"),
        (pages.Completeness(received=49, expected=49, checked_at=None), "49 / 49 幅，一幅不少", ""),
        (
            pages.Completeness(received=49, expected=49, checked_at=samples.NOW.replace(day=14)),
            "3 月 14 日 09:30 核验",
            "",
        ),
        (pages.Completeness(received=40, expected=49), "40 / 49 幅，还差 9 幅", " warn"),
        (pages.Completeness(received=40), "收到 40 幅", ""),
    ],
)
def test_counts_are_true_and_green_only_when_checked_today(counts, said, colour):
    row = replace(samples.SERIES[0], pictures=counts.received)
    html = study(completeness=counts, series=(row,))
    assert said in html
    assert re.findall(r'<p class="line([^"]*)">', html) == [colour]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (pages.Completeness(received=2, expected=2), "2 / 2 份文件，一份不少"),
        (pages.Completeness(received=2, expected=3), "2 / 3 份文件，还差 1 份"),
        (pages.Completeness(received=2), "收到 2 份文件"),
    ],
)
def test_files_that_are_not_one_picture_each_are_counted_as_files(counts, said):
    clip = pages.SeriesRow(position=1, modality="US", pictures=30, shown=30)
    text = pages.SeriesRow(position=2, modality="SR", pictures=1, shown=0, reason="no_pixel_data")
    html = study(completeness=counts, series=(clip, text))
    assert said in html
    assert "超声 · 30 幅" in html
    assert "结构化报告</small>" in html


def test_a_series_that_cannot_be_shown_says_why_and_leads_nowhere():
    html = study()
    assert "剂量报告" in html
    assert "这里看不了。里面没有图像，可能是文字、曲线或数据。医院那里有原件。" in html
    assert "/series/3" not in html


def test_the_privacy_notice_names_the_responsible_hospital():
    assert "负责的医院：云泽市第一人民医院。" in study()


def test_large_type_is_a_link_there_and_back():
    assert 'href="?big=1"' in study()
    assert '<html lang="zh-CN" class="big">' in study(state="big")
    assert 'href="?big=0"' in study(state="big")


def test_the_viewer_works_by_links_without_its_script():
    html = pages.render_viewer(samples.viewer())
    here = f"/v/{samples.PUBLIC_ID}/series/1"
    assert f'href="{here}?i=23"' in html
    assert f'href="{here}?i=25"' in html
    assert f'<noscript><a href="/v/{samples.PUBLIC_ID}/p/1/24.jpg">' in html
    assert f'href="/v/{samples.PUBLIC_ID}/series/2"' in html


def test_each_look_is_a_link_that_keeps_the_picture():
    html = pages.render_viewer(samples.viewer(looks=samples.LOOKS, look="lung"))
    here = f"/v/{samples.PUBLIC_ID}/series/1"
    assert f'href="{here}?i=24">默认' in html
    assert f'href="{here}?w=bone&amp;i=24">骨窗' in html
    assert f'href="{here}?w=lung&amp;i=24" aria-current="true">肺窗' in html
    assert ">WINDOW2<" in html
    assert f'src="/v/{samples.PUBLIC_ID}/p/1/24/lung.jpg"' in html
    assert f'href="{here}?w=lung&amp;i=25"' in html
    assert '<input type="hidden" name="w" value="lung">' in html


def test_a_look_on_its_way_says_so_and_can_be_asked_for_again_without_its_script():
    html = pages.render_viewer(samples.viewer(looks=samples.LOOKS, preparing="bone"))
    assert "“骨窗”正在准备" in html
    assert f'href="/v/{samples.PUBLIC_ID}/series/1?w=bone&amp;i=24">再看一次' in html
    assert f'src="/v/{samples.PUBLIC_ID}/p/1/24.jpg"' in html


def test_labels_of_files_are_escaped_wherever_they_stand():
    look = Look(name="file-1", label='"><script>x</script>')
    for html in (
        pages.render_viewer(samples.viewer(looks=(look,), preparing="file-1")),
        pages.render_clips(samples.clips(title='"><script>x</script>')),
    ):
        assert "<script>x" not in html


def test_what_is_no_picture_stands_under_its_own_name():
    html = study(series=(*samples.SERIES, *samples.OTHERS))
    base = f"/v/{samples.PUBLIC_ID}/series"
    assert "<h3>其他数据</h3>" in html
    assert "辐射剂量记录" in html.partition("<h3>其他数据</h3>")[2]
    assert f'href="{base}/5/clips"' in html
    assert f'href="{base}/6"' in html
    assert "文件 · 3 页" in html
    assert "<h3>" not in study()


def test_the_viewer_hides_the_patients_name():
    assert "王小明" not in pages.render_viewer(samples.viewer())


def test_a_picture_that_cannot_be_shown_is_words_and_no_picture():
    html = pages.render_viewer(samples.viewer(k=40, picture=samples.picture(40)))
    assert "第 40 幅在这里看不了" in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("lang", "letters", "expected"),
    [("zh", "R", "右 R"), ("zh", "RA", "右前 RA"), ("en", "LP", "Left-Back LP"), ("fr", "H", "Tête H")],
)
def test_an_edge_is_a_word_and_its_letters(lang, letters, expected):
    assert pages.edge_words(lang, letters) == expected


def test_an_unknown_orientation_shows_no_edge():
    html = pages.render_viewer(samples.viewer(k=41, picture=samples.picture(41)))
    assert len(re.findall(r'<span class="mk [^>]*hidden></span>', html)) == 2


def test_the_script_gets_its_words_as_json():
    html = pages.render_viewer(samples.viewer("fr"))
    spoken = json.loads(unescape(re.search(r'data-words="([^"]*)"', html)[1]))
    assert spoken["count"] == "Image {k} sur {n}"
    assert spoken["reason.decoder_failed"].startswith("Les données")


@pytest.mark.parametrize("code", list(Code))
def test_every_reason_of_the_renderer_has_words_of_its_own(code):
    assert pages.reason_words("zh", code) != pages.reason_words("zh", "other")


def test_unknown_codes_have_words_or_stay_codes():
    assert pages.reason_words("en", "something_new") == "The image could not be prepared."
    assert pages.modality_words("en", "XY") == "XY"
    assert pages.modality_words("en", "MR") == "MRI"


def test_a_static_address_holds_the_hash_of_the_content():
    digest = hashlib.sha256((APP / "static" / "filmpass.css").read_bytes()).hexdigest()
    assert assets.asset("filmpass.css") == f"/static/filmpass.css?v={digest[:12]}"


@LANGUAGES
def test_the_first_view_leaves_the_key_image_its_share_of_sixty_kilobytes(lang):
    style = gzip.compress((APP / "static" / "filmpass.css").read_bytes())
    assert len(style) + len(study(lang).encode()) < 15_000
