"""gradcheck on what a determined person made up to deceive it: nothing right is refused, nothing wrong passes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import microgrannd as mg
from microgrannd.testing import GradientError, NonDifferentiableError, UndecidedError, gradcheck
from tests.helpers import within


def made(formula: str, **partials: Any) -> Any:
    """An operation of these formulas, whose parameters are those of the partials."""
    operands = [name[1:] for name in partials if name.startswith("d") and name != "domain"]
    names: dict[str, Any] = {}
    exec(f"def made({', '.join(operands)}): ...", names)
    return mg.rule(formula, **partials)(names["made"])


def of_python(f: Callable[[float], float], slope: Callable[[float], float]) -> Any:
    """An operation of Python functions, which no exact number may see."""
    return made("f(x)", dx="slope(x)", names={"f": f, "slope": slope})


def huber(x: Any) -> Any:
    return x * x / 2 if abs(x.data) <= 1 else abs(x) - 0.5


def sinc(x: Any) -> Any:
    return mg.sin(x) / x if x.data else 1 - x * x / 6


def only_at_one(x: Any) -> Any:
    if x.data != 1.0:
        raise KeyError("a mistake of f's own")
    return x * x


SINE = {"f": lambda x: math.sin(8 * math.pi * x), "slope": lambda x: 8 * math.pi * math.cos(8 * math.pi * x)}


@pytest.mark.parametrize(
    ("f", "args", "order"),
    [
        (mg.square, [0.0], 2),
        (of_python(**SINE), [0.3], 1),
        (of_python(math.sin, math.cos), [1e5], 1),
        (of_python(lambda x: math.sin(x) ** 2, lambda x: 2 * math.sin(x) * math.cos(x)), [1e5], 1),
        (of_python(lambda x: 1 / x, lambda x: -1 / x / x), [1e-100], 1),
        (of_python(math.cosh, math.sinh), [0.0], 1),
        (of_python(math.exp, math.exp), [1.0], 1),
        (huber, [1.0], 1),
        (huber, [-1.0], 1),
        (sinc, [0.0], 1),
        (lambda x: x + (x.data - 2.3) ** 2, [2.3], 1),
        (lambda x: mg.relu(x) ** 3, [0.0], 2),
        (lambda x: abs(x) ** 3, [0.0], 2),
        *[(lambda x, power=power: x**power, [1e-300], 1) for power in (0.1, 0.3, 1 / 3)],
        (lambda x: [x * x, 1.0], [2.0], 2),
        (lambda x: mg.logsumexp(x), [[1e300, -1e300, 5.0]], 1),
    ],
)
def test_what_is_right_passes(f: Any, args: Any, order: int) -> None:
    assert gradcheck(f, args, order=order)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (made("a * b", da="d(b)", db="17 * a", names={"d": lambda x: x}), [2.0, 3.0]),
        (made("a * sum(b)", da="d(sum(b))", db="[-x for x in b]", names={"d": float}, sequences=["b"]), [2.0, [3.0]]),
        (made("a + b", da="1", db="1 if abs(b) > 6 else 0"), [1.0, 1e-17]),
        (made("a * b", da="0", db="a"), [1.0, 1e-21]),
        (made("a + b * exp(c)", da="1", db="exp(c)", dc="0"), [1.0, 1.0, -50.0]),
        (made("sum(vs)", dvs="[1 if v > -40 else 0 for v in vs]", sequences=["vs"]), [[1e20, -50.0, 1.0]]),
        (made("x * x", dx="2 * x if x < 2.1 or x > 2.1 else 5"), [2.1]),
        (of_python(lambda x: x * x, lambda x: 2.002 * x), [1.5]),
        (of_python(**{**SINE, "slope": lambda x: 0 * x}), [0.3]),
    ],
)
def test_what_is_wrong_is_found(f: Any, args: Any) -> None:
    with pytest.raises(GradientError, match="own derivative is wrong"):
        gradcheck(f, args)


@pytest.mark.parametrize(
    ("f", "args", "error"),
    [
        (lambda x: mg.relu(x) ** 2, [0.0], NonDifferentiableError),
        (mg.elu, [0.0], NonDifferentiableError),
        (lambda x, y: mg.maximum(x, y) * mg.minimum(x, y), [1.0, 1.0], NonDifferentiableError),
        (made("cbrt(a * a * b)", da="0", db="0"), [0.0, 0.0], NonDifferentiableError),
        (made("sqrt((a - b) ** 2)", da="(a - b) / y", db="(b - a) / y"), [1.0, 1.0], NonDifferentiableError),
        (made("sq(x)", dx="4", names={"sq": lambda x: x * x}), [2.0], UndecidedError),
        (made("x * x", dx="d(x)", names={"d": lambda x: 4.0}), [2.0], UndecidedError),
    ],
)
def test_where_there_is_no_second_derivative_or_no_verdict_it_says_so(f: Any, args: Any, error: Any) -> None:
    with pytest.raises(error):
        gradcheck(f, args, order=2)


@pytest.mark.parametrize("wrong", ["[1 if v > 0 else 2 for v in vs]", "[2] * len(vs)"])
def test_a_wrong_element_of_a_long_sequence_is_named_in_time(wrong: str) -> None:
    with within(20), pytest.raises(GradientError, match=r"dvs\[0\] = .* gives 2.0, exact differences give 1.0"):
        gradcheck(made("sum(vs)", dvs=wrong, sequences=["vs"]), [[float(i) for i in range(300)]])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"order": 0}, "order needs to be a whole number of at least 1, got 0"),
        ({"rtol": -1.0}, "rtol needs to be a number of at least 0, got -1.0"),
        ({"rtol": math.nan}, "rtol needs to be a number of at least 0, got nan"),
    ],
)
def test_options_are_refused(options: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        gradcheck(mg.exp, [1.0], **options)


def test_a_model_may_stand_for_its_parameters_and_errors_of_f_come_through() -> None:
    model = mg.MLP(2, [2, 1], activation="tanh", seed=0)
    assert gradcheck(model, [[0.1, 0.2]], parameters=model)
    with pytest.raises(KeyError, match="a mistake of f's own"):
        gradcheck(only_at_one, [1.0])
