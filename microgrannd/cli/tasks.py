"""The task of a table: what is predicted, how rows become numbers, and what a model's outputs mean.

The command line trains by it and writes it to the model file beside the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from math import isfinite, nan
from typing import Any

from .._tables import MISSING, needs_number
from .._text import printable
from ..data import Table, TableError
from ..engine.value import Value
from ..losses import binary_cross_entropy_with_logits, cross_entropy, mse
from .columns import DROP, MEAN, REFUSE, Column, Scale, lacking


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
        marks: the cells that are missing, beside empty ones; None for the usual ones.
    """

    columns: list[Column]
    target: str
    classes: list[str]
    target_scale: Scale | None
    majority: str
    missing: str = REFUSE
    marks: list[str] | None = None

    @property
    def inputs(self) -> list[str]:
        """The names of the model's inputs."""
        return [name for column in self.columns for name in column.inputs]

    @property
    def names(self) -> list[str]:
        """The columns that a table needs for predictions."""
        return [column.name for column in self.columns]

    @property
    def missing_cells(self) -> Collection[str]:
        """The cells that are missing, beside empty ones."""
        return MISSING if self.marks is None else self.marks

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
        if text in table.missing:
            if self.missing == REFUSE:
                raise TableError(f"{table.place(line, self.target)}: {lacking(text)}")
            return nan
        number = self._indices.get(class_name(text)) if self.classes else table.number(text, self.target)
        if number is None:
            names = ", ".join(map(repr, self.classes[:10])) + (", ..." if len(self.classes) > 10 else "")
            needs = (
                f"needs one of the classes ({names}), got {text[:40]!r}"
                if self.classes
                else needs_number(text, self.target)
            )
            raise TableError(f"{table.place(line, self.target)}: {needs}")
        return number

    def is_finite(self, output: Any) -> bool:
        """Tell whether a model's output is a prediction: finite numbers."""
        if self.target_scale:
            return isfinite(self.target_scale.from_unit(output))
        return all(map(isfinite, output if isinstance(output, list) else [output]))

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
        lists: list[Any] = [
            self.classes,
            [] if self.marks is None else self.marks,
            *(column.texts for column in self.columns),
        ]
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
