"""How gradient flows through a graph, as a diagram: in full, by neuron, by layer, or as a shape with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import hypot, isfinite

from .._text import visible
from ..engine.graph import links, topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import Owners, owners_of
from ..rules.rule import CONSTANT
from .boxes import BoxOf, choose_boxes, outputs, reached
from .diagram import LEGEND, TOGETHER, Arrow, Box, Frame, Graph, size

#: The number of boxes of a shape, at the most.
MOST_BANDS = 24


#: What a box stands for: a node, a group, or a number among the operands of a node, at its index there.
Boxed = Value | str | tuple[Value, int]


#: A node, the index of an operand among its operands, this operand, and the local derivative.
Link = tuple[Value, int, Value, float]


def graph_of(root: Value, model: Module | None = None, depth: str = "auto", rankdir: str = "LR") -> Graph:
    """Return the diagram of all that a Value was computed from.

    Args:
        root: the result.
        model: whose parameters are shown as such, all other leaves then being inputs, and whose modules are framed.
        depth: a key of DEPTHS.
        rankdir: LR or TB.
    """
    order = topological(root)
    owners = owners_of(order, model) if model else None
    chosen = choose_boxes(order, owners, depth)
    if chosen is None:
        return _shape(order, rankdir)
    grouping, box_of = chosen
    graph = Builder(order, box_of, owners, lambda node: node.grad).draw()
    graph.rankdir = rankdir
    if len(set(box_of.values())) < len(order):
        graph.title = f"{len(order):,} nodes: those of one {grouping.split(',')[0]} are together in a box"
    return graph


class Builder:
    """Builds the diagram of nodes that were put in boxes.

    Args:
        order: the nodes, operands before results.
        box_of: the box of each.
        owners: the modules that are framed.
        gradient: of a node.

    Attributes:
        numbers: of the boxes.
        arrows: the numbers of the arrows: by where they come from, the operand's index or -1, and where they go.
    """

    def __init__(
        self, order: list[Value], box_of: BoxOf, owners: Owners | None, gradient: Callable[[Value], float]
    ) -> None:
        self.box_of, self.owners, self.gradient = box_of, owners, gradient
        self.root = order[-1]
        self.outputs = outputs(order, box_of)
        self.reached = reached(order, box_of, self.outputs)
        members: dict[Value | str, list[Value]] = {}
        for node in reversed(order):
            members.setdefault(box_of[node], []).append(node)
        #: Operands before results: a group stands where its last member does.
        self.members = {key: nodes[::-1] for key, nodes in reversed(members.items())}
        self.graph = Graph()
        self.numbers: dict[Boxed, int] = {}
        self.arrows: dict[tuple[Boxed, int, Boxed], int] = {}
        self.frames: dict[str, int] = {}

    def draw(self) -> Graph:
        """Add all boxes, then all arrows, and return the diagram."""
        for key, nodes in self.members.items():
            if isinstance(key, Value):
                for index, operand in enumerate(key._operands):
                    if type(operand) is float:
                        self.put((key, index), Box("constant", (f"{operand:.4g}",)), key)
                self.put(key, self.box(key), key)
            else:
                self.put(key, self.group(key, nodes), nodes[0])
        arrows = [arrow for key in self.members for arrow in self.arrows_to(key)]
        if self.gradient(self.root):  # else there was no backward() from here, and the flow is not known
            largest = max((s for _, flows in arrows if isfinite(s := size(flows))), default=0.0)
            arrows = [(arrow.styled(flows, largest), flows) for arrow, flows in arrows]
            together = [TOGETHER] if any(len(flows) > 1 for _, flows in arrows) else []
            self.graph.legend = LEGEND + together if arrows else []
        self.graph.arrows = [arrow for arrow, _ in arrows]
        return self.graph

    def put(self, key: Boxed, box: Box, node: Value) -> None:
        """Add a box within the frames of the modules around the node."""
        frame = None
        for name in self.owners.around(node) if self.owners else ():
            if name == self.box_of[node]:
                break  # the box itself is that module
            if name not in self.frames:
                self.frames[name] = len(self.graph.frames)
                self.graph.frames.append(Frame(visible(name), frame))
            frame = self.frames[name]
        self.numbers[key] = len(self.graph.boxes)
        self.graph.boxes.append(replace(box, frame=frame))

    def box(self, node: Value) -> Box:
        """Return the box of a node by itself."""
        if node._rule is CONSTANT:
            return Box("constant", (f"{node.data:.4g}",))
        leaf = "leaf" if self.owners is None else "parameter" if node in self.owners.parameters else "input"
        head = "  ".join(text for text in (node._op, visible(self.name(node))) if text)
        return Box(
            "operation" if node._op else leaf, (*([head] if head else []), *self.values(node)), numbers=int(bool(head))
        )

    def group(self, name: str, nodes: list[Value]) -> Box:
        """Return the box of several nodes: their result if they have one, and the norm of their parameters' gradients."""
        results = [node for node in nodes if node._rule and node in self.outputs]
        own = [self.gradient(node) for node in nodes if self.owners and node in self.owners.parameters]
        alone = len(results) == 1
        lines = [visible(name), *(self.values(results[0]) if alone else [f"{len(nodes):,} nodes"])]
        if own:
            lines.append(f"{len(own):,} parameters, |grad| {hypot(*own):.4g}")
        return Box("group", tuple(lines), numbers=1 if alone else None)

    def values(self, node: Value) -> tuple[str, str]:
        """Return the lines with a node's data and gradient."""
        return f"data {node.data:.4g}", f"grad {self.gradient(node):.4g}"

    def arrows_to(self, key: Value | str) -> Iterator[tuple[Arrow, list[float]]]:
        """Yield the arrows to a box, each with the flows along the edges that it stands for: none from a constant."""
        together: dict[tuple[Boxed, int], list[Link]] = {}
        for node in self.members[key]:
            for index, (operand, partial) in enumerate(links(node)):
                if partial is None:
                    if node is key:
                        together[(node, index), index] = []
                elif (source := self.box_of[operand]) != key:
                    alone = node is key and operand is source  # as each of the two of x * x
                    together.setdefault((source, index if alone else -1), []).append((node, index, operand, partial))
        formulas = _formulas(key) if isinstance(key, Value) else []
        for (box, index), edges in together.items():
            label, hint, flows = self.flow(edges, formulas) if edges else ("", "", [])
            self.arrows[box, index, key] = len(self.arrows)
            yield Arrow(self.numbers[box], self.numbers[key], label, hint), flows

    def flow(self, edges: list[Link], formulas: list[str]) -> tuple[str, str, list[float]]:
        """Return label, hint and flows of an arrow, by its edges, and by the formulas of a node that has its own box."""
        node, index, operand, partial = edges[0]
        flows = [self.gradient(node) * partial for node, _, _, partial in edges]
        if len(edges) == 1 and formulas:
            return f"{partial:.3g}", f"{formulas[index]} = {partial:.6g}", flows
        ends = [end for node, *_ in edges if (end := self.reached[node])]
        if len(ends) < len(edges) or len({end for end, _ in ends}) > 1 or len({link[2] for link in edges}) > 1:
            return "", f"{len(edges):,} edges", flows
        slope = sum(along * link[3] for (_, along), link in zip(ends, edges, strict=True))
        return f"{slope:.3g}", f"d({self.title(node)})/d({self.title(operand)}) = {slope:.6g}", [sum(flows)]

    def name(self, node: Value) -> str:
        """Return a node's label; without one, a parameter's name in its module."""
        if node.label or not self.owners:
            return node.label
        return self.owners.parameters.get(node, "").removeprefix(f"{self.owners.neuron.get(node, '')}.")

    def title(self, node: Value) -> str:
        """Return the title of the box of a node."""
        key = self.box_of[node]
        return visible(key if isinstance(key, str) else self.name(node) or node._op or "x")


def _formulas(node: Value) -> list[str]:
    """Return the formulas of the local derivatives by each operand."""
    formulas = []
    for (name, formula), row in zip(node._rule.partials.items() if node._rule else (), node._rows, strict=True):
        elements = [f"[{i}]" for i in range(len(row))] if node._rule and name in node._rule.sequences else [""]
        formulas += [f"d{name}{element} = {formula.text}" for element in elements]
    return formulas


def _shape(order: list[Value], rankdir: str) -> Graph:
    """Return a diagram with one box for all nodes at about one depth."""
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
    return Graph(boxes, [Arrow(*pair) for pair in sorted(pairs) if pair[0] < pair[1]], title, rankdir)
