"""What an operation takes: Values, numbers, and sequences of both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .._checks import real
from .._text import described
from ..rules import table as rules
from ..rules.errors import foreign
from ..rules.rule import Rule
from .recording import STRIDE
from .value import Value, constant


def _operand(thing: Any) -> tuple[Any, float | None]:
    """Return an operand and its number; None where it is neither a Value nor a real number."""
    if type(thing) is float:
        return thing, thing
    if isinstance(thing, Value):
        return thing, thing.data
    number = real(thing)
    return (thing, None) if number is None else (number, number)


class Row(NamedTuple):
    """A sequence prepared once for several dot products over the same inputs."""

    values: tuple[Value, ...]  # empty where it has only numbers
    shape: int | tuple[float, ...]  # how many Values, or the numbers
    floats: list[float]
    depth: int  # of the deepest Value; -1 where there is none


def shared(things: Any) -> Any:
    """Prepare a sequence of Values or numbers.

    Raises:
        TypeError: it is not a sequence of Values or real numbers.
    """
    if not hasattr(type(things), "__iter__"):
        raise TypeError(f"a row of inputs needs to be a sequence of Values or real numbers, got {described(things)}")
    try:
        return things if type(things) is Row else Row(*_sequence(things, rules.TABLE["dot"], "xs"))
    except TypeError as error:
        if isinstance(things, list | tuple) and any(hasattr(type(thing), "__iter__") for thing in things):
            raise TypeError(f"{error}: a module takes one row at a time; its method predict takes many") from None
        raise


def _sequence(things: Any, rule: Rule, parameter: str) -> tuple[Any, Any, Any, int]:
    """Return a sequence as a wide node takes it: see `Row`. Numbers among Values become Values."""
    if type(things) is Row:
        return things
    try:
        values = tuple(things)
    except TypeError:
        if hasattr(type(things), "__iter__"):
            raise  # from inside a generator
        raise foreign(rule, parameter, things, "a sequence of Values or real numbers") from None
    try:
        return values, len(values), [v.data for v in values], max([v._depth for v in values] or [-1])
    except AttributeError:  # not all are Values
        pass
    pairs = [_operand(thing) for thing in values]
    for index, (_, number) in enumerate(pairs):
        if number is None:
            raise foreign(rule, f"{parameter}[{index}]", values[index])
    if all(value is number for value, number in pairs):
        floats = [number for _, number in pairs]
        return (), tuple(floats), floats, -1
    return _sequence([constant(number) if value is number else value for value, number in pairs], rule, parameter)


def _single(thing: Any, rule: Rule, parameter: str) -> tuple[Any, Any, Any, int]:
    """Return a scalar as a wide node takes it: as `_sequence`, with its float instead of floats."""
    value, number = _operand(thing)
    if number is None:
        raise foreign(rule, parameter, thing)
    return ((), (number,), number, -1) if value is number else ((value,), 1, number, value._depth)


def _trail_of(values: Iterable[Value], depth: int) -> tuple[Any, Value] | None:
    deepest = next(value for value in values if value._depth == depth - 1)
    return deepest._trail if depth % STRIDE else (deepest._trail, deepest)
