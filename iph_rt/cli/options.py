"""Options that several commands share: the scene (background, reference, placement) and the Harmonizer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from iph_rt.config import BACKENDS, PLACEMENTS, PRECISIONS, Placement
from iph_rt.errors import ConfigError

if TYPE_CHECKING:
    from iph_rt.harmonizer import Harmonizer
    from iph_rt.reference.select import Selection
    from iph_rt.stream.frame import Image

SEGMENTERS = ("auto", "mediapipe", "onnx")


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """What the person is put into, and whose light they take on."""
    scene = parser.add_argument_group("scene")
    scene.add_argument("--background", metavar="IMG", help="picture to stand in; without it the person's own room is kept")
    scene.add_argument("--reference", metavar="IMG", help="picture whose light is wanted, if it is another than the background")
    where = scene.add_mutually_exclusive_group()
    where.add_argument("--reference-point", metavar="X,Y", type=_numbers(2), help="a point on the person to match")
    where.add_argument("--reference-box", metavar="X,Y,W,H", type=_numbers(4), help="a box around the region to match")
    where.add_argument("--reference-mask", metavar="FILE", help="a picture, white where the region to match is")
    scene.add_argument(
        "--placement",
        type=_placement,
        default="bottom",
        metavar="WHERE",
        help=f"{', '.join(PLACEMENTS)}, or X,Y,SCALE: the background pixel under the middle of the frame's lower edge, "
        "and background pixels per frame pixel (default: bottom)",
    )


def add_harmonizer_options(parser: argparse.ArgumentParser) -> None:
    """How the colours are found."""
    group = parser.add_argument_group("harmonizer")
    group.add_argument("--strength", type=float, default=1.0, metavar="0..2", help="how much of the change (default: 1)")
    group.add_argument("--luminance", type=float, default=1.0, metavar="0..2", help="its brightness part (default: 1)")
    group.add_argument("--chroma", type=float, default=1.0, metavar="0..2", help="its colour part (default: 1)")
    group.add_argument("--segmenter", choices=SEGMENTERS, default="auto", help="what cuts the person out (default: auto)")
    group.add_argument("--backend", choices=BACKENDS, default="auto", help="what runs the networks (default: auto)")
    group.add_argument("--precision", choices=PRECISIONS, default="auto", help="of the networks (default: auto)")
    group.add_argument("--model", default="iph-edge", help="a model's name or a folder of ONNX files (default: iph-edge)")
    group.add_argument("--threads", type=int, default=0, help="threads of the native stages (default: by size)")


def open_harmonizer(args: argparse.Namespace, cadence: Literal["auto"] | int) -> Harmonizer:
    """The Harmonizer that the options describe.

    Raises:
        IphError: as the constructor of Harmonizer.
    """
    from iph_rt.harmonizer import Harmonizer

    return Harmonizer(
        backend=args.backend,
        precision=args.precision,
        model=args.model,
        segmenter=args.segmenter,
        placement=args.placement,
        cadence=cadence,
        threads=args.threads,
        strength=args.strength,
        luminance=args.luminance,
        chroma=args.chroma,
    )


def check_scene(args: argparse.Namespace) -> tuple[Image | None, Image]:
    """Read the background (or None) and the reference picture.

    Raises:
        ConfigError: neither is given.
        SourceError: one cannot be read.
    """
    from iph_rt.stream.images import read_image

    if args.background is None and args.reference is None:
        raise ConfigError("nothing to harmonize to: give --background IMG, --reference IMG, or both")
    background = None if args.background is None else read_image(args.background)
    reference = background if args.reference is None else read_image(args.reference)
    assert reference is not None  # one of the two was given
    return background, reference


def set_scene(harmonizer: Harmonizer, args: argparse.Namespace) -> Selection:
    """Give the Harmonizer its background and its reference.

    Raises:
        IphError: a picture cannot be read, or the point, box or mask selects nothing usable.
    """
    from iph_rt.reference.inputs import load_mask

    background, reference = check_scene(args)
    mask = None if args.reference_mask is None else load_mask(args.reference_mask)
    harmonizer.set_background(background)
    return harmonizer.set_reference(reference, point=args.reference_point, region=args.reference_box, mask=mask)


def describe(selection: Selection) -> str:
    """One line about what was selected."""
    share = 100 * float(selection.mask.mean())
    notes = f"; {'; '.join(selection.reasons)}" if selection.reasons else ""
    return f"reference: {selection.kind}, {share:.1f} % of the picture, suitability {selection.suitability:.2f}{notes}"


def progress_bar(total: int | None, title: str, *, quiet: bool = False) -> Any:
    """A bar on stderr that counts frames and goes away at the end; a line now and then where stderr is a file."""
    from tqdm import tqdm

    interval = 0.1 if sys.stderr.isatty() else 10.0
    return tqdm(total=total, unit="frame", desc=title, disable=quiet, leave=False, mininterval=interval)


def _numbers(count: int) -> Callable[[str], tuple[float, ...]]:
    def parse(text: str) -> tuple[float, ...]:
        try:
            values = tuple(float(part) for part in text.split(","))
        except ValueError:
            values = ()
        if len(values) != count:
            raise argparse.ArgumentTypeError(f"'{text}': expected {count} numbers with commas between them")
        return values

    return parse


def _placement(text: str) -> Placement:
    if "," not in text:
        if text not in PLACEMENTS:
            raise argparse.ArgumentTypeError(f"'{text}': expected {', '.join(PLACEMENTS)} or X,Y,SCALE")
        return text
    x, y, scale = _numbers(3)(text)
    return x, y, scale
