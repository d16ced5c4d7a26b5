"""Dropout: numbers that are left out at random while a model trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._checks import required_finite, required_whole, seed_of
from .._guesses import suggesting
from .._trees import mapped
from .masks import PRIME, Masks, masking, masks_here, number_of_epoch
from .module import Module


class Dropout(Module):
    """Sets numbers to 0 with probability p while `fit` trains, and multiplies the others by 1 / (1 - p), so that means stay.

    It hinders units from relying on each other, against overfitting (Srivastava et al. 2014, Dropout: A Simple Way to
    Prevent Neural Networks from Overfitting). It passes everything through when the model is called otherwise, and in
    `predict`, `evaluate`, metrics and validation losses, so there is nothing to switch off. Masks are drawn from the seed of
    `fit`, the epoch and the number of the row: the same on workers, and after a stop.

    Args:
        p: the probability, from 0 up to, but not including, 1.

    Raises:
        TypeError: p is no real number.
        ValueError: it is out of range.

    >>> import microgrannd as mg
    >>> model = mg.Sequential(mg.Layer(2, 8, activation="tanh"), mg.Dropout(0.2), mg.Layer(8, 1, nonlin=False))
    >>> model
    Sequential(Layer(2, 8, activation='tanh'), Dropout(0.2), Layer(8, 1, nonlin=False))
    >>> mg.Dropout(0.5)([1.0, 2.0, 3.0, 4.0])
    [1.0, 2.0, 3.0, 4.0]
    >>> with mg.Dropout.on(row=0, epoch=1, seed=0):
    ...     mg.Dropout(0.5)([1.0, 2.0, 3.0, 4.0])
    ...
    [2.0, 0.0, 6.0, 0.0]
    """

    _is_layer = True

    @suggesting("Dropout")
    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    @property
    def p(self) -> float:
        """The probability, which may be set."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        share = required_finite("p", p)
        if not 0 <= share < 1:
            raise ValueError(f"p needs to be a probability from 0 up to, but not including, 1; got {share}")
        self._p = share

    def __call__(self, x: Any) -> Any:
        """Return a Value or number, or nested lists of them, with some of them dropped where `fit` trains."""
        masks = masks_here() if self.p else None
        if masks is None:
            return x
        return mapped(lambda one: one * masks.next(self.p), x)

    @staticmethod
    @contextmanager
    def on(row: int, epoch: int = 1, seed: int = 0) -> Iterator[None]:
        """Drop inside of a ``with`` block, for a training loop or a test of your own.

        Each number that is dropped has a mask of its own; the masks are those that ``fit(..., seed=seed)`` draws for a row
        in an epoch.

        Args:
            row: its number, from 0, among the rows that are trained on.
            epoch: its number, from 1.
            seed: a whole number.

        Raises:
            ValueError, TypeError: one is something else.
        """
        number = float(required_whole("row", row, 0, PRIME - 1))
        key = number_of_epoch(seed_of(seed) or 0, required_whole("epoch", epoch, 1))
        with masking(Masks(key, number)):
            yield

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"
