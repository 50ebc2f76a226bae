"""``iph-rt bench color``: the colour kernels on this machine, beside naive NumPy, the best of OpenCV, and memory itself."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.bench import color_rivals as rivals
from iph_rt.color.native import native
from iph_rt.color.polynomial import Polynomial, apply_composite, edge_colors, moments, solve
from iph_rt.errors import ConfigError

HELP = (
    "Times the fused polynomial + composite pass, the moments and the solve, in one run with naive NumPy, three OpenCV\n"
    "formulations (the fastest counts) and a plain copy of the same bytes. The alpha is that of a person of a third of the\n"
    "frame (and, as the worst case, soft everywhere)."
)
EXAMPLE = "iph-rt bench color --threads 1 --size 720p,1080p,2160p"

SIZES = {"360p": (360, 640), "720p": (720, 1280), "1080p": (1080, 1920), "2160p": (2160, 3840)}
FIT_SIZE = 256
CACHE_BYTES = 96 << 20  # frames are taken in turn from this much memory, more than the last-level cache holds
COLD, COLD_COPY = "iph_rt, frames not in cache", "copy of as many bytes, not in cache"


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one formulation: percentiles and least of `runs` runs, warm-up left out."""

    p50: float
    p95: float
    p99: float
    least: float
    runs: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--size", default="720p,1080p,2160p", metavar="SIZES", help=f"frame sizes by comma, of {', '.join(SIZES)}"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of the native pass and of OpenCV (default 1)")
    parser.add_argument("--seconds", type=float, default=0.4, help="least time spent on each formulation (default 0.4)")
    parser.add_argument("--cpu", choices=native.cpu_paths(), help="instruction set (default: the widest of this machine)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")


def run(args: argparse.Namespace) -> int:
    """Measures and prints; returns 0."""
    if args.threads < 1:
        raise ConfigError(f"got --threads {args.threads}: expected at least 1")
    if args.seconds <= 0:
        raise ConfigError(f"got --seconds {args.seconds}: expected more than 0")
    sizes = [size.strip() for size in args.size.split(",")]
    unknown = [size for size in sizes if size not in SIZES]
    if unknown:
        raise ConfigError(f"got --size {args.size}: expected sizes of {', '.join(SIZES)}, separated by commas")
    before = native.cpu_path(), cv2.getNumThreads()
    try:
        if args.cpu:
            native.set_cpu_path(args.cpu)
        cv2.setNumThreads(args.threads)
        result = measure(sizes, args.threads, args.seconds)
    finally:
        native.set_cpu_path(before[0])
        cv2.setNumThreads(before[1])
    print(json.dumps(result, indent=2) if args.json else table(result))
    return 0


def measure(sizes: list[str], threads: int, seconds: float) -> dict[str, Any]:
    """All timings as plain dictionaries; see :func:`table` for what they mean."""
    polynomial = sample_polynomial()
    result: dict[str, Any] = {
        "machine": {"cpu": cpu_name(), "path": native.cpu_path(), "paths": native.cpu_paths(), "cpus": native.default_threads()},
        "threads": threads,
        "fit": measure_fit(seconds),
        "frames": {name: measure_frame(SIZES[name], polynomial, threads, seconds) for name in sizes},
    }
    return result


def measure_fit(seconds: float) -> dict[str, Any]:
    """Moments and solve at 256 x 256 with weight everywhere, and the same in NumPy."""
    rng = np.random.default_rng(0)
    source = rng.random((3, FIT_SIZE, FIT_SIZE), dtype=np.float32)
    target = (0.8 * source**1.3 + 0.1).astype(np.float32)
    weight = np.ones((FIT_SIZE, FIT_SIZE), np.float32)
    ours = clock(lambda: solve(moments(source, target, weight)), seconds)
    numpy = clock(lambda: rivals.numpy_fit(source, target, weight), seconds)
    return {"iph_rt": asdict(ours), "numpy": asdict(numpy), "ratio_numpy": numpy.p50 / ours.p50}


def measure_frame(size: tuple[int, int], polynomial: Polynomial, threads: int, seconds: float) -> dict[str, Any]:
    """The pass over one frame, its rivals and the bound."""
    front, back, alpha = sample_frame(size)
    out = np.empty_like(front)
    edge = edge_colors(front, alpha, threads=threads)
    soft = np.random.default_rng(1).integers(1, 255, size, dtype=np.uint8)

    def ours(a: NDArray[np.uint8], **more: Any) -> Timing:
        return clock(lambda: apply_composite(front, a, back, polynomial, out=out, threads=threads, **more), seconds)

    timings = {
        "iph_rt": ours(alpha),
        "iph_rt with clean edges": ours(alpha, edge=edge),
        "iph_rt, soft everywhere": ours(soft),
        "edge colours": clock(lambda: edge_colors(front, alpha, out=edge, threads=threads), seconds),
        "copy of as many bytes": clock(rivals.memory_pass(alpha.size, 1), seconds),
        **out_of_cache(size, polynomial, threads, seconds),
        "numpy": clock(lambda: rivals.numpy_composite(front, alpha, back, polynomial), seconds),
    }
    opencv = {name: clock(make(front, alpha, back, polynomial), seconds) for name, make in rivals.OPENCV.items()}
    best = min(opencv, key=lambda name: opencv[name].p50)
    own = timings["iph_rt"].p50
    worst = timings["iph_rt, soft everywhere"].p50
    return {
        "timings": {name: asdict(timing) for name, timing in timings.items()},
        "opencv": {name: asdict(timing) for name, timing in opencv.items()},
        "opencv_best": best,
        "ratio_numpy": timings["numpy"].p50 / own,
        "ratio_opencv": opencv[best].p50 / own,
        "ratio_memory": timings[COLD].p50 / timings[COLD_COPY].p50,
        "soft_ratio_numpy": timings["numpy"].p50 / worst,
        "soft_ratio_opencv": opencv[best].p50 / worst,
    }


def out_of_cache(size: tuple[int, int], polynomial: Polynomial, threads: int, seconds: float) -> dict[str, Timing]:
    """The pass and a copy, each time on other frames, so that both must go to memory: the bound that a machine sets."""
    pixels = size[0] * size[1]
    count = max(2, -(-CACHE_BYTES // (10 * pixels)))
    front, back, alpha = sample_frame(size)
    sets = [(front.copy(), alpha.copy(), back.copy(), np.empty_like(front)) for _ in range(count)]
    turn = itertools.cycle(sets)

    def one() -> None:
        f, a, b, out = next(turn)
        apply_composite(f, a, b, polynomial, out=out, threads=threads)

    return {COLD: clock(one, seconds), COLD_COPY: clock(rivals.memory_pass(pixels, count), seconds)}


def clock(function: Callable[[], object], seconds: float) -> Timing:
    """Runs for `seconds` and at least 5 times after a warm-up of 2."""
    for _ in range(2):
        function()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1e3)
    p50, p95, p99 = (float(value) for value in np.percentile(times, (50, 95, 99)))
    return Timing(p50, p95, p99, min(times), len(times))


def sample_polynomial() -> Polynomial:
    """A change of colour as strong as a change of room."""
    source = np.random.default_rng(2).random((3, 64, 64), dtype=np.float32)
    target = (np.array([0.9, 0.8, 0.65], np.float32)[:, None, None] * source**1.2 + 0.08).astype(np.float32)
    return solve(moments(source, target, np.ones((64, 64), np.float32)))


def sample_frame(size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Noise before noise (the worst for caches and branches), and an alpha of a head and shoulders, a third of the frame."""
    rng = np.random.default_rng(3)
    height, width = size
    front = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    back = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = np.abs(x - width / 2) / height
    y = y / height
    head = 0.18 - np.hypot(x, (y - 0.35) * 0.8)
    shoulders = 0.48 - np.hypot(x, (y - 1.05) * 0.95)
    inside = np.maximum(head, shoulders)
    alpha = np.clip(inside / 0.012 + 0.5, 0, 1)  # soft over some 1.2 % of the height
    return front, back, np.round(alpha * 255).astype(np.uint8)


def cpu_name() -> str:
    """Model name of the CPU, for the record."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith(("model name", "Model"))]
    except OSError:
        names = []
    return names[0] if names else "unknown CPU"


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    machine, threads = result["machine"], result["threads"]
    lines = [
        f"{machine['cpu']}, {machine['cpus']} CPUs, path {machine['path']}, {threads} thread{'s' if threads > 1 else ''}",
        "",
        f"moments + solve at {FIT_SIZE} x {FIT_SIZE}: {result['fit']['iph_rt']['p50']:.3f} ms, "
        f"{result['fit']['ratio_numpy']:.0f}x naive NumPy",
        "",
        f"{'polynomial + composite':<38}{'p50 ms':>9}{'p95':>9}{'p99':>9}{'least':>9}{'ratio':>9}",
    ]
    for name, frame in result["frames"].items():
        lines.append(f"{name}")
        own = frame["timings"]["iph_rt"]["p50"]
        rows = {**frame["timings"], **{f"opencv, {n}": t for n, t in frame["opencv"].items()}}
        for row, timing in rows.items():
            mark = "  <- best of OpenCV" if row == f"opencv, {frame['opencv_best']}" else ""
            figures = "".join(f"{timing[key]:>9.2f}" for key in ("p50", "p95", "p99", "least"))
            lines.append(f"  {row:<36}{figures}{timing['p50'] / own:>8.1f}x{mark}")
        lines.append(
            f"  -> {frame['ratio_numpy']:.0f}x naive NumPy, {frame['ratio_opencv']:.1f}x the best OpenCV formulation, "
            f"{frame['ratio_memory']:.1f}x the bound of memory"
        )
        lines.append(
            f"     soft everywhere: {frame['soft_ratio_numpy']:.0f}x naive NumPy, {frame['soft_ratio_opencv']:.1f}x OpenCV"
        )
    return "\n".join(lines)
