"""Photographs in memory at several sizes, with label maps from which real cutouts are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from iph_rt.errors import TrainingDataError
from iph_rt.train.regions import SUBJECT

LONG_SIDE = 768  # photographs are kept this large: enough for 256x256 crops with room to zoom
LABEL_SIDE = 160  # label maps need no more
CLUSTERS = 20
POSITION_WEIGHT = 90.0  # how much a pixel's place counts beside its Lab colour when regions are formed (0..255 scale)

U8 = npt.NDArray[np.uint8]
SubjectFinder = Callable[[U8], "npt.NDArray[np.bool_] | None"]


@dataclass(frozen=True)
class StoredPhoto:
    """One photograph: ``mips`` are HWC uint8 RGB, each half the size of the one before; ``labels`` is H' x W' uint8."""

    name: str
    mips: tuple[U8, ...]
    labels: U8


def load_photo(path: Path, name: str | None = None, find_subject: SubjectFinder | None = None) -> StoredPhoto:
    """Read one photograph, with its regions and, given a finder, its subject.

    Raises:
        TrainingDataError: it cannot be decoded.
    """
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise TrainingDataError(f"{path.name}: not a readable picture; expected JPEG, PNG or WebP. Remove or replace it")
    scale = LONG_SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    mips = [np.asarray(image, np.uint8)]
    while min(mips[-1].shape[:2]) >= 192:
        half = cv2.resize(mips[-1], (mips[-1].shape[1] // 2, mips[-1].shape[0] // 2), interpolation=cv2.INTER_AREA)
        mips.append(np.asarray(half, np.uint8))
    labels = label_map(mips[0])
    subject = find_subject(mips[0]) if find_subject else None
    if subject is not None:
        shape = (labels.shape[1], labels.shape[0])
        labels[cv2.resize(subject.astype(np.uint8), shape, interpolation=cv2.INTER_AREA) > 0] = SUBJECT
    return StoredPhoto(name or path.name, tuple(mips), labels)


def label_map(image: U8) -> U8:
    """Regions of one colour and place: k-means over Lab and position, then connected components (labels 0 to 254)."""
    scale = LABEL_SIDE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cv2.medianBlur(small, 5), cv2.COLOR_RGB2LAB).astype(np.float32)
    height, width = lab.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) * (POSITION_WEIGHT / max(height, width))
    features = np.dstack([lab * (1.0, 2.0, 2.0), xs, ys]).reshape(-1, 5).astype(np.float32)
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
    _, assigned, _ = cv2.kmeans(features, CLUSTERS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    clusters = cv2.medianBlur(assigned.reshape(height, width).astype(np.uint8), 5)
    labels = np.zeros((height, width), np.int32)
    for cluster in range(CLUSTERS):
        _, parts = cv2.connectedComponents((clusters == cluster).astype(np.uint8))
        labels[parts > 0] = parts[parts > 0] + labels.max()
    return np.asarray(labels % SUBJECT, np.uint8)


class PhotoStore:
    """All photographs of one split in memory."""

    def __init__(self, photos: list[StoredPhoto]) -> None:
        if not photos:
            raise TrainingDataError("no photographs to make pairs from; expected at least one")
        self.photos = photos

    @classmethod
    def load(
        cls, files: list[tuple[str, Path]], find_subject: SubjectFinder | None = None
    ) -> tuple[PhotoStore, list[str]]:
        """Read (name, path) pairs. Unreadable ones are left out and reported, one line each."""
        photos: list[StoredPhoto] = []
        problems: list[str] = []
        for name, path in files:
            try:
                photos.append(load_photo(path, name, find_subject))
            except (TrainingDataError, OSError, cv2.error) as error:
                problems.append(str(error))
        return cls(photos), problems

    def __len__(self) -> int:
        return len(self.photos)

    def crop(self, index: int, size: int, rng: np.random.Generator) -> tuple[U8, U8]:
        """A random square of one photograph, size x size x 3, and its labels, size x size; mirrored half of the time."""
        photo = self.photos[index]
        height, width = photo.mips[0].shape[:2]
        side = int(min(height, width) * rng.uniform(0.45, 1.0))
        top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
        level = 0
        while level + 1 < len(photo.mips) and side >> (level + 1) >= size:
            level += 1
        y, x, s = top >> level, left >> level, max(side >> level, 1)
        image = cv2.resize(photo.mips[level][y : y + s, x : x + s], (size, size), interpolation=cv2.INTER_AREA)
        scale = photo.labels.shape[0] / height, photo.labels.shape[1] / width
        rows = ((top + (np.arange(size) + 0.5) * side / size) * scale[0]).astype(int)
        columns = ((left + (np.arange(size) + 0.5) * side / size) * scale[1]).astype(int)
        labels = photo.labels[rows.clip(0, photo.labels.shape[0] - 1)][:, columns.clip(0, photo.labels.shape[1] - 1)]
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        return np.ascontiguousarray(image), np.ascontiguousarray(labels)
