"""What every backend has to do as the eager engine does, where one did not."""

from __future__ import annotations

import gc
import math
import signal
import threading
import time
import weakref
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.chains import chained
from microgrannd.compiler.lists import MOST_LINES, Lists
from microgrannd.compiler.roll import roll
from tests.helpers import TRACED


def programs(outputs: Any, inputs: list[Value]) -> list[mg.Program]:
    """By straight lines, over lists, and by numba where it is installed."""
    straight, rolled = mg.compile(outputs, inputs), mg.compile(outputs, inputs)
    rolled._runner = Lists(rolled.tape, roll(chained(rolled.tape)))
    try:
        return [straight, rolled, mg.compile(outputs, inputs, backend="numba")]
    except ImportError:
        return [straight, rolled]


def outcome(program: mg.Program, row: list[float], parameters: list[Value]) -> Any:
    for parameter in parameters:
        parameter.grad = 0.0
    try:
        (value,) = program.forward([row])
        program.backward([row])
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)
    return [value, *(parameter.grad for parameter in parameters)]


def assert_same(build: Any, rows: list[list[float]], numbers: list[float]) -> None:
    """Compare all backends with the eager engine, for rows of inputs and numbers of parameters."""
    parameters = [Value(x) for x in numbers]
    inputs = [Value(0.5) for _ in rows[0]]
    made = programs(build(inputs, parameters), inputs)
    for row in rows:
        for parameter in parameters:
            parameter.grad = 0.0
        try:
            root = build([Value(x) for x in row], parameters)
            root.backward()
            expected: Any = [root.data, *(parameter.grad for parameter in parameters)]
        except (ArithmeticError, ValueError) as error:
            expected = type(error), f"row 0: {error}"
        for program in made:
            found = outcome(program, row, parameters)
            if isinstance(expected, tuple):
                assert found == expected, program.source
            else:
                assert found == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True), program.source


@pytest.mark.parametrize("numbers", [(0.25, 0.0, -0.6), (-0.6, 0.0, 0.25), (1.0, 1.0, 0.0), (0.1, 0.7)])
def test_softmax(numbers: tuple[float, ...]) -> None:
    assert_same(lambda _, ps: mg.softmax(ps)[0] * 1.5, [[]], list(numbers))
    assert_same(lambda xs, ps: mg.softmax([p * xs[0] for p in ps])[-1], [[0.5], [-2.0]], list(numbers))
    assert_same(lambda _, ps: mg.log_softmax(ps)[1] * 1.5, [[]], list(numbers))


SEQUENCES = [
    ("-log(sum([exp(-v) for v in vs]))", "[exp(-v)/sum([exp(-w) for w in vs]) for v in vs]"),
    ("sum([v*t for t in [sum([-w for w in vs])] for v in vs])", "[t for t in [2*sum([-w for w in vs])] for v in vs]"),
    (
        "sum([abs(v) if v<0 else v for v in vs])+max([abs(v) if v<0 else v for v in vs])",
        "[v*sum([-w for w in vs])+sum([-w for w in vs]) for v in vs]",
    ),
    ("sum(vs) / factorial(len(vs))", "[1 / factorial(len(vs))] * len(vs)"),
    ("sum([1, 2] + vs + [3])", "[1] * len(vs)"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "partial"), SEQUENCES)
@pytest.mark.parametrize("length", [3, 120])
def test_expressions_that_are_written_several_times(formula: str, partial: str, length: int) -> None:
    if length > 20 and "factorial" in formula:
        return  # the factorial of 120 is no float that is a whole number
    own = mg.rule(formula, dvs=partial, sequences=["vs"])(lambda vs: None)
    assert_same(
        lambda xs, ps: own([xs[0] * ps[0], *ps[1:]] * (length // 3)) + own(ps * (length // 3)) * xs[0],
        [[0.7], [-1.5]],
        [0.3, -0.2, 0.9],
    )


def test_functions_of_ones_own_take_lists() -> None:
    own = mg.rule("own(vs)", dvs="[1] * len(vs)", sequences=["vs"], names={"own": lambda vs: sum(vs + [1.0])})(
        lambda vs: None
    )
    for length in (5, 120):
        x = Value(0.25)
        assert mg.compile(own([x] * length), []).forward([[]]) == [0.25 * length + 1.0]


DIVISIONS = ["x % w", "x // w", "x / w", "1 / w + x"]


@pytest.mark.parametrize("formula", DIVISIONS)
def test_a_divisor_of_0_is_refused(formula: str) -> None:
    own = mg.rule(formula, dx="1", dw="0")(lambda x, w: None)
    assert_same(lambda xs, _: own(xs[0], xs[1]), [[x, 0.0] for x in (1.0, 0.0, math.inf, math.nan)], [])


@pytest.mark.parametrize(
    "numbers", [[math.inf, -math.inf], [1e308, 1e308, -1e308], [math.nan, math.inf, -math.inf], [1e16, 1.0, -1e16]]
)
def test_fsum_is_exact_and_refuses_what_has_no_sum(numbers: list[float]) -> None:
    assert_same(lambda xs, _: mg.fsum(xs), [numbers], [])


def log(x: float) -> float:
    return math.log(x)


@pytest.mark.parametrize(
    ("partial", "at"),
    [("log(x, 2)", 0.0), ("own(x)", 0.0), ("ceil(x)", math.inf), ("lgamma(x)", 0.0), ("lgamma(x)", -2.0)],
)
def test_partials_have_the_limits_of_the_engine(partial: str, at: float) -> None:
    own = mg.rule("x * 0 + 1", dx=partial, names={"own": log})(lambda x: None)
    assert_same(lambda _, ps: own(ps[0]), [[]], [at])


@pytest.mark.parametrize(
    ("formula", "function"),
    [("abs(f(x))", lambda x: x**0.5), ("f(x)", lambda x: x**0.5), ("f(x)", lambda x: None if x < 0 else x), ("x * f()", lambda: 2.0)],
)  # fmt: skip
def test_functions_that_give_no_number(formula: str, function: Any) -> None:
    own = mg.rule(formula, dx="2", names={"f": lambda *xs: function(*xs)})(lambda x: None)
    assert_same(lambda xs, ps: own(xs[0] * ps[0]), [[1.5], [-1.5]], [2.0])


def test_a_deep_graph_with_a_long_sequence_is_split() -> None:
    x, w = Value(0.5), Value(0.9)
    y, ys = x, []
    for number in range(MOST_LINES):
        y = mg.tanh(y + w * (x * float(number)))
        ys.append(y)
    root = mg.sum(ys)
    program = mg.compile(root, [x])
    assert "def backward_1(" in program.source
    assert program.backward([[0.5]]) == pytest.approx(root.data, rel=1e-12)
    found, w.grad = w.grad, 0.0
    root.backward()
    assert found == pytest.approx(w.grad, rel=1e-12)


def test_sums_of_long_sequences_are_computed_once() -> None:
    ps = [Value(0.01 * i) for i in range(150)]
    for root in (mg.cross_entropy(ps, 1), mg.logsumexp(ps), mg.cross_entropy(ps, Value(2.0))):
        source = mg.compile(root, []).source
        assert source.count("fsum(") <= 3 * source.count("def ")
        (line,) = [line for line in source.split("\n") if "d_fixed" in line and "fsum(" in line]
        assert re_nested(line) <= 2


def re_nested(line: str) -> int:
    """How deep loops are nested inside of elements of lists, at most."""
    depth = deepest = 0
    for bracket in line:
        depth += (bracket == "[") - (bracket == "]")
        deepest = max(deepest, depth)
    return deepest - 1


def by_numba(function: Any, wrap: Any = lambda x: x) -> mg.Program:
    pytest.importorskip("numba", reason="numba as a backend")
    own = mg.rule("f(x)", dx="2", names={"f": function})(lambda x: None)
    x, w = Value(1.0), Value(3.0)
    return mg.compile(wrap(own(w * x)), [x], backend="numba")


def test_threads_that_run_one_program_with_a_function_called_back() -> None:
    def slow(x: float) -> float:
        for _ in range(200):
            pass
        return 2 * x

    program, wrong = by_numba(slow), []

    def run(number: int) -> None:
        rows = [[number + 0.01 * i] for i in range(64)]
        for _ in range(100):
            if program.forward(rows) != pytest.approx([6 * row[0] for row in rows]):
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_function_called_back_may_run_the_program() -> None:
    made: list[mg.Program] = []

    def inner(x: float) -> float:
        return x / 2 + (made[0].forward([[0.25]])[0] if made and x > 2 else 0.0)

    made.append(by_numba(inner))
    assert made[0].forward([[0.25], [1.0], [0.5]]) == [0.375, 1.5 + 0.375, 0.75]


def test_an_error_is_raised_once_and_is_the_first() -> None:
    def fail(x: float) -> float:
        if x < 0:
            raise KeyError(f"bad {x}")
        return 2 * x

    program = by_numba(fail)
    with pytest.raises(KeyError, match=r"bad -3.0"):
        program.forward([[1.0], [-1.0], [-2.0]])
    assert [program.forward([[1.0]]) for _ in range(3)] == [[6.0]] * 3


@pytest.mark.desktop
@pytest.mark.skipif(TRACED, reason="coverage has a lock, which an interrupt at any moment would leave locked")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer to interrupt at a moment")
def test_no_interrupt_in_a_function_called_back_is_lost() -> None:
    program = by_numba(lambda x: x * 2, mg.tanh)
    rows = [[0.01 * i] for i in range(64)]
    expected, wrong, caught = program.forward(rows), 0, 0
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    sigint = signal.signal(signal.SIGINT, signal.default_int_handler)
    end = time.monotonic() + 1.5
    try:
        while time.monotonic() < end:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0023)
                while time.monotonic() < end:
                    wrong += program.forward(rows) != expected
            except KeyboardInterrupt:
                caught += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, sigint)
    assert caught > 10
    assert not wrong


def test_a_program_with_a_function_called_back_is_no_cycle() -> None:
    program = by_numba(lambda x: 2 * x)
    program.forward([[1.0]])
    kept = weakref.ref(program._runner)
    gc.disable()
    try:
        del program
        assert kept() is None
    finally:
        gc.enable()


def test_indices_that_are_no_floats() -> None:
    for bad in (10**400, -(10**400)):
        with pytest.raises(IndexError, match=r"lookup needs a whole number from 0 to 1"):
            mg.lookup([1.0, 2.0], bad)
        with pytest.raises(IndexError, match=r"cross_entropy needs a class from 0 to 1"):
            mg.cross_entropy([Value(1.0), 2.0], bad)
    with pytest.raises(TypeError, match="lookup"):
        mg.lookup("ab", Value(1.0))
    with pytest.raises(IndexError, match=r"lookup needs a whole number from 0 to 1, got 7.0 \(label 'k'\)"):
        mg.lookup([[], []], Value(7.0, "k"))
    with pytest.raises(IndexError, match=r"lookup needs at least one element, got none"):
        mg.lookup([], Value(0.0))
