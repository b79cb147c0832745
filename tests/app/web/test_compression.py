"""gzip where it is safe, and nowhere else."""

import gzip
from pathlib import Path

from app.web import assets
from tests import factories as make

STYLE = Path(assets.__file__).parents[1] / "static" / "filmpass.css"
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def fetch(client, address, headers=GZIP):
    with client.get(address, headers=headers) as answer:
        return answer.headers, answer.data


def test_a_static_file_goes_out_compressed_and_whole(client):
    headers, body = fetch(client, assets.asset("filmpass.css"))
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == STYLE.read_bytes()
    assert int(headers["Content-Length"]) == len(body) < 5_000
    assert headers["ETag"].startswith('W/"')
    assert "immutable" in headers["Cache-Control"]


def test_who_cannot_read_gzip_gets_the_file_as_it_is(client):
    for accepted in ({}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip;q=0"}):
        headers, body = fetch(client, assets.asset("filmpass.css"), accepted)
        assert "Content-Encoding" not in headers
        assert headers["Vary"] == "Accept-Encoding"
        assert body == STYLE.read_bytes()


def test_a_known_file_is_not_sent_again(client):
    tag = fetch(client, assets.asset("filmpass.css"))[0]["ETag"]
    with client.get(assets.asset("filmpass.css"), headers=GZIP | {"If-None-Match": tag}) as answer:
        assert answer.status_code == 304
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_the_viewers_index_is_compressed_and_no_page_is(parts, client):
    token = make.make_link(parts, make.make_case(parts, pictures=2))
    form = {"token": token, "kind": "birth_date", "act": "check", "y": "1958", "m": "3", "d": "7"}
    page = client.post("/s", data=form).location
    headers, body = fetch(client, f"{page}/series/1/index.json")
    assert headers["Content-Encoding"] == "gzip"
    assert b'"count"' in gzip.decompress(body)
    for address in (page, f"{page}/series/1", f"/s/{token}"):
        assert "Content-Encoding" not in fetch(client, address)[0], address
    asked = client.post("/s", data={"token": token, "act": "show"}, headers=GZIP)
    assert token in asked.text
    assert "Content-Encoding" not in asked.headers
