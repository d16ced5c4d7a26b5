"""Reading a recorded graph: its nodes in order, the edges of a node, its operands as its rule's formulas take them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from .recording import WIDE
from .value import Value


class Edge(NamedTuple):
    """An edge from a Value to a node that was computed from it."""

    operand: str  # its name in the rule
    position: int  # in the sequence that the operand is; else 0
    value: Value
    partial: float  # the local derivative, as recorded


def backward_order(*roots: Value) -> list[Value]:
    """Return the roots and every Value that they were computed from, in the order in which `backward` takes them."""
    levels: defaultdict[int, list[Value]] = defaultdict(list)
    seen = set(roots)
    for root in dict.fromkeys(roots):
        levels[root._depth].append(root)
    order: list[Value] = []
    for depth in range(max(levels, default=-1), -1, -1):
        for node in levels.pop(depth, ()):
            order.append(node)
            for operand in node._operands:
                if type(operand) is not float and operand not in seen:
                    seen.add(operand)
                    levels[operand._depth].append(operand)
    return order


def topological(*roots: Value) -> list[Value]:
    """Return the roots and every Value that they were computed from, operands before results."""
    return sorted(backward_order(*roots), key=attrgetter("_depth"))


class Contribution(NamedTuple):
    """What one edge adds to the gradient of an operand."""

    node: Value
    position: int  # of the operand among the node's
    operand: Value
    gradient: float  # of the root, by the node
    partial: float  # of the node, by the operand
    total: float  # the root's gradient by the operand, as far as it is known then


def contributions(root: Value) -> Iterator[Contribution]:
    """Yield what `backward` adds up, in its order; the gradient of each node is complete before it is passed on."""
    gradients = {root: 1.0}
    for node in backward_order(root):
        for index, (operand, partial) in enumerate(links(node)):
            if partial is not None:
                gradients[operand] = gradients.get(operand, 0.0) + partial * gradients[node]
                yield Contribution(node, index, operand, gradients[node], partial, gradients[operand])


def links(node: Value) -> Iterator[tuple[Any, float | None]]:
    """Yield the operands of a node, each with the local derivative, as recorded; None with a number."""
    partials = iter(node._da if node._db is WIDE else [p for p in (node._da, node._db) if p is not None])
    return ((operand, None if type(operand) is float else next(partials)) for operand in node._operands)


def edges(node: Value) -> Iterator[Edge]:
    """Yield the edges to a node from its operands, numbers left out."""
    pairs = links(node)
    for operand, row in zip(node._rule.operands if node._rule else (), node._rows, strict=True):
        for position, (value, partial) in enumerate(islice(pairs, len(row))):
            if partial is not None:
                yield Edge(operand, position, value, partial)


def arguments(node: Value, read: Callable[[Any], Any] = lambda operand: operand) -> list[Any]:
    """Return the operands as the formulas take them, sequences as lists; `read` is applied to each Value or number."""
    if node._rule is None:
        return []
    sequences = node._rule.sequences
    return [
        [read(operand) for operand in row] if name in sequences else read(row[0])
        for name, row in zip(node._rule.operands, node._rows, strict=True)
    ]


def number(operand: Value | float) -> float:
    """Return the number of an operand, which is a Value or a number itself."""
    return operand.data if isinstance(operand, Value) else operand
