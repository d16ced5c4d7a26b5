"""Independent references: a rule's formula in mpmath, to as many digits as it takes, and derivatives by differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from mpmath import mpf

from microgrannd.rules.rule import Rule
from microgrannd.testing.rounded import TINY, Rounded

Numbers = Sequence[Any]  # floats, and lists of floats for sequences


class Undefined(Exception):
    """There is no derivative there, or only from one side."""


def exact(rule: Rule) -> Callable[..., Any]:
    """The rule's formula as a function of mpmath's numbers."""
    return rule.formula.ieee_function(rule.operands, _mp_names(rule))


def _mp_names(rule: Rule) -> dict[str, Any]:
    """What stands for each name of a formula: mpmath's function, a rule's formula, or Python's own."""
    own: dict[str, Any] = {
        "abs": abs, "max": max, "min": min, "map": map, "zip": zip, "mul": lambda a, b: a * b, "inf": mpf("inf"),
        "sum": lambda xs, start=mpf(0): sum(xs, start), "len": lambda xs: mpf(len(xs)), "pi": mpmath.pi + 0,
        "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), "exp2": lambda x: mpf(2) ** x,
        # mpmath's own gives up far out, where 1 - erf is below any precision asked for here
        "erfc": lambda x: mpmath.erfc(x) if abs(x) < 1e6 else mpf(2 if x < 0 else 0),
        "erf": lambda x: mpmath.erf(x) if abs(x) < 1e6 else mpmath.sign(x),
        "copysign": lambda a, b: -abs(a) if b < 0 else abs(a), "fmod": lambda a, b: a - b * _truncated(a / b),
        "remainder": lambda a, b: a - b * mpmath.nint(a / b), "dist": lambda ps, qs: mpmath.norm([p - q for p, q in zip(ps, qs, strict=True)]),
        "psi": lambda n, x: mpmath.psi(int(n), x), "lgamma": _log_gamma, "digamma": _digamma,
        "log2": lambda x: mpmath.log(x) / mpmath.log(2), "pow": lambda a, b: a**b, "whole": lambda b: b == int(b),
    }  # fmt: skip
    found = {
        "_divide": lambda a, b: a / b, "_power": lambda a, b: a**b,
        "_modulo": lambda a, b: a - b * mpmath.floor(a / b), "_floor_divide": lambda a, b: mpmath.floor(a / b),
    }  # fmt: skip
    for name, function in rule.functions.items():
        if name in own:
            found[name] = own[name]
        elif hasattr(function, "__rule__"):
            found[name] = lambda *xs, other=function.__rule__: exact(other)(*xs)
        elif hasattr(mpmath, name):
            found[name] = getattr(mpmath, name)
        else:
            found[name] = function
    return found


def _log_gamma(x: Any) -> Any:
    """By reflection left of 0, where mpmath's own is complex."""
    return mpmath.loggamma(x) if x > 0 else mpmath.log(abs(mpmath.pi / mpmath.sinpi(x))) - mpmath.loggamma(1 - x)


def _digamma(x: Any) -> Any:
    """By reflection left of 0, which is much faster than mpmath's own recurrence."""
    return mpmath.digamma(x) if x > 0 else mpmath.digamma(1 - x) - mpmath.pi * mpmath.cot(mpmath.pi * x)


def _truncated(x: Any) -> Any:
    return mpmath.floor(x) if x > 0 else mpmath.ceil(x)


def _converged(compute: Callable[[int], Any], numbers: Numbers) -> Any:
    """A result at rising levels of precision, until two agree to 20 digits.

    The bits begin with what it takes to add the largest of the numbers to the smallest.
    """
    flat = [x for number in numbers for x in (number if isinstance(number, list) else [number])]
    spread = 2 * max(abs(math.frexp(x)[1]) for x in flat)
    last = None
    for level in (1, 2, 4, 8, 16, 32):
        with mpmath.workprec(spread + 400 * level):
            result = compute(level)
            close = last is not None and abs(result - last) <= abs(result) * mpf(10) ** -20
            if close and (result or level > 4):  # a flat function may be flat only to so many bits
                return result
            last = result
    raise Undefined("no agreement")


def value(rule: Rule, numbers: Numbers) -> Any:
    """The value of the formula, to at least 20 digits."""
    return _converged(lambda level: exact(rule)(*_mp(numbers)), numbers)


def partial(rule: Rule, numbers: Numbers, operand: int, element: int | None = None) -> Any:
    """The derivative by one operand (an element of a sequence), by differences to at least 15 digits.

    Raises:
        Undefined: the slopes to the left and to the right differ, or one does not exist.
    """

    def slope(side: int) -> Any:
        def compute(level: int) -> Any:
            near, far = _mp(numbers), _mp(numbers)
            place, index = (far, operand) if element is None else (far[operand], element)
            step = side * mpmath.ldexp(min(abs(place[index]), mpf(1)) or mpf(1), -80 * level)
            function = exact(rule)
            place[index] += step
            middle = function(*far)
            place[index] += step  # a second difference takes the error of the first away
            return (4 * middle - function(*far) - 3 * function(*near)) / (2 * step)

        try:
            result = _converged(compute, numbers)
        except (ValueError, ZeroDivisionError, OverflowError, mpmath.libmp.ComplexResult) as error:
            raise Undefined(str(error)) from None
        if isinstance(result, mpmath.mpc):
            raise Undefined("no real value near")
        return result

    left, right = slope(-1), slope(1)
    if abs(left - right) > abs(left) * mpf(10) ** -15:
        raise Undefined("a kink")
    return right


def rounded(numbers: Numbers) -> list[Any]:
    """Operands as exact numbers for rounding_errors()."""
    return [[Rounded(x) for x in n] if isinstance(n, list) else Rounded(n) for n in numbers]


def _mp(numbers: Numbers) -> list[Any]:
    return [[mpf(x) for x in number] if isinstance(number, list) else mpf(number) for number in numbers]


def agrees(got: float, expected: Any, error: float = 0.0) -> bool:
    """To 1e-12, or to 4 times the bound on the rounding error of the formula; what is too large is inf."""
    if abs(expected) > mpf(1.7976931348623157e308):
        return abs(got) > 1.79e308 and (got > 0) == (expected > 0)
    if not math.isfinite(got):
        return False
    bound = max(abs(expected) * mpf("1e-12"), 4 * mpf(2) ** -52 * mpf(error if error < math.inf else 0), mpf(TINY))
    return bool(abs(mpf(got) - expected) <= bound)
