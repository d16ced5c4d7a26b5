"""gradcheck: what it finds, what it says of it, and what it refuses."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from math import nan, pi
from typing import Any

import mpmath
import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.functional import Call
from microgrannd.testing import GradientError, NonDifferentiableError, UndecidedError, gradcheck
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
    assert first.startswith(
        "df/dv at u = 0.0, v = 3.0 is wrong: backward() gives 0.015625, exact differences give 0.0625"
    )
    assert second.endswith("is squash, y = x / (1 + abs(x)), at x = 3.0 (label 'v'):")
    assert third.startswith("    dx = 1 / (1 + abs(x)) ** 3 gives 0.015625, exact differences give 0.0625")


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


def by_hand(xs: Any) -> Any:
    """Log of a sum of exponentials, shifted by a number that its value does not depend on."""
    top = max(x.data for x in xs)
    return mg.log(mg.sum([mg.exp(x - top) for x in xs])) + top


@pytest.mark.parametrize(
    ("f", "args", "order"),
    [
        *[(lambda x, k=k: mg.sin(2 * pi * k * x), [0.3], 1) for k in (4, 8, 64, 1000)],
        (lambda A, f, t, p: A * mg.sin(2 * pi * f * t + p), [1, 0.25, 100, 0], 1),
        *[(f, [x], 2) for f in (mg.sin, mg.cos) for x in (1e5, 345678.9, 1e6, 1e300)],
        *[(lambda x: 1 / x, [x], 2) for x in (1e-5, 1e-8, 1e-100)],
        (lambda r, c: 1 / (r * c), [1e3, 1e-9], 2),
        (lambda a, b: a * b / (a + b), [1e-9, 2.2e-9], 2),
        (lambda x: x / (x + 1e-8), [1e-8], 2),
        (lambda a, b: mg.sin(a) + b, [0.0, 1e5], 2),
        (lambda r: 6.6e-21 * ((3.4e-10 / r) ** 12 - (3.4e-10 / r) ** 6), [3.8e-10], 2),
        (lambda x: mg.sigmoid(x / 1e-3), [4e-3], 2),
        (lambda x: mg.exp(-1 / x), [0.02], 3),
        (lambda xs: by_hand(xs), [[1.0, 2.0, 3.0]], 2),
        (lambda xs: by_hand(xs), [[1.0, 1.0]], 1),
        (lambda x: x if x.data > 0 else 3 * x, [1e-5], 1),
        (lambda a, b: mg.clip(a, b, b) * 0 + a * b, [2.0, 2.0], 1),
    ],
)
def test_no_scale_and_no_frequency_raises_an_alarm(f: Any, args: Any, order: int) -> None:
    assert gradcheck(f, args, order=order)


@mg.rule("sin(8 * pi * x)", dx="0 * x")
def wave(x):
    """Its partial is wrong, and differences of floats may miss that."""


@mg.rule("tanh(x)", dx="(1 - y * y) * 1.000000001")
def almost(x):
    """Its partial is wrong in the tenth digit."""


@mg.rule("0 if x <= 0 else x", dx="0.25 if x <= 0 else 1")
def leaking(x):
    """Its partial is wrong where it is dead."""


@pytest.mark.parametrize(
    ("f", "x", "name"),
    [
        (wave, 0.3, "wave"),
        (almost, 0.3, "almost"),
        (almost, 20.0, "almost"),  # where it rounds to 0
        (lambda x: 0 * almost(x), 0.3, "almost"),
        (lambda x: mg.relu(almost(x)), -2.0, "almost"),
        (lambda x: mg.tanh(1e3 * almost(x)), 0.3, "almost"),
        (leaking, -1.0, "leaking"),
        (lambda x: leaking(x - 1e-9), 0.0, "leaking"),
    ],
)
def test_a_wrong_partial_hides_behind_nothing(f: Any, x: float, name: str) -> None:
    assert f"whose own derivative is wrong is {name}," in message(GradientError, f, [x])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x * x.data, 2.0),
        (lambda x: mg.sin(8 * pi * x.data) + 0 * x, 0.3),
        (lambda x: (1 + x.data) * (x + 1), 0.0),
        (lambda x: x * x.detach(), 1e-200),
        (lambda x: x if x.data > 0 else 3 * x, 0.0),
        (lambda x: x * random.Random(x.data).random(), 1.0),
        (lambda x: mg.sum([x] * (1 if x.data == 1.5 else 2)), 1.5),
    ],
)
def test_what_the_graph_does_not_show_is_found(f: Any, x: float) -> None:
    found = message(GradientError, f, [x])
    assert found.startswith(f"df/dx at x = {x} is wrong: backward() gives ")
    assert "in a way that the graph does not show" in found


def test_rounding_over_a_kink_leaves_no_derivative_to_compare_with() -> None:
    found = message(NonDifferentiableError, lambda x: mg.relu((x + 1e-17) - 1.0), [1.0])
    assert found == "df/dx does not exist at x = 1.0: rounding takes f to the other side of a kink"
    assert gradcheck(lambda x: mg.relu((x + 1e-17) - x), [1.0])  # 1e-17, with the slope 0 on either side


def test_parameters_are_checked_by_name() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    before = model.state_dict()
    assert gradcheck(lambda x: model(x), [[0.3, 0.2]], parameters=model.parameters(), order=2)
    assert gradcheck(model, [[0.3, 0.2]], parameters=model.parameters())
    assert gradcheck(lambda: model([0.3, 0.2]), [], parameters=dict(model.named_parameters()))
    found = message(GradientError, lambda: cube(model([0.3, 0.2]) - 1.0), [], parameters=model.parameters())
    assert found.startswith("df/dlayers.0.neurons.0.w.0 at layers.0.neurons.0.w.0 = ")
    w = Value(2.0, "w")
    assert "df/dw at w = 2.0 is wrong" in message(GradientError, lambda: squash(w), [], parameters=[w])
    assert "df/dparameters[0] at" in message(GradientError, lambda: squash(v), [], parameters=[v])
    assert model.state_dict() == before
    assert all(parameter.grad == 0.0 for parameter in model.parameters())


v = Value(2.0)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ([1.0], "parameters[0] needs to be a Value that is no result, got 1.0 (float)"),
        ([v * 2], "parameters[0] needs to be a Value that is no result, got "),
        ([Value(1.0, "b")], "f ignores b: nothing that it returns was computed from it"),
    ],
)
def test_what_is_no_parameter_is_refused(parameters: Any, reason: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        gradcheck(lambda x: x * v, [1.0], parameters=parameters)
    assert reason in str(caught.value)


def test_functions_of_ones_own_see_floats_alone() -> None:
    seen = set()

    def ln(x: float) -> float:
        seen.add(type(x))
        return math.log(x)

    @mg.rule("ln(x)", dx="1 / x", names={"ln": ln})
    def right(x):
        """mpmath's numbers in math.log would silently be floats."""

    @mg.rule("ln(x)", dx="2 / x", names={"ln": ln})
    def wrong(x):
        """The same, wrong."""

    assert gradcheck(right, [2.0])
    found = message(GradientError, wrong, [2.0])
    assert "df/dx at x = 2.0 is wrong: backward() gives 1.0, " in found
    assert "dx = 2 / x gives 1.0, differences give 0.5 ± " in found
    assert seen == {float}


def test_a_function_of_ones_own_may_be_undecided() -> None:
    @mg.rule("rough(x)", dx="1", names={"rough": lambda x: x + 1e-3 * math.sin(1e40 * x)})
    def rough(x):
        """No difference of floats can tell."""

    assert "cannot be checked at x = 1.5: an operation uses a Python function" in message(UndecidedError, rough, [1.5])
    assert issubclass(UndecidedError, ValueError)


def test_what_backward_and_forward_mode_add_up_is_added_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Call.forward
    monkeypatch.setattr(Call, "forward", lambda *args: forward(*args) * (1 + 1e-12))
    assert "df/dx at x = 0.5 is wrong: forward mode gives" in message(GradientError, mg.exp, [0.5])
    monkeypatch.undo()
    backward = Value.backward

    def inexact(self: Value) -> None:
        backward(self)
        for operand in self._operands:
            operand.grad *= 1 + 1e-12

    monkeypatch.setattr(Value, "backward", inexact)
    assert "the exact sum of its terms is " in message(GradientError, mg.exp, [0.5])


def test_the_users_own_mpmath_keeps_its_precision() -> None:
    mpmath.mp.dps = 7
    try:
        assert gradcheck(mg.tanh, [0.5])
        assert mpmath.mp.dps == 7
    finally:
        mpmath.mp.dps = 15


@pytest.mark.desktop
def test_threads_check_at_once() -> None:
    outcomes: list[bool] = []
    threads = [
        threading.Thread(target=lambda x=x: outcomes.append(gradcheck(mg.tanh, [x / 10], order=2))) for x in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 20


def test_second_derivatives_are_checked_by_order() -> None:
    @mg.rule("x * x", dx="2 * abs(x)")
    def square(x):
        """Its partial is right at positive numbers, and so is that partial's derivative; at 0 it has a kink."""

    assert gradcheck(square, [2.0], order=2)
    assert gradcheck(square, [0.0])
    assert "d(df/dx)/dx does not exist" in message(NonDifferentiableError, square, [0.0], order=2)

    @mg.rule("x * x", dx="4")
    def flat(x):
        """Its partial is right at 2."""

    assert gradcheck(flat, [2.0])
    assert message(GradientError, flat, [2.0], order=2).splitlines() == [
        "d(df/dx)/dx at x = 2.0 is wrong: backward() gives 0.0, exact differences give 2.0",
        "The first operation whose derivative of order 2 is wrong is flat, y = x * x, at x = 2.0 (label 'x'):",
        "    dx = 4 changes otherwise than the derivative of y",
    ]

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
        (mg.cbrt, [0.0], "the slope grows without bound"),
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


def test_pytest_shows_the_line_that_calls_the_check() -> None:
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda x: Value(x.data) + 0 * x, [1.0])
    assert [entry.path.name for entry in caught.traceback.filter(caught)] == ["test_check.py"]
