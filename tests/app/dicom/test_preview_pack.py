"""The pack of a series: what goes in comes out, in order, by range, with true counts."""

import json
import random
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.identifiers import SopInstanceUid
from app.dicom.decode_pool import RenderedInstance
from app.dicom.geometry import Edges
from app.dicom.pictures import FramePicture, InstanceFacts, pictures
from app.dicom.preview_pack import (
    HEAD_BYTES,
    BadPack,
    SeriesInstance,
    display_order,
    index_bytes,
    read_index,
    write_pack,
)
from app.dicom.render import Code, Jpeg, NotRenderable, Window
from tests.app.dicom.samples import file_of, image


def frame(tag, *, position=None, thumbnail=False, key_image=None):
    return FramePicture(
        preview=Jpeg(f"preview {tag}".encode(), 512, 400),
        small=Jpeg(f"preview {tag}".encode(), 512, 400),
        window=Window(40, 400),
        edges=Edges("R", "L", None, "P"),
        slice_position=position,
        thumbnail=Jpeg(f"thumbnail {tag}".encode(), 160, 125) if thumbnail else None,
        key_image=key_image,
    )


def instance(uid, *frames, number=None, view=""):
    facts = InstanceFacts(number_of_frames=len(frames), view=view, burned_in_annotation=bool(view))
    return SeriesInstance(
        sop_instance_uid=SopInstanceUid(uid), instance_number=number, rendered=RenderedInstance(facts, frames)
    )


def refused(uid, code=Code.NO_PIXEL_DATA, number=None):
    rendered = RenderedInstance(None, (NotRenderable(code, "structured report"),))
    return SeriesInstance(sop_instance_uid=SopInstanceUid(uid), instance_number=number, rendered=rendered)


def packed(*instances):
    data = b"".join(write_pack(instances))
    return data, read_index(data[: index_bytes(data[:HEAD_BYTES])])


def cut(data, picture):
    return data[picture.offset : picture.offset + picture.length]


def test_every_picture_is_found_by_its_range():
    data, index = packed(
        instance("1.1", frame("a", thumbnail=True)),
        instance("1.2", frame("b"), frame("c", thumbnail=True), frame("d"), view="CC R"),
    )
    assert [(f.sop_instance_uid, f.frame_number) for f in index.frames] == [
        ("1.1", 1),
        ("1.2", 1),
        ("1.2", 2),
        ("1.2", 3),
    ]
    assert [cut(data, f.picture) for f in index.frames] == [b"preview " + tag for tag in (b"a", b"b", b"c", b"d")]
    first, second = index.frames[:2]
    assert (first.picture.width, first.picture.height) == (512, 400)
    assert (first.edges, first.window, first.view) == (Edges("R", "L", None, "P"), (40, 400), "")
    assert (second.view, second.burned_in_annotation, first.burned_in_annotation) == ("CC R", True, False)


def test_the_key_frame_is_nearest_to_the_middle_and_has_the_thumbnail():
    series = [instance(f"1.{n}", frame(n, thumbnail=True)) for n in range(9)]
    data, index = packed(*series)
    assert index.key == 4
    assert cut(data, index.thumbnail) == b"thumbnail 4"
    assert index.frames[index.key].key_image == index.frames[4].picture


def test_a_picture_with_burned_in_text_stands_for_nothing():
    _, index = packed(instance("1.1", frame("a", thumbnail=True), view="CC R"))
    assert index.key is None
    assert index.thumbnail is not None


def test_a_key_image_of_its_own_is_used():
    data, index = packed(instance("1.1", frame("a", thumbnail=True, key_image=Jpeg(b"key", 300, 200))))
    key_image = index.frames[index.key].key_image
    assert cut(data, key_image) == b"key"
    assert (key_image.width, key_image.height) == (300, 200)


def test_what_cannot_be_shown_is_counted_with_its_reason_and_is_never_the_key():
    series = [instance("1.1", frame("a", thumbnail=True)), refused("1.2"), refused("1.3", Code.OUT_OF_TIME)]
    _, index = packed(*series)
    assert [(f.picture is None, f.reason) for f in index.frames] == [
        (False, None),
        (True, Code.NO_PIXEL_DATA),
        (True, Code.OUT_OF_TIME),
    ]
    assert index.frames[1].reason_text == "structured report"
    assert index.key == 0


def test_a_series_without_any_picture_has_an_index_all_the_same():
    for series in ([refused("1.1"), refused("1.2")], []):
        _, index = packed(*series)
        assert len(index.frames) == len(series)
        assert (index.key, index.thumbnail) == (None, None)


def shuffled(series):
    mixed = list(series)
    random.Random(4).shuffle(mixed)
    return mixed


def test_instances_are_shown_by_number():
    series = [instance(f"1.{n}", frame(n, position=-n), number=n) for n in (1, 2, 10, 11)]
    assert display_order(shuffled(series)) == series


@pytest.mark.parametrize("numbers", [[None, None, None], [1, 1, 1], [1, None, 2]])
def test_where_numbers_do_not_tell_them_apart_positions_do(numbers):
    series = [instance(f"1.{9 - n}", frame(n, position=float(n)), number=numbers[n]) for n in range(3)]
    assert display_order(shuffled(series)) == series


def test_without_numbers_and_positions_the_order_is_still_the_same_each_time():
    series = [instance("1.5", frame("n"), number=7), refused("1.1"), instance("1.3", frame("a", position=2.0))]
    assert display_order(shuffled(series)) == series


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.booleans()), max_size=12))
def test_any_pack_reads_back(rows):
    series = [
        instance(
            f"1.{n}",
            FramePicture(
                preview=Jpeg(data, 1, 1), small=Jpeg(data, 1, 1), window=None, edges=None, slice_position=None
            ),
        )
        if shown
        else refused(f"1.{n}")
        for n, (data, shown) in enumerate(rows)
    ]
    pack, index = packed(*series)
    assert [cut(pack, f.picture) if f.picture else None for f in index.frames] == [d if s else None for d, s in rows]


def test_a_cut_or_foreign_pack_is_refused():
    data, _ = packed(instance("1.1", frame("a", thumbnail=True)))
    end = index_bytes(data)
    for broken in (b"", data[:7], data[: end - 1], b"FPK2" + data[4:], b"\xff\xd8\xff" + data):
        with pytest.raises(BadPack):
            read_index(broken)


def test_the_index_is_small():
    series = [instance(f"1.2.840.113619.2.55.3.{10**20 + n}.{n}", frame(n, position=0.5)) for n in range(300)]
    data, _ = packed(*series)
    assert index_bytes(data) < 48 * 1024
    assert json.loads(data[HEAD_BYTES : index_bytes(data)])["frames"]


def noisy_ct(n):
    """A slice as noisy as thin ones are: 40 HU of noise on tissue, in the window for tissue."""
    y, x = np.mgrid[-256:256, -256:256]
    body = ((x / 200) ** 2 + (y / 150) ** 2 < 1) * 1050
    noise = np.random.default_rng(n).normal(0, 40, (512, 512))
    return image((body + noise).clip(0).astype(np.uint16), Modality="CT", RescaleIntercept="-1024", RescaleSlope="1")


def test_three_hundred_noisy_ct_slices_stay_within_six_megabytes():
    sizes = [len(list(pictures(BytesIO(file_of(noisy_ct(n)))))[1].preview.data) for n in range(4)]
    assert max(sizes) * 300 <= 6_000_000


def test_presets_are_those_of_all_instances_and_older_packs_have_none():
    def offering(uid, *presets):
        facts = InstanceFacts(number_of_frames=1, view="", burned_in_annotation=False, presets=presets)
        rendered = RenderedInstance(facts, (frame(uid),))
        return SeriesInstance(sop_instance_uid=SopInstanceUid(uid), instance_number=None, rendered=rendered)

    data, index = packed(
        offering("1.1"), offering("1.2", ("lung", ""), ("file-2", "W2")), offering("1.3", ("lung", ""))
    )
    assert index.presets == (("lung", ""), ("file-2", "W2"))
    older = json.loads(data[HEAD_BYTES : index_bytes(data[:HEAD_BYTES])])
    del older["presets"]
    text = json.dumps(older).encode()
    assert read_index(data[:4] + len(text).to_bytes(4, "big") + text).presets == ()
