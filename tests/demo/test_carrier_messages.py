import pytest

from demo.carrier_messages import MessageBook, Refused, count_segments

ACCOUNT = "AC" + "1" * 32
SERVICE = "MG" + "2" * 32


def form(**fields):
    return {"To": "+8613800138000", "MessagingServiceSid": SERVICE, "Body": "您好", **fields}


@pytest.fixture
def book():
    return MessageBook(ACCOUNT)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "13800138000"}, 21211),
        ({"To": "+15005550009"}, 21614),
        ({"MessagingServiceSid": ""}, 21603),
        ({"MessagingServiceSid": "MGx"}, 21701),
        ({"MessagingServiceSid": "", "From": "+15005550001"}, 21212),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"StatusCallback": "ftp://host/"}, 21609),
        ({"StatusCallback": "https://under_score/"}, 21609),
    ],
)
def test_bad_message_is_refused_with_the_published_number(book, fields, code):
    with pytest.raises(Refused) as refused:
        book.create(form(**fields))
    assert (refused.value.status, refused.value.code) == (400, code)
    assert book.newest_first() == []


def test_number_that_said_stop_is_refused(book):
    book.opt_out("+8613800138000")
    with pytest.raises(Refused) as refused:
        book.create(form())
    assert refused.value.code == 21610


def test_stop_does_not_reach_obfuscated_addresses(book):
    book.opt_out("+8613800138000")
    assert book.create(form(AddressRetention="obfuscate")).status == "accepted"


def test_redaction_comes_with_sending(book):
    message = book.create(form(AddressRetention="obfuscate", ContentRetention="discard"))
    assert (message.to, message.body) == ("+8613800138000", "您好")
    sent = book.advance(message.sid, "sent")
    assert (sent.to, sent.body) == ("+861380013XXXX", "")
    assert sent.sent is not None


def test_message_under_way_can_be_neither_deleted_nor_redacted_nor_canceled(book):
    sid = book.create(form()).sid
    for act in (lambda: book.delete(sid), lambda: book.update(sid, {"Body": ""})):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == 20009
    with pytest.raises(Refused) as refused:
        book.update(sid, {"Status": "canceled"})
    assert refused.value.code == 30409


def test_delivered_message_can_be_redacted_then_deleted(book):
    sid = book.create(form()).sid
    book.advance(sid, "delivered")
    assert book.update(sid, {"Body": ""}).body == ""
    book.delete(sid)
    with pytest.raises(Refused) as refused:
        book.get(sid)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("影" * 70, 1),
        ("影" * 71, 2),
        ("影" * 135, 3),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_the_network_does(body, segments):
    assert count_segments(body) == segments
