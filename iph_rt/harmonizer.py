"""The one object: a camera frame goes in, the user in another picture's light comes out."""

from __future__ import annotations

import itertools
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.frames import check_frame
from iph_rt.color.look import Look
from iph_rt.color.polynomial import Moments, Polynomial, solve
from iph_rt.color.temporal import MomentSmoother
from iph_rt.config import Amount, Cadence, Color, HarmonizerConfig, Placement, check_placement
from iph_rt.errors import ClosedError, ConfigError, FrameFormatError, ReferenceNotSetError
from iph_rt.matte.matte import Matte
from iph_rt.reference.select import Selection
from iph_rt.runtime.cadence import Beside, EveryKth, Report
from iph_rt.runtime.cadence import Cadence as RunCadence
from iph_rt.runtime.choose import open_backend
from iph_rt.runtime.compositor import Compositor, as_background
from iph_rt.runtime.fitting import Fitter, Sample
from iph_rt.runtime.frames import Clock
from iph_rt.runtime.placement import Layout
from iph_rt.runtime.shot import Colours, Shot
from iph_rt.runtime.still import Stills, open_matte
from iph_rt.runtime.style import Style, StyleCache
from iph_rt.runtime.turn import Turn
from iph_rt.runtime.window import WindowTracker
from iph_rt.stats import Stats

Image = NDArray[np.uint8]


class Harmonizer:
    """Puts the person of a camera frame into a background, in the light of a region that the user points at.

    ``set_background`` and ``set_reference`` are costly and cached; ``process`` is cheap. One thread calls ``process``;
    the other methods and properties may be used from any thread while it runs.

    Frames are HWC uint8 in the order of channels named by ``color``; every picture given to one Harmonizer has that
    order.
    """

    strength = Amount()
    """How much of the change is made: 0 none, 1 the network's, up to 2. May be set while running, as the next two."""
    luminance = Amount()
    """How much of its change of brightness, 0 to 2."""
    chroma = Amount()
    """How much of its change of colour at equal brightness, 0 to 2."""

    def __init__(
        self,
        *,
        backend: str = "auto",
        precision: str = "auto",
        color: Color = "bgr",
        model: str | Path = "iph-edge",
        segmenter: str = "auto",
        placement: Placement = "bottom",
        cadence: Cadence = "auto",
        network_rate: float = 10.0,
        smoothing: float | None = None,
        frame_rate: float = 30.0,
        threads: int = 0,
        network_threads: int = 0,
        strength: float = 1.0,
        luminance: float = 1.0,
        chroma: float = 1.0,
    ) -> None:
        """Loads the networks; the segmenter is loaded at the first frame that comes without a mask.

        Args:
            backend: ``"auto"`` measures once and takes the faster; ``"onnxruntime"`` or ``"openvino"`` is that one or
            an error. precision: ``"auto"`` is float32 on a CPU; ``"fp32"``, ``"bf16"`` or ``"fp16"`` is that one or an
            error. color: order of the channels of every picture, ``"bgr"`` or ``"rgb"``.
            model: name of a model of the package, or a folder with ``style_encoder.onnx`` and ``harmonizer.onnx``.
            segmenter: ``"auto"``, ``"mediapipe"`` or ``"onnx"``.
            placement: where the camera frame lies in a background of another size: ``"bottom"``, ``"fit"``,
                ``"cover"`` or ``(x, y, scale)``; see :mod:`iph_rt.runtime.placement`. May be set while running.
            cadence: ``"auto"`` runs the network on its own thread and no frame waits for it (live); a whole number k
                runs it at every k-th frame while the frame waits, so that the same frames give the same bytes (files).
            network_rate: most runs of the network in a second under ``cadence="auto"``.
            smoothing: time constant of the moments in seconds, 0 for none. By default what brings 90 % of a change of
                light within 0.3 s: 0.087 s live at 10 Hz, 0.13 s with the network at every frame.
            frame_rate: of frames that come without a timestamp under a cadence of k.
            threads: of the native stages, 0 for one up to 1080p and, above, the number of processors (at most four).
            network_threads: of the network, 0 for one beside a live stream and the number of processors otherwise.
            strength, luminance, chroma: from 0 to 2; see the properties.

        Raises:
            ConfigError: a setting that cannot work.
            BackendUnavailableError: the named backend or precision cannot run here; the message says what is missing.
            ModelFileError: a model file is missing, damaged or not the one whose SHA-256 is pinned.
        """
        self.config = HarmonizerConfig(
            backend=backend, precision=precision, color=color, model=model, segmenter=segmenter, placement=placement,
            cadence=cadence, network_rate=network_rate, smoothing=smoothing, frame_rate=frame_rate, threads=threads,
            network_threads=network_threads,
        )
        self.strength, self.luminance, self.chroma = strength, luminance, chroma
        self.stats = Stats()
        self._turn = Turn()
        self._closed = False
        self._placement = self.config.placement
        self._style: Style | None = None
        self._asked, self._answered = itertools.count(1), 0
        self._matte: Matte | None = None
        self._frame_size: tuple[int, int] = (0, 0)
        self._shot: Shot | None = None
        self._colours: Colours | None = None
        self._compositor = Compositor(self.config.color, self.config.threads)
        self._window, self._smoother = WindowTracker(), MomentSmoother(self.config.resolved_smoothing)
        self._clock = Clock(None if self.config.cadence == "auto" else self.config.frame_period_ns)
        self.backend = open_backend(
            self.config.backend, self.config.model, self.config.precision, threads=self.config.resolved_network_threads
        )
        self._fitter = Fitter(self.backend, self.config.color)
        self._styles = StyleCache(self._fitter, self.config.color)
        self._stills = Stills(self._fitter, self.config)
        self._cadence: RunCadence
        if self.config.cadence == "auto":
            self._cadence = Beside(self._fitter, self.config.network_rate, _report_to(self))
        else:
            self._cadence = EveryKth(self._fitter, self.config.cadence, _report_to(self))
        weakref.finalize(self, self._cadence.close)  # for whoever never calls close()

    def set_background(self, image: Image | None) -> None:
        """Sets the picture that the person is put into: HWC uint8 of any size, copied; None keeps the user's own room.

        The person's colours follow the reference and not the background, so they stay as they are.

        Raises:
            FrameFormatError: not HxWx3 uint8.
            ClosedError: after :meth:`close`.
        """
        background = as_background(image)
        with self._turn:
            self._check_open()
            self._compositor.background = background
            self._shot = None

    def set_reference(
        self,
        image: Image,
        *,
        point: tuple[float, float] | None = None,
        region: tuple[float, float, float, float] | None = None,
        mask: NDArray[Any] | None = None,
    ) -> Selection:
        """Sets whose light the person shall stand in. Costly (it may segment the picture), and cached.

        Frames go on with the reference before while this one is looked at. Of several calls at once the last one made
        counts, whichever is ready first.

        Args:
            image: HWC uint8, any size; usually the background, but any picture will do.
            point: (x, y) on a person or thing of it.
            region: (x, y, width, height) of a box of it.
            mask: HxW, nonzero inside.
                At most one of the three; with none the most salient person is taken.

        Returns:
            What was selected: its mask, how suitable it is as a reference, and why.

        Raises:
            FrameFormatError: not HxWx3 uint8.
            RegionError: the point, region or mask selects nothing usable.
            ClosedError: after :meth:`close`.
        """
        check_frame(image, "reference")
        self._check_open()
        asked = next(self._asked)
        style = self._styles.encode(image, point=point, region=region, mask=mask)
        with self._turn:
            self._check_open()
            if asked > self._answered:
                self._style, self._answered = style, asked
                self._restart()
        return style.selection

    def process(
        self,
        frame: Image,
        mask: NDArray[Any] | None = None,
        timestamp: int | None = None,
        *,
        out: Image | None = None,
    ) -> Image:
        """Harmonizes one frame of a stream.

        Args:
            frame: HWC uint8, any size; read only, and not kept.
            mask: HxW matte of the person at the frame's size when the caller has one: bool, uint8 or float in [0, 1].
                Without it the segmenter finds the person. Where it is empty the last colours are held.
            timestamp: time of capture in nanoseconds (``time.monotonic_ns()`` right after capture, or a file's
                presentation time); by default now, or under a cadence of k one frame after the last. Time that goes
                backwards is taken for a new clip.
            out: C-contiguous HWC uint8 of the background's size to write to.

        Returns:
            HWC uint8 of the background's size (the frame's, without a background). The caller's for as long as it is
            held: its buffer is used again only when nobody holds it any more.

        Raises:
            ReferenceNotSetError: before :meth:`set_reference`.
            FrameFormatError: frame or out is not what it should be.
            MaskError: the mask has another shape than the frame, or holds NaN.
            ConfigError: the placement leaves nothing of the frame in the background.
            ClosedError: after :meth:`close`.
        """
        with self._turn:
            style = self._check_ready()
            check_frame(frame)
            now = self._tell_time(timestamp)
            with self.stats.frame():
                placed, layout = self._place(frame)
                alpha = self._find_alpha(placed, frame, mask, layout, now)
                moments = self._smooth(self._harmonize(placed, alpha, style), now)
                self._colours = self._fit(moments, style)
                self._shot = Shot(placed, alpha, layout)
                return self._apply(self._shot, self._colours, out)

    def harmonize_image(
        self,
        image: Image,
        background: Image | None = None,
        *,
        reference: Image | None = None,
        point: tuple[float, float] | None = None,
        region: tuple[float, float, float, float] | None = None,
        reference_mask: NDArray[Any] | None = None,
        mask: NDArray[Any] | None = None,
        placement: Placement | None = None,
    ) -> Image:
        """Harmonizes one still of any resolution: nothing is smoothed over time; a live stream goes on beside it.

        Args:
            image: HWC uint8 with the person.
            background: HWC uint8, or None to keep the person's own room.
            reference: picture whose light is wanted. By default what :meth:`set_reference` has set; the background,
                when nothing is set or ``point``, ``region`` or ``reference_mask`` is given.
            point, region, reference_mask: as in :meth:`set_reference`.
            mask: HxW matte of the person, as in :meth:`process`.
            placement: as in the constructor; by default the Harmonizer's.

        Returns:
            A new array, HWC uint8 of the background's size (the image's, without a background).

        Raises:
            As :meth:`set_reference` and :meth:`process`.
        """
        check_frame(image, "image")
        if background is not None:
            check_frame(background, "background")
        placement = self.placement if placement is None else check_placement(placement)
        selected = any(choice is not None for choice in (point, region, reference_mask))
        picture = self._still_reference(reference, background, selected)
        if picture is None:
            style = self._check_ready()
        else:
            style = self._styles.encode(picture, point=point, region=region, mask=reference_mask)
        return self._stills.harmonize(image, background, mask, placement, style.code, self._amounts)

    def direct_composite(self) -> Image:
        """The newest frame with the same matte in the same place, its colours as the camera saw them: for comparison.

        The frame given to :meth:`process` must still hold the same picture.

        Raises:
            ReferenceNotSetError: before :meth:`set_reference`. FrameFormatError: before the first frame.
        """
        with self._turn:
            shot = self._check_shot()
            return self._compositor.apply(shot.placed, shot.alpha, Polynomial.identity(), shot.layout)

    def last_alpha(self) -> Image:
        """The newest frame's matte, a new HxW uint8 of the background's size; raises as :meth:`direct_composite`."""
        with self._turn:
            return self._check_shot().full_alpha()

    @property
    def look(self) -> Look:
        """The colours of the newest frame as a file for other programs, with how they came about; no change before
        the first frame.

        Raises:
            ReferenceNotSetError: before :meth:`set_reference`.
        """
        with self._turn:
            style = self._check_ready()
            colours = self._colours or Colours(Polynomial.identity(), style, self._amounts)
            return colours.look(self.config.model, self.backend)

    @property
    def reference(self) -> Selection | None:
        """What :meth:`set_reference` selected, or None before."""
        return self._style.selection if self._style else None

    @property
    def segmenter(self) -> str:
        """Which segmenter finds the person and why; empty until a frame came without a mask."""
        matte = self._matte or self._stills.matte
        return f"{matte.segmenter.name}: {matte.segmenter.reason}" if matte else ""

    @property
    def cadence(self) -> str:
        """When the network runs, in words."""
        return self._cadence.description

    @property
    def placement(self) -> Placement:
        """Where the camera frame lies in the background; may be set while running. Raises ConfigError."""
        return self._placement

    @placement.setter
    def placement(self, value: Placement) -> None:
        self._placement = check_placement(value)

    def close(self) -> None:
        """Ends the worker and frees the networks; harmless when repeated."""
        self._cadence.close()  # before the lock: a frame that waits for the network is let go by this
        with self._turn:
            if self._closed:
                return
            self._closed = True
            if self._matte is not None:
                self._matte.close()
            self._matte = self._shot = None
        self._stills.close()
        self.backend.close()

    def __enter__(self) -> Harmonizer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The steps of one frame, in order.

    def _place(self, frame: Image) -> tuple[Image, Layout]:
        with self.stats.stage("place"):
            layout = self._compositor.lay_out(frame, self._placement)
            placed = self._compositor.place(frame, layout)
            size = placed.shape[:2]
            if size != self._frame_size:  # another camera mode or placement: the old matte and window mean nothing
                self._frame_size = size
                self._forget_person()
            return placed, layout

    def _find_alpha(
        self, placed: Image, frame: Image, mask: NDArray[Any] | None, layout: Layout, now: int
    ) -> Image:
        with self.stats.stage("matte"):
            if mask is not None:
                return self._compositor.place_mask(mask, frame, layout)
            self._matte = self._matte or open_matte(self.config)
            return self._matte.alpha(placed, color=self.config.color, timestamp_ns=now)

    def _harmonize(self, placed: Image, alpha: Image, style: Style) -> Moments | None:
        def take(sample: Sample) -> bool:
            window = self._window.update(alpha)
            if window is not None:
                sample.take(placed, alpha, window)
            return window is not None

        with self.stats.stage("harmonize"):
            return self._cadence.newest(take, style.code)

    def _smooth(self, moments: Moments | None, now: int) -> Moments | None:
        with self.stats.stage("smooth"):
            return None if moments is None else self._smoother.update(moments, now)

    def _fit(self, moments: Moments | None, style: Style) -> Colours:
        with self.stats.stage("fit"):
            amounts = self._amounts
            polynomial = Polynomial.identity() if moments is None else solve(moments).adjusted(**amounts)
            return Colours(polynomial, style, amounts)

    def _apply(self, shot: Shot, colours: Colours, out: Image | None) -> Image:
        with self.stats.stage("apply"):
            return self._compositor.apply(shot.placed, shot.alpha, colours.polynomial, shot.layout, out)

    # What the steps need.

    def _still_reference(self, reference: Image | None, background: Image | None, selected: bool) -> Image | None:
        """The picture to take the light of, or None for what set_reference has set."""
        self._check_open()
        if reference is not None:
            return check_frame(reference, "reference")
        if selected and background is None:
            raise ConfigError("point, region and reference_mask select in a picture; give reference= or background=")
        return background if selected or self._style is None else None

    def _tell_time(self, timestamp: int | None) -> int:
        now, backwards = self._clock.stamp(timestamp, time.monotonic_ns())
        if backwards:
            self._forget_person()
            self._restart()
        return now

    def _forget_person(self) -> None:
        self._window.reset()
        if self._matte is not None:
            self._matte.reset()

    def _restart(self) -> None:
        self._cadence.reset()
        self._smoother.reset()

    @property
    def _amounts(self) -> dict[str, float]:
        return {"strength": self.strength, "luminance": self.luminance, "chroma": self.chroma}

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the Harmonizer was closed; make a new one")

    def _check_ready(self) -> Style:
        self._check_open()
        if self._style is None:
            raise ReferenceNotSetError(
                "no reference is set, expected one; call set_reference(image, point=(x, y)) first"
            )
        return self._style

    def _check_shot(self) -> Shot:
        self._check_ready()
        if self._shot is None:
            raise FrameFormatError("no frame has been processed yet, expected one; call process(frame) first")
        return self._shot


def _report_to(harmonizer: Harmonizer) -> Report:
    """Adds the network's times to the stats. Holds the Harmonizer weakly: the thread must not keep it alive."""
    reference = weakref.ref(harmonizer)

    def report(milliseconds: float) -> None:
        alive = reference()
        if alive is not None:
            alive.stats.add("network", milliseconds)

    return report
