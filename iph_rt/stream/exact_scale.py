"""Conversion between RGB and video colours without loss by rounding, with every PyAV from 12 on.

swscale rounds down at every step unless told otherwise, and pictures come back two to four levels darker. PyAV 18 and later take
the flags that say so with a conversion; before that (Python 3.10 has no later one) they can only be given to a filter graph.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.filter
from av.video.reformatter import Interpolation

BT709, BT601 = 1, 5
LIMITED = 1
_FLAGS = ("BILINEAR", "ACCURATE_RND", "FULL_CHR_H_INT", "FULL_CHR_H_INP")
_SCALE_FLAGS = "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
_MATRIX = {BT709: "bt709", BT601: "bt601"}


def to_video(picture: Any) -> Any:
    """A BGR picture as yuv420p in BT.709, limited range."""
    if hasattr(Interpolation, "ACCURATE_RND"):
        return picture.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED, interpolation=_flags())
    return _filtered(picture, f"flags={_SCALE_FLAGS}:out_color_matrix=bt709:out_range=tv", "yuv420p")


def to_bgr(picture: Any, matrix: int | None, width: int) -> Any:
    """A decoded picture as an HWC uint8 BGR array ``width`` wide; ``matrix`` (BT709, BT601) where it does not say itself."""
    if hasattr(Interpolation, "ACCURATE_RND"):
        source = {} if matrix is None else {"src_colorspace": matrix}
        return picture.to_ndarray(format="bgr24", width=width, interpolation=_flags(), **source)
    given = "" if matrix is None else f":in_color_matrix={_MATRIX[matrix]}"
    return _filtered(picture, f"w={width}:h={picture.height}:flags={_SCALE_FLAGS}{given}", "bgr24").to_ndarray()


def _flags() -> int:
    return sum(int(getattr(Interpolation, name)) for name in _FLAGS)


def _filtered(picture: Any, scale: str, pixel_format: str) -> Any:
    graph = av.filter.Graph()
    nodes = [
        graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format.name, time_base=Fraction(1, 90_000)
        ),
        graph.add("scale", scale),
        graph.add("format", f"pix_fmts={pixel_format}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    graph.push(picture)
    return graph.pull()
