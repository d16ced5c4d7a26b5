"""Lookups: a row of a table by its number."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from .._checks import real
from .._text import described
from ..rules import lookup as rules
from .operations import recorded
from .value import Value

_lookup: Any = recorded(rules.lookup)


def lookup(table: Sequence[Any], index: Any) -> Any:
    """Return the row of a table with a number, as an embedding does.

    Args:
        table: a sequence of rows: of Values or numbers, or of lists of them of one length.
        index: a whole number from 0 on; or a Value that holds one, which a compiled program replaces for each row of its
            inputs. The result has no slope by it.

    Returns:
        For a number, the row itself. For a Value, a Value; of lists, a list of them.

    Raises:
        IndexError: the index is no whole number, negative, or beyond the end.
        TypeError: it is neither a number nor a Value.
        ValueError: the rows have unlike lengths.

    >>> from microgrannd import Value
    >>> table = [[Value(0.5), Value(1.0)], [Value(-0.5), Value(2.0)]]
    >>> lookup(table, 1) is table[1]
    True
    >>> lookup(table, Value(1))
    [Value(data=-0.5, grad=0.0), Value(data=2.0, grad=0.0)]
    """
    try:
        number = index.data if isinstance(index, Value) else real(index)
    except OverflowError:  # no float, and no index
        number = inf
    if number is None:
        raise TypeError(f"lookup needs a whole number or a Value as index, got {described(index)}")
    try:
        row = rules.element(table, number)
    except rules.NoElement as error:
        label = f" (label {index.label!r:.60})" if isinstance(index, Value) and index.label else ""
        raise rules.NoElement(f"lookup {error}{label}") from None
    return _looked_up(table, index) if isinstance(index, Value) else row


def _looked_up(table: Sequence[Any], index: Value) -> Any:
    lengths = {len(row) if hasattr(row, "__len__") and not isinstance(row, str) else None for row in table}
    if len(lengths) > 1:
        raise ValueError(f"lookup needs rows of one length, got {' and '.join(map(str, sorted(lengths, key=str)))}")
    if lengths == {None}:
        return _lookup(table, index)
    return [_looked_up(column, index) for column in zip(*table, strict=True)]
