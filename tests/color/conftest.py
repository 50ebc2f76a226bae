from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from iph_rt import _native
from iph_rt.color.polynomial import Polynomial, moments, solve

settings.register_profile("color", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("color")


@pytest.fixture(params=_native.cpu_paths())
def cpu_path(request):
    """Each instruction set that this machine has, one after the other."""
    before = _native.cpu_path()
    _native.set_cpu_path(request.param)
    yield request.param
    _native.set_cpu_path(before)


def fitted(seed: int, low: float = 0.2, high: float = 0.8) -> Polynomial:
    """A strong, curved change of colour fitted on colours between low and high."""
    rng = np.random.default_rng(seed)
    source = (low + (high - low) * rng.random((3, 32, 32))).astype(np.float32)
    gain = rng.uniform(0.6, 1.4, (3, 1, 1))
    target = np.clip(gain * source ** rng.uniform(0.6, 1.6, (3, 1, 1)) + 0.05 * source[::-1], 0, 1).astype(np.float32)
    return solve(moments(source, target, np.ones((32, 32), np.float32)))


@pytest.fixture
def polynomial() -> Polynomial:
    return fitted(1)
