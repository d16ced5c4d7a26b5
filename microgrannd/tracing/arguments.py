"""The arguments of a call: their numbers and Values, and the rest, by which recordings are told apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, MutableSequence, Sequence, Set, ValuesView
from enum import Enum
from types import MethodType
from typing import Any

from .._checks import real
from .._text import described
from .._trees import is_array, mapped, of_parts
from ..engine.value import Value

#: What stands for a number, and for a Value, in the structure of arguments.
NUMBER, VALUE = "number", "Value"


#: Types of which equal objects are the same argument. Of all others only one and the same object is.
_BY_VALUE = (int, str, bytes, range, type(None))


class Same:
    """An object that equals itself only, in a structure."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


class Arguments:
    """The arguments of one call of a function.

    Args:
        positional: by position.
        named: by name.
        static: positions and names of those that are part of the structure whatever they are.

    Attributes:
        numbers: in them, as floats, in order.
        values: the Values in them, in order.
        key: their structure: nesting, lengths, keys, shapes, and all that is neither a number nor a Value.

    Raises:
        TypeError: a static argument is not hashable; an argument is an iterator, or keeps numbers in a way of its own.
    """

    def __init__(
        self, positional: Sequence[Any], named: Mapping[str, Any], static: Collection[int | str] = frozenset()
    ) -> None:
        self.positional, self.named, self.static = positional, named, static
        self.numbers: list[float] = []
        self.values: list[Value] = []
        places: list[tuple[int | str, Any]] = [*enumerate(positional), *named.items()]
        self.key: Hashable = (
            tuple(self._fixed(*place) if place[0] in static else self._structure(place[1]) for place in places),
            tuple(named),
        )

    def _fixed(self, place: int | str, thing: Any) -> Hashable:
        try:
            hash(thing)
        except TypeError:
            raise TypeError(
                f"a static argument needs to be hashable, as a tuple is, got {described(thing)} for {place!r}"
            ) from None
        return _typed(thing, lambda other: (type(other), other))

    def _structure(self, thing: Any) -> Hashable:
        kind = type(thing)
        if kind is float:
            self.numbers.append(thing)
            return NUMBER
        if isinstance(thing, Value):
            self.values.append(thing)
            return VALUE
        if isinstance(thing, list | tuple):
            return kind, self._parts(thing)
        if isinstance(thing, dict):
            return kind, tuple(map(_typed, thing)), self._parts(list(thing.values()))
        if is_array(thing):
            return kind, tuple(thing.shape), is_traced(thing), self._parts(_elements(thing))
        if (number := number_of(thing)) is not None:
            self.numbers.append(number)
            return NUMBER
        if hasattr(kind, "__next__"):
            raise TypeError(f"jit may call f several times, but {described(thing)} can be read once: give a list")
        if isinstance(thing, MutableSequence | Set | ValuesView) and not isinstance(thing, frozenset | bytearray):
            raise TypeError(
                f"jit takes numbers in lists, tuples, dicts and arrays, got {described(thing)}: give list(...)"
            )
        return _typed(getattr(thing, "item", lambda: thing)() if getattr(thing, "shape", None) == () else thing)

    def _parts(self, parts: Sequence[Any]) -> Hashable:
        """Return the structure of a sequence; of numbers alone, and of Values alone, their count."""
        types = set(map(type, parts))
        if types == {float}:
            self.numbers += parts
            return NUMBER, len(parts)
        if types == {Value}:
            self.values += parts
            return VALUE, len(parts)
        found = [self._structure(part) for part in parts]
        kinds = set(found)
        return (kinds.pop(), len(found)) if kinds in ({NUMBER}, {VALUE}) else tuple(found)

    def replaced(
        self, number: Callable[[float], Any], value: Callable[[Value], Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with other things in place of numbers and Values, in new lists, dicts and arrays."""

        def other(thing: Any) -> Any:
            if isinstance(thing, Value):
                return value(thing)
            plain = number_of(thing)
            return thing if plain is None else number(plain)

        def of(place: int | str, thing: Any) -> Any:
            return thing if place in self.static else _mapped(other, thing)

        return (
            [of(place, thing) for place, thing in enumerate(self.positional)],
            {name: of(name, thing) for name, thing in self.named.items()},
        )


def form_of(thing: Any) -> Hashable:
    """Return the structure of a result, whatever its numbers are."""
    return Arguments([mapped(lambda _: 0.0, thing)], {}).key


def number_of(thing: Any) -> float | None:
    """Return a number as a float; None for all else, truth values and members of an enumeration included."""
    if isinstance(thing, bool | Enum) or getattr(getattr(thing, "dtype", None), "kind", "") == "b":
        return None
    return real(thing)


def is_traced(array: Any) -> bool:
    """Tell whether the elements of an array are numbers or Values; else it is as it is, as a mask."""
    return getattr(array.dtype, "kind", "O") in "fiuO"


def _mapped(function: Callable[[Any], Any], thing: Any) -> Any:
    """Apply a function as `mapped` does, but leave arrays of truth values and texts as they are."""
    if is_array(thing) and not is_traced(thing):
        return thing
    if isinstance(thing, list | tuple | dict):
        return of_parts(lambda part: _mapped(function, part), thing)
    return mapped(function, thing)


def _elements(array: Any) -> list[Any]:
    """Return the elements of an array.

    Raises:
        TypeError: it holds anything else than scalars.
    """
    parts: list[Any] = array.ravel().tolist()
    if any(isinstance(part, list | tuple | dict) or part is None or is_array(part) for part in parts):
        raise TypeError(f"jit takes arrays of numbers or Values, got {described(array)}")
    return parts


def _typed(thing: Any, other: Callable[[Any], Hashable] = Same) -> Hashable:
    """Return what tells an object from others: True, 1 and 1.0 apart, and 0.0 and -0.0, in tuples and slices too.

    Args:
        thing: the object.
        other: does so for what is none of the types of which equal objects are the same.
    """
    kind = type(thing)
    if isinstance(thing, tuple | frozenset):
        return kind, (tuple if isinstance(thing, tuple) else frozenset)(_typed(part, other) for part in thing)
    if isinstance(thing, slice):
        return slice, _typed((thing.start, thing.stop, thing.step), other)
    if isinstance(thing, MethodType):
        return MethodType, Same(thing.__self__), Same(thing.__func__)
    if isinstance(thing, float | complex):
        return kind, repr(thing)
    return (kind, thing) if isinstance(thing, _BY_VALUE) else other(thing)
