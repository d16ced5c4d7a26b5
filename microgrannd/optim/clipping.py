"""Clipping of gradients."""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot

from .._checks import required_amounts
from ..engine.value import Value


def clip_grad_norm(params: Iterable[Value], max_norm: float) -> float:
    """Scale all gradients down together so that their Euclidean norm is at most max_norm; return what it was.

    Args:
        params: the Values whose ``grad`` is scaled.
        max_norm: of all gradients as one vector.

    Raises:
        TypeError, ValueError: max_norm is not a number, or is negative.

    >>> a, b = Value(3.0), Value(4.0)
    >>> (a * a + b * b).backward()
    >>> clip_grad_norm([a, b], 5.0)
    10.0
    >>> a.grad, b.grad
    (3.0, 4.0)
    """
    (max_norm,) = required_amounts(max_norm=max_norm)
    params = list(params)
    norm = hypot(*(parameter.grad for parameter in params))
    if norm > max_norm:
        for parameter in params:
            parameter.grad *= max_norm / norm
    return norm


def clip_grad_value(params: Iterable[Value], max_value: float) -> None:
    """Clip every gradient to the range from -max_value to max_value.

    Args:
        params: the Values whose ``grad`` is clipped, each by itself.
        max_value: the largest size that is left.

    Raises:
        TypeError, ValueError: max_value is not a number, or is negative.

    >>> a, b = Value(3.0), Value(4.0)
    >>> (a * a - b * b).backward()
    >>> clip_grad_value([a, b], 7.0)
    >>> a.grad, b.grad
    (6.0, -7.0)
    """
    (max_value,) = required_amounts(max_value=max_value)
    for parameter in params:
        parameter.grad = min(max(parameter.grad, -max_value), max_value)
