"""Value: the scalar that remembers how it was computed; engine/__init__.py shows it at work."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, SupportsFloat

from .._checks import real, required_real
from .._text import described
from ..rules.rule import CONSTANT, DETACHED, Rule
from ..rules.table import Operations
from .contexts import Scope, require_numbers
from .recording import TRAIL, WIDE


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

    >>> x = Value(3.0, "x")
    >>> y = x * x + 1
    >>> y.backward()
    >>> y.data, x.grad, x
    (10.0, 6.0, Value(data=3.0, grad=6.0, label='x'))
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
        if self._db is WIDE:
            only_values = all(type(shape) is int for shape in self._b)
            return tuple(self._a) if only_values else tuple(operand for row in self._rows for operand in row)
        return () if self._a is None else (self._a,) if self._b is None else (self._a, self._b)

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

    def conjugate(self) -> Value:
        """The Value itself: it is real (NumPy asks for it, for a variance)."""
        return self

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Value):
            require_numbers("{} == {}", self, other)
            return False
        if isinstance(other, int | float):
            require_numbers("{} == {}", self, other)
        return NotImplemented

    __hash__ = object.__hash__

    def __int__(self) -> int:
        raise _whole("trunc", self)

    def __bool__(self) -> bool:
        require_numbers("the truth of {}", self)
        return self.data != 0

    def __index__(self) -> int:
        raise TypeError(
            f"a whole number would silently lose the gradient of {self}: use mg.lookup(table, index) for an element, "
            ".data for the number, and in mg.jit static= for a range or a length"
        )

    def __float__(self) -> float:
        raise TypeError(
            f"a float would silently lose the gradient of {self}: use mg.exp, mg.sin and their like for the "
            "functions of math, or .data for the number"
        )

    def __floor__(self) -> int:
        raise _whole("floor", self)

    def __ceil__(self) -> int:
        raise _whole("ceil", self)

    def __trunc__(self) -> int:
        raise _whole("trunc", self)

    def __repr__(self) -> str:
        label = f", label={self.label!r:.60}" if self.label else ""
        return f"Value(data={self.data}, grad={self.grad}{label})"

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        state = type(self), self.data, self.grad, self.label, self._rule is not None
        return _copied, state, getattr(self, "__dict__", None)


class Scoped(Value):
    """A node that was recorded in a `scope`. Others have no slot for it: they need not be larger."""

    __slots__ = ("_scope",)

    _scope: Scope

    def __reduce__(self) -> tuple[Any, ...]:
        return _copied, (Value, *super().__reduce__()[1][1:]), None


def scopes_around(node: Value) -> list[Scope]:
    """Return the scopes in which a node was recorded, the outermost first."""
    scopes = []
    scope = node._scope if isinstance(node, Scoped) else None
    while scope is not None:
        scopes.append(scope)
        scope = scope.outer
    return scopes[::-1]


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


def _copied(kind: type[Value], data: float, grad: float, label: str, result: bool) -> Value:
    value = kind.__new__(kind)  # a subclass may take other arguments
    Value.__init__(value, data, label)
    value.grad = grad
    value._rule = DETACHED if result else None
    return value


def _whole(name: str, value: Value) -> TypeError:
    """For functions of `math` that return an int."""
    return TypeError(
        f"a whole number would silently lose the gradient of {value}: use mg.{name}, or .data for the number"
    )


def _compared(comparison: Callable[[float, float], bool], value: Value, other: Any) -> bool:
    require_numbers("a comparison of {}", value)
    number = other.data if isinstance(other, Value) else real(other)
    return NotImplemented if number is None else comparison(value.data, number)
