"""Masks of dropout: which numbers are dropped, as an operation that programs compute as the engine does.

A mask is drawn from three whole numbers: one for the seed and the epoch, the row's, and how many were drawn for that row
before. So it depends neither on the order of the rows nor on who computes them, and it is never stored. What mixes them is
x³ modulo a prime, a permutation because 3 does not divide the prime − 1, with a key added before each round, as in the
cipher MiMC (Albrecht et al. 2016). The prime is below 2²⁵, so all products are whole numbers below 2⁵³, which floats hold
exactly: masks have the same bits everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from ..engine.contexts import is_once_for_all
from ..engine.operations import rule

#: What is drawn are whole numbers below it.
PRIME = 33_554_393


#: The number of a row for which nothing is dropped.
NO_ROW = -1


@rule("a if a < 0 else (a + b) * (a + b) % 33554393 * (a + b) % 33554393", da="0", db="0")
def mixed(a: Any, b: Any) -> Any:
    """Return a whole number that two of them below 33554393 decide, as if drawn; a negative one stays."""


@rule("1 if drawn < 0 else 0 if drawn < p * 33554393 else 1 / (1 - p)", ddrawn="0", dp="0")
def mask(drawn: Any, p: Any) -> Any:
    """Return the factor of dropout: 0 with probability p, else 1 / (1 - p), so that the mean is 1."""


def number_of_epoch(seed: int, epoch: int) -> float:
    """Return the number from which the masks of an epoch are drawn."""
    return float(random.Random(f"{seed} {epoch}").randrange(PRIME))


class Masks:
    """Draws the masks of a row.

    Args:
        epoch: the number of its epoch, see `number_of_epoch`.
        row: its number, or `NO_ROW`. Both may be Values, for which a program is to take other numbers.

    Attributes:
        drawn: how many there were.
    """

    def __init__(self, epoch: Any, row: Any) -> None:
        self.epoch, self.row, self.drawn = epoch, row, 0

    @cached_property
    def _state(self) -> Any:
        return mixed(mixed(self.row, self.epoch), self.epoch)

    def next(self, p: float) -> Any:
        """Return another mask."""
        self.drawn += 1
        return mask(mixed(self._state, _key(self.drawn)), p)


class NoMasks:
    """Stands for rows of which nothing is dropped, also where a graph is recorded once for all."""


_here: ContextVar[Masks | NoMasks | None] = ContextVar("microgrannd_masks", default=None)


@contextmanager
def masking(masks: Masks | NoMasks | None) -> Iterator[None]:
    """Use these masks inside."""
    before = _here.get()
    _here.set(masks)
    try:
        yield
    finally:
        _here.set(before)


def masks_here() -> Masks | None:
    """Return what draws masks in this thread or task; None where nothing is dropped.

    Raises:
        RuntimeError: a function is recorded once for all rows, by `jit`.
    """
    masks = _here.get()
    if is_once_for_all() and not isinstance(masks, NoMasks):
        raise RuntimeError(
            "jit records a function once, and Dropout has another mask for each row: call it outside of the function"
        )
    return masks if isinstance(masks, Masks) else None


def _key(number: int) -> float:
    """Return the key of a mask: numbers that follow each other have keys far apart."""
    return float(mixed(mixed(float(number), 16_180_339.0), 16_180_339.0))
