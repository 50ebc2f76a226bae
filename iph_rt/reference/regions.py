"""Regions that are no person: around a point, inside a box, or the most salient one. All at the working size, RGB."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.reference import edges
from iph_rt.reference.edges import Bool, Float

COLOUR_TOLERANCE = 9.0  # how far neighbouring smoothed pixels may differ in Lab (8-bit units) and belong together
COLOUR_REACH = 42.0  # how far a pixel of the region may be from the colour at the point


def around_point(image: NDArray[np.uint8], x: float, y: float, people: Bool) -> Bool:
    """The region of like colour that a point lies in, its outline settled by GrabCut; never ``people``, HxW bool.

    The picture is flattened by mean shift (Comaniciu and Meer 2002), the region grown from the point on it.
    """
    flat = cv2.cvtColor(cv2.pyrMeanShiftFiltering(image, 8, 16), cv2.COLOR_RGB2LAB)
    seed = (int(np.clip(round(x), 0, image.shape[1] - 1)), int(np.clip(round(y), 0, image.shape[0] - 1)))
    barrier = np.zeros((image.shape[0] + 2, image.shape[1] + 2), np.uint8)
    barrier[1:-1, 1:-1] = people
    barrier[seed[1] + 1, seed[0] + 1] = 0
    step = (COLOUR_TOLERANCE,) * 3
    cv2.floodFill(flat.copy(), barrier, seed, 0, step, step, 4 | cv2.FLOODFILL_MASK_ONLY | (2 << 8))
    distance = np.linalg.norm(flat.astype(np.float32) - flat[seed[1], seed[0]].astype(np.float32), axis=-1)
    grown = (barrier[1:-1, 1:-1] == 2) & (distance < COLOUR_REACH)
    near = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(near, seed, max(3, round(0.012 * max(image.shape))), 1, -1)
    disc = (near > 0) & ~people
    disc[seed[1], seed[0]] = True
    grown |= disc
    radius = max(2, round(0.02 * max(image.shape)))
    labels = np.where(grown, edges.MAYBE_FOREGROUND, edges.MAYBE_BACKGROUND).astype(np.uint8)
    labels[~edges.grow(grown, radius)] = edges.BACKGROUND
    labels[edges.shrink(grown, radius) | disc] = edges.FOREGROUND
    labels[people & ~disc] = edges.BACKGROUND
    cut = edges.grab_cut(image, labels, iterations=2)
    return _with_point(edges.clean(cut, keep=0.1), disc) & (~people | disc)


def inside_box(image: NDArray[np.uint8], box: tuple[int, int, int, int], people: Bool) -> Bool:
    """The object inside a box x, y, width, height of whole pixels; the whole box if no object stands out. HxW bool.

    GrabCut with everything outside the box as background; ``people`` who are not wanted are background too.
    """
    x, y, width, height = box
    whole = np.zeros(image.shape[:2], np.bool_)
    whole[y : y + height, x : x + width] = True
    whole &= ~people
    if not whole.any():
        whole[y : y + height, x : x + width] = True
    labels = np.where(whole, edges.MAYBE_FOREGROUND, edges.BACKGROUND).astype(np.uint8)
    object_ = edges.grab_cut(image, labels, iterations=4) & whole
    if object_.sum() < 0.08 * whole.sum():
        return whole
    return edges.clean(object_) & whole


def most_salient(image: NDArray[np.uint8]) -> Bool:
    """The most salient region, HxW bool: where saliency exceeds Otsu's threshold, settled by GrabCut."""
    salient = saliency(image)
    threshold, _ = cv2.threshold((salient * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    likely = salient * 255 > threshold
    peak = np.unravel_index(int(salient.argmax()), salient.shape)
    labels = np.where(likely, edges.MAYBE_FOREGROUND, edges.MAYBE_BACKGROUND).astype(np.uint8)
    labels[salient > 0.85 * salient[peak]] = edges.FOREGROUND
    labels[~edges.grow(likely, max(2, round(0.04 * max(image.shape))))] = edges.BACKGROUND
    cut = edges.clean(edges.grab_cut(image, labels, iterations=2), keep=0.3)
    if not 0.01 < cut.mean() < 0.9:  # nothing stands out: the middle half of the picture
        height, width = cut.shape
        cut = np.zeros_like(cut)
        cut[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return cut


def saliency(image: NDArray[np.uint8]) -> Float:
    """Saliency 0..1, HxW: spectral residual (Hou and Zhang 2007) plus colour contrast to the border, weighed to the middle."""
    height, width = image.shape[:2]
    size = (64, max(8, round(64 * height / width)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    spectrum = np.fft.fft2(lab[..., 0])
    log = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = log - cv2.blur(log, (3, 3))
    spectral = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    spectral = cv2.GaussianBlur(spectral.astype(np.float32), (0, 0), 2.5)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    spread = np.maximum(border.std(axis=0), 4)
    contrast = cv2.GaussianBlur(np.linalg.norm((lab - np.median(border, axis=0)) / spread, axis=-1), (0, 0), 1.5)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    off = ((x + 0.5) / size[0] - 0.5) ** 2 + ((y + 0.5) / size[1] - 0.5) ** 2
    middle = np.exp(-off / (2 * 0.3**2))
    total = (0.4 * _unit(spectral) + 0.6 * _unit(contrast)) * middle
    full = cv2.resize(_unit(total), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(full, 0, 1), np.float32)


def _unit(values: NDArray[np.floating]) -> Float:
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-9)).astype(np.float32)


def _with_point(mask: Bool, disc: Bool) -> Bool:
    """Only the parts of a mask that the point's disc touches, and the disc."""
    _, labels = cv2.connectedComponents((mask | disc).astype(np.uint8), connectivity=4)
    touched = np.unique(labels[disc])
    return np.isin(labels, touched[touched > 0])
