"""What derivatives are where there is more than one answer or none: row by row."""

from __future__ import annotations

import math
from math import inf, nan
from pathlib import Path

import pytest

import microgrannd as mg
from microgrannd import Value
from tests.rules import conventions

PAGE = Path(__file__).parents[2] / "microgrannd" / "rules" / "README.md"

ROWS = [
    # operation, operands, value, derivative by each operand
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (-0.0,), 0.0, (0.0,)),
    ("__abs__", (0.0,), 0.0, (0.0,)),
    ("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("sqrt", (0.0,), 0.0, (inf,)),
    ("cbrt", (0.0,), 0.0, (inf,)),
    ("__pow__", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("__pow__", (1e-310, 0.0), 1.0, (0.0, math.log(1e-310))),
    ("__pow__", (nan, 0.0), 1.0, (0.0, nan)),
    ("__pow__", (5.0, 0.0), 1.0, (0.0, math.log(5))),
    ("__pow__", (-5.0, 0.0), 1.0, (0.0, nan)),
    ("__pow__", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("__pow__", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("__pow__", (0.0, 0.5), 0.0, (inf, 0.0)),
    ("__pow__", (-2.0, 3.0), -8.0, (12.0, nan)),
    ("__pow__", (-1.0, -1.0), -1.0, (-1.0, nan)),
    ("__pow__", (-1.0, 0.0), 1.0, (0.0, nan)),
    ("__pow__", (-1.0, 1.0), -1.0, (1.0, nan)),
    ("leaky_relu", (0.0, 0.1), 0.0, (0.1, 0.0)),
    ("leaky_relu", (0.0, 0.01), 0.0, (0.01, 0.0)),
    ("elu", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("clip", (1.0, 1.0, 3.0), 1.0, (1.0, 0.0, 0.0)),
    ("clip", (3.0, 1.0, 3.0), 3.0, (1.0, 0.0, 0.0)),
    ("clip", (0.0, 1.0, 3.0), 1.0, (0.0, 1.0, 0.0)),
    ("clip", (2.0, 3.0, 1.0), 1.0, (0.0, 0.0, 1.0)),
    ("clip", (-1.0, -1.0, -1.0), -1.0, (1.0, 0.0, 0.0)),
    ("clip", (-1.0, -1.0, 0.0), -1.0, (1.0, 0.0, 0.0)),
    ("clip", (-1.0, 0.0, 0.0), 0.0, (0.0, 1.0, 0.0)),
    ("clip", (0.0, -1.0, 0.0), 0.0, (1.0, 0.0, 0.0)),
    ("maximum", (-1.0, -1.0), -1.0, (0.5, 0.5)),
    ("minimum", (-1.0, -1.0), -1.0, (0.5, 0.5)),
    ("hypot", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("atan2", (0.0, -1.0), math.pi, (-1.0, 0.0)),
    ("atan2", (0.0, 0.0), 0.0, (nan, nan)),
    ("asin", (1.0,), math.pi / 2, (inf,)),
    ("asin", (-1.0,), -math.pi / 2, (inf,)),
    ("acos", (1.0,), 0.0, (-inf,)),
    ("acos", (-1.0,), math.pi, (-inf,)),
    ("acosh", (1.0,), 0.0, (inf,)),
    ("softsign", (0.0,), 0.0, (1.0,)),
    # steps: the slope on both sides
    ("__mod__", (-1.0, -1.0), -0.0, (1.0, -1.0)),
    ("__mod__", (-1.0, 1.0), 0.0, (1.0, 1.0)),
    ("__mod__", (0.0, -1.0), -0.0, (1.0, 0.0)),
    ("__floordiv__", (-1.0, -1.0), 1.0, (0.0, 0.0)),
    ("__floordiv__", (0.0, -1.0), -0.0, (0.0, 0.0)),
    ("floor", (-1.0,), -1.0, (0.0,)),
    ("ceil", (-1.0,), -1.0, (0.0,)),
    ("trunc", (-1.0,), -1.0, (0.0,)),
    ("fmod", (-1.0, -1.0), -0.0, (1.0, -1.0)),
    ("fmod", (-1.0, 1.0), -0.0, (1.0, 1.0)),
    ("copysign", (-1.0, 0.0), 1.0, (-1.0, 0.0)),
    ("copysign", (0.0, -1.0), -0.0, (0.0, 0.0)),
    ("copysign", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("copysign", (1.0, 0.0), 1.0, (1.0, 0.0)),
    # not a number in, not a number out
    ("relu", (nan,), nan, (1.0,)),
    ("__abs__", (nan,), nan, (nan,)),
    ("maximum", (nan, 1.0), nan, (0.5, 0.5)),
    ("maximum", (1.0, nan), nan, (0.5, 0.5)),
    ("minimum", (nan, 1.0), nan, (0.5, 0.5)),
    ("clip", (nan, 0.0, 1.0), nan, (0.0, 0.0, 0.0)),
    ("clip", (0.5, nan, 1.0), nan, (0.0, 0.0, 0.0)),
    ("clip", (0.5, 0.0, nan), nan, (0.0, 0.0, 0.0)),
    ("clip", (nan, 2.0, 1.0), nan, (0.0, 0.0, 1.0)),
    ("log", (nan,), nan, (nan,)),
    ("__truediv__", (1.0, nan), nan, (nan, nan)),
    ("sqrt", (-0.0,), -0.0, (inf,)),
    # too large for a float: inf on the right side, in the derivative too
    ("exp", (710.0,), inf, (inf,)),
    ("exp2", (1024.0,), inf, (inf,)),
    ("expm1", (710.0,), inf, (inf,)),
    ("sinh", (711.0,), inf, (inf,)),
    ("sinh", (-711.0,), -inf, (inf,)),
    ("cosh", (711.0,), inf, (inf,)),
    ("cosh", (-711.0,), inf, (-inf,)),
    ("gamma", (172.0,), inf, (inf,)),
    ("lgamma", (1e306,), inf, (math.log(1e306),)),
    ("__pow__", (1e200, 2.0), inf, (2e200, inf)),
    ("__pow__", (-1e200, 3.0), -inf, (inf, nan)),
    ("__pow__", (2.0, 2000.0), inf, (inf, inf)),
    ("__add__", (1.7e308, 1.7e308), inf, (1.0, 1.0)),
    ("__mul__", (1e200, -1e200), -inf, (-1e200, 1e200)),
    ("exp", (-1000.0,), 0.0, (0.0,)),
    ("softplus", (inf,), inf, (1.0,)),
    ("softplus", (-inf,), 0.0, (0.0,)),
    ("log_sigmoid", (-inf,), -inf, (1.0,)),
    ("log_sigmoid", (inf,), -0.0, (0.0,)),
    ("gelu", (-inf,), -0.0, (0.0,)),
    ("gelu", (inf,), inf, (1.0,)),
    ("silu", (-inf,), -0.0, (0.0,)),
    ("silu", (inf,), inf, (1.0,)),
    ("floor", (inf,), inf, (0.0,)),
    ("ceil", (-0.5,), -0.0, (0.0,)),
    ("trunc", (-0.5,), -0.0, (0.0,)),
]


@pytest.mark.parametrize(("operation", "operands", "value", "partials"), ROWS, ids=lambda cell: str(cell))
def test_the_table_of_conventions(
    operation: str, operands: tuple[float, ...], value: float, partials: tuple[float, ...]
) -> None:
    leaves = [Value(x) for x in operands]
    result = getattr(Value, operation)(*leaves)
    result.backward()
    assert [result.data, *(leaf.grad for leaf in leaves)] == pytest.approx(
        [value, *partials], rel=1e-15, abs=0, nan_ok=True
    )


@pytest.mark.skipif(not PAGE.exists(), reason="the package's own pages are not there, as in Pyodide")
def test_the_table_on_the_page_is_what_the_rules_give() -> None:
    assert conventions.table() in PAGE.read_text(encoding="utf-8"), "python -m tests.rules.conventions prints the table"


@pytest.mark.skipif(not PAGE.exists(), reason="the package's own pages are not there, as in Pyodide")
def test_each_function_of_math_is_here_or_left_out_with_a_reason() -> None:
    functions = {name for name, thing in vars(math).items() if callable(thing) and not name.startswith("_")}
    assert functions - set(dir(mg)) == functions & conventions.LEFT_OUT.keys()
    assert conventions.left_out() in PAGE.read_text(encoding="utf-8"), "python -m tests.rules.conventions prints it"


def test_every_row_of_it_is_stated_above() -> None:
    stated = {(operation, operands) for operation, operands, *_ in ROWS}
    assert {(row.rule.name, row.operands) for row in conventions.rows()} <= stated


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: Value(-1.0).log(), ValueError, "log(x) needs x > 0, got x = -1.0"),
        (lambda: mg.log(-1.0), ValueError, "log(x) needs x > 0, got x = -1.0"),
        (lambda: Value(-1.0, "rate").log(), ValueError, "log(x) needs x > 0, got x = -1.0 (label 'rate')"),
        (lambda: Value(1.0) / Value(0.0), ZeroDivisionError, "a / b needs b < 0 or b > 0, got a = 1.0, b = 0.0"),
        (lambda: 1 / Value(0.0), ZeroDivisionError, "a / b needs b < 0 or b > 0, got a = 1.0, b = 0.0"),
        (lambda: Value(0.0) ** -1, ZeroDivisionError, "got a = 0.0, b = -1.0"),
        (lambda: Value(-8.0) ** 0.5, ValueError, "got a = -8.0, b = 0.5"),
        (lambda: Value(1.0) % 0, ZeroDivisionError, "a % b needs b < 0 or b > 0, got a = 1.0, b = 0.0"),
        (lambda: 7 // Value(0.0), ZeroDivisionError, "a // b needs b < 0 or b > 0, got a = 7.0, b = 0.0"),
        (lambda: mg.fmod(Value(math.inf), 2), ValueError, "fmod(a, b) needs -inf < a < inf and (b < 0 or b > 0), got a = inf"),
        (lambda: mg.gamma(Value(-2.0)), ValueError, "gamma(x) needs x > 0 or -inf < x < 0 and not whole(x), got x = -2.0"),
        (lambda: mg.digamma(0.0), ValueError, "digamma(x) needs x > 0"),
        (lambda: mg.log(Value(8.0), 0), ValueError, "log(x) needs x > 0, got x = 0.0"),
        (lambda: mg.dist([Value(1.0)], []), ValueError, "dist() needs as many ps as qs, got 1 ps and 0 qs"),
        (lambda: mg.softmax([]), ValueError, "needs len(vs) > 0, got vs = []"),
        (lambda: Value(1.0) * 10**400, OverflowError, "a Value holds a float, for which this int is too large"),
        (lambda: math.floor(Value(1.0)), TypeError, "mg.floor"),
        (lambda: math.ceil(Value(1.0)), TypeError, "mg.ceil"),
        (lambda: math.trunc(Value(1.0)), TypeError, "mg.trunc"),
        (lambda: Value(math.inf).sin(), ValueError, "sin(x) needs -inf < x < inf, got x = inf"),
        (lambda: mg.logsumexp([]), ValueError, "needs len(vs) > 0, got vs = []"),
        (lambda: mg.mean([]), ZeroDivisionError, "sum(vs) / len(vs) needs len(vs) > 0, got vs = []"),
        (lambda: mg.dot([1.0, 2.0], [Value(1.0)]), ValueError, "dot() needs as many ws as xs, got 2 ws and 1 xs"),
        (lambda: mg.dot(3.0, [Value(1.0)]), TypeError, "dot() needs a sequence of Values or real numbers for ws, got 3.0 (float)"),
        (lambda: mg.sum([Value(1.0), "a"]), TypeError, "sum() needs a Value or a real number for vs[1], got 'a' (str)"),
        (lambda: mg.exp("1"), TypeError, "exp() needs a Value or a real number for x, got '1' (str)"),
        (lambda: mg.clip(Value(1.0), None, 2), TypeError, "clip() needs a Value or a real number for lo, got None (NoneType)"),
        (lambda: math.exp(Value(1.0)), TypeError, "mg.exp"),
        (lambda: float(Value(1.0)), TypeError, ".data"),
        (lambda: Value("3"), TypeError, "Value needs a real number, got '3' (str)"),
        (lambda: Value(None), TypeError, "Value needs a real number, got None (NoneType)"),
        (lambda: Value(1j), TypeError, "Value needs a real number, got 1j (complex)"),
        (lambda: Value(Value(1.0)), TypeError, "Value needs a real number, got Value(data=1.0, grad=0.0) (Value)"),
        (lambda: Value(1.0, label=3), TypeError, "a label is a str, got 3 (int)"),
        (lambda: Value(10**400), OverflowError, "a Value holds a float, for which this int is too large"),
        (lambda: Value(1.0) + "a", TypeError, "'Value' and 'str'"),
        (lambda: 1j * Value(1.0), TypeError, "'complex' and 'Value'"),
        (lambda: Value(1.0) < "a", TypeError, "'Value' and 'str'"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(compute: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        compute()  # type: ignore[operator]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("x", [-1000.0, 1000.0])
def test_what_can_be_stable_is_stable_far_out(x: float) -> None:
    v = Value(x)
    for name in "sigmoid log_sigmoid relu leaky_relu elu gelu silu softplus softsign tanh erf erfc atan asinh".split():
        result = getattr(v, name)()
        result.backward()
        assert math.isfinite(result.data)
    assert math.isfinite(v.grad)
    assert [p.data for p in mg.softmax([v, 0.0])] == ([1.0, 0.0] if x > 0 else [0.0, 1.0])
    assert mg.logsumexp([v, v]).data == x + math.log(2)
    assert mg.logsumexp([inf, x]) == inf
    assert mg.logsumexp([-inf, -inf]) == -inf
