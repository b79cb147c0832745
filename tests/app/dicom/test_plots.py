"""Waveforms: read in their units, drawn to scale, bounded."""

import numpy as np
import pytest

from app.dicom import plots, waveforms
from app.dicom.decode_pool import DecodePool
from app.dicom.pictures import FramePicture
from app.dicom.plots import MAX_PAGES, waveform_pages
from app.dicom.render import Code, NotRenderable
from app.dicom.waveforms import MAX_CHANNELS, groups_of
from tests import objects
from tests.app.dicom.samples import pydicom_file

MM = 5  # pixels of a sheet for each millimetre
HEAD, LABEL = 8 * MM, 5 * MM


def group_of(dataset):
    (group,) = groups_of(dataset)
    return group


def sheets_of(dataset):
    count, sheets = waveform_pages(dataset)
    drawn = list(sheets)
    assert len(drawn) == count
    return drawn


def ink(sheet):
    """Where the curve, or a word, is."""
    return np.asarray(sheet).max(axis=2) < 180


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("unit", [("uV", 1e-3), ("mV", 1.0), ("V", 1e3)], ids=lambda unit: unit[0])
def test_samples_become_millivolts(kind, unit):
    cells = np.array([[0, 100], [50, 25]], kind)
    group = group_of(objects.waveform(cells, unit=unit[0], sensitivity=2))
    assert [channel.unit for channel in group.channels] == ["mV", "mV"]
    assert group.channels[1].values == pytest.approx(np.array([200, 50]) * unit[1])
    assert (group.frequency, group.duration) == (500, 2 / 500)


def test_correction_baseline_and_padding_count():
    dataset = objects.waveform(np.array([[1], [-32768], [3]], np.int16), unit="mm[Hg]", sensitivity=2)
    item = dataset.WaveformSequence[0]
    item.ChannelDefinitionSequence[0].ChannelSensitivityCorrectionFactor = 0.5
    item.ChannelDefinitionSequence[0].ChannelBaseline = 10
    item.WaveformPaddingValue = (-32768).to_bytes(2, "little", signed=True)
    (channel,) = group_of(dataset).channels
    assert channel.unit == "mm[Hg]"
    assert np.array_equal(channel.values, [11, np.nan, 13], equal_nan=True)


def test_one_millivolt_is_ten_millimetres_and_one_second_twenty_five():
    second = np.zeros((2000, 1), np.int16)
    second[500:1000] = 1000  # from 1 s to 2 s, by 1 mV
    (sheet,) = sheets_of(objects.waveform(second))
    curve = ink(sheet)[HEAD + LABEL :]
    rows = [np.flatnonzero(curve[:, round(at * 25 * MM)]).mean() for at in (0.9, 1.5, 2.5)]
    assert rows[0] - rows[1] == pytest.approx(10 * MM, abs=1)
    assert rows[0] == pytest.approx(rows[2], abs=1)
    rises = np.flatnonzero(curve[: round(rows[0]) - 5].sum(axis=0) > 5 * MM)
    assert rises.min() == pytest.approx(25 * MM, abs=2)
    assert rises.max() == pytest.approx(50 * MM, abs=2)


def test_other_units_get_an_axis_of_round_numbers():
    values = np.linspace(70, 121, 1000).astype(np.int16)[:, None]
    dataset = objects.waveform(values, unit="mm[Hg]", sensitivity=1)
    row = plots._row(group_of(dataset).channels[0])
    assert (row.foot, row.per_centimetre, row.height, row.scale) == (60, 20, 40, "20 mm[Hg]/10 mm")


@pytest.mark.parametrize(
    ("least", "nice"), [(0.3, 0.5), (1, 1), (1.1, 2), (17, 20), (51, 100), (0, 1), (float("inf"), 1)]
)
def test_steps_are_round(least, nice):
    assert plots._nice(least) == pytest.approx(nice)


def test_each_ten_seconds_are_a_sheet_and_many_channels_several():
    assert len(sheets_of(objects.waveform(np.zeros((12_500, 2), np.int16)))) == 3
    tall = np.zeros((500, 12), np.int16)
    tall[250] = 5000
    assert len(sheets_of(objects.waveform(tall))) == 2
    short, *_ = sheets_of(objects.waveform(np.zeros((100, 1), np.int16)))
    assert short.width == 100 * MM


def test_a_real_ecg_shows_its_leads_and_its_median_beat():
    from pydicom import dcmread

    dataset = dcmread(pydicom_file("waveform_ecg.dcm"))
    rhythm, beat = groups_of(dataset)
    assert [channel.label for channel in rhythm.channels][:3] == ["Lead I (Einthoven)", "Lead II", "Lead III"]
    assert (rhythm.duration, beat.duration, rhythm.channels[0].unit) == (10, 1.2, "mV")
    # Einthoven: III is II - I
    one, two, three = (channel.values for channel in rhythm.channels[:3])
    assert np.abs(two - one - three).max() < 0.01
    whole, short = sheets_of(dataset)
    assert whole.width == 250 * MM
    assert ink(whole).any()
    assert short.width < whole.width


HOSTILE = {
    "more samples than there are": {"NumberOfWaveformSamples": 2**31 - 1},
    "no samples": {"WaveformData": b""},
    "no channels": {"NumberOfWaveformChannels": 0},
    "more channels than there are": {"NumberOfWaveformChannels": 65535},
    "no frequency": {"SamplingFrequency": 0},
    "an endless second": {"SamplingFrequency": "1e-300"},
    "all in no time": {"SamplingFrequency": "1e300"},
    "an unknown kind": {"WaveformSampleInterpretation": "MB"},
    "no definitions": {"ChannelDefinitionSequence": []},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_groups_are_drawn_in_bounds_or_refused(name):
    dataset = objects.waveform(np.arange(3000, dtype=np.int16).reshape(1000, 3))
    for keyword, value in HOSTILE[name].items():
        setattr(dataset.WaveformSequence[0], keyword, value)
    with DecodePool(1, memory_bytes=128 << 20, seconds_per_instance=10) as pool:
        result = pool.render(objects.file_of(dataset))
    assert len(result.frames) <= MAX_PAGES
    for frame in result.frames:
        assert isinstance(frame, FramePicture) or frame.code in {
            Code.DECODER_FAILED, Code.UNSUPPORTED_TRANSFER_SYNTAX, Code.TOO_LARGE,
        }  # fmt: skip


def test_a_recording_of_a_day_is_drawn_as_far_as_there_is_room():
    dataset = objects.waveform(np.zeros((400_000, 1), np.int16), frequency=200)
    assert waveform_pages(dataset)[0] == MAX_PAGES
    assert len(group_of(dataset).channels[0].values) == waveforms.MAX_SECONDS * 200
    assert group_of(dataset).duration == 2000


def test_channels_without_end_are_bounded():
    assert len(group_of(objects.waveform(np.zeros((2, 500), np.int8))).channels) == MAX_CHANNELS


def test_without_waveforms_there_is_nothing_to_draw():
    dataset = objects.waveform(np.zeros((2, 1), np.int8))
    del dataset.WaveformSequence
    with pytest.raises(NotRenderable):
        waveform_pages(dataset)


def test_a_gap_in_a_curve_is_no_line():
    cells = np.zeros((1000, 1), np.int16)
    cells[400:600] = -32768
    dataset = objects.waveform(cells)
    dataset.WaveformSequence[0].WaveformPaddingValue = (-32768).to_bytes(2, "little", signed=True)
    curve = ink(sheets_of(dataset)[0])[HEAD + LABEL :]
    assert curve[:, 15 * MM].any()
    assert not curve[:, 25 * MM - 10 : 25 * MM + 10].any()
