"""Data: small classic sets, made from a seed, and tables read from CSV files."""

from __future__ import annotations

import csv
import io
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

from ._checks import seed_of
from ._guesses import missing
from ._text import printable

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


def moons(n: int = 100, noise: float = 0.1, seed: int | None = 0) -> tuple[Rows, list[int]]:
    """Make two interleaved half circles.

    Args:
        n: number of rows, of both classes together.
        noise: standard deviation of the normal noise on each coordinate.
        seed: of the noise.
    """
    upper, lower = _shares(n, 2)
    points = [(math.cos(t), math.sin(t)) for t in _spread(0, math.pi, upper)]
    points += [(1 - math.cos(t), 0.5 - math.sin(t)) for t in _spread(0, math.pi, lower)]
    return _noisy(points, noise, seed), [0] * upper + [1] * lower


def circles(n: int = 100, noise: float = 0.05, seed: int | None = 0, factor: float = 0.5) -> tuple[Rows, list[int]]:
    """Make a circle of radius 1 around one of radius ``factor``; the other arguments are those of `moons`."""
    outer, inner = _shares(n, 2)
    points = [(math.cos(t), math.sin(t)) for t in _spread(0, math.tau, outer + 1)[:-1]]
    points += [(factor * math.cos(t), factor * math.sin(t)) for t in _spread(0, math.tau, inner + 1)[:-1]]
    return _noisy(points, noise, seed), [0] * outer + [1] * inner


def spirals(n: int = 300, noise: float = 0.02, seed: int | None = 0, classes: int = 3) -> tuple[Rows, list[int]]:
    """Make a spiral arm for each class, each two thirds of a turn; the other arguments are those of `moons`."""
    points, labels = [], []
    for label, count in enumerate(_shares(n, classes)):
        for r in _spread(0.05, 1, count):
            angle = math.tau * label / classes + 4 * r
            points.append((r * math.sin(angle), r * math.cos(angle)))
            labels.append(label)
    return _noisy(points, noise, seed), labels


class TableError(ValueError):
    """A table that cannot be used: the message names the file, the row and the column, in printable characters."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Table:
    """A CSV file's cells, as text.

    Attributes:
        path: of the file, for messages.
        columns: the names; "column 1", "column 2", ... where the file has no header.
        rows: the cells of each row, as many as there are columns.
        lines: the line of the file on which each row ends.
    """

    path: str
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]

    def index(self, column: str) -> int:
        """Return the index of a column.

        Raises:
            TableError: no column has that name.
        """
        if column not in self._indices:
            names = ", ".join(map(repr, self.columns[:20])) + (", ..." if len(self.columns) > 20 else "")
            raise TableError(f"{self.path}: no column {column!r}; the columns are {names}")
        return self._indices[column]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {column: index for index, column in enumerate(self.columns)}

    def numbers(self, columns: Sequence[str]) -> Rows:
        """Return the rows of some columns as floats.

        Raises:
            TableError: a column or a cell is missing, or a cell is not a finite number.
        """
        indices = [(column, self.index(column)) for column in columns]
        return [[self._number(row, index, column) for column, index in indices] for row in range(len(self.rows))]

    def texts(self, column: str) -> list[str]:
        """Return the cells of one column, without the space around them.

        Raises:
            TableError: the column or a cell is missing.
        """
        index = self.index(column)
        return [self._cell(row, index, column) for row in range(len(self.rows))]

    def _cell(self, row: int, index: int, column: str) -> str:
        text = self.rows[row][index].strip()
        if not text:
            raise TableError(f"{self.path}, line {self.lines[row]}, column {column!r}: the cell is empty")
        return text

    def _number(self, row: int, index: int, column: str) -> float:
        text = self._cell(row, index, column)
        number = parse_number(text)
        if number is None:
            where = f"{self.path}, line {self.lines[row]}, column {column!r}"
            raise TableError(f"{where}: needs a finite number, got {text[:40]!r}")
        return number


def read_csv(path: str | PathLike[str]) -> Table:
    """Read a CSV file: UTF-8, separated by commas, semicolons or tabs (whichever the first line has most of).

    The first row is the header, unless a cell of it is a number.

    Raises:
        TableError: the file is empty, is not text, has a row of another length or two columns of one name.
        OSError: it cannot be read.
    """
    name = str(path)
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(f"{name}, line {line}: not a text file in UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    cells, lines = [], []
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():  # not a blank line
                cells.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise TableError(f"{name}, line {reader.line_num}: {error}") from None
    if not cells:
        raise TableError(f"{name}: the file is empty")
    if any(parse_number(cell) is not None for cell in cells[0]):
        columns = [f"column {i + 1}" for i in range(len(cells[0]))]
    else:
        columns = [cell.strip() for cell in cells.pop(0)]
        del lines[0]
    column, times = Counter(columns).most_common(1)[0]
    if times > 1:
        raise TableError(f"{name}: two columns are named {column!r}")
    if not cells:
        raise TableError(f"{name}: there is no row under the header")
    for row, line in zip(cells, lines, strict=True):
        if len(row) != len(columns):
            raise TableError(f"{name}, line {line}: {len(row)} cells, where the first row has {len(columns)}")
    return Table(name, columns, cells, lines)


def as_table(name: str, X: Rows, y: Sequence[object]) -> Table:
    """Return rows and labels as a table with the columns x1, x2, ... and class."""
    columns = [f"x{i + 1}" for i in range(len(X[0]))] + ["class"]
    return Table(
        name,
        columns,
        [[*map(repr, row), str(label)] for row, label in zip(X, y, strict=True)],
        list(range(1, len(X) + 1)),
    )


def parse_number(text: str) -> float | None:
    """Return the finite number that a cell holds, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


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


def _delimiter(text: str) -> str:
    """Return the separator that the first line that is not blank has most of, outside quotes."""
    line = re.compile(r'(?:[^"\r\n]|"[^"]*")+').search(text)
    bare = re.sub('"[^"]*"', "", line[0]) if line else ""
    return max(",;\t", key=bare.count)


def _shares(n: int, parts: int) -> list[int]:
    if n < parts:
        raise ValueError(f"n needs to be at least {parts}, a row for each class, got {n}")
    return [n // parts + (i < n % parts) for i in range(parts)]


def _spread(start: float, stop: float, count: int) -> list[float]:
    return [start + (stop - start) * i / max(count - 1, 1) for i in range(count)]


def _noisy(points: list[tuple[float, float]], noise: float, seed: int | None) -> Rows:
    rng = random.Random(seed_of(seed))
    return [[x + rng.gauss(0, noise), y + rng.gauss(0, noise)] for x, y in points]
