"""The optimisers of the library, as formulas: see `Optimizer` for what the names in them stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from .._checks import required_amounts
from .._guesses import suggesting
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

    Raises:
        TypeError, ValueError: as `Optimizer`; an option is negative or not a number; nesterov without momentum.

    >>> from microgrannd import SGD, Value
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.data
    0.8
    """

    update: ClassVar[Mapping[str, str]] = {
        "g": "g + weight_decay * p if weight_decay else g",
        "velocity": "momentum * velocity + g if momentum else velocity",
        "p": "p - lr * (g + momentum * velocity if nesterov else velocity if momentum else g)",
    }

    @suggesting("Optimizer")
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
        self.momentum, self.nesterov, self.weight_decay = momentum, bool(nesterov), weight_decay


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Args:
        params, lr, max_norm: see `Optimizer`.
        betas: decay of the means of the gradient and of its square.
        eps: added to the root of the latter.
        weight_decay: this times the parameter is added to its gradient.

    Raises:
        TypeError, ValueError: as `Optimizer`; betas are not two numbers from 0 to below 1, eps is not above 0, or
            weight_decay is negative.

    >>> from microgrannd import Adam, Value
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> Adam([w], lr=0.1).step()  # the first step is as long as lr
    >>> round(w.data, 6)
    0.9
    """

    nonnegative = ("squares",)
    update: ClassVar[Mapping[str, str]] = {
        "g": "g + weight_decay * p if weight_decay else g",
        "means": "beta1 * means + (1 - beta1) * g",
        "squares": "beta2 * squares + (1 - beta2) * g * g",
        "p": "p - lr / (1 - beta1 ** t) * means / (sqrt(squares) / sqrt(1 - beta2 ** t) + eps)",
    }

    @suggesting("Optimizer")
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
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas need to be two numbers of at least 0 and below 1, got {described(betas)}")
        self.betas = float(betas[0]), float(betas[1])
        self.eps, self.weight_decay = _positive_eps(eps), *required_amounts(weight_decay=weight_decay)

    @property
    def beta1(self) -> float:
        """The decay of the mean of the gradient."""
        return self.betas[0]

    @property
    def beta2(self) -> float:
        """The decay of the mean of its square."""
        return self.betas[1]


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): a parameter shrinks by lr · weight_decay.

    Args:
        params, lr, max_norm: see `Optimizer`.
        betas, eps: see `Adam`.
        weight_decay: the share, times lr, that a parameter loses at each step.

    Raises:
        TypeError, ValueError: as `Adam`.

    >>> from microgrannd import AdamW, Value
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> round(w.data, 6)
    0.85
    """

    update: ClassVar[Mapping[str, str]] = {
        "means": "beta1 * means + (1 - beta1) * g",
        "squares": "beta2 * squares + (1 - beta2) * g * g",
        "p": "p * (1 - lr * weight_decay) - lr / (1 - beta1 ** t) * means / (sqrt(squares) / sqrt(1 - beta2 ** t) + eps)",
    }

    @suggesting("Optimizer")
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


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012, lecture 6e of Neural Networks for Machine Learning), with PyTorch's options.

    Args:
        params, lr, max_norm: see `Optimizer`.
        alpha: decay of the mean of the gradient's square.
        eps: added to the root of that mean.
        weight_decay: this times the parameter is added to its gradient.
        momentum: share of the last step's velocity that is kept.
        centered: divide by the standard deviation of the gradient instead (Graves 2013).

    Raises:
        TypeError, ValueError: as `Optimizer`; alpha is not from 0 to below 1, eps is not above 0, or another option is
            negative.

    >>> from microgrannd import RMSprop, Value
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> RMSprop([w], lr=0.1, alpha=0.75).step()
    >>> round(w.data, 6)
    0.8
    """

    nonnegative = ("squares",)
    update: ClassVar[Mapping[str, str]] = {
        "g": "g + weight_decay * p if weight_decay else g",
        "squares": "alpha * squares + (1 - alpha) * g * g",
        "means": "alpha * means + (1 - alpha) * g if centered else means",
        "variance": "squares - means * means",
        "scaled": "g / (sqrt((0 if variance < 0 else variance) if centered else squares) + eps)",
        "velocity": "momentum * velocity + scaled if momentum else velocity",
        "p": "p - lr * (velocity if momentum else scaled)",
    }

    @suggesting("Optimizer")
    def __init__(
        self,
        params: Iterable[Value],
        lr: float | Schedule = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        max_norm: float | None = None,
    ) -> None:
        super().__init__(params, lr, max_norm)
        self.alpha, self.weight_decay, self.momentum = required_amounts(
            alpha=alpha, weight_decay=weight_decay, momentum=momentum
        )
        if self.alpha >= 1:
            raise ValueError(f"alpha needs to be a number of at least 0 and below 1, got {described(alpha)}")
        self.eps, self.centered = _positive_eps(eps), bool(centered)


def _positive_eps(eps: float) -> float:
    (eps,) = required_amounts(eps=eps)
    if eps == 0:
        raise ValueError("eps needs to be above 0: a gradient of 0 is divided by it")
    return eps
