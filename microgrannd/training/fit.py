"""fit: trains a model in mini-batches, with a progress bar and a history."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from os import PathLike
from typing import Any

from .._checks import real, required_loss, required_pairs, required_whole, seed_of
from .._guesses import suggesting
from .._interrupts import Interrupts
from .._text import described
from ..compiler.workers import require_executor
from ..engine.value import Value
from ..losses import Loss
from ..metrics import Metric, require_metrics
from ..nn.masks import NO_ROW
from ..nn.module import Module
from ..optim import Optimizer
from .checkpoint import Checkpoint, identity_of
from .compiling import learner_for
from .direct import Direct
from .epochs import Training
from .gradients import Compiled, Eager
from .history import History
from .predictions import Predictions, metrics_of
from .resident import Resident, is_resident
from .rows import divided, require_taken
from .run import Run, named


@suggesting("fit")
def fit(
    model: Module,
    X: Iterable[Any],
    y: Iterable[Any] | None,
    *,
    loss: Loss,
    optimizer: Optimizer | Sequence[Optimizer],
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
    callback: Callable[[int, History], Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    report: bool = False,
) -> History:
    """Train a model. Ctrl-C ends the training and leaves everything as it was after the last whole epoch.

    Args:
        model: called with a row of floats, or of nested lists of them; its parameters are changed.
        X: rows of numbers, single numbers (which are rows of one), or a data frame of pandas or polars. Rows may be nested
            lists, and of unlike lengths, as sentences are; whole numbers among them may be indices, see `lookup`.
        y: for each row what the loss takes: a number, the index of a class, or nested lists of numbers; or None.
        loss: one of `microgrannd.losses`, or any function (prediction, target) -> Value of one row; without y, any
            function prediction -> Value.
        optimizer: an instance, over all of the model's parameters or a part of them; or a list of several, each over
            another part.
        epochs: passes over all rows.
        batch_size: rows for each step; by default all of them.
        shuffle: put the rows in a new order for each epoch.
        seed: of the shuffling, of the choice of validation rows, and of what `Dropout` drops.
        validation: rows to judge the model by after each epoch: a share of X and y, which is then not trained on, or
            (X, y).
        patience: stop after this many epochs in a row without a lower validation loss. At the end, the model has the
            weights of the lowest validation loss, also if all epochs were run.
        progress: show a progress bar with the loss on standard error.
        checkpoint: a file for the state of the training: weights, optimiser, random state and history. It is written at
            the start, after epochs and at the end, each time whole or not at all.
        every: write the checkpoint after every so many epochs. It holds the whole history: for many short epochs, a
            larger number saves much time.
        resume: continue from the checkpoint, if there is one, with the same bits as without a stop. All other arguments
            need to be the same, except that epochs may be more.
        executor: its workers compute the gradients of batches of more than 64 rows, see `Program.backward`: a
            ``ProcessPoolExecutor``, or Dask's ``Client.get_executor()``. The bits stay the same. Each worker is sent the
            rows once; validation rows are judged in this process. It pays from batches of 128 rows on, with numba from
            about 512 (figures: tests/benchmarks/README.md).
        compile: record the loss of one row and run it as a program, see `microgrannd.compile`; of each structure of rows,
            for up to 64. If two rows of one structure record different graphs, each row is recorded anew, with a
            warning. False always records: for a model or loss that has side effects. "numba" is the backend of that
            name.
        callback: called after each epoch with its number, from 1, and the history; the model and the optimiser are as
            after that epoch, and may be changed. If it returns True, the training ends. Other numbers that the loss
            follows, as the p of a Dropout, may be changed with ``compile=False``.
        metrics: functions of all predictions and targets, by name, as ``{"accuracy": mg.accuracy}``. They are computed
            after each epoch, of the training rows and of the validation rows, into ``history.metrics``.
        report: keep what `gradient_report` says after each epoch, see `History.reports`. This takes about as long as an
            epoch of a few rows by Values, which is much beside short epochs that a program runs; without it, nothing.

    Returns:
        The losses, metrics and times of the epochs.

    Raises:
        ValueError, TypeError: X and y do not fit each other, a cell is not a finite number, an argument is out of range,
            or the optimiser has nothing to train.
        FloatingPointError: a loss, a gradient or a weight is not finite. The message names the epoch, and the first
            operation that is not finite; the model is as it was before that step, or after the last epoch whose weights
            were finite.
        FileExistsError: there is a checkpoint, and resume is not given.
        FileError: the checkpoint is damaged, or of another model, other settings or other data.
        OSError: the checkpoint cannot be written; an older one is unchanged.
        concurrent.futures.BrokenExecutor: workers were lost; the model is as it was before that step.

    >>> from microgrannd import MLP, Adam, data, fit, mse
    >>> X, y = data.xor()
    >>> model = MLP(2, [4, 1], activation="tanh", init="xavier", seed=0)
    >>> optimizer = Adam(model.parameters(), lr=0.05)
    >>> history = fit(model, X, y, loss=mse, optimizer=optimizer, epochs=200, seed=0, progress=False)
    >>> [round(output) for output in model.predict(X)], len(history.loss)
    ([0, 1, 1, 0], 200)
    """
    optimizers = require_parts(model, loss, optimizer)
    wanted = require_metrics(metrics, loss)
    if wanted and y is None:
        raise ValueError("metrics needs targets to compare with, got y=None")
    rows = required_pairs(X, y)
    loss_of = loss if y is not None else of_prediction(loss)
    require_taken(model, rows)
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
    rows, judged = divided(rows, validation, drawn)
    if patience is not None:
        required_whole("patience", patience, 1)
        if not judged:
            raise ValueError("patience needs validation rows to judge by, got none")
    backend = "python" if compile is True else compile
    settings = {
        "batch_size": size, "shuffle": shuffle, "seed": seed, "patience": patience, "compile": backend,
        "validation": real(validation), **({"metrics": dict(sorted(wanted.items()))} if wanted else {}),
    }  # fmt: skip
    run = Run(model, optimizers, random.Random(drawn), len(rows), drawn)
    with Interrupts() as interrupts:
        with _kept(run, file, interrupts):
            learner: Eager | Compiled = Eager(model, loss_of)
            if backend and (epochs or file):
                learner = interrupts.run(learner_for, model, loss_of, rows, judged, backend, executor)
            if file:
                programs = learner.programs if isinstance(learner, Compiled) else []
                pairs = {"training": rows, "validation": judged}
                file.begin(run, epochs, identity_of(run, loss, programs, settings, pairs))
            kind = Resident if isinstance(learner, Compiled) and is_resident(learner, optimizers) else Direct
            trained = learner.ready(rows)
            steps = kind(run, learner, trained, size, interrupts)  # type: ignore[arg-type]  # see `is_resident`
            predictions = Predictions(model, backend if isinstance(learner, Compiled) and backend else None)
            measure = metrics_of(predictions, wanted, rows, judged) if wanted else None
            ready = learner.ready(judged, [NO_ROW] * len(judged))
            training = Training(run, steps, trained, ready, measure, shuffle, interrupts, report)
            try:
                training.through(epochs, patience, progress, file, callback)
            finally:
                steps.publish()
            interrupts.run(lambda: None)  # one that came late
        if run.kept is not run.last:
            run.kept.restore_weights()
    return run.history


@contextmanager
def _kept(run: Run, file: Checkpoint | None, interrupts: Interrupts) -> Iterator[None]:
    """Leave the run as after a whole epoch: Ctrl-C undoes what was done since, and the file is written in any case."""
    try:
        yield
    except KeyboardInterrupt:
        run.last.restore()
        run.history.interrupted = True
    finally:
        if file:
            file.write()
        run.history.interrupted |= interrupts.pending


def require_parts(model: Any, loss: Any, optimizer: Any) -> list[Optimizer]:
    """Require a module, a loss function and an optimiser or several of unlike parameters; return a list of these.

    Raises:
        TypeError: one is not; the message shows the right call.
        ValueError: a parameter has two optimisers.
    """
    if not isinstance(model, Module):
        raise TypeError(f"model needs to be a Module, as mg.MLP(2, [8, 1]), got {described(model)}")
    optimizers = [optimizer] if isinstance(optimizer, Optimizer) else optimizer
    if not isinstance(optimizers, list | tuple) or not optimizers:
        raise TypeError(f"optimizer needs to be made, as {_made(optimizer)}, got {described(optimizer)}")
    held: dict[Value, str] = {}
    for name, one in named(optimizers).items():
        if not isinstance(one, Optimizer):
            raise TypeError(f"{name} needs to be made, as {_made(one)}, got {described(one)}")
        for index, parameter in enumerate(one.params):
            if held.setdefault(parameter, name) != name:
                raise ValueError(f"{name}.params[{index}] is a parameter of {held[parameter]} too; each may have one")
    required_loss(loss)
    return list(optimizers)


def _made(kind: Any) -> str:
    """Return how an optimiser is made whose class, or whose class's name, is given; else, how Adam is."""
    own = {name.lower(): name for name in ("SGD", "Adam", "AdamW", "RMSprop")}
    name = own.get(str(getattr(kind, "__name__", kind)).lower(), "Adam")
    return f"mg.{name}(model.parameters(), lr={0.1 if name == 'SGD' else 0.01})"


def of_prediction(loss: Loss) -> Loss:
    """Return a loss that has no use for its target."""
    return lambda prediction, _: loss(prediction)
