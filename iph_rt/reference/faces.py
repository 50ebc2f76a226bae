"""Finds faces of any size in a still picture with MediaPipe's short-range face detection network (BlazeFace).

The network sees 128x128 and is made for one large face before a webcam; it misses a face that is smaller than about a tenth of
its window. So a pyramid of overlapping square windows is looked at, from the whole picture down to windows a fifth as
long, and the detections are merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.reference.networks import Network

WINDOW = 128
MIN_CANDIDATE = 0.5
# Looked at again in the middle of a window, the real faces of the test pictures score 0.92 or more, false ones below 0.5.
MIN_SCORE = 0.7
CONFIRM_FILL = 0.3  # how much of that window the face fills: of 0.15 to 0.6 the one that tells true from false best
OVERLAP = 0.35  # share of the smaller box above which two detections are one face
# Window lengths as fractions of the longer side; a face is found if it fills 0.12 to 0.7 of some window.
SCALES = (1.0, 0.6, 0.35, 0.2)


@dataclass(frozen=True)
class Face:
    """A face: centre and size of its square box in pixels (brow to chin), both eyes, mouth, and the score 0..1."""

    x: float
    y: float
    size: float
    eyes: tuple[tuple[float, float], tuple[float, float]]
    mouth: tuple[float, float]
    score: float

    @property
    def up(self) -> tuple[float, float]:
        """Unit vector from the mouth to the middle of the eyes: where the top of the head is."""
        dx = (self.eyes[0][0] + self.eyes[1][0]) / 2 - self.mouth[0]
        dy = (self.eyes[0][1] + self.eyes[1][1]) / 2 - self.mouth[1]
        length = float(np.hypot(dx, dy))
        return (dx / length, dy / length) if length > 1e-6 else (0.0, -1.0)


def find_faces(image: NDArray[np.uint8], network: Network) -> list[Face]:
    """All faces of an HWC uint8 RGB picture, largest first."""
    found: list[Face] = []
    for patch, x, y, scale in _patches(image):
        found += _detect(network, patch, x, y, scale, MIN_CANDIDATE)
    confirmed = (_confirm(image, network, face) for face in _merge(found))
    return sorted(_merge([face for face in confirmed if face]), key=lambda face: -face.size)


def _confirm(image: NDArray[np.uint8], network: Network, face: Face) -> Face | None:
    """Looks again with the face in the middle of the window, where the network is surest; clouds and cups fail here."""
    scale = face.size / CONFIRM_FILL / WINDOW
    x, y = (centre - scale * WINDOW / 2 for centre in (face.x, face.y))
    back = np.array([[scale, 0, x + scale / 2 - 0.5], [0, scale, y + scale / 2 - 0.5]])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    source = image
    if scale > 2:  # no aliasing: shrink first
        source = cv2.resize(image, None, fx=2 / scale, fy=2 / scale, interpolation=cv2.INTER_AREA)
        back *= 2 / scale
    window = cv2.warpAffine(source, back, (WINDOW, WINDOW), flags=flags)
    again = _detect(network, _tensor(window), x, y, scale, MIN_SCORE)
    near = [other for other in again if _overlap(face, other) > 0.5]
    return max(near, key=lambda other: other.score, default=None)


def _detect(
    network: Network, tensor: NDArray[np.float32], x: float, y: float, scale: float, threshold: float
) -> list[Face]:
    boxes, scores = network.run(tensor)
    return _decode(boxes[0], scores[0, :, 0], x, y, scale, threshold)


def _tensor(window: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A 128x128x3 window as 1x3x128x128 in [-1, 1]."""
    planes = np.ascontiguousarray(window.transpose(2, 0, 1)[None].astype(np.float32))
    return np.asarray(planes / np.float32(127.5) - np.float32(1), np.float32)


def _anchors() -> NDArray[np.float32]:
    """Anchor centres in [0, 1]: 16x16 cells with 2 anchors, then 8x8 with 6 (SSD options of MediaPipe's short-range model)."""
    rows = []
    for cells, count in ((16, 2), (8, 6)):
        y, x = np.mgrid[0:cells, 0:cells]
        centres = np.stack([(x + 0.5) / cells, (y + 0.5) / cells], axis=-1).reshape(-1, 2)
        rows.append(np.repeat(centres, count, axis=0))
    return np.concatenate(rows).astype(np.float32)


_ANCHORS = _anchors()


def _patches(image: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float32], float, float, float]]:
    """Windows as the network wants them, 1x3x128x128 in [-1, 1], each with its left, top and pixels for one of the patch."""
    height, width = image.shape[:2]
    for fraction in SCALES:
        scale = fraction * max(width, height) / WINDOW
        if fraction != 1.0 and scale * WINDOW < 80:  # a face in there would have fewer than a dozen pixels
            return
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR)
        for y in _starts(size[1]):
            for x in _starts(size[0]):
                patch = np.zeros((WINDOW, WINDOW, 3), np.uint8)  # black around a picture that is shorter than the window
                cut = small[max(y, 0) : y + WINDOW, max(x, 0) : x + WINDOW]
                patch[max(-y, 0) : max(-y, 0) + cut.shape[0], max(-x, 0) : max(-x, 0) + cut.shape[1]] = cut
                yield _tensor(patch), x * scale, y * scale, scale


def _starts(extent: int) -> list[int]:
    """Where the windows begin along one side: centred if one is enough, else overlapping by 40 % or more."""
    if extent <= WINDOW:
        return [(extent - WINDOW) // 2]
    count = int(np.ceil((extent - WINDOW) / (0.6 * WINDOW))) + 1
    return [round(v) for v in np.linspace(0, extent - WINDOW, count)]


def _decode(
    boxes: NDArray[np.float32], logits: NDArray[np.float32], x: float, y: float, scale: float, threshold: float
) -> list[Face]:
    """Boxes 896x16 (centre, size, six key points as x, y; offsets from the anchors, in patch pixels) to faces."""
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -80, 80)))
    faces = []
    for i in np.flatnonzero(scores > threshold):
        points = boxes[i].reshape(8, 2).copy()
        size = float(points[1].mean()) * scale
        points += _ANCHORS[i] * WINDOW
        at = [(float(px) * scale + x, float(py) * scale + y) for px, py in points]
        faces.append(Face(at[0][0], at[0][1], size, (at[2], at[3]), at[5], float(scores[i])))
    return faces


def _merge(faces: list[Face]) -> list[Face]:
    """Non-maximum suppression; a detection that lies mostly inside a better one goes too."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(_overlap(face, other) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Face, b: Face) -> float:
    """Intersection over the smaller box, so that an eye found as a face inside a face counts as the same."""
    half = (a.size + b.size) / 2
    width, height = (max(0.0, min(half - abs(p - q), a.size, b.size)) for p, q in ((a.x, b.x), (a.y, b.y)))
    return width * height / max(min(a.size, b.size) ** 2, 1e-6)
