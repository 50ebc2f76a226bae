"""What the fused pass is measured against: the same formula (without the guard) in NumPy and OpenCV, and bare memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.color.polynomial import DEFAULT_RIDGE, Polynomial

Image = NDArray[np.uint8]
Rival = Callable[[Image, Image, Image, Polynomial], Callable[[], object]]


def numpy_fit(source: NDArray[np.float32], target: NDArray[np.float32], weight: NDArray[np.float32]) -> object:
    """Moments and solve as one writes them first: a matrix of terms, two products, a linear solve."""
    terms = numpy_terms(source.reshape(3, -1).T)
    weighted = terms * weight.reshape(-1, 1)
    ata = (weighted.T @ terms).astype(np.float64) / weight.sum()
    atb = (weighted.T @ target.reshape(3, -1).T).astype(np.float64) / weight.sum()
    return np.linalg.solve(ata + DEFAULT_RIDGE * np.eye(11), atb + DEFAULT_RIDGE * np.eye(11, 3))


def numpy_terms(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """... x 3 to ... x 11."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.stack([r, g, b, r * g, r * b, g * b, r * r, g * g, b * b, r * g * b, np.ones_like(r)], axis=-1)


def numpy_composite(front: Image, alpha: Image, back: Image, polynomial: Polynomial) -> Image:
    """Naive NumPy in float32."""
    rgb = front[..., ::-1].astype(np.float32) / np.float32(255)
    changed = np.clip(numpy_terms(rgb) @ polynomial.coefficients, 0, 1)[..., ::-1] * np.float32(255)
    a = alpha[..., None].astype(np.float32) / np.float32(255)
    result: Image = (a * changed + (1 - a) * back + np.float32(0.5)).astype(np.uint8)
    return result


def opencv_transform(front: Image, alpha: Image, back: Image, polynomial: Polynomial) -> Callable[[], object]:
    """Terms by cv2.multiply, matrix by two cv2.transform (it takes 4 channels), blend by cv2.blendLinear; float32."""
    c = polynomial.coefficients[:, ::-1]
    first = np.ascontiguousarray(c[[2, 1, 0, 10]].T)  # B, G, R and the constant
    second = np.ascontiguousarray(c[[5, 4, 3]].T)  # GB, RB, RG
    third = np.ascontiguousarray(c[[8, 7, 6]].T)  # B2, G2, R2
    last = c[9]
    height, width = alpha.shape
    turned = np.empty((height, width, 3), np.float32)
    product = np.empty((height, width), np.float32)

    def composite() -> object:
        x = cv2.multiply(front, (1.0,) * 4, scale=1 / 255, dtype=cv2.CV_32F)
        changed = cv2.transform(x, first)
        cv2.mixChannels([x], [turned], [1, 0, 2, 1, 0, 2])  # G, R, B
        cross = cv2.multiply(x, turned)  # BG, GR, RB
        changed = cv2.add(changed, cv2.transform(cross, second[:, [0, 2, 1]].copy()))
        changed = cv2.add(changed, cv2.transform(cv2.multiply(x, x), third))
        cv2.multiply(cv2.extractChannel(cross, 0), cv2.extractChannel(x, 2), dst=product)
        changed = cv2.add(changed, cv2.transform(product, last.reshape(3, 1)))
        return opencv_blend(cv2.multiply(changed, (255.0,) * 4, dtype=cv2.CV_8U), alpha, back)

    return composite


def opencv_planes(front: Image, alpha: Image, back: Image, polynomial: Polynomial) -> Callable[[], object]:
    """Planes: 10 terms as rows of one matrix, all three channels by one cv2.gemm."""
    c = np.ascontiguousarray(polynomial.coefficients[:, ::-1].T)
    height, width = alpha.shape
    terms = np.ones((11, height * width), np.float32)

    def composite() -> object:
        b, g, r = (plane.reshape(1, -1) for plane in cv2.split(front))
        for index, plane in enumerate((r, g, b)):
            cv2.multiply(plane, 1.0, dst=terms[index : index + 1], scale=1 / 255, dtype=cv2.CV_32F)
        for index, (i, j) in enumerate(((0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2)), start=3):
            cv2.multiply(terms[i : i + 1], terms[j : j + 1], dst=terms[index : index + 1])
        cv2.multiply(terms[3:4], terms[2:3], dst=terms[9:10])
        planes = cv2.gemm(c, terms, 255.0, None, 0.0)
        changed = cv2.merge([cv2.convertScaleAbs(np.maximum(p, 0)).reshape(height, width) for p in planes])
        return opencv_blend(changed, alpha, back)

    return composite


def opencv_fixed(front: Image, alpha: Image, back: Image, polynomial: Polynomial) -> Callable[[], object]:
    """Square and linear terms by cv2.LUT, a table for each input channel, only the mixed products in float32."""
    c = polynomial.coefficients
    level = np.arange(256, dtype=np.float32) / 255
    tables = []
    for i in range(3):  # blue, green, red of the input; all three outputs
        shares = level[:, None] * c[2 - i, ::-1] + (level**2)[:, None] * c[8 - i, ::-1]
        if i == 0:
            shares = shares + c[10, ::-1]
        tables.append(np.ascontiguousarray(255 * shares[None].astype(np.float32)))
    products = np.ascontiguousarray(c[[5, 3, 4, 9], ::-1].T) * np.float32(255)  # BG, GR, RB, RGB
    height, width = alpha.shape
    four = np.empty((height, width, 4), np.float32)

    def composite() -> object:
        b, g, r = cv2.split(front)
        changed = cv2.LUT(cv2.merge([b, b, b]), tables[0])
        cv2.add(changed, cv2.LUT(cv2.merge([g, g, g]), tables[1]), dst=changed)
        cv2.add(changed, cv2.LUT(cv2.merge([r, r, r]), tables[2]), dst=changed)
        bg = cv2.multiply(b, g, scale=1 / 255**2, dtype=cv2.CV_32F)
        gr = cv2.multiply(g, r, scale=1 / 255**2, dtype=cv2.CV_32F)
        rb = cv2.multiply(r, b, scale=1 / 255**2, dtype=cv2.CV_32F)
        rgb = cv2.multiply(bg, r, scale=1 / 255, dtype=cv2.CV_32F)
        cv2.merge([bg, gr, rb, rgb], dst=four)
        cv2.add(changed, cv2.transform(four, products), dst=changed)
        return opencv_blend(cv2.multiply(changed, (1.0,) * 4, dtype=cv2.CV_8U), alpha, back)

    return composite


def opencv_blend(changed: Any, alpha: Image, back: Image) -> object:
    """cv2.blendLinear takes float32 weights of one channel and uint8 images: the fastest blend that OpenCV has."""
    a = cv2.multiply(alpha, 1.0, scale=1 / 255, dtype=cv2.CV_32F)
    return cv2.blendLinear(changed, back, a, cv2.subtract(1.0, a))


OPENCV: dict[str, Rival] = {
    "transform of 3 channels": opencv_transform,
    "one matrix product": opencv_planes,
    "tables and products": opencv_fixed,
}


def memory_pass(pixels: int, buffers: int) -> Callable[[], object]:
    """Moves as many bytes as the pass (3 + 1 + 3 read and 3 written for each pixel) and computes nothing.

    A copy of 5 bytes a pixel reads 5 and writes 5: 10 in all. `buffers` pairs are used in turn.
    """
    pairs = [(np.ones(5 * pixels, np.uint8), np.ones(5 * pixels, np.uint8)) for _ in range(buffers)]
    turn = itertools.cycle(pairs)

    def copy() -> None:
        source, target = next(turn)
        np.copyto(target, source)

    return copy
