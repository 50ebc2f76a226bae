"""The demo's page: everything it links to is there, and the right half differs from the left only where the man is."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from iph_rt.cli.main import main
from iph_rt.stream.video_file import VideoFileSource


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src", "poster") and value]


@pytest.fixture(scope="module")
def demo(assets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with the clip played once forwards and backwards."""
    from iph_rt.cli.demo import render

    folder = tmp_path_factory.mktemp("demo") / "out"
    patch = pytest.MonkeyPatch()
    patch.setattr(render, "ROUNDS", 1)
    try:
        assert main(["demo", "--out", str(folder), "--segmenter", "onnx"]) == 0
    finally:
        patch.undo()
    return folder


def test_every_link_is_relative_and_there(demo: Path) -> None:
    page = (demo / "index.html").read_text(encoding="utf-8")
    parser = Links()
    parser.feed(page)
    assert len(parser.links) > 15
    for link in parser.links:
        assert "/" not in link
        assert (demo / link).stat().st_size > 500, link
    assert "http" not in page.replace("http-equiv", "")
    assert "$" not in page
    assert [path.name for path in demo.glob(".*")] == []


def test_the_videos_show_both(demo: Path) -> None:
    single, double = (list(VideoFileSource(demo / name)) for name in ("harmonized.mp4", "side_by_side.mp4"))
    assert len(single) == len(double) == 142
    height, width = single[0].image.shape[:2]
    assert double[0].image.shape == (height, 2 * width, 3)
    right = double[70].image[:, width + 2 :]
    assert cv2.PSNR(right[80:], single[70].image[80:, 2:]) > 34


def test_only_the_man_changes(demo: Path) -> None:
    direct, harmonized, matte = (cv2.imread(str(demo / f"{name}_036.png")) for name in ("direct", "harmonized", "matte"))
    changed = np.abs(direct.astype(int) - harmonized).max(axis=-1)
    inside = matte[..., 0] > 250
    assert changed[matte[..., 0] == 0].max() == 0
    assert 0.05 < inside.mean() < 0.3
    assert np.median(changed[inside]) >= 2


def test_the_colour_change_does_not_pump(demo: Path) -> None:
    """Between neighbouring frames the man's mean colour moves as little as in the clip itself."""
    frames = [frame.image for frame in VideoFileSource(demo / "side_by_side.mp4")]
    width = frames[0].shape[1] // 2
    man = cv2.imread(str(demo / "matte_036.png"))[..., 0] > 250
    change = [
        frame[:, width:][man].astype(np.float64).mean(axis=0) - frame[:, :width][man].astype(np.float64).mean(axis=0)
        for frame in frames[10:]
    ]
    steps = np.abs(np.diff(np.array(change), axis=0))
    assert steps.max() < 0.8  # levels of 255, from one frame to the next
