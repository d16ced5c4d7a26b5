"""Checks of arguments, each in one function: real, finite and whole numbers, rows, seeds, rows with their targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import inf, isfinite
from numbers import Integral, Real
from operator import index
from typing import Any, SupportsIndex, TypeAlias

from ._guesses import advice
from ._text import described


def seed_of(seed: SupportsIndex | None) -> int | None:
    """Return a seed as an int, NumPy's whole numbers included; None stays None.

    Raises:
        TypeError: it is neither.
    """
    try:
        return None if seed is None else index(seed)
    except TypeError:
        raise TypeError(f"seed needs to be a whole number or None, got {seed!r}") from None


def real(number: Any) -> float | None:
    """Return any real number as a float; None for what is not one.

    Raises:
        OverflowError: it is too large for a float.
    """
    if isinstance(number, (float, int, Real, Decimal)):  # the abstract class is slow to ask
        try:
            return float(number)
        except OverflowError:
            raise OverflowError(f"a Value holds a float, for which this {type(number).__name__} is too large") from None
    if getattr(number, "shape", None) == () and hasattr(number, "item"):  # a scalar of NumPy or of a similar library
        return real(number.item())
    return None


def required_real(name: str, thing: Any) -> float:
    """Return a real number as a float.

    Raises:
        TypeError: it is not a real number; the message begins with the name.
    """
    number = real(thing)
    if number is None:
        raise TypeError(f"{name} needs a real number, got {described(thing)}")
    return number


def required_reals(name: str, row: Any) -> list[float]:
    """Return a row of real numbers as floats.

    Raises:
        TypeError: it is not a row, or a cell is not a real number; the message begins with the name.
    """
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{name} needs to be a row of numbers, got {described(row)}")
    return [required_real(f"{name}[{i}]", cell) for i, cell in enumerate(row)]


def required_finite(name: str, thing: Any, least: float = -inf) -> float:
    """Return a finite number of at least ``least`` as a float.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is infinite, nan or too small.
    """
    number = required_real(name, thing)
    if not isfinite(number) or number < least:
        bound = "" if least == -inf else f" of at least {least:g}"
        raise ValueError(f"{name} needs to be a finite number{bound}, got {described(thing)}")
    return number


def required_amounts(**numbers: Any) -> list[float]:
    """Return numbers as floats, each finite and at least 0; an error has the number's name, as `required_finite`'s."""
    return [required_finite(name, number, least=0) for name, number in numbers.items()]


def is_whole(thing: Any) -> bool:
    """Tell whether it is a whole number, NumPy's included, and not a bool."""
    return isinstance(thing, Integral) and not isinstance(thing, bool)


def required_whole(name: str, thing: Any, least: int, most: int | None = None) -> int:
    """Return a whole number of at least ``least``, and at most ``most``, as an int.

    Raises:
        ValueError: it is something else.
    """
    if not is_whole(thing) or thing < least or (most is not None and thing > most):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} needs to be a whole number {bound}, got {described(thing)}")
    return int(thing)


def required_loss(loss: Any) -> None:
    """Require a function.

    Raises:
        TypeError: it is none; the message shows the right one, where its name in another library is given.
    """
    if not callable(loss):
        raise TypeError(
            f"loss needs to be a function of prediction and target, as mg.mse, got {described(loss)}{advice('loss', loss)}"
        )


#: Rows, each with its target. Rows and targets are numbers, or nested lists of them; a target may be None.
Pairs: TypeAlias = Sequence[tuple[tuple[Any, ...], Any]]


def required_pairs(X: Iterable[Any], y: Iterable[Any] | None) -> Pairs:
    """Return rows and their targets as finite floats; targets are None where there is no y.

    Raises:
        TypeError, ValueError: they do not fit each other, or hold anything else; the message names the cell.
    """
    rows = [tuple(_row(f"X[{i}]", row)) for i, row in enumerate(rows_of(X))]
    targets = [None for _ in rows] if y is None else [_target(i, target) for i, target in enumerate(rows_of(y))]
    if not rows or len(rows) != len(targets):
        raise ValueError(
            f"X and y need a target for each row and at least one row, got {len(rows)} rows and {len(targets)} targets"
        )
    return list(zip(rows, targets, strict=True))


def _target(index: int, target: Any) -> Any:
    if isinstance(target, str):
        raise TypeError(f"y[{index}] needs a number, of a class its index in a list of all; got {described(target)}")
    return _finite(f"y[{index}]", target)


def rows_of(table: Any) -> Any:
    """Return the rows of a table: of a data frame, which would give its columns' names, those of its array."""
    return table.to_numpy().tolist() if hasattr(table, "to_numpy") else table


def _row(name: str, row: Any) -> list[Any]:
    """Return a row of finite floats, or of nested lists of such."""
    if real(row) is not None:
        return [required_finite(name, row)]
    found: list[Any] = _finite(name, row) if _is_many(row) else required_reals(name, row)
    return found


def _finite(name: str, thing: Any) -> Any:
    """Return a number as a finite float, or nested lists of such."""
    if not _is_many(thing):
        return required_finite(name, thing)
    parts = list(thing)
    if any(map(_is_many, parts)):
        return [_finite(f"{name}[{i}]", part) for i, part in enumerate(parts)]
    numbers = required_reals(name, parts)
    if not all(map(isfinite, numbers)):
        for i, number in enumerate(numbers):
            required_finite(f"{name}[{i}]", number)
    return numbers


def _is_many(thing: Any) -> bool:
    return hasattr(thing, "__iter__") and not isinstance(thing, str) and getattr(thing, "shape", None) != ()
