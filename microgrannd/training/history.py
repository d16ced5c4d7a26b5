"""The history of a training: losses and times, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isnan
from typing import TYPE_CHECKING

from .._charts import Run, losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..reporting.report import GradientReport


@dataclass
class History:
    """The losses and times of a training, an entry for each epoch.

    Attributes:
        loss: the mean over the epoch's rows, each computed before the step that its batch brought about.
        validation_loss: the mean over the validation rows after the epoch; empty where there are none.
        seconds: the time taken.
        interrupted: whether Ctrl-C ended the training.
        reports: what `gradient_report` says after each epoch, by its number from 1, where `fit` was asked for it with
            ``report=True``. A run that goes on from a checkpoint has those since then.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False
    reports: dict[int, GradientReport] = field(default_factory=dict, repr=False)

    @property
    def best(self) -> int:
        """The number of the best epoch, from 1: that of the lowest validation loss, or without one of the lowest loss."""
        judged = self.validation_loss or self.loss
        return (
            1 + min(range(len(judged)), key=lambda epoch: inf if isnan(judged[epoch]) else judged[epoch])
            if judged
            else 0
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses, as `microgrannd.plot.loss` does.

        Args:
            ax: where to draw; a new figure by default.

        Raises:
            ImportError: matplotlib is not installed.
        """
        return losses({"": Run(self.loss, self.validation_loss, self.best)}, ax)
