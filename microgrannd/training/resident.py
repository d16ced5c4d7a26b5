"""Training that stays in the program: weights, gradients and buffers as flat numbers, not as attributes of Values.

The state is replaced, never changed. So whatever ends an epoch, there is a whole state to go back to; Values and
optimisers are set when somebody can look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from inspect import getattr_static
from math import isfinite
from operator import add, mul
from statistics import fmean
from typing import Any, NamedTuple

from .._interrupts import Interrupts
from ..compiler.fused import MOST_PARAMETERS, trainer
from ..compiler.python import Plain
from ..compiler.updates import Trainer
from ..compiler.workers import BLOCK
from ..engine.value import Value, data_of
from ..optim import Optimizer
from ..optim.update import Update
from ..rules.ieee import ERRORS
from .gradients import Compiled, Distributed
from .parts import Part
from .run import Run

#: Of each optimiser, its part, the number of its steps, and its buffers.
Parts = tuple[tuple[Part, int, Any], ...]


class State(NamedTuple):
    """What a step changes.

    Attributes:
        owner: whose training it is of.
        values: what the numbers are of.
        data: of the program's parameters, and after them those that only an optimiser has.
        gradients: of the last batch.
        parts: of each optimiser.
    """

    owner: Resident
    values: list[Value]
    data: Any
    gradients: Any
    parts: Parts

    def restore(self) -> None:
        """Set all Values and optimisers to this state."""
        owner = self.owner
        self.restore_weights()
        owner.run.zero_grad()
        for value, gradient in zip(self.values, owner.runner.listed(self.gradients), strict=True):
            if value in owner.own:
                value.grad = gradient
        for part, steps, buffers in self.parts:
            part.optimizer.steps = steps
            for name, numbers in zip(part.update.buffers, map(owner.runner.listed, buffers), strict=True):
                getattr(part.optimizer, name)[:] = [numbers[place] for place in part.places]

    def restore_weights(self) -> None:
        """Set the data of all parameters."""
        for value, number in zip(self.values, self.owner.runner.listed(self.data), strict=True):
            if value in self.owner.own:
                value.data = number

    def weights(self) -> list[float]:
        """Return the data of the run's parameters, in its order."""
        found = dict(zip(self.values, self.owner.runner.listed(self.data), strict=True))
        return [found.get(value, value.data) for value in self.owner.run.names]


def is_resident(learner: Any, optimizers: Sequence[Optimizer]) -> bool:
    """Tell whether a training can stay in the program: all that changes weights is a formula."""
    return isinstance(learner, Compiled) and all(map(_is_formula, optimizers))


def _is_formula(optimizer: Optimizer) -> bool:
    """Tell whether an optimiser is nothing but formulas, of options that do not follow its steps or its parameters."""
    kind, settled = type(optimizer), optimizer.settled()
    if settled is None or {"step", "zero_grad"} & vars(optimizer).keys():
        return False
    if (kind.step, kind.zero_grad) != (Optimizer.step, Optimizer.zero_grad):
        return False
    read = [getattr_static(kind, name, None) for name in ("lr", "max_norm", *settled.update.options)]
    return all(not isinstance(one, property) or _is_own(one.fget) for one in read)


def _is_own(function: Any) -> bool:
    """Tell whether a function is one of this library."""
    return str(getattr(function, "__module__", "")).startswith("microgrannd.")


class Resident:
    """Computes epochs by a program that keeps all numbers.

    Args:
        run: whose parameters are trained.
        learner: has the program.
        rows: prepared by the learner.
        size: rows of a step.
        interrupts: where Ctrl-C may end a computation.

    Attributes:
        values: what the numbers of the state are of.
        places: where each is among them.
        own: those that the training changes.
        state: the latest one.
    """

    def __init__(self, run: Run, learner: Compiled, rows: Sequence[Any], size: int, interrupts: Interrupts) -> None:
        self.run, self.learner, self.size, self.interrupts = run, learner, size, interrupts
        self.runner, inside, self.rows = learner.resident(rows)
        self.pairs = rows
        self.reached = learner.reached
        self.of_program, self.inside = inside, len(inside)
        self._kept: dict[Any, Any] = {}
        self.load()

    def load(self) -> None:
        """Take the state from Values and optimisers."""
        held = [parameter for optimizer in self.run.optimizers for parameter in optimizer.params]
        self.own = {*self.run.names, *held}  # and not what only the loss reads
        self.values = list(dict.fromkeys([*self.of_program, *held]))
        self.places = index = {value: number for number, value in enumerate(self.values)}
        self.parts = [
            Part(optimizer, [index[p] for p in optimizer.params], len(optimizer.params) == len(self.values))
            for optimizer in self.run.optimizers
        ]
        parts = []
        for part in self.parts:
            lists = (getattr(part.optimizer, name) for name in part.update.buffers)
            buffers = ([numbers[place] for place in _inverse(part.places)] for numbers in lists)
            parts.append((part, part.optimizer.steps, self.runner.vectors(list(buffers))))
        names = (self.run.names.get(value, value.label or "a leaf") for value in self.values)
        data = data_of(self.values, names)
        gradients = self.runner.vector([value.grad for value in self.values])
        self.state = State(self, self.values, self.runner.vector(data), gradients, tuple(parts))
        self.updates = [self._made(self.runner.update, part.update) for part in self.parts]
        (part, *others) = self.parts
        alike = not others and part.chosen is None and part.optimizer.max_norm is None
        self.simple = alike and self.inside == len(self.values) and not isinstance(self.learner, Distributed)
        self.trainer = self._trainer()

    def _trainer(self) -> Trainer | None:
        """Return what takes the steps of whole epochs, if there is one optimiser of all numbers, and it clips nothing.

        Where there are masks, their number is one that no optimiser has.
        """
        update = self.parts[0].update
        lr = self.parts[0].optimizer.lr
        if not self.simple or callable(lr) and not _is_own(lr):  # which may count its calls
            return None
        if hasattr(self.runner, "train"):
            return partial(self.runner.train, update)
        if isinstance(self.runner, Plain) and self.size <= BLOCK and len(self.values) <= MOST_PARAMETERS:
            return self._made(partial(trainer, self.runner), update)  # type: ignore[no-any-return]
        return None

    def _made(self, make: Callable[[Update], Any], update: Update) -> Any:
        """Return what a function makes of an update, made once."""
        key = getattr(make, "func", make), update
        if key not in self._kept:
            self._kept[key] = make(update)
        return self._kept[key]

    def epochs(self, orders: Sequence[Sequence[int]]) -> list[float] | None:
        """Take the steps of several epochs at once; return their losses, or None if a step needs a closer look.

        Then nothing is changed.
        """
        losses, self.state = self.interrupts.run(self._epochs, orders)
        return losses

    def _epochs(self, orders: Sequence[Sequence[int]]) -> tuple[list[float] | None, State]:
        ((part, steps, buffers), *_) = self.state.parts
        rows = len(orders[0])
        firsts = range(0, rows, self.size)
        count = len(firsts) * len(orders)
        if self.trainer is None:
            return None, self.state
        try:
            constants = part.constants_of(range(steps, steps + count), self.runner)
        except (TypeError, *ERRORS):
            return None, self.state
        found = self.trainer(self.rows, orders, self.size, self.state.data, buffers, constants)
        if found is None or not self.runner.is_finite(found.data):
            return None, self.state
        losses = found.losses
        if len(firsts) > 1:
            shares = [min(self.size, rows - first) / rows for first in firsts]
            of_epochs = (losses[first : first + len(firsts)] for first in range(0, count, len(firsts)))
            losses = [reduce(add, map(mul, shares, of_epoch), 0.0) for of_epoch in of_epochs]
        return losses, State(self, self.values, found.data, found.gradients, ((part, steps + count, found.buffers),))

    def publish(self) -> None:
        """Set Values and optimisers to the state."""
        self.state.restore()

    def epoch(self, order: Sequence[int]) -> float:
        """Take a step for each batch of rows in this order; return the mean of the losses before the steps.

        Raises:
            FloatingPointError: a loss or a gradient is not finite; Values and optimisers are as before that step.
        """
        loss, self.state = self.interrupts.run(self._epoch, order)
        return loss

    def _epoch(self, order: Sequence[int]) -> tuple[float, State]:
        if not self.run.epochs:
            self.run.require_trained(self.reached)
        self._draw()
        losses, state = self._epochs([order])
        if losses:
            return losses[0], state
        state, total = self.state, 0.0
        try:
            for first in range(0, len(order), self.size):
                batch = order[first : first + self.size]
                loss, state = self.step(batch, state)
                total += len(batch) / len(order) * loss
        except BaseException:
            self.state = state
            raise
        return total, state

    def _draw(self) -> None:
        """Set the number from which masks are drawn, if the program draws any, to that of the next epoch."""
        epoch = self.learner.epoch
        if epoch in self.places:
            epoch.data = self.run.masks
            data = self.runner.replaced(self.state.data, [self.places[epoch]], [epoch.data])
            self.state = self.state._replace(data=data)

    def finished(self) -> State:
        """Return the state after an epoch.

        Raises:
            FloatingPointError: a weight is not finite; then all is as after the last whole epoch.
        """
        if not self.runner.is_finite(self.state.data):
            self.publish()
            try:
                self.run.weights()  # names the weight
            except FloatingPointError:
                self.run.last.restore()
                self.load()
                raise
        return self.state

    def step(self, batch: Sequence[int], state: State) -> tuple[float, State]:
        """Take a step; return the loss of the batch before it, and the state after it."""
        loss, gradients = self.gradients(batch, state)
        return loss, self.updated(gradients, state)

    def gradients(self, batch: Sequence[int], state: State) -> tuple[float, Any]:
        """Return the loss of a batch, and its gradients by all parameters."""
        runner, count = self.runner, len(batch)
        try:
            total, sums = self.sums(batch, state.data[: self.inside])
            loss, gradients = total / count, runner.shares(sums, count)
            if isfinite(loss) and runner.is_finite(gradients):
                return loss, runner.longer(gradients, len(self.values))
        except ERRORS:
            pass  # recorded below
        return self._recorded([self.pairs[number] for number in batch], state)

    def sums(self, batch: Sequence[int], data: Any) -> tuple[float, Any]:
        """Return the sums of the loss over the rows of a batch, and of its gradients: block by block."""
        if isinstance(self.learner, Distributed) and len(batch) > BLOCK:
            blocks = self.learner.sums(batch, self.runner.unordered(data))
        else:
            rows = self.runner.chosen(self.rows, batch)
            blocks = (self.runner.backward(rows[i : i + BLOCK], data) for i in range(0, len(rows), BLOCK))
        total, sums = next(blocks)
        for more, others in blocks:
            total, sums = total + more, self.runner.added(sums, others)
        return total, sums

    def _recorded(self, batch: Sequence[Any], state: State) -> tuple[float, Any]:
        """Compute a batch by Values, for an error that says which operation is not finite."""
        state.restore()
        self.run.zero_grad()
        loss = self.learner.gradients(batch)
        gradients = [value.grad for value in self.values]
        if not isfinite(sum(gradients)):
            self.learner.blame(batch)
        return loss, self.runner.vector(gradients)

    def updated(self, gradients: Any, state: State) -> State:
        """Return the state after a step of each optimiser by these gradients."""
        data, parts, shown = state.data, [], gradients
        for (part, steps, buffers), update in zip(state.parts, self.updates, strict=True):
            own = gradients if part.chosen is None else self.runner.chosen(gradients, part.chosen)
            clipped = part.clipped(own, self.runner)
            old = data if part.chosen is None else self.runner.chosen(data, part.chosen)
            try:
                new, buffers = update(old, clipped, buffers, part.constants(steps))
            except (TypeError, *ERRORS):
                self._step_by_values(part.optimizer, gradients, state)
                raise
            data = new if part.chosen is None else self.runner.replaced(data, part.chosen, new)
            if clipped is not own:
                shown = clipped if part.chosen is None else self.runner.replaced(shown, part.chosen, clipped)
            parts.append((part, steps + 1, buffers))
        return State(self, self.values, data, shown, tuple(parts))

    def _step_by_values(self, optimizer: Optimizer, gradients: Any, state: State) -> None:
        """Let an optimiser take a step that has no value, for an error that names the parameter."""
        state.restore()
        for value, gradient in zip(self.values, self.runner.listed(gradients), strict=True):
            value.grad = gradient
        optimizer.step()

    def judge(self, rows: Sequence[Any]) -> float:
        """Return the mean loss of rows with the weights of the state."""
        try:
            return fmean(self.learner.outputs(rows, self.state.data[: self.inside], self.runner))
        except ERRORS:
            self.publish()
            return self.learner.judge(rows)


def _inverse(places: Sequence[int]) -> list[int]:
    """Return where each place is among the places."""
    found = [0] * len(places)
    for number, place in enumerate(places):
        found[place] = number
    return found
