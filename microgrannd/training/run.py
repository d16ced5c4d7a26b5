"""The state of a training, which changes from epoch to epoch, as plain data and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf, isfinite
from pickle import PicklingError
from random import Random
from typing import Any

from .._checks import is_whole, required_real, required_reals
from ..engine.value import Value, data_of
from ..nn.module import Module
from ..optim import Optimizer


@dataclass
class History:
    """The losses and times of a training, an entry for each epoch.

    Attributes:
        loss: the mean over the epoch's rows, each computed before the step that its batch brought about.
        validation_loss: the mean over the validation rows after the epoch; empty where there are none.
        seconds: the time taken.
        interrupted: whether Ctrl-C ended the training.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False


class Run:
    """The state of a training: what changes from epoch to epoch.

    Args:
        model: its parameters change, and those of the optimiser that the model does not have.
        optimizer: changes them.
        rng: shuffles.
        rows: how many there are.

    Attributes:
        names: of the parameters.
        order: in which the rows come.
        history: what happened.
        best: the epoch, from 0, whose weights are kept: that of the lowest judgement, or without patience the last.
        lowest: that judgement.
        kept: the parameters' data then.
    """

    def __init__(self, model: Module, optimizer: Optimizer, rng: Random, rows: int) -> None:
        self.names = {parameter: name for name, parameter in model.named_parameters()}
        for index, parameter in enumerate(optimizer.params):
            self.names.setdefault(parameter, f"optimizer.params.{index}")
        self.model, self.optimizer, self.rng = model, optimizer, rng
        self.order = list(range(rows))
        self.history = History()
        self.best, self.lowest, self.kept = -1, inf, self.weights()
        self.set_weights(self.kept)  # as floats, if they were other numbers
        self._last, self._optimizer = self.kept, Snapshot(optimizer, apart="params")

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self.history.loss)

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

    def zero_grad(self) -> None:
        """Set all gradients to zero, of parameters that the optimiser leaves as they are too."""
        for parameter in self.names:
            parameter.grad = 0.0

    def require_trained(self, reached: Set[Value]) -> None:
        """Require that the optimiser changes what the loss depends on.

        Args:
            reached: the Values on which the loss of the first batch depends.

        Raises:
            ValueError: it holds none of these parameters, or one that is of no use while the model has others.
        """
        own, held = set(self.model.parameters()), self.optimizer.params
        known = own | reached
        if reached.isdisjoint(held):
            raise ValueError(
                "the loss depends on no parameter of the optimizer: make it of this model's, as in "
                f"{type(self.optimizer).__name__}(model.parameters(), ...)"
            )
        strange = [index for index, parameter in enumerate(held) if parameter not in known]
        if strange and not own <= set(held):
            raise ValueError(
                f"optimizer.params[{strange[0]}] is not a parameter of the model, which has others that the "
                "optimizer does not hold: was one replaced? Make the optimizer anew"
            )

    def go_back(self) -> None:
        """Undo what was done since the last whole epoch: weights, and the optimiser's state."""
        self.set_weights(self._last)
        self._optimizer.restore()

    def _note_last(self, weights: list[float]) -> None:
        self._last = weights
        self._optimizer.take()

    def set_weights(self, numbers: Sequence[float]) -> None:
        """Set the parameters' data."""
        for parameter, number in zip(self.names, numbers, strict=True):
            parameter.data = number

    def add(self, loss: float, judgement: float | None, seconds: float, patient: bool) -> None:
        """Add an epoch to the history, and keep its weights; where there is patience, only if they are the best.

        Raises:
            FloatingPointError: a weight is not finite.
        """
        weights = self.weights()
        self.history.loss.append(loss)
        self.history.validation_loss += [] if judgement is None else [judgement]
        self.history.seconds.append(seconds)
        number = inf if judgement is None else judgement
        if not patient or number < self.lowest:
            self.kept, self.lowest, self.best = weights, number, self.epochs - 1
        self._note_last(weights)

    def is_over(self, epochs: int, patience: int | None) -> bool:
        """Tell whether there were so many epochs, or too many without a lower validation loss."""
        return self.epochs >= epochs or (patience is not None and self.epochs - 1 - self.best >= patience)

    def state(self) -> dict[str, Any]:
        """Return the state as plain data, copied."""
        return {
            "weights": self.weights(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.rng.getstate(),
            "order": list(self.order),
            "loss": list(self.history.loss),
            "validation_loss": list(self.history.validation_loss),
            "seconds": list(self.history.seconds),
            "best": {"epoch": self.best, "loss": self.lowest if isfinite(self.lowest) else None, "weights": self.kept},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Set the state to what `state` returned.

        Raises:
            TypeError, KeyError, ValueError, ...: it is not that. Then nothing is set.
        """
        loss, judgements, seconds = (
            required_reals(name, state[name]) for name in ("loss", "validation_loss", "seconds")
        )
        if len(seconds) != len(loss) or len(judgements) not in (0, len(loss)):
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
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.setstate(rng.getstate())
        self.order = order
        self.history = History(loss, judgements, seconds)
        self.best, self.lowest, self.kept = best, lowest, kept
        self.set_weights(weights)
        self._note_last(weights)


class Snapshot:
    """A copy of an object's attributes, which later changes to the object do not reach.

    Args:
        thing: whose attributes.
        apart: an attribute that is left out.
    """

    def __init__(self, thing: Any, apart: str) -> None:
        self.thing, self.apart = thing, apart
        self.take()

    def take(self) -> None:
        """Take the attributes as they are now, with copies of those that may be changed in place."""
        now = self.kept = dict(vars(self.thing))
        del now[self.apart]
        for name, part in now.items():
            if type(part) is list and set(map(type, part)) <= {float}:
                now[name] = part[:]
            elif type(part) not in _FIXED and not callable(part):
                now[name] = self._copied(part)

    def _copied(self, part: Any) -> Any:
        """Return a deep copy, except of what is kept apart and of what cannot be copied, such as a lock."""
        try:
            return deepcopy(part, {id(one): one for one in vars(self.thing)[self.apart]})
        except (TypeError, PicklingError, NotImplementedError):
            return part

    def restore(self) -> None:
        """Set the attributes to what they were."""
        vars(self.thing).update(self.kept)
        self.take()


_FIXED = frozenset({int, float, bool, str, type(None)})
