"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from iph_rt.stream.sources import SyntheticSource
from iph_rt.stream.video_file import VideoFileSink, VideoFileSource

REPOSITORY = Path(__file__).resolve().parent.parent


def run(name: str, *args: object, cwd: Path) -> str:
    result = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / name), *map(str, args)],
        capture_output=True, text=True, cwd=cwd, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    with VideoFileSink(tmp_path / "clip.mp4", 30) as sink:
        for frame in SyntheticSource((320, 180), count=4):
            sink(frame)
    return tmp_path / "clip.mp4"


def test_process_camera(assets: dict[str, Path], tmp_path: Path) -> None:
    printed = run("process_camera.py", "synthetic", assets["group_photo"], 585, 380, 15, cwd=tmp_path)
    assert "total" in printed
    assert cv2.imread(str(tmp_path / "process_camera.png")).shape == (667, 1000, 3)


def test_harmonize_photo(assets: dict[str, Path], clip: Path, tmp_path: Path) -> None:
    person = tmp_path / "person.png"
    cv2.imwrite(str(person), next(iter(VideoFileSource(clip))).image)
    run("harmonize_photo.py", person, assets["group_photo"], 585, 380, tmp_path / "out.png", cwd=tmp_path)
    assert cv2.imread(str(tmp_path / "out.png")).shape == (667, 1000, 3)


def test_harmonize_video(assets: dict[str, Path], clip: Path, tmp_path: Path) -> None:
    printed = run("harmonize_video.py", clip, assets["group_photo"], 585, 380, tmp_path / "out.mp4", cwd=tmp_path)
    assert "frames=4" in printed
    assert len(list(VideoFileSource(tmp_path / "out.mp4"))) == 4
