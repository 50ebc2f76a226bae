"""Without a GPU, tests marked ``gpu`` skip with the reason, and fail where a GPU was promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "IPH_RT_REQUIRE_GPU=1, but no NVIDIA GPU")])
def test_gpu_tests_without_a_gpu(tmp_path: Path, required: str, outcome: str) -> None:
    here = Path(__file__).parent
    (tmp_path / "conftest.py").write_text((here / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs a GPU\n")
    (tmp_path / "test_it.py").write_text("import pytest\n\n@pytest.mark.gpu\ndef test_it():\n    pass\n")
    environment = {**os.environ, "PATH": str(tmp_path), "IPH_RT_REQUIRE_GPU": required}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(tmp_path)],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert outcome in result.stdout
    assert result.returncode == int(required)
