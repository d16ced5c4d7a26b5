"""Chooses what is drawn of a graph: as much as there is room for."""

from __future__ import annotations

from ..engine.graph import topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import owners_of
from .boxes import choose_boxes, outputs
from .build import Builder
from .diagram import Graph
from .names import names_of
from .shape import shape_of


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
        graph = shape_of(order)
    else:
        grouping, box_of = chosen
        wholes = {node: key for node in outputs(order, box_of) if node._rule and isinstance(key := box_of[node], str)}
        graph = Builder(order, box_of, owners, lambda node: node.grad, names_of(order, owners, wholes)).draw()
        if len(set(box_of.values())) < len(order):
            graph.title = f"{len(order):,} nodes: those of one {grouping.split(',')[0]} are together in a box"
    graph.rankdir = rankdir
    return graph
