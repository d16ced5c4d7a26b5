"""What training costs a row, a parameter and a message, and from which size on PyTorch is the better choice.

``python -m tests.benchmarks.costs`` prints the README's table.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from statistics import median
from typing import Any

import microgrannd as mg
from microgrannd import Value

from .compiled import digits_network, digits_rows
from .timing import apart, installed, medians

HEADER = "| | Python | numba | PyTorch, one thread |\n|---|---|---|---|"

#: Widths of the hidden layer of MLP(64, [width, 10]): from 85 to 4,810 parameters.
WIDTHS = [1, 2, 4, 8, 16, 32, 64]
BACKENDS = ["python", "numba", "torch"]
FEW, MANY, ALL = 32, 512, 1797


def parameters(width: int) -> int:
    return 65 * width + (width + 1) * 10


def digits_like(count: int) -> list[list[float]]:
    """Rows of 64 numbers and a class of ten, one-hot."""
    rng = random.Random(0)
    classes = [[float(i == j) for j in range(10)] for i in range(10)]
    return [[*(rng.random() for _ in range(64)), *rng.choice(classes)] for _ in range(count)]


def step(backend: str, width: int, count: int) -> Callable[[], Any]:
    """Gradients of so many rows, and a step of Adam."""
    if backend == "torch":
        return torch_step(width, count)
    model = mg.MLP(64, [width, 10], activation="tanh", init="xavier", seed=0)
    inputs = [Value(0.5) for _ in range(74)]
    program = mg.compile(mg.cross_entropy(model(inputs[:64]), inputs[64:]), inputs, backend, model)
    rows = digits_like(count)
    rows = import_module("numpy").array(rows) if backend == "numba" else rows
    optimizer = mg.Adam(model.parameters())

    def run() -> None:
        optimizer.zero_grad()
        program.backward(rows)
        optimizer.step()

    return run


def torch_step(width: int, count: int) -> Callable[[], Any]:
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = torch.tensor(digits_like(count))
    inputs, targets = rows[:, :64], rows[:, 64:]
    model = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.Tanh(), torch.nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters())

    def run() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return run


def update(backend: str, width: int) -> Callable[[], Any]:
    """A step of Adam."""
    if backend != "torch":
        return mg.Adam(mg.MLP(64, [width, 10], seed=0).parameters()).step
    torch = import_module("torch")
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.Tanh(), torch.nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 64)).sum().backward()
    return optimizer.step  # type: ignore[no-any-return]


def echo(message: bytes, count: int) -> list[list[float]]:
    """In a worker: as many numbers as a block's gradient."""
    return [[0.1] * count]


def messages() -> list[float]:
    """Seconds for a message to a worker and back: with nothing in it, and for each of many parameters."""
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        found = []
        for count in (0, 100_000):
            times = []
            for _ in range(60):
                start = time.perf_counter()
                executor.submit(echo, bytes(8 * count), count).result()
                times.append(time.perf_counter() - start)
            found.append(median(times))
    return [found[0], (found[1] - found[0]) / 100_000]


def epochs(backend: str, batch_size: int, count: int = 5, turns: int = 5) -> list[float]:
    """Seconds for some epochs on the digits, with one process and with two, in turns."""
    X, y = digits_rows()

    def train(executor: Any) -> float:
        model = digits_network()
        history = mg.fit(
            model, X, y, loss=mg.cross_entropy, optimizer=mg.Adam(model.parameters(), 0.01), epochs=count + 1, seed=0,
            batch_size=batch_size, executor=executor, compile=backend, progress=False,
        )  # fmt: skip
        return sum(history.seconds[1:])  # in the first, rows travel

    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        train(executor)
        times = [(train(None), train(executor)) for _ in range(turns)]
    return [median(taken) for taken in zip(*times, strict=True)]


def crossing(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """From how many parameters on theirs takes less."""
    for width, one, other in zip(WIDTHS, ours, theirs, strict=True):
        if other < one:
            return f"{'' if width == WIDTHS[0] else 'from '}{parameters(width):,}{' or fewer' * (width == WIDTHS[0])}"
    return f"above {parameters(WIDTHS[-1]):,}"


def lines() -> Iterator[str]:
    """The lines of the table, for the network 64-32-10 (2,410 parameters) where nothing else is said."""
    if not all([installed("numba", "numba"), installed("torch", "PyTorch"), installed("sklearn", "scikit-learn")]):
        return
    few = [medians(*(partial(step, backend, width, FEW) for backend in BACKENDS), repeat=20) for width in WIDTHS]
    large = WIDTHS.index(32)
    many = medians(*(partial(step, backend, 32, MANY) for backend in BACKENDS), repeat=20)
    rows = [(long - short) / (MANY - FEW) for long, short in zip(many, few[large], strict=True)]
    yield row("a row, forward and backward", (f"{taken * 1e6:.2g} µs" for taken in rows))
    yield row("– for each parameter", (f"{taken / parameters(32) * 1e9:.2g} ns" for taken in rows))
    steps = medians(*(partial(update, backend, 32) for backend in BACKENDS), repeat=200)
    yield row("a step of Adam", (f"{taken * 1e6:.2g} µs" for taken in steps))
    yield row("– for each parameter", (f"{taken / parameters(32) * 1e9:.2g} ns" for taken in steps))
    empty, each = apart(messages)
    yield row("a message to a worker and back", [f"{empty * 1e6:.2g} µs"] * 2 + [""])
    yield row("– for each parameter, for each block", [f"{each * 1e9:.2g} ns"] * 2 + [""])
    for size in (128, 512, ALL):
        ratios = [one / two for one, two in (apart(epochs, backend, size) for backend in BACKENDS[:2])]
        name = f"two processes against one, batches of {size:,} digits"
        yield row(name, [*(f"{ratio:.2f} ×" for ratio in ratios), ""])
    for count, times in ((FEW, few), (MANY, None)):
        found = times or [
            medians(*(partial(step, backend, width, count) for backend in BACKENDS), repeat=6) for width in WIDTHS
        ]
        ours = zip(*found, strict=True)
        theirs = [one[-1] for one in found]
        cells = [f"{crossing(one, theirs)} parameters" for one in list(ours)[:2]]
        yield row(f"go on to PyTorch, at {count} rows a step,", [*cells, ""])


def row(name: str, cells: Any) -> str:
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(HEADER)
    for line in lines():
        print(line, flush=True)
