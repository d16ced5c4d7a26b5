"""The training step of the GPT in `gpt.py` on arrays: derived by hand for NumPy, and as one writes it for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import cycle
from typing import Any

from . import gpt

RATE, BETAS, TINY = 0.01, (0.85, 0.99), 1e-8


class ByHand:
    """All positions of a word at once in NumPy. Parameters and gradients are each one array, of which matrices are views."""

    def __init__(self) -> None:
        self.np = np = import_module("numpy")
        drawn = {name: np.array(matrix) for name, matrix in gpt.parameters(float).items()}
        self.flat = np.concatenate([matrix.ravel() for matrix in drawn.values()])
        self.flat_gradient, self.means, self.squares = (np.zeros_like(self.flat) for _ in range(3))
        self.weights, self.gradients = {}, {}
        start = 0
        for name, matrix in drawn.items():
            part = slice(start, start := start + matrix.size)
            self.weights[name] = self.flat[part].reshape(matrix.shape)
            self.gradients[name] = self.flat_gradient[part].reshape(matrix.shape)
        self.steps = 0

    def backward(self, tokens: list[int]) -> float:
        """Compute the mean loss of a word, and its gradient, into `gradients`."""
        np, w = self.np, self.weights
        inputs, targets, count = tokens[:-1], tokens[1:], len(tokens) - 1
        places, scale = np.arange(count), (gpt.WIDTH // gpt.HEADS) ** -0.5

        # Forward: a row a position, then a matrix a head.
        x0, scale0 = self.normed(w["token"][inputs] + w["place"][:count])
        x1, scale1 = self.normed(x0)
        query, key, value = (self.heads(x1 @ w[name].T) for name in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) * scale
        scores[:, *np.triu_indices(count, 1)] = -np.inf
        share = self.softmax(scores)
        attended = self.joined(share @ value)
        x2 = attended @ w["output"].T + x0
        x3, scale3 = self.normed(x2)
        up = x3 @ w["up"].T
        hidden = np.maximum(up, 0.0)
        x4 = hidden @ w["down"].T + x2
        chances = self.softmax(x4 @ w["logits"].T)
        loss = -np.log(chances[places, targets]).mean()

        # Backward: d_x is the derivative of the loss by x.
        d_logits = chances / count
        d_logits[places, targets] -= 1.0 / count
        d_x4 = self.linear("logits", d_logits, x4)
        d_x3 = self.linear("up", self.linear("down", d_x4, hidden) * (up > 0), x3)
        d_x2 = d_x4 + self.normed_back(d_x3, x3, scale3)
        d_attended = self.heads(self.linear("output", d_x2, attended))
        d_value = share.transpose(0, 2, 1) @ d_attended
        d_share = d_attended @ value.transpose(0, 2, 1)
        d_scores = share * (d_share - (share * d_share).sum(-1, keepdims=True)) * scale
        d_query, d_key = d_scores @ key, d_scores.transpose(0, 2, 1) @ query
        d_x1 = self.linear("query", self.joined(d_query), x1)
        d_x1 += self.linear("key", self.joined(d_key), x1)
        d_x1 += self.linear("value", self.joined(d_value), x1)
        d_x0 = self.normed_back(d_x2 + self.normed_back(d_x1, x1, scale1), x0, scale0)
        self.gradients["token"][:] = 0.0
        np.add.at(self.gradients["token"], inputs, d_x0)
        self.gradients["place"][:count], self.gradients["place"][count:] = d_x0, 0.0
        return float(loss)

    def linear(self, name: str, d_y: Any, x: Any) -> Any:
        """Keep the gradient of the matrix in y = x @ matrix.T, and return that of x."""
        self.np.matmul(d_y.T, x, out=self.gradients[name])
        return d_y @ self.weights[name]

    def normed(self, x: Any) -> tuple[Any, Any]:
        """Return rows divided by their root mean square, and the reciprocals of that."""
        scale = ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5
        return x * scale, scale

    def normed_back(self, d_y: Any, y: Any, scale: Any) -> Any:
        """Return the derivative by x, for y = x * scale(x)."""
        return scale * (d_y - y * (d_y * y).mean(-1, keepdims=True))

    def softmax(self, x: Any) -> Any:
        exps = self.np.exp(x - x.max(-1, keepdims=True))
        return exps / exps.sum(-1, keepdims=True)

    def heads(self, x: Any) -> Any:
        return x.reshape(len(x), gpt.HEADS, -1).transpose(1, 0, 2)

    def joined(self, x: Any) -> Any:
        return x.transpose(1, 0, 2).reshape(x.shape[1], -1)

    def step(self, tokens: list[int]) -> float:
        """Take a step of Adam on a word; return its loss before that."""
        loss = self.backward(tokens)
        g, (beta1, beta2) = self.flat_gradient, BETAS
        self.steps += 1
        self.means += (1 - beta1) * (g - self.means)
        self.squares += (1 - beta2) * (g * g - self.squares)
        deviation = self.np.sqrt(self.squares / (1 - beta2**self.steps)) + TINY
        self.flat -= RATE / (1 - beta1**self.steps) * self.means / deviation
        return loss


def training_by_hand() -> Iterator[float]:
    """Train by NumPy as `gpt.training` does, a step at each `next`."""
    network = ByHand()
    return (network.step(gpt.tokens_of(word)) for word in cycle(gpt.WORDS))


def training_in_torch(fused: bool = False) -> Iterator[float]:
    """Train by PyTorch as `gpt.training` does, in one thread, with its own functions for all that it has one for.

    Args:
        fused: the step of Adam is one function for all matrices.
    """
    torch = import_module("torch")
    torch.set_num_threads(1)
    drawn = gpt.parameters(lambda number: number)
    w = {name: torch.tensor(matrix, dtype=torch.float64, requires_grad=True) for name, matrix in drawn.items()}
    optimizer = torch.optim.Adam(w.values(), lr=RATE, betas=BETAS, eps=TINY, fused=fused)
    F = torch.nn.functional

    def normed(x: Any) -> Any:
        return F.rms_norm(x, (gpt.WIDTH,), eps=1e-5)

    def heads(x: Any) -> Any:
        return x.view(len(x), gpt.HEADS, -1).transpose(0, 1)

    def loss_of(tokens: Any) -> Any:
        inputs, targets = tokens[:-1], tokens[1:]
        x = normed(F.embedding(inputs, w["token"]) + w["place"][: len(inputs)])
        before, x = x, normed(x)
        query, key, value = (heads(F.linear(x, w[name])) for name in ("query", "key", "value"))
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = F.linear(attended.transpose(0, 1).reshape(len(inputs), -1), w["output"]) + before
        x = F.linear(F.relu(F.linear(normed(x), w["up"])), w["down"]) + x
        return F.cross_entropy(F.linear(x, w["logits"]), targets)

    def steps() -> Iterator[float]:
        words = [torch.tensor(gpt.tokens_of(word)) for word in gpt.WORDS]
        for tokens in cycle(words):
            optimizer.zero_grad()
            loss = loss_of(tokens)
            loss.backward()
            optimizer.step()
            yield loss.item()

    return steps()
