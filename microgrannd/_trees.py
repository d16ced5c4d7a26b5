"""Nested lists, tuples, dicts and arrays of numbers, always in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any


def is_array(thing: Any) -> bool:
    """Tell whether it is an array, of at least one dimension."""
    return bool(getattr(thing, "shape", ())) and hasattr(thing, "ravel")


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every number in nested lists, tuples, dicts and arrays; return the same structure."""
    if isinstance(structure, list | tuple | dict):
        return of_parts(lambda part: mapped(function, part), structure)
    if is_array(structure):
        import numpy as np  # there is an array, so NumPy is installed

        results = [function(part) for part in structure.ravel()]
        if results and all(isinstance(part, np.ndarray) for part in results):
            return np.stack(results).reshape(structure.shape + results[0].shape)
        array = np.empty(len(results), dtype=float if all(isinstance(x, float) for x in results) else object)
        array[:] = results
        return array.reshape(structure.shape)
    return function(structure)


def copied(structure: Any) -> Any:
    """Copy nested lists, tuples, dicts and arrays, so that a function may assign into them or sort them."""
    if isinstance(structure, list | tuple | dict):
        return of_parts(copied, structure)
    if is_array(structure):
        return structure.copy() if hasattr(structure, "copy") else copy(structure)
    return structure


def of_parts(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to the parts of a list, tuple, named tuple or dict; return one of the same kind."""
    if isinstance(structure, dict):
        same_kind = copy(structure)
        for key, part in structure.items():  # update() of a Counter adds up
            same_kind[key] = function(part)
        return same_kind
    parts = map(function, structure)
    if isinstance(structure, list):
        return list(parts)
    return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)


def leaves(structure: Any) -> list[Any]:
    """Return the numbers in a structure."""
    numbers: list[Any] = []
    mapped(numbers.append, structure)
    return numbers


def filled(structure: Any, numbers: Iterable[Any]) -> Any:
    """Return the same structure with other numbers."""
    fresh = iter(numbers)
    return mapped(lambda _: next(fresh), structure)


def paths(structure: Any, root: str) -> Iterator[str]:
    """Yield the Python expression of each number in a structure that is called root.

    >>> list(paths([1.0, (2.0, {"b": 3.0})], "w"))
    ['w[0]', 'w[1][0]', "w[1][1]['b']"]
    """
    if isinstance(structure, dict):
        for key, part in structure.items():
            yield from paths(part, f"{root}[{key!r}]")
    elif isinstance(structure, (list, tuple)):
        for index, part in enumerate(structure):
            yield from paths(part, f"{root}[{index}]")
    elif is_array(structure):
        import numpy as np

        yield from (f"{root}[{', '.join(map(str, index))}]" for index in np.ndindex(structure.shape))
    else:
        yield root
