"""What a person sees when something fails on a patient's page."""

import pytest

from app.services import links

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "fr"}
A_LINK = "/s/AAAAAAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(("address", "status"), [("/s", 405), ("/v/x/leave", 405), ("/v/x/nothing", 404)])
def test_a_reloaded_form_asks_for_the_link_again_in_words(client, address, status):
    answer = client.get(address, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "Rouvrez le lien de votre message" in answer.text


def test_a_failure_of_ours_is_said_to_be_ours(client, monkeypatch):
    def fail(*_):
        raise OSError("disk")

    monkeypatch.setattr(links, "look", fail)
    answer = client.post(A_LINK, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "Le problème vient de chez nous" in answer.text
    assert "disk" not in answer.text


@pytest.mark.parametrize("address", ["/s", "/v/x/leave"])
def test_a_script_gets_the_problem_document(client, address):
    assert client.get(address, headers={"Accept": "*/*"}).mimetype == "application/problem+json"


@pytest.mark.parametrize("address", ["/api/v1/worklist", "/nothing", "/static/gone.css"])
def test_other_doors_keep_the_problem_document(client, address):
    assert client.get(address, headers=BROWSER).mimetype == "application/problem+json"
