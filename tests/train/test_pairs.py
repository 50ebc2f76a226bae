"""Pairs: what each kind promises, on drawn photographs; the augmentations against their formulas; the fit against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt.errors import ConfigError
from iph_rt.model.polynomial_fit import fit_and_apply
from iph_rt.train import light
from iph_rt.train.corpus import HELD_OUT_ONE_IN, listed_photos
from iph_rt.train.light import LIGHT, RECOLOUR, random_changes
from iph_rt.train.loss import fidelity_loss, foreground_mse
from iph_rt.train.pairs import KINDS, MIN_GUIDE, SAME_SCENE, SHARED_LIGHT, make_pairs
from iph_rt.train.photos import PhotoStore, StoredPhoto, label_map
from iph_rt.train.regions import smooth_regions


def drawn_store() -> PhotoStore:
    rng = np.random.default_rng(1)
    photos = []
    for index in range(4):
        picture = np.repeat(np.repeat(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), 32, 0), 32, 1)
        photos.append(StoredPhoto(f"drawn{index}", (picture, picture[::2, ::2].copy()), label_map(picture)))
    return PhotoStore(photos)


STORE = drawn_store()


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_keep_their_promises(kind):
    batch = make_pairs(STORE, kind, 24, 64, (0,))
    inside = batch.foreground_mask > 0
    outside = (~inside).expand_as(batch.composite)
    assert set(batch.foreground_mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(batch.composite[outside], batch.target[outside])  # only the foreground differs from the truth
    assert float((batch.composite - batch.target).abs().max()) > 0.02
    assert (batch.guide_mask.mean(dim=(1, 2, 3)) > 0).all()
    assert float(batch.guide_mask.mean()) > MIN_GUIDE
    for tensor in (batch.composite, batch.reference, batch.target):
        assert float(tensor.min()) >= 0
        assert float(tensor.max()) <= 1
    if kind == SAME_SCENE:
        assert torch.equal(batch.reference, batch.target)
        assert float((batch.guide_mask * batch.foreground_mask).sum()) == 0  # another region of the same photograph
    else:
        assert all(name.split(" | ")[0] != name.split(" | ")[1] for name in batch.names)


def test_same_seed_same_pairs():
    for kind in KINDS:
        first, second, other = (make_pairs(STORE, kind, 6, 32, seed) for seed in ((1, 2), (1, 2), (1, 3)))
        assert torch.equal(first.composite, second.composite)
        assert torch.equal(first.guide_mask, second.guide_mask)
        assert not torch.equal(first.composite, other.composite)


def test_shared_light_is_one_light():
    """A pixel colour that occurs in foreground and reference alike ends as the same colour in both."""
    generator = torch.Generator().manual_seed(3)
    picture = torch.rand(16, 3, 8, 8, generator=generator)
    first, second = random_changes(LIGHT, (picture, picture.flip(3)), generator)
    torch.testing.assert_close(first, second.flip(3))


def test_unknown_kind():
    with pytest.raises(ConfigError, match="same-scene"):
        make_pairs(STORE, "other", 2, 32, (0,))


@pytest.mark.parametrize("maker", [maker for _, maker in RECOLOUR])
def test_changes_stay_in_range_and_change(maker):
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(8, 3, 32, 32, generator=generator)
    changed = maker(8, generator)(picture)
    assert torch.isfinite(changed).all()
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    assert float((changed - picture).abs().mean()) > 0.005


def test_blends_equal_their_formulas():
    """Soft light (Pegtop), dodge, grain merge and grain extract as picture editors define them, on scalars."""
    a, b = torch.tensor(0.3), torch.tensor(0.7)
    assert float(light._soft_light(a, b)) == pytest.approx((1 - 2 * 0.7) * 0.09 + 2 * 0.7 * 0.3)
    assert float(light._dodge(a, b)) == pytest.approx(0.3 / (1 - 0.6 * 0.7))
    assert float(light._grain_merge(a, b)) == pytest.approx(0.3 + 0.7 - 0.5)
    assert float(light._grain_extract(a, b)) == pytest.approx(0.3 - 0.7 + 0.5)
    for operation in (light._soft_light, light._grain_merge, light._grain_extract):  # mid grey changes nothing
        assert float(operation(a, torch.tensor(0.5))) == pytest.approx(0.3)


@settings(max_examples=25, deadline=None)
@given(size=st.sampled_from([32, 64, 96]), seed=st.integers(0, 10_000), share=st.floats(0, 0.9))
def test_regions_avoid_what_is_forbidden(size, seed, share):
    generator = torch.Generator().manual_seed(seed)
    forbidden = torch.zeros(3, 1, size, size)
    forbidden[:, :, : int(size * share)] = 1
    region = smooth_regions(3, size, generator, forbidden)
    assert float((region * forbidden).sum()) == 0
    assert (region.sum(dim=(1, 2, 3)) > 0).all()


def test_fit_equals_numpy_least_squares():
    """fit_and_apply against an explicit ridge solution in NumPy."""
    rng = np.random.default_rng(0)
    source, target, mask = rng.random((3, 12, 12)), rng.random((3, 12, 12)), (rng.random((12, 12)) > 0.4).astype(float)
    r, g, b = (plane.ravel() for plane in source)
    terms = np.stack([r, g, b, r * g, r * b, g * b, r * r, g * g, b * b, r * g * b, np.ones_like(r)], 1)
    w = mask.ravel() / mask.sum()
    delta = np.linalg.solve(
        terms.T @ (w[:, None] * terms) + 1e-3 * np.eye(11), terms.T @ (w[:, None] * (target - source).reshape(3, -1).T)
    )
    expected = source + (terms @ delta).T.reshape(3, 12, 12)
    got = fit_and_apply(*(torch.from_numpy(x)[None] for x in (source, target, mask[None])))
    np.testing.assert_allclose(got[0].numpy(), expected, atol=1e-9)


def test_fit_on_an_empty_mask_is_the_source():
    source = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(fit_and_apply(source, torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)), source)


def test_fit_has_a_gradient():
    source, target = torch.rand(1, 3, 6, 6).double(), torch.rand(1, 3, 6, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda value: fit_and_apply(source, value, torch.ones(1, 1, 6, 6).double()), (target,))


def test_losses_equal_hand_computed_values():
    batch = make_pairs(STORE, SHARED_LIGHT, 4, 32, (0,))
    output = (batch.target + 0.1).clamp(0, 2)
    assert float(fidelity_loss(output, batch.target, batch.foreground_mask)) == pytest.approx(0.1 + 2 * 0.01, rel=1e-4)
    clipped = batch.target.clamp(0, 0.9)
    inside = batch.foreground_mask.expand_as(clipped).bool()
    for i in range(4):
        expected = (((clipped[i] + 0.1 - clipped[i]) * 255) ** 2)[inside[i]].mean()
        batch.target[i] = clipped[i]
        assert float(foreground_mse(clipped + 0.1, batch)[i]) == pytest.approx(float(expected), rel=1e-3)


def test_split_is_by_name_and_about_one_in_seven():
    photos = listed_photos()
    held = [photo for photo in photos if photo.held_out]
    assert len({photo.name for photo in photos}) == len(photos)
    assert 0.5 / HELD_OUT_ONE_IN < len(held) / len(photos) < 1.6 / HELD_OUT_ONE_IN
    assert all(len(photo.sha256) == 64 for photo in photos)
