"""Which nodes of a graph are computed alike, as those of the rows of a batch, or of steps in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from itertools import groupby
from typing import Any

from ..engine.value import Value, scopes_around
from ..nn.owners import Owners
from .boxes import BoxOf, Key
from .names import is_number


def is_leaf(operand: Value | float) -> bool:
    """Tell whether an operand is a leaf, as a weight is: layers differ in how many they take."""
    return isinstance(operand, Value) and operand._rule is None


def repeated(order: list[Value], owners: Owners | None, box_of: BoxOf, whole: bool) -> BoxOf:
    """Return the boxes with those together whose nodes are computed alike, in the box of the first.

    Args:
        order: the nodes, operands before results.
        owners: whose parameters are told apart, and inputs by their places in a row; all other leaves are alike if
            they are taken alike.
        box_of: the box of each; those that hold several nodes stay as they are.
        whole: alike are results of the same operations all the way from the leaves, as in rows; else of the same
            operations as far as their operands, however many, as in steps that follow on one another.
    """
    alone = {node for node in order if box_of[node] is node}
    parameters = owners.parameters if owners else {}
    kinds: dict[Any, Any] = {}

    def kind(node: Value, of: dict[Value, Any]) -> Any:
        """Return what a node is, a number for each kind; `of` are the kinds of its operands."""
        if node not in alone or node in parameters:
            return kinds.setdefault(box_of[node], len(kinds))
        operands = [None if is_number(operand) else of[operand] for operand in node._operands]
        if not (whole or any(map(is_leaf, node._operands))):  # as of attention, which looks back at more and more
            operands = [operand for operand, _ in groupby(operands)]
        scopes = tuple(scope.name for scope in scopes_around(node))
        return kinds.setdefault((node._rule, scopes, tuple(operands)), len(kinds))

    of: dict[Value, Any] = {}
    for node in order:
        of[node] = kind(node, of)
    if not whole:
        near = {node: node._rule if node in alone and node not in parameters else box_of[node] for node in order}
        of = {node: kind(node, near) for node in order}
    takers: defaultdict[Value, set[Hashable]] = defaultdict(set)
    for node in reversed(order):
        if whole or node._rule is None:
            of[node] = kinds.setdefault((of[node], frozenset(takers.pop(node, ()))), len(kinds))
        rows = node._rows
        for place, row in enumerate(rows):
            for index, operand in enumerate(row):
                if operand in alone and operand not in parameters:
                    takers[operand].add((of[node], place, index if owners and len(rows) > 1 else 0))
    first: dict[Hashable, Key] = {}
    boxes: BoxOf = {}
    for node in order:
        if node not in alone or is_number(node) or node is order[-1]:  # the result is looked for: it stays by itself
            boxes[node] = box_of[node]
        else:
            boxes[node] = first.setdefault(of[node], node)
    return boxes
