"""Settings as frozen, validated dataclasses: a setting that cannot work is refused where it is given."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, cast

from iph_rt.errors import ConfigError

Color = Literal["bgr", "rgb"]
Placement = str | tuple[float, float, float]
Cadence = Literal["auto"] | int

BACKENDS = ("auto", "onnxruntime", "openvino", "tensorrt", "torch")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
COLORS = ("bgr", "rgb")
PLACEMENTS = ("bottom", "cover", "fit")
AMOUNT_LIMIT = 2.0
"""Largest ``strength``, ``luminance`` and ``chroma``: twice the network's own change; beyond that colours only clip."""

SETTLING_TIME = 0.3
"""Seconds after which 90 % of a change of light is shown."""

ONE_THREAD_PIXELS = 1920 * 1080
"""Largest picture that one thread passes over when nobody says how many shall."""


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Returns ``value`` if it is one of ``choices``. Raises ConfigError."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"{name}={value!r}: expected one of {', '.join(choices)}")
    return value


def check_number(name: str, value: object, low: float, high: float) -> float:
    """Returns ``value`` as float if it is a number in [low, high]. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ConfigError(f"{name}={value!r}: expected a number from {low:g} to {high:g}")
    return float(value)


def check_count(name: str, value: object, low: int, high: int) -> int:
    """Returns ``value`` as int if it is a whole number in [low, high]. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise ConfigError(f"{name}={value!r}: expected a whole number from {low} to {high}")
    return int(value)


def check_placement(value: object) -> Placement:
    """Returns a name of PLACEMENTS or (x, y, scale) as floats. Raises ConfigError."""
    if isinstance(value, str):
        return check_choice("placement", value, PLACEMENTS)
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise ConfigError(
            f"placement={value!r}: expected one of {', '.join(PLACEMENTS)} or (x, y, scale): the background pixel "
            "under the middle of the camera frame's lower edge, and background pixels per camera pixel"
        )
    x, y = (check_number(f"placement {axis}", number, -1e6, 1e6) for axis, number in zip("xy", value[:2], strict=True))
    return x, y, check_number("placement scale", value[2], 0.01, 100.0)


def check_cadence(value: object) -> Cadence:
    """Returns ``"auto"`` or the number of frames from one run of the network to the next. Raises ConfigError."""
    if value == "auto":
        return "auto"
    if isinstance(value, str):
        raise ConfigError(f"cadence={value!r}: expected 'auto' or a whole number of frames")
    return check_count("cadence", value, 1, 10_000)


class Amount:
    """A number from 0 to AMOUNT_LIMIT that an object may be given while it runs. Raises ConfigError."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._slot = name, f"_{name}"

    def __get__(self, instance: object, owner: type | None = None) -> float:
        return cast(float, getattr(instance, self._slot))

    def __set__(self, instance: object, value: float) -> None:
        setattr(instance, self._slot, check_number(self._name, value, 0.0, AMOUNT_LIMIT))


def processor_count() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def stage_threads(threads: int, pixels: int) -> int:
    """Threads of a native pass over so many pixels: ``threads``, or a choice when that is 0.

    One up to 1080p, which is done in a few milliseconds: a helper that must wait for a core, as on a machine that is in
    a call, holds the frame up for longer than it saves. Above that as many as there are processors, at most four.
    """
    if threads:
        return threads
    return 1 if pixels <= ONE_THREAD_PIXELS else min(4, processor_count())


@dataclass(frozen=True)
class HarmonizerConfig:
    """What a Harmonizer is made of; see :class:`iph_rt.Harmonizer` for the meaning of each field."""

    backend: str = "auto"
    precision: str = "auto"
    color: Color = "bgr"
    model: str | Path = "iph-edge"
    segmenter: str = "auto"
    placement: Placement = "bottom"
    cadence: Cadence = "auto"
    network_rate: float = 10.0
    smoothing: float | None = None
    frame_rate: float = 30.0
    threads: int = 0
    network_threads: int = 0

    def __post_init__(self) -> None:
        def fix(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        check_choice("backend", self.backend, BACKENDS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("color", self.color, COLORS)
        if not isinstance(self.model, (str, Path)) or not str(self.model):
            raise ConfigError(f"model={self.model!r}: expected the name of a model or a folder of ONNX files")
        if not isinstance(self.segmenter, str) or not self.segmenter:
            raise ConfigError(f"segmenter={self.segmenter!r}: expected the name of a segmenter, e.g. 'auto'")
        fix("placement", check_placement(self.placement))
        fix("cadence", check_cadence(self.cadence))
        fix("network_rate", check_number("network_rate", self.network_rate, 0.1, 240.0))
        if self.smoothing is not None:
            fix("smoothing", check_number("smoothing", self.smoothing, 0.0, 60.0))
        fix("frame_rate", check_number("frame_rate", self.frame_rate, 0.1, 1000.0))
        fix("threads", check_count("threads", self.threads, 0, 256))
        fix("network_threads", check_count("network_threads", self.network_threads, 0, 256))

    @property
    def resolved_smoothing(self) -> float:
        """Time constant of the moments in seconds. Unless given, as long as a change of light may take: the wait for the
        next run of the network and ln(10) time constants together are SETTLING_TIME.
        """
        if self.smoothing is not None:
            return self.smoothing
        wait = 1 / self.network_rate if self.cadence == "auto" else (self.cadence - 1) / self.frame_rate
        return max(0.0, SETTLING_TIME - wait) / math.log(10)

    @property
    def resolved_network_threads(self) -> int:
        """Threads of the network: one beside the live path (it must not disturb it), up to four when frames wait for
        it.
        """
        if self.network_threads:
            return self.network_threads
        return 1 if self.cadence == "auto" else min(4, processor_count())

    @property
    def frame_period_ns(self) -> int:
        """Nanoseconds between frames that come without a timestamp when the cadence is deterministic."""
        return round(1e9 / self.frame_rate)


def as_color(value: object) -> Color:
    """Returns ``value`` if it names an order of channels. Raises ConfigError."""
    return cast(Color, check_choice("color", value, COLORS))
