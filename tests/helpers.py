"""What tests of several packages share."""

from __future__ import annotations

import itertools
import math
import os
import random
import sys
from contextlib import contextmanager
from shutil import which
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Module, Value
from microgrannd.engine.graph import topological
from microgrannd.rules.rule import Rule
from microgrannd.testing.rounded import BOUND
from microgrannd.testing.rounding import gradient_errors, running_errors

#: Whether coverage looks on, which makes everything slower and has a lock that an interrupt would leave locked.
TRACED = "coverage" in sys.modules and sys.modules["coverage"].Coverage.current() is not None

#: By how much more a limit of time allows for where everything is slower (in CI, tests side by side share caches).
ALLOWANCE = 6 if TRACED or sys.platform == "emscripten" or os.environ.get("CI") else 1


@contextmanager
def within(seconds: float):
    """A block that fails if it takes more of a processor's time, with the processes that it starts.

    It guards against work of another order, as quadratic work is: what else the machine does is not counted.
    """
    before = sum(os.times()[:4])
    yield
    taken = sum(os.times()[:4]) - before
    assert taken < seconds * ALLOWANCE, f"took {taken:.1f} s"


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 1e-310, 1e308, -1e308, 745.0, -745.0, math.inf, -math.inf, math.nan]


@mg.rule("x / (1 + abs(x))", dx="own(x)", names={"own": lambda x: 1 / (1 + abs(x)) ** 2})
def squash(x):
    """One's own, with a function of one's own."""


@mg.rule("a ** b", da="b * a ** (b - 1)", db="0", domain="a > 0 and b > 0")
def root(a, b):
    """Of floats that might be complex without its domain."""


def eagerly(expression: Any, row: list[float], parameters: list[float]) -> Any:
    """The output and the parameters' gradients; or the kind of the error."""
    leaves = [Value(x) for x in (*row, *parameters)]
    try:
        output = expression(*leaves)
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)
    output.backward()
    return [output.data, *(leaf.grad for leaf in leaves[len(row) :])]


def as_program(program: mg.Program, parameters: list[Value], row: list[float]) -> Any:
    for parameter in parameters:
        parameter.grad = 0.0
    try:
        (output,) = program.forward([row])
        assert output == program.backward([row]) or math.isnan(output)
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)
    return [output, *(parameter.grad for parameter in parameters)]


def rounding(expression: Any, row: list[float], parameters: list[float], unknown: float = 1e-300) -> list[float]:
    """How far rounding can move the output and the parameters' gradients, where sums or functions round in ways of their own.

    `unknown` stands where numbers are too large for that to be known.
    """
    leaves = [Value(x) for x in (*row, *parameters)]
    output = expression(*leaves)
    output.backward()
    order = topological(output)
    errors = running_errors(order)
    bounds = gradient_errors(order, errors)
    found = [BOUND * errors[output], *(BOUND * bounds.get(leaf, 0.0) for leaf in leaves[len(row) :])]
    return [error if math.isfinite(error) else unknown for error in found]


def arguments(rule: Rule) -> list[list[Any]]:
    rng = random.Random(0)
    rows = [list(row) for row in itertools.product(EDGES, repeat=min(len(rule.operands), 2))]
    return [row + [rng.choice(EDGES)] * (len(rule.operands) - len(row)) for row in rows]


def networks() -> list[Any]:
    return [
        (mg.MLP(2, [4, 1], activation="sigmoid", seed=0), mg.mse),
        (mg.MLP(3, [16, 16, 1], seed=1), mg.binary_cross_entropy_with_logits),
        (mg.MLP(120, [5, 3], activation="tanh", seed=2), mg.cross_entropy),
        (mg.MLP(70, [80, 2], activation="gelu", init="xavier", seed=3), mg.mse),
        (mg.MLP(5, [1, 1], activation="leaky_relu", seed=4), mg.huber),
    ]


SVG = "{http://www.w3.org/2000/svg}"


needs_dot = pytest.mark.skipif(not which("dot"), reason="Graphviz's program dot is not installed")


RENDERERS = [pytest.param("dot", marks=needs_dot), "pygraphviz", "layout"]


def choose(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only one renderer on this machine."""
    if renderer != "dot":
        monkeypatch.setenv("PATH", os.devnull)
    if renderer == "pygraphviz":
        pytest.importorskip("pygraphviz", reason="the extra microgrannd[dot] is not installed")
    if renderer == "layout":
        monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)


NASTY = [
    "<script>alert(1)</script>",
    '"',
    "\\",
    "\\n",
    "|",
    "{}",
    ":",
    "a\nb",
    "🙂",
    "x" * 10_000,
    "<b>",
    "&amp;",
    "&#60;",
    "\0",
    "\ud800",
    "]]>",
    "\\N",
    "",
]


class Written(Module):
    """A neuron as micrograd writes it, term by term."""

    def __init__(self, nin: int) -> None:
        self.w = [Value(0.1 * (i + 1)) for i in range(nin)]
        self.b = Value(0.5)

    def __call__(self, x: Any) -> Value:
        return sum((w * x for w, x in zip(self.w, x, strict=True)), self.b).tanh()


def labelled(value: Value, label: str) -> Value:
    value.label = label
    return value


def textbook() -> tuple[Value, dict[str, Value]]:
    """The article's network: three sigmoid neurons without bias, and its error ½(t − y)²."""
    numbers = {"x1": 0.35, "x2": 0.7, "w11": 0.2, "w21": 0.2, "w12": 0.3, "w22": 0.3, "w13": 0.3, "w23": 0.9}
    v = {name: Value(number, name) for name, number in numbers.items()}
    y = {}
    for i, (weights, xs) in {1: ("w11 w21", "x1 x2"), 2: ("w12 w22", "x1 x2"), 3: ("w13 w23", "y3 y4")}.items():
        a = labelled(mg.dot([v[w] for w in weights.split()], [{**v, **y}[x] for x in xs.split()]), f"a{i}")
        y[f"y{i + 2}"] = labelled(mg.sigmoid(a), f"y{i + 2}")
    return labelled(0.5 * (0.5 - y["y5"]) ** 2, "E"), v
