"""A recorded operation on exact numbers: its formulas at its operands, and as these are displaced."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import comb, frexp, isfinite
from typing import Any, TypeAlias

from .._trees import leaves, mapped
from ..engine.graph import Edge, arguments, edges, number
from ..engine.value import Value
from .exact import LEAST, NO_VALUE, bits, exact, has_steps, mp, rounded_otherwise
from .limits import Sides, sides

Function: TypeAlias = Callable[..., Any]

#: How fast the operands move, by their edges.
Weights: TypeAlias = dict[Edge, Any]


class Displaced:
    """A recorded operation whose formula has an exact form.

    Args:
        node: its result; operands and result are finite.
    """

    def __init__(self, node: Value) -> None:
        assert node._rule is not None
        self.node, self.rule = node, node._rule
        self.edges = list(edges(node))
        self.floats = arguments(node, number)
        self._known: dict[Any, Any] = {}  # what was computed for an operand serves all its elements

    @cached_property
    def value(self) -> Function:
        """The exact form of the formula."""
        value = exact(self.rule)
        assert value is not None
        return value

    @cached_property
    def _operands(self) -> list[Any]:
        with bits(64):
            exact_operands: list[Any] = mapped(mp.mpf, list(self.floats))
        return exact_operands

    def slopes(self, along: Sequence[Edge], order: int = 1, patient: bool = True) -> Sides:
        """Find the exact derivative of the formula in a direction that moves some operands.

        Of a higher order: by one direction first, then by another, which moves all operands.
        """
        one, other = self.weights(along), self.weights(self.edges, 1)
        exponent = min(self.room(one), self.room(other) if order > 1 else 0)
        size = max(frexp(x)[1] for x in (self.node.data, *leaves(self.floats)))
        return sides(
            partial(self._quotient, self.value, one, other, order), exponent, order, size, self.least(one), patient
        )

    def slopes_by(self, edge: Edge) -> Sides:
        """Find the exact derivative by one operand."""
        found, weight = self.slopes([edge]), self.weights([edge])[edge]
        left, right = (None if side is None else side / weight for side in (found.left, found.right))
        if weight < 0:
            left, right, found = right, left, found._replace(reasons=found.reasons[::-1])
        return found._replace(left=left, right=right, least=found.least / abs(weight))

    def derivative(self, edge: Edge) -> Any:
        """Return the exact derivative by one operand; None where there is none."""
        found = self.slopes_by(edge)
        return None if found.trouble() else found.right

    def glimpse(self, edge: Edge) -> Any:
        """Return nearly the same by a single quotient, for what is only shown; None where that has no value."""
        weights = self.weights([edge])
        with bits(1000):
            try:
                return self._quotient(self.value, weights, {}, 1, mp.ldexp(1, self.room(weights) - 400)) / weights[edge]
            except NO_VALUE:
                return None

    def partial(self, edge: Edge, number: Function = mp.mpf) -> Any:
        """Return the formula of a partial, evaluated exactly; None where it has no finite value or no exact form."""
        key = edge.operand, number, mp.prec
        if key not in self._known:
            formula, value = exact(self.rule, edge.operand, number), exact(self.rule, None, number)
            try:
                found = None if formula is None or value is None else formula(*self.moved(), self._y(value))
            except NO_VALUE:
                found = None
            self._known[key] = found
        found = self._known[key]
        if found is None:
            return None
        found = found[edge.position] if edge.operand in self.rule.sequences else mp.mpf(found)
        return found if mp.isfinite(found) else None

    def partials_moved(self, t: Any) -> Any:
        """The sum of the partials, weighted as the first direction has it, where the second has moved all operands by t."""
        moved = self.moved((t, self.weights(self.edges, 1)))
        y = self.value(*moved)
        rows = {operand: exact(self.rule, operand)(*moved, y) for operand in {e.operand for e in self.edges}}  # type: ignore[misc]  # they have exact forms
        return mp.fsum(
            weight * (rows[edge.operand][edge.position] if edge.operand in self.rule.sequences else rows[edge.operand])
            for edge, weight in self.weights(self.edges).items()
        )

    def doubt(self, weights: Weights) -> Any:
        """Return how far formulas may be from the derivative because their constants, such as pi, are rounded."""
        changes = [
            weight * (self.partial(edge) - self.partial(edge, rounded_otherwise)) for edge, weight in weights.items()
        ]
        value = exact(self.rule, None, rounded_otherwise)
        assert value is not None  # as the formula itself has an exact form
        if self._y(value) != self._y(self.value):
            h = mp.ldexp(1, self.room(weights) - mp.prec // 2)
            one, other = (self._quotient(f, weights, {}, 1, h) for f in (value, self.value))
            changes.append(one - other)
        return 8 * mp.fsum(map(abs, changes))

    def weights(self, along: Sequence[Edge], direction: int = 0) -> Weights:
        """How fast some operands move in a direction: so that each has a like share in the result's change."""
        if direction not in self._known:
            draw = random.Random(direction)
            self._known[direction] = {edge: self._weight(edge, draw) for edge in self.edges}
        return {edge: self._known[direction][edge] for edge in along}

    def room(self, weights: Weights) -> int:
        """The power of two of a displacement that is small beside every operand that moves, or beside all and 1."""
        if has_steps(self.rule):
            least = min([0, *(frexp(x)[1] for x in leaves(self.floats) if x)])
            return min(least - int(mp.mag(weight)) for weight in weights.values())
        return min([int(mp.mag(e.value.data) - mp.mag(w)) for e, w in weights.items() if e.value.data] or [0])

    def least(self, weights: Weights) -> Any:
        """What such a displacement makes of the least float."""
        return LEAST * mp.fsum(map(abs, weights.values()))

    def moved(self, *moves: tuple[Any, Weights]) -> list[Any]:
        """The operands as exact numbers, displaced by a step times some weights each."""
        found = [list(o) if isinstance(o, list) else o for o in self._operands]
        for step, weights in moves:
            for edge, weight in weights.items() if step else ():
                index = self.rule.operands.index(edge.operand)
                if edge.operand in self.rule.sequences:
                    found[index][edge.position] += step * weight
                else:
                    found[index] += step * weight
        return found

    def _weight(self, edge: Edge, draw: random.Random) -> Any:
        speed = draw.choice((-1, 1)) * draw.randrange(2**20, 2**21) / 2**20
        size: Any = edge.partial if isfinite(edge.partial) else 0.0
        if not size:
            with bits(256):
                size = self.partial(edge)
        if not size or abs(mp.mag(size)) > 1100:  # nothing in floats: then a step as the operand itself is
            return mp.ldexp(speed, frexp(edge.value.data or 1.0)[1])
        return mp.ldexp(speed, -int(mp.mag(size)))

    def _quotient(self, value: Function, one: Weights, other: Weights, order: int, h: Any) -> Any:
        terms = []
        for j in range(order):
            start = value(*self.moved((j * h, other))) if j else self._y(value)
            change = value(*self.moved((h, one), (j * h, other))) - start
            terms.append((-1) ** (order - 1 - j) * comb(order - 1, j) * change)
        return mp.fsum(terms) / h**order

    def _y(self, value: Function) -> Any:
        """The formula's value at the recorded operands: computed once for each precision."""
        if (value, mp.prec) not in self._known:
            self._known[value, mp.prec] = value(*self.moved())
        return self._known[value, mp.prec]
