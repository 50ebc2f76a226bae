"""``iph-rt video``: a video file in, a harmonized video file out."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from iph_rt.cli.options import (
    add_harmonizer_options,
    add_scene_options,
    describe,
    open_harmonizer,
    progress_bar,
    set_scene,
)

HELP = (
    "Cut the person out of every frame of a video, put them into a background picture and give them the light of the\n"
    "person or region that you point at there. Sound is kept. The output appears under its name only when it is\n"
    "complete, and the same input gives the same bytes."
)
EXAMPLE = "iph-rt video me.mp4 --background party.jpg --reference-point 585,380 -o me-at-the-party.mp4"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("input", metavar="IN", help="video file with a person")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="file to write (.mp4, .mov or .mkv; H.264)")
    add_scene_options(parser)
    add_harmonizer_options(parser)
    parser.add_argument("--side-by-side", action="store_true", help="direct composite left, harmonized right")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="run the network at every K-th frame (default: 1)")
    parser.add_argument("--quality", type=int, default=18, metavar="CRF", help="H.264 rate factor, lower is better (default: 18)")
    parser.add_argument("--save-look", metavar="FILE", help="also write the last frame's look (.json, or .cube for editors)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar and no table of stage times")


def run(args: argparse.Namespace) -> int:
    """Harmonize the file."""
    from iph_rt.cli.saving import check_look, check_output, save_look
    from iph_rt.config import check_count
    from iph_rt.stream.compare import side_by_side
    from iph_rt.stream.frame import Frame
    from iph_rt.stream.sinks import tee
    from iph_rt.stream.stream import Stream
    from iph_rt.stream.video_file import VideoFileSink, VideoFileSource

    check_count("--quality", args.quality, 0, 51)
    every = check_count("--every", args.every, 1, 10_000)
    inputs = (args.input, args.background, args.reference, args.reference_mask)
    check_output(args.output, *inputs)
    if args.save_look:
        check_look(args.save_look, *inputs)
    source = VideoFileSource(args.input)
    with closing(source), open_harmonizer(args, every) as harmonizer:
        selection = set_scene(harmonizer, args)
        step = side_by_side(harmonizer) if args.side_by_side else harmonizer
        with (
            progress_bar(source.frame_count, "harmonizing", quiet=args.quiet) as bar,
            VideoFileSink(args.output, source.rate, audio_from=args.input, quality=args.quality) as sink,
        ):

            def advance(_frame: Frame) -> None:
                bar.update()

            with Stream(source, step, tee(sink, advance)) as stream:
                report = stream.run()
        if args.save_look:
            save_look(harmonizer.look, args.save_look)
        if not args.quiet:
            print(describe(selection), file=sys.stderr)
            print(harmonizer.stats.table(), file=sys.stderr)
    print(f"{args.output}: {report.frames} frames in {report.seconds:.1f} s")
    return 0
