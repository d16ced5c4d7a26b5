"""Formulas to be read: what a line does in another way for the sake of floats, as mathematics writes it.

>>> from microgrannd.rules.table import TABLE
>>> from microgrannd.rules.notation import Notation
>>> print(*sentences(TABLE["sigmoid"], Notation(times="")), sep=", ")
σ(x) = 1/(1 + e⁻ˣ), σ′ = σ(1 − σ)
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from .._text import visible
from .notation import Notation
from .rule import Rule


def formula(rule: Rule, name: str = "y") -> ast.expr:
    """Return the formula of a rule's value, or of the partial by an operand, as it is read: not to be changed."""
    return rule.kept(_formula, name)


def _formula(rule: Rule, name: str) -> ast.expr:
    read = rule.written.get(name) or (rule.formula if name == "y" else rule.partials[name])
    tree: ast.expr = _Readable().visit(read.renamed({}))
    return tree


def shown(name: str, functions: Mapping[str, Any]) -> str:
    """Return what a function is called where it is read: by its symbol, if it has a rule."""
    own: Rule | None = getattr(functions.get(name), "__rule__", None)
    return called(own) if own else name


def called(rule: Rule) -> str:
    """Return what an operation is called in formulas: by its symbol, if that can be a name."""
    return visible(rule.symbol if rule.symbol.isidentifier() else rule.name.strip("_"))


def sentences(rule: Rule, notation: Notation) -> list[str]:
    """Write the definition of an operation and its derivatives, of the operands' names in the table; of y where it has no name."""
    operands = {
        name: notation.element(name) if name in rule.sequences else notation.name(name) for name in rule.operands
    }
    names: dict[str, ast.expr] = {name: ast.Name(text, ast.Load()) for name, text in operands.items()}
    single = len(operands) == 1 and not rule.sequences
    function = notation.function(called(rule)) if single and rule.symbol.isidentifier() else "y"
    head = function if function == "y" else notation.applied(function, list(names.values()))

    def write(tree: ast.expr, y: str) -> str:
        return notation.write(generic(tree, {**names, "y": ast.Name(y, ast.Load())}, rule))

    lines = [f"{head} = {value}"] if (value := write(formula(rule), "y")) != head else []
    for name, text in operands.items():
        slope = formula(rule, name)
        takes = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(slope))
        y = head if takes else function
        by = notation.prime(function) + y.removeprefix(function) if single else notation.slope("y", text)
        lines.append(f"{by} = {write(slope, y)}")
    return lines


def generic(tree: ast.AST, names: Mapping[str, ast.expr], rule: Rule) -> ast.expr:
    """Return an expression of operands by other names, sequences by one for any element of theirs."""
    match tree:
        case ast.Name(name):
            return names.get(name, ast.Name(name, ast.Load()))
        case ast.Call(ast.Name("map"), [ast.Name("mul"), left, right]):
            return ast.BinOp(generic(left, names, rule), ast.Mult(), generic(right, names, rule))
        case ast.Call(ast.Name("map"), [ast.Name(name), *operands]):
            return _call(shown(name, rule.functions), [generic(operand, names, rule) for operand in operands])
        case ast.Call(ast.Name("len"), [_]):
            return ast.Name("n", ast.Load())
        case ast.Call(ast.Name(name), operands):
            return _call(shown(name, rule.functions), [generic(operand, names, rule) for operand in operands])
        case ast.BinOp(ast.List([element]), ast.Mult(), ast.Call(ast.Name("len"))):
            return generic(element, names, rule)
        case ast.ListComp(element, [ast.comprehension(target, items, [])]) | ast.GeneratorExp(
            element, [ast.comprehension(target, items, [])]
        ):
            return generic(element, {**names, **_bound(target, items, names, rule)}, rule)
    parts = {
        field: [generic(one, names, rule) if isinstance(one, ast.expr) else one for one in part]
        if isinstance(part, list)
        else generic(part, names, rule)
        if isinstance(part, ast.expr)
        else part
        for field, part in ast.iter_fields(tree)
    }
    return type(tree)(**parts)  # type: ignore[return-value]  # of the same kind


def _bound(target: ast.expr, items: ast.expr, names: Mapping[str, ast.expr], rule: Rule) -> dict[str, ast.expr]:
    match target, items:
        case ast.Tuple(targets), ast.Call(ast.Name("zip"), sequences):
            return {one.id: generic(row, names, rule) for one, row in zip(targets, sequences, strict=True)}  # type: ignore[attr-defined]
        case ast.Name(name), _:
            return {name: generic(items, names, rule)}
    return {}


def _call(name: str, operands: list[ast.expr]) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), operands, [])


class _Readable(ast.NodeTransformer):
    """Writes x * x as x², and functions that are there for accuracy alone as what they compute."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left, ast.Mult(), right) if _same(left, right):
                return _squared(left)
            case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Mult(), right) if _same(left, right):
                return ast.UnaryOp(ast.USub(), _squared(left))
            case ast.BinOp(ast.BinOp(first, ast.Mult(), left), ast.Mult(), right) if _same(left, right):
                return ast.BinOp(first, ast.Mult(), _squared(left))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("expm1"), [x]):
                return ast.BinOp(_call("exp", [x]), ast.Sub(), ast.Constant(1.0))
            case ast.Call(ast.Name("log1p"), [x]):
                return _call("log", [ast.BinOp(ast.Constant(1.0), ast.Add(), x)])
            case ast.Call(ast.Name("hypot"), [a, b]):
                return _call("sqrt", [ast.BinOp(_square_of(a), ast.Add(), _square_of(b))])
            case ast.Call(ast.Name("fsum"), operands):
                return _call("sum", operands)
            case ast.Call(ast.Name("sum"), [items, start]):
                return ast.BinOp(_call("sum", [items]), ast.Add(), start)
        return node


def _same(left: ast.expr, right: ast.expr) -> bool:
    return isinstance(left, ast.Name) and ast.dump(left) == ast.dump(right)


def _squared(tree: ast.expr) -> ast.expr:
    return ast.BinOp(tree, ast.Pow(), ast.Constant(2.0))


def _square_of(tree: ast.expr) -> ast.expr:
    return tree if isinstance(tree, ast.Constant) and tree.value == 1 else _squared(tree)
