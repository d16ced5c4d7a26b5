"""Hypothesis strategies: random expressions of the operations, and points at which they have a derivative."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, ldexp
from typing import Any, TypeAlias

from .._checks import required_real, required_whole
from .._text import described
from .._trees import filled, leaves, mapped
from ..compiler.tape import Ref
from ..engine.graph import links
from ..engine.value import Value
from ..rules.ieee import ERRORS
from ..rules.rule import Rule
from .check import gradcheck
from .errors import UndecidedError
from .exact import LARGEST, bits
from .expression import OPERATIONS, Expression, Operation
from .operation import Operation as Recorded
from .replay import Replay, exact_gradients
from .rounding import running_errors

try:
    from hypothesis import reject
    from hypothesis import strategies as st
except ImportError:
    raise ImportError("expressions() and points() need Hypothesis: pip install 'microgrannd[testing]'") from None

Draw: TypeAlias = st.DrawFn


Numbers: TypeAlias = st.SearchStrategy[float]


#: How many points are tried before an example is given up.
_TRIES = 100


#: Numbers of the whole line: round ones first, for readable examples, then close to whole ones, tiny and huge.
NUMBERS = st.one_of(
    st.integers(-6, 6).map(lambda n: n / 2),
    st.integers(-3000, 3000).map(lambda n: n / 1000),
    st.integers(-1000, 1000).map(float),
    st.tuples(st.integers(-3, 3), st.sampled_from((-1, 1)), st.integers(1, 50)).map(
        lambda t: t[0] + t[1] * 2.0 ** -t[2]
    ),
    st.tuples(st.integers(-15, 15), st.integers(-60, 60)).map(lambda t: ldexp(t[0], t[1])),
    st.tuples(st.integers(-15, 15), st.integers(-1000, 1000)).map(lambda t: ldexp(t[0], t[1])),
)


def points(operation: Any, numbers: Numbers = NUMBERS) -> st.SearchStrategy[list[Any]]:
    """Operands at which a rule has a derivative: in its domain, not at a kink, where value and derivative are floats.

    Args:
        operation: a function that `mg.rule` made, or one of the library's.
        numbers: a strategy for real numbers of any type; what is unfit is drawn again.

    Returns:
        A strategy for lists of operands: of floats, and of lists of floats for sequences.

    Raises:
        ValueError: when examples are drawn: none of a hundred numbers was fit.

    >>> from hypothesis import given, settings
    >>> from microgrannd import sqrt
    >>> @settings(max_examples=5, deadline=None)
    ... @given(points(sqrt))
    ... def test_sqrt(point):
    ...     gradcheck(sqrt, point)
    >>> test_sqrt()
    """
    _require_strategy(numbers)
    return _points(Operation.of(operation), numbers, [])


@st.composite
def _points(draw: Draw, operation: Operation, numbers: Numbers, unfit: list[Any]) -> list[Any]:
    """The strategy; unfit takes the draws until one is fit."""
    found = _point(draw, operation, numbers, unfit)
    if found is not None:
        return found
    if len(unfit) < _TRIES:  # the simplest example draws the same again and again
        return reject()
    raise ValueError(
        f"{operation.rule.name} has no derivative at any of {len(unfit)} draws from numbers=, as {unfit[-1]}"
    )


@st.composite
def expressions(
    draw: Draw,
    operations: Sequence[Any] | None = None,
    include: Sequence[Any] = (),
    max_size: int = 8,
    max_inputs: int = 4,
    max_condition: float = inf,
    numbers: Numbers = NUMBERS,
) -> Expression:
    """Random expressions with shared nodes, and inputs at which they have a derivative.

    Args:
        operations: what they consist of; by default all of the library's.
        include: operations of one's own, which are drawn as often as all others together.
        max_size: the most operations.
        max_inputs: the most inputs.
        max_condition: the most by which errors of the inputs may grow through all operations together. gradcheck needs
            no such bound; a comparison of floats with a tolerance does.
        numbers: a strategy for inputs and constants, real numbers of any type; what is unfit is drawn again.

    Returns:
        A strategy for `Expression`, to be checked by ``gradcheck(expression, expression.inputs)``.

    Raises:
        TypeError, ValueError: an argument is none that can be drawn by.

    >>> from hypothesis import given, settings
    >>> from microgrannd.testing import expressions, gradcheck
    >>> @settings(max_examples=5, deadline=None)
    ... @given(expressions(max_size=3))
    ... def test_expressions(expression):
    ...     gradcheck(expression, expression.inputs)
    >>> test_expressions()
    """
    if operations is not None and not operations and not include:
        raise ValueError("expressions() needs operations to draw from, got none")
    _require_strategy(numbers)
    required_whole("max_size", max_size, 1)
    required_whole("max_inputs", max_inputs, 1)
    library = OPERATIONS if operations is None else [Operation.of(function) for function in operations]
    own = [Operation.of(function) for function in include]
    kinds = st.one_of([st.sampled_from(some) for some in (own, library) if some])
    growing = _Growing(max_inputs, max_condition)
    for _ in range(draw(st.integers(1, max_size))):
        operation = draw(kinds)
        point = _point(draw, operation, numbers, [])
        if point is None:
            continue
        slots = [draw(growing.slots(first=not index)) for index in range(len(leaves(point)))]
        growing.add(operation, point, slots)
    if not growing.nodes:
        return reject()
    expression = growing.expression()
    return expression if _is_fit(expression) else reject()


def _point(draw: Draw, operation: Operation, numbers: Numbers, unfit: list[Any]) -> list[Any] | None:
    """Operands at which an operation is smooth; None where none were found."""
    rule = operation.rule
    length = draw(st.integers(1, 3)) if rule.sequences else 0
    drawn = st.one_of(NUMBERS, _near(rule)) if numbers is NUMBERS else numbers

    def operand(name: str) -> Any:
        return [one() for _ in range(length)] if name in rule.sequences else one()

    def one() -> float:
        return required_real("each of numbers=", draw(drawn))

    for _ in range(_TRIES):
        found = [operand(name) for name in rule.operands]
        if found in unfit:
            continue
        if _smooth(operation, found) is not None:
            unfit.clear()
            return found
        unfit.append(found)
    return None


def _require_strategy(numbers: Any) -> None:
    if not isinstance(numbers, st.SearchStrategy):
        raise TypeError(f"numbers= needs a strategy of Hypothesis, as st.floats(-1, 1), got {described(numbers)}")


def _near(rule: Rule) -> Numbers:
    """Numbers close to the constants in a rule's formulas and domain, where other branches begin."""
    formulas = [rule.formula, *rule.partials.values(), *([rule.domain] if rule.domain else [])]
    nodes = [node for formula in formulas for node in ast.walk(formula.tree)]
    constants = sorted({float(node.value) for node in nodes if isinstance(node, ast.Constant)} | {0.0}, key=abs)  # type: ignore[arg-type]  # numbers
    signed = st.tuples(
        st.sampled_from(constants), st.sampled_from((1, -1)), st.sampled_from((1, -1)), st.integers(1, 50)
    )
    return signed.map(lambda t: t[1] * (t[0] + t[2] * max(t[0], 1.0) * 2.0 ** -t[3]))


def _smooth(operation: Operation, operands: list[Any]) -> Value | None:
    """The result recorded at these operands, if it is a float and has a derivative there that is one; else None."""
    values = mapped(Value, operands)
    try:
        node = operation.call(*values)
    except ERRORS:
        return None
    if not isfinite(node.data):
        return None
    recorded = Recorded(node, rtol=inf)
    if not recorded.is_exact:
        verdict = recorded.verdict()
        return None if verdict.kink or verdict.undecided else node
    slope = recorded.at.slopes(recorded.edges, patient=False)
    return None if recorded.kink(slope) or abs(slope.right) > LARGEST else node


def _is_fit(expression: Expression) -> bool:
    """Whether backward() stays in the range of floats, and rounding takes no operation over a kink."""
    result = expression(*map(Value, expression.inputs))
    graph, chances = Replay([result]), set[Value]()
    if not graph.is_exact:
        return _can_be_decided(expression)
    with bits(256):
        running_errors(graph.order, exact=True, chances=chances)
        gradients = exact_gradients(graph.order, result, {})
        return not chances and not any(abs(gradient) > LARGEST for gradient, _ in gradients.values())


def _can_be_decided(expression: Expression) -> bool:
    """Whether gradcheck has a verdict on an expression with Python functions of one's own."""
    try:
        gradcheck(expression, expression.inputs)
    except UndecidedError:
        return False
    except (AssertionError, ValueError):
        pass
    return True


@dataclass
class _Node:
    """An input, if it has no operation, or a step; error: to what an error of 1 in the last place of each input grows."""

    number: float
    error: float
    operation: Operation | None = None
    operands: list[Any] = field(default_factory=list)


class _Growing:
    """An expression in the making: nodes in the order in which they were drawn, inputs and steps."""

    def __init__(self, max_inputs: int, max_condition: float) -> None:
        self.free = max_inputs
        self.max_condition = max_condition
        self.nodes: list[_Node] = []

    def slots(self, first: bool) -> st.SearchStrategy[Any]:
        """What an operand is to be: a ref to the latest node or to any, a new input (None) or a constant."""
        if not self.nodes:
            return st.none()
        latest = len(self.nodes) - 1
        nodes = [st.just(Ref(latest)), st.integers(0, latest).map(Ref)]
        return st.one_of(nodes if first else [st.none(), *nodes, st.just("constant")])

    def add(self, operation: Operation, point: list[Any], slots: list[Any]) -> None:
        """Append a step, with those nodes in its slots or others, that is smooth; none if there is none.

        New inputs are taken from the point, at which the operation is smooth.
        """
        fresh = leaves(point)
        for attempt in self.attempts(slots):
            nodes = [
                self.nodes[slot.index] if isinstance(slot, Ref) else _Node(x, abs(x))
                for slot, x in zip(attempt, fresh, strict=True)
            ]
            step = self.step(operation, filled(point, [node.number for node in nodes]), nodes)
            if step:
                break
        else:
            return
        for position, slot in enumerate(attempt):
            if slot is None and self.free:
                self.free -= 1
                attempt[position] = Ref(len(self.nodes))
                self.nodes.append(nodes[position])
            elif not isinstance(slot, Ref):
                attempt[position] = fresh[position]
        step.operands = filled(point, attempt)
        self.nodes.append(step)

    def attempts(self, slots: list[Any]) -> Iterator[list[Any]]:
        """The slots as drawn; with new inputs for the nodes in them but the first; with any other node as the first."""
        yield list(slots)
        for position in range(len(slots) - 1, 0, -1):
            if isinstance(slots[position], Ref):
                slots[position] = None
                yield list(slots)
        for node in reversed(range(len(self.nodes))):
            yield [Ref(node), *slots[1:]]

    def step(self, operation: Operation, operands: list[Any], nodes: list[_Node]) -> _Node | None:
        """The result of an operation, if it is smooth and does not magnify errors too much."""
        result = _smooth(operation, operands)
        if result is None:
            return None
        y = result.data
        partials = [0.0 if partial is None else partial for _, partial in links(result)]
        error = sum(abs(partial) * node.error for partial, node in zip(partials, nodes, strict=True)) + abs(y)
        return None if error > self.max_condition * max(abs(y), 1.0) else _Node(y, error, operation)

    def expression(self) -> Expression:
        """The last node and what it was computed from, inputs first."""
        used: set[int] = set()
        waiting = [len(self.nodes) - 1]
        while waiting:
            position = waiting.pop()
            if position not in used:
                used.add(position)
                waiting += [o.index for o in leaves(self.nodes[position].operands) if isinstance(o, Ref)]
        order = sorted(used, key=lambda position: (self.nodes[position].operation is not None, position))
        renamed = {Ref(old): Ref(new) for new, old in enumerate(order)}
        nodes = [self.nodes[position] for position in order]
        return Expression(
            [node.number for node in nodes if node.operation is None],
            [
                (node.operation, mapped(lambda o: renamed[o] if isinstance(o, Ref) else o, node.operands))
                for node in nodes
                if node.operation is not None
            ],
        )
