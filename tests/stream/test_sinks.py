"""Windows where there is no display, several sinks at once, live playing of a file."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from iph_rt.errors import SinkError
from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.images import encode_image, read_image, write_image
from iph_rt.stream.sinks import WindowSink, tee
from iph_rt.stream.sources import CameraSource, SyntheticSource
from iph_rt.stream.stream import Stream


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_a_window_without_a_display_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match="cannot open a window: there is no display"):
        WindowSink("title", lambda: None)


def test_tee_gives_each_frame_to_every_sink_in_order() -> None:
    seen: list[tuple[str, int]] = []
    sink = tee(lambda frame: seen.append(("a", frame.id)), lambda frame: seen.append(("b", frame.id)))
    for number in range(2):
        sink(Frame(number, np.zeros((1, 1, 3), np.uint8), 0))
    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]


def test_a_file_played_live_has_monotonic_times_and_accounts_for_every_frame() -> None:
    times: list[int] = []
    source = SyntheticSource((64, 36), count=8)
    with Stream(source, lambda frame: frame.image, lambda frame: times.append(frame.timestamp_ns), live=True) as stream:
        report = stream.run()
    assert report.frames + report.dropped == 8
    assert report.frames == len(times) > 0
    assert times == sorted(times)


def test_pictures_come_back_and_unknown_formats_are_refused(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    write_image(tmp_path / "a.png", image)
    assert np.array_equal(read_image(tmp_path / "a.png"), image)
    with pytest.raises(SinkError, match=r"cannot write pictures as '\.xyz'"):
        encode_image(image, ".xyz")
    with pytest.raises(SinkError, match="does not exist"):
        write_image(tmp_path / "no" / "a.png", image)


def test_a_picture_that_no_encoder_takes_is_a_sink_error() -> None:
    with pytest.raises(SinkError, match=r"could not encode a picture of shape \(4, 4, 5\)"):
        encode_image(np.zeros((4, 4, 5), np.uint8), ".png")
    with pytest.raises(SinkError, match="could not encode"):
        encode_image(np.zeros((1, 70_000, 3), np.uint8), ".jpg")


class FakeWindows:
    """OpenCV's windows as its GTK and Qt builds behave: what is not there cannot be destroyed."""

    WND_PROP_VISIBLE = cv2.WND_PROP_VISIBLE

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open: set[str] = set()
        self.shown = 0
        monkeypatch.setattr("iph_rt.stream.sinks.display_problem", lambda: None)
        for name in ("namedWindow", "resizeWindow", "imshow", "waitKey", "getWindowProperty", "destroyWindow"):
            monkeypatch.setattr(cv2, name, getattr(self, name))

    def namedWindow(self, title: str, _flags: int) -> None:
        self.open.add(title)

    def resizeWindow(self, *_: object) -> None:
        return

    def imshow(self, title: str, _image: Image) -> None:
        self.open.add(title)
        self.shown += 1

    def waitKey(self, _milliseconds: int) -> int:
        if self.shown == 2:
            self.open.clear()  # the user clicks the cross
        return -1

    def getWindowProperty(self, title: str, _property: int) -> float:
        return float(title in self.open)

    def destroyWindow(self, title: str) -> None:
        if title not in self.open:
            raise cv2.error("NULL window")
        self.open.remove(title)


def test_a_window_that_the_user_closes_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    windows, quits = FakeWindows(monkeypatch), []
    with WindowSink("title", lambda: quits.append(1)) as sink:
        for number in range(5):  # the last three were under way
            sink(Frame(number, np.zeros((2, 2, 3), np.uint8), number))
        assert (windows.shown, windows.open, len(quits)) == (2, set(), 1)


@pytest.mark.parametrize(("told", "rate"), [(0.0, 30), (-1.0, 30), (float("nan"), 30), (float("inf"), 30), (59.94, 59.94)])
def test_a_camera_whose_driver_does_not_know_its_rate(monkeypatch: pytest.MonkeyPatch, told: float, rate: float) -> None:
    class Capture:
        def __init__(self, _index: int) -> None: ...
        def isOpened(self) -> bool:
            return True

        def set(self, *_: object) -> bool:
            return True

        def get(self, _property: int) -> float:
            return told

        def read(self) -> tuple[bool, Image]:
            return True, np.zeros((4, 6, 3), np.uint8)

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    camera = CameraSource(0)
    assert float(camera.rate) == pytest.approx(rate, rel=1e-4)
    assert camera.size == (6, 4)
