"""Text files read as tables: encoding, separators, rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from os import PathLike

from .._text import counted
from .cells import MISSING, Notation
from .header import has_header, numbered
from .table import Table, TableError

#: Rows, and cells, by which a first row is judged to be a header or not, at most.
_JUDGES, _JUDGED = 1000, 1_000_000


#: The separators of cells, and what they are called.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces"}


#: The first line of a file of Excel that names its separator.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t |:])\r?\n?", re.IGNORECASE)


def read_csv(
    path: str | PathLike[str],
    header: bool | None = None,
    names: Collection[str] = (),
    missing: Collection[str] = MISSING,
) -> Table:
    r"""Read a table from a text file in UTF-8, or in UTF-16 with a byte order mark.

    Cells are separated by commas, semicolons or tabs (whichever the first line has most of), by any number of spaces,
    where the first line has none of these, or by what a first line ``sep=;`` says. A column has decimal commas where its
    numbers have commas that cannot be thousands and none has a point; so has one whose commas may be thousands, where
    another column has decimal commas. Where rows have one cell more than the header, the first cells are row names: a
    column without a name.

    Args:
        path: of the file.
        header: whether the first row holds the names of the columns. By default it does if it has some of ``names``; if
            it has text above numbers, or counts from 0, as pandas names columns; if it has texts that do not occur
            again under it, where others do; and if it has no number, unless one of its cells occurs again under it.
        names: columns that the table should have, if they are known.
        missing: the cells that stand for a missing value, beside empty ones.

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
    _require_text(name, data)
    delimiter = _delimiter(name, data)

    def records() -> Iterator[tuple[int, list[str]]]:
        return _records(name, data, delimiter)

    columns, header, note = _columns(name, records, header, names)
    plain = b"%" not in data and (b"," not in data or delimiter == "," and b'"' not in data)
    notation = Notation()
    count = _measured(name, islice(records(), header, None), len(columns), None if plain else notation)
    notes = [
        note,
        "" if delimiter == "," else f"cells are separated by {SEPARATORS.get(delimiter, repr(delimiter))}",
        "the text is in UTF-16" if _encoding(data) == "utf-16" else "",
        *notation.notes(columns),
    ]
    return Table(
        name, columns, lambda: islice(records(), header, None), count, delimiter,
        frozenset(columns[i] for i in notation.commas), frozenset(missing) | {""}, header, tuple(filter(None, notes)),
    )  # fmt: skip


def _require_text(name: str, data: bytes) -> None:
    """Require that a file does not begin like one of another kind."""
    if data.startswith(b"PK\x03\x04"):
        raise TableError(f"{name}: a workbook or another archive; save its sheet as CSV")
    if b"\0" in data[:2] and _encoding(data) != "utf-16":
        raise TableError(f"{name}: not a text file in UTF-8 (UTF-16 without a byte order mark?); save it as UTF-8")


def _columns(
    name: str, records: Callable[[], Iterator[tuple[int, list[str]]]], header: bool | None, names: Collection[str]
) -> tuple[list[str], bool, str]:
    """Return the names of the columns, whether the first row holds them, and what to say about that."""
    first = next(records(), None)
    if first is None:
        raise TableError(f"{name}: the file is empty")
    titles = [cell.strip() for cell in first[1]]
    judges = max(10, min(_JUDGES, _JUDGED // len(titles)))
    sample = [[cell.strip() for cell in row] for _, row in islice(records(), 1, judges + 1)]
    note = ""
    if header is None:
        header, note = has_header(titles, sample, names)
        if not header and not note:
            note = "the first row is taken for data, and columns are numbered; --header if it holds names"
    if header and sample and len(titles) + 1 == len(sample[0]):  # row names, or a separator at the end of rows
        titles = ["", *titles] if any(row[-1] for row in sample) else [*titles, ""]
    columns = titles if header else numbered(len(titles))
    _require_names(name, columns)
    return columns, header, note


def _require_names(name: str, columns: list[str]) -> None:
    """Require that columns with a name have different names, and that there is one."""
    named = Counter(filter(None, columns))
    if not named:
        raise TableError(f"{name}: no column has a name; name those that hold something, or give --no-header")
    column, times = named.most_common(1)[0]
    if times > 1:
        count = "two" if times == 2 else times
        raise TableError(f"{name}: {count} columns are named {column!r}; rename all but one")


def _measured(name: str, records: Iterable[tuple[int, list[str]]], width: int, notation: Notation | None) -> int:
    """Return the number of rows, all of which have that many cells, and note how their numbers are written."""
    count = 0
    for line, row in records:
        count += 1
        if len(row) != width:
            raise TableError(f"{name}, line {line}: {counted(len(row), 'cell')}, where the first row has {width}")
        if notation:
            notation.add(row)
    if not count:
        raise TableError(f"{name}: there is no row under the header")
    return count


def _encoding(data: bytes) -> str:
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _opened(data: bytes, errors: str = "strict") -> tuple[io.TextIOWrapper, str]:
    """Return the text of a file, after a line that names the separator, if it has one, and that separator."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding=_encoding(data), errors=errors, newline="")
    named = _SEPARATOR_LINE.fullmatch(text.readline(8))
    if named is None:
        text.seek(0)
    return text, named[1] if named else ""


def _records(name: str, data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it ends."""
    line, skipped = 0, 0
    try:
        text, named = _opened(data)
        skipped = bool(named)
        ends = _Ends(text)
        spaces = delimiter == " "
        reader = csv.reader(ends if spaces else text, delimiter=delimiter, skipinitialspace=spaces, strict=True)
        for row in reader:
            line = reader.line_num
            if spaces and row and not row[-1] and ends.with_space:
                row.pop()
            if len(row) > 1 or "".join(row).strip():
                yield line + skipped, row
    except csv.Error as error:
        hint = " (a quotation mark that is not closed?)" if "end of data" in str(error) else ""
        raise TableError(f"{name}, line {reader.line_num + skipped}: {error}{hint}") from None
    except UnicodeError:
        raise _not_text(name, data) from None


class _Ends:
    """The lines of a text, and whether the last one that was read ends with a space."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.with_space = False

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.with_space = line.rstrip("\r\n").endswith(" ")
            yield line


def _not_text(name: str, data: bytes) -> TableError:
    encoding = _encoding(data)
    try:
        data.decode(encoding)
        start = len(data)
    except UnicodeDecodeError as error:
        start = error.start
    line = data[:start].decode(encoding, "ignore").count("\n") + 1
    kind = "UTF-16, as it begins" if encoding == "utf-16" else "UTF-8; save it as UTF-8"
    return TableError(f"{name}, line {line}: not a text file in {kind}")


def _delimiter(name: str, data: bytes) -> str:
    """Return the separator that the first line that is not blank has most of, outside quotes; spaces where it has none."""
    text, named = _opened(data, "replace")
    if named:
        return named
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
    first, *others = [len(row) for _, row in islice(_records(name, data, " "), 20)]
    fitting = sum(count in (first, first + 1) for count in others)  # with a name for each row
    return " " if fitting > len(others) / 2 or not others else ","
