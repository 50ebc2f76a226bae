"""``iph-rt live``: a camera, a file at its own pace, or a synthetic person."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from iph_rt.cli.options import add_harmonizer_options, add_scene_options, describe, open_harmonizer, set_scene
from iph_rt.errors import ConfigError

if TYPE_CHECKING:
    from iph_rt.stream.frame import Frame
    from iph_rt.stream.sinks import Sink
    from iph_rt.stream.stream import Stream

HELP = (
    "Harmonize live and show the result in a window (q, Escape or Ctrl-C ends, and a recording is kept). Late frames\n"
    "are dropped and counted; the output never waits for the network. Where there is no display, say --record FILE or\n"
    "--no-window."
)
EXAMPLE = "iph-rt live 0 --background party.jpg --reference-point 585,380"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source", nargs="?", default="0", help="camera index, video file, or 'synthetic' (default: 0)")
    add_scene_options(parser)
    add_harmonizer_options(parser)
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds")
    parser.add_argument("--record", metavar="OUT.mp4", help="also write what is shown to a file")
    parser.add_argument("--no-window", action="store_true", help="show no window")
    parser.add_argument("--json", action="store_true", help="print the report at the end as JSON")


def run(args: argparse.Namespace) -> int:
    """Run until the source ends, the time is over, or the user quits."""
    from iph_rt.cli.saving import check_output
    from iph_rt.stream.sinks import display_problem, tee
    from iph_rt.stream.sources import open_source
    from iph_rt.stream.stream import Stream

    if args.seconds is not None and not 0 < args.seconds < float("inf"):
        raise ConfigError(f"--seconds {args.seconds}: expected a number above 0")
    window = not args.no_window
    problem = display_problem() if window else None
    if problem:
        if not args.record:
            raise ConfigError(f"no preview window: {problem}; use --record OUT.mp4, or --no-window to only measure")
        print(f"no preview window: {problem}", file=sys.stderr)
        window = False
    if args.record:
        check_output(args.record, args.source, args.background, args.reference, args.reference_mask)
    with ExitStack() as stack:
        source = open_source(args.source)
        stack.callback(source.close)
        harmonizer = stack.enter_context(open_harmonizer(args, "auto"))
        print(describe(set_scene(harmonizer, args)), file=sys.stderr)
        sinks: list[Sink] = []
        running: list[Stream] = []
        if args.record:
            sinks.append(_recorder(stack, args.record, source.rate))
        if window:
            from iph_rt.stream.sinks import WindowSink

            sinks.append(stack.enter_context(WindowSink("iph_rt", lambda: running[0].stop())))
        stream = stack.enter_context(Stream(source, harmonizer, tee(*sinks), live=True))
        running.append(stream)
        with _ending_well(stream):
            report = stream.run(seconds=args.seconds)
        summary, table = harmonizer.stats.summary(), harmonizer.stats.table()
    if args.json:
        import json

        stages = {name: stage.as_dict() for name, stage in summary.items()}
        print(json.dumps({"frames": report.frames, "dropped": report.dropped, "seconds": report.seconds, "ms": stages}))
    else:
        print(table)
        print(f"{report.frames} frames in {report.seconds:.1f} s, {report.dropped} late frames dropped")
    return 0


@contextmanager
def _ending_well(stream: Stream) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the stream as the window does, so that a recording is kept; the next breaks off."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_signum: int, _frame: FrameType | None) -> None:
        restore()
        stream.stop()

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()


def _recorder(stack: ExitStack, path: str, rate: object) -> Sink:
    """A file sink whose clock starts at its first frame."""
    from fractions import Fraction

    from iph_rt.stream.video_file import VideoFileSink

    file = stack.enter_context(VideoFileSink(path, Fraction(str(rate))))
    start: list[int] = []

    def record(frame: Frame) -> None:
        start.append(frame.timestamp_ns) if not start else None
        file(replace(frame, timestamp_ns=frame.timestamp_ns - start[0]))

    return record
