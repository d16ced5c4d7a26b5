"""A recorded graph as a list of steps, apart from its Values: what is compiled, pickled, and replayed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar, NamedTuple, TypeAlias

from .._text import described
from .._trees import mapped
from ..engine.graph import arguments, topological
from ..engine.operations import recorded
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

    def replay(self, inputs: Sequence[Any], parameters: Sequence[Any]) -> list[Any]:
        """Record the steps once more on other Values, or compute them on numbers; return the outputs."""
        results = [*inputs, *parameters]
        for step in self.steps:
            operands = mapped(lambda o: results[o.index] if isinstance(o, Ref) else o.number, step.operands)
            results.append(step.rule.kept(_function)(*operands))
        return [results[output.index] for output in self.outputs]

    def dependencies(self) -> list[list[int]]:
        """Return for each output the numbers of the parameters on which it depends, in order."""
        if len(self.outputs) == 1:
            return [list(range(self.parameters))]
        sets = [0] * self.inputs + [1 << number for number in range(self.parameters)]  # of bits
        for step in self.steps:
            sets.append(reduce(or_, (sets[ref.index] for ref in step.refs), 0))
        return [[n for n, bit in enumerate(f"{sets[o.index]:b}"[::-1]) if bit == "1"] for o in self.outputs]

    def only(self, number: int, parameters: Sequence[int]) -> Tape:
        """Return the tape of one output, with the inputs and these parameters, on which alone it depends."""
        if len(self.outputs) == 1:
            return self
        needed = {self.outputs[number]}
        for ref, step in reversed(self.results):
            if ref in needed:
                needed.update(step.refs)
        kept = [*self.input_refs, *(Ref(self.inputs + n) for n in parameters)]
        steps = [(ref, step) for ref, step in self.results if ref in needed]
        renamed = {ref: Ref(index) for index, ref in enumerate([*kept, *(ref for ref, _ in steps)])}
        return Tape(
            self.inputs,
            len(parameters),
            [step._replace(operands=mapped(lambda o: renamed.get(o, o), step.operands)) for _, step in steps],
            [renamed[self.outputs[number]]],
            [self.labels[ref.index] for ref in renamed],
        )


def _function(rule: Rule) -> Callable[..., Any]:
    return recorded(rule.function)


@dataclass(frozen=True, eq=False, kw_only=True)
class Composite(Rule):
    """The rule of a node that stands for many operations: those of a tape of one output.

    Attributes:
        made: returns the tape; its inputs are the first operand of the rule, its parameters the second.
    """

    made: Callable[[], Tape]
    told: ClassVar[bool] = False


#: The rules of what is not computed.
_UNCOMPUTED = (None, DETACHED)


def tape(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    names: Mapping[Value, str] | None = None,
    constants: Set[Value] = frozenset(),
) -> tuple[Tape, list[Value]]:
    """Return the tape of a recorded graph, and the Values that are its parameters: all leaves but inputs and constants.

    Results without a graph are among them, to be read at each call.

    Args:
        outputs: what is computed.
        inputs: the leaves that every row replaces.
        names: labels for Values that have none.
        constants: leaves that are none of the parameters, but numbers.

    Raises:
        TypeError: an input or output is not a Value.
        ValueError: an input is not a leaf, or given twice; there is no output, or one depends on nothing.
    """
    found, parameters, _ = tape_with_refs(outputs, inputs, names, constants)
    return found, parameters


def tape_with_refs(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    names: Mapping[Value, str] | None = None,
    constants: Set[Value] = frozenset(),
) -> tuple[Tape, list[Value], dict[Value, Atom]]:
    """Return what `tape` does, and what each Value of the graph is on the tape."""
    _check(outputs, inputs)
    order = topological(*outputs)
    given = set(inputs)
    parameters = [node for node in order if node._rule in _UNCOMPUTED and node not in given and node not in constants]
    atoms: dict[Value, Atom] = {node: Ref(index) for index, node in enumerate([*inputs, *parameters])}
    labels = [value.label or (names or {}).get(value, "") for value in (*inputs, *parameters)]
    refs: dict[Step, Ref] = {}

    def noted(step: Step, label: str) -> Atom:
        if step not in refs:
            refs[step] = Ref(len(labels))
            labels.append(label)
        return refs[step]

    for node in order:
        if node._rule is CONSTANT or node in constants:
            atoms[node] = Literal(node.data)
        elif node._rule not in _UNCOMPUTED:
            assert node._rule is not None
            operands = arguments(node, lambda o: Literal(o) if isinstance(o, float) else atoms[o])
            if isinstance(node._rule, Composite):
                atoms[node] = _inlined(node._rule.made(), [atom for row in operands for atom in row], noted)
            else:
                step = Step(node._rule, tuple(tuple(o) if isinstance(o, list) else o for o in operands))
                atoms[node] = noted(step, node.label)
    refs_of_outputs = []
    for number, output in enumerate(outputs):
        atom = atoms[output]
        if isinstance(atom, Literal):
            raise ValueError(
                f"outputs[{number}] needs to depend on an input or a parameter, got the constant {output.data}"
            )
        refs_of_outputs.append(atom)
    return Tape(len(inputs), len(parameters), list(refs), refs_of_outputs, labels), parameters, atoms


def _inlined(inner: Tape, atoms: list[Atom], noted: Callable[[Step, str], Atom]) -> Atom:
    """Note the steps of a tape on these atoms, but for those of numbers alone; return its output."""
    for ref, step in inner.results:
        operands = mapped(lambda o: atoms[o.index] if isinstance(o, Ref) else o, step.operands)
        own = Step(step.rule, operands)
        if own.refs:
            atoms.append(noted(own, inner.labels[ref.index]))
        else:
            numbers = mapped(lambda literal: literal.number, operands)
            atoms.append(Literal(step.rule.kept(_function)(*numbers)))
    return atoms[inner.outputs[0].index]


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
