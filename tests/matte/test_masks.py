"""Mattes that callers bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iph_rt.errors import MaskError
from iph_rt.matte.masks import check_confidence
from iph_rt.matte.matte import from_mask

shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(mask=shapes.flatmap(lambda shape: hnp.arrays(np.bool_, shape)))
def test_bool(mask: Any) -> None:
    assert np.array_equal(from_mask(mask), np.where(mask, 255, 0))


@given(mask=shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape)))
def test_uint8(mask: Any) -> None:
    expected = mask.astype(int) * (255 if mask.max() <= 1 else 1)
    result = from_mask(mask)
    assert result.dtype == np.uint8
    assert np.array_equal(result, expected)


@settings(max_examples=150)
@given(data=st.data(), dtype=st.sampled_from([np.float16, np.float32, np.float64]), column=st.booleans())
def test_float(data: st.DataObject, dtype: Any, column: bool) -> None:
    width = 16 if dtype is np.float16 else 32 if dtype is np.float32 else 64
    mask = data.draw(hnp.arrays(dtype, data.draw(shapes), elements=st.floats(0.0, 1.0, width=width)))  # type: ignore[arg-type]
    result = from_mask(mask[..., None] if column else mask)
    assert result.dtype == np.uint8
    assert result.shape == mask.shape
    assert result.flags.c_contiguous
    assert np.abs(result - mask.astype(np.float64) * 255.0).max() <= 0.5 + 1e-4


def test_views_of_any_stride() -> None:
    mask = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(from_mask(mask[::-1, ::2]), mask[::-1, ::2])
    assert np.array_equal(from_mask(mask.T > 20), np.where(mask.T > 20, 255, 0))


def test_contiguous_bytes_are_not_copied() -> None:
    mask = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert from_mask(mask) is mask


bad = [
    ([[1, 0]], "got list"),
    (None, "got NoneType"),
    (np.zeros((4, 5, 3), np.uint8), r"got shape \(4, 5, 3\)"),
    (np.zeros(9, np.uint8), r"got shape \(9,\)"),
    (np.zeros((0, 5), np.uint8), "no pixel"),
    (np.zeros((4, 5), np.int64), "got int64"),
    (np.zeros((4, 5), np.complex64), "got complex64"),
    (np.full((4, 5), np.nan), "NaN"),
    (np.array([[0.5, np.nan]], np.float32), "NaN"),
    (np.array([[0.5, np.inf]], np.float32), "got values from 0.5 to inf"),
    (np.full((4, 5), -0.5), r"expected \[0, 1\]"),
    (np.full((4, 5), 200.0), "divide by 255"),
]


@pytest.mark.parametrize(("mask", "message"), bad)
def test_refused(mask: Any, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        from_mask(mask)


def test_shape_is_held() -> None:
    assert from_mask(np.ones((4, 5), np.bool_), shape=(4, 5)).all()
    with pytest.raises(MaskError, match="got 4 x 5, expected the frame's 5 x 4"):
        from_mask(np.ones((4, 5), np.bool_), shape=(5, 4))


def test_empty_is_allowed_unless_refused() -> None:
    mask = np.zeros((4, 5), np.uint8)
    assert not from_mask(mask).any()
    with pytest.raises(MaskError, match="no person"):
        from_mask(mask, allow_empty=False)


@pytest.mark.parametrize(
    ("confidence", "message"),
    [(np.ones((3, 3), np.uint8), "got uint8"), (np.full((3, 3), np.nan), "NaN"), (np.full((3, 3), 2.0), "from 2 to 2")],
)
def test_confidence_refused(confidence: Any, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        check_confidence(confidence)
