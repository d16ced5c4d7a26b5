"""The task of a table: what is predicted, how rows become numbers, and what a model's outputs mean.

The command line trains by it and writes it to the model file beside the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from math import isfinite
from statistics import fmean, pstdev
from typing import Any

from .._text import printable
from ..data import Rows, Table, TableError, parse_number, split
from ..engine.value import Value
from ..losses import binary_cross_entropy_with_logits, cross_entropy, mse

#: A column of whole numbers holds classes if there are at most so many different ones.
MOST_CLASSES = 20


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
class Task:
    """What is predicted from what.

    Attributes:
        columns: the names of the inputs.
        target: the name of the column to predict.
        classes: the texts of its classes; empty for a regression.
        scales: of the inputs.
        target_scale: of the target, for a regression.
    """

    columns: list[str]
    target: str
    classes: list[str]
    scales: list[Scale]
    target_scale: Scale | None

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

    def inputs(self, rows: Rows) -> Rows:
        """Return the rows standardised."""
        return [[scale.to_unit(number) for scale, number in zip(self.scales, row, strict=True)] for row in rows]

    def answer(self, output: Any) -> str:
        """Return the prediction of a model's output as a cell of the target column."""
        if self.target_scale:
            return repr(self.target_scale.from_unit(output))
        if isinstance(output, list):
            return self.classes[max(range(len(output)), key=output.__getitem__)]
        return self.classes[1 if output > 0 else 0]

    def score(self, outputs: Sequence[Any], targets: Sequence[float]) -> str:
        """Return the accuracy, or R², of outputs, as text."""
        if self.classes:
            right = sum(self.answer(o) == self.classes[int(t)] for o, t in zip(outputs, targets, strict=True))
            return f"accuracy {right / len(targets):.1%} ({right} of {len(targets)})"
        center = fmean(targets)
        spread = sum((t - center) * (t - center) for t in targets)
        if not spread:
            return "R² undefined, it needs two different targets"
        errors = [o - t for o, t in zip(outputs, targets, strict=True)]
        return f"R² {1 - sum(error * error for error in errors) / spread:.4f}"

    def encode(self) -> dict[str, Any]:
        """Return the task as plain data."""
        return asdict(self)

    @classmethod
    def decode(cls, plain: dict[str, Any]) -> Task:
        """Return the task from the plain data of `encode`.

        Raises:
            TypeError, KeyError, ValueError: it is not that.
        """
        scales = [Scale(**scale) for scale in plain["scales"]]
        target = plain["target_scale"]
        task = cls(**{**plain, "scales": scales, "target_scale": Scale(**target) if target else None})
        texts = [*task.columns, task.target, *task.classes]
        numbers = [
            number
            for scale in [*scales, *([task.target_scale] if task.target_scale else [])]
            for number in astuple(scale)
        ]
        if not all(type(part) is list for part in (task.columns, task.classes)):
            raise TypeError("the columns or the classes are not lists")
        if not all(type(text) is str for text in texts) or not all(type(number) is float for number in numbers):
            raise TypeError("a part of the task is of another type")
        if len(task.columns) != len(scales) or bool(task.classes) == bool(target):
            raise ValueError("the parts of the task do not fit each other")
        if len(task.classes) == 1 or len(set(task.classes)) < len(task.classes):
            raise ValueError("the task needs several different classes")
        if not all(isfinite(number) for number in numbers):
            raise ValueError("a scale is not finite")
        return task


def classes_of(table: Table, target: str) -> list[str]:
    """Return the classes in a target column, in order; none if it is a quantity, for regression.

    Text labels are classes. So are whole numbers of at most 20 kinds, if there are two rows of a kind on average.

    Raises:
        TableError: there is only one class, no two rows of one class, or a number is missing among numbers.
    """
    texts = table.texts(target)
    numbers = [parse_number(text) for text in texts]
    kinds = sorted(set(texts))
    if sum(number is not None for number in numbers) > len(texts) / 2:
        values = [number for (number,) in table.numbers([target])]
        names = sorted(set(map(class_name, texts)), key=lambda name: (parse_number(name) or 0.0, len(name), name))
        if len(names) > 1 and (
            not all(map(float.is_integer, values)) or len(names) > min(MOST_CLASSES, len(values) / 2)
        ):
            return []
        kinds = names
    if len(kinds) == 1:
        raise TableError(f"{table.path}: column {target!r} holds only {kinds[0]!r}, there is nothing to learn")
    if len(kinds) == len(texts) > 2:
        raise TableError(
            f"{table.path}: column {target!r} has another text in every row; a target has classes or numbers"
        )
    return kinds


@dataclass(frozen=True)
class Prepared:
    """A table made ready: the task, standardised inputs and targets of all rows, and which rows are for what."""

    task: Task
    X: Rows
    y: list[float]
    train: list[int]
    held_out: list[int]


def prepare(table: Table, target: str, share: float, seed: int | None) -> Prepared:
    """Determine the task, hold out a share of the rows (of each class), and standardise by the others.

    Raises:
        TableError: a column or cell is missing or not a number, or there is nothing to learn.
    """
    classes = classes_of(table, target)
    columns = [column for column in table.columns if column != target]
    if not columns:
        raise TableError(f"{table.path}: needs a column besides the target {target!r}")
    rows = table.numbers(columns)
    texts = table.texts(target)
    train, held_out = split(texts, share, seed, stratify=bool(classes))
    names = {column: f"{table.path}, column {column!r}" for column in table.columns}
    scales = [Scale.of([rows[i][j] for i in train], names[column]) for j, column in enumerate(columns)]
    if classes:
        scale = None
        numbers_of = {name: float(index) for index, name in enumerate(classes)}
        y = [numbers_of[text] if text in numbers_of else numbers_of[class_name(text)] for text in texts]
    else:
        numbers = [number for (number,) in table.numbers([target])]
        scale = Scale.of([numbers[i] for i in train], names[target])
        y = [scale.to_unit(number) for number in numbers]
    task = Task(columns, target, classes, scales, scale)
    return Prepared(task, task.inputs(rows), y, train, held_out)


def class_name(text: str) -> str:
    """Return a whole number in a cell as it is usually written, with all its digits; any other text unchanged.

    >>> class_name("2.0"), class_name("-0"), class_name("12345678901234567891"), class_name("007"), class_name("a")
    ('2', '0', '12345678901234567891', '007', 'a')
    """
    number = re.fullmatch(r"([+-]?)(0|[1-9]\d*)(\.0*)?", text, re.ASCII)
    if number is None:
        return text
    return ("-" if number[1] == "-" and number[2] != "0" else "") + number[2]
