"""Tables of text with bars, as plain data, and as text and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from math import isfinite, log10
from textwrap import wrap
from typing import NamedTuple

#: The decades that a logarithmic bar spans at the least: numbers that hardly differ have bars that hardly do.
DECADES = 3


#: Characters of a line of notes.
WIDTH = 100


_CELL = "padding:2px 8px;vertical-align:top;white-space:nowrap;text-align:"


_RULE = "border-left:1px solid rgba(128,128,128,0.5);"


_BAR = '<div style="height:5px;min-width:50px;background:rgba(128,128,128,0.25)"><div style="height:5px;width:{:.0%};background:{}"></div></div>'


class Cell(NamedTuple):
    """A text, and a bar under it, which is this share of the column's width; None for no bar."""

    text: str
    bar: float | None = None


@dataclass
class Grid:
    """Columns, each under a group's head, and lines of text below. The last column is text, and has the row's colour."""

    groups: list[tuple[str, int]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, group: str, columns: Mapping[str, Sequence[Cell]]) -> None:
        """Add columns with a head in common."""
        self.groups.append((group, len(columns)))
        self.head += columns
        self.rows = self.rows or [[] for cells in zip(*columns.values(), strict=True)]
        for row, cells in zip(self.rows, zip(*columns.values(), strict=True), strict=True):
            row += cells


def logarithmic(numbers: Sequence[float]) -> list[float]:
    """Return the lengths of bars for orders of magnitude: 1 for the largest, 0 for 0, nan and inf."""
    logs = [log10(number) for number in numbers if number > 0 and isfinite(number)]
    highest, lowest = max(logs, default=0.0), min(logs, default=0.0)
    lowest = min(lowest, highest - DECADES)
    least = 0.04  # that the smallest can be seen
    return [
        least + (1 - least) * (log10(number) - lowest) / (highest - lowest) if number > 0 and isfinite(number) else 0.0
        for number in numbers
    ]


def text(table: Grid) -> str:
    """Return the table as lines of text, numbers to the right."""
    groups: list[str] = [name for name, count in table.groups for name in [name, *[""] * (count - 1)]]
    cells = [[cell.text for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.head, *cells, strict=True)]
    last = len(widths) - 1
    lines = []
    for row in [table.head, *cells]:
        aligned = [
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    starts = [sum(widths[:column]) + 2 * column for column in range(len(widths))]
    above = ""
    for start, name in zip(starts, groups, strict=True):
        above = above.ljust(start) + name if name else above
    notes = [line for note in table.notes for line in wrap(note, WIDTH, subsequent_indent="    ")]
    return "\n".join([above, *lines, *notes])


def html(table: Grid) -> str:
    """Return the table as HTML in the page's own colours, light or dark, without a script or anything from elsewhere."""
    last = len(table.head) - 1
    firsts = set(accumulate((count for _, count in table.groups[:-1]), initial=0)) - {0}
    styles = [
        f"{_RULE if column in firsts else ''}{_CELL}{'left' if column in (0, last) else 'right'}"
        for column in range(last + 1)
    ]
    groups = "".join(
        f'<th colspan="{count}" style="{_RULE if column else ""}{_CELL}center">{escape(name)}</th>'
        for column, (name, count) in enumerate(table.groups)
    )
    head = "".join(f'<th style="{style}">{escape(name)}</th>' for style, name in zip(styles, table.head, strict=True))
    rows = []
    for row, colour in zip(table.rows, table.colours, strict=True):
        cells = [
            f'<td style="{style}">{_barred(cell, colour) if column < last else _marked(cell, colour)}</td>'
            for column, (style, cell) in enumerate(zip(styles, row, strict=True))
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    notes = "".join(f'<p style="margin:4px 8px;max-width:60em">{escape(note)}</p>' for note in table.notes)
    return (
        f'<table style="border-collapse:collapse"><thead><tr>{groups}</tr><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{notes}"
    )


def _barred(cell: Cell, colour: str) -> str:
    return escape(cell.text) + ("" if cell.bar is None else _BAR.format(cell.bar, colour))


def _marked(cell: Cell, colour: str) -> str:
    return f'<span style="color:{colour}">●</span> {escape(cell.text)}'
