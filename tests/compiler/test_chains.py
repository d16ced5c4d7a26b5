"""Sums that were recorded term by term: as a dot product they give the same numbers, to the last bit."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.chains import chained
from microgrannd.compiler.python import Plain
from microgrannd.compiler.roll import roll
from microgrannd.compiler.tape import tape
from tests.benchmarks import gpt
from tests.helpers import EDGES

NUMBERS = st.sampled_from(EDGES) | st.floats(-3, 3)


@st.composite
def sums(draw: st.DrawFn, numbers: st.SearchStrategy[float] = NUMBERS) -> tuple[list[Value], list[Value]]:
    """Leaves, and results of sums, differences and products of them, some used several times."""
    leaves = [Value(x) for x in draw(st.lists(numbers, min_size=2, max_size=4))]
    nodes: list[Any] = [*leaves]
    for _ in range(draw(st.integers(1, 25))):
        operation = draw(st.sampled_from("+++++-**"))
        # mostly the latest result, so that there are chains
        a, b = (draw(st.sampled_from([nodes[-1], *nodes]) | st.just(nodes[-1]) | numbers) for _ in range(2))
        a = a if isinstance(a, Value) or isinstance(b, Value) else nodes[-1]
        nodes.append(a + b if operation == "+" else a - b if operation == "-" else a * b)
    outputs = [nodes[-1], *draw(st.lists(st.sampled_from(nodes[len(leaves) :]), max_size=2))]
    return leaves, outputs


def bits(numbers: Any) -> list[bytes]:
    return [struct.pack("d", x) if x == x else b"nan" for x in numbers]


@given(sums(), st.data())
def test_the_numbers_stay_to_the_last_bit(drawn: tuple[list[Value], list[Value]], data: st.DataObject) -> None:
    leaves, outputs = drawn
    count = data.draw(st.integers(0, len(leaves)))
    steps, parameters = tape(outputs, leaves[:count])
    shorter = chained(steps)
    assert len(shorter.steps) <= len(steps.steps)
    row, numbers = [leaf.data for leaf in leaves[:count]], [parameter.data for parameter in parameters]
    expected = [output.data for output in outputs]
    (found,) = Plain(shorter).forward([row], numbers)
    assert bits(found if len(outputs) > 1 else [found]) == bits(expected)


@given(sums(st.integers(-3, 3).map(float)))
def test_gradients_of_whole_numbers_stay(drawn: tuple[list[Value], list[Value]]) -> None:
    _, outputs = drawn
    steps, parameters = tape(outputs[:1], [])
    numbers = [parameter.data for parameter in parameters]
    gradients = [Plain(one).backward([[]], numbers)[1] for one in (steps, chained(steps))]
    if all(abs(x) < 2**40 for x in gradients[0]):  # whole numbers are added in any order alike
        assert gradients[0] == gradients[1]


def test_a_chain_is_one_step() -> None:
    ws, xs, b, c = [Value(0.1 * i) for i in range(5)], [Value(1.0 - i) for i in range(5)], Value(2.0), Value(3.0)
    for written, steps in [
        (b + ws[0] * xs[0], 1),
        (sum(w * x for w, x in zip(ws, xs, strict=True)), 1),
        (sum((w * x for w, x in zip(ws, xs, strict=True)), b) + c, 2),
        (sum(xs) - b, 1),
        (ws[0] * xs[0] + b, 2),
        (b - ws[0] * xs[0], 2),
        (c * (b + xs[0] - xs[1] + ws[0] * xs[2] + xs[3] * ws[1]), 3),
        (mg.tanh(sum(xs)) + sum(xs), 3),
    ]:
        assert len(chained(tape([written], [])[0]).steps) == steps


def test_a_sum_that_is_used_twice_stays() -> None:
    xs = [Value(0.5 * i) for i in range(6)]
    half = xs[0] + xs[1] + xs[2]
    steps, _ = tape([half + xs[3] + xs[4] + half, half], [])
    assert [step.rule.name for step in chained(steps).steps] == ["dot", "dot"]


def test_a_program_written_with_sums_rolls_as_short_as_one_with_dot() -> None:
    lengths = []
    for dot in (gpt.plain_dot, mg.dot):
        steps, _ = tape([gpt.loss(gpt.parameters(Value), [0, 5, 13, 1, 0], gpt.Operations(dot=dot))], [])
        lengths.append(len(roll(chained(steps)).instructions))
    assert lengths[0] == lengths[1] < 70
