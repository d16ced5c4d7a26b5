"""Plots by matplotlib, the extra ``plot``: the losses of a training, the classes of a plane, the gradients of layers.

Each takes the Axes to draw on, or makes a figure of its own, and returns the Axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from math import inf
from typing import TYPE_CHECKING, Any

from . import _charts
from ._charts import COLOURS, Run, axes, losses
from ._checks import required_pairs
from ._guesses import missing
from ._text import described, visible
from .metrics import classes_of
from .nn.module import Module
from .reporting.report import gradient_report
from .training.history import History
from .training.range import LearningRates

__all__ = ["decision_boundary", "gradient_flow", "learning_rates", "loss"]


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:

    def __getattr__(name: str) -> Any:
        missing(__name__, f"module {__name__!r}", name)


#: Their number differs from that of the colours, so that pairs of colour and marker do not soon repeat.
MARKERS = "os^Dv<>P"


#: Points of the grid that the plane of a decision boundary is computed at, along each axis.
STEPS = 120


def loss(history: History | Mapping[str, History], ax: Axes | None = None) -> Axes:
    """Draw the losses of a training, epoch by epoch; on a logarithmic axis where they span much more than a decade.

    A dot marks the best epoch: that of the lowest validation loss, or without validation rows of the lowest loss.

    Args:
        history: what `fit` returned; or several such by their names, as in ``{"sgd": h1, "adam": h2}``.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError: history is not a History, nor a dict of them.
        ValueError: the dict is empty.
        ImportError: matplotlib is not installed.

    >>> from microgrannd import History, plot
    >>> plot.loss(History(loss=[0.5, 0.25, 0.125])).get_ylabel()
    'loss'
    """
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    for name, one in histories.items():
        if not isinstance(one, History):
            which = f"history[{name!r}]: " if name else ""
            raise TypeError(f"plot.loss needs the History that fit returns, got {which}{described(one)}")
    if not histories:
        raise ValueError("plot.loss needs at least one History, got none")
    return losses(
        {
            visible(str(name), 30): Run(one.loss, one.validation_loss, one.best_epoch or 0)
            for name, one in histories.items()
        },
        ax,
    )


def learning_rates(found: LearningRates, ax: Axes | None = None) -> Axes:
    """Draw the losses of a range test over the learning rates, and the one that it suggests.

    Args:
        found: what `lr_range` returned.
        ax: where to draw; a new figure by default.

    Raises:
        TypeError: found is something else.
        ImportError: matplotlib is not installed.

    >>> from microgrannd import LearningRates, plot
    >>> plot.learning_rates(LearningRates(lr=[0.01, 0.1, 1.0], loss=[4.0, 2.0, 3.0])).get_xscale()
    'log'
    """
    if not isinstance(found, LearningRates):
        raise TypeError(f"plot.learning_rates needs what lr_range returns, got {described(found)}")
    return _charts.learning_rates(*found, found.smooth, found.suggestion, ax)


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

    >>> from microgrannd import MLP, data, plot
    >>> plot.decision_boundary(MLP(2, [3, 1], seed=0), *data.xor()).get_xlabel()
    'x1'
    """
    pairs = required_pairs(X, y)
    if len(pairs[0][0]) != 2:
        raise ValueError(f"a decision boundary needs rows of two columns, got {len(pairs[0][0])}")
    (output,) = model.predict([pairs[0][0]])
    classes, names = classes_of([target for _, target in pairs], len(output) if isinstance(output, list) else 1)
    ax = axes(ax)
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

    >>> from microgrannd import MLP, plot
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> model([1.0, -1.0]).backward()
    >>> plot.gradient_flow(model).get_yscale()
    'log'
    """
    layers = gradient_report(model).layers
    ax = axes(ax)
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
