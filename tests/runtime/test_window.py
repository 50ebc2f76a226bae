"""The networks' window and sample against plain slicing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt.runtime.window import Window, WindowTracker, find_box, find_person, resample


def matte(height: int, width: int, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    alpha = np.zeros((height, width), np.uint8)
    alpha[y0:y1, x0:x1] = 255
    return alpha


def test_box_is_exact():
    box = find_box(matte(40, 60, 7, 11, 23, 38) > 0)
    assert (box.x0, box.y0, box.x1, box.y1) == (7, 11, 23, 38)
    assert find_box(np.zeros((4, 5), bool)) is None


def test_person_is_found_to_eight_pixels_and_noise_is_nobody():
    box = find_person(matte(720, 1280, 403, 201, 801, 720))
    assert abs(box.x0 - 403) <= 8
    assert abs(box.y0 - 201) <= 8
    assert abs(box.x1 - 801) <= 8
    assert box.y1 == 720
    assert find_person(matte(720, 1280, 80, 80, 100, 100)) is None
    assert find_person(np.full((720, 1280), 127, np.uint8)) is None


def test_window_stands_still_until_the_person_leaves_it():
    tracker = WindowTracker()
    first = tracker.update(matte(720, 1280, 400, 200, 800, 720))
    assert tracker.update(matte(720, 1280, 412, 208, 806, 720)) == first
    moved = tracker.update(matte(720, 1280, 600, 200, 1000, 720))
    assert moved != first
    assert tracker.update(matte(720, 1280, 700, 400, 800, 520)).side < moved.side, "must close in on a person far away"
    assert tracker.update(np.zeros((720, 1280), np.uint8)) is None


def test_unscaled_window_is_a_slice_and_zero_outside():
    image = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    out = np.full((256, 256, 3), 9, np.uint8)
    resample(image, Window(50, 20, 256), out)
    np.testing.assert_array_equal(out, image[20:276, 50:306])
    resample(image, Window(-30, 100, 256), out)
    expected = np.zeros_like(out)
    expected[:200, 30:] = image[100:300, :226]
    np.testing.assert_array_equal(out, expected)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 600), width=st.integers(1, 600), data=st.data(), side=st.integers(1, 900)
)
def test_any_window_that_meets_the_image_keeps_its_mean(height, width, data, side):
    x = data.draw(st.integers(1 - side, width - 1))
    y = data.draw(st.integers(1 - side, height - 1))
    image = np.full((height, width), 200, np.uint8)
    out = np.empty((256, 256), np.uint8)
    resample(image, Window(x, y, side), out)
    assert set(np.unique(out)) <= {0, 200}
    seen = (min(width, x + side) - max(0, x)) * (min(height, y + side) - max(0, y)) / side**2
    # Each border is rounded to a network pixel, and at least one row and column is kept.
    assert (out > 0).mean() == pytest.approx(seen, abs=4 / 256)
