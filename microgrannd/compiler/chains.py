"""Makes one dot product of a sum that was recorded term by term.

``sum(w * x for w, x in ...)`` records a product and a sum for each term, each sum one step deeper than the last. As a
single step such a chain has one depth, and runs as one loop. The order of its additions stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..rules.table import TABLE
from .tape import Atom, Literal, Operand, Ref, Step, Tape

_ADD, _SUB, _MUL, _DOT = (TABLE[name] for name in ("__add__", "__sub__", "__mul__", "dot"))


_ONE, _MINUS_ONE = Literal(1.0), Literal(-1.0)


_NOTHING = Literal(-0.0)  # to which any number can be added, 0.0 and -0.0 too, and stays what it is


class _Chain(NamedTuple):
    """A sum.

    Attributes:
        terms: each with its sign.
        sums: the first term, and the sum after each further one.
    """

    terms: list[tuple[Literal, Any]]
    sums: list[Any]


def chained(tape: Tape) -> Tape:
    """Return a tape of the same outputs that has a dot product for each chain of sums; in linear time."""
    uses = [0] * (tape.inputs + tape.parameters + len(tape.steps))
    for ref in tape.outputs:
        uses[ref.index] = 2  # so that it is kept
    for step in tape.steps:
        for ref in step.refs:
            uses[ref.index] += 1
    steps: dict[Ref, Step] = dict(tape.results)
    products = {ref for ref, step in steps.items() if step.rule is _MUL and uses[ref.index] == 1}
    parameters = range(tape.inputs, tape.inputs + tape.parameters)

    def factors(sign: Literal, term: Atom) -> tuple[Any, Any]:
        if sign is not _ONE or term not in products:
            return sign, term
        left, right = steps.pop(term).operands  # type: ignore[arg-type]  # a product is a ref
        fixed = isinstance(right, Literal) or isinstance(right, Ref) and right.index in parameters
        return (right, left) if fixed else (left, right)

    for chain in _chains(steps, uses):
        for multiplied, first, end in _runs([sign is _ONE and term in products for sign, term in chain.terms]):
            start = max(first, 1)
            *links, last = chain.sums[start:end] or [None]
            if links or (last and multiplied):
                alone = multiplied and first == 0
                added = chain.terms[0 if alone else start : end]
                ws, xs = zip(*(factors(*term) for term in added), strict=True)
                for link in links:
                    del steps[link]
                steps[last] = Step(_DOT, (ws, xs, _NOTHING if alone else chain.sums[start - 1]))
    return _renumbered(tape, steps)


def _chains(steps: dict[Ref, Step], uses: Sequence[int]) -> Iterable[_Chain]:
    """Return the chains: each sum but the last is used by the next one alone."""
    chains: dict[Ref, _Chain] = {}

    def continued(atom: Any) -> _Chain | None:
        return chains.pop(atom, None) if isinstance(atom, Ref) and uses[atom.index] == 1 else None

    for ref, step in steps.items():
        if step.rule is _ADD or step.rule is _SUB:
            left, right = step.operands
            sign = _ONE if step.rule is _ADD else _MINUS_ONE
            if chain := continued(left):
                chain.terms.append((sign, right))
            elif step.rule is _ADD and (chain := continued(right)):
                chain.terms.append((_ONE, left))
            else:
                chain = _Chain([(_ONE, left), (sign, right)], [left])
            chain.sums.append(ref)
            chains[ref] = chain
    return chains.values()


def _runs(marks: Sequence[bool]) -> Iterator[tuple[bool, int, int]]:
    """Yield runs of equal marks: the mark, where the run begins, and where it ends."""
    first = 0
    for number, (mark, following) in enumerate(pairwise([*marks, None]), 1):
        if mark is not following and mark is not None:
            yield mark, first, number
            first = number


def _renumbered(tape: Tape, steps: dict[Ref, Step]) -> Tape:
    """Return the tape with other steps, some of which are gone; the refs are those of the tape."""
    first = tape.inputs + tape.parameters
    kept = [*map(Ref, range(first)), *steps]
    refs: dict[Atom, Atom] = {old: Ref(new) for new, old in enumerate(kept)}

    def moved(operand: Operand) -> Operand:
        if isinstance(operand, tuple):
            return tuple([refs.get(atom, atom) for atom in operand])
        return refs.get(operand, operand)

    return Tape(
        tape.inputs,
        tape.parameters,
        [Step(step.rule, tuple(map(moved, step.operands))) for step in steps.values()],
        [refs[output] for output in tape.outputs],  # type: ignore[misc]  # which is no constant
        [tape.labels[ref.index] for ref in kept],
    )
