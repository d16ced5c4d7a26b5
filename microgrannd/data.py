"""Data: small classic sets, made from a seed, and tables read from CSV files."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._checks import seed_of
from ._guesses import missing, suggesting
from ._tables import Table, TableError, parse_number, read_csv

__all__ = ["Table", "TableError", "as_table", "circles", "moons", "parse_number", "read_csv", "spirals", "split", "xor"]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, f"module {__name__!r}", name)


Rows = list[list[float]]


def xor() -> tuple[Rows, list[int]]:
    """Return the four rows of exclusive or.

    >>> xor()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]


@suggesting("moons")
def moons(n: int = 100, noise: float = 0.1, seed: int | None = 0) -> tuple[Rows, list[int]]:
    """Make two interleaved half circles.

    Args:
        n: number of rows, of both classes together.
        noise: standard deviation of the normal noise on each coordinate.
        seed: of the noise; None for other noise at each call.

    Returns:
        Rows of two numbers, and for each the number of its class.

    Raises:
        TypeError, ValueError: n is too small, or seed is no seed.

    >>> X, y = moons(4, noise=0.1, seed=0)
    >>> len(X), len(X[0]), y
    (4, 2, [0, 0, 1, 1])
    """
    upper, lower = _shares(n, 2)
    points = [(math.cos(t), math.sin(t)) for t in _spread(0, math.pi, upper)]
    points += [(1 - math.cos(t), 0.5 - math.sin(t)) for t in _spread(0, math.pi, lower)]
    return _noisy(points, noise, seed), [0] * upper + [1] * lower


@suggesting("moons")
def circles(n: int = 100, noise: float = 0.05, seed: int | None = 0, factor: float = 0.5) -> tuple[Rows, list[int]]:
    """Make a circle of radius 1 around one of radius ``factor``.

    Args:
        n: number of rows, of both classes together.
        noise: standard deviation of the normal noise on each coordinate.
        seed: of the noise; None for other noise at each call.
        factor: the radius of the inner circle, which is class 1.

    Returns:
        Rows of two numbers, and for each the number of its class.

    Raises:
        TypeError, ValueError: n is too small, or seed is no seed.

    >>> X, y = circles(4)
    >>> len(X), len(X[0]), y
    (4, 2, [0, 0, 1, 1])
    """
    outer, inner = _shares(n, 2)
    points = [(math.cos(t), math.sin(t)) for t in _spread(0, math.tau, outer + 1)[:-1]]
    points += [(factor * math.cos(t), factor * math.sin(t)) for t in _spread(0, math.tau, inner + 1)[:-1]]
    return _noisy(points, noise, seed), [0] * outer + [1] * inner


@suggesting("moons")
def spirals(n: int = 300, noise: float = 0.02, seed: int | None = 0, classes: int = 3) -> tuple[Rows, list[int]]:
    """Make a spiral arm for each class, each two thirds of a turn.

    Args:
        n: number of rows, of all classes together.
        noise: standard deviation of the normal noise on each coordinate.
        seed: of the noise; None for other noise at each call.
        classes: number of arms.

    Returns:
        Rows of two numbers, and for each the number of its class.

    Raises:
        TypeError, ValueError: n is too small, or seed is no seed.

    >>> X, y = spirals(6)
    >>> len(X), len(X[0]), y
    (6, 2, [0, 0, 1, 1, 2, 2])
    """
    points, labels = [], []
    for label, count in enumerate(_shares(n, classes)):
        for r in _spread(0.05, 1, count):
            angle = math.tau * label / classes + 4 * r
            points.append((r * math.sin(angle), r * math.cos(angle)))
            labels.append(label)
    return _noisy(points, noise, seed), labels


def as_table(name: str, X: Rows, y: Sequence[object]) -> Table:
    """Return rows and labels as a table with the columns x1, x2, ... and class.

    Args:
        name: of the table, for messages.
        X: rows of numbers, all of one length, at least one.
        y: a label for each.

    >>> table = as_table("xor", *xor())
    >>> table.columns, table.count, table.rows[1]
    (['x1', 'x2', 'class'], 4, ['0.0', '1.0', '1'])
    """
    columns = [f"x{i + 1}" for i in range(len(X[0]))] + ["class"]
    rows = [[*map(repr, row), str(label)] for row, label in zip(X, y, strict=True)]
    return Table(name, columns, lambda: enumerate(rows, 1), len(rows))


@suggesting("split")
def split(
    labels: Sequence[object], share: float, seed: int | None, stratify: bool = True
) -> tuple[list[int], list[int]]:
    """Divide the indices of rows at random into those to train on and those to hold out.

    Args:
        labels: of the rows.
        share: the part of them to hold out, above 0 and below 1.
        seed: of the shuffle.
        stratify: hold out that share of every label's rows; else of all.

    >>> train, held_out = split(["a"] * 10 + ["b"] * 5, 0.2, seed=0)
    >>> len(train), sum(i < 10 for i in held_out), sum(i >= 10 for i in held_out)
    (12, 2, 1)
    """
    rng = random.Random(seed_of(seed))
    groups: dict[object, list[int]] = {}
    for index, label in enumerate(labels):
        groups.setdefault(label if stratify else None, []).append(index)
    held_out: list[int] = []
    for group in groups.values():
        rng.shuffle(group)
        held_out += group[: round(share * len(group))]
    chosen = set(held_out)
    return [i for i in range(len(labels)) if i not in chosen], sorted(held_out)


def _shares(n: int, parts: int) -> list[int]:
    if n < parts:
        raise ValueError(f"n needs to be at least {parts}, a row for each class, got {n}")
    return [n // parts + (i < n % parts) for i in range(parts)]


def _spread(start: float, stop: float, count: int) -> list[float]:
    return [start + (stop - start) * i / max(count - 1, 1) for i in range(count)]


def _noisy(points: list[tuple[float, float]], noise: float, seed: int | None) -> Rows:
    rng = random.Random(seed_of(seed))
    return [[x + rng.gauss(0, noise), y + rng.gauss(0, noise)] for x, y in points]
