"""fit: mini-batches, a progress bar, and what happened in each epoch."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from math import isfinite
from os import PathLike
from typing import Any

from tqdm import tqdm

from .._checks import Pairs, real, required_pairs, required_whole, seed_of
from .._streams import Forgiving
from .._text import described
from ..compiler.workers import require_executor
from ..data import split
from ..engine.contexts import no_grad
from ..losses import Loss
from ..nn.module import Module
from ..optim import Optimizer
from .checkpoint import Checkpoint, identity_of
from .compiling import learner_for
from .gradients import Compiled, Eager
from .interrupts import Interrupts
from .run import History, Run


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A progress bar that looks at the clock after each epoch, and needs no thread to: a browser cannot start one."""

    monitor_interval = 0

    def __init__(self, over: int, epochs: int, shown: bool) -> None:
        stream = sys.stderr and Forgiving(sys.stderr)  # None where it is closed
        super().__init__(
            initial=over, total=epochs, disable=not shown or stream is None, file=stream, unit="epoch", miniters=1
        )


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
    """Train a model. Ctrl-C ends the training; all is then as after the last whole epoch.

    Args:
        model: called with a row of floats; its parameters are changed.
        X: rows of numbers; also single numbers, which are rows of one, or a data frame of pandas or polars.
        y: for each row a number, the index of a class, or a row of numbers: what the loss takes.
        loss: one of `microgrannd.losses` or a function of one's own, (prediction, target) -> Value, of one row.
        optimizer: an instance, over the model's parameters or a part of them.
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
            rows once. It pays from batches of 128 rows on, with numba from about 512; tests/benchmarks/README.md has figures.
            Validation rows are judged in this process.
        compile: record the loss of a row once and run it as a program, see `microgrannd.compile`; with a warning, each
            row is recorded anew where two rows record different graphs. False does that always: for a model or loss
            that does other things than compute. "numba" is the backend of that name.

    Returns:
        The losses and times of the epochs.

    Raises:
        ValueError, TypeError: X and y do not fit each other, a cell is no finite number, an argument is out of range,
            the optimiser has nothing to train.
        FloatingPointError: a loss or a gradient is not finite: the message names the epoch and the first operation that
            went wrong, and the model is as it was before that step. Or a weight is not finite after an epoch.
        FileExistsError: the checkpoint is there, without resume.
        FileError: it is damaged, or of another model, other settings or other data: the message says which.
        OSError: it cannot be written; an older one is as it was.
        concurrent.futures.BrokenExecutor: workers were lost; the model is as it was before that step.
    """
    _require_parts(model, loss, optimizer)
    rows = required_pairs(X, y)
    _require_taken(model, rows)
    required_whole("epochs", epochs, 0)
    size = len(rows) if batch_size is None else required_whole("batch_size", batch_size, 1)
    required_whole("every", every, 1)
    if executor is not None:
        require_executor(executor)
        if not compile:
            raise ValueError("executor needs compile: rows that are recorded anew stay in this process")
    if checkpoint is None and resume:
        raise ValueError("resume needs a checkpoint to go on from, got none")
    file = None if checkpoint is None else Checkpoint(checkpoint, every, resume)
    seed = seed_of(seed)
    drawn = file.seed if file and seed is None else seed
    rows, judged = _divided(rows, validation, drawn)
    if patience is not None:
        required_whole("patience", patience, 1)
        if not judged:
            raise ValueError("patience needs validation rows to judge by, got none")
    backend = "python" if compile is True else compile
    run = Run(model, optimizer, random.Random(drawn), len(rows))
    with Interrupts() as interrupts:
        try:
            learner: Eager | Compiled = Eager(model, loss)
            if backend and (epochs or file):
                learner = interrupts.run(learner_for, model, loss, rows, backend, executor)
            if file:
                settings = {
                    "batch_size": size, "shuffle": shuffle, "seed": seed, "patience": patience, "compile": backend,
                    "validation": real(validation),
                }  # fmt: skip
                program = learner.program if isinstance(learner, Compiled) else None
                pairs = {"training": rows, "validation": judged}
                file.begin(run, epochs, identity_of(run, loss, program, settings, pairs))
            with Bar(run.epochs, epochs, progress) as bar:
                training = Training(run, learner, learner.ready(rows), learner.ready(judged), size, shuffle, interrupts)
                for _ in training.epochs(epochs, patience):
                    if file:
                        file.note()
                    bar.set_postfix(_shown(run.history), refresh=False)
                    bar.update()
            interrupts.run(lambda: None)  # one that came late
        except KeyboardInterrupt:
            run.go_back()
            run.history.interrupted = True
        finally:
            if file:
                file.write()
            run.history.interrupted |= interrupts.pending
        run.set_weights(run.kept)
    return run.history


@dataclass
class Training:
    """What goes through epochs: a run, the learner that computes its gradients, and rows made ready for that.

    Attributes:
        size: rows for each step.
        shuffle: put the rows in a new order for each epoch.
        interrupts: where Ctrl-C may end a computation; all else is done whole.
    """

    run: Run
    learner: Eager | Compiled
    rows: list[Any]
    judged: list[Any]
    size: int
    shuffle: bool
    interrupts: Interrupts

    def epochs(self, epochs: int, patience: int | None) -> Iterator[None]:
        """Train for an epoch at a time, until there were enough."""
        run = self.run
        while not run.is_over(epochs, patience):
            start = time.perf_counter()
            if self.shuffle:
                run.rng.shuffle(run.order)
            try:
                loss = self.epoch([self.rows[index] for index in run.order])
                judgement = self.interrupts.run(self.learner.judge, self.judged) if self.judged else None
                run.add(loss, judgement, time.perf_counter() - start, patience is not None)
            except (ArithmeticError, ValueError) as error:
                error.args = (f"epoch {run.epochs + 1}: {error}",)
                raise
            yield

    def epoch(self, rows: list[Any]) -> float:
        """A step for each batch; returns the mean loss before the steps."""
        total = 0.0
        for first in range(0, len(rows), self.size):
            batch = rows[first : first + self.size]
            self.run.zero_grad()
            total += len(batch) / len(rows) * self.interrupts.run(self.learner.gradients, batch)
            if not first and not self.run.epochs:
                self.run.require_trained(self.learner.reached or set())
            if not isfinite(sum([parameter.grad for parameter in self.run.optimizer.params])):
                self.learner.blame(batch)
            self.run.optimizer.step()
        return total


def _divided(rows: Pairs, validation: Any, seed: int | None) -> tuple[Pairs, Pairs]:
    """The rows to train on, and those to judge by."""
    if validation is None:
        return rows, []
    if real(validation) is not None:
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
    judged = required_pairs(X, y)
    lengths, others = {len(row) for row, _ in rows}, {len(row) for row, _ in judged}
    if len(lengths) == 1 and others != lengths:
        raise ValueError(f"validation rows have {max(others)} cells, where X has {max(lengths)}")
    return rows, judged


def _shown(history: History) -> dict[str, str]:
    curves = {"loss": history.loss, "validation": history.validation_loss}
    return {name: f"{curve[-1]:.4g}" for name, curve in curves.items() if curve}


def _require_parts(model: Any, loss: Any, optimizer: Any) -> None:
    """Make sure that the parts of a training are what they should be.

    Raises:
        TypeError: one is not; the message shows the right call.
    """
    if not isinstance(model, Module):
        raise TypeError(f"model needs to be a Module, as mg.MLP(2, [8, 1]), got {described(model)}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer needs to be made, as mg.Adam(model.parameters()), got {described(optimizer)}")
    if not callable(loss):
        raise TypeError(f"loss needs to be a function of prediction and target, as mg.mse, got {described(loss)}")


def _require_taken(model: Any, rows: Pairs) -> None:
    """Make sure that a model takes rows of unlike lengths, where there are such."""
    first: dict[int, int] = {}
    for index, (row, _) in enumerate(rows):
        first.setdefault(len(row), index)
    for length, index in first.items() if len(first) > 1 else ():
        try:
            with no_grad():
                model(rows[index][0])
        except (TypeError, ValueError, LookupError) as error:
            raise ValueError(f"X[{index}] has {length} cells, where X[0] has {len(rows[0][0])}: {error}") from error
