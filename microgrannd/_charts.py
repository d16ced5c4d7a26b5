"""Charts by matplotlib, the extra ``plot``, of plain numbers: what `plot`, histories and reports have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import cycle
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Can be distinguished by everyone, light and dark in turn (Okabe and Ito 2008, Color Universal Design).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")


#: The ratio of the largest number to the least from which an axis is logarithmic.
SPAN = 30.0


class Run(NamedTuple):
    """The losses of a training, epoch by epoch, and its best epoch, from 1; 0 where there is none."""

    loss: Sequence[float]
    validation: Sequence[float]
    best: int


def axes(ax: Axes | None) -> Axes:
    """Return the Axes that were given, or those of a new figure.

    Raises:
        ImportError: matplotlib is not installed.
    """
    return figure(1, 1)[0] if ax is None else ax


def figure(rows: int, columns: int) -> list[Any]:
    """Return the Axes of a new figure, row by row.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if not find_spec("matplotlib"):
        raise ImportError("mg.plot needs matplotlib: pip install 'microgrannd[plot]'")
    import matplotlib.pyplot as plt

    size = None if rows == columns == 1 else (5.0 * columns, 3.2 * rows)
    return list(plt.subplots(rows, columns, layout="constrained", squeeze=False, figsize=size)[1].flat)


def losses(runs: Mapping[str, Run], ax: Axes | None) -> Axes:
    """Draw the losses of several trainings, epoch by epoch, by their names; a dot marks the best epoch of each."""
    ax = axes(ax)
    both = any(run.validation for run in runs.values())
    alone = len(runs) == 1
    for (name, run), colour in zip(runs.items(), cycle(COLOURS), strict=False):
        curves = {"training": (run.loss, "-"), "validation": (run.validation, "--")}
        for number, (kind, (curve, style)) in enumerate((k, c) for k, c in curves.items() if c[0]):
            label = kind if alone else f"{_plain(name)}, {kind}" if both else _plain(name)
            marker = "o" if len(curve) == 1 else None
            shade = COLOURS[number] if alone else colour
            ax.plot(range(1, len(curve) + 1), curve, style, color=shade, marker=marker, label=label)
        judged = run.validation or run.loss
        if run.best:
            best, value = run.best, judged[run.best - 1]
            shade = COLOURS[len(run.validation) > 0] if alone else colour
            said = f"best: epoch {best}" if alone else "_best"  # said once for all, below
            ax.plot([best], [value], "o", color=shade, markeredgecolor="black", zorder=3, label=said)
    if not alone and any(run.best for run in runs.values()):
        ax.plot([], [], "o", color="white", markeredgecolor="black", label="best epoch")
    _logarithmic(ax, [loss for run in runs.values() for curve in (run.loss, run.validation) for loss in curve])
    ax.set(xlabel="epoch", ylabel="loss")
    _whole(ax)
    if any(run.best or run.validation for run in runs.values()) or not alone:
        ax.legend()
    return ax


def learning_rates(
    lr: Sequence[float], loss: Sequence[float], smooth: Sequence[float], suggestion: float, ax: Axes | None
) -> Axes:
    """Draw the losses of a range test, and their running mean, over the rates; and the rate that it suggests."""
    ax = axes(ax)
    ax.plot(lr, loss, ".", color=COLOURS[4], label="loss of a step")
    ax.plot(lr, smooth, color=COLOURS[0], label="running mean")
    ax.axvline(suggestion, color=COLOURS[5], linestyle="--", label=f"suggestion: {suggestion:.2g}")
    ax.set_xscale("log")
    _logarithmic(ax, loss)
    ax.set(xlabel="learning rate", ylabel="loss")
    ax.legend()
    return ax


def curves(ax: Axes, series: Mapping[str, Mapping[int, float | None]], title: str) -> None:
    """Draw a line for each layer over the epochs, on a logarithmic axis; what it cannot show is left out."""
    for (name, points), colour in zip(series.items(), cycle(COLOURS), strict=False):
        shown = {epoch: number for epoch, number in points.items() if number and isfinite(number)}
        marker = "o" if len(shown) == 1 else None
        ax.plot(list(shown), list(shown.values()), color=colour, marker=marker, label=_plain(name))
    ax.set_yscale("log")
    ax.set(xlabel="epoch", title=title)
    _whole(ax)


def bars(ax: Axes, numbers: Mapping[str, float | None], title: str) -> None:
    """Draw a bar for each layer, on a logarithmic axis; a text where it can show none."""
    shown = {at: number for at, number in enumerate(numbers.values()) if number and isfinite(number)}
    ax.bar(list(shown), list(shown.values()), color=[COLOURS[at % len(COLOURS)] for at in shown])
    for at, number in enumerate(numbers.values()):
        if at not in shown:
            text = "–" if number is None else f"{number:g}"
            ax.text(at, 0.02, text, transform=ax.get_xaxis_transform(), ha="center")
    if shown:
        ax.set_yscale("log")
        ax.set_ylim(bottom=min(shown.values()) / 3)
    names = [_plain(name) for name in numbers]
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    ax.set(title=title, xlim=(-0.6, len(names) - 0.4))


def histograms(ax: Axes, values: Mapping[str, Sequence[float]], title: str) -> None:
    """Draw the distribution of each layer's numbers as a line, all over one range."""
    for (name, numbers), colour in zip(values.items(), cycle(COLOURS), strict=False):
        finite = [number for number in numbers if isfinite(number)]
        if finite:
            ax.hist(finite, bins=40, histtype="step", density=True, color=colour, label=_plain(name))
    ax.set(title=title, ylabel="density")


def _logarithmic(ax: Axes, numbers: Sequence[float]) -> None:
    finite = [number for number in numbers if isfinite(number)]
    if finite and min(finite) > 0 and max(finite) > SPAN * min(finite):
        ax.set_yscale("log")


def _whole(ax: Axes) -> None:
    """Have only whole numbers on the axis of epochs."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _plain(name: str) -> str:
    """Return a name in which matplotlib finds no formula, and that it shows in a legend."""
    return name.replace("$", r"\$").lstrip("_") or "–"
