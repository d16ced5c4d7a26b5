"""Value: recording, backward, what it refuses, and what it costs."""

from __future__ import annotations

import copy
import functools
import gc
import math
import operator
import pickle
import random
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, no_grad, paused_gc
from microgrannd.engine.graph import topological

finite = st.floats(-1e6, 1e6)


def test_backward_twice_doubles_leaves_and_refreshes_the_rest() -> None:
    x = Value(2.0)
    square = x * x
    z = 3 * square
    z.backward()
    assert (x.grad, square.grad, z.grad) == (12.0, 3.0, 1.0)
    z.backward()
    assert (x.grad, square.grad, z.grad) == (24.0, 3.0, 1.0)


def test_a_gradient_can_be_handed_in_and_a_leaf_is_its_own_root() -> None:
    x = Value(2.0)
    (x * x).backward(0.5)
    assert x.grad == 2.0
    x.backward()
    x.backward(2.0)
    assert x.grad == 5.0


def test_data_changed_after_recording_never_corrupts_a_gradient() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * b + mg.dot([a, b], [b, a])
    a.data, b.data = 100.0, 200.0
    c.backward()
    assert (a.grad, b.grad) == (9.0, 6.0)


def test_lists_changed_after_recording_do_not_matter() -> None:
    ws, xs = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)]
    total = mg.dot(ws, xs)
    w = ws.pop()
    xs[0] = Value(0.0)
    total.backward()
    assert (ws[0].grad, w.grad) == (5.0, 7.0)


@pytest.mark.parametrize("number", [3, True, 2.5, Fraction(1, 3), Decimal("0.1")])
def test_any_real_number_becomes_a_float_at_once(number: Any) -> None:
    assert_becomes_a_float(number)


def assert_becomes_a_float(number: Any) -> None:
    for value in (Value(number), Value(1.0) * number, number * Value(1.0), mg.dot([number], [Value(1.0)])):
        assert type(value.data) is float
        assert value.data == float(number)


@given(finite, finite)
def test_comparisons_compare_data(a: float, b: float) -> None:
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(Value(a), Value(b)) is compare(a, b)
        assert compare(Value(a), b) is compare(a, b)
        assert compare(a, Value(b)) is compare(a, b)
    assert max([Value(a), Value(b)]).data == max(a, b)
    assert bool(Value(a)) is (a != 0)


def test_equality_and_hash_are_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a != b
    assert a == a
    assert len({a, b, a}) == 2


@pytest.mark.parametrize("lose", [math.exp, math.hypot, float])
def test_what_would_lose_the_gradient_silently_is_an_error(lose: Any) -> None:
    with pytest.raises(TypeError, match=r"lose the gradient .* mg\.exp"):
        lose(Value(1.0))


def test_text_forms() -> None:
    v = Value(1 / 3)
    v.grad = 2.0
    assert repr(v) == str(v) == f"{v}" == "Value(data=0.3333333333333333, grad=2.0)"
    assert f"{v:.3f}" == "0.333"


def test_unary_plus_gives_the_value_itself() -> None:
    v = Value(1.0)
    assert +v is v
    assert (-v).data == -1.0


def test_detach_cuts_the_graph() -> None:
    x = Value(3.0, "x")
    y = x.detach() * x
    y.backward()
    assert (x.grad, x.detach().label) == (3.0, "x")


def test_the_operands_are_there_in_micrograds_form() -> None:
    x = Value(1.0)
    y = (x * 2 + 1).relu()
    (total,) = y._prev
    product, one = total._prev
    assert (y._op, total._op, one.data, one._op, product._prev[0]) == ("ReLU", "+", 1.0, "", x)
    dot = mg.dot([x, 2.0], [3.0, x], 5.0)
    assert [v.data for v in dot._prev] == [1.0, 2.0, 3.0, 1.0, 5.0]
    assert [v.data for v in mg.dot([x, x], [3.0, 4.0], x)._prev] == [1.0, 1.0, 3.0, 4.0, 1.0]


def test_topological_has_operands_before_results() -> None:
    x = Value(1.0)
    y = x * x
    z = mg.sum([y, x, y + 1])
    order = topological(z)
    assert order[-1] is z
    assert all(order.index(p) < order.index(v) for v in order for p in v._prev if p in order)
    assert len(order) == 4


# Contexts


def test_no_grad_records_nothing_and_nests() -> None:
    x = Value(3.0)
    with no_grad():
        with no_grad():
            pass
        y = x * x + mg.sum([x, x])
    assert y._prev == ()
    assert (x * x)._prev == (x, x)


def test_no_grad_is_a_decorator() -> None:
    assert no_grad()(lambda x: x * x)(Value(3.0))._prev == ()


@pytest.mark.desktop
def test_no_grad_holds_for_its_own_thread_only() -> None:
    inside, done, results = threading.Event(), threading.Event(), []

    def other() -> None:
        inside.wait()
        x = Value(2.0)
        results.append((x * x)._prev)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        done.wait()
        assert (Value(2.0) * 3)._prev == ()
    thread.join()
    assert len(results[0]) == 2


@pytest.mark.desktop
def test_paused_gc_is_counted_over_threads_and_restores() -> None:
    assert gc.isenabled()
    first, second = paused_gc(), paused_gc()
    with first:
        thread = threading.Thread(target=second.__enter__)
        thread.start()
        thread.join()
        assert not gc.isenabled()
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_paused_gc_leaves_a_collector_off_that_was_off() -> None:
    gc.disable()
    try:
        with paused_gc():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.desktop
def test_threads_do_not_disturb_each_other() -> None:
    wrong = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(50):
            x = rng.uniform(-1, 1)
            leaf = Value(x)
            value = leaf
            for _ in range(20):
                value = value * leaf + leaf
            value.backward()
            expected, power = 0.0, 0.0
            for k in range(20, -1, -1):
                expected += (k + 1) * x**k
            if not math.isclose(leaf.grad, expected, rel_tol=1e-9, abs_tol=1e-12):
                wrong.append((x, leaf.grad, expected, power))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Depth and memory


def chain(size: int) -> tuple[Value, Value]:
    x = value = Value(1.0)
    for i in range(size // 4):
        value = ((value + x) * 0.5).relu() if i % 2 else mg.dot([value, x], [0.5, 0.5]) - x + x
    return x, value


def test_a_chain_of_a_million_nodes() -> None:
    x, value = chain(1_400_000)
    assert value._depth > 1_000_000
    value.backward()
    assert repr(value).startswith("Value(data=")
    assert copy.copy(value).data == copy.deepcopy(value).data == pickle.loads(pickle.dumps(value)).data == value.data
    assert len(topological(value)) > 1_000_000
    del value
    assert x.grad > 0


@pytest.mark.desktop
def test_where_the_stack_is_small_long_chains_are_held_in_parts() -> None:
    script = """if True:
        import sys
        sys.platform = "emscripten"
        from microgrannd import Value, dot
        from microgrannd.engine.recording import STRIDE
        x = value = Value(1.0)
        for i in range(50_000):
            value = dot([x, value], [0.0, 1.0]) if i % 3 else 0.0 + value * x
        trail, length = value._trail, 0
        while trail:
            trail, held = trail
            length += 1
            assert held._depth % STRIDE == STRIDE - 1
        assert length == value._depth // STRIDE > 40
        value.backward()
        assert value.data == 1.0 and x.grad > 0
    """
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_graph_is_freed_by_counting_references() -> None:
    model = mg.MLP(2, [4, 1], "tanh", seed=0)
    gc.collect()
    gc.disable()
    try:
        loss = mg.mse([model([1.0, 2.0]), model([Value(0.5), 1])], [0.0, 1.0])
        loss.backward()
        with no_grad():
            model([1.0, 2.0])
        del loss
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_copied_or_pickled_value_keeps_all_but_its_history() -> None:
    x = Value(2.0, "x")
    y = x * x
    y.label = "y"
    y.backward()
    for twin in (copy.copy(y), copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        assert (twin.data, twin.grad, twin.label, twin._prev) == (4.0, 1.0, "y", ())
    a, b = copy.deepcopy([x, x])
    assert a is b


def test_a_subclass_keeps_its_type_when_copied_and_takes_part() -> None:
    class Weight(Value):
        __slots__ = ()

    w = Weight(2.0)
    y = 3.0 * w * w + mg.sum([w, w]) + Value(1.0) * w
    y.backward()
    assert w.grad == 15.0
    assert type(copy.copy(w)) is Weight


def test_an_interrupted_backward_leaves_no_trace_on_the_next() -> None:
    x = Value(2.0)
    y = x * x * x
    inner = y._prev[0]
    y._da = None  # the pass stops short: as if it had been interrupted
    y.backward()
    y._da = x.data
    x.grad = 0.0
    y._da, y._db = 2.0, 4.0
    y.backward()
    assert (x.grad, inner.grad) == (12.0, 2.0)


def test_a_subclass_with_other_arguments_and_attributes_survives_copies() -> None:
    twin = copy.deepcopy(Tagged(2.0, "tag"))
    assert (twin.data, twin.tag, twin.label) == (2.0, "tag", "")
    assert pickle.loads(pickle.dumps(Tagged(2.0, "tag"))).tag == "tag"


class Tagged(Value):
    """A subclass with an attribute of its own."""

    def __init__(self, data: float, tag: str) -> None:
        super().__init__(data)
        self.tag = tag


def test_an_error_inside_a_generator_is_not_hidden() -> None:
    v = Value(1.0)
    with pytest.raises(TypeError, match=r"mg\.exp"):
        mg.sum(math.exp(x) for x in [v])
    with pytest.raises(AttributeError, match="foo"):
        mg.sum(x.foo for x in [v])


def test_the_gradient_handed_in_is_a_number() -> None:
    v = Value(1.0)
    v.backward(Fraction(1, 2))
    assert type(v.grad) is float
    for wrong in (None, "a", Value(1.0)):
        with pytest.raises(TypeError, match="backward needs a real number as gradient, got"):
            v.backward(wrong)  # type: ignore[arg-type]


# NumPy


@pytest.mark.parametrize("kind", ["float32", "float64", "int8", "bool_", "array"])
def test_numbers_of_numpy_become_floats_too(np: Any, kind: str) -> None:
    assert_becomes_a_float(getattr(np, kind)(3.1))


def test_ufuncs_find_the_methods_of_their_names(np: Any) -> None:
    array = np.array([Value(0.3), Value(0.6)])
    for name in "exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh".split():
        function = getattr(np, name)
        assert [v.data for v in function(array)] == pytest.approx(function(np.array([0.3, 0.6])), rel=1e-15), name
    assert [v.data for v in np.arccosh(array + 1)] == pytest.approx(np.arccosh([1.3, 1.6]))
    assert [v.data for v in np.arctan2(array, array[::-1])] == pytest.approx(np.arctan2([0.3, 0.6], [0.6, 0.3]))
    assert [v.data for v in np.hypot(array, array[::-1])] == pytest.approx([math.hypot(0.3, 0.6)] * 2)
    assert [v.data for v in np.square(array)] == pytest.approx([0.09, 0.36])
    assert [v.data for v in abs(-array)] == [0.3, 0.6]
    assert (array.sum().data, array.mean().data, (array @ array).data) == pytest.approx((0.9, 0.45, 0.45))
    assert (np.dot(array, np.array([1.0, 2.0])).data, np.float64(2.0) * array[0]) is not None


def test_what_compares_in_numpy_hands_an_operand_back(np: Any) -> None:
    a, b = Value(1.0), Value(2.0)
    assert np.maximum(np.array([a, b]), np.array([b, 3.0])).tolist() == [b, 3.0]
    assert np.minimum(np.array([a, b]), np.array([b, 3.0])).tolist() == [a, b]
    assert np.clip(np.array([a, b]), 0.0, 1.5).tolist() == [a, 1.5]


def test_numbers_of_numpy_on_either_side(np: Any) -> None:
    x = Value(3.0)
    for y in (np.float64(2) * x, x * np.float64(2), np.int64(2) * x, np.float64(6) / (x / x)):
        assert isinstance(y, Value)
        assert y.data == 6.0
    assert isinstance((x + np.array([1.0, 2.0]))[1], Value)


def test_an_mlp_of_object_arrays_has_the_same_gradients(np: Any) -> None:
    model = mg.MLP(3, [4, 2], "tanh", seed=1)
    x = [0.5, -1.0, 2.0]
    mg.sum(model(x)).backward()
    expected = [p.grad for p in model.parameters()]
    model.zero_grad()
    a = np.array(x)
    for layer, activation in zip(model.layers, [np.tanh, lambda z: z], strict=True):
        w = np.array([neuron.w for neuron in layer.neurons])
        a = activation(w @ a + np.array([neuron.b for neuron in layer.neurons]))
    a.sum().backward()
    assert [p.grad for p in model.parameters()] == pytest.approx(expected, rel=1e-12)


def a_generator(x):
    yield x * x


@pytest.mark.parametrize("wrap", [lambda f: f, staticmethod, classmethod, functools.lru_cache])
@pytest.mark.parametrize("switch", [no_grad, paused_gc])
def test_what_runs_later_cannot_be_decorated(switch, wrap) -> None:
    with pytest.raises(TypeError, match="cannot decorate a_generator, which runs later: put `with"):
        switch()(wrap(a_generator))


def test_a_coroutine_cannot_be_decorated() -> None:
    async def work():
        """Later."""

    with pytest.raises(TypeError, match="which runs later"):
        no_grad()(work)


def test_a_switch_says_how_it_is_used() -> None:
    with pytest.raises(TypeError, match=r"with brackets: @no_grad\(\)"):
        no_grad(a_generator)
    with pytest.raises(TypeError, match=r"no_grad\(\) decorates a function, got None"):
        no_grad()(None)
    with pytest.raises(TypeError, match="runs later"):
        no_grad()(functools.partial(a_generator, 1))

    @functools.wraps(a_generator)
    def drained(x):
        return list(a_generator(x))

    assert no_grad()(drained)(Value(2.0))[0]._prev == ()
