"""Functions as text: the same wherever they stand, under every version of Python, and told apart by what they do."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest

import microgrannd as mg
from microgrannd.training.fingerprints import text_of


def squared(p: Any, t: Any, *, weight: float = 2.0) -> Any:
    """With what versions of Python compile in other ways."""
    try:
        parts = [(a - b) ** 2 for a, b in zip([p], [t], strict=True)]
        message = f"{weight:.2f} of {len(parts)!r} {{}}"
    except ValueError as error:
        raise TypeError(f"no pair: {error}") from None
    return weight * sum(parts) if message else lambda: parts


TWO = (lambda p, t: p - t, lambda p, t: p + t)  # on one line


def test_a_function_has_one_text_under_every_python() -> None:
    assert text_of(squared) == "squared 758a9ca0a8190392"


def test_comments_places_and_annotations_do_not_count_and_what_it_does_counts() -> None:
    def build(body: str, lines: int = 0) -> str:
        names: dict[str, Any] = {"__name__": "elsewhere"}
        source = "\n" * lines + f"def loss(p, t):\n    {body}\n"
        filename = f"elsewhere {len(LINES)}.py"
        LINES[filename] = len(source), None, source.splitlines(keepends=True), filename
        exec(compile(source, filename, "exec"), names)
        return text_of(names["loss"])

    from linecache import cache as LINES  # noqa: N812  # where Python itself looks for source

    expected = build("return p - t")
    assert build("return p - t", lines=7) == expected
    assert build("return (p - t)  # the error") == expected
    assert len({expected, build("return t - p"), build("return p - 2 * t"), build("return p - t ** 1")}) == 4


def test_functions_of_one_line_are_told_apart() -> None:
    assert text_of(TWO[0]) != text_of(TWO[1])
    assert len({text_of(f) for f in (lambda p: p * 2, lambda p: p * 3, lambda p: p)}) == 3
    assert text_of(TWO[0]) == text_of(TWO[0])


def test_without_source_instructions_count() -> None:
    first, second, third = (eval(f"lambda p: p {sign} 1") for sign in "+-+")
    assert text_of(first) == text_of(third) != text_of(second)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (mg.mse, "mse"),
        (mg.cosine(0.1, 10), "cosine.<locals>.<lambda>(0.1, 0.0, 10)"),
        (partial(mg.huber, delta=2.0), "partial(huber, (), {delta: 2.0})"),
        ([1, 2.0, True, None], "(1, 2.0, True, None)"),
        (math.pi, "3.141592653589793"),
        (object(), "object"),
    ],
)
def test_settings_as_text(thing: Any, text: str) -> None:
    assert text_of(thing) == text
