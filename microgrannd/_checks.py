"""Checks of arguments that several modules take."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from numbers import Integral, Real
from operator import index
from typing import Any, SupportsIndex

from ._text import described


def seed_of(seed: SupportsIndex | None) -> int | None:
    """A seed as an int, NumPy's whole numbers included; None stays None.

    Raises:
        TypeError: it is something else.
    """
    try:
        return None if seed is None else index(seed)
    except TypeError:
        raise TypeError(f"seed needs to be a whole number or None, got {seed!r}") from None


def real(number: Any) -> float | None:
    """Any real number as a float; None for what is not one.

    Raises:
        OverflowError: it is too large for a float.
    """
    if isinstance(number, (float, int, Real, Decimal)):  # the abstract class is slow to ask
        try:
            return float(number)
        except OverflowError:
            raise OverflowError(f"a Value holds a float, for which this {type(number).__name__} is too large") from None
    if getattr(number, "shape", None) == () and hasattr(number, "item"):  # a scalar of NumPy or of its kin
        return real(number.item())
    return None


def required_real(place: str, thing: Any) -> float:
    """A real number as a float.

    Raises:
        TypeError: it is none; the message names the place.
    """
    number = real(thing)
    if number is None:
        raise TypeError(f"{place} needs a real number, got {described(thing)}")
    return number


def required_reals(place: str, row: Any) -> list[float]:
    """A row of real numbers as floats.

    Raises:
        TypeError: it is no row, or a cell is no real number; the message names the place.
    """
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{place} needs to be a row of numbers, got {described(row)}")
    return [required_real(f"{place}[{i}]", cell) for i, cell in enumerate(row)]


def is_whole(thing: Any) -> bool:
    """Whether it is a whole number, NumPy's included, and not a bool."""
    return isinstance(thing, Integral) and not isinstance(thing, bool)


Pairs = list[tuple[tuple[float, ...], Any]]


def checked(X: Iterable[Iterable[Any]], y: Iterable[Any]) -> Pairs:
    """Pairs of row and target, as floats, or an error that names the place."""
    rows = [tuple(_numbers(f"X[{i}]", row, always=True)) for i, row in enumerate(_plain(X))]
    targets = [_numbers(f"y[{i}]", target) for i, target in enumerate(_plain(y))]
    if not rows or len(rows) != len(targets):
        raise ValueError(
            f"X and y need a target for each row and at least one row, got {len(rows)} rows and {len(targets)} targets"
        )
    return list(zip(rows, targets, strict=True))


def _plain(table: Any) -> Any:
    """The rows of a table: of a data frame, which would give its columns' names, those of its array."""
    return table.to_numpy().tolist() if hasattr(table, "to_numpy") else table


def _numbers(name: str, thing: Any, always: bool = False) -> Any:
    """A row of finite numbers, or a single one; that as a row too, if there is always to be one."""
    if isinstance(thing, str) or not hasattr(thing, "__iter__"):
        if always and real(thing) is not None:
            thing = [thing]
        elif not always:
            return _finite(name, required_real(name, thing))
    return [_finite(f"{name}[{i}]", number) for i, number in enumerate(required_reals(name, thing))]


def _finite(name: str, number: float) -> float:
    if not isfinite(number):
        raise ValueError(f"{name} is {number}; fit needs finite numbers")
    return number


def _require_int(name: str, number: int, least: int) -> int:
    if not is_whole(number) or number < least:
        raise ValueError(f"{name} needs to be a whole number of at least {least}, got {described(number)}")
    return int(number)
