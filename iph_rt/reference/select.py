"""From a point, a box, a mask, or nothing to the region of a picture whose light and colour are to be followed."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import RegionError
from iph_rt.reference import edges, inputs, regions
from iph_rt.reference.edges import Bool
from iph_rt.reference.faces import Face, find_faces
from iph_rt.reference.networks import open_network
from iph_rt.reference.people import People, find_people
from iph_rt.reference.suitability import suitability

load_mask = inputs.load_mask

WORKING_LENGTH = 500  # longer side of the working picture; the outline is then fitted to the full one
MOST_PEOPLE = 8  # those nearest to the choice; each costs four runs of the silhouette network
FAR = 12.0  # face sizes beyond which a face has no part in a choice
BOX_SHARE = 0.35  # share of a box that one person must fill to be meant, when no face lies in it


@dataclass(frozen=True)
class Selection:
    """What was chosen.

    Attributes:
        mask: HxW bool at the picture's size, never empty.
        kind: "person", "region" (anything else) or "mask" (the caller's own).
        suitability: 0..1, how much the region says about light and colour.
        reasons: what lowers it, worst first; empty if nothing does.
    """

    mask: NDArray[np.bool_]
    kind: str
    suitability: float
    reasons: tuple[str, ...]


def select_region(
    image: NDArray[np.uint8],
    *,
    point: tuple[float, float] | None = None,
    region: tuple[float, float, float, float] | None = None,
    mask: NDArray[Any] | str | os.PathLike[str] | None = None,
    color: str = "bgr",
) -> Selection:
    """Chooses a region of one picture; for several choices in the same picture keep a :class:`Selector`.

    Args:
        image: HWC uint8, at least 16x16.
        point: x, y in pixels. On a person: that person alone. Elsewhere: the region of like colour around it.
        region: x, y, width, height in pixels: the person or object inside, never anything outside; cut to the picture.
        mask: HxW bool, uint8 (0..1 or 0..255) or float (0..1), or the path of such a picture.
        color: order of the picture's channels, "bgr" or "rgb".

        With none of the three: the most salient person, or the most salient region if there is nobody.

    Raises:
        FrameFormatError: the picture is not as said.
        RegionError: more than one of the three is given, or what is given selects nothing.
        AssetMissingError: the networks have not been fetched (a mask needs none).
    """
    return Selector(image, color=color).select(point=point, region=region, mask=mask)


class Selector:
    """One picture, ready for choices: the faces are found once, the people around a choice once for each set of faces.

    The same choice gives the same mask, bit for bit. Not to be used by two threads at once.
    """

    def __init__(self, image: NDArray[np.uint8], *, color: str = "bgr") -> None:
        self._image = inputs.check_image(image, color)
        self._height, self._width = self._image.shape[:2]
        longer, shorter = max(self._image.shape[:2]), min(self._image.shape[:2])
        # A very long, thin picture keeps 24 pixels of the short side.
        self._scale = min(1.0, max(WORKING_LENGTH / longer, 24 / shorter))
        size = (round(self._width * self._scale), round(self._height * self._scale))
        shrinks = self._scale < 1
        self._small = cv2.resize(self._image, size, interpolation=cv2.INTER_AREA) if shrinks else self._image
        self._faces: tuple[Face, ...] | None = None
        self._people: dict[tuple[int, ...], People] = {}
        self._outline: edges.Guide | None = None

    def select(
        self,
        *,
        point: tuple[float, float] | None = None,
        region: tuple[float, float, float, float] | None = None,
        mask: NDArray[Any] | str | os.PathLike[str] | None = None,
    ) -> Selection:
        """One choice; arguments and errors as in :func:`select_region`."""
        given = {"point": point, "region": region, "mask": mask}
        names = [name for name, value in given.items() if value is not None]
        if len(names) > 1:
            raise RegionError(f"{' and '.join(names)} are both given; expected at most one of point, region and mask")
        if mask is not None:
            array = load_mask(mask) if isinstance(mask, (str, os.PathLike)) else mask
            return self._selection(inputs.check_mask(array, self._width, self._height), "mask")
        if point is not None:
            return self._by_point(*inputs.check_point(point, self._width, self._height))
        if region is not None:
            return self._by_box(inputs.check_box(region, self._width, self._height))
        return self._most_salient()

    @property
    def faces(self) -> tuple[Face, ...]:
        """The faces of the picture, largest first, in its pixels."""
        back = 1 / self._scale
        return tuple(_scaled(face, back) for face in self._small_faces())

    def _by_point(self, x: float, y: float) -> Selection:
        sx, sy = self._to_small(x, y)
        people = self._people_near(sx, sy)
        owner = people.owner(sx, sy) if people else None
        if people and owner is not None:
            mask = self._enlarged(people.mask(owner))
            kind = "person"
        else:
            mask = self._enlarged(regions.around_point(self._small, sx, sy, self._anybody(people)))
            kind = "region"
        mask[int(y), int(x)] = True
        return self._selection(mask, kind)

    def _by_box(self, box: tuple[int, int, int, int]) -> Selection:
        x, y, width, height = box
        inside = np.zeros((self._height, self._width), np.bool_)
        inside[y : y + height, x : x + width] = True
        left, top = self._to_small(x, y)
        small = (left, top, width * self._scale, height * self._scale)
        people = self._people_near(left + small[2] / 2, top + small[3] / 2)
        chosen = _person_in_box(people, small) if people else None
        if people and chosen is not None:
            mask = self._enlarged(people.mask(chosen)) & inside
            if mask.any():
                return self._selection(mask, "person")
        whole = (max(0, int(left)), max(0, int(top)), max(1, round(small[2])), max(1, round(small[3])))
        mask = self._enlarged(regions.inside_box(self._small, whole, self._anybody(people))) & inside
        return self._selection(mask if mask.any() else inside, "region")

    def _most_salient(self) -> Selection:
        faces = self._small_faces()
        if not faces:
            mask = self._enlarged(regions.most_salient(self._small))
            return self._selection(mask, "region")
        best = max(faces, key=self._face_salience)
        people = self._people_near(best.x, best.y)
        if people is None:
            raise RegionError("no person around the most salient face; give a point, a region or a mask")
        return self._selection(self._enlarged(people.mask(people.faces.index(best))), "person")

    def _face_salience(self, face: Face) -> float:
        """Large, central and well lit; a face in the middle counts three times one in a corner of the same size."""
        height, width = self._small.shape[:2]
        off = ((face.x / width - 0.5) ** 2 + (face.y / height - 0.5) ** 2) / 0.5
        half = face.size / 2
        rows = slice(max(0, int(face.y - half)), int(face.y + half) + 1)
        part = self._small[rows, max(0, int(face.x - half)) : int(face.x + half) + 1]
        light = float(part.mean()) / 255 if part.size else 0.0
        return face.size * float(np.exp(-off * np.log(3))) * float(np.clip(light / 0.35, 0.3, 1))

    def _small_faces(self) -> tuple[Face, ...]:
        if self._faces is None:
            # The full picture holds small faces that the working one has lost.
            found = find_faces(self._image, open_network("face_short"))
            self._faces = tuple(_scaled(face, self._scale) for face in found)
        return self._faces

    def _people_near(self, x: float, y: float) -> People | None:
        """The people whose faces are nearest to a point of the working picture, by their own size; None: nobody."""
        faces = self._small_faces()
        distance = {i: float(np.hypot(f.x - x, f.y - y)) / max(f.size, 1.0) for i, f in enumerate(faces)}
        near = sorted((i for i in distance if distance[i] < FAR), key=lambda i: distance[i])
        chosen = tuple(sorted(near[:MOST_PEOPLE]))
        if not chosen:
            return None
        if chosen not in self._people:
            self._people[chosen] = find_people(self._small, [faces[i] for i in chosen], open_network("pose_landmark"))
        return self._people[chosen]

    def _anybody(self, people: People | None) -> Bool:
        if people is None:
            return np.zeros(self._small.shape[:2], np.bool_)
        return np.asarray(people.shares[:-1].sum(axis=0) > 0.5, np.bool_)

    def _to_small(self, x: float, y: float) -> tuple[float, float]:
        height, width = self._small.shape[:2]
        return min(x * self._scale, width - 1.0), min(y * self._scale, height - 1.0)

    def _enlarged(self, mask: Bool) -> Bool:
        """A working mask at the picture's size, its outline fitted to the full picture."""
        if self._scale == 1.0:
            return np.array(mask, np.bool_)
        if self._outline is None:
            self._outline = edges.Guide(self._small, radius=2, epsilon=1e-4)
        soft = self._outline.enlarge(mask.astype(np.float32), self._image)
        # The outline moves by a few pixels at most, whatever the colours say.
        size = (self._width, self._height)
        near = cv2.resize(edges.grow(mask, 2).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        deep = cv2.resize(edges.shrink(mask, 2).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        result = edges.clean(((soft > 0.5) & near) | deep, keep=0.02)
        if not result.any():  # a speck of a mask that the fitting has lost
            result = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        return np.asarray(result, np.bool_)

    def _selection(self, mask: Bool, kind: str) -> Selection:
        score, reasons = suitability(self._image, mask)
        return Selection(mask, kind, score, reasons)


def _scaled(face: Face, scale: float) -> Face:
    def at(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * scale, point[1] * scale

    eyes = (at(face.eyes[0]), at(face.eyes[1]))
    return replace(face, x=face.x * scale, y=face.y * scale, size=face.size * scale, eyes=eyes, mouth=at(face.mouth))


def _person_in_box(people: People, box: tuple[float, float, float, float]) -> int | None:
    """Whom a box of the working picture means: of the faces inside the largest and most central, else who fills it most."""
    x, y, width, height = box

    def off_centre(face: Face) -> float:
        return float(np.hypot((face.x - x) / width - 0.5, (face.y - y) / height - 0.5))

    inside = [i for i, f in enumerate(people.faces) if x <= f.x < x + width and y <= f.y < y + height]
    if inside:
        return max(inside, key=lambda i: people.faces[i].size * (1 - off_centre(people.faces[i])))
    rows, columns = slice(int(y), max(int(y) + 1, round(y + height))), slice(int(x), max(int(x) + 1, round(x + width)))
    part = people.shares[:, rows, columns].reshape(len(people.faces) + 1, -1)
    filled = np.bincount(part.argmax(axis=0), minlength=len(part))[:-1] / max(part.shape[1], 1)
    return int(filled.argmax()) if filled.max() > BOX_SHARE else None
