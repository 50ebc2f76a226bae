"""The training loop: curriculum, moving average, checkpoints that resume to the same curve, curves as CSV and picture."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from iph_rt.errors import ConfigError
from iph_rt.model.polynomial_fit import fit_and_apply
from iph_rt.model.presets import IPHNet, build_model
from iph_rt.model.weights import CHECKPOINT
from iph_rt.train.checkpoint import load_checkpoint, save_checkpoint
from iph_rt.train.curves import draw_curves
from iph_rt.train.loss import foreground_mse, total_loss
from iph_rt.train.pairs import KINDS, TensorBatch, make_pairs
from iph_rt.train.photos import PhotoStore
from iph_rt.train.recipe import Recipe

CURVES = "curves.csv"
HELD_OUT_PAIRS = 192  # of each kind, looked at on the way; the full evaluation is its own command
FIELDS = ("samples", "size", "loss", "rate", *(f"ratio {kind}" for kind in KINDS), "samples/s")


class BatchSet(Dataset[TensorBatch]):
    """The batches of a recipe by the number of their first sample; each depends on that number alone."""

    def __init__(self, store: PhotoStore, recipe: Recipe) -> None:
        self.store, self.recipe = store, recipe

    def __getitem__(self, start: int) -> TensorBatch:
        recipe = self.recipe
        return mixed_batch(self.store, recipe.size_at(start), recipe.batch, (recipe.seed, start))


def batches(store: PhotoStore, recipe: Recipe, seen: int, workers: int) -> Iterable[TensorBatch]:
    """Batches from sample ``seen`` on, half of each kind, made in worker processes (0: in this one)."""
    order = range(seen, recipe.samples, recipe.batch)
    return DataLoader(
        BatchSet(store, recipe), batch_size=None, sampler=order, num_workers=workers, prefetch_factor=4 if workers else None
    )


def mixed_batch(store: PhotoStore, size: int, count: int, seed: tuple[int, ...]) -> TensorBatch:
    """Half same scene, half shared light."""
    halves = [make_pairs(store, kind, count // 2, size, (*seed, index)) for index, kind in enumerate(KINDS)]
    first, second = halves
    joined = [
        torch.cat([getattr(first, name), getattr(second, name)])
        for name in ("composite", "foreground_mask", "reference", "guide_mask", "target")
    ]
    return TensorBatch(joined[0], joined[1], joined[2], joined[3], joined[4], first.names + second.names)


class Trainer:
    """One run in one folder. ``run`` goes on from the checkpoint that lies there."""

    def __init__(
        self,
        recipe: Recipe,
        store: PhotoStore,
        held_out: PhotoStore | None,
        out: Path,
        *,
        compiled: bool = False,
        workers: int = 1,
    ) -> None:
        torch.set_flush_denormal(True)  # training slows down several times without
        torch.manual_seed(recipe.seed)
        self.recipe, self.store, self.held_out, self.out, self.workers = recipe, store, held_out, out, workers
        self.model = build_model(recipe.model)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward = torch.compile(self.model, dynamic=False) if compiled else self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.seen = 0
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).exists():
            self._resume()

    def _resume(self) -> None:
        state = load_checkpoint(self.out / CHECKPOINT, self.model, self.average, self.optimizer)
        if state["model"] != self.recipe.model or state["batch"] != self.recipe.batch:
            raise ConfigError(
                f"{self.out / CHECKPOINT} is of {state['model']} with batch {state['batch']}, the recipe says "
                f"{self.recipe.model} with {self.recipe.batch}; use another --out"
            )
        self.seen = int(state["seen"])
        self._cut_curves()

    def run(self, checkpoint_seconds: float = 60, curve_every: int = 24_000, progress: bool = True) -> None:
        """Train to the end of the recipe. Interrupt at any time; the next run goes on from the last checkpoint."""
        bar = tqdm(total=self.recipe.samples, initial=self.seen, unit="sample", disable=not progress, smoothing=0.02)
        saved = noted = time.monotonic()
        noted_at, losses = self.seen, []
        with bar:
            for batch in batches(self.store, self.recipe, self.seen, self.workers):
                losses.append(self.step(batch))
                self.seen += self.recipe.batch
                bar.update(self.recipe.batch)
                last = self.seen >= self.recipe.samples
                if self.seen // curve_every > noted_at // curve_every or last:
                    speed = (self.seen - noted_at) / max(time.monotonic() - noted, 1e-6)
                    self._note(sum(losses) / len(losses), speed, batch.target.shape[-1], bar)
                    noted, noted_at, losses = time.monotonic(), self.seen, []
                if last or time.monotonic() - saved > checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()

    def step(self, batch: TensorBatch) -> float:
        """One optimizer step; returns the loss."""
        progress = self.recipe.progress(self.seen)
        warm_up = min(100 * self.recipe.batch, 0.05 * self.recipe.samples)
        warm = min(1.0, (self.seen + self.recipe.batch) / warm_up)
        rate = self.recipe.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        cl = torch.channels_last
        output = self.forward(
            batch.foreground.contiguous(memory_format=cl), batch.foreground_mask,
            batch.reference.contiguous(memory_format=cl), batch.guide_mask,
        )
        loss = total_loss(
            output, batch, self.recipe.polynomial_share, self.recipe.losses, self.model.style_encoder
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
            self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        steps = self.seen / self.recipe.batch
        keep = min(self.recipe.average, (1 + steps) / (10 + steps))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value.detach(), 1 - keep)

    def averaged_model(self) -> IPHNet:
        """A copy with the moving average of the weights."""
        model = build_model(self.recipe.model)
        model.load_state_dict(self.average)
        return model.eval()

    def save(self) -> None:
        """Write the checkpoint."""
        state = {"seen": self.seen, "model": self.recipe.model, "batch": self.recipe.batch}
        save_checkpoint(self.out / CHECKPOINT, self.model, self.average, self.optimizer, state)

    def held_out_ratio(self, kind: str, size: int) -> float:
        """Mean fMSE through the fitted polynomial over that of the direct composite, on held-out pairs."""
        if self.held_out is None:
            return float("nan")
        model = self.averaged_model()
        found: list[Tensor] = []
        direct: list[Tensor] = []
        with torch.no_grad():
            for start in range(0, HELD_OUT_PAIRS, 48):
                batch = make_pairs(self.held_out, kind, 48, size, (12345, start))
                output = model(batch.foreground, batch.foreground_mask, batch.reference, batch.guide_mask)
                found.append(foreground_mse(fit_and_apply(batch.composite, output, batch.foreground_mask), batch))
                direct.append(foreground_mse(batch.composite, batch))
        return float(torch.cat(found).mean() / torch.cat(direct).mean())

    def _note(self, loss: float, speed: float, size: int, bar: tqdm[NoReturn]) -> None:
        ratios = [self.held_out_ratio(kind, size) for kind in KINDS]
        row = [self.seen, size, f"{loss:.5f}", f"{self.optimizer.param_groups[0]['lr']:.2e}"]
        row += [f"{ratio:.4f}" for ratio in ratios] + [f"{speed:.0f}"]
        path = self.out / CURVES
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(FIELDS)
            writer.writerow(row)
        draw_curves(path, self.out / "curves.png")
        bar.set_postfix_str(f"{size}px loss {loss:.4f} " + " ".join(f"{k} {r:.3f}" for k, r in zip(KINDS, ratios, strict=True)))

    def _cut_curves(self) -> None:
        """Drop rows written after the checkpoint, so that the resumed curve has no double part."""
        path = self.out / CURVES
        if path.exists():
            rows = path.read_text(encoding="utf-8").splitlines()
            kept = [row for row in rows[1:] if int(row.split(",")[0]) <= self.seen]
            path.write_text("\n".join([rows[0], *kept]) + "\n", encoding="utf-8")
