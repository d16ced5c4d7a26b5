"""How the formula of an operation is made for reading: conditions decided, holes filled in, and tidied up."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from ..engine.value import Value
from ..rules import readable
from ..rules.rule import Rule
from ..rules.simplify import Reducer, Term, constant, number_of

#: Elements of a sequence that are shown, at most.
MOST_TERMS = 6


#: Whole numbers below this are written in full.
_LARGE = 1e6


class Deciding(Reducer):
    """Decides conditions by numbers, and puts the formulas of functions that are there for formulas alone in their places.

    Args:
        functions: the names that the formula uses.
        numbers: of the holes.
    """

    def __init__(self, functions: Mapping[str, Any], numbers: dict[str, Term]) -> None:
        super().__init__(functions, lambda name, _: name)
        self.numbers, self.valued = numbers, 0  # how many of the lets are among the numbers

    def _ifexp(self, node: ast.IfExp, names: Mapping[str, Term]) -> Term:
        used = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)} & names.keys()
        met = _number(self, node.test, {name: self._valued(names[name]) for name in used})
        if isinstance(met, ast.Constant) and isinstance(met.value, bool):
            return self.reduce(node.body if met.value else node.orelse, names)
        return super()._ifexp(node, names)

    def _valued(self, term: Term) -> Term:
        """Return an expression with numbers in its holes."""
        if isinstance(term, list):
            return [self._valued(part) for part in term]
        for name, part in self.lets[self.valued :]:
            self.numbers[f"_{name}_"] = _number(self, part, self.numbers)
        self.valued = len(self.lets)
        return _number(self, term, self.numbers)

    def _called_with(self, name: str, terms: list[Term]) -> Term:
        own: Rule | None = getattr(self.functions[name], "__rule__", None)
        if own is None or own.name == name or not own.symbol.startswith("_"):
            return super()._called_with(name, terms)
        self.functions = {**own.functions, **self.functions}
        return self.reduce(readable.formula(own), dict(zip(own.operands, terms, strict=True)))


def _number(reducer: Reducer, tree: ast.AST, names: Mapping[str, Term]) -> Term:
    """Return an expression with names filled in and all that can be computed."""
    return Reducer(reducer.functions, lambda name, _: name).reduce(tree, names)


class Filled(ast.NodeTransformer):
    """Fills in holes; what it goes through stays as it is."""

    def __init__(self, holes: Mapping[str, Value], fill: Callable[[Value], ast.expr]) -> None:
        self.holes, self.fill = holes, fill

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: D102
        return self.fill(self.holes[node.id]) if node.id in self.holes else node

    def generic_visit(self, node: ast.AST) -> ast.AST:  # noqa: D102
        if not isinstance(node, ast.expr):
            return node
        parts = {
            field: [self.visit(one) for one in part]
            if isinstance(part, list)
            else self.visit(part)
            if isinstance(part, ast.AST)
            else part
            for field, part in ast.iter_fields(node)
        }
        made: type[Any] = type(node)
        return made(**parts)  # type: ignore[no-any-return]  # of the same kind


class Tidy(ast.NodeTransformer):
    """Simplifies an expression to be read: whole numbers without a point, no sums with 0, short lists, no auxiliary names."""

    def __init__(self, lets: dict[str, ast.expr], functions: Mapping[str, Any]) -> None:
        self.lets, self.functions = lets, functions
        self.placed: dict[str, ast.expr] = {}  # those of the lets that are tidy

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: D102
        operands = short([self.visit(part) for part in node.args])
        name = readable.shown(node.func.id, self.functions)  # type: ignore[attr-defined]  # a formula calls names
        return ast.Call(ast.Name(name, ast.Load()), operands, [])

    def visit_List(self, node: ast.List) -> ast.expr:  # noqa: D102
        self.generic_visit(node)
        return ast.List(short(node.elts), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:  # noqa: D102
        value = node.value
        return ast.Constant(int(value)) if type(value) is float and value.is_integer() and value < _LARGE else node

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: D102
        if node.id in self.lets and node.id not in self.placed:
            self.placed[node.id] = self.visit(self.lets[node.id])
        return self.placed.get(node.id, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:  # noqa: D102
        left, right = _number_of(node.left), _number_of(node.right)
        if isinstance(node.op, ast.Sub) and left is not None and right is not None:  # a⁻² for a^(−1 − 1)
            tidy: ast.expr = self.visit(constant(left - right))
            return tidy
        self.generic_visit(node)
        if isinstance(node.op, ast.Add):
            for part, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(part, ast.Constant) and part.value == 0:
                    return other
            if (right := number_of(node.right)) is not None and str(right).startswith("-"):
                return ast.BinOp(node.left, ast.Sub(), node.right.operand)  # type: ignore[attr-defined]  # of the minus
        return node


def _number_of(tree: ast.expr) -> float | None:
    """Return the number that an expression is, tidy already or not; None where it is none."""
    match tree:
        case ast.Constant(int(number)) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(ast.USub(), ast.Constant(int(number))) if not isinstance(number, bool):
            return -float(number)
    return number_of(tree)


def short(terms: list[ast.expr]) -> list[ast.expr]:
    """Leave out the middle of a long list."""
    return terms if len(terms) <= MOST_TERMS else [*terms[:2], ast.Name("...", ast.Load()), terms[-1]]
