"""A user's mistake: exit code 2, one line that says what to do, no traceback, no file left."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
Refuses = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no command given"),
        (["dance"], "unknown command 'dance'; expected one of demo, live, video"),
        (["video"], "the following arguments are required: IN, -o/--output"),
        (["video", "a.mp4", "-o", "b.mp4", "--reference-point", "12"], "'12': expected 2 numbers with commas"),
        (["video", "a.mp4", "-o", "b.mp4", "--reference-box", "1,2,3,x"], "expected 4 numbers with commas"),
        (["image", "a.jpg", "-o", "b.jpg", "--placement", "left"], "'left': expected bottom, cover, fit or X,Y,SCALE"),
        (["image", "a.jpg", "-o", "b.jpg", "--segmenter", "magic"], "invalid choice: 'magic'"),
        (["live", "--seconds", "-1", "--no-window"], "--seconds -1.0: expected a number above 0"),
        (["fetch", "everything"], "no asset is called 'everything'; expected one of selfie_landscape"),
        (["live", "synthetic"], "no preview window: there is no display"),
    ],
)
def test_arguments(refuses: Refuses, arguments: list[str], expected: str) -> None:
    assert expected in refuses(*arguments)


def test_missing_files(refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    out, photo = tmp_path / "out.mp4", assets["group_photo"]
    line = refuses("video", tmp_path / "none.mp4", "--background", photo, "-o", out)
    assert "cannot read the video" in line
    assert "there is no such file" in line
    line = refuses("video", short_clip, "--background", tmp_path / "none.jpg", "-o", out)
    assert "cannot read the picture" in line
    assert "nothing to harmonize to" in refuses("video", short_clip, "-o", out)
    assert list(tmp_path.iterdir()) == []


def test_truncated_video(refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    data = short_clip.read_bytes()
    broken.write_bytes(data[: len(data) - 600])
    line = refuses("video", broken, "--background", assets["group_photo"], "-o", tmp_path / "out.mp4", "--quiet")
    assert "frames were read" in line
    assert list(tmp_path.iterdir()) == [broken]


def test_output_folders_that_take_no_file(refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    photo = assets["group_photo"]
    assert "is a file, not a folder" in refuses("video", short_clip, "--background", photo, "-o", file / "a.mp4")
    assert "does not exist" in refuses("image", photo, "--background", photo, "-o", tmp_path / "no" / "a.png")
    assert "it is a folder" in refuses("image", photo, "--background", photo, "-o", tmp_path)
    assert "cannot create the folder" in refuses("demo", "--out", file / "demo")
    if sys.platform.startswith("linux"):  # read-only for root too
        assert "cannot write '/proc/a.mp4'" in refuses("video", short_clip, "--background", photo, "-o", "/proc/a.mp4")


def test_a_camera_that_does_not_exist(refuses: Refuses, assets: dict[str, Path]) -> None:
    line = refuses("live", "63", "--background", assets["group_photo"], "--no-window")
    assert "camera 63 cannot be opened" in line


def test_references_that_select_nothing(refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    photo, out = assets["group_photo"], tmp_path / "out.mp4"
    common = ("video", short_clip, "--background", photo, "-o", out, "--segmenter", "onnx")
    assert "5000" in refuses(*common, "--reference-point", "5000,10")
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.zeros((667, 1000), np.uint8))
    assert "mask" in refuses(*common, "--reference-mask", empty)
    cv2.imwrite(str(empty), np.full((10, 10), 255, np.uint8))
    assert "667" in refuses(*common, "--reference-mask", empty)
    assert not out.exists()


def test_assets_that_are_missing_or_damaged(refuses: Refuses, assets: dict[str, Path], tmp_path: Path) -> None:
    empty, damaged = tmp_path / "empty", tmp_path / "damaged"
    assert "iph-rt fetch" in refuses("demo", "--out", tmp_path / "demo", env={"IPH_RT_ASSETS": str(empty)})
    shutil.copytree(next(iter(assets.values())).parent, damaged)
    for model in damaged.glob("selfie*.tflite"):
        data = bytearray(model.read_bytes())
        data[1000] ^= 1
        model.write_bytes(data)
    line = refuses(
        "image", assets["group_photo"], "--background", assets["group_photo"], "-o", tmp_path / "o.png",
        "--reference-point", "585,380", "--segmenter", "onnx", env={"IPH_RT_ASSETS": str(damaged)},
    )  # fmt: skip
    assert "damaged or another file" in line
    assert not (tmp_path / "o.png").exists()


@pytest.fixture(scope="module")
def damaged_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package in which one bit of the harmonizer's file is another."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(REPOSITORY / "iph_rt", folder / "iph_rt", ignore=shutil.ignore_patterns("__pycache__"))
    model = folder / "iph_rt" / "weights" / "iph-edge" / "harmonizer.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    return folder


def test_a_model_file_with_another_hash(refuses: Refuses, assets: dict[str, Path], damaged_package: Path, tmp_path: Path) -> None:
    photo = assets["group_photo"]
    line = refuses(
        "image", photo, "--background", photo, "-o", tmp_path / "o.png",
        env={"PYTHONPATH": str(damaged_package)}, cwd=damaged_package,
    )  # fmt: skip
    assert "harmonizer.onnx" in line
    assert "SHA-256" in line


def test_a_folder_with_a_corrupt_model(refuses: Refuses, assets: dict[str, Path], tmp_path: Path) -> None:
    photo = assets["group_photo"]
    for name in ("style_encoder.onnx", "harmonizer.onnx"):
        (tmp_path / name).write_bytes(b"no model")
    line = refuses("image", photo, "--background", photo, "-o", tmp_path / "o.png", "--model", tmp_path)
    assert ".onnx" in line
    assert "nowhere" in refuses("image", photo, "--background", photo, "-o", tmp_path / "o.png", "--model", "nowhere")


def test_fetch_without_network(refuses: Refuses, tmp_path: Path) -> None:
    offline = {
        "IPH_RT_ASSETS": str(tmp_path / "assets"), "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0",
        "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null",
    }  # fmt: skip
    line = refuses("fetch", "face_short", "--json", env=offline)
    assert "cannot download mediapipe==0.10.21" in line
    assert "check the network" in line
    assert list((tmp_path / "assets").iterdir()) == []


def test_an_input_is_not_overwritten(refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    clip, photo = tmp_path / "me.mp4", tmp_path / "party.jpg"
    shutil.copy(short_clip, clip)
    shutil.copy(assets["group_photo"], photo)
    before = {path: path.read_bytes() for path in (clip, photo)}
    assert "would be overwritten" in refuses("video", clip, "--background", photo, "-o", f"{tmp_path}/./me.mp4")
    assert "would be overwritten" in refuses("image", assets["group_photo"], "--background", photo, "-o", photo)
    assert "would be overwritten" in refuses("live", clip, "--background", photo, "--record", clip, "--no-window")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_look_that_cannot_be_saved_is_refused_before_the_work(
    refuses: Refuses, assets: dict[str, Path], short_clip: Path, tmp_path: Path
) -> None:
    common = ("video", short_clip, "--background", assets["group_photo"], "-o", tmp_path / "out.mp4", "--save-look")
    assert "ends in .json or .cube" in refuses(*common, tmp_path / "look.txt")
    assert "does not exist" in refuses(*common, tmp_path / "none" / "look.json")
    assert list(tmp_path.iterdir()) == []
