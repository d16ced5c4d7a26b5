"""Derivatives of functions that change what they are given, of any structure, and at the edge of their domain."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, namedtuple
from collections.abc import Callable
from math import inf, nan
from typing import Any

import mpmath
import pytest

import microgrannd as mg
from microgrannd.testing import gradcheck

Pair = namedtuple("Pair", "a b")


def assigns(xs: Any) -> Any:
    for i in range(len(xs)):
        xs[i] = mg.sigmoid(xs[i] * (i + 1))
    return mg.sum([x**3 for x in xs])


def sorts(xs: Any) -> Any:
    xs.sort(key=lambda x: -x)
    return xs[0] * 2 + xs[1] ** 2 + xs[2] ** 3


def pops(xs: Any) -> Any:
    return mg.exp(xs.pop()) * xs.pop(0) + xs[0]


def nested(xs: Any) -> Any:
    xs["w"][1] = xs["w"][0] * xs["b"][0]
    xs["b"] = (xs["w"][1], xs["w"][1])
    return xs["w"][1] ** 2 + xs["b"][0]


LISTS: list[tuple[Callable[[Any], Any], Any]] = [
    (assigns, [0.5, -1.0, 2.0]),
    (sorts, [0.5, 3.0, 2.0]),
    (pops, [0.5, 3.0, 2.0]),
    (nested, {"w": [0.5, 3.0], "b": (2.0, 1.0)}),
]


@pytest.mark.parametrize(("f", "x"), LISTS, ids=lambda thing: getattr(thing, "__name__", ""))
def test_a_function_may_change_its_argument(f: Callable[[Any], Any], x: Any) -> None:
    def pure(x: Any) -> Any:
        return f(copy.copy({key: list(part) for key, part in x.items()} if isinstance(x, dict) else list(x)))

    before = copy.deepcopy(x)
    assert mg.grad(f)(x) == mg.grad(pure)(x)
    assert mg.value_and_grad(f)(x) == mg.value_and_grad(pure)(x)
    assert mg.jacobian(f)(x) == mg.jacobian(pure)(x)
    assert mg.hessian(f)(x) == mg.hessian(pure)(x)
    assert mg.jvp(f, [x], [x]) == mg.jvp(pure, [x], [x])
    assert gradcheck(lambda *xs: f(*xs), [x])
    assert x == before


def test_what_is_not_differentiated_is_a_copy_too() -> None:
    constants, options = [1.0, 2.0], {"more": [3.0]}

    def f(x: Any, cs: Any, more: Any) -> Any:
        cs[0] += more.pop()
        return x * cs[0]

    for _ in range(2):
        assert mg.grad(f)(1.0, constants, **options) == 4.0
    assert (constants, options) == ([1.0, 2.0], {"more": [3.0]})


def test_an_array_may_be_changed_in_place() -> None:
    np = pytest.importorskip("numpy", reason="its arrays")

    def f(x: Any) -> Any:
        x -= x.mean()
        return (x * x * x).sum()

    x = np.array([1.0, 2.0, 4.0])
    assert mg.grad(f)(x) == pytest.approx(np.array([2 / 3, -13 / 3, 11 / 3]), rel=1e-14)
    assert x.tolist() == [1.0, 2.0, 4.0]


def test_structures_come_back_as_what_they_are() -> None:
    assert mg.grad(lambda p: p.a * p.b)(Pair(2.0, 3.0)) == Pair(3.0, 2.0)
    assert type(mg.grad(lambda p: p.a * p.b)(Pair(2.0, 3.0))) is Pair
    ordered = mg.grad(lambda d: d["a"] * d["b"])(OrderedDict(b=2.0, a=3.0))
    assert (ordered, type(ordered)) == (OrderedDict(b=3.0, a=2.0), OrderedDict)
    assert mg.grad(lambda xs: mg.sum(xs))([]) == []


def test_an_empty_array_has_an_empty_gradient() -> None:
    np = pytest.importorskip("numpy", reason="its arrays")
    results = mg.grad(lambda x: x.sum())(np.empty((0, 3)))
    assert (results.shape, results.dtype) == ((0, 3), float)


def limits(b: float) -> list[list[float]]:
    """Those of the second derivatives of a ** b where a goes to 0 from above."""
    results = []
    for digits in (400, 800):  # a logarithm grows with them
        with mpmath.workdps(2 * digits):
            a, power = mpmath.mpf(10) ** -digits, mpmath.mpf(b)
            log = mpmath.log(a)
            mixed = a ** (power - 1) * (1 + power * log)
            results.append([power * (power - 1) * a ** (power - 2), mixed, mixed, a**power * log * log])
    numbers = []
    for near, nearer in zip(*results, strict=True):
        limit = 0.0 if abs(nearer) < 1e-60 else inf if abs(nearer) > 1.5 * abs(near) else float(nearer)
        numbers.append(-limit if nearer < 0 else limit)
    return [numbers[:2], numbers[2:]]


@pytest.mark.parametrize("b", [0.25, 0.5, 1.0, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.5])
def test_second_derivatives_of_a_power_at_the_base_0_are_limits(b: float) -> None:
    assert mg.hessian(lambda v: v[0] ** v[1])([0.0, b]) == limits(b)


@pytest.mark.parametrize("b", [-3.0, -1.0, 1.0, 2.0, 3.0])
def test_second_derivatives_of_a_power_of_a_negative_base_are_nan_where_the_exponent_moves(b: float) -> None:
    (aa, ab), (ba, bb) = mg.hessian(lambda v: v[0] ** v[1])([-2.0, b])
    assert aa == pytest.approx(b * (b - 1) * (-2.0) ** (b - 2), rel=1e-14)
    assert [ab, ba, bb] == pytest.approx([nan] * 3, nan_ok=True)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (mg.sqrt, 0.0, -inf),
        (lambda x: x**0.5, 0.0, -inf),
        (lambda x: x**1.5, 0.0, inf),
    ],
)
def test_second_derivatives_at_an_edge_are_limits(f: Any, x: float, expected: float) -> None:
    assert mg.grad(mg.grad(f))(x) == expected


@mg.rule("x * x / 2", dx="x + ulp(x) * 0")
def half_square(x: Any) -> Any:
    """With a function in its partial that has no rule."""


def test_a_function_without_a_rule_is_named() -> None:
    assert mg.grad(half_square)(-2.0) == -2.0
    with pytest.raises(TypeError, match=r"a partial of half_square uses ulp\(\), which has no derivative here"):
        mg.grad(mg.grad(half_square))(2.0)


def test_a_counter_keeps_its_counts() -> None:
    assert mg.grad(lambda x, c: x * len(c) * c["a"])(2.0, Counter(a=3)) == 3.0
    assert mg.grad(lambda c: c["a"] * c["a"])(Counter(a=3)) == Counter(a=6.0)


def test_second_derivatives_of_a_power_at_0_to_the_0_are_the_same_both_ways() -> None:
    assert mg.hessian(lambda v: v[0] ** v[1])([0.0, 0.0]) == [[0.0, inf], [inf, inf]]
