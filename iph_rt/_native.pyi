"""Types of the compiled extension (csrc/bindings). Use the Python modules that wrap it; they check their arguments."""

import numpy as np
from numpy.typing import NDArray

EDGE_CELL: int
GUARD_INNER: float
GUARD_OUTER: float

def polynomial_apply(
    foreground: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None,
    background: NDArray[np.uint8] | None,
    out: NDArray[np.uint8],
    coefficients: NDArray[np.float64],
    center: NDArray[np.float64],
    precision: NDArray[np.float64],
    bgr: bool,
    edge: NDArray[np.float32] | None,
    threads: int,
) -> None: ...
def polynomial_edge_colors(
    image: NDArray[np.uint8], alpha: NDArray[np.uint8], values: NDArray[np.float32], threads: int
) -> None: ...
def polynomial_moments(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
    ata: NDArray[np.float64],
    atb: NDArray[np.float64],
) -> str: ...
def polynomial_solve(
    ata: NDArray[np.float64], atb: NDArray[np.float64], ridge: float, coefficients: NDArray[np.float64]
) -> bool: ...
def default_threads() -> int: ...
def cpu_path() -> str: ...
def cpu_paths() -> list[str]: ...
def set_cpu_path(name: str) -> None: ...
def guided_coefficients(
    guide: NDArray[np.uint8],
    confidence: NDArray[np.float32],
    out: NDArray[np.float32],
    *,
    radius: int,
    epsilon: float,
    trust: float,
) -> None: ...
def guided_alpha(
    frame: NDArray[np.uint8],
    coefficients: NDArray[np.float32],
    out: NDArray[np.uint8],
    *,
    low: float,
    high: float,
    threads: int,
) -> None: ...
def clean_confidence(
    confidence: NDArray[np.float32], *, floor: float, keep_fraction: float, max_hole: int
) -> None: ...
def steady_confidence(
    confidence: NDArray[np.float32],
    guide: NDArray[np.uint8],
    *,
    rest: float,
    motion_low: float,
    motion_high: float,
    confidence_state: NDArray[np.float32],
    guide_state: NDArray[np.float32],
) -> None: ...
