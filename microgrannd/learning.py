"""How the gradients of a batch come about in `fit`: by a compiled program, or by recording each row anew."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isclose, isfinite
from operator import itemgetter
from statistics import fmean
from typing import Any

from .contexts import no_grad, paused_gc
from .engine import Value
from .failures import described
from .functions import mean
from .graph import topological
from .ieee import ERRORS
from .losses import Loss, cross_entropy
from .nn import Module
from .program import BLOCK, Program
from .tape import Tape, tape

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


class Compiled:
    """Runs a program of the loss of one row; what goes wrong there is told by the eager way."""

    def __init__(self, program: Program, eager: Eager, width: int) -> None:
        self.program, self.eager, self.width = program, eager, width

    def ready(self, rows: Pairs) -> list[Any]:
        """As `Eager.ready`: the inputs of the program, and the pair that they came from.

        Raises:
            ValueError: a target is no class.
        """
        for _, target in rows if self.width else ():
            cross_entropy([0.0] * self.width, target)
        return [(_cells(*pair, self.width), pair) for pair in rows]

    def gradients(self, batch: Sequence[Any]) -> float:
        """As `Eager.gradients`."""
        kept = [(parameter, parameter.grad) for parameter in self.program.parameters]
        try:
            found = self.program.backward([cells for cells, _ in batch])
            if isfinite(found):
                return found
        except ERRORS:
            pass  # and again, for an error that tells more
        for parameter, gradient in kept:
            parameter.grad = gradient
        return self.eager.gradients([pair for _, pair in batch])

    def judge(self, rows: Sequence[Any]) -> float:
        """As `Eager.judge`."""
        try:
            return fmean(self.program.forward([cells for cells, _ in rows]))
        except ERRORS:
            return self.eager.judge([pair for _, pair in rows])


def learner(model: Module, loss: Loss, rows: Pairs, backend: str = "python") -> Eager | Compiled:
    """The fast way where two rows record the same graph, the other with a warning."""
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
                if all(_agree(compiled, eager, pair) for pair in _samples(rows)):
                    return compiled
            except (TypeError, *ERRORS):
                return eager  # which raises in its turn
            reason = "of plain numbers it is another than of Values (does it use ==, or random numbers?)"
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
