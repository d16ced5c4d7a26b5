"""Graphs that are grown, shared, detached, copied and back-propagated in any order, against slopes carried forward."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

import microgrannd as mg
from microgrannd import Value

LIMIT = 8  # of every operand: exp of it is below 1000 * LIMIT
MANY = 150
Operation = tuple[Callable[..., Any], Callable[..., float], Callable[..., list[float]]]


def halves(*vs: Any) -> tuple[Any, Any, Any]:
    """Two rows of one length, and what is left over."""
    half = len(vs) // 2
    return vs[:half], vs[half : 2 * half], vs[2 * half :]


def dot(*vs: float) -> float:
    ws, xs, bias = halves(*vs)
    return math.fsum([*map(operator.mul, ws, xs), *bias])


def dot_slopes(*vs: float) -> list[float]:
    ws, xs, bias = halves(*vs)
    return [*xs, *ws, *[1.0 for _ in bias]]


def logsumexp(*vs: float) -> float:
    return math.log(math.fsum(map(math.exp, vs)))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def step(x: float) -> float:
    return (x > 0) + (x == 0) / 2


#: For each operation what is tested, its number by hand, and its derivatives by hand.
UNARY: dict[str, Operation] = {
    "-x": (operator.neg, lambda x: 0 - x, lambda x: [-1.0]),
    "abs": (abs, lambda x: max(x, -x), lambda x: [2 * step(x) - 1]),
    "exp": (mg.exp, math.exp, lambda x: [math.exp(x)]),
    "x.exp": (Value.exp, math.exp, lambda x: [math.exp(x)]),
    "tanh": (mg.tanh, math.tanh, lambda x: [1 - math.tanh(x) ** 2]),
    "x.tanh": (Value.tanh, math.tanh, lambda x: [1 - math.tanh(x) ** 2]),
    "sigmoid": (mg.sigmoid, logistic, lambda x: [logistic(x) * logistic(-x)]),
    "relu": (mg.relu, lambda x: max(x, 0.0), lambda x: [float(x > 0)]),
    "x.relu": (Value.relu, lambda x: max(x, 0.0), lambda x: [float(x > 0)]),
    "square": (mg.square, lambda x: x * x, lambda x: [2 * x]),
    "x ** 2": (lambda x: x**2, lambda x: x * x, lambda x: [2 * x]),
    "2 ** x": (lambda x: 2**x, lambda x: math.exp(x * math.log(2)), lambda x: [2**x * math.log(2)]),
    "x / 1000": (lambda x: x / 1000, lambda x: x * 0.001, lambda x: [0.001]),
}
BINARY: dict[str, Operation] = {
    "a + b": (operator.add, lambda a, b: math.fsum([a, b]), lambda a, b: [1.0, 1.0]),
    "a - b": (operator.sub, lambda a, b: math.fsum([a, -b]), lambda a, b: [1.0, -1.0]),
    "a * b": (operator.mul, lambda a, b: a * b, lambda a, b: [b, a]),
    "a / (1 + b²)": (
        lambda a, b: a / (1 + b * b),
        lambda a, b: a / (1 + b * b),
        lambda a, b: [1 / (1 + b * b), -2 * a * b / (1 + b * b) ** 2],
    ),
    "maximum": (mg.maximum, max, lambda a, b: [step(a - b), step(b - a)]),
    "minimum": (mg.minimum, min, lambda a, b: [step(b - a), step(a - b)]),
}
WIDE: dict[str, Operation] = {
    "sum": (lambda *vs: mg.sum(vs), lambda *vs: math.fsum(vs), lambda *vs: [1.0 for _ in vs]),
    "mean": (lambda *vs: mg.mean(vs), lambda *vs: math.fsum(vs) / len(vs), lambda *vs: [1 / len(vs) for _ in vs]),
    "dot": (lambda *vs: mg.dot(*halves(*vs)[:2], *halves(*vs)[2]), dot, dot_slopes),
    "logsumexp": (
        lambda *vs: mg.logsumexp(vs),
        logsumexp,
        lambda *vs: [math.exp(v) / math.fsum(map(math.exp, vs)) for v in vs],
    ),
}
OPERATIONS = UNARY | BINARY | WIDE

REFUSED: dict[str, Callable[[Value], Any]] = {
    "backward without a number": lambda v: v.backward("1"),  # type: ignore[arg-type]
    "division by zero": lambda v: v / (v - v.data),
    "a str among Values": lambda v: mg.sum([v, "1"]),
}
COPIES: dict[str, Callable[[Value], Value]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda v: pickle.loads(pickle.dumps(v)),
}


@dataclass(eq=False)
class Node:
    """A Value and what is to be expected of it, with its derivative by every node that it was computed from."""

    value: Value
    number: float
    label: str = ""
    grad: float = 0.0
    size: float = 0.0  # of all that was added up in grad: rounding errors are small beside it
    operation: str = ""  # none for a leaf
    operands: Sequence[Node | float] = ()
    partials: Sequence[float] = ()
    slopes: dict[Node, tuple[float, float]] = field(init=False)  # and their sizes

    def __post_init__(self) -> None:
        self.slopes = {self: (1.0, 1.0)}
        for operand, partial in zip(self.operands, self.partials, strict=True):
            for node, (slope, size) in operand.slopes.items() if isinstance(operand, Node) else ():
                slope_so_far, size_so_far = self.slopes.get(node, (0.0, 0.0))
                self.slopes[node] = slope_so_far + partial * slope, size_so_far + abs(partial) * size


numbers = st.one_of(st.floats(-LIMIT, LIMIT), st.integers(-LIMIT, LIMIT))
gradients = st.one_of(st.none(), numbers, st.floats(-1, 1), st.sampled_from([0.0, -1e-100, 1e100]))


class Graphs(RuleBasedStateMachine):
    nodes = Bundle("nodes")
    operands = st.one_of(nodes, numbers)
    pairs = st.one_of(st.tuples(nodes, operands), st.tuples(operands, nodes))
    rows = st.builds(lambda left, node, right: [*left, node, *right], *[st.lists(operands, max_size=3), nodes] * 2).map(
        lambda row: row
    )

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Node] = []
