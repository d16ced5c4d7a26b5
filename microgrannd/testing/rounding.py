"""How far rounding can have moved a result: a running bound, carried through the formulas and through a graph.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3, running error analysis.
"""

from __future__ import annotations

import operator
from ast import NodeTransformer
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from itertools import product
from typing import Any

from .._trees import mapped
from ..engine.graph import Edge, arguments, edges, number
from ..engine.value import Value
from ..rules.ieee import ERRORS
from ..rules.rule import Rule
from .exact import LEAST, PIECES, REFLECTED, Typed, bits, has_steps, mp, names_of

#: The unit in which errors are counted: the distance from 1 to the next float.
UNIT = 2.0**-52


#: What floats cannot tell from nothing: the smallest normal number.
TINY = 2.3e-308


#: What a unit of these bounds amounts to: the functions of `math` may be wrong by some units in the last place.
BOUND = 4 * UNIT


#: What needs no help to work on Rounded numbers.
_STRUCTURAL = frozenset({"abs", "len", "map", "max", "min", "sum", "zip", "mul", "_number"})


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
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> bool:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> bool:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> bool:
        return self._compared(operator.ge, other)

    def _compared(self, comparison: Callable[[Any, Any], bool], other: Any) -> bool:
        other = _rounded(other)
        error = self.error + other.error
        if not abs(self.number - other.number) > BOUND * error:
            _note_chance(bool(error))
        return comparison(self.number, other.number)

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
        self._compared(operator.lt, 0)
        return Rounded(abs(self.number), self.error)


def rounding_errors(rule: Rule, arguments: Sequence[Any], by: str | None = None, exact: bool = False) -> list[Any]:
    """Bounds on the error of a rule's formula, in units of the last place of 1.

    Args:
        rule: whose formula.
        arguments: for each operand a `Rounded` number, or a list of them; for a partial also one for the result.
        by: the operand of a partial; None for the value.
        exact: the numbers are mpmath's, which have no least and no largest; so is the bound.

    Returns:
        One bound; of a formula whose result is a list, one for each element. None where the formula raises.
    """
    try:
        result = rule.kept(_on_exact if exact else _on_floats, by)(*arguments)
    except (*ERRORS, TypeError):
        return []
    return [_rounded(x).error for x in (result if isinstance(result, list) else [result])]


def _on_floats(rule: Rule, by: str | None) -> Callable[..., Any]:
    return _on_rounded(rule, by, rule.used, _on_floats)


def _on_exact(rule: Rule, by: str | None) -> Callable[..., Any]:
    names = names_of(rule.formula if by is None else rule.partials[by], rule, mp.mpf)
    assert names is not None  # the caller knows that there is an exact form
    names["_number"] = lambda constant: Rounded(mp.mpf(constant))  # so that the arithmetic of constants counts too
    return _on_rounded(rule, by, names, _on_exact, Typed())


def _domain_on_exact(rule: Rule) -> Callable[..., Any]:
    assert rule.domain is not None  # the caller looked
    names = names_of(rule.domain, rule, mp.mpf)
    assert names is not None  # there is an exact form
    lifted = {
        name: _lifted(thing) if callable(thing) and name not in _STRUCTURAL else thing for name, thing in names.items()
    }
    return rule.domain.function(rule.operands, lifted, Typed())


def _on_rounded(
    rule: Rule,
    by: str | None,
    functions: Mapping[str, Any],
    inner: Callable[..., Any],
    rewrite: NodeTransformer | None = None,
) -> Callable[..., Any]:
    names = {
        name: _lifted(thing) if callable(thing) and name not in _STRUCTURAL else thing
        for name, thing in functions.items()
    }
    used = {name: getattr(rule.functions.get(name), "__rule__", None) for name in names}
    names |= {name: own.kept(inner, None) for name, own in used.items() if own}  # a rule's formula, with its own errors
    if by is None:
        return rule.formula.function(rule.operands, names, rewrite)
    return rule.partials[by].function((*rule.operands, "y"), names, rewrite)


#: Takes a note of each comparison of numbers that are equal, or could be without rounding, while somebody listens.
_chances: ContextVar[list[bool] | None] = ContextVar("microgrannd_chances", default=None)


def _note_chance(by_rounding: bool) -> None:
    chances = _chances.get()
    if chances is not None:
        chances.append(by_rounding)


def _note_pieces(piece: Callable[..., Any], operands: Sequence[Rounded]) -> None:
    """Take a note where operands are at an edge between the pieces of a function, or could be without rounding."""
    ends = []
    for operand in operands:
        room = BOUND * operand.error + mp.ldexp(abs(operand.number) or LEAST, 100 - mp.prec)
        ends.append((operand.number - room, operand.number + room))
    if len({piece(*corner) for corner in product(*ends)}) > 1:
        _note_chance(any(operand.error for operand in operands))


def _chances_in(compute: Callable[[], Any]) -> list[bool]:
    """Of each comparison of equal Rounded numbers in a computation, whether they may be equal only by rounding."""
    chances: list[bool] = []
    token = _chances.set(chances)
    try:
        compute()
    finally:
        _chances.reset(token)
    return chances


def has_ties(rule: Rule, floats: Sequence[Any]) -> bool:
    """Whether a rule's formula compares numbers that are equal, at these operands."""
    with bits(3000 if has_steps(rule) else 256):
        operands = rounded(floats, True)
        return bool(_chances_in(lambda: rounding_errors(rule, operands, exact=True)))


def rounded(floats: Sequence[Any], exact: bool) -> list[Any]:
    """The operands of a rule without errors: floats or exact numbers."""
    found: list[Any] = mapped(lambda x: Rounded(_typed(x, exact)), list(floats))
    return found


def running_errors(order: Iterable[Value], exact: bool = False, chances: set[Value] | None = None) -> dict[Value, Any]:
    """A bound on the rounding error of each node, those of its operands included as far as they come before it.

    Args:
        order: nodes, operands before results.
        exact: see `rounding_errors`.
        chances: takes the nodes in whose formula or domain rounding may have turned a comparison round.
    """
    errors: dict[Value, Any] = {}

    def add(node: Value) -> None:
        rule = node._rule
        if rule is None or not rule.partials:
            errors[node] = 0.0
            return
        operands = _operands(node, errors, exact)
        errors[node] = max(rounding_errors(rule, operands, exact=exact), default=abs(node.data))
        if exact and rule.domain:
            rule.kept(_domain_on_exact)(*operands)

    for node in order:
        if any(_chances_in(partial(add, node))) and chances is not None:
            chances.add(node)
    return errors


def partial_errors(node: Value, errors: Mapping[Value, Any], exact: bool = False) -> Iterator[tuple[Edge, Any]]:
    """The edges of a node, each with a bound on the rounding error of its partial."""
    found: dict[str, list[Any]] = {}
    for edge in edges(node):
        assert node._rule is not None  # it has edges
        if edge.operand not in found:
            y = Rounded(_typed(node.data, exact), errors.get(node, abs(node.data)))
            operands = [*_operands(node, errors, exact), y]
            found[edge.operand] = rounding_errors(node._rule, operands, edge.operand, exact)
        yield edge, found[edge.operand][edge.position] if found[edge.operand] else abs(edge.partial)


def gradient_errors(order: Sequence[Value], errors: Mapping[Value, Any], exact: bool = False) -> dict[Value, Any]:
    """Bounds on the rounding errors of the gradients that a backward pass has left in the nodes."""
    bounds: dict[Value, Any] = dict.fromkeys(order, 0.0)
    for node in reversed(order):
        for edge, error in partial_errors(node, errors, exact):
            bounds[edge.value] += abs(edge.partial) * bounds[node] + abs(node.grad) * (error + abs(edge.partial))
    return bounds


def _operands(node: Value, errors: Mapping[Any, Any], exact: bool = False) -> list[Any]:
    return arguments(node, lambda operand: Rounded(_typed(number(operand), exact), errors.get(operand, 0.0)))


def _typed(x: float, exact: bool) -> Any:
    if not exact:
        return x
    return mp.mpf(x)


def _once_more(number: float, error: float) -> Rounded:
    return Rounded(number, error + abs(number))


def _rounded(thing: Any) -> Rounded:
    return thing if isinstance(thing, Rounded) else Rounded(thing)


def _lifted(function: Callable[..., Any]) -> Callable[..., Rounded]:
    """A function of floats, and lists of them, on Rounded ones: it turns their errors into the change they bring."""

    def on_rounded(*arguments: Any) -> Rounded:
        given = [_rounded(x) for a in arguments for x in (a if isinstance(a, Sequence) else [a])]

        def at(numbers: Iterable[Any]) -> Any:
            numbers = iter(numbers)
            return function(
                *([next(numbers) for _ in a] if isinstance(a, Sequence) else next(numbers) for a in arguments)
            )

        numbers = [number.number for number in given]
        if function in PIECES:
            _note_pieces(PIECES[function], given)
        result = at(numbers)
        error = abs(result)
        for index, operand in enumerate(given):
            moved = operand.number * (1 - 2**-30) - 2**-30 * (operand.number == 0)
            operand_error = max(operand.error, abs(operand.number)) if function in REFLECTED else operand.error
            if operand_error and moved != operand.number:
                change = at([*numbers[:index], moved, *numbers[index + 1 :]]) - result
                error += abs(change / (moved - operand.number)) * operand_error
        return Rounded(result, error)

    return on_rounded


_power = _lifted(pow)


_modulo = _lifted(operator.mod)


_floor_divide = _lifted(operator.floordiv)
