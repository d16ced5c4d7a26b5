"""Training by Values: what any model, loss and optimiser can do."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from .._interrupts import Interrupts
from ..engine.value import Value
from .gradients import Compiled, Eager
from .run import Run, Saved


class Direct:
    """Computes epochs by the attributes of Values, and the method `step` of the optimisers.

    Args:
        run: whose parameters are trained.
        learner: computes gradients.
        rows: prepared by the learner.
        size: rows of a step.
        interrupts: where Ctrl-C may end a computation; all else is done whole.
    """

    def __init__(
        self, run: Run, learner: Eager | Compiled, rows: Sequence[Any], size: int, interrupts: Interrupts
    ) -> None:
        self.run, self.learner, self.rows, self.size, self.interrupts = run, learner, rows, size, interrupts

    @property
    def reached(self) -> set[Value] | None:
        """The Values on which the loss of the first rows depends; None before they were recorded."""
        return self.learner.reached

    def finished(self) -> Saved:
        """Return the state after an epoch.

        Raises:
            FloatingPointError: a weight is not finite; then all is as after the last whole epoch.
        """
        try:
            return self.run.saved()
        except FloatingPointError:
            self.run.last.restore()
            raise

    def load(self) -> None:
        """Take the state from Values and optimisers: they are it."""

    def publish(self) -> None:
        """Set Values and optimisers to the state: they are it."""

    def epoch(self, order: Sequence[int]) -> float:
        """Take a step for each batch of rows in this order; return the mean of the losses before the steps.

        Raises:
            FloatingPointError: a loss or a gradient is not finite; Values and optimisers are as before that step.
        """
        self.learner.epoch.data = self.run.masks
        total = 0.0
        for first in range(0, len(order), self.size):
            batch = [self.rows[number] for number in order[first : first + self.size]]
            self.run.zero_grad()
            total += len(batch) / len(order) * self.interrupts.run(self.learner.gradients, batch)
            if not first and not self.run.epochs:
                self.run.require_trained(self.learner.reached or set())
            if not isfinite(sum([p.grad for optimizer in self.run.optimizers for p in optimizer.params])):
                self.learner.blame(batch)
            for optimizer in self.run.optimizers:
                optimizer.step()
        return total

    def judge(self, rows: Sequence[Any]) -> float:
        """Return the mean loss of rows."""
        return self.learner.judge(rows)
