"""The methods of Value, generated from the table, and `rule` for operations of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from ..rules import rule as rules
from ..rules.rule import Rule
from ..rules.table import Operations, Reflected
from .contexts import ACTIVE, paused_here, scope_here
from .operands import _operand, _sequence, _single, _trail_of
from .recording import STRIDE, WIDE, recorder
from .value import Scoped, Value, detached

F = TypeVar("F", bound=Callable[..., Any])


def rule(
    formula: str,
    *,
    domain: str | None = None,
    symbol: str | None = None,
    names: Mapping[str, Any] | None = None,
    sequences: Iterable[str] = (),
    written: Mapping[str, str] | None = None,
    **partials: str,
) -> Callable[[F], F]:
    """Make an operation of one's own from one line; it works like those of the library.

    Args:
        formula: the value, an expression of the operands: arithmetic, ``a if c else b``, comparisons with ``<``,
            ``<=``, ``>``, ``>=``, the functions and constants of `math`, abs, max, min, sum, len, map, zip.
        domain: the condition that the operands must meet; elsewhere a ValueError names it.
        symbol: what pictures show; by default the name.
        names: further functions for the formulas, by name.
        sequences: operands that are sequences of scalars; their partial is a list, a derivative for each element.
        written: how explanations write the value (by ``"y"``) or a partial (by its operand), where the formula has a
            form that is safe for floats: another formula, which is not computed.
        **partials: for each operand, in the order of the function's parameters, ``d<operand>=``: the derivative,
            a formula of the operands and of the result ``y``; it may call the operation itself by its name.

    A value that is too large for a float is inf; all other errors of the formula are raised.

    Raises:
        FormulaError: (a ValueError) a formula that is none, an unknown name, a partial missing or too many.

    >>> from microgrannd import Value, rule
    >>> @rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 2")
    ... def squash(x):
    ...     "Softsign, by hand."
    >>> x = Value(3.0)
    >>> squash(x).backward()
    >>> x.grad, squash(-1)
    (0.0625, -0.5)
    """
    declare = rules.rule(
        formula, domain=domain, symbol=symbol, names=names, sequences=sequences, written=written, **partials
    )
    return lambda function: recorded(declare(function))


def recorded(function: F, quiet: bool = False) -> F:
    """The generated function, of Values or numbers, for one that bears a rule; quiet: see `recorder`."""
    return cast(F, recorder(function.__rule__, _ENGINE, quiet=quiet))  # type: ignore[attr-defined]  # rules.rule set it


def _new_here() -> Value | None:
    """Return a new node in the scope of this thread or task; None where nothing is recorded."""
    if paused_here():
        return None
    scope = scope_here()
    if scope is None:
        return Value.__new__(Value)
    node = Scoped.__new__(Scoped)
    node._scope = scope
    return node


def composed(rule: Rule, number: float, numbers: Sequence[float], values: Sequence[Value], partials: Any) -> Value:
    """Return a node of a rule that takes numbers and Values, two sequences, and whose value is known.

    Args:
        rule: of these two operands.
        number: the value.
        numbers: the first operand.
        values: the second one.
        partials: of the Values, in order: anything that can be iterated over, when they are asked for.
    """
    node = _new_here() if ACTIVE else Value.__new__(Value)
    if node is None:
        return detached(number)
    Value.__init__(node, number)
    node._rule, node._a, node._da = rule, tuple(values), partials
    node._b, node._db = (tuple(numbers), len(node._a)), WIDE
    node._depth = max([value._depth for value in node._a], default=-1) + 1
    if STRIDE and node._depth:
        node._trail = _trail_of(node._a, node._depth)
    return node


_ENGINE = {
    "_Value": Value, "_new": partial(Value.__new__, Value), "_active": ACTIVE, "_new_here": _new_here, "_operand": _operand,
    "_single": _single, "_sequence": _sequence, "_trail_of": _trail_of, "_detached": detached,
}  # fmt: skip


def _install() -> None:
    """Give Value the generated methods of the table."""
    made: dict[int, Callable[..., Any]] = {}
    for name, member in vars(Operations).items():
        if hasattr(member, "__rule__"):
            reflect = isinstance(member, Reflected)
            if id(member) not in made:
                made[id(member)] = recorder(member.__rule__, _ENGINE, method=True, reflect=reflect)
            setattr(Value, name, made[id(member)])


_install()
