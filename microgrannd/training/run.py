"""The state of a training, which changes from epoch to epoch, as plain data and back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence, Set
from copy import deepcopy
from math import inf, isfinite
from pickle import PicklingError
from random import Random
from typing import Any, NamedTuple, Protocol

from .._checks import is_whole, required_real, required_reals
from ..engine.value import Value, data_of
from ..nn.masks import number_of_epoch
from ..nn.module import Module
from ..optim import Optimizer
from .history import History


class State(Protocol):
    """What a training has changed, at some moment."""

    def restore(self) -> None:
        """Set weights, gradients and optimisers to this state."""

    def restore_weights(self) -> None:
        """Set the weights."""

    def weights(self) -> list[float]:
        """Return the data of the run's parameters, in its order."""


class Run:
    """The state of a training: what changes from epoch to epoch.

    Args:
        model: its parameters change, and those of the optimisers that the model does not have.
        optimizers: change them.
        rng: shuffles.
        rows: how many there are.
        seed: of masks; without one it is drawn.

    Attributes:
        names: of the parameters.
        order: in which the rows come.
        history: what happened.
        best: the epoch, from 0, whose weights are kept: that of the lowest judgement, or without patience the last.
        lowest: that judgement.
        kept: the state then.
        last: the state after the last whole epoch.
    """

    def __init__(
        self, model: Module, optimizers: Sequence[Optimizer], rng: Random, rows: int, seed: int | None = None
    ) -> None:
        self.seed = secrets.randbits(64) if seed is None else seed
        self.names = {parameter: name for name, parameter in model.named_parameters()}
        for name, optimizer in named(optimizers).items():
            for index, parameter in enumerate(optimizer.params):
                self.names.setdefault(parameter, f"{name}.params.{index}")
        self.model, self.optimizers, self.rng = model, list(optimizers), rng
        self.order = list(range(rows))
        self.history = History()
        self.set_weights(self.weights())  # as floats, if they were other numbers
        self.best, self.lowest = -1, inf
        self.kept: State | Saved = self.saved()
        self.last: State | Saved = self.kept

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self.history.loss)

    @property
    def masks(self) -> float:
        """The number from which the masks of the next epoch are drawn."""
        return number_of_epoch(self.seed, self.epochs + 1)

    def weights(self) -> list[float]:
        """Return the parameters' data.

        Raises:
            FloatingPointError: one is not finite.
        """
        numbers = data_of(list(self.names), self.names.values())
        if not all(map(isfinite, numbers)):
            name, number = next(
                pair for pair in zip(self.names.values(), numbers, strict=True) if not isfinite(pair[1])
            )
            raise FloatingPointError(f"the weight {name} is {number}; a lower learning rate may help")
        return numbers

    def saved(self) -> Saved:
        """Return what the Values and optimisers hold now.

        Raises:
            FloatingPointError: a weight is not finite.
        """
        return Saved(self, self.weights(), [_attributes(vars(one), one.params) for one in self.optimizers])

    def zero_grad(self) -> None:
        """Set all gradients to zero, of parameters that the optimiser leaves as they are too."""
        for parameter in self.names:
            parameter.grad = 0.0

    def require_trained(self, reached: Set[Value]) -> None:
        """Require that the optimisers change what the loss depends on, and that no two change the same.

        Args:
            reached: the Values on which the loss of the first batch depends.

        Raises:
            ValueError: they hold none of these parameters, or one that is of no use while the model has others.
        """
        own = set(self.model.parameters())
        held = {p for optimizer in self.optimizers for p in optimizer.params}
        known = own | reached
        if reached.isdisjoint(held):
            raise ValueError(
                "the loss depends on no parameter of the optimizer: make it of this model's, as in "
                f"{type(self.optimizers[0]).__name__}(model.parameters(), ...)"
            )
        for name, optimizer in named(self.optimizers).items():
            strange = [index for index, parameter in enumerate(optimizer.params) if parameter not in known]
            if strange and not own <= held:
                raise ValueError(
                    f"{name}.params[{strange[0]}] is not a parameter of the model, which has "
                    "others that the optimizer does not hold: was one replaced? Make the optimizer anew"
                )

    def require_same(self) -> None:
        """Require that the model has the parameters that it had at the start.

        Raises:
            ValueError: one was replaced.
        """
        for name, parameter in {n: p for n, p in self.model.named_parameters() if p not in self.names}.items():
            raise ValueError(f"the model's parameter {name} is another one now ({parameter}): set its data instead")

    def set_weights(self, numbers: Sequence[float]) -> None:
        """Set the parameters' data."""
        for parameter, number in zip(self.names, numbers, strict=True):
            parameter.data = number

    def shuffle(self) -> None:
        """Put the rows in a new order, the one that `random.Random.shuffle` gives, in a third of its time."""
        order, bits = self.order, self.rng.getrandbits
        for last in range(len(order) - 1, 0, -1):
            size = (last + 1).bit_length()
            other = bits(size)
            while other > last:
                other = bits(size)
            order[last], order[other] = order[other], order[last]

    def add(
        self,
        loss: float,
        judgement: float | None,
        seconds: float,
        patient: bool,
        state: State | Saved,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add an epoch to the history, and keep the state after it; where there is patience, as the best only if it is."""
        history = self.history
        for name, metric in (metrics or {}).items():
            history.metrics.setdefault(name, []).append(metric)
        history.loss.append(loss)
        if judgement is not None:
            history.validation_loss.append(judgement)
        history.seconds.append(seconds)
        number = inf if judgement is None else judgement
        if not patient or number < self.lowest:
            self.kept, self.lowest, self.best = state, number, self.epochs - 1
        self.last = state

    def is_over(self, epochs: int, patience: int | None) -> bool:
        """Tell whether there were so many epochs, or too many without a lower validation loss."""
        return self.epochs >= epochs or (patience is not None and self.epochs - 1 - self.best >= patience)

    def state(self) -> dict[str, Any]:
        """Return the state as plain data, copied."""
        return {
            "weights": self.weights(),
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "random": self.rng.getstate(),
            "order": list(self.order),
            "loss": list(self.history.loss),
            "validation_loss": list(self.history.validation_loss),
            "seconds": list(self.history.seconds),
            "metrics": {name: list(curve) for name, curve in self.history.metrics.items()},
            "best": {
                "epoch": self.best,
                "loss": self.lowest if isfinite(self.lowest) else None,
                "weights": self.kept.weights(),
            },
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Set the state to what `state` returned.

        Raises:
            TypeError, KeyError, ValueError, ...: it is not that. Then nothing is set.
        """
        loss, judgements, seconds = (
            required_reals(name, state[name]) for name in ("loss", "validation_loss", "seconds")
        )
        metrics = {
            name: required_reals(f"the metric {name}", curve) for name, curve in state.get("metrics", {}).items()
        }
        if {len(seconds), *map(len, metrics.values())} - {len(loss)} or len(judgements) not in (0, len(loss)):
            raise ValueError("the lists of the history differ in length")
        best, lowest = state["best"]["epoch"], state["best"]["loss"]
        lowest = inf if lowest is None else required_real("the best loss", lowest)
        weights, kept = (required_reals("weights", part["weights"]) for part in (state, state["best"]))
        if not (is_whole(best) and -1 <= best < len(loss) and len(weights) == len(kept) == len(self.names)):
            raise ValueError("the best epoch or the weights do not fit")
        if not all(map(isfinite, [*weights, *kept])):
            raise ValueError("a weight is not finite")
        order = list(state["order"])
        if set(map(type, order)) - {int} or sorted(order) != sorted(self.order):
            raise ValueError("the order of the rows does not fit")
        version, words, gauss = state["random"]
        rng = Random()
        rng.setstate((version, tuple(words), gauss))
        if len(state["optimizer"]) != len(self.optimizers):
            raise ValueError("the states of the optimizers do not fit")
        before = [optimizer.state_dict() for optimizer in self.optimizers]
        try:
            for optimizer, own in zip(self.optimizers, state["optimizer"], strict=True):
                optimizer.load_state_dict(own)
        except BaseException:
            for optimizer, own in zip(self.optimizers, before, strict=True):
                optimizer.load_state_dict(own)
            raise
        self.rng.setstate(rng.getstate())
        self.order = order
        self.history = History(loss, judgements, seconds, metrics=metrics)
        self.set_weights(weights)
        last = self.last = self.saved()
        self.best, self.lowest, self.kept = best, lowest, Saved(self, kept, last.optimizers)


class Saved(NamedTuple):
    """A state of Values and optimisers, copied.

    Attributes:
        run: whose they are.
        numbers: the weights.
        optimizers: the attributes of each.
    """

    run: Run
    numbers: list[float]
    optimizers: list[dict[str, Any]]

    def restore(self) -> None:
        """Set weights and optimisers to this state."""
        self.restore_weights()
        for optimizer, kept in zip(self.run.optimizers, self.optimizers, strict=True):
            vars(optimizer).update(_attributes(kept, optimizer.params))

    def restore_weights(self) -> None:
        """Set the weights."""
        self.run.set_weights(self.numbers)

    def weights(self) -> list[float]:
        """Return the weights."""
        return self.numbers


def named(optimizers: Sequence[Optimizer]) -> dict[str, Optimizer]:
    """Return the optimisers of a training by what errors call them."""
    if len(optimizers) == 1:
        return {"optimizer": optimizers[0]}
    return {f"optimizer[{number}]": optimizer for number, optimizer in enumerate(optimizers)}


def _attributes(of: Mapping[str, Any], params: Sequence[Value]) -> dict[str, Any]:
    """Return an optimiser's attributes but its parameters, with copies of those that may be changed in place."""
    now = {name: part for name, part in of.items() if name != "params"}
    for name, part in now.items():
        if type(part) is list and set(map(type, part)) <= {float}:
            now[name] = part[:]
        elif type(part) not in _FIXED and not callable(part):
            now[name] = _copied(part, params)
    return now


def _copied(part: Any, apart: Sequence[Any]) -> Any:
    """Return a deep copy, except of what is kept apart and of what cannot be copied, such as a lock."""
    try:
        return deepcopy(part, {id(one): one for one in apart})
    except (TypeError, PicklingError, NotImplementedError):
        return part


_FIXED = frozenset({int, float, bool, str, type(None)})
