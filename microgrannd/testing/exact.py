"""Formulas on mpmath's numbers: exact, to any precision."""

from __future__ import annotations

import ast
import builtins
import math
import operator
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from mpmath import MPContext

from ..rules import special
from ..rules.formula import Formula
from ..rules.ieee import ERRORS
from ..rules.lookup import element, one_hot
from ..rules.rule import Rule

Function = Callable[..., Any]

#: The context of all exact numbers: the user's own mpmath keeps its precision.
mp = MPContext()

#: What an exact formula raises where it has no real value.
NO_VALUE = (*ERRORS, TypeError)

#: The least and the largest positive float.
LEAST, LARGEST = 2.0**-1074, 2.0**1023 * (2 - 2.0**-52)

_lock = RLock()  # the precision is the context's, not the thread's


class OutsideError(ValueError):
    """A formula has no real value, or one too large to be written down."""


@contextmanager
def bits(precision: int) -> Iterator[None]:
    """Compute with so many bits inside; one thread at a time."""
    with _lock, mp.workprec(precision):
        yield


def _real(function: Function) -> Function:
    """The function, refused where its result is complex."""

    def real(*arguments: Any) -> Any:
        result = function(*arguments)
        if isinstance(result, mp.mpc):
            raise OutsideError("no real value")
        return result

    return real


def _bounded(function: Function) -> Function:
    """An exponential, refused where even the exponent of its result would fill the memory."""

    def bounded(*arguments: Any) -> Any:
        if any(mp.isfinite(x) and mp.mag(x) > 10_000 for x in arguments):
            raise OutsideError("too large")
        return function(*arguments)

    return _real(bounded)


def _log(x: Any, base: Any = None) -> Any:
    return mp.log(x) if base is None else mp.log(x) / mp.log(base)


def _erfc(x: Any) -> Any:
    """mpmath's own gives up far out, where it is 0 or 2 to more bits than anybody asks for."""
    return mp.erfc(x) if abs(x) < 1e6 else mp.mpf(2 if x < 0 else 0)


def _fmod(a: Any, b: Any) -> Any:
    return a - b * _trunc(a / b)


def _quotient(rounded: Function) -> Function:
    return lambda a, b: rounded(a / b)


_floor_divide = _quotient(mp.floor)


def _trunc(x: Any) -> Any:
    return mp.floor(x) if x > 0 else mp.ceil(x)


def _polygamma(n: Any, x: Any) -> Any:
    """Reflect a negative number, for which mpmath's own counts up to 0 one by one; source: DLMF, 5.15.6."""
    if x > 0:
        return mp.psi(int(n), x)
    cotangent = mp.cospi(x) / mp.sinpi(x)
    coefficients = [mp.mpf(0), mp.mpf(1)]  # of the derivative of cot(πx), a polynomial of the cotangent
    for _ in range(int(n)):
        slopes = [index * c for index, c in enumerate(coefficients)][1:]
        coefficients = [-mp.pi * (a + b) for a, b in zip([*slopes, 0, 0], [0, 0, *slopes], strict=True)]
    reflected = mp.fsum(c * cotangent**index for index, c in enumerate(coefficients))
    return (-1) ** int(n) * mp.psi(int(n), 1 - x) - mp.pi * reflected


_BY_NAME: dict[str, Function] = {
    **{name: _real(getattr(mp, name)) for name in ("sin cos tan asin acos atan tanh asinh acosh atanh sqrt log1p gamma floor ceil degrees radians").split()},
    **{name: _bounded(getattr(mp, name)) for name in ("exp", "expm1", "sinh", "cosh")},
    "exp2": _bounded(lambda x: mp.mpf(2) ** x), "pow": _bounded(lambda a, b: a**b), "log": _real(_log),
    "log2": _real(lambda x: _log(x, 2)), "log10": _real(lambda x: _log(x, 10)), "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "erfc": _erfc, "erf": lambda x: mp.erf(x) if abs(x) < 1e6 else mp.sign(x), "lgamma": lambda x: mp.log(abs(mp.gamma(x))) if x < 1 else mp.loggamma(x),
    "atan2": mp.atan2, "fabs": abs, "hypot": lambda *xs: mp.sqrt(mp.fsum(x * x for x in xs)), "fsum": mp.fsum, "prod": lambda xs, start=1: mp.fprod([*xs, start]),
    "dist": lambda ps, qs: mp.sqrt(mp.fsum((p - q) ** 2 for p, q in zip(ps, qs, strict=True))), "sumprod": lambda ps, qs: mp.fdot(zip(ps, qs, strict=True)),
    "fma": lambda a, b, c: a * b + c, "trunc": _trunc, "fmod": _fmod, "remainder": lambda a, b: a - b * mp.nint(a / b),
    "copysign": lambda a, b: abs(a) if b >= 0 else -abs(a), "isfinite": mp.isfinite, "isinf": mp.isinf, "isnan": mp.isnan,
}  # fmt: skip


#: The exact function for each that a formula may use, by identity: a name may stand for anything.
EXACT: dict[Any, Function] = {
    **{getattr(math, name): function for name, function in _BY_NAME.items() if hasattr(math, name)},
    **{getattr(builtins, name): getattr(builtins, name) for name in ("abs", "len", "map", "max", "min", "sum", "zip")},
    operator.mul: operator.mul, float.is_integer: lambda x: x == mp.floor(x),
    special.digamma: lambda x: _polygamma(0, x), special.polygamma: _polygamma, element: element, one_hot: one_hot,
}  # fmt: skip


#: For each exact function made of pieces, what tells on which piece its operands are.
PIECES: dict[Function, Function] = {
    **{EXACT[getattr(math, name)]: EXACT[getattr(math, name)] for name in ("floor", "ceil", "trunc")},
    EXACT[math.fmod]: _quotient(_trunc), EXACT[math.remainder]: _quotient(mp.nint),
    _floor_divide: _floor_divide, operator.mod: _floor_divide,
    EXACT[math.copysign]: lambda a, b: mp.mpf((a >= 0) + 2 * (b >= 0)),
}  # fmt: skip


#: Exact functions whose floats lose as much as if their operand was rounded: by reflection, a large argument of cot.
REFLECTED = frozenset({EXACT[special.digamma], EXACT[special.polygamma]})


def has_steps(rule: Rule) -> bool:
    """Whether a formula is made of pieces as wide as its operands: no displacement may reach from one to another."""
    return rule.kept(_has_steps)


def _has_steps(rule: Rule) -> bool:
    used = [rule.functions[name] for name in rule.formula.functions]
    inner = [thing.__rule__ for thing in used if hasattr(thing, "__rule__")]
    operators = (ast.Mod, ast.FloorDiv)
    return (
        any(EXACT.get(thing) in PIECES for thing in used if isinstance(thing, Hashable))
        or any(isinstance(node, operators) for node in ast.walk(rule.formula.tree))
        or any(map(has_steps, inner))
    )


class Typed(ast.NodeTransformer):
    """Turn every constant into a call of ``_number``, but for those that a comparison is with."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Write an operation, after those inside of it; ``//`` as a call of ``_floor_divide``, which mpmath does not know."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.FloorDiv):
            return node
        return ast.Call(ast.Name("_floor_divide", ast.Load()), [node.left, node.right], [])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Leave a comparison as it is: to change its constants would be to take another branch."""
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Write one constant."""
        return ast.Call(ast.Name("_number", ast.Load()), [node], [])


def rounded_otherwise(constant: float) -> Any:
    """Return a constant such as pi or 0.1, which a float holds only rounded, as it could be as well."""
    return mp.mpf(constant) * (1 + _is_rounded(constant) * mp.ldexp(1, -52))


def _is_rounded(constant: float) -> bool:
    return math.isfinite(constant) and not math.ldexp(math.frexp(constant)[0], 26).is_integer()


def exact(rule: Rule, by: str | None = None, number: Function = mp.mpf) -> Function | None:
    """Return a formula of a rule as a function of mpmath's numbers, or None where it uses functions of one's own.

    Args:
        rule: whose formula.
        by: the operand of a partial, whose function also takes y; None for the value.
        number: makes the numbers that its constants are.
    """
    return rule.kept(_exact, by, number)


def _exact(rule: Rule, by: str | None, number: Function) -> Function | None:
    if number is rounded_otherwise and not has_rounded_constants(rule, by):
        return exact(rule, by)
    names = names_of(rule.formula if by is None else rule.partials[by], rule, number)
    inside = rule.domain and names_of(rule.domain, rule, number)
    if names is None or inside is None and rule.domain:
        return None
    if by is not None:
        return rule.partials[by].function((*rule.operands, "y"), names, Typed())
    value = rule.formula.function(rule.operands, names, Typed())
    if not rule.domain:
        return _real(value)
    condition = rule.domain.function(rule.operands, inside or {}, Typed())

    def in_domain(*operands: Any) -> Any:
        if not condition(*operands):
            raise OutsideError("outside the domain")
        return value(*operands)

    return _real(in_domain)


def has_rounded_constants(rule: Rule, by: str | None = None) -> bool:
    """Whether a formula uses constants that a float holds only rounded."""
    formula = rule.formula if by is None else rule.partials[by]
    constants = [node.value for node in ast.walk(formula.tree) if isinstance(node, ast.Constant)]
    used = [rule.functions[name] for name in formula.functions]
    constants += [thing for thing in used if not callable(thing)]
    inner = [thing.__rule__ for thing in used if hasattr(thing, "__rule__")]
    return any(map(_is_rounded, constants)) or any(map(has_rounded_constants, inner))  # type: ignore[arg-type]  # numbers


def names_of(formula: Formula, rule: Rule, number: Function) -> dict[str, Any] | None:
    """Return what the names of a formula stand for among exact numbers; None where one is a function of one's own."""
    found: dict[str, Any] = {"_number": number, "_floor_divide": _floor_divide}
    for name in formula.functions:
        thing = rule.functions[name]
        if not callable(thing):
            found[name] = number(thing)
        elif hasattr(thing, "__rule__"):
            found[name] = exact(thing.__rule__, number=number)
        else:
            found[name] = EXACT.get(thing) if isinstance(thing, Hashable) else None
        if found[name] is None:
            return None
    return found


def is_beyond_floats(got: float, right: Any) -> bool:
    """Whether an infinity stands for an exact number that no float can hold."""
    return bool(abs(right) > LARGEST) and got == math.copysign(math.inf, right)


def shown(number: Any) -> str:
    """Write a number as a float, or by its digits where no float is as large."""
    return repr(float(number)) if abs(number) < 2.0**1023 else mp.nstr(number, 17)
