"""Seconds for a training step by the size of the network, here and by others: from which size on which is faster."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

import microgrannd as mg

from .compiled import epoch_of_fit
from .timing import installed, medians

#: A step of gradient descent on the mean squared error of MLP(8, [n, n, 1]) with relu, on 32 rows.
INPUTS, WIDTHS, COUNT, RATE = 8, [2, 4, 8, 16, 32, 64, 128], 32, 0.01

HEADER = (
    "| parameters | Python | numba | recorded | micrograd | NumPy | PyTorch | JAX |\n|---|---|---|---|---|---|---|---|"
)

#: The most parameters for which a step takes seconds, not minutes.
MOST_RECORDED, MOST_MICROGRAD = 5_000, 1_500


def lines() -> Iterator[str]:
    """The lines of the table, the libraries taking turns for each size."""
    for width in WIDTHS:
        size = sum((nin + 1) * nout for nin, nout in pairwise(shape(width)))
        works = [partial(work, width) for work in columns(size) if work]
        taken = iter(medians(*works, repeat=20 if size < MOST_MICROGRAD else 10))
        cells = [duration(next(taken)) if work else "" for work in columns(size)]
        yield f"| {size:,} | {' | '.join(cells)} |"


def columns(size: int) -> list[Callable[[int], Callable[[], Any]] | None]:
    """What to measure for each column; None where it is not installed, or would take too long."""
    return [
        partial(in_fit, "python"),
        partial(in_fit, "numba") if installed("numba", "numba") else None,
        partial(recorded, "microgrannd") if size <= MOST_RECORDED else None,
        partial(recorded, "micrograd") if size <= MOST_MICROGRAD else None,
        in_numpy if installed("numpy", "NumPy") else None,
        in_torch if installed("torch", "PyTorch") else None,
        in_jax if installed("jax", "JAX") else None,
    ]


def duration(seconds: float) -> str:
    """Two digits, in the unit that suits.

    >>> duration(0.00001234), duration(0.0234), duration(3.456)
    ('12 µs', '23 ms', '3.5 s')
    """
    unit, factor = next((pair for pair in (("s", 1), ("ms", 1e3)) if seconds * pair[1] >= 0.995), ("µs", 1e6))
    number = seconds * factor
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:,.0f} {unit}"


def seconds(duration: str) -> float:
    """What `duration` wrote.

    >>> seconds("12 µs"), seconds("3.5 s")
    (1.2e-05, 3.5)
    """
    number, unit = duration.split()
    return float(number.replace(",", "")) / {"s": 1.0, "ms": 1e3, "µs": 1e6}[unit]


def shape(width: int) -> list[int]:
    return [INPUTS, width, width, 1]


def rows() -> tuple[list[list[float]], list[float]]:
    rng = random.Random(0)
    X = [[rng.uniform(-1, 1) for _ in range(INPUTS)] for _ in range(COUNT)]
    return X, [sum(x * x for x in row) for row in X]


def weights(width: int) -> list[list[list[float]]]:
    """Of each layer the neurons, each of these a weight for each input, and a bias."""
    rng = random.Random(0)
    return [
        [[*(rng.gauss(0, nin**-0.5) for _ in range(nin)), 0.0] for _ in range(nout)]
        for nin, nout in pairwise(shape(width))
    ]


def network(package: str, width: int) -> Any:
    """An MLP of micrograd or this library, with these weights."""
    model = import_module(f"{package}.nn").MLP(INPUTS, shape(width)[1:])
    for layer, drawn in zip(model.layers, weights(width), strict=True):
        for neuron, numbers in zip(layer.neurons, drawn, strict=True):
            for value, number in zip([*neuron.w, neuron.b], numbers, strict=True):
                value.data = number
    return model


def in_fit(backend: str, width: int) -> Callable[[], float]:
    model = network("microgrannd", width)
    return epoch_of_fit(model, *rows(), mg.mse, mg.SGD(model.parameters(), lr=RATE), backend)


def recorded(package: str, width: int) -> Callable[[], float]:
    """The loop as micrograd's demo has it."""
    model, (X, y) = network(package, width), rows()

    def step() -> float:
        losses = [(model(row) - target) ** 2 for row, target in zip(X, y, strict=True)]
        loss = sum(losses) * (1.0 / COUNT)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return loss.data  # type: ignore[no-any-return]

    return step


def in_numpy(width: int) -> Callable[[], float]:
    """Both passes written out, on all rows at once."""
    np = import_module("numpy")
    X, y = map(np.array, rows())
    drawn = [np.array(layer) for layer in weights(width)]
    parts = [(layer[:, :-1].copy(), layer[:, -1].copy()) for layer in drawn]

    def step() -> float:
        values = [X]
        for w, b in parts[:-1]:
            values.append(np.maximum(values[-1] @ w.T + b, 0.0))
        w, b = parts[-1]
        error = values[-1] @ w.T + b - y[:, None]
        delta = error * (2.0 / COUNT)
        for (w, b), x in zip(reversed(parts), reversed(values), strict=True):
            d_w, d_b, delta = delta.T @ x, delta.sum(0), delta @ w * (x > 0)
            w -= RATE * d_w
            b -= RATE * d_b
        return float((error * error).mean())

    return step


def in_torch(width: int) -> Callable[[], float]:
    torch = import_module("torch")
    torch.set_num_threads(1)
    X, y = (torch.tensor(numbers, dtype=torch.float64) for numbers in rows())
    layers = [torch.nn.Linear(nin, nout, dtype=torch.float64) for nin, nout in pairwise(shape(width))]
    with torch.no_grad():
        for layer, neurons in zip(layers, weights(width), strict=True):
            drawn = torch.tensor(neurons, dtype=torch.float64)
            layer.weight.copy_(drawn[:, :-1])
            layer.bias.copy_(drawn[:, -1])
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(X).squeeze(1), y)
        loss.backward()
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    return step


def in_jax(width: int) -> Callable[[], float]:
    """Gradients and the step in one jitted function of all rows at once."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    np = jax.numpy
    X, y = map(np.array, rows())
    drawn = [np.array(layer) for layer in weights(width)]
    state = [(layer[:, :-1].T, layer[:, -1]) for layer in drawn]

    def loss(state: Any) -> Any:
        values = X
        for w, b in state[:-1]:
            values = jax.nn.relu(values @ w + b)
        w, b = state[-1]
        return ((values @ w + b - y[:, None]) ** 2).mean()

    @jax.jit
    def update(state: Any) -> Any:
        found, gradients = jax.value_and_grad(loss)(state)
        return found, jax.tree.map(lambda p, g: p - RATE * g, state, gradients)

    def step() -> float:
        nonlocal state
        found, state = update(state)
        return float(found)

    return step
