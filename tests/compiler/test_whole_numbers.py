"""Whole numbers are constants: programs do not take them for what they compute, however many they compute."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.tape import Literal, Ref, tape

BACKENDS = {"python": (60, 40), "numba": (4, 3)}  # graphs and networks; many more among the slow tests


def random_graph(rng: random.Random, once: bool) -> tuple[Value, list[Value]]:
    """A graph with long sequences and constants from -5 to 200, and its leaves; each used once, or several times."""
    leaves = [Value(rng.uniform(-2, 2)) for _ in range(rng.randint(3, 12))]
    free = list(leaves)
    rng.shuffle(free)

    def operand(constants: float) -> Any:
        if not free or rng.random() < constants:
            return float(rng.randint(-5, 200))
        return free.pop() if once else rng.choice(free)

    def sequence(length: int) -> list[Any]:
        return [operand(0.9) for _ in range(length)]

    def long() -> Any:
        length = rng.choice([3, 100, 101, 130])
        return rng.choice(
            [
                lambda: mg.sum(sequence(length)),
                lambda: mg.mean(sequence(length)),
                lambda: mg.dot(sequence(length), sequence(length), operand(0.5)),
                lambda: mg.logsumexp([0.01 * x for x in sequence(length)]),
            ]
        )()

    def short() -> Any:
        return rng.choice(
            [
                lambda: operand(0.3) + operand(0.5),
                lambda: operand(0.1) * operand(0.5),
                lambda: mg.tanh(0.01 * operand(0.1)),
                lambda: mg.maximum(operand(0.1), operand(0.5)),
                lambda: mg.clip(operand(0.1), -3.0, 4.0),
            ]
        )()

    for _ in range(rng.randint(2, 10)):
        result = rng.choice([short, long])()
        if isinstance(result, Value):
            free.append(result * 0.015625)
    return mg.sum([*free, 0.5]), leaves


def random_network(rng: random.Random) -> tuple[Value, list[Value]]:
    """The loss of a row of a network with constants among its features, and the row's other cells."""
    nin, hidden = rng.randint(2, 6), rng.choice([2, 4, 9, 40])
    model = mg.MLP(nin, [hidden, rng.choice([1, 3])], activation="tanh", init="xavier", seed=rng.randrange(10**6))
    cells = [Value(rng.uniform(-1, 1)) for _ in range(nin)]
    row = [cell if rng.random() < 0.5 else float(rng.randint(-5, nin + hidden)) for cell in cells]
    output = model(row)
    if isinstance(output, list):
        return mg.cross_entropy(output, 1.0), cells
    return mg.binary_cross_entropy_with_logits(output, 1.0), cells


def assert_program_agrees(root: Value, leaves: Sequence[Value], backend: str, exact: bool) -> None:
    """Compare the value, and the gradients of all that are no inputs, with those of the eager engine."""
    inputs = list(leaves[::2])
    program = mg.compile(root, inputs, backend=backend)
    root.backward()
    expected = [root.data, *(parameter.grad for parameter in program.parameters)]
    for parameter in program.parameters:
        parameter.grad = 0.0
    computed = [program.backward([[x.data for x in inputs]]), *(parameter.grad for parameter in program.parameters)]
    if exact:
        assert computed == expected, program.source
    else:
        assert computed == pytest.approx(expected, rel=1e-12, abs=1e-12 * max(map(abs, expected))), program.source


def compare(backend: str, graphs: int, networks: int) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    plain = backend == "python" and sys.version_info < (3, 12)  # sums are compensated from there on
    for seed in range(graphs):
        once = seed % 2 == 0
        root, leaves = random_graph(random.Random(seed), once)
        assert_program_agrees(root, leaves, backend, plain and once)
    for seed in range(networks):
        assert_program_agrees(*random_network(random.Random(seed)), backend, exact=False)


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_graphs_and_networks_with_whole_numbers(backend: str) -> None:
    compare(backend, *BACKENDS[backend])


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "graphs", "networks"), [("python", 2000, 200), ("numba", 30, 5)])
def test_many_random_graphs_and_networks_with_whole_numbers(backend: str, graphs: int, networks: int) -> None:
    compare(backend, graphs, networks)


def test_a_constant_in_a_long_sequence_gets_no_gradient() -> None:
    w, z = Value(3.0), Value(5.0)
    mg.compile(mg.sum([w, z] + [1.0] * 98), []).backward([[]])
    assert (w.grad, z.grad) == (1.0, 1.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constant_feature_is_no_input(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    model, x = mg.MLP(3, [4, 1], activation="tanh", seed=0), [Value(0.3), Value(0.4), Value(1.0)]
    loss = mg.mse(model([x[0], x[1], 2.0]), x[2])
    program = mg.compile(loss, x, backend=backend)
    assert program.forward([[0.3, 0.4, 1.0]]) == pytest.approx([loss.data], rel=1e-15)
    assert "row[0:3.0]" not in program.source


@pytest.mark.parametrize("number", [0.0, -0.0, 1.0, math.nan, math.inf, 2.0**53])
def test_a_ref_is_unlike_any_number_and_constants_are_told_apart_by_their_bits(number: float) -> None:
    assert Ref(int(number) if math.isfinite(number) else 0) not in {number}
    assert number not in [Ref(0), Ref(1), Literal(number)]
    others = [other for other in (0.0, -0.0, 1.0, math.nan, math.inf, 2.0**53) if repr(other) != repr(number)]
    assert Literal(number) == Literal(number)
    assert Literal(number) not in {Literal(other) for other in others}


@pytest.mark.parametrize("build", [lambda x, zero: x * zero, lambda x, zero: mg.dot([x, x], [zero, 1.0])])
def test_zeros_of_both_signs_are_two_constants(build: Callable[[Value, float], Value]) -> None:
    x = Value(1.0)
    outputs = [build(x, 0.0), build(x, -0.0), build(x, math.nan), build(x, math.nan)]
    steps, _ = tape(outputs, [x])
    assert len(steps.steps) == 3
