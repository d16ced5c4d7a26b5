"""The check of one recorded operation: its partials against exact differences of its formula, at its recorded operands.

Two comparisons, since one alone would be blunt. The formulas of the partials, evaluated exactly, are the derivative of
the formula: to 56 bits, so that an error hides neither behind rounding nor in a saturated function. The recorded
partials are these formulas' values: within a bound on their rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, isfinite
from typing import Any, NamedTuple

from ..engine.graph import Edge, arguments
from ..engine.value import Value
from ..rules.errors import given
from .displaced import Displaced
from .exact import bits, exact, is_beyond_floats, mp, shown
from .floats import slopes_of
from .limits import Sides, sides
from .rounded import BOUND, TINY, Rounded
from .rounding import has_ties, rounded, rounding_errors

#: Operands that are moved one by one, at most.
MANY = 32

#: To how many bits a formula of a partial has to agree with the exact derivative.
SHARP = 56


class Verdict(NamedTuple):
    """What the check of an operation finds."""

    wrong: str = ""  # what is wrong, in words
    kink: str = ""  # why there is no derivative at the recorded operands
    undecided: str = ""  # why that cannot be told


class Operation:
    """A recorded operation whose operands and result are finite, to be checked."""

    def __init__(self, node: Value, rtol: float = 0.0) -> None:
        self.at = Displaced(node)
        self.rule, self.edges, self.rtol = self.at.rule, self.at.edges, rtol
        self._rounding: dict[str, list[Any]] = {}  # by the operand
        #: Whether its formula has an exact form: it uses no Python function of one's own.
        self.is_exact = exact(self.rule) is not None

    def verdict(self) -> Verdict:
        """Check its recorded partials."""
        if not self.is_exact:
            return self._by_floats()
        found = self.at.slopes(self.edges)
        if kink := self.kink(found):
            return Verdict(kink=kink)
        wrong = self._wrong(found)
        if wrong is None:
            return Verdict()
        kink = self._corner(found)
        return Verdict(kink=kink) if kink else Verdict(self._named(wrong))

    def kink(self, found: Sides) -> str:
        """Say why there is no derivative, given the slopes in the direction of all operands; nothing where there is one.

        Where the formula compares equal numbers these slopes may agree by chance.
        """
        return found.trouble() or (self._corner(found) if has_ties(self.rule, self.at.floats) else "")

    def higher(self, order: int) -> Verdict:
        """Check the derivatives of its partials, as formulas, up to an order."""
        if not self.is_exact or any(exact(self.rule, edge.operand) is None for edge in self.edges):
            return Verdict(
                undecided=f"{self.rule.name} uses a Python function of one's own, of which there is no derivative"
            )
        found = self.at.slopes(self.edges, order)
        if kink := found.trouble():
            return Verdict(kink=kink)
        if not self._changes_differ(found, order):
            return Verdict()
        names = dict.fromkeys(edge.operand for edge in self.edges)
        partials = ", ".join(f"d{name} = {self.rule.partials[name].text}" for name in names)
        whose = self._whose(f"derivative of order {order}")
        return Verdict(f"{whose}\n    {partials} changes otherwise than the derivative of y")

    def derivative(self, edge: Edge) -> Any:
        """Return the derivative by one operand as differences have it, exact ones if possible; None where there is none."""
        if not self.is_exact:
            estimate = slopes_of(self.at, edge)
            return None if estimate.trouble() else mp.mpf(estimate.central.value)
        return self.at.derivative(edge) if len(self.edges) <= MANY else self.at.glimpse(edge)

    def _corner(self, found: Sides) -> str:
        """Why there is no derivative although the slopes in one direction agree: each operand is moved alone too."""
        if not 1 < len(self.edges) <= MANY:
            return ""
        alone = [self.at.slopes([edge]) for edge in self.edges]
        if trouble := next(filter(None, (one.trouble() for one in alone)), ""):
            return trouble
        with bits(found.precision):
            error = self.at.least(self.at.weights(self.edges))
            error += mp.ldexp(mp.fsum(abs(one.right) for one in alone), -SHARP)
            is_linear = abs(mp.fsum(one.right for one in alone) - found.right) <= error
        return "" if is_linear else "the slopes by single operands do not add up"

    def _wrong(self, found: Sides) -> Edge | None:
        """The first edge with a wrong partial, given the slopes in the direction of all operands."""
        known = [edge for edge in self.edges if self.at.partial(edge) is not None]
        with bits(256):
            for edge in self.edges:
                right = self.at.partial(edge) if edge in known else self.derivative(edge)
                if right is not None and self._too_far(edge, right):
                    return edge
        claimed, silent = ([edge for edge in known if bool(edge.partial) is some] for some in (True, False))
        for group in (claimed, silent):  # a term that is said to be nothing would drown among the others
            if group and self._formulas_differ(group, found if len(group) == len(self.edges) else None):
                return self._narrowed(group)
        return None

    def _narrowed(self, group: list[Edge]) -> Edge:
        """One of some edges, the formula of whose partial is no derivative: found by halving."""
        while len(group) > 1:
            half = group[: len(group) // 2]
            group = half if self._formulas_differ(half) else group[len(half) :]
        return group[0]

    def _formulas_differ(self, along: Sequence[Edge], found: Sides | None = None) -> bool:
        """Whether the formulas of some partials are not the derivative of the formula."""
        found = found or self.at.slopes(along)
        if found.trouble():
            return False
        with bits(max(found.precision, 256)):
            weights = self.at.weights(along)
            terms = [weight * self.at.partial(edge) for edge, weight in weights.items()]
            error = self.at.doubt(weights) + self.at.least(weights)
            error += mp.fsum(map(abs, terms)) * (self.rtol + mp.ldexp(1, -SHARP))
            return bool(abs(mp.fsum(terms) - found.right) > error)

    def _changes_differ(self, found: Sides, order: int) -> bool:
        """The same for how the partials change along the second direction."""

        def quotient(h: Any) -> Any:
            terms = ((-1) ** (order - 1 - j) * comb(order - 1, j) * self.at.partials_moved(j * h) for j in range(order))
            return mp.fsum(terms) / h ** (order - 1)

        least = self.at.least(self.at.weights(self.edges))
        room = self.at.room(self.at.weights(self.edges, 1))
        changes = sides(quotient, room, order - 1, int(mp.mag(found.right or 1.0)), least)
        if changes.trouble():
            return False
        scale = abs(changes.right) + abs(found.right)
        return bool(abs(changes.right - found.right) > scale * (self.rtol + mp.ldexp(1, 6 - SHARP)) + least)

    def _too_far(self, edge: Edge, right: Any) -> bool:
        """Whether a recorded partial is further from an exact one than rounding explains; a bound that is nan is no verdict."""
        if not isfinite(edge.partial):
            return not is_beyond_floats(edge.partial, right)
        return bool(abs(edge.partial - right) > self.rounding(edge) + self.rtol * abs(edge.partial))

    def rounding(self, edge: Edge) -> Any:
        """Return a bound on the rounding error of a recorded partial."""
        if edge.operand not in self._rounding:
            is_exact = self.is_exact and exact(self.rule, edge.operand) is not None
            data, operands = self.at.node.data, rounded(self.at.floats, is_exact)
            own = rounding_errors(self.rule, operands, exact=is_exact)
            y = Rounded(mp.mpf(data) if is_exact else data, own[0] if own else abs(data))
            self._rounding[edge.operand] = rounding_errors(self.rule, [*operands, y], edge.operand, is_exact)
        found = self._rounding[edge.operand]
        error = found[edge.position if edge.operand in self.rule.sequences else 0] if found else abs(edge.partial)
        return BOUND * error + TINY

    def _by_floats(self) -> Verdict:
        """Check by differences of floats, where the formula uses a Python function of one's own."""
        for edge in self.edges:
            found, error = slopes_of(self.at, edge), self.rounding(edge)
            if trouble := found.trouble():
                return Verdict(undecided=trouble) if found.is_unsettled() else Verdict(kink=trouble)
            if found.central.differs(edge.partial, error + self.rtol * abs(edge.partial)):
                reference = f"differences give {found.central.value:.12g} ± {found.central.error + error:.0e}"
                return Verdict(f"{self._whose('own derivative')}\n    {self._partial_text(edge)}, {reference}")
        return Verdict()

    def _named(self, edge: Edge) -> str:
        right = self.at.derivative(edge)
        other = "another one" if right is None else shown(right)
        return f"{self._whose('own derivative')}\n    {self._partial_text(edge)}, exact differences give {other}"

    def _whose(self, what: str) -> str:
        where = given(self.rule, self.at.floats, arguments(self.at.node))
        name, formula = self.rule.name, self.rule.formula.text
        return f"The first operation whose {what} is wrong is {name}, y = {formula}, at {where}:"

    def _partial_text(self, edge: Edge) -> str:
        index = f"[{edge.position}]" if edge.operand in self.rule.sequences else ""
        return f"d{edge.operand}{index} = {self.rule.partials[edge.operand].text} gives {edge.partial!r}"
