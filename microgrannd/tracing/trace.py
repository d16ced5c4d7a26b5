"""The programs of a function for one structure of its arguments, and the nodes that its results become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any

from .._trees import filled
from ..compiler.program import Program
from ..compiler.tape import Composite, Tape
from ..engine.contexts import paused_gc, paused_here
from ..engine.graph import number
from ..engine.operations import composed
from ..engine.value import Value, data_of
from ..functional import grad
from ..rules.formula import FUNCTIONS
from ..rules.rule import Rule, rule
from .arguments import Arguments
from .recording import COMPUTED, graph_of

#: How often the result of a program is compared with a call of the function.
CHECKS = 2


class Trace:
    """Runs a function for arguments of one structure.

    Args:
        f: the function.
        name: its name, in pictures.
        given: arguments of that structure.
        backend: of the programs.

    Attributes:
        unchecked: how many of the next results are to be compared with a call of the function.

    Raises:
        TypeError, RuntimeError: there is no program of the function; see `graph_of`.
    """

    def __init__(self, f: Callable[..., Any], name: str, given: Arguments, backend: str) -> None:
        self.backend, self.unchecked = backend, CHECKS
        with paused_gc():  # which would look through all that is recorded, again and again
            graph = graph_of(f, given)
        self.form, self.parts, self.leaves, self.places = graph.form, graph.parts, graph.leaves, graph.places
        self.names = [leaf.label or f"parameters[{number}]" for number, leaf in enumerate(graph.leaves)]
        self.outputs: list[Output] = []
        if graph.tape:
            self.tape = graph.tape
            self.outputs = [Output(self, number, used, name) for number, used in enumerate(self.tape.dependencies())]

    @cached_property
    def program(self) -> Program:
        """The program of all outputs."""
        return Program(self.tape, self.leaves, single=False, backend=self.backend)

    def run(self, given: Arguments) -> Any:
        """Return the result for arguments of this structure: each Value that is computed is one node."""
        nodes = iter(self._nodes(given))
        return filled(self.form, (next(nodes) if part is COMPUTED else _fresh(part) for part in self.parts))

    def numbers(self, rows: Sequence[Sequence[float]]) -> list[Any]:
        """Return the results for the numbers of many calls, as numbers without a graph; no argument is a Value."""
        results = self.program.forward(rows) if self.outputs else [()] * len(rows)
        return [
            filled(self.form, (next(computed) if part is COMPUTED else number(part) for part in self.parts))
            for computed in map(iter, results)
        ]

    def _nodes(self, given: Arguments) -> Iterator[Value]:
        if not self.outputs:
            return
        values = list(self.leaves)
        for place, index in self.places:
            values[place] = given.values[index]
        data = data_of(values, self.names)
        if len(self.outputs) == 1 and not paused_here():
            (output,) = self.outputs
            result, partials = output.gradients(given.numbers, data)
            yield output.node(result, given.numbers, values, partials)
            return
        for output, result in zip(self.outputs, self.program.outputs(given.numbers, data), strict=True):
            yield output.node(result, given.numbers, values, Partials(output, given.numbers, data))


def _fresh(part: Any) -> Any:
    """Return a part of a result that is the same at each call, a Value as one of this call."""
    return Value(part.data, part.label) if isinstance(part, Value) else part


class Output:
    """One of the results of a function.

    Args:
        trace: of the function.
        number: of the result.
        used: the numbers of the leaves on which it depends.
        name: of the function.
    """

    def __init__(self, trace: Trace, number: int, used: Sequence[int], name: str) -> None:
        self.trace, self.number, self.used = trace, number, used
        shown = name if len(trace.tape.outputs) == 1 else f"{name}[{number}]"
        self.rule = _composite(name, shown, lambda: self.tape)

    @cached_property
    def tape(self) -> Tape:
        """The operations of this result alone."""
        return self.trace.tape.only(self.number, self.used)

    @cached_property
    def program(self) -> Program:
        """The program of this result alone."""
        return Program(self.tape, [self.trace.leaves[n] for n in self.used], single=True, backend=self.trace.backend)

    def gradients(self, numbers: list[float], data: Sequence[float]) -> tuple[float, list[float]]:
        """Return the result, and its gradients by the leaves on which it depends."""
        return self.program.gradients(numbers, [data[n] for n in self.used])

    def node(self, result: float, numbers: list[float], values: Sequence[Value], partials: Any) -> Value:
        """Return the result as a node."""
        return composed(self.rule, result, numbers, [values[n] for n in self.used], partials)


class Partials:
    """The partials of one of several results, computed when they are asked for, at the numbers of the call."""

    __slots__ = ("_data", "_found", "_numbers", "_output")

    def __init__(self, output: Output, numbers: list[float], data: list[float]) -> None:
        self._output, self._numbers, self._data = output, numbers, data
        self._found: list[float] | None = None

    def __iter__(self) -> Iterator[float]:
        if self._found is None:
            self._found = self._output.gradients(self._numbers, self._data)[1]
        return iter(self._found)


def _composite(name: str, symbol: str, made: Callable[[], Tape]) -> Composite:
    """Return the rule of a function of numbers and Values, two sequences."""
    while name in FUNCTIONS or name in ("xs", "ws", "y"):
        name += "_"

    def value(xs: Sequence[Any], ws: Sequence[Any]) -> Any:
        return made().replay(xs, ws)[0]

    def slopes(index: int) -> Callable[..., Any]:
        return lambda xs, ws: grad(value, argnums=(0, 1))(list(xs), list(ws))[index]

    def composite(xs: Any, ws: Any) -> Any:
        """Many operations as one, of numbers and Values."""

    composite.__name__ = name
    names = {name: value, f"d{name}_dxs": slopes(0), f"d{name}_dws": slopes(1)}
    declare = rule(
        f"{name}(xs, ws)", dxs=f"d{name}_dxs(xs, ws)", dws=f"d{name}_dws(xs, ws)", sequences=["xs", "ws"], names=names,
        symbol=symbol,
    )  # fmt: skip
    own: Rule = declare(composite).__rule__  # type: ignore[attr-defined]  # rule() set it
    return Composite(**{field.name: getattr(own, field.name) for field in fields(Rule)}, made=made)
