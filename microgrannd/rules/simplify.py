"""Formulas as templates of source: sequences unrolled, what is constant computed, products with 1 left out.

A template is made once for each way in which a rule occurs, and filled with names for each operation.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from math import inf
from types import MethodDescriptorType
from typing import Any

from .formula import FUNCTIONS
from .ieee import ERRORS

Tree = ast.expr


#: An expression, or the elements of a sequence.
Term = Any


_ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv, ast.Pow: pow,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


_OPPOSITE: dict[type[ast.AST], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
}  # fmt: skip


def constant(number: float) -> Tree:
    """A number as an expression."""
    tree = _name("nan") if number != number else _name("inf") if abs(number) == inf else ast.Constant(abs(number))
    return ast.UnaryOp(ast.USub(), tree) if str(number).startswith("-") else tree


def number_of(tree: Term) -> float | None:
    """The number that an expression is; None where it is none."""
    match tree:
        case ast.Name("nan" | "inf" as name):
            return float(name)
        case ast.Constant(float(number)):
            return number
        case ast.UnaryOp(ast.USub(), operand):
            positive = number_of(operand)
            return None if positive is None else -positive
    return None


def hole(name: str) -> Tree:
    """A place for a name, to be filled in by ``str.format``."""
    return _name(f"_{name}_")


def template(tree: Term) -> str:
    """The source of an expression, its holes as ``str.format`` wants them."""
    return re.sub(r"\b_(\w+)_\b", r"{\1}", ast.unparse(ast.fix_missing_locations(one(tree))))


def product(left: Tree, right: Tree) -> Tree:
    """The product, without a factor of 1; never without one of 0, for the sake of inf and nan."""
    for factor, other in ((left, right), (right, left)):
        if number_of(factor) == 1:
            return other
        if number_of(factor) == -1:
            return negative(other)
    if isinstance(left, ast.IfExp) and {abs(number_of(left.body) or 0.0), abs(number_of(left.orelse) or 0.0)} & {1.0}:
        return ast.IfExp(left.test, product(left.body, right), product(left.orelse, right))
    return ast.BinOp(left, ast.Mult(), right)


def negative(tree: Tree) -> Tree:
    """The expression with its sign changed."""
    return tree.operand if _is_negative(tree) else ast.UnaryOp(ast.USub(), tree)  # type: ignore[attr-defined]  # of it


def negation(condition: Tree) -> Tree:
    """The condition that another is not met, which is met by no nan: nan flows through a domain."""
    match condition:
        case ast.Constant(bool(met)):
            return ast.Constant(not met)
        case ast.UnaryOp(ast.Not(), operand):
            return operand
        case ast.Compare(left, operations, others):
            pairs = zip([left, *others], operations, others, strict=False)
            parts: list[Tree] = [ast.Compare(a, [_OPPOSITE[type(o)]()], [b]) for a, o, b in pairs]
            return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)
        case ast.BoolOp(operation, conditions):
            turned = ast.Or() if isinstance(operation, ast.And) else ast.And()
            return ast.BoolOp(turned, [negation(part) for part in conditions])
    return ast.UnaryOp(ast.Not(), condition)


#: Functions that take whole numbers alone, which are floats elsewhere.
OF_WHOLE_NUMBERS = {math.comb, math.factorial, math.gcd, math.isqrt, math.lcm, math.perm}


class Reducer:
    """Fills a formula's variables in, and computes and unrolls what can be.

    Args:
        functions: the names that the formula uses.
        called: what a function of theirs is to be called in the program.
    """

    def __init__(self, functions: Mapping[str, Any], called: Callable[[str, Any], str]) -> None:
        self.functions, self.called = functions, called
        self.lets: list[tuple[str, Tree]] = []  # what has to be named first, as more than one place uses it
        self.named: dict[str, Tree] = {}  # the names of that, by its text
        self.bound = 0

    def reduce(self, node: ast.AST, names: Mapping[str, Term]) -> Term:
        """An expression in which the names stand for expressions, or for lists of them."""
        method: Callable[..., Term] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node, names)

    def _constant(self, node: ast.Constant, _: Mapping[str, Term]) -> Term:
        return constant(float(node.value))  # type: ignore[arg-type]  # a formula has numbers only

    def _name(self, node: ast.Name, names: Mapping[str, Term]) -> Term:
        if node.id in names:
            return names[node.id]
        thing = self.functions[node.id]
        return constant(float(thing)) if type(thing) in (int, float) else _name(self.called(node.id, thing))

    def _unaryop(self, node: ast.UnaryOp, names: Mapping[str, Term]) -> Term:
        operand = self.reduce(node.operand, names)
        if isinstance(node.op, ast.Not):
            return (
                ast.Constant(not operand.value)
                if isinstance(operand, ast.Constant)
                else ast.UnaryOp(ast.Not(), operand)
            )
        return negative(operand) if isinstance(node.op, ast.USub) else operand

    def _binop(self, node: ast.BinOp, names: Mapping[str, Term]) -> Term:
        left, right = self.reduce(node.left, names), self.reduce(node.right, names)
        return self._combined(left, node.op, right)

    def _combined(self, left: Term, operation: ast.operator, right: Term) -> Term:
        if isinstance(right, list) and not isinstance(left, list):
            left, right = right, left
        times = number_of(right)
        if isinstance(left, list) and times is not None:
            return left * int(times)
        if isinstance(left, list) and isinstance(right, list):
            return left + right
        left, right = one(left), one(right)
        if isinstance(operation, ast.Div) and times == 1:
            return left
        folded = _computed(_ARITHMETIC[type(operation)], left, right)
        if folded is not None:
            return folded
        return product(left, right) if isinstance(operation, ast.Mult) else ast.BinOp(left, operation, right)

    def _compare(self, node: ast.Compare, names: Mapping[str, Term]) -> Term:
        terms = [self.reduce(part, names) for part in (node.left, *node.comparators)]
        numbers = [number_of(term) for term in terms]
        if None not in numbers:
            pairs = zip(numbers, node.ops, numbers[1:], strict=False)
            return ast.Constant(all(_ARITHMETIC[type(o)](a, b) for a, o, b in pairs))
        return ast.Compare(terms[0], node.ops, terms[1:])

    def _boolop(self, node: ast.BoolOp, names: Mapping[str, Term]) -> Term:
        decisive = isinstance(node.op, ast.Or)  # what a part has to be to decide it all
        parts: list[Tree] = []
        for part in (self.reduce(value, names) for value in node.values):
            if isinstance(part, ast.Constant) and isinstance(part.value, bool):
                if part.value is decisive:
                    parts.append(part)
                    break
                continue
            parts.append(part)
        if not parts:
            return ast.Constant(not decisive)
        return parts[0] if len(parts) == 1 else ast.BoolOp(node.op, parts)

    def _ifexp(self, node: ast.IfExp, names: Mapping[str, Term]) -> Term:
        test = self.reduce(node.test, names)
        if isinstance(test, ast.Constant):
            return self.reduce(node.body if test.value else node.orelse, names)
        return ast.IfExp(test, one(self.reduce(node.body, names)), one(self.reduce(node.orelse, names)))

    def _list(self, node: ast.List | ast.Tuple, names: Mapping[str, Term]) -> Term:
        return [self.reduce(element, names) for element in node.elts]

    _tuple = _list

    def _call(self, node: ast.Call, names: Mapping[str, Term]) -> Term:
        function = self.functions[node.func.id]  # type: ignore[attr-defined]  # a formula calls names
        if function is map:
            mapped, *rows = node.args
            terms = [self.reduce(row, names) for row in rows]
            if all(isinstance(term, list) for term in terms):
                return [self._called_with(mapped.id, list(group)) for group in zip(*terms, strict=False)]  # type: ignore[attr-defined]
            return ast.Call(_name("map"), [self.reduce(mapped, names), *map(one, terms)], [])
        return self._called_with(node.func.id, [self.reduce(argument, names) for argument in node.args])  # type: ignore[attr-defined]

    def _called_with(self, name: str, terms: list[Term]) -> Term:
        function = self.functions[name]
        known = bool(terms) and isinstance(terms[0], list)
        if function in OF_WHOLE_NUMBERS:
            terms = [_whole(term) for term in terms]
            if all(isinstance(term, ast.Constant) for term in terms):
                return constant(float(function(*(term.value for term in terms))))
        if function is operator.mul:
            return self._combined(terms[0], ast.Mult(), terms[1])
        if function is len and known:
            return constant(float(len(terms[0])))
        if function is sum and known:
            items: list[Term] = [*(terms[1:] or [constant(0.0)]), *list(terms[0])]  # begins with 0, as Python's own
            first, *others = items
            for term in others:
                first = self._combined(first, ast.Add(), term)
            return first
        if function is zip and all(isinstance(term, list) for term in terms):
            return [list(group) for group in zip(*terms, strict=False)]
        if function in (max, min) and known and len(terms) == 1:
            (terms,) = terms
            if len(terms) == 1:
                return terms[0]
        if function is math.pow and number_of(terms[1]) == 1:
            return terms[0]
        pure = FUNCTIONS.get(name) is function or isinstance(function, MethodDescriptorType)
        folded = _computed(function, *terms) if pure else None
        return (
            ast.Call(_name(self.called(name, function)), [one(term) for term in terms], [])
            if folded is None
            else folded
        )

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp, names: Mapping[str, Term]) -> Term:
        return self._unrolled(node.elt, node.generators, names)

    _generatorexp = _listcomp

    def _unrolled(self, element: ast.expr, generators: list[ast.comprehension], names: Mapping[str, Term]) -> Term:
        if not generators:
            return [self.reduce(element, names)]
        first, *others = generators
        items = self.reduce(first.iter, names)
        if isinstance(items, list) and not first.ifs:
            parts = [self._unrolled(element, others, {**names, **self._bound(first.target, item)}) for item in items]
            if all(isinstance(part, list) for part in parts):
                return [element for part in parts for element in part]
            return reduce(lambda left, right: ast.BinOp(left, ast.Add(), right), map(one, parts))
        targets = [node for node in ast.walk(first.target) if isinstance(node, ast.Name)]
        inner = dict(names)
        for target in targets:
            self.bound += 1
            inner[target.id] = _name(f"_{self.bound}")
        part = self._unrolled(element, others, inner)
        loop = ast.comprehension(
            one(self.reduce(first.target, inner)), one(items), [self.reduce(test, inner) for test in first.ifs], 0
        )
        if isinstance(part, ast.ListComp):
            return ast.ListComp(part.elt, [loop, *part.generators])
        return ast.ListComp(one(part[0]), [loop])

    def _bound(self, target: ast.expr, item: Term) -> dict[str, Term]:
        if isinstance(target, ast.Name):
            return {target.id: self._let(item)}
        pairs = zip(target.elts, item, strict=True)  # type: ignore[attr-defined]  # names and tuples of them
        return {name: term for part, one in pairs for name, term in self._bound(part, one).items()}

    def _let(self, item: Term) -> Term:
        """A name for a term, or for each of a list; the same one for the same term."""
        if isinstance(item, list):
            return [self._let(part) for part in item]
        if isinstance(item, ast.Name) or number_of(item) is not None or free_variables(item):
            return item
        text = template(item)
        if text not in self.named:
            name = f"let{len(self.lets)}"
            self.lets.append((name, item))
            self.named[text] = hole(name)
        return self.named[text]


def free_variables(tree: ast.AST) -> set[str]:
    """The variables of loops around an expression that it uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and re.fullmatch(r"_\d+", node.id)}
    own = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    return used - {node.id for target in own for node in ast.walk(target) if isinstance(node, ast.Name)}


def _name(text: str) -> Tree:
    return ast.Name(text, ast.Load())


def _is_negative(tree: Tree) -> bool:
    return isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)


def one(term: Term) -> Tree:
    """A list of expressions as an expression."""
    return ast.List([one(part) for part in term], ast.Load()) if isinstance(term, list) else term


def _whole(term: Term) -> Term:
    """A whole number as one that is no float, for functions that take no other."""
    number = number_of(term)
    return term if number is None or not number.is_integer() else ast.Constant(int(number))


def _computed(function: Callable[..., Any], *terms: Term) -> Tree | None:
    """What a function gives, where all its arguments are numbers and it gives a float."""
    numbers = [number_of(term) for term in terms]
    if not numbers or None in numbers:
        return None
    try:
        result = function(*numbers)
    except ERRORS:
        return None  # the program raises in its turn
    if type(result) is bool:
        return ast.Constant(result)
    return constant(result) if type(result) is float else None
