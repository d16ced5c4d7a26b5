"""Rolled tapes: run as they are written down, they give the numbers of the eager engine; and they are short."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.roll import Access, Instruction, Rolled, roll
from microgrannd.compiler.tape import tape
from microgrannd.testing import expressions
from microgrannd.testing.strategies import Expression
from tests.benchmarks import gpt
from tests.helpers import EDGES, eagerly, networks, root, rounding, squash


class Run:
    """A rolled tape run for one row, step by step."""

    def __init__(self, rolled: Rolled, row: Sequence[float], parameters: Sequence[float]) -> None:
        self.rolled = rolled
        self.fixed = [*(parameters[number] for number in rolled.parameters), *rolled.constants]
        self.cells = [*row, *[math.nan] * (rolled.cells - len(row))]
        self.fixed_gradients, self.gradients = [0.0] * len(self.fixed), [0.0] * len(self.cells)
        for instruction in rolled.instructions:
            for step in range(instruction.steps):
                self.cells[instruction.result.starts[step]] = instruction.rule.ieee_value(
                    *self.operands(instruction, step)
                )

    def operands(self, instruction: Instruction, step: int) -> list[Any]:
        return [self.read(operand, step) for operand in instruction.operands]

    def read(self, operand: Access, step: int) -> Any:
        memory = self.fixed if operand.fixed else self.cells
        numbers = [memory[address] for address in where(operand, step)]
        return numbers[0] if operand.offsets is None else numbers

    def backward(self) -> list[float]:
        (output,) = self.rolled.outputs
        self.gradients[output] = 1.0
        for instruction in reversed(self.rolled.instructions):
            for step in range(instruction.steps):
                result = instruction.result.starts[step]
                given = [*self.operands(instruction, step), self.cells[result]]
                for operand, partial in zip(instruction.operands, instruction.rule.ieee_partials, strict=True):
                    self.share(operand, step, partial(*given), self.gradients[result])
        found = dict(zip(self.rolled.parameters, self.fixed_gradients, strict=False))
        return [found[number] for number in range(len(found))]

    def share(self, operand: Access, step: int, partials: Any, gradient: float) -> None:
        memory = self.fixed_gradients if operand.fixed else self.gradients
        rows = [partials] if operand.offsets is None else partials
        if operand.gets_gradient:
            for address, partial in zip(where(operand, step), rows, strict=True):
                memory[address] += partial * gradient


def where(operand: Access, step: int) -> list[int]:
    return [operand.starts[step] + offset for offset in (operand.offsets if operand.offsets is not None else [0])]


@given(expressions(max_size=25, max_inputs=6, include=[squash, root]), st.data())
def test_random_graphs_agree_with_the_eager_engine(expression: Expression, data: st.DataObject) -> None:
    point = expression.inputs
    count = data.draw(st.integers(0, len(point)))
    leaves = [Value(x) for x in point]
    steps, parameters = tape([expression(*leaves)], leaves[:count])
    rolled = roll(steps)
    cells = st.one_of(st.sampled_from(EDGES), st.floats(-3, 3))
    for row in [point[:count], data.draw(st.tuples(*[cells] * count).map(list))]:
        expected = eagerly(expression, row, point[count:])
        if isinstance(expected, tuple):
            continue  # a row that the engine refuses
        run = Run(rolled, row, [parameter.data for parameter in parameters])
        gradients = dict(zip(parameters, run.backward(), strict=True))
        found = [run.cells[rolled.outputs[0]], *(gradients.get(leaf, 0.0) for leaf in leaves[count:])]
        for a, b, error in zip(found, expected, rounding(expression, row, point[count:]), strict=True):
            assert a == pytest.approx(b, rel=1e-12, abs=error, nan_ok=True)


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_addresses_are_given_once_and_results_before_they_are_used(seed: int) -> None:
    rng = random.Random(seed)
    values = [Value(float(i)) for i in range(rng.randint(2, 6))]
    inputs = values[: rng.randint(0, len(values))]
    for _ in range(rng.randint(1, 60)):
        some = [rng.choice([*values, 0.5, 2.0]) for _ in range(rng.randint(1, 5))]
        values.append(
            rng.choice([mg.sum, mg.mean, lambda vs: mg.dot(vs, vs[::-1]), lambda vs: vs[0] * vs[-1]])(
                [*some, values[-1]]
            )
        )
    rolled = roll(tape([values[-1], values[0]], inputs)[0])
    filled = set(range(rolled.inputs))
    for instruction in rolled.instructions:
        results = {address for step in range(instruction.steps) for address in where(instruction.result, step)}
        assert filled.isdisjoint(results)
        for operand in instruction.operands:
            used = {address for step in range(instruction.steps) for address in where(operand, step)}
            assert used <= (set(range(len(rolled.parameters) + len(rolled.constants))) if operand.fixed else filled)
        assert len(results) == instruction.steps
        filled |= results
    assert filled == set(range(rolled.cells))
    assert filled.issuperset(rolled.outputs)


def test_a_layer_is_one_instruction_with_strides() -> None:
    model, row = mg.MLP(5, [7, 1], seed=0), [Value(0.1) for _ in range(5)]
    rolled = roll(tape([model(row)], row)[0])
    assert [(one.rule.name, one.steps) for one in rolled.instructions] == [("dot", 7), ("relu", 7), ("dot", 1)]
    weights, inputs, biases = rolled.instructions[0].operands
    assert weights == Access("parameter", range(0, 31, 5), range(5))
    assert inputs == Access("input", (0,) * 7, range(5))
    assert biases == Access("parameter", range(42, 49))


def test_numbers_of_both_memories_in_one_sequence_are_copied() -> None:
    x, w = Value(0.5), Value(2.0)
    rolled = roll(tape([mg.sum([x, w, 3.0])], [x])[0])
    assert [(one.rule.name, one.operands[0].kind) for one in rolled.instructions] == [
        ("copied", "parameter"), ("copied", "constant"), ("sum", "result"),
    ]  # fmt: skip
    assert Run(rolled, [0.5], [2.0]).backward() == [1.0]


def test_what_depends_on_inputs_alone_gets_no_gradient() -> None:
    x, w = Value(0.5), Value(2.0)
    rolled = roll(tape([(1 - 2 * x) * w], [x])[0])
    assert [one.result.kind for one in rolled.instructions] == ["input", "input", "result"]


@pytest.mark.parametrize("dot", [gpt.plain_dot, mg.dot])
def test_a_gpt_rolls_to_few_instructions(dot: Any) -> None:
    steps, _ = tape([gpt.loss(gpt.parameters(Value), [0, 5, 13, 13, 1, 0], gpt.Operations(dot=dot))], [])
    assert len(roll(steps).instructions) < 400


def seconds(size: int) -> float:
    x, w = Value(0.5), Value(0.9)
    values = [x + i for i in range(100)]
    with mg.paused_gc():
        for _ in range(size // 200):
            values = [mg.tanh(a * w + b) for a, b in zip(values, values[1:] + values[:1], strict=True)]
        steps, _ = tape([mg.sum(values)], [x])
        start = time.process_time()
        roll(steps)
        return time.process_time() - start


@pytest.mark.slow
def test_the_time_grows_with_the_number_of_steps() -> None:
    small, large = min(seconds(10_000) for _ in range(3)), seconds(300_000)
    assert large < 30 * small * 3  # more of it is outside of a processor's caches


@pytest.mark.parametrize(("model", "loss"), networks())
def test_networks(model: Any, loss: Any) -> None:
    nin, nout = model.options()["nin"], model.options()["nouts"][-1]
    row = [0.01 * i - 0.3 for i in range(nin)] + [float(i == 0) for i in range(nout)]
    inputs = [Value(x) for x in row]
    output = loss(model(inputs[:nin]), inputs[nin:] if nout > 1 else inputs[nin])
    steps, parameters = tape([output], inputs)
    run = Run(roll(steps), row, [parameter.data for parameter in parameters])
    output.backward()
    assert run.backward() == pytest.approx([parameter.grad for parameter in parameters], rel=1e-12, abs=1e-15)
