"""Checks of gradients beside each other: false alarms, misses and time, on the same functions in each library.

PyTorch, HIPS autograd and JAX take part where they are installed.
Each library's own check is called as its documentation shows it, in double precision.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import microgrannd as mg
from microgrannd.testing import gradcheck

HEADER = "| check | right functions refused | wrong ones passed | a check |\n|---|---|---|---|"

#: The functions that are checked: the name that all libraries share, its derivative, and where it has one.
KINDS: dict[str, tuple[str, float, float]] = {
    "sin": ("cos(x)", -3, 3), "cos": ("-sin(x)", -3, 3), "exp": ("exp(x)", -3, 3), "log": ("1 / x", 0.1, 3), "tanh": ("1 - tanh(x) ** 2", -3, 3),
    "sqrt": ("0.5 / sqrt(x)", 0.1, 3), "sinh": ("cosh(x)", -3, 3), "cosh": ("sinh(x)", -3, 3), "arctan": ("1 / (1 + x * x)", -3, 3),
    "log1p": ("1 / (1 + x)", -0.5, 3),
}  # fmt: skip

#: What is wrong with a derivative: factors, and one that is right only where it is small.
MISTAKES = ["-1 *", "0 *", "2 *", "1.01 *", "1.0001 *", "1.0000001 *", "1.000000001 *"]


class Case(NamedTuple):
    """``height * kind(scale * x) + offset``, with the derivative of the kind as it stands there."""

    kind: str
    derivative: str
    scale: float
    height: float
    offset: float
    x: float


def cases(count: int, wrong: bool, seed: int) -> Iterator[Case]:
    """Functions at all scales, as they come from units: nanofarads, hertz, light years."""
    draw = random.Random(seed)
    for index in range(count):
        kind = list(KINDS)[index % len(KINDS)]
        derivative, low, high = KINDS[kind]
        mistake = draw.choice(MISTAKES) if wrong else ""
        scale, height = 10.0 ** draw.randint(-9, 9), 10.0 ** draw.randint(-9, 9)
        offset = draw.choice([0.0, 1.0, 1e6]) * height
        yield Case(kind, f"{mistake} ({derivative})", scale, height, offset, draw.uniform(low, high) / scale)


def by_microgrannd(case: Case) -> Callable[[], Any]:
    operation = mg.rule(f"{case.kind}(x)", dx=case.derivative, names={"arctan": math.atan})(lambda x: None)
    return lambda: gradcheck(lambda x: case.height * operation(case.scale * x) + case.offset, [case.x])


def by_torch(case: Case) -> Callable[[], Any]:
    import torch

    names = {name: getattr(torch, name) for name in KINDS}

    class Operation(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return names[case.kind](x)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * eval(case.derivative, names, {"x": x})

    x = torch.tensor(case.x, dtype=torch.float64, requires_grad=True)
    return lambda: torch.autograd.gradcheck(lambda x: case.height * Operation.apply(case.scale * x) + case.offset, (x,))


def by_autograd(case: Case) -> Callable[[], Any]:
    import autograd.numpy as np
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    names = {name: getattr(np, name) for name in KINDS}
    operation = primitive(lambda x: names[case.kind](x))
    defvjp(operation, lambda _, x: lambda gradient: gradient * eval(case.derivative, names, {"x": x}))
    f = lambda x: case.height * operation(case.scale * x) + case.offset  # noqa: E731
    return lambda: check_grads(f, modes=["rev"], order=1)(case.x)


def by_jax(case: Case) -> Callable[[], Any]:
    import jax
    import jax.numpy as np
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    names = {name: getattr(np, name) for name in KINDS}
    operation = jax.custom_jvp(names[case.kind])
    operation.defjvps(lambda tangent, _, x: tangent * eval(case.derivative, names, {"x": x}))
    f = lambda x: case.height * operation(case.scale * x) + case.offset  # noqa: E731
    return lambda: check_grads(f, (case.x,), order=1)


LIBRARIES = {
    "microgrannd `gradcheck`": by_microgrannd,
    "PyTorch `gradcheck`": by_torch,
    "HIPS autograd `check_grads`": by_autograd,
    "JAX `check_grads`": by_jax,
}


def refused(check: Callable[[], Any]) -> bool:
    try:
        check()
    except Exception:  # each library has its own
        return True
    return False


def lines(count: int = 200) -> Iterator[str]:
    """The rows of the table, for so many right functions and as many wrong ones."""
    right, wrong = list(cases(count, False, 0)), list(cases(count, True, 1))
    for name, make in LIBRARIES.items():
        try:
            make(right[0])
        except ImportError as missing:
            yield f"| {name} | skipped: {missing} | | |"
            continue
        refused(make(right[0]))  # what is compiled or imported once is not timed
        start = time.perf_counter()
        alarms = sum(refused(make(case)) for case in right)
        misses = sum(not refused(make(case)) for case in wrong)
        seconds = (time.perf_counter() - start) / (2 * count)
        yield f"| {name} | {alarms} of {count} | {misses} of {count} | {1e3 * seconds:.1f} ms |"
