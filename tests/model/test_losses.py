"""The paper's losses against values computed by hand and by NumPy's percentiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt.model import losses


def grey(values: list[float]) -> torch.Tensor:
    """1 x 3 x 1 x P picture of greys: their luminance is their value."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1).expand(1, 3, 1, -1).clone()


def ones(n: int) -> torch.Tensor:
    return torch.ones(1, 1, 1, n, dtype=torch.float64)


def test_luminance_points_by_hand():
    points = losses.luminance_points(grey([i / 10 for i in range(11)]), ones(11))
    assert float(points.highlight) == pytest.approx(0.9)
    assert float(points.mid_tone) == pytest.approx(0.5)
    assert float(points.shadow) == pytest.approx(0.1)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), pixels=st.integers(1, 60), share=st.floats(0.05, 1))
def test_luminance_points_equal_numpy(seed, pixels, share):
    rng = np.random.default_rng(seed)
    picture, mask = rng.random((2, 3, 1, pixels)), rng.random((2, 1, 1, pixels)) < share
    points = losses.luminance_points(torch.from_numpy(picture), torch.from_numpy(mask.astype(float)))
    for i in range(2):
        luma = (np.array(losses.LUMA) @ picture[i, :, 0])[mask[i, 0, 0]]
        if luma.size == 0:
            assert float(points.present[i]) == 0
            continue
        assert float(points.highlight[i]) == pytest.approx(np.percentile(luma, 90))
        assert float(points.mid_tone[i]) == pytest.approx(luma.mean())
        assert float(points.shadow[i]) == pytest.approx(np.percentile(luma, 10))


def test_equations_1_to_4():
    h = losses.luminance_points(grey([i / 10 for i in range(11)]), ones(11))
    r = losses.luminance_points(grey([0.2 + i / 20 for i in range(11)]), ones(11))  # 0.65, 0.45, 0.25
    assert float(losses.highlight_loss(h, r)) == pytest.approx(0.25)
    assert float(losses.mid_tone_loss(h, r)) == pytest.approx(0.05)
    assert float(losses.shadow_loss(h, r)) == pytest.approx(0.15)
    assert float(losses.luminance_matching_loss(h, r)) == pytest.approx(0.45)


def test_equation_5_and_triplets():
    h, b, c, r = (torch.tensor([[x, y]]) for x, y in ((0.0, 0.0), (3.0, 4.0), (0.0, 1.0), (0.0, 0.5)))
    assert float(losses.consistency_loss(h, b)) == pytest.approx(7)
    assert float(losses.triplet_1(h, b, c, margin=0.1)) == pytest.approx(5 - 1 + 0.1)
    assert float(losses.triplet_2(h, r, c, margin=0.1)) == 0
    assert float(losses.triplet_2(h, r, c, margin=0.75)) == pytest.approx(0.25)


def test_equation_6():
    truth = torch.zeros(2, 3, 2, 2)
    mask = torch.tensor([[1.0, 0], [0, 1]]).view(1, 1, 2, 2).repeat(2, 1, 1, 1)
    output = torch.full_like(truth, 0.25)
    output[:, :, 0, 1] = 9  # outside the foreground
    assert float(losses.harmonization_loss(output, truth, mask)) == pytest.approx(0.25)


def test_empty_regions_give_zero_and_finite_gradients():
    picture = torch.rand(2, 3, 4, 4, requires_grad=True)
    empty, full = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    h, r = losses.luminance_points(picture, empty), losses.luminance_points(torch.rand(2, 3, 4, 4), full)
    code = picture.mean(dim=(2, 3))
    total = (
        losses.luminance_matching_loss(h, r) + losses.harmonization_loss(picture, picture.detach() + 1, empty)
        + losses.consistency_loss(code, code) + losses.triplet_1(code, code, code, margin=0.0)
    )
    assert float(total.detach()) == pytest.approx(0, abs=1e-5)
    total.backward()
    assert torch.isfinite(picture.grad).all()


def test_luminance_matching_has_the_right_gradient():
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    mask = (torch.rand(1, 1, 5, 5) > 0.3).double()
    reference = losses.luminance_points(torch.rand(1, 3, 5, 5, dtype=torch.float64), torch.ones(1, 1, 5, 5).double())
    assert torch.autograd.gradcheck(
        lambda value: losses.luminance_matching_loss(losses.luminance_points(value, mask), reference), (picture,)
    )
