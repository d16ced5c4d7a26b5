"""Reading a recorded graph: its nodes in order, the edges of a node, its operands as its rule's formulas take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from .engine import Value
from .recording import WIDE


class Edge(NamedTuple):
    """That a node was computed from a Value."""

    operand: str  # its name in the rule
    place: int  # in the sequence that the operand is; else 0
    value: Value
    partial: float  # the local derivative, as recorded


def topological(*roots: Value) -> list[Value]:
    """Every Value that the roots were computed from, and they themselves, operands before results."""
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for node in order:
        for operand in node._operands:
            if type(operand) is not float and operand not in seen:
                seen.add(operand)
                order.append(operand)
    return sorted(order, key=attrgetter("_depth"))


def links(node: Value) -> Iterator[tuple[Any, float | None]]:
    """The operands of a node, each with the local derivative, as recorded; None with a number."""
    partials = iter(node._da if node._db is WIDE else [p for p in (node._da, node._db) if p is not None])
    return ((operand, None if type(operand) is float else next(partials)) for operand in node._operands)


def edges(node: Value) -> Iterator[Edge]:
    """The edges to a node from its operands, numbers left out."""
    found = links(node)
    for operand, row in zip(node._rule.operands if node._rule else (), node._rows, strict=True):
        for place, (value, partial) in enumerate(islice(found, len(row))):
            if partial is not None:
                yield Edge(operand, place, value, partial)


def arguments(node: Value, read: Callable[[Any], Any] = lambda operand: operand) -> list[Any]:
    """The operands as the formulas take them, sequences as lists; each Value or number as `read` sees it."""
    if node._rule is None:
        return []
    sequences = node._rule.sequences
    return [
        [read(operand) for operand in row] if name in sequences else read(row[0])
        for name, row in zip(node._rule.operands, node._rows, strict=True)
    ]


def number(operand: Value | float) -> float:
    """The number of an operand, be it a Value or a number itself."""
    return operand.data if isinstance(operand, Value) else operand
