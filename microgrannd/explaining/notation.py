"""Formulas of a recorded operation as people write them: with names or numbers for the operands, as text or LaTeX."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, cast

from .._text import visible
from ..engine.graph import arguments
from ..engine.value import Value
from ..rules.formula import Formula
from ..rules.rule import CONSTANT, Rule
from ..rules.simplify import Reducer, constant, one

#: Returns the name of an operand, or its number as text.
Naming = Callable[[Value], str]


#: Elements of a sequence that are shown, at most.
MOST_TERMS = 6


#: The functions that LaTeX knows.
_LATEX = {
    **{name: f"\\{name}" for name in "exp log sin cos tan sinh cosh tanh max min".split()},
    **{f"a{name}": f"\\arc{name}" for name in ("sin", "cos", "tan")},
    "sigmoid": r"\sigma",
}


_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", 1), ast.Sub: ("-", 1), ast.Mult: (r"\cdot", 2), ast.Mod: (r"\bmod", 2),
    ast.Lt: ("<", 0), ast.LtE: (r"\le", 0), ast.Gt: (">", 0), ast.GtE: (r"\ge", 0),
}  # fmt: skip


_ATOM = 5


def result(node: Value, called: Naming, digits: int) -> ast.expr:
    """Return the expression of a node: arithmetic written out, any other operation as a call of its name."""
    rule = _rule(node)
    if all(len(row) <= MOST_TERMS for row in node._rows):
        tree = _reduced(node, rule.formula, called, digits)
        if not any(isinstance(part, ast.Call | ast.IfExp) for part in ast.walk(tree)):
            return tree
    terms = arguments(node, _term(called))
    return ast.Call(_name(rule.name.strip("_")), [one(_short(t) if isinstance(t, list) else t) for t in terms], [])


def partials(node: Value, called: Naming, digits: int) -> list[ast.expr]:
    """Return the expressions of the local derivatives of a node by each of its operands."""
    trees: list[ast.expr] = []
    for (name, formula), row in zip(_rule(node).partials.items(), node._rows, strict=True):
        tree = _reduced(node, formula, called, digits)
        trees += tree.elts if name in _rule(node).sequences and isinstance(tree, ast.List) else [tree] * len(row)
    return trees


def text(tree: ast.expr) -> str:
    """Write an expression as Python does."""
    written = ast.unparse(ast.fix_missing_locations(tree))
    return re.sub(r"(^|\()\((-[^()]*)\)(?=\)|$)", r"\1\2", written)  # a negative number alone needs no brackets


def math_number(written: str) -> str:
    """Write a number in LaTeX."""
    return re.sub(r"e([+-])0*(\d+)", lambda power: rf" \cdot 10^{{{power[1].strip('+')}{power[2]}}}", written)


def math_name(name: str) -> str:
    """Write a name in LaTeX: a letter with its number as its index, anything else upright."""
    if match := re.fullmatch(r"([A-Za-z])(\d*)", name):
        return f"{match[1]}_{{{match[2]}}}" if match[2] else match[1]
    return rf"\text{{{inert(name)}}}"


def inert(text: str) -> str:
    """Replace the punctuation that means something to Markdown, LaTeX and HTML by its full-width forms."""
    return "".join(
        c if not "!" <= c <= "~" or c.isalnum() or c in ",.:" else chr(ord(c) + 0xFEE0) for c in visible(text)
    )


def latex(tree: ast.expr) -> str:
    """Write an expression in LaTeX; the names in it are taken as LaTeX already."""
    return _written(tree)[0]


def _rule(node: Value) -> Rule:
    assert node._rule is not None  # it was computed
    return node._rule


def _term(called: Naming) -> Callable[[Any], ast.expr]:
    def read(operand: Any) -> ast.expr:
        if not isinstance(operand, Value):
            return constant(operand)
        return constant(operand.data) if operand._rule is CONSTANT else _name(called(operand))

    return read


def _reduced(node: Value, formula: Formula, called: Naming, digits: int) -> ast.expr:
    """Return a formula with the operands filled in, sequences unrolled and what is constant computed."""
    rule = _rule(node)
    names = {**dict(zip(rule.operands, arguments(node, _term(called)), strict=True)), "y": _name(called(node))}
    reducer = Reducer(rule.functions, lambda name, _: name)
    tree = one(reducer.reduce(formula.tree, names))
    tidy = _Tidy({f"_{name}_": term for name, term in reducer.lets}, digits)
    if isinstance(tree, ast.List):  # of a sequence, to be shown one by one
        return ast.List([tidy.visit(part) for part in tree.elts], ast.Load())
    return cast(ast.expr, tidy.visit(tree))


class _Tidy(ast.NodeTransformer):
    """Simplifies an expression to be read: whole numbers without a point, no sums with 0, short lists, no auxiliary names."""

    def __init__(self, lets: dict[str, ast.expr], digits: int) -> None:
        self.lets, self.digits = lets, digits
        self.placed: dict[str, ast.expr] = {}  # those of the lets that are tidy

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return ast.Call(node.func, _short(node.args), [])

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        return ast.List(_short(node.elts), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        whole = node.value.is_integer() and node.value < 10 ** max(self.digits, 6)
        return ast.Constant(int(node.value)) if whole else _name(f"{node.value:.{self.digits}g}")

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.lets and node.id not in self.placed:
            self.placed[node.id] = self.visit(self.lets[node.id])
        return self.placed.get(node.id, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add) and isinstance(node.left, ast.Constant) and node.left.value == 0:
            return node.right
        return node


def _short(terms: list[ast.expr]) -> list[ast.expr]:
    """Leave out the middle of a long list."""
    return terms if len(terms) <= MOST_TERMS else [*terms[:2], _name("..."), terms[-1]]


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _written(node: ast.AST) -> tuple[str, int]:
    """Write an expression in LaTeX; return it with the strength of its operator."""
    match node:
        case ast.Constant(value):
            return repr(value), _ATOM
        case ast.Name(name):
            written = {"inf": r"\infty", "...": r"\dots"}.get(name) or math_number(name)
            return written, 2 if r" \cdot 10^" in written and not written.startswith("(") else _ATOM
        case ast.List(elements):
            return rf"\left[{', '.join(_written(element)[0] for element in elements)}\right]", _ATOM
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_bound(operand, 2)}", 1
        case ast.UnaryOp(ast.Not(), operand):
            return rf"\text{{not }}{_bound(operand, 1)}", 0
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_written(left)[0]}}}{{{_written(right)[0]}}}", 4
        case ast.BinOp(left, ast.FloorDiv(), right):
            return rf"\left\lfloor\frac{{{_written(left)[0]}}}{{{_written(right)[0]}}}\right\rfloor", _ATOM
        case ast.BinOp(left, ast.Pow(), right) | ast.Call(ast.Name("pow"), [left, right]):
            return f"{{{_bound(left, _ATOM)}}}^{{{_written(right)[0]}}}", 4
        case ast.BinOp(left, operation, right):
            sign, strength = _OPERATORS[type(operation)]
            return f"{_bound(left, strength)} {sign} {_bound(right, strength + 1)}", strength
        case ast.Compare(left, operations, others):
            pairs = zip(operations, others, strict=True)
            return " ".join([_bound(left, 1), *(f"{_OPERATORS[type(o)][0]} {_bound(b, 1)}" for o, b in pairs)]), 0
        case ast.BoolOp(operation, parts):
            word = " and " if isinstance(operation, ast.And) else " or "
            return rf"\text{{{word}}}".join(_bound(part, 0) for part in parts), 0
        case ast.IfExp(test, body, orelse):
            rows = rf"{_written(body)[0]} & {_written(test)[0]} \\ {_written(orelse)[0]} & \text{{else}}"
            return rf"\begin{{cases}} {rows} \end{{cases}}", _ATOM
        case ast.Call(ast.Name("abs"), [operand]):
            return rf"\left|{_written(operand)[0]}\right|", _ATOM
        case ast.Call(ast.Name("sqrt"), [operand]):
            return rf"\sqrt{{{_written(operand)[0]}}}", _ATOM
        case ast.Call(ast.Name(name), operands):
            function = _LATEX.get(name, math_name(name))
            return rf"{function}\left({', '.join(_written(operand)[0] for operand in operands)}\right)", _ATOM
    return rf"\text{{{inert(ast.unparse(node))}}}", 0  # only in a rule of the user's own


def _bound(node: ast.AST, strength: int) -> str:
    """Write an expression in LaTeX, in brackets if its operator is weaker."""
    written, own = _written(node)
    return written if own >= strength else rf"\left({written}\right)"
