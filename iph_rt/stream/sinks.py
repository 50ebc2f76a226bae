"""Where frames go besides a video file: a window, several sinks at once, nowhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from types import TracebackType

import cv2

from iph_rt.errors import SinkError
from iph_rt.stream.frame import Frame

Sink = Callable[[Frame], None]


def null_sink(_frame: Frame) -> None:
    """Take a frame and forget it."""


def tee(*sinks: Sink) -> Sink:
    """A sink that gives each frame to every one of ``sinks``, in order."""

    def everywhere(frame: Frame) -> None:
        for sink in sinks:
            sink(frame)

    return everywhere


def display_problem() -> str | None:
    """Why no window can be shown here, or None."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    toolkit = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "")
    if toolkit.split(":")[-1].strip().upper() in ("", "NONE"):
        return "this OpenCV was built without windows; install opencv-python in place of opencv-python-headless"
    return None


class WindowSink:
    """Shows frames in a window; ``on_quit`` is called once when the user presses q or Escape or closes the window.

    Must be used on the main thread.

    Raises:
        SinkError: no window can be shown here; says why.
    """

    def __init__(self, title: str, on_quit: Callable[[], None]) -> None:
        problem = display_problem()
        if problem:
            raise SinkError(f"cannot open a window: {problem}")
        self._title, self._on_quit = title, on_quit
        self._shown = self._quit = False

    def __enter__(self) -> WindowSink:
        return self

    def __call__(self, frame: Frame) -> None:
        """Show HWC uint8 BGR. Frames that are still under way after the user has quit are let go."""
        if self._quit:
            return
        if not self._shown:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(self._title, frame.image.shape[1], frame.image.shape[0])
            self._shown = True
        cv2.imshow(self._title, frame.image)
        key = cv2.waitKey(1) & 0xFF
        if key in (ord("q"), 27) or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._quit = True
            self._on_quit()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:
            with contextlib.suppress(cv2.error):  # the user has closed it
                cv2.destroyWindow(self._title)
