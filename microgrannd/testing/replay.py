"""A recorded graph computed again on exact numbers: at other points, and backwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress, product
from math import frexp, isfinite
from typing import Any

from ..engine.graph import arguments, edges, topological
from ..engine.value import Value
from .exact import LEAST, exact, has_steps, mp
from .limits import Sides, sides
from .rounded import UNIT


class Replay:
    """The results of a recorded graph as a function of its leaves.

    Args:
        results: Values, or plain numbers, which no leaf changes.
        numbers: what stands in some leaves now, if it is not what stood there when the graph was recorded.
    """

    def __init__(self, results: Sequence[Any], numbers: Mapping[Value, float] | None = None) -> None:
        self.results = results
        self.numbers = numbers or {}
        self.order = topological(*(result for result in results if isinstance(result, Value)))

    @cached_property
    def operations(self) -> list[Value]:
        """The nodes that have operands."""
        return [node for node in self.order if node._rule is not None and node._rule.partials]

    @cached_property
    def is_exact(self) -> bool:
        """Whether all operations have an exact form."""
        return all(exact(node._rule) for node in self.operations if node._rule)

    @cached_property
    def exponents(self) -> tuple[int, int]:
        """The numbers in the graph lie between 2 to these powers."""
        found = [frexp(node.data)[1] for node in self.order if node.data and isfinite(node.data)] or [0]
        return min(found), max(found)

    def at(self, numbers: Mapping[Value, Any]) -> list[Any]:
        """Compute the results with other numbers in some leaves, as precisely as the context has it."""
        found: dict[Value, Any] = {}

        def read(operand: Any) -> Any:
            return found[operand] if isinstance(operand, Value) else mp.mpf(operand)

        for node in self.order:
            if node._rule is not None and node._rule.partials:
                value = exact(node._rule)
                assert value is not None  # is_exact
                found[node] = value(*arguments(node, read))
            else:
                found[node] = mp.mpf(numbers.get(node, self.numbers.get(node, node.data)))
        return [read(result) for result in self.results]

    def derivatives(self, *directions: Mapping[Value, float]) -> list[Sides]:
        """The exact derivative of each result, from the left and from the right, in one direction after the other."""
        leaves = {leaf: mp.mpf(self.numbers.get(leaf, leaf.data)) for speeds in directions for leaf in speeds}
        known: dict[Any, list[Any]] = {}

        def moved(h: Any, some: Sequence[Mapping[Value, float]]) -> list[Any]:
            return self.at({leaf: x + h * sum(speeds.get(leaf, 0) for speeds in some) for leaf, x in leaves.items()})

        def differences(h: Any) -> list[Any]:
            if (h, mp.prec) not in known:
                rows = []
                for chosen in product((False, True), repeat=len(directions)):
                    sign = (-1) ** chosen.count(False)
                    rows.append([sign * x for x in moved(h, list(compress(directions, chosen)))])
                known[h, mp.prec] = [mp.fsum(terms) / h ** len(directions) for terms in zip(*rows, strict=True)]
            return known[h, mp.prec]

        moving = [leaves[leaf] for speeds in directions for leaf, speed in speeds.items() if speed and leaves[leaf]]
        exponent = min([int(mp.mag(x)) for x in moving] or [0])
        if any(has_steps(node._rule) for node in self.operations if node._rule):
            exponent = min(exponent, self.exponents[0], 0)
        return [
            sides(lambda h, index=index: differences(h)[index], exponent, len(directions), self.exponents[1], LEAST)
            for index in range(len(self.results))
        ]


def exact_gradients(
    order: Sequence[Value], root: Value, partials: Mapping[tuple[Value, int], Any]
) -> dict[Value, tuple[Any, Any]]:
    """Add up the gradients of a root from the recorded partials, without rounding.

    Args:
        order: the nodes, operands before results.
        root: the last of them.
        partials: others, for some edges, by the node and the number of the edge among its own.

    Returns:
        For each node its gradient, and a bound on the rounding error that `backward` may have there.
    """
    found = dict.fromkeys(order, (mp.mpf(0), mp.mpf(0)))
    terms = dict.fromkeys(order, 1)
    found[root] = mp.mpf(1), mp.mpf(0)
    for node in reversed(order):
        gradient, error = found[node]
        for index, edge in enumerate(edges(node)):
            partial = mp.mpf(partials.get((node, index), edge.partial))
            share = partial * gradient
            total, bound = found[edge.value]
            terms[edge.value] += 1
            rounding = (terms[edge.value] + 2) * UNIT * abs(share) + LEAST
            found[edge.value] = total + share, bound + abs(partial) * error + rounding
    return found


def exact_tangent(order: Sequence[Value], root: Value, tangents: Mapping[Value, float]) -> tuple[Any, Any]:
    """Carry tangents forward through the recorded partials, without rounding; with a bound as above."""
    found = {node: (mp.mpf(tangents.get(node, 0.0)), mp.mpf(0)) for node in order}
    for node in order:
        parts = [(mp.mpf(edge.partial), *found[edge.value]) for edge in edges(node)]
        if parts:
            shares = [partial * tangent for partial, tangent, _ in parts]
            error = mp.fsum(abs(partial) * bound for partial, _, bound in parts)
            rounding = (len(parts) + 2) * UNIT * mp.fsum(map(abs, shares)) + len(parts) * LEAST
            found[node] = mp.fsum(shares), error + rounding
    return found[root]


def distance(one: Iterable[Any], other: Iterable[Any], size: int) -> Any:
    """Return the largest difference between two rows of exact numbers; 0 where they are the same but for rounding.

    Args:
        one: computed as precisely as the context has it.
        other: in another way, too.
        size: no number on the way was larger than 2 to this power.
    """
    least = mp.ldexp(1, size - mp.prec + 100)
    found = mp.mpf(0)
    for a, b in zip(one, other, strict=True):
        if abs(a - b) > max(mp.ldexp(max(abs(a), abs(b)), -200), least):
            found = max(found, abs(a - b))
    return found
