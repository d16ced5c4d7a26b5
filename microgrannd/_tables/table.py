"""The table that was read: its columns, and its cells as text and as numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .._text import printable
from .cells import MISSING, needs_number, spelled_number


class TableError(ValueError):
    """A table that cannot be used: the message names the file, the row and the column, in printable characters.

    Args:
        message: what is wrong.

    >>> from microgrannd import data
    >>> data.as_table("xor", *data.xor()).index("colour")
    Traceback (most recent call last):
    microgrannd._tables.table.TableError: xor: no column 'colour'; the columns are 'x1', 'x2', 'class'
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Table:
    """The cells of a table, as text. Those of a file are parsed anew each time, which saves memory.

    Attributes:
        path: of the file, for messages.
        columns: the names; "column 1", "column 2", ... where the file has no header.
        cells: returns an iterator over the rows: the line of the file on which a row ends, and as many cells as there
            are columns.
        count: number of rows.
        delimiter: that separates the cells of the file; a space stands for any number of them.
        decimal_commas: the columns whose numbers are written as 1,5.
        missing: the cells that stand for a missing value.
        header: whether the first row holds the names of the columns.
        notes: what is unusual about the file, or was taken for granted in reading it.

    >>> from microgrannd import data
    >>> table = data.as_table("xor", *data.xor())
    >>> table.numbers(["x1", "x2"])[2], table.texts("class")
    ([1.0, 0.0], ['0', '1', '1', '0'])
    """

    path: str
    columns: list[str]
    cells: Callable[[], Iterator[tuple[int, list[str]]]]
    count: int
    delimiter: str = ","
    decimal_commas: frozenset[str] = frozenset()
    missing: frozenset[str] = MISSING
    header: bool = True
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> list[list[str]]:
        """The cells of each row."""
        return [row for _, row in self.cells()]

    @property
    def lines(self) -> list[int]:
        """The line of the file on which each row ends."""
        return [line for line, _ in self.cells()]

    def index(self, column: str) -> int:
        """Return the index of a column; of those without a name, that of the first.

        Raises:
            TableError: no column has that name.
        """
        if column not in self._indices:
            names = ", ".join(map(repr, self.columns[:20])) + (", ..." if len(self.columns) > 20 else "")
            why = ""
            if not self.header:
                why = (
                    ", as it was read without a header; --header if the first row holds them, else write them above it"
                )
            elif re.fullmatch(r"column \d+", column):
                why = ", as the first row was taken for them; --no-header if it is data"
            raise TableError(f"{self.path}: no column {column!r}; the columns are {names}{why}")
        return self._indices[column]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {column: index for index, column in reversed(list(enumerate(self.columns)))}

    def number(self, text: str, column: str) -> float | None:
        """Return the finite number that a cell of a column holds, or None."""
        return spelled_number(text.replace(",", ".") if column in self.decimal_commas else text)

    def place(self, line: int, column: str) -> str:
        """Return where a cell is, for a message."""
        return f"{self.path}, line {line}, column {column!r}"

    def numbers(self, columns: Sequence[str]) -> list[list[float]]:
        """Return the rows of some columns as floats; a percentage, 5%, is 0.05.

        Raises:
            TableError: a column or a cell is missing, or a cell is not a finite number.
        """
        indices = [(column, self.index(column)) for column in columns]
        return [[self._number(row[index], line, column) for column, index in indices] for line, row in self.cells()]

    def texts(self, column: str) -> list[str]:
        """Return the cells of one column, without the space around them.

        Raises:
            TableError: the column or a cell is missing.
        """
        index = self.index(column)
        return [self._text(row[index], line, column) for line, row in self.cells()]

    def _text(self, cell: str, line: int, column: str) -> str:
        text = cell.strip()
        if not text:
            raise TableError(f"{self.place(line, column)}: the cell is empty")
        return text

    def _number(self, cell: str, line: int, column: str) -> float:
        text = self._text(cell, line, column)
        number = self.number(text, column)
        if number is None:
            raise TableError(f"{self.place(line, column)}: {needs_number(text, column)}")
        return number
