"""Builds the native part of iph_rt (csrc/): the CPU kernels always, as one extension module ``iph_rt._native``."""

from __future__ import annotations

import sys
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

ROOT = Path(__file__).parent
SOURCES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*.cpp"))
HEADERS = sorted(str(path.relative_to(ROOT)) for kind in ("*.h", "*.inl") for path in (ROOT / "csrc").rglob(kind))

if sys.platform == "win32":
    FLAGS = ["/O2", "/W4"]
else:
    # Contraction to fused multiply-add, written out because compilers differ in what they do unasked: off would cost speed,
    # and results are the same from run to run on one machine either way.
    FLAGS = ["-O3", "-ffp-contract=fast", "-Wall", "-Wextra", "-fvisibility=hidden", "-pthread"]


class BuildNative(build_ext):
    """Build step that turns a missing compiler into one clear sentence."""

    def build_extensions(self) -> None:
        from setuptools.errors import CompileError, PlatformError

        try:
            super().build_extensions()
        except (CompileError, PlatformError, FileNotFoundError) as error:
            raise SystemExit(
                "iph_rt needs a C++17 compiler to build its native colour code and found none that works "
                f"({error}). On Debian or Ubuntu: sudo apt-get install g++ python3-dev"
            ) from error


ParallelCompile("IPH_RT_BUILD_JOBS", default=2).install()

setup(
    ext_modules=[
        Pybind11Extension(
            "iph_rt._native", SOURCES, depends=HEADERS, include_dirs=["csrc"], cxx_std=17, extra_compile_args=FLAGS,
            extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        )
    ],
    cmdclass={"build_ext": BuildNative},
)
