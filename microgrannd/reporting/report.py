"""gradient_report: the gradients of each layer, which vanish, explode or are dead, and what helps.

>>> import microgrannd as mg
>>> X, y = mg.data.moons(20)
>>> model = mg.MLP(2, [4, 4, 4, 4, 4, 1], activation="sigmoid", seed=0)
>>> mg.binary_cross_entropy_with_logits([model(x) for x in X], y).backward()
>>> [layer.verdict for layer in mg.gradient_report(model).layers]
['vanishing', 'vanishing', 'vanishing', 'healthy', 'healthy', 'healthy']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._text import described, visible
from ..nn.module import Module
from ..optim import Optimizer
from .advice import advice
from .measure import DEAD_UNITS, HEALTHY, SATURATED_UNITS, LayerReport, Sizes, measured
from .plot import plot
from .table import Cell, Grid, html, logarithmic, text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: By verdict (Okabe and Ito 2008).
COLOURS = {
    "not finite": "#e69f00", "exploding": "#d55e00", DEAD_UNITS: "#cc79a7", SATURATED_UNITS: "#cc79a7",
    "behind dead units": "#cc79a7", "behind saturated units": "#cc79a7", "behind zero weights": "#808080", "vanishing": "#0072b2",
    "large steps": "#d55e00", "small steps": "#0072b2", "no gradient": "#808080", "frozen": "#808080", HEALTHY: "#009e73",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What `gradient_report` returns. It prints as text, and shows as a table with bars in a notebook.

    Attributes:
        layers: a `LayerReport` each, in the order of the parameters.
        notes: what was not asked for and thus is not known.
        over_time: the reports of a training, by the number of the epoch.

    >>> from microgrannd import Module, Value, gradient_report
    >>> model = Module()
    >>> model.slope = Value(2.0)
    >>> (model.slope * 3).backward()
    >>> layer = gradient_report(model).layers[0]
    >>> layer.name, layer.gradient.mean, layer.verdict
    ('slope', 3.0, 'healthy')
    """

    layers: list[LayerReport]
    notes: list[str] = field(default_factory=list)
    over_time: Mapping[int, GradientReport] = field(default_factory=dict)

    def __repr__(self) -> str:
        return text(_table(self))

    def _repr_html_(self) -> str:
        table = _table(self)
        table.notes.append("Bars are logarithmic; those of zero and dead are shares.")
        return html(table)

    def plot(self) -> Figure:
        """Draw by matplotlib, for each layer, gradient sizes, ratios, and a histogram of activations.

        Sizes and ratios go over the epochs of the history that was given to `gradient_report`, and else are bars. The
        histograms are of what each layer handed on for ``rows=``.

        Raises:
            ImportError: matplotlib is not installed.
        """
        return plot(self.layers, {epoch: report.layers for epoch, report in self.over_time.items()})


def gradient_report(
    model: Module,
    rows: Iterable[Any] | None = None,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    history: Any = None,
) -> GradientReport:
    """Report on the gradients of each layer: which vanish, explode or are dead, and what helps.

    The gradients are the parameters' ``grad``: of ``backward()``, or, after `fit`, of its last batch. A layer is the module
    around neurons, a module without neurons, or an attribute of the model. Its verdict is one of

    - not finite: a gradient is nan or inf;
    - exploding: the norm of its gradient is above 10 times that of its weights, and above 10;
    - frozen: the optimiser has none of its parameters;
    - dead units: at least 40% of them are dead;
    - saturated units: at least half of what it hands on to other layers is where its activation is flat, as tanh is
      beyond ±0.97;
    - vanishing: its mean gradient is below a hundredth of that of another layer, which does not explode; or behind dead
      or saturated units, if a later layer has those; or behind zero weights, where nothing comes back through these;
    - large steps, small steps: the optimiser's next step is above 3e-2 or below 3e-5 of the weights, of which about 1e-3
      is usual (CS231n, "Ratio of weights:updates");
    - or healthy. Gradients that are small in all layers are not a fault: at a minimum they are small.

    What is printed below the table helps, as far as the model does not do it already: activations are known by their
    names, initialisations by the sizes of the weights.

    Args:
        model: whose parameters have gradients. Nothing in it is changed.
        rows: inputs to measure activations with; the model is called with each. A unit is dead if no gradient passes back
            through it for any of them, as through a relu of a negative number. Without rows, a unit counts as dead if
            all its gradients are 0; in a small batch, this may be by chance.
        optimizer: for the length of its next step, with gradients clipped by its ``max_norm``; it does not take that
            step. Without one, the gradient over the weights is shown, which times the learning rate is the step of
            plain SGD. A list of several, as for `fit`.
        history: what `fit` returned with ``report=True``: what `GradientReport.plot` shows over time.

    Returns:
        A `GradientReport`: ``.layers`` are the numbers.

    Raises:
        TypeError: model is not a Module, rows are not rows, or optimizer is not an optimiser.
        ValueError: the model has no parameters, the optimiser none of the model's, rows is empty, or the model raises
            it.

    >>> from microgrannd import MLP, gradient_report
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> model([1.0, -1.0]).backward()
    >>> [(layer.name, layer.verdict) for layer in gradient_report(model).layers]
    [('layers.0', 'healthy'), ('layers.1', 'healthy')]
    """
    if not isinstance(model, Module):
        raise TypeError(f"gradient_report needs a Module, got {described(model)}")
    optimizers = [optimizer] if isinstance(optimizer, Optimizer) else optimizer or []
    if not isinstance(optimizers, list | tuple) or not all(isinstance(one, Optimizer) for one in optimizers):
        raise TypeError(f"gradient_report needs an optimiser like SGD, got {described(optimizer)}")
    over_time = getattr(history, "reports", {})
    if history is not None and not over_time:
        raise ValueError("history needs to be what fit(..., report=True) returns: it has no reports")
    layers = measured(model, rows, optimizers)
    notes = []
    if rows is None:
        notes.append("Activations are not known without rows=; units count as dead if their last gradients are all 0.")
    if not optimizers:
        notes.append(
            "gradient/weight times the learning rate is the update/weight of plain SGD, of which about 1e-3 is usual "
            "(CS231n); for the next step of an optimiser, give optimizer=."
        )
    else:
        notes.append("update/weight is that of the next step; about 1e-3, from 3e-5 to 3e-2, is usual (CS231n).")
    return GradientReport(layers, notes, over_time)


def _table(report: GradientReport) -> Grid:
    """Return the table: a row for each layer, the columns that are known, remedies and notes."""
    layers = report.layers
    table = Grid(colours=[COLOURS[layer.verdict] for layer in layers])
    table.add("", {"layer": [Cell(visible(layer.name)) for layer in layers]})
    table.add("|gradient|", _columns([layer.gradient for layer in layers]))
    if any(layer.activation for layer in layers):
        table.add("|activation|", _columns([layer.activation for layer in layers]))
    dead = [
        Cell(f"{layer.dead}/{layer.units}", layer.dead / layer.units) if layer.units else Cell("–") for layer in layers
    ]
    if any(layer.update is None for layer in layers):
        ratio = {"gradient/weight": _logarithmic([layer.gradient_to_weight for layer in layers])}
    else:
        ratio = {"update/weight": _logarithmic([layer.update_to_weight for layer in layers])}
    table.add("", {"dead": dead, **ratio})
    table.add("", {"verdict": [Cell(": ".join(filter(None, (layer.verdict, layer.reason)))) for layer in layers]})
    verdicts = {layer.verdict for layer in layers}
    helps = {verdict: advice(layers, verdict) for verdict in COLOURS if verdict in verdicts}
    table.notes += [f"{verdict}: {remedy}" for verdict, remedy in helps.items() if remedy]
    table.notes += report.notes
    return table


def _columns(sizes: Sequence[Sizes | None]) -> dict[str, list[Cell]]:
    return {
        "mean": _logarithmic([size and size.mean for size in sizes]),
        "largest": [Cell(_number(size and size.largest)) for size in sizes],
        "zero": [Cell("–") if size is None else Cell(f"{size.zeros:.0%}", size.zeros) for size in sizes],
    }


def _logarithmic(numbers: Sequence[float | None]) -> list[Cell]:
    bars = logarithmic([number or 0.0 for number in numbers])
    return [Cell(_number(number), None if number is None else bar) for number, bar in zip(numbers, bars, strict=True)]


def _number(number: float | None) -> str:
    return "–" if number is None else f"{number:.3g}"
