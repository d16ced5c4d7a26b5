"""Derivatives of functions, to any order."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, grad, hessian, jacobian, jvp, value_and_grad
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from tests.rules import references


def rosenbrock(x: Any) -> Any:
    return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)])


def points(rule: Rule) -> list[list[float]]:
    """Everyday operands inside the domain, away from kinks."""
    rng = random.Random(rule.name)
    found = ([rng.uniform(-2.5, 2.5) for _ in rule.operands] for _ in range(1000))
    inside = [x for x in found if rule.inside(*x)]
    return [x for x in inside if rule.name != "__pow__" or x[0] > 0][:15]


def called(rule: Rule) -> Any:
    return getattr(mg, rule.name, None) or getattr(Value, rule.name)


@pytest.mark.parametrize("rule", [r for r in TABLE.values() if not r.sequences], ids=lambda rule: rule.name)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_rule_to_the_third_order_agrees_with_mpmath(rule: Rule, order: int) -> None:
    """The reference: mpmath's differences of the formula, to hundreds of digits."""
    for operands in points(rule):
        for place in range(len(operands)):

            def of_one(x: Any, place: int = place, operands: Any = operands) -> Any:
                given = [Value(o) for o in operands]
                given[place] = x
                return called(rule)(*given)

            derivative = of_one
            for _ in range(order):
                derivative = grad(derivative)
            with mpmath.workprec(1200):
                exact = references.exact(rule)
                numbers = [mpmath.mpf(o) for o in operands]
                expected = mpmath.diff(
                    lambda x, f=exact, n=numbers, p=place: f(*n[:p], x, *n[p + 1 :]), numbers[place], order
                )
            if isinstance(expected, mpmath.mpc):
                continue  # a power of a negative number, by its exponent
            assert derivative(operands[place]) == pytest.approx(float(expected), rel=1e-10, abs=1e-10), operands


def test_smooth_rules_stay_smooth_where_a_formula_has_a_branch() -> None:
    third = grad(grad(grad(mg.sigmoid)))
    assert third(0.0) == -1 / 8
    assert grad(grad(mg.softplus))(0.0) == 0.25
    assert grad(grad(mg.log_sigmoid))(0.0) == -0.25
    assert grad(grad(mg.pow, 0), 1)(4.0, 0.0) == 0.25  # though d(x ** 0)/dx is 0 everywhere


def test_the_form_of_arguments_comes_back() -> None:
    def f(weights: Any, x: float, *, scale: float = 1.0) -> Any:
        return scale * (weights["w"][0] * x + weights["w"][1] ** 2 + weights["b"][0])

    assert grad(f)({"w": [1.0, 2.0], "b": (3.0,)}, 5.0) == {"w": [5.0, 4.0], "b": (1.0,)}
    assert grad(f, argnums=(0, 1))({"w": [1.0, 2.0], "b": (3.0,)}, 5.0, scale=2.0) == (
        {"w": [10.0, 8.0], "b": (2.0,)},
        2.0,
    )
    assert grad(f, argnums=-1)({"w": [1.0, 2.0], "b": (3.0,)}, 5) == 1.0


def test_the_same_value_in_two_places_and_in_the_function_is_kept_apart() -> None:
    x = Value(3.0)
    assert grad(lambda a, b: a * b * x, argnums=(0, 1))(2.0, 2.0) == (6.0, 6.0)
    assert grad(lambda a: grad(lambda b: a * b)(a))(3.0) == 1.0
    assert grad(lambda a: a * grad(lambda b: a * b * b)(a))(3.0) == 3 * 2 * 9.0
    assert grad(lambda a: grad(lambda b: a * b)(2.0))(3.0) == 1.0
    assert x.grad == 0.0


def test_values_of_ones_own_are_constants_whose_gradient_is_not_touched() -> None:
    w = Value(2.0)
    assert value_and_grad(lambda x: w * x * x)(3.0) == (18.0, 12.0)
    assert w.grad == 0.0
    penalty = grad(lambda x: w * x * x)(Value(3.0)) ** 2  # of a Value: a Value, to be differentiated further
    penalty.backward()
    assert w.grad == 2 * 12.0 * 6.0


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=4), st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_forward_and_reverse_mode_agree(x: list[float], direction: list[float]) -> None:
    v = direction[: len(x)]
    value, slope = jvp(lambda *xs: mg.tanh(rosenbrock(xs) / 100) + mg.logsumexp(xs), x, v)
    gradient = grad(lambda xs: mg.tanh(rosenbrock(xs) / 100) + mg.logsumexp(xs))(x)
    assert slope == pytest.approx(math.fsum(g * t for g, t in zip(gradient, v, strict=True)), rel=1e-9, abs=1e-9)
    assert type(value) is float


def test_a_hessian_is_symmetric_and_right(np: Any) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is the reference")
    x = [0.3, -0.7, 1.1, 0.2]
    found = hessian(rosenbrock)(x)
    assert np.allclose(found, np.array(found).T, rtol=1e-14)
    assert np.allclose(found, optimize.rosen_hess(np.array(x)), rtol=1e-12)
    assert hessian(lambda a: 3 * a)(1.0) == 0.0


def test_arrays_give_arrays_with_as_many_dimensions(np: Any) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is the reference")
    gradient = grad(rosenbrock)(np.array([1.0, 2.0]))
    assert gradient.dtype == float
    assert gradient.tolist() == [-400.0, 200.0]
    x = np.array([0.3, -0.7, 1.1])
    found = hessian(rosenbrock)(x)
    assert (found.shape, found.dtype) == ((3, 3), float)
    assert np.allclose(found, optimize.rosen_hess(x), rtol=1e-12)
    assert jacobian(np.tanh)(x) == pytest.approx(np.diag(1 - np.tanh(x) ** 2))
    assert hessian(lambda m: (m * m).sum())(np.ones((2, 2))).shape == (2, 2, 2, 2)


def test_a_hessian_times_a_vector_is_the_forward_derivative_of_a_gradient(np: Any) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is the reference")
    x, v = [0.3, -0.7, 1.1], [1.0, 2.0, -1.0]
    _, product = jvp(grad(rosenbrock), [x], [v])
    assert product == pytest.approx((optimize.rosen_hess(np.array(x)) @ v).tolist(), rel=1e-12)


def test_jacobians_of_lists_and_of_constants() -> None:
    assert jacobian(lambda x: [x[0] * x[1], 3.0, x[1]])([2.0, 5.0]) == [[5.0, 2.0], [0.0, 0.0], [0.0, 1.0]]
    assert jacobian(mg.softmax)([0.0, 0.0]) == [[0.25, -0.25], [-0.25, 0.25]]
    assert grad(lambda x: 3.0)(1.0) == 0.0


def test_where_a_partial_is_infinite_higher_orders_do_not_raise() -> None:
    assert grad(mg.sqrt)(0.0) == math.inf
    assert not math.isfinite(grad(grad(mg.sqrt))(0.0))
    assert not math.isfinite(grad(grad(lambda x: mg.dot([mg.sqrt(x)], [1.0])))(0.0))


def test_rules_of_ones_own_work_to_any_order() -> None:
    @mg.rule("a * a * exp(b)", da="2 * a * exp(b)", db="y")
    def f(a, b):
        """Of two operands."""

    assert grad(grad(f))(3.0, 0.5) == pytest.approx(2 * math.exp(0.5))
    assert grad(grad(f, 1), 0)(3.0, 0.5) == pytest.approx(6 * math.exp(0.5))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: grad(lambda x: [x])(1.0), "grad needs a function that returns a scalar"),
        (lambda: grad(lambda x: x)("a"), "a derivative is by real numbers, lists of them or arrays, got 'a' (str)"),
        (lambda: grad(lambda x: x, argnums=1)(1.0), "argnums=1: there are 1 positional arguments"),
        (lambda: jvp(lambda x: x, [1.0], [1.0, 2.0]), "jvp needs a tangent for each of 1 primals, got 2"),
    ],
)
def test_bad_use_is_refused(compute: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        compute()
    assert message in str(caught.value)
