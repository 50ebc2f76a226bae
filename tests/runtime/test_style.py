"""The cache of style codes: what it keeps, and what it must not mistake for the same."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from iph_rt.errors import RegionError
from iph_rt.runtime import style
from iph_rt.runtime.style import StyleCache

from .scenes import everything, picture


class CountingFitter:
    """Stands in for the networks: the code is the number of the run."""

    def __init__(self) -> None:
        self.runs = 0

    def encode_style(self, image: np.ndarray, region: np.ndarray) -> np.ndarray:
        self.runs += 1
        return np.full((1, 3), self.runs, np.float32)


@pytest.fixture
def cache() -> StyleCache:
    return StyleCache(CountingFitter(), "bgr")


def test_a_reference_seen_before_costs_no_network(cache):
    image = picture(1)
    first = cache.encode(image, mask=everything(image))
    assert cache.encode(image.copy(), mask=everything(image)) is first
    other = everything(image)
    other[0] = False
    assert cache.encode(image, mask=other) is not first
    assert cache.encode(picture(2), mask=everything(image)) is not first


def test_masks_of_large_pictures_do_not_pile_up(cache, monkeypatch):
    image = picture(1)
    monkeypatch.setattr(style, "KEPT_BYTES", 3 * image[..., 0].size)
    kept = [cache.encode(picture(number), mask=everything(image)) for number in range(5)]
    for number in (2, 3, 4):
        assert cache.encode(picture(number), mask=everything(image)) is kept[number]
    assert cache.encode(picture(1), mask=everything(image)) is not kept[1]
    monkeypatch.setattr(style, "KEPT_BYTES", 1)
    newest = cache.encode(picture(9), mask=everything(image))
    assert cache.encode(picture(9), mask=everything(image)) is newest, "the newest stays however large"


def test_a_mask_file_that_has_changed_is_read_again(cache, tmp_path: Path):
    image, path = picture(1), tmp_path / "mask.png"
    for value in (0, 1):
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[10:40, 10 + 50 * value : 40 + 50 * value] = 255
        cv2.imwrite(str(path), mask)
        np.testing.assert_array_equal(cache.encode(image, mask=path).selection.mask, mask > 0)


@pytest.mark.parametrize("dtype", ["M8[s]", "O", "U3", "c8", "V4"])
def test_masks_of_strange_types_are_refused_by_name(cache, dtype):
    image = picture(1)
    with pytest.raises(RegionError, match="type"):
        cache.encode(image, mask=np.zeros(image.shape[:2], dtype))
