"""Language and large type are kept when they were chosen, and only then."""

import pytest

LINK = "/s/AAAAAAAAAAAAAAAAAAAAAA"
FRENCH = {"Accept-Language": "fr-FR"}


def kept(answer):
    return {header.split(";")[0] for header in answer.headers.getlist("Set-Cookie")}


@pytest.mark.parametrize(
    ("method", "address", "chosen"),
    [("get", f"{LINK}?lang=en", {}), ("post", LINK, {"lang": "en"}), ("post", "/s", {"lang": "en", "act": "show"})],
)
def test_another_language_than_the_browsers_is_kept(client, method, address, chosen):
    answer = getattr(client, method)(address, data=chosen, headers=FRENCH)
    assert kept(answer) == {"lang=en"}
    assert '<html lang="en"' in client.get(LINK, headers=FRENCH).text


def test_the_browsers_own_language_is_no_choice(client):
    assert kept(client.post(LINK, data={"lang": "fr"}, headers=FRENCH)) == set()
    assert kept(client.post(LINK, data={"lang": "xx"}, headers=FRENCH)) == set()


def test_going_back_to_the_browsers_own_language_is_one(client):
    client.get(f"{LINK}?lang=zh", headers=FRENCH)
    assert kept(client.get(f"{LINK}?lang=fr", headers=FRENCH)) == {"lang=fr"}


def test_large_type_is_kept_until_it_is_ended(client):
    assert kept(client.get("/v/x?big=1")) == {"big=1"}
    assert 'class="big"' in client.get(LINK).text
    assert kept(client.get("/v/x?big=0")) == {"big=0"}
    assert 'class="big"' not in client.get(LINK).text
