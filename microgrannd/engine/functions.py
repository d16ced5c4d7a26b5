"""The operations as functions: of Values, and of plain numbers, for which they give a number.

>>> import microgrannd as mg
>>> mg.exp(0.0), mg.exp(mg.Value(0.0))
(1.0, Value(data=1.0, grad=0.0))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, SupportsFloat, cast, overload

from ..rules import table as rules
from ..rules.table import Operations
from .operations import recorded
from .value import Value


class Function(Protocol):
    """A function of scalars: of numbers it is a number, else a Value."""

    @overload
    def __call__(self, *operands: float, **named: float) -> float: ...  # type: ignore[overload-overlap]  # no Value is a float

    @overload
    def __call__(self, *operands: Value | SupportsFloat, **named: Value | SupportsFloat) -> Value: ...


def _function(method: Callable[..., Any]) -> Function:
    return cast(Function, recorded(method))


exp, exp2, expm1 = _function(Operations.exp), _function(Operations.exp2), _function(Operations.expm1)


log, log2, log10 = _function(Operations.log), _function(Operations.log2), _function(Operations.log10)


pow = _function(Operations.__pow__)


log1p, sqrt, cbrt = _function(Operations.log1p), _function(Operations.sqrt), _function(Operations.cbrt)


square, reciprocal = _function(Operations.square), _function(Operations.reciprocal)


sin, cos, tan = _function(Operations.sin), _function(Operations.cos), _function(Operations.tan)


asin, acos, atan = _function(Operations.asin), _function(Operations.acos), _function(Operations.atan)


sinh, cosh, tanh = _function(Operations.sinh), _function(Operations.cosh), _function(Operations.tanh)


asinh, acosh, atanh = _function(Operations.asinh), _function(Operations.acosh), _function(Operations.atanh)


atan2, hypot = _function(Operations.atan2), _function(Operations.hypot)


erf, erfc, fabs = _function(Operations.erf), _function(Operations.erfc), _function(Operations.__abs__)


maximum, minimum, clip = _function(Operations.maximum), _function(Operations.minimum), _function(Operations.clip)


sigmoid, log_sigmoid = _function(Operations.sigmoid), _function(Operations.log_sigmoid)


relu, leaky_relu, elu = _function(Operations.relu), _function(Operations.leaky_relu), _function(Operations.elu)


gelu, silu = _function(Operations.gelu), _function(Operations.silu)


softplus, softsign = _function(Operations.softplus), _function(Operations.softsign)


sum, mean = recorded(rules.sum), recorded(rules.mean)


dot, logsumexp = recorded(rules.dot), recorded(rules.logsumexp)


def softmax(vs: Iterable[SupportsFloat]) -> list[Any]:
    """The exponentials of some scalars, divided by their sum; without overflow.

    Args:
        vs: Values or numbers, at least one.

    Returns:
        As many Values (numbers, where all are numbers), which add up to 1.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    vs = list(vs)
    total = logsumexp(vs)
    return [exp(v - total) for v in vs]
