"""The whole matte: with a made-up segmenter for what must hold of any, on the real clip for what must hold of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from iph_rt.errors import ClosedError, ConfigError, FrameFormatError, MaskError
from iph_rt.matte.matte import Matte
from iph_rt.matte.refine import Edge

Array = NDArray[Any]


class DarkIsPerson:
    """Takes dark cells for a person, as a segmenter would."""

    name, reason, input_size = "dark", "a test", (64, 36)

    def __init__(self) -> None:
        self.closed = False

    def segment(self, frame: Array, color: str, timestamp_ns: int) -> Array:
        assert frame.shape == (36, 64, 3)
        return np.where(frame.max(-1) < 100, 0.97, 0.03).astype(np.float32)

    def close(self) -> None:
        self.closed = True


def picture(height: int = 180, width: int = 320, x: float = 0.5) -> Array:
    rng = np.random.default_rng(2)
    frame = rng.integers(180, 220, (height, width, 3), np.uint8)
    axes = (width // 6, height // 3)
    cv2.ellipse(frame, (int(width * x), height // 2), axes, 0.0, 0.0, 360.0, (30, 40, 60), -1)
    return frame


def truth(frame: Array) -> Array:
    return np.asarray(frame.max(-1) < 100)


@pytest.fixture
def matte() -> Matte:
    return Matte(DarkIsPerson())


def test_finds_the_shape_at_full_resolution(matte: Matte) -> None:
    frame = picture(720, 1280)
    alpha = matte.alpha(frame, timestamp_ns=0)
    assert alpha.shape == (720, 1280)
    assert alpha.dtype == np.uint8
    assert ((alpha > 127) != truth(frame)).mean() < 0.002
    far = cv2.distanceTransform(truth(frame).astype(np.uint8), cv2.DIST_L2, 5) > 100
    assert (alpha[far] == 255).all()
    assert (alpha[:, :200] == 0).all()


def test_buffer_is_kept_and_made_again_for_another_size(matte: Matte) -> None:
    first = matte.alpha(picture(), timestamp_ns=0)
    assert matte.alpha(picture(), timestamp_ns=1) is first
    other = matte.alpha(picture(90, 170), timestamp_ns=2)
    assert other.shape == (90, 170)
    assert np.array_equal(other, Matte(DarkIsPerson(), smoothing=0.0).alpha(picture(90, 170), timestamp_ns=0))


def test_any_layout_of_the_frame(matte: Matte) -> None:
    frame = picture()
    expected = matte.alpha(frame, timestamp_ns=0).copy()
    padded = np.zeros((200, 400, 3), np.uint8)
    padded[7:187, 9:329] = frame
    reversed_channels = np.ascontiguousarray(frame[..., ::-1])[..., ::-1]
    planar = np.ascontiguousarray(frame.transpose(2, 0, 1)).transpose(1, 2, 0)
    flipped = np.ascontiguousarray(frame[::-1, ::-1])[::-1, ::-1]
    for view in (padded[7:187, 9:329], reversed_channels, planar, flipped):
        matte.reset()
        assert np.array_equal(matte.alpha(view, timestamp_ns=0), expected)


def test_two_runs_are_equal_bit_for_bit() -> None:
    frames = [picture(x=0.4 + 0.01 * i) for i in range(6)]
    runs = []
    for _ in range(2):
        matte = Matte(DarkIsPerson())
        runs.append(np.stack([matte.alpha(f, timestamp_ns=i * 33_000_000).copy() for i, f in enumerate(frames)]))
    assert np.array_equal(runs[0], runs[1])


def test_follows_motion_without_a_trail(matte: Matte) -> None:
    for i in range(8):
        frame = picture(360, 640, x=0.3 + 0.04 * i)
        alpha = matte.alpha(frame, timestamp_ns=i * 33_000_000)
        assert ((alpha > 127) != truth(frame)).mean() < 0.006


def test_callers_confidence_replaces_the_segmenter(matte: Matte) -> None:
    frame = picture()
    given = truth(frame).astype(np.float64)
    alpha = matte.alpha(frame, timestamp_ns=0, confidence=given)
    assert ((alpha > 127) != truth(frame)).mean() < 0.003
    large = truth(picture(1440, 2560)).astype(np.float32)
    assert ((matte.alpha(frame, timestamp_ns=0, confidence=large) > 127) != truth(frame)).mean() < 0.01


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (1.0, 255)])
def test_nobody_and_nothing_but_somebody(matte: Matte, value: float, expected: int) -> None:
    frame = picture()
    assert (matte.alpha(frame, timestamp_ns=0, confidence=np.full((9, 16), value)) == expected).all()


def test_one_pixel(matte: Matte) -> None:
    assert matte.alpha(np.zeros((1, 1, 3), np.uint8), timestamp_ns=0) == 255


def test_choke_moves_the_edge_inwards(matte: Matte) -> None:
    frame = np.asarray(cv2.GaussianBlur(picture(), (0, 0), 4.0))
    areas = []
    for choke in (-0.5, 0.0, 0.5):
        matte.edge = Edge(choke, 0.4)
        areas.append(int(matte.alpha(frame, timestamp_ns=0).astype(int).sum()))
    assert areas[0] > areas[1] > areas[2]
    with pytest.raises(ConfigError, match="expected"):
        matte.edge = 0.5  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "got NoneType"),
        (np.zeros((4, 5), np.uint8), r"got shape \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), r"got shape \(4, 5, 4\)"),
        (np.zeros((0, 5, 3), np.uint8), r"got shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 3), np.float32), "got float32"),
    ],
)
def test_wrong_frames(matte: Matte, frame: Any, message: str) -> None:
    with pytest.raises(FrameFormatError, match=message):
        matte.alpha(frame, timestamp_ns=0)


def test_wrong_confidence_color_and_settings(matte: Matte) -> None:
    with pytest.raises(MaskError, match="NaN"):
        matte.alpha(picture(), timestamp_ns=0, confidence=np.full((9, 16), np.nan))
    with pytest.raises(ConfigError, match="color"):
        matte.alpha(picture(), color="hsv", timestamp_ns=0)
    for setting in ({"choke": 2.0}, {"feather": 0.0}, {"smoothing": -1.0}, {"threads": -1}):
        with pytest.raises(ConfigError, match=next(iter(setting))):
            Matte(DarkIsPerson(), **setting)  # type: ignore[arg-type]


def test_close_leaves_the_callers_segmenter_open() -> None:
    segmenter = DarkIsPerson()
    with Matte(segmenter) as matte:
        matte.alpha(picture(), timestamp_ns=0)
    with pytest.raises(ClosedError, match="closed"):
        matte.alpha(picture(), timestamp_ns=1)
    assert not segmenter.closed


@pytest.fixture(scope="module")
def clip(assets: dict[str, Path]) -> list[Array]:
    video = cv2.VideoCapture(str(assets["webcam_clip"]))
    return [np.asarray(video.read()[1]) for _ in range(12)]


def test_real_person(assets: dict[str, Path], clip: list[Array]) -> None:
    """What a look at the clip says: face and shirt are all person, the door's far sides are none of it, the edge is thin."""
    with Matte("onnx") as matte:
        alphas = np.stack([matte.alpha(f, timestamp_ns=i * 33_333_333).copy() for i, f in enumerate(clip)])
    assert (alphas[:, 120:240, 250:340] == 255).all()  # face
    assert (alphas[:, 320:360, 180:400] == 255).all()  # shirt
    assert (alphas[:, :280, :40] == 0).all()
    assert (alphas[:, :, 520:] == 0).all()
    assert (alphas[:, :25, :] == 0).all()
    assert ((alphas > 0) & (alphas < 255)).mean() < 0.04
