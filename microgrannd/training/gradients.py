"""Computes the gradients of a batch in `fit`: by a compiled program, or by recording each row anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import chain
from math import isfinite
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
from ..engine.value import Value
from ..losses import Loss
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


class Eager:
    """Records the graph of every row.

    Attributes:
        reached: the Values on which the loss of the first rows depends; None before they were recorded.
    """

    def __init__(self, model: Module, loss: Loss) -> None:
        self.model: Any = model
        self.loss = loss
        self.reached: set[Value] | None = None

    def ready(self, rows: Pairs) -> list[Any]:
        """Return rows in the form of which batches are made."""
        return list(rows)

    @paused_gc()
    def gradients(self, batch: Pairs) -> float:
        """Return the mean loss of a batch, and add its gradient to the parameters'.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        total = 0.0
        for first in range(0, len(batch), BLOCK):
            block = list(chain.from_iterable(grouped(batch[first : first + BLOCK]).values()))
            share = len(block) / len(batch)
            root = mean([self.loss(self.model(row), target) for row, target in block])
            if not isinstance(root, Value) or not root._depth:
                raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
            if not isfinite(root.data):
                raise FloatingPointError(_first_wrong(root))
            if self.reached is None:
                self.reached = set(topological(root))
            root.backward(share)
            total += share * root.data
        return total

    def blame(self, batch: Pairs) -> None:
        """Find the operation at which a gradient stops being finite.

        Raises:
            FloatingPointError: there is one; the message names it.
        """
        for row, target in batch:
            for one in contributions(self.loss(self.model(row), target)):
                if isfinite(one.gradient) and not isfinite(one.total):
                    raise FloatingPointError(
                        f"the loss is finite and its gradient {one.total}: that of {_shown(one.node)} by its operand "
                        f"{one.operand.label or one.operand.data} is {one.partial}"
                    )

    @no_grad()
    def judge(self, rows: Pairs) -> float:
        """Return the mean loss of rows."""
        losses = (self.loss(self.model(row), target) for row, target in rows)
        return fmean(getattr(loss, "data", loss) for loss in losses)


class Ready(NamedTuple):
    """A row as a program takes it.

    Attributes:
        cells: the program's inputs.
        pair: what they came from.
        number: of the row.
    """

    cells: list[float]
    pair: tuple[tuple[float, ...], Any]
    number: int


class Compiled:
    """Runs a program of the loss of one row; an error is that of recording the rows anew, which says more.

    Args:
        program: of the loss of a row.
        eager: records it.
        width: how many classes there are, if targets are indices that the program takes one-hot; else 0.
    """

    def __init__(self, program: Program, eager: Eager, width: int) -> None:
        self.program, self.eager, self.width = program, eager, width
        self.programs = [program]
        self.parameters = program.parameters
        self.reached = set(self.parameters)

    def ready(self, rows: Pairs) -> list[Ready]:
        """Prepare rows as `Eager.ready` does.

        Raises:
            ValueError: a target is not a class.
        """
        for pair in rows if self.width else ():
            if pair[1] not in range(self.width):
                self.eager.judge([pair])  # raises the error of the loss itself
                raise ValueError(f"y needs classes from 0 to {self.width - 1}, got {pair[1]}")
        return [Ready(cells_of(*pair, self.width), pair, number) for number, pair in enumerate(rows)]

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
        return self.eager.gradients([row.pair for row in batch])

    def blame(self, batch: Sequence[Ready]) -> None:
        """Find the operation as `Eager.blame` does."""
        self.eager.blame([row.pair for row in batch])

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
            return self.eager.judge([row.pair for row in rows])


class Distributed(Compiled):
    """Runs the program on the workers of an executor, which keep the rows; a batch of one block is run here."""

    def __init__(self, compiled: Compiled, executor: Executor, rows: Pairs) -> None:
        super().__init__(compiled.program, compiled.eager, compiled.width)
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
