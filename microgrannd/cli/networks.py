"""The commands train and predict; their docstrings are their help."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

from .. import data
from .._files import UNFIT, FileError, read, write, write_bytes
from .._streams import Output
from .._text import printable
from ..compiler.workers import BLOCK, processes
from ..data import Table, TableError, read_csv
from ..engine.value import Value
from ..nn.layers import MLP
from ..nn.saving import decode, encode
from ..optim import SGD, Adam, AdamW, Optimizer, RMSprop
from ..reporting.report import gradient_report
from ..training.fit import fit
from ..training.gradients import Eager
from ..training.history import History
from .outputs import picture_format, require_output, write_picture
from .tasks import Prepared, Task, prepare

SETS: dict[str, Callable[[int], Table]] = {
    "xor": lambda seed: data.as_table("xor", *data.xor()),
    "moons": lambda seed: data.as_table("moons", *data.moons(200, seed=seed)),
    "circles": lambda seed: data.as_table("circles", *data.circles(200, seed=seed)),
    "spirals": lambda seed: data.as_table("spirals", *data.spirals(300, seed=seed)),
}


OPTIMIZERS = {"sgd": (SGD, 0.1), "adam": (Adam, 0.01), "adamw": (AdamW, 0.01), "rmsprop": (RMSprop, 0.01)}


HELD_OUT = 0.2


#: Parameters of a network that the command line makes, at most; each takes about 200 bytes.
MOST_PARAMETERS = 10_000_000


def train(options: argparse.Namespace, out: Output) -> None:
    """Train a network on a table, judge it on rows that were held out, and write it to a file."""
    _require_files(options)
    table, ready, model, optimizer = made(options)
    task = ready.task
    out.say(f"{table.path}: {len(table.rows)} rows, {len(task.columns)} inputs; target {task}")
    X, y = [ready.X[i] for i in ready.train], [ready.y[i] for i in ready.train]
    with processes(options.workers) if options.workers > 1 else nullcontext() as executor:
        history = fit(
            model, X, y, loss=task.loss, optimizer=optimizer,
            epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
            checkpoint=options.checkpoint, resume=options.resume, executor=executor,
        )  # fmt: skip
    write(options.out, {"model": encode(model), "task": task.encode()})
    _say_result(ready, model, history, out)
    out.say(f"model written to {options.out}")
    if options.report:
        model.zero_grad()
        Eager(model, task.loss).gradients([(tuple(row), target) for row, target in zip(X, y, strict=True)])
        out.say(f"gradients over the training rows:\n{gradient_report(model, X, optimizer)}")
    if options.draw is not None:
        loss = _labelled_loss(model, task, X[0], y[0])
        write_picture(loss, options.draw, model)
        out.say(f"picture of the network and the gradients of its first row's loss written to {options.draw}")


def made(options: argparse.Namespace) -> tuple[Table, Prepared, MLP, Optimizer]:
    """Return the table that options name, what it is made ready for, and a network with an optimiser for that."""
    table = SETS[options.data](options.seed) if options.data in SETS else read_csv(options.data)
    ready = prepare(table, table.columns[-1] if options.target is None else options.target, HELD_OUT, options.seed)
    task = ready.task
    _require_size([len(task.columns), *options.hidden, task.outputs])
    model = MLP(
        len(task.columns), [*options.hidden, task.outputs], options.activation, init="xavier", seed=options.seed
    )
    kind, lr = OPTIMIZERS[options.optimizer]
    return table, ready, model, kind(model.parameters(), lr if options.lr is None else options.lr)


def _require_files(options: argparse.Namespace) -> None:
    """Require that train can write its files, and options that fit each other."""
    require_output("--out", options.out, options.data)
    if options.draw is not None:
        require_output("--draw", options.draw, options.data, options.out)
        picture_format(options.draw)
    if options.checkpoint is not None:
        require_output("--checkpoint", options.checkpoint, options.data, options.out, options.draw or "")
    elif options.resume:
        raise ValueError("--resume needs --checkpoint FILE to go on from")
    if options.workers > 1 and options.batch_size <= BLOCK:
        raise ValueError(f"--workers needs a --batch-size above {BLOCK}: smaller batches stay in one process")


def _say_result(ready: Prepared, model: MLP, history: History, out: Output) -> None:
    """Print the last loss, and the score on the held-out rows (on the training rows, if none are held out)."""
    if history.interrupted:
        out.say("interrupted")
    if history.loss:
        epochs, seconds = len(history.loss), sum(history.seconds)
        out.say(f"loss {history.loss[-1]:.4g} after {epochs} epochs on {len(ready.train)} rows, {seconds:.1f} s")
    judged, kind_of_rows = (ready.held_out, "held-out") if ready.held_out else (ready.train, "training")
    score = ready.task.score(model.predict([ready.X[i] for i in judged]), [ready.y[i] for i in judged])
    out.say(f"{kind_of_rows} {score}")


def _labelled_loss(model: MLP, task: Task, row: list[float], target: float) -> Value:
    """Record the loss of one row and its gradients, the inputs labelled with their columns."""
    inputs = [Value(number, name) for number, name in zip(row, task.columns, strict=True)]
    model.zero_grad()
    loss = task.loss(model(inputs), target)
    loss.label = "loss"
    loss.backward()
    return loss


def predict(options: argparse.Namespace, out: Output) -> None:
    """Write a table with the predictions of a trained network in a last column."""
    if options.output is not None:
        require_output("--output", options.output, options.data, options.model)
    content = read(options.model)
    if "task" not in content:
        raise FileError(
            f"{options.model}: a model without the description of a table; predict needs a file that train wrote"
        )
    model = decode(content, options.model)
    try:
        task = Task.decode(content["task"])
        form = content["model"]["options"]
        if (form["nin"], form["nouts"][-1]) != (len(task.columns), task.outputs):
            raise ValueError("the model is of another size")
    except UNFIT as error:
        raise FileError(f"{options.model}: not a task that this version knows ({error})") from None
    table = read_csv(options.data)
    if "prediction" in table.columns:
        raise TableError(f"{table.path}: it already has a column 'prediction'; rename that")
    answers = [task.answer(output) for output in model.predict(task.inputs(table.numbers(task.columns)))]
    text = io.StringIO()
    rows: list[list[str]] = [
        [*table.columns, "prediction"],
        *([*row, answer] for row, answer in zip(table.rows, answers, strict=True)),
    ]
    if options.output is None and out.is_terminal:
        rows = [list(map(printable, row)) for row in rows]
    # A carriage return in a cell is not quoted by itself (before Python 3.13).
    bare = not any("\r" in cell for row in rows for cell in row)
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL if bare else csv.QUOTE_ALL).writerows(rows)
    if options.output is None:
        out.give(text.getvalue())
    else:
        write_bytes(options.output, text.getvalue().encode())


def _require_size(widths: list[int]) -> None:
    """Require that a network fits into memory."""
    count = sum((before + 1) * after for before, after in pairwise(widths))
    if count > MOST_PARAMETERS:
        raise ValueError(
            f"--hidden makes a network of {count:,} parameters, more than {MOST_PARAMETERS:,}; choose fewer neurons"
        )
