"""Pairs to learn from and to measure on: a foreground to harmonize, a reference with its guide mask, and the truth.

*Same scene* (the paper's IntHarmony): the foreground of a photograph is recoloured; the reference is another region of the
same photograph; the truth is the photograph. *Shared light*: one random change of light falls on a foreground and on a
reference from another photograph; the foreground before the change is the input, after it the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iph_rt.errors import ConfigError, TrainingDataError
from iph_rt.train.corpus import present_photos
from iph_rt.train.light import LIGHT, RECOLOUR, random_changes
from iph_rt.train.photos import PhotoStore
from iph_rt.train.regions import cutout, smooth_regions
from iph_rt.train.subject import subject_finder

SAME_SCENE, SHARED_LIGHT = "same-scene", "shared-light"
KINDS = (SAME_SCENE, SHARED_LIGHT)
CUTOUT_SHARE = 0.6  # of the regions follow real things, the others are smooth blobs
MIN_GUIDE = 0.02  # a guide mask covers at least this share of the picture

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TensorBatch:
    """Pairs as torch tensors: pictures N x 3 x S x S float32 RGB in [0, 1], masks N x 1 x S x S, 0 or 1."""

    composite: Tensor
    foreground_mask: Tensor
    reference: Tensor
    guide_mask: Tensor
    target: Tensor
    names: list[str]

    @property
    def foreground(self) -> Tensor:
        """What the harmonizer is given: the composite with all but the foreground zero."""
        return self.composite * self.foreground_mask


@dataclass(frozen=True)
class PairBatch:
    """The same as NumPy arrays, for everything that knows no torch."""

    composite: F32
    foreground_mask: F32
    reference: F32
    guide_mask: F32
    target: F32
    names: list[str]


def make_pairs(store: PhotoStore, kind: str, count: int, size: int, seed: tuple[int, ...]) -> TensorBatch:
    """``count`` pairs of one kind; the same seed gives the same pairs."""
    if kind not in KINDS:
        raise ConfigError(f"unknown kind of pair {kind!r}; expected {' or '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    first = [int(index) for index in rng.integers(0, len(store), size=count)]
    scene, labels = _crops(store, first, size, rng)
    fg_mask = _regions(labels, rng, generator, None)
    if kind == SAME_SCENE:
        (recoloured,) = random_changes(RECOLOUR, (scene,), generator)
        guide = _regions(labels, rng, generator, fg_mask)
        composite = torch.where(fg_mask > 0, recoloured, scene)
        return TensorBatch(composite, fg_mask, scene, guide, scene, [store.photos[i].name for i in first])
    second = [(index + int(rng.integers(1, max(len(store), 2)))) % len(store) for index in first]
    other, other_labels = _crops(store, second, size, rng)
    guide = _regions(other_labels, rng, generator, None)
    lit, reference = random_changes(LIGHT, (scene, other), generator)
    names = [f"{store.photos[i].name} | {store.photos[j].name}" for i, j in zip(first, second, strict=True)]
    composite = torch.where(fg_mask > 0, scene, reference)
    return TensorBatch(composite, fg_mask, reference, guide, torch.where(fg_mask > 0, lit, reference), names)


def _crops(
    store: PhotoStore, indices: list[int], size: int, rng: np.random.Generator
) -> tuple[Tensor, list[npt.NDArray[np.uint8]]]:
    images, labels = zip(*(store.crop(index, size, rng) for index in indices), strict=True)
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return stacked.float().div_(255), list(labels)


def _regions(
    labels: list[npt.NDArray[np.uint8]], rng: np.random.Generator, generator: torch.Generator, forbidden: Tensor | None
) -> Tensor:
    size = labels[0].shape[0]
    regions = smooth_regions(len(labels), size, generator, forbidden)
    for index, label in enumerate(labels):
        mask = cutout(label, regions[index, 0].numpy() > 0, rng) if rng.random() < CUTOUT_SHARE else None
        if mask is None:
            continue
        if forbidden is not None:
            mask &= forbidden[index, 0].numpy() < 0.5
        if mask.mean() >= MIN_GUIDE:
            regions[index, 0] = torch.from_numpy(mask.astype(np.float32))
    return regions


def split_store(held_out: bool, folder: Path | None = None) -> PhotoStore:
    """The photographs of one side of the split.

    Raises:
        TrainingDataError: none is in the corpus folder, or one cannot be decoded.
        BackendUnavailableError: the segmentation model that finds subjects has not been fetched.
    """
    files = [(photo.name, path) for photo, path in present_photos(folder) if photo.held_out == held_out]
    store, problems = PhotoStore.load(files, subject_finder())
    if problems:
        raise TrainingDataError("; ".join(problems))
    return store


@lru_cache(maxsize=1)
def _held_out_store() -> PhotoStore:
    return split_store(held_out=True)


def held_out_pairs(kind: str, count: int, size: int, seed: int) -> PairBatch:
    """Pairs made from photographs that no model here was trained on."""
    batch = make_pairs(_held_out_store(), kind, count, size, (seed, KINDS.index(kind) if kind in KINDS else 0))
    arrays = [
        np.ascontiguousarray(tensor.numpy(), np.float32)
        for tensor in (batch.composite, batch.foreground_mask, batch.reference, batch.guide_mask, batch.target)
    ]
    return PairBatch(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], batch.names)
