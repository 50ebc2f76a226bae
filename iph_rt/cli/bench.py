"""``iph-rt bench``: measurements on this machine."""

from __future__ import annotations

import argparse
import importlib

HELP = (
    "Measure on this machine: 'color' times the native colour kernels against NumPy and OpenCV, 'stream' times every\n"
    "stage of the whole live path. Figures are p50 / p95 / p99 with the warm-up left out."
)
EXAMPLE = "iph-rt bench stream"

BENCHES = {
    "color": ("iph_rt.bench.color", "moments, solve, and fused apply + composite, as ratios to NumPy and OpenCV"),
    "stream": ("iph_rt.bench.stream", "end to end by stage, at 720p and 1080p"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare one subcommand for each bench; their modules declare the rest."""
    benches = parser.add_subparsers(dest="bench", required=True, metavar="{color,stream}")
    for name, (module_name, summary) in BENCHES.items():
        module = importlib.import_module(module_name)
        one = benches.add_parser(
            name,
            help=summary,
            description=getattr(module, "HELP", summary),
            epilog=f"example:\n  {getattr(module, 'EXAMPLE', f'iph-rt bench {name}')}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(one)
        one.set_defaults(run_bench=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen bench."""
    return int(args.run_bench(args))
