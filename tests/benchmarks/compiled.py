"""Compiled programs beside micrograd, Python written by hand, NumPy, PyTorch, JAX and scikit-learn."""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from math import isclose
from tempfile import TemporaryDirectory
from typing import Any

import microgrannd as mg
from microgrannd import Value, data
from microgrannd._checks import required_pairs
from microgrannd._interrupts import Interrupts
from microgrannd.training.compiling import learner_for
from microgrannd.training.gradients import Compiled
from microgrannd.training.resident import Resident
from microgrannd.training.run import Run

from . import eager, peers
from .timing import Row, Work, apart, installed, medians, outcome

EPOCHS = 10_000
BATCH = 32


def rows() -> Iterator[Row]:
    """All rows, measured one after the other."""
    yield from moons()
    if installed("numba", "numba"):
        yield from machine_code()
    if installed("numpy", "NumPy"):
        yield from xor()
    if installed("sklearn", "scikit-learn"):
        yield from digits()


def moons() -> Iterator[Row]:
    """A step of micrograd's demo with its update, the penalty on the weights as their decay."""
    micrograd = partial(eager.moons_step, "micrograd")
    others: list[tuple[str, Work, float]] = [
        ("straight-line Python by hand", partial(peers.moons_by_hand, skipping=False), 0.9),
        ("Python by hand that skips what is 0", partial(peers.moons_by_hand, skipping=True), 0),
    ]
    if installed("torch", "PyTorch"):
        others.append(("PyTorch, all rows at once", peers.moons_in_torch, 0))
    if installed("jax", "JAX"):
        others.append(("JAX, all rows at once, jitted", peers.moons_in_jax, 0))
    works = [work for _, work, _ in others]
    losses = [apart(outcome, work, 3) for work in (moons_step, micrograd, *works)]
    assert all(isclose(loss, losses[0], rel_tol=1e-9) for loss in losses), losses
    ours, theirs = medians(partial(several, moons_step, 500), micrograd)
    yield moons_row("micrograd", ours / 500, theirs, 350)
    ours, *taken = medians(moons_step, *works, repeat=600, turns=6)
    for (peer, _, least), theirs in zip(others, taken, strict=True):
        yield moons_row(peer, ours, theirs, least)


def moons_row(peer: str, ours: float, theirs: float, least: float) -> Row:
    detail = f"{ours * 1e3:.2f} ms against {theirs * 1e3:.4g} ms"
    return Row("moons step, compiled", peer, theirs / ours, least, detail)


def machine_code() -> Iterator[Row]:
    """The same step by numba, its rows an array; and how long numba takes to compile it."""
    ours, plain = medians(partial(moons_step, "numba"), moons_step, repeat=600, turns=6)
    yield Row("moons step, by numba", "compiled", plain / ours, 0, f"{ours * 1e6:.0f} µs against {plain * 1e6:.0f} µs")
    if installed("torch", "PyTorch"):
        ours, theirs = medians(moons_fit, partial(several, peers.moons_in_torch, EPOCHS // 10), repeat=12, turns=4)
        ours, theirs = ours / EPOCHS, theirs / (EPOCHS // 10)
        detail = f"{ours * 1e6:.0f} µs against {theirs * 1e6:.0f} µs"
        yield Row("moons step through fit, by numba", "PyTorch, all rows at once", theirs / ours, 6, detail)
    with TemporaryDirectory() as folder:
        cold, warm = (apart(seconds_to_first_step, folder, partial(moons_step, "numba")) for _ in range(2))
    yield Row("its compilation by numba, without the import", "3 s", 3 / cold, 1, f"{cold:.2f} s; loaded {warm:.2f} s")
    for size in (10, 10_000, 100_000):
        with TemporaryDirectory() as folder:
            cold, warm = (apart(seconds_to_first_step, folder, partial(new_graph, size)) for _ in range(2))
        detail = f"{cold:.2f} s; loaded {warm:.2f} s"
        yield Row(f"first step of a new graph of {size:,} operations, by numba", "0.5 s", 0.5 / warm, 0, detail)
    if installed("sklearn", "scikit-learn"):
        (taken,) = medians(partial(digits_gradients, "numba", 1792), repeat=100)
        yield Row("gradients of 1,792 digits, by numba", "4 ms", 4e-3 / taken, 1, f"{taken * 1e3:.2f} ms")


def seconds_to_first_step(cache: str, work: Work) -> float:
    """The time until a work has been set up and has run once, with what numba compiled in this folder."""
    os.environ["XDG_CACHE_HOME"] = cache
    import_module("numba")
    start = time.perf_counter()
    work()()
    return time.perf_counter() - start


def new_graph(size: int) -> Callable[[], float]:
    """The gradient of about so many operations on rows of a hundred numbers, recorded and compiled."""
    x, w = Value(0.5), Value(0.9)
    values = [x * i for i in range(min(100, size // 3))]
    for _ in range(max(1, size // (3 * len(values)))):
        values = [mg.tanh(a * w + b) for a, b in zip(values, values[1:] + values[:1], strict=True)]
    return partial(mg.compile(mg.sum(values), [x], "numba").backward, [[0.5]])


def moons_step(backend: str = "python") -> Callable[[], float]:
    random.seed(peers.SEED)
    model = mg.MLP(2, [16, 16, 1])
    x, y, label = inputs = [Value(0.0) for _ in range(3)]
    program = mg.compile(mg.relu(1 + (1 - 2 * label) * model([x, y])), inputs, backend, model)
    rows = [[*point, float(label)] for point, label in zip(*data.moons(100, noise=0.1, seed=peers.SEED), strict=True)]
    if backend == "numba":
        rows = import_module("numpy").array(rows)
    optimizer = mg.SGD(model.parameters(), lr=peers.RATE, weight_decay=peers.DECAY)

    def step() -> float:
        optimizer.zero_grad()
        loss = program.backward(rows)
        optimizer.step()
        return loss

    return step


def moons_fit() -> Callable[[], object]:
    """Ten thousand steps on all rows, as `fit` takes them: recording and what it records of each epoch included."""
    random.seed(peers.SEED)
    model = mg.MLP(2, [16, 16, 1])
    optimizer = mg.SGD(model.parameters(), lr=peers.RATE, weight_decay=peers.DECAY)
    X, labels = data.moons(100, noise=0.1, seed=peers.SEED)
    y = [1 - 2 * label for label in labels]
    options: Any = {"epochs": EPOCHS, "compile": "numba", "progress": False}
    return lambda: mg.fit(model, X, y, loss=hinge, optimizer=optimizer, **options)


def hinge(prediction: Any, sign: Any) -> Any:
    return mg.relu(1 + sign * prediction)


def epoch_of_fit(
    model: Any, X: Any, y: Any, loss: Any, optimizer: mg.Optimizer, backend: str, size: int | None = None
) -> Callable[[], float]:
    """An epoch as `fit` computes it, apart from the order of rows and the history."""
    rows = required_pairs(X, y)
    run, learner = Run(model, [optimizer], random.Random(0), len(rows)), learner_for(model, loss, rows, backend=backend)
    assert isinstance(learner, Compiled)
    steps = Resident(run, learner, learner.ready(rows), size or len(rows), Interrupts())
    steps.epoch(run.order)
    run.history.loss.append(0.0)  # the first is over
    return partial(steps.epoch, run.order)


def several(work: Work, count: int) -> Callable[[], object]:
    """So many steps that they take as long as one of a slow peer, or as many of ours: a machine's speed changes with time."""
    step = work()
    return lambda: [step() for _ in range(count)]


def xor() -> Iterator[Row]:
    """Exclusive or through `fit`, recording and compiling included, but for numba's kernels, which were loaded before."""
    ways = [("", {}, 2.5), (", unshuffled", {"shuffle": False}, 3)]
    if installed("numba", "numba"):
        ways.append((", by numba", {"compile": "numba"}, 8))
    results = [
        apart(outcome, work, 1) for work in (xor_textbook, *(partial(xor_fit, options) for _, options, _ in ways))
    ]
    assert all([round(y) for y in result] == data.xor()[1] for result in results), results
    assert all(isclose(a, b, rel_tol=1e-6) for other in results for a, b in zip(results[0], other, strict=True)), (
        results
    )
    textbook, *ours = medians(xor_textbook, *(partial(xor_fit, options) for _, options, _ in ways), repeat=18, turns=6)
    for (name, _, least), taken in zip(ways, ours, strict=True):
        detail = f"{taken:.3f} s against {textbook:.3f} s"
        yield Row(f"XOR 2-4-1, 10,000 epochs of fit{name}", "the textbook's NumPy", textbook / taken, least, detail)


def xor_network() -> mg.MLP:
    return mg.MLP(2, [4, 1], activation="sigmoid", output_activation="sigmoid", init="normal", seed=0)


def xor_fit(options: dict[str, Any]) -> Callable[[], list[float]]:
    X, y = data.xor()

    def train() -> list[float]:
        model = xor_network()
        optimizer = mg.SGD(model.parameters(), lr=0.4)  # of the mean of 4 rows, not of their sum
        mg.fit(model, X, y, loss=half_error, optimizer=optimizer, epochs=EPOCHS, progress=False, **options)
        return model.predict(X)

    return train


def half_error(prediction: Any, target: Any) -> Any:
    return mg.mse(prediction, target) * 0.5


def xor_textbook() -> Callable[[], list[float]]:
    np = import_module("numpy")
    X, y = (np.array(numbers, dtype=float) for numbers in data.xor())
    drawn = [[[w.data for w in neuron.w] for neuron in layer.neurons] for layer in xor_network().layers]

    def train() -> list[float]:
        network = peers.TextbookNetwork(*drawn)
        network.train(X, y.reshape(4, 1), EPOCHS, rate=0.1)
        return network.forward(X).ravel().tolist()  # type: ignore[no-any-return]

    return train


def digits() -> Iterator[Row]:
    """An epoch of scikit-learn's digits, 64-32-10, batches of 32, Adam; and what Adam takes of it."""
    works = [(partial(digits_fit, 5), 5), (partial(digits_fit, 1, compiled=False), 1), (partial(digits_peer, 5), 5)]
    times = medians(*(work for work, _ in works), repeat=4)
    compiled, recorded, peer = (taken / epochs for taken, (_, epochs) in zip(times, works, strict=True))
    for name, theirs in [("fit with compile=False", recorded), ("scikit-learn's MLPClassifier", peer)]:
        detail = f"{compiled:.3f} s against {theirs:.3f} s"
        yield Row("digits 64-32-10, an epoch of fit", name, theirs / compiled, 0, detail)
    if installed("numba", "numba"):
        ours, theirs = medians(partial(digits_epoch, "numba"), partial(digits_peer, 5), repeat=20)
        detail = f"{ours * 1e3:.1f} ms against {theirs / 5 * 1e3:.1f} ms"
        yield Row(
            "digits, an epoch inside of fit, by numba", "scikit-learn's MLPClassifier", theirs / 5 / ours, 2, detail
        )
    update, gradients = medians(digits_update, digits_gradients, repeat=100)
    yield Row(
        "Adam's update of 2,410 parameters", "the gradients of 32 digits", gradients / update, 0,
        f"{update * 1e3:.2f} ms against {gradients * 1e3:.2f} ms",
    )  # fmt: skip


def digits_rows() -> tuple[list[list[float]], list[int]]:
    pixels, labels = import_module("sklearn.datasets").load_digits(return_X_y=True)
    return (pixels / 16).tolist(), labels.tolist()


def digits_network() -> mg.MLP:
    return mg.MLP(64, [32, 10], activation="tanh", init="xavier", seed=0)


def digits_fit(epochs: int, compiled: bool = True) -> Callable[[], object]:
    X, y = digits_rows()

    def train() -> object:
        model = digits_network()
        return mg.fit(
            model, X, y, loss=mg.cross_entropy, optimizer=mg.Adam(model.parameters(), lr=0.01), epochs=epochs,
            batch_size=BATCH, seed=0, progress=False, compile=compiled,
        )  # fmt: skip

    return train


def digits_epoch(backend: str) -> Callable[[], float]:
    X, y = digits_rows()
    model = digits_network()
    optimizer = mg.Adam(model.parameters(), lr=0.01)
    return epoch_of_fit(model, X, y, mg.cross_entropy, optimizer, backend, BATCH)


def digits_peer(epochs: int) -> Callable[[], object]:
    X, y = digits_rows()
    warnings.simplefilter("ignore")  # that it has not converged
    make = partial(import_module("sklearn.neural_network").MLPClassifier, (32,), activation="tanh", alpha=0.0)
    return lambda: make(batch_size=BATCH, learning_rate_init=0.01, max_iter=epochs, random_state=0).fit(X, y)


def digits_gradients(backend: str = "python", count: int = BATCH) -> Callable[[], float]:
    model = digits_network()
    inputs = [Value(0.0) for _ in range(64 + 10)]
    program = mg.compile(mg.cross_entropy(model(inputs[:64]), inputs[64:]), inputs, backend)
    X, y = digits_rows()
    batch: Any = [[*X[i], *(float(y[i] == digit) for digit in range(10))] for i in range(count)]
    if backend == "numba":
        batch = import_module("numpy").array(batch)
    return lambda: program.backward(batch)


def digits_update() -> Callable[[], Any]:
    return mg.Adam(digits_network().parameters()).step
