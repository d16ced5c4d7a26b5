"""The learning-rate range test: losses of a few steps, with a rate that grows from step to step."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .._charts import learning_rates
from .._checks import required_finite, required_pairs, required_whole, seed_of
from .._guesses import suggesting
from ..losses import Loss
from ..nn.masks import number_of_epoch
from ..nn.module import Module
from ..optim import Optimizer
from ..rules.ieee import ERRORS
from .compiling import learner_for
from .fit import of_prediction, require_parts
from .rows import require_taken
from .run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A running mean so many times the lowest one ends the test: from there on the loss only grows.
BLOWN_UP = 4.0


#: The part of the running mean that a new loss has.
SHARE = 0.2


class LearningRates(NamedTuple):
    """What `lr_range` found, an entry for each step.

    Attributes:
        lr: the learning rate of the step.
        loss: the mean loss of its batch, before the step.

    >>> LearningRates(lr=[0.01, 0.1, 1.0], loss=[4.0, 2.0, 3.0]).suggestion
    0.01
    """

    lr: list[float]
    loss: list[float]

    @property
    def smooth(self) -> list[float]:
        """The running mean of the losses, without the bias of its start (as in Adam)."""
        means, mean = [], 0.0
        for step, loss in enumerate(self.loss, 1):
            mean += SHARE * (loss - mean)
            means.append(mean / (1 - (1 - SHARE) ** step))
        return means

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smooth loss is lowest: a good one to begin with, well before it blows up."""
        return min(zip(self.smooth, self.lr, strict=True))[1] / 10

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses over the rates, with the suggestion; see `microgrannd.plot.learning_rates`."""
        return learning_rates(*self, self.smooth, self.suggestion, ax)

    def __repr__(self) -> str:
        return f"LearningRates({len(self.lr)} steps from {self.lr[0]:.3g} to {self.lr[-1]:.3g}, suggestion={self.suggestion:.3g})"


@suggesting("lr_range")
def lr_range(
    model: Module,
    X: Iterable[Any],
    y: Iterable[Any] | None,
    *,
    loss: Loss,
    optimizer: Optimizer | Sequence[Optimizer],
    lowest: float = 1e-5,
    highest: float = 1.0,
    steps: int = 100,
    batch_size: int | None = None,
    seed: int | None = None,
) -> LearningRates:
    """Take steps with a learning rate that grows by one factor, and return their losses; then all is as before.

    The loss falls, from some rate on, and blows up from another one on, which ends the test (Smith 2017, Cyclical
    Learning Rates for Training Neural Networks, section 3.3).

    Args:
        model: as in `fit`.
        X: as in `fit`.
        y: as in `fit`.
        loss: as in `fit`.
        optimizer: takes the steps, or several do; their own rates are not used.
        lowest: the rate of the first step.
        highest: the rate of the last one.
        steps: how many at most.
        batch_size: rows of a step; by default all of them.
        seed: of the order of the rows.

    Raises:
        TypeError, ValueError: as `fit`; lowest and highest are not in this order.
        FloatingPointError: the first loss or gradient is not finite.

    >>> import microgrannd as mg
    >>> X, y = mg.data.moons(40, noise=0.1, seed=0)
    >>> model = mg.MLP(2, [8, 1], activation="tanh", seed=0)
    >>> mg.lr_range(model, X, y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=0.1), highest=10.0, seed=0)
    LearningRates(87 steps from 1e-05 to 1.63, suggestion=0.123)
    """
    optimizers = require_parts(model, loss, optimizer)
    rows = required_pairs(X, y)
    loss_of = loss if y is not None else of_prediction(loss)
    require_taken(model, rows)
    least, most = (required_finite(name, lr, least=0) for name, lr in (("lowest", lowest), ("highest", highest)))
    if not 0 < least < most:
        raise ValueError(f"lr_range needs 0 < lowest < highest, got lowest={lowest} and highest={highest}")
    count = required_whole("steps", steps, 2)
    size = len(rows) if batch_size is None else required_whole("batch_size", batch_size, 1)
    run = Run(model, optimizers, random.Random(seed_of(seed)), len(rows), seed_of(seed))
    gradients = [(value, value.grad) for value in run.names]
    learner = learner_for(model, loss_of, rows)
    ready: list[Any] = learner.ready(rows)
    found = LearningRates([], [])
    batch: list[int] = []
    try:
        for step in range(count):
            if not batch:
                run.shuffle()
                batch = run.order[:]
                learner.epoch.data = number_of_epoch(run.seed, step + 1)
            chosen, batch = batch[:size], batch[size:]
            run.zero_grad()
            try:
                one = learner.gradients([ready[number] for number in chosen])
                if not step:
                    run.require_trained(learner.reached or set())
                share = step / (count - 1)
                found.lr.append(least ** (1 - share) * most**share)
                found.loss.append(one)
                smooth = found.smooth
                if smooth[-1] > BLOWN_UP * min(smooth) > 0:
                    break
                for changing in optimizers:
                    changing.lr = found.lr[-1]
                    changing.step()
            except ERRORS:
                if not step:
                    raise
                break  # the weights have blown up
    finally:
        run.last.restore()
        for value, gradient in gradients:
            value.grad = gradient
    return found
