"""The optimisers of the library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

from .._checks import required_amounts
from .._text import described
from ..engine.value import Value
from .base import Optimizer
from .schedules import Schedule


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
        momentum, weight_decay = required_amounts(momentum=momentum, weight_decay=weight_decay)
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
        eps, weight_decay = required_amounts(eps=eps, weight_decay=weight_decay)
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
