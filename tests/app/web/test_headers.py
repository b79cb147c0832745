"""Headers of every answer, the errors and the picture lane as well."""

from app.web import assets
from tests import factories as make

NEUTRAL = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


ANSWERS = {
    "": 200, "/series/1": 200, "/series/1/index.json": 200, "/p/1/1.jpg": 200, "/t/1.jpg": 200, "/series/9": 404,
    "/p/9/9.jpg": 404, "/x": 404, "/leave": 405,
}  # fmt: skip


def test_every_answer_about_a_study_is_private_neutral_and_kept_to_tls(parts, client):
    form = {"token": make.make_link(parts, make.make_case(parts, pictures=1)), "kind": "birth_date", "act": "check"}
    page = client.post("/s", data=form | {"y": "1958", "m": "3", "d": "7"}).location
    for path, status in ANSWERS.items():
        answer = client.get(f"{page}{path}")
        assert answer.status_code == status, path
        assert {name: answer.headers.get(name) for name in NEUTRAL} == NEUTRAL, path
        assert "no-store" in answer.headers["Cache-Control"], path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), path


def test_a_static_file_is_kept_for_ever_under_the_name_of_its_content_alone(client):
    def kept(address):
        with client.get(address) as answer:
            return answer.headers["Cache-Control"]

    assert "immutable" in kept(assets.asset("filmpass.css"))
    for name in ("filmpass.css", "filmpass.css?v=0123456789ab", "gone.css?v=0123456789ab", "gone.css"):
        assert kept(f"/static/{name}") == "no-cache", name
