"""gradcheck: what it finds, what it says of it, and what it refuses."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from math import nan
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.testing import GradientError, NonDifferentiableError, gradcheck
from microgrannd.testing.differences import slopes


@mg.rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 3")
def squash(x):
    """Its partial is wrong."""


@mg.rule("x * x * x", dx="3 * x * abs(x)")
def cube(x):
    """Its partial is right for positive numbers."""


@mg.rule("sum(map(mul, ws, vs))", dws="vs", dvs="[-w for w in ws]", sequences=["ws", "vs"])
def product(ws, vs):
    """One of its partials has the wrong sign."""


def message(error: type[Exception], f: Any, args: Any, **options: Any) -> str:
    with pytest.raises(error) as caught:
        gradcheck(f, args, **options)
    return str(caught.value)


def test_arrays_pass(np: Any) -> None:
    assert gradcheck(lambda p: p["w"] @ p["x"], [{"w": np.array([1.0, 2.0]), "x": np.array([0.5, 3.0])}])


def test_right_derivatives_pass(gradcheck: Callable[..., bool]) -> None:  # the fixture
    assert gradcheck(lambda x, y: mg.exp(x * y) / y, [0.5, 2.0])
    assert gradcheck(lambda x: x, (3,))
    assert gradcheck(mg.maximum, [1.0, 2.0])
    assert gradcheck(lambda x: mg.maximum(x, x), [1.0])
    assert gradcheck(lambda xs, w: [mg.dot(xs, w), {"b": mg.logsumexp(xs)}], [[1.0, 2.0], (0.5, -1.0)], order=2)
    assert gradcheck(lambda x: mg.relu(x) * 0 + x * x, [0.0])
    assert gradcheck(lambda x: (1e10 + x) - 1e10, [0.5])
    assert gradcheck(lambda x: x * abs(x), [0.0])
    assert gradcheck(lambda x: mg.relu(x - 1e-12), [0.0])  # near a kink, not at it


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_network_passes_and_its_own_gradients_stay(order: int) -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    for parameter in model.parameters():
        parameter.grad = 7.0
    assert gradcheck(lambda x: model(x), [[0.3, -0.2]], order=order)
    assert all(parameter.grad == 7.0 for parameter in model.parameters())


def test_a_wrong_derivative_is_named_with_its_operation() -> None:
    found = message(GradientError, lambda u, v: mg.exp(u) * squash(v), [0.0, 3.0])
    first, second, third = found.splitlines()
    assert first.startswith("df/dv at u = 0.0, v = 3.0 is wrong: backward() gives 0.015625, differences give 0.0625 ± ")
    assert second.endswith("is squash, y = x / (1 + abs(x)), at x = 3.0 (label 'v'):")
    assert third.startswith("    dx = 1 / (1 + abs(x)) ** 3 gives 0.015625, differences give 0.0625 ± ")
    assert float(first.split("± ")[1]) < 1e-11


def test_the_first_of_several_wrong_operations_is_named() -> None:
    found = message(GradientError, lambda x: squash(mg.exp(cube(x))), [-1.5])
    assert " is cube, y = x * x * x, at x = -1.5" in found
    found = message(GradientError, lambda ws, vs: product(ws, vs), [[1.0, 2.0], [3.0, 4.0]])
    assert "df/dvs[0] at ws[0] = 1.0, ws[1] = 2.0, vs[0] = 3.0, vs[1] = 4.0 is wrong" in found
    assert "dvs[0] = [-w for w in ws] gives -1.0" in found


def test_a_wrong_operation_whose_share_is_nothing_is_named_too() -> None:
    found = message(GradientError, lambda x: x + 0 * squash(x), [3.0])
    assert found.startswith("The derivatives of f at x = 3.0 are right, not so those of its operations\n")
    assert "squash" in found


def test_what_the_graph_does_not_show_is_found() -> None:
    assert "in a way that the graph does not show" in message(GradientError, lambda x: x * x.data, [3.0])


def test_second_derivatives_are_checked_by_order() -> None:
    @mg.rule("x * x", dx="2 * abs(x)")
    def square(x):
        """Its partial is right at positive numbers, and so is that partial's derivative; at 0 it has a kink."""

    assert gradcheck(square, [2.0], order=2)
    assert gradcheck(square, [0.0])
    assert "d(df/dx)/dx does not exist" in message(NonDifferentiableError, square, [0.0], order=2)

    @mg.rule("sin(x)", dx="flat(x)", names={"flat": lambda x: mg.cos(getattr(x, "data", x))})
    def sine(x):
        """Its partial is not made of Values: right once, lost the second time."""

    assert gradcheck(sine, [0.5])
    assert message(GradientError, sine, [0.5], order=2).startswith("d(df/dx)/dx at x = 0.5 is wrong")


def test_an_approximate_partial_passes_with_rtol_alone() -> None:
    @mg.rule("exp(x)", dx="1.00001 * y")
    def nearly(x):
        """Wrong in the fifth digit."""

    assert gradcheck(nearly, [0.5], rtol=2e-5)
    assert "nearly" in message(GradientError, nearly, [0.5], rtol=5e-6)


@pytest.mark.parametrize(
    ("f", "args", "reason"),
    [
        (mg.relu, [0.0], "the slope from the left is 0, from the right 1"),
        (abs, [0.0], "the slope from the left is -1, from the right 1"),
        (mg.maximum, [1.0, 1.0], "df/da does not exist at a = 1.0, b = 1.0"),
        (mg.minimum, [-2.0, -2.0], "does not exist"),
        (mg.clip, [1.0, 1.0, 3.0], "df/dx does not exist"),
        (mg.hypot, [0.0, 0.0], "does not exist"),
        (mg.sqrt, [0.0], "f is defined only to the right of it"),
        (mg.cbrt, [0.0], "the differences do not settle on a slope"),
        (mg.acosh, [1.0], "f is defined only to the right of it"),
        (lambda x: mg.exp(abs(x)), [0.0], "the slope from the left is -1, from the right 1"),
        (lambda a, b: mg.minimum(abs(a), abs(b)), [0.0, 0.0], "df/dt (all arguments moving at once) does not exist"),
    ],
)
def test_where_there_is_no_derivative_it_says_so(f: Any, args: list[float], reason: str) -> None:
    assert reason in message(NonDifferentiableError, f, args)


calls: list[None] = []


def moody(x: Any) -> Any:
    calls.append(None)
    return x * x if len(calls) % 2 else mg.exp(x)


@pytest.mark.parametrize(
    ("f", "args", "error", "reason"),
    [
        (lambda x: 3.0, [1.0], TypeError, "needs a function that returns a Value or several, got 3.0 (float)"),
        (lambda x: None, [1.0], TypeError, "got None (NoneType)"),
        (lambda x: [], [1.0], TypeError, "got None (NoneType)"),
        (lambda x, y: 2 * x, [1.0, 2.0], ValueError, "f ignores y: nothing that it returns was computed from it"),
        (lambda x, y: 2 * x[0], [[1.0], [2.0, 3.0]], ValueError, "f ignores y[0], y[1]"),
        (lambda x: Value(x.data), [1.0], ValueError, "f ignores x"),
        (lambda x: x * nan, [1.0], ValueError, "f gives nan at x = 1.0"),
        (lambda x: x * 1e308 * 10, [1.0], ValueError, "f gives inf at x = 1.0"),
        (lambda x: x * random.random(), [1.0], ValueError, "two calls with the same arguments recorded, as node 1"),
        (moody, [2.0], ValueError, "two calls with the same arguments recorded, as node 1, "),
        (mg.exp, 1.0, TypeError, "gradcheck needs a list of the arguments to differentiate by, got 1.0 (float)"),
        (mg.exp, [], TypeError, "got [] (list)"),
        (mg.exp, ["a"], TypeError, "x needs a real number, got 'a' (str)"),
        (mg.log, [-1.0], ValueError, "log(x) needs x > 0"),
    ],
)
def test_bad_use_is_refused(f: Any, args: Any, error: type[Exception], reason: str) -> None:
    found = message(error, f, args)
    assert reason in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: 3.0 * x, 0.0, 3.0),
        (lambda x: 5.0, 0.0, 0.0),
        (math.sin, 1000.0, math.cos(1000)),
        (lambda x: math.tanh(1e6 * x), 0.0, 1e6),
        (math.log, 1e-5, 1e5),
        (math.sin, 0.125, math.cos(0.125)),  # sin(0) is among the points: two quotients agree by chance
    ],
)
def test_differences_keep_their_bounds(f: Any, x: float, slope: float) -> None:
    found = slopes(lambda t: f(x + t), x, noise=1e-16).central
    assert abs(found.value - slope) <= found.error <= 1e-9 * max(1.0, abs(slope))
