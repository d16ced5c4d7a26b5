"""Plots by matplotlib, the extra ``plot``: the losses of a training, the classes of a plane, the gradients of layers.

Each takes the Axes to draw on, or makes a figure of its own, and returns the Axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from itertools import cycle
from math import inf
from typing import TYPE_CHECKING, Any

from ._checks import required_pairs
from ._text import described, visible
from .metrics import classes_of
from .nn.module import Module
from .reporting.report import gradient_report
from .training.range import LearningRates
from .training.run import History

__all__ = ["decision_boundary", "gradient_flow", "learning_rates", "loss"]


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Can be distinguished by everyone, light and dark in turn (Okabe and Ito 2008, Color Universal Design).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")


#: Their number differs from that of the colours, so that pairs of colour and marker do not soon repeat.
MARKERS = "os^Dv<>P"


#: The ratio of the largest loss to the least from which the axis is logarithmic.
SPAN = 30.0


#: Points of the grid that the plane of a decision boundary is computed at, along each axis.
STEPS = 120


def loss(history: History, ax: Axes | None = None) -> Axes:
    """Draw the losses of a training, epoch by epoch; on a logarithmic axis where they span much more than a decade.

    Args:
        history: what `fit` returned.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError: history is not a History.
        ImportError: matplotlib is not installed.
    """
    if not isinstance(history, History):
        raise TypeError(f"plot.loss needs the History that fit returns, got {described(history)}")
    ax = _axes(ax)
    from matplotlib.ticker import MaxNLocator

    curves = {"training": history.loss, "validation": history.validation_loss}
    for (name, curve), colour, style in zip(curves.items(), COLOURS, ["-", "--"], strict=False):
        if curve:
            marker = "o" if len(curve) == 1 else None
            ax.plot(range(1, len(curve) + 1), curve, style, color=colour, marker=marker, label=name)
    losses = [*history.loss, *history.validation_loss]
    if losses and min(losses) > 0 and max(losses) > SPAN * min(losses):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if history.validation_loss:
        ax.legend()
    return ax


def learning_rates(found: LearningRates, ax: Axes | None = None) -> Axes:
    """Draw the losses of a range test over the learning rates, and the one that it suggests.

    Args:
        found: what `lr_range` returned.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError: found is something else.
        ImportError: matplotlib is not installed.
    """
    if not isinstance(found, LearningRates):
        raise TypeError(f"plot.learning_rates needs what lr_range returns, got {described(found)}")
    ax = _axes(ax)
    ax.plot(found.lr, found.loss, ".", color=COLOURS[4], label="loss of a step")
    ax.plot(found.lr, found.smooth, color=COLOURS[0], label="running mean")
    ax.axvline(found.suggestion, color=COLOURS[5], linestyle="--", label=f"suggestion: {found.suggestion:.2g}")
    ax.set_xscale("log")
    if min(found.loss) > 0 and max(found.loss) > SPAN * min(found.loss):
        ax.set_yscale("log")
    ax.set(xlabel="learning rate", ylabel="loss")
    ax.legend()
    return ax


def decision_boundary(
    model: Module, X: Iterable[Iterable[Any]], y: Iterable[Any], ax: Axes | None = None, *, threshold: float = 0.0
) -> Axes:
    """Draw which class a model gives to each point of a plane, and the rows that it should give them to.

    Args:
        model: of two inputs; of one output, or of one for each class, the largest of which counts.
        X: rows of two numbers.
        y: for each row its class: 0 or 1 (or -1 or 1) for one output, for several an index or a one-hot row.
        ax: where to draw; a new figure by default.
        threshold: the class is 1 where the one output is above it. 0 is right for logits and for targets of -1 and 1,
            0.5 for probabilities, say of a sigmoid.

    Raises:
        TypeError, ValueError: X has other than two columns, or y other than a class for each row.
        ImportError: matplotlib is not installed.
    """
    pairs = required_pairs(X, y)
    if len(pairs[0][0]) != 2:
        raise ValueError(f"a decision boundary needs rows of two columns, got {len(pairs[0][0])}")
    (output,) = model.predict([pairs[0][0]])
    classes, names = classes_of([target for _, target in pairs], len(output) if isinstance(output, list) else 1)
    ax = _axes(ax)
    import numpy as np
    from matplotlib.colors import ListedColormap

    rows = np.asarray([row for row, _ in pairs])
    margin = 0.1 * np.maximum(np.ptp(rows, axis=0), 1e-6)
    xs, ys = np.linspace(rows.min(axis=0) - margin, rows.max(axis=0) + margin, STEPS).T
    scores = np.asarray(model.predict([(a, b) for b in ys.tolist() for a in xs.tolist()])).reshape(STEPS, STEPS, -1)
    if scores.shape[2] == 1:
        scores = np.concatenate([np.full_like(scores, threshold), scores], axis=2)
    colours = [colour for colour, _ in zip(cycle(COLOURS), names, strict=False)]
    ax.pcolormesh(
        xs, ys, scores.argmax(axis=2), cmap=ListedColormap(colours), vmin=-0.5, vmax=len(names) - 0.5, alpha=0.25,
        rasterized=True,
    )  # fmt: skip
    for number in range(len(names)):
        lead = scores[..., number] - np.delete(scores, number, axis=2).max(axis=2)
        if lead.min() < 0 < lead.max():
            ax.contour(xs, ys, lead, levels=[0.0], colors="black", linewidths=1.0, linestyles="solid")
    for number, (name, colour, marker) in enumerate(zip(names, colours, cycle(MARKERS), strict=False)):
        own = rows[np.asarray(classes) == number]
        if len(own):
            ax.scatter(*own.T, color=colour, marker=marker, edgecolors="white", linewidths=0.7, label=f"class {name}")
    ax.set(xlabel="x1", ylabel="x2")
    ax.legend(loc="best")
    return ax


def gradient_flow(model: Module, ax: Axes | None = None) -> Axes:
    """Draw the mean and the largest gradient of each layer, as `gradient_report` has them, on a logarithmic axis.

    Args:
        model: whose parameters bear gradients.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError, ValueError: as `gradient_report`.
        ImportError: matplotlib is not installed.
    """
    layers = gradient_report(model).layers
    ax = _axes(ax)
    shown = {position: layer.gradient for position, layer in enumerate(layers) if 0 < layer.gradient.mean < inf}
    for side, name, colour in [(-0.2, "mean", COLOURS[0]), (0.2, "largest", COLOURS[1])]:
        sizes = [getattr(gradient, name) for gradient in shown.values()]
        ax.bar([position + side for position in shown], sizes, width=0.4, color=colour, label=name)
    for position, layer in enumerate(layers):
        if position not in shown:  # no bar on this axis can show 0, nan or inf
            ax.text(position, 0.01, f"{layer.gradient.largest:g}", transform=ax.get_xaxis_transform(), ha="center")
    if shown:
        ax.set_yscale("log")
        ax.set_ylim(bottom=min(gradient.mean for gradient in shown.values()) / 3)
        ax.legend()
    else:
        ax.set(yticks=[], title="no gradients to draw: call backward() first")
    names = [visible(layer.name, 20) for layer in layers]
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    ax.set(ylabel="|gradient|", xlim=(-0.6, len(names) - 0.4))
    return ax


def _axes(ax: Axes | None) -> Axes:
    """Return the Axes that were given, or those of a new figure.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is not None:
        return ax
    if not find_spec("matplotlib"):
        raise ImportError("mg.plot needs matplotlib: pip install 'microgrannd[plot]'")
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
