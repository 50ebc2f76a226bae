"""Where frames come from: camera, video file, picture, or a synthetic person."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2

from iph_rt.config import check_count
from iph_rt.errors import SourceError
from iph_rt.stream.frame import Frame
from iph_rt.stream.images import IMAGE_SUFFIXES, read_image
from iph_rt.stream.synthetic import draw_person


class Source(Protocol):
    """Frames in order. Iterate once, then close; both are safe on another thread than the one that opened it."""

    name: str
    """What it is, for messages."""
    size: tuple[int, int]
    """Width and height of every frame, in pixels."""
    rate: Fraction
    """Nominal frames per second."""
    live: bool
    """Whether frames come at their own pace, so that late ones must be dropped."""
    frame_count: int | None
    """Number of frames, if it is known before they are read."""

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """Release the device or file. Harmless when repeated."""


class CameraSource:
    """A camera through OpenCV. Asks for 1280x720 MJPEG, takes what the camera gives.

    Raises:
        SourceError: the camera does not exist, is in use, or delivers nothing.
    """

    live = True
    frame_count: int | None = None

    def __init__(self, index: int, *, size: tuple[int, int] = (1280, 720), rate: int = 30) -> None:
        self.name = f"camera {index}"
        with _QuietOpenCV():
            self._capture = cv2.VideoCapture(check_count("camera index", index, 0, 63))
            opened = self._capture.isOpened()
        if not opened:
            raise SourceError(f"{self.name} cannot be opened: {_cameras_hint()}")
        fourcc = "".join(("M", "J", "P", "G"))  # uncompressed 720p does not fit through USB 2 at 30 fps
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(cv2.CAP_PROP_FPS, rate)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        read, image = self._capture.read()
        if not read:
            self._capture.release()
            raise SourceError(f"{self.name} opens but delivers no picture; is another program using it?")
        self.size = (image.shape[1], image.shape[0])
        told = self._capture.get(cv2.CAP_PROP_FPS)  # drivers that do not know say 0, -1 or NaN
        self.rate = Fraction(told if 1 <= told <= 1000 else rate).limit_denominator(1001)

    def __iter__(self) -> Iterator[Frame]:
        frame_id = 0
        while True:
            read, image = self._capture.read()
            timestamp = time.monotonic_ns()
            if not read:
                raise SourceError(f"{self.name} stopped after {frame_id} frames; was it unplugged?")
            yield Frame(frame_id, image, timestamp)
            frame_id += 1

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


class ImageSource:
    """One picture, as ``count`` frames at 30 per second."""

    live = False

    def __init__(self, path: str | os.PathLike[str], *, count: int = 1) -> None:
        self.name = f"picture '{Path(path)}'"
        self._image = read_image(path)
        self.size = (self._image.shape[1], self._image.shape[0])
        self.rate = Fraction(30)
        self.frame_count: int | None = check_count("count", count, 1, 10_000_000)

    def __iter__(self) -> Iterator[Frame]:
        for frame_id in range(self.frame_count or 0):
            yield Frame(frame_id, self._image.copy(), frame_id * 10**9 // 30)

    def close(self) -> None:
        """Nothing to release."""


class SyntheticSource:
    """A drawn person who sways before a wall: the same frames on every machine, for trials without a camera.

    Args:
        size: width and height in pixels.
        count: number of frames; None goes on for ever.
    """

    live = False

    def __init__(self, size: tuple[int, int] = (1280, 720), *, count: int | None = None) -> None:
        self.name = "synthetic person"
        self.size = (check_count("width", size[0], 16, 8192), check_count("height", size[1], 16, 8192))
        self.rate = Fraction(30)
        self.frame_count = None if count is None else check_count("count", count, 1, 10_000_000)

    def __iter__(self) -> Iterator[Frame]:
        frame_id = 0
        while self.frame_count is None or frame_id < self.frame_count:
            yield Frame(frame_id, draw_person(self.size, frame_id / 30), frame_id * 10**9 // 30)
            frame_id += 1

    def close(self) -> None:
        """Nothing to release."""


class RealTime:
    """Plays another source at its own pace, as a camera would: live, with timestamps of ``time.monotonic_ns()``."""

    live = True

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.size, self.rate = source.name, source.size, source.rate
        self.frame_count = source.frame_count

    def __iter__(self) -> Iterator[Frame]:
        start: int | None = None
        for frame in self._source:
            now = time.monotonic_ns()
            start = now - frame.timestamp_ns if start is None else start
            wait = start + frame.timestamp_ns - now
            if wait > 0:
                time.sleep(wait / 1e9)
            yield replace(frame, timestamp_ns=time.monotonic_ns())

    def close(self) -> None:
        """Close the source that is played."""
        self._source.close()


def open_source(spec: str | int | os.PathLike[str]) -> Source:
    """Open a camera index (``0``) or device (``/dev/video0``), ``"synthetic"``, a picture, or a video file.

    Raises:
        SourceError: it does not exist or cannot be read.
    """
    from iph_rt.stream.video_file import VideoFileSource

    if isinstance(spec, int):
        return CameraSource(spec)
    text = os.fspath(spec)
    if text.isdigit():
        return CameraSource(int(text))
    if device := re.fullmatch(r"/dev/video(\d+)", text):
        return CameraSource(int(device[1]))
    if text == "synthetic":
        return SyntheticSource()
    if Path(text).suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(text)
    return VideoFileSource(text)


def camera_devices() -> list[str]:
    """Device files of the cameras that Linux knows; empty where there is none or on another system."""
    return sorted(str(path) for path in Path("/dev").glob("video*"))


def _cameras_hint() -> str:
    devices = camera_devices()
    if not devices:
        return "no camera was found (no /dev/video*); plug one in, or use a video file or 'synthetic'"
    return f"found {', '.join(devices)}; choose one of these, and check that you may read it (group 'video')"


class _QuietOpenCV:
    """Keeps OpenCV from printing its own warnings about a camera that iph_rt reports better."""

    def __enter__(self) -> None:
        self._level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def __exit__(self, *_: object) -> None:
        cv2.utils.logging.setLogLevel(self._level)
