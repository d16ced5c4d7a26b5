"""Expressions as text: what they mean, and that nothing else gets through."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd.cli.evaluate import FUNCTIONS, ExpressionError, evaluate
from tests.helpers import within


def values(**numbers: float) -> dict[str, mg.Value]:
    return {name: mg.Value(number, name) for name, number in numbers.items()}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("tanh(w*x + b)", math.tanh(0.5)),
        (" w \n + x ", 2.5),
        ("-x**2", -4.0),
        ("+x - -w", 2.5),
        ("2**x**3", 256.0),
        ("max(w, x) + min(w, x) + abs(-w)", 3.0),
        ("leaky_relu(-x) + leaky_relu(-x, 0.5)", -1.02),
        ("clip(x, 0, 1) / 4", 0.25),
        ("7", 7.0),
        ("1e400", math.inf),
        ("9**9**9**9", math.inf),
        ("-7 % x + 7 // x", 4.0),
        ("log(8, x) + hypot(x, 3, 6) + hypot(3, 4)", 15.0),
    ],
)
def test_it_means_what_it_says(text: str, number: float) -> None:
    result = evaluate(text, values(w=0.5, x=2, b=-0.5))
    assert isinstance(result, mg.Value)
    assert result.data == pytest.approx(number)


def test_gradients_reach_the_names() -> None:
    names = values(w=0.5, x=2)
    evaluate("w * x * x", names).backward()
    assert (names["w"].grad, names["x"].grad) == (4.0, 2.0)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("tanh(foo*x)", "no value for 'foo', give foo=...", 5),
        ("x + foo(x)", "no function 'foo'", 4),
        ("x + tanh", "tanh is a function, tanh(...)", 4),
        ("x + tanh()", "tanh takes 1 operands, got 0", 4),
        ("x.__class__", "only numbers, names, + - * / // % **, brackets and functions", 0),
        ("1 + (x if x else 1)", "only numbers", 5),
        ("1 + __import__('os').system('true')", "only numbers", 4),
        ("exp(*x)", "only numbers", 4),
        ("exp(x=2)", "only numbers", 0),
        ("x[0]", "only numbers", 0),
        ("1 + 'a'", "only numbers", 4),
        ("2 + 1j", "only numbers", 4),
        ("x @ 2", "only numbers", 0),
        ("x % 0", "a % b needs b < 0 or b > 0", 0),
        ("x y", "not an expression", 2),
        ("", "not an expression", 0),
        ("(", "'(' was never closed", 0),
        ("2 + 1/0", "a / b needs", 4),
        ("x + log(x - 5)", "log(x) needs x > 0, got x = -3.0", 4),
        ("(-8)**0.5", "a ** b needs", 0),
        ("x + é", "no value for 'é'", 4),
        ("é + foo", "no value for 'foo'", 4),
        ("\ud800", "not an expression", 0),
        ("x" + 40 * " + x" + " + foo" + 40 * " + x", "no value for 'foo'", None),
    ],
)
def test_what_is_wrong_is_shown_with_a_caret_under_the_place(text: str, message: str, column: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, values(x=2, é=1) if text.startswith("é") else values(x=2))
    first, shown, caret = str(caught.value).split("\n")
    assert message in first
    if column is None:
        assert shown[caret.index("^") :].startswith("foo")
    else:
        assert caret == "  " + " " * column + "^"


@pytest.mark.desktop
@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "(" * 150 + "x" + ")" * 150,
        "a" * 100_000,
        "x+" * 4900 + "x",
        "-" * 9000 + "x",
        "9" * 5000,
    ]
    + ["9**9**9**9", "exp(" * 190 + "x" + ")" * 190, "x**" * 3000 + "x"],
)
def test_long_deep_and_costly_ones_are_answered_or_refused_within_a_second(text: str) -> None:
    with within(1):
        try:
            evaluate(text, values(x=2))
        except ExpressionError as error:
            assert len(str(error)) < 300


tokens = st.sampled_from(
    [*FUNCTIONS, "x", "w", "(", ")", ",", "+", "-", "*", "/", "**", "1", "0", "2.5", "1e308", ".", "[", "__", "'", " "]
)


@given(st.one_of(st.lists(tokens, max_size=12).map("".join), st.text(max_size=20)))
def test_any_text_gives_a_value_or_an_expression_error(text: str) -> None:
    try:
        assert isinstance(evaluate(text, values(x=2.0, w=-0.5)), mg.Value)
    except ExpressionError as error:
        assert str(error).endswith("^")
