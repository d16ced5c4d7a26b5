"""What nodes are called, in pictures and explanations alike, and how their operations are written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter
from itertools import count
from typing import Any

from .._text import rounded, visible
from ..engine.graph import number
from ..engine.value import Value
from ..nn.owners import Owners
from ..rules.rule import CONSTANT
from .diagram import SPACE

#: Operations that are written between their operands.
INFIX = frozenset("+ − × / % // ^".split())


#: Numbers of a sequence that are shown, at most.
MOST_NUMBERS = 4


#: Letters of the name of a module or parameter.
MOST_LETTERS = 80


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def names_of(
    order: list[Value], owners: Owners | None = None, results: Mapping[Value, str] | None = None
) -> dict[Value, str]:
    """Name the nodes of a graph, no two alike: by their labels, or as parameters; the root y, the others v1, v2, ...

    Args:
        order: the nodes, operands before results, the root last.
        owners: the modules of the model, whose parameters have names.
        results: the names of nodes that stand for all of a module; the numbers of the others do not depend on them.
    """
    names: dict[Value, str] = {}
    taken: set[str] = set()
    copies: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(2))  # those of one label may be many

    def take(node: Value, wish: str) -> None:
        name = wish
        while name in taken:
            name = f"{wish} ({next(copies[wish])})"
        taken.add(name)
        names[node] = name

    labels = {visible(node.label) for node in order}
    unnamed = []
    for node in dict.fromkeys([order[-1], *order]):
        default = "y" if node is order[-1] and "y" not in labels else ""
        parameter = visible(within(owners.parameters.get(node, ""), ""), MOST_LETTERS) if owners else ""
        if wish := visible(node.label) or parameter or default:
            take(node, wish)
        elif node._rule is not CONSTANT:
            unnamed.append(node)
    free = (name for i in count(1) if (name := f"v{i}") not in taken)
    position = {node: number for number, node in enumerate(order)}
    numbered = {node: next(free) for node in sorted(unnamed, key=position.__getitem__)}
    for node, name in (results or {}).items():
        if node in numbered:
            del numbered[node]
            take(node, visible(name, MOST_LETTERS))
    return {**numbered, **names}


def within(name: str, frame: str) -> str:
    """Return a parameter's name as it is written in the frame of its module: w₂ for layers.0.neurons.3.w.2.

    A parameter of the model itself, as of a neuron, is in no frame, and is w₂ everywhere.
    """
    inner = name.removeprefix(f"{frame}.")
    if index := re.fullmatch(r"(\w+)\.(\d+)", inner):
        return index[1] + index[2].translate(_SUBSCRIPTS)
    return inner


def operation(node: Value, apart: Iterable[str] = ()) -> str:
    """Return the symbol of a node's operation and the numbers among its operands, as in × 2, 1 − or clip lo = 0, hi = 1.

    Args:
        node: a result.
        apart: the operands whose numbers are shown elsewhere.
    """
    rule = node._rule
    if rule is None:
        return ""
    rows = [[number(operand) if is_number(operand) else None for operand in row] for row in node._rows]
    symbol = visible(rule.symbol)
    if symbol in INFIX and len(rows) == 2:
        (left,), (right,) = rows
        return " ".join(
            [*([rounded(left)] if left is not None else []), symbol, *([_bound(right)] if right is not None else [])]
        )
    named = zip(rule.operands, rows, rule.parameters.values(), strict=True)
    given = [
        f"{name} = {_row(row, name in rule.sequences)}"
        for name, row, parameter in named
        if name not in apart and row.count(None) < len(row) and not _is_default(row, parameter)
    ]
    return SPACE.join([symbol, *([", ".join(given)] if given else [])])


def is_number(operand: Any) -> bool:
    """Tell whether an operand is a number of a formula, perhaps as a node of its own."""
    return not isinstance(operand, Value) or operand._rule is CONSTANT


def _is_default(row: list[float | None], parameter: Parameter) -> bool:
    """Tell whether an operand is what nobody wrote."""
    return len(row) == 1 and row[0] == parameter.default


def _bound(number: float) -> str:
    text = rounded(number)
    return f"({text})" if text.startswith("−") else text


def _row(row: list[float | None], many: bool) -> str:
    shown = ["…" if number is None else rounded(number) for number in row]
    if not many:
        return shown[0]
    shown = [text for i, text in enumerate(shown) if text != "…" or i == 0 or shown[i - 1] != "…"]
    return f"[{', '.join(shown[:MOST_NUMBERS])}{', …' if len(shown) > MOST_NUMBERS else ''}]"
