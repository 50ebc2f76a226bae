"""``iph-rt train``: train a model on the corpus, or on a folder of photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "train the networks on photographs"
EXAMPLE = """\
  iph-rt train --fetch-corpus                      fetch the photographs that the packaged weights were trained on
  iph-rt train --out runs/edge                     train iph-edge; run again to go on after an interruption
  iph-rt train --photos ~/Pictures --stages 64:40000 --out runs/mine
  iph-rt train --out runs/edge --export weights    write the safetensors and ONNX files of a run"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--fetch-corpus", action="store_true", help="fetch the training photographs by package, then stop")
    parser.add_argument("--photos", type=Path, help="a folder of photographs (default: the fetched corpus)")
    parser.add_argument("--model", default="iph-edge", help="iph-edge (default) or iph-base")
    parser.add_argument("--out", type=Path, help="folder of the run: checkpoint, curves")
    parser.add_argument("--stages", help="SIZE:SAMPLES,... (default 64:1200000,128:240000,256:24000)")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate at the start")
    parser.add_argument("--luminance", type=float, default=0.0, help="alpha: weight of the luminance matching loss (equation 4)")
    parser.add_argument("--consistency", type=float, default=0.0, help="lambda: weight of the consistency loss (equation 5)")
    parser.add_argument("--triplet", type=float, default=0.0, help="beta: weight of both triplet losses")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument("--workers", type=int, default=1, help="processes that make pairs (default 1; 0: none beside this one)")
    parser.add_argument("--compile", action="store_true", help="compile the networks: a minute or two for each size, then faster")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write the weights of the run in --out to DIR, then stop")
    parser.add_argument("--pin", metavar="NAME", help="with --export: pin the files' SHA-256 as those of the packaged model NAME")


def run(args: argparse.Namespace) -> int:
    """Fetch, export or train."""
    from iph_rt.train.corpus import fetch_corpus

    if args.fetch_corpus:
        problems = fetch_corpus(report=lambda line: print(line, file=sys.stderr))
        for problem in problems:
            print(f"iph-rt: {problem}", file=sys.stderr)
        return 1 if problems else 0
    return _export(args) if args.export else _train(args)


def _train(args: argparse.Namespace) -> int:
    import torch

    from iph_rt.errors import ConfigError, TrainingDataError
    from iph_rt.model.losses import LossWeights
    from iph_rt.train.loop import Trainer
    from iph_rt.train.pairs import split_store
    from iph_rt.train.photos import PhotoStore
    from iph_rt.train.recipe import Recipe, parse_stages
    from iph_rt.train.subject import subject_finder

    if args.out is None:
        raise ConfigError("got no --out; expected a folder for checkpoint and curves, such as --out runs/edge")
    if args.threads:
        torch.set_num_threads(args.threads)
    stages = parse_stages(args.stages) if args.stages else Recipe().stages
    losses = LossWeights(args.luminance, args.consistency, args.triplet)
    recipe = Recipe(
        model=args.model, batch=args.batch, rate=args.rate, seed=args.seed, stages=stages, losses=losses
    )
    held_out: PhotoStore | None
    if args.photos is None:
        store, held_out = split_store(held_out=False), split_store(held_out=True)
    else:
        if not args.photos.is_dir():
            raise TrainingDataError(f"{args.photos} is not a folder; expected one with photographs in it")
        files = sorted(path for path in args.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
        store, problems = PhotoStore.load([(str(path.relative_to(args.photos)), path) for path in files], subject_finder())
        held_out = None
        for problem in problems:
            print(f"iph-rt: left out: {problem}", file=sys.stderr)
    trainer = Trainer(recipe, store, held_out, args.out, compiled=args.compile, workers=args.workers)
    print(f"{len(store)} photographs, {recipe.samples} samples, from sample {trainer.seen}", file=sys.stderr)
    trainer.run()
    return 0


def _export(args: argparse.Namespace) -> int:
    from iph_rt.engine.export import export_run, pin
    from iph_rt.weights.registry import PINS

    for path in export_run(args.out, args.export):
        print(path)
    if args.pin:
        pin(args.pin, args.export, PINS)
    return 0
