"""``iph-rt doctor``: everything that iph_rt needs, and the cure for what is missing."""

from __future__ import annotations

import argparse
import json
import sys

from iph_rt.cli.checks import MISSING, OK, Check, all_checks

HELP = (
    "Check packages, the native module, model files and their hashes, assets, system libraries, segmenters, backends,\n"
    "codecs and cameras, and name the cure for what is missing. Nothing is fetched and no camera is switched on.\n"
    "Exit code 1 if something is missing that iph_rt cannot do without."
)
EXAMPLE = "iph-rt doctor --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Check and report."""
    checks = []
    for check in all_checks():
        checks.append(check)
        if not args.json:
            _print(check, first=len(checks) == 1 or checks[-2].group != check.group)
    missing = [check for check in checks if check.state == MISSING]
    if args.json:
        print(json.dumps({"healthy": not missing, "checks": [check.as_dict() for check in checks]}, indent=2))
    else:
        print(f"\n{f'{len(missing)} missing: iph_rt cannot work yet' if missing else 'iph_rt can work here'}")
    return 1 if missing else 0


def _print(check: Check, *, first: bool) -> None:
    mark = {OK: "  ok", MISSING: "FAIL"}.get(check.state, "   -")
    if first:
        print(f"\n{check.group}")
    print(f"{mark}  {check.name:20} {check.detail}")
    if check.cure:
        print(f"      {'':20} -> {check.cure}")
    sys.stdout.flush()
