"""fit: mini-batches, a progress bar, and what happened in each epoch."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from os import PathLike
from typing import Any

from tqdm import tqdm

from .checkpoints import Checkpoint, identity_of
from .data import split
from .engine import is_whole, required_real, required_reals
from .failures import described
from .learning import Compiled, Eager, learner
from .losses import Loss
from .nn import Module
from .optim import Optimizer
from .runs import History, Run
from .workers import require_executor

Pairs = list[tuple[tuple[float, ...], Any]]


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A progress bar that looks at the clock after each epoch, and needs no thread to: a browser cannot start one."""

    monitor_interval = 0


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
    checkpoint: str | PathLike[str] | None = None,
    every: int = 1,
    resume: bool = False,
    executor: Executor | None = None,
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
        checkpoint: a file that holds the run as it stands: weights, the optimiser's state, the random state and the
            history. It is replaced as a whole, so that whatever happens a good one is there.
        every: so many epochs are between two times that it is written. It is also written at the start and the end. It
            holds the whole history: where epochs are many and short, a larger number saves much time.
        resume: go on from the checkpoint, if it is there, and end with the same bits as if nothing had stopped it.
            Call with the same arguments; only epochs may be more.
        executor: whose workers compute the gradients of batches of more than 64 rows, see `Program.backward`: a
            ``ProcessPoolExecutor``, or Dask's ``Client.get_executor()``. The bits stay the same. Each worker is sent the
            rows once. It pays from batches of 128 rows on, with numba from about 512; the README has figures.
            Validation rows are judged in this process.
        compile: record the loss of a row once and run it as a program, see `microgrannd.compile`; with a warning, each
            row is recorded anew where two rows record different graphs. False does that always: for a model or loss
            that does other things than compute. "numba" is the backend of that name.

    Returns:
        The losses and times of the epochs.

    Raises:
        ValueError, TypeError: X and y do not fit each other, a cell is no number, an argument is out of range.
        FloatingPointError: a loss is not finite: the message names the epoch and the first node that went wrong,
            and the model is as it was before that step. Or a weight is not finite after an epoch.
        FileExistsError: the checkpoint is there, without resume.
        FileError: it is damaged, or of another model, other settings or other data: the message says which.
        OSError: it cannot be written; an older one is as it was.
        concurrent.futures.BrokenExecutor: workers were lost; the model is as it was before that step.
    """
    rows = checked(X, y)
    _require_int("epochs", epochs, 0)
    size = len(rows) if batch_size is None else _require_int("batch_size", batch_size, 1)
    _require_int("every", every, 1)
    if executor is not None:
        require_executor(executor)
        if not compile:
            raise ValueError("executor needs compile: rows that are recorded anew stay in this process")
    if checkpoint is None and resume:
        raise ValueError("resume needs a checkpoint to go on from, got none")
    file = None if checkpoint is None else Checkpoint(checkpoint, every, resume)
    drawn = file.seed if file and seed is None else seed
    rows, judged = _divided(rows, validation, drawn)
    if patience is not None:
        _require_int("patience", patience, 1)
        if not judged:
            raise ValueError("patience needs validation rows to judge by, got none")
    backend = "python" if compile is True else compile
    way = learner(model, loss, rows, backend, executor) if backend and (epochs or file) else Eager(model, loss)
    run = Run(model, optimizer, random.Random(drawn), len(rows))
    if file:
        settings = {
            "batch_size": size, "shuffle": shuffle, "seed": seed, "patience": patience, "compile": backend,
            "validation": validation if isinstance(validation, int | float) else None,
        }  # fmt: skip
        program = way.program if isinstance(way, Compiled) else None
        pairs = {"training": rows, "validation": judged}
        file.begin(run, epochs, identity_of(run, loss, program, settings, pairs))
    try:
        with Bar(total=epochs, initial=run.epochs, disable=not progress, unit="epoch", miniters=1) as bar:
            for _ in _epochs(run, way, way.ready(rows), way.ready(judged), size, shuffle, epochs, patience):
                if file:
                    file.note()
                bar.set_postfix(_shown(run.history), refresh=False)
                bar.update()
    except KeyboardInterrupt:
        run.history.interrupted = True
    finally:
        if file:
            file.write()
    run.set_weights(run.kept)
    return run.history


def _epochs(
    run: Run, way: Eager | Compiled, rows: list[Any], judged: list[Any], size: int, shuffle: bool, epochs: int,
    patience: int | None,
) -> Iterator[None]:  # fmt: skip
    """Train for an epoch at a time, until there were enough."""
    while not run.is_over(epochs, patience):
        start = time.perf_counter()
        if shuffle:
            run.rng.shuffle(run.order)
        try:
            found = _epoch(way, run.optimizer, [rows[place] for place in run.order], size)
            judgement = way.judge(judged) if judged else None
            run.add(found, judgement, time.perf_counter() - start, patience is not None)
        except (ArithmeticError, ValueError) as error:
            error.args = (f"epoch {run.epochs + 1}: {error}",)
            raise
        yield


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


def _shown(history: History) -> dict[str, str]:
    curves = {"loss": history.loss, "validation": history.validation_loss}
    return {name: f"{curve[-1]:.4g}" for name, curve in curves.items() if curve}


def checked(X: Iterable[Iterable[Any]], y: Iterable[Any]) -> Pairs:
    """Pairs of row and target, as floats, or an error that names the place."""
    rows = [tuple(required_reals(f"X[{i}]", row)) for i, row in enumerate(X)]
    targets = [
        required_reals(f"y[{i}]", target) if hasattr(target, "__len__") and not isinstance(target, str)
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


def _require_int(name: str, number: int, least: int) -> int:
    if not is_whole(number) or number < least:
        raise ValueError(f"{name} needs to be a whole number of at least {least}, got {described(number)}")
    return int(number)
