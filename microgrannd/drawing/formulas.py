"""The formulas of a recorded operation, to be written with the names of its operands, or with their numbers.

A condition in a formula is decided by the numbers of the operands, so what is written is the part that was computed.

>>> from microgrannd import Value
>>> from microgrannd.rules.notation import Notation
>>> y = abs(Value(-2.0))
>>> recorded = Recorded(y)
>>> result = recorded.result(named({y: "y", y._operands[0]: "x"}, Notation()), Notation())
>>> [Notation().write(tree) for tree in (result, *recorded.partials(numbers))]
['|x|', '−1']
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..engine.graph import arguments, number
from ..engine.value import Value
from ..rules import readable
from ..rules.notation import Notation
from ..rules.rule import CONSTANT
from ..rules.simplify import constant, hole, one
from .filling import MOST_TERMS, Deciding, Filled, Tidy, short
from .names import is_number

#: Makes of an operand what stands for it in a formula.
Fill = Callable[[Value], ast.expr]


#: Functions that are written by signs rather than by their names.
_SIGNS = frozenset({"abs", "cbrt", "ceil", "exp", "exp2", "floor", "len", "map", "pow", "sqrt", "sum", "zip"})


def named(names: Mapping[Value, str], notation: Notation) -> Fill:
    """Return what fills in the names of operands, in brackets where they look like formulas or numbers themselves."""

    def fill(node: Value) -> ast.expr:
        name = notation.name(names[node])
        plain = re.fullmatch(r"[^\W\d_][\w.]*", names[node]) and names[node] not in notation.symbols
        return ast.Name(name if plain else f"({name})", ast.Load())

    return fill


def numbers(node: Value) -> ast.expr:
    """Fill in the number of an operand."""
    return constant(float(node.data))


class Recorded:
    """The formulas of an operation that was recorded.

    Args:
        node: its result.
    """

    def __init__(self, node: Value) -> None:
        assert node._rule is not None  # it was computed
        self.node, self.rule = node, node._rule
        self.holes: dict[str, Value] = {}
        self.known: dict[Value, ast.expr] = {}

    @property
    def long(self) -> bool:
        """Whether the operation takes more elements than are shown one by one."""
        return any(len(row) > MOST_TERMS for row in self.node._rows)

    def result(self, fill: Fill, notation: Notation) -> ast.expr:
        """Return how the result is computed: arithmetic written out, any other operation as a function of its operands."""
        rule = self.rule
        if not rule.told:  # in which order the numbers and the Values were given is not known
            values = [fill(operand) for row in self.node._rows for operand in row if not is_number(operand)]
            given = any(is_number(operand) for row in self.node._rows for operand in row)
            terms = [*short(values), *[ast.Name("...", ast.Load())] * given]
            return ast.Call(ast.Name(readable.called(rule), ast.Load()), terms, [])
        if self.long:
            elements = {name: ast.Name(notation.element(name), ast.Load()) for name in rule.sequences}
            return readable.generic(readable.formula(rule), {**elements, **self._scalars(fill)}, rule)
        if self._written_out:
            return self._filled(self._value, fill)
        terms = [self._filled(one(term), fill) for term in self._arguments]
        if len(terms) == 1 and isinstance(terms[0], ast.List):
            (terms,) = [terms[0].elts]
        return ast.Call(ast.Name(readable.called(rule), ast.Load()), terms, [])

    def partials(self, fill: Fill) -> list[ast.expr]:
        """Return the local derivatives by each of the operands; none where the rule does not tell of them."""
        return [self._filled(tree, fill) for tree in self._slopes] if self.rule.told else []

    def partial(self, position: int, fill: Fill) -> list[ast.expr]:
        """Return the local derivative by the operand at an index; nothing where the rule does not tell of it."""
        return [self._filled(self._slopes[position], fill)] if self.rule.told else []

    @property
    def _written_out(self) -> bool:
        """Whether the result is written by signs, not by the name of the operation."""
        formula, defined = readable.formula(self.rule), "y" in self.rule.written and self.rule.symbol.isidentifier()
        calls = [part for part in ast.walk(formula) if isinstance(part, ast.Call)]
        by_name = any(isinstance(part, ast.IfExp) for part in ast.walk(formula)) or defined
        return not by_name and all(call.func.id in _SIGNS for call in calls)  # type: ignore[attr-defined]  # names

    @cached_property
    def _arguments(self) -> list[Any]:
        return arguments(self.node, self._hole)

    @cached_property
    def _value(self) -> ast.expr:
        return self._reduced(readable.formula(self.rule))

    @cached_property
    def _slopes(self) -> list[ast.expr]:
        trees: list[ast.expr] = []
        for name, row in zip(self.rule.operands, self.node._rows, strict=True):
            tree = self._reduced(readable.formula(self.rule, name))
            trees += tree.elts if name in self.rule.sequences and isinstance(tree, ast.List) else [tree] * len(row)
        return trees

    def _scalars(self, fill: Fill) -> dict[str, ast.expr]:
        """Return what stands for the operands that are no sequences."""
        pairs = zip(self.rule.operands, self._arguments, strict=True)
        return {name: self._filled(term, fill) for name, term in pairs if not isinstance(term, list)}

    def _hole(self, operand: Any) -> ast.expr:
        if not isinstance(operand, Value):
            return constant(operand)
        if operand._rule is CONSTANT:
            return constant(float(operand.data))
        if operand not in self.known:
            tree = self.known[operand] = hole(f"hole{len(self.holes)}")
            self.holes[tree.id] = operand  # type: ignore[attr-defined]  # a name
        return self.known[operand]

    def _reduced(self, tree: ast.expr) -> ast.expr:
        """Return a formula with holes for operands, sequences unrolled, and what is constant or a condition computed."""
        names = {**dict(zip(self.rule.operands, self._arguments, strict=True)), "y": self._hole(self.node)}
        numbers = {name: constant(float(node.data)) for name, node in self.holes.items()}
        reducer = Deciding(self.rule.functions, numbers)
        reduced = one(reducer.reduce(tree, names))
        tidy = Tidy({f"_{name}_": term for name, term in reducer.lets}, reducer.functions)
        if isinstance(reduced, ast.List):  # of a sequence, to be shown one by one
            return ast.List([tidy.visit(part) for part in reduced.elts], ast.Load())
        visited: ast.expr = tidy.visit(reduced)
        return visited

    def _filled(self, tree: ast.expr, fill: Fill) -> ast.expr:
        filled: ast.expr = Filled(self.holes, fill).visit(tree)
        return filled


def composed(nodes: Sequence[Value], notation: Notation) -> ast.expr | None:
    """Return the formula of operations that follow on one another, as tanh(Σ wᵢxᵢ + b); None where they do not.

    Args:
        nodes: their results, operands before results.
        notation: names any element of a sequence.
    """
    tree: ast.expr | None = None
    before: Value | None = None
    for node in nodes:
        recorded = Recorded(node)
        rule, names = recorded.rule, {}
        for name, row in zip(recorded.rule.operands, node._rows, strict=True):
            if before is not None and any(operand is before for operand in row):
                if name in rule.sequences or tree is None:
                    return None
                names[name], tree = tree, None
            elif name in rule.sequences:
                names[name] = ast.Name(notation.element(name), ast.Load())
            elif is_number(row[0]):
                names[name] = constant(number(row[0]))
        if before is not None and tree is not None:
            return None  # it is not taken
        if "y" in rule.written and rule.symbol.isidentifier():
            whole: ast.expr = ast.Call(ast.Name(readable.called(rule), ast.Load()), list(names.values()), [])
        else:
            whole = readable.generic(readable.formula(rule), names, rule)
        tree, before = Tidy({}, rule.functions).visit(whole), node
    return tree
