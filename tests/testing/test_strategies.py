"""expressions() and points(): what they draw is fit, is Python, and finds what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, reject, seed, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd._trees import leaves
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing import GradientError, NonDifferentiableError, expressions, gradcheck, points
from microgrannd.testing.expression import Expression
from tests.testing.mutants import mutant, mutants

each_rule = pytest.mark.parametrize("rule", TABLE.values(), ids=list(TABLE))


@settings(deadline=None)
@given(expressions())
def test_correct_rules_raise_no_alarm(expression: Expression) -> None:
    gradcheck(expression, expression.inputs)


@pytest.mark.slow
@settings(deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(expressions())
def test_nor_do_they_in_a_thousand(expression: Expression) -> None:
    gradcheck(expression, expression.inputs)


@settings(deadline=None, max_examples=40)
@given(expressions(max_size=3))
def test_nor_do_their_second_derivatives(expression: Expression) -> None:
    try:
        gradcheck(expression, expression.inputs, order=2)
    except NonDifferentiableError:  # only the first derivative is sure to exist
        reject()


@settings(deadline=None)
@given(expressions(max_size=5, max_inputs=2))
def test_an_expression_is_a_function_and_its_repr_is_python(expression: Expression) -> None:
    assert 1 <= len(expression.steps) <= 5
    assert 1 <= len(expression.inputs) <= 2
    pasted: dict[str, Any] = {"mg": mg}
    exec(repr(expression), pasted)
    last = repr(expression).splitlines()[-1].split(" = ")[0]
    assert pasted[last].data == expression(*map(Value, expression.inputs)).data


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_operations_can_be_chosen(data: st.DataObject) -> None:
    expression = data.draw(expressions(operations=[mg.exp, Value.__mul__, mg.dot], include=[mg.tanh]))
    assert {operation.rule.name for operation, _ in expression.steps} <= {"exp", "__mul__", "dot", "tanh"}


@each_rule
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_points_are_where_a_rule_has_a_derivative(rule: Rule, data: st.DataObject) -> None:
    operands = data.draw(points(rule.function))
    assert len(operands) == len(rule.operands)
    assert all(type(x) is float for x in leaves(operands))
    gradcheck(
        lambda *values: rule.compute(*values) if rule.name.startswith("__") else getattr(mg, rule.name)(*values),
        operands,
    )


@each_rule
def test_wrong_derivatives_are_caught_and_named(rule: Rule) -> None:
    """By gradcheck at points of the rule, and in random expressions, within 200 examples."""
    for wrong, operation in mutants(rule):
        for fit in (points(operation).map(lambda args, f=operation: (f, args)), with_inputs(operation)):
            assert f" is {rule.name}, y = " in caught(fit), wrong


def with_inputs(operation: Any) -> st.SearchStrategy[Any]:
    return expressions(include=[operation]).map(lambda expression: (expression, expression.inputs))


def caught(cases: st.SearchStrategy[Any]) -> str:
    """What gradcheck says of the first of 200 cases that it does not let pass."""

    @seed(0)
    @settings(
        max_examples=200,
        phases=[Phase.generate],
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        gradcheck(*case)

    with pytest.raises(GradientError) as found:
        run()
    return str(found.value)


@mg.rule("x * x * x", dx="3 * x * x if abs(x) < 6 else 0")
def far(x):
    """Its partial is wrong from 6 on."""


@mg.rule("log(x)", dx="1 / x if x > 0.01 else 0", domain="x > 0")
def low(x):
    """Its partial is wrong near the edge of its domain."""


@mg.rule("atan(x)", dx="1 / (1 + x * x) if x > 0 else 1")
def negative(x):
    """Its partial is wrong for negative numbers."""


@mg.rule("asin(x)", dx="1 / sqrt((1 - x) * (1 + x)) if abs(x) < 0.999 else 22", domain="-1 <= x <= 1")
def edge(x):
    """Its partial is wrong near the edges of its domain."""


@mg.rule("x * x", dx="2 * x if abs(x) < 1e9 or abs(x) > 1e40 else x")
def large(x):
    """Its partial is wrong among large numbers."""


@mg.rule("x + x * x", dx="1 + 2 * x if not (-1e-9 < x < 0) else 1.0001")
def tiny(x):
    """Its partial is wrong among tiny numbers."""


@pytest.mark.parametrize("operation", [far, low, negative, edge, large, tiny])
def test_a_derivative_that_is_wrong_in_a_region_is_found(operation: Any) -> None:
    for fit in (points(operation).map(lambda args: (operation, args)), with_inputs(operation)):
        assert f" is {operation.__name__}, y = " in caught(fit)


@mg.rule("x * 1000", dx="1000")
def steep(x):
    """Steeper than anybody asked for."""


@pytest.mark.parametrize(
    "numbers",
    [
        st.integers(1, 9),
        st.fractions(1, 2),
        st.decimals(1, 2, places=3),
        st.floats(1000, 5000),
        st.floats(1000, 5000).map(np.float64),
        st.floats(-1e300, 1e300),
        st.just(6.5),
    ],
)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_numbers_are_taken_as_given(numbers: Any, data: st.DataObject) -> None:
    drawn: list[float] = []

    def note(x: Any) -> Any:
        drawn.append(float(x))
        return x

    [x] = data.draw(points(steep, numbers=numbers.map(note)))
    assert x in drawn
    expression = data.draw(expressions(operations=[steep, Value.__add__], numbers=numbers.map(note)))
    assert set(expression.inputs) <= set(drawn)
    assert gradcheck(expression, expression.inputs)


@pytest.mark.parametrize(
    ("numbers", "error", "reason"),
    [
        (st.floats(-5, -1), ValueError, "log has no derivative at any of 1"),
        (st.just("a"), TypeError, "each of numbers= needs a real number, got 'a' (str)"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(numbers: Any, error: type[Exception], reason: str) -> None:
    @settings(database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(points(mg.log, numbers=numbers))
    def run(_: Any) -> None: ...

    with pytest.raises(error, match=re.escape(reason)):
        run()


@given(expressions(max_condition=10.0, max_size=4))
@settings(deadline=None, max_examples=20)
def test_conditions_can_be_bounded(expression: Expression) -> None:
    inputs = [Value(x) for x in expression.inputs]
    result = expression(*inputs)
    result.backward()
    assert sum(abs(x.grad * x.data) for x in inputs) <= 10.0 * max(abs(result.data), 1.0) * (1 + 1e-9)


def test_failures_shrink_to_a_few_lines() -> None:
    operation = mutant(TABLE["tanh"], "x", "1 + y * y")

    def wrong(expression: Expression) -> bool:
        try:
            return not gradcheck(expression, expression.inputs)
        except GradientError:
            return True

    found = find(expressions(include=[operation]), wrong)
    assert len(found.steps) == 1
    assert repr(found).splitlines()[-1] == "b = tanh(a)"


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(TypeError, match=r"numbers= needs a strategy of Hypothesis, as st.floats\(-1, 1\), got \[1\]"):
        points(mg.log, numbers=[1])  # type: ignore[arg-type]  # what is tested
    for options in ({"numbers": [1]}, {"operations": []}, {"max_size": 0}, {"max_inputs": 0}):
        with pytest.raises((TypeError, ValueError), match="needs"):
            find(expressions(**options), lambda _: True)  # type: ignore[arg-type]


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(TypeError, match=r"made by mg\.rule or one of the library's, got <function"):
        find(points(lambda x: x), lambda _: True)


def test_without_hypothesis_gradcheck_works_and_a_hint_is_given() -> None:
    script = """
import sys
sys.modules["hypothesis"] = None
import microgrannd as mg
from microgrannd.testing import gradcheck
assert gradcheck(mg.exp, [1.0])
try:
    from microgrannd.testing import expressions
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "expressions() and points() need Hypothesis: pip install 'microgrannd[testing]'\n"
