"""Checks of arguments that several modules take."""

from __future__ import annotations

from operator import index
from typing import SupportsIndex


def seed_of(seed: SupportsIndex | None) -> int | None:
    """A seed as an int, NumPy's whole numbers included; None stays None.

    Raises:
        TypeError: it is something else.
    """
    try:
        return None if seed is None else index(seed)
    except TypeError:
        raise TypeError(f"seed needs to be a whole number or None, got {seed!r}") from None
