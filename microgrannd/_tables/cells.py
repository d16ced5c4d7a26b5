"""Single cells: what stands for a missing value, and what is a number."""

from __future__ import annotations

import math
import re

#: The cells that stand for a value that is missing: empty ones, and the marks of pandas, R, SQL and spreadsheets.
MISSING = frozenset(
    (
        *(
            "",
            "NA",
            "na",
            "N/A",
            "n/a",
            "N.A.",
            "n.a.",
            "#N/A",
            "#N/A N/A",
            "#NA",
            "<NA>",
            "NULL",
            "Null",
            "null",
            "None",
        ),
        *("NaN", "nan", "NAN", "Nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
        *("#VALUE!", "#DIV/0!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "?", ".", "..", "-", "--", "\u2013", "\u2014"),
    )
)


#: A number with thousands, which might also be one with decimals.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


#: A number with decimals, by the decimal mark.
_DECIMALS = {mark: re.compile(rf"[+-]?(\d*[{mark}]\d+|\d+[{mark}])([eE][+-]?\d+)?") for mark in ",."}


_CURRENCY = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF)"


#: A number that a person reads, but whose marks differ between countries and programs.
_UNREAD = re.compile(
    rf"[-+(]*{_CURRENCY}?\s?[-+]?"
    r"(?:\d{1,3}(?P<mark>[,.'’\s])\d{3}(?:(?P=mark)\d{3})*|\d+(?:_\d+)*)(?:[.,]\d*)?"
    rf"\s?(?:{_CURRENCY}|%)?\)?"
)


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


def spelled_number(text: str) -> float | None:
    """Return the finite number that a cell holds, or None; it may have a minus sign as printers set it, or be a percentage.

    >>> spelled_number("\N{MINUS SIGN}3"), spelled_number("5 %"), spelled_number("$5")
    (-3.0, 0.05, None)
    """
    number = parse_number(text)
    if number is not None or not ("\u2212" in text or "%" in text):
        return number
    number = parse_number(text.strip().removesuffix("%").replace("\u2212", "-"))
    return number / 100 if number is not None and "%" in text else number


def is_unread(text: str) -> bool:
    """Tell whether a cell that is not read as a number seems to be one, with thousands, a currency or brackets.

    >>> [is_unread(text) for text in ("$5", "1_000", "1,234", "(5.00)", "1 000 €", "red", "2020-01-01")]
    [True, True, True, True, True, False, False]
    """
    return spelled_number(text) is None and _UNREAD.fullmatch(text.strip().replace("\u2212", "-")) is not None


def needs_number(text: str, column: str) -> str:
    """Return the message about a cell of a column that should hold a number."""
    remedy = ""
    if is_unread(text):
        remedy = "; write it without thousands, currency or other marks, and with a decimal point"
    elif text == column:
        remedy = ", the header once more; leave out that row"
    return f"needs a finite number, got {text[:40]!r}{remedy}"


class Notation:
    """How the numbers of the columns are written, from their cells.

    Attributes:
        fractions: indices of the columns with decimal commas that cannot be thousands.
        thousands: those with commas that may be either.
        points: those with decimal points.
        doubtful: those with points that may be of decimals or of thousands, as 1.000.
        percents: those with percentages.
    """

    def __init__(self) -> None:
        self.fractions: set[int] = set()
        self.thousands: set[int] = set()
        self.points: set[int] = set()
        self.doubtful: set[int] = set()
        self.percents: set[int] = set()

    def add(self, row: list[str]) -> None:
        """Look at the cells of a row."""
        for index, cell in enumerate(row):
            if "," in cell:
                self._add_comma(index, cell)
            elif "." in cell and index not in self.points and _DECIMALS["."].fullmatch(_bare(cell)):
                doubtful = _THOUSANDS.fullmatch(_bare(cell).replace(".", ","))
                (self.doubtful if doubtful else self.points).add(index)
            if "%" in cell and index not in self.percents and spelled_number(cell.replace(",", ".")) is not None:
                self.percents.add(index)

    def _add_comma(self, index: int, cell: str) -> None:
        if index not in self.fractions:
            text = _bare(cell)
            if _THOUSANDS.fullmatch(text):
                self.thousands.add(index)
            elif _DECIMALS[","].fullmatch(text):
                self.fractions.add(index)

    @property
    def commas(self) -> set[int]:
        """The columns with decimal commas: where another column has some, those that may be thousands too."""
        return (self.fractions | self.thousands if self.fractions else set()) - self.points - self.doubtful

    def notes(self, columns: list[str]) -> list[str]:
        """Return what there is to say about the notation of some columns."""
        points = self.doubtful - self.points if self.commas else set()  # elsewhere, points are usual
        notes = {
            "numbers have decimal commas in": self.commas,
            "points, as in 1.000, are taken for decimal points in": points,
            "5% is read as 0.05 in": self.percents,
        }
        return [
            f"{note} {', '.join(repr(columns[i]) for i in sorted(indices)[:5])}{', ...' if len(indices) > 5 else ''}"
            for note, indices in notes.items()
            if indices
        ]


def _bare(cell: str) -> str:
    return cell.strip().removesuffix("%").rstrip().replace("\u2212", "-")
