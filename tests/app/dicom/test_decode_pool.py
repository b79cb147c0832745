"""The pool and its children: real processes, real limits, real deaths."""

import os
import signal
import socket
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from app.dicom import decode_pool
from app.dicom.decode_messages import Piece, Previews, encode_message
from app.dicom.decode_pool import DecodePool, RenderedInstance, _Child
from app.dicom.frames import MAX_FRAMES
from app.dicom.instance import UnreadableInstance, parse_header
from app.dicom.part10 import file_meta
from app.dicom.pictures import FramePicture, InstanceFacts, pictures
from app.dicom.render import Code, Jpeg, NotRenderable, Window
from app.dicom.rendition import Rendition
from tests.app.dicom.samples import SHARED, file_of, image, pydicom_file

CT = pydicom_file("CT_small.dcm").read_bytes()
HOSTILE = sorted((SHARED / "hostile").rglob("*.dcm"))
FACTS = InstanceFacts(number_of_frames=3, view="", burned_in_annotation=False)


@pytest.fixture(scope="module")
def pool():
    with DecodePool(2) as pool:
        yield pool


def in_process(file):
    return [item for item in pictures(BytesIO(file)) if isinstance(item, FramePicture)]


def children_of(pool):
    return [psutil.Process(child._process.pid) for child in pool._idle.queue if child]


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "examples_palette.dcm",
        "examples_ybr_color.dcm",
        "image_dfl.dcm",
        "MR_small_expb.dcm",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_the_limits_of_the_child_change_no_picture(pool, name):
    file = pydicom_file(name).read_bytes()
    assert list(pool.render(file).frames) == in_process(file)


def test_many_threads_share_the_children(pool):
    expected = pool.render(CT)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(pool.render, [CT] * 60)) == {expected}
    assert 1 <= len(children_of(pool)) <= 2


def test_what_cannot_be_shown_is_answered_not_raised(pool):
    report = pool.render(pydicom_file("test-SR.dcm").read_bytes())
    assert report.facts is None
    assert [(frame.code, frame.reason) for frame in report.frames] == [(Code.NO_PIXEL_DATA, "structured report")]
    for junk in (b"", b"junk" * 100):
        assert [frame.code for frame in pool.render(junk).frames] == [Code.NO_PIXEL_DATA]


def test_a_cut_multi_frame_file_gives_its_frames_and_says_what_is_missing(pool):
    stack = np.random.default_rng(3).integers(0, 255, (4, 32, 32), np.uint8)
    dataset = image(stack)
    dataset.compress(RLELossless, encoding_plugin="pylibjpeg")
    file = file_of(dataset)
    rendered = pool.render(file[: len(file) - 700])
    assert len(rendered.frames) == rendered.facts.number_of_frames == 4
    assert rendered.frames[-1].code is Code.DECODER_FAILED
    assert isinstance(rendered.frames[0], FramePicture)


def deflated_bomb(megabytes):
    file = file_of(image(np.zeros((64, 64), np.uint8)))
    header = parse_header(file, complete=True)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    at = file.rindex(b"\xe0\x7f\x10\x00")
    length = megabytes << 20
    body = file[header.dataset_offset : at] + b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", length)
    packed = deflate.compress(body) + b"".join(deflate.compress(bytes(1 << 20)) for _ in range(megabytes))
    meta = file_meta(header.sop_class_uid, header.sop_instance_uid, DeflatedExplicitVRLittleEndian)
    return meta + packed + deflate.flush()


def test_a_bomb_meets_the_memory_limit_and_the_pool_lives_on():
    with DecodePool(1, memory_bytes=256 << 20) as small:
        bomb = deflated_bomb(700)
        assert len(bomb) < 1 << 20
        assert [frame.code for frame in small.render(bomb).frames] == [Code.TOO_LARGE]
        assert isinstance(small.render(CT).frames[0], FramePicture)


def test_a_file_larger_than_the_memory_is_refused_before_it_is_sent():
    with DecodePool(1, memory_bytes=64 << 20) as small:
        assert [frame.code for frame in small.render(bytes(65 << 20)).frames] == [Code.TOO_LARGE]
        assert isinstance(small.render(CT).frames[0], FramePicture)


def test_a_child_that_is_killed_costs_one_instance():
    with DecodePool(1) as single:
        single.render(CT)
        (child,) = children_of(single)
        child.send_signal(signal.SIGKILL)
        assert [frame.code for frame in single.render(CT).frames] == [Code.DECODER_FAILED]
        assert isinstance(single.render(CT).frames[0], FramePicture)


def test_an_answer_that_was_not_read_to_its_end_never_becomes_that_of_the_next_file(monkeypatch):
    other = file_of(image(np.full((64, 64), 90, np.uint8)))

    def interrupted(messages):
        next(messages)
        raise KeyboardInterrupt

    with DecodePool(1) as single:
        expected = single.render(other)
        with monkeypatch.context() as patch:
            patch.setattr(decode_pool, "_collected", interrupted)
            with pytest.raises(KeyboardInterrupt):
                single.render(CT)
        assert single.render(other) == expected


def test_a_child_that_hangs_is_ended_in_time():
    with DecodePool(1, seconds_per_instance=3.0) as single:
        single.render(CT)
        (child,) = children_of(single)
        child.suspend()
        begun = time.monotonic()
        assert [frame.code for frame in single.render(CT).frames] == [Code.OUT_OF_TIME]
        assert time.monotonic() - begun < 15
        assert not child.is_running()
        assert isinstance(single.render(CT).frames[0], FramePicture)


def test_a_decoder_that_is_slow_for_real_runs_out_of_time():
    large = file_of(image(np.random.default_rng(5).integers(0, 65535, (7000, 7000), np.uint16)))
    with DecodePool(1, seconds_per_instance=0.1) as single:
        single.render(CT)
        assert [frame.code for frame in single.render(large).frames] == [Code.OUT_OF_TIME]


def test_as_many_frames_as_are_allowed_are_rendered(pool):
    rendered = pool.render(file_of(image(np.zeros((MAX_FRAMES, 8, 8), np.uint8))))
    assert len(rendered.frames) == MAX_FRAMES
    assert all(isinstance(frame, FramePicture) for frame in rendered.frames)


@pytest.mark.skipif(not HOSTILE, reason="shared samples of hostile files are not here")
def test_published_hostile_files_harm_nothing(pool):
    for path in HOSTILE:
        file = path.read_bytes()
        try:
            parse_header(file, complete=True)
        except UnreadableInstance as refusal:
            assert refusal.reason_code in {0xA900, 0xC000, 0xC122}, path.name
        assert pool.render(file).frames, path.name
    assert isinstance(pool.render(CT).frames[0], FramePicture)


def test_closing_ends_every_child_and_the_pool_can_be_used_again():
    pool = DecodePool(2)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(pool.render, [CT] * 6))
    ended = children_of(pool)
    assert ended
    pool.close()
    assert not any(child.is_running() for child in ended)
    assert isinstance(pool.render(CT).frames[0], FramePicture)
    pool.close()


def test_a_child_sees_nothing_of_our_environment_and_ends_with_the_socket(monkeypatch):
    monkeypatch.setenv("FILMPASS_ROOT_KEY", "secret")
    child = _Child(64 << 20, 5.0)
    process = psutil.Process(child._process.pid)
    try:
        environment = Path(f"/proc/{process.pid}/environ")
        if os.access(environment, os.R_OK):
            assert b"secret" not in environment.read_bytes()
        child._socket.shutdown(socket.SHUT_RDWR)
        assert child._process.wait(10) == 0
    finally:
        child.end()


def test_a_child_that_does_not_start_is_an_error_of_ours(monkeypatch):
    monkeypatch.setattr(decode_pool, "_PROJECT", Path("/"))
    with DecodePool(1) as broken, pytest.raises(RuntimeError, match="does not start"):
        broken.render(CT)


@pytest.mark.parametrize(
    "reply",
    [
        b"\xff" * 16,
        struct.pack("!IIII", 9, 0, 0, 0) + b"not json!",
        struct.pack("!IIII", 2, 0, 0, 0) + b"[]",
        struct.pack("!IIII", 3, 0, 0, 0) + b"[1]",
        struct.pack("!IIII", 14, 0, 0, 0) + b'{"code":"own"}',
        struct.pack("!IIII", 12, 0, 0, 0) + b'{"facts":{}}',
        encode_message(InstanceFacts(number_of_frames=10**9, view="", burned_in_annotation=False)),
        encode_message(FACTS) * 2,
        encode_message(
            FramePicture(
                preview=Jpeg(b"<script>", 1, 1),
                small=Jpeg(b"<script>", 1, 1),
                window=None,
                edges=None,
                slice_position=None,
            )
        ),
        b"",
    ],
)
def test_a_child_that_was_taken_over_is_not_believed(reply):
    child = _Child(64 << 20, 5.0)
    child._socket.close()
    child._socket, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(reply)
        theirs.shutdown(socket.SHUT_WR)
        rendered = decode_pool._collected(child.ask(Previews(), b"file"))
    assert not child.alive
    assert {frame.code for frame in rendered.frames} == {Code.DECODER_FAILED}


def test_frames_beyond_those_announced_are_dropped_and_missing_ones_are_named():
    frame = FramePicture(preview=Jpeg(b"", 1, 1), small=Jpeg(b"", 1, 1), window=None, edges=None, slice_position=None)
    assert len(decode_pool._collected(iter([FACTS, *[frame] * 9])).frames) == 3
    assert [type(item) for item in decode_pool._collected(iter([FACTS, frame])).frames] == [
        FramePicture,
        NotRenderable,
        NotRenderable,
    ]
    assert len(decode_pool._collected(iter([])).frames) == 1

    def broken():
        yield FACTS
        yield frame
        raise NotRenderable(Code.DECODER_FAILED, "why")

    rendered = decode_pool._collected(broken())
    assert isinstance(rendered, RenderedInstance)
    assert [getattr(item, "code", None) for item in rendered.frames] == [None, Code.DECODER_FAILED, Code.DECODER_FAILED]


def test_a_rendition_is_a_picture_of_the_type_asked_for(pool):
    assert pool.rendition(CT, Rendition()).startswith(b"\xff\xd8\xff")
    assert pool.rendition(CT, Rendition(media_type="image/png")).startswith(b"\x89PNG")
    with pytest.raises(NotRenderable) as refusal:
        pool.rendition(CT, Rendition(frame=2))
    assert refusal.value.code is Code.NO_SUCH_FRAME
    with pytest.raises(NotRenderable):
        pool.rendition(pydicom_file("test-SR.dcm").read_bytes(), Rendition())


def test_an_instance_under_a_preset_is_another_picture_and_one_that_it_lacks_is_its_default(pool):
    default = pool.render(CT)
    assert [name for name, _ in default.facts.presets] == ["bone"]
    assert pool.render(CT, "bone").frames != default.frames
    assert pool.render(CT, "bone").frames[0].window == Window(300, 1500)
    assert pool.render(CT, "lung").frames == default.frames


def test_a_long_answer_comes_in_pieces_and_whole(pool):
    stack = np.random.default_rng(8).integers(0, 255, (5, 1000, 1000), np.uint8)
    dataset = image(stack)
    dataset.compress(RLELossless, encoding_plugin="pylibjpeg")
    file = file_of(dataset)
    assert np.array_equal(dcmread(BytesIO(pool.explicit(file))).pixel_array, stack)
    assert pool.native_frames(file, [5, 1]) == [stack[4].tobytes(), stack[0].tobytes()]


def test_threads_that_ask_for_different_things_get_their_own_answers(pool):
    asked = [lambda: pool.explicit(CT), lambda: pool.rendition(CT, Rendition()), lambda: pool.native_frames(CT, [1])]
    expected = [ask() for ask in asked]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda at: asked[at % 3](), range(45)))
    assert all(answer == expected[at % 3] for at, answer in enumerate(answers))


@pytest.mark.parametrize(
    "reply",
    [
        encode_message(Piece(1, b"of a part that was not asked for")),
        encode_message(Piece(-1, b"")),
        encode_message(Piece(0, b"<script>")) + encode_message(None),
        encode_message(Piece(0, bytes(3 << 20))) * 2,
    ],
)
def test_bytes_of_a_child_that_was_taken_over_are_no_picture(reply):
    pool = DecodePool(1, memory_bytes=4 << 20)
    child = _Child(64 << 20, 5.0)
    child._socket.close()
    child._socket, theirs = socket.socketpair()
    pool._idle.get()
    pool._idle.put(child)
    with theirs, ThreadPoolExecutor(1) as threads:
        threads.submit(theirs.sendall, reply)
        with pytest.raises(NotRenderable):
            pool.rendition(b"file", Rendition())
    assert not child.alive
