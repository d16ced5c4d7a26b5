"""Value: records the graph of operations, and `backward()` applies the chain rule to it.

>>> from microgrannd.engine import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> c = a * b + a ** 3
>>> c.backward()
>>> c, a.grad, b.grad
(Value(data=2.0, grad=1.0), 9.0, 2.0)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from numbers import Real
from operator import attrgetter
from typing import Any, SupportsFloat, TypeVar, cast

from . import rules
from .contexts import PAUSED, paused_here
from .failures import described, foreign
from .recording import STRIDE, WIDE, recorder
from .rules import CONSTANT, Operations, Reflected, Rule

F = TypeVar("F", bound=Callable[..., Any])


class Value(Operations):
    """A scalar that remembers how it was computed.

    Args:
        data: any real number; it becomes a float.
        label: a name, for pictures and error messages.

    Attributes:
        data: the number. May be assigned; partials already recorded stay those of the moment of recording.
        grad: the derivative of the last root of `backward` by this Value. That of a leaf accumulates over calls.
        label: the name.

    Raises:
        TypeError: data is no real number (a str, None, a complex number, a Value).

    Comparisons compare data, so that ``max(values)`` and branches work; ``==`` and ``hash`` are identity.
    """

    # CPython clears slots in alphabetical order. The operands come before _trail, so that a chain being freed
    # unwinds to the last holder of the tuple there before it goes on (see recording.STRIDE).
    __slots__ = ("_a", "_b", "_da", "_db", "_depth", "_mark", "_rule", "_trail", "data", "grad", "label")

    _a: Any
    _b: Any
    _da: Any
    _db: Any
    _depth: int  # the longest path down to a leaf: results are deeper than their operands
    _mark: object  # of the backward pass that saw this node last
    _rule: Rule | None
    _trail: tuple[Any, Value] | None
    data: float
    grad: float
    label: str

    def __init__(self, data: SupportsFloat, label: str = "") -> None:
        if type(data) is not float:
            number = None if isinstance(data, Value) else real(data)
            if number is None:
                raise TypeError(f"Value needs a real number, got {described(data)}")
            data = number
        if type(label) is not str:
            raise TypeError(f"a label is a str, got {described(label)}")
        self.data = data
        self.grad = 0.0
        self.label = label
        self._a = self._b = self._da = self._db = self._mark = self._rule = self._trail = None
        self._depth = 0

    def backward(self, gradient: float = 1.0) -> None:
        """Compute the derivative of this Value by every Value that it was computed from, into their ``grad``.

        The gradients of leaves accumulate over calls, as in PyTorch; all others start afresh.

        Args:
            gradient: the derivative of the quantity of interest by this Value.
        """
        mark = object()  # on what this pass has reached
        levels: list[list[Value]] = [[] for _ in range(self._depth + 1)]

        def reach(value: Value) -> None:
            value._mark = mark
            if value._rule is not None:
                value.grad = 0.0
                levels[value._depth].append(value)

        reach(self)
        self.grad += gradient
        # A node is deeper than its operands: once all deeper levels are done, its gradient is complete.
        for depth in range(self._depth, 0, -1):
            for node in levels.pop():
                gradient = node.grad
                if node._db is WIDE:
                    for block, partials in zip(node._a, node._da, strict=True):
                        if partials is not None:
                            for operand, partial in zip(block, partials):
                                if operand._mark is not mark:
                                    reach(operand)
                                operand.grad += partial * gradient
                    continue
                partial = node._da
                if partial is not None:
                    operand = node._a
                    if operand._mark is not mark:
                        reach(operand)
                    operand.grad += partial * gradient
                partial = node._db
                if partial is not None:
                    operand = node._b
                    if operand._mark is not mark:
                        reach(operand)
                    operand.grad += partial * gradient

    def detach(self) -> Value:
        """A leaf with the same data and label, which passes no gradient on."""
        return Value(self.data, self.label)

    @property
    def _operands(self) -> tuple[Value | float, ...]:
        if self._db is WIDE:
            return tuple(operand for block in self._a for operand in block)
        return tuple(operand for operand in (self._a, self._b) if operand is not None)

    @property
    def _prev(self) -> tuple[Value, ...]:
        """The operands, numbers among them as Values of their own (micrograd's name)."""
        return tuple(constant(o) if type(o) is float else o for o in self._operands)

    @property
    def _op(self) -> str:
        """The symbol of the operation, '' for a leaf (micrograd's name)."""
        return self._rule.symbol if self._rule else ""

    def __pos__(self) -> Value:
        return self

    def __lt__(self, other: SupportsFloat) -> bool:
        return _compared(operator.lt, self, other)

    def __le__(self, other: SupportsFloat) -> bool:
        return _compared(operator.le, self, other)

    def __gt__(self, other: SupportsFloat) -> bool:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: SupportsFloat) -> bool:
        return _compared(operator.ge, self, other)

    def __bool__(self) -> bool:
        return self.data != 0

    def __float__(self) -> float:
        raise TypeError(
            f"a float would silently lose the gradient of {self}: use mg.exp, mg.sin and their like for the "
            "functions of math, or .data for the number"
        )

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _leaf, (type(self), self.data, self.grad, self.label)


def topological(root: Value) -> list[Value]:
    """Every Value that root was computed from, and root, operands before results."""
    order, seen = [root], {root}
    for node in order:
        for operand in node._operands:
            if type(operand) is not float and operand not in seen:
                seen.add(operand)
                order.append(operand)
    return sorted(order, key=attrgetter("_depth"))


def constant(number: float) -> Value:
    """A number of a formula as a node of its own: not a leaf that the user made."""
    value = Value(number)
    value._rule = CONSTANT
    return value


def real(number: Any) -> float | None:
    """Any real number as a float; None for what is not one.

    Raises:
        OverflowError: it is too large for a float.
    """
    if isinstance(number, (int, Real, Decimal)):  # int first: the abstract class is slow to ask
        try:
            return float(number)
        except OverflowError:
            raise OverflowError(f"a Value holds a float, for which this {type(number).__name__} is too large") from None
    if getattr(number, "shape", None) == () and hasattr(number, "item"):  # a scalar of NumPy or of its kin
        return real(number.item())
    return None


def rule(
    formula: str,
    *,
    domain: str | None = None,
    symbol: str | None = None,
    names: Mapping[str, Any] | None = None,
    sequences: Iterable[str] = (),
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
        **partials: for each operand, in the order of the function's parameters, ``d<operand>=``: the derivative,
            a formula of the operands and of the result ``y``.

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
    declare = rules.rule(formula, domain=domain, symbol=symbol, names=names, sequences=sequences, **partials)
    return lambda function: recorded(declare(function))


def recorded(function: F) -> F:
    """The generated function, of Values or numbers, for one that bears a rule."""
    return cast(F, recorder(function.__rule__, _ENGINE))  # type: ignore[attr-defined]  # rules.rule set it


def _leaf(kind: type[Value], data: float, grad: float, label: str) -> Value:
    value = kind(data, label)
    value.grad = grad
    return value


def _compared(comparison: Callable[[float, float], bool], value: Value, other: Any) -> bool:
    number = other.data if isinstance(other, Value) else real(other)
    return NotImplemented if number is None else comparison(value.data, number)


def _operand(thing: Any) -> tuple[Any, float | None]:
    """An operand and its number; None where it is neither a Value nor a real number."""
    if isinstance(thing, Value):
        return thing, thing.data
    number = real(thing)
    return number, number


def _single(rule: Rule, parameter: str, thing: Any) -> tuple[tuple[Any, ...], float, int]:
    """For a wide node an operand's block, number and depth (-1 for a number)."""
    value, number = _operand(thing)
    if number is None:
        raise foreign(rule, parameter, thing)
    return (value,), number, value._depth if value is not number else -1


def _sequence(rule: Rule, parameter: str, things: Any) -> tuple[tuple[Any, ...], list[float], int]:
    """The same for a sequence: all Values, or all numbers; numbers among Values become Values."""
    try:
        block = things if type(things) is tuple else tuple(things)
        return block, [v.data for v in block], max([v._depth for v in block], default=-1)
    except TypeError:
        raise foreign(rule, parameter, things, "a sequence of Values or real numbers") from None
    except AttributeError:
        pass
    block = tuple([_single(rule, f"{parameter}[{i}]", thing)[0][0] for i, thing in enumerate(block)])
    if any(type(v) is not float for v in block):
        block = tuple([constant(v) if type(v) is float else v for v in block])
        return block, [v.data for v in block], max([v._depth for v in block])
    return block, list(block), -1


def _trail_of(blocks: Iterable[Iterable[Value]], depth: int) -> tuple[Any, Value] | None:
    deepest = next(v for block in blocks for v in block if type(v) is not float and v._depth == depth - 1)
    return deepest._trail if depth % STRIDE else (deepest._trail, deepest)


_ENGINE = {
    "_Value": Value, "_new": Value.__new__, "_paused": PAUSED, "_paused_here": paused_here, "_operand": _operand,
    "_single": _single, "_sequence": _sequence, "_trail_of": _trail_of,
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
