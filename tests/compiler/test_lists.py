"""Rolled tapes in Python: the numbers and errors of the eager engine, and a source that does not grow with the graph."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.chains import chained
from microgrannd.compiler.lists import Lists
from microgrannd.compiler.roll import roll
from microgrannd.testing import expressions
from microgrannd.testing.strategies import Expression
from tests.benchmarks import gpt
from tests.helpers import EDGES, as_program, eagerly, networks, root, rounding, squash


def rolled(*arguments: Any) -> mg.Program:
    program = mg.compile(*arguments)
    program._runner = Lists(program.tape, roll(chained(program.tape)))
    return program


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(expressions(max_size=25, max_inputs=6, include=[squash, root]), st.data())
def test_random_graphs_agree_with_the_eager_engine(expression: Expression, data: st.DataObject) -> None:
    point = expression.inputs
    count = data.draw(st.integers(0, len(point)))
    leaves = [Value(x) for x in point]
    program = rolled(expression(*leaves), leaves[:count])
    cells = st.one_of(st.sampled_from(EDGES), st.floats(-3, 3))
    for row in [point[:count], *data.draw(st.lists(st.tuples(*[cells] * count).map(list), max_size=4))]:
        expected = eagerly(expression, row, point[count:])
        found = as_program(program, leaves[count:], row)
        if isinstance(expected, tuple):
            assert isinstance(found, tuple), program.source  # of several errors it may meet another one first
        else:
            for a, b, error in zip(found, expected, rounding(expression, row, point[count:]), strict=True):
                assert a == pytest.approx(b, rel=1e-12, abs=error, nan_ok=True), program.source


@pytest.mark.parametrize(("model", "loss"), networks())
def test_networks_agree_with_straight_lines(model: Any, loss: Any) -> None:
    nin, nout = model.options()["nin"], model.options()["nouts"][-1]
    rows = [[0.01 * (i + r) - 0.3 for i in range(nin)] + [float(i == 0) for i in range(nout)] for r in range(70)]
    inputs = [Value(x) for x in rows[0]]
    output = loss(model(inputs[:nin]), inputs[nin:] if nout > 1 else inputs[nin])
    found = []
    for make in (mg.compile, rolled):
        program = make(output, inputs)
        model.zero_grad()
        found.append([program.backward(rows), *program.forward(rows), *(p.grad for p in model.parameters())])
    assert found[1] == pytest.approx(found[0], rel=1e-11, abs=1e-15)


def test_a_large_graph_is_rolled_and_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrannd.compiler.program.ROLLED", 30_000)
    weights = gpt.parameters(Value)
    loss = gpt.loss(weights, [0, 5, 13, 13, 1, 0])
    program = mg.compile(loss, [])
    assert len(program.tape.steps) > 30_000
    assert program.source.count("\n") < 5000
    values = [value for matrix in weights.values() for row in matrix for value in row]
    assert program.backward([[]]) == pytest.approx(loss.data, rel=1e-12)
    found = [value.grad for value in values]
    for value in values:
        value.grad = 0.0
    loss.backward()
    assert found == pytest.approx([value.grad for value in values], rel=1e-11, abs=1e-15)
    assert pickle.loads(pickle.dumps(program)).backward([[]]) == program.backward([[]])


def test_a_large_graph_with_nothing_alike_stays_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrannd.compiler.program.ROLLED", 100)
    x = y = Value(0.5)
    for _ in range(100):
        y = mg.tanh(y * 0.9)
    assert "t100 = " in mg.compile(y, [x]).source


def test_a_bad_row_is_named() -> None:
    x, w = Value(1.0, "x"), Value(3.0)
    program = rolled(mg.sum([w * mg.log(x), mg.log(x * 2.0)]), [x])
    with pytest.raises(ValueError, match=r"row 1: log\(x\) needs x > 0, got x = -1.0 \(label 'x'\)"):
        program.backward([[1.0], [-1.0]])
    assert w.grad == 0.0


@mg.rule("x0(x) + cells(x)", dx="x0(x) * 2", names={"x0": lambda x: x, "cells": lambda x: x * x})
def odd(x: Any) -> Any:
    """With functions of one's own that are called as the program's variables."""


@mg.rule("x0(x)", dx="1", names={"x0": lambda x: x + 10.0})
def shifted(x: Any) -> Any:
    """With another function of the same name."""


def test_functions_of_ones_own_are_no_variables() -> None:
    x = Value(3.0)
    assert rolled(odd(x) + shifted(x), [x]).forward([[3.0]]) == [12.0 + 13.0]


def test_steps_of_one_sequence_are_summed_together() -> None:
    model, xs = (
        mg.MLP(4, [3, 3, 1], activation="tanh", seed=0),
        [[Value(0.1 * i + r) for i in range(4)] for r in range(3)],
    )
    total = mg.sum([model(x) for x in xs])
    program = rolled(total, [v for x in xs for v in x])
    assert "g + f_0 * d_0 + f_1 * d_1 + f_2 * d_2 for" in program.source
    assert program.backward([[v.data for x in xs for v in x]]) == pytest.approx(total.data, rel=1e-12)
    found = [p.grad for p in model.parameters()]
    model.zero_grad()
    total.backward()
    assert found == pytest.approx([p.grad for p in model.parameters()], rel=1e-12)
