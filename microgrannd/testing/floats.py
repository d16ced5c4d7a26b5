"""Differences of floats for an operation whose formula uses a Python function of one's own."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

from ..engine.graph import Edge
from .differences import Slopes, settled
from .displaced import Displaced
from .rounded import BOUND, UNIT
from .rounding import rounded, rounding_errors


def slopes_of(operation: Displaced, edge: Edge) -> Slopes:
    """Return the slopes of the formula by one operand, on floats."""
    operands = rounded(operation.floats, False)
    noise = BOUND * max(rounding_errors(operation.rule, operands), default=abs(operation.node.data))
    x = edge.value.data
    return settled(_displaced(operation, edge), x, noise + UNIT * abs(edge.partial * x))


def _displaced(operation: Displaced, edge: Edge) -> Callable[[float], Any]:
    """The formula as a function of a displacement of one operand, nan outside the domain."""
    rule = operation.rule
    index = rule.operands.index(edge.operand)

    def at(t: float) -> Any:
        moved = list(operation.floats)
        if edge.operand in rule.sequences:
            moved[index] = list(moved[index])
            moved[index][edge.position] += t
        else:
            moved[index] += t
        return rule.compute(*moved) if rule.inside(*moved) else nan

    return at
