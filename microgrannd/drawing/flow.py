"""What flows along the edges that an arrow stands for: the local derivative, and the chain rule's product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .._text import rounded
from ..engine.value import Value
from ..rules.notation import Notation
from .boxes import Reached
from .formulas import Recorded, named, numbers

#: How local derivatives are written.
TEXT, BY_NUMBER = Notation(), Notation(times=" × ")


class Link(NamedTuple):
    """An edge to a node, from the operand at an index, with the local derivative; a number is None, and has a name."""

    node: Value
    position: int
    operand: Value | None
    partial: float
    name: str = ""


class Flow:
    """Writes what flows along edges.

    Args:
        root: whose gradient it is.
        reached: for each node the output of its box that it leads to.
        gradient: of a node.
        names: of the nodes.
    """

    def __init__(
        self,
        root: Value,
        reached: Mapping[Value, Reached],
        gradient: Callable[[Value], float],
        names: Mapping[Value, str],
    ) -> None:
        self.root, self.reached, self.gradient, self.names = root, reached, gradient, names
        self.named = named(names, TEXT)
        self.recorded: Recorded | None = None  # whose formulas were written last

    def along(self, edges: list[Link]) -> tuple[str, str, list[float]]:
        """Return label, hint and flows of an arrow, by its edges."""
        flows = [self.gradient(edge.node) * edge.partial for edge in edges]
        ends = [reached for edge in edges if (reached := self.reached[edge.node])]
        if (
            len(ends) < len(edges)
            or len({output for output, _ in ends}) > 1
            or len({edge.operand for edge in edges}) > 1
        ):
            return *self.several(edges, flows), flows
        (end, _), operand = ends[0], edges[0].operand
        slope = sum(along * edge.partial for (_, along), edge in zip(ends, edges, strict=True))
        formulas = self.formula(edges[0]) if edges[0].node is end and len(edges) == 1 else []
        local = TEXT.slope(self.names[end], self.names[operand] if operand is not None else edges[0].name)
        hint = [" = ".join(dict.fromkeys([local, *formulas, rounded(slope)]))]
        if operand is not None and self.gradient(self.root):
            passed, total = (TEXT.slope(self.names[self.root], self.names[node]) for node in (end, operand))
            product = BY_NUMBER.product(self.gradient(end), slope)
            hint = [f"{total} += {passed} · {local} = {product} = {rounded(sum(flows))}", *hint]
        return rounded(slope), "\n".join(hint), [sum(flows)]

    def several(self, edges: list[Link], flows: list[float]) -> tuple[str, str]:
        """Return label and hint of edges in one arrow: how many, their local derivatives, and what flows."""
        ends = [reached[1] for edge in edges if (reached := self.reached[edge.node])]
        hint, label = [f"{len(edges):,} edge{'s' * (len(edges) > 1)}"], ""
        if len(ends) == len(edges):
            slopes = span(along * edge.partial for along, edge in zip(ends, edges, strict=True))
            hint.append(f"local derivative {slopes}")
            label = "" if "…" in slopes else slopes
        if self.gradient(self.root):
            hint.append(f"gradient passed back {span(flows)}, in sum {rounded(sum(flows))}")
        return label, "\n".join(hint)

    def formula(self, edge: Link) -> list[str]:
        """Return the local derivative with the names of the operands, and with their numbers."""
        if self.recorded is None or self.recorded.node is not edge.node:
            self.recorded = Recorded(edge.node)
        return [
            notation.write(tree)
            for notation, fill in ((TEXT, self.named), (BY_NUMBER, numbers))
            for tree in self.recorded.partial(edge.position, fill)
        ]


def span(numbers: Iterable[float]) -> str:
    """Return the least and the greatest of several numbers, once where they look alike."""
    numbers = list(numbers)
    ends = rounded(min(numbers)), rounded(max(numbers))
    return " … ".join(dict.fromkeys(ends))
