"""A graph too large to be drawn, as a diagram of its shape: a box for all nodes at about one depth."""

from __future__ import annotations

from collections import Counter

from ..engine.value import Value
from .diagram import Arrow, Box, Graph

#: The number of boxes, at the most.
MOST_BANDS = 12


def shape_of(order: list[Value]) -> Graph:
    """Return the diagram of the nodes of a graph, operands before results."""
    depth = order[-1]._depth
    bands = min(depth + 1, MOST_BANDS)
    members: list[Counter[str]] = [Counter() for _ in range(bands)]
    pairs: set[tuple[int, int]] = set()

    def band(node: Value) -> int:
        return node._depth * bands // (depth + 1)

    for node in order:
        members[band(node)][node._op or "leaf"] += 1
        pairs |= {(band(operand), band(node)) for operand in node._operands if type(operand) is not float}
    boxes = [
        Box("group", (f"{sum(kinds.values()):,} nodes", *(f"{count:,} {kind}" for kind, count in kinds.most_common(4))))
        for kinds in members
    ]
    title = f"{len(order):,} nodes are too many to draw: each box stands for all of about one depth"
    return Graph(boxes, [Arrow(*pair) for pair in sorted(pairs) if pair[0] < pair[1]], title)
