"""What jit cannot record is an error with a remedy: at once, or where the function itself gives something else."""

from __future__ import annotations

import collections
import contextlib
import random
import re
import sys
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value

w = Value(0.5, "w")


def branch(x: Any) -> Any:
    return x * 2 if x > 1 else x


def truth(x: Any) -> Any:
    return x * 2 if w * x else x


def detached(x: Any) -> Any:
    return x * (w * x).detach()


def unrecorded(x: Any) -> Any:
    with mg.no_grad():
        share = w * x
    return x * share


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (branch, TypeError, "a comparison of Value(data=2.0, grad=0.0) holds for these numbers only"),
        (truth, TypeError, "mg.jit records a function once for all: use mg.maximum"),
        (lambda x: max(x, w), TypeError, "a comparison of"),
        (lambda x: sorted([x, w])[0], TypeError, "static="),
        (lambda x: [w, w, w][x], TypeError, "use mg.lookup(table, index) for an element"),
        (lambda x: mg.sum([w for _ in range(x)]), TypeError, "in mg.jit static= for a range or a length"),
        (lambda x: [w] * x, TypeError, "static="),
        (lambda x: w * float(x), TypeError, "use mg.exp, mg.sin and their like"),
        (lambda x: w * x.data, RuntimeError, "an operand of __mul__ is another one"),
        (lambda x: Value(x.data) * w, RuntimeError, "a Value that it makes, 2.0 and then 3.0"),
        (lambda x: x.data, RuntimeError, "a part of its result is another one"),
        (detached, RuntimeError, "a result without a graph is another one"),
        (unrecorded, RuntimeError, "it cannot use .data, detach(), no_grad"),
        (lambda x: w * x * random.random(), RuntimeError, "random numbers"),
        (lambda x: {1, 2}, TypeError, "jit needs a function of scalars, lists, dicts and arrays of them, got {1, 2}"),
        (lambda x: x + 1j, TypeError, "unsupported operand"),
    ],
)
def test_what_is_not_the_graphs(f: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        mg.jit(f)(2)


def test_numbers_of_weights_are_seen_by_the_second_call() -> None:
    v = Value(1.0)
    f = mg.jit(lambda: v * v.data)
    f()
    v.data = 3.0
    with pytest.raises(RuntimeError, match=r"gives 9.0, and by its program 3.0: it uses what its graph does not show"):
        f()


def test_what_changes_from_call_to_call_is_seen() -> None:
    calls = [0.0]

    def f(x: Any) -> Any:
        calls[0] += 1.0
        return x * calls[0]

    with pytest.raises(RuntimeError, match="another one for other numbers, or at the next call"):
        mg.jit(f)(2.0)


def test_a_refusal_leaves_nothing_behind() -> None:
    f = mg.jit(lambda x, flag: branch(x) if flag else x * 2)
    for _ in range(3):
        with pytest.raises(TypeError, match="a comparison of"):
            f(2.0, True)
        assert f(2.0, False).data == 4.0
        assert Value(1.0) < Value(2.0)  # outside all is as before
        assert bool(Value(1.0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if x == 0 else x,
        lambda x: x * 2 if x != 1 else x,
        lambda x: x * 2 if x in (1, 2) else x,
        lambda x: -x if x % 2 == 0 else x,
        mg.grad(lambda x: x * x if x > 0 else -x),
        lambda x: mg.jvp(lambda y: y * y if y > 0 else -y, [x], [1.0])[1],
        mg.grad(lambda x: mg.relu(x) * x),
    ],
)
def test_comparisons_of_every_kind_are_refused(f: Any) -> None:
    with pytest.raises(TypeError, match="holds for these numbers only"):
        mg.jit(f)(2.0)
    assert Value(1.0) != 1.0  # outside, == is identity
    v = Value(1.0)
    assert v == v
    assert v in [Value(1.0), v]


@pytest.mark.parametrize(
    "f",
    [
        lambda v: {v.label: v},
        lambda v: {round(v.data): v * 2},
        lambda v: v * round(v.data),
        lambda v: (v * 2, f"{v.data:.0f}"),
        lambda v: [v] * int(v.data),
    ],
)
def test_what_depends_on_a_rounded_number_or_a_name_is_seen(f: Any) -> None:
    jitted = mg.jit(f)
    for data in (3.0, 5.0):
        try:
            jitted(Value(data, str(data)))
        except RuntimeError as error:
            assert "another" in str(error)
            return
    pytest.fail("it went unseen")


def test_a_small_share_is_not_hidden_by_a_tolerance() -> None:
    v = Value(1e-13)
    f = mg.jit(lambda: v * 1.0 + v.data * 5.0)
    f()
    v.data = 3e-13
    with pytest.raises(RuntimeError, match="and by its program"):
        f()


def test_an_interrupt_leaves_no_switch_on() -> None:
    for place in range(1, 12):
        counted = [0]

        def trace(frame: Any, event: str, argument: Any, place: int = place, counted: list[int] = counted) -> Any:
            if frame.f_code.co_name in ("recording", "_called_itself") and event == "line":
                counted[0] += 1
                if counted[0] == place:
                    raise KeyboardInterrupt
            return trace

        if sys.gettrace() is not None:
            pytest.skip("another tracer is at work")
        f = mg.jit(lambda x: x * 2)
        sys.settrace(trace)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                f(1.0)
        finally:
            sys.settrace(None)
        assert Value(1.0) < 2.0
        calls: list[Any] = []
        g = mg.jit(lambda x, calls=calls: calls.append(x) or x * 2)
        for _ in range(4):
            g(1.0)
        assert len(calls) == 4  # two recordings and two comparisons


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"f": 3}, TypeError, "jit needs a function, got 3 (int)"),
        ({"f": branch, "backend": "c"}, ValueError, "backend needs to be python or numba, got 'c' (str)"),
        ({"f": branch, "static": "n"}, ValueError, "static needs names among x, got 'n' (str)"),
        ({"f": (lambda: (yield 1))}, TypeError, "jit cannot decorate"),
        ({"f": branch, "static": 1}, TypeError, "static needs names of arguments, as static=('n',), got 1 (int)"),
        ({"f": (lambda *n: n[0]), "static": "n"}, ValueError, "static needs names among no parameters, got 'n'"),
        ({"f": staticmethod(branch)}, TypeError, "write @staticmethod above @mg.jit"),
    ],
)
def test_what_is_not_given_rightly(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        mg.jit(**given)


def test_arguments_that_cannot_be_told_apart_or_read_twice() -> None:
    with pytest.raises(
        TypeError, match=r"a static argument needs to be hashable, as a tuple is, got \[1, 2\] \(list\) for"
    ):
        mg.jit(lambda x, sizes: x, static=["sizes"])(1.0, [1, 2])
    with pytest.raises(TypeError, match="can be read once: give a list"):
        mg.jit(lambda xs: mg.sum(xs))(iter([1.0, 2.0]))
    for numbers in (collections.deque([1.0]), {1.0}, {"a": 1.0}.values()):
        with pytest.raises(TypeError, match=r"jit takes numbers in lists, tuples, dicts and arrays, got .*: give list"):
            mg.jit(lambda xs: mg.sum(xs))(numbers)
    with pytest.raises(OverflowError, match="too large"):
        mg.jit(lambda x: x)(10**400)
