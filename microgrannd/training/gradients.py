"""Computes the gradients of a batch in `fit`: by a compiled program, or by recording each row anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import chain, count
from math import isclose, isfinite
from operator import attrgetter
from statistics import fmean
from typing import Any, NamedTuple, TypeVar

from .._checks import Pairs
from .._text import described
from .._trees import leaves
from ..compiler.program import Program
from ..compiler.workers import BLOCK, Workers
from ..engine.contexts import no_grad, paused_gc
from ..engine.functions import mean
from ..engine.graph import contributions, topological
from ..engine.value import Value, detached
from ..losses import Loss
from ..nn.masks import Masks, masking
from ..nn.module import Module
from ..rules.ieee import ERRORS

T = TypeVar("T")


def grouped(rows: Iterable[T], pair: Callable[[T], Any] = lambda row: row) -> dict[Any, list[T]]:
    """Return rows in groups of one structure of row and target, in order of first appearance.

    Args:
        rows: any form of them.
        pair: returns the row and the target of one.
    """
    found: dict[Any, list[T]] = {}
    for row in rows:
        found.setdefault(structure(pair(row)), []).append(row)
    return found


def structure(thing: Any) -> Any:
    """Return the nested lengths of lists and tuples."""
    return tuple(map(structure, thing)) if isinstance(thing, list | tuple) else thing is None


class Ready(NamedTuple):
    """A row as a learner takes it.

    Attributes:
        cells: the program's inputs; none where each row is recorded.
        pair: what they came from.
        number: of the row; `NO_ROW` if it is judged.
    """

    cells: list[float]
    pair: tuple[tuple[float, ...], Any]
    number: int


_pair = attrgetter("pair")


class Eager:
    """Records the graph of every row.

    Attributes:
        reached: the Values on which the loss of the first rows depends; None before they were recorded.
        epoch: the number from which masks are drawn, see `number_of_epoch`: a result without a graph.
    """

    def __init__(self, model: Module, loss: Loss) -> None:
        self.epoch = detached(0.0, "epoch")
        self.model: Any = model
        self.loss = loss
        self.reached: set[Value] | None = None

    def ready(self, rows: Pairs, numbers: Sequence[int] | None = None) -> list[Ready]:
        """Return rows in the form of which batches are made.

        Args:
            rows: pairs of row and target.
            numbers: of the rows, by which masks are drawn; by default from 0. `NO_ROW` for those that are judged.
        """
        return [Ready([], pair, number) for number, pair in zip(numbers or count(), rows, strict=False)]

    @paused_gc()
    def gradients(self, batch: Sequence[Ready]) -> float:
        """Return the mean loss of a batch, and add its gradient to the parameters'.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        total = 0.0
        for first in range(0, len(batch), BLOCK):
            block = list(chain.from_iterable(grouped(batch[first : first + BLOCK], _pair).values()))
            share = len(block) / len(batch)
            root = mean([self.loss_of(row) for row in block])
            if not isinstance(root, Value) or not root._depth:
                raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
            if not isfinite(root.data):
                raise FloatingPointError(_first_wrong(root))
            if self.reached is None:
                self.reached = set(topological(root))
            root.backward(share)
            total += share * root.data
        return total

    def loss_of(self, row: Ready) -> Any:
        """Return the loss of a row, with its masks."""
        inputs, target = row.pair
        with masking(Masks(self.epoch.data, float(row.number))):
            return self.loss(self.model(inputs), target)

    def blame(self, batch: Sequence[Ready]) -> None:
        """Find the operation at which a gradient stops being finite.

        Raises:
            FloatingPointError: there is one; the message names it.
        """
        for row in batch:
            for one in contributions(self.loss_of(row)):
                if isfinite(one.gradient) and not isfinite(one.total):
                    raise FloatingPointError(
                        f"the loss is finite and its gradient {one.total}: that of {_shown(one.node)} by its operand "
                        f"{one.operand.label or one.operand.data} is {one.partial}"
                    )

    @no_grad()
    def judge(self, rows: Sequence[Ready]) -> float:
        """Return the mean loss of rows."""
        losses = map(self.loss_of, rows)
        return fmean(getattr(loss, "data", loss) for loss in losses)


class Compiled:
    """Runs a program of the loss of one row; an error is that of recording the rows anew, which says more.

    Args:
        program: of the loss of a row.
        eager: records it.
        width: how many classes there are, if targets are indices that the program takes one-hot; else 0.
        masked: whether the program draws masks: its last input is the number of the row.

    Attributes:
        epoch: as that of `Eager`.
    """

    def __init__(self, program: Program, eager: Eager, width: int, masked: bool) -> None:
        self.program, self.eager, self.width, self.masked = program, eager, width, masked
        self.epoch = eager.epoch
        self.programs = [program]
        self.parameters = program.parameters
        self.reached = set(self.parameters)

    def ready(self, rows: Pairs, numbers: Sequence[int] | None = None) -> list[Ready]:
        """Prepare rows as `Eager.ready` does.

        Raises:
            ValueError: a target is not a class.
        """
        ready = self.eager.ready(rows, numbers)
        for row in ready if self.width else ():
            if row.pair[1] not in range(self.width):
                self.eager.judge([row])  # raises the error of the loss itself
                raise ValueError(f"y needs classes from 0 to {self.width - 1}, got {row.pair[1]}")
        return [row._replace(cells=self._cells(row)) for row in ready]

    def _cells(self, row: Ready) -> list[float]:
        cells = cells_of(*row.pair, self.width)
        return [*cells, float(row.number)] if self.masked else cells

    def gradients(self, batch: Sequence[Ready]) -> float:
        """Compute as `Eager.gradients` does."""
        kept = [parameter.grad for parameter in self.parameters]
        try:
            loss = self.run(batch)
            if isfinite(loss):
                return loss
        except ERRORS:
            pass  # recorded below, for an error that says more
        for parameter, gradient in zip(self.parameters, kept, strict=True):
            parameter.grad = gradient
        return self.eager.gradients(batch)

    def blame(self, batch: Sequence[Ready]) -> None:
        """Find the operation as `Eager.blame` does."""
        self.eager.blame(batch)

    def run(self, batch: Sequence[Ready]) -> float:
        """Return the mean loss of a batch by the program, and add its gradient to the parameters'."""
        return self.program.backward([row.cells for row in batch])

    def resident(self, rows: Sequence[Ready]) -> tuple[Any, list[Value], Any]:
        """Return what runs the program, the Values of its numbers in its order, and the rows in its form."""
        runner = self.program._runner
        values = [self.program.leaves[number] for number in runner.order]
        return runner, values, runner.rows(self.program.checked([row.cells for row in rows]))

    def outputs(self, rows: Sequence[Ready], data: Any, runner: Any) -> list[float]:
        """Return the losses of rows for numbers in the order of the runner."""
        found: list[float] = runner.forward(self.program.checked([row.cells for row in rows]), data)
        return found

    def judge(self, rows: Sequence[Ready]) -> float:
        """Return the mean loss as `Eager.judge` does."""
        try:
            return fmean(self.program.forward([row.cells for row in rows]))
        except ERRORS:
            return self.eager.judge(rows)

    def agrees(self, row: Ready, error: float = 1e-9) -> bool:
        """Tell whether a row has the same loss recorded and by the program, up to a relative error, or one that is not finite."""
        expected, computed = self.eager.judge([row]), self.judge([row])
        close = isclose(computed, expected, rel_tol=error, abs_tol=error / 1000)
        return close or not (isfinite(computed) and isfinite(expected))


class Distributed(Compiled):
    """Runs the program on the workers of an executor, which keep the rows; a batch of one block is run here."""

    def __init__(self, compiled: Compiled, executor: Executor, rows: Pairs) -> None:
        super().__init__(compiled.program, compiled.eager, compiled.width, compiled.masked)
        table = self.program.checked([row.cells for row in self.ready(rows)])
        self.executor, self.workers = executor, Workers(self.program, table)

    def run(self, batch: Sequence[Ready]) -> float:
        """Compute as `Compiled.run` does, on the workers."""
        if len(batch) <= BLOCK:
            return super().run(batch)
        return self.program.added(len(batch), self.sums([row.number for row in batch], self.program.data()))

    def sums(self, numbers: Sequence[int], data: Sequence[float]) -> Iterator[tuple[float, Any]]:
        """Yield the sums over each block of rows, given by their numbers."""
        return self.workers.sums(self.executor, numbers, data)


def cells_of(row: tuple[Any, ...], target: Any, width: int) -> list[float]:
    """Return the inputs of the program: the numbers of a row and of its target."""
    if width:
        return [*leaves(row), *(float(index == target) for index in range(width))]
    return leaves(row) if target is None else [*leaves(row), *leaves(target)]


def _first_wrong(root: Value) -> str:
    node = next(node for node in topological(root) if not isfinite(node.data))
    return f"the loss is {root.data}; the first node that is not finite is {_shown(node)}"


def _shown(node: Value) -> str:
    operands = ", ".join(f"{operand.data}" for operand in node._prev[:4]) + (", ..." if len(node._prev) > 4 else "")
    name = f"{node._op}({operands})" if node._op else "a leaf"
    return f"{name} = {node.data}" + (f" (label {node.label!r})" if node.label else "")
