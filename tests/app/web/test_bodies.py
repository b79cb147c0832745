"""Bodies that are larger than a form, and bodies that break on the wire."""

from io import BytesIO

import pytest

from app.web.bodies import FORM_LIMIT
from tests import factories as make

FORM = "application/x-www-form-urlencoded"


class Counting(BytesIO):
    """Counts what is read."""

    taken = 0

    def read(self, size=-1, /):
        data = super().read(size)
        self.taken += len(data)
        return data


class BrokenChunk(BytesIO):
    """A chunked body whose second chunk is none; the server says so with an error of its own."""

    def read(self, size=-1, /):
        raise RuntimeError("Invalid chunk size")


def send(client, path, stream, content_type, **headers):
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post(path, input_stream=stream, content_type=content_type, environ_base=environ, headers=headers)


@pytest.mark.parametrize("path", ["/s", "/s/x", "/s/resend", "/webhooks/twilio/01890000-0000-7000-8000-000000000000"])
def test_a_form_without_a_length_is_read_no_further_than_a_form_may_be_long(client, path):
    stream = Counting(b"token=" + b"a" * (10 * FORM_LIMIT))
    assert send(client, path, stream, FORM).status_code in {403, 404, 413}
    assert stream.taken <= FORM_LIMIT


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x"])
def test_a_form_that_says_it_is_longer_is_refused_with_the_limit(client, content_type):
    answer = client.post("/s", data=b"a" * (FORM_LIMIT + 1), content_type=content_type)
    assert answer.status_code == 413
    assert str(FORM_LIMIT) in answer.json["detail"]


@pytest.mark.parametrize("path", ["/s", "/s/x"])
def test_a_form_that_breaks_on_the_wire_is_a_bad_request(client, path):
    answer = send(client, path, BrokenChunk(), FORM)
    assert answer.status_code == 400
    assert answer.json["code"] == "bad-request"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/v1/studies/1.2/hold", "application/json"),
        ("/h/yz1/dicom-web/studies", 'multipart/related; type="application/dicom"; boundary=x'),
    ],
)
def test_a_hospitals_body_that_breaks_on_the_wire_is_a_bad_request(parts, client, path, content_type):
    key = make.make_api_key(parts, make.make_hospital(parts, code="yz1"))
    answer = send(client, path, BrokenChunk(), content_type, Authorization=f"Bearer {key}")
    assert answer.status_code == 400
    assert answer.json["code"] == "bad-request"
