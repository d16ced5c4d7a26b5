"""How the cost of compiled programs grows with rows, parameters and nodes: the time for each stays the same, or not."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import microgrannd as mg
from microgrannd import Value

from .timing import apart, installed

HEADER = (
    "| compiled | of | compile | an operation | backward | for each | of the first |\n|---|---|---|---|---|---|---|"
)

#: A recorded output, its inputs, rows for them.
Recorded = tuple[Value, list[Value], list[list[float]]]


def lines() -> Iterator[str]:
    """The lines of the table, those of a kind measured in turn, each in a process of its own."""
    yield from decades("MLP(2, [8, 8, 1])", "row", [(n, n, partial(network, 2, 8, n)) for n in powers(1, 4)])
    widths = [5, 26, 94, 310]
    sizes = [sum(nin * nout + nout for nin, nout in [(10, w), (w, w), (w, 1)]) for w in widths]
    works = [(size, 32 * size, partial(network, 10, w, 32)) for size, w in zip(sizes, widths, strict=True)]
    yield from decades("MLP(10, [n, n, 1]), 32 rows", "parameter", works)
    yield from decades("a random graph", "node", [(n, n, partial(graph, n)) for n in powers(3, 5)])
    if installed("numba", "numba"):
        for name, made in (("a random graph", graph), ("layers of 100", layers)):
            works = [(n, n, partial(made, n)) for n in powers(3, 6)]
            yield from decades(f"{name}, by numba", "node", works, "numba")


def powers(first: int, last: int) -> list[int]:
    return [10**exponent for exponent in range(first, last + 1)]


def decades(
    what: str, unit: str, works: Sequence[tuple[int, int, Callable[[], Recorded]]], backend: str = "python"
) -> Iterator[str]:
    """A line for each size: how much of the unit there is, by how much the time is divided, what is recorded."""
    results = [[apart(times, work, backend) for _, _, work in works] for _ in range(2)]
    first = None
    for (size, divisor, _), *turns in zip(works, *results, strict=True):
        operations = turns[0].operations
        running = statistics.median(taken for turn in turns for taken in turn.running)
        compiling = statistics.fmean(turn.compiling for turn in turns)
        each = running / divisor
        first = first or each
        yield (
            f"| {what} | {size:,} {unit}s | {compiling * 1e3:,.0f} ms | {compiling / operations * 1e6:.0f} µs "
            f"| {running * 1e3:,.2f} ms | {each * 1e9:,.0f} ns a {unit}{' and row' * (unit == 'parameter')} "
            f"| {each / first:.2f} × |"
        )


class Times(NamedTuple):
    """The seconds that it took to compile so many operations and run them once, and to run backward, several times."""

    operations: int
    compiling: float
    running: list[float]


def times(work: Callable[[], Recorded], backend: str) -> Times:
    """Compile what is recorded, and run it for half a second; numba's functions were compiled before."""
    with mg.paused_gc():
        output, inputs, rows = work()
    if backend == "numba":
        mg.compile(output, inputs, backend).backward(rows[:1])
    start = time.perf_counter()
    program = mg.compile(output, inputs, backend)
    program.backward(rows[:1])
    compiling = time.perf_counter() - start
    runs: list[float] = []
    while len(runs) < 5 or sum(runs) < 0.5:
        start = time.perf_counter()
        program.backward(rows)
        runs.append(time.perf_counter() - start)
    return Times(len(program.tape.steps), compiling, runs)


def network(nin: int, width: int, count: int) -> Recorded:
    """The squared output of a network of two hidden layers, and so many rows."""
    inputs = [Value(0.5) for _ in range(nin)]
    output = mg.MLP(nin, [width, width, 1], activation="tanh", init="xavier", seed=0)(inputs)
    rng = random.Random(0)
    return output * output, inputs, [[rng.uniform(-1, 1) for _ in inputs] for _ in range(count)]


def graph(size: int) -> Recorded:
    """So many operations, each on the result of the last one and one of the twenty before it."""
    rng = random.Random(0)
    operations: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: mg.sin(a), lambda a, b: mg.tanh(a),
    ]  # fmt: skip
    values = [Value(0.1 * i - 0.45) for i in range(10)]
    inputs = values[:5]
    for _ in range(size):
        values.append(rng.choice(operations)(values[-1], values[-rng.randint(2, 20) :][0]))
    return values[-1], inputs, [[0.1, 0.2, 0.3, 0.4, 0.5]]


def layers(size: int) -> Recorded:
    """About so many operations on rows of a hundred numbers."""
    x, w = Value(0.5), Value(0.9)
    values = [x * i for i in range(100)]
    for _ in range(max(1, size // 300)):
        values = [mg.tanh(a * w + b) for a, b in zip(values, values[1:] + values[:1], strict=True)]
    return mg.sum(values), [x], [[0.5]]
