"""Who is where: one mask for each person of a picture, from their faces and MediaPipe's pose landmark network.

That network also draws the silhouette of the one person that its window is centred on. In a group it takes in neighbours,
so the evidence is gathered and then contested:

1. For each face, four windows from head-and-shoulders to the whole body; the other heads are painted grey, so that the
   network follows this person. The silhouettes are averaged by how sure the network is that somebody is there.
2. A person whose chin is lower in the picture is in front: below that face, within shoulder width, those behind are doubted.
3. Pixels are shared out in proportion to the squared evidence; the shares are smoothed along the picture's edges (guided
   filter), each person's colours and the background's are learned from the sure pixels, and the sharing is done again
   with them.
4. GrabCut settles what is unsure near the chosen person's outline.

The constants were chosen by overlap with five hand-drawn outlines of a group photograph (mean 0.90, worst 0.82); the result
changes little around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.reference import edges
from iph_rt.reference.edges import Bool, Float
from iph_rt.reference.faces import Face
from iph_rt.reference.networks import Network

WINDOW = 256
# Windows below a face: how far the centre lies under the face's and half the length, both in face sizes.
WINDOWS = ((0.9, 1.9), (1.6, 2.7), (2.4, 3.6), (3.4, 5.0))
HEAD = (0.62, 0.85, 0.25)  # half-axes of a head's ellipse and its shift upwards, in face sizes; hair included
TORSO = (0.8, 1.6)  # half-width of a torso, in face sizes: surely within the first, surely not beyond the second
WITH_ARMS = (1.45, 1.75)  # the same with the arms, for pixels that the silhouette claims too
TORSO_TRUST = 0.7  # how far the torso's shape alone, without the silhouette, puts somebody in front
DOUBT = 0.8  # how much of its evidence somebody behind loses there
COLOUR_WEIGHT = 1.0  # exponents of the colour likelihoods, beside the silhouettes' exponent of 2
BACKGROUND_COLOUR_WEIGHT = 0.5
BAND, SURE, SURE_OTHER = 0.3, 0.7, 0.6  # GrabCut decides within this many face sizes of the outline, below these shares
GUIDE_RADIUS, GUIDE_EPSILON = 8, 1e-3


@dataclass(frozen=True)
class People:
    """Shares of the working picture: ``shares[i]`` of person i, the last one of nobody; they add up to 1 at each pixel."""

    image: NDArray[np.uint8]
    faces: tuple[Face, ...]
    shares: Float
    guide: edges.Guide

    def owner(self, x: float, y: float) -> int | None:
        """The person at a point of the working picture; a head's ellipse counts as that person. None: nobody."""
        heads = [_from_head(face, x, y) for face in self.faces]
        nearest = int(np.argmin(heads))
        if heads[nearest] < 0.75:
            return nearest
        best = int(self.shares[:, round(y), round(x)].argmax())
        return best if best < len(self.faces) else None

    def mask(self, index: int) -> Bool:
        """The person's mask, HxW bool at the working size."""
        winner = self.shares.argmax(axis=0)
        mine = winner == index
        radius = max(2, round(BAND * self.faces[index].size))
        labels = np.where(mine, edges.MAYBE_FOREGROUND, edges.MAYBE_BACKGROUND).astype(np.uint8)
        labels[~edges.grow(mine, radius)] = edges.BACKGROUND
        labels[edges.shrink(mine, radius) | (self.shares[index] > SURE)] = edges.FOREGROUND
        labels[np.delete(self.shares, index, axis=0).max(axis=0) > SURE_OTHER] = edges.BACKGROUND
        face = np.zeros(mine.shape, np.uint8)
        draw_head(face, self.faces[index], 1, grow=0.6)
        labels[face > 0] = edges.FOREGROUND
        return edges.clean(edges.grab_cut(self.image, labels, iterations=2))


def find_people(image: NDArray[np.uint8], faces: list[Face], network: Network) -> People:
    """Shares the picture out among the people whose faces are given.

    Args:
        image: working picture, HWC uint8 RGB, about 500 pixels long.
        faces: in the working picture's pixels.
        network: ``pose_landmark``.
    """
    evidence, anybody = _evidence(image, faces, network)
    claims = (evidence * _standing_behind(faces, evidence)) ** 2
    guide = edges.Guide(image, GUIDE_RADIUS, GUIDE_EPSILON)
    shares = _share(claims, anybody, guide)
    colours = _colours(image, shares)
    anybody = _with_background_colours(anybody, shares, colours)
    personal = colours[:-1] / colours[:-1].sum(axis=0)
    return People(image, tuple(faces), _share(claims * personal**COLOUR_WEIGHT, anybody, guide), guide)


def draw_head(picture: NDArray[np.uint8], face: Face, value: tuple[float, ...] | float, grow: float = 1.0) -> None:
    """Fills the ellipse of a head, turned as the face is."""
    (x, y), (half_width, half_height), angle = _head(face)
    axes = (round(half_width * grow), round(half_height * grow))
    cv2.ellipse(picture, (round(x), round(y)), axes, angle, 0, 360, value, -1)


def _head(face: Face) -> tuple[tuple[float, float], tuple[float, float], float]:
    width, height, shift = (n * face.size for n in HEAD)
    up = face.up
    angle = float(np.degrees(np.arctan2(up[0], -up[1])))
    return (face.x + up[0] * shift, face.y + up[1] * shift), (width, height), angle


def _from_head(face: Face, x: float, y: float) -> float:
    """Distance from the middle of a head, 1 on its ellipse."""
    (cx, cy), (half_width, half_height), angle = _head(face)
    turn = np.radians(angle)
    across = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
    along = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
    return float(np.hypot(across / half_width, along / half_height))


def _evidence(image: NDArray[np.uint8], faces: list[Face], network: Network) -> tuple[Float, Float]:
    """Silhouettes: NxHxW, the mean over each person's windows; and HxW, the surest that anybody is there."""
    mean_colour = tuple(float(v) for v in image.reshape(-1, 3).mean(axis=0))
    result = np.zeros((len(faces), *image.shape[:2]), np.float32)
    anybody = np.zeros(image.shape[:2], np.float32)
    own = np.zeros(image.shape[:2], np.uint8)
    for index, face in enumerate(faces):
        hidden = image.copy()
        for other in faces:
            if other is not face:
                draw_head(hidden, other, mean_colour)
        own[:] = 0
        draw_head(own, face, 1)
        hidden[own > 0] = image[own > 0]
        result[index], surest = _silhouette(hidden, face, network)
        np.maximum(anybody, surest, out=anybody)
    return result, anybody


def _silhouette(image: NDArray[np.uint8], face: Face, network: Network) -> tuple[Float, Float]:
    """Weighted mean and maximum over the windows, HxW each."""
    size = (image.shape[1], image.shape[0])
    total: Float
    weight: Float
    surest: Float
    total, weight, surest = (np.zeros(image.shape[:2], np.float32) for _ in range(3))
    inverse = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for below, half in WINDOWS:
        zoom = WINDOW / (2 * half * face.size)
        centre = (face.x, face.y + below * face.size)
        place = np.array([[zoom, 0, (WINDOW - 1) / 2 - zoom * centre[0]], [0, zoom, (WINDOW - 1) / 2 - zoom * centre[1]]])
        window = cv2.warpAffine(image, place, (WINDOW, WINDOW), flags=cv2.INTER_LINEAR)
        tensor = np.ascontiguousarray(window.transpose(2, 0, 1)[None].astype(np.float32)) / np.float32(255)
        presence, logits = network.run(tensor)
        sure = float(presence.ravel()[0])
        soft = 1.0 / (1.0 + np.exp(-np.clip(logits.reshape(WINDOW, WINDOW), -50, 50)))
        back = cv2.warpAffine(soft.astype(np.float32), place, size, flags=inverse)
        inside = cv2.warpAffine(np.ones((WINDOW, WINDOW), np.float32), place, size, flags=inverse)
        total += sure * back
        weight += sure * inside
        np.maximum(surest, back * np.float32(sure), out=surest)
    return np.asarray(total / np.maximum(weight, 1e-3), np.float32), surest


def _standing_behind(faces: list[Face], evidence: Float) -> Float:
    """Factor 0..1 for each person and pixel: low before the torso of somebody whose chin is lower."""
    result = np.ones_like(evidence)
    for j, front in enumerate(faces):
        claimed = np.clip((evidence[j] - 0.5) / 0.3, 0, 1)
        body = np.maximum(
            TORSO_TRUST * _torso(front, evidence.shape[1:], *TORSO),
            claimed * _torso(front, evidence.shape[1:], *WITH_ARMS),
        )
        for i, face in enumerate(faces):
            if i != j:
                lower = (front.y + 0.5 * front.size - face.y - 0.5 * face.size) / (0.5 * (face.size + front.size))
                in_front = 1 / (1 + np.exp(-np.clip(lower / 0.1, -50, 50)))
                result[i] *= 1 - np.float32(DOUBT * in_front) * body
    return result


def _torso(face: Face, shape: tuple[int, ...], sure: float, none: float) -> Float:
    """From 0.8 to 1.1 face sizes below a face down, 1 within ``sure`` face sizes of its axis, 0 beyond ``none``."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    across = np.clip((none - np.abs(x - face.x) / face.size) / (none - sure), 0, 1)
    return np.asarray(across * np.clip(((y - face.y) / face.size - 0.8) / 0.3, 0, 1), np.float32)


def _share(claims: Float, anybody: Float, guide: edges.Guide) -> Float:
    """Claims NxHxW to shares (N+1)xHxW along the picture's edges; the last is nobody's."""
    shares = claims / (claims.sum(axis=0) + np.float32(1e-6)) * anybody
    everyone = [*shares, 1 - anybody]
    smooth = np.stack([np.clip(guide.filter(share), 1e-4, 1) for share in everyone])
    return np.asarray(smooth / smooth.sum(axis=0), np.float32)


def _colours(image: NDArray[np.uint8], shares: Float) -> Float:
    """How often each pixel's colour occurs in each one's sure pixels, (N+1)xHxW: smoothed Lab histograms."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.intp)
    cell = (lab[..., 0] // 16 * 32 + lab[..., 1] // 8) * 32 + lab[..., 2] // 8
    likelihoods = []
    for share in shares:
        weight = np.where(share > 0.6, share, 0)
        counts = np.bincount(cell.ravel(), weight.ravel(), minlength=16 * 32 * 32)
        histogram: NDArray[np.float64] = counts.astype(np.float64).reshape(16, 32, 32)
        for axis in range(3):
            histogram = (np.roll(histogram, 1, axis) + 2 * histogram + np.roll(histogram, -1, axis)) / 4
        likelihoods.append(histogram.ravel()[cell] / max(float(histogram.sum()), 1e-6) + 1e-5)
    return np.stack(likelihoods).astype(np.float32)


def _with_background_colours(anybody: Float, shares: Float, colours: Float) -> Float:
    """The certainty that anybody is there, weighed by whether the colour is rather a person's or the background's."""
    people = (shares[:-1] * colours[:-1]).sum(axis=0) / (shares[:-1].sum(axis=0) + np.float32(1e-6))
    somebody = anybody * people**BACKGROUND_COLOUR_WEIGHT
    nobody = (1 - anybody) * colours[-1] ** BACKGROUND_COLOUR_WEIGHT
    return np.asarray(somebody / (somebody + nobody + np.float32(1e-9)), np.float32)
