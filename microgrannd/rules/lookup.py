"""The lookup of an element by its index: the one operation that large programs do not compute by its formula.

They read the one element (gather), and add the gradient to it alone (scatter). By the formula each other element gets 0
times the gradient, which is nan where that is infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .rule import rule


class NoElement(IndexError, ValueError):
    """An index at which a sequence has no element."""


def element(vs: Sequence[Any], index: Any) -> Any:
    """Return the element of a sequence at an index, which is a float.

    Raises:
        NoElement: the index is no whole number, negative, or beyond the end.
    """
    if not (0 <= index < len(vs) and index == int(index)):
        needed = f"a whole number from 0 to {len(vs) - 1}" if len(vs) else "at least one element"
        raise NoElement(f"needs {needed}, got {index if len(vs) else 'none'}")
    return vs[int(index)]


def one_hot(index: Any, count: Any) -> list[float]:
    """Return so many zeros, but for a one at an index."""
    return [1.0 if number <= index <= number else 0.0 for number in range(int(count))]  # == of a Value is identity


@rule(
    "element(vs, index)", dvs="one_hot(index, len(vs))", dindex="0", sequences=["vs"],
    names={"element": element, "one_hot": one_hot}, symbol="[i]",
)  # fmt: skip
def lookup(vs: Any, index: Any) -> Any:
    """The element of a sequence with an index, which has no slope."""
