"""An optimiser in a program: the parameters that are its own, and what its formulas need."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import Any

from ..optim import Optimizer
from ..optim.update import names_in


class Part:
    """An optimiser, with the parameters that it changes.

    Args:
        optimizer: has formulas.
        index: of each of its parameters in the state.
        whole: all that is in the state is its own.

    Attributes:
        chosen: the indices in ascending order; None for all.
        places: of the optimiser's parameters among these.
    """

    def __init__(self, optimizer: Optimizer, index: Sequence[int], whole: bool) -> None:
        self.optimizer = optimizer
        self.chosen = None if whole else sorted(index)
        ranks = {one: place for place, one in enumerate(sorted(index))}
        self.places = [ranks[one] for one in index]
        settled = optimizer.settled()
        assert settled is not None  # `is_resident` saw to it
        self.update, self._numbers = settled.update, settled.numbers
        self._counts = "t" in names_in(*settled.update.constants.values())

    def constants(self, steps: int) -> tuple[float, ...]:
        """Return what is computed once for a step."""
        optimizer = self.optimizer
        optimizer.steps = steps  # a schedule may look
        lr = float(optimizer.lr(steps) if callable(optimizer.lr) else optimizer.lr)
        return self._numbers(optimizer, lr, steps + 1.0)

    def constants_of(self, steps: range, runner: Any) -> Any:
        """Return the constants of several steps, a row for each."""
        if callable(self.optimizer.lr) or self._counts:
            return runner.vectors([list(self.constants(step)) for step in steps])
        return runner.vectors([list(self.constants(steps[0]))] * len(steps))

    def clipped(self, gradients: Any, runner: Any) -> Any:
        """Return gradients scaled down to the optimiser's greatest norm."""
        most = self.optimizer.max_norm
        if most is None:
            return gradients
        norm = hypot(*(gradients[place] for place in self.places))
        return runner.scaled(gradients, most / norm) if norm > most else gradients
