"""The history of a training: losses and times, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isnan
from typing import TYPE_CHECKING, Any

from .._charts import Run, losses
from .._guesses import missing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..reporting.report import GradientReport


@dataclass(repr=False)
class History:
    """The losses and times of a training, an entry for each epoch.

    Attributes:
        loss: the mean over the epoch's rows, each computed before the step that its batch brought about.
        validation_loss: the mean over the validation rows after the epoch; empty where there are none.
        seconds: the time taken.
        interrupted: whether Ctrl-C ended the training.
        metrics: for each name the metric of the training rows after the epoch, and as ``validation_<name>`` that of the
            validation rows.
        reports: what `gradient_report` says after each epoch, by its number from 1, where `fit` was asked for it with
            ``report=True``. A run that goes on from a checkpoint has those since then.

    >>> history = History(loss=[0.5, 0.25], validation_loss=[0.75, 1.0])
    >>> history, history.best_epoch
    (History(2 epochs, loss 0.25, validation_loss 1, best epoch 1), 1)
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False
    metrics: dict[str, list[float]] = field(default_factory=dict)
    reports: dict[int, GradientReport] = field(default_factory=dict)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            missing("History", "'History' object", name)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, of the lowest validation loss, or without validation rows of the lowest loss; None if none has a loss below inf."""
        judged = [inf if isnan(loss) else loss for loss in self.validation_loss or self.loss]
        lowest = min(judged, default=inf)
        return 1 + judged.index(lowest) if lowest < inf else None

    def curves(self) -> dict[str, list[float]]:
        """Return the numbers of each epoch by name: loss, validation_loss, and the metrics, as far as there are any."""
        curves = {"loss": self.loss, "validation_loss": self.validation_loss, **self.metrics}
        return {name: curve for name, curve in curves.items() if curve}

    def __repr__(self) -> str:
        last = "".join(f", {name} {curve[-1]:.4g}" for name, curve in self.curves().items())
        best = f", best epoch {self.best_epoch}" if self.best_epoch else ""
        return f"History({len(self.loss)} epochs{last}{best}{', interrupted' if self.interrupted else ''})"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses, as `microgrannd.plot.loss` does.

        Args:
            ax: where to draw; a new figure by default.

        Raises:
            ImportError: matplotlib is not installed.
        """
        return losses({"": Run(self.loss, self.validation_loss, self.best_epoch or 0)}, ax)
