"""Arithmetic that never raises: division, powers and functions as IEEE 754 defines them.

Python's floats raise where the standard gives an infinity or nan. A derivative may well be infinite (sqrt at 0),
so the partials of a rule fall back to these.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

ERRORS = (ArithmeticError, ValueError)


#: Where the limit at a pole is not nan: the function, the argument, the value there.
_POLES = {
    **{(name, zero): -math.inf for name in ("log", "log2", "log10") for zero in ("0.0", "-0.0")},
    ("log1p", "-1.0"): -math.inf, ("atanh", "1.0"): math.inf, ("atanh", "-1.0"): -math.inf,
}  # fmt: skip


def divide(a: float, b: float) -> float:
    """a / b, with inf, -inf or nan where b is zero."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """a ** b, with inf where it overflows or divides by zero, and nan where it has no real value."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and math.fmod(b, 2.0) else math.inf
    except ValueError:  # zero to a negative power, or a negative number to a broken one
        return math.nan if a else math.copysign(math.inf, a) if abs(math.fmod(b, 2.0)) == 1 else math.inf


def quiet(name: str, function: Callable[..., float]) -> Callable[..., float]:
    """The function with inf or nan where it raises; an odd function overflows to the side of its argument."""

    def silent(*arguments: Any) -> float:
        try:
            return function(*arguments)
        except OverflowError:
            return math.copysign(math.inf, arguments[0]) if name == "sinh" else math.inf
        except ERRORS:
            return _POLES.get((name, str(arguments[0])), math.nan)

    return silent


def functions(names: Mapping[str, Any]) -> dict[str, Any]:
    """A formula's names, their functions made quiet, with what `Rewrite` calls."""
    return {
        **{name: _without_errors(name, thing) for name, thing in names.items()},
        "pow": power,
        "_divide": divide,
        "_power": power,
    }


def _without_errors(name: str, thing: Any) -> Any:
    if hasattr(thing, "__rule__"):
        return thing.__rule__.ieee_value
    return quiet(name, thing) if callable(thing) and not isinstance(thing, type) else thing


class Rewrite(ast.NodeTransformer):
    """Turns ``/`` and ``**`` into calls of `divide` and `power`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """One operation, after those inside it."""
        self.generic_visit(node)
        name = {ast.Div: "_divide", ast.Pow: "_power"}.get(type(node.op))
        return node if name is None else ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])
