"""Windows where there is no display, several sinks at once, live playing of a file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from iph_rt.errors import SinkError
from iph_rt.stream.frame import Frame
from iph_rt.stream.images import encode_image, read_image, write_image
from iph_rt.stream.sinks import WindowSink, tee
from iph_rt.stream.sources import SyntheticSource
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
