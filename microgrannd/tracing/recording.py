"""Recordings of a function: two, at unlike numbers, tell what in its graph depends on nothing but the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import starmap, zip_longest
from typing import Any, NamedTuple

from .._checks import real
from .._text import described
from .._trees import leaves, mapped
from ..compiler.tape import Composite, Step, Tape, tape
from ..engine.contexts import recording
from ..engine.graph import topological
from ..engine.value import Value
from ..rules.ieee import ERRORS
from ..rules.rule import CONSTANT, DETACHED
from .arguments import Arguments, form_of

#: What stands in a result for what is computed at each call.
COMPUTED = object()


#: How far the numbers of the second recording are from those of the first, relative to each: far, or where the function
#: has no value there, near.
FAR, NEAR = 0.75, 2.0**-20


class Recording(NamedTuple):
    """What one call of a function recorded.

    Attributes:
        result: of the function.
        numbers: the leaves in place of the numbers in its arguments.
        values: the leaves in place of the Values in its arguments.
    """

    result: Any
    numbers: list[Value]
    values: list[Value]

    def leaves(self) -> list[Value]:
        """Return what the result depends on: arguments' Values, and what the function closes over or makes."""
        order = topological(*(part for part in leaves(self.result) if isinstance(part, Value)))
        given = set(self.numbers)
        return [node for node in order if node._rule in (None, DETACHED) and node not in given]


class Graph(NamedTuple):
    """The graph of a function, for arguments of one structure.

    Attributes:
        form: its result, with zeros instead of Values and numbers.
        parts: of the result, in order: COMPUTED, or what is the same at each call.
        tape: of the parts that are computed; None if none is.
        leaves: the parameters of the tape.
        places: pairs of the number of a leaf that stands for a Value of the arguments, and the number of that.
    """

    form: Any
    parts: list[Any]
    tape: Tape | None
    leaves: list[Value]
    places: list[tuple[int, int]]


def graph_of(f: Callable[..., Any], given: Arguments) -> Graph:
    """Record a function twice, and return its graph.

    Raises:
        TypeError: its result is no structure of Values, numbers, truth values, texts and None.
        RuntimeError: the graph depends on numbers that it does not show.
    """
    first, second = record(f, given), _again(f, given)
    one, other = (_read(*pair) for pair in zip((first, second), _constants(first, second), strict=True))
    if any(starmap(_unlike, zip_longest(one.parts, other.parts))) or form_of(one.form) != form_of(other.form):
        raise _differs("a part of its result")
    if one.tape and other.tape and (one.tape.steps, one.tape.outputs) != (other.tape.steps, other.tape.outputs):
        differing = next((step for step, copy in zip_longest(one.tape.steps, other.tape.steps) if step != copy), None)
        raise _differs(f"an operand of {differing.rule.name}" if isinstance(differing, Step) else "an operation")
    return one


def record(f: Callable[..., Any], given: Arguments, move: Callable[[float], float] = float) -> Recording:
    """Call a function with leaves instead of numbers and Values.

    Args:
        f: the function.
        given: its arguments.
        move: returns for each number the one to use.
    """
    numbers: list[Value] = []
    values: list[Value] = []

    def leaf(made: list[Value], data: float, label: str = "") -> Value:
        made.append(Value(move(float(data)), label))
        return made[-1]

    positional, named = given.replaced(partial(leaf, numbers), lambda value: leaf(values, value.data, value.label))
    with recording(once_for_all=True):
        return Recording(f(*positional, **named), numbers, values)


def _again(f: Callable[..., Any], given: Arguments) -> Recording:
    """Record a function at other numbers, as far away as it has a value; whole ones stay whole, as indices have to."""

    def far(number: float) -> float:
        return number + 1.0 if number.is_integer() else number * (1 + FAR)

    def near(number: float) -> float:
        return number * (1 + NEAR) if number else NEAR

    for move in (far, near, lambda number: number if number.is_integer() else near(number)):
        try:
            return record(f, given, move)
        except (LookupError, *ERRORS):
            continue
    return record(f, given)


def _constants(first: Recording, second: Recording) -> tuple[set[Value], set[Value]]:
    """Return the leaves that the function makes itself, of each recording: two of one number, the same each time.

    Raises:
        RuntimeError: they have unlike numbers, or are results without a graph.
    """
    constants: tuple[set[Value], set[Value]] = set(), set()
    given = {id(a): b for a, b in zip(first.values, second.values, strict=True)}
    for leaf, other in zip_longest(first.leaves(), second.leaves()):
        if leaf is other or given.get(id(leaf)) is other:
            continue
        if leaf is None or other is None or DETACHED in (leaf._rule, other._rule):
            raise _differs("a result without a graph" if leaf and leaf._rule else "an operation")
        if repr(leaf.data) != repr(other.data):
            raise _differs(f"a Value that it makes, {leaf.data} and then {other.data},")
        constants[0].add(leaf)
        constants[1].add(other)
    return constants


def _read(recorded: Recording, constants: set[Value]) -> Graph:
    """Return the graph of a recording."""
    parts = leaves(recorded.result)
    for part in parts:
        if not isinstance(part, Value | str | None) and real(part) is None:
            raise TypeError(f"jit needs a function of scalars, lists, dicts and arrays of them, got {described(part)}")
    computed = [isinstance(part, Value) and part not in constants and not _is_number(part) for part in parts]
    roots = [part for part, is_computed in zip(parts, computed, strict=True) if is_computed]
    kept = [COMPUTED if is_computed else part for part, is_computed in zip(parts, computed, strict=True)]
    form = mapped(lambda _: 0.0, recorded.result)  # which keeps no graph
    if not roots:
        return Graph(form, kept, None, [], [])
    steps, parameters = tape(roots, recorded.numbers, constants=constants)
    index = {value: number for number, value in enumerate(recorded.values)}
    places = [(place, index[leaf]) for place, leaf in enumerate(parameters) if leaf in index]
    return Graph(form, kept, steps, parameters, places)


def _is_number(node: Value) -> bool:
    """Tell whether a node depends on nothing."""
    return node._rule is CONSTANT or (isinstance(node._rule, Composite) and not node._a)


def _unlike(part: Any, other: Any) -> bool:
    return part is not other and (COMPUTED in (part, other) or repr(part) != repr(other))


def _differs(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} is another one for other numbers, or at the next call: jit records a function once, so it cannot use .data, "
        "detach(), no_grad, random numbers or anything that changes (give them as arguments)"
    )
