"""Which nodes of a graph share a box of its diagram, and what such a box computes."""

from __future__ import annotations

from ..engine.contexts import Scope
from ..engine.graph import links
from ..engine.value import Value, scopes_around
from ..nn.owners import Owners

#: More boxes than this are drawn as the shape of the graph: a box for all nodes at about one depth.
MOST_BOXES = 2000


#: So are more edges than this, each counted once for every rank that it crosses: dot takes 3 s for these.
MOST_CROSSINGS = 6000


#: The boxes of what is outside of all modules.
BEFORE, AFTER = "before the model", "after the model"


#: The box of a node by itself, or of several by the first; of a group by the name, as of a module; of a scope.
Key = Value | str | Scope


BoxOf = dict[Value, Key]


#: The output of a box that a node leads to, and the derivative by the node; None where it leads to several.
Reached = tuple[Value, float] | None


def boxes_by(order: list[Value], owners: Owners | None, by: str) -> BoxOf:
    """Return the box of each node: ``"scalar"`` its own, ``"neuron"`` or ``"layer"`` that of the module around it."""
    groups = {} if owners is None or by == "scalar" else owners.neuron if by == "neuron" else owners.layer
    return {node: groups.get(node, node) for node in order}


def gathered(order: list[Value], box_of: BoxOf) -> BoxOf:
    """Return the boxes with all that is outside of modules in two: before the first module, and after it."""
    after: set[Value] = set()
    boxes: BoxOf = {}
    for node in order:
        inside = isinstance(box_of[node], str)
        if inside or any(operand in after for operand in node._operands):
            after.add(node)
        boxes[node] = box_of[node] if inside else AFTER if node in after else BEFORE
    return boxes


def closed(order: list[Value], box_of: BoxOf, level: int) -> BoxOf:
    """Return the boxes with each scope in one, down from a level; those of one name beside each other together."""
    first: dict[tuple[str, ...], Scope] = {}
    boxes: BoxOf = {}
    for node in order:
        scopes = scopes_around(node)
        path = tuple(scope.name for scope in scopes[: level + 1])
        outside = len(scopes) <= level or box_of[node] is not node
        boxes[node] = box_of[node] if outside else first.setdefault(path, scopes[level])
    return boxes


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
    """Return the nodes that other boxes take, also those of steps that are alike; and the root."""
    taken = {order[-1]}
    for node in order:
        box = box_of[node]
        steps = isinstance(box, Value)
        taken.update(o for o in node._operands if type(o) is not float and (steps or box_of[o] != box))
    return taken


def reached(order: list[Value], box_of: BoxOf, outputs: set[Value]) -> dict[Value, Reached]:
    """Return for each node the output of its box that it leads to."""
    ends: dict[Value, Reached] = {}
    for node in reversed(order):
        if node in outputs:
            ends[node] = None if node in ends else (node, 1.0)
        box = box_of[node]
        for operand, partial in () if isinstance(box, Value) else links(node):
            if partial is not None and box_of[operand] == box:
                end = _along(ends[node], partial)
                ends[operand] = _joined(ends[operand], end) if operand in ends else end
    return ends


def _along(end: Reached, partial: float) -> Reached:
    return end and (end[0], end[1] * partial)


def _joined(one: Reached, other: Reached) -> Reached:
    return (one[0], one[1] + other[1]) if one and other and one[0] is other[0] else None
