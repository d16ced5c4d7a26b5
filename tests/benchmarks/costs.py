"""What training costs a row, a parameter and a message, and from which size on PyTorch is the better choice."""

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

from .compiled import digits_network, digits_rows, epoch_of_fit
from .timing import apart, installed, medians

HEADER = "| digits, 64-32-10 | Python | numba | PyTorch, one thread |\n|---|---|---|---|"

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
    """Gradients of so many rows, and a step of Adam, inside of `fit`."""
    if backend == "torch":
        return torch_step(width, count)
    model = mg.MLP(64, [width, 10], activation="tanh", init="xavier", seed=0)
    rows = digits_like(count)
    X, y = [row[:64] for row in rows], [row[64:].index(1.0) for row in rows]
    return epoch_of_fit(model, X, y, mg.cross_entropy, mg.Adam(model.parameters()), backend)


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
    """A step of Adam, inside of `fit`."""
    if backend != "torch":
        model = mg.MLP(64, [width, 10], seed=0)
        settled = (optimizer := mg.Adam(model.parameters())).settled()
        assert settled is not None
        runner: Any = mg.compile(mg.sum(model.parameters()), [], backend)._runner
        zeros, ones = ([number] * len(optimizer.params) for number in (0.0, 1.0))
        given = runner.vector(ones), runner.vector(ones), runner.vectors([zeros, zeros])
        return partial(runner.update(settled.update), *given, settled.numbers(optimizer, 0.001, 1.0))
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
        typical = []
        for count in (0, 100_000):
            times = []
            for _ in range(60):
                start = time.perf_counter()
                executor.submit(echo, bytes(8 * count), count).result()
                times.append(time.perf_counter() - start)
            typical.append(median(times))
    return [typical[0], (typical[1] - typical[0]) / 100_000]


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
            return (
                f"at {parameters(width)} parameters already"
                if width == WIDTHS[0]
                else f"from {parameters(width):,} parameters on"
            )
    return f"above {parameters(WIDTHS[-1]):,} parameters"


def lines() -> Iterator[str]:
    """The lines of the table, of the network 64-32-10 (2,410 parameters) where nothing else is said."""
    if not all([installed("numba", "numba"), installed("torch", "PyTorch"), installed("sklearn", "scikit-learn")]):
        return
    short, long = ([medians(*works(step, width, count), repeat=20) for width in WIDTHS] for count in (FEW, MANY))
    width = WIDTHS.index(32)
    rows = [(many - few) / (MANY - FEW) / parameters(32) for many, few in zip(long[width], short[width], strict=True)]
    yield row("a row, forward and backward, for each parameter", [f"{taken * 1e9:.2g} ns" for taken in rows])
    updates = [taken / parameters(32) for taken in medians(*works(update, 32), repeat=200)]
    yield row("a step of Adam, for each parameter", [f"{taken * 1e9:.0f} ns" for taken in updates])
    empty, each = apart(messages)
    message = f"{empty * 1e6:.0f} µs + {each * 1e9:.0f} ns for each parameter"
    yield row("a message to a worker, and the gradient of a block of 64 rows back", [message, message, ""])
    for size in (128, 512, ALL):
        ratios = [one / two for one, two in (apart(epochs, backend, size) for backend in BACKENDS[:2])]
        yield row(f"two processes against one, {size:,} rows a step", [*(f"{ratio:.2f} ×" for ratio in ratios), ""])
    for count, measured in ((FEW, short), (MANY, long)):
        *ours, theirs = zip(*measured, strict=True)
        yield row(f"PyTorch is faster, at {count} rows a step", [*(crossing(one, theirs) for one in ours), ""])


def works(work: Any, *arguments: int) -> list[Any]:
    return [partial(work, backend, *arguments) for backend in BACKENDS]


def row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
