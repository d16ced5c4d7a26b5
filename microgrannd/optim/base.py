"""What all optimisers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from .._checks import required_amounts, required_reals, required_whole
from .._text import described
from ..engine.value import Value, data_of
from .clipping import clip_grad_norm
from .schedules import Schedule


class Optimizer:
    """Base class of the optimisers.

    Args:
        params: the Values to change, usually ``model.parameters()``: leaves, at least one, none twice.
        lr: the learning rate, a number or a function of the step (from 0), as `cosine` and its like make. It can be
            assigned at any time.
        max_norm: clip the gradients to this norm before each step, see `clip_grad_norm`.

    To make one of your own, write the method ``_update(self, lr)``, which changes ``self.params`` by their gradients,
    and name in ``buffers`` the lists that it keeps, so that checkpoints hold them:

    >>> from microgrannd import Optimizer, Value
    >>> class Momentum(Optimizer):
    ...     buffers = ("speeds",)
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, lr)
    ...         self.speeds = [0.0] * len(self.params)
    ...     def _update(self, lr):
    ...         self.speeds = [0.9 * speed - lr * p.grad for speed, p in zip(self.speeds, self.params)]
    ...         for p, speed in zip(self.params, self.speeds):
    ...             p.data += speed
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> Momentum([w], lr=0.1).step()
    >>> w.data
    0.8
    """

    #: The attributes that steps change and that hold a number for each parameter.
    buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Iterable[Value], lr: float | Schedule, max_norm: float | None = None) -> None:
        self.params = list(params)
        _check_parameters(self.params)
        if not callable(lr):
            (lr,) = required_amounts(lr=lr)
        if max_norm is not None:
            (max_norm,) = required_amounts(max_norm=max_norm)
        self.lr, self.max_norm = lr, max_norm
        self.steps = 0

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero."""
        for parameter in self.params:
            parameter.grad = 0.0

    def step(self) -> None:
        """Change every parameter's data by its gradient.

        Raises:
            TypeError: a parameter's data is not a real number; then nothing is changed.
        """
        if any([type(parameter.data) is not float for parameter in self.params]):  # noqa: C419  # a list is faster
            names = (parameter.label or f"params[{index}]" for index, parameter in enumerate(self.params))
            for parameter, number in zip(self.params, data_of(self.params, names), strict=True):
                parameter.data = number
        if self.max_norm is not None:
            clip_grad_norm(self.params, self.max_norm)
        lr = self.lr(self.steps) if callable(self.lr) else self.lr
        self.steps += 1
        self._update(float(lr))

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the steps so far: their number, and lists of a number for each parameter.

        What the optimiser was made with, a schedule of the learning rate too, is not in it: see `options`.
        """
        return {"steps": self.steps, **{name: list(getattr(self, name)) for name in self.buffers}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the state to what `state_dict` returned.

        Raises:
            KeyError: an entry is missing, or unknown; then nothing is set.
            TypeError, ValueError: an entry is of another kind or length; then nothing is set.
        """
        names = {"steps", *self.buffers}
        if state.keys() != names:
            raise KeyError(f"the state of {type(self).__name__} has {sorted(names)}, got {sorted(state)}")
        steps = required_whole("steps", state["steps"], 0, 2**53)
        buffers = {name: required_reals(name, state[name]) for name in self.buffers}
        for name, numbers in buffers.items():
            if len(numbers) != len(self.params):
                raise ValueError(f"{name} needs a number for each of {len(self.params)} parameters, got {len(numbers)}")
        self.steps = steps
        for name, numbers in buffers.items():
            setattr(self, name, numbers)

    def options(self) -> dict[str, Any]:
        """Return the arguments that make an optimiser of this form, but for the parameters."""
        return {name: value for name, value in vars(self).items() if name not in ("params", "steps", *self.buffers)}

    def _update(self, lr: float) -> None:
        raise NotImplementedError


def _check_parameters(params: list[Any]) -> None:
    if not params:
        raise ValueError("an optimiser needs at least one parameter, got none")
    first: dict[Value, int] = {}
    for index, parameter in enumerate(params):
        if not isinstance(parameter, Value):
            raise TypeError(f"an optimiser needs Values, got {described(parameter)}")
        if parameter._rule is not None:
            raise ValueError(
                f"params[{index}] needs to be a leaf, got a result, {parameter}: changing that would change no output"
            )
        if first.setdefault(parameter, index) != index:
            raise ValueError(f"params[{index}] is params[{first[parameter]}] again; each parameter may be given once")
