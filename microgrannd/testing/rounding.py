"""How far rounding can have moved a result: a running bound, carried through the formulas and through a graph.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3, running error analysis.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.graph import Edge, arguments, edges, number
from ..engine.value import Value
from ..rules.ieee import ERRORS
from ..rules.rule import Rule

#: The unit in which errors are counted: the distance from 1 to the next float.
UNIT = 2.0**-52


#: What floats cannot tell from nothing: the smallest normal number.
TINY = 2.3e-308


#: What a unit of these bounds amounts to: the functions of `math` may be wrong by some units in the last place.
BOUND = 4 * UNIT


#: What needs no help to work on Rounded numbers.
_STRUCTURAL = frozenset({"abs", "len", "map", "max", "min", "sum", "zip", "mul"})


class Rounded:
    """A float and a bound on its error, in units of the last place of 1."""

    def __init__(self, number: float, error: float = 0.0) -> None:
        self.number = number
        self.error = error

    def __add__(self, other: Any) -> Rounded:
        other = _rounded(other)
        return _once_more(self.number + other.number, self.error + other.error)

    def __neg__(self) -> Rounded:
        return Rounded(-self.number, self.error)

    def __mul__(self, other: Any) -> Rounded:
        other = _rounded(other)
        return _once_more(self.number * other.number, self.error * abs(other.number) + other.error * abs(self.number))

    def __truediv__(self, other: Any) -> Rounded:
        other = _rounded(other)
        number = self.number / other.number
        return _once_more(number, (self.error + other.error * abs(number)) / abs(other.number))

    def __lt__(self, other: Any) -> bool:
        return self.number < _rounded(other).number

    def __le__(self, other: Any) -> bool:
        return self.number <= _rounded(other).number

    def __gt__(self, other: Any) -> bool:
        return self.number > _rounded(other).number

    def __ge__(self, other: Any) -> bool:
        return self.number >= _rounded(other).number

    def __pow__(self, other: Any) -> Rounded:
        return _power(self, other)

    def __mod__(self, other: Any) -> Rounded:
        return _modulo(self, other)

    def __floordiv__(self, other: Any) -> Rounded:
        return _floor_divide(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Any) -> Rounded:
        return self.__add__(-_rounded(other))

    def __rsub__(self, other: Any) -> Rounded:
        return _rounded(other).__sub__(self)

    def __rtruediv__(self, other: Any) -> Rounded:
        return _rounded(other).__truediv__(self)

    def __rpow__(self, other: Any) -> Rounded:
        return _rounded(other).__pow__(self)

    def __abs__(self) -> Rounded:
        return Rounded(abs(self.number), self.error)


def rounding_errors(rule: Rule, arguments: Sequence[Any], by: str | None = None) -> list[float]:
    """Bounds on the error of a rule's formula, in units of the last place of 1.

    Args:
        rule: whose formula.
        arguments: for each operand a `Rounded` number, or a list of them; for a partial also one for the result.
        by: the operand of a partial; None for the value.

    Returns:
        One bound; of a formula whose result is a list, one for each element. None where the formula raises.
    """
    try:
        result = rule.kept(_on_rounded, by)(*arguments)
    except ERRORS:
        return []
    return [_rounded(x).error for x in (result if isinstance(result, list) else [result])]


def _on_rounded(rule: Rule, by: str | None) -> Callable[..., Any]:
    names = {
        name: _lifted(thing) if callable(thing) and name not in _STRUCTURAL else thing
        for name, thing in rule.used.items()
    }
    if by is None:
        return rule.formula.function(rule.operands, names)
    return rule.partials[by].function((*rule.operands, "y"), names)


def running_errors(order: Iterable[Value]) -> dict[Value, float]:
    """A bound on the rounding error of each node, those of its operands included as far as they come before it."""
    errors: dict[Value, float] = {}
    for node in order:
        if node._rule is None:
            errors[node] = 0.0
        else:
            errors[node] = max(rounding_errors(node._rule, _operands(node, errors)), default=abs(node.data))
    return errors


def partial_errors(node: Value, errors: Mapping[Value, float]) -> Iterator[tuple[Edge, float]]:
    """The edges of a node, each with a bound on the rounding error of its partial."""
    found: dict[str, list[float]] = {}
    for edge in edges(node):
        assert node._rule is not None  # it has edges
        if edge.operand not in found:
            y = Rounded(node.data, errors.get(node, abs(node.data)))
            found[edge.operand] = rounding_errors(node._rule, [*_operands(node, errors), y], edge.operand)
        yield edge, found[edge.operand][edge.place] if found[edge.operand] else abs(edge.partial)


def gradient_errors(order: Sequence[Value], errors: Mapping[Value, float]) -> dict[Value, float]:
    """Bounds on the rounding errors of the gradients that a backward pass has left in the nodes."""
    bounds = dict.fromkeys(order, 0.0)
    for node in reversed(order):
        for edge, error in partial_errors(node, errors):
            bounds[edge.value] += abs(edge.partial) * bounds[node] + abs(node.grad) * (error + abs(edge.partial))
    return bounds


def _operands(node: Value, errors: Mapping[Any, float]) -> list[Any]:
    return arguments(node, lambda operand: Rounded(number(operand), errors.get(operand, 0.0)))


def _once_more(number: float, error: float) -> Rounded:
    return Rounded(number, error + abs(number))


def _rounded(thing: Any) -> Rounded:
    return thing if isinstance(thing, Rounded) else Rounded(float(thing))


def _lifted(function: Callable[..., Any]) -> Callable[..., Rounded]:
    """A function of floats, and lists of them, on Rounded ones: it turns their errors into the change they bring."""

    def on_rounded(*arguments: Any) -> Rounded:
        given = [_rounded(x) for a in arguments for x in (a if isinstance(a, Sequence) else [a])]

        def at(numbers: Iterable[float]) -> float:
            numbers = iter(numbers)
            return float(
                function(*([next(numbers) for _ in a] if isinstance(a, Sequence) else next(numbers) for a in arguments))
            )

        numbers = [number.number for number in given]
        result = at(numbers)
        error = abs(result)
        for place, operand in enumerate(given):
            moved = operand.number * (1 - 2**-30) - 2**-30 * (operand.number == 0)
            if operand.error and moved != operand.number:
                change = at([*numbers[:place], moved, *numbers[place + 1 :]]) - result
                error += abs(change / (moved - operand.number)) * operand.error
        return Rounded(result, error)

    return on_rounded


_power = _lifted(pow)


_modulo = _lifted(operator.mod)


_floor_divide = _lifted(operator.floordiv)
