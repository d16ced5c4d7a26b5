"""Limits of difference quotients on exact numbers: derivatives to any precision.

A difference of floats cannot know its own error. Here the precision is doubled, and the step shrinks with it, until two
quotients agree to 60 bits: then neither truncation nor rounding is left in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .exact import NO_VALUE, bits, mp

Function = Callable[..., Any]

#: To how many bits two quotients have to agree.
AGREEMENT = 60

#: The bits with which a limit begins, for each order and one more.
FEWEST = 96

#: The bits that show a derivative as small as the least float, 2⁻¹⁰⁷⁴, of a function near 1 of an operand near 1. A
#: difference of 0 counts only at as many, and as many more as the exponents ask for.
EXPONENTS = 1500

#: Why a quotient has no limit.
UNDEFINED, UNLIMITED = "f is not defined there", "the slope grows without bound"


class Sides(NamedTuple):
    """The limits of a quotient from the left and from the right; None for one that does not exist, with the reason."""

    left: Any
    right: Any
    reasons: tuple[str, str]
    precision: int  # at which they settled
    least: Any  # two limits as near as this count as equal

    def trouble(self) -> str:
        """Say why there is no limit; nothing where there is one."""
        if UNDEFINED in self.reasons:
            sides = [name for name, reason in zip(("left", "right"), self.reasons, strict=True) if reason != UNDEFINED]
            return f"f is defined only to the {sides[0]} of it" if sides else "f is defined only there"
        if UNLIMITED in self.reasons:
            return UNLIMITED
        if abs(self.left - self.right) <= max(mp.ldexp(abs(self.left) + abs(self.right), 8 - AGREEMENT), self.least):
            return ""
        return f"the slope from the left is {float(self.left):.6g}, from the right {float(self.right):.6g}"


def sides(
    quotient: Function, exponent: int, order: int = 1, size: int = 0, least: Any = 0, patient: bool = True
) -> Sides:
    """Find the limits of a difference quotient as its step goes to 0 from either side.

    Args:
        quotient: a function of the step.
        exponent: the steps begin with 2 to this power, or are smaller.
        order: of the difference.
        size: the function and its operands are at most 2 to this power.
        least: in the end two results as near as this count as equal.
        patient: a difference of 0 counts only at as many bits as it takes to tell it from the least float; else soon.
    """
    most = (order + 1) * ((EXPONENTS if patient else 2 * FEWEST) - order * min(exponent, 0) + max(size, 0))
    (left, why_left, one), (right, why_right, other) = (
        _limit(quotient, side, exponent, order, most, least) for side in (-1, 1)
    )
    return Sides(left, right, (why_left, why_right), max(one, other), least)


def _limit(quotient: Function, side: int, exponent: int, order: int, most: int, least: Any) -> tuple[Any, str, int]:
    precision, last = FEWEST * (order + 1), None
    while True:
        with bits(precision):
            try:
                found = quotient(mp.ldexp(side, exponent - precision // (order + 1)))
            except NO_VALUE:
                return None, UNDEFINED, precision
            if not mp.isfinite(found):
                return None, UNLIMITED, precision
            nearness = max(mp.ldexp(abs(found), -AGREEMENT), least if precision >= most else 0)
            agree = last is not None and abs(found - last) <= nearness
            if agree and found or not found and precision >= most:
                return found, "", precision
        if precision >= 2 * most:
            shrinks = last is not None and abs(found) < abs(last) / 2  # along with the step
            return (mp.mpf(0), "", precision) if shrinks else (None, UNLIMITED, precision)
        settling = precision * 17 // 16 if last == 0 else 2 * precision
        precision = settling if found else min(4 * precision, most)
        last = found
