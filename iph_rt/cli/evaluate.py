"""``iph-rt evaluate``: the model and the classical methods on held-out pairs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from iph_rt.config import BACKENDS
from iph_rt.errors import ConfigError

HELP = (
    "Measure a model on held-out pairs beside the direct composite and the classical colour transfers.\n"
    "Prints PSNR, SSIM, CIE delta E 2000, MSE and foreground MSE for each kind of pair, with bootstrap intervals, and\n"
    "writes a picture sheet. Needs the photographs (iph-rt train --fetch-corpus)."
)
EXAMPLE = "iph-rt evaluate --model iph-edge --pairs 256 --sheet evaluation.png"

KINDS = ("same-scene", "shared-light")
SHEET_ROWS = {1: 8, 2: 4}  # examples of each kind, by how many kinds there are


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", default="iph-edge", help="a model of the package (default: %(default)s)")
    which.add_argument("--weights", type=Path, metavar="DIR", help="a folder with style_encoder.onnx and harmonizer.onnx")
    parser.add_argument("--backend", choices=BACKENDS, default="onnxruntime", help="default: %(default)s")
    parser.add_argument("--kind", choices=(*KINDS, "all"), default="all", help="kind of pair (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=256, metavar="N", help="of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the pairs (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="of the networks (default: all processors, at most 4)")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write pictures of the first pairs")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, draw."""
    if args.pairs < 1:
        raise ConfigError(f"--pairs: got {args.pairs}, expected at least 1")
    if args.seed < 0:
        raise ConfigError(f"--seed: got {args.seed}, expected 0 or more")
    from iph_rt.files import check_writable
    from iph_rt.runtime.choose import open_backend
    from iph_rt.train import evaluation, evaluation_report, sheet

    if args.sheet is not None:
        sheet.check_drawing()
        check_writable(args.sheet)
    kinds = KINDS if args.kind == "all" else (args.kind,)
    model = args.model if args.weights is None else args.weights
    name = args.model if args.weights is None else args.weights.resolve().name
    backend = open_backend(args.backend, model, threads=args.threads)
    try:
        with tqdm(total=len(kinds) * args.pairs, unit="pair", leave=False) as bar:
            done = []
            for kind in kinds:
                bar.set_description(kind)
                done.append(
                    evaluation.evaluate(
                        kind,
                        args.pairs,
                        network=evaluation.network_method(backend),
                        seed=args.seed,
                        examples=SHEET_ROWS[len(kinds)] if args.sheet else 0,
                        progress=bar.update,
                    )
                )
    finally:
        backend.close()
    if args.json:
        results = [evaluation_report.as_dict(one) for one in done]
        print(json.dumps({"model": str(model), "backend": backend.name, "seed": args.seed, "kinds": results}, indent=2))
    else:
        print(f"{model}, {backend.name} ({backend.precision}), seed {args.seed}\n")
        print("\n\n".join(evaluation_report.table(one) for one in done))
    if args.sheet is not None:
        sheet.write_sheet(args.sheet, done, f"{name}: held-out pairs")
        if not args.json:
            print(f"\npictures: {args.sheet}")
    return 0
