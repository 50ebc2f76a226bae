"""The kernels under the sanitizers, and the pool of threads across fork()."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "csrc/common").glob("*.cpp"), *(ROOT / "csrc/polynomial").glob("*.cpp")])


def build(tmp_path: Path, sanitizers: str) -> Path:
    driver = tmp_path / "driver"
    flags = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", f"-fsanitize={sanitizers}"]
    command = [
        "g++",
        *flags,
        "-fno-sanitize-recover=all",
        f"-I{ROOT / 'csrc'}",
        str(Path(__file__).with_name("native_driver.cpp")),
    ]
    done = subprocess.run([*command, *map(str, SOURCES), "-o", str(driver)], capture_output=True, text=True, check=False)
    if "cannot find -l" in done.stderr or "cannot find lib" in done.stderr:
        pytest.skip(f"the {sanitizers} runtime of g++ is not installed")
    assert done.returncode == 0, done.stderr
    return driver


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_kernels_touch_only_what_they_may(tmp_path):
    """AddressSanitizer and UndefinedBehaviorSanitizer over all kernels, sizes, strides and instruction sets."""
    driver = build(tmp_path, "address,undefined")
    done = subprocess.run([str(driver)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "ok\n"


ARM_COMPILER, ARM_EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which(ARM_COMPILER) and shutil.which(ARM_EMULATOR)), reason="no aarch64 compiler or emulator")
def test_kernels_on_aarch64(tmp_path):
    """The NEON path, cross-compiled and emulated, gives what the formula says."""
    driver = tmp_path / "driver"
    command = [ARM_COMPILER, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-static", f"-I{ROOT / 'csrc'}"]
    sources = [Path(__file__).with_name("native_driver.cpp"), *SOURCES]
    subprocess.run([*command, *map(str, sources), "-o", str(driver)], check=True)
    done = subprocess.run([ARM_EMULATOR, str(driver)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "ok\n", done.stderr


FORK = """
import os, numpy as np
from iph_rt.color.polynomial import Polynomial, apply
image = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
assert np.array_equal(apply(image, Polynomial.identity(), threads=2), image)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(apply(image, Polynomial.identity(), threads=2), image) else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(apply(image, Polynomial.identity(), threads=2), image)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork() on this system")
def test_pool_survives_fork():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60, cwd=ROOT)


def test_environment_chooses_the_cpu_path():
    code = "from iph_rt import _native; print(_native.cpu_path(), *_native.cpu_paths())"
    env = {"IPH_RT_CPU": "plain", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    chosen, *paths = done.stdout.split()
    assert chosen == ("plain" if "plain" in paths else paths[-1])
