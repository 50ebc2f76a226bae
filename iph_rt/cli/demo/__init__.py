"""``iph-rt demo``: a real webcam clip in a real group photograph, as a page to look at."""

from __future__ import annotations

import argparse
from pathlib import Path

from iph_rt.cli.options import SEGMENTERS

HELP = (
    "Put the man of a real webcam clip among five people of a real photograph, in the light of one of them, and write\n"
    "a page (index.html) with the side-by-side video, stills, close-ups, mattes and the times of every stage."
)
EXAMPLE = "iph-rt demo --fetch --out demo_out --open"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", default="demo_out", metavar="DIR", help="folder to write (default: demo_out)")
    parser.add_argument("--fetch", action="store_true", help="fetch what is missing first (nothing is fetched otherwise)")
    parser.add_argument("--open", action="store_true", help="show the page in the browser at the end")
    parser.add_argument("--segmenter", choices=SEGMENTERS, default="auto", help="what cuts the person out (default: auto)")


def run(args: argparse.Namespace) -> int:
    """Render everything and write the page."""
    from iph_rt import assets
    from iph_rt.cli.demo.page import write_page
    from iph_rt.cli.demo.render import render
    from iph_rt.files import make_folder

    folder = make_folder(Path(args.out))
    if args.fetch:
        assets.fetch(progress=lambda line: print(line, flush=True))
    result = render(folder, args.segmenter)
    page = write_page(folder, result)
    print(result.times)
    print(f"\n{page}: open it in a browser")
    if args.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return 0
