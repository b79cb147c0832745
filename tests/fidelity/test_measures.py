"""The measures, on pictures whose differences are known."""

import numpy as np
import pytest

from tests.fidelity.measures import Difference, difference, ssim

RAMP = np.tile(np.arange(64, dtype=np.uint8)[:, None, None] * 3, (1, 64, 3))


def test_equal_pictures_do_not_differ():
    assert difference(RAMP, RAMP) == Difference(0.0, 0.0, pytest.approx(1.0))


def test_background_does_not_dilute_a_difference():
    ours, theirs = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    ours[:4, :4], theirs[:4, :4] = 100, 110
    assert difference(ours, theirs).mean == 10


def test_a_few_pixels_far_away_show_in_the_percentile():
    theirs = RAMP.copy()
    theirs[20:22] = 255 - theirs[20:22]
    found = difference(RAMP, theirs)
    assert found.p99 > 100
    assert not found.within(3, 10, 0.95)


def test_structural_similarity_sees_what_a_mean_does_not():
    noise = np.random.default_rng(1).normal(0, 3, (64, 64))
    flat = np.full((64, 64), 100.0)
    assert ssim(flat, flat + 3) > 0.99
    assert ssim(flat, flat + noise) < 0.9
