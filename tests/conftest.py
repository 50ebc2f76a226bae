"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# Set at import, before any test module asks for a path: tests keep their assets in the checkout unless told otherwise.
os.environ.setdefault("IPH_RT_ASSETS", str(REPOSITORY / ".cache" / "assets"))


@pytest.fixture(scope="session")
def assets() -> dict[str, Path]:
    """Paths of all third-party assets by name, fetched once into ``$IPH_RT_ASSETS`` (default: .cache/assets)."""
    from iph_rt.assets import fetch

    return fetch()


def _gpu_problem() -> str | None:
    """Why no GPU test can run, or None."""
    if shutil.which("nvidia-smi") is None:
        return "no NVIDIA GPU: nvidia-smi is not installed"
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    if listed.returncode != 0 or "GPU" not in listed.stdout:
        return f"no NVIDIA GPU: nvidia-smi -L says '{(listed.stdout + listed.stderr).strip()}'"
    return None


@pytest.fixture(autouse=True)
def _gpu_or_reason(request: pytest.FixtureRequest) -> None:
    """Skip tests marked ``gpu`` where there is none; under IPH_RT_REQUIRE_GPU=1 skipping is a failure."""
    if request.node.get_closest_marker("gpu") is None:
        return
    problem = request.getfixturevalue("gpu_problem")
    if problem is None:
        return
    if os.environ.get("IPH_RT_REQUIRE_GPU") == "1":
        pytest.fail(f"IPH_RT_REQUIRE_GPU=1, but {problem}")
    pytest.skip(problem)


@pytest.fixture(scope="session")
def gpu_problem() -> str | None:
    """Why no GPU test can run here, or None where one can."""
    return _gpu_problem()
