"""An object is named by its SOP Class, the family by the start of its UID."""

import pytest

from app.dicom.kinds import Kind, kind_of

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        (f"{STORAGE}2", Kind.IMAGE),
        (f"{STORAGE}6.1", Kind.IMAGE),
        (f"{STORAGE}88.11", Kind.TEXT),
        (f"{STORAGE}88.33", Kind.TEXT),
        (f"{STORAGE}88.59", Kind.KEY_OBJECTS),
        (f"{STORAGE}88.67", Kind.DOSE_REPORT),
        (f"{STORAGE}88.50", Kind.DETECTION),
        (f"{STORAGE}104.1", Kind.PDF),
        (f"{STORAGE}104.2", Kind.DOCUMENT),
        (f"{STORAGE}11.1", Kind.PRESENTATION),
        (f"{STORAGE}9.1.1", Kind.WAVEFORM),
        (f"{STORAGE}77.1.4.1", Kind.VIDEO),
        (f"{STORAGE}77.1.4", Kind.IMAGE),
        (f"{STORAGE}66", Kind.RAW),
        (f"{STORAGE}66.1", Kind.REGISTRATION),
        (f"{STORAGE}66.4", Kind.SEGMENTATION),
        (f"{STORAGE}66.6", Kind.OTHER),
        (f"{STORAGE}4.1", Kind.IMAGE),
        (f"{STORAGE}4.2", Kind.OTHER),
        (f"{STORAGE}481.1", Kind.IMAGE),
        (f"{STORAGE}481.2", Kind.DOSE),
        (f"{STORAGE}481.3", Kind.RADIOTHERAPY),
        ("1.3.12.2.1107.5.9.1", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_objects_have_a_kind(uid, kind):
    assert kind_of(uid) is kind
