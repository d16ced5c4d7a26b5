"""Tables made ready for training: which columns are inputs, what they hold, and the numbers of their rows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import isnan

from .._tables import MISSING
from ..data import Table, TableError, split
from .tasks import DROP, REFUSE, Column, Scale, Task, class_name

#: A column of whole numbers holds classes if there are at most so many different ones.
MOST_CLASSES = 20


#: What pandas calls the index of a table that it has written and read again.
INDEX = "Unnamed: 0"


#: A target has at most so many classes.
MOST_TEXTS = 1000


#: A column of texts is an input if there are at most so many different ones.
MOST_INPUTS = 100


@dataclass
class Profile:
    """What the cells of a column are.

    Attributes:
        most: kinds that are told apart, at most.
        numbers, texts: how many cells there are of each; the others are missing.
        whole: whether all numbers are whole.
        kinds: the different cells, how often each occurs; of more than ``most``, some.
        stray: line and text of the first cell that is not a number.
    """

    most: int
    numbers: int = 0
    texts: int = 0
    whole: bool = True
    kinds: dict[str, int] = field(default_factory=dict)
    stray: tuple[int, str] = (0, "")

    def add(self, table: Table, line: int, cell: str) -> None:
        """Count a cell."""
        text = cell.strip()
        if text in MISSING:
            return
        number = table.number(text)
        if number is None:
            self.stray = self.stray if self.texts else (line, text)
            self.texts += 1
        else:
            self.numbers += 1
            self.whole = self.whole and number.is_integer()
        if text in self.kinds:
            self.kinds[text] += 1
        elif len(self.kinds) <= self.most:
            self.kinds[text] = 1

    @property
    def is_numeric(self) -> bool:
        """Whether more cells are numbers than other texts."""
        return self.numbers > self.texts


@dataclass(frozen=True)
class Reading:
    """The rows of a table as numbers.

    Attributes:
        width: numbers of each row, one for each column of the task.
        numbers: of all rows, nan where a cell is missing.
        targets: numbers, or indices of classes.
        dropped: rows that were left out as a cell was missing.
    """

    width: int
    numbers: array[float]
    targets: array[float]
    dropped: int

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
    indices = [(column, table.index(column.name)) for column in task.columns]
    target = table.index(task.target)
    numbers, targets, dropped = array("d"), array("d"), 0
    for line, cells in table.cells():
        row = [column.number(table, line, cells[index], task.missing) for column, index in indices]
        answer = task.number(table, line, cells[target])
        if isnan(answer) or task.missing == DROP and any(map(isnan, row)):
            dropped += 1
        else:
            numbers.extend(row)
            targets.append(answer)
    if not targets:
        raise TableError(f"{table.path}: no row is left: each has a missing cell")
    return Reading(len(indices), numbers, targets, dropped)


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
        raise TableError(f"{table.path}: needs a column besides the target {target!r}")
    profiles = _profiles(table, [*names, target])
    classes = classes_of(profiles.pop(), table, target, kind)
    columns = [Column(name, _texts_of(profile, table, name), []) for name, profile in zip(names, profiles, strict=True)]
    reading = read_rows(table, Task(columns, target, classes, None, "", missing))
    train, held_out = split(reading.targets, share, seed, stratify=bool(classes))
    scaled = [replace(column, scales=_scales(column, table, reading, j, train)) for j, column in enumerate(columns)]
    answers = [reading.targets[i] for i in train]
    scale = None if classes else Scale.of(answers, f"{table.path}, column {target!r}")
    counts = Counter(answers)
    majority = "" if scale else classes[int(max(sorted(counts), key=counts.__getitem__))]
    task = Task(scaled, target, classes, scale, majority, missing)
    return Prepared(task, reading, array("q", train), array("q", held_out), _notes(table, columns, skipped, reading))


def _notes(table: Table, columns: list[Column], skipped: list[str], reading: Reading) -> list[str]:
    notes = []
    if skipped:
        notes.append(f"left out: column {', '.join(map(repr, skipped))}, which has no name (an index, say)")
    texts = [column for column in columns if column.texts]
    if texts:
        shown = ", ".join(f"{column.name!r} ({len(column.texts)})" for column in texts[:5])
        notes.append(f"texts as one-hot inputs: {shown}{', ...' if len(texts) > 5 else ''}")
    return [*notes, *notes_of(table, reading)]


def notes_of(table: Table, reading: Reading, with_unknown: bool = False) -> list[str]:
    """Return what was taken for granted in reading a table, and what became of its missing cells.

    Args:
        table: that was read.
        reading: its rows.
        with_unknown: texts that a model does not know count as missing.
    """
    notes = [table.note] if table.note else []
    if table.decimal_comma:
        notes.append("numbers have decimal commas")
    replaced = sum(map(isnan, reading.numbers))
    if replaced:
        notes.append(
            f"missing cells{' or unknown texts' if with_unknown else ''} taken as the mean of their column: {replaced}"
        )
    if reading.dropped:
        notes.append(
            f"left out: {reading.dropped} of {table.count} rows, in which a cell is missing{' or a text unknown' if with_unknown else ''}"
        )
    return notes


def _profiles(table: Table, names: Sequence[str]) -> list[Profile]:
    """Return the profiles of columns, the last one that of the target."""
    profiles = [*(Profile(MOST_INPUTS) for _ in names[1:]), Profile(MOST_TEXTS)]
    parts = [(profile, table.index(name)) for profile, name in zip(profiles, names, strict=True)]
    for line, cells in table.cells():
        for profile, index in parts:
            profile.add(table, line, cells[index])
    return profiles


def _texts_of(profile: Profile, table: Table, name: str) -> list[str]:
    """Return the texts of a column that holds texts, in order; none if it holds numbers.

    Raises:
        TableError: it has no value, too many texts, or some texts among numbers.
    """
    where = f"{table.path}: column {name!r}"
    if not profile.kinds:
        raise TableError(f"{where} holds no value in any row; leave it out with --drop {name!r}")
    if profile.is_numeric:
        if profile.texts:
            line, text = profile.stray
            raise TableError(f"{table.place(line, name)}: needs a finite number, got {text[:40]!r}")
        return []
    most = min(MOST_INPUTS, max(10, table.count // 2))
    if len(profile.kinds) > most:
        raise TableError(f"{where} holds more than {most} different texts; leave it out with --drop {name!r}")
    return sorted(profile.kinds)


def _scales(column: Column, table: Table, reading: Reading, index: int, train: Sequence[int]) -> list[Scale]:
    """Return the scales of a column's inputs by the rows to train on."""
    numbers = [number for i in train if not isnan(number := reading.numbers[i * reading.width + index])]
    if not column.texts:
        if not numbers:
            raise TableError(f"{table.path}: column {column.name!r} holds no value in the rows to train on")
        return [Scale.of(numbers, f"{table.path}, column {column.name!r}")]
    counts = [0] * len(column.texts)
    for number in numbers:
        counts[int(number)] += 1
    return [Scale(count / max(len(numbers), 1), 1.0) for count in counts]


def classes_of(profile: Profile, table: Table, target: str, kind: str = "auto") -> list[str]:
    """Return the classes in a target column, in order, as they are written; none if it is a quantity, for regression.

    Text labels are classes. So are whole numbers of at most 20 kinds, if there are two rows of a kind on average. The
    spellings of one whole number, as 1 and 1.0, are one class, by the more common of them.

    Raises:
        TableError: there is only one class, no two rows of one class, or a number is missing among numbers.
    """
    where = f"{table.path}: column {target!r}"
    if not profile.kinds:
        raise TableError(f"{where} holds no value in any row; there is nothing to learn")
    groups: dict[str, list[str]] = {}
    for text in sorted(profile.kinds, key=lambda text: (-profile.kinds[text], len(text))):
        groups.setdefault(class_name(text), []).append(text)
    names = [spellings[0] for spellings in groups.values()]
    if len(names) == 1:
        raise TableError(f"{where} holds only {names[0]!r}, there is nothing to learn")
    if kind == "regression" or kind == "auto" and profile.is_numeric:
        if profile.texts:
            line, text = profile.stray
            raise TableError(f"{table.place(line, target)}: needs a finite number, got {text[:40]!r}")
        few = profile.whole and len(names) <= min(MOST_CLASSES, profile.numbers / 2)
        if kind == "regression" or not few:
            return []
    if len(names) > MOST_TEXTS:
        raise TableError(f"{where} holds more than {MOST_TEXTS:,} different texts; a target has classes or numbers")
    if len(names) == profile.numbers + profile.texts > 2:
        raise TableError(f"{where} has another text in every row; a target has classes or numbers")
    if profile.texts:
        return sorted(names)
    return sorted(names, key=lambda name: (table.number(name) or 0.0, len(name), name))
