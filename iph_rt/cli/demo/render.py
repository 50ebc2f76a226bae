"""Renders the demo's scene: videos, stills, close-ups, mattes, the reference, the look."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from iph_rt.assets import asset_path
from iph_rt.cli.demo.stills import Steadiness, Stills, near
from iph_rt.stream.compare import join_halves
from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.images import read_image, write_image
from iph_rt.stream.stream import Stream
from iph_rt.stream.video_file import VideoFileSink, VideoFileSource

if TYPE_CHECKING:
    from iph_rt.harmonizer import Harmonizer
    from iph_rt.reference.select import Selection
    from iph_rt.stats import StageSummary

SIZE = (1280, 720)
"""The photograph (1000x667) is cut to 16:9 at its lower edge and enlarged to this size."""

REFERENCE_POINT = (749.0, 486.0)
"""The woman in the middle of the front row: evenly lit by the evening sky."""

OTHER_POINTS = ((950.0, 450.0), (330.0, 160.0), (900.0, 90.0))
"""For comparison: the woman beside him, the man with sunglasses, the sky."""

PLACEMENT = (1185.0, 720.0, 1.0)
"""At the right end of the row, the clip's lower edge on the photograph's, his head about as large as those beside it."""

ROUNDS = 2
"""The clip has 72 frames (2.4 s): it plays forwards and backwards this often, so that there is something to watch."""


@dataclass
class Result:
    """What was rendered, for the page.

    Attributes:
        stills: names of the frames shown, e.g. ``"000"``; files are ``direct_000.png``, ``harmonized_000.png``...
        stages: times in milliseconds.
        facts: what ran, by label.
        others: what was selected for each other reference; files are ``other_0.png``, ``other_0_reference.png``...
    """

    size: tuple[int, int] = (0, 0)
    frames: int = 0
    stills: list[str] = field(default_factory=list)
    stages: dict[str, StageSummary] = field(default_factory=dict)
    times: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


class PingPong:
    """Frames of a short clip, forwards and backwards, with times that go on rising."""

    live = False

    def __init__(self, source: VideoFileSource, rounds: int) -> None:
        self._clip = list(source)
        source.close()
        self._rounds = rounds
        self.name, self.size, self.rate = source.name, source.size, source.rate
        self.clip_length = len(self._clip)
        self.frame_count: int | None = rounds * 2 * (self.clip_length - 1)

    def __iter__(self) -> Iterator[Frame]:
        once = [*range(self.clip_length - 1), *range(self.clip_length - 1, 0, -1)]
        for number, index in enumerate(once * self._rounds):
            yield replace(self._clip[index], id=number, timestamp_ns=round(number * 10**9 / self.rate))

    @property
    def middle(self) -> Image:
        """The frame in the middle of the clip."""
        return self._clip[self.clip_length // 2].image

    def close(self) -> None:
        """Nothing to release."""


def render(folder: Path, segmenter: str) -> Result:
    """Write all pictures and videos into ``folder``.

    Raises:
        IphError: an asset is missing, the networks cannot run, or the folder cannot be written.
    """
    from iph_rt.cli.options import progress_bar
    from iph_rt.harmonizer import Harmonizer

    photo = _scene(read_image(asset_path("group_photo")))
    source = PingPong(VideoFileSource(asset_path("webcam_clip")), ROUNDS)
    result = Result(size=(photo.shape[1], photo.shape[0]), frames=source.frame_count or 0)
    with Harmonizer(cadence=1, segmenter=segmenter, placement=PLACEMENT, frame_rate=float(source.rate)) as harmonizer:
        harmonizer.set_background(photo)
        _write_reference(folder, harmonizer, photo)
        steadiness = Steadiness()
        stills = Stills(folder, harmonizer, (0, source.clip_length // 2, source.clip_length - 1))
        rate = Fraction(source.rate)
        with (
            VideoFileSink(folder / "harmonized.mp4", rate) as single,
            VideoFileSink(folder / "side_by_side.mp4", rate) as double,
            progress_bar(source.frame_count, "demo") as bar,
        ):

            def step(frame: Frame) -> Image:
                harmonized = harmonizer.process(frame.image, timestamp=frame.timestamp_ns)
                direct = harmonizer.direct_composite()
                stills.take(frame.id, direct, harmonized)
                steadiness.take(direct, harmonized, harmonizer.last_alpha())
                return np.concatenate([direct, harmonized], axis=1)

            def both(frame: Frame) -> None:
                direct, harmonized = np.split(frame.image, 2, axis=1)
                single(replace(frame, image=harmonized))
                double(replace(frame, image=join_halves(direct, harmonized)))
                bar.update()

            Stream(source, step, both).run()
        result.stills = stills.names
        result.stages, result.times = harmonizer.stats.summary(), harmonizer.stats.table()
        result.facts = {**_facts(harmonizer, source), "steadiness": steadiness.describe()}
        harmonizer.look.save(str(folder / "look.json"))
        harmonizer.look.to_cube(str(folder / "look.cube"))
        for number, point in enumerate(OTHER_POINTS):
            result.others.append(_write_other(folder, harmonizer, photo, source.middle, number, point))
    return result


def _scene(photo: Image) -> Image:
    width, height = SIZE
    cut = photo[: round(photo.shape[1] * height / width)]
    return np.asarray(cv2.resize(cut, SIZE, interpolation=cv2.INTER_LANCZOS4), np.uint8)


def _write_reference(folder: Path, harmonizer: Harmonizer, photo: Image) -> None:
    selection = harmonizer.set_reference(photo, point=REFERENCE_POINT)
    write_image(folder / "reference.png", _draw(photo, selection, REFERENCE_POINT))


def _write_other(
    folder: Path, harmonizer: Harmonizer, photo: Image, frame: Image, number: int, point: tuple[float, float]
) -> str:
    selection = harmonizer.set_reference(photo, point=point)
    harmonized = harmonizer.process(frame)  # the first after a change of reference: nothing is smoothed yet
    write_image(folder / f"other_{number}.png", near(harmonized))
    small = cv2.resize(_draw(photo, selection, point), (640, 360), interpolation=cv2.INTER_AREA)
    write_image(folder / f"other_{number}_reference.png", np.asarray(small, np.uint8))
    return selection.kind


def _draw(photo: Image, selection: Selection, point: tuple[float, float]) -> Image:
    from iph_rt.reference.overlay import draw_selection

    picture = np.ascontiguousarray(draw_selection(photo, selection))
    for radius, color in ((11, (255, 255, 255)), (8, (40, 40, 220))):
        cv2.circle(picture, (round(point[0]), round(point[1])), radius, color, -1, cv2.LINE_AA)
    return picture


def _facts(harmonizer: Harmonizer, source: PingPong) -> dict[str, str]:
    selection = harmonizer.reference
    width, height = source.size
    facts = {
        "clip": f"{width}x{height}, {source.clip_length} frames at {float(source.rate):g} per second, "
        f"played forwards and backwards {ROUNDS} times",
        "photograph": f"1000x667, cut to 16:9 at its lower edge, enlarged to {SIZE[0]}x{SIZE[1]}",
        "segmenter": harmonizer.segmenter,
        "networks": f"{harmonizer.backend.name}, {harmonizer.backend.reason}",
        "cadence": harmonizer.cadence,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
    if selection is not None:
        facts["reference"] = f"{selection.kind}, suitability {selection.suitability:.2f}"
    return facts
