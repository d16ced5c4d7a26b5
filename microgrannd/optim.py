"""Optimisers, clipping of gradients, and schedules of the learning rate.

>>> from microgrannd import Value, SGD
>>> w = Value(1.0)
>>> optimizer = SGD([w], lr=0.1)
>>> (w * w).backward()
>>> optimizer.step()
>>> w.data
0.8
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import cos, hypot, pi, sqrt
from typing import Any, ClassVar

from ._checks import required_finite, required_reals, required_whole
from ._text import described
from .engine.value import Value, data_of

Schedule = Callable[[int], float]


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
            (lr,) = _checked(lr=lr)
        if max_norm is not None:
            (max_norm,) = _checked(max_norm=max_norm)
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


class SGD(Optimizer):
    """Stochastic gradient descent, with PyTorch's momentum (Sutskever et al. 2013).

    Args:
        params, lr, max_norm: see `Optimizer`.
        momentum: share of the last step's velocity that is kept.
        nesterov: look ahead by the velocity.
        weight_decay: this times the parameter is added to its gradient.
    """

    buffers = ("velocity",)

    def __init__(
        self,
        params: Iterable[Value],
        lr: float | Schedule,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
    ) -> None:
        super().__init__(params, lr, max_norm)
        momentum, weight_decay = _checked(momentum=momentum, weight_decay=weight_decay)
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0, got 0")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.velocity = [0.0] * len(self.params)

    def _update(self, lr: float) -> None:
        momentum, decay, velocity = self.momentum, self.weight_decay, self.velocity
        for i, parameter in enumerate(self.params):
            gradient = parameter.grad + decay * parameter.data if decay else parameter.grad
            if momentum:
                velocity[i] = momentum * velocity[i] + gradient
                gradient = gradient + momentum * velocity[i] if self.nesterov else velocity[i]
            parameter.data -= lr * gradient


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Args:
        params, lr, max_norm: see `Optimizer`.
        betas: decay of the means of the gradient and of its square.
        eps: added to the root of the latter.
        weight_decay: this times the parameter is added to its gradient.
    """

    decoupled = False
    buffers = ("means", "squares")

    def __init__(
        self,
        params: Iterable[Value],
        lr: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
    ) -> None:
        super().__init__(params, lr, max_norm)
        eps, weight_decay = _checked(eps=eps, weight_decay=weight_decay)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas need to be two numbers of at least 0 and below 1, got {described(betas)}")
        if eps == 0:
            raise ValueError("eps needs to be above 0: a gradient of 0 is divided by it")
        self.betas = float(betas[0]), float(betas[1])
        self.eps, self.weight_decay = eps, weight_decay
        self.means = [0.0] * len(self.params)
        self.squares = [0.0] * len(self.params)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the state as `Optimizer` does; means of squares are at least 0."""
        before = self.state_dict()
        super().load_state_dict(state)
        if not all(square >= 0 for square in self.squares):
            super().load_state_dict(before)
            raise ValueError("squares needs numbers of at least 0")

    def _update(self, lr: float) -> None:
        (beta, gamma), means, squares, eps = self.betas, self.means, self.squares, self.eps
        coupled, shrink = (0.0, 1.0 - lr * self.weight_decay) if self.decoupled else (self.weight_decay, 1.0)
        rate, root = lr / (1.0 - beta**self.steps), sqrt(1.0 - gamma**self.steps)
        for i, parameter in enumerate(self.params):
            gradient = parameter.grad + coupled * parameter.data
            means[i] = mean = beta * means[i] + (1.0 - beta) * gradient
            squares[i] = square = gamma * squares[i] + (1.0 - gamma) * gradient * gradient
            parameter.data = parameter.data * shrink - rate * mean / (sqrt(square) / root + eps)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): a parameter shrinks by lr · weight_decay."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Value],
        lr: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        max_norm: float | None = None,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, max_norm)


def clip_grad_norm(params: Iterable[Value], max_norm: float) -> float:
    """Scale all gradients down together so that their Euclidean norm is at most max_norm; return what it was."""
    (max_norm,) = _checked(max_norm=max_norm)
    params = list(params)
    norm = hypot(*(parameter.grad for parameter in params))
    if norm > max_norm:
        for parameter in params:
            parameter.grad *= max_norm / norm
    return norm


def clip_grad_value(params: Iterable[Value], max_value: float) -> None:
    """Clip every gradient to the range from -max_value to max_value."""
    (max_value,) = _checked(max_value=max_value)
    for parameter in params:
        parameter.grad = min(max(parameter.grad, -max_value), max_value)


def cosine(lr: float, steps: int, minimum: float = 0.0) -> Schedule:
    """Return a schedule: half a cosine from lr at step 0 to minimum at ``steps``, then minimum (Loshchilov and Hutter 2017)."""
    lr, minimum, _ = _checked(lr=lr, minimum=minimum, steps=steps)
    return lambda step: minimum + (lr - minimum) * (1 + cos(pi * _progress(step, steps))) / 2


def linear(lr: float, steps: int, end: float = 0.0) -> Schedule:
    """Return a schedule: a straight line from lr at step 0 to end at ``steps``, then end."""
    lr, end, _ = _checked(lr=lr, end=end, steps=steps)
    return lambda step: lr + (end - lr) * _progress(step, steps)


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """Return a schedule: lr, multiplied by factor after each ``every`` steps."""
    lr, factor = _checked(lr=lr, factor=factor)
    if every < 1:
        raise ValueError(f"every needs to be at least 1 step, got {every}")
    return lambda step: lr * factor ** (step // every)


def _progress(step: int, steps: int) -> float:
    return min(step / steps, 1.0) if steps else 1.0


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


def _checked(**numbers: Any) -> list[float]:
    """Return numbers as floats, each finite and at least 0."""
    return [required_finite(name, number, least=0) for name, number in numbers.items()]
