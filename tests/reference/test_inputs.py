"""What a caller may give, and the errors for what he may not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iph_rt.errors import FrameFormatError, RegionError
from iph_rt.reference import inputs
from iph_rt.reference.select import load_mask, select_region

WIDTH, HEIGHT = 40, 30
PICTURE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
numbers = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.integers(-200, 200)


@given(x=numbers, y=numbers)
def test_point_is_taken_exactly_where_it_is_inside(x: float, y: float) -> None:
    if math.isfinite(x) and math.isfinite(y) and 0 <= x < WIDTH and 0 <= y < HEIGHT:
        assert inputs.check_point((x, y), WIDTH, HEIGHT) == (x, y)
    else:
        with pytest.raises(RegionError, match="expected"):
            inputs.check_point((x, y), WIDTH, HEIGHT)


@given(x=numbers, y=numbers, w=numbers, h=numbers)
def test_box_is_cut_to_the_picture(x: float, y: float, w: float, h: float) -> None:
    finite = all(math.isfinite(v) for v in (x, y, w, h))
    if not (finite and w > 0 and h > 0 and x < WIDTH and y < HEIGHT and x + w > 0 and y + h > 0):
        with pytest.raises(RegionError, match="expected"):
            inputs.check_box((x, y, w, h), WIDTH, HEIGHT)
    else:
        left, top, width, height = inputs.check_box((x, y, w, h), WIDTH, HEIGHT)
        assert 0 <= left < left + width <= WIDTH
        assert 0 <= top < top + height <= HEIGHT
        assert left == max(0, math.floor(x))
        assert left + width == min(WIDTH, math.ceil(x + w))


@pytest.mark.parametrize("value", [None, 5, "12", b"ab", (1,), (1, 2, 3), ("a", "b"), (None, 1), ((1, 2), (3, 4)), {1, 2}])
def test_point_that_is_no_point(value: Any) -> None:
    with pytest.raises(RegionError, match=r"\(x, y\)"):
        inputs.check_point(value, WIDTH, HEIGHT)


@settings(max_examples=150)
@given(
    hnp.arrays(
        st.sampled_from([np.bool_, np.uint8, np.float32, np.float64]),
        st.sampled_from([(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1)]),
    )
)
def test_mask_is_one_half_and_above_or_an_error(mask: np.ndarray) -> None:
    values = mask.reshape(HEIGHT, WIDTH).astype(np.float64)
    top = 255.0 if mask.dtype == np.uint8 and values.max() > 1 else 1.0
    valid = bool(np.isfinite(values).all() and values.min() >= 0 and values.max() <= top)
    if valid and (values / top >= 0.5).any():
        result = inputs.check_mask(mask, WIDTH, HEIGHT)
        assert result.dtype == np.bool_
        assert np.array_equal(result, values / top >= 0.5)
        assert not np.shares_memory(result, mask)
    else:
        with pytest.raises(RegionError):
            inputs.check_mask(mask, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.zeros((HEIGHT, WIDTH), np.bool_), "selects nothing"),
        (np.zeros((HEIGHT, WIDTH), np.uint8), "selects nothing"),
        (np.full((HEIGHT, WIDTH), np.nan, np.float32), "NaN"),
        (np.full((HEIGHT, WIDTH), 255.0, np.float32), "divide"),
        (np.ones((WIDTH, HEIGHT), np.bool_), "expected"),
        (np.ones((HEIGHT, WIDTH, 3), np.uint8), "one channel"),
        (np.ones((HEIGHT, WIDTH), np.int64), "int64"),
        ([[1, 0], [0, 1]], "list"),
    ],
)
def test_bad_masks(mask: Any, says: str) -> None:
    with pytest.raises(RegionError, match=says):
        select_region(PICTURE, mask=mask)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"point": (40, 3)}, "outside the reference of 40x30"),
        ({"point": (-1, 3)}, "outside"),
        ({"point": (float("nan"), 3)}, "finite"),
        ({"region": (0, 0, 0, 10)}, "no area"),
        ({"region": (5, 5, 10, -3)}, "no area"),
        ({"region": (41, 0, 5, 5)}, "outside"),
        ({"region": (-9, 0, 9, 5)}, "outside"),
        ({"region": (0, 0, float("inf"), 5)}, "finite"),
        ({"point": (1, 1), "region": (0, 0, 5, 5)}, "point and region are both given"),
        ({"point": (1, 1), "mask": np.ones((HEIGHT, WIDTH), np.bool_)}, "at most one"),
        ({"mask": "no/such/mask.png"}, "does not exist"),
    ],
)
def test_bad_choices(choice: dict[str, Any], says: str) -> None:
    with pytest.raises(RegionError, match=says):
        select_region(PICTURE, **choice)


@pytest.mark.parametrize(
    ("picture", "color"),
    [
        (PICTURE.astype(np.float32), "bgr"),
        (PICTURE[..., 0], "bgr"),
        (np.zeros((HEIGHT, WIDTH, 4), np.uint8), "bgr"),
        (np.zeros((0, 0, 3), np.uint8), "bgr"),
        (np.zeros((4, 400, 3), np.uint8), "bgr"),
        (PICTURE, "gbr"),
        ([[1, 2, 3]], "bgr"),
    ],
)
def test_bad_pictures(picture: Any, color: str) -> None:
    with pytest.raises(FrameFormatError, match="expected"):
        select_region(picture, mask=np.ones((HEIGHT, WIDTH), np.bool_), color=color)


def test_mask_files(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:20, 8:30] = 255
    grey, color, alpha, deep = (tmp_path / f"{name}.png" for name in ("grey", "color", "alpha", "deep"))
    cv2.imwrite(str(grey), mask)
    cv2.imwrite(str(color), np.dstack([mask, mask // 2, mask // 3]))
    cv2.imwrite(str(alpha), np.dstack([PICTURE, mask]))
    cv2.imwrite(str(deep), mask.astype(np.uint16) * 257)
    for path in (grey, color, alpha, deep):
        assert np.array_equal(load_mask(path), mask), path.name
    selection = select_region(PICTURE, mask=alpha)
    assert selection.kind == "mask"
    assert np.array_equal(selection.mask, mask > 0)


def test_mask_file_that_is_no_picture(tmp_path: Path) -> None:
    for content in (b"", b"not a picture at all"):
        path = tmp_path / "mask.png"
        path.write_bytes(content)
        with pytest.raises(RegionError, match="no picture"):
            load_mask(path)
    with pytest.raises(RegionError, match="does not exist"):
        load_mask(tmp_path)


def test_mask_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RegionError, match=r"cannot read the mask '.*': Permission denied"):
        load_mask(path)
