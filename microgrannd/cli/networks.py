"""The command train; its docstring is its help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

from .. import data
from .._files import write
from .._streams import Output
from .._tables import MISSING
from .._text import counted
from ..compiler.workers import BLOCK, processes
from ..data import Table, read_csv
from ..engine.value import Value
from ..nn.layers import MLP
from ..nn.saving import encode
from ..optim import SGD, Adam, AdamW, Optimizer, RMSprop, Schedule, cosine, linear
from ..reporting.report import gradient_report
from ..training.fit import fit
from ..training.gradients import Eager
from ..training.history import History
from .columns import REFUSE
from .outputs import picture_format, require_output, write_picture
from .prepare import Prepared, prepare
from .scores import scores
from .tasks import Task

SETS: dict[str, Callable[[int], Table]] = {
    "xor": lambda seed: data.as_table("xor", *data.xor()),
    "moons": lambda seed: data.as_table("moons", *data.moons(200, seed=seed)),
    "circles": lambda seed: data.as_table("circles", *data.circles(200, seed=seed)),
    "spirals": lambda seed: data.as_table("spirals", *data.spirals(300, seed=seed)),
}


OPTIMIZERS = {"sgd": (SGD, 0.1), "adam": (Adam, 0.01), "adamw": (AdamW, 0.01), "rmsprop": (RMSprop, 0.01)}


SCHEDULES: dict[str, Callable[[float, int], float | Schedule]] = {
    "constant": lambda lr, steps: lr,
    "linear": linear,
    "cosine": cosine,
}


HELD_OUT = 0.2


#: Parameters of a network that the command line makes, at most; each takes about 200 bytes.
MOST_PARAMETERS = 10_000_000


def train(options: argparse.Namespace, out: Output) -> None:
    """Train a network on a table, judge it on rows that were held out, and write it to a file."""
    _require_files(options)
    ready, model, optimizer, rows = made(options, out, options.epochs, SCHEDULES[options.schedule])
    task = ready.task
    history = _fitted(options, ready, model, optimizer)
    if history.interrupted and not history.loss:
        raise KeyboardInterrupt  # a model that has learned nothing would replace one that may have
    result = _result(ready, model, history, rows)
    write(options.out, {"model": encode(model), "task": task.encode()})
    out.say(*result, f"model written to {options.out}")
    if options.report:
        X, y = list(ready.X(ready.train)), ready.y(ready.train)
        model.zero_grad()
        eager = Eager(model, task.loss)
        eager.gradients(eager.ready([(tuple(row), target) for row, target in zip(X, y, strict=True)]))
        out.say("gradients over the training rows:", *str(gradient_report(model, X, optimizer)).split("\n"))
    if options.draw is not None:
        first = ready.train[:1]
        loss = _labelled_loss(model, task, next(ready.X(first)), ready.y(first)[0])
        write_picture(loss, options.draw, model)
        out.say(f"picture of the network and the gradients of its first row's loss written to {options.draw}")


def _fitted(options: argparse.Namespace, ready: Prepared, model: MLP, optimizer: Optimizer) -> History:
    """Train the network, on processes where options ask for them."""
    with processes(options.workers) if options.workers > 1 else nullcontext() as executor:
        try:
            return fit(
                model, ready.X(ready.train), ready.y(ready.train), loss=ready.task.loss, optimizer=optimizer,
                epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
                validation=options.validation, patience=options.patience,
                checkpoint=options.checkpoint, resume=options.resume, executor=executor,
            )  # fmt: skip
        except FloatingPointError as error:
            cause = str(error).removesuffix("; a lower learning rate may help")
            raise FloatingPointError(f"{cause}; a smaller --lr may help") from None


def made(
    options: argparse.Namespace,
    out: Output,
    epochs: int = 1,
    schedule: Callable[[float, int], float | Schedule] = SCHEDULES["constant"],
) -> tuple[Prepared, MLP, Optimizer, int]:
    """Return the table that options name, made ready, a network for it with an optimiser, and the number of rows of an epoch."""
    ready = _prepared(options, out)
    task = ready.task
    sizes = [*options.hidden, task.outputs]
    _require_size([len(task.inputs), *sizes])
    model = MLP(len(task.inputs), sizes, options.activation, init="xavier", seed=options.seed)
    share = getattr(options, "validation", None)
    rows = len(ready.train) - round((share or 0) * len(ready.train))
    if share and rows in (0, len(ready.train)):
        which = "to train on; choose a smaller" if rows == 0 else "to judge by; choose a larger"
        raise ValueError(f"--validation {share} of {counted(len(ready.train), 'row')} leaves none {which} share")
    kind, usual = OPTIMIZERS[options.optimizer]
    lr = schedule(usual if options.lr is None else options.lr, epochs * -(-rows // options.batch_size))
    return ready, model, kind(model.parameters(), lr), rows


def _prepared(options: argparse.Namespace, out: Output) -> Prepared:
    """Read the table and say what it is; its text is not kept."""
    marks = MISSING if options.marks is None else options.marks
    if options.data in SETS:
        table = SETS[options.data](options.seed)
    else:
        table = read_csv(options.data, options.header, missing=marks)
    named = [column for column in table.columns if column] or table.columns
    target = named[-1] if options.target is None else options.target
    missing = options.missing or REFUSE
    ready = prepare(table, target, HELD_OUT, options.seed, options.task, options.drop, missing, options.marks)
    out.say(
        f"{table.path}: {counted(table.count, 'row')}, {counted(len(ready.task.inputs), 'input')}; target {ready.task}"
    )
    for note in ready.notes:
        out.say(f"  {note}")
    return ready


def _require_files(options: argparse.Namespace) -> None:
    """Require that train can write its files, and options that fit each other."""
    require_output("--out", options.out, options.data)
    if options.draw is not None:
        require_output("--draw", options.draw, options.data, options.out)
        picture_format(options.draw)
    if options.checkpoint is not None:
        require_output("--checkpoint", options.checkpoint, options.data, options.out, options.draw or "")
        if not options.resume and os.path.isfile(options.checkpoint):
            raise ValueError(
                f"--checkpoint {options.checkpoint}: there already; go on from it with --resume, or delete it"
            )
    elif options.resume:
        raise ValueError("--resume needs --checkpoint FILE to go on from")
    if options.patience and not options.validation:
        raise ValueError("--patience needs --validation SHARE to judge by")
    if options.workers > 1 and options.batch_size <= BLOCK:
        raise ValueError(f"--workers needs a --batch-size above {BLOCK}: smaller batches stay in one process")


def _result(ready: Prepared, model: MLP, history: History, rows: int) -> list[str]:
    """Return the last loss, and the scores on the held-out rows (on the training rows, if none are held out)."""
    lines = ["interrupted"] if history.interrupted else []
    if history.loss:
        seconds, epochs = sum(history.seconds), counted(len(history.loss), "epoch")
        best = f", lowest validation loss {min(history.validation_loss):.4g}" if history.validation_loss else ""
        lines.append(f"loss {history.loss[-1]:.4g} after {epochs} on {counted(rows, 'row')}, {seconds:.1f} s{best}")
    judged, kind_of_rows = (ready.held_out, "held-out") if ready.held_out else (ready.train, "training")
    outputs = model.predict(ready.X(judged))
    return lines + scores(ready.task, outputs, [ready.reading.targets[i] for i in judged], kind_of_rows)


def _labelled_loss(model: MLP, task: Task, row: list[float], target: float) -> Value:
    """Record the loss of one row and its gradients, the inputs labelled with their columns."""
    inputs = [Value(number, name) for number, name in zip(row, task.inputs, strict=True)]
    model.zero_grad()
    loss = task.loss(model(inputs), target)
    loss.label = "loss"
    loss.backward()
    return loss


def _require_size(widths: list[int]) -> None:
    """Require that a network fits into memory."""
    count = sum((before + 1) * after for before, after in pairwise(widths))
    if count > MOST_PARAMETERS:
        raise ValueError(
            f"--hidden makes a network of {count:,} parameters, more than {MOST_PARAMETERS:,}; choose fewer neurons"
        )
