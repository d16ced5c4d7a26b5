"""fit: mini-batches, a progress bar, and what happened in each epoch."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from tqdm import tqdm

from .data import split
from .engine import Value, is_whole, required_real
from .failures import described
from .learning import Compiled, Eager, learner
from .losses import Loss
from .nn import Module
from .optim import Optimizer

Pairs = list[tuple[tuple[float, ...], Any]]


@dataclass
class History:
    """What `fit` saw, an entry for each epoch.

    Attributes:
        loss: the mean over the epoch's rows, each computed before the step that its batch brought about.
        validation_loss: the mean over the validation rows after the epoch; empty where there are none.
        seconds: the time taken.
        interrupted: whether Ctrl-C ended the training.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False


def fit(
    model: Module,
    X: Iterable[Iterable[Any]],
    y: Iterable[Any],
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation: float | tuple[Iterable[Iterable[Any]], Iterable[Any]] | None = None,
    patience: int | None = None,
    progress: bool = True,
    compile: bool | str = True,  # noqa: A002
) -> History:
    """Train a model. Ctrl-C ends the training, and what was learnt in whole epochs is kept.

    Args:
        model: called with a row of floats; its parameters are changed.
        X: rows of numbers.
        y: for each row a number, the index of a class, or a row of numbers: what the loss takes.
        loss: one of `microgrannd.losses` or a function of one's own, (prediction, target) -> Value, of one row.
        optimizer: an instance, over the model's parameters.
        epochs: how often to go through all rows.
        batch_size: rows for each step; all of them by default.
        shuffle: put the rows in a new order for each epoch.
        seed: of the shuffling, and of the choice of validation rows.
        validation: rows to judge the model by after each epoch: a share of X and y, which is not trained on, or (X, y).
        patience: stop after this many epochs in a row without a lower validation loss; the model is then as it was
            when that was lowest, also where all epochs are run.
        progress: show a bar with the loss, on standard error.
        compile: record the loss of a row once and run it as a program, see `microgrannd.compile`; with a warning, each
            row is recorded anew where two rows record different graphs. False does that always: for a model or loss
            that does other things than compute. "numba" is the backend of that name.

    Returns:
        The losses and times of the epochs.

    Raises:
        ValueError, TypeError: X and y do not fit each other, a cell is no number, an argument is out of range.
        FloatingPointError: a loss is not finite: the message names the epoch and the first node that went wrong,
            and the model is as it was before that step. Or a weight is not finite after an epoch.
    """
    rows = checked(X, y)
    _require_int("epochs", epochs, 0)
    size = len(rows) if batch_size is None else _require_int("batch_size", batch_size, 1)
    rows, judged = _divided(rows, validation, seed)
    if patience is not None:
        _require_int("patience", patience, 1)
        if not judged:
            raise ValueError("patience needs validation rows to judge by, got none")
    rng = random.Random(seed)
    history = History()
    parameters = list(model.named_parameters())
    backend = "python" if compile is True else compile
    way = learner(model, loss, rows, backend) if backend and epochs else Eager(model, loss)
    batches, judged = way.ready(rows), way.ready(judged)
    kept, lowest, best = _weights(parameters), inf, -1
    try:
        with tqdm(total=epochs, disable=not progress, unit="epoch") as bar:
            for epoch in range(epochs):
                start = time.perf_counter()
                if shuffle:
                    rng.shuffle(batches)
                try:
                    found = _epoch(way, optimizer, batches, size)
                    judgement = way.judge(judged) if judged else inf
                    weights = _weights(parameters)
                except (ArithmeticError, ValueError) as error:
                    error.args = (f"epoch {epoch + 1}: {error}",)
                    raise
                history.loss.append(found)
                history.validation_loss += [judgement] if judged else []
                history.seconds.append(time.perf_counter() - start)
                if patience is None or judgement < lowest:
                    kept, lowest, best = weights, judgement, epoch
                bar.set_postfix(_shown(history), refresh=False)
                bar.update()
                if patience is not None and epoch - best >= patience:
                    break
    except KeyboardInterrupt:
        history.interrupted = True
    for parameter, data in kept:
        parameter.data = data
    return history


def _epoch(learner: Eager | Compiled, optimizer: Optimizer, rows: list[Any], size: int) -> float:
    """A step for each batch of so many rows; returns the mean loss before the steps."""
    total = 0.0
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        optimizer.zero_grad()
        total += len(batch) / len(rows) * learner.gradients(batch)
        optimizer.step()
    return total


def _divided(rows: Pairs, validation: Any, seed: int | None) -> tuple[Pairs, Pairs]:
    """The rows to train on, and those to judge by."""
    if validation is None:
        return rows, []
    if isinstance(validation, int | float):
        if not 0 < validation < 1:
            raise ValueError(
                f"validation needs to be a share above 0 and below 1, or (X, y); got {described(validation)}"
            )
        train, held_out = split([None] * len(rows), validation, seed)
        if not train or not held_out:
            raise ValueError(f"validation={validation} of {len(rows)} rows leaves nothing to judge by, or to train on")
        return [rows[i] for i in train], [rows[i] for i in held_out]
    try:
        X, y = validation
    except (TypeError, ValueError):
        raise TypeError(f"validation needs to be a share or (X, y), got {described(validation)}") from None
    judged = checked(X, y)
    if len(judged[0][0]) != len(rows[0][0]):
        raise ValueError(f"validation rows have {len(judged[0][0])} cells, where X has {len(rows[0][0])}")
    return rows, judged


def _weights(parameters: list[tuple[str, Value]]) -> list[tuple[Value, float]]:
    """The parameters and their data.

    Raises:
        FloatingPointError: one is not finite.
    """
    for name, parameter in parameters:
        if not isfinite(parameter.data):
            raise FloatingPointError(f"the weight {name} is {parameter.data}; a lower learning rate may help")
    return [(parameter, parameter.data) for _, parameter in parameters]


def _shown(history: History) -> dict[str, str]:
    curves = {"loss": history.loss, "validation": history.validation_loss}
    return {name: f"{curve[-1]:.4g}" for name, curve in curves.items() if curve}


def checked(X: Iterable[Iterable[Any]], y: Iterable[Any]) -> Pairs:
    """Pairs of row and target, as floats, or an error that names the place."""
    rows = [tuple(_reals(row, f"X[{i}]")) for i, row in enumerate(X)]
    targets = [
        _reals(target, f"y[{i}]") if hasattr(target, "__len__") and not isinstance(target, str)
        else required_real(f"y[{i}]", target)
        for i, target in enumerate(y)
    ]  # fmt: skip
    if not rows or len(rows) != len(targets):
        raise ValueError(
            f"X and y need a target for each row and at least one row, got {len(rows)} rows and {len(targets)} targets"
        )
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"X[{i}] has {len(row)} cells, where X[0] has {len(rows[0])}")
    return list(zip(rows, targets, strict=True))


def _reals(row: Iterable[Any], place: str) -> list[float]:
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{place} needs to be a row of numbers, got {described(row)}")
    return [required_real(f"{place}[{i}]", cell) for i, cell in enumerate(row)]


def _require_int(name: str, number: int, least: int) -> int:
    if not is_whole(number) or number < least:
        raise ValueError(f"{name} needs to be a whole number of at least {least}, got {described(number)}")
    return int(number)
