"""The epochs of a training."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._interrupts import Interrupts
from ..reporting.report import gradient_report
from ..rules.ieee import ERRORS
from .bar import Bar
from .checkpoint import Checkpoint
from .direct import Direct
from .gradients import Compiled
from .history import History
from .resident import Resident, State
from .run import Run, Saved

#: Seconds between two looks at the progress.
SHOWN = 0.05


#: Epochs that are computed at once, at most, and seconds from which on there are no more: Ctrl-C waits for them.
MOST_EPOCHS, AT_ONCE = 512, 0.02


#: Relative error of a loss from which on it is another one, not one rounded in another order: its terms may cancel.
CHANGED = 1e-6


@dataclass
class Training:
    """A training.

    Attributes:
        run: what changes.
        steps: compute an epoch.
        rows: to train on, prepared by the learner.
        judged: rows to judge by, prepared by the learner.
        metrics: returns metrics of the model as it is, by name; None where none are wanted.
        shuffle: put the rows in a new order for each epoch.
        interrupts: where Ctrl-C may end a computation; all else is done whole.
        report: keep a report on the gradients after each epoch.
    """

    run: Run
    steps: Direct | Resident
    rows: list[Any]
    judged: list[Any]
    metrics: Callable[[], dict[str, float]] | None
    shuffle: bool
    interrupts: Interrupts
    report: bool = False

    def through(
        self,
        epochs: int,
        patience: int | None,
        progress: bool,
        file: Checkpoint | None,
        callback: Callable[[int, History], Any] | None,
    ) -> None:
        """Train until there were so many epochs in all, or patience or the callback ends it; note each epoch in the file."""
        run, due, count, ends = self.run, 0.0, 1, False
        watched = file or callback or self.judged or self.metrics or self.report
        alone = not watched  # nobody looks at the state of a single epoch
        with Bar(run.epochs, epochs, progress) as bar:
            while not run.is_over(epochs, patience):
                if callback and run.epochs:
                    self.require_followed()
                start = time.perf_counter()
                if alone and isinstance(self.steps, Resident) and self.steps.trainer and run.epochs:
                    end = self.epochs(min(count, epochs - run.epochs), self.steps)
                    count = min(2 * count, MOST_EPOCHS) if end - start < AT_ONCE else count
                else:
                    end = self.epoch(patience is not None)
                if end >= due or run.epochs == epochs:  # to show an epoch takes longer than a short one
                    bar.show(run)
                    due = end + SHOWN
                if self.report:
                    self.steps.publish()
                    run.history.reports[run.epochs] = gradient_report(run.model, optimizer=run.optimizers)
                try:
                    ends = callback is not None and self.called(callback)
                finally:
                    if file:
                        self.steps.publish()
                        file.note()
                if ends:
                    break
            bar.end(run, epochs, "stopped by callback" if run.epochs < epochs and ends else "patience")

    def called(self, callback: Callable[[int, History], Any]) -> bool:
        """Call a function of the user's, which may change all that it sees; tell whether it ends the training."""
        run, steps = self.run, self.steps
        steps.publish()
        ends = self.interrupts.run(callback, run.epochs, run.history) is True
        run.require_same()
        run.weights()  # are finite
        steps.load()
        if run.kept is run.last:
            run.kept = steps.finished()
            run.last = run.kept
        else:
            run.last = steps.finished()
        return ends

    def require_followed(self) -> None:
        """Require that what computes losses follows what a callback changed; see that by a row, each time by another one.

        Raises:
            ValueError: it does not.
        """
        learner, follows = self.steps.learner, True
        with suppress(*ERRORS):  # where a row has no loss, the next epoch says so
            if isinstance(learner, Compiled):
                row = self.rows[self.run.epochs % len(self.rows)]
                follows = learner.agrees(row, CHANGED)
        if not follows:
            raise ValueError(
                f"after epoch {self.run.epochs}, the model or the loss has changed in what the program of it holds as it was, "
                "such as the p of Dropout or a number of the loss: give compile=False, or hold the number in a Value"
            )

    def epochs(self, count: int, steps: Resident) -> float:
        """Train for some epochs at once, or one by one if there is trouble; return the time."""
        run, start = self.run, time.perf_counter()
        before, order, orders = run.rng.getstate(), run.order[:], []
        for _ in range(count):
            if self.shuffle:
                run.shuffle()
            orders.append(run.order[:])
        losses = steps.epochs(orders)
        if losses is None:
            run.rng.setstate(before)
            run.order = order
            return [self.epoch(False) for _ in range(count)][-1]
        end = time.perf_counter()
        for loss in losses:
            run.add(loss, None, (end - start) / count, False, steps.state)
        return end

    def epoch(self, patient: bool) -> float:
        """Train for an epoch and add its losses to the history; where patient, keep only the best weights. Return the time."""
        run, start = self.run, time.perf_counter()
        if self.shuffle:
            run.shuffle()
        try:
            loss = self.steps.epoch(run.order)
            judgement = self.interrupts.run(self.steps.judge, self.judged) if self.judged else None
            state = self.steps.finished()
            metrics = self._measured(state) if self.metrics else {}
        except (ArithmeticError, ValueError) as error:
            error.args = (f"epoch {run.epochs + 1}: {error}",)
            raise
        end = time.perf_counter()
        run.add(loss, judgement, end - start, patient, state, metrics)
        return end

    def _measured(self, state: State | Saved) -> dict[str, float]:
        """Return the metrics for a state; if that fails, all is as after the last whole epoch."""
        assert self.metrics is not None  # the caller asked
        state.restore()
        try:
            return self.interrupts.run(self.metrics)
        except BaseException:
            self.run.last.restore()
            self.steps.load()
            raise
