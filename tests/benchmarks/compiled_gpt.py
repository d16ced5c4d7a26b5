"""The GPT as a program and through `fit`, beside its own scalar engine, NumPy derived by hand, and PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import microgrannd as mg
from microgrannd import Value

from . import gpt, gpt_peers
from .compiled import epoch_of_fit
from .timing import Row, installed, medians

STEPS = 1_000

#: The GPT's operations as this library has them, but sums of products written out.
SUMS = gpt.Operations(softmax=mg.softmax, cross_entropy=mg.cross_entropy, lookup=mg.lookup)
DOTS = SUMS._replace(dot=mg.dot)


def rows() -> Iterator[Row]:
    """The gradients of a GPT, and its training step with Adam inside of fit, beside the scalar program's own Value."""
    backends = ["python", *["numba"] * installed("numba", "numba")]
    ways = [(backend, dots) for dots in (True, False) for backend in backends]
    own, *taken = medians(own_gradients, *(partial(gradients, *way) for way in ways), repeat=20)
    for (backend, dots), ours in zip(ways, taken, strict=True):
        name = f"GPT's gradients, by {backend}, {'mg.dot' if dots else 'sum(w * x)'}"
        detail = f"{ours * 1e3:.2f} ms against {own * 1e3:.1f} ms"
        yield Row(name, "its own Value", own / ours, 45 if backend == "python" else 0, detail)
    yield from training_steps(backends)


def training_steps(backends: list[str]) -> Iterator[Row]:
    """The GPT's training step with Adam, on names of 3 to 10 letters: inside of fit, then through it."""
    steps = len(gpt.WORDS)
    peers_of = {"its own Value": (own_epoch, {"python": 40, "numba": 600})}
    if installed("numpy", "NumPy"):
        peers_of["NumPy, derived by hand"] = (partial(epoch_of, gpt_peers.training_by_hand), {"numba": 1.5})
    if installed("torch", "PyTorch"):
        peers_of["PyTorch"] = (partial(epoch_of, gpt_peers.training_in_torch), {"numba": 10})
        fused = partial(gpt_peers.training_in_torch, fused=True)
        peers_of["PyTorch, with fused=True for Adam"] = (partial(epoch_of, fused), {})
    works = [*(partial(fit_epoch, backend) for backend in backends), *(work for work, _ in peers_of.values())]
    taken = [seconds / steps for seconds in medians(*works, repeat=24, turns=4)]
    for backend, ours in zip(backends, taken[: len(backends)], strict=True):
        for (peer, (_, least)), theirs in zip(peers_of.items(), taken[len(backends) :], strict=True):
            detail = f"{ours * 1e3:.3g} ms against {theirs * 1e3:.3g} ms"
            name = f"GPT's step with Adam inside of fit, by {backend}"
            yield Row(name, peer, theirs / ours, least.get(backend, 0), detail)
    own = taken[len(backends)] * STEPS
    trained = medians(*(partial(fit_steps, backend) for backend in backends), repeat=2, turns=1)
    for backend, ours in zip(backends, trained, strict=True):
        name = f"GPT, {STEPS:,} steps of fit, recording and compiling included, by {backend}"
        detail = f"{ours:.2f} s against {own:.0f} s"
        yield Row(name, "its own Value", own / ours, 20 if backend == "python" else 0, detail)


def gradients(backend: str, dots: bool) -> Callable[[], float]:
    with mg.paused_gc():
        root = gpt.loss(gpt.parameters(Value), gpt.tokens_of("gradient"), DOTS if dots else SUMS)
    program = mg.compile(root, [], backend)
    return partial(program.backward, [[]])


def own_gradients() -> Callable[[], object]:
    return lambda: gpt.loss(gpt.parameters(gpt.Value), gpt.tokens_of("gradient")).backward()


def own_epoch() -> Callable[[], object]:
    return epoch_of(partial(gpt.training, gpt.parameters(gpt.Value)))


def epoch_of(training: Callable[[], Iterator[float]]) -> Callable[[], object]:
    """A step for each word."""
    steps = training()
    return lambda: [next(steps) for _ in gpt.WORDS][-1]


class Gpt(mg.Module):
    """The matrices as a module, which gives the tokens to its loss."""

    def __init__(self) -> None:
        self.weights = gpt.parameters(Value)

    def __call__(self, tokens: Any) -> Any:
        return gpt.loss(self.weights, tokens, DOTS)


def fit_epoch(backend: str) -> Callable[[], float]:
    """A step for each of the same words as the peers take."""
    model, optimizer, rows = parts()
    return epoch_of_fit(model, rows, None, first, optimizer, backend, 1)


def fit_steps(backend: str) -> Callable[[], object]:
    def train() -> object:
        model, optimizer, rows = parts()
        epochs = STEPS // len(rows)
        return mg.fit(
            model, rows, None, loss=alone, optimizer=optimizer, epochs=epochs, batch_size=1, seed=0, progress=False,
            compile=backend,
        )  # fmt: skip

    return train


def parts() -> tuple[Gpt, mg.Adam, list[list[int]]]:
    model = Gpt()
    optimizer = mg.Adam(model.parameters(), lr=gpt_peers.RATE, betas=gpt_peers.BETAS, eps=gpt_peers.TINY)
    return model, optimizer, [gpt.tokens_of(word) for word in gpt.WORDS]


def alone(loss: Any) -> Any:
    """The loss of a model that computes it itself."""
    return loss


def first(loss: Any, _: None) -> Any:
    return loss
