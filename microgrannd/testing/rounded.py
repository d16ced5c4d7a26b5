"""A number with a bound on its rounding error, and functions of such numbers.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3, running error analysis.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from itertools import product
from typing import Any

from .exact import LEAST, PIECES, REFLECTED, mp

#: The unit in which errors are counted: the distance from 1 to the next float.
UNIT = 2.0**-52


#: What floats cannot tell from nothing: the smallest normal number.
TINY = 2.3e-308


#: What a unit of these bounds amounts to: the functions of `math` may be wrong by some units in the last place.
BOUND = 4 * UNIT


#: What needs no help to work on Rounded numbers.
STRUCTURAL = frozenset({"abs", "len", "map", "max", "min", "sum", "zip", "mul", "_number"})


class Rounded:
    """A float and a bound on its error, in units of the last place of 1."""

    def __init__(self, number: float, error: float = 0.0) -> None:
        self.number = number
        self.error = error

    def __add__(self, other: Any) -> Rounded:
        other = as_rounded(other)
        return _once_more(self.number + other.number, self.error + other.error)

    def __neg__(self) -> Rounded:
        return Rounded(-self.number, self.error)

    def __mul__(self, other: Any) -> Rounded:
        other = as_rounded(other)
        return _once_more(self.number * other.number, self.error * abs(other.number) + other.error * abs(self.number))

    def __truediv__(self, other: Any) -> Rounded:
        other = as_rounded(other)
        number = self.number / other.number
        return _once_more(number, (self.error + other.error * abs(number)) / abs(other.number))

    def __lt__(self, other: Any) -> bool:
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> bool:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> bool:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> bool:
        return self._compared(operator.ge, other)

    def _compared(self, comparison: Callable[[Any, Any], bool], other: Any) -> bool:
        other = as_rounded(other)
        error = self.error + other.error
        if not abs(self.number - other.number) > BOUND * error:
            _note_chance(bool(error))
        return comparison(self.number, other.number)

    def __pow__(self, other: Any) -> Rounded:
        return _power(self, other)

    def __mod__(self, other: Any) -> Rounded:
        return _modulo(self, other)

    def __floordiv__(self, other: Any) -> Rounded:
        return _floor_divide(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Any) -> Rounded:
        return self.__add__(-as_rounded(other))

    def __rsub__(self, other: Any) -> Rounded:
        return as_rounded(other).__sub__(self)

    def __rtruediv__(self, other: Any) -> Rounded:
        return as_rounded(other).__truediv__(self)

    def __rpow__(self, other: Any) -> Rounded:
        return as_rounded(other).__pow__(self)

    def __abs__(self) -> Rounded:
        self._compared(operator.lt, 0)
        return Rounded(abs(self.number), self.error)


#: Takes a note of each comparison of numbers that are equal, or could be without rounding, while somebody listens.
_chances: ContextVar[list[bool] | None] = ContextVar("microgrannd_chances", default=None)


def _note_chance(by_rounding: bool) -> None:
    chances = _chances.get()
    if chances is not None:
        chances.append(by_rounding)


def _note_pieces(piece: Callable[..., Any], operands: Sequence[Rounded]) -> None:
    """Take a note where operands are at an edge between the pieces of a function, or could be without rounding."""
    ends = []
    for operand in operands:
        room = BOUND * operand.error + mp.ldexp(abs(operand.number) or LEAST, 100 - mp.prec)
        ends.append((operand.number - room, operand.number + room))
    if len({piece(*corner) for corner in product(*ends)}) > 1:
        _note_chance(any(operand.error for operand in operands))


def chances_in(compute: Callable[[], Any]) -> list[bool]:
    """Of each comparison of equal Rounded numbers in a computation, whether they may be equal only by rounding."""
    chances: list[bool] = []
    token = _chances.set(chances)
    try:
        compute()
    finally:
        _chances.reset(token)
    return chances


def _once_more(number: float, error: float) -> Rounded:
    return Rounded(number, error + abs(number))


def as_rounded(thing: Any) -> Rounded:
    """Return a number as a Rounded one, without an error if it is none."""
    return thing if isinstance(thing, Rounded) else Rounded(thing)


def lifted(function: Callable[..., Any]) -> Callable[..., Rounded]:
    """A function of floats, and lists of them, on Rounded ones: it turns their errors into the change they bring."""

    def on_rounded(*arguments: Any) -> Rounded:
        given = [as_rounded(x) for a in arguments for x in (a if isinstance(a, Sequence) else [a])]

        def at(numbers: Iterable[Any]) -> Any:
            numbers = iter(numbers)
            return function(
                *([next(numbers) for _ in a] if isinstance(a, Sequence) else next(numbers) for a in arguments)
            )

        numbers = [number.number for number in given]
        if function in PIECES:
            _note_pieces(PIECES[function], given)
        result = at(numbers)
        error = abs(result)
        for index, operand in enumerate(given):
            moved = operand.number * (1 - 2**-30) - 2**-30 * (operand.number == 0)
            operand_error = max(operand.error, abs(operand.number)) if function in REFLECTED else operand.error
            if operand_error and moved != operand.number:
                change = at([*numbers[:index], moved, *numbers[index + 1 :]]) - result
                error += abs(change / (moved - operand.number)) * operand_error
        return Rounded(result, error)

    return on_rounded


_power = lifted(pow)


_modulo = lifted(operator.mod)


_floor_divide = lifted(operator.floordiv)
