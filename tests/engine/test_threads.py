"""Graphs of several threads do not disturb each other, and training does not grow."""

from __future__ import annotations

import gc
import linecache
import random
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

import microgrannd as mg

pytestmark = pytest.mark.desktop

THREADS = 8


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def trained_by_hand(seed: int, steps: int = 4) -> list[Any]:
    """The gradients of every step of a small training, and predictions without a graph."""
    rng = random.Random(seed)
    model = mg.MLP(2, [4, 4, 1], activation=["tanh", "relu", "gelu"][seed % 3], seed=seed)
    optimizer = mg.Adam(model.parameters(), 0.01)
    found = []
    for _ in range(steps):
        rows = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(8)]
        loss = mg.mean([mg.mse(model(row), row[0] * row[1]) for row in rows])
        optimizer.zero_grad()
        loss.backward()
        found.append([parameter.grad for parameter in optimizer.params])
        optimizer.step()
        found.append(model.predict(rows))
    return found


def fitted(seed: int, compile: bool = True) -> list[float]:
    X, y = mg.data.moons(80, seed=seed)
    model = mg.MLP(2, [4, 1], activation="tanh", seed=seed)
    mg.fit(
        model, X, y, loss=mg.binary_cross_entropy_with_logits, optimizer=mg.Adam(model.parameters(), 0.01), epochs=2,
        batch_size=16, seed=seed, progress=False, compile=compile,
    )  # fmt: skip
    return list(model.state_dict().values())


@pytest.mark.parametrize("work", [trained_by_hand, fitted, lambda seed: fitted(seed, compile=False)])
def test_eight_threads_compute_what_one_does(work: Any) -> None:
    expected = [work(seed) for seed in range(3 * THREADS)]
    together = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS, initializer=together.wait) as threads:
        assert list(threads.map(work, range(3 * THREADS))) == expected


def test_threads_that_share_parameters_see_the_graphs_of_their_own() -> None:
    """Recording and reading only: what backward adds to shared leaves is theirs to lock."""
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    expected = model.predict([[0.1 * i, 0.2] for i in range(50)])

    def outputs(_: int) -> list[float]:
        return [model([0.1 * i, 0.2]).data for i in range(50)]

    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(outputs, range(THREADS))) == [expected] * THREADS


@pytest.mark.parametrize("work", [trained_by_hand, fitted])
def test_training_again_and_again_holds_no_more_memory(work: Any) -> None:
    """What leaks grows each time; Python's own tables now and then."""
    held, sources = [], set(linecache.cache)
    with ThreadPoolExecutor(THREADS) as threads:
        tracemalloc.start()
        for _ in range(6):
            list(threads.map(work, range(THREADS)))
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert min(after - before for before, after in pairwise(held)) < 5_000 * THREADS, held
    assert not [name for name in linecache.cache.keys() - sources if "microgrannd generated" in name]
