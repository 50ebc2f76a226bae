"""Both segmenters on a real clip: the same mask as MediaPipe gives at full resolution; what they say when they cannot run."""

from __future__ import annotations

import builtins
import importlib.metadata
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from iph_rt.errors import BackendUnavailableError, ClosedError, ConfigError, ModelFileError
from iph_rt.matte import mediapipe_segmenter, onnx_segmenter, tflite_to_onnx
from iph_rt.matte.mediapipe_segmenter import MediaPipeSegmenter
from iph_rt.matte.onnx_segmenter import OnnxSegmenter
from iph_rt.matte.quiet import without_noise
from iph_rt.matte.segmenter import Segmenter, open_segmenter

Frame = NDArray[np.uint8]
FRAME_NS = 33_333_333


def mediapipe_problem() -> str | None:
    """Why MediaPipe cannot run here, or None."""
    try:
        import mediapipe.tasks.python.vision  # noqa: F401
    except (ImportError, OSError) as error:
        return f"mediapipe does not load: {error}"
    return None


needs_mediapipe = pytest.mark.skipif(mediapipe_problem() is not None, reason=str(mediapipe_problem()))


@pytest.fixture(scope="module")
def clip(assets: dict[str, Path]) -> list[Frame]:
    """Every 12th frame of the webcam clip, 640x360 BGR."""
    video = cv2.VideoCapture(str(assets["webcam_clip"]))
    frames = []
    while True:
        more, frame = video.read()
        if not more:
            break
        frames.append(np.asarray(frame, np.uint8))
    assert len(frames) == 72
    return frames[::12]


def masks(segmenter: Segmenter, frames: list[Frame], color: str = "bgr") -> NDArray[np.float32]:
    return np.stack([segmenter.segment(f, color, i * FRAME_NS).copy() for i, f in enumerate(frames)])


def intersection_over_union(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())


@needs_mediapipe
@pytest.mark.parametrize("model", ["landscape", "square"])
@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1920, 1080), (641, 479)])
def test_both_give_the_same_mask(clip: list[Frame], model: str, size: tuple[int, int]) -> None:
    frames = [np.asarray(cv2.resize(f, size, interpolation=cv2.INTER_CUBIC), np.uint8) for f in clip]
    ours, theirs = OnnxSegmenter(model), MediaPipeSegmenter(model)
    a, b = masks(ours, frames), masks(theirs, frames)
    ours.close()
    theirs.close()
    assert a.shape[1:] == ((144, 256) if model == "landscape" else (256, 256))
    assert np.abs(a - b).mean() <= 1e-4
    assert np.abs(a - b).max() <= 0.01
    assert intersection_over_union(a, b) >= 0.999
    assert 0.1 < (a > 0.5).mean() < 0.6  # a person, not nothing and not everything


@needs_mediapipe
def test_sampling_first_changes_nothing(clip: list[Frame], assets: dict[str, Path]) -> None:
    """MediaPipe on the whole frame, mask at full resolution, against the small mask that the segmenter gives."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=str(assets["selfie_landscape"])),
        running_mode=vision.RunningMode.IMAGE, output_confidence_masks=True, output_category_mask=False,
    )  # fmt: skip
    small = MediaPipeSegmenter()
    with vision.ImageSegmenter.create_from_options(options) as reference:
        for i, frame in enumerate(clip[:3]):
            rgb = np.ascontiguousarray(frame[..., ::-1])
            result = reference.segment(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb))
            whole = result.confidence_masks[0].numpy_view().reshape(360, 640).copy()
            up = cv2.resize(small.segment(frame, "bgr", i * FRAME_NS), (640, 360), interpolation=cv2.INTER_LINEAR)
            assert np.abs(up - whole).mean() <= 1e-3
            assert intersection_over_union(up, whole) >= 0.999
    small.close()


NAMES = [pytest.param("mediapipe", marks=needs_mediapipe), "onnx"]


@pytest.mark.parametrize("name", NAMES)
def test_channel_order_determinism_and_close(clip: list[Frame], name: str) -> None:
    segmenter = open_segmenter(name)
    bgr = masks(segmenter, clip[:2])
    rgb = masks(segmenter, [np.ascontiguousarray(f[..., ::-1]) for f in clip[:2]], "rgb")
    assert np.array_equal(bgr, rgb)
    again = open_segmenter(name)
    assert np.array_equal(bgr, masks(again, clip[:2]))
    again.close()
    again.close()
    with pytest.raises(ClosedError, match=name):
        again.segment(clip[0], "bgr", 0)
    segmenter.close()


@pytest.mark.parametrize("name", NAMES)
def test_any_time_is_accepted(clip: list[Frame], name: str) -> None:
    segmenter = open_segmenter(name)
    expected = segmenter.segment(clip[0], "bgr", 5_000_000_000).copy()
    for timestamp in (5_000_000_000, 5_000_000_001, 5_000_000_000, 0, -7, 4_000_000_000, 2**62):
        assert np.array_equal(segmenter.segment(clip[0], "bgr", timestamp), expected)
    segmenter.close()


def test_conversion_is_deterministic_and_known(assets: dict[str, Path]) -> None:
    source = assets["selfie_landscape"].read_bytes()
    first = tflite_to_onnx.convert(source)
    assert first == tflite_to_onnx.convert(source)
    model = onnx.load_from_string(first)
    assert len(model.graph.node) == 147
    assert {p.key: p.value for p in model.metadata_props}["source_sha256"] == tflite_to_onnx.source_digest(source)
    assert model.opset_import[0].version == 17


def test_conversion_refuses_other_files() -> None:
    with pytest.raises(ModelFileError, match="not a TensorFlow Lite model"):
        tflite_to_onnx.convert(b"PK\x03\x04 this is a zip file")


@pytest.fixture
def own_folder(assets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assets folder of this test's own, with the landscape model alone."""
    shutil.copy(assets["selfie_landscape"], tmp_path)
    monkeypatch.setenv("IPH_RT_ASSETS", str(tmp_path))
    return tmp_path


def test_converted_file_is_kept_and_made_again_when_damaged(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    OnnxSegmenter().close()
    cached = own_folder / "selfie_segmentation_landscape.onnx"
    good = cached.read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(tflite_to_onnx, "convert", lambda data: pytest.fail("converted again without need"))
        OnnxSegmenter().close()

    for damaged in (b"", good[:1000], tflite_to_onnx.convert(good_source(own_folder)).replace(b"a77d", b"b77d")):
        cached.write_bytes(damaged)
        OnnxSegmenter().close()
        assert cached.read_bytes() == good


def good_source(folder: Path) -> bytes:
    return (folder / "selfie_segmentation_landscape.tflite").read_bytes()


def test_a_read_only_folder_does_no_harm(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from iph_rt.errors import SinkError

    def refuse(path: Path, data: bytes) -> None:
        raise SinkError(f"cannot write '{path}'")

    monkeypatch.setattr(onnx_segmenter, "write_bytes", refuse)
    OnnxSegmenter().close()
    assert not (own_folder / "selfie_segmentation_landscape.onnx").exists()


@pytest.mark.parametrize("name", NAMES)
def test_missing_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("IPH_RT_ASSETS", str(tmp_path))
    with pytest.raises(BackendUnavailableError, match="iph-rt fetch"):
        open_segmenter(name)


def hide(monkeypatch: pytest.MonkeyPatch, hidden: str, message: str) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == hidden:
            raise ImportError(message, name=hidden)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)


@needs_mediapipe
@pytest.mark.parametrize(
    ("message", "cure"),
    [
        ("libEGL.so.1: cannot open shared object file", "apt-get install libegl1"),
        ("libGLESv2.so.2: cannot open shared object file", "apt-get install libgles2"),
        ("libGL.so.1: cannot open shared object file", "apt-get install libgl1"),
        ("libodd.so.4: cannot open shared object file", "libodd.so.4"),
        ("No module named 'mediapipe.tasks'", r"pip install 'iph-rt\[mediapipe\]'"),
    ],
)
def test_mediapipe_names_the_missing_library(
    assets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, message: str, cure: str
) -> None:
    hide(monkeypatch, "mediapipe", message)
    with pytest.raises(BackendUnavailableError, match=cure):
        open_segmenter("mediapipe")


@pytest.mark.parametrize("version", [None, "1.0.2"])
def test_auto_takes_onnx_and_says_why(assets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def installed(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(mediapipe_segmenter.importlib.metadata, "version", installed)
    segmenter = open_segmenter("auto")
    assert segmenter.name == "onnx"
    assert ("not installed" if version is None else "usage metrics") in segmenter.reason
    segmenter.close()
    with pytest.raises(BackendUnavailableError, match="pip install"):
        open_segmenter("mediapipe")


def test_converter_names_the_missing_package(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "tflite", "No module named 'tflite'")
    with pytest.raises(BackendUnavailableError, match="pip install tflite onnx"):
        open_segmenter("onnx")


@pytest.mark.parametrize("arguments", [{"name": "sam"}, {"name": "onnx", "model": "round"}])
def test_unknown_names(arguments: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="expected one of"):
        open_segmenter(**arguments)  # type: ignore[arg-type]


@needs_mediapipe
def test_mediapipe_opens_quietly(assets: dict[str, Path], clip: list[Frame], capfd: pytest.CaptureFixture[str]) -> None:
    segmenter = open_segmenter("mediapipe")
    segmenter.segment(clip[0], "bgr", 0)
    segmenter.close()
    assert capfd.readouterr().err == ""


def test_quiet_keeps_errors(capfd: pytest.CaptureFixture[str]) -> None:
    def fail_noisily() -> None:
        with without_noise(("chatter",)):
            os.write(2, b"I0000 some chatter here\nE0000 a real error\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_noisily()
    assert capfd.readouterr().err == "E0000 a real error\n"


def test_two_threads_may_be_quiet_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    """The first to start ends first: stderr must be what it was before."""
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with without_noise(("chatter",)):
            inside.set()
            assert leave.wait(10)

    thread = threading.Thread(target=second)
    with without_noise(("chatter",)):
        thread.start()
        inside.wait(0.2)  # passes at once where the two overlap, which they must not
    leave.set()
    thread.join(10)
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"
