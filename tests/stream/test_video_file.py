"""Video files: what is written is read back, sound stays in sync, damage is an error."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from iph_rt.errors import SinkError, SourceError
from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.sources import ImageSource, SyntheticSource, open_source
from iph_rt.stream.stream import Stream
from iph_rt.stream.video_file import VideoFileSink, VideoFileSource

PATCHES = np.array([[30, 30, 200], [40, 180, 40], [200, 60, 30], [128, 128, 128], [235, 235, 235], [16, 16, 16]])


def write(path: Path, images: list[Image], rate: Fraction | int = 30, times: list[int] | None = None) -> None:
    times = [round(number * 10**9 / rate) for number in range(len(images))] if times is None else times
    with VideoFileSink(path, rate) as sink:
        for number, (image, time) in enumerate(zip(images, times, strict=True)):
            sink(Frame(number, image, time))


def write_and_raise(path: Path, error: BaseException) -> None:
    with VideoFileSink(path, 30) as sink:
        sink(Frame(0, np.zeros((32, 32, 3), np.uint8), 0))
        raise error


def patches(height: int = 96, width: int = 192) -> Image:
    image = np.empty((height, width, 3), np.uint8)
    for index, color in enumerate(PATCHES):
        image[:, index * width // 6 : (index + 1) * width // 6] = color
    return image


@pytest.fixture(scope="session")
def fast_start(assets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The webcam clip with its index at the front, as a download that can break off."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with (
        av.open(str(assets["webcam_clip"])) as source,
        av.open(str(path), "w", options={"movflags": "+faststart"}) as out,
    ):
        stream = source.streams.video[0]
        target = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = target
                out.mux(packet)
    return path


def test_colours_come_back(tmp_path: Path) -> None:
    """A wrong matrix or range would move these patches by 10 to 40 levels."""
    path = tmp_path / "a.mp4"
    write(path, [patches()] * 3)
    frames = list(VideoFileSource(path))
    assert len(frames) == 3
    for index, color in enumerate(PATCHES):
        patch = frames[1].image[20:76, index * 32 + 8 : index * 32 + 24].reshape(-1, 3)
        assert np.abs(patch.mean(axis=0) - color).max() <= 1.5, color


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_another_reader_sees_the_same_colours_and_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, [patches()] * 3)
    raw = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-sws_flags",
            "accurate_rnd+full_chroma_int",
            "-i",
            str(path),
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-",
        ],
        capture_output=True,
        check=True,
    ).stdout
    image = np.frombuffer(raw, np.uint8).reshape(96, 192, 3)
    for index, color in enumerate(PATCHES):
        patch = image[20:76, index * 32 + 8 : index * 32 + 24].reshape(-1, 3)
        assert np.abs(patch.mean(axis=0) - color).max() < 4.0, color
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)


def test_times_are_kept_even_if_uneven(tmp_path: Path) -> None:
    times = [0, 33_000_000, 50_000_000, 133_000_000, 134_000_000, 500_000_000]
    images = [np.full((64, 64, 3), 40 * number, np.uint8) for number in range(6)]
    write(tmp_path / "a.mp4", images, times=times)
    read = list(VideoFileSource(tmp_path / "a.mp4"))
    assert [round(frame.timestamp_ns / 1e6) for frame in read] == [round(time / 1e6) for time in times]
    assert [frame.id for frame in read] == list(range(6))
    for frame, image in zip(read, images, strict=True):
        assert np.abs(frame.image.astype(int) - image).max() <= 4


def test_odd_sides_lose_their_last_line(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", [np.zeros((65, 101, 3), np.uint8)])
    assert VideoFileSource(tmp_path / "a.mp4").size == (100, 64)


def test_the_clip_passes_with_its_sound_untouched(assets: dict[str, Path], tmp_path: Path) -> None:
    clip, out = assets["webcam_clip"], tmp_path / "a.mp4"
    source = VideoFileSource(clip)
    with (
        VideoFileSink(out, source.rate, audio_from=clip) as sink,
        Stream(source, lambda frame: frame.image, sink) as run,
    ):
        assert run.run().frames == 72
    before, after = list(VideoFileSource(clip)), list(VideoFileSource(out))
    assert [frame.timestamp_ns for frame in after] == [frame.timestamp_ns for frame in before]
    assert min(cv2.PSNR(a.image, b.image) for a, b in zip(before, after, strict=True)) > 34
    with av.open(str(clip)) as a, av.open(str(out)) as b:
        left = [(packet.pts, bytes(packet)) for packet in a.demux(audio=0) if packet.size]
        right = [(packet.pts, bytes(packet)) for packet in b.demux(audio=0) if packet.size]
    assert [data for _, data in left] == [data for _, data in right]
    assert [pts for pts, _ in left] == [pts for pts, _ in right]


def test_sound_that_mp4_cannot_hold_becomes_aac_at_the_same_time(tmp_path: Path) -> None:
    """A click at 0.5 s in PCM must still be at 0.5 s."""
    rate, source = 16_000, tmp_path / "pcm.mkv"
    sound = np.zeros((1, rate), np.int16)
    sound[0, rate // 2 : rate // 2 + 160] = 20_000
    with av.open(str(source), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoFileSink(tmp_path / "a.mp4", 30, audio_from=source) as sink:
        for number in range(30):
            sink(Frame(number, np.zeros((32, 32, 3), np.uint8), round(number * 1e9 / 30)))
    with av.open(str(tmp_path / "a.mp4")) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac"
        decoded = [(frame.time, np.abs(frame.to_ndarray()).mean(axis=0)) for frame in container.decode(audio)]
    loud = max(decoded, key=lambda item: item[1].max())
    assert loud[0] + int(loud[1].argmax()) / rate == pytest.approx(0.505, abs=0.02)


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_a_broken_off_download_says_how_many_frames_were_read(fast_start: Path, tmp_path: Path, share: float) -> None:
    data = fast_start.read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data[: int(len(data) * share)])
    read: list[Frame] = []
    with pytest.raises(SourceError, match="truncated or damaged") as caught:
        read.extend(VideoFileSource(broken))
    assert 0 < len(read) < 72
    assert f"{len(read)} frames were read" in str(caught.value)


def test_a_clip_without_its_index_cannot_be_read(assets: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(assets["webcam_clip"].read_bytes()[:100_000])
    with pytest.raises(SourceError, match="truncated: 0 frames were read"):
        VideoFileSource(broken)


def test_truncated_matroska_is_noticed_by_its_length(assets: dict[str, Path], tmp_path: Path) -> None:
    whole = tmp_path / "a.mkv"
    source = VideoFileSource(assets["webcam_clip"])
    with VideoFileSink(whole, source.rate) as sink:
        for frame in source:
            sink(frame)
    assert len(list(VideoFileSource(whole))) == 72
    data = whole.read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="frames were read"):
        list(VideoFileSource(tmp_path / "b.mkv"))


def test_overwritten_bytes_are_an_error_not_a_smear(fast_start: Path, tmp_path: Path) -> None:
    data = bytearray(fast_start.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\x5a" * 2000
    (tmp_path / "damaged.mp4").write_bytes(data)
    with pytest.raises(SourceError, match="truncated or damaged"):
        list(VideoFileSource(tmp_path / "damaged.mp4"))


def test_sources_that_are_none(tmp_path: Path, assets: dict[str, Path]) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / "nothing.mp4")
    with pytest.raises(SourceError, match="it is a folder"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="it is no video"):
        open_source(text)
    with pytest.raises(SourceError, match="cannot read the picture"):
        open_source(tmp_path / "nothing.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG not really")
    with pytest.raises(SourceError, match="is no picture"):
        open_source(tmp_path / "bad.png")


def test_a_camera_that_does_not_exist() -> None:
    with pytest.raises(SourceError, match=r"camera 63 cannot be opened: (no camera was found|found /dev)"):
        open_source("63")


def test_a_failed_run_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt):
        write_and_raise(target, KeyboardInterrupt())
    with pytest.raises(SinkError, match="there was no frame"):
        write(target, [])
    with pytest.raises(SinkError, match=r"expected a name that ends in \.mp4"):
        VideoFileSink(tmp_path / "a.gif", 30)
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_a_colon_is_a_file_and_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("12:30.mp4"), [patches()] * 3)
    assert len(list(VideoFileSource("12:30.mp4"))) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["12:30.mp4"]


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    """96x96 with pixels of 4:3 is shown as 128x96: a disc must be as wide as it is high."""
    path = tmp_path / "wide.mp4"
    disc = np.zeros((96, 96, 3), np.uint8)
    cv2.ellipse(disc, (48, 48), (24, 32), 0, 0, 360, (255, 255, 255), -1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width = stream.height = 96
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(disc, format="bgr24")))
        container.mux(stream.encode(None))
    source = VideoFileSource(path)
    assert source.size == (128, 96)
    white = next(iter(source)).image[..., 1] > 128
    assert white.any(axis=0).sum() == pytest.approx(white.any(axis=1).sum(), abs=2)


def test_the_sound_of_a_run_that_is_ended_early_ends_with_it(assets: dict[str, Path], tmp_path: Path) -> None:
    clip, out = assets["webcam_clip"], tmp_path / "a.mp4"
    source = VideoFileSource(clip)
    with VideoFileSink(out, source.rate, audio_from=clip) as sink:
        for frame, _ in zip(source, range(20), strict=False):
            sink(frame)
            end = frame.timestamp_ns / 1e9 + 1 / float(source.rate)
    source.close()
    with av.open(str(out)) as container:
        audio = container.streams.audio[0]
        last = max(float((packet.pts + packet.duration) * packet.time_base) for packet in container.demux(audio) if packet.size)
    assert last == pytest.approx(end, abs=0.1)


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="started with 192x96: got a frame of 96x96"):
        write(tmp_path / "a.mp4", [patches(), patches(width=96)])
    with pytest.raises(SinkError, match="at least 2x2"):
        write(tmp_path / "a.mp4", [np.zeros((1, 5, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with VideoFileSink(tmp_path / name, 30) as sink:
            for frame in SyntheticSource((160, 90), count=20):
                sink(frame)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_pictures_as_sources_and_the_synthetic_person(assets: dict[str, Path]) -> None:
    frames = list(ImageSource(assets["group_photo"], count=2))
    assert [frame.image.shape for frame in frames] == [(667, 1000, 3)] * 2
    first, again = (list(SyntheticSource((320, 180), count=16)) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert np.abs(first[0].image.astype(int) - first[15].image).mean() > 0.5  # moves
