"""The task of a table: what is predicted, how rows become numbers, and what a model's outputs mean.

The command line trains by it and writes it to the model file beside the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from math import isfinite, isnan, nan
from statistics import fmean, pstdev
from typing import Any

from .._tables import MISSING
from .._text import printable
from ..data import Table, TableError
from ..engine.value import Value
from ..losses import binary_cross_entropy_with_logits, cross_entropy, mse

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
        if text in MISSING:
            if missing == REFUSE:
                raise TableError(f"{table.place(line, self.name)}: {lacking(text)}")
            return nan
        if not self.texts:
            number = table.number(text)
            if number is None:
                raise TableError(f"{table.place(line, self.name)}: needs a finite number, got {text[:40]!r}")
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


def lacking(text: str) -> str:
    """Return the message about a cell that is missing."""
    return (
        f"{f'{text!r} stands for a missing value' if text else 'the cell is empty'}; train with --missing mean or drop"
    )


@dataclass(frozen=True)
class Task:
    """What is predicted from what.

    Attributes:
        columns: the inputs.
        target: the name of the column to predict.
        classes: the texts of its classes; empty for a regression.
        target_scale: of the target, for a regression.
        majority: the class that is most common in training; empty for a regression, and where it is not known.
        missing: what is done about missing cells: "refuse", "mean" or "drop".
    """

    columns: list[Column]
    target: str
    classes: list[str]
    target_scale: Scale | None
    majority: str
    missing: str = REFUSE

    @property
    def inputs(self) -> list[str]:
        """The names of the model's inputs."""
        return [name for column in self.columns for name in column.inputs]

    @property
    def outputs(self) -> int:
        """Number of outputs of the model: a logit for each of several classes, else one."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def loss(self) -> Callable[[Any, Any], Value]:
        """The loss function for the task."""
        if not self.classes:
            return mse
        return cross_entropy if len(self.classes) > 2 else binary_cross_entropy_with_logits

    def __str__(self) -> str:
        if not self.classes:
            return f"{self.target!r}: regression"
        names = ", ".join(map(printable, self.classes[:5])) + (", ..." if len(self.classes) > 5 else "")
        return f"{self.target!r}: {len(self.classes)} classes ({names})"

    def row(self, numbers: Iterable[float]) -> list[float]:
        """Return the inputs of the model for the numbers of a row, one for each column."""
        return [unit for column, number in zip(self.columns, numbers, strict=True) for unit in column.units(number)]

    @cached_property
    def _indices(self) -> dict[str, float]:
        return {class_name(name): float(index) for index, name in enumerate(self.classes)}

    def number(self, table: Table, line: int, cell: str) -> float:
        """Return what a cell of the target holds: a number, or the index of its class; nan where it is missing.

        Raises:
            TableError: the cell is missing, and that is refused; or it is not a number, or not one of the classes.
        """
        text = cell.strip()
        if text in MISSING:
            if self.missing == REFUSE:
                raise TableError(f"{table.place(line, self.target)}: {lacking(text)}")
            return nan
        number = self._indices.get(class_name(text)) if self.classes else table.number(text)
        if number is None:
            names = ", ".join(map(repr, self.classes[:10])) + (", ..." if len(self.classes) > 10 else "")
            needs = f"needs one of the classes ({names})" if self.classes else "needs a finite number"
            raise TableError(f"{table.place(line, self.target)}: {needs}, got {text[:40]!r}")
        return number

    def answer(self, output: Any) -> str:
        """Return the prediction of a model's output as a cell of the target column."""
        if self.target_scale:
            return repr(self.target_scale.from_unit(output))
        return self.classes[self.chosen(output)]

    def chosen(self, output: Any) -> int:
        """Return the index of the class that a model's output predicts."""
        if isinstance(output, list):
            return max(range(len(output)), key=output.__getitem__)
        return int(output > 0)

    def encode(self) -> dict[str, Any]:
        """Return the task as plain data."""
        return asdict(self)

    @classmethod
    def decode(cls, plain: dict[str, Any]) -> Task:
        """Return the task from the plain data of `encode`.

        Raises:
            TypeError, KeyError, ValueError: it is not that.
        """
        if "scales" in plain:
            plain = _of_first_version(plain)
        columns = [
            Column(**{**column, "scales": [Scale(**scale) for scale in column["scales"]]})
            for column in plain["columns"]
        ]
        target = plain["target_scale"]
        task = cls(**{**plain, "columns": columns, "target_scale": Scale(**target) if target else None})
        task._require_whole()
        return task

    def _require_whole(self) -> None:
        """Require that the parts are of their types and fit each other."""
        lists: list[Any] = [self.classes, *(column.texts for column in self.columns)]
        scales = [scale for column in self.columns for scale in column.scales]
        scales += [self.target_scale] if self.target_scale else []
        numbers: list[Any] = [number for scale in scales for number in (scale.mean, scale.deviation)]
        if not all(type(part) is list for part in lists):
            raise TypeError("the texts or the classes are not lists")
        texts: list[Any] = [*(column.name for column in self.columns), self.target, self.majority, *chain(*lists)]
        if not all(type(text) is str for text in texts) or not all(type(number) is float for number in numbers):
            raise TypeError("a part of the task is of another type")
        if any(len(column.scales) != len(column.inputs) for column in self.columns) or not self.columns:
            raise ValueError("the scales do not fit the columns")
        if bool(self.classes) == bool(self.target_scale) or self.missing not in (REFUSE, MEAN, DROP):
            raise ValueError("the parts of the task do not fit each other")
        if len(self.classes) == 1 or any(len(set(part)) < len(part) for part in lists):
            raise ValueError("the task needs several different classes")
        if self.majority and self.majority not in self.classes:
            raise ValueError("the most common class is none of the classes")
        if not all(map(isfinite, numbers)) or not all(scale.deviation for scale in scales):
            raise ValueError("a scale is not finite")


def _of_first_version(plain: dict[str, Any]) -> dict[str, Any]:
    """Return what a file of version 0.1 says about its columns, which are all numbers, as a task of today."""
    pairs = zip(plain["columns"], plain["scales"], strict=True)
    columns = [{"name": name, "texts": [], "scales": [scale]} for name, scale in pairs]
    kept = {name: plain[name] for name in ("target", "classes", "target_scale")}
    return {**kept, "columns": columns, "majority": ""}


def class_name(text: str) -> str:
    """Return a whole number in a cell as it is usually written, with all its digits; any other text unchanged.

    >>> class_name("2.0"), class_name("-0"), class_name("12345678901234567891"), class_name("007"), class_name("a")
    ('2', '0', '12345678901234567891', '007', 'a')
    """
    number = re.fullmatch(r"([+-]?)(0|[1-9]\d*)(\.0*)?", text, re.ASCII)
    if number is None:
        return text
    return ("-" if number[1] == "-" and number[2] != "0" else "") + number[2]
