"""How good predictions are, beside the simplest guess: accuracy and confusion matrix, or R²."""

from __future__ import annotations

from collections.abc import Sequence
from math import dist, sqrt
from statistics import fmean
from typing import Any

from .._text import visible
from .tasks import Task

#: Classes of which a confusion matrix fits on a screen.
MOST_SHOWN = 20


def scores(task: Task, outputs: Sequence[Any], targets: Sequence[float], rows: str = "") -> list[str]:
    """Return lines about a model's outputs: its score, that of the baseline, and the confusion matrix.

    Args:
        task: of the model.
        outputs: of the model, for each row.
        targets: of the rows: numbers of the target column, or indices of classes.
        rows: what rows they are, as "held-out".

    Raises:
        ValueError: an output is not finite.
    """
    wrong = sum(not task.is_finite(output) for output in outputs)
    if wrong:
        which = f"{wrong} of {len(outputs)}{f' {rows}' if rows else ''} rows"
        raise ValueError(f"the prediction is not finite for {which}; the weights or the cells are too large")
    start = f"{rows} " if rows else ""
    if not task.classes:
        return [start + _regression(task, outputs, targets)]
    counts = [[0] * len(task.classes) for _ in task.classes]
    for output, target in zip(outputs, targets, strict=True):
        counts[int(target)][task.chosen(output)] += 1
    right = sum(row[i] for i, row in enumerate(counts))
    line = f"{start}accuracy {right / len(targets):.1%} ({right} of {len(targets)})"
    if task.majority:
        usual = sum(counts[task.classes.index(task.majority)])
        line += f"; always {task.majority!r}, the most common in training: {usual / len(targets):.1%}"
    if len(task.classes) > MOST_SHOWN:
        return [line, f"no confusion matrix: more than {MOST_SHOWN} classes"]
    return [line, *_matrix(task.classes, counts)]


def _regression(task: Task, outputs: Sequence[float], targets: Sequence[float]) -> str:
    """Return R² and the root of the mean squared error, of the outputs and of the mean of the training rows."""
    scale = task.target_scale
    assert scale is not None  # of a regression
    spread = _error([fmean(targets)] * len(targets), targets)
    error = _error([scale.from_unit(output) for output in outputs], targets)
    usual = _error([scale.mean] * len(targets), targets)
    baseline = f"always {scale.mean:.4g}, the mean in training:"
    if not spread:
        return (
            f"R² undefined, it needs two different targets; root mean squared error {error:.4g}; {baseline} {usual:.4g}"
        )
    return (
        f"R² {_determination(error, spread)}, root mean squared error {error:.4g}; "
        f"{baseline} R² {_determination(usual, spread)}, {usual:.4g}"
    )


def _error(guesses: Sequence[float], targets: Sequence[float]) -> float:
    """Return the root of the mean squared error, without the squares, which might overflow."""
    return dist(guesses, targets) / sqrt(len(targets))


def _determination(error: float, spread: float) -> str:
    """Return R² from two roots of mean squared errors: of the guesses, and of the targets' mean."""
    value = 1 - (error / spread) * (error / spread)
    return f"{value:.4f}" if value > -1000 else f"{value:.4g}"


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> list[str]:
    """Return the lines of a table: a row for each true class, a column for each predicted one."""
    lengths = (12, 24, 48)
    names = next(
        (names for length in lengths if len(set(names := [visible(name, length) for name in classes])) == len(classes)),
        [f"{i}: {visible(name, 12)}" for i, name in enumerate(classes, 1)],
    )
    widths = [max(len(name), *(len(str(row[i])) for row in counts)) for i, name in enumerate(names)]
    first = max(len("true"), *map(len, names))
    lines = [
        ("true", names, "  as predicted"),
        *((name, map(str, row), "") for name, row in zip(names, counts, strict=True)),
    ]
    return [
        f"  {name.ljust(first)}  "
        + "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        + end
        for name, cells, end in lines
    ]
