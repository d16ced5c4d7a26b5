"""Random graphs against an oracle that knows nothing of the engine: forward differentiation with exact fractions, or by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value

LEAVES = 3


class Dual:
    """A number with its derivatives by each leaf, carried forward: no graph, no order."""

    def __init__(self, number: Any, slopes: list[Any]) -> None:
        self.number, self.slopes = number, slopes

    def along(self, number: Any, own: Any, other: Dual | None = None, others: Any = 0) -> Dual:
        second = other.slopes if other else self.slopes
        return Dual(number, [own * s + others * t for s, t in zip(self.slopes, second, strict=True)])

    def add(self, other: Dual) -> Dual:
        return self.along(self.number + other.number, 1, other, 1)

    def subtract(self, other: Dual) -> Dual:
        return self.along(self.number - other.number, 1, other, -1)

    def multiply(self, other: Dual) -> Dual:
        return self.along(self.number * other.number, other.number, other, self.number)

    def relu(self, _: Dual) -> Dual:
        return self.along(max(self.number, 0 * self.number), int(self.number > 0))

    def scale(self, _: Dual) -> Dual:
        return self.along(self.number * 2, 2)

    def larger(self, other: Dual) -> Dual:
        return other if other.number > self.number else self

    def tanh(self, _: Dual) -> Dual:
        y = math.tanh(self.number)
        return self.along(y, 1 - y * y)

    def divide(self, other: Dual) -> Dual:
        by = other.number * other.number + 1
        return self.along(self.number / by, 1 / by, other, -self.number * 2 * other.number / by**2)


EXACT = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "relu": lambda a, _: a.relu(),
    "scale": lambda a, _: 2 * a,
}
SMOOTH = EXACT | {"tanh": lambda a, _: a.tanh(), "divide": lambda a, b: a / (b * b + 1)}

steps = st.lists(
    st.tuples(st.sampled_from(sorted(SMOOTH)), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=30
)


def grow(program: list[tuple[str, int, int]], leaves: list[Any], apply: Any) -> Any:
    """Run a program, each line on any of the results before it: nodes are shared."""
    results = list(leaves)
    for operation, i, j in program:
        results.append(apply(operation, results[i % len(results)], results[j % len(results)]))
    return results[-1]


@given(
    steps.filter(lambda p: all(o in EXACT for o, _, _ in p)),
    st.lists(st.integers(-3, 3), min_size=LEAVES, max_size=LEAVES),
)
def test_whole_numbers_agree_exactly_with_fractions(program: list[tuple[str, int, int]], numbers: list[int]) -> None:
    unit = [[Fraction(i == j) for j in range(LEAVES)] for i in range(LEAVES)]
    oracle = grow(
        program, [Dual(Fraction(x), s) for x, s in zip(numbers, unit, strict=True)], lambda o, a, b: getattr(a, o)(b)
    )
    leaves = [Value(x) for x in numbers]
    root = grow(program, leaves, lambda o, a, b: EXACT[o](a, b))
    if abs(oracle.number) > 2**50 or any(abs(s) > 2**50 for s in oracle.slopes):
        return
    if root in leaves:
        return
    root.backward()
    assert root.data == oracle.number
    assert [leaf.grad for leaf in leaves] == oracle.slopes


@given(steps, st.lists(st.floats(-2, 2), min_size=LEAVES, max_size=LEAVES))
def test_random_graphs_agree_with_forward_differentiation(
    program: list[tuple[str, int, int]], numbers: list[float]
) -> None:
    unit = [[float(i == j) for j in range(LEAVES)] for i in range(LEAVES)]
    oracle = grow(program, [Dual(x, s) for x, s in zip(numbers, unit, strict=True)], lambda o, a, b: getattr(a, o)(b))
    leaves = [Value(x) for x in numbers]
    root = grow(program, leaves, lambda o, a, b: SMOOTH[o](a, b))
    if not all(abs(x) < 1e100 for x in [oracle.number, *oracle.slopes]):
        return
    root.backward()
    assert root.data == pytest.approx(oracle.number, rel=1e-9, abs=1e-9)
    assert [leaf.grad for leaf in leaves] == pytest.approx(oracle.slopes, rel=1e-7, abs=1e-7)


@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10), st.sampled_from("vvnm")), max_size=8),
    st.one_of(st.none(), st.floats(-10, 10)),
)
def test_dot_is_the_sum_of_products(pairs: list[tuple[float, float, str]], bias: float | None) -> None:
    ws = [Value(w) if kind != "n" else w for w, _, kind in pairs]
    xs = [Value(x) if kind == "v" else x for _, x, kind in pairs]
    start = 0.0 if bias is None else Value(bias)
    one = mg.dot(ws, xs, start)
    many = start
    for w, x in zip(ws, xs, strict=True):
        many = many + w * x
    leaves = [v for v in [*ws, *xs, start] if isinstance(v, Value)]
    assert float(getattr(one, "data", one)) == pytest.approx(getattr(many, "data", many), rel=1e-12, abs=1e-12)
    if not leaves:
        assert not isinstance(one, Value)
        return
    gradients = []
    for root in (one, many):
        for leaf in leaves:
            leaf.grad = 0.0
        if isinstance(root, Value):
            root.backward()
        gradients.append([leaf.grad for leaf in leaves])
    if isinstance(many, Value) and many not in leaves:
        assert gradients[0] == gradients[1]


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=6))
def test_softmax_is_a_distribution_whose_gradients_cancel(numbers: list[float]) -> None:
    vs = [Value(x) for x in numbers]
    shares = mg.softmax(vs)
    assert sum(share.data for share in shares) == pytest.approx(1, rel=1e-12)
    shares[0].backward()
    assert sum(v.grad for v in vs) == pytest.approx(0, abs=1e-12)
    assert vs[0].grad == pytest.approx(shares[0].data * (1 - shares[0].data), abs=1e-12)
