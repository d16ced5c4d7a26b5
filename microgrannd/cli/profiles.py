"""What the columns of a table hold: numbers, texts, classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .._tables import is_unread, needs_number, parse_number
from ..data import Table, TableError
from .columns import dropped
from .tasks import class_name

#: A column of whole numbers holds classes if there are at most so many different ones.
MOST_CLASSES = 20


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
        mark: the first cell that is missing, by a mark.
        counts: whether each number is one more than that of the row before.
        last: the number of the row before.
    """

    most: int
    numbers: int = 0
    texts: int = 0
    whole: bool = True
    kinds: dict[str, int] = field(default_factory=dict)
    stray: tuple[int, str] = (0, "")
    mark: str = ""
    counts: bool = True
    last: float | None = None

    def add(self, table: Table, line: int, cell: str, name: str) -> None:
        """Count a cell of the column of that name."""
        text = cell.strip()
        if text in table.missing:
            self.mark = self.mark or text
            self.counts = False
            return
        number = table.number(text, name)
        if number is None:
            self.stray = self.stray if self.texts else (line, text)
            self.texts += 1
        else:
            self.numbers += 1
            self.whole = self.whole and number.is_integer()
            self.counts = self.counts and (self.last is None or number == self.last + 1)
            self.last = number
        if text in self.kinds:
            self.kinds[text] += 1
        elif len(self.kinds) <= self.most:
            self.kinds[text] = 1

    @property
    def is_numeric(self) -> bool:
        """Whether more cells are numbers than other texts."""
        return self.numbers > self.texts

    @property
    def unread(self) -> str:
        """A cell that seems to be a number and is not read as one, where more than half of the kinds are such or numbers."""
        found = [text for text in self.kinds if is_unread(text)]
        numbers = sum(parse_number(text) is not None for text in self.kinds)
        return found[0] if found and len(found) + numbers > len(self.kinds) / 2 else ""

    @property
    def suspicion(self) -> str:
        """Why the column may tell nothing as an input; else empty."""
        count = self.numbers + self.texts
        first = next(iter(self.kinds))
        if len(self.kinds) == 1 and count > 1:
            return f"holds only {first!r}"
        if not self.is_numeric:
            return "has another text in almost every row" if len(self.kinds) > 0.8 * count > 4 else ""
        if self.counts and self.whole and count > 2:
            return "counts the rows"
        codes = [text for text in self.kinds if re.fullmatch(r"0\d+", text)]
        return f"holds codes, as {codes[0]!r}, which are taken as numbers" if codes else ""

    @property
    def beside(self) -> str:
        """What is said about missing cells in a column that holds too little without them."""
        return f" beside cells that are missing, as {self.mark!r} (say with --marks which are)" if self.mark else ""


def profiles_of(table: Table, names: Sequence[str]) -> list[Profile]:
    """Return the profiles of columns, the last one that of the target."""
    profiles = [*(Profile(MOST_INPUTS) for _ in names[1:]), Profile(MOST_TEXTS)]
    parts = [(profile, table.index(name), name) for profile, name in zip(profiles, names, strict=True)]
    for line, cells in table.cells():
        for profile, index, name in parts:
            profile.add(table, line, cells[index], name)
    return profiles


def texts_of(profile: Profile, table: Table, name: str) -> list[str]:
    """Return the texts of a column that holds texts, in order; none if it holds numbers.

    Raises:
        TableError: it has no value, too many texts, or some texts among numbers.
    """
    where = f"{table.path}: column {name!r}"
    if not profile.kinds:
        raise TableError(f"{where} holds no value in any row{profile.beside}; leave it out with {dropped(name)}")
    if profile.is_numeric:
        if profile.texts:
            raise TableError(_stray(profile, table, name))
        return []
    if profile.unread:
        raise TableError(f"{where} {_unread(profile.unread)}, or leave it out with {dropped(name)}")
    most = min(MOST_INPUTS, max(10, table.count // 2))
    if len(profile.kinds) > most:
        raise TableError(f"{where} holds more than {most} different texts; leave it out with {dropped(name)}")
    return sorted(profile.kinds)


def _stray(profile: Profile, table: Table, name: str, other: str = "") -> str:
    """Return the message about the first text among the numbers of a column, with another remedy than to mend the cell."""
    line, text = profile.stray
    known = is_unread(text) or text == name  # and has a remedy
    remedy = "" if known else f"; name it after --marks if it stands for a missing value{other}"
    return f"{table.place(line, name)}: {needs_number(text, name)}{remedy}"


def _unread(text: str) -> str:
    """Return what is said about a column of numbers that are not read."""
    if "," in text and "." not in text:
        return f"holds {text!r}: a number with thousands or with decimals? Write it without a comma"
    return f"holds numbers written as {text!r}; write them without thousands, currency or other marks"


def classes_of(profile: Profile, table: Table, target: str, kind: str = "auto") -> list[str]:
    """Return the classes in a target column, in order, as they are written; none if it is a quantity, for regression.

    Text labels are classes. So are whole numbers of at most 20 kinds, if there are two rows of a kind on average. The
    spellings of one whole number, as 1 and 1.0, are one class, by the more common of them.

    Raises:
        TableError: there is only one class, no two rows of one class, or a number is missing among numbers.
    """
    where = f"{table.path}: column {target!r}"
    if not profile.kinds:
        raise TableError(f"{where} holds no value in any row{profile.beside}; there is nothing to learn")
    groups: dict[str, list[str]] = {}
    for text in sorted(profile.kinds, key=lambda text: (-profile.kinds[text], len(text))):
        groups.setdefault(class_name(text), []).append(text)
    names = [spellings[0] for spellings in groups.values()]
    if len(names) == 1:
        raise TableError(f"{where} holds only {names[0]!r}{profile.beside}, there is nothing to learn")
    if kind == "regression" or kind == "auto" and profile.is_numeric:
        if profile.texts:
            raise TableError(
                _stray(profile, table, target, "" if kind == "regression" else ", or give --task classification")
            )
        few = profile.whole and len(names) <= min(MOST_CLASSES, profile.numbers / 2)
        if kind == "regression" or not few:
            return []
    elif kind == "auto" and profile.unread:
        raise TableError(f"{where} {_unread(profile.unread)}, or give --task classification if they are names")
    if len(names) > MOST_TEXTS:
        raise TableError(f"{where} holds more than {MOST_TEXTS:,} different texts; a target has classes or numbers")
    if len(names) == profile.numbers + profile.texts > 2:
        raise TableError(f"{where} has another text in every row; a target has classes or numbers")
    if profile.texts:
        return sorted(names)
    return sorted(names, key=lambda name: (table.number(name, target) or 0.0, len(name), name))
