"""A recorded graph as a list of steps, apart from its Values: what is compiled, pickled, and replayed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .._text import described
from .._trees import mapped
from ..engine.graph import arguments, topological
from ..engine.value import Value
from ..rules.rule import CONSTANT, DETACHED, Rule


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an input, a parameter or the result of a step, by its index on the tape; equal to no number."""

    index: int

    def __hash__(self) -> int:  # that of dataclasses takes five times as long, and a tape is full of them
        return self.index


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A constant, equal to another one of the same bits, so that 0.0, -0.0 and nan are three."""

    number: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._bits == other._bits

    def __hash__(self) -> int:
        return hash(self._bits)

    @property
    def _bits(self) -> bytes:
        return struct.pack("d", self.number)


Atom: TypeAlias = Ref | Literal


#: What a rule's operand is on a tape: the elements of a sequence are a tuple.
Operand: TypeAlias = Atom | tuple[Atom, ...]


class Step(NamedTuple):
    """An operation on a tape."""

    rule: Rule
    operands: tuple[Operand, ...]

    @property
    def atoms(self) -> Iterator[Atom]:
        """The operands, with the elements of a sequence instead of it."""
        for operand in self.operands:
            yield from operand if isinstance(operand, tuple) else (operand,)

    @property
    def refs(self) -> list[Ref]:
        """The operands that are not constants."""
        return [atom for atom in self.atoms if isinstance(atom, Ref)]


@dataclass(frozen=True)
class Tape:
    """The steps from inputs and parameters to outputs.

    Refs count through: first the inputs, then the parameters, then the results of the steps.

    Attributes:
        inputs: how many.
        parameters: how many.
        steps: in order, none twice, each needed for an output.
        outputs: the refs of the outputs.
        labels: of all refs.
    """

    inputs: int
    parameters: int
    steps: list[Step]
    outputs: list[Ref]
    labels: list[str]

    @property
    def input_refs(self) -> list[Ref]:
        """The refs of the inputs."""
        return [Ref(index) for index in range(self.inputs)]

    @property
    def parameter_refs(self) -> list[Ref]:
        """The refs of the parameters."""
        return [Ref(self.inputs + number) for number in range(self.parameters)]

    @property
    def results(self) -> list[tuple[Ref, Step]]:
        """Yield the steps, each with the ref of its result."""
        return [(Ref(index), step) for index, step in enumerate(self.steps, self.inputs + self.parameters)]

    def replay(
        self, functions: Mapping[Rule, Callable[..., Value]], inputs: Sequence[Value], parameters: Sequence[Value]
    ) -> list[Value]:
        """Record the steps once more, by these functions, on other Values; return the outputs."""
        results = [*inputs, *parameters]
        for step in self.steps:
            operands = mapped(lambda o: results[o.index] if isinstance(o, Ref) else o.number, step.operands)
            results.append(functions[step.rule](*operands))
        return [results[output.index] for output in self.outputs]


#: The rules of what is not computed.
_UNCOMPUTED = (None, DETACHED)


def tape(
    outputs: Sequence[Value], inputs: Sequence[Value], names: Mapping[Value, str] | None = None
) -> tuple[Tape, list[Value]]:
    """Return the tape of a recorded graph, and the Values that are its parameters: all leaves but inputs and constants.

    Results without a graph are among them, to be read at each call.

    Args:
        outputs: what is computed.
        inputs: the leaves that every row replaces.
        names: labels for Values that have none.

    Raises:
        TypeError: an input or output is not a Value.
        ValueError: an input is not a leaf, or given twice; there is no output, or one depends on nothing.
    """
    found, parameters, _ = tape_with_refs(outputs, inputs, names)
    return found, parameters


def tape_with_refs(
    outputs: Sequence[Value], inputs: Sequence[Value], names: Mapping[Value, str] | None = None
) -> tuple[Tape, list[Value], dict[Value, Atom]]:
    """Return what `tape` does, and what each Value of the graph is on the tape."""
    _check(outputs, inputs)
    order = topological(*outputs)
    given = set(inputs)
    parameters = [node for node in order if node._rule in _UNCOMPUTED and node not in given]
    atoms: dict[Value, Atom] = {node: Ref(index) for index, node in enumerate([*inputs, *parameters])}
    labels = [value.label or (names or {}).get(value, "") for value in (*inputs, *parameters)]
    refs: dict[Step, Ref] = {}
    for node in order:
        if node._rule is CONSTANT:
            atoms[node] = Literal(node.data)
        elif node._rule not in _UNCOMPUTED:
            assert node._rule is not None
            operands = arguments(node, lambda o: Literal(o) if isinstance(o, float) else atoms[o])
            step = Step(node._rule, tuple(tuple(o) if isinstance(o, list) else o for o in operands))
            if step not in refs:
                refs[step] = Ref(len(labels))
                labels.append(node.label)
            atoms[node] = refs[step]
    refs_of_outputs = []
    for number, output in enumerate(outputs):
        atom = atoms[output]
        if isinstance(atom, Literal):
            raise ValueError(
                f"outputs[{number}] needs to depend on an input or a parameter, got the constant {output.data}"
            )
        refs_of_outputs.append(atom)
    return Tape(len(inputs), len(parameters), list(refs), refs_of_outputs, labels), parameters, atoms


def _check(outputs: Sequence[Value], inputs: Sequence[Value]) -> None:
    if not outputs:
        raise ValueError("outputs needs at least one Value, got none")
    for name, values in (("outputs", outputs), ("inputs", inputs)):
        for number, value in enumerate(values):
            if not isinstance(value, Value):
                raise TypeError(f"{name}[{number}] needs to be a Value, got {described(value)}")
    seen = set()
    for number, value in enumerate(inputs):
        if value._rule not in _UNCOMPUTED:
            raise ValueError(f"inputs[{number}] needs to be a leaf, got the result of {value._op}")
        if value in seen:
            raise ValueError(f"inputs[{number}] is given twice")
        seen.add(value)
