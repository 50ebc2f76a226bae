"""Faces and people in other pictures; the converted networks against MediaPipe and OpenCV running the originals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from iph_rt.errors import AssetMissingError
from iph_rt.reference import networks
from iph_rt.reference.select import Selector, select_region


def test_five_faces_where_the_hand_put_them(group: Selector, people_by_hand: dict[str, Any]) -> None:
    assert len(group.faces) == 5
    for person in people_by_hand.values():
        nearest = min(group.faces, key=lambda f: np.hypot(f.x - person.face[0], f.y - person.face[1]))
        assert np.hypot(nearest.x - person.face[0], nearest.y - person.face[1]) < 25
        assert 70 < nearest.size < 130
        assert nearest.up[1] < -0.9


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_no_face_where_there_is_none(name: str, assets: dict[str, Path]) -> None:
    assert Selector(getattr(data, name)(), color="rgb").faces == ()


def test_small_faces_are_found(group_photo: NDArray[np.uint8]) -> None:
    canvas = np.full((1000, 1500, 3), 90, np.uint8)
    canvas[300:634, 500:1000] = cv2.resize(group_photo, (500, 334), interpolation=cv2.INTER_AREA)
    assert len(Selector(canvas).faces) == 5  # about 50 of 1500 pixels each


def test_faces_as_mediapipe_finds_them(assets: dict[str, Path], webcam_frame: NDArray[np.uint8]) -> None:
    mediapipe = pytest.importorskip("mediapipe")
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    options = vision.FaceDetectorOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(assets["face_short"]))
    )
    rgb = np.ascontiguousarray(webcam_frame[..., ::-1])
    with vision.FaceDetector.create_from_options(options) as detector:
        found = detector.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)).detections
    assert len(found) == 1
    box = found[0].bounding_box
    (face,) = Selector(webcam_frame).faces
    assert np.hypot(face.x - box.origin_x - box.width / 2, face.y - box.origin_y - box.height / 2) < 0.1 * box.width
    assert face.size == pytest.approx(box.width, rel=0.15)


def test_converted_networks_match_opencv(assets: dict[str, Path], webcam_frame: NDArray[np.uint8]) -> None:
    """OpenCV reads the original TensorFlow Lite files with an importer of its own."""
    crop = cv2.resize(webcam_frame[:, 120:480], (256, 256), interpolation=cv2.INTER_AREA)
    for name, size, index in (("face_short", 128, 0), ("pose_landmark", 256, 0)):
        picture = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        tensor = cv2.dnn.blobFromImage(picture, 1 / 255, (size, size), swapRB=True)
        original = cv2.dnn.readNetFromTFLite(str(assets[name]))
        original.setInput(tensor)
        expected = original.forward()
        ours = networks.open_network(name).run(tensor)[index]
        assert np.abs(ours.ravel() - expected.ravel()).max() < 1e-3 * max(1.0, float(np.abs(expected).max()))


def test_webcam_man(webcam_frame: NDArray[np.uint8]) -> None:
    selector = Selector(webcam_frame)
    selection = selector.select()
    assert selection.kind == "person"
    for x, y in ((298, 214), (295, 80), (290, 340), (150, 345), (430, 345)):  # face, hair, chest, both shoulders
        assert selection.mask[y, x], (x, y)
    for x, y in ((110, 150), (450, 100), (450, 250), (20, 100), (600, 300)):  # door, wall, dark room
        assert not selection.mask[y, x], (x, y)
    assert np.array_equal(selection.mask, selector.select(point=(290, 340)).mask)
    assert selector.select(point=(450, 100)).kind == "region"


def test_astronaut(assets: dict[str, Path]) -> None:
    selection = select_region(data.astronaut(), color="rgb")
    assert selection.kind == "person"
    for x, y in ((224, 120), (220, 50), (120, 330), (220, 420)):  # face, hair, sleeve, chest
        assert selection.mask[y, x], (x, y)
    for x, y in ((30, 60), (330, 60), (440, 200)):  # flag, wall, shuttle
        assert not selection.mask[y, x], (x, y)


def test_missing_networks_name_the_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IPH_RT_ASSETS", str(tmp_path))
    networks._open.cache_clear()
    picture = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(AssetMissingError, match="iph-rt fetch"):
        select_region(picture, point=(5, 5))
    mask = np.ones((64, 64), np.bool_)
    assert select_region(picture, mask=mask).kind == "mask", "a mask needs no network"
    networks._open.cache_clear()


def test_read_only_assets_folder_still_works(
    assets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, webcam_frame: NDArray[np.uint8]
) -> None:
    from iph_rt.errors import SinkError

    def refuse(path: object, data: bytes) -> None:
        raise SinkError("cannot write")

    (tmp_path / assets["face_short"].name).write_bytes(assets["face_short"].read_bytes())
    monkeypatch.setenv("IPH_RT_ASSETS", str(tmp_path))
    monkeypatch.setattr(networks, "write_bytes", refuse)
    networks._open.cache_clear()
    assert len(Selector(webcam_frame).faces) == 1
    assert [p.suffix for p in tmp_path.iterdir()] == [".tflite"]
    networks._open.cache_clear()


@pytest.mark.parametrize("size", [(16, 16), (16, 1200), (900, 17)])
@pytest.mark.parametrize("fill", ["noise", "black", "white"])
def test_pictures_with_nothing_in_them(size: tuple[int, int], fill: str, assets: dict[str, Path]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    picture = {"noise": noise, "black": np.zeros_like(noise), "white": np.full_like(noise, 255)}[fill]
    selector = Selector(picture)
    right, bottom = size[1] - 0.01, size[0] - 0.01
    for choice in ({}, {"point": (0, 0)}, {"point": (right, bottom)}, {"region": (right, 0, 9, 1)}):
        selection = selector.select(**choice)
        assert selection.mask.shape == size
        assert selection.mask.any()
        assert 0 <= selection.suitability <= 1
    assert selector.select(point=(right, bottom)).mask[-1, -1]
    assert selection.mask[:, :-1].sum() == 0, "the box held the last column alone"


def test_twins_side_by_side(assets: dict[str, Path]) -> None:
    astronaut = data.astronaut()
    selector = Selector(np.concatenate([astronaut, astronaut[:, ::-1]], axis=1), color="rgb")
    left, right = (selector.select(point=(x, 120)).mask for x in (224, 1023 - 224))
    assert not (left & right).any()
    assert (left ^ right[:, ::-1]).sum() < 0.12 * left.sum(), "mirrored pictures give mirrored people, nearly"
