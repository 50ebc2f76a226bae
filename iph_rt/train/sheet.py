"""The picture sheet of an evaluation: one row for each held-out pair, one column for each method, as PNG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from iph_rt.errors import ConfigError
from iph_rt.files import atomic_path
from iph_rt.train.evaluation import DIRECT, POLYNOMIAL, RAW, Evaluation, Example, Mask, Picture

CELL, GAP, HEAD, CAPTION, MARGIN = 232, 10, 76, 24, 26  # pixels
DPI = 100
PAPER, INK, FAINT, ACCENT = "#15171a", "#f2f2f0", "#9aa0a6", "#ffcc4d"


def check_drawing() -> None:
    """Raises ConfigError if matplotlib, which draws the sheet, is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"a picture sheet needs matplotlib ({error}): pip install 'iph-rt[train]'") from error


def write_sheet(path: str | os.PathLike[str], evaluations: Sequence[Evaluation], title: str) -> None:
    """Draw the examples that the evaluations kept and write them as PNG, atomically.

    Columns: composite with its foreground outlined, reference with the guide mask outlined, direct composite, the best
    classical method of that kind of pair, the network raw and through the polynomial, the truth. Below each method its
    foreground MSE on that pair; the best of the row is marked.

    Raises:
        ConfigError: matplotlib is missing, or no evaluation kept examples.
        SinkError: ``path`` cannot be written.
    """
    check_drawing()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [(evaluation, example) for evaluation in evaluations for example in evaluation.examples]
    if not rows:
        raise ConfigError("a picture sheet needs examples: evaluate with at least one")
    columns = len(_columns(*rows[0]))
    width = 2 * MARGIN + columns * (CELL + GAP) - GAP
    heads = sum(bool(evaluation.examples) for evaluation in evaluations)
    height = 2 * MARGIN + 46 + heads * HEAD + len(rows) * (CELL + CAPTION + GAP)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    page = _Page(figure, width, height)

    page.text(MARGIN, MARGIN + 16, title, size=15, weight="bold")
    top = MARGIN + 46
    for evaluation in evaluations:
        if not evaluation.examples:
            continue
        subtitle = f"{evaluation.kind}   the first {len(evaluation.examples)} of {len(evaluation.names)} held-out pairs"
        page.text(MARGIN, top + 18, subtitle, color=ACCENT, size=11)
        for column, (label, *_) in enumerate(_columns(evaluation, evaluation.examples[0])):
            name, detail = label.split("\n")
            left = MARGIN + column * (CELL + GAP)
            page.text(left, top + 46, name, size=10.5, weight="bold")
            page.text(left, top + 64, detail, size=9, color=FAINT)
        top += HEAD
        for example in evaluation.examples:
            _draw_row(page, top, _columns(evaluation, example))
            top += CELL + CAPTION + GAP
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", facecolor=PAPER)


Column = tuple[str, Picture, "Mask | None", "float | None"]


def _columns(evaluation: Evaluation, example: Example) -> list[Column]:
    """Label of two lines, picture, outline and foreground MSE of each cell of a row."""
    pair = example.pair
    columns: list[Column] = [
        ("composite\nforeground outlined", pair.composite, pair.foreground_mask, None),
        ("reference\nguide outlined", pair.reference, pair.guide_mask, None),
    ]
    methods = {
        DIRECT: "direct\nnaive composite",
        evaluation.best_classical: f"best classical\n{evaluation.best_classical}",
    }
    methods |= {RAW: "iph\nraw network", POLYNOMIAL: "iph\nthrough the polynomial"}
    columns += [
        (label, example.outputs[name], None, example.fmse[name])
        for name, label in methods.items()
        if name in example.outputs
    ]
    return [*columns, ("truth\n", pair.target, None, None)]


def _draw_row(page: _Page, top: float, columns: Sequence[Column]) -> None:
    best = min(fmse for *_, fmse in columns if fmse is not None)
    for index, (_, picture, outline, fmse) in enumerate(columns):
        left = MARGIN + index * (CELL + GAP)
        page.picture(left, top, picture, outline)
        if fmse is not None:
            color, mark = (ACCENT, "  best") if fmse == best else (FAINT, "")
            page.text(left, top + CELL + 15, f"fMSE {fmse:.0f}{mark}", color=color, size=9)


class _Page:
    """Draws on a figure in pixels from the top left corner."""

    def __init__(self, figure: Any, width: float, height: float) -> None:
        self._figure, self._width, self._height = figure, width, height

    def text(
        self, left: float, top: float, words: str, *, size: float, color: str = INK, weight: str = "normal"
    ) -> None:
        self._figure.text(
            left / self._width,
            1 - top / self._height,
            words,
            va="baseline",
            color=color,
            fontsize=size,
            fontweight=weight,
        )

    def picture(self, left: float, top: float, picture: Picture, outline: Mask | None) -> None:
        box = (left / self._width, 1 - (top + CELL) / self._height, CELL / self._width, CELL / self._height)
        axes = self._figure.add_axes(box)
        axes.imshow(picture, interpolation="lanczos", aspect="auto")
        if outline is not None and outline.any() and not outline.all():
            # A thin bright line on a wider dark one is seen on any picture.
            axes.contour(outline, levels=[0.5], colors=["#000000"], linewidths=3.2, alpha=0.55)
            axes.contour(outline, levels=[0.5], colors=[ACCENT], linewidths=1.4)
        axes.set_axis_off()
