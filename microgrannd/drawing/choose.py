"""Chooses what is drawn of a graph: as much as there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from .._text import described
from ..engine.contexts import paused_gc
from ..engine.graph import topological
from ..engine.value import Value, scopes_around
from ..nn.module import Module
from ..nn.owners import Owners, owners_of
from .arrange import arranged
from .boxes import MOST_BOXES, BoxOf, boxes_by, closed, fits, gathered, outputs
from .build import Builder
from .diagram import Graph
from .geometry import Geometry
from .names import names_of
from .repetition import repeated
from .shape import shape_of

DEPTHS = ("scalar", "neuron", "layer", "auto")


#: The pixels that a picture may take: the more where there is no other way. Of expressions only the later ones count: it
#: says less to fold these than networks.
ROOMS = ((976.0, 540.0), (1340.0, 640.0), (1600.0, 1000.0))


#: The pixels that a picture of neurons may take before layers are drawn instead.
NEARLY = (1200.0, 640.0)


#: Boxes that are worth being laid out to see how much room they take.
MANY_BOXES = 150


#: Boxes that can be read even where they need more room.
FEW_BOXES = 40


class Grouping(NamedTuple):
    """Which nodes share a box, and what the picture says about it."""

    box_of: BoxOf
    said: tuple[str, ...]


def require_graph(function: str, root: Any, model: Any) -> None:
    """Require a result, and a module or None, for a function of the library.

    Raises:
        TypeError: they are something else; the message shows the right call.
    """
    if not isinstance(root, Value):
        instead = ""
        if isinstance(root, Module):
            instead = f": give what it computes, as mg.{function}(model(row), model=model)"
        elif isinstance(root, list | tuple) and any(isinstance(part, Value) for part in root):
            instead = f": give one of them, as mg.{function}(values[0])"
        raise TypeError(f"{function} needs a Value as root, got {described(root)}{instead}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"{function} needs a Module as model, got {described(model)}")


def require_depth(depth: str, model: Module | None) -> None:
    """Require a depth that is known, and a model where it needs one.

    Raises:
        ValueError: it is not.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth needs to be one of {', '.join(DEPTHS)}, got {depth!r}")
    if depth in ("neuron", "layer") and model is None:
        raise ValueError(f"depth {depth!r} needs model=: the Module whose {depth}s are meant")


def graph_of(root: Value, model: Module | None = None, depth: str = "auto", rankdir: str = "LR") -> Graph:
    """Return the diagram of all that a Value was computed from.

    Args:
        root: the result.
        model: whose parameters are shown as such, all other leaves then being inputs, and whose modules are framed.
        depth: one of DEPTHS.
        rankdir: LR or TB.
    """
    order = topological(root)
    owners = owners_of(order, model) if model else None
    with paused_gc():  # which would walk all nodes again and again
        graph = _chosen(order, owners, depth, rankdir)
    graph.rankdir = rankdir
    return graph


def _chosen(order: list[Value], owners: Owners | None, depth: str, rankdir: str) -> Graph:
    """Return the diagram of the first grouping for which there is room; else one with few boxes, or of the depth."""
    drawn: list[tuple[Graph, Geometry]] = []
    seen: set[int] = set()
    for grouping in _groupings(order, owners, depth):
        if depth == "auto" and "layer" in grouping.said:  # which says much less than neurons that need some more room
            for graph, geometry in drawn:
                if _has_room(geometry, NEARLY) and _goes_on(graph):
                    return graph
        count = len(set(grouping.box_of.values()))
        if count in seen or not fits(order, grouping.box_of, MOST_BOXES if depth == "scalar" else MANY_BOXES):
            continue  # nothing more was put together, or not enough
        seen.add(count)
        graph = _built(order, owners, grouping)
        graph.rankdir = rankdir
        if depth == "scalar":
            return graph
        brief = replace(graph, boxes=[box.brief() for box in graph.boxes])
        for one in (graph, brief) if brief.boxes != graph.boxes else (graph,):
            drawn.append((one, arranged(one, wrap=_goes_on(one))))
            if _has_room(drawn[-1][1], ROOMS[0 if owners else 1]):
                return one
    for room in ROOMS[1:]:
        for graph, geometry in drawn:
            if _has_room(geometry, room):
                return graph
    fewest = min((graph for graph, _ in drawn), key=lambda graph: len(graph.boxes), default=None)
    if fewest and (depth != "auto" or len(fewest.boxes) <= FEW_BOXES):
        return fewest if depth == "auto" else drawn[0][0]
    if owners and owners.neuron and depth != "scalar":
        by = "neuron" if depth == "neuron" else "layer"
        grouping = Grouping(gathered(order, boxes_by(order, owners, by)), (by, "outside"))
        if fits(order, grouping.box_of, MOST_BOXES):
            return _built(order, owners, grouping)
    graph = shape_of(order)
    graph.title += _more(order)
    return graph


def _has_room(geometry: Geometry, room: tuple[float, float]) -> bool:
    return geometry.width <= room[0] and geometry.height <= room[1]


def _goes_on(graph: Graph) -> bool:
    """Tell whether all lines lead from earlier columns to later ones, not back, as those of folded steps in time do."""
    return all(arrow.source < arrow.target for arrow in graph.arrows)


def _groupings(order: list[Value], owners: Owners | None, depth: str) -> Iterator[Grouping]:
    """Yield the groupings, those with most detail first."""
    scalar = boxes_by(order, owners, "scalar")
    if depth in ("scalar", "auto"):
        yield Grouping(scalar, ())
    if depth == "auto":
        levels = max((len(scopes_around(node)) for node in order), default=0)
        for level in reversed(range(levels)):
            yield from _folded(order, owners, closed(order, scalar, level), ("scope",))
        yield from islice(_folded(order, owners, scalar, ()), 1, 2 if owners else None)
    for by in ("neuron", "layer"):
        if owners and owners.neuron and depth in (by, "auto"):
            groups = boxes_by(order, owners, by)
            yield from _folded(order, owners, groups, (by,))


def _folded(order: list[Value], owners: Owners | None, box_of: BoxOf, said: tuple[str, ...]) -> Iterator[Grouping]:
    """Yield a grouping, and with it what is repeated put together."""
    yield Grouping(box_of, said)
    for whole in (True, False):
        yield Grouping(repeated(order, owners, box_of, whole), (*said, "repetition" if whole else "steps"))


def _built(order: list[Value], owners: Owners | None, grouping: Grouping) -> Graph:
    """Return the diagram of a grouping, with a title that says what was put together."""
    box_of, said = grouping
    wholes = {node: key for node in outputs(order, box_of) if node._rule and isinstance(key := box_of[node], str)}
    names = names_of(order, owners, wholes)
    graph = Builder(order, box_of, owners, lambda node: node.grad, names).draw()
    if len(set(box_of.values())) < len(order):
        together = "; ".join(_TITLES[part] for part in said)
        graph.title = f"{len(order):,} nodes: {together}{_more(order)}"
    return graph


def _more(order: list[Value]) -> str:
    """Return how to see more than is drawn."""
    shown = (
        'depth="scalar" shows every node' if len(order) <= MOST_BOXES else "a picture of an inner node shows its part"
    )
    return f"; {shown}"


_TITLES = {
    "scope": "one box for each scope",
    "neuron": "one box for each neuron",
    "layer": "one box for each layer",
    "repetition": "what is repeated is × n",
    "steps": "what is repeated, also one after the other, is × n",
    "outside": "all before and all after the model in one box",
}
