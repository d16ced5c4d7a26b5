"""A rule of one's own: what works, what is refused, and what its formulas may hold."""

from __future__ import annotations

import gc
import inspect
import math
import pickle
import subprocess
import sys
import traceback
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.rules.formula import FUNCTIONS, Formula, FormulaError
from microgrannd.testing import gradcheck


def digamma(x: float) -> float:
    return math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) if x > 6 else digamma(x + 1) - 1 / x


@mg.rule("lgamma(x)", dx="digamma(x)", domain="x > 0", symbol="lnΓ", names={"digamma": digamma})
def log_gamma(x):
    """Logarithm of the gamma function."""


@mg.rule("a * x ** 2 + b * x + c", da="x ** 2", dx="2 * a * x + b", db="x", dc="1")
def parabola(a, x, b=1.0, c=0.0):
    """Of four operands, two of them with defaults."""


@mg.rule(
    "max(vs) - min(vs)", dvs="[(1 if v >= max(vs) else 0) - (1 if v <= min(vs) else 0) for v in vs]", sequences=["vs"]
)
def spread(vs):
    """Of a sequence."""


def test_it_works_like_those_of_the_library() -> None:
    x = Value(3.0, "x")
    y = log_gamma(x)
    y.backward()
    assert y.data == math.lgamma(3.0)
    assert x.grad == pytest.approx(0.9227843350984671, rel=1e-6)
    assert (log_gamma(5), y._op) == (math.lgamma(5), "lnΓ")
    with pytest.raises(ValueError, match=r"lgamma\(x\) needs x > 0, got x = -2.5"):
        log_gamma(-2.5)
    with pytest.raises(TypeError, match=r"log_gamma\(\) needs a Value or a real number for x, got 'a' \(str\)"):
        log_gamma("a")


def test_more_operands_defaults_and_names() -> None:
    x, a = Value(3.0), Value(2.0)
    y = parabola(a, x, c=Value(5.0))
    y.backward()
    assert (y.data, x.grad, a.grad) == (26.0, 13.0, 9.0)
    assert parabola(2, 3, 1, 5) == 26.0
    assert str(inspect.signature(parabola)) == "(a, x, b=1.0, c=0.0)"


def test_sequences() -> None:
    vs = [Value(3.0), Value(-1.0), Value(1.0)]
    spread(vs).backward()
    assert [v.grad for v in vs] == [1.0, -1.0, 0.0]
    assert spread(v for v in [4.0, 1.0]) == 3.0


def test_it_pickles_by_name_and_keeps_its_documentation() -> None:
    assert pickle.loads(pickle.dumps(parabola)) is parabola
    assert log_gamma.__name__ == "log_gamma"
    assert log_gamma.__doc__.startswith("Logarithm of the gamma function.\n\ny = lgamma(x)")


def test_a_traceback_shows_the_generated_source() -> None:
    @mg.rule("broken(x)", dx="1", names={"broken": lambda x: x.nothing})
    def broken(x):
        """Raises what no formula should."""

    try:
        broken(Value(1.0))
    except AttributeError:
        assert "y = broken(x_)" in traceback.format_exc()
    else:
        pytest.fail("nothing was raised")


def test_results_become_floats_and_never_complex() -> None:
    @mg.rule("floor(x)", dx="0")
    def step(x):
        """An int from math."""

    @mg.rule("x ** 0.5", dx="x ** -0.5 / 2")
    def root(x):
        """Complex for negative numbers, and without a domain."""

    assert type(step(Value(2.5)).data) is float
    with pytest.raises(ValueError, match="cannot be computed"):
        root(Value(-2.0))
    x = Value(0.0)
    root(x).backward()
    assert x.grad == math.inf


def test_operands_go_by_name_whatever_they_are_called() -> None:
    @mg.rule("x - x_ * exp_", dx="1", dx_="-exp_", dexp_="-x_")
    def f(x, x_, exp_):
        """Names like those that the generated code might use."""

    values = [Value(6.0), Value(3.0), Value(2.0)]
    result = f(*values)
    result.backward()
    assert [result.data, *(v.grad for v in values)] == [0.0, 1.0, -2.0, -3.0]


def test_constants_of_ones_own_become_floats_or_are_refused() -> None:
    @mg.rule("K * x if x > 0 else K", dx="K", names={"K": 3})
    def scaled(x):
        """With a whole number of one's own."""

    @mg.rule("K * x", dx="1", names={"K": 2j})
    def turned(x):
        """With a complex one."""

    assert [type(scaled(Value(x)).data) for x in (1.0, -1.0)] == [float, float]
    assert type(scaled(Value(1.0))._da) is float
    with pytest.raises(ValueError, match="no real value"):
        turned(Value(1.0))


def test_a_partial_that_meets_a_complex_number_is_not_a_number() -> None:
    @mg.rule("x", dx="log(x ** 0.5)")
    def f(x):
        """Its partial is complex on the way."""

    x = Value(-1.0)
    f(x).backward()
    assert math.isnan(x.grad)


def test_partials_of_ones_own_fall_back_to_ieee() -> None:
    @mg.rule("x", dx="1 / x + log(x) + sinh(x * 1000) + failing(x) * 0", names={"failing": lambda x: math.exp(1000)})
    def strange(x):
        """Its partial raises in every term."""

    x = Value(0.0)
    strange(x).backward()
    assert math.isnan(x.grad)

    @mg.rule("a + b", da="a / b", db="(0 - a) ** b")
    def divided(a, b):
        """Its partials divide by zero and take a power of a negative number."""

    for numbers, slopes in [
        ((1.0, 0.0), (math.inf, 1.0)),
        ((-1.0, -0.0), (math.inf, 1.0)),
        ((0.0, -1.0), (0.0, math.inf)),
    ]:
        a, b = map(Value, numbers)
        divided(a, b).backward()
        assert (a.grad, b.grad) == slopes


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x.__class__", "Attribute is not allowed"),
        ("x == 1", "Eq is not allowed"),
        ("(lambda: x)()", "Lambda is not allowed"),
        ("unknown(x)", "unknown name 'unknown'"),
        ("__import__('os')", "is not a number"),
        ("x if", "is not a formula"),
        ("x\0", "is not a formula"),
        ("True", "True is not a number"),
        ("x[0]", "Subscript is not allowed"),
        ("exp(x=1)", "keyword is not allowed"),
        ("exp(x)(x)", "name(operand, ...)"),
        ("x(1)", "x is a number and cannot be called"),
        ("pi(1)", "pi is a number and cannot be called"),
        ("map(x, x)", "x is a number and cannot be called"),
        ("sum([z for z in [x]]) + z", "unknown name 'z'"),
        ("sum([z for w in [z] for z in [x]])", "unknown name 'z'"),
        ("sum([0 * v for v in [x] for exec in [x]]) if exec(1) else x", "unknown name 'exec'"),
        ("sum([exp for exp in [x]])", "exp cannot be bound here"),
        ("sum([0 for __debug__ in [x]])", "__debug__ cannot be bound here"),
        ("sum([z async for z in [x]])", "is not a"),
        pytest.param("+".join(["x"] * 200), "at most 100 levels", marks=pytest.mark.desktop),
        ("+".join(["x"] * 3000), "at most 2,000 characters"),
        pytest.param("(" * 300 + "x" + ")" * 300, "is not a formula", marks=pytest.mark.desktop),
        ("1" + "0" * 400, "is not a number that a float can hold"),
        ("y", "unknown name 'y'"),
        ("f'{x}'", "is not allowed"),
        ("(x := 2)", "is not allowed"),
        ("[*map(x, x)]", "is not allowed"),
    ],
)
def test_a_formula_that_is_none_is_refused(formula: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        mg.rule(formula, dx="1")(lambda x: None)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "function", "message"),
    [
        ({"dx": "1", "dy": "1"}, lambda x, y: None, "y is the result"),
        ({"dx": "1", "dz": "1"}, lambda x, y: None, "y is the result"),
        ({}, lambda: None, "needs a partial derivative for each operand"),
        ({"x": "1"}, lambda x: None, "a partial is named d and then its operand, as dx; got x="),
        ({"dlambda": "1"}, lambda x: None, "as dx; got dlambda="),
        ({"dx": "1"}, lambda x, z: None, "needs as many partials as parameters, got dx"),
        ({"dx": "1"}, lambda *x: None, "an operand cannot be the parameter '*x'"),
        ({"dx": "1"}, lambda _x: None, "an operand cannot be the parameter '_x'"),
        ({"dx": "1", "sequences": ["z"]}, lambda x: None, "sequences names no operand: z"),
        ({"dz": "1", "dx": "1"}, lambda x, z: None, "dz= stands where the parameter x is"),
        ({"dx": "1", "names": {"_real": abs}}, lambda x: None, "names= cannot hold '_real'"),
        ({"dx": "1", "names": {"y": 1.0}}, lambda x: None, "names= cannot hold 'y'"),
        ({"dx": "exp"}, lambda x: None, "exp is a function, to be called"),
        ({"dx": "1", "domain": "x != 0"}, lambda x: None, "NotEq is not allowed"),
        ({"dx": "1", "domain": "x - x"}, lambda x: None, "a domain is a condition, as x > 0 is"),
        ({"dx": "1", "symbol": "\x1b[31m"}, lambda x: None, "symbol needs to be printable text"),
        ({"dx": "exec(x)"}, lambda x: None, "unknown name 'exec'"),
        ({"dx": "1", "domain": "exec(x)"}, lambda x: None, "unknown name 'exec'"),
    ],
)
def test_a_rule_that_is_none_is_refused(options: dict, function: object, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        mg.rule("x", **options)(function)
    assert message in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        formula = Formula(text, ["x"], FUNCTIONS)
    except FormulaError:
        return
    assert Formula(formula.source(), ["x"], FUNCTIONS).source() == formula.source()


def test_a_formula_writes_itself_under_other_names() -> None:
    formula = Formula("a * exp(-a) + b", ["a", "b"], FUNCTIONS)
    assert formula.source({"a": "w1", "b": "b_2"}) == "w1 * exp(-w1) + b_2"
    assert repr(formula) == "Formula('a * exp(-a) + b')"


@pytest.mark.desktop
@pytest.mark.parametrize(("count", "seed"), [(300, 0), pytest.param(10_000, 1, marks=pytest.mark.slow)])
def test_mutated_formulas_do_nothing_but_compute(count: int, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.rules.hostile_formulas", str(count), str(seed)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > count / 20


def test_a_rule_that_is_gone_leaves_nothing_behind() -> None:
    def use(number: float) -> None:
        @mg.rule("x / (number + abs(x))", dx="number / (number + abs(x)) ** 2", names={"number": number})
        def own(x: Any) -> Any:
            """One of many."""

        own(Value(0.5)).backward()
        mg.grad(mg.grad(own))(0.5)
        gradcheck(own, [0.5])

    for number in range(1, 30):
        use(float(number))
    gc.collect()
    tracemalloc.start()
    for number in range(1, 101):
        use(float(number))
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 100 * 2000


def test_operands_may_be_called_like_what_generated_code_uses() -> None:
    @mg.rule("type * float + len", dtype="float", dfloat="type", dlen="1")
    def odd(type: Any, float: Any, len: Any) -> Any:
        """Three names of builtins."""

    type_ = Value(2.0)
    odd(type_, 3, len=4.0).backward()
    assert type_.grad == 3.0
    with pytest.raises(FormulaError, match="max is a number and cannot be called"):
        mg.rule("max(max, x)", dmax="1", dx="1")(lambda max, x: None)  # noqa: A006


@pytest.mark.parametrize("x", [math.inf, -math.inf])
def test_a_domain_that_cannot_be_computed_is_not_met(x: float) -> None:
    @mg.rule("sqrt(sin(x))", dx="cos(x) / (2 * y)", domain="sin(x) > 0")
    def root_of_sine(x: Any) -> Any:
        """Of infinity there is no sine."""

    with pytest.raises(ValueError, match=r"sqrt\(sin\(x\)\) needs sin\(x\) > 0, got x = -?inf"):
        root_of_sine(Value(x))


def test_a_partial_may_call_its_own_operation() -> None:
    @mg.rule("1 / (1 + exp(-x))", dx="own(x) * own(-x)")
    def own(x: Any) -> Any:
        """The sigmoid, whose slope does not cancel far out."""

    assert mg.grad(own)(40.0) == pytest.approx(math.exp(-40), rel=1e-15)
    assert mg.grad(mg.grad(own))(40.0) == pytest.approx(-math.exp(-40), rel=1e-15)
    w = Value(0.5)
    assert mg.compile(own(w), []).backward([[]]) == own(0.5)
    assert w.grad == mg.grad(own)(0.5)
    with pytest.raises(FormulaError, match="unknown name 'itself'"):
        mg.rule("itself(x)", dx="1")(lambda x: None)


def test_formulas_take_remainders_and_rounded_quotients() -> None:
    own = mg.rule("x % 3 + x // 2", dx="1 + x // 8 * 0")(lambda x: None)
    w = Value(7.5)
    assert own(w).data == 7.5 % 3 + 7.5 // 2
    assert mg.grad(mg.grad(own))(7.5) == 0.0
    assert mg.compile(own(w), []).backward([[]]) == own(7.5)
    assert w.grad == 1.0
    with pytest.raises(ZeroDivisionError, match="cannot be computed"):
        mg.rule("1 % x", dx="0")(lambda x: None)(0.0)
