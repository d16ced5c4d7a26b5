"""fit: mini-batches, a progress bar, and what happened in each epoch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from tqdm import tqdm

from .contexts import paused_gc
from .engine import Value, real, topological
from .failures import described
from .functions import mean
from .nn import Module
from .optim import Optimizer

#: Rows whose graphs are alive together; gradients are added block by block.
BLOCK = 64


@dataclass
class History:
    """What `fit` saw, an entry for each epoch.

    Attributes:
        loss: the mean over the epoch's rows, each computed before the step that its batch brought about.
        seconds: the time taken.
    """

    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def fit(
    model: Module,
    X: Iterable[Iterable[Any]],
    y: Iterable[Any],
    *,
    loss: Callable[[Any, Any], Value],
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
) -> History:
    """Train a model.

    Args:
        model: called with a row of floats; its parameters are changed.
        X: rows of numbers.
        y: for each row a number, the index of a class, or a row of numbers: what the loss takes.
        loss: one of `microgrannd.losses` or a function of one's own, (prediction, target) -> Value, of one row.
        optimizer: an instance, over the model's parameters.
        epochs: how often to go through all rows.
        batch_size: rows for each step; all of them by default.
        shuffle: put the rows in a new order for each epoch.
        seed: of the shuffling.
        progress: show a bar with the loss, on standard error.

    Returns:
        The losses and times of the epochs.

    Raises:
        ValueError, TypeError: X and y do not fit each other, a cell is no number, an argument is out of range.
        FloatingPointError: a loss is not finite. The message names the epoch and the first node that went wrong;
            the model is as it was before that step.
    """
    rows, targets = _checked(X, y)
    _require_int("epochs", epochs, 0)
    size = len(rows) if batch_size is None else _require_int("batch_size", batch_size, 1)
    rng = random.Random(seed)
    order = list(range(len(rows)))
    history = History()
    with tqdm(total=epochs, disable=not progress, unit="epoch") as bar:
        for epoch in range(epochs):
            start = time.perf_counter()
            if shuffle:
                rng.shuffle(order)
            total = 0.0
            for first in range(0, len(order), size):
                batch = order[first : first + size]
                try:
                    share = len(batch) / len(rows)
                    total += share * _step(model, loss, optimizer, [(rows[i], targets[i]) for i in batch])
                except (ArithmeticError, ValueError) as error:
                    error.args = (f"epoch {epoch + 1}: {error}",)
                    raise
            history.loss.append(total)
            history.seconds.append(time.perf_counter() - start)
            bar.set_postfix(loss=f"{history.loss[-1]:.4g}", refresh=False)
            bar.update()
    return history


@paused_gc()
def _step(
    model: Any, loss: Callable[[Any, Any], Value], optimizer: Optimizer, batch: Sequence[tuple[Any, Any]]
) -> float:
    """One step of the optimiser; returns the mean loss before it."""
    optimizer.zero_grad()
    total = 0.0
    for first in range(0, len(batch), BLOCK):
        block = batch[first : first + BLOCK]
        share = len(block) / len(batch)
        root = mean([loss(model(row), target) for row, target in block])
        if not isinstance(root, Value):
            raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
        if not isfinite(root.data):
            raise FloatingPointError(_first_wrong(root))
        root.backward(share)
        total += share * root.data
    optimizer.step()
    return total


def _first_wrong(root: Value) -> str:
    node = next(node for node in topological(root) if not isfinite(node.data))
    operands = ", ".join(f"{operand.data}" for operand in node._prev[:4]) + (", ..." if len(node._prev) > 4 else "")
    name = f"{node._op}({operands})" if node._op else "a leaf"
    label = f" (label {node.label!r})" if node.label else ""
    return f"the loss is {root.data}; the first node that is not finite is {name} = {node.data}{label}"


def _checked(X: Iterable[Iterable[Any]], y: Iterable[Any]) -> tuple[list[tuple[float, ...]], list[Any]]:
    """The rows and targets as floats, or an error that names the place."""
    rows = [tuple(_reals(row, f"X[{i}]")) for i, row in enumerate(X)]
    targets = [
        _reals(target, f"y[{i}]") if hasattr(target, "__len__") and not isinstance(target, str)
        else _real(target, f"y[{i}]")
        for i, target in enumerate(y)
    ]  # fmt: skip
    if not rows or len(rows) != len(targets):
        raise ValueError(
            f"fit needs a target for each row and at least one row, got {len(rows)} rows and {len(targets)} targets"
        )
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"X[{i}] has {len(row)} cells, where X[0] has {len(rows[0])}")
    return rows, targets


def _reals(row: Iterable[Any], place: str) -> list[float]:
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{place} needs to be a row of numbers, got {described(row)}")
    return [_real(cell, f"{place}[{i}]") for i, cell in enumerate(row)]


def _real(cell: Any, place: str) -> float:
    number = real(cell)
    if number is None:
        raise TypeError(f"{place} needs a real number, got {described(cell)}")
    return number


def _require_int(name: str, number: int, least: int) -> int:
    if type(number) is not int or number < least:
        raise ValueError(f"{name} needs to be a whole number of at least {least}, got {described(number)}")
    return number
