"""The operations as functions: of Values, and of plain numbers, for which they give a number.

>>> import microgrannd as mg
>>> mg.exp(0.0), mg.exp(mg.Value(0.0))
(1.0, Value(data=1.0, grad=0.0))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, overload

from ..rules.table import TABLE
from .operations import recorded
from .value import Value


class Function(Protocol):
    """A function of scalars: of numbers it is a number, else a Value."""

    @overload
    def __call__(self, *operands: float, **named: float) -> float: ...  # type: ignore[overload-overlap]  # no Value is a float

    @overload
    def __call__(self, *operands: Value | SupportsFloat, **named: Value | SupportsFloat) -> Value: ...


# The operations of the table, written by `python -m microgrannd.rules`
__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "clip",
    "cos",
    "cosh",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "gelu",
    "hypot",
    "leaky_relu",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "pow",
    "reciprocal",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "sum",
    "tan",
    "tanh",
]

acos: Function
acosh: Function
asin: Function
asinh: Function
atan: Function
atan2: Function
atanh: Function
cbrt: Function
clip: Function
cos: Function
cosh: Function
dot: Callable[..., Any]
elu: Function
erf: Function
erfc: Function
exp: Function
exp2: Function
expm1: Function
fabs: Function
gelu: Function
hypot: Function
leaky_relu: Function
log: Function
log10: Function
log1p: Function
log2: Function
log_sigmoid: Function
logsumexp: Callable[..., Any]
maximum: Function
mean: Callable[..., Any]
minimum: Function
pow: Function
reciprocal: Function
relu: Function
sigmoid: Function
silu: Function
sin: Function
sinh: Function
softplus: Function
softsign: Function
sqrt: Function
square: Function
sum: Callable[..., Any]
tan: Function
tanh: Function
# to here

#: Operators as functions, by the names that `math` gives them.
_OTHERWISE = {"pow": "__pow__", "fabs": "__abs__"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Generate the function of an operation when it is first asked for."""
        own = TABLE.get(_OTHERWISE.get(name, name))
        if own is None or name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = function = recorded(own.function)
        return function

    exp, logsumexp = map(__getattr__, ("exp", "logsumexp"))


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
