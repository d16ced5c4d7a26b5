"""Embeddings: numbers that are learnt, for each of many things that have no numbers of their own."""

from __future__ import annotations

import random
from typing import Any

from .._checks import required_whole, seed_of
from .._guesses import suggesting
from ..engine.lookup import lookup
from ..engine.value import Value
from .module import Module


class Embedding(Module):
    """A table with a row of parameters for each word of a vocabulary (Bengio et al. 2003).

    Args:
        count: number of rows.
        width: numbers in a row.
        seed: for the numbers, which are normal with mean 0 and deviation 1; without one they are drawn by `random`.

    Attributes:
        table: the rows.

    Raises:
        ValueError: count or width is below 1.

    >>> words = Embedding(5, 3, seed=0)
    >>> words, words(4) is words.table[4]
    (Embedding(5, 3), True)
    """

    _is_layer = True

    @suggesting("Embedding")
    def __init__(self, count: int, width: int, seed: int | None = None) -> None:
        rows, cells = required_whole("count", count, 1), required_whole("width", width, 1)
        rng = random if seed is None else random.Random(seed_of(seed))
        self.table = [[Value(rng.gauss(0.0, 1.0)) for _ in range(cells)] for _ in range(rows)]

    def __call__(self, index: Any) -> list[Any]:
        """Return the row with an index: a whole number, or a Value that holds one; see `lookup`."""
        row: list[Any] = lookup(self.table, index)
        return row

    def __repr__(self) -> str:
        return f"Embedding({len(self.table)}, {len(self.table[0])})"
