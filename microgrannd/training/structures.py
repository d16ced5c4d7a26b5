"""Rows of several structures: a program for each, and one set of numbers for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum
from typing import Any, NamedTuple

from ..compiler.workers import BLOCK
from ..engine.value import Value, data_of
from .gradients import Compiled, Ready, grouped, structure


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        program: the number of the program that it is for.
        place: in that program's table.
    """

    program: int
    place: int


class Structured(Compiled):
    """Runs a program for each structure of rows; see `Compiled`.

    Args:
        parts: for each structure, in order of first appearance, what runs its program.
    """

    def __init__(self, parts: dict[Any, Compiled]) -> None:
        self.parts = parts
        self.eager = next(iter(parts.values())).eager
        self.epoch = self.eager.epoch
        self.programs = [program for part in parts.values() for program in part.programs]
        self.parameters = list(dict.fromkeys(value for program in self.programs for value in program.parameters))
        self.reached = set(self.parameters)

    def ready(self, rows: Sequence[Any], numbers: Sequence[int] | None = None) -> list[Ready]:
        """Prepare rows as `Eager.ready` does."""
        found: dict[int, Ready] = {}
        for key, group in grouped(enumerate(rows), lambda numbered: numbered[1]).items():
            places = [place for place, _ in group]
            own = [numbers[place] for place in places] if numbers else places
            found |= zip(places, self.parts[key].ready([pair for _, pair in group], own), strict=True)
        return [found[place] for place in range(len(rows))]

    def groups(self, rows: Sequence[Ready]) -> Iterator[tuple[Compiled, list[Ready]]]:
        """Yield the rows of one structure together, within each block in order of first appearance."""
        for first in range(0, len(rows), BLOCK):
            for key, group in grouped(rows[first : first + BLOCK], lambda row: row.pair).items():
                yield self.parts[key], group

    def run(self, batch: Sequence[Ready]) -> float:
        """Return the mean loss of a batch, and add its gradient to the parameters'."""
        union = Union(self, batch)
        total, sums = union.sums(
            union.rows, union.vector(data_of(union.values, (value.label for value in union.values)))
        )
        for value, share in zip(union.values, union.listed(union.shares(sums, len(batch))), strict=True):
            if value._rule is None:
                value.grad += share
        return total / len(batch)

    def judge(self, rows: Sequence[Ready]) -> float:
        """Return the mean loss as `Eager.judge` does."""
        return fsum(part.judge(group) * len(group) for part, group in self.groups(rows)) / len(rows)

    def resident(self, rows: Sequence[Ready]) -> tuple[Any, list[Value], Any]:
        """Return what runs the programs on one set of numbers, the Values of these, and the rows in its form."""
        union = Union(self, rows)
        return union, union.values, union.rows

    def outputs(self, rows: Sequence[Ready], data: Sequence[float], runner: Any) -> list[float]:
        """Return the losses of rows for numbers in the order of the runner."""
        return [loss for _, group in self.groups(rows) for loss in runner.outputs(group, data)]


class Union:
    """Runs several programs on one set of numbers: as a runner of one program, with rows of several structures.

    Args:
        learner: has the programs.
        rows: of which the table is made.

    Attributes:
        values: what the numbers are of.
        rows: the table.
    """

    def __init__(self, learner: Structured, rows: Sequence[Ready]) -> None:
        self.learner = learner
        self.runners: list[Any] = [program._runner for program in learner.programs]
        inside = [[program.leaves[n] for n in program._runner.order] for program in learner.programs]
        self.values = list(dict.fromkeys(value for values in inside for value in values))
        index = {value: number for number, value in enumerate(self.values)}
        base = self.runners[0]
        self._taken = [base.taker([index[value] for value in values]) for values in inside]
        self._spread = []  # from a program's gradients, and a zero after them
        for values in inside:
            places = {value: number for number, value in enumerate(values)}
            self._spread.append(base.taker([places.get(value, len(values)) for value in self.values]))
        self._numbers = {key: number for number, key in enumerate(learner.parts)}
        found: dict[int, Row] = {}
        self._tables: list[Any] = [[] for _ in self.runners]
        for key, group in grouped(enumerate(rows), lambda numbered: numbered[1].pair).items():
            number = self._numbers[key]
            self._tables[number] = learner.programs[number].checked([row.cells for _, row in group])
            found |= {position: Row(number, place) for place, (position, _) in enumerate(group)}
        self.rows = [found[number] for number in range(len(rows))]
        self.vector, self.vectors, self.listed, self.replaced = base.vector, base.vectors, base.listed, base.replaced
        self.longer, self.scaled, self.is_finite, self.update = base.longer, base.scaled, base.is_finite, base.update
        self.added, self.shares = base.added, base.shares

    def chosen(self, vector: Any, indices: Sequence[int]) -> Any:
        """Return the elements, or rows, at some indices."""
        return [vector[index] for index in indices] if vector is self.rows else self.runners[0].chosen(vector, indices)

    def sums(self, rows: Sequence[Row], data: Any) -> tuple[float, Any]:
        """Return the sums of the loss over rows, and of its gradients: block by block."""
        total, sums = self.backward(rows[:BLOCK], data)
        for first in range(BLOCK, len(rows), BLOCK):
            more, others = self.backward(rows[first : first + BLOCK], data)
            total, sums = total + more, self.added(sums, others)
        return total, sums

    def backward(self, rows: Sequence[Row], data: Any) -> tuple[float, Any]:
        """Return the sum of the loss over the rows of a block, and its gradients by all parameters."""
        found = []
        for number in dict.fromkeys(row.program for row in rows):
            runner, spread = self.runners[number], self._spread[number]
            table = runner.chosen(self._tables[number], [row.place for row in rows if row.program == number])
            total, gradients = runner.backward(table, self._taken[number](data))
            found.append((total, spread(self.longer(gradients, len(gradients) + 1))))
        (total, sums), *others = found
        for more, gradients in others:
            total, sums = total + more, self.added(sums, gradients)
        return total, sums

    def outputs(self, rows: Sequence[Ready], data: Any) -> list[float]:
        """Return the losses of rows of one structure."""
        number = self._numbers[structure(rows[0].pair)]
        runner, program = self.runners[number], self.learner.programs[number]
        cells = program.checked([row.cells for row in rows])
        return runner.forward(cells, self._taken[number](data))  # type: ignore[no-any-return]
