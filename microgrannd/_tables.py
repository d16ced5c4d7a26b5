"""Tables read from text files: separators, headers, numbers. `microgrannd.data` has their public names."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from os import PathLike

from ._text import printable

#: The cells that stand for a value that is missing.
MISSING = frozenset(("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None", "?"))


#: Rows, and cells, by which a first row is judged to be a header or not, at most.
_JUDGES, _JUDGED = 1000, 1_000_000


class TableError(ValueError):
    """A table that cannot be used: the message names the file, the row and the column, in printable characters.

    Args:
        message: what is wrong.

    >>> from microgrannd import data
    >>> data.as_table("xor", *data.xor()).index("colour")
    Traceback (most recent call last):
    microgrannd._tables.TableError: xor: no column 'colour'; the columns are 'x1', 'x2', 'class'
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Table:
    """The cells of a table, as text. Those of a file are parsed anew each time, which saves memory.

    Attributes:
        path: of the file, for messages.
        columns: the names; "column 1", "column 2", ... where the file has no header.
        cells: returns an iterator over the rows: the line of the file on which a row ends, and as many cells as there
            are columns.
        count: number of rows.
        delimiter: that separates the cells of the file; a space stands for any number of them.
        decimal_comma: whether numbers are written as 1,5.
        note: what was taken for granted in reading it, if that might be wrong.

    >>> from microgrannd import data
    >>> table = data.as_table("xor", *data.xor())
    >>> table.numbers(["x1", "x2"])[2], table.texts("class")
    ([1.0, 0.0], ['0', '1', '1', '0'])
    """

    path: str
    columns: list[str]
    cells: Callable[[], Iterator[tuple[int, list[str]]]]
    count: int
    delimiter: str = ","
    decimal_comma: bool = False
    note: str = ""

    @property
    def rows(self) -> list[list[str]]:
        """The cells of each row."""
        return [row for _, row in self.cells()]

    @property
    def lines(self) -> list[int]:
        """The line of the file on which each row ends."""
        return [line for line, _ in self.cells()]

    def index(self, column: str) -> int:
        """Return the index of a column.

        Raises:
            TableError: no column has that name.
        """
        if column not in self._indices:
            names = ", ".join(map(repr, self.columns[:20])) + (", ..." if len(self.columns) > 20 else "")
            why = ", as it was read without a header" if self.columns[0] == "column 1" else ""
            raise TableError(f"{self.path}: no column {column!r}; the columns are {names}{why}")
        return self._indices[column]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {column: index for index, column in enumerate(self.columns)}

    def number(self, text: str) -> float | None:
        """Return the finite number that a cell holds, or None."""
        return parse_number(text.replace(",", ".") if self.decimal_comma else text)

    def place(self, line: int, column: str) -> str:
        """Return where a cell is, for a message."""
        return f"{self.path}, line {line}, column {column!r}"

    def numbers(self, columns: Sequence[str]) -> list[list[float]]:
        """Return the rows of some columns as floats.

        Raises:
            TableError: a column or a cell is missing, or a cell is not a finite number.
        """
        indices = [(column, self.index(column)) for column in columns]
        return [[self._number(row[index], line, column) for column, index in indices] for line, row in self.cells()]

    def texts(self, column: str) -> list[str]:
        """Return the cells of one column, without the space around them.

        Raises:
            TableError: the column or a cell is missing.
        """
        index = self.index(column)
        return [self._text(row[index], line, column) for line, row in self.cells()]

    def _text(self, cell: str, line: int, column: str) -> str:
        text = cell.strip()
        if not text:
            raise TableError(f"{self.place(line, column)}: the cell is empty")
        return text

    def _number(self, cell: str, line: int, column: str) -> float:
        text = self._text(cell, line, column)
        number = self.number(text)
        if number is None:
            raise TableError(f"{self.place(line, column)}: needs a finite number, got {text[:40]!r}")
        return number


def read_csv(path: str | PathLike[str], header: bool | None = None) -> Table:
    r"""Read a table from a text file in UTF-8.

    Cells are separated by commas, semicolons or tabs (whichever the first line has most of), or by any number of
    spaces, where the first line has none of these. Unless commas separate, they may be decimal commas, where no number
    of the table has a decimal point, and not all could be thousands. Where rows have one cell more than the header, the first cells are row names: a
    column without a name.

    Args:
        path: of the file.
        header: whether the first row holds the names of the columns. By default it does if it has text above numbers, or
            counts from 0, as pandas names columns; if it has texts that do not occur again under it, where others do; and
            if it has no number, unless all its cells occur again under it.

    Raises:
        TableError: the file is empty, is not text, has a row of another length or two columns of one name.
        OSError: it cannot be read.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("height;weight;sex\n1,75;68;f\n1,82;80;m\n", encoding="utf-8")
    ...     table = read_csv(path)
    >>> table.columns, table.numbers(["height"]), table.texts("sex")
    (['height', 'weight', 'sex'], [[1.75], [1.82]], ['f', 'm'])
    """
    name = str(path)
    with open(path, "rb") as file:
        data = file.read()
    delimiter = _delimiter(name, data)

    def records() -> Iterator[tuple[int, list[str]]]:
        return _records(name, data, delimiter)

    first = next(records(), None)
    if first is None:
        raise TableError(f"{name}: the file is empty")
    titles = [cell.strip() for cell in first[1]]
    judges = max(10, min(_JUDGES, _JUDGED // len(titles)))
    sample = [[cell.strip() for cell in row] for _, row in islice(records(), 1, judges + 1)]
    note = ""
    if header is None:
        header, note = _is_header(titles, sample)
    if header and sample and len(titles) + 1 == len(sample[0]):  # row names, or a separator at the end of rows
        titles = ["", *titles] if any(row[-1] for row in sample) else [*titles, ""]
    columns = titles if header else [f"column {i + 1}" for i in range(len(titles))]
    column, times = Counter(columns).most_common(1)[0]
    if times > 1:
        raise TableError(f"{name}: two columns are named {column!r}; rename one")
    count, commas, points, fractions = 0, "", False, False
    for line, row in islice(records(), header, None):
        count += 1
        if len(row) != len(columns):
            raise TableError(f"{name}, line {line}: {len(row)} cells, where the first row has {len(columns)}")
        if delimiter != "," and not points:
            for cell in row:
                if "," in cell and (_is_number(cell, ",") or _THOUSANDS.fullmatch(cell)):
                    commas = commas or cell.strip()
                    fractions = fractions or not _THOUSANDS.fullmatch(cell)
            points = any("." in cell and _is_number(cell, ".") for cell in row)
    if not count:
        raise TableError(f"{name}: there is no row under the header")
    if commas and not points and not fractions:
        raise TableError(f"{name}: is {commas!r} a number with thousands or with decimals? Write it without a comma")
    has_commas = bool(commas) and not points
    return Table(name, columns, lambda: islice(records(), header, None), count, delimiter, has_commas, note)


#: A number with thousands, which might also be one with decimals.
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")


def parse_number(text: str) -> float | None:
    """Return the finite number that a cell holds, or None.

    Args:
        text: of the cell; a decimal point, and no commas.

    >>> parse_number(" 1.5e3 "), parse_number("nan"), parse_number("1,5")
    (1500.0, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _records(name: str, data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it ends."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    spaces = delimiter == " "
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=spaces, strict=True)
    try:
        for row in reader:
            if spaces and row and not row[-1]:  # of a space at the end
                row.pop()
            if len(row) > 1 or "".join(row).strip():
                yield reader.line_num, row
    except csv.Error as error:
        hint = " (a quotation mark that is not closed?)" if "end of data" in str(error) else ""
        raise TableError(f"{name}, line {reader.line_num}: {error}{hint}") from None
    except UnicodeDecodeError:
        raise _not_text(name, data) from None


def _not_text(name: str, data: bytes) -> TableError:
    try:
        data.decode("utf-8-sig")
        start = len(data)
    except UnicodeDecodeError as error:
        start = error.start
    line = data[:start].count(b"\n") + 1
    kind = " but in UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
    return TableError(f"{name}, line {line}: not a text file in UTF-8{kind}; save it as UTF-8")


def _delimiter(name: str, data: bytes) -> str:
    """Return the separator that the first line that is not blank has most of, outside quotes; spaces where it has none."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")
    start = ""
    while piece := text.read(max(len(start), 1 << 16)):
        start = (start + piece).lstrip("\r\n")
        line = re.match(r'(?:[^"\r\n]|"[^"]*")+', start)
        if line and line.end() < len(start):
            break
    line = re.search(r'(?:[^"\r\n]|"[^"]*")+', start)
    bare = re.sub('"[^"]*"', "x", line[0]).strip(" ") if line else ""
    most = max(";\t,", key=bare.count)  # a comma may stand in a name
    if most in bare or " " not in bare:
        return most if most in bare else ","
    lengths = {len(row) for _, row in islice(_records(name, data, " "), 3)}
    return " " if len(lengths) == 1 or max(lengths) - min(lengths) == 1 else ","


def _is_header(titles: list[str], rows: list[list[str]]) -> tuple[bool, str]:
    """Tell whether a first row holds names, and what to say about that."""
    below = [[row[i] for row in rows if i < len(row)] for i in range(len(titles))]
    numeric = [parse_number(title) is not None for title in titles]
    words = [i for i, title in enumerate(titles) if title not in MISSING and not numeric[i]]
    if any(is_number and not title.isdecimal() for title, is_number in zip(titles, numeric, strict=True)):
        return False, ""  # a name may be a year, but not -1.5
    if not any(numeric) and (not rows or len(rows[0]) == len(titles) + 1):
        return True, ""
    for i in words:
        numbers = sum(parse_number(cell.replace(",", ".")) is not None for cell in below[i])
        if numbers > len(below[i]) / 2:
            return True, _taken(titles) if any(numeric) else ""
    if any(numeric):
        counted = [i for i, is_number in enumerate(numeric) if is_number]
        named = all(titles[i] not in below[i] for i in words)
        from_zero = [titles[i] for i in counted] == [str(k) for k in range(len(counted))]
        recurring = any(len(set(below[i])) < len(below[i]) for i in words)
        if named and (from_zero and (len(titles) > 2 or words) or recurring):
            return True, _taken(titles)
        years = [int(title) for title, is_number in zip(titles, numeric, strict=True) if is_number]
        following = len(years) > 1 and all(b - a == 1 for a, b in pairwise(years))
        return False, "the first row is taken for data; --header if it holds names" if following else ""
    if words and all(titles[i] in below[i] for i in words):
        return False, "the first row is taken for data, as all its cells occur again; --header if it holds names"
    return True, ""


def _taken(titles: list[str]) -> str:
    names = ", ".join(printable(title) for title in titles[:5] if title) + (", ..." if len(titles) > 5 else "")
    return f"the first row is taken for names ({names}); --no-header if it is data"


def _is_number(cell: str, point: str) -> bool:
    return re.fullmatch(rf"\s*[+-]?(\d*\{point}\d+|\d+\{point})([eE][+-]?\d+)?\s*", cell) is not None
