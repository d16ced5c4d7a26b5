"""Arithmetic of floats as IEEE 754 defines it, where Python raises: inf for overflow; inf or nan for all errors.

A value that is too large for a float is inf, as it always was for + − ×: `saturating` turns overflow alone into it. A
derivative may well be infinite (sqrt at 0), so partials never raise at all: `functions`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

ERRORS = (ArithmeticError, ValueError)


#: The operators that raise, and the names of the functions that stand for them in a formula rewritten.
OPERATORS: dict[type[ast.AST], str] = {
    ast.Div: "_divide", ast.Pow: "_power", ast.Mod: "_modulo", ast.FloorDiv: "_floor_divide",
}  # fmt: skip


#: Where the limit at a pole is not nan: the function, the argument, the value there.
_POLES = {
    **{(name, zero): -math.inf for name in ("log", "log2", "log10") for zero in ("0.0", "-0.0")},
    ("log1p", "-1.0"): -math.inf, ("atanh", "1.0"): math.inf, ("atanh", "-1.0"): -math.inf,
}  # fmt: skip


def divide(a: float, b: float) -> float:
    """Return a / b, with inf, -inf or nan where b is zero."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def modulo(a: float, b: float) -> float:
    """Return a % b, with nan where b is zero."""
    return a % b if b else math.nan


def floor_divide(a: float, b: float) -> float:
    """Return a // b, with inf, -inf or nan where b is zero."""
    return a // b if b else divide(a, b)


def power(a: float, b: float) -> float:
    """Return a ** b, with inf where it overflows or divides by zero, and nan where it has no real value."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return _overflowed("pow", a, b)
    except ValueError:  # zero to a negative power, or a negative number to a broken one
        return math.nan if a else math.copysign(math.inf, a) if abs(math.fmod(b, 2.0)) == 1 else math.inf


def saturating(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return a formula's names, with what `Rewrite` calls: what overflows is inf, all other errors are raised.

    A function of one's own keeps its errors: nobody knows on which side its result is too large.
    """
    return {
        **{name: _saturating(thing) for name, thing in names.items()},
        "_divide": operator.truediv,
        "_power": _with_infinity("pow", _real_power),
        "_modulo": operator.mod,
        "_floor_divide": operator.floordiv,
    }


def functions(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return a formula's names, with what `Rewrite` calls: nothing raises."""
    return {
        **{name: _without_errors(thing) for name, thing in names.items()},
        "_divide": divide,
        "_power": power,
        "_modulo": modulo,
        "_floor_divide": floor_divide,
    }


def _real_power(a: Any, b: Any) -> Any:
    """Return a ** b, which is an error where it is complex, however large."""
    if a < 0 and math.isfinite(b) and b % 1:
        raise ValueError("no real value")
    return a**b


def _saturating(thing: Any) -> Any:
    if hasattr(thing, "__rule__"):
        return thing.__rule__.saturated
    name = getattr(thing, "__name__", "")
    own = not callable(thing) or getattr(math, name, None) is not thing
    return thing if own else _with_infinity(name, thing)


def _without_errors(thing: Any) -> Any:
    if hasattr(thing, "__rule__"):
        return thing.__rule__.ieee_value
    if thing is math.pow:
        return power
    return _quiet(_saturating(thing)) if callable(thing) and not isinstance(thing, type) else thing


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with inf or nan where it raises."""
    name = getattr(function, "__name__", "")

    def silent(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ERRORS:
            return _POLES.get((name, str(arguments[0])), math.nan)

    return silent


def _with_infinity(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of `math` with inf or -inf where it raises OverflowError."""

    def saturated(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OverflowError:
            return _overflowed(name, *arguments)

    saturated.__name__ = name
    return saturated


def _overflowed(name: str, first: Any, second: Any = None) -> float:
    """Return the infinity on whose side a result is too large, for a function of `math`."""
    match name:
        case "pow":
            return -math.inf if first < 0 and math.fmod(second, 2.0) else math.inf
        case "cosh" | "lgamma":
            return math.inf
        case "fsum":  # a sum on the way is too large, perhaps not the last one
            return math.fsum(term * 2.0**-64 for term in first) * 2.0**64
    return math.copysign(math.inf, first)  # the others grow without bound to the right, and fall to the left


class Rewrite(ast.NodeTransformer):
    """Turns the operators that raise into calls of functions."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """One operation, after those inside it."""
        self.generic_visit(node)
        name = OPERATORS.get(type(node.op))
        return node if name is None else ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])
