"""The commands eval, explain, draw and check; their docstrings are their help."""

from __future__ import annotations

import argparse
import inspect

from .._streams import Output
from ..drawing import picture as drawing
from ..engine.value import Value
from ..explaining import explain as explaining
from . import evaluate as expressions
from .outputs import picture_format, require_output, write_picture


def draw(options: argparse.Namespace, out: Output) -> None:
    """Draw the graph of an expression, with the gradient of every node; to .html, step by step."""
    if options.output is not None:
        require_output("--output", options.output)
        picture_format(options.output)
    result = evaluated(options)
    if options.output is None:
        out.give(f"{drawing.draw(result).text()}\n")
    else:
        write_picture(result, options.output)


def evaluate(options: argparse.Namespace, out: Output) -> None:
    """Print the value of an expression and its gradient by each name."""
    result = evaluated(options)
    table = [("name", "value", "gradient"), *((v.label, repr(v.data), repr(v.grad)) for v in options.values.values())]
    lines = [f"{options.expression.strip()} = {result.data!r}"]
    if options.values:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
    out.give("\n".join(lines) + "\n")


def explain(options: argparse.Namespace, out: Output) -> None:
    """Explain the gradient of an expression, operation by operation."""
    result = evaluated(options)
    if options.wrt is not None and options.wrt not in options.values:
        raise ValueError(
            f"--wrt {options.wrt}: needs one of the names, {', '.join(options.values) or 'of which there are none'}"
        )
    out.give(f"{explaining.explain(result, options.values.get(options.wrt))}\n")


def check(options: argparse.Namespace, out: Output) -> None:
    """Compare the gradient of an expression with exact differences."""
    evaluated(options)

    def expression(*values: Value) -> Value:
        return expressions.evaluate(options.expression, dict(zip(options.values, values, strict=True)))

    names = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in options.values]
    expression.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]  # gradcheck names arguments by it
    if not names:
        raise ValueError("check needs at least one NAME=NUMBER to differentiate by")
    from ..testing import gradcheck  # with mpmath, which the other commands do without

    gradcheck(expression, [value.data for value in options.values.values()])
    out.give(f"the gradient by {', '.join(options.values)} is that of exact differences\n")


def evaluated(options: argparse.Namespace) -> Value:
    """Return the result of the expression, after backward(); the options get the values of its names."""
    options.values = {}
    for name, number in options.assignments:
        if name in options.values:
            raise ValueError(f"{name} is given twice")
        options.values[name] = Value(number, name)
    result = expressions.evaluate(options.expression, options.values)
    result.backward()
    return result
