"""Which nodes of a graph share a box of its diagram, and what such a box computes."""

from __future__ import annotations

from ..engine.contexts import Scope
from ..engine.graph import links
from ..engine.value import Value
from ..nn.owners import Owners

#: More boxes than this are put together by neuron, and then by layer.
MANY_BOXES = 150


#: More boxes than this are drawn as the shape of the graph: a box for all nodes at about one depth.
MOST_BOXES = 2000


#: So are more edges than this, each counted once for every rank that it crosses: dot takes 3 s for these.
MOST_CROSSINGS = 6000


#: The boxes of what is outside of all modules.
BEFORE, AFTER = "before the model", "after the model"


#: For each depth the groupings of nodes, each with the number of boxes above which the next is tried.
DEPTHS = {
    "scalar": [("scalar", MOST_BOXES)],
    "neuron": [("neuron", MANY_BOXES), ("neuron, gathered", MOST_BOXES)],
    "layer": [("layer", MANY_BOXES), ("layer, gathered", MOST_BOXES)],
    "auto": [
        ("scalar", MANY_BOXES), ("neuron", MANY_BOXES), ("neuron, gathered", MANY_BOXES),
        ("layer", MANY_BOXES), ("layer, gathered", MOST_BOXES),
    ],
}  # fmt: skip


#: The box of a node by itself, or of several by the first; of a group by the name, as of a module; of a scope.
Key = Value | str | Scope


BoxOf = dict[Value, Key]


#: The output of a box that a node leads to, and the derivative by the node; None where it leads to several.
Reached = tuple[Value, float] | None


def choose_boxes(order: list[Value], owners: Owners | None, depth: str) -> tuple[str, BoxOf] | None:
    """Return the most detailed grouping whose boxes are not too many to be drawn, and these; None if there is none."""
    for grouping, most in DEPTHS["scalar" if not (owners and owners.neuron) and depth == "auto" else depth]:
        box_of = boxes_by(order, owners, grouping)
        if fits(order, box_of, most):
            return grouping, box_of
    return None


def boxes_by(order: list[Value], owners: Owners | None, grouping: str) -> BoxOf:
    """Return the box of each node, by a grouping of `DEPTHS`."""
    if grouping == "scalar" or owners is None:
        return {node: node for node in order}
    groups = owners.neuron if grouping.startswith("neuron") else owners.layer
    box_of: BoxOf = {node: groups.get(node, node) for node in order}
    if grouping.endswith("gathered"):
        after: set[Value] = set()
        for node in order:
            if node in groups or any(operand in after for operand in node._operands):
                after.add(node)
            if node not in groups:
                box_of[node] = AFTER if node in after else BEFORE
    return box_of


def fits(order: list[Value], box_of: BoxOf, most: int, most_crossings: int = MOST_CROSSINGS) -> bool:
    """Tell whether there are at most so many boxes, and their edges cross at most so many ranks."""
    alone = {node for node in order if box_of[node] is node}
    constants = sum(type(operand) is float for node in alone for operand in node._operands)
    if len(set(box_of.values())) + constants > most:
        return False
    height: dict[Value, int] = {}  # above the root, as all layouts rank nodes
    crossed = 0
    for node in reversed(order):
        above = height.setdefault(node, 0)
        for operand in node._operands if node in alone else ():
            if operand in alone:
                height[operand] = max(height.get(operand, 0), above + 1)
    for node in alone:
        crossed += sum(height[operand] - height[node] for operand in node._operands if operand in alone)
    return crossed <= most_crossings


def outputs(order: list[Value], box_of: BoxOf) -> set[Value]:
    """Return the nodes that other boxes take, and the root."""
    taken = {order[-1]}
    for node in order:
        taken.update(o for o in node._operands if type(o) is not float and box_of[o] != box_of[node])
    return taken


def reached(order: list[Value], box_of: BoxOf, outputs: set[Value]) -> dict[Value, Reached]:
    """Return for each node the output of its box that it leads to."""
    ends: dict[Value, Reached] = {}
    for node in reversed(order):
        if node in outputs:
            ends[node] = None if node in ends else (node, 1.0)
        for operand, partial in links(node):
            if partial is not None and box_of[operand] == box_of[node]:
                end = _along(ends[node], partial)
                ends[operand] = _joined(ends[operand], end) if operand in ends else end
    return ends


def _along(end: Reached, partial: float) -> Reached:
    return end and (end[0], end[1] * partial)


def _joined(one: Reached, other: Reached) -> Reached:
    return (one[0], one[1] + other[1]) if one and other and one[0] is other[0] else None
