"""Style codes of reference regions, kept: going back to a reference that was used before costs a hash of its pixels."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.config import Color
from iph_rt.reference.select import Selection, load_mask, select_region
from iph_rt.runtime.backend import Array
from iph_rt.runtime.fitting import Fitter

KEPT = 16  # styles
KEPT_BYTES = 64 << 20  # of their masks, a byte for each pixel of a picture: sixteen of 1080p, or two of 24 megapixels


@dataclass(frozen=True)
class Style:
    """A reference: what was selected and its style code (1xD). ``digest`` names picture and selection."""

    selection: Selection
    code: Array
    digest: str


class StyleCache:
    """Selects a region of a reference picture and encodes it; the newest few are kept."""

    def __init__(self, fitter: Fitter, color: Color) -> None:
        self._fitter, self._color = fitter, color
        self._styles: OrderedDict[str, Style] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, image: NDArray[np.uint8], *, point: Any = None, region: Any = None, mask: Any = None) -> Style:
        """Style of a region of ``image`` (HWC uint8). Raises RegionError when the selection is of no use."""
        if isinstance(mask, (str, os.PathLike)):
            mask = load_mask(mask)  # now: the file may have changed under its name
        digest = _digest(image, point, region, mask)
        with self._lock:
            if digest in self._styles:
                self._styles.move_to_end(digest)
                return self._styles[digest]
        selection = select_region(image, point=point, region=region, mask=mask, color=self._color)
        style = Style(selection, self._fitter.encode_style(image, selection.mask), digest)
        with self._lock:
            self._styles[digest] = style
            while len(self._styles) > 1 and (len(self._styles) > KEPT or self._mask_bytes() > KEPT_BYTES):
                self._styles.popitem(last=False)
        return style

    def _mask_bytes(self) -> int:
        return sum(style.selection.mask.nbytes for style in self._styles.values())


def _digest(image: NDArray[np.uint8], point: Any, region: Any, mask: Any) -> str:
    digest = hashlib.sha256(repr((image.shape, point, region)).encode())
    digest.update(np.ascontiguousarray(image).data)
    if mask is not None:
        pixels = np.ascontiguousarray(mask)
        digest.update(repr((pixels.shape, pixels.dtype.str)).encode())
        if pixels.dtype.kind in "buif":  # any other is refused by whoever selects
            digest.update(pixels.data)
    return digest.hexdigest()
