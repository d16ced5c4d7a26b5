"""What a picture of a graph shows, as plain data: boxes, and arrows along which gradient flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite, sqrt
from typing import Any, NamedTuple

from .engine import Value
from .graph import Edge, edges, topological
from .rules import CONSTANT

#: More boxes than this are drawn as their shape: nodes at like depths together.
MOST_BOXES = 2000

#: That many boxes at the most, then.
MOST_BANDS = 24

#: By kind of box. Inputs and parameters differ in their corners too, for those who do not see the colours.
FILLS = {
    "input": "#e3f0fa",
    "parameter": "#fdf3dc",
    "leaf": "#e3f0fa",
    "operation": "white",
    "constant": "#f2f2f2",
    "band": "#fdf3dc",
}
ANGULAR = frozenset({"parameter"})

#: Blue and vermilion are told apart by all (Okabe and Ito 2008, Color Universal Design).
POSITIVE, NEGATIVE, NEUTRAL, NOTHING = "#0072b2", "#d55e00", "#555555", "#999999"

THINNEST, THICKEST = 1.0, 5.0


@dataclass(frozen=True)
class Box:
    """A node of the picture: its kind (a key of FILLS) and its lines of text."""

    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """From an operand to a result, by the boxes' numbers; the label is the local derivative, the hint its formula."""

    source: int
    target: int
    label: str = ""
    hint: str = ""
    colour: str = NEUTRAL
    width: float = THINNEST
    dashed: bool = False


class Key(NamedTuple):
    """A line of the legend."""

    text: str
    colour: str = NEUTRAL
    dashed: bool = False


LEGEND = [
    Key("gradient flows, positive", POSITIVE),
    Key("negative", NEGATIVE),
    Key("none", NOTHING, dashed=True),
    Key("thickness: |gradient of the result × local derivative|; numbers: local derivatives"),
]


@dataclass
class Graph:
    """What is to be shown: boxes, operands before results; arrows; a title; a legend."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    title: str = ""
    rankdir: str = "LR"
    legend: list[Key] = field(default_factory=list)


def graph_of(root: Value, parameters: Iterable[Value] | None = None, rankdir: str = "LR") -> Graph:
    """The plain data of the picture.

    Args:
        root: the result.
        parameters: leaves to be shown as such, all others then being inputs; None where that is not known.
        rankdir: LR or TB.
    """
    order = topological(root)
    numbers = sum(type(operand) is float for node in order for operand in node._operands)
    if len(order) + numbers > MOST_BOXES:
        return _shape(order, rankdir)
    graph = Graph(rankdir=rankdir)
    own = None if parameters is None else set(parameters)
    place: dict[Value, int] = {}
    flows: list[float | None] = []
    for node in order:
        arrows = []
        for operand, edge in _operands(node):
            if edge is None:
                graph.boxes.append(Box("constant", (f"{operand:.4g}",)))
                arrows.append(Arrow(len(graph.boxes) - 1, 0))
                flows.append(None)
            else:
                arrows.append(_arrow(place[operand], node, edge))
                flows.append(node.grad * edge.partial)
        place[node] = len(graph.boxes)
        graph.boxes.append(_box(node, own))
        graph.arrows += [replace(arrow, target=place[node]) for arrow in arrows]
    if root.grad:  # else backward() has not come here, and nothing is known to flow or not
        graph.arrows = [_styled(*pair, _largest(flows)) for pair in zip(graph.arrows, flows, strict=True)]
        graph.legend = LEGEND if graph.arrows else []
    return graph


def _operands(node: Value) -> Iterator[tuple[Any, Edge | None]]:
    """The operands of a node, each with its edge; a number has none."""
    found = edges(node)
    return ((operand, None if type(operand) is float else next(found)) for operand in node._operands)


def _arrow(source: int, node: Value, edge: Edge) -> Arrow:
    rule = node._rule
    assert rule is not None  # it has edges
    element = f"[{edge.place}]" if edge.operand in rule.sequences else ""
    hint = f"d{edge.operand}{element} = {rule.partials[edge.operand].text} = {edge.partial:.6g}"
    return Arrow(source, 0, f"{edge.partial:.3g}", hint)


def _largest(flows: Iterable[float | None]) -> float:
    return max((abs(flow) for flow in flows if flow is not None and isfinite(flow)), default=0.0)


def _styled(arrow: Arrow, flow: float | None, largest: float) -> Arrow:
    """The arrow as thick as its share of the largest flow, of its area: as a pipe would be."""
    if flow is None:
        return arrow
    if flow == 0:
        return replace(arrow, colour=NOTHING, dashed=True)
    share = abs(flow) / largest if isfinite(flow) else 1.0
    colour = POSITIVE if flow > 0 else NEGATIVE if flow < 0 else NEUTRAL
    return replace(arrow, colour=colour, width=round(THINNEST + (THICKEST - THINNEST) * sqrt(share), 2))


def _box(node: Value, parameters: set[Value] | None) -> Box:
    if node._rule is CONSTANT:
        return Box("constant", (f"{node.data:.4g}",))
    head = "  ".join(text for text in (node._op, visible(node.label)) if text)
    lines = (f"data {node.data:.4g}", f"grad {node.grad:.4g}")
    leaf = "leaf" if parameters is None else "parameter" if node in parameters else "input"
    return Box("operation" if node._op else leaf, (head, *lines) if head else lines)


def _shape(order: list[Value], rankdir: str) -> Graph:
    """Nodes at like depths as one box each."""
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
        Box("band", (f"{sum(kinds.values()):,} nodes", *(f"{count:,} {kind}" for kind, count in kinds.most_common(4))))
        for kinds in members
    ]
    title = f"{len(order):,} nodes are too many to draw: each box stands for all of about one depth"
    return Graph(boxes, [Arrow(*pair) for pair in sorted(pairs) if pair[0] < pair[1]], title, rankdir)


def visible(text: str, most: int = 40) -> str:
    """A label as it can be shown anywhere: on one line, of a readable length, without control characters."""
    shown = "".join(c if c.isprintable() else "↵" if c == "\n" else "�" for c in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"
