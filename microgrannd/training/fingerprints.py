"""Functions and settings as text: the same in another process, and under another version of Python."""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType
from typing import Any

from .._checks import is_whole, real


def digest(things: Iterable[Any]) -> str:
    """Return a short digest of the texts of things."""
    return hashlib.sha256(repr(list(things)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def text_of(thing: Any) -> str:
    """Return a setting as text.

    A function of this library is its name and the numbers that it was made with; any other its name and a digest of its
    source and of its defaults: what it was made with may be what it counts.
    """
    if isinstance(thing, partial):
        return f"partial({text_of(thing.func)}, {text_of(thing.args)}, {text_of(thing.keywords)})"
    if (rule := getattr(thing, "__rule__", None)) is not None:
        return f"{rule.name}: {rule!r}, {[text_of(own) for own in rule.used.values() if hasattr(own, '__code__')]}"
    if code := getattr(thing, "__code__", None):
        name = str(thing.__qualname__)
        if not str(thing.__module__).startswith("microgrannd."):
            return f"{name} {digest([_source(code), text_of(thing.__defaults__)])}"
        numbers = [c.cell_contents for c in thing.__closure__ or () if isinstance(c.cell_contents, int | float)]
        return name + (text_of(numbers) if numbers else "")
    if callable(thing) and hasattr(thing, "__qualname__"):
        return str(thing.__qualname__)
    if isinstance(thing, Mapping):
        return f"{{{', '.join(f'{key}: {text_of(value)}' for key, value in thing.items())}}}"
    if isinstance(thing, set | frozenset):
        thing = sorted(map(text_of, thing))
    if isinstance(thing, list | tuple):
        return f"({', '.join(map(text_of, thing))})"
    if isinstance(thing, bool) or (number := real(thing)) is None:
        plain = type(thing).__repr__ is object.__repr__  # type: ignore[comparison-overlap]  # they differ in their type only
        return str(type(thing).__name__ if plain else repr(thing))
    return repr(int(thing)) if is_whole(thing) else repr(number)


@lru_cache(maxsize=256)
def _source(code: CodeType) -> Any:
    """Return a function's syntax as plain data; without a source its instructions, which are this Python's."""
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        tree = ast.Module([], [])
    kinds = (ast.Lambda,) if code.co_name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(tree) if isinstance(node, kinds) and _begins(node, code)]
    if len(functions) == 1:
        return _plain(functions[0])
    return sys.version_info[:2], list(_instructions(code))


def _begins(node: Any, code: CodeType) -> bool:
    """Tell whether a function of this syntax is that code: by its first line, and the columns of what it computes."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    if first != code.co_firstlineno:
        return False
    body = node.body if isinstance(node.body, list) else [node.body]
    start, end = (body[0].lineno, body[0].col_offset), (body[-1].end_lineno, body[-1].end_col_offset)
    positions = [(a, c) for a, _, c, _ in code.co_positions() if a is not None and c is not None and a >= start[0]]
    inside = [position for position in positions if start <= position <= end]
    return not isinstance(node, ast.Lambda) or len(inside) > 0.5 * len(positions)


def _plain(node: Any) -> Any:
    """Return syntax as plain data, without positions, decorators, and what only some versions of Python have."""
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = [
        (name, _plain(part))
        for name, part in ast.iter_fields(node)
        if name not in _OF_SOME and part is not None and part != []
    ]
    return [type(node).__name__, parts]


_OF_SOME = {"type_params", "type_comment", "kind", "ctx", "decorator_list", "returns", "annotation"}


def _instructions(code: CodeType) -> Iterator[Any]:
    yield code.co_code
    yield code.co_names
    yield [list(_instructions(c)) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
