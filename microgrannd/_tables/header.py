"""Whether the first row of a table holds the names of its columns."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from .._text import printable
from .cells import MISSING, parse_number, spelled_number


def numbered(count: int) -> list[str]:
    """Return the names of the columns of a table without a header."""
    return [f"column {i + 1}" for i in range(count)]


def has_header(titles: list[str], rows: list[list[str]], names: Collection[str] = ()) -> tuple[bool, str]:
    """Tell whether a first row holds names, and what to say about that.

    Args:
        titles: the cells of the first row.
        rows: some of those under it.
        names: columns that the table should have, if they are known: those of training.
    """
    found = set(names) & set(titles)
    if names and found == set(names):
        return True, ""
    if names and set(names) <= set(numbered(len(titles))):
        return False, "the first row is taken for data, as in training"
    if found:
        return True, ""
    below = [[row[i] for row in rows if i < len(row)] for i in range(len(titles))]
    numeric = [parse_number(title) is not None for title in titles]
    words = [i for i, title in enumerate(titles) if title not in MISSING and spelled_number(title) is None]
    if any(is_number and not title.isdecimal() for title, is_number in zip(titles, numeric, strict=True)):
        return False, ""  # a name may be a year, but not -1.5
    if not any(numeric) and (not rows or len(rows[0]) == len(titles) + 1):
        return True, ""
    for i in words:
        numbers = sum(spelled_number(cell.replace(",", ".")) is not None for cell in below[i])
        if numbers > len(below[i]) / 2:
            return True, _taken(titles) if any(numeric) else ""
    if any(numeric):
        return _among_numbers(titles, below, words)
    if not words:
        return True, ""
    again = [titles[i] for i in words if titles[i] in below[i]]
    if again:
        return (
            False,
            f"the first row is taken for data, as {again[0]!r} occurs again under it; --header if it holds names",
        )
    return True, ""


def _among_numbers(titles: list[str], below: list[list[str]], words: list[int]) -> tuple[bool, str]:
    """Judge a first row of whole numbers, perhaps beside texts that stand above texts."""
    counted = [title for title in titles if parse_number(title) is not None]
    named = all(titles[i] not in below[i] for i in words)
    from_zero = counted == [str(k) for k in range(len(counted))]
    recurring = any(len(set(below[i])) < len(below[i]) for i in words)
    if named and (from_zero and (len(titles) > 2 or words) or recurring):
        return True, _taken(titles)
    following = len(counted) > 1 and all(int(b) - int(a) == 1 for a, b in pairwise(counted))
    return False, "the first row is taken for data; --header if it holds names" if following else ""


def _taken(titles: list[str]) -> str:
    names = ", ".join(printable(title) for title in titles[:5] if title) + (", ..." if len(titles) > 5 else "")
    return f"the first row is taken for names ({names}); --no-header if it is data"
