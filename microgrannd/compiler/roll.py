"""Rolls a tape: like steps of one depth become one instruction, over operands that are given by their addresses.

A program of instructions needs no code for a single step, so that a graph of any size runs without being compiled. The
form is plain data, from which each backend makes its own.

There are two memories. The fixed one holds parameters and constants, a number each. The other one holds inputs and
results, a number for each row. Addresses are given by consumer: the elements of a sequence lie side by side, so that
one loop runs over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias
from typing import Literal as OneOf

from ..rules.rule import Rule, rule
from .tape import Atom, Literal, Operand, Ref, Tape

#: What an operand is: fixed numbers without and with a gradient, and numbers of each row without and with a gradient.
#: A result of inputs alone has no gradient, so it is of the kind input.
Kind: TypeAlias = OneOf["constant", "parameter", "input", "result"]


#: The kinds of operands that have the same number in all rows.
FIXED = ("constant", "parameter")


@rule("x", dx="1")
def copied(x: Any) -> Any:
    """The same number: a fixed one, for each row."""


class Access(NamedTuple):
    """Where an instruction finds an operand, or puts its results.

    Attributes:
        kind: which memory it is in, and whether it gets a gradient.
        starts: the address of the operand for each step; of a sequence, that of its first element. A range where they
            advance by a constant stride.
        offsets: the addresses of a sequence's elements relative to the first one; None for a scalar.
    """

    kind: Kind
    starts: Sequence[int]
    offsets: Sequence[int] | None = None

    @property
    def fixed(self) -> bool:
        """Whether the operand has the same number in all rows."""
        return self.kind in FIXED

    @property
    def gets_gradient(self) -> bool:
        """Whether the output may depend on the operand by way of a parameter."""
        return self.kind in ("parameter", "result")

    @property
    def length(self) -> int | None:
        """The number of elements of a sequence."""
        return None if self.offsets is None else len(self.offsets)

    def at(self, starts: Sequence[int]) -> Access:
        """Return the operand of other steps."""
        return Access(self.kind, strided(starts), self.offsets)

    @property
    def sequences(self) -> list[Sequence[int]]:
        """The addresses of the sequence of each step."""
        offsets = self.offsets or ()
        if isinstance(offsets, range):
            return [range(start + offsets.start, start + offsets.stop, offsets.step) for start in self.starts]
        return [[start + offset for offset in offsets] for start in self.starts]


class Instruction(NamedTuple):
    """Steps of one rule that depend on none of each other.

    Attributes:
        rule: the operation.
        operands: of the rule, in order.
        result: where the results go.
    """

    rule: Rule
    operands: tuple[Access, ...]
    result: Access

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.result.starts)


@dataclass(frozen=True)
class Rolled:
    """A rolled tape.

    Attributes:
        instructions: in order.
        parameters: the indices of the parameters in the order of their addresses, which are the first ones of the fixed
            memory.
        constants: the numbers at the addresses after them.
        inputs: how many there are; their addresses are the first ones, in their own order.
        cells: how many addresses inputs and results have.
        outputs: the addresses of the outputs, among the results or inputs.
    """

    instructions: list[Instruction]
    parameters: list[int]
    constants: list[float]
    inputs: int
    cells: int
    outputs: list[int]


#: A cell by its number, or those of a sequence.
_Cells: TypeAlias = int | tuple[int, ...]


#: Like steps: the cell of each result, and those of its operands.
_Steps: TypeAlias = list[tuple[int, tuple[_Cells, ...]]]


def roll(tape: Tape) -> Rolled:
    """Roll a tape, in time linear in the number of its steps."""
    schedule = _Schedule(tape)
    outputs = [schedule.of_rows(schedule.cells[output.index]) for output in tape.outputs]
    groups = sorted(schedule.groups.items(), key=lambda group: group[0][0])  # by depth
    addresses, parameters, constants, cells = _placed(schedule, tape.inputs, [steps for _, steps in groups])
    return Rolled(
        [
            instruction
            for (_, of, shape), steps in groups
            for instruction in _instructions(of, shape, schedule.kinds[steps[0][0]], steps, addresses)
        ],
        [cell - tape.inputs for cell in parameters],
        [schedule.numbers[cell] for cell in constants],
        tape.inputs,
        cells,
        [addresses[output] for output in outputs],
    )


class _Schedule:
    """The steps of a tape in groups of one depth, rule and shape.

    Attributes:
        kinds: of each cell, in the order in which they are met.
        cells: the cell of each ref.
        numbers: of the constants, by cell.
        groups: by depth, rule, and the kinds of the operands with the lengths of sequences.
    """

    def __init__(self, tape: Tape) -> None:
        self.kinds: list[Kind] = ["input" for _ in range(tape.inputs)]
        self.kinds += ["parameter" for _ in range(tape.parameters)]
        self.depths = [0] * len(self.kinds)
        self.cells = list(range(len(self.kinds)))
        self.numbers: dict[int, float] = {}
        self.groups: dict[tuple[int, Rule, tuple[Any, ...]], _Steps] = {}
        self.constants: dict[Literal, int] = {}
        self.copies: dict[int, int] = {}
        for step in tape.steps:
            self.cells.append(self.add(step.rule, tuple(map(self.operand, step.operands))))

    def new(self, kind: Kind, depth: int) -> int:
        """Return a new cell."""
        self.kinds.append(kind)
        self.depths.append(depth)
        return len(self.kinds) - 1

    def add(self, of: Rule, operands: tuple[_Cells, ...]) -> int:
        """Add a step; return the cell of its result."""
        shape: list[tuple[Kind, int | None]] = []
        depth, differentiable = 0, False
        for operand in operands:
            if isinstance(operand, int):
                kind = self.kinds[operand]
                depth = max(depth, self.depths[operand])
                shape.append((kind, None))
            else:
                kind = _kind([self.kinds[cell] for cell in operand])
                depth = max(depth, *(self.depths[cell] for cell in operand), 0)
                shape.append((kind, len(operand)))
            differentiable |= kind in ("parameter", "result")
        result = self.new("result" if differentiable else "input", depth + 1)
        self.groups.setdefault((depth + 1, of, tuple(shape)), []).append((result, operands))
        return result

    def operand(self, operand: Operand) -> _Cells:
        """Return the cells of an operand; all elements of a sequence are in one memory."""
        if not isinstance(operand, tuple):
            return self.cell(operand)
        cells = tuple(map(self.cell, operand))
        fixed = [cell in self.numbers or self.kinds[cell] == "parameter" for cell in cells]
        return cells if all(fixed) or not any(fixed) else tuple(map(self.of_rows, cells))

    def cell(self, atom: Atom) -> int:
        """Return the cell of a ref or constant."""
        if isinstance(atom, Ref):
            return self.cells[atom.index]
        if atom not in self.constants:
            self.constants[atom] = self.new("constant", 0)
            self.numbers[self.constants[atom]] = atom.number
        return self.constants[atom]

    def of_rows(self, cell: int) -> int:
        """Return a cell with a number for each row: a fixed one is copied."""
        if self.kinds[cell] in ("input", "result"):
            return cell
        if cell not in self.copies:
            self.copies[cell] = self.add(copied.__rule__, (cell,))  # type: ignore[attr-defined]  # rule() set it
        return self.copies[cell]


def _kind(kinds: Sequence[Kind]) -> Kind:
    """Return the kind of a sequence in one memory: with a gradient, if an element has one."""
    order: tuple[Kind, ...] = ("result", "parameter", "input")
    return next((kind for kind in order if kind in kinds), "constant")


def _placed(schedule: _Schedule, inputs: int, groups: Sequence[_Steps]) -> tuple[list[int], list[int], list[int], int]:
    """Return the address of each cell, the cells of parameters and constants in order, and how many other ones there are."""
    rows = list(range(inputs))
    found: dict[Kind, list[int]] = {"constant": [], "parameter": [], "input": rows, "result": rows}
    addresses = [*rows, *[-1] * (len(schedule.kinds) - inputs)]
    for cell in _by_use(groups):
        if addresses[cell] < 0:
            cells = found[schedule.kinds[cell]]
            addresses[cell] = len(cells)
            cells.append(cell)
    for cell in found["constant"]:
        addresses[cell] += len(found["parameter"])
    return addresses, found["parameter"], found["constant"], len(rows)


def _by_use(groups: Sequence[_Steps]) -> Iterator[int]:
    """Yield all cells that steps use or fill, some of them several times: first those of sequences."""
    for sequences in (True, False):
        for steps in groups:
            for number, operand in enumerate(steps[0][1]):
                if isinstance(operand, tuple) is sequences:
                    for _, operands in steps:
                        cells = operands[number]
                        yield from cells if isinstance(cells, tuple) else (cells,)
    for steps in groups:
        for result, _ in steps:
            yield result


def _instructions(
    of: Rule, shape: Sequence[tuple[Kind, int | None]], kind: Kind, steps: _Steps, addresses: Sequence[int]
) -> Iterator[Instruction]:
    """Yield an instruction for all steps of a group whose sequences lie alike."""
    alike: dict[tuple[Any, ...], list[tuple[int, ...]]] = {}
    for result, operands in steps:
        starts, offsets = [addresses[result]], []
        for cells in operands:
            where = [addresses[cell] for cell in cells] if isinstance(cells, tuple) else [addresses[cells]]
            first = where[0] if where else 0
            starts.append(first)
            offsets.append(tuple(address - first for address in where))
        alike.setdefault(tuple(offsets), []).append(tuple(starts))
    fixed_last = sorted(range(len(shape)), key=lambda number: shape[number][0] in FIXED)
    for offsets_of_all, rows in alike.items():
        if any(offsets_of_all):  # steps of the same vectors lie together, as those of a matrix
            rows.sort(key=itemgetter(*(number + 1 for number in fixed_last)))
        to, *columns = (strided(column) for column in zip(*rows, strict=True))
        accesses = (
            Access(kind_of_one, starts, None if length is None else strided(offsets))
            for (kind_of_one, length), starts, offsets in zip(shape, columns, offsets_of_all, strict=True)
        )
        yield Instruction(of, tuple(accesses), Access(kind, to))


def strided(addresses: Sequence[int]) -> Sequence[int]:
    """Return addresses as a range, if they advance by a constant stride other than 0 or are one alone."""
    stride = addresses[1] - addresses[0] if len(addresses) > 1 else 1
    if not addresses or not stride or any(b - a != stride for a, b in pairwise(addresses)):
        return addresses
    return range(addresses[0], addresses[-1] + (1 if stride > 0 else -1), stride)
