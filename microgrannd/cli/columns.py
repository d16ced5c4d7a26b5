"""The columns of a table as inputs of a model: numbers standardised, texts one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan, nan
from statistics import fmean, pstdev

from .._tables import needs_number
from ..data import Table, TableError

#: What is done about missing cells: an error; the mean of the column in their place; the row is left out.
REFUSE, MEAN, DROP = "refuse", "mean", "drop"


@dataclass(frozen=True)
class Scale:
    """A shift and a stretch that bring a column to mean 0 and standard deviation 1."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, numbers: Sequence[float], name: str) -> Scale:
        """Return the scale of a column by its name; where all numbers are equal, the deviation is taken as 1."""
        try:
            mean = fmean(numbers)
            deviation = pstdev(numbers)  # about the exact mean, so that it is 0 where they are equal
        except OverflowError:
            deviation = float("inf")
        if not isfinite(deviation):
            raise TableError(f"{name}: the numbers are too far apart to standardise")
        return cls(mean, deviation or 1.0)

    def to_unit(self, number: float) -> float:
        """Convert a number of the column to deviations from the mean."""
        return (number - self.mean) / self.deviation

    def from_unit(self, number: float) -> float:
        """Convert deviations from the mean to a number of the column."""
        return number * self.deviation + self.mean


@dataclass(frozen=True)
class Column:
    """A column of the table as inputs of the model.

    Attributes:
        name: of the column.
        texts: that it holds, each of which is an input, 1 where the cell is that text, else 0 (one-hot); empty for numbers.
        scales: of the inputs. Texts are only shifted: a rare text would become a large number.
    """

    name: str
    texts: list[str]
    scales: list[Scale]

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs."""
        return [f"{self.name}={text}" for text in self.texts] or [self.name]

    @cached_property
    def _codes(self) -> dict[str, float]:
        return {text: float(code) for code, text in enumerate(self.texts)}

    def number(self, table: Table, line: int, cell: str, missing: str) -> float:
        """Return what a cell holds as one number, of a text its index; nan for a cell that is missing.

        Raises:
            TableError: the cell is missing, and that is refused; or it is not a number, or not one of the texts.
        """
        text = cell.strip()
        if text in table.missing:
            if missing == REFUSE:
                raise TableError(f"{table.place(line, self.name)}: {lacking(text)}")
            return nan
        if not self.texts:
            number = table.number(text, self.name)
            if number is None:
                raise TableError(f"{table.place(line, self.name)}: {needs_number(text, self.name)}")
            return number
        if text not in self._codes and missing == REFUSE:
            known = ", ".join(map(repr, self.texts[:10])) + (", ..." if len(self.texts) > 10 else "")
            raise TableError(
                f"{table.place(line, self.name)}: {text[:40]!r} is none of the texts of training ({known})"
                "; train with it, or with --missing mean or drop"
            )
        return self._codes.get(text, nan)

    def units(self, number: float) -> list[float]:
        """Return the inputs of the model for a number of `number`: for nan the mean, 0."""
        if isnan(number):
            return [0.0] * len(self.scales)
        if not self.texts:
            return [self.scales[0].to_unit(number)]
        return [scale.to_unit(code == number) for code, scale in enumerate(self.scales)]


def dropped(name: str) -> str:
    """Return the option that leaves out a column, to be pasted into a shell, which is to run nothing of the name."""
    quoted = name.replace("'", r"'\''")
    return f"--drop{'=' if name.startswith('-') else ' '}'{quoted}'"


def lacking(text: str) -> str:
    """Return the message about a cell that is missing."""
    if not text:
        return "the cell is empty; train with --missing mean or drop"
    return f"{text!r} stands for a missing value; train with --missing mean or drop, or say with --marks what does"
