"""Functions under jit against the same functions called themselves: numbers, gradients, and all that reads a node."""

from __future__ import annotations

import copy
import enum
import gc
import math
import pickle
import threading
import weakref
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd._trees import filled, leaves
from microgrannd.engine.graph import topological
from microgrannd.testing import expressions, gradcheck
from microgrannd.testing.strategies import Expression
from microgrannd.tracing.jit import MOST_STRUCTURES
from tests.helpers import rounding, within

without_numba = pytest.mark.skipif(not find_spec("numba"), reason="numba as a backend")
every_backend = pytest.mark.parametrize("backend", ["python", pytest.param("numba", marks=without_numba)])


class Pair(NamedTuple):
    first: Any
    second: Any


def structures(parts: list[Any]) -> st.SearchStrategy[Any]:
    """Nested lists, tuples, dicts and named tuples of some parts, in their order."""
    if len(parts) < 2:
        return st.just(parts)
    cut = st.integers(0, len(parts))
    halves = cut.flatmap(
        lambda n: st.tuples(structures(parts[:n]) if n < len(parts) else st.just(parts), st.just(parts[n:]))
    )
    return st.one_of(
        st.just(parts),
        halves.map(list),
        halves.map(lambda pair: Pair(*pair)),
        halves.map(lambda pair: {"b": pair[0], "a": {0: pair[1]}}),
    )


@settings(max_examples=60, deadline=None)
@given(expressions(max_size=10), st.data())
def test_random_functions_over_nested_structures(expression: Expression, data: st.DataObject) -> None:
    assert_same(expression, data, "python")


@pytest.mark.slow
@every_backend
@settings(max_examples=300, deadline=None)
@given(expressions(max_size=10), st.data())
def test_more_random_functions_over_nested_structures(
    backend: str, expression: Expression, data: st.DataObject
) -> None:
    assert_same(expression, data, backend)


def assert_same(expression: Expression, data: st.DataObject, backend: str) -> None:
    """Some of what it reads are numbers, some Values in its arguments, some Values that it closes over."""
    point = expression.inputs
    kinds = data.draw(
        st.lists(st.sampled_from(["number", "Value", "closed"]), min_size=len(point), max_size=len(point))
    )
    closed = [Value(x) for x, kind in zip(point, kinds, strict=True) if kind == "closed"]

    def f(given: Any) -> Any:
        numbers, others = iter(leaves(given)), iter(closed)
        y = expression(*(next(others if kind == "closed" else numbers) for kind in kinds))
        return {"y": y, "more": [y * 2.0, mg.tanh(y)]}

    jitted = mg.jit(f, backend=backend)
    shape = data.draw(structures([None] * (len(point) - len(closed))))
    near = [x * 1.001 for x in point]
    for numbers in (point, point, near):  # twice beside the function itself, once by the program alone
        nodes = [
            x if kind == "number" else Value(x) for x, kind in zip(numbers, kinds, strict=True) if kind != "closed"
        ]
        for value, x in zip(
            closed, [x for x, kind in zip(numbers, kinds, strict=True) if kind == "closed"], strict=True
        ):
            value.data = x
        try:
            with mg.no_grad():
                expected = leaves(f(filled(shape, nodes)))
        except (ArithmeticError, ValueError) as error:
            with pytest.raises(type(error)):
                jitted(filled(shape, nodes))
            continue
        found = leaves(jitted(filled(shape, nodes)))
        bound = rounding(lambda *xs: expression(*xs), [], list(numbers))
        assert [one.data for one in found[:1]] == pytest.approx(
            [getattr(one, "data", one) for one in expected[:1]], rel=1e-9, abs=bound[0], nan_ok=True
        )
        every = [Value(x) for x in numbers]
        expression(*every).backward()
        for value in closed:
            value.grad = 0.0
        found[0].backward()
        receivers = iter([node for node in nodes if isinstance(node, Value)]), iter(closed)
        for one, kind, error in zip(every, kinds, bound[1:], strict=True):
            if kind != "number":
                got = next(receivers[kind == "closed"]).grad
                assert got == pytest.approx(one.grad, rel=1e-9, abs=error, nan_ok=True) or not math.isfinite(one.grad)


@every_backend
def test_a_call_is_one_node_and_reads_data_anew(backend: str) -> None:
    w = Value(2.0, "w")
    f = mg.jit(lambda x: w * x * x, backend=backend)
    for n in range(5):
        w.data, w.grad, x = 2.0 + n, 0.0, Value(3.0)
        y = f(x)
        assert y._operands in ((w, x), (x, w))
        (y * 2).backward()
        assert (y.data, w.grad, x.grad) == (9 * w.data, 18.0, 12 * w.data)
    before = f(Value(3.0))
    w.data, w.grad = 100.0, 0.0
    (before * 1.0).backward()
    assert w.grad == 9.0


def test_partials_of_several_results_are_those_of_the_call() -> None:
    w = Value(2.0)
    f = mg.jit(lambda x: [w * x, w * w, x])
    for data in (2.0, 3.0, 4.0):
        w.data = data
        nodes = f(1.5)
    w.data, w.grad = 50.0, 0.0
    nodes[1].backward()
    assert w.grad == 8.0
    assert nodes[2]._operands == (1.5,)  # it does not depend on w, and gets no share of infinite gradients


def test_results_that_are_no_computation() -> None:
    w = Value(2.0, "w")
    f = mg.jit(lambda x: (x, w, 3, None, "text", True, Value(1.0, "fresh"), {"n": 2.5}))
    for n in range(4):
        x = Value(float(n))
        found = f(x)
        assert found[0].data == n
        assert found[2:6] == (3, None, "text", True)
        assert (found[6].data, found[6].label, found[7]) == (1.0, "fresh", {"n": 2.5})
        w.grad = 0.0
        (found[0] * found[1]).backward()
        assert (x.grad, w.grad) == (2.0, n)
        found[6].data = 7.0  # the next call makes another one


def test_static_arguments_and_structures_have_programs_of_their_own() -> None:
    calls = []

    @mg.jit(static="n")
    def f(x: Any, n: int, flag: bool = False, name: str = "") -> Any:
        calls.append((n, flag, name))
        for _ in range(n):
            x = x * 2
        return x + (1.0 if flag else 0.0)

    for _ in range(4):
        assert f(1.5, 2).data == 6.0
        assert f(1.5, n=3).data == 12.0
        assert f(1.5, 2, True).data == 7.0
        assert f(1.5, 2, name="a").data == 6.0
        assert f(2, 2).data == 8.0  # a whole number is a number
    assert len(calls) == 4 * 4  # two recordings, two comparisons


def test_truth_values_numbers_and_signs_of_static_zeros_are_told_apart() -> None:
    f = mg.jit(lambda x, n: x * n if n is not True else x + 100.0, static=["n"])
    g = mg.jit(lambda x, n: x * math.copysign(1.0, n), static=["n"])
    for _ in range(3):
        assert [f(2.0, n).data for n in (True, 1, 1.0)] == [102.0, 2.0, 2.0]
        assert [g(2.0, n).data for n in (0.0, -0.0)] == [2.0, -2.0]


def test_structures_that_differ_in_kind_only_are_told_apart() -> None:
    class Mode(enum.IntEnum):
        A, B = 1, 2

    first = mg.jit(lambda x, s: x * 2 if s[0] is True else x, static="s")
    sign = mg.jit(lambda x, s: x * math.copysign(1.0, s[0]), static="s")
    key = mg.jit(lambda d: next(iter(d.values())) * (10 if next(iter(d)) is True else 1))
    mode = mg.jit(lambda x, m: x if m is Mode.A else -x)
    plane = mg.jit(lambda x, c: x * math.copysign(1.0, c.imag))
    for _ in range(3):
        assert [first(1.0, (s,)).data for s in (True, 1)] == [2.0, 1.0]
        assert [sign(1.0, (s,)).data for s in (0.0, -0.0)] == [1.0, -1.0]
        assert [key({k: 2.0}).data for k in (1, True)] == [2.0, 20.0]
        assert [mode(3.0, m).data for m in Mode] == [3.0, -3.0]
        assert [plane(1.0, complex(-1, i)).data for i in (0.0, -0.0)] == [1.0, -1.0]


def test_a_static_argument_after_others() -> None:
    @mg.jit(static="n")
    def f(x: Any, *xs: Any, n: int) -> Any:
        for y in xs:
            x = x + y[0] * n
        return x

    for _ in range(3):
        assert f(1.0, [1.0], [3.0], n=2).data == 9.0
    assert len(f._traces) == 1


def test_what_is_fresh_at_each_call_is_recorded_once() -> None:
    class Scale:
        def by(self, x: Any) -> Any:
            return x * 2.0

    calls, scale = [], Scale()
    f = mg.jit(lambda x, g, part: calls.append(1) or g(mg.sum(x[part])))
    for _ in range(10):
        assert f([1.0, 2.0, 3.0], scale.by, slice(0, 2)).data == 6.0
    assert len(calls) == 4


def test_masks_small_floats_and_objects_with_a_shape() -> None:
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    chosen = mg.jit(lambda x, mask: mg.sum(x[mask]) / mask.sum())
    loss = mg.jit(lambda p, t: mg.mse(list(p), list(t)))
    whole = mg.jit(lambda a: a[0] + a[1])
    for _ in range(3):
        assert chosen(np.array([1.0, 2.0, 6.0]), np.array([True, False, True])).data == 3.5
        assert loss(np.array([0.1, 0.2], np.float32), np.array([0.3, 0.7], np.float32)).data == pytest.approx(0.145)
        assert whole(np.array([200, 100], np.uint8)).data == 300.0
    with pytest.raises(TypeError, match="jit takes arrays of numbers or Values"):
        whole(np.array([[1.0], [2.0, 3.0]], dtype=object))

    class Shaped(mg.Module):
        shape = (2, 1)

        def __init__(self) -> None:
            self.w = Value(2.0)

        @mg.jit
        def __call__(self, x: Any) -> Any:
            return self.w * x

    model = Shaped()
    assert [model(x).data for x in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]


def test_cancellation_is_no_difference() -> None:
    f = mg.jit(mg.sum)
    for _ in range(3):
        assert f([1e16, 1.0, -1e16]).data in (0.0, 1.0)
    near = [1e6 + x for x in (0.1, 0.5, 0.9)]
    variance = mg.jit(lambda xs: mg.mean([x * x for x in xs]) - mg.mean(xs) ** 2)
    for _ in range(3):
        assert variance(near).data == pytest.approx(0.1067, abs=0.01)


def test_copies_of_modules_have_functions_of_their_own() -> None:
    class Cell(mg.Module):
        def __init__(self, w: float) -> None:
            self.w = Value(w)
            self.fast = mg.jit(self.forward)

        def forward(self, x: Any) -> Any:
            return self.w * x

    cell = Cell(2.0)
    cell.fast(1.0)
    other = copy.deepcopy(cell)
    other.w.data = 5.0
    other.fast(1.0).backward()
    assert (other.fast(1.0).data, other.w.grad, cell.w.grad, cell.fast(1.0).data) == (5.0, 1.0, 0.0, 2.0)
    model = mg.jit(mg.MLP(1, [1], seed=0))
    again = pickle.loads(pickle.dumps(model))
    assert again([2.0]).data == model([2.0]).data


def test_many_parameters_and_results_take_time_in_proportion() -> None:
    ws = [Value(0.1) for _ in range(4000)]
    f = mg.jit(lambda x: mg.dot(ws, [x] * len(ws)))
    with within(5):
        assert f(1.0).data == pytest.approx(400.0)
    g = mg.jit(lambda x: [mg.tanh(w * x) for w in ws[:300]])
    with within(10):
        mg.sum(g(0.5)).backward()
    assert ws[299].grad == pytest.approx(0.5 * (1 - math.tanh(0.05) ** 2))


def test_a_trace_keeps_no_graph() -> None:
    gc.collect()
    before = sum(type(thing) is Value for thing in gc.get_objects())
    w = Value(1.0)
    f = mg.jit(lambda x: mg.sum([mg.tanh(w * x) for _ in range(500)]) * w)
    f(1.0)
    gc.collect()
    assert sum(type(thing) is Value for thing in gc.get_objects()) - before < 20


def test_a_node_of_numbers_alone_is_a_number_to_others() -> None:
    h = mg.jit(mg.exp)(0.5)
    found = mg.jit(lambda x: [h, h * x])(2.0)
    assert [one.data for one in found] == [math.exp(0.5), 2 * math.exp(0.5)]


def test_data_that_is_an_int() -> None:
    table, i = [Value(1.0), Value(2.0), Value(4.0)], Value(0.0)
    i.data = 2
    f = mg.jit(lambda i: mg.lookup(table, i) * 2)
    assert [f(i).data for _ in range(3)] == [8.0] * 3


def test_arrays() -> None:
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    weights = np.array([[Value(0.5), Value(-1.0)], [Value(2.0), Value(0.25)]])
    f = mg.jit(lambda x, mask: np.where(mask, np.tanh(weights @ x), 0.0))
    for n in range(4):
        x, mask = np.array([1.0, n]), np.array([True, False])
        found = f(x, mask)
        assert found.shape == (2,)
        assert getattr(found[0], "data", found[0]) == pytest.approx(math.tanh(0.5 - n))
        assert f(x.astype(np.float32), ~mask)[1].data == pytest.approx(math.tanh(2.0 + 0.25 * n))
    found[0].backward()
    assert weights[0][0].grad == pytest.approx(1 - math.tanh(0.5 - 3) ** 2)
    assert mg.jit(lambda x: x * x)(np.int64(3)).data == 9.0


def test_modules_methods_and_copies() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    fast = mg.jit(model)
    for row in ([0.1, 0.2], [0.3, 0.4], [0.5, 0.6]):
        assert fast(row).data == model(row).data

    class Cell(mg.Module):
        def __init__(self, w: float) -> None:
            self.w = Value(w)

        @mg.jit
        def __call__(self, x: Any) -> Any:
            return self.w * x

    cells = Cell(2.0), Cell(3.0)
    for x in (1.0, 2.0, 3.0):
        assert [cell(x).data for cell in cells] == [2 * x, 3 * x]
    other = copy.deepcopy(cells[0])
    other.w.data = 5.0
    assert (other(1.0).data, cells[0](1.0).data) == (5.0, 2.0)
    assert pickle.loads(pickle.dumps(squares)) is squares


@mg.jit
def squares(xs: Any) -> Any:
    """The sum of squares."""
    return mg.sum([x * x for x in xs])


def test_derivatives_of_all_orders_call_the_function_itself() -> None:
    assert (squares.__name__, squares.__doc__) == ("squares", "The sum of squares.")
    for point in ([1.0, 2.0], [0.5, -1.0], [3.0, 4.0]):
        squares(point)
        assert mg.grad(squares)(point) == [2 * x for x in point]
        assert mg.hessian(squares)(point) == [[2.0, 0.0], [0.0, 2.0]]
        assert mg.jvp(squares, [point], [[1.0, 0.0]])[1] == 2 * point[0]
        assert gradcheck(squares, [point], order=2)
        assert gradcheck(lambda x: mg.exp(squares([x, 1.0]) * 0.1), point[:1])


@every_backend
def test_inside_of_programs_and_other_functions(backend: str) -> None:
    w, x = Value(0.5, "w"), Value(2.0, "x")
    inner = mg.jit(lambda a: mg.tanh(w * a), backend=backend)
    inner(x)
    root = mg.log(inner(x) * 3.0 + inner(1.5))
    program = mg.compile(root, [x], backend=backend)
    assert {step.rule.name for step in program.tape.steps} == {"tanh", "__mul__", "__add__", "log"}
    expected = math.log(math.tanh(0.5 * 0.3) * 3 + math.tanh(0.75))
    assert program.forward([[0.3]]) == pytest.approx([expected])
    outer = mg.jit(lambda a: inner(a) + inner(a * 2), backend=backend)
    for a in (0.1, 0.2, 0.3):
        w.grad = 0.0
        y = outer(a)
        assert y.data == pytest.approx(math.tanh(0.5 * a) + math.tanh(a))
        y.backward()
        assert w.grad == pytest.approx(a * (1 - math.tanh(0.5 * a) ** 2) + 2 * a * (1 - math.tanh(a) ** 2))


def test_a_program_of_a_node_whose_numbers_leave_nothing_to_compute() -> None:
    w = Value(2.0)
    f = mg.jit(lambda a, b: mg.exp(a) * b)
    assert mg.compile(f(0.0, w) * 3.0, []).forward([[]]) == [6.0]
    constant = mg.jit(lambda a: mg.exp(a))(0.5)
    assert mg.compile(constant * w, []).forward([[]]) == [2 * math.exp(0.5)]


def test_fit_with_a_loss_under_jit_is_that_without() -> None:
    X, y = mg.data.moons(40, noise=0.1, seed=0)
    found = []
    for loss in (mg.mse, mg.jit(lambda p, t: mg.mse(p, t))):
        model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
        optimizer = mg.SGD(model.parameters(), lr=0.1)
        history = mg.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=3, batch_size=8, seed=0, progress=False)
        found.append((history.loss, [p.data for p in model.parameters()]))
    assert found[0] == found[1]


def test_pictures_and_explanations_show_one_box() -> None:
    w, x = Value(0.5, "w"), Value(2.0, "x")

    @mg.jit
    def attention(a: Any) -> Any:
        return mg.tanh(w * a) * a

    y = attention(x) * 2.0
    y.backward()
    (box,) = [box for box in mg.draw(y).graph.boxes if "attention" in box.lines[0]]
    assert box.lines[1:] == ("data 1.523", "grad 2")
    assert len(topological(y)) == 4
    assert "attention" in str(mg.explain(y))
    with mg.scope("head"):
        inside = attention(x)
    assert [frame.name for frame in mg.draw(inside).graph.frames] == ["head"]


def test_inside_of_no_grad_there_are_numbers_only() -> None:
    w = Value(0.5)
    f = mg.jit(lambda x: (w * x, mg.tanh(w)))
    for x in (1.0, 2.0, 3.0, 4.0):
        with mg.no_grad():
            one, other = f(x)
        assert (one.data, other.data) == (0.5 * x, math.tanh(0.5))
        with pytest.raises(RuntimeError, match="without a graph"):
            one.backward()
    y, _ = f(2.0)
    y.backward()
    assert w.grad == 2.0


def test_a_result_in_the_arguments_passes_its_gradient_on() -> None:
    x = Value(0.5)
    f = mg.jit(lambda a, b: a * b)
    for _ in range(4):
        x.grad, h = 0.0, x * x
        f(h, h).backward()
        assert x.grad == pytest.approx(4 * 0.5**3)


def test_errors_are_those_of_the_function_itself() -> None:
    f = mg.jit(lambda x: mg.log(x["a"]))
    for x in (1.0, 2.0, 3.0):
        f({"a": Value(x, "size")})
    with pytest.raises(ValueError, match=r"^log\(x\) needs x > 0, got x = -1.0 \(label 'size'\)$"):
        f({"a": Value(-1.0, "size")})
    assert f({"a": Value(1.0)}).data == 0.0
    slope = mg.jit(lambda x: mg.sqrt(x))
    for data in (4.0, 1.0, 0.0):
        x = Value(data)
        slope(x).backward()
        assert x.grad == (0.5 / math.sqrt(data) if data else math.inf)


@every_backend
def test_called_from_four_threads(backend: str) -> None:
    w = Value(0.5)
    f = mg.jit(lambda xs: mg.sum([mg.tanh(w * x) for x in xs]), backend=backend)
    wrong: list[Any] = []

    def work(thread: int) -> None:
        for n in range(60):
            xs = [float(thread + 1)] * (1 + (n + thread) % 5)
            y = f(xs)
            partial = list(y._da)
            slope = len(xs) * xs[0] * (1 - math.tanh(0.5 * xs[0]) ** 2)
            if not math.isclose(y.data, len(xs) * math.tanh(0.5 * xs[0])) or not math.isclose(partial[0], slope):
                wrong.append((thread, n, y.data, partial))

    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
    except RuntimeError as error:
        pytest.skip(f"this Python starts no threads: {error}")
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_it_keeps_is_bounded_and_goes_with_it() -> None:
    class Thing:
        pass

    f = mg.jit(lambda x, thing: x * 2.0)
    things = [Thing() for _ in range(MOST_STRUCTURES + 20)]
    kept = [weakref.ref(thing) for thing in things]
    for thing in things:
        f(1.0, thing)
    del things, thing
    gc.collect()
    assert sum(ref() is not None for ref in kept) == MOST_STRUCTURES
    gc.disable()
    try:
        counts = []
        for _ in range(3):
            for _ in range(1000):
                f(1.0, None).backward()
            counts.append(len(gc.get_objects()))
        assert counts[2] - counts[1] < 10  # nodes go without the collector
    finally:
        gc.enable()
    del f
    gc.collect()
    assert not any(ref() for ref in kept)
