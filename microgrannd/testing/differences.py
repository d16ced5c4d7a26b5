"""Slopes by differences, with a bound on their own error: the reference that derivatives are checked against.

Quotients at ever smaller steps are extrapolated to the step 0. A large step has an error of truncation, a small one
an error of rounding; the estimate taken is the one for which both together are least. Source: Richardson's deferred
approach to the limit, with the error estimate of Ridders (1982), Advances in Engineering Software 4(2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from math import frexp, inf, isfinite, ldexp, nan
from typing import Any, NamedTuple

from ..rules.formula import real_result
from ..rules.ieee import ERRORS
from .rounded import UNIT

_COLUMNS = 12  # of an extrapolation: further ones gain nothing


_LEVELS = 60  # how often the step is halved


_SMALLEST = 1e-300  # step


class Estimate(NamedTuple):
    """A number and a bound on its error."""

    value: float
    error: float

    def differs(self, other: float, margin: float = 0.0) -> bool:
        """Whether a number is further away than both errors allow."""
        return not abs(self.value - other) <= self.error + margin


class Slopes(NamedTuple):
    """The derivative of a function at a point: by central differences, from the left, from the right."""

    central: Estimate
    left: Estimate
    right: Estimate
    typical: float  # size of the function (and of what cancels in it) over the largest step

    def trouble(self) -> str:
        """Why there is no derivative; empty where there is one."""
        sides = [name for name, side in (("left", self.left), ("right", self.right)) if side.error < inf]
        if len(sides) < 2:
            return f"f is defined only to the {sides[0]} of it" if sides else "f is defined only there"
        if self.is_kink():
            return f"the slope from the left is {self.left.value:.6g}, from the right {self.right.value:.6g}"
        return "" if self._settled(self.central.error, 1e-6) else "the differences do not settle on a slope"

    def is_unsettled(self) -> bool:
        """Whether differences cannot tell if there is a slope."""
        return bool(self.trouble()) and min(self.left.error, self.right.error) < inf and not self.is_kink()

    def is_kink(self) -> bool:
        """Whether the slopes from the left and from the right are sure to be two."""
        error = self.left.error + self.right.error
        return abs(self.left.value - self.right.value) > 3 * error and self._settled(error, 1e-3)

    def confirms(self, other: Slopes) -> bool:
        """Whether both are sure, and say the same."""
        if self.trouble() or other.trouble():
            sides = zip((self.left, self.right), (other.left, other.right), strict=True)
            alike = (one.error == two.error == inf or not one.differs(two.value, two.error) for one, two in sides)
            return not self.is_unsettled() and not other.is_unsettled() and all(alike)
        return (
            self._is_sure() and other._is_sure() and not self.central.differs(other.central.value, other.central.error)
        )

    def _is_sure(self) -> bool:
        flat = all(abs(side.value) <= 1e-3 * self.typical for side in (self.left, self.right))
        return self.central.error <= max(1e-6 * abs(self.central.value), flat * 1e-12 * self.typical)

    def _settled(self, error: float, share: float) -> bool:
        return error <= share * max(abs(self.central.value), self.typical)


def slopes(
    f: Callable[[float], Any], x: float = 0.0, noise: float = 0.0, step: float | None = None, levels: int = _LEVELS
) -> Slopes:
    """Differentiate a function of one displacement, at the displacement 0.

    Args:
        f: the function; where it raises an ArithmeticError or a ValueError, or is inf or nan, it has no value.
        x: what is displaced; steps that are lost in its rounding are of no use.
        noise: a bound on the rounding error of f.
        step: the largest to try, by default half of 1 or of x.
        levels: how often to halve the step.
    """
    step = step or max(abs(x), 1.0) / 2
    smallest = max(abs(x) * 2.0**-40, _SMALLEST)

    def at(t: float) -> float:
        try:
            y = real_result(f(t))
        except ERRORS:
            return nan
        return y if isfinite(y) else nan

    step = ldexp(1.0, frexp(step)[1] - 1)  # a power of two: adding it to a number loses nothing
    noise = noise if isfinite(noise) else 0.0
    middle = at(0.0)
    central, left, right = _Extrapolation(4.0), _Extrapolation(2.0), _Extrapolation(2.0)
    typical = 0.0
    while levels and step > smallest and middle == middle:
        before, after = at(-step), at(step)
        sizes = [abs(y) for y in (before, middle, after) if y == y]
        error = (noise + UNIT * max(sizes, default=0.0)) / step
        typical = typical or max(*sizes, 0.0, 0.0) / step
        central.add((after - before) / step / 2, error / 2)
        left.add((middle - before) / step, error)
        right.add((after - middle) / step, error)
        levels -= before == before or after == after
        step /= 2
        found = Slopes(central.best, left.best, right.best, typical)
        if error > central.best.error and (error > max(left.best.error, right.best.error) or _smooth(found)):
            break  # smaller steps can only be worse
    return Slopes(central.best, left.best, right.best, typical)


def settled(f: Callable[[float], Any], x: float, noise: float) -> Slopes:
    """Differentiate with ever smaller largest steps, until two in a row agree: one alone may take a wave for flat.

    Args:
        f: see `slopes`.
        x: see there.
        noise: see there.

    Returns:
        The slopes; of an unbounded error where no two agree.
    """
    step, last = max(abs(x), 1.0) / 2, None
    while step > max(abs(x) * 2.0**-40, _SMALLEST):
        found = slopes(f, x, noise, step)
        if last is not None and last.confirms(found):
            return found
        last, step = found, step / 128
    doubtful = Estimate(nan, 1e308)
    return Slopes(doubtful, doubtful, doubtful, 0.0)


def _smooth(found: Slopes) -> bool:
    """Whether both sides, though not as exact, are near the central slope."""
    close = 1e-6 * max(abs(found.central.value), found.typical)
    return all(s.error <= close and not s.differs(found.central.value, close) for s in (found.left, found.right))


def directions(count: int) -> Iterator[list[float]]:
    """Along each of some numbers alone, then all at once, which finds the kinks that none shows."""
    for index in range(count):
        yield [float(index == other) for other in range(count)]
    if count > 1:
        yield together(count)


def together(count: int) -> list[float]:
    """Along all of some numbers at once, at speeds unlike each other."""
    mixed = random.Random(0)
    return [mixed.choice((-1, 1)) * mixed.uniform(0.5, 1) for _ in range(count)]


class _Entry(NamedTuple):
    value: float
    rounding: float
    doubt: float  # how far the entries around it differ; luck may bring two together, but seldom three


class _Extrapolation:
    """Quotients at halved steps, extrapolated to 0: each column takes one more power of the step out of their error."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio  # by which the first power of the step shrinks
        self.row: list[_Entry] = []
        self.best = Estimate(nan, inf)

    def add(self, quotient: float, rounding: float) -> None:
        """Take the quotient at the next step, or nan where the function has no value."""
        if quotient != quotient:
            self.row = []
            return
        row = [_Entry(quotient, rounding, abs(quotient - self.row[0].value) if self.row else inf)]
        factor = 1.0
        for above in self.row[:_COLUMNS]:
            factor *= self.ratio
            last = row[-1]
            value = last.value + (last.value - above.value) / (factor - 1)
            rounding = (factor * last.rounding + above.rounding) / (factor - 1)
            doubt = max(abs(value - last.value), abs(value - above.value), above.doubt / factor)
            row.append(_Entry(value, rounding, doubt))
            if doubt + rounding < self.best.error:
                self.best = Estimate(value, doubt + rounding)
        self.row = row
