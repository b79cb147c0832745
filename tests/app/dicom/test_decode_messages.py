"""What a child says comes over whole, and the end of it."""

from io import BytesIO

import pytest

from app.dicom.decode_messages import Piece, encode_message, receive_message
from app.dicom.geometry import Edges
from app.dicom.pictures import FramePicture, InstanceFacts
from app.dicom.render import Code, Jpeg, NotRenderable, Window

FACTS = InstanceFacts(number_of_frames=3, view="", burned_in_annotation=False)


def test_messages_survive_the_way():
    jpeg, small = Jpeg(b"\xff\xd8\xff1", 3, 2), Jpeg(b"\xff\xd8\xff22", 1, 1)
    items = [
        FACTS,
        FramePicture(preview=jpeg, small=jpeg, window=None, edges=None, slice_position=None),
        FramePicture(
            preview=jpeg,
            small=jpeg,
            window=Window(40, 400),
            edges=Edges("R", None, "A", "P"),
            slice_position=-1.5,
            thumbnail=small,
            key_image=small,
        ),
        Piece(2, b"abc"),
        None,
    ]
    for item in items:
        assert _received(encode_message(item)) == item
    with pytest.raises(NotRenderable) as refusal:
        _received(encode_message(NotRenderable(Code.TOO_LARGE, "why")))
    assert (refusal.value.code, refusal.value.reason) == (Code.TOO_LARGE, "why")


def _received(message):
    stream = BytesIO(message)
    received = receive_message(stream.read)
    assert not stream.read()
    return received
