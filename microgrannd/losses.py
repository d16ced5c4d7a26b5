"""Losses: how far predictions are from targets.

Each takes one prediction and its target, or two equally long lists, for which it is the mean.

>>> from microgrannd import Value
>>> from microgrannd.losses import mse
>>> mse([Value(1.0), Value(3.0)], [0.0, 1.0])
Value(data=2.5, grad=0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from ._checks import real
from ._guesses import missing
from ._text import described
from .engine.functions import fabs, mean, minimum, relu
from .engine.graph import number
from .engine.lookup import lookup
from .engine.operations import rule
from .engine.value import Value
from .rules.lookup import NoElement
from .rules.rule import plain
from .rules.table import Operations, _logistic

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, f"module {__name__!r}", name)


Loss = Callable[..., Any]


def _averaged(loss: Loss) -> Loss:
    """The mean of a loss over lists, of the loss itself over single predictions."""

    @wraps(loss)
    def averaged(prediction: Any, target: Any, **options: Any) -> Any:
        if not _is_list(prediction):
            if _is_list(target):
                if len(target) != 1:
                    raise ValueError(f"{loss.__name__} needs one target for one prediction, got {described(target)}")
                (target,) = target
            return loss(prediction, target, **options)
        if not _is_list(target) or len(target) != len(prediction):
            found = f"{len(target)} targets" if _is_list(target) else described(target)
            raise ValueError(
                f"{loss.__name__} needs as many targets as predictions, got {len(prediction)} predictions and {found}"
            )
        return mean([averaged(p, t, **options) for p, t in zip(prediction, target, strict=True)])

    return averaged


@_averaged
def mse(prediction: Any, target: Any) -> Any:
    """Squared error (prediction - target)².

    Args:
        prediction: a Value or number, or a list of them.
        target: a number, or a list of as many.

    Raises:
        ValueError: there are not as many targets as predictions.

    >>> mse([2.0, 3.0], [1.0, 1.0])
    2.5
    """
    error = prediction - target
    return error * error


@_averaged
def mae(prediction: Any, target: Any) -> Any:
    """Absolute error |prediction - target|.

    Args:
        prediction: a Value or number, or a list of them.
        target: a number, or a list of as many.

    Raises:
        ValueError: there are not as many targets as predictions.

    >>> mae([2.0, 3.0], [1.0, 1.0])
    1.5
    """
    return fabs(prediction - target)


@_averaged
def huber(prediction: Any, target: Any, *, delta: float = 1.0) -> Any:
    """Half the squared error up to delta, beyond it linear: delta · (|e| - delta / 2) (Huber 1964).

    Args:
        prediction: a Value or number, or a list of them.
        target: a number, or a list of as many.
        delta: the error up to which the loss is a square.

    Raises:
        ValueError: delta is not above 0, or there are not as many targets as predictions.

    >>> huber(1.5, 1.0), huber(4.0, 1.0)
    (0.125, 2.5)
    """
    if not delta > 0:
        raise ValueError(f"huber needs a delta above 0, got {described(delta)}")
    error = fabs(prediction - target)
    near = minimum(error, delta)
    return near * (error - near * 0.5)


@_averaged
def hinge(prediction: Any, target: Any) -> Any:
    """max(0, 1 - target · prediction), for a target of -1 or 1.

    Args:
        prediction: a Value or number, or a list of them.
        target: -1 or 1, or a list of as many.

    Raises:
        ValueError: a target is something else, or there are not as many as predictions.

    >>> hinge(0.25, 1), hinge(0.25, -1), hinge(2.0, 1)
    (0.75, 1.25, 0.0)
    """
    if number(target) not in (1, -1):
        raise ValueError(f"hinge needs a target of -1 or 1, got {described(target)}")
    return relu(1.0 - target * prediction)


@_averaged
def binary_cross_entropy(prediction: Any, target: Any) -> Any:
    """-target · log(p) - (1 - target) · log(1 - p), for a probability p and a target from 0 to 1.

    Args:
        prediction: a probability, or a list of them.
        target: 0, 1, or a probability between; or a list of as many.

    Raises:
        ValueError: p is not from 0 to 1, or is 0 or 1 where the target is not. Use `binary_cross_entropy_with_logits`
            for what no sigmoid has seen.

    >>> round(binary_cross_entropy(0.25, 1), 4)
    1.3863
    """
    if number(prediction) < 0 or number(prediction) > 1:  # nan flows
        raise ValueError(f"binary_cross_entropy needs a probability from 0 to 1, got {described(prediction)}")
    _require_share("binary_cross_entropy", target)
    if number(prediction) == 1 > number(target) or number(prediction) == 0 < number(target):
        raise ValueError(
            f"binary_cross_entropy of the probability {number(prediction)} is infinite for the target {number(target)}: "
            "take binary_cross_entropy_with_logits, of outputs without a sigmoid"
        )
    return _cross_entropy_of_probability(prediction, target)


binary_cross_entropy.of_probabilities = True  # type: ignore[attr-defined]  # functions take attributes; see `metrics`


@rule(
    "(0 if t <= 0 else -t * log(p)) + (0 if t >= 1 else (t - 1) * log1p(-p))",
    dp="(0 if t <= 0 else -t / p) + (0 if t >= 1 else (1 - t) / (1 - p))", dt="log1p(-p) - log(p)",
    symbol="cross-entropy",
)  # fmt: skip
def _cross_entropy_of_probability(p: Any, t: Any) -> Any:
    """Binary cross-entropy, nothing being computed that has no weight."""


@_averaged
def binary_cross_entropy_with_logits(prediction: Any, target: Any) -> Any:
    """Binary cross-entropy of sigmoid(z), without overflow: target · softplus(-z) + (1 - target) · softplus(z).

    Args:
        prediction: a logit z, that is any number, as a linear neuron gives; or a list of them.
        target: 0, 1, or a probability between; or a list of as many.

    Raises:
        ValueError: a target is not from 0 to 1, or there are not as many as predictions.

    >>> round(binary_cross_entropy_with_logits(0.0, 1), 4), binary_cross_entropy_with_logits(-1000.0, 1)
    (0.6931, 1000.0)
    """
    _require_share("binary_cross_entropy_with_logits", target)
    return _cross_entropy_of_logit(prediction, target)


@rule(
    "(0 if t <= 0 else t * softplus(-z)) + (0 if t >= 1 else (1 - t) * softplus(z))",
    dz="(1 - t) * logistic(z) - t * logistic(-z)", dt="-z",
    names={"softplus": plain(Operations.softplus), "logistic": plain(_logistic)}, symbol="cross-entropy",
)  # fmt: skip
def _cross_entropy_of_logit(z: Any, t: Any) -> Any:
    """The same of a logit, in which the sigmoid cannot round to 0 or 1."""


def _require_share(name: str, target: Any) -> None:
    if not 0 <= number(target) <= 1:
        raise ValueError(f"{name} needs a target from 0 to 1, got {described(target)}")


def cross_entropy(prediction: Sequence[Any], target: Any) -> Any:
    """Cross-entropy of softmax(prediction), without overflow and without loss: logsumexp(z) - z[target].

    Args:
        prediction: a row of logits, one for each class; or a list of such rows.
        target: the index of the class, a number or a Value, also as a row of its own; or a row of as many probabilities
            (one-hot, say); or a list of these.

    Raises:
        ValueError: an index (then it is an IndexError too) or a row of targets that does not fit the logits.

    >>> round(cross_entropy([2.0, 0.0, 0.0], 0), 4), round(cross_entropy([2.0, 0.0, 0.0], [0.5, 0.5, 0.0]), 4)
    (0.2395, 1.2395)
    """
    if not _is_list(prediction) or not len(prediction):
        raise ValueError(f"cross_entropy needs a logit for each class, got {described(prediction)}")
    if _is_list(prediction[0]):
        if not _is_list(target) or len(target) != len(prediction):
            raise ValueError(
                f"cross_entropy needs as many targets as rows of logits ({len(prediction)}), got {described(target)}"
            )
        return mean([cross_entropy(row, t) for row, t in zip(prediction, target, strict=True)])
    if _is_list(target) and len(target) == 1 < len(prediction):
        (target,) = target
    if _is_list(target):
        if len(target) != len(prediction):
            raise ValueError(
                f"cross_entropy needs a probability for each of {len(prediction)} logits, got {described(target)}"
            )
        return _cross_entropy_of_shares(prediction, target)
    if isinstance(target, Value):
        return _cross_entropy_of_class(prediction, lookup(prediction, target))
    try:
        index = real(target)
    except OverflowError:  # no float, and no class
        index = None
    if index is None or not index.is_integer() or not 0 <= index < len(prediction):
        raise NoElement(f"cross_entropy needs a class from 0 to {len(prediction) - 1}, got {described(target)}")
    return _cross_entropy_of_class(prediction, prediction[int(index)])


@rule(
    "max([top - z + log1p(fsum([-1] + [exp(other - top) for other in zs])) for top in [max(zs)]])",
    dzs="[share / total for shares in [[exp(z - top) for top in [max(zs)] for z in zs]] for total in [fsum(shares)] for share in shares]",
    dz="-1", sequences=["zs"], symbol="cross-entropy",
)  # fmt: skip
def _cross_entropy_of_class(zs: Any, z: Any) -> Any:
    """Cross-entropy of logits for a class with the logit z: it is compared with the largest, before the others are added."""


@rule(
    "sum([0 if 0 <= t <= 0 else t * (top - z + rest) for top in [max(zs)] for rest in [log1p(fsum([-1] + [exp(z - top) for z in zs]))] for z, t in zip(zs, ts)])",
    dzs="[whole * share / total - t for shares in [[exp(z - top) for top in [max(zs)] for z in zs]] for total in [fsum(shares)] for whole in [sum(ts)] for share, t in zip(shares, ts)]",
    dts="[top - z + rest for top in [max(zs)] for rest in [log1p(fsum([-1] + [exp(z - top) for z in zs]))] for z in zs]",
    sequences=["zs", "ts"], symbol="cross-entropy",
)  # fmt: skip
def _cross_entropy_of_shares(zs: Any, ts: Any) -> Any:
    """The same for probabilities of all classes."""


def _is_list(thing: Any) -> bool:
    return hasattr(thing, "__len__") and not isinstance(thing, str)
