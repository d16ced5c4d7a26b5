"""Rows of a table by their numbers: eagerly, by Python in both forms, and by numba."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.chains import chained
from microgrannd.compiler.lists import Lists
from microgrannd.compiler.roll import roll
from microgrannd.rules.lookup import NoElement, lookup
from microgrannd.testing import gradcheck


def straight(output: Value, inputs: Sequence[Value]) -> mg.Program:
    return mg.compile(output, inputs)


def rolled(output: Value, inputs: Sequence[Value]) -> mg.Program:
    program = mg.compile(output, inputs)
    program._runner = Lists(program.tape, roll(chained(program.tape)))
    return program


def by_numba(output: Value, inputs: Sequence[Value]) -> mg.Program:
    return mg.compile(output, inputs, backend="numba")


without_numba = pytest.mark.skipif(not find_spec("numba"), reason="numba as a backend")
every_way = pytest.mark.parametrize("way", [straight, rolled, pytest.param(by_numba, marks=without_numba)])


def model(table: Any, index: Any, x: Any, target: Any) -> Any:
    """Uses a row, an element that each row of inputs computes, and the table besides."""
    row = mg.lookup(table, index)
    logits = [mg.dot(row, [x, 0.5]), x * table[0][0], mg.lookup([x, row[0], x * x], target)]
    return mg.cross_entropy(logits, target) + mg.lookup(row, target * 0.5) * 0.25


@every_way
@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=120),
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(-2, 2), st.sampled_from([0.0, 2.0])), min_size=1, max_size=5),
)
def test_every_way_gives_the_numbers_of_plain_rows(way: Any, numbers: list[Any], rows: list[Any]) -> None:
    rows = [[float(index % len(numbers)), x, target] for index, x, target in rows]
    table = [[Value(a), Value(b)] for a, b in numbers]
    plain = mg.mean([model(table, index, x, target) for index, x, target in rows])
    plain.backward()
    expected = [plain.data, *(value.grad for row in table for value in row)]
    inputs = [Value(cell) for cell in rows[0]]
    recorded = model(table, *inputs)
    for row in table:
        for value in row:
            value.grad = 0.0
    found = [way(recorded, inputs).backward(rows), *(value.grad for row in table for value in row)]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_a_number_gives_the_row_itself_and_a_value_a_node() -> None:
    table = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    for index in (1, 1.0, True):
        assert mg.lookup(table, index) is table[1]
    flat, at = [Value(5.0), Value(7.0)], Value(1.0)
    assert mg.lookup(flat, 0) is flat[0]
    node = mg.lookup(flat, at)
    node.backward()
    assert (node.data, flat[0].grad, flat[1].grad, at.grad) == (7.0, 0.0, 1.0, 0.0)
    assert mg.lookup([[[1.0, 2.0]], [[3.0, 4.0]]], at)[0][1].data == 4.0
    assert mg.lookup([1.0, 2.0], at).data == 2.0


BAD = [-1.0, 2.0, 0.5, 1e300, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("index", BAD)
def test_an_index_without_a_row_is_named(index: float) -> None:
    table = [[Value(1.0)], [Value(3.0)]]
    message = rf"^lookup needs a whole number from 0 to 1, got {re.escape(str(index))}"
    with pytest.raises(IndexError, match=message):
        mg.lookup(table, index)
    with pytest.raises(IndexError, match=message + r" \(label 'token'\)$"):
        mg.lookup(table, Value(index, "token"))
    with pytest.raises(IndexError, match=rf"cross_entropy needs a class from 0 to 1, got {re.escape(str(index))}"):
        mg.cross_entropy([Value(1.0), 2.0], index)
    with pytest.raises(IndexError, match=r"lookup needs a whole number from 0 to 1"):
        mg.cross_entropy([Value(1.0), 2.0], Value(index))


@every_way
@pytest.mark.parametrize("index", BAD)
def test_a_program_names_the_row_of_a_bad_index(way: Any, index: float) -> None:
    table, x = [[Value(1.0)], [Value(3.0)]], Value(0.0)
    program = way(mg.lookup(table, x)[0] * 2.0, [x])
    for run in (program.forward, program.backward):
        with pytest.raises(
            IndexError, match=rf"^row 1: lookup needs a whole number from 0 to 1, got {re.escape(str(index))}"
        ):
            run([[1.0], [index], [0.0]])
    assert [row[0].grad for row in table] == [0.0, 0.0]


def test_what_is_no_table_or_no_index() -> None:
    with pytest.raises(ValueError, match=r"^lookup needs rows of one length, got 1 and 2$"):
        mg.lookup([[1.0], [1.0, 2.0]], Value(0.0))
    with pytest.raises(ValueError, match=r"^lookup needs rows of one length, got 1 and None$"):
        mg.lookup([1.0, [1.0]], Value(0.0))
    with pytest.raises(TypeError, match=r"^lookup needs a whole number or a Value as index, got 'a' \(str\)$"):
        mg.lookup([1.0], "a")
    with pytest.raises(NoElement):
        mg.lookup([], Value(0.0))


def test_derivatives_of_all_orders() -> None:
    def f(a: Any, b: Any) -> Any:
        return mg.lookup([a, b * b * a, a * a * a], Value(2.0)) + mg.lookup([a, b * b * a], Value(1.0))

    assert gradcheck(f, [1.5, 2.0])
    assert gradcheck(f, [1.5, 2.0], order=2)
    assert mg.grad(mg.grad(f))(2.0, 3.0) == 12.0
    assert mg.hessian(lambda v: f(*v))([2.0, 3.0]) == [[12.0, 6.0], [6.0, 4.0]]


def test_the_rule_is_one_line() -> None:
    assert lookup.__rule__.equations == ["y = element(vs, index)", "dy/dvs = one_hot(index, len(vs))", "dy/dindex = 0"]  # type: ignore[attr-defined]
