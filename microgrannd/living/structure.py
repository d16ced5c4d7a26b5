"""What a model looks like to a page: units in columns, the weights between them, and a program of all their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..engine.graph import arguments, topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import owners_of
from ..rules.rule import CONSTANT
from ..rules.table import TABLE

#: Units of a column, and columns, that a page has room for.
MOST_UNITS, MOST_COLUMNS = 24, 8


class Link(NamedTuple):
    """A weight: the parameter, and what it is multiplied by, an input of the model or a unit's result."""

    source: Value
    weight: Value


@dataclass
class Unit:
    """A neuron, or another innermost module that is a function of one sum of weights times sources.

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
    alone = type(model).__name__ if len(owners.modules) == 1 else ""  # a model that is one unit
    members: dict[str, list[Value]] = {}
    for node in order:
        name = owners.neuron.get(node, alone)
        if node._operands and name:
            members.setdefault(name, []).append(node)
    columns: dict[Value, int] = dict.fromkeys(inputs, 0)
    units = []
    for name, nodes in members.items():
        unit = _unit(name, nodes, owners.parameters.keys(), columns.keys())
        if unit is None:
            return []
        unit.column = 1 + max(columns[link.source] for link in unit.links)
        columns[unit.result] = unit.column
        units.append(unit)
    widths = [sum(unit.column == column for unit in units) for column in set(columns.values())]
    if not units or max(widths) > MOST_UNITS or len(inputs) > MOST_UNITS or len(widths) > MOST_COLUMNS + 1:
        return []
    return units


def _unit(name: str, nodes: Sequence[Value], parameters: Any, sources: Any) -> Unit | None:
    """Return the unit of some nodes, if they are one sum of weights times sources, and a function of that sum alone."""
    sums: dict[Value, tuple[list[Link], list[Value]]] = {}
    total = None
    after: set[Value] = set()
    for node in nodes:
        found = _added(node, sums, parameters, sources)
        if found is not None and not after:
            sums[node] = found
            total = node
        elif total is None or any(operand is not total and operand not in after for operand in _values(node)):
            return None
        else:
            after.add(node)
    links, biases = sums.get(total, ([], [])) if total is not None else ([], [])
    weights = {link.weight for link in links}
    if total is None or len(weights) < len(links) or not links or len(biases) > 1 or weights & set(biases):
        return None
    return Unit(name, nodes[-1], total, links, biases[0] if biases else None)


def _added(node: Value, sums: Any, parameters: Any, sources: Any) -> tuple[list[Link], list[Value]] | None:
    """Return the products and the parameters that a node adds up; None if it computes anything else."""
    links: list[Link] = []
    biases: list[Value] = []

    def add(operand: Any) -> bool:
        if not isinstance(operand, Value):
            return bool(operand == 0)
        if operand in sums:
            links.extend(sums[operand][0])
            biases.extend(sums[operand][1])
        elif operand in parameters:
            biases.append(operand)
        else:
            return operand._rule is CONSTANT and operand.data == 0
        return True

    def multiply(a: Any, b: Any) -> bool:
        a, b = (a, b) if a in parameters else (b, a)
        links.append(Link(b, a))
        return a in parameters and b in sources

    rule, operands = node._rule, arguments(node)
    if rule is TABLE["dot"]:
        ws, xs, bias = operands
        return (links, biases) if all(map(multiply, ws, xs)) and add(bias) else None
    if rule is TABLE["__mul__"]:
        return (links, biases) if multiply(*operands) else None
    if rule is TABLE["__add__"] or rule is TABLE["sum"]:
        terms = operands[0] if rule is TABLE["sum"] else operands
        return (links, biases) if all(map(add, terms)) else None
    return None


def _values(node: Value) -> list[Value]:
    return [operand for operand in node._operands if isinstance(operand, Value) and operand._rule is not CONSTANT]
