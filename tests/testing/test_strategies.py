"""expressions() and points(): what they draw is fit, is Python, and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd._trees import leaves
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing import GradientError, expressions, gradcheck, points
from microgrannd.testing.strategies import Expression
from tests.testing.mutants import mutant, mutants

each_rule = pytest.mark.parametrize("rule", TABLE.values(), ids=list(TABLE))


@given(expressions())
def test_correct_rules_raise_no_alarm(expression: Expression) -> None:
    gradcheck(expression, expression.inputs)


@settings(deadline=None)
@given(expressions(max_size=3))
def test_nor_do_their_second_derivatives(expression: Expression) -> None:
    gradcheck(expression, expression.inputs, order=2)


@given(expressions(max_size=5, max_inputs=2))
def test_an_expression_is_a_function_and_its_repr_is_python(expression: Expression) -> None:
    assert 1 <= len(expression.steps) <= 5
    assert 1 <= len(expression.inputs) <= 2
    pasted: dict[str, Any] = {"mg": mg}
    exec(repr(expression), pasted)
    last = repr(expression).splitlines()[-1].split(" = ")[0]
    assert pasted[last].data == expression(*map(Value, expression.inputs)).data


@given(st.data())
@settings(max_examples=20)
def test_operations_can_be_chosen(data: st.DataObject) -> None:
    expression = data.draw(expressions(operations=[mg.exp, Value.__mul__, mg.dot], include=[mg.tanh]))
    assert {operation.rule.name for operation, _ in expression.steps} <= {"exp", "__mul__", "dot", "tanh"}


@each_rule
@settings(max_examples=20)
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
