"""Cells without a value that a model knows: missing ones, and texts that it was not trained with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isnan

from .._text import counted
from ..data import Table
from .columns import MEAN, Column


class Gaps:
    """Such cells, counted while a table is read.

    Attributes:
        marks: how often each mark of a missing cell occurs.
        unknown: how often each text occurs that the model does not know, by column and text.
        rows: how many rows are left out, or without a prediction.
    """

    def __init__(self) -> None:
        self.marks: Counter[str] = Counter()
        self.unknown: Counter[tuple[str, str]] = Counter()
        self.rows = 0

    def add(self, table: Table, parts: Sequence[tuple[Column, int]], cells: list[str], row: Sequence[float]) -> bool:
        """Count the cells of a row that became nan; return whether there are any."""
        found = [
            (column, cells[index].strip()) for (column, index), number in zip(parts, row, strict=True) if isnan(number)
        ]
        for column, text in found:
            if text in table.missing:
                self.marks[text] += 1
            else:
                self.unknown[column.name, text] += 1
        return bool(found)

    def notes(self, table: Table, missing: str, of_rows: str = "left out") -> list[str]:
        """Return what became of these cells.

        Args:
            table: that was read.
            missing: what is done about them, "mean" or "drop".
            of_rows: what became of the rows that ``rows`` counts.
        """
        mean = ", taken as the mean of the column" if missing == MEAN else ""
        notes = []
        if self.marks:
            marks = [f"{count} {repr(mark) if mark else 'empty'}" for mark, count in self.marks.most_common(5)]
            notes.append(f"missing cells{mean}: {self.marks.total()} ({_listed(marks, len(self.marks))})")
        if self.unknown:
            texts = [f"{text[:40]!r} in {name!r}" for (name, text), _ in self.unknown.most_common(5)]
            count = self.unknown.total()
            notes.append(f"texts that training did not have{mean}: {count} ({_listed(texts, len(self.unknown))})")
        if self.rows:
            notes.append(
                f"{of_rows}: {self.rows} of {counted(table.count, 'row')}, as a cell is missing{' or unknown' * bool(self.unknown)}"
            )
        return notes


def _listed(shown: list[str], count: int) -> str:
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
