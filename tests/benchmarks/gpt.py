"""A training step of a small GPT on scalars, for any class of Values: the program whose Value is exchanged."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import cycle
from operator import getitem
from typing import Any, NamedTuple

VOCABULARY, WIDTH, HEADS, CONTEXT = 27, 16, 4, 16

#: Names of three to ten letters, one of each length.
WORDS = ["ada", "noah", "aisha", "miguel", "camilla", "penelope", "anastasia", "maximilian"]


class Value:
    """A Value as such programs bring it along: a tuple of operands, a tuple of local gradients, slots."""

    __slots__ = ("data", "grad", "operands", "partials")

    def __init__(self, data, operands=(), partials=()):
        self.data = data
        self.grad = 0
        self.operands = operands
        self.partials = partials

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, other):
        return Value(self.data**other, (self,), (other * self.data ** (other - 1),))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def exp(self):
        return Value(math.exp(self.data), (self,), (math.exp(self.data),))

    def relu(self):
        return Value(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1

    def backward(self):
        order = []
        visited = set()

        def visit(value):
            if value not in visited:
                visited.add(value)
                for operand in value.operands:
                    visit(operand)
                order.append(value)

        visit(self)
        self.grad = 1
        for value in reversed(order):
            for operand, partial in zip(value.operands, value.partials):
                operand.grad += partial * value.grad


def parameters(value: Any) -> dict[str, list[list[Any]]]:
    """Matrices of fresh Values, the same numbers for every class."""
    rng = random.Random(42)
    sizes = {
        "token": (VOCABULARY, WIDTH), "place": (CONTEXT, WIDTH), "logits": (VOCABULARY, WIDTH),
        "query": (WIDTH, WIDTH), "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH), "output": (WIDTH, WIDTH),
        "up": (4 * WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH),
    }  # fmt: skip
    return {
        name: [[value(rng.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in sizes.items()
    }


def plain_dot(ws: Any, xs: Any) -> Any:
    """A product a node, a sum a node."""
    return sum(w * x for w, x in zip(ws, xs))


def plain_softmax(logits: Any) -> Any:
    """As such programs write it: the greatest logit is a number, not a node."""
    top = max(value.data for value in logits)
    exps = [(value - top).exp() for value in logits]
    total = sum(exps)
    return [e / total for e in exps]


def plain_cross_entropy(logits: Any, target: Any) -> Any:
    """The logarithm of a probability."""
    return -plain_softmax(logits)[target].log()


class Operations(NamedTuple):
    """The operations of which a loss is made."""

    dot: Any = plain_dot
    softmax: Any = plain_softmax
    cross_entropy: Any = plain_cross_entropy
    lookup: Any = getitem


def loss(weights: Any, tokens: Any, of: Operations = Operations()) -> Any:  # a tuple
    """Mean cross-entropy of predicting each token from those before it."""

    def linear(x, matrix):
        return [of.dot(row, x) for row in matrix]

    def normed(x):
        scale = (sum(value * value for value in x) / len(x) + 1e-5) ** -0.5
        return [value * scale for value in x]

    keys, values, losses = [], [], []
    size = WIDTH // HEADS
    for place, (token, target) in enumerate(zip(tokens, tokens[1:])):
        x = normed([t + p for t, p in zip(of.lookup(weights["token"], token), weights["place"][place])])
        before, x = x, normed(x)
        query = linear(x, weights["query"])
        keys.append(linear(x, weights["key"]))
        values.append(linear(x, weights["value"]))
        attended = []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            share = of.softmax([of.dot(query[part], key[part]) * size**-0.5 for key in keys])
            attended += [of.dot(share, [value[j] for value in values]) for j in range(part.start, part.stop)]
        x = [a + b for a, b in zip(linear(attended, weights["output"]), before)]
        before, x = x, normed(x)
        x = linear([value.relu() for value in linear(x, weights["up"])], weights["down"])
        x = [a + b for a, b in zip(x, before)]
        losses.append(of.cross_entropy(linear(x, weights["logits"]), target))
    return sum(losses) * (1 / len(losses))


def tokens_of(word: str) -> list[int]:
    """The letters of a word by number, between two ends."""
    return [0, *(ord(letter) - 96 for letter in word), 0]


def training(weights: Any, of: Operations = Operations()) -> Iterator[float]:
    """Train a step at each `next`, as such a program's loop does: the last graph lives until the next is built."""
    values = [value for matrix in weights.values() for row in matrix for value in row]
    means, squares = [0.0] * len(values), [0.0] * len(values)
    for count, word in enumerate(cycle(WORDS), start=1):
        root = loss(weights, tokens_of(word), of)
        root.backward()
        for i, value in enumerate(values):
            means[i] = 0.85 * means[i] + 0.15 * value.grad
            squares[i] = 0.99 * squares[i] + 0.01 * value.grad**2
            value.data -= 0.01 * (means[i] / (1 - 0.85**count)) / ((squares[i] / (1 - 0.99**count)) ** 0.5 + 1e-8)
            value.grad = 0
        yield root.data
