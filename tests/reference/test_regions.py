"""Regions that are no person, the edge tools, suitability and drawing; on made pictures whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import morphology

from iph_rt.reference import edges, regions
from iph_rt.reference.overlay import draw_selection
from iph_rt.reference.select import Selection
from iph_rt.reference.suitability import suitability

Bool = NDArray[np.bool_]


def scene(seed: int = 0) -> tuple[NDArray[np.uint8], Bool]:
    """A noisy orange disc on a noisy grey-blue ground, 120x160 RGB, and the disc."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:120, 0:160]
    disc = (x - 95) ** 2 + (y - 60) ** 2 < 28**2
    colors = np.where(disc[..., None], [230, 130, 40], [90, 110, 130])
    return np.clip(colors + rng.normal(0, 6, (120, 160, 3)), 0, 255).astype(np.uint8), disc


def iou(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_point_on_a_disc_and_beside_it() -> None:
    picture, disc = scene()
    nobody = np.zeros_like(disc)
    assert iou(regions.around_point(picture, 95, 60, nobody), disc) > 0.95
    assert iou(regions.around_point(picture, 20, 20, nobody), ~disc) > 0.95


def test_point_region_leaves_people_out_and_keeps_the_point() -> None:
    picture, disc = scene()
    people = np.zeros_like(disc)
    people[:, :40] = True
    region = regions.around_point(picture, 50, 20, people)
    assert region[20, 50]
    assert not region[:, :36].any()


@settings(max_examples=25, deadline=None)
@given(x=st.integers(0, 150), y=st.integers(0, 110), w=st.integers(1, 160), h=st.integers(1, 120))
def test_box_is_never_left(x: int, y: int, w: int, h: int) -> None:
    picture, disc = scene()
    w, h = min(w, 160 - x), min(h, 120 - y)
    region = regions.inside_box(picture, (x, y, w, h), np.zeros_like(disc))
    assert region.any()
    region[y : y + h, x : x + w] = False
    assert not region.any()


def test_box_around_the_disc() -> None:
    picture, disc = scene()
    assert iou(regions.inside_box(picture, (60, 25, 70, 70), np.zeros_like(disc)), disc) > 0.9


def test_most_salient_is_the_disc() -> None:
    picture, disc = scene()
    assert iou(regions.most_salient(picture), disc) > 0.9
    flat = np.full((60, 80, 3), 120, np.uint8)
    assert 0 < regions.most_salient(flat).mean() < 1, "nothing stands out, and still a region comes back"


def test_regions_are_the_same_every_time() -> None:
    picture, disc = scene()
    nobody = np.zeros_like(disc)
    first = regions.around_point(picture, 95, 60, nobody), regions.inside_box(picture, (50, 20, 80, 80), nobody)
    cv2.setRNGSeed(999)
    again = regions.around_point(picture, 95, 60, nobody), regions.inside_box(picture, (50, 20, 80, 80), nobody)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_guided_filter_against_the_formula() -> None:
    """Equations 14 to 16 of He, Sun and Tang, one window at a time in float64."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (14, 17, 3), np.uint8)
    soft = rng.random((14, 17)).astype(np.float32)
    radius, epsilon = 2, 0.01
    pad = [(radius, radius), (radius, radius)]
    guide = np.pad(image / 255.0, [*pad, (0, 0)], mode="reflect")
    target = np.pad(soft.astype(np.float64), pad, mode="reflect")
    slopes, offsets = np.zeros((14, 17, 3)), np.zeros((14, 17))
    for i in range(14):
        for j in range(17):
            window = guide[i : i + 5, j : j + 5].reshape(-1, 3)
            values = target[i : i + 5, j : j + 5].ravel()
            centred = window - window.mean(axis=0)
            covariance = centred.T @ centred / 25 + epsilon * np.eye(3)
            slopes[i, j] = np.linalg.solve(covariance, centred.T @ (values - values.mean()) / 25)
            offsets[i, j] = values.mean() - slopes[i, j] @ window.mean(axis=0)
    expected = np.zeros((14, 17))
    slopes = np.pad(slopes, [*pad, (0, 0)], mode="reflect")
    offsets = np.pad(offsets, pad, mode="reflect")
    for i in range(14):
        for j in range(17):
            mean_slope = slopes[i : i + 5, j : j + 5].reshape(-1, 3).mean(axis=0)
            expected[i, j] = mean_slope @ (image[i, j] / 255.0) + offsets[i : i + 5, j : j + 5].mean()
    tool = edges.Guide(image, radius, epsilon)
    assert np.abs(tool.filter(soft) - expected).max() < 1e-4
    assert np.abs(tool.enlarge(soft, image) - expected).max() < 1e-4, "enlarging by one changes nothing"


def test_enlarged_mask_follows_the_full_picture() -> None:
    picture, disc = scene()
    large = cv2.resize(picture, (640, 480), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[0:480, 0:640]
    truth = (x - 95 * 4 - 1.5) ** 2 + (y - 60 * 4 - 1.5) ** 2 < (28 * 4) ** 2
    soft = edges.Guide(picture, 2, 1e-4).enlarge(disc.astype(np.float32), large)
    assert iou(soft > 0.5, truth) > 0.97


def test_clean_against_scikit_image() -> None:
    rng = np.random.default_rng(2)
    mask = scene()[1] ^ (rng.random((120, 160)) < 0.02)
    labels = morphology.label(mask, connectivity=1)
    areas = np.bincount(labels.ravel())[1:]
    islands = np.isin(labels, 1 + np.flatnonzero(areas >= 0.05 * areas.max()))
    holes = morphology.label(~islands, connectivity=1)
    sizes = np.bincount(holes.ravel())
    expected = islands | np.isin(holes, [i for i in range(1, len(sizes)) if sizes[i] < 0.05 * islands.sum()])
    assert np.array_equal(edges.clean(mask, 0.05), expected)


def test_shrink_keeps_what_the_picture_cuts_off() -> None:
    mask = np.zeros((30, 30), np.bool_)
    mask[15:, 5:25] = True
    small = edges.shrink(mask, 3)
    assert small[29, 15]
    assert not small[16, 15]


def test_grab_cut_with_nothing_to_decide() -> None:
    labels = np.zeros((20, 20), np.uint8)
    picture = np.zeros((20, 20, 3), np.uint8)
    assert not edges.grab_cut(picture, labels, 2).any()
    assert edges.grab_cut(picture, labels + 1, 2).all()
    assert edges.grab_cut(picture, labels + 3, 2).all()
    labels[0, 0] = 3
    assert edges.grab_cut(picture, labels, 2).sum() == 1


MIDTONE = np.array([150, 110, 90])


@pytest.mark.parametrize(
    ("color", "says"),
    [
        (MIDTONE, ""),
        ([6, 5, 4], "too dark"),
        ([250, 250, 248], "too bright"),
        ([128, 128, 128], "too grey"),
        ([10, 20, 250], "too colourful"),
        ([255, 190, 150], "clipped"),
    ],
)
def test_suitability_says_what_is_wrong(color: list[int], says: str) -> None:
    picture = np.full((120, 120, 3), color, np.uint8)
    mask = np.zeros((120, 120), np.bool_)
    mask[20:100, 20:100] = True
    score, reasons = suitability(picture, mask)
    if says:
        assert 0 <= score < 0.75
        assert any(says in reason for reason in reasons), reasons
    else:
        assert score > 0.9
        assert reasons == ()


def test_suitability_of_a_speck_and_of_the_region_alone() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[50:350, 50:350] = MIDTONE
    mask = picture[..., 0] > 0
    assert suitability(picture, mask)[0] > 0.9, "what lies outside the mask does not count"
    speck = np.zeros_like(mask)
    speck[100:103, 100:103] = True
    score, reasons = suitability(picture, speck)
    assert score < 0.1
    assert any("too small" in reason for reason in reasons)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 40))
def test_suitability_is_always_a_score(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (48, 48, 3), np.uint8)
    mask = np.zeros((48, 48), np.bool_)
    mask[:size, :size] = rng.random((size, size)) < 0.5
    mask[0, 0] = True
    assert 0 <= suitability(picture, mask)[0] <= 1


def test_drawing() -> None:
    picture, disc = scene()
    before = picture.copy()
    drawn = draw_selection(picture, Selection(disc, "region", 1.0, ()), color=(0, 255, 0))
    assert np.array_equal(picture, before)
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8
    assert drawn[10, 10].mean() < 0.8 * picture[10, 10].mean(), "the rest is dimmed"
    assert int(drawn[60, 95, 1]) > int(picture[60, 95, 1]), "the region is tinted"
    outline = edges.grow(disc, 1) & ~edges.shrink(disc, 1)
    assert drawn[outline].astype(int)[:, 1].mean() > 200
    everything = draw_selection(picture, Selection(np.ones_like(disc), "mask", 1.0, ()))
    assert everything.shape == picture.shape
