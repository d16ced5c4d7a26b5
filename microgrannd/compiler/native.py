"""Writes what formulas call, for numba: the functions of `math`, those of other rules, powers and quotients.

Python raises where a function has no value or overflows; machine code goes on with nan or inf. A *strict* expression
notes that in the flag ``doubt``, so that Python can tell what becomes of the row. The partials need no such flag: where
Python raises in one, the engine takes the same limits. A function of numbers that numba does not know is called back, as
Python, by the address that the machine puts among the addresses of an instruction's operands.
"""

from __future__ import annotations

import ast
import math
import operator
from copy import copy
from functools import wraps
from typing import Any

from ..rules import ieee
from ..rules.formula import FUNCTIONS
from ..rules.rule import Rule
from ..rules.simplify import OF_WHOLE_NUMBERS, Reducer, number_of, one

#: Whose meaning in numba is that in Python.
_PLAIN = {name: FUNCTIONS[name] for name in ("abs", "max", "min", "sum", "len", "map", "zip")}


#: What numba's `math` computes as Python's does, on floats to floats.
_KNOWN = frozenset(
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp exp2 expm1 log log2 log10 log1p sqrt cbrt "
    "erf erfc lgamma gamma fabs pow hypot copysign degrees radians".split()
)


_OF_TWO = {math.pow, math.atan2, math.hypot, math.copysign}


#: What has no name in numba's `math`; cbrt is one step of Newton's method from a power.
_OTHERWISE = {
    math.cbrt: (
        "y = math.copysign(math.pow(abs(a0), 1 / 3), a0)",
        "y = y - (y * y * y - a0) / (3 * y * y) if 0 < abs(a0) < inf else y",
    ),
    float.is_integer: ("y = a0 % 1.0 == 0.0",),
    operator.truediv: ("y = a0 / a1",),
    operator.mod: ("y = a0 % a1",),
    operator.floordiv: ("y = a0 // a1",),
}


#: A call of a function of so many numbers by its address.
_CALLED = """
@intrinsic
def called{count}(context, {arguments}):
    def generate(context, builder, signature, given):
        kind = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * {count})
        return builder.call(builder.inttoptr(given[0], kind.as_pointer()), given[1:])
    return types.float64({types}), generate
"""


#: Parameters of all functions, besides their own.
COMMON = ("code", "doubt")


#: The operators that Python refuses where the divisor is 0, and what they are called.
_DIVISIONS: dict[type[ast.operator], tuple[str, Any]] = {
    ast.Div: ("quotient", operator.truediv), ast.Mod: ("modulo", operator.mod), ast.FloorDiv: ("floor_quotient", operator.floordiv),
}  # fmt: skip


class Expressions(ast.NodeTransformer):
    """Rewrites expressions for numba, and knows the functions that they call.

    Args:
        owner: whose expressions they are, for errors.
        strict: whether they flag where Python would raise.
        first: where the addresses of the functions begin that are called back.

    Attributes:
        back: the functions that are called back, each with the number of its arguments, in the order of their addresses.
    """

    def __init__(self, owner: str, strict: bool, first: int) -> None:
        self.owner, self.strict, self.first = owner, strict, first
        self.functions: dict[str, Any] = {"map": map, "zip": zip}  # which are called by their own names
        self.used: dict[str, tuple[Any, int]] = {}  # those that are to be defined, with the number of their arguments
        self.back: list[tuple[Any, int]] = []

    def called(self, name: str, function: Any) -> str:
        """Return the name of a function, which no other one has."""
        if _PLAIN.get(name) is not function:
            name += "_"
        while self.functions.setdefault(name, function) is not function:
            name += "_"
        return name

    def call(self, name: str, *arguments: ast.expr) -> ast.expr:
        """Return a call of one of the functions."""
        if self.functions[name] is _PLAIN.get(name):
            return ast.Call(ast.Name(name), [*arguments], [])
        self.used[name] = self.functions[name], len(arguments)
        return ast.Call(ast.Name(name), [*arguments, *map(ast.Name, COMMON)], [])

    def read(self, node: ast.Name) -> ast.expr:
        """Return what a name stands for."""
        return node

    def looped(self, node: ast.Call) -> ast.expr | None:  # noqa: ARG002
        """Return the result of a loop that a call stands for, or None if it is called."""
        return None

    def refuse(self, tree: ast.AST) -> Any:
        """Raise an error that an expression is not among those for which there are loops."""
        raise ValueError(f"the backend numba has no loop for {ast.unparse(tree)} in {self.owner}")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Rewrite the parts of a copy: an expression may be written several times."""
        node = copy(node)
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, field, value[:])
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Read what the name stands for."""
        return self.read(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Write a loop, or call the function by its name."""
        name = node.func.id  # type: ignore[attr-defined]  # formulas call names
        found = self.looped(node)
        if found is None and self.functions[name] in (map, zip):
            self.refuse(node)
        return found or self.call(name, *map(self.visit, node.args))

    def visit_List(self, node: ast.List) -> ast.expr:
        """Refuse a list where a number is needed."""
        return self.refuse(node)  # type: ignore[no-any-return]  # it raises

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """Refuse a list where a number is needed."""
        return self.refuse(node)  # type: ignore[no-any-return]  # it raises

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Powers, and quotients that Python may refuse, are calls."""
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow):
            return self.call(self.called("pow", math.pow), left, right)
        if type(node.op) in _DIVISIONS and self.strict and not number_of(right):
            return self.call(self.called(*_DIVISIONS[type(node.op)]), left, right)
        return ast.BinOp(left, node.op, right)

    def definitions(self) -> list[str]:
        """Return the lines that define the functions."""
        written: dict[str, list[str]] = {}
        while missing := [name for name in self.used if name not in written]:
            for name in missing:
                written[name] = self.definition(name, *self.used[name])
        calls = [_called(count) for count in sorted({count for _, count in self.back})]
        return [*calls, *(line for lines in reversed(written.values()) for line in lines)]

    def definition(self, name: str, function: Any, count: int) -> list[str]:
        """Return the lines that define a function of so many arguments."""
        if hasattr(function, "__rule__"):
            rule: Rule = function.__rule__
            operands = {operand: ast.Name(f"{operand}_") for operand in rule.operands}
            tree = self.visit(one(Reducer(rule.functions, self.called).reduce(rule.formula.tree, operands)))
            return self.function_of(name, [f"{operand}_" for operand in operands], [f"y = {ast.unparse(tree)}"])
        own = getattr(function, "__name__", "")
        arguments = [f"a{number}" for number in range(count)]
        if function in _OTHERWISE:
            lines = [*_OTHERWISE[function]]
        elif self.knows(function, count):
            lines = [f"y = math.{own}({', '.join(arguments)})"]
        else:
            address = f"code[{self.first + len(self.back)}]"
            lines = ["doubt[1] += 1", f"y = called{count}({', '.join([address, *arguments])})"]
            of_floats = _of_floats(function) if function in OF_WHOLE_NUMBERS else function
            self.back.append((of_floats if self.strict else ieee.functions({own: of_floats})[own], count))
        if function in {operator.truediv, operator.mod, operator.floordiv}:
            lines.append("doubt[0] |= a1 == 0")
        elif self.strict and function is not float.is_integer:
            numbers = " & ".join(f"({argument} == {argument})" for argument in arguments) or "True"
            finite = " & ".join(f"(abs({argument}) < inf)" for argument in arguments) or "True"
            lines.append(f"doubt[0] |= (y != y) & {numbers} | (abs(y) == inf) & {finite}")
        return self.function_of(name, arguments, lines)

    def knows(self, function: Any, count: int) -> bool:
        """Tell whether numba computes a function of so many numbers as the engine does."""
        own = getattr(function, "__name__", "")
        if own not in _KNOWN or getattr(math, own) is not function or count != 1 + (function in _OF_TWO):
            return False
        return self.strict or own not in ("gamma", "lgamma")  # at whose poles partials are nan

    def function_of(self, name: str, parameters: list[str], lines: list[str]) -> list[str]:
        """Return the lines of a function."""
        header = ["@register_jitable", f"def {name}({', '.join([*parameters, *COMMON])}):"]
        return ["", *header, *(f"    {line}" for line in lines), "    return y"]


def _of_floats(function: Any) -> Any:
    """Return a function of whole numbers as one of floats."""

    @wraps(function)
    def call(*numbers: float) -> Any:
        if not all(map(float.is_integer, numbers)):
            raise ValueError("needs whole numbers")
        return function(*map(int, numbers))

    return call


def _called(count: int) -> str:
    arguments = ", ".join(["address", *(f"a{number}" for number in range(count))])
    return _CALLED.format(
        count=count, arguments=arguments, types=", ".join(["types.int64", *["types.float64"] * count])
    )
