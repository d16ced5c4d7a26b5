"""How the gradients of a batch come about in `fit`: by a compiled program, or by recording each row anew."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from math import isclose, isfinite
from operator import itemgetter
from statistics import fmean
from typing import Any, NamedTuple

from .contexts import no_grad, paused_gc
from .engine import Value
from .failures import described
from .functions import mean
from .graph import topological
from .ieee import ERRORS
from .losses import Loss, cross_entropy
from .nn import Module
from .program import Program
from .tape import Tape, tape
from .workers import BLOCK, Workers

Pairs = Sequence[tuple[tuple[float, ...], Any]]

#: So many rows are computed both ways before a program is trusted.
SAMPLES = 50


class Eager:
    """Records the graph of every row."""

    def __init__(self, model: Module, loss: Loss) -> None:
        self.model: Any = model
        self.loss = loss

    def ready(self, rows: Pairs) -> list[Any]:
        """Rows in the form of which batches are made."""
        return list(rows)

    @paused_gc()
    def gradients(self, batch: Pairs) -> float:
        """The mean loss of a batch; its gradient is added to the parameters'.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        total = 0.0
        for first in range(0, len(batch), BLOCK):
            block = batch[first : first + BLOCK]
            share = len(block) / len(batch)
            root = mean([self.loss(self.model(row), target) for row, target in block])
            if not isinstance(root, Value) or root._rule is None:
                raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
            if not isfinite(root.data):
                raise FloatingPointError(_first_wrong(root))
            root.backward(share)
            total += share * root.data
        return total

    @no_grad()
    def judge(self, rows: Pairs) -> float:
        """The mean loss of some rows."""
        losses = (self.loss(self.model(row), target) for row, target in rows)
        return fmean(getattr(found, "data", found) for found in losses)


class Ready(NamedTuple):
    """A row as a program takes it.

    Attributes:
        cells: the program's inputs.
        pair: what they came from.
        place: the number of the row.
    """

    cells: list[float]
    pair: tuple[tuple[float, ...], Any]
    place: int


class Compiled:
    """Runs a program of the loss of one row; what goes wrong there is told by the eager way."""

    def __init__(self, program: Program, eager: Eager, width: int) -> None:
        self.program, self.eager, self.width = program, eager, width

    def ready(self, rows: Pairs) -> list[Ready]:
        """As `Eager.ready`.

        Raises:
            ValueError: a target is no class.
        """
        for _, target in rows if self.width else ():
            cross_entropy([0.0] * self.width, target)
        return [Ready(_cells(*pair, self.width), pair, place) for place, pair in enumerate(rows)]

    def gradients(self, batch: Sequence[Ready]) -> float:
        """As `Eager.gradients`."""
        kept = [(parameter, parameter.grad) for parameter in self.program.parameters]
        try:
            found = self.run(batch)
            if isfinite(found):
                return found
        except ERRORS:
            pass  # and again, for an error that tells more
        for parameter, gradient in kept:
            parameter.grad = gradient
        return self.eager.gradients([row.pair for row in batch])

    def run(self, batch: Sequence[Ready]) -> float:
        """The mean loss of a batch by the program, and its gradient."""
        return self.program.backward([row.cells for row in batch])

    def judge(self, rows: Sequence[Ready]) -> float:
        """As `Eager.judge`."""
        try:
            return fmean(self.program.forward([row.cells for row in rows]))
        except ERRORS:
            return self.eager.judge([row.pair for row in rows])


class Shared(Compiled):
    """Runs the program on the workers of an executor, which keep the rows; a batch of one block is run here."""

    def __init__(self, compiled: Compiled, executor: Executor, rows: Pairs) -> None:
        super().__init__(compiled.program, compiled.eager, compiled.width)
        table = self.program.checked([row.cells for row in self.ready(rows)])
        self.executor, self.workers = executor, Workers(self.program, table)

    def run(self, batch: Sequence[Ready]) -> float:
        """As `Compiled.run`."""
        if len(batch) <= BLOCK:
            return super().run(batch)
        sums = self.workers.sums(self.executor, [row.place for row in batch], self.program.data())
        return self.program.added(len(batch), sums)


def learner(
    model: Module, loss: Loss, rows: Pairs, backend: str = "python", executor: Executor | None = None
) -> Eager | Compiled:
    """The fast way where two rows record the same graph, the other with a warning.

    Raises:
        ValueError: the loss cannot be compiled, where an executor needs that.
        PicklingError: an operation of one's own cannot be sent to an executor.
    """
    eager = Eager(model, loss)
    try:
        width = _classes(model, loss, rows[0])
        first, second = (_recorded(model, loss, pair, width) for pair in _unlike(rows))
    except (TypeError, *ERRORS) as error:
        try:
            _root(model, loss, *rows[0])
        except (TypeError, *ERRORS):
            return eager  # which raises in its turn
        reason = f"it does not take Values in the place of a row's numbers ({type(error).__name__}: {error})"
    else:
        own = set(model.parameters())
        reason = "it records another graph for another row"
        if _same(first, second, own):
            compiled = Compiled(Program(*first, single=True, backend=backend), eager, width)
            try:
                agreed = all(_agree(compiled, eager, pair) for pair in _samples(rows))
            except (TypeError, *ERRORS):
                return eager  # which raises in its turn
            if agreed:
                return compiled if executor is None else Shared(compiled, executor, rows)
            reason = "of plain numbers it is another than of Values (does it use ==, or random numbers?)"
    if executor is not None:
        raise ValueError(f"executor needs a loss of a row that can be compiled: {reason}")
    warnings.warn(
        f"the loss of a row cannot be compiled: {reason}. Each row is recorded anew, which is slower", stacklevel=3
    )
    return eager


def _classes(model: Any, loss: Loss, pair: tuple[tuple[float, ...], Any]) -> int:
    """How many classes there are where targets are their indices: a program wants a number for each. Else 0."""
    row, target = pair
    if loss is not cross_entropy or not isinstance(target, float):
        return 0
    with no_grad():
        return len(model(row))


def _cells(row: tuple[float, ...], target: Any, width: int) -> list[float]:
    """The inputs of the program: a row and its target."""
    if width:
        return [*row, *(float(place == target) for place in range(width))]
    return [*row, *target] if isinstance(target, list) else [*row, target]


def _unlike(rows: Pairs) -> tuple[Any, Any]:
    """Two rows, with unlike targets if there are such."""
    return rows[0], next((pair for pair in rows if pair[1] != rows[0][1]), rows[-1])


def _recorded(model: Any, loss: Loss, pair: tuple[tuple[float, ...], Any], width: int) -> tuple[Tape, list[Value]]:
    row, target = pair
    cells = [Value(x) for x in _cells(row, target, width)]
    inputs, targets = cells[: len(row)], cells[len(row) :]
    root = _root(model, loss, inputs, targets if width or isinstance(target, list) else targets[0])
    return tape([root], cells, {parameter: name for name, parameter in model.named_parameters()})


def _root(model: Any, loss: Loss, row: Any, target: Any) -> Value:
    root = loss(model(row), target)
    if not isinstance(root, Value) or root._rule is None:
        raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
    return root


def _same(first: tuple[Tape, list[Value]], second: tuple[Tape, list[Value]], own: set[Value]) -> bool:
    """Whether two recordings are of one graph: the same steps, over the same parameters and equal other leaves."""
    (steps, leaves), (other_steps, other_leaves) = first, second
    return (
        steps.steps == other_steps.steps
        and steps.outputs == other_steps.outputs
        and len(leaves) == len(other_leaves)
        and all(a is b or not {a, b} & own and repr(a) == repr(b) for a, b in zip(leaves, other_leaves, strict=True))
    )


def _samples(rows: Pairs) -> list[Any]:
    """Rows spread over all, the first ones of as many unlike targets, and those of the least and the largest."""
    unlike = {repr(pair[1]): pair for pair in reversed(rows)}
    extreme = [most(rows, key=itemgetter(1)) for most in (min, max)]
    return [*rows[:: -(-len(rows) // SAMPLES)], *list(unlike.values())[-SAMPLES:], *extreme]


def _agree(compiled: Compiled, eager: Eager, pair: tuple[tuple[float, ...], Any]) -> bool:
    """Whether a row has the same loss in both ways."""
    expected = eager.judge([pair])
    found = compiled.judge(compiled.ready([pair]))
    return isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) or not (isfinite(found) and isfinite(expected))


def _first_wrong(root: Value) -> str:
    node = next(node for node in topological(root) if not isfinite(node.data))
    operands = ", ".join(f"{operand.data}" for operand in node._prev[:4]) + (", ..." if len(node._prev) > 4 else "")
    name = f"{node._op}({operands})" if node._op else "a leaf"
    label = f" (label {node.label!r})" if node.label else ""
    return f"the loss is {root.data}; the first node that is not finite is {name} = {node.data}{label}"
