"""Geometry of the camera frame in the background, against drawn pictures and plain arithmetic."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iph_rt.errors import ConfigError
from iph_rt.runtime.placement import Rect, lay_out

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


def test_same_size_is_a_view():
    frame = np.zeros((72, 128, 3), np.uint8)
    for placement in ("bottom", "fit", "cover"):
        layout = lay_out(placement, (72, 128), (72, 128))
        assert layout.covers
        assert layout.place(frame).base is frame


@pytest.mark.parametrize(
    ("placement", "source", "target"),
    [
        # A 160x90 frame in a 100x100 background: fit scales by 100/160, cover by 100/90.
        ("fit", Rect(0, 0, 160, 90), Rect(0, 22, 100, 56)),
        ("bottom", Rect(0, 0, 160, 90), Rect(0, 44, 100, 56)),
        ("cover", Rect(35, 0, 90, 90), Rect(0, 0, 100, 100)),
        ((50, 100, 0.5), Rect(0, 0, 160, 90), Rect(10, 55, 80, 45)),
        ((0, 45, 1.0), Rect(80, 45, 80, 45), Rect(0, 0, 80, 45)),
    ],
)
def test_known_layouts(placement, source, target):
    layout = lay_out(placement, (90, 160), (100, 100))
    assert abs(layout.source.x - source.x) <= 1
    assert layout.source.y == source.y
    assert abs(layout.source.width - source.width) <= 1
    assert layout.source.height == source.height
    assert layout.target == target


def test_nothing_to_be_seen_is_an_error():
    with pytest.raises(ConfigError, match="outside the background of 100x100"):
        lay_out((500, 100, 0.5), (90, 160), (100, 100))


@given(frame=sizes, background=sizes, name=st.sampled_from(["fit", "bottom", "cover"]))
def test_named_layouts_lie_inside_and_keep_the_aspect(frame, background, name):
    layout = lay_out(name, frame, background)
    source, target = layout.source, layout.target
    assert source.x >= 0
    assert source.y >= 0
    assert source.x + source.width <= frame[1]
    assert source.y + source.height <= frame[0]
    assert target.x >= 0
    assert target.y >= 0
    assert target.x + target.width <= background[1]
    assert target.y + target.height <= background[0]
    if name == "cover":
        assert layout.covers
    else:
        assert (source.width, source.height) == (frame[1], frame[0])
        scale = min(background[0] / frame[0], background[1] / frame[1])
        assert abs(target.width - scale * frame[1]) <= 1
        assert abs(target.height - scale * frame[0]) <= 1
        if name == "bottom":
            assert target.y + target.height == background[0]


@given(
    frame=sizes, background=sizes, x=st.floats(-400, 400), y=st.floats(-400, 400), scale=st.floats(0.02, 20)
)
def test_free_layouts_put_each_part_where_it_belongs(frame, background, x, y, scale):
    try:
        layout = lay_out((x, y, scale), frame, background)
    except ConfigError:
        left, right = x - scale * frame[1] / 2, x + scale * frame[1] / 2
        top = y - scale * frame[0]
        hidden = right < 1 or left > background[1] - 1 or y < 1 or top > background[0] - 1
        assert hidden or scale * min(frame) < 1
        return
    source, target = layout.source, layout.target
    # The middle of what is seen lies where the formula puts it, to a pixel of either picture.
    middle_x = (source.x + source.width / 2 - frame[1] / 2) * scale + x
    middle_y = (source.y + source.height / 2 - frame[0]) * scale + y
    assert abs(middle_x - (target.x + target.width / 2)) <= 1 + scale
    assert abs(middle_y - (target.y + target.height / 2)) <= 1 + scale


def test_surroundings_are_the_background():
    generator = np.random.default_rng(0)
    background = generator.integers(0, 256, (50, 60, 3), np.uint8)
    layout = lay_out((20, 40, 0.5), (40, 50), (50, 60))
    out = np.zeros_like(background)
    layout.copy_surroundings(background, out)
    expected = background.copy()
    expected[layout.target.slices] = 0
    np.testing.assert_array_equal(out, expected)


def test_scaled_frame_is_written_to_the_kept_buffer():
    frame = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    layout = lay_out("fit", (90, 160), (135, 240))
    buffer = np.empty((135, 240, 3), np.uint8)
    assert layout.place(frame, buffer) is buffer
    np.testing.assert_array_equal(buffer, cv2.resize(frame, (240, 135), interpolation=cv2.INTER_LINEAR))
