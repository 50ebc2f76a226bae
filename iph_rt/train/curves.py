"""Training curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from iph_rt.files import atomic_path


def draw_curves(table: Path, picture: Path) -> None:
    """Draw loss and held-out ratios of a curves CSV over the samples seen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    samples = [int(row["samples"]) / 1000 for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(samples, [float(row["loss"]) for row in rows], color="#444")
    left.set(title="Training loss", xlabel="thousand samples")
    for name in (name for name in (rows[0] if rows else {}) if name.startswith("ratio ")):
        right.plot(samples, [float(row[name]) for row in rows], label=name.removeprefix("ratio "))
    right.set(title="Held-out fMSE / direct composite", xlabel="thousand samples")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    if right.lines:
        right.legend()
    with atomic_path(picture) as partial:
        figure.savefig(partial, dpi=110, format="png")
    pyplot.close(figure)
