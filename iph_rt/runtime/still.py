"""One picture of any resolution: the steps of a live frame without anything that remembers."""

from __future__ import annotations

from typing import Any

from iph_rt.color.polynomial import solve
from iph_rt.config import Placement
from iph_rt.errors import MaskError
from iph_rt.matte.matte import Matte
from iph_rt.runtime.backend import Array
from iph_rt.runtime.compositor import Compositor
from iph_rt.runtime.fitting import Fitter, Sample
from iph_rt.runtime.frames import Image
from iph_rt.runtime.window import WindowTracker


def harmonize_still(
    image: Image,
    mask: Any,
    matte: Matte | None,
    compositor: Compositor,
    placement: Placement,
    fitter: Fitter,
    style_code: Array,
    amounts: dict[str, float],
) -> Image:
    """Matte, harmonize, fit and apply one picture; ``matte`` is asked when there is no ``mask``.

    Raises:
        MaskError: nobody is seen in the picture, or the mask is not one.
    """
    layout = compositor.lay_out(image, placement)
    placed = compositor.place(image, layout)
    if matte is None:
        alpha = compositor.place_mask(mask, image, layout)
    else:
        matte.reset()
        alpha = matte.alpha(placed, color=compositor.color, timestamp_ns=0)
    window = WindowTracker().update(alpha)
    if window is None:
        raise MaskError("image: no person is seen in it (the mask is empty); expected one; give mask=HxW of the person")
    sample = Sample()
    sample.take(placed, alpha, window)
    polynomial = solve(fitter.fit(sample, style_code)).adjusted(**amounts)
    return compositor.apply(placed, alpha, polynomial, layout)
