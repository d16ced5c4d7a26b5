"""Text to be shown to people: short, and without control characters."""

from __future__ import annotations

import reprlib
from typing import Any


def printable(text: str) -> str:
    r"""Return text with unprintable characters escaped: control characters, line ends, changes of direction.

    >>> printable("caf\u00e9 \x1b[31m\u202e")
    'café \\x1b[31m\\u202e'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def described(thing: Any) -> str:
    """Describe an object in an error message: its value, cut to a readable length, and its type."""
    return f"{reprlib.repr(thing)} ({type(thing).__name__})"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def visible(text: str, most: int = 40) -> str:
    """Return a label in a form that can be shown anywhere: one line, of a readable length, without control characters."""
    shown = "".join(c if c.isprintable() else "↵" if c == "\n" else "�" for c in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def rounded(number: float) -> str:
    """Return a number with four significant digits and a minus sign as printers set it, which 0 does not have.

    >>> rounded(-0.00123456), rounded(3.0), rounded(-0.0)
    ('−0.001235', '3', '0')
    """
    return f"{number or 0.0:.4g}".replace("-", "−")
