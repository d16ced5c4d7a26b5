"""gradient_report: the gradients of each layer, which vanish, explode or are dead, and what helps.

>>> import microgrannd as mg
>>> X, y = mg.data.moons(20)
>>> model = mg.MLP(2, [4, 4, 4, 4, 4, 1], activation="sigmoid", seed=0)
>>> mg.binary_cross_entropy_with_logits([model(x) for x in X], y).backward()
>>> [layer.verdict for layer in mg.gradient_report(model).layers]
['vanishing', 'vanishing', 'vanishing', 'healthy', 'healthy', 'healthy']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._text import described, visible
from ..nn.module import Module
from ..optim import Optimizer
from .measure import HEALTHY, LayerReport, Sizes, measured
from .table import Cell, Grid, html, logarithmic, text

#: By verdict: its colour (Okabe and Ito 2008), and what helps.
REMEDIES = {
    "not finite": ("#e69f00", "a lower learning rate; clipping; a loss of logits; draw(loss) shows where it begins"),
    "exploding": (
        "#d55e00",
        "init='he' or 'xavier'; clipping (clip_grad_norm, or an optimiser's max_norm=1.0: Pascanu et al. 2013); "
        "inputs and targets of about unit scale; a lower learning rate",
    ),
    "dead units": (
        "#cc79a7",
        "leaky_relu, elu or gelu instead of relu (Maas et al. 2013); init='he' (He et al. 2015); "
        "inputs of about unit scale; a lower learning rate",
    ),
    "vanishing": (
        "#0072b2",
        "init='xavier' for tanh, 'he' for relu (Glorot and Bengio 2010; He et al. 2015); relu or tanh instead of "
        "sigmoid; fewer layers, or connections that skip some",
    ),
    "no gradient": ("#808080", "backward() of a loss before the report; it may also be that the loss is flat here"),
    HEALTHY: ("#009e73", ""),
}


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What `gradient_report` returns. It prints as text, and shows as a table with bars in a notebook.

    Attributes:
        layers: a `LayerReport` each, in the order of the parameters.
        notes: what was not asked for and thus is not known.
    """

    layers: list[LayerReport]
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return text(_table(self))

    def _repr_html_(self) -> str:
        table = _table(self)
        table.notes.append("Bars are logarithmic; those of zero and dead are shares.")
        return html(table)


def gradient_report(
    model: Module, rows: Iterable[Any] | None = None, optimizer: Optimizer | None = None
) -> GradientReport:
    """Report on the gradients of each layer: which vanish, explode or are dead, and what helps.

    The gradients are the parameters' ``grad``: of ``backward()``, or, after `fit`, of its last batch. A layer is the module
    around neurons, a module without neurons, or an attribute of the model. Its verdict is one of

    - not finite: a gradient is nan or inf;
    - exploding: the norm of its gradient is above 10 times that of its weights, and above 10;
    - dead units: at least 40% of them are dead;
    - vanishing: its mean gradient is below a hundredth of that of another layer, which does not explode;
    - or healthy. Gradients that are small in all layers are not a fault: at a minimum they are small.

    Args:
        model: whose parameters have gradients. Nothing in it is changed.
        rows: inputs to measure activations with; the model is called with each. A unit is dead if no gradient passes back
            through it for any of them, as through a relu of a negative number. Without rows, a unit counts as dead if
            all its gradients are 0; in a small batch, this may be by chance.
        optimizer: for the length of its next step, with gradients clipped by its ``max_norm``; it does not take that
            step. Without one, the gradient over the weights is shown, which times the learning rate is the step of
            plain SGD.

    Returns:
        A `GradientReport`: ``.layers`` are the numbers.

    Raises:
        TypeError: model is not a Module, rows are not rows, or optimizer is not an optimiser.
        ValueError: the model has no parameters, the optimiser none of the model's, rows is empty, or the model raises
            it.
    """
    if not isinstance(model, Module):
        raise TypeError(f"gradient_report needs a Module, got {described(model)}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"gradient_report needs an optimiser like SGD, got {described(optimizer)}")
    layers = measured(model, rows, optimizer)
    notes = []
    if rows is None:
        notes.append("Activations are not known without rows=; units count as dead if their last gradients are all 0.")
    if optimizer is None:
        notes.append(
            "gradient/weight times the learning rate is the update/weight of plain SGD, of which about 1e-3 is usual "
            "(CS231n); for the next step of an optimiser, give optimizer=."
        )
    else:
        notes.append("update/weight is that of the next step; about 1e-3 is usual (CS231n).")
    return GradientReport(layers, notes)


def _table(report: GradientReport) -> Grid:
    """Return the table: a row for each layer, the columns that are known, remedies and notes."""
    layers = report.layers
    table = Grid(colours=[REMEDIES[layer.verdict][0] for layer in layers])
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
    table.notes += [
        f"{verdict}: {remedy}" for verdict, (_, remedy) in REMEDIES.items() if verdict in verdicts and remedy
    ]
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
