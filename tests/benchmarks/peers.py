"""The moons step and the network for exclusive or as one would write them without this library."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

from microgrannd import data

RATE, DECAY, SEED = 0.1, 2e-4, 1337
SIZES = (2, 16, 16, 1)


def points() -> list[tuple[float, float, float]]:
    """The moons, with a sign for the label: a row's loss is max(0, 1 + sign · score)."""
    return [(x, y, 1.0 - 2.0 * label) for (x, y), label in zip(*data.moons(100, noise=0.1, seed=SEED), strict=True)]


def weights() -> list[list[list[float]]]:
    """The weights of each layer's neurons, as micrograd draws them; the biases are 0."""
    rng = random.Random(SEED)
    return [[[rng.uniform(-1, 1) for _ in range(nin)] for _ in range(nout)] for nin, nout in pairwise(SIZES)]


def moons_by_hand(skipping: bool) -> Callable[[], float]:
    """A step in straight-line Python; or in Python that does not compute the gradients that are 0."""
    namespace: dict[str, Any] = {"rows": points()}
    exec("\n".join(moons_lines(branched() if skipping else straight())), namespace)
    state = [number for layer in weights() for neuron in layer for number in (*neuron, 0.0)]

    def step() -> float:
        nonlocal state
        loss, state = namespace["step"](state)
        return loss / 100  # type: ignore[no-any-return]

    return step


def moons_lines(backward: Iterator[str]) -> Iterator[str]:
    """A step: all weights and gradients in local variables, row after row, and then the update."""
    names = [name for i in range(16) for name in (f"u{i}_0", f"u{i}_1", f"a{i}")]
    names += [name for i in range(16) for name in (*(f"v{i}_{j}" for j in range(16)), f"b{i}")]
    names += [*(f"w{i}" for i in range(16)), "c"]
    yield "def step(weights):"
    yield f"    {', '.join(names)} = weights"
    yield f"    loss = {' = '.join(f'd{name}' for name in names)} = 0.0"
    yield "    for x, y, sign in rows:"
    for i in range(16):
        yield f"        f{i} = u{i}_0 * x + u{i}_1 * y + a{i}"
        yield f"        if f{i} < 0.0: f{i} = 0.0"
    for i in range(16):
        yield f"        g{i} = {' + '.join(f'v{i}_{j} * f{j}' for j in range(16))} + b{i}"
        yield f"        if g{i} < 0.0: g{i} = 0.0"
    yield f"        margin = 1.0 + sign * ({' + '.join(f'w{i} * g{i}' for i in range(16))} + c)"
    yield from (f"        {line}" for line in backward)
    yield f"    return loss, [{', '.join(f'{w} - {RATE} * (d{w} / 100.0 + {DECAY} * {w})' for w in names)}]"


def straight() -> Iterator[str]:
    """The backward pass of a row, all of it for every row."""
    yield "if margin < 0.0: margin = 0.0"
    yield "loss += margin"
    yield "d = sign if margin > 0.0 else 0.0"
    yield "dc += d"
    for i in range(16):
        yield f"dw{i} += d * g{i}"
        yield f"dg{i} = d * w{i} if g{i} > 0.0 else 0.0"
        yield f"db{i} += dg{i}"
        yield from (f"dv{i}_{j} += dg{i} * f{j}" for j in range(16))
    for j in range(16):
        yield f"df{j} = {' + '.join(f'dg{i} * v{i}_{j}' for i in range(16))}"
        yield f"if f{j} <= 0.0: df{j} = 0.0"
        yield from (f"du{j}_0 += df{j} * x", f"du{j}_1 += df{j} * y", f"da{j} += df{j}")


def branched() -> Iterator[str]:
    """The backward pass of a row, without the neurons that do not fire, and the rows that are far enough."""
    yield "if margin <= 0.0: continue"
    yield "loss += margin"
    yield "dc += sign"
    yield f"{' = '.join(f'df{j}' for j in range(16))} = 0.0"
    for i in range(16):
        yield f"if g{i} > 0.0:"
        yield from (f"    dw{i} += sign * g{i}", f"    dg = sign * w{i}", f"    db{i} += dg")
        yield from (f"    dv{i}_{j} += dg * f{j}; df{j} += dg * v{i}_{j}" for j in range(16))
    for j in range(16):
        yield f"if f{j} > 0.0: du{j}_0 += df{j} * x; du{j}_1 += df{j} * y; da{j} += df{j}"


def moons_in_torch() -> Callable[[], float]:
    """A step of PyTorch on all rows at once, in one thread."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = torch.tensor(points())
    inputs, signs = rows[:, :2], rows[:, 2:]
    model = torch.nn.Sequential(
        torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)
    )
    with torch.no_grad():
        for layer, drawn in zip(model[::2], weights(), strict=True):
            layer.weight.copy_(torch.tensor(drawn))
            layer.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, weight_decay=DECAY)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.relu(1 + signs * model(inputs)).mean()
        loss.backward()
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    return step


def moons_in_jax() -> Callable[[], float]:
    """A step of JAX on all rows at once, jitted."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    np = jax.numpy
    rows = np.array(points())
    state = [(np.array(layer).T, np.zeros(len(layer))) for layer in weights()]

    def hinge(state: Any, rows: Any) -> Any:
        values = rows[:, :2]
        for w, b in state[:-1]:
            values = jax.nn.relu(values @ w + b)
        w, b = state[-1]
        return jax.nn.relu(1 + rows[:, 2:] * (values @ w + b)).mean()

    def update(state: Any, rows: Any) -> Any:
        loss, gradients = jax.value_and_grad(hinge)(state, rows)
        return loss, jax.tree.map(lambda p, g: p - RATE * (g + DECAY * p), state, gradients)

    updated = jax.jit(update)

    def step() -> float:
        nonlocal state
        loss, state = jax.block_until_ready(updated(state, rows))
        return float(loss)

    return step


class TextbookNetwork:
    """Sigmoid networks of one hidden layer as textbooks write them in NumPy, trained on all rows at once."""

    def __init__(self, hidden: list[list[float]], output: list[list[float]]) -> None:
        self.np = np = import_module("numpy")
        self.hidden, self.output = np.array(hidden).T, np.array(output).T
        self.hidden_bias, self.output_bias = np.zeros((1, len(hidden))), np.zeros((1, len(output)))

    def sigmoid(self, x: Any) -> Any:
        return 1 / (1 + self.np.exp(-x))

    def sigmoid_derivative(self, y: Any) -> Any:
        return y * (1 - y)

    def forward(self, X: Any) -> Any:
        self.activation = self.sigmoid(self.np.dot(X, self.hidden) + self.hidden_bias)
        self.prediction = self.sigmoid(self.np.dot(self.activation, self.output) + self.output_bias)
        return self.prediction

    def backward(self, X: Any, y: Any, rate: float) -> None:
        delta = (y - self.prediction) * self.sigmoid_derivative(self.prediction)
        hidden_delta = self.np.dot(delta, self.output.T) * self.sigmoid_derivative(self.activation)
        self.output += self.np.dot(self.activation.T, delta) * rate
        self.output_bias += self.np.sum(delta, axis=0, keepdims=True) * rate
        self.hidden += self.np.dot(X.T, hidden_delta) * rate
        self.hidden_bias += self.np.sum(hidden_delta, axis=0, keepdims=True) * rate

    def train(self, X: Any, y: Any, epochs: int, rate: float) -> None:
        for _ in range(epochs):
            self.forward(X)
            self.backward(X, y, rate)
