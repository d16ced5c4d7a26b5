"""Expressions as text, evaluated without `eval`: parsed by `ast`, every part checked against a list of what is allowed."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..engine import functions
from ..engine.operations import recorded
from ..engine.value import Value
from ..rules import table as rules
from ..rules.table import Operations

#: The length of an expression, at most.
MOST_CHARACTERS = 10_000


_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: recorded(Operations.__add__), ast.Sub: recorded(Operations.__sub__),
    ast.Mult: recorded(Operations.__mul__), ast.Div: recorded(Operations.__truediv__),
    ast.Mod: recorded(Operations.__mod__), ast.FloorDiv: recorded(Operations.__floordiv__),
    ast.Pow: functions.pow, ast.USub: recorded(Operations.__neg__), ast.UAdd: lambda x: x,
}  # fmt: skip


#: The functions: those of the table's rules that take scalars.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(functions, name)
        for name, rule in rules.TABLE.items()
        if not rule.sequences and not name.startswith("__")
    },
    "abs": functions.fabs,
    "max": functions.maximum,
    "min": functions.minimum,
}


class ExpressionError(ValueError):
    """A text that is not an expression; the message points to the character with a caret."""

    def __init__(self, message: str, text: str, position: int) -> None:
        start = max(0, min(position - 30, len(text) - 60))
        shown = "".join(c if c.isprintable() else "�" for c in text[start : start + 60])
        self.pointer = f"\n  {shown}\n  {' ' * (position - start)}^"
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.args[0]}{self.pointer}"


def evaluate(text: str, values: Mapping[str, Value]) -> Value:
    """Evaluate an expression.

    Args:
        text: numbers, names, ``+ - * / // % **``, brackets, and functions of `microgrannd` of scalars.
        values: what the names stand for.

    Raises:
        ExpressionError: anything else in it, a name without a value, or a result that is not a number (a division by
            zero, say).
    """
    text = " ".join(text.split())
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"an expression has at most {MOST_CHARACTERS:,} characters, got {len(text):,}", text, 0)
    if "#" in text:  # begins a comment, which Python would skip silently
        raise ExpressionError("only numbers, names, + - * / // % **, brackets and functions", text, text.index("#"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's warning about 1(2) becomes an error below
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(
            f"not an expression: {error.msg:.60}", text, error.offset - 1 if error.offset else len(text)
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("not an expression, or nested too deep", text, 0) from None
    order: list[ast.expr] = [tree]
    for node in order:  # grows: a node comes before its parts
        order += _parts(node, text, values)
    results: dict[ast.expr, Any] = {}
    for node in reversed(order):
        try:
            results[node] = _result(node, results, values)
        except (ArithmeticError, ValueError) as error:
            raise ExpressionError(str(error), text, _position(node, text)) from None
    result = results[tree]
    return result if isinstance(result, Value) else Value(result)


def _parts(node: ast.expr, text: str, values: Mapping[str, Value]) -> list[ast.expr]:
    """Return the nodes that a node is computed from; refuse one that is not allowed."""
    match node:
        case ast.Constant(value) if type(value) in (int, float):
            return []
        case ast.Name(name) if name in values:
            return []
        case ast.Name(name):
            what = (
                f"{name} is a function, {name}(...)" if name in FUNCTIONS else f"no value for {name!r}, give {name}=..."
            )
            raise ExpressionError(what, text, _position(node, text))
        case ast.BinOp(left, operation, right) if type(operation) in _OPERATORS:
            return [left, right]
        case ast.UnaryOp(operation, operand) if type(operation) in _OPERATORS:
            return [operand]
        case ast.Call(ast.Name(name), arguments, []) if name in FUNCTIONS:
            parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
            endless = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
            required = sum(parameter.default is parameter.empty for parameter in parameters) - endless
            if not required <= len(arguments) or len(arguments) > len(parameters) and not endless:
                count = f"{required}" if required == len(parameters) else f"{required} to {len(parameters)}"
                raise ExpressionError(
                    f"{name} takes {count} operands, got {len(arguments)}", text, _position(node, text)
                )
            return list(arguments)
        case ast.Call(ast.Name(name)) if name not in FUNCTIONS:
            raise ExpressionError(f"no function {name!r}", text, _position(node, text))
    raise ExpressionError("only numbers, names, + - * / // % **, brackets and functions", text, _position(node, text))


def _result(node: ast.expr, results: Mapping[ast.expr, Any], values: Mapping[str, Value]) -> Any:
    match node:
        case ast.Constant(value):
            return float(value)  # type: ignore[arg-type]  # a number, by _parts
        case ast.Name(name):
            return values[name]
        case ast.BinOp(left, operation, right):
            return _OPERATORS[type(operation)](results[left], results[right])
        case ast.UnaryOp(operation, operand):
            return _OPERATORS[type(operation)](results[operand])
        case ast.Call(ast.Name(name), arguments):
            return FUNCTIONS[name](*(results[argument] for argument in arguments))
    raise AssertionError(node)  # _parts refused all others


def _position(node: ast.expr, text: str) -> int:
    """Return the index of the character where a node begins (ast counts bytes)."""
    return len(text.encode()[: node.col_offset].decode(errors="ignore"))
