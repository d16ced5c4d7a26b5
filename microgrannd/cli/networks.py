"""The commands train, predict and evaluate; their docstrings are their help."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import pairwise
from math import isnan

from .. import data
from .._files import UNFIT, FileError, read, write, write_bytes
from .._streams import Output
from .._text import printable
from ..compiler.workers import BLOCK, processes
from ..data import Table, TableError, read_csv
from ..engine.value import Value
from ..nn.layers import MLP
from ..nn.saving import decode, encode
from ..optim import SGD, Adam, AdamW, Optimizer, RMSprop, Schedule, cosine, linear
from ..reporting.report import gradient_report
from ..training.fit import fit
from ..training.gradients import Eager
from ..training.history import History
from .outputs import picture_format, require_output, write_picture
from .prepare import Prepared, notes_of, prepare, read_rows
from .scores import scores
from .tasks import DROP, REFUSE, Task

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
    with processes(options.workers) if options.workers > 1 else nullcontext() as executor:
        history = fit(
            model, ready.X(ready.train), ready.y(ready.train), loss=task.loss, optimizer=optimizer,
            epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
            validation=options.validation, patience=options.patience,
            checkpoint=options.checkpoint, resume=options.resume, executor=executor,
        )  # fmt: skip
    write(options.out, {"model": encode(model), "task": task.encode()})
    _say_result(ready, model, history, rows, out)
    out.say(f"model written to {options.out}")
    if options.report:
        X, y = list(ready.X(ready.train)), ready.y(ready.train)
        model.zero_grad()
        eager = Eager(model, task.loss)
        eager.gradients(eager.ready([(tuple(row), target) for row, target in zip(X, y, strict=True)]))
        out.say(f"gradients over the training rows:\n{gradient_report(model, X, optimizer)}")
    if options.draw is not None:
        first = ready.train[:1]
        loss = _labelled_loss(model, task, next(ready.X(first)), ready.y(first)[0])
        write_picture(loss, options.draw, model)
        out.say(f"picture of the network and the gradients of its first row's loss written to {options.draw}")


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
    rows = len(ready.train) - round((getattr(options, "validation", None) or 0) * len(ready.train))
    kind, usual = OPTIMIZERS[options.optimizer]
    lr = schedule(usual if options.lr is None else options.lr, epochs * -(-rows // options.batch_size))
    return ready, model, kind(model.parameters(), lr), rows


def _prepared(options: argparse.Namespace, out: Output) -> Prepared:
    """Read the table and say what it is; its text is not kept."""
    table = SETS[options.data](options.seed) if options.data in SETS else read_csv(options.data, options.header)
    named = [column for column in table.columns if column] or table.columns
    target = named[-1] if options.target is None else options.target
    ready = prepare(table, target, HELD_OUT, options.seed, options.task, options.drop, options.missing or REFUSE)
    out.say(f"{table.path}: {table.count} rows, {_counted(ready.task.inputs)}; target {ready.task}")
    for note in ready.notes:
        out.say(f"  {note}")
    return ready


def _counted(inputs: list[str]) -> str:
    return "1 input" if len(inputs) == 1 else f"{len(inputs)} inputs"


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
    if options.patience and not options.validation:
        raise ValueError("--patience needs --validation SHARE to judge by")
    if options.workers > 1 and options.batch_size <= BLOCK:
        raise ValueError(f"--workers needs a --batch-size above {BLOCK}: smaller batches stay in one process")


def _say_result(ready: Prepared, model: MLP, history: History, rows: int, out: Output) -> None:
    """Print the last loss, and the scores on the held-out rows (on the training rows, if none are held out)."""
    if history.interrupted:
        out.say("interrupted")
    if history.loss:
        epochs, seconds = len(history.loss), sum(history.seconds)
        best = f", lowest validation loss {min(history.validation_loss):.4g}" if history.validation_loss else ""
        out.say(f"loss {history.loss[-1]:.4g} after {epochs} epochs on {rows} rows, {seconds:.1f} s{best}")
    judged, kind_of_rows = (ready.held_out, "held-out") if ready.held_out else (ready.train, "training")
    outputs = model.predict(ready.X(judged))
    out.say("\n".join(scores(ready.task, outputs, [ready.reading.targets[i] for i in judged], kind_of_rows)))


def _labelled_loss(model: MLP, task: Task, row: list[float], target: float) -> Value:
    """Record the loss of one row and its gradients, the inputs labelled with their columns."""
    inputs = [Value(number, name) for number, name in zip(row, task.inputs, strict=True)]
    model.zero_grad()
    loss = task.loss(model(inputs), target)
    loss.label = "loss"
    loss.backward()
    return loss


def predict(options: argparse.Namespace, out: Output) -> None:
    """Write a table with the predictions of a trained network in a last column."""
    if options.output is not None:
        require_output("--output", options.output, options.data, options.model)
    model, task = _trained(options.model)
    table = read_csv(options.data, options.header)
    if "prediction" in table.columns:
        raise TableError(f"{table.path}: it already has a column 'prediction'; rename that")
    shown = io.BytesIO()
    text = io.TextIOWrapper(shown, encoding="utf-8", newline="")
    delimiter = "," if table.delimiter == " " else table.delimiter
    # A carriage return in a cell is not quoted by itself (before Python 3.13), nor what `read_csv` may take for separators.
    bare = not any(mark in title for title in table.columns for mark in ",;\t\r".replace(delimiter, ""))
    bare = bare and not any("\r" in cell for _, row in table.cells() for cell in row)
    writer = csv.writer(
        text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_MINIMAL if bare else csv.QUOTE_ALL
    )
    escaped = printable if options.output is None and out.is_terminal else str
    writer.writerow(map(escaped, [*table.columns, "prediction"]))
    for row, answer in _answers(model, task, table):
        writer.writerow(map(escaped, [*row, answer]))
    text.flush()
    if options.output is None:
        out.give(shown.getvalue().decode())
    else:
        write_bytes(options.output, shown.getvalue())


def _answers(model: MLP, task: Task, table: Table) -> Iterator[tuple[list[str], str]]:
    """Yield the rows of a table with their predictions, which are empty where a row with a missing cell has none."""
    indices = [(column, table.index(column.name)) for column in task.columns]
    for line, cells in table.cells():
        numbers = [column.number(table, line, cells[index], task.missing) for column, index in indices]
        if task.missing == DROP and any(map(isnan, numbers)):
            yield cells, ""
        else:
            yield cells, task.answer(model.predict([task.row(numbers)])[0])


def evaluate(options: argparse.Namespace, out: Output) -> None:
    """Judge a trained network by a table that has its target: the accuracy or R², and that of the simplest guess."""
    model, task = _trained(options.model)
    table = read_csv(options.data, options.header)
    reading = read_rows(table, task)
    outputs = model.predict(task.row(reading.row(i)) for i in range(len(reading)))
    lines = [f"{table.path}: {len(reading)} rows; target {task}"]
    lines += [f"  {note}" for note in notes_of(table, reading, with_unknown=True)]
    lines += scores(task, outputs, list(reading.targets))
    out.give("\n".join(map(printable, lines)) + "\n")


def _trained(path: str) -> tuple[MLP, Task]:
    """Read the file that train wrote."""
    content = read(path)
    if "task" not in content:
        raise FileError(f"{path}: a model without the description of a table; needs a file that train wrote")
    model = decode(content, path)
    try:
        task = Task.decode(content["task"])
        form = content["model"]["options"]
        if (form["nin"], form["nouts"][-1]) != (len(task.inputs), task.outputs):
            raise ValueError("the model is of another size")
    except UNFIT as error:
        raise FileError(f"{path}: not a task that this version knows ({error})") from None
    return model, task  # type: ignore[return-value]  # an MLP, as it has those options


def _require_size(widths: list[int]) -> None:
    """Require that a network fits into memory."""
    count = sum((before + 1) * after for before, after in pairwise(widths))
    if count > MOST_PARAMETERS:
        raise ValueError(
            f"--hidden makes a network of {count:,} parameters, more than {MOST_PARAMETERS:,}; choose fewer neurons"
        )
