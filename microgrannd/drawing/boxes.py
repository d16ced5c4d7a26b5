"""Which nodes of a graph share a box of its diagram, and what such a box computes."""

from __future__ import annotations

from ..engine.graph import links
from ..engine.value import Value
from ..nn.owners import Homes

#: More boxes than this are put together by neuron, and then by layer.
MANY_BOXES = 150


#: More boxes than this are drawn as their shape: nodes at like depths together.
MOST_BOXES = 2000


#: So is what has more edges than this, each counted for the ranks that it crosses: dot takes 3 s for these.
MOST_CROSSINGS = 6000


#: What is outside of all modules, put together.
BEFORE, AFTER = "before the model", "after the model"


#: For each depth the ways to put nodes together, each with the number of boxes from which on the next is tried.
DEPTHS = {
    "scalar": [("scalar", MOST_BOXES)],
    "neuron": [("neuron", MANY_BOXES), ("neuron, gathered", MOST_BOXES)],
    "layer": [("layer", MANY_BOXES), ("layer, gathered", MOST_BOXES)],
    "auto": [
        ("scalar", MANY_BOXES), ("neuron", MANY_BOXES), ("neuron, gathered", MANY_BOXES),
        ("layer", MANY_BOXES), ("layer, gathered", MOST_BOXES),
    ],
}  # fmt: skip


#: In which box each node is: in its own, or in that of a group with a name.
Place = dict[Value, Value | str]


#: The output of a box that a node leads to, and the derivative by the node; None where it leads to several.
Reached = tuple[Value, float] | None


def boxing(order: list[Value], found: Homes | None, depth: str) -> tuple[str, Place] | None:
    """The most detailed way to put nodes in boxes that are not too many to be drawn; None if there is none."""
    for way, most in DEPTHS["scalar" if not (found and found.neuron) and depth == "auto" else depth]:
        place = places(order, found, way)
        if fits(order, place, most):
            return way, place
    return None


def places(order: list[Value], found: Homes | None, way: str) -> Place:
    """In which box each node is."""
    if way == "scalar" or found is None:
        return {node: node for node in order}
    groups = found.neuron if way.startswith("neuron") else found.layer
    place: Place = {node: groups.get(node, node) for node in order}
    if way.endswith("gathered"):
        after: set[Value] = set()
        for node in order:
            if node in groups or any(operand in after for operand in node._operands):
                after.add(node)
            if node not in groups:
                place[node] = AFTER if node in after else BEFORE
    return place


def fits(order: list[Value], place: Place, most: int, most_crossings: int = MOST_CROSSINGS) -> bool:
    """Whether there are no more boxes, and not too many ranks of them that edges would have to be led through."""
    alone = {node for node in order if place[node] is node}
    constants = sum(type(operand) is float for node in alone for operand in node._operands)
    if len(set(place.values())) + constants > most:
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


def outputs(order: list[Value], place: Place) -> set[Value]:
    """The nodes that are taken from outside of their box, and the root."""
    found = {order[-1]}
    for node in order:
        found.update(o for o in node._operands if type(o) is not float and place[o] != place[node])
    return found


def reached(order: list[Value], place: Place, outputs: set[Value]) -> dict[Value, Reached]:
    """For each node the output of its box that it leads to."""
    found: dict[Value, Reached] = {}
    for node in reversed(order):
        if node in outputs:
            found[node] = None if node in found else (node, 1.0)
        for operand, partial in links(node):
            if partial is not None and place[operand] == place[node]:
                way = _along(found[node], partial)
                found[operand] = _joined(found[operand], way) if operand in found else way
    return found


def _along(way: Reached, partial: float) -> Reached:
    return way and (way[0], way[1] * partial)


def _joined(one: Reached, other: Reached) -> Reached:
    return (one[0], one[1] + other[1]) if one and other and one[0] is other[0] else None
