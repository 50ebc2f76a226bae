"""One picture of any resolution: the steps of a live frame without anything that remembers."""

from __future__ import annotations

import threading
from typing import Any

from iph_rt.color.polynomial import solve
from iph_rt.config import HarmonizerConfig, Placement
from iph_rt.errors import ClosedError, MaskError
from iph_rt.matte.matte import Matte
from iph_rt.runtime.backend import Array
from iph_rt.runtime.compositor import Compositor
from iph_rt.runtime.fitting import Fitter, Sample
from iph_rt.runtime.frames import Image
from iph_rt.runtime.window import WindowTracker


class Stills:
    """Harmonizes stills, one after the other, with buffers and a matte of its own: a live stream does not notice."""

    def __init__(self, fitter: Fitter, config: HarmonizerConfig) -> None:
        self._fitter, self._config = fitter, config
        self._lock = threading.Lock()
        self._closed = False
        self.matte: Matte | None = None

    def harmonize(
        self,
        image: Image,
        background: Image | None,
        mask: Any,
        placement: Placement,
        style_code: Array,
        amounts: dict[str, float],
    ) -> Image:
        """A new HWC uint8 of the background's size (the image's, without one); without a mask the matte finds the
        person.

        Raises:
            MaskError: as :func:`harmonize_still`. ClosedError: after :meth:`close`.
        """
        with self._lock:
            if self._closed:
                raise ClosedError("the Harmonizer was closed; make a new one")
            if mask is None:
                self.matte = self.matte or open_matte(self._config)
            compositor = Compositor(self._config.color, self._config.threads, background, still=True)
            matte = self.matte if mask is None else None
            return harmonize_still(image, mask, matte, compositor, placement, self._fitter, style_code, amounts)

    def close(self) -> None:
        """Frees the matte, after the still under way; harmless when repeated."""
        with self._lock:
            self._closed = True
            if self.matte is not None:
                self.matte.close()
            self.matte = None


def open_matte(config: HarmonizerConfig) -> Matte:
    """The matte that the settings ask for. Raises BackendUnavailableError."""
    return Matte(config.segmenter, threads=config.threads or 1)


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
