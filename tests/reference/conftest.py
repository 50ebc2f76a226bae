"""The group photograph by hand: where each person's face and torso are, and a coarse outline of each.

Read off the picture with a grid laid over it, before and apart from any selection; pixels of the 1000x667 original.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from iph_rt.reference.select import Selector

SIZE = (1000, 667)

# name: (middle of the face, a point on the torso)
POINTS = {
    "man with sunglasses": ((262, 125), (170, 240)),
    "woman with long fair hair": ((365, 305), (275, 520)),
    "boy at the back": ((478, 275), (485, 385)),
    "woman with dark hair": ((578, 370), (580, 600)),
    "woman with red hair": ((738, 355), (800, 580)),
}

OUTLINES = {
    "man with sunglasses": [
        (207, 72), (212, 40), (235, 20), (265, 13), (300, 28), (322, 55), (325, 80), (312, 98), (311, 130), (298, 150),
        (275, 172), (282, 180), (312, 188), (336, 210), (310, 235), (300, 262), (290, 300), (265, 328), (245, 330),
        (238, 350), (243, 372), (230, 400), (212, 430), (195, 480), (190, 520), (192, 600), (192, 640), (196, 667),
        (140, 667), (152, 640), (156, 600), (160, 560), (146, 517), (110, 510), (75, 497), (55, 470), (48, 430),
        (55, 400), (70, 388), (48, 370), (47, 335), (60, 305), (95, 215), (125, 175), (165, 158), (195, 152), (213, 145),
        (210, 125), (202, 110),
    ],
    "woman with long fair hair": [
        (300, 290), (305, 260), (318, 232), (340, 213), (365, 209), (395, 220), (415, 242), (425, 275), (435, 310),
        (448, 350), (460, 388), (480, 400), (493, 430), (496, 470), (490, 500), (485, 540), (480, 600), (482, 667),
        (200, 667), (190, 640), (190, 590), (197, 510), (208, 455), (225, 415), (250, 375), (262, 345), (290, 338),
        (292, 315),
    ],
    "boy at the back": [
        (412, 232), (425, 205), (445, 185), (450, 163), (462, 165), (470, 176), (490, 170), (515, 182), (535, 205),
        (545, 240), (538, 260), (527, 265), (524, 280), (512, 295), (500, 318), (502, 333), (520, 345), (525, 355),
        (515, 385), (508, 425), (495, 438), (478, 410), (462, 388), (450, 355), (442, 325), (446, 305), (436, 290),
        (428, 262), (418, 252),
    ],
    "woman with dark hair": [
        (530, 355), (536, 330), (550, 300), (575, 286), (605, 285), (630, 300), (645, 330), (655, 370), (665, 405),
        (675, 430), (705, 447), (730, 480), (745, 540), (755, 610), (762, 667), (480, 667), (478, 600), (482, 550),
        (487, 520), (497, 480), (505, 450), (515, 415), (524, 385),
    ],
    "woman with red hair": [
        (672, 370), (675, 330), (690, 290), (715, 265), (745, 256), (775, 265), (800, 290), (815, 330), (830, 370),
        (850, 398), (890, 418), (905, 440), (925, 475), (945, 520), (955, 570), (970, 620), (977, 667), (762, 667),
        (755, 610), (745, 540), (730, 480), (705, 447), (685, 432), (678, 420), (695, 405), (692, 392), (678, 388),
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One person of the group photograph, by hand: x, y of the face's middle and of a point on the torso, HxW bool."""

    name: str
    face: tuple[int, int]
    torso: tuple[int, int]
    mask: NDArray[np.bool_]


@pytest.fixture(scope="session")
def people_by_hand() -> dict[str, Person]:
    people = {}
    for name, (face, torso) in POINTS.items():
        mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        cv2.fillPoly(mask, [np.array(OUTLINES[name], np.int32)], 1)
        people[name] = Person(name, face, torso, mask > 0)
    return people


@pytest.fixture(scope="session")
def group_photo(assets: dict[str, Path]) -> NDArray[np.uint8]:
    """HWC uint8 BGR, 667x1000."""
    return np.asarray(cv2.imread(str(assets["group_photo"])), np.uint8)


@pytest.fixture(scope="session")
def group(group_photo: NDArray[np.uint8]) -> Selector:
    return Selector(group_photo)


@pytest.fixture(scope="session")
def webcam_frame(assets: dict[str, Path]) -> NDArray[np.uint8]:
    """First frame of the webcam clip, HWC uint8 BGR, 360x640: one man before a door."""
    video = cv2.VideoCapture(str(assets["webcam_clip"]))
    read, frame = video.read()
    video.release()
    assert read
    return np.asarray(frame, np.uint8)
