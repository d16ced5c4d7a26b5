"""Graphs grown, shared, cut, copied, run again and back-propagated in any order, against slopes carried forward."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

import microgrannd as mg
from microgrannd import Value

LARGEST_OPERAND = 8  # so that no result, divided by 1000, is larger
MANY_NODES = 150

Operation = tuple[Callable[..., Any], Callable[..., float], Callable[..., Iterable[float]]]


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def step(x: float) -> float:
    return (x > 0) + (x == 0) / 2


def slopes_of_bell(a: float, b: float) -> list[float]:
    return [1 / (1 + b**2), -2 * a * b / (1 + b**2) ** 2]


def softmax(*vs: float) -> list[float]:
    return [1 / math.fsum(math.exp(w - v) for w in vs) for v in vs]


def halves(vs: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Two rows of one length, and what is left over."""
    half = len(vs) // 2
    return vs[:half], vs[half : 2 * half], vs[2 * half :]


def dot(*vs: float) -> float:
    ws, xs, bias = halves(vs)
    return math.fsum([*map(operator.mul, ws, xs), *bias])


def slopes_of_dot(*vs: float) -> list[float]:
    ws, xs, bias = halves(vs)
    return [*xs, *ws, *[1.0 for _ in bias]]


#: What is under test, its value by hand, and its slopes by hand.
UNARY: dict[str, Operation] = {
    "-x": (operator.neg, lambda x: 0 - x, lambda x: [-1.0]),
    "abs": (abs, lambda x: max(x, -x), lambda x: [2 * step(x) - 1]),
    "exp": (mg.exp, math.exp, lambda x: [math.exp(x)]),
    "tanh": (mg.tanh, math.tanh, lambda x: [1 - math.tanh(x) * math.tanh(x)]),
    "sigmoid": (mg.sigmoid, logistic, lambda x: [logistic(x) * logistic(-x)]),
    "relu": (mg.relu, lambda x: max(x, 0.0), lambda x: [float(x > 0)]),
    "square": (mg.square, lambda x: x * x, lambda x: [2 * x]),
    "x ** 2": (lambda x: x**2, lambda x: x * x, lambda x: [2 * x]),
    "2 ** x": (lambda x: 2**x, lambda x: math.exp(x * math.log(2)), lambda x: [2**x * math.log(2)]),
    "x / 1000": (lambda x: x / 1000, lambda x: x * 0.001, lambda x: [0.001]),
}
UNARY |= {f"x.{name}": (getattr(Value, name), *UNARY[name][1:]) for name in ("exp", "tanh", "sigmoid", "relu")}
BINARY: dict[str, Operation] = {
    "a + b": (operator.add, lambda a, b: math.fsum([a, b]), lambda a, b: [1.0, 1.0]),
    "a - b": (operator.sub, lambda a, b: math.fsum([a, -b]), lambda a, b: [1.0, -1.0]),
    "a * b": (operator.mul, lambda a, b: a * b, lambda a, b: [b, a]),
    "a / (1 + b²)": (lambda a, b: a / (1 + b * b), lambda a, b: a / (1 + b**2), slopes_of_bell),
    "maximum": (mg.maximum, max, lambda a, b: [step(a - b), step(b - a)]),
    "minimum": (mg.minimum, min, lambda a, b: [step(b - a), step(a - b)]),
}
WIDE: dict[str, Operation] = {
    "sum": (lambda *vs: mg.sum(vs), lambda *vs: math.fsum(vs), lambda *vs: [1.0 for _ in vs]),
    "mean": (lambda *vs: mg.mean(vs), lambda *vs: math.fsum(vs) / len(vs), lambda *vs: [1 / len(vs) for _ in vs]),
    "dot": (lambda *vs: mg.dot(*halves(vs)[:2], *halves(vs)[2]), dot, slopes_of_dot),
    "logsumexp": (lambda *vs: mg.logsumexp(vs), lambda *vs: math.log(math.fsum(map(math.exp, vs))), softmax),
}
OPERATIONS = UNARY | BINARY | WIDE
COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda v: pickle.loads(pickle.dumps(v))}
WITHOUT_GRAPH: dict[str, Callable[[Value], Value]] = {"detach": Value.detach, **COPIES}


@dataclass(eq=False)
class Node:
    """A Value, what it should be, and its slope by itself and by every node that it was computed from."""

    value: Value
    number: float
    label: str = ""
    grad: float = 0.0
    size: float = 0.0  # of what was added up in grad, signs aside: rounding errors are small beside it
    operation: str = ""  # of a leaf none
    leaf: bool = True  # neither an operation's result nor a copy of one
    operands: Iterable[Node | float] = ()
    partials: Iterable[float] = ()
    slopes: dict[Node, tuple[float, float]] = field(init=False, repr=False)  # with the size of each

    def __post_init__(self) -> None:
        self.slopes = {self: (1.0, 1.0)}
        for operand, partial in zip(self.operands, self.partials, strict=True):
            for node, (slope, size) in operand.slopes.items() if isinstance(operand, Node) else ():
                so_far, size_so_far = self.slopes.get(node, (0.0, 0.0))
                self.slopes[node] = so_far + partial * slope, size_so_far + abs(partial) * size


numbers = st.one_of(st.floats(-LARGEST_OPERAND, LARGEST_OPERAND), st.integers(-2, 2))
gradients = st.one_of(st.none(), numbers, st.floats(-1, 1), st.sampled_from([0.0, -1e-100, 1e100]))


class Graphs(RuleBasedStateMachine):
    nodes = Bundle("nodes")
    operands = st.one_of(nodes, numbers)
    pairs = st.one_of(st.tuples(nodes, operands), st.tuples(operands, nodes), nodes.map(lambda node: (node, node)))
    ends = st.lists(operands, max_size=3)
    rows = st.tuples(ends, nodes, ends).map(lambda parts: [*parts[0], parts[1], *parts[2]])

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Node] = []

    def keep(self, node: Node) -> Node:
        self.all.append(node)
        return node

    def record(self, operation: str, operands: Iterable[Node | float], paused: bool = False) -> Node:
        compute, by_hand, slopes_by_hand = OPERATIONS[operation]
        with mg.no_grad() if paused else nullcontext():
            value = compute(*[o.value if isinstance(o, Node) else o for o in operands])
        present = [o.number if isinstance(o, Node) else float(o) for o in operands]
        assert math.isclose(value.data, by_hand(*present), rel_tol=1e-12, abs_tol=1e-12)
        history = ("", False) if paused else (operation, False, operands, slopes_by_hand(*present))
        # The engine's number, to the last bit, so that from here on both are on the same side of a kink.
        return self.keep(Node(value, value.data, "", 0.0, 0.0, *history))

    def apply(self, operation: str, operands: Iterable[Node | float], paused: bool = False) -> Node:
        """Record an operation on operands made small, if they are not."""
        large = dict.fromkeys(o for o in operands if isinstance(o, Node) and abs(o.number) > LARGEST_OPERAND)
        small: dict[Node | float, Node] = {o: self.record("x / 1000", [o], paused) for o in large}
        return self.record(operation, [small.get(o, o) for o in operands], paused)

    @initialize(target=nodes, starts=st.lists(numbers, min_size=1, max_size=4))
    def start(self, starts: list[float]) -> Any:
        return multiple(*[self.leaf(number, f"x{i}") for i, number in enumerate(starts)])

    @rule(target=nodes, number=numbers, label=st.sampled_from(["", "w", "b"]))
    def leaf(self, number: float, label: str) -> Node:
        return self.keep(Node(Value(number, label), float(number), label))

    @rule(target=nodes, operation=st.sampled_from(list(UNARY)), node=nodes)
    def apply_to_one(self, operation: str, node: Node) -> Node:
        return self.apply(operation, [node])

    @rule(target=nodes, operation=st.sampled_from(list(BINARY)), pair=pairs)
    def apply_to_two(self, operation: str, pair: tuple[Node | float, Node | float]) -> Node:
        return self.apply(operation, pair)

    @rule(target=nodes, operation=st.sampled_from(list(WIDE)), row=rows)
    def apply_to_many(self, operation: str, row: list[Node | float]) -> Node:
        return self.apply(operation, row)

    @rule(target=nodes, operation=st.sampled_from(list(BINARY | WIDE)), pair=pairs)
    def apply_without_recording(self, operation: str, pair: tuple[Node | float, Node | float]) -> Node:
        return self.apply(operation, pair, paused=True)

    @precondition(lambda self: len(self.all) < MANY_NODES)
    @rule(target=nodes, node=nodes)
    def run_again(self, node: Node) -> Node:
        """Record the operations of a node anew, on what its leaves hold now."""
        anew: dict[Node | float, Node] = {}
        for old in [n for n in self.all if n in node.slopes]:  # in the order of recording
            anew[old] = self.apply(old.operation, [anew.get(o, o) for o in old.operands]) if old.operation else old
        return anew[node]

    @rule(target=nodes, node=nodes, kind=st.sampled_from(list(WITHOUT_GRAPH)))
    def without_graph(self, node: Node, kind: str) -> Node:
        gradient = (node.grad, node.size) if kind in COPIES else (0.0, 0.0)
        return self.keep(Node(WITHOUT_GRAPH[kind](node.value), node.number, node.label, *gradient, "", node.leaf))

    @rule(node=nodes, number=numbers)
    def assign(self, node: Node, number: float) -> None:
        node.value.data = node.number = float(number)

    @rule(node=nodes)
    def zero(self, node: Node) -> None:
        node.value.grad = node.grad = node.size = 0.0

    @rule(node=nodes, passes=st.lists(gradients, min_size=1, max_size=3))
    def backward(self, node: Node, passes: list[float | None]) -> None:
        if not node.leaf and not node.operation:
            with pytest.raises(RuntimeError, match="a result without a graph"):
                node.value.backward()
            return
        for gradient in passes:
            node.value.backward(*[] if gradient is None else [gradient])
            start = 1.0 if gradient is None else gradient
            for reached, (slope, size) in node.slopes.items():
                if not reached.leaf:
                    reached.grad = reached.size = 0.0
                reached.grad += start * slope
                reached.size += abs(start) * size

    def teardown(self) -> None:
        for node in self.all:
            self.zero(node)
        for node in self.all:
            self.backward(node, [None])
        self.all_is_as_expected()

    @invariant()
    def all_is_as_expected(self) -> None:
        for node in self.all:
            value = node.value
            assert (value.data, value.label) == (node.number, node.label)
            assert type(value.data) is type(value.grad) is float
            assert abs(value.grad - node.grad) <= 1e-9 * node.size + 1e-200
            assert bool(value._prev) is bool(node.operation)
            assert (value._rule is None) is node.leaf
            assert all(value._depth > o.value._depth for o in node.operands if isinstance(o, Node))


Graphs.TestCase.settings = settings(deadline=None, max_examples=4 * settings().max_examples)
TestGraphs = Graphs.TestCase
