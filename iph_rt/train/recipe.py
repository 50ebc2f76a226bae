"""How a model is trained: picture sizes as a curriculum, samples, rates."""

from __future__ import annotations

from dataclasses import dataclass, field

from iph_rt.errors import ConfigError
from iph_rt.model.losses import LossWeights


@dataclass(frozen=True)
class Stage:
    """So many samples at one picture size."""

    size: int
    samples: int


@dataclass(frozen=True)
class Recipe:
    """One training run. Rates: AdamW with a cosine from ``rate`` to ``rate / 50`` over the work of all stages."""

    model: str = "iph-edge"
    batch: int = 48
    rate: float = 2e-3
    weight_decay: float = 1e-4
    clip: float = 1.0
    average: float = 0.99  # per step, moving average of the weights: what is evaluated and exported
    polynomial_share: float = 0.5  # of the loss, taken through the fitted polynomial; the rest on the network's own output
    losses: LossWeights = field(default_factory=LossWeights)  # the paper's other terms, on top of the harmonization loss
    seed: int = 0
    stages: tuple[Stage, ...] = field(default=(Stage(64, 1_200_000), Stage(128, 240_000), Stage(256, 24_000)))

    def __post_init__(self) -> None:
        if self.batch < 2 or any(stage.size % 16 or stage.size < 32 or stage.samples < 0 for stage in self.stages):
            raise ConfigError(f"recipe cannot work: {self}; expected batch >= 2, sizes that are multiples of 16 from 32 on")

    @property
    def samples(self) -> int:
        """All samples of all stages."""
        return sum(stage.samples for stage in self.stages)

    def progress(self, seen: int) -> float:
        """Share of the run's work done after so many samples, 0 to 1: work is counted in pixels, so that the larger sizes,
        which see fewer samples, are not left with the end of the cosine alone."""
        done = total = 0
        for stage in self.stages:
            done += min(max(seen, 0), stage.samples) * stage.size**2
            total += stage.samples * stage.size**2
            seen -= stage.samples
        return min(1.0, done / max(total, 1))

    def size_at(self, seen: int) -> int:
        """Picture size after so many samples."""
        for stage in self.stages:
            if seen < stage.samples:
                return stage.size
            seen -= stage.samples
        return self.stages[-1].size


def parse_stages(text: str) -> tuple[Stage, ...]:
    """``64:1200000,128:240000`` to stages.

    Raises:
        ConfigError: not of that form.
    """
    try:
        return tuple(Stage(*(int(part) for part in item.split(":"))) for item in text.split(","))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"stages are {text!r}; expected SIZE:SAMPLES,SIZE:SAMPLES ... such as 64:1200000,128:240000") from error
