"""Passes over every pixel of a frame: apply the polynomial, composite by alpha, clean the colours at the edge.

Frames are H x W x 3 uint8 whose pixels are dense within a row; rows may lie any distance apart, so crops and flips of a
larger picture are taken as they are. Any other layout is copied first. The GIL is released, rows go to a pool of
threads, and the result is the same bits for any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.native import native
from iph_rt.errors import ConfigError, FrameFormatError, MaskError

if TYPE_CHECKING:
    from iph_rt.color.polynomial import Polynomial

Image = NDArray[np.uint8]

_TooHardError: type[Exception] = getattr(np, "exceptions", np).TooHardError  # NumPy 1.25 moved it

EDGE_CELL: int = native.EDGE_CELL
"""Pixels along each side of the cells in which :func:`edge_colors` estimates."""


@dataclass(frozen=True, eq=False)
class EdgeColors:
    """Estimates of the clean foreground and the old background near the edge of an alpha, for cells of 16 x 16 pixels.

    Attributes:
        values: h x 6 x w float32 in [0, 255], h = ceil(H / 16), w = ceil(W / 16); planes 0..2 foreground, 3..5 old
            background, in the order of the image's channels. Cells away from any soft pixel hold 0.
        size: (H, W) of the image.
    """

    values: NDArray[np.float32]
    size: tuple[int, int]

    @property
    def foreground(self) -> NDArray[np.float32]:
        """h x w x 3 view of the foreground's colours."""
        view: NDArray[np.float32] = self.values[:, :3].transpose(0, 2, 1)
        return view

    @property
    def background(self) -> NDArray[np.float32]:
        """h x w x 3 view of the old background's colours."""
        view: NDArray[np.float32] = self.values[:, 3:].transpose(0, 2, 1)
        return view


def apply(
    image: Image, polynomial: Polynomial, *, color: str = "bgr", out: Image | None = None, threads: int = 0
) -> Image:
    """Applies the guarded polynomial to every pixel.

    Args:
        image: H x W x 3 uint8.
        polynomial: the change of colour.
        color: order of the channels, "bgr" or "rgb".
        out: H x W x 3 uint8 to write to; may be ``image`` itself, may not overlap it otherwise. None: a new one.
        threads: at most so many; 0 is one for each CPU.

    Returns:
        ``out``, rounded to nearest and clamped to 0..255.

    Raises:
        FrameFormatError: wrong shape, dtype or overlap. ConfigError: unknown color, negative threads.
    """
    image = _image(image, "image")
    out = _output(out, image)
    _refuse_overlap(out, image, "image", same_allowed=True)
    native.polynomial_apply(image, None, None, out, *_arguments(polynomial), _is_bgr(color), None, _threads(threads))
    return out


def apply_composite(
    foreground: Image,
    alpha: Image,
    background: Image,
    polynomial: Polynomial,
    *,
    color: str = "bgr",
    edge: EdgeColors | None = None,
    out: Image | None = None,
    threads: int = 0,
) -> Image:
    """Applies the guarded polynomial to the foreground and lays it over the background: out = a P(F) + (1 - a) B.

    Args:
        foreground: H x W x 3 uint8.
        alpha: H x W uint8, 0..255. Where it is 0, the background comes through to the bit, and P(F) where it is 255.
        background: H x W x 3 uint8, same order of channels.
        polynomial: the change of colour.
        color: order of the channels, "bgr" or "rgb".
        edge: estimates from :func:`edge_colors` for this foreground and alpha: where 0 < a < 255, F is replaced by
            clamp(F^ + a (I - a F^ - (1 - a) B^)), which takes the old background's colour out of the edge.
        out: H x W x 3 uint8 to write to; may be ``background`` itself, may not overlap any input otherwise. None: a
            new one.
        threads: at most so many; 0 is one for each CPU.

    Returns:
        ``out``, rounded to nearest.

    Raises:
        FrameFormatError: wrong shape, dtype or overlap. MaskError: wrong alpha. ConfigError: unknown color, negative
            threads.
    """
    foreground = _image(foreground, "foreground")
    alpha = _alpha(alpha, foreground)
    background = _image(background, "background", foreground)
    out = _output(out, foreground)
    _refuse_overlap(out, foreground, "foreground")
    _refuse_overlap(out, alpha, "alpha")
    _refuse_overlap(out, background, "background", same_allowed=True)
    values = None
    if edge is not None:
        if edge.size != foreground.shape[:2]:
            raise FrameFormatError(
                f"got edge colours of a {edge.size} image for a foreground of {foreground.shape[:2]}: "
                "expected those of this foreground; call edge_colors with it"
            )
        values = edge.values
    native.polynomial_apply(
        foreground, alpha, background, out, *_arguments(polynomial), _is_bgr(color), values, _threads(threads)
    )
    return out


def edge_colors(foreground: Image, alpha: Image, *, out: EdgeColors | None = None, threads: int = 0) -> EdgeColors:
    """Estimates the clean foreground and the old background near soft edges (after Forte 2021, blur fusion).

    F^ = blur(a^2 I) / blur(a^2) and B^ = blur((1 - a)^2 I) / blur((1 - a)^2), on cells of 16 x 16 pixels with a tent of 2
    cells' reach.

    Args:
        foreground: H x W x 3 uint8, still with its old background.
        alpha: H x W uint8.
        out: an earlier result for the same size, to be overwritten and returned.
        threads: at most so many; 0 is one for each CPU.

    Raises:
        FrameFormatError, MaskError, ConfigError: as :func:`apply_composite`.
    """
    foreground = _image(foreground, "foreground")
    alpha = _alpha(alpha, foreground)
    height, width = foreground.shape[:2]
    if out is None:
        cells = (-(-height // EDGE_CELL), 6, -(-width // EDGE_CELL))
        out = EdgeColors(np.empty(cells, np.float32), (height, width))
    elif out.size != (height, width):
        raise FrameFormatError(
            f"got out for a {out.size} image beside a foreground of {(height, width)}: expected the same size"
        )
    native.polynomial_edge_colors(foreground, alpha, out.values, _threads(threads))
    return out


def _image(image: Any, name: str, like: Image | None = None) -> Image:
    size = "an H x W x 3 uint8 array" if like is None else f"a {like.shape} uint8 array like the foreground"
    expected = f"expected {size}"
    if not isinstance(image, np.ndarray):
        raise FrameFormatError(f"got {name} of type {type(image).__name__}: {expected}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0 or image.dtype != np.uint8:
        raise FrameFormatError(f"got {name} of shape {image.shape}, dtype {image.dtype}: {expected}")
    if like is not None and image.shape != like.shape:
        raise FrameFormatError(f"got {name} of shape {image.shape}: {expected}; resize it first")
    return image if _dense(image) else np.ascontiguousarray(image)


def _dense(image: Image) -> bool:
    """Pixels dense within each row; the distance between rows is free."""
    return image.strides[2] == 1 and (image.strides[1] == 3 or image.shape[1] == 1)


def _alpha(alpha: Any, image: Image) -> Image:
    expected = f"expected {image.shape[0]} x {image.shape[1]} uint8, 0 outside to 255 inside"
    if not isinstance(alpha, np.ndarray):
        raise MaskError(f"got alpha of type {type(alpha).__name__}: {expected}")
    if alpha.shape != image.shape[:2] or alpha.dtype != np.uint8:
        got = f"got alpha of shape {alpha.shape}, dtype {alpha.dtype}"
        raise MaskError(f"{got}: {expected}; resize or convert it first")
    return alpha if alpha.strides[1] == 1 or alpha.shape[1] == 1 else np.ascontiguousarray(alpha)


def _output(out: Any, like: Image) -> Image:
    if out is None:
        return np.empty(like.shape, np.uint8)
    expected = f"expected a writable {like.shape} uint8 array with dense pixels in each row"
    if not isinstance(out, np.ndarray):
        raise FrameFormatError(f"got out of type {type(out).__name__}: {expected}")
    if out.shape != like.shape or out.dtype != np.uint8 or not _dense(out) or not out.flags.writeable:
        raise FrameFormatError(
            f"got out of shape {out.shape}, dtype {out.dtype}, strides {out.strides}, "
            f"writable: {out.flags.writeable}: {expected}"
        )
    return out


def _refuse_overlap(out: Image, image: Image, name: str, same_allowed: bool = False) -> None:
    """Parts of one canvas side by side are no overlap; the same pixels at other places are."""
    if not np.may_share_memory(out, image):
        return
    same_start = out.__array_interface__["data"][0] == image.__array_interface__["data"][0]
    if same_allowed and same_start and out.strides == image.strides:
        return
    try:
        shared = np.shares_memory(out, image, max_work=10_000)  # type: ignore[arg-type]  # the stubs know only -1 and 0
    except _TooHardError:
        shared = True
    if shared:
        allowed = "the very same array or one apart from it" if same_allowed else "one apart from it"
        raise FrameFormatError(f"got out that overlaps {name}: expected {allowed}; pass another array, or None")


def _arguments(polynomial: Polynomial) -> tuple[Any, Any, Any]:
    return (
        polynomial.coefficients.astype(np.float64),
        polynomial.center.astype(np.float64),
        polynomial.precision.astype(np.float64),
    )


def _is_bgr(color: str) -> bool:
    if color not in ("bgr", "rgb"):
        raise ConfigError(f"got color={color!r}: expected 'bgr' or 'rgb', the order of the frame's channels")
    return color == "bgr"


def _threads(threads: int) -> int:
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 0:
        raise ConfigError(f"got threads={threads!r}: expected an int >= 0; 0 is one for each CPU")
    return threads
