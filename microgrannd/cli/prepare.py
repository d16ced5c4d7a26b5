"""Tables made ready for training: which columns are inputs, what they hold, and the numbers of their rows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan
from unicodedata import normalize

from .._tables import SEPARATORS
from .._text import counted
from ..data import Table, TableError, split
from .columns import DROP, REFUSE, Column, Scale, dropped
from .gaps import Gaps
from .profiles import Profile, classes_of, profiles_of, texts_of
from .tasks import Task

#: What pandas calls the index of a table that it has written and read again.
INDEX = "Unnamed: 0"


@dataclass(frozen=True)
class Reading:
    """The rows of a table as numbers.

    Attributes:
        width: numbers of each row, one for each column of the task.
        numbers: of all rows, nan where a cell is missing.
        targets: numbers, or indices of classes.
        gaps: the cells without a known value, and how many rows were left out.
    """

    width: int
    numbers: array[float]
    targets: array[float]
    gaps: Gaps

    def __len__(self) -> int:
        return len(self.numbers) // self.width

    def row(self, index: int) -> Sequence[float]:
        """Return the numbers of a row."""
        return self.numbers[index * self.width : (index + 1) * self.width]


def read_rows(table: Table, task: Task) -> Reading:
    """Read the rows of a table that has a task's columns and target, to train or to judge a model.

    Raises:
        TableError: a column is missing; a cell is missing, and that is refused; or a cell holds something else.
    """
    parts = [(column, table.index(column.name)) for column in task.columns]
    target = table.index(task.target)
    numbers, targets, gaps = array("d"), array("d"), Gaps()
    for line, cells in table.cells():
        row = [column.number(table, line, cells[index], task.missing) for column, index in parts]
        answer = task.number(table, line, cells[target])
        if isnan(answer):
            gaps.targets[cells[target].strip()] += 1
            gaps.rows += 1
        elif task.missing != REFUSE and gaps.add(table, parts, cells, row) and task.missing == DROP:
            gaps.rows += 1
        else:
            numbers.extend(row)
            targets.append(answer)
    if not targets:
        raise TableError(f"{table.path}: no row is left: each has a missing cell")
    return Reading(len(parts), numbers, targets, gaps)


@dataclass(frozen=True)
class Prepared:
    """A table made ready: the task, the rows, which of them are for what, and what there is to say about the columns."""

    task: Task
    reading: Reading
    train: Sequence[int]
    held_out: Sequence[int]
    notes: list[str]

    def X(self, indices: Sequence[int]) -> Iterator[list[float]]:  # noqa: N802
        """Yield the inputs of rows, standardised."""
        return (self.task.row(self.reading.row(i)) for i in indices)

    def y(self, indices: Sequence[int]) -> list[float]:
        """Return the targets of rows, for a regression standardised."""
        targets = [self.reading.targets[i] for i in indices]
        if self.task.target_scale:
            return list(map(self.task.target_scale.to_unit, targets))
        classes = list(map(float, range(len(self.task.classes))))  # one object for each, not one for each row
        return [classes[int(target)] for target in targets]


def prepare(
    table: Table,
    target: str,
    share: float,
    seed: int | None,
    kind: str = "auto",
    drop: Sequence[str] = (),
    missing: str = REFUSE,
    marks: Collection[str] | None = None,
) -> Prepared:
    """Determine the task, hold out a share of the rows (of each class), and standardise by the others.

    Args:
        table: of which all columns but the target, those to drop and those without a name are inputs.
        target: the column to predict.
        share: of the rows that are held out.
        seed: of the choice of these.
        kind: "classification", "regression", or "auto": what the target's cells suggest.
        drop: columns that are left out.
        missing: see `Task`.
        marks: the cells that are missing, if the table was read with others than the usual ones.

    Raises:
        TableError: a column or cell is missing or holds what it should not, or there is nothing to learn.
    """
    for column in drop:
        table.index(column)
    if target in drop:
        raise TableError(f"{table.path}: column {target!r} is the target and cannot be left out")
    skipped = [
        column for i, column in enumerate(table.columns)
        if column != target and column not in drop and (not column or (i == 0 and column == INDEX))
    ]  # fmt: skip
    others = {target, *drop, *skipped}
    names = [column for column in table.columns if column not in others]
    if not names:
        one = f"; cells are separated by {', '.join(SEPARATORS.values())}" if len(table.columns) == 1 else ""
        title = "; the first row needs to hold the names of all columns" if table.columns == ["", target] else ""
        raise TableError(f"{table.path}: needs a column besides the target {target!r}{one or title}")
    *profiles, answers = profiles_of(table, [*names, target])
    classes = classes_of(answers, table, target, kind)
    columns = [Column(name, texts_of(profile, table, name), []) for name, profile in zip(names, profiles, strict=True)]
    reading = read_rows(table, Task(columns, target, classes, None, "", missing))
    train, held_out = split(reading.targets, share, seed, stratify=bool(classes))
    scaled = [replace(column, scales=_scales(column, table, reading, j, train)) for j, column in enumerate(columns)]
    targets = [reading.targets[i] for i in train]
    scale = None if classes else Scale.of(targets, f"{table.path}, column {target!r}")
    counts = Counter(targets)
    majority = "" if scale else classes[int(max(sorted(counts), key=counts.__getitem__))]
    task = Task(scaled, target, classes, scale, majority, missing, None if marks is None else sorted(set(marks)))
    notes = [*notes_of(table, task, reading), *_notes(columns, profiles, skipped), *_alike(classes)]
    return Prepared(task, reading, array("q", train), array("q", held_out), notes)


def _notes(columns: list[Column], profiles: list[Profile], skipped: list[str]) -> list[str]:
    """Return what there is to say about the choice of the inputs."""
    notes = []
    if len(skipped) == 1:
        notes.append(f"left out: column {skipped[0]!r}, which has no name (an index, say)")
    elif skipped:
        notes.append(f"left out: {len(skipped)} columns, which have no name")
    texts = [column for column in columns if column.texts]
    if texts:
        shown = ", ".join(f"{column.name!r} ({len(column.texts)})" for column in texts[:5])
        notes.append(f"texts as one-hot inputs: {shown}{', ...' if len(texts) > 5 else ''}")
    odd = [(column.name, profile) for column, profile in zip(columns, profiles, strict=True) if profile.suspicion]
    notes += [f"column {name!r} {profile.suspicion}: if it tells nothing, {dropped(name)}" for name, profile in odd[:5]]
    return notes + ([f"and so on, in {counted(len(odd) - 5, 'more column')}"] if len(odd) > 5 else [])


def _alike(classes: Sequence[str]) -> list[str]:
    """Return a note on classes that differ only in capitals, spaces, or in how their letters are encoded."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(" ".join(normalize("NFKC", name).casefold().split()), []).append(name)
    pairs = [f"{first!r} and {second!r}" for first, second, *_ in (group for group in groups.values() if group[1:])]
    return [f"classes that differ only in capitals, spaces or encoding: {', '.join(pairs[:3])}"] if pairs else []


def notes_of(table: Table, task: Task, reading: Reading) -> list[str]:
    """Return what was taken for granted in reading a table, and what became of its missing cells."""
    return [*table.notes, *reading.gaps.notes(table, task.missing)]


def _scales(column: Column, table: Table, reading: Reading, index: int, train: Sequence[int]) -> list[Scale]:
    """Return the scales of a column's inputs by the rows to train on."""
    numbers = [number for i in train if not isnan(number := reading.numbers[i * reading.width + index])]
    if not column.texts:
        if not numbers:
            raise TableError(
                f"{table.path}: column {column.name!r} holds no value in the rows to train on; leave it out with {dropped(column.name)}"
            )
        return [Scale.of(numbers, f"{table.path}, column {column.name!r}")]
    counts = [0] * len(column.texts)
    for number in numbers:
        counts[int(number)] += 1
    return [Scale(count / max(len(numbers), 1), 1.0) for count in counts]
