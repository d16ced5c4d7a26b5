"""Losses as lectures have them, as functions under jit: makemore's bigrams, MLP and batch norm, a sine, an attention head.

Each is a function of a batch that closes over parameters, in scalars here and in tensors for PyTorch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import microgrannd as mg
from microgrannd import Value
from microgrannd._trees import leaves

from .timing import Row, installed, medians

LETTERS, CONTEXT, EMBEDDED, HIDDEN, ROWS = 27, 3, 2, 20, 8


#: Arrays of weights by name, as nested lists of floats.
Weights = dict[str, Any]


class Task(NamedTuple):
    """A loss to minimise.

    Attributes:
        shapes: of the parameters.
        batch: its arguments.
        scalars: the loss of parameters (nested lists of Values) and of a batch.
        tensors: the same of tensors; the first argument is the module torch.
    """

    shapes: dict[str, tuple[int, ...]]
    batch: tuple[Any, ...]
    scalars: Callable[..., Any]
    tensors: Callable[..., Any]


def linear(w: Any, x: Any, b: Any = None) -> list[Any]:
    """Return the rows of w times x, plus b."""
    return [mg.dot(row, x, b[i] if b else 0.0) for i, row in enumerate(w)]


def bigrams(p: Any, inputs: Any, targets: Any) -> Any:
    """The loss of a table of logits."""
    return mg.mean([mg.cross_entropy(mg.lookup(p["table"], i), t) for i, t in zip(inputs, targets, strict=True)])


def bigrams_in_torch(torch: Any, p: Any, inputs: Any, targets: Any) -> Any:
    """The same."""
    return torch.nn.functional.cross_entropy(p["table"][inputs], targets)


def hidden(p: Any, contexts: Any) -> list[Any]:
    """Return what goes into the hidden layer, for each context."""
    rows = [[x for index in context for x in mg.lookup(p["embedding"], index)] for context in contexts]
    return [linear(p["w1"], row, p["b1"]) for row in rows]


def words(p: Any, contexts: Any, targets: Any) -> Any:
    """The loss of an MLP over embedded letters (Bengio et al. 2003)."""
    logits = [linear(p["w2"], [mg.tanh(x) for x in row], p["b2"]) for row in hidden(p, contexts)]
    return mg.mean([mg.cross_entropy(row, t) for row, t in zip(logits, targets, strict=True)])


def words_in_torch(torch: Any, p: Any, contexts: Any, targets: Any) -> Any:
    """The same."""
    h = torch.tanh(p["embedding"][contexts].flatten(1) @ p["w1"].T + p["b1"])
    return torch.nn.functional.cross_entropy(h @ p["w2"].T + p["b2"], targets)


def normed(p: Any, contexts: Any, targets: Any) -> Any:
    """The same with batch norm (Ioffe and Szegedy 2015) before tanh."""
    columns = list(zip(*hidden(p, contexts), strict=True))
    scaled = []
    for column, gain, shift in zip(columns, p["gain"], p["shift"], strict=True):
        mean = mg.mean(column)
        scale = (mg.mean([(x - mean) ** 2 for x in column]) + 1e-5) ** -0.5
        scaled.append([mg.tanh((x - mean) * scale * gain + shift) for x in column])
    logits = [linear(p["w2"], row, p["b2"]) for row in zip(*scaled, strict=True)]
    return mg.mean([mg.cross_entropy(row, t) for row, t in zip(logits, targets, strict=True)])


def normed_in_torch(torch: Any, p: Any, contexts: Any, targets: Any) -> Any:
    """The same."""
    h = p["embedding"][contexts].flatten(1) @ p["w1"].T + p["b1"]
    h = torch.nn.functional.batch_norm(h, None, None, p["gain"], p["shift"], training=True)
    return torch.nn.functional.cross_entropy(torch.tanh(h) @ p["w2"].T + p["b2"], targets)


def sine(p: Any, xs: Any, ys: Any) -> Any:
    """The loss of a small network over points of a sine."""
    found = [mg.dot(p["w2"], [mg.tanh(a * x + b) for a, b in zip(p["w1"], p["b1"], strict=True)]) for x in xs]
    return mg.mean([(a - y) ** 2 for a, y in zip(found, ys, strict=True)])


def sine_in_torch(torch: Any, p: Any, xs: Any, ys: Any) -> Any:
    """The same."""
    return ((torch.tanh(xs[:, None] * p["w1"] + p["b1"]) @ p["w2"] - ys) ** 2).mean()


def attention(p: Any, rows: Any, targets: Any) -> Any:
    """The loss of one causal attention head (Vaswani et al. 2017)."""
    query, key, value = ([linear(p[name], row) for row in rows] for name in ("query", "key", "value"))
    losses = []
    for t, target in enumerate(targets):
        share = mg.softmax([mg.dot(query[t], k) * len(query[t]) ** -0.5 for k in key[: t + 1]])
        found = [mg.dot(share, column) for column in zip(*value[: t + 1], strict=True)]
        losses += [(a - b) ** 2 for a, b in zip(found, target, strict=True)]
    return mg.mean(losses)


def attention_in_torch(torch: Any, p: Any, rows: Any, targets: Any) -> Any:
    """The same."""
    query, key, value = (rows @ p[name].T for name in ("query", "key", "value"))
    found = torch.nn.functional.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True)[0]
    return ((found - targets) ** 2).mean()


def tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = random.Random(0)
    letters = [rng.randrange(LETTERS) for _ in range(64)]
    contexts = [letters[i : i + CONTEXT] for i in range(ROWS)]
    following = letters[CONTEXT : CONTEXT + ROWS]
    mlp = {
        "embedding": (LETTERS, EMBEDDED), "w1": (HIDDEN, CONTEXT * EMBEDDED), "b1": (HIDDEN,), "w2": (LETTERS, HIDDEN),
        "b2": (LETTERS,),
    }  # fmt: skip
    points = [i / 8 - 3 for i in range(48)]
    rows = [[[rng.gauss(0, 1) for _ in range(8)] for _ in range(8)] for _ in range(2)]
    return {
        "bigrams": Task({"table": (LETTERS, LETTERS)}, (letters[:32], letters[1:33]), bigrams, bigrams_in_torch),
        "MLP": Task(mlp, (contexts, following), words, words_in_torch),
        "batch norm": Task({**mlp, "gain": (HIDDEN,), "shift": (HIDDEN,)}, (contexts, following), normed, normed_in_torch),
        "sine": Task(
            {"w1": (16,), "b1": (16,), "w2": (16,)}, (points, [math.sin(x) for x in points]), sine, sine_in_torch
        ),
        "attention head": Task(dict.fromkeys(("query", "key", "value"), (8, 8)), tuple(rows), attention, attention_in_torch),
    }  # fmt: skip


def weights(task: Task, number: Callable[[float], Any]) -> Weights:
    """Return the parameters of a task, made of random numbers."""
    rng = random.Random(1)

    def drawn(shape: tuple[int, ...]) -> Any:
        return [drawn(shape[1:]) for _ in range(shape[0])] if shape else number(rng.gauss(0, 0.5))

    return {name: drawn(shape) for name, shape in task.shapes.items()}


def scalars(name: str, backend: str | None) -> Callable[[], Any]:
    """Set up a step by Values: the loss and its gradients, under jit where a backend is given."""
    task = tasks()[name]
    loss = partial(task.scalars, weights(task, Value))
    run = mg.jit(loss, backend=backend) if backend else loss

    def step() -> float:
        root = run(*task.batch)
        root.backward()
        return float(root.data)

    step()
    step()  # jit compares these
    return step


def tensors(name: str) -> Callable[[], Any]:
    """Set up the same by PyTorch."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    task = tasks()[name]
    parameters = {
        key: torch.tensor(value, dtype=torch.float64, requires_grad=True) for key, value in weights(task, float).items()
    }
    kinds = [torch.int64 if isinstance(leaves(part)[0], int) else torch.float64 for part in task.batch]
    batch = [torch.tensor(part, dtype=kind) for part, kind in zip(task.batch, kinds, strict=True)]

    def step() -> float:
        root = task.tensors(torch, parameters, *batch)
        root.backward()
        return float(root.item())

    return step


def rows() -> Iterator[Row]:
    """The loss of a batch and its gradients, under jit, beside the same function as it is, and PyTorch."""
    backends = ["python", *["numba"] * installed("numba", "numba")]
    torch = installed("torch", "PyTorch")
    for name in tasks():
        works = [partial(scalars, name, backend) for backend in (*backends, None)]
        taken = medians(*works, *[partial(tensors, name)] * torch, repeat=20)
        for backend, ours in zip(backends, taken, strict=False):
            for peer, theirs in zip(("by Values", "PyTorch"), taken[len(backends) :], strict=False):
                detail = f"{ours * 1e3:.3g} ms against {theirs * 1e3:.3g} ms"
                yield Row(f"{name} under jit, by {backend}", peer, theirs / ours, 0, detail)
