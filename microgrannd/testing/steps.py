"""The steps of a check: the operations, then the sums over the graph, then what the graph may not show.

Each raises for the first fault that it finds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import inf, isfinite
from typing import Any

from ..engine.graph import edges, number, topological
from ..engine.value import Value
from ..rules.ieee import ERRORS
from .differences import directions, settled, together
from .errors import GradientError, NonDifferentiableError, UndecidedError
from .exact import NO_VALUE, bits, mp, shown
from .operation import Operation, Verdict
from .point import Point, is_wrong
from .replay import Replay, distance, exact_gradients, exact_tangent
from .rounded import BOUND, UNIT
from .rounding import running_errors

#: Arguments by each of which the slopes of a function with a kink are looked at, at most; of more, only together.
ALONE = 32

#: How far from the point f is recorded again, relative to each number: twice far enough to be seen beside larger numbers,
#: and once as near as can be.
FAR, NEAR, NEXT = 2.0**-32, 2.0**-42, 2.0**-50

#: How far from 0 the last is.
NEXT_TO_ZERO = 2.0**-300

_TOGETHER = "t (all arguments moving at once)"


def check(point: Point, rtol: float) -> None:
    """Take all steps for the first derivatives of a function."""
    __tracebackhide__ = True
    verdicts = {node: Operation(node, rtol).verdict() for node in point.graph.operations if _is_finite(node)}
    operations(point, verdicts)
    if point.graph.is_exact:
        kinks(point, verdicts, rtol)
        sums(point)
        unseen(point)
    else:
        by_floats(point, rtol)


def operations(point: Point, verdicts: dict[Value, Verdict]) -> None:
    """Name the first wrong operation, and the derivative that it spoils.

    Always from the same line: Hypothesis takes that for one failure, and shrinks it further.
    """
    __tracebackhide__ = True
    wrong = [node for node, verdict in verdicts.items() if verdict.wrong]
    if wrong:
        problem = next(
            _spoiled(point, wrong), f"The derivatives of f {point.where()} are right, not so those of its operations"
        )
        raise GradientError(f"{problem}\n{verdicts[wrong[0]].wrong}")


def _spoiled(point: Point, wrong: Sequence[Value]) -> Iterator[str]:
    """What is said of each derivative that is another if these operations are right."""
    right = {
        (operation.at.node, index): derivative
        for operation in map(Operation, wrong)
        for index, edge in enumerate(operation.edges)
        if (derivative := operation.derivative(edge)) is not None
    }
    for output, result, gradients in zip(point.outputs, point.results, point.gradients, strict=True):
        if isinstance(result, Value):
            with bits(400):
                exact = exact_gradients(topological(result), result, right)
                for name, variable, got in zip(point.names, point.variables, gradients, strict=True):
                    expected, bound = exact.get(variable, (mp.mpf(0), 0))
                    if is_wrong(got, expected, bound):
                        yield point.wrong(f"d{output}/d{name}", got, f"exact differences give {shown(expected)}")


def check_order(point: Point, order: int, higher: Point, rtol: float) -> None:
    """Check derivatives of a higher order: those of each operation's partials, then as those of the first order.

    Args:
        point: of the function itself.
        order: of these derivatives.
        higher: the same point of the function's derivatives of one order less.
        rtol: see `gradcheck`.
    """
    __tracebackhide__ = True
    verdicts = [Operation(node, rtol).higher(order) for node in point.graph.operations if _is_finite(node)]
    for verdict in verdicts:
        if verdict.wrong:
            right = f"The derivatives of f of order {order} {point.where()} are right, not so those of its operations"
            raise GradientError(f"{next(_spoiled_of_order(point, order, higher), right)}\n{verdict.wrong}")
    higher.has_kinks = point.has_kinks or any(verdict.kink for verdict in verdicts)
    check(higher, rtol)
    for verdict in verdicts:
        if verdict.undecided:
            raise UndecidedError(f"order={order} cannot be checked {point.where()}: {verdict.undecided}")


def _spoiled_of_order(point: Point, order: int, higher: Point) -> Iterator[str]:
    """What is said of each derivative of an order that is not that of the formulas."""
    count = len(point.names)
    pairs = product(range(len(higher.outputs)), range(count)) if point.graph.is_exact else ()
    for index, last in islice(pairs, ALONE**2):
        by = [index // count**power % count for power in reversed(range(order - 1))]
        found = point.graph.derivatives(*({point.variables[one]: 1.0} for one in (*by, last)))
        right, got = found[index // count ** (order - 1)], higher.gradients[index][last]
        if not right.trouble() and is_wrong(got, right.right, abs(right.right) * 2.0**-40):
            name = f"d{higher.outputs[index]}/d{point.names[last]}"
            yield point.wrong(name, got, f"exact differences give {shown(right.right)}")


def kinks(point: Point, verdicts: dict[Value, Verdict], rtol: float) -> None:
    """Where an operation has no derivative, or rounding may have taken it over an edge, let f's own slopes decide."""
    __tracebackhide__ = True
    chances: set[Value] = set()
    with bits(256):
        errors = running_errors(point.graph.order, exact=True, chances=chances)
    doubtful = [
        node for node in point.graph.operations if node not in verdicts or verdicts[node].kink or node in chances
    ]
    if not doubtful:
        return
    point.has_kinks = True
    bounds = [point.bounds(result, errors) for result in point.results]
    for name, speeds in _directions(point, doubtful):
        found = point.graph.derivatives(dict(zip(point.variables, speeds, strict=True)))
        for output, slope, gradients, bound in zip(point.outputs, found, point.gradients, bounds, strict=True):
            called = f"d{output}/d{name}"
            if trouble := slope.trouble():
                raise NonDifferentiableError(f"{called} does not exist {point.where()}: {trouble}")
            got = sum(gradient * speed for gradient, speed in zip(gradients, speeds, strict=True) if speed)
            with bits(256):
                error = sum(one * abs(speed) for one, speed in zip(bound, speeds, strict=True) if speed)
                wrong = is_wrong(got, slope.right, error + rtol * abs(got))
            if wrong and isfinite(got) and not chances.isdisjoint(doubtful):
                raise NonDifferentiableError(
                    f"{called} does not exist {point.where()}: rounding takes f to the other side of a kink"
                )
            if wrong and name == _TOGETHER and 1 < len(point.names) <= ALONE:  # by each alone it is right
                raise NonDifferentiableError(
                    f"{called} does not exist {point.where()}: the slopes by single arguments do not add up"
                )
            if wrong:
                raise GradientError(point.wrong(called, got, f"exact differences give {shown(slope.right)}"))


def _directions(point: Point, doubtful: Sequence[Value]) -> Iterator[tuple[str, list[float]]]:
    """Along each number that some operations depend on, if they are not too many, and along all at once."""
    reached = set(topological(*doubtful))
    alone = [variable in reached for variable in point.variables]
    few = sum(alone) <= ALONE
    names = [*point.names, _TOGETHER]
    for name, speeds, wanted in zip(names, directions(len(point.names)), [*alone, True], strict=False):
        if wanted and few or name == _TOGETHER:
            yield name, speeds


def sums(point: Point) -> None:
    """Compare what backward() and forward mode add up with the same sums without rounding."""
    __tracebackhide__ = True
    speeds = [1.0] if len(point.names) == 1 else together(len(point.names))
    tangents = dict(zip(point.variables, speeds, strict=True))
    for output, result, gradients in zip(point.outputs, point.results, point.gradients, strict=True):
        if not isinstance(result, Value):
            continue
        order = topological(result)
        forward = number(point.call.forward(result, tangents))
        with bits(400):
            exact = exact_gradients(order, result, {})
            for name, variable, got in zip(point.names, point.variables, gradients, strict=True):
                right, bound = exact.get(variable, (mp.mpf(0), 0))
                if is_wrong(got, right, bound):
                    other = f"the exact sum of its terms is {shown(right)}"
                    raise GradientError(point.wrong(f"d{output}/d{name}", got, other))
            right, bound = exact_tangent(order, result, tangents)
            if is_wrong(forward, right, bound):
                name = point.names[0] if len(point.names) == 1 else _TOGETHER
                raise GradientError(
                    f"d{output}/d{name} {point.where()} is wrong: forward mode gives {forward!r}, the exact sum of its "
                    f"terms is {shown(right)}"
                )


def unseen(point: Point) -> None:
    """Record f again near the point: its graph has to compute what the first one does there."""
    __tracebackhide__ = True
    draw = random.Random(0)
    moves = [draw.choice((-1, 1)) * draw.uniform(0.5, 1) for _ in point.names]
    if not _hides(point, moves) and not _hides(point, [-move for move in moves]):
        return
    if point.has_kinks:  # of the function itself, whose derivatives these are
        raise NonDifferentiableError(f"d{point.outputs[0]}/d{point.names[0]} does not exist {point.where()}: a kink")
    problem = f"The derivatives of f {point.where()} are wrong"
    for index in range(len(point.names)) if len(point.names) <= ALONE else ():
        speeds = [float(other == index) for other in range(len(point.names))]
        if _hides(point, speeds) or _hides(point, [-speed for speed in speeds]):
            found, got = settled(point.along(speeds, 0), point.numbers[index], 0.0), point.gradients[0][index]
            is_sure = not found.trouble() and found.central.differs(got)
            other = f"differences give {found.central.value:.12g}" if is_sure else "f changes otherwise"
            problem = point.wrong(f"d{point.outputs[0]}/d{point.names[index]}", got, other)
            break
    raise GradientError(
        f"{problem}\nThe derivative of each operation is right: f depends on its arguments in a way that the graph "
        "does not show (by .data, detach(), no_grad, a branch or random numbers?)"
    )


def _hides(point: Point, moves: Sequence[float]) -> bool:
    """Whether f depends, in a direction, on something that its graph does not show.

    Then the two differ in proportion to the distance, or jump however near. Where they differ by a higher power of the
    distance, as at a branch between formulas of one slope, the derivative is right; elsewhere there is a kink between.
    """
    far, near = (
        _mismatch(point, [(x or 1.0) * move * share for x, move in zip(point.numbers, moves, strict=True)])
        for share in (FAR, NEAR)
    )
    if not far or not near or near < far * (NEAR / FAR) ** 1.3:
        return False
    next_to = [(x * NEXT or NEXT_TO_ZERO) * move for x, move in zip(point.numbers, moves, strict=True)]
    return near < far / 32 or bool(_mismatch(point, next_to))


def _mismatch(point: Point, steps: Sequence[float]) -> Any:
    """By how much f, recorded anew at a point nearby, differs from what its first graph computes there."""
    numbers = [x + step for x, step in zip(point.numbers, steps, strict=True)]
    try:
        call, results = point.run(numbers)
    except ERRORS:  # outside of its domain
        return 0
    if len(results) != len(point.results):
        return inf
    again = Replay(results, dict(zip(call.variables, numbers, strict=True)))
    if not again.is_exact:
        return 0
    exponents = (*point.graph.exponents, *again.exponents)
    with bits(400 + 2 * max(map(abs, exponents))):
        try:
            before = point.graph.at(dict(zip(point.variables, numbers, strict=True)))
            return distance(before, again.at({}), max(exponents))
        except NO_VALUE:
            return 0


def by_floats(point: Point, rtol: float) -> None:
    """Compare the derivatives of f with differences of floats, where it cannot be computed on exact numbers."""
    __tracebackhide__ = True
    bounds = [point.bounds(result) for result in point.results]
    noises = [
        BOUND * running_errors(topological(result))[result] if isinstance(result, Value) else 0.0
        for result in point.results
    ]
    names = [*point.names, _TOGETHER]
    for (name, speeds), index in product(
        zip(names, directions(len(point.names)), strict=False), range(len(point.outputs))
    ):
        terms = list(zip(point.gradients[index], speeds, bounds[index], point.numbers, strict=True))
        got = sum(gradient * speed for gradient, speed, _, _ in terms)
        rounding = sum(bound * abs(speed) for _, speed, bound, _ in terms)
        moving = UNIT * sum(abs(gradient * x * speed) for gradient, speed, _, x in terms)
        nearest = min((abs(x) for _, speed, _, x in terms if speed and x), default=0.0)
        found = settled(point.along(speeds, index), nearest, noises[index] + moving)
        called = f"d{point.outputs[index]}/d{name}"
        if found.is_unsettled():
            own = "an operation uses a Python function of one's own, and"
            raise UndecidedError(f"{called} cannot be checked {point.where()}: {own} {found.trouble()}")
        if trouble := found.trouble():
            raise NonDifferentiableError(f"{called} does not exist {point.where()}: {trouble}")
        if found.central.differs(got, rounding + rtol * abs(got)):
            reference = f"differences give {found.central.value:.12g} ± {found.central.error + rounding:.0e}"
            raise GradientError(point.wrong(called, got, reference))


def _is_finite(node: Value) -> bool:
    """Whether a node and its operands are finite: what its formula can be checked at."""
    return isfinite(node.data) and all(isfinite(edge.value.data) for edge in edges(node))
