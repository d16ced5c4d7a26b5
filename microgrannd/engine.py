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
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import islice
from numbers import Integral, Real
from typing import Any, NamedTuple, SupportsFloat, TypeVar, cast

from . import rules
from .contexts import PAUSED, paused_here
from .failures import described, foreign
from .recording import STRIDE, TRAIL, WIDE, recorder
from .rules import CONSTANT, DETACHED, Operations, Reflected, Rule

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

    # CPython clears slots in alphabetical order: the operands before _trail, so that a chain being freed unwinds to
    # the last holder of the tuple there before it goes on (see recording.STRIDE).
    __slots__ = ("_a", "_b", "_da", "_db", "_depth", "_mark", "_rule", *TRAIL, "data", "grad", "label")

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
            data = required_real("Value", data)
        if type(label) is not str:
            raise TypeError(f"a label is a str, got {described(label)}")
        self.data = data
        self.grad = 0.0
        self.label = label
        self._a = self._b = self._da = self._db = self._mark = self._rule = None
        if TRAIL:
            self._trail = None
        self._depth = 0

    def backward(self, gradient: float = 1.0) -> None:
        """Compute the derivative of this Value by every Value that it was computed from, into their ``grad``.

        The gradients of leaves accumulate over calls, as in PyTorch; all others start afresh.

        Args:
            gradient: the derivative of the quantity of interest by this Value.

        Raises:
            RuntimeError: this is a result without a graph: recorded inside of `no_grad`, detached, copied or unpickled.
            TypeError: gradient is no real number.
        """
        if self._rule is DETACHED:
            raise RuntimeError(
                f"{self} is a result without a graph (of no_grad, detach, a copy or a pickle): compute it again to "
                "call backward"
            )
        start = real(gradient)
        if start is None:
            raise TypeError(f"backward needs a real number as gradient, got {described(gradient)}")
        mark = object()  # on what this pass has reached
        levels: defaultdict[int, list[Value]] = defaultdict(list)
        self._mark = mark
        self.grad = start if self._rule else self.grad + start
        levels[self._depth].append(self)
        # A node is deeper than its operands: once all deeper levels are done, its gradient is complete.
        # The three passages are alike; as a function of its own they would take a fifth longer.
        for depth in range(self._depth, 0, -1):
            for node in levels.pop(depth, ()):
                gradient = node.grad
                if node._db is WIDE:
                    for operand, partial in zip(node._a, node._da, strict=True):
                        if operand._mark is not mark:
                            operand._mark = mark
                            if operand._rule is not None:
                                operand.grad = 0.0
                                levels[operand._depth].append(operand)
                        operand.grad += partial * gradient
                    continue
                partial = node._da
                if partial is not None:
                    operand = node._a
                    if operand._mark is not mark:
                        operand._mark = mark
                        if operand._rule is not None:
                            operand.grad = 0.0
                            levels[operand._depth].append(operand)
                    operand.grad += partial * gradient
                partial = node._db
                if partial is not None:
                    operand = node._b
                    if operand._mark is not mark:
                        operand._mark = mark
                        if operand._rule is not None:
                            operand.grad = 0.0
                            levels[operand._depth].append(operand)
                    operand.grad += partial * gradient

    def detach(self) -> Value:
        """A Value of the same data and label that passes no gradient on: of a leaf a leaf, of a result one without graph."""
        return Value(self.data, self.label) if self._rule is None else detached(self.data, self.label)

    @property
    def _rows(self) -> list[tuple[Any, ...]]:
        """The Values or numbers of each operand of the rule: several of a sequence, else one."""
        if self._db is WIDE:
            values = iter(self._a)
            return [tuple(islice(values, shape)) if type(shape) is int else shape for shape in self._b]
        return [(operand,) for operand in (self._a, self._b) if operand is not None]

    @property
    def _operands(self) -> tuple[Any, ...]:
        return tuple(operand for row in self._rows for operand in row)

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
        state = type(self), self.data, self.grad, self.label, self._rule is not None
        return _copied, state, getattr(self, "__dict__", None)


def constant(number: float) -> Value:
    """A number of a formula as a node of its own: not a leaf that the user made."""
    value = Value(number)
    value._rule = CONSTANT
    return value


def detached(number: float, label: str = "") -> Value:
    """A result without a graph: no leaf that the user made, so never a parameter."""
    value = Value(number, label)
    value._rule = DETACHED
    return value


def data_of(values: Sequence[Value], names: Iterable[str]) -> list[float]:
    """The data of Values as floats, whatever kinds of real numbers were assigned.

    Raises:
        TypeError: one is no real number; the message has its name.
    """
    data: list[Any] = [value.data for value in values]
    if set(map(type, data)) <= {float}:
        return data
    return [required_real(f"{name}.data", number) for name, number in zip(names, data, strict=True)]


def real(number: Any) -> float | None:
    """Any real number as a float; None for what is not one.

    Raises:
        OverflowError: it is too large for a float.
    """
    if isinstance(number, (float, int, Real, Decimal)):  # the abstract class is slow to ask
        try:
            return float(number)
        except OverflowError:
            raise OverflowError(f"a Value holds a float, for which this {type(number).__name__} is too large") from None
    if getattr(number, "shape", None) == () and hasattr(number, "item"):  # a scalar of NumPy or of its kin
        return real(number.item())
    return None


def required_real(place: str, thing: Any) -> float:
    """A real number as a float.

    Raises:
        TypeError: it is none; the message names the place.
    """
    number = real(thing)
    if number is None:
        raise TypeError(f"{place} needs a real number, got {described(thing)}")
    return number


def required_reals(place: str, row: Any) -> list[float]:
    """A row of real numbers as floats.

    Raises:
        TypeError: it is no row, or a cell is no real number; the message names the place.
    """
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{place} needs to be a row of numbers, got {described(row)}")
    return [required_real(f"{place}[{i}]", cell) for i, cell in enumerate(row)]


def is_whole(thing: Any) -> bool:
    """Whether it is a whole number, NumPy's included, and not a bool."""
    return isinstance(thing, Integral) and not isinstance(thing, bool)


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


def recorded(function: F, quiet: bool = False) -> F:
    """The generated function, of Values or numbers, for one that bears a rule; quiet: see `recorder`."""
    return cast(F, recorder(function.__rule__, _ENGINE, quiet=quiet))  # type: ignore[attr-defined]  # rules.rule set it


def _copied(kind: type[Value], data: float, grad: float, label: str, result: bool) -> Value:
    value = kind.__new__(kind)  # a subclass may take other arguments
    Value.__init__(value, data, label)
    value.grad = grad
    value._rule = DETACHED if result else None
    return value


def _compared(comparison: Callable[[float, float], bool], value: Value, other: Any) -> bool:
    number = other.data if isinstance(other, Value) else real(other)
    return NotImplemented if number is None else comparison(value.data, number)


def _operand(thing: Any) -> tuple[Any, float | None]:
    """An operand and its number; None where it is neither a Value nor a real number."""
    if type(thing) is float:
        return thing, thing
    if isinstance(thing, Value):
        return thing, thing.data
    number = real(thing)
    return (thing, None) if number is None else (number, number)


class Shared(NamedTuple):
    """A sequence made ready once, for several dot products over the same inputs."""

    values: tuple[Value, ...]  # empty where it has only numbers
    shape: int | tuple[float, ...]  # how many Values, or the numbers
    floats: list[float]
    depth: int  # of the deepest Value; -1 where there is none


def shared(things: Any) -> Any:
    """Make a sequence of Values or numbers ready.

    Raises:
        TypeError: it is none.
    """
    if not hasattr(type(things), "__iter__"):
        raise TypeError(f"a row of inputs is a sequence of Values or real numbers, got {described(things)}")
    return things if type(things) is Shared else Shared(*_sequence(things, rules.TABLE["dot"], "xs"))


def _sequence(things: Any, rule: Rule, parameter: str) -> tuple[Any, Any, Any, int]:
    """What a wide node takes of a sequence: see `Shared`. Numbers among Values become Values."""
    if type(things) is Shared:
        return things
    try:
        values = tuple(things)
    except TypeError:
        if hasattr(type(things), "__iter__"):
            raise  # from inside a generator
        raise foreign(rule, parameter, things, "a sequence of Values or real numbers") from None
    try:
        return values, len(values), [v.data for v in values], max([v._depth for v in values] or [-1])
    except AttributeError:  # not all are Values
        pass
    found = [_operand(thing) for thing in values]
    for place, (_, number) in enumerate(found):
        if number is None:
            raise foreign(rule, f"{parameter}[{place}]", values[place])
    if all(value is number for value, number in found):
        floats = [number for _, number in found]
        return (), tuple(floats), floats, -1
    return _sequence([constant(number) if value is number else value for value, number in found], rule, parameter)


def _single(thing: Any, rule: Rule, parameter: str) -> tuple[Any, Any, Any, int]:
    """The same of a scalar, with its float in the place of floats."""
    value, number = _operand(thing)
    if number is None:
        raise foreign(rule, parameter, thing)
    return ((), (number,), number, -1) if value is number else ((value,), 1, number, value._depth)


def _trail_of(values: Iterable[Value], depth: int) -> tuple[Any, Value] | None:
    deepest = next(value for value in values if value._depth == depth - 1)
    return deepest._trail if depth % STRIDE else (deepest._trail, deepest)


_ENGINE = {
    "_Value": Value, "_new": partial(Value.__new__, Value), "_paused": PAUSED, "_paused_here": paused_here, "_operand": _operand,
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
