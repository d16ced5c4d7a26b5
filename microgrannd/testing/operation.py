"""The check of one recorded operation: its partials against exact differences of its formula, at its recorded operands.

Two comparisons, since one alone would be blunt. The formulas of the partials, evaluated exactly, are the derivative of
the formula: to 56 bits, so that an error hides neither behind rounding nor in a saturated function. The recorded
partials are these formulas' values: within a bound on their rounding.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import comb, frexp, inf, isfinite, nan
from typing import Any, NamedTuple, TypeAlias

from .._trees import leaves
from ..engine.graph import Edge, arguments, edges, number
from ..engine.value import Value
from ..rules.errors import given
from .differences import Slopes, slopes
from .exact import LARGEST, LEAST, NO_VALUE, Sides, bits, exact, mp, rounded_otherwise, shown, sides
from .rounding import BOUND, TINY, UNIT, Rounded, has_ties, rounding_errors

#: Operands of which each is moved alone where numbers are equal, at most.
MANY = 32

Function: TypeAlias = Callable[..., Any]

#: How fast the operands move, by their edges.
Weights: TypeAlias = dict[Edge, Any]

#: To how many bits a formula of a partial has to agree with the exact derivative.
SHARP = 56


class Verdict(NamedTuple):
    """What the check of an operation finds."""

    wrong: str = ""  # what is wrong, in words
    kink: str = ""  # why there is no derivative at the recorded operands
    undecided: bool = False  # differences of floats cannot tell whether there is one


class Operation:
    """A recorded operation whose operands and result are finite, to be checked."""

    def __init__(self, node: Value) -> None:
        assert node._rule is not None
        self.node, self.rule = node, node._rule
        self.edges = list(edges(node))
        self.floats = arguments(node, number)
        self._known: dict[Any, Any] = {}  # what was computed for an operand serves all its elements

    @property
    def is_exact(self) -> bool:
        """Whether its formula has an exact form: it uses no Python function of one's own."""
        return exact(self.rule) is not None

    def verdict(self, rtol: float) -> Verdict:
        """Check its recorded partials."""
        if not self.is_exact:
            return self._by_floats(rtol)
        found = self.slopes(self.edges)
        if kink := self.kink(found):
            return Verdict(kink=kink)
        if self._formulas_differ(self.edges, found, rtol) or any(
            self._recorded_differs(edge, rtol) for edge in self.edges
        ):
            return Verdict(self._first_wrong(rtol))
        return Verdict()

    def kink(self, found: Sides) -> str:
        """Say why there is no derivative, given the slopes in the direction of all operands; nothing where there is one.

        Where the formula compares equal numbers these slopes may agree by chance: then each operand is moved alone too.
        """
        if trouble := found.trouble():
            return trouble
        if not 1 < len(self.edges) <= MANY or not has_ties(self.rule, self.floats):
            return ""
        weights = self._weights(self.edges, 0)
        alone = [self.slopes([edge]) for edge in self.edges]
        if trouble := next(filter(None, (one.trouble() for one in alone)), ""):
            return trouble
        with bits(found.precision):
            error = self._least(weights) + mp.ldexp(mp.fsum(abs(one.right) for one in alone), -SHARP)
            is_linear = abs(mp.fsum(one.right for one in alone) - found.right) <= error
        return "" if is_linear else "the slopes by single operands do not add up"

    def higher(self, order: int, rtol: float) -> str:
        """Say what is wrong with the derivatives of its partials, as formulas; nothing where they are right."""
        if not self.is_exact:
            return ""
        found = self.slopes(self.edges, order)
        if found.trouble() or not self._changes_differ(found, order, rtol):
            return ""
        partials = ", ".join(
            f"d{name} = {self.rule.partials[name].text}" for name in dict.fromkeys(edge.operand for edge in self.edges)
        )
        return (
            f"{self._whose(f'derivative of order {order}')}\n    {partials} changes otherwise than the derivative of y"
        )

    def slopes(self, along: Sequence[Edge], order: int = 1, patient: bool = True) -> Sides:
        """Find the exact derivative of the formula in a direction that moves some operands.

        Of a higher order: by one direction first, then by another, which moves all operands.
        """
        one, other = self._weights(along, 0), self._weights(self.edges, 1)
        exponent = min(self._room(one), self._room(other) if order > 1 else 0)
        quotient = partial(self._quotient, self._value, one, other, order)
        size = max(frexp(x)[1] for x in (self.node.data, *leaves(self.floats)))
        return sides(quotient, exponent, order, size, self._least(one), patient)

    def _quotient(self, value: Function, one: Weights, other: Weights, order: int, h: Any) -> Any:
        terms = []
        for j in range(order):
            start = value(*self._moved((j * h, other))) if j else self._y(value)
            change = value(*self._moved((h, one), (j * h, other))) - start
            terms.append((-1) ** (order - 1 - j) * comb(order - 1, j) * change)
        return mp.fsum(terms) / h**order

    def exactly(self, edge: Edge, number: Function = mp.mpf) -> Any:
        """The formula of a partial, evaluated exactly; None where it has no value or no exact form."""
        key = edge.operand, number, mp.prec
        if key not in self._known:
            formula, value = exact(self.rule, edge.operand, number), exact(self.rule, None, number)
            try:
                found = None if formula is None or value is None else formula(*self._moved(), self._y(value))
            except NO_VALUE:
                found = None
            self._known[key] = found
        found = self._known[key]
        return None if found is None else found[edge.place] if edge.operand in self.rule.sequences else mp.mpf(found)

    def derivative(self, edge: Edge) -> Any:
        """The derivative by one operand as differences have it, exact ones if possible; None where there is none."""
        if not self.is_exact:
            estimate = self._float_slopes(edge)
            return None if estimate.trouble() else mp.mpf(estimate.central.value)
        found = self.slopes([edge])
        return None if found.trouble() else found.right / self._weights([edge], 0)[edge]

    @cached_property
    def _value(self) -> Function:
        value = exact(self.rule)
        assert value is not None  # is_exact
        return value

    def _y(self, value: Function) -> Any:
        """The formula's value at the recorded operands: computed once for each precision."""
        if (value, mp.prec) not in self._known:
            self._known[value, mp.prec] = value(*self._moved())
        return self._known[value, mp.prec]

    def _weights(self, along: Sequence[Edge], seed: int) -> Weights:
        """How fast some operands move: so that each has a like share in the result's change, and none hides behind another."""
        if seed not in self._known:
            draw = random.Random(seed)
            self._known[seed] = {edge: _weight(edge, draw) for edge in self.edges}
        return {edge: self._known[seed][edge] for edge in along}

    def _room(self, weights: Weights) -> int:
        """The power of two of a displacement that is small beside every operand."""
        return min([int(mp.mag(e.value.data) - mp.mag(w)) for e, w in weights.items() if e.value.data] or [0])

    def _least(self, weights: Weights) -> Any:
        return LEAST * mp.fsum(map(abs, weights.values()))

    def _moved(self, *moves: tuple[Any, Weights]) -> list[Any]:
        """The operands as exact numbers, displaced by a step times some weights each."""
        found = [[mp.mpf(x) for x in o] if isinstance(o, list) else mp.mpf(o) for o in self.floats]
        for step, weights in moves:
            for edge, weight in weights.items() if step else ():
                index = self.rule.operands.index(edge.operand)
                if edge.operand in self.rule.sequences:
                    found[index][edge.place] += step * weight
                else:
                    found[index] += step * weight
        return found

    def _formulas_differ(self, along: Sequence[Edge], found: Sides, rtol: float) -> bool:
        """Whether the formulas of the partials are not the derivative of the formula."""
        with bits(max(found.precision, 256)):
            weights = self._weights(along, 0)
            terms = [(weight, self.exactly(edge)) for edge, weight in weights.items()]
            if any(one is None or not mp.isfinite(one) for _, one in terms):
                return False  # _recorded_differs() compares one by one
            total = mp.fsum(weight * one for weight, one in terms)
            error = self._doubt(weights, mp.prec) + self._least(weights)
            error += mp.fsum(abs(weight * one) for weight, one in terms) * (rtol + mp.ldexp(1, -SHARP))
            return bool(abs(total - found.right) > error)

    def _doubt(self, weights: Weights, precision: int) -> Any:
        """How far formulas may be from the derivative because their constants, such as pi, are rounded."""
        changes = [
            weight * (self.exactly(edge) - self.exactly(edge, rounded_otherwise)) for edge, weight in weights.items()
        ]
        value = exact(self.rule, None, rounded_otherwise)
        assert value is not None  # is_exact
        if self._y(value) != self._y(self._value):
            h = mp.ldexp(1, self._room(weights) - precision // 2)
            one, other = (self._quotient(f, weights, {}, 1, h) for f in (value, self._value))
            changes.append(one - other)
        return 8 * mp.fsum(map(abs, changes))

    def _changes_differ(self, found: Sides, order: int, rtol: float) -> bool:
        """The same for how the partials change along the second direction."""
        one, other = self._weights(self.edges, 0), self._weights(self.edges, 1)
        formulas = {edge: exact(self.rule, edge.operand) for edge in self.edges}
        if None in formulas.values():
            return False

        def along(t: Any) -> Any:
            moved = self._moved((t, other))
            y = self._value(*moved)
            terms = []
            for edge, weight in one.items():
                slope = formulas[edge](*moved, y)  # type: ignore[misc]  # none is None
                terms.append(weight * (slope[edge.place] if edge.operand in self.rule.sequences else slope))
            return mp.fsum(terms)

        def quotient(h: Any) -> Any:
            return mp.fsum((-1) ** (order - 1 - j) * comb(order - 1, j) * along(j * h) for j in range(order)) / h ** (
                order - 1
            )

        least = self._least(one)
        changes = sides(quotient, self._room(other), order - 1, mp.mag(found.right), least)
        if changes.trouble():
            return False
        scale = abs(changes.right) + abs(found.right)
        return bool(abs(changes.right - found.right) > scale * (rtol + mp.ldexp(1, 6 - SHARP)) + least)

    def rounding(self, edge: Edge) -> Any:
        """A bound on the rounding error of a recorded partial."""
        if edge.operand not in self._known:
            is_exact = self.is_exact and exact(self.rule, edge.operand) is not None
            operands = self._rounded(is_exact)
            own = rounding_errors(self.rule, operands, exact=is_exact)
            y = Rounded(mp.mpf(self.node.data) if is_exact else self.node.data, own[0] if own else abs(self.node.data))
            self._known[edge.operand] = rounding_errors(self.rule, [*operands, y], edge.operand, exact=is_exact)
        found = self._known[edge.operand]
        error = found[edge.place if edge.operand in self.rule.sequences else 0] if found else abs(edge.partial)
        return BOUND * error + TINY

    def _rounded(self, is_exact: bool) -> list[Any]:
        make = (lambda x: Rounded(mp.mpf(x))) if is_exact else Rounded
        return [[make(x) for x in o] if isinstance(o, list) else make(o) for o in self.floats]

    def _by_floats(self, rtol: float) -> Verdict:
        """The check by differences of floats, where the formula uses a Python function of one's own."""
        for edge in self.edges:
            error = self.rounding(edge)
            found = self._float_slopes(edge)
            if trouble := found.trouble():
                return Verdict(kink=trouble, undecided=found.is_unsettled())
            if found.central.differs(edge.partial, error + rtol * abs(edge.partial)):
                margin = found.central.error + error
                reference = f"differences give {found.central.value:.12g} ± {margin:.0e}"
                return Verdict(f"{self._whose('own derivative')}\n    {self._partial_text(edge)}, {reference}")
        return Verdict()

    def _float_slopes(self, edge: Edge) -> Slopes:
        noise = BOUND * max(rounding_errors(self.rule, self._rounded(False)), default=abs(self.node.data))
        x = edge.value.data
        return slopes(self._displaced(edge), x, noise + UNIT * abs(edge.partial * x))

    def _displaced(self, edge: Edge) -> Callable[[float], Any]:
        """The formula as a function of a displacement of one operand, nan outside the domain."""
        index = self.rule.operands.index(edge.operand)

        def at(t: float) -> Any:
            moved = list(self.floats)
            if edge.operand in self.rule.sequences:
                moved[index] = list(moved[index])
                moved[index][edge.place] += t
            else:
                moved[index] += t
            return self.rule.compute(*moved) if self.rule.inside(*moved) else nan

        return at

    def _recorded_differs(self, edge: Edge, rtol: float) -> bool:
        """Whether a recorded partial is further from the exact one than rounding explains."""
        with bits(256):
            right = self.exactly(edge)
            if right is None or not mp.isfinite(right):
                right = self.derivative(edge)
            return right is not None and self._too_far(edge, right, rtol)

    def _too_far(self, edge: Edge, right: Any, rtol: float) -> bool:
        if not isfinite(edge.partial):
            return not (abs(right) > LARGEST and edge.partial == (inf if right > 0 else -inf))
        error = self.rounding(edge)  # nan is no verdict
        return bool(abs(edge.partial - right) > error + rtol * abs(edge.partial))

    def _first_wrong(self, rtol: float) -> str:
        """The first operand by which the derivative is wrong, with both numbers."""
        with bits(256):
            for edge in self.edges:
                right = self.derivative(edge)
                if right is None:
                    continue
                found = self.slopes([edge])
                if self._formulas_differ([edge], found, rtol) or self._too_far(edge, right, rtol):
                    return f"{self._whose('own derivative')}\n    {self._partial_text(edge)}, exact differences give {shown(right)}"
        return f"{self._whose('own derivative')} of several operands together"

    def _whose(self, what: str) -> str:
        where = given(self.rule, self.floats, arguments(self.node))
        return (
            f"The first operation whose {what} is wrong is {self.rule.name}, y = {self.rule.formula.text}, at {where}:"
        )

    def _partial_text(self, edge: Edge) -> str:
        place = f"[{edge.place}]" if edge.operand in self.rule.sequences else ""
        return f"d{edge.operand}{place} = {self.rule.partials[edge.operand].text} gives {edge.partial!r}"


def _weight(edge: Edge, draw: random.Random) -> Any:
    size = edge.partial if edge.partial and isfinite(edge.partial) else 1 / (edge.value.data or 1.0)
    speed = draw.choice((-1, 1)) * draw.randrange(2**20, 2**21) / 2**20
    return mp.ldexp(speed, -frexp(size)[1] if isfinite(size) else 0)
