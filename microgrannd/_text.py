"""Text for people: short, and free of what a terminal would obey."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Text with its unprintable characters as escapes: control characters, line ends, turned directions.

    >>> printable("caf\u00e9 \x1b[31m\u202e")
    'café \\x1b[31m\\u202e'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
