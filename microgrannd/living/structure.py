"""What a model looks like to a page: units in columns, the weights between them, and a program of all their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..engine.graph import arguments, topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import owners_of
from ..rules.table import TABLE

#: Units of a column, and columns, that a page has room for.
MOST_UNITS, MOST_COLUMNS = 24, 8


class Link(NamedTuple):
    """A weight: the parameter, and what it is multiplied by, an input of the model or a unit's result."""

    source: Value
    weight: Value


@dataclass
class Unit:
    """A neuron, or another innermost module with parameters.

    Attributes:
        name: of the module.
        result: what other units take.
        total: the sum before the activation.
        links: its weights.
        bias: its other parameter.
        column: 1 for units of inputs alone.
    """

    name: str
    result: Value
    total: Value
    links: list[Link] = field(default_factory=list)
    bias: Value | None = None
    column: int = 1


def units_of(outputs: Sequence[Value], inputs: Sequence[Value], model: Module) -> list[Unit]:
    """Return the units of a model, sources before those that take them; none where it has another form, or too many."""
    order = topological(*outputs)
    owners = owners_of(order, model)
    members: dict[str, list[Value]] = {}
    for node in order:
        if node._rule is not None and node._operands and node in owners.neuron:
            members.setdefault(owners.neuron[node], []).append(node)
    results = {nodes[-1]: name for name, nodes in members.items()}
    columns: dict[Value, int] = dict.fromkeys(inputs, 0)
    units = []
    for name, nodes in members.items():
        inside = set(nodes)
        unit = Unit(name, nodes[-1], nodes[-1])
        for node in nodes:
            links = list(_links(node, owners.parameters.keys(), columns.keys()))
            unit.links += links
            if links or not (inside & set(_values(node))) or node._rule in _SUMS:
                unit.total = node
        weights = {link.weight for link in unit.links}
        own = [p for node in nodes for p in _values(node) if p in owners.parameters and p not in weights]
        unit.bias = own[0] if own else None
        if not unit.links or len(weights) < len(unit.links):  # used several times, as in a recurrent network
            return []
        unit.column = 1 + max(columns[link.source] for link in unit.links)
        columns[unit.result] = unit.column
        units.append(unit)
    widths = [sum(unit.column == column for unit in units) for column in set(columns.values())]
    if not results or max(widths) > MOST_UNITS or len(inputs) > MOST_UNITS or len(widths) > MOST_COLUMNS + 1:
        return []
    return units


_SUMS = {TABLE["__add__"], TABLE["sum"], TABLE["dot"]}


def _values(node: Value) -> list[Value]:
    return [operand for operand in node._operands if isinstance(operand, Value)]


def _links(node: Value, parameters: Any, sources: Any) -> Iterator[Link]:
    """Yield the products of a parameter and a source that a node adds up."""
    if node._rule is TABLE["dot"]:
        ws, xs, _ = arguments(node)
        pairs = list(zip(ws, xs, strict=True))
    elif node._rule is TABLE["__mul__"]:
        pairs = [tuple(arguments(node))]
    else:
        return
    for a, b in pairs:
        if a in parameters and b in sources:
            yield Link(b, a)
        elif b in parameters and a in sources:
            yield Link(a, b)
