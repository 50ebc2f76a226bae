"""``iph-rt bench stream``: the whole live path by stage, capture and encoding left out."""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.config import BACKENDS, PRECISIONS, check_cadence, check_count, processor_count
from iph_rt.errors import ConfigError
from iph_rt.stats import TOTAL, StageSummary, Stats

HELP = (
    "Time every stage of Harmonizer.process on a clip that was decoded and scaled before, and the whole frame, as\n"
    "p50 / p95 / p99 in milliseconds with the warm-up left out. Capture, decoding and encoding are not in it.\n"
    "Input and output have the same size."
)
EXAMPLE = "iph-rt bench stream --size 720p,1080p --frames 600"

SIZES = {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "2160p": (3840, 2160)}
TARGET_MS = {"1080p": (12.0, 16.7)}
"""p50 and p99 that are asked for on two processors."""
WARMUP = 30
KEPT_FRAMES = 24  # decoded pictures played forwards and backwards: 150 MB at 1080p

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Measurement:
    """One size: milliseconds by stage and of each step until the first output, and what ran."""

    size: str
    width: int
    height: int
    frames: int
    constructor_ms: float
    reference_ms: float
    first_frame_ms: float
    stages: dict[str, StageSummary]
    backend: str
    reason: str
    segmenter: str
    cadence: str

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {**vars(self), "stages": {name: stage.as_dict() for name, stage in self.stages.items()}}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--input", metavar="CLIP", help="video with a person (default: the demo's webcam clip)")
    parser.add_argument("--background", metavar="IMG", help="picture to stand in (default: the demo's photograph)")
    parser.add_argument("--size", default="720p,1080p", metavar="SIZES", help=f"of {', '.join(SIZES)}, with commas")
    parser.add_argument("--frames", type=int, default=600, metavar="N", help="measured for each size (default: 600)")
    parser.add_argument("--cadence", default="auto", metavar="K", help="'auto' or every K-th frame (default: auto)")
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="what runs the networks (default: auto)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of the networks (default: auto)")
    parser.add_argument("--segmenter", default="auto", help="auto, mediapipe or onnx (default: auto)")
    parser.add_argument("--model", default="iph-edge", help="a model's name or a folder of ONNX files")
    parser.add_argument("--threads", type=int, default=0, help="threads of the native stages (default: by size)")
    parser.add_argument("--rate", type=float, default=0.0, metavar="FPS", help="feed at this rate (default: flat out)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(args: argparse.Namespace) -> int:
    """Measure each size and print a table, or one JSON object."""
    from iph_rt.stream.images import read_image

    sizes = [name.strip() for name in args.size.split(",")]
    if not set(sizes) <= set(SIZES):
        raise ConfigError(f"--size={args.size}: expected some of {', '.join(SIZES)} with commas between them")
    frames = check_count("--frames", args.frames, 1, 1_000_000)
    clip = read_clip(args.input or _asset("webcam_clip"))
    photo = read_image(args.background or _asset("group_photo"))
    machine = describe_machine()
    if not args.json:
        print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    results = []
    for size in sizes:
        results.append(measure(size, clip, photo, frames, args))
        if not args.json:
            print(report(results[-1]))
    if args.json:
        print(json.dumps({"machine": machine, "results": [result.as_dict() for result in results]}, indent=1))
    return 0


def measure(size: str, clip: list[Image], photo: Image, frames: int, args: argparse.Namespace) -> Measurement:
    """Times of one size. Decoding and scaling lie outside the clock."""
    from iph_rt.harmonizer import Harmonizer

    width, height = SIZES[size]
    scaled = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in clip]
    order = list(range(len(scaled))) + list(range(len(scaled) - 2, 0, -1))
    cadence = check_cadence(int(args.cadence) if args.cadence.isdigit() else args.cadence)
    times = [time.perf_counter()]
    with Harmonizer(
        backend=args.backend, precision=args.precision, segmenter=args.segmenter, model=args.model, cadence=cadence,
        threads=args.threads, placement="cover",
    ) as harmonizer:
        times.append(time.perf_counter())
        harmonizer.set_background(cover(photo, width, height))
        harmonizer.set_reference(photo)
        times.append(time.perf_counter())
        harmonizer.process(scaled[0])
        times.append(time.perf_counter())
        constructor, reference, first = (float(ms) for ms in np.diff(times) * 1e3)
        harmonizer.stats = Stats(warmup=WARMUP, capacity=frames)
        due = time.perf_counter()
        for number in range(frames + WARMUP):
            if args.rate:
                time.sleep(max(0.0, due - time.perf_counter()))
                due += 1 / args.rate
            harmonizer.process(scaled[order[number % len(order)]])
        return Measurement(
            size, width, height, frames, constructor, reference, first, harmonizer.stats.summary(),
            harmonizer.backend.name, harmonizer.backend.reason, harmonizer.segmenter, harmonizer.cadence,
        )


def report(result: Measurement) -> str:
    """One size as text."""
    lines = [
        "",
        f"{result.size} in and out ({result.width}x{result.height}), {result.frames} frames after {WARMUP} of warm-up",
        f"backend {result.backend} ({result.reason}); {result.cadence}; segmenter {result.segmenter}",
        f"start: constructor {result.constructor_ms:.0f} ms, reference {result.reference_ms:.0f} ms, "
        f"first frame {result.first_frame_ms:.0f} ms",
        f"{'stage':<24}{'count':>8}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'max ms':>10}",
    ]
    for name, stage in result.stages.items():
        label = {TOTAL: "end to end", "network": "network (other thread)" if "thread" in result.cadence else name}
        numbers = "".join(f"{value:>10.2f}" for value in (stage.p50, stage.p95, stage.p99, stage.maximum))
        lines.append(f"{label.get(name, name):<24}{stage.count:>8}{numbers}")
    if result.size in TARGET_MS and TOTAL in result.stages:
        p50, p99 = TARGET_MS[result.size]
        total = result.stages[TOTAL]
        ratios = f"{total.p50 / p50:.2f} and {total.p99 / p99:.2f}"
        lines.append(f"end to end over the target (p50 {p50:g} ms, p99 {p99:g} ms): {ratios}")
    return "\n".join(lines)


def read_clip(path: str | Path) -> list[Image]:
    """The first frames of a video, BGR. Raises SourceError."""
    from iph_rt.stream.video_file import VideoFileSource

    source = VideoFileSource(path)
    try:
        return [frame.image for frame in itertools.islice(source, KEPT_FRAMES)]
    finally:
        source.close()


def cover(image: Image, width: int, height: int) -> Image:
    """The middle of a picture, scaled to fill width x height."""
    scale = max(width / image.shape[1], height / image.shape[0])
    enlarged = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (enlarged.shape[0] - height) // 2, (enlarged.shape[1] - width) // 2
    return np.ascontiguousarray(enlarged[top : top + height, left : left + width])


def describe_machine() -> dict[str, str]:
    """Processor, how many of them, which native code path, versions."""
    from iph_rt.color.native import native
    from iph_rt.runtime.verdict import processor_name

    return {
        "processor": processor_name(),
        "processors": str(processor_count()),
        "native code": str(native.cpu_path()),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


def _asset(name: str) -> Path:
    from iph_rt.assets import asset_path

    return asset_path(name)
