"""The commands predict and evaluate; their docstrings are their help."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Literal

from .._files import UNFIT, FileError, read, write_bytes
from .._streams import Output, tell
from .._tables import SEPARATORS
from .._text import counted, printable
from ..data import Table, TableError, read_csv
from ..nn.layers import MLP
from ..nn.saving import decode
from .columns import DROP, REFUSE
from .gaps import Gaps
from .outputs import require_output
from .prepare import notes_of, read_rows
from .scores import scores
from .tasks import Task


def predict(options: argparse.Namespace, out: Output) -> None:
    """Write a table with the predictions of a trained network in a last column."""
    if options.output is not None:
        require_output("--output", options.output, options.data, options.model)
    model, task = _trained(options.model)
    table = _read(options, task)
    if "prediction" in table.columns:
        raise TableError(f"{table.path}: it already has a column 'prediction'; rename that")
    escaped = printable if options.output is None and out.is_terminal else str
    shown, gaps = io.BytesIO(), Gaps()
    text = io.TextIOWrapper(shown, encoding="utf-8", newline="")
    if table.delimiter not in SEPARATORS:  # it is known from such a line only
        text.write(f"sep={table.delimiter}\n")
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator="\n", quoting=_quoting(table, task))
    writer.writerow(map(escaped, [*table.columns, "prediction"]))
    for cells, answer in _answers(model, task, table, gaps):
        writer.writerow(map(escaped, [*cells, answer]))
    text.flush()
    for note in [*table.notes, *gaps.notes(table, task.missing, "without a prediction")]:
        tell(f"microgrannd: {printable(f'{table.path}: {note}')}")
    if options.output is None:
        out.give(shown.getvalue().decode())
    else:
        write_bytes(options.output, shown.getvalue())


def _quoting(table: Table, task: Task) -> Literal[0, 1]:
    """Return when cells are quoted: if need be, all of them, so that the table is read back with the same cells."""
    # The csv module does not quote a carriage return (before Python 3.13), nor what `read_csv` may take for separators.
    if any(mark in title for title in table.columns for mark in ",;\t\r".replace(table.delimiter, "")):
        return csv.QUOTE_ALL
    empty = table.delimiter == " " and (task.missing == DROP or "" in table.columns)
    odd = any("\r" in cell or cell == "" and table.delimiter == " " for _, row in table.cells() for cell in row)
    return csv.QUOTE_ALL if empty or odd else csv.QUOTE_MINIMAL


def _answers(model: MLP, task: Task, table: Table, gaps: Gaps) -> Iterator[tuple[list[str], str]]:
    """Yield the rows of a table with their predictions, which are empty where a row with a missing cell has none."""
    parts = [(column, table.index(column.name)) for column in task.columns]
    for line, cells in table.cells():
        numbers = [column.number(table, line, cells[index], task.missing) for column, index in parts]
        if task.missing != REFUSE and gaps.add(table, parts, cells, numbers) and task.missing == DROP:
            gaps.rows += 1
            yield cells, ""
        else:
            output = model.predict([task.row(numbers)])[0]
            if not task.is_finite(output):
                raise TableError(f"{table.path}, line {line}: the prediction is not finite; {_farthest(task, numbers)}")
            answer = task.answer(output)
            yield cells, answer if task.classes or not table.decimal_commas else answer.replace(".", ",")


def _farthest(task: Task, numbers: Sequence[float]) -> str:
    """Return what is said about the number of a row that is farthest from those of training."""
    units = [max(map(abs, column.units(number))) for column, number in zip(task.columns, numbers, strict=True)]
    distance, column = max(zip(units, task.names, strict=True))
    return f"column {column!r} is {distance:.3g} standard deviations away from the mean of training"


def evaluate(options: argparse.Namespace, out: Output) -> None:
    """Judge a trained network by a table that has its target: the accuracy or R squared, and that of the simplest guess."""
    model, task = _trained(options.model)
    table = _read(options, task)
    reading = read_rows(table, task)
    outputs = model.predict(task.row(reading.row(i)) for i in range(len(reading)))
    lines = [f"{table.path}: {counted(len(reading), 'row')}; target {task}"]
    lines += [f"  {note}" for note in notes_of(table, task, reading)]
    lines += scores(task, outputs, list(reading.targets))
    out.give("\n".join(map(printable, lines)) + "\n")


def _read(options: argparse.Namespace, task: Task) -> Table:
    """Read the table that options name, for a task."""
    return read_csv(options.data, options.header, task.names, task.missing_cells)


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
