"""A recorded graph as a list of steps, apart from its Values: what is compiled, pickled, and replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .engine import Value
from .failures import described
from .graph import arguments, topological
from .rules import CONSTANT, Rule
from .structures import mapped


class Step(NamedTuple):
    """An operation. Of its operands, whole numbers are places, floats are constants, lists are sequences of both."""

    rule: Rule
    operands: list[Any]


@dataclass(frozen=True)
class Tape:
    """The steps from inputs and parameters to outputs.

    Places are counted through: first the inputs, then the parameters, then the results of the steps.

    Attributes:
        inputs: how many.
        parameters: how many.
        steps: in order, none twice, each needed for an output.
        outputs: their places.
        labels: of all places.
    """

    inputs: int
    parameters: int
    steps: list[Step]
    outputs: list[int]
    labels: list[str]

    @property
    def leaves(self) -> int:
        """How many inputs and parameters there are: the place of the first step's result."""
        return self.inputs + self.parameters

    def replay(
        self, functions: Mapping[Rule, Callable[..., Value]], inputs: Sequence[Value], parameters: Sequence[Value]
    ) -> list[Value]:
        """Record the steps once more, by these functions, on other Values; return the outputs."""
        results = [*inputs, *parameters]
        for step in self.steps:
            operands = mapped(lambda o: results[o] if type(o) is int else o, step.operands)
            results.append(functions[step.rule](*operands))
        return [results[place] for place in self.outputs]


def tape(
    outputs: Sequence[Value], inputs: Sequence[Value], names: Mapping[Value, str] | None = None
) -> tuple[Tape, list[Value]]:
    """The tape of a recorded graph, and the Values that are its parameters: all leaves but inputs and constants.

    Args:
        outputs: what is computed.
        inputs: the leaves that every row replaces.
        names: labels for Values that have none.

    Raises:
        TypeError: an input or output is no Value.
        ValueError: an input is no leaf, or given twice; there is no output, or one depends on nothing.
    """
    _check(outputs, inputs)
    order = topological(*outputs)
    given = set(inputs)
    parameters = [node for node in order if node._rule is None and node not in given]
    places: dict[Any, Any] = {node: place for place, node in enumerate([*inputs, *parameters])}
    steps: list[Step] = []
    labels = [value.label or (names or {}).get(value, "") for value in (*inputs, *parameters)]
    known: dict[Any, int] = {}
    for node in order:
        if node._rule is CONSTANT:
            places[node] = node.data
        elif node._rule is not None:
            operands = arguments(node, lambda operand: places.get(operand, operand))
            key = node._rule, repr(operands)
            if key not in known:
                known[key] = len(inputs) + len(parameters) + len(steps)
                steps.append(Step(node._rule, operands))
                labels.append(node.label)
            places[node] = known[key]
    for number, output in enumerate(outputs):
        if type(places[output]) is float:
            raise ValueError(f"outputs[{number}] depends on no input and no parameter: it is {output.data}")
    return Tape(len(inputs), len(parameters), steps, [places[output] for output in outputs], labels), parameters


def _check(outputs: Sequence[Value], inputs: Sequence[Value]) -> None:
    if not outputs:
        raise ValueError("there is nothing to compile: no output")
    for name, values in (("outputs", outputs), ("inputs", inputs)):
        for number, value in enumerate(values):
            if not isinstance(value, Value):
                raise TypeError(f"{name}[{number}] needs to be a Value, got {described(value)}")
    seen = set()
    for number, value in enumerate(inputs):
        if value._rule is not None:
            raise ValueError(f"inputs[{number}] needs to be a leaf, got the result of {value._op}")
        if value in seen:
            raise ValueError(f"inputs[{number}] is an input already")
        seen.add(value)
