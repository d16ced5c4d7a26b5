"""The eager engine beside micrograd, PyTorch's eager scalars, and a GPT with a Value of its own."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import microgrannd as mg
from microgrannd import data

from . import gpt
from .timing import Row, installed, medians

OURS, MICROGRAD, TORCH, OWN = "microgrannd.engine", "micrograd.engine", "torch", "tests.benchmarks.gpt"


def rows() -> Iterator[Row]:
    """All rows, measured one after the other."""
    yield moons()
    yield from expressions()
    yield from transformer()
    yield from memory()
    yield from chain()


def leaf(module: str) -> Callable[[float], Any]:
    """What makes a Value of a module."""
    if module == TORCH:
        torch = import_module(module)
        torch.set_num_threads(1)
        return partial(torch.tensor, dtype=torch.float64, requires_grad=True)
    return import_module(module).Value  # type: ignore[no-any-return]


def moons() -> Row:
    """A step of micrograd's demo: MLP(2, [16, 16, 1]), 100 points, hinge loss with a penalty on the weights."""
    ours, theirs = medians(partial(moons_step, "microgrannd"), partial(moons_step, "micrograd"))
    return Row(
        "moons step, eager", "micrograd", theirs / ours, 50, f"{ours * 1e3:.1f} ms against {theirs * 1e3:.0f} ms"
    )


def moons_step(package: str) -> Callable[[], float]:
    value = leaf(f"{package}.engine")
    points, labels = data.moons(100, noise=0.1, seed=1337)
    random.seed(1337)
    model = import_module(f"{package}.nn").MLP(2, [16, 16, 1])

    def step() -> float:
        scores = [model([value(x) for x in point]) for point in points]
        losses = [(1 + (1 - 2 * label) * score).relu() for label, score in zip(labels, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses))
        total = loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        return loss.data  # type: ignore[no-any-return]

    return step


def expressions() -> Iterator[Row]:
    """Random expressions of 1,000 operations, beside micrograd and PyTorch."""
    peers = [("micrograd", MICROGRAD, 6), ("PyTorch eager scalars", TORCH, 8)]
    if not installed(TORCH, "PyTorch"):
        del peers[1]
    ours, *theirs = medians(partial(programs, OURS), *(partial(programs, module) for _, module, _ in peers), repeat=14)
    for (peer, _, least), taken in zip(peers, theirs, strict=True):
        yield Row("random expression, build + backward", peer, taken / ours, least, f"{ours / 5e-6:.0f} ns a node")


def programs(module: str) -> Callable[[], None]:
    """Five random expressions of statements on what stands before them, each result used about twice."""
    make = leaf(module)
    functions = []
    for seed in range(5):
        rng = random.Random(seed)
        lines = [f"v{i} = make({0.1 * i - 0.45})" for i in range(10)]
        for i in range(10, 1010):
            a, b = (f"v{rng.randrange(max(0, i - 20), i)}" for _ in "ab")
            lines.append(f"v{i} = " + rng.choice([f"{a} + {b}", f"{a} * {b}", f"{a} - {b}", f"{a}.relu()"]))
        lines.append(f"({' + '.join(f'v{i}' for i in range(990, 1010))}).backward()")
        namespace = {"make": make}
        exec("def expression():\n    " + "\n    ".join(lines), namespace)
        functions.append(namespace["expression"])

    def run() -> None:
        for function in functions:
            function()

    return run


def transformer() -> Iterator[Row]:
    """A step of a small GPT with the Value exchanged; then without the collector; then with dot nodes.

    More than half of the time of its own Value is the collector's, to which it leaves each graph, in a cycle: so the
    ratios depend on the machine's memory. With the collector off on both sides, ours takes two thirds of the time. Of
    the 240 ns of an operation here, 100 make and free the object; to leave out the check for no_grad, the label, the
    mark of backward or the depth would save from 4 to 25 each.
    """
    works = [
        partial(gpt_step, OWN),
        partial(gpt_step, OURS),
        partial(gpt_step, OURS, paused=True),
        partial(gpt_step, OURS, dots=True),
    ]
    peer, swapped, paused, dots = medians(*works, repeat=32)
    yield Row(
        "GPT step, only the Value exchanged",
        "its own Value",
        peer / swapped,
        1.75,
        f"{swapped * 1e3:.0f} ms against {peer * 1e3:.0f} ms",
    )
    yield Row("the same in paused_gc()", "its own Value", peer / paused, 3.25)
    yield Row("the same with mg.dot", "its own Value", peer / dots, 10)


def gpt_step(module: str, dots: bool = False, paused: bool = False) -> Callable[[], float]:
    steps = gpt.training(gpt.parameters(leaf(module)), gpt.Operations(dot=mg.dot) if dots else gpt.Operations())
    step = partial(next, steps)
    return mg.paused_gc()(step) if paused else step


def memory() -> Iterator[Row]:
    """Bytes a recorded + or *, by tracemalloc."""
    for work, number in [("of two Values", False), ("of a Value and a number", True)]:
        ours, theirs = bytes_a_node(leaf(OURS), number), bytes_a_node(leaf(MICROGRAD), number)
        yield Row(f"bytes a recorded + or ×, {work}", "micrograd", theirs / ours, 6, f"{ours:.0f} against {theirs:.0f}")


def bytes_a_node(make: Callable[[float], Any], number: bool) -> float:
    values: list[Any] = [None] * 20_000
    a = make(1.5)
    b = 0.5 if number else make(0.5)
    tracemalloc.start()
    for i in range(0, len(values), 2):
        values[i] = a * b
        values[i + 1] = values[i] + b
    taken = tracemalloc.get_traced_memory()[0] / len(values)
    tracemalloc.stop()
    return taken


def chain() -> Iterator[Row]:
    """Build, backward and free a chain: the time a node, with the collector paused and with it."""
    sizes = [10_000, 100_000, 1_000_000]
    for paused in True, False:
        base, *longer = medians(*(partial(chain_of, size, paused) for size in sizes), repeat=4)
        for size, taken in zip(sizes[1:], longer, strict=True):
            ratio, work = (
                base / sizes[0] / (taken / size),
                f"chain of {size:,} nodes, a node{', in paused_gc()' if paused else ''}",
            )
            yield Row(work, "chain of 10,000", ratio, 1 / 1.5, f"{taken / size * 1e9:.0f} ns")


def chain_of(size: int, paused: bool) -> Callable[[], None]:
    def work() -> None:
        x = value = mg.Value(1.0)
        for _ in range(size):
            value = value + x
        value.backward()

    return mg.paused_gc()(work) if paused else work
