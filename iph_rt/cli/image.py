"""``iph-rt image``: one photograph into another."""

from __future__ import annotations

import argparse
import sys

from iph_rt.cli.options import add_harmonizer_options, add_scene_options, check_scene, describe, open_harmonizer

HELP = (
    "Cut the person out of one photograph, put them into another and give them the light of the person or region\n"
    "that you point at there. Any resolution. Without --background the person stays in their own room and takes on\n"
    "the light of --reference."
)
EXAMPLE = "iph-rt image me.jpg --background party.jpg --reference-point 585,380 --placement 800,667,0.5 -o out.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("input", metavar="IN", help="photograph with a person")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="picture to write; the suffix chooses the format")
    add_scene_options(parser)
    add_harmonizer_options(parser)
    parser.add_argument("--mask", metavar="FILE", help="the person's mask or matte; without it the segmenter finds the person")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but the result's name")


def run(args: argparse.Namespace) -> int:
    """Harmonize the photograph."""
    from iph_rt.cli.saving import check_output
    from iph_rt.reference.inputs import load_mask
    from iph_rt.stream.images import read_image, write_image

    check_output(args.output, args.input, args.background, args.reference, args.reference_mask, args.mask)
    image = read_image(args.input)
    mask = None if args.mask is None else load_mask(args.mask)
    background, reference = check_scene(args)
    guide = None if args.reference_mask is None else load_mask(args.reference_mask)
    with open_harmonizer(args, 1) as harmonizer:
        selection = harmonizer.set_reference(reference, point=args.reference_point, region=args.reference_box, mask=guide)
        result = harmonizer.harmonize_image(
            image,
            background,
            reference=reference,
            point=args.reference_point,
            region=args.reference_box,
            reference_mask=guide,
            mask=mask,
        )
    write_image(args.output, result)
    if not args.quiet:
        print(describe(selection), file=sys.stderr)
    print(f"{args.output}: {result.shape[1]}x{result.shape[0]}")
    return 0
