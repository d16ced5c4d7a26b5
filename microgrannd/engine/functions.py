"""The operations as functions: of Values, and of plain numbers, for which they give a number.

>>> import microgrannd as mg
>>> mg.exp(0.0), mg.exp(mg.Value(0.0))
(1.0, Value(data=1.0, grad=0.0))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import reduce
from itertools import cycle
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, TypeVar, overload

from ..rules.rule import Rule
from ..rules.table import TABLE, Operations, _largest, _ratio
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
    "ceil",
    "clip",
    "copysign",
    "cos",
    "cosh",
    "degrees",
    "digamma",
    "dist",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "fma",
    "fmod",
    "fsum",
    "gamma",
    "gelu",
    "hypot",
    "leaky_relu",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "norm",
    "pow",
    "prod",
    "radians",
    "reciprocal",
    "relu",
    "remainder",
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
    "sumprod",
    "tan",
    "tanh",
    "trunc",
]

acos: Function
acosh: Function
asin: Function
asinh: Function
atan: Function
atan2: Function
atanh: Function
cbrt: Function
ceil: Function
clip: Function
copysign: Function
cos: Function
cosh: Function
degrees: Function
digamma: Function
dist: Callable[..., Any]
dot: Callable[..., Any]
elu: Function
erf: Function
erfc: Function
exp: Function
exp2: Function
expm1: Function
fabs: Function
floor: Function
fma: Function
fmod: Function
fsum: Callable[..., Any]
gamma: Function
gelu: Function
leaky_relu: Function
lgamma: Function
log10: Function
log1p: Function
log2: Function
log_sigmoid: Function
logsumexp: Callable[..., Any]
maximum: Function
mean: Callable[..., Any]
minimum: Function
norm: Callable[..., Any]
pow: Function
radians: Function
reciprocal: Function
relu: Function
remainder: Function
sigmoid: Function
silu: Function
sin: Function
sinh: Function
softplus: Function
softsign: Function
sqrt: Function
square: Function
sum: Callable[..., Any]
sumprod: Function
tan: Function
tanh: Function
trunc: Function
# to here

#: Operations by the names that `math` gives them.
_OTHERWISE = {"pow": "__pow__", "fabs": "__abs__", "sumprod": "dot"}


#: Numbers for examples: of the first row that is in its domain, each operand takes one, a sequence two.
_NUMBERS = (2.5, -2.0, 1.5), (0.5, 2.0, 3.0)


def _documented(name: str, function: Callable[..., Any], own: Rule) -> str:
    """Return the docstring of an operation's function: its rule, its operands, and an example."""
    parameters = dict(zip(own.operands, inspect.signature(function).parameters.values(), strict=True))
    operands = {
        parameter.name: ("Values or numbers." if operand in own.sequences else "a Value or a number.")
        for operand, parameter in parameters.items()
    }
    needed = [operand for operand, parameter in parameters.items() if parameter.default is parameter.empty]
    for row in _NUMBERS:
        numbers = cycle(row)
        given = [[next(numbers), next(numbers)] if o in own.sequences else next(numbers) for o in needed]
        with suppress(ValueError):
            example = f">>> mg.{name}({', '.join(map(str, given))})\n{function(*given)}"
            return f"{own.describe(operands)}\n\n{example}"
    return own.describe(operands)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Generate the function of an operation when it is first asked for."""
        own = TABLE.get(_OTHERWISE.get(name, name))
        if own is None or name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = function = recorded(own.function)
        function.__doc__ = _documented(name, function, own)
        return function

    fsum, logsumexp, norm = map(__getattr__, ("fsum", "logsumexp", "norm"))


F = TypeVar("F", bound=Callable[..., Any])

_log: Any = recorded(Operations.log)
_hypot: Any = recorded(Operations.hypot)
_times: Any = recorded(Operations.__mul__)
_top: Any = recorded(_largest)
_share: Any = recorded(_ratio)


def _also(name: str) -> Callable[[F], F]:
    """Mark a function as that of an operation of the table, of which it takes more operands."""

    def mark(function: F) -> F:
        own = TABLE[name]
        what, _, more = (inspect.getdoc(function) or "").partition("\n\n")
        function.__doc__ = "\n".join([what, "", *own.equations, "", more])
        function.__rule__ = own  # type: ignore[attr-defined]  # functions take attributes
        return function

    return mark


@_also("log")
def log(x: Any, base: Any = None) -> Any:
    """Logarithm, natural or to a base.

    Args:
        x: a Value or a number.
        base: of the logarithm, a Value or a number; e by default.

    Raises:
        ValueError: x or the base is not above 0.

    >>> log(8.0, 2)
    3.0
    """
    return _log(x) if base is None else _log(x) / _log(base)


@_also("hypot")
def hypot(*xs: Any) -> Any:
    """Length of a vector of any number of components, without overflow on the way.

    Args:
        xs: the components, Values or numbers.

    >>> hypot(2.0, 3.0, 6.0)
    7.0
    """
    return _hypot(*xs) if len(xs) == 2 else norm(xs)


def prod(vs: Iterable[SupportsFloat], *, start: SupportsFloat = 1.0) -> Any:
    """Product of some scalars; of nothing it is the start.

    Args:
        vs: Values or numbers.
        start: what they are multiplied by.

    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    return reduce(_times, vs, start)


def logaddexp(a: SupportsFloat, b: SupportsFloat) -> Any:
    """log(exp(a) + exp(b)), without overflow and without loss.

    Args:
        a: a Value or a number.
        b: a Value or a number.

    >>> logaddexp(1000.0, 1000.0)
    1000.6931471805599
    """
    return logsumexp([a, b])


def softmax(vs: Iterable[SupportsFloat]) -> list[Any]:
    """The exponentials of some scalars, divided by their sum; without overflow and without loss.

    Args:
        vs: Values or numbers, at least one.

    Returns:
        As many Values (numbers, where all are numbers), which add up to 1.

    Raises:
        ValueError: there are none.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    vs = list(vs)
    top = _top(vs)  # a common shift changes nothing
    shares = [_share(v, top) for v in vs]
    total = fsum(shares)
    return [share / total for share in shares]


def log_softmax(vs: Iterable[SupportsFloat]) -> list[Any]:
    """The logarithms of `softmax`, accurate where that is near 1 or 0.

    Args:
        vs: Values or numbers, at least one.

    Returns:
        As many Values (numbers, where all are numbers).

    Raises:
        ValueError: there are none.

    >>> log_softmax([0.0, 40.0])
    [-40.0, -4.248354255291589e-18]
    """
    vs = list(vs)
    top = _top(vs)
    shifted = [v - top for v in vs]
    total = logsumexp(shifted)
    return [v - total for v in shifted]
