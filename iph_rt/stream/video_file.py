"""Video files through PyAV: the only file that decodes, encodes or muxes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from iph_rt.errors import SinkError, SourceError
from iph_rt.files import atomic_path
from iph_rt.stream.exact_scale import BT601, BT709, LIMITED, to_bgr, to_video
from iph_rt.stream.frame import Frame, Image

_CLOCK = Fraction(1, 90_000)
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
"""Audio that an MP4 file may hold as it is; anything else is encoded to AAC."""


class VideoFileSource:
    """Every frame of a video file's first video stream, turned upright, with square pixels.

    Timestamps count from the start of the file, so that sound and picture share one clock. A file that ends early or is
    damaged is an error and never a shorter result.

    Raises:
        SourceError: the file is missing, no video, damaged or truncated; says how many frames were read.
    """

    live = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = f"video '{self.path}'"
        self._container: Any = _open_input(self.path)
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"'{self.path}' has no video stream; expected a video file")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        # Without this the decoder paints over damage and says nothing.
        self._stream.codec_context.options = {"err_detect": "explode"}
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or 30)
        self.frame_count: int | None = self._stream.frames or None
        self._first: Frame | None = None
        self._frames = self._decode()
        try:
            first = next(self._frames, None)
        except SourceError:
            self.close()
            raise
        if first is None:
            self.close()
            raise SourceError(f"'{self.path}' holds no frame; the file is damaged or truncated")
        self._first = first
        self.size = (first.image.shape[1], first.image.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._frames

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decode(self) -> Iterator[Frame]:
        start = Fraction(self._container.start_time or 0, 1_000_000)
        expected = _expected_seconds(self._container, self._stream)
        packets = frames = 0
        last, end = -1, Fraction(0)
        try:
            for packet in self._container.demux(self._stream):
                packets += packet.size > 0
                for picture in packet.decode():
                    at = picture.pts * picture.time_base - start if picture.pts is not None else frames / self.rate
                    last = max(last + 1, round(at * 10**9))
                    end = at + 1 / self.rate
                    yield Frame(frames, _to_bgr(picture, self._stream.sample_aspect_ratio), last)
                    frames += 1
        except av.error.FFmpegError as error:
            raise SourceError(self._damaged(frames, error.strerror or str(error))) from error
        if self.frame_count and packets < self.frame_count:
            raise SourceError(self._damaged(frames, f"the file ends early, {self.frame_count} frames were expected"))
        if expected and expected - end > max(Fraction(1, 2), expected / 20):
            raise SourceError(self._damaged(frames, f"the file ends at {float(end):.1f} s of {float(expected):.1f} s"))

    def _damaged(self, frames: int, detail: str) -> str:
        return f"'{self.path}' is truncated or damaged: {frames} frames were read, then: {detail}; get a whole copy"


class VideoFileSink:
    """Writes H.264 (yuv420p, BT.709, limited range) to an MP4 file that appears whole or not at all.

    Use it as a context manager; leaving it by an exception removes the unfinished file. A last odd row or column is cut
    off, because yuv420p needs even sides.

    Args:
        path: output; ``.mp4`` (or ``.mov``, ``.mkv``).
        rate: nominal frames per second; frames keep their own timestamps.
        audio_from: file whose first audio stream is copied (encoded to AAC where MP4 cannot hold it), in sync.
        quality: x264's constant rate factor; 18 can hardly be told from the original.

    Raises:
        SinkError: the file cannot be written, or this PyAV has no H.264 encoder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rate: Fraction | int,
        *,
        audio_from: str | os.PathLike[str] | None = None,
        quality: int = 18,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in (".mp4", ".mov", ".mkv"):
            raise SinkError(f"cannot write video as '{self.path.name}'; expected a name that ends in .mp4, .mov or .mkv")
        if "libx264" not in av.codecs_available:
            raise SinkError("this PyAV has no H.264 encoder (libx264); install the wheel: pip install --only-binary=av av")
        self._rate, self._audio_from, self._quality = Fraction(rate), audio_from, quality
        self._stack = ExitStack()
        self._container: Any = None
        self._video: Any = None
        self._audio: _AudioTrack | None = None
        self._last = -1

    def __enter__(self) -> VideoFileSink:
        with ExitStack() as stack:
            partial = stack.enter_context(atomic_path(self.path))
            flags = {"movflags": "+faststart"} if self.path.suffix.lower() != ".mkv" else {}
            self._container = stack.enter_context(av.open(_url(partial), "w", options=flags))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Errors of the last writes must reach atomic_path too, which then removes the file.
        with self._stack:
            if error is not None:
                raise error
            if self._video is None:
                raise SinkError(f"'{self.path}' was not written: there was no frame")
            self._mux_video(None)
            if self._audio:
                self._audio.finish(self._last * _CLOCK + 1 / self._rate)

    def __call__(self, frame: Frame) -> None:
        """Encode one frame: HWC uint8 BGR, of the same size every time.

        Raises:
            SinkError: the disk is full, the encoder failed, or the frame has another size than the first.
        """
        height, width = (side & ~1 for side in frame.image.shape[:2])
        if not height or not width:
            raise SinkError(f"'{self.path}': got a frame of shape {frame.image.shape}, expected at least 2x2 pixels")
        try:
            if self._video is None:
                self._start(width, height)
            elif (width, height) != (self._video.width, self._video.height):
                started = f"{self._video.width}x{self._video.height}"
                raise SinkError(f"'{self.path}' was started with {started}: got a frame of {width}x{height}; keep one size")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.image[:height, :width]), format="bgr24")
            encoded = to_video(picture)
            self._last = max(self._last + 1, round(Fraction(frame.timestamp_ns, 10**9) / _CLOCK))
            encoded.pts, encoded.time_base = self._last, _CLOCK
            self._mux_video(encoded)
            if self._audio:
                self._audio.copy_until(Fraction(frame.timestamp_ns, 10**9))
        except av.error.FFmpegError as error:
            raise SinkError(f"cannot write '{self.path}': {error.strerror or error}; check free space") from error

    def _start(self, width: int, height: int) -> None:
        # rate must be close to a sane number: MPEG-4 timescales are 16 bits in some players
        stream = self._container.add_stream("libx264", rate=self._rate.limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(self._quality), "preset": "veryfast"}
        context = stream.codec_context
        context.time_base = _CLOCK
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        self._video = stream
        if self._audio_from is not None:
            self._audio = _AudioTrack.open(Path(self._audio_from), self._container)
            if self._audio:
                self._stack.callback(self._audio.close)

    def _mux_video(self, picture: Any) -> None:
        for packet in self._video.encode(picture):
            self._container.mux(packet)


class _AudioTrack:
    """Copies the sound of one file into another, interleaved with its pictures."""

    def __init__(self, path: Path, source: Any, stream: Any, target: Any, output: Any, encode: bool) -> None:
        self._path, self._source, self._stream, self._output, self._encode = path, source, stream, output, encode
        self._target = target
        self._start = Fraction(source.start_time or 0, 1_000_000)
        pictures = source.streams.video
        self._pictures_end = _expected_seconds(source, pictures[0]) if pictures else None
        self._packets = source.demux(stream)
        self._time = Fraction(0)
        self._ended = False

    @classmethod
    def open(cls, path: Path, output: Any) -> _AudioTrack | None:
        """Declare the audio stream in ``output``; None if the file at ``path`` is silent."""
        source = _open_input(path)
        if not source.streams.audio:
            source.close()
            return None
        stream = source.streams.audio[0]
        encode = stream.codec_context.name.removesuffix("float").removeprefix("lib") not in _MP4_AUDIO
        if encode:
            target = output.add_stream("aac", rate=stream.codec_context.sample_rate)
        elif hasattr(output, "add_stream_from_template"):
            target = output.add_stream_from_template(stream)
        else:  # PyAV before 14
            target = output.add_stream(template=stream)
        return cls(path, source, stream, target, output, encode)

    def copy_until(self, seconds: Fraction | None) -> None:
        """Copy what sounds before ``seconds`` (all that is left, if None)."""
        try:
            while not self._ended and (seconds is None or self._time <= seconds):
                packet = next(self._packets, None)
                if packet is None or packet.size == 0:
                    self._ended = True
                elif packet.pts is not None:
                    self._copy(packet)
        except av.error.FFmpegError as error:
            raise SourceError(f"the sound of '{self._path}' is damaged at {float(self._time):.1f} s: {error}") from error

    def finish(self, end: Fraction) -> None:
        """Copy the rest: all of it, or up to ``end`` of the pictures where they were ended before their time."""
        cut = self._pictures_end is not None and end < self._pictures_end - Fraction(1, 2)
        self.copy_until(end if cut else None)
        if self._encode:
            self._output.mux(self._target.encode(None))

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._source.close()

    def _copy(self, packet: Any) -> None:
        offset = round(self._start / packet.time_base)
        self._time = (packet.pts - offset) * packet.time_base
        if not self._encode:
            packet.pts -= offset
            packet.dts = None if packet.dts is None else packet.dts - offset
            packet.stream = self._target
            self._output.mux(packet)
            return
        for sound in packet.decode():
            sound.pts = None if sound.pts is None else sound.pts - round(self._start / sound.time_base)
            self._output.mux(self._target.encode(sound))


def _open_input(path: Path) -> Any:
    if not path.exists():
        raise SourceError(f"cannot read the video '{path}': there is no such file; check the path")
    if path.is_dir():
        raise SourceError(f"cannot read the video '{path}': it is a folder; expected a video file")
    try:
        return av.open(_url(path))
    except (av.error.FFmpegError, OSError) as error:
        detail = f"{error.strerror or error}; it is no video, or truncated: 0 frames were read"
        raise SourceError(f"cannot read the video '{path}': {detail}") from error


def _url(path: Path) -> str:
    """The file for FFmpeg, which would otherwise take ``12:30.mp4`` for a protocol, or open a connection."""
    return f"file:{path}"


def _expected_seconds(container: Any, stream: Any) -> Fraction | None:
    """How long the file says that the video is, or None."""
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")  # Matroska, as FFmpeg writes it
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return None


def _to_bgr(picture: Any, aspect: Fraction | None) -> Image:
    """BGR of a decoded picture whose pixels are ``aspect`` times as wide as high.

    Untagged video is BT.601 below 720 lines and BT.709 from there, as players assume.
    """
    matrix = None
    if int(picture.colorspace) not in (1, 4, 5, 6, 7, 9):
        matrix = BT709 if picture.height >= 720 else BT601
    stretched = aspect and aspect != 1 and Fraction(1, 4) <= aspect <= 4
    image: Image = to_bgr(picture, matrix, max(1, round(picture.width * aspect)) if stretched and aspect else picture.width)
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
