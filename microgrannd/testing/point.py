"""A function at a point: recorded there and elsewhere, its gradients, and what the words of errors need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import isfinite
from typing import Any

from .._checks import real, required_real
from .._text import described
from .._trees import filled, leaves
from ..engine.graph import number, topological
from ..engine.value import Value
from ..functional import Call
from .exact import bits, is_beyond_floats, mp
from .replay import Replay
from .rounded import BOUND, TINY
from .rounding import gradient_errors, running_errors


class Point:
    """A function, and the numbers at which its derivatives are checked.

    Args:
        f: the function.
        args: its arguments.
        parameters: further Values to differentiate by.
        groups: what each number of each argument is called, then each parameter.
        outputs: what the results are called, where that is known already.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        parameters: list[Value],
        groups: list[list[str]],
        outputs: Sequence[str] = (),
    ) -> None:
        self.f, self.args, self.parameters, self.groups, self.outputs = f, args, parameters, groups, outputs
        self.names = [name for group in groups for name in group]
        numbers = [*leaves(args), *(parameter.data for parameter in parameters)]
        self.numbers = [required_real(name, x) for name, x in zip(self.names, numbers, strict=True)]
        self.call, self.results = self.run(self.numbers)
        self.variables = self.call.variables
        #: Whether an operation has a kink at the point, of this function or of the one whose derivatives it gives.
        self.has_kinks = False

    @cached_property
    def graph(self) -> Replay:
        """What f recorded at the point."""
        return Replay(self.results)

    @cached_property
    def gradients(self) -> list[list[float]]:
        """For each result what backward() gives by each number."""
        return [
            _after_backward(result, self.variables, lambda: [variable.grad for variable in self.variables])
            for result in self.results
        ]

    def run(self, numbers: Sequence[float]) -> tuple[Call, list[Any]]:
        """Call the function with these numbers in its arguments and parameters."""
        count = len(numbers) - len(self.parameters)
        call = Call(filled(list(self.args), numbers[:count]), range(len(self.args)))
        for variable, name in zip(call.variables, self.names, strict=False):
            variable.label = name
        call.variables += self.parameters
        try:
            for parameter, x in zip(self.parameters, numbers[count:], strict=True):
                parameter.data = x
            return call, leaves(call.run(self.f, {}))
        finally:
            for parameter, x in zip(self.parameters, self.numbers[count:], strict=True):
                parameter.data = x

    def refuse_bad_use(self) -> None:
        """Raise where f returns no finite Value, ignores an argument or is not deterministic."""
        values = [result for result in self.results if isinstance(result, Value)]
        strange = [result for result in self.results if not isinstance(result, Value) and real(result) is None]
        if strange or not values:
            shown = described((strange or self.results or [None])[0])
            raise TypeError(f"gradcheck needs a function that returns a Value or several, got {shown}")
        if infinite := [value.data for value in values if not isfinite(value.data)]:
            raise ValueError(f"f gives {infinite[0]} {self.where()}")
        reached = set(topological(*values))
        variables = iter(self.variables)
        for group in self.groups:
            if group and reached.isdisjoint([next(variables) for _ in group]):
                raise ValueError(f"f ignores {', '.join(group)}: nothing that it returns was computed from it")
        first, second = _signature(self.results), _signature(self.run(self.numbers)[1])
        if first != second:
            pairs = zip(first, second, strict=False)
            index = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
            then = " and then ".join(graph[index] if index < len(graph) else "nothing" for graph in (first, second))
            raise ValueError(
                f"f is not deterministic: two calls with the same arguments recorded, as node {index}, {then}"
            )

    def where(self) -> str:
        """The point in words: its first numbers."""
        shown = [f"{name} = {x!r}" for name, x in zip(self.names[:6], self.numbers, strict=False)]
        return "at " + ", ".join(shown) + (", ..." if len(self.names) > 6 else "")

    def wrong(self, name: str, got: float, other: str) -> str:
        """The sentence about a wrong derivative."""
        return f"{name} {self.where()} is wrong: backward() gives {got!r}, {other}"

    def along(self, direction: Sequence[float], index: int) -> Callable[[float], float]:
        """One of the function's results as a function of a displacement in a direction."""
        return lambda t: number(self.run([x + t * d for x, d in zip(self.numbers, direction, strict=True)])[1][index])

    def bounds(self, result: Any, errors: Mapping[Value, Any] | None = None) -> list[Any]:
        """Bounds on the rounding errors of a result's gradients: exact ones where errors are, else those of floats."""
        order = topological(result) if isinstance(result, Value) else []

        def read() -> list[Any]:
            found = gradient_errors(order, running_errors(order) if errors is None else errors, errors is not None)
            return [BOUND * found.get(variable, 0.0) + TINY for variable in self.variables]

        with bits(256):
            return _after_backward(result, self.variables, read)


def is_wrong(got: float, right: Any, error: Any) -> bool:
    """Whether a float is further from an exact number than a bound; one that is nan is no verdict."""
    if isfinite(got):
        return bool(abs(got - right) > error)
    return bool(mp.isfinite(right)) and not is_beyond_floats(got, right)


def _after_backward(result: Any, variables: Sequence[Value], read: Callable[[], list[Any]]) -> list[Any]:
    """What can be read from the gradients after backward(); then all gradients are as before."""
    if not isinstance(result, Value):  # a derivative that does not depend on the arguments
        return [0.0] * len(variables)
    kept = [(node, node.grad) for node in {*topological(result), *variables}]
    for node, _ in kept:
        node.grad = 0.0
    result.backward()
    found = read()
    for node, gradient in kept:
        node.grad = gradient
    return found


def _signature(results: Sequence[Any]) -> list[str]:
    """What a graph consists of: equal for equal graphs."""
    order = topological(*(result for result in results if isinstance(result, Value)))
    names: dict[Any, Any] = {node: f"node {index}" for index, node in enumerate(order)}
    nodes = [
        f"{node._op or 'leaf'}({', '.join(str(names.get(o, o)) for o in node._operands)}) = {node.data!r}"
        for node in order
    ]
    return [*nodes, f"the results {[names.get(result, result) for result in results]}"]
