"""What the commands do when all is well, and when they are interrupted."""

from __future__ import annotations

import importlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from iph_rt.cli.main import COMMANDS
from iph_rt.stream.sources import SyntheticSource
from iph_rt.stream.video_file import VideoFileSink, VideoFileSource

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_help_has_an_example_that_parses(row: Any) -> None:
    from iph_rt.cli.main import build_command_parser

    name = row.name
    module = importlib.import_module(row.module)
    parser = build_command_parser(row)
    text = parser.format_help()
    assert module.EXAMPLE.strip() in text
    words = re.split(r"\s{2,}", module.EXAMPLE.strip())[0].split()  # after two spaces, a remark

    assert words[:2] == ["iph-rt", name]
    parser.parse_args(words[2:])


def test_help_and_version_of_the_whole(iph_rt: Run) -> None:
    listing = iph_rt("--help")
    assert listing.returncode == 0
    assert all(f"  {row.name}" in listing.stdout for row in COMMANDS)
    assert iph_rt("--version").stdout == "iph-rt 0.1.0\n"


def test_importing_the_command_is_light(shell: Any) -> None:
    """The table of commands loads none of them: no OpenCV, no networks, no PyAV."""
    code = "import sys, iph_rt.cli.main; print([m for m in ('cv2', 'onnxruntime', 'av', 'torch') if m in sys.modules])"
    result = subprocess.run([shell.command()[0], "-c", code], capture_output=True, text=True, env=shell.environment, check=True)
    assert result.stdout == "[]\n"


def test_a_closed_pipe_is_no_error(shell: Any) -> None:
    pipe = f"{' '.join(shell.command('fetch', '--list'))} | head -1; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, env=shell.environment, check=True)
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "0"


def test_video_twice_gives_the_same_bytes(iph_rt: Run, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    common = ("--background", assets["group_photo"], "--reference-point", "585,380", "--backend", "onnxruntime", "--quiet")
    for name in ("a.mp4", "b.mp4"):
        result = iph_rt("video", short_clip, *common, "--segmenter", "onnx", "-o", tmp_path / name)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    frames = list(VideoFileSource(tmp_path / "a.mp4"))
    assert [frame.image.shape for frame in frames] == [(666, 1000, 3)] * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_strength_zero_is_the_direct_composite(iph_rt: Run, assets: dict[str, Path], short_clip: Path, tmp_path: Path) -> None:
    """With --strength 0 both halves of --side-by-side show the same colours; with the default they do not."""
    common = ("--background", assets["group_photo"], "--reference-point", "585,380", "--segmenter", "onnx", "--quiet")
    difference = {}
    for strength in ("0", "1"):
        out = tmp_path / f"{strength}.mp4"
        result = iph_rt("video", short_clip, *common, "--side-by-side", "--strength", strength, "--quality", "1", "-o", out)
        assert result.returncode == 0, result.stderr
        image = list(VideoFileSource(out))[-1].image.astype(int)
        assert image.shape == (666, 2000, 3)
        left, right = image[150:, 10:990], image[150:, 1010:1990]
        difference[strength] = np.abs(left - right).mean()
    assert difference["0"] < 0.6
    assert difference["1"] > difference["0"] + 0.3


def test_image_keeps_the_background_where_nobody_stands(iph_rt: Run, assets: dict[str, Path], tmp_path: Path) -> None:
    person = tmp_path / "person.png"
    cv2.imwrite(str(person), next(iter(VideoFileSource(assets["webcam_clip"]))).image)
    out, look = tmp_path / "out.png", assets["group_photo"]
    result = iph_rt("image", person, "--background", look, "--reference-point", "585,380", "-o", out)
    assert result.returncode == 0, result.stderr
    assert "reference: " in result.stderr
    photo, image = cv2.imread(str(look)), cv2.imread(str(out))
    assert image.shape == photo.shape
    assert np.array_equal(image[:60], photo[:60])  # above his head
    assert np.abs(image[400:, 300:700].astype(int) - photo[400:, 300:700]).mean() > 10  # he is there


def test_an_interrupted_video_leaves_no_file(shell: Any, assets: dict[str, Path], tmp_path: Path) -> None:
    long, out = tmp_path / "long.mp4", tmp_path / "out.mp4"
    with VideoFileSink(long, 30, quality=30) as sink:
        for frame in SyntheticSource((160, 90), count=3000):
            sink(frame)
    process = subprocess.Popen(
        shell.command("video", long, "--background", assets["group_photo"], "-o", out, "--segmenter", "onnx"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.environment,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.glob(".out.*.part.mp4")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.decode().splitlines()[-1].endswith("iph-rt video: interrupted")
    assert b"Traceback" not in stderr
    assert list(tmp_path.iterdir()) == [long]


def test_live_records_a_synthetic_person(iph_rt: Run, assets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "live.mp4"
    result = iph_rt(
        "live", "synthetic", "--background", assets["group_photo"], "--reference-point", "585,380",
        "--record", out, "--seconds", "2", "--json", "--segmenter", "onnx",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "no preview window" in result.stderr
    report = json.loads(result.stdout)
    frames = list(VideoFileSource(out))
    assert len(frames) == report["frames"] > 1
    assert frames[0].timestamp_ns == 0


def test_live_that_is_interrupted_keeps_its_recording(shell: Any, assets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "live.mp4"
    process = subprocess.Popen(
        shell.command("live", "synthetic", "--background", assets["group_photo"], "--reference-point", "585,380",
                      "--record", out, "--no-window", "--json", "--segmenter", "onnx"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.environment,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.glob(".live.*.part.mp4")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert len(list(VideoFileSource(out))) == json.loads(stdout)["frames"] > 0
    assert list(tmp_path.iterdir()) == [out]


def test_doctor_finds_all_well(iph_rt: Run, assets: dict[str, Path]) -> None:
    result = iph_rt("doctor", "--json")
    report = json.loads(result.stdout)
    wrong = [check for check in report["checks"] if check["state"] == "missing"]
    assert (result.returncode, report["healthy"], wrong) == (0, True, [])
    assert {check["group"] for check in report["checks"]} >= {
        "packages", "opencv", "native", "model", "assets", "libraries", "segmenters", "reference", "backends", "video",
        "devices",
    }  # fmt: skip


@pytest.fixture
def broken_packages(tmp_path: Path) -> str:
    """A PYTHONPATH on which PyAV and MediaPipe cannot load their libraries."""
    for package, library in (("av", "libavcodec.so.60"), ("mediapipe", "libEGL.so.1")):
        (tmp_path / package).mkdir()
        text = f"raise ImportError('{library}: cannot open shared object file: No such file or directory')"
        (tmp_path / package / "__init__.py").write_text(text)
    return f"{tmp_path}:{Path(__file__).resolve().parents[2]}"


def test_doctor_survives_what_it_finds(iph_rt: Run, assets: dict[str, Path], broken_packages: str) -> None:
    result = iph_rt("doctor", "--json", env={"PYTHONPATH": broken_packages})
    assert result.returncode == 1
    checks = {(check["group"], check["name"]): check for check in json.loads(result.stdout)["checks"]}
    assert checks["packages", "av"]["state"] == "missing"
    assert "libavcodec.so.60" in checks["packages", "av"]["detail"]
    assert checks["segmenters", "mediapipe"]["state"] == "optional"
    assert "libegl1" in checks["segmenters", "mediapipe"]["cure"]
    assert checks["segmenters", "onnx"]["state"] == "ok"


def test_a_package_that_cannot_load_sends_to_the_doctor(
    iph_rt: Run, assets: dict[str, Path], short_clip: Path, tmp_path: Path, broken_packages: str
) -> None:
    arguments = ("video", short_clip, "--background", assets["group_photo"], "-o", tmp_path / "o.mp4")
    result = iph_rt(*arguments, env={"PYTHONPATH": broken_packages})
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "libavcodec.so.60" in result.stderr
    assert "iph-rt doctor" in result.stderr


def test_doctor_names_the_cure_for_missing_models(iph_rt: Run, tmp_path: Path) -> None:
    result = iph_rt("doctor", "--json", env={"IPH_RT_ASSETS": str(tmp_path / "empty")})
    assert result.returncode == 1
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["selfie_landscape"]["state"] == "missing"
    assert checks["selfie_landscape"]["cure"] == "iph-rt fetch selfie_landscape"
