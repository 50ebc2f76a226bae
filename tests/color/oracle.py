"""The formulas of csrc/polynomial/polynomial.h, written out in float64 NumPy and Python loops, nothing shared with the code."""

from __future__ import annotations

import numpy as np


def kernel(rgb):
    """... x 3 in [0, 1] -> ... x 11."""
    r, g, b = (np.asarray(rgb, np.float64)[..., i] for i in range(3))
    return np.stack([r, g, b, r * g, r * b, g * b, r**2, g**2, b**2, r * g * b, np.ones_like(r)], axis=-1)


def sums(source, target, weight):
    """11 x 11 and 11 x 3 of planar images."""
    phi = kernel(np.moveaxis(source, 0, -1).reshape(-1, 3))
    y = np.moveaxis(target, 0, -1).reshape(-1, 3).astype(np.float64)
    w = weight.reshape(-1, 1).astype(np.float64)
    return phi.T @ (w * phi), phi.T @ (w * y)


def ridge_fit(source, target, weight, ridge):
    """The minimiser, as one least-squares problem with the ridge as 11 more rows; no normal equations."""
    phi = kernel(np.moveaxis(source, 0, -1).reshape(-1, 3))
    y = np.moveaxis(target, 0, -1).reshape(-1, 3).astype(np.float64)
    root = np.sqrt(weight.reshape(-1, 1).astype(np.float64) / weight.sum(dtype=np.float64))
    rows = np.vstack([phi * root, np.sqrt(ridge) * np.eye(11)])
    right = np.vstack([y * root, np.sqrt(ridge) * np.eye(11, 3)])
    return np.linalg.lstsq(rows, right, rcond=None)[0]


def smoothstep(t):
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def harmonized(image, polynomial, color, inner=4.5, outer=9.0):
    """H x W x 3 of 0..255 (any float or uint8) -> float64 0..255 in the same order, not rounded."""
    order = [2, 1, 0] if color == "bgr" else [0, 1, 2]
    x = image[..., order].astype(np.float64) / 255.0
    offset = x - polynomial.center.astype(np.float64)
    d2 = np.einsum("...i,ij,...j->...", offset, polynomial.precision.astype(np.float64), offset)
    guard = smoothstep((outer**2 - d2) / (outer**2 - inner**2))[..., None]
    changed = x + guard * (kernel(x) @ polynomial.coefficients.astype(np.float64) - x)
    return 255.0 * np.clip(changed, 0.0, 1.0)[..., order]


def composited(foreground, alpha, background, polynomial, color):
    """Float64 0..255, not rounded."""
    a = alpha.astype(np.float64)[..., None] / 255.0
    return a * harmonized(foreground, polynomial, color) + (1.0 - a) * background


def edge_estimates(image, alpha, cell, reach):
    """F^ and B^ by cell, H/cell x W/cell x 3 each: tent-weighted means with a^2 and (1 - a)^2, in loops."""
    height, width = alpha.shape
    rows, columns = -(-height // cell), -(-width // cell)
    a = alpha.astype(np.float64) / 255.0
    front, back = np.zeros((rows, columns, 4)), np.zeros((rows, columns, 4))
    for y in range(rows):
        for x in range(columns):
            part = (slice(y * cell, (y + 1) * cell), slice(x * cell, (x + 1) * cell))
            for sums_of, w in ((front, a[part] ** 2), (back, (1 - a[part]) ** 2)):
                sums_of[y, x, :3] = (w[..., None] * image[part]).sum(axis=(0, 1))
                sums_of[y, x, 3] = w.sum()
    result = []
    for sums_of in (front, back):
        estimate = np.zeros((rows, columns, 3))
        for y in range(rows):
            for x in range(columns):
                total = np.zeros(4)
                for v in range(max(0, y - reach), min(rows, y + reach + 1)):
                    for u in range(max(0, x - reach), min(columns, x + reach + 1)):
                        total += (reach + 1 - abs(v - y)) * (reach + 1 - abs(u - x)) * sums_of[v, u]
                if total[3] > 0:
                    estimate[y, x] = total[:3] / total[3]
        result.append(estimate)
    return result


def bilinear(cells, height, width, cell):
    """Values of the cells' centres interpolated at every pixel's centre, held at the border."""

    def axis(count, length):
        position = np.clip((np.arange(length) + 0.5) / cell - 0.5, 0, count - 1)
        low = np.minimum(np.floor(position).astype(int), max(count - 2, 0))
        return low, np.minimum(low + 1, count - 1), position - low

    y0, y1, fy = axis(cells.shape[0], height)
    x0, x1, fx = axis(cells.shape[1], width)
    fy, fx = fy[:, None, None], fx[None, :, None]
    top = cells[y0][:, x0] * (1 - fx) + cells[y0][:, x1] * fx
    bottom = cells[y1][:, x0] * (1 - fx) + cells[y1][:, x1] * fx
    return top * (1 - fy) + bottom * fy
