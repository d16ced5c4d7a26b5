"""What each layer of a module hands on, read from the graph that the module records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import pi, sqrt
from typing import Any, NamedTuple

from .._text import described
from .._trees import leaves
from ..engine.contexts import paused_gc
from ..engine.graph import links, topological
from ..engine.value import Value
from ..nn.module import Module
from ..rules.table import TABLE

#: Operations that are flat at both ends, and the slope where they are steepest.
STEEPEST = {
    TABLE[name]: slope
    for name, slope in {"tanh": 1.0, "sigmoid": 0.25, "softsign": 1.0, "atan": 1.0, "erf": 2 / sqrt(pi)}.items()
}


#: Where the slope is below this share of the steepest, a unit is saturated: |tanh| is above 0.97 there, as in the
#: makemore lectures (Karpathy, "Activations & Gradients, BatchNorm").
FLAT = 0.06


class Activation(NamedTuple):
    """A number that a layer hands on, and whether its operation lets any gradient pass back.

    Attributes:
        data: the number.
        passes: whether any gradient passes back.
        saturated: whether the operation is at one of its flat ends; results of the model are meant to come there.
    """

    data: float
    passes: bool
    saturated: bool


def activations(
    model: Module, rows: Iterable[Any], layers: Mapping[Value, str]
) -> Iterator[dict[str, list[Activation]]]:
    """For each row, what each layer hands on to others, or out of the module.

    Args:
        model: called with each row.
        rows: sequences of numbers.
        layers: the layer of each parameter.

    Raises:
        TypeError: rows are none.
        ValueError: nothing is recorded.
    """
    if not hasattr(rows, "__iter__") or isinstance(rows, str):
        raise TypeError(f"rows needs to be a sequence of rows of numbers, got {described(rows)}")
    for number, row in enumerate(rows):
        with paused_gc():
            outputs: list[Any] = leaves(model(row))
            found = _handed_on([output for output in outputs if isinstance(output, Value)], layers)
        if not found:
            raise ValueError(f"rows[{number}]: the model records nothing of its parameters (inside of no_grad()?)")
        yield found


def _handed_on(outputs: Sequence[Value], layers: Mapping[Value, str]) -> dict[str, list[Activation]]:
    """A node is of the layer whose parameter it is computed from; else of the layer of its deepest operand."""
    name_of: dict[Value, str] = {}
    handed: dict[Value, None] = {}
    for node in topological(*outputs):
        operands = [operand for operand in node._operands if type(operand) is not float]
        inner = [operand for operand in operands if operand in name_of]
        layer = next((layers[operand] for operand in operands if operand in layers), None)
        if layer is None and inner:
            layer = name_of[max(inner, key=lambda operand: operand._depth)]
        if layer is not None:
            name_of[node] = layer
            handed |= {operand: None for operand in inner if name_of[operand] != layer}
    found: dict[str, list[Activation]] = {}
    for node in [*handed, *(output for output in outputs if output in name_of and output not in handed)]:
        slopes = [partial for _, partial in links(node) if partial is not None]
        flat = node in handed and node._rule in STEEPEST and abs(slopes[0]) < FLAT * STEEPEST[node._rule]
        found.setdefault(name_of[node], []).append(Activation(node.data, any(slopes), flat))
    return found
