"""Writes a rolled tape in plain Python: an instruction is an expression over lists.

The source grows with the number of instructions, not of steps. Results equal those of the eager engine to rounding, as
gradients are added up in another order.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import add, mul
from types import MappingProxyType
from typing import Any

from ..rules.lookup import element, lookup
from ..rules.rule import Rule
from .addresses import Addresses, shown, slice_of
from .python import BUILTINS, PythonRunner
from .roll import Access, Instruction, Rolled, strided
from .tape import Tape
from .texts import UNPACKED, Texts, refuse, target

#: Instructions in a function, at most.
MOST_LINES = 300


LOOKUP: Rule = lookup.__rule__  # type: ignore[attr-defined]  # rule() set it


#: Functions and constants of the programs themselves.
_OWN = {
    **BUILTINS, "add": add, "mul": mul, "len": len, "iter": iter, "element": element, "inf": math.inf, "nan": math.nan, "refuse": refuse,
}  # fmt: skip


class ListWriter:
    """Writes one program.

    Attributes:
        names: the functions that the lines call.
        row: for each row, a line or two for each instruction; before them `begin`, after them `end`.
        reached: the addresses of results that have a gradient so far.
    """

    def __init__(self, rolled: Rolled) -> None:
        self.rolled = rolled
        self.names: dict[str, Any] = {**_OWN, "constants": rolled.constants}
        self.addresses = Addresses()
        self.texts = Texts(self.names)
        self.begin = [f"cells = [*row, *[0.0] * {rolled.cells - rolled.inputs}]"]
        self.row: list[str] = []
        self.reached: set[int] = set()
        self.end: list[str] = []

    def forward(self) -> str:
        """Return the source of the function that gives the outputs of each row."""
        self.values()
        outputs = [f"cells[{address}]" for address in self.rolled.outputs]
        self.end.append(f"results.append({outputs[0] if len(outputs) == 1 else '(' + ', '.join(outputs) + ')'})")
        return self.function("forward", ["results = []"], "results")

    def backward(self) -> str:
        """Return the source of the function that gives the sum of the output over the rows, and its gradients."""
        (output,) = self.rolled.outputs
        self.values()
        self.begin += [f"d_cells = [0.0] * {self.rolled.cells}", f"d_cells[{output}] = 1.0"]
        self.reached.add(output)
        self.end.append(f"total += cells[{output}]")
        for instruction in reversed(self.rolled.instructions):
            if instruction.result.kind == "result":
                self.gradients(instruction)
        before = ["total = 0.0", f"d_fixed = [0.0] * (len(parameters) + {len(self.rolled.constants)})"]
        return self.function("backward", before, "total, d_fixed[: len(parameters)]")

    def function(self, name: str, before: list[str], result: str) -> str:
        """Return the lines of a function, after comments that describe the tables that it uses.

        A long one is split: CPython takes quadratic time to compile a function by the number of expressions over lists.
        """
        comments = [f"# constants: {shown(self.rolled.constants)}", *self.addresses.described()]
        parts: list[str] = []

        def split(lines: list[str], variables: str) -> Iterator[str]:
            if len(lines) <= MOST_LINES:
                yield from lines
                return
            for first in range(0, len(lines), MOST_LINES):
                part = f"{name}_{len(parts)}({variables})"
                body = "\n".join(lines[first : first + MOST_LINES]).replace("\n", "\n    ")
                parts.append(f"def {part}:\n    {body}")
                yield part

        memories = "fixed, cells, d_fixed, d_cells" if name == "backward" else "fixed, cells"
        lines = [*before, "fixed = [*parameters, *constants]", "w = []", *split(self.addresses.before, "fixed, w")]
        rows = [*self.begin, *split(self.row, f"{memories}, w"), *self.end]
        lines += ["for row in rows:", *(f"    {line}".replace("\n", "\n    ") for line in rows), f"return {result}"]
        body = "\n".join(f"    {line}".replace("\n", "\n    ") for line in lines)
        return "\n".join([*comments, *parts, f"def {name}(rows, parameters):", body])

    def values(self) -> None:
        """Write the results of the instructions."""
        for instruction in self.rolled.instructions:
            values = self.looked_up(instruction) if instruction.rule is LOOKUP else self.value(instruction)
            where = instruction.result.starts
            if isinstance(where, range):
                self.row.append(f"cells[{slice_of(where)}] = {values}")
            else:
                self.row.append(f"for i, v in zip({self.addresses.indices(where)}, {values}): cells[i] = v")

    def value(self, instruction: Instruction) -> str:
        """Return a list with the result of each step."""
        text = self.texts.of(instruction)
        value = f"refuse() if {text.unmet} else {text.value}" if text.unmet else text.value
        return self.loop(instruction, value, text.lets)

    def looked_up(self, instruction: Instruction) -> str:
        """Return a list with the element that an index chooses in each step."""
        table, index = instruction.operands
        memory = "fixed" if table.fixed else "cells"
        return f"[{memory}[element(s, i)] for s, i in {self.chosen(table, index)}]"

    def chosen(self, table: Access, index: Access) -> str:
        """Return pairs of the addresses of a sequence and an index into it, for each step."""
        return f"zip({self.addresses.groups(table.sequences)}, {self.addresses.read(index, 'cells')})"

    def gradients(self, instruction: Instruction) -> None:
        """Write what the operands of an instruction get of its results' gradients."""
        if instruction.rule is LOOKUP:
            table, index = instruction.operands
            if table.gets_gradient:
                self.reach(table)
                memory = "d_fixed" if table.fixed else "d_cells"
                given = self.addresses.read(instruction.result, "d_cells")
                self.row.append(
                    f"for (s, i), d in zip({self.chosen(table, index)}, {given}): {memory}[element(s, i)] += d"
                )
            return
        rule, operands = instruction.rule, dict(zip(instruction.rule.operands, instruction.operands, strict=True))
        for number, (name, operand) in enumerate(operands.items()):
            if operand.gets_gradient:
                partial: Any = rule.partials[name].tree
                factor = (
                    operands[partial.id] if isinstance(partial, ast.Name) and partial.id in rule.sequences else None
                )
                if factor is None or not self.products(operand, factor, instruction.result):
                    text = self.texts.of(instruction)
                    self.add(operand, self.loop(instruction, text.shares[number], text.lets))

    def loop(self, instruction: Instruction, text: str, lets: dict[str, str]) -> str:
        """Return a list with the number, or list, that a text stands for in each step."""
        used = {name: let for name, let in lets.items() if name in f"{text} {' '.join(lets.values())}"}
        words = set(re.findall(r"\w+", " ".join([text, *used.values()])))
        words |= {word.partition("_")[0] for word in words}
        operands = {f"x{number}": operand for number, operand in enumerate(instruction.operands)}
        names = [name for name in operands if name in words]
        results = {name: self.read(name, instruction.result) for name in ("y", "d") if name in words}
        if [text] == names:
            return self.read(text, operands[text])
        if not results and (rows := _repeated([operands[name] for name in names])):
            fixed = {name: operand.at(operand.starts[:rows]) for name in names if (operand := operands[name]).fixed}
            others = {
                name: operand.at(operand.starts[::rows]) for name in names if not (operand := operands[name]).fixed
            }
            over = [self.over(others), self.over(fixed)]
        elif names or results:
            over = [self.over({name: operands[name] for name in names}, results)]
        else:
            over = [f"_ in range({instruction.steps})"]
        return f"[{text}{''.join(f' for {one}' for one in [*over, *(f'{name} in [{let}]' for name, let in used.items())])}]"

    def over(self, operands: dict[str, Access], results: Mapping[str, str] = MappingProxyType({})) -> str:
        """Return the loop over all steps, in which operands are unpacked."""
        sources = {target(name, operand.length): self.read(name, operand) for name, operand in operands.items()}
        sources |= results
        over = f"zip({', '.join(sources.values())})" if len(sources) > 1 else "".join(sources.values())
        return f"{', '.join(sources)} in {over}"

    def read(self, name: str, access: Access) -> str:
        """Return what a variable goes through in all steps; ``d`` through gradients."""
        return self.addresses.read(access, "d_cells" if name == "d" else "cells")

    def products(self, operand: Access, factor: Access, result: Access) -> bool:
        """Write what a sequence gets of all steps that use it, if its partial is another one: sums of products.

        Those of a vector go over the columns of a matrix, those of a matrix over all vectors. False if some are used more
        often than others.
        """
        steps: defaultdict[int, list[int]] = defaultdict(list)
        for step, start in enumerate(operand.starts):
            steps[start].append(step)
        count, *others = {len(group) for group in steps.values()}
        if others or not isinstance(operand.offsets, range):
            return False
        factors = [[factor.starts[step] for step in group] for group in steps.values()]
        given = [[result.starts[step] for step in group] for group in steps.values()]
        sources = {"s": self.addresses.slices(operand.at(list(steps)).sequences)}
        if count == 1:
            sources["d"] = self.addresses.numbers(strided([start for (start,) in given]), "d_cells")
        else:
            sources[target("d", count)] = self.addresses.sequences(given, "d_cells")
        computed: list[str] = []
        if all(starts == factors[0] for starts in factors):
            columns, computed = self.columns(factor.at(factors[0]))
        else:
            rows = self.addresses.read(factor.at([start for starts in factors for start in starts]), "cells")
            sources["f"] = rows if count == 1 else f"zip(*[iter({rows})] * {count})"
            columns = "f" if count == 1 else "zip(*f)"
        memory = "d_fixed" if operand.fixed else "d_cells"
        column = "f" if count == 1 else target("f", count)
        over = f"for {', '.join(sources)} in zip({', '.join(sources.values())}):"
        fresh = self.reach(operand.at(list(steps)))
        elements = f"{column} in {columns}" if fresh else f"g, {column} in zip({memory}[s], {columns})"
        sums = f"    {memory}[s] = [{_products(count, fresh)} for {elements}]"
        self.row.append("\n".join([*computed, over, sums]))
        return True

    def columns(self, factor: Access) -> tuple[str, list[str]]:
        """Return the name of the columns of a matrix, given by its rows, and the line that computes them for a row."""
        rows = self.addresses.read(factor, "cells")
        text = f"{rows}[0]" if len(factor.starts) == 1 else f"[*zip(*{rows})]"
        return (self.addresses.once(text), []) if factor.fixed else ("columns", [f"columns = {text}"])

    def add(self, operand: Access, shares: str) -> None:
        """Write what adds shares to the gradients of an operand."""
        memory = "d_fixed" if operand.fixed else "d_cells"
        sign = "=" if self.reach(operand) else "+="
        if operand.offsets is None and isinstance(operand.starts, range):
            where = f"{memory}[{slice_of(operand.starts)}]"
            self.row.append(f"{where} = {_added(where, shares, sign)}")
        elif operand.offsets is None:
            table = self.addresses.indices(operand.starts)
            self.row.append(f"for i, v in zip({table}, {shares}): {memory}[i] {sign} v")
        elif isinstance(operand.offsets, range) or not operand.offsets:
            table = self.addresses.slices(operand.sequences)
            where = f"{memory}[s]"
            self.row.append(f"for s, v in zip({table}, {shares}): {where} = {_added(where, 'v', sign)}")
        else:
            table = self.addresses.groups(operand.sequences)
            self.row.append(f"for s, vs in zip({table}, {shares}):\n    for i, v in zip(s, vs): {memory}[i] {sign} v")

    def reach(self, operand: Access) -> bool:
        """Note that the elements of an operand have a gradient now; tell whether none had, and none is there twice."""
        if operand.fixed:  # which has one of the row before
            return False
        sequences = [operand.starts] if operand.offsets is None else operand.sequences
        addresses = [address for sequence in sequences for address in sequence]
        fresh = len(set(addresses)) == len(addresses) and self.reached.isdisjoint(addresses)
        self.reached.update(addresses)
        return fresh


def _added(where: str, shares: str, sign: str) -> str:
    """Return the sum of gradients and shares, of which there may be none yet."""
    return shares if sign == "=" else f"map(add, {where}, {shares})"


def _repeated(operands: Sequence[Access]) -> int:
    """Return after how many steps the fixed operands repeat, while all others stay the same; 0 if they do not."""
    fixed = [operand.starts for operand in operands if operand.fixed]
    others = [operand.starts for operand in operands if not operand.fixed]
    if not fixed or not others:
        return 0
    steps = range(len(fixed[0]))
    rows = next((step for step in steps if any(starts[step] != starts[0] for starts in others)), len(steps))
    alike = len(steps) % rows == 0 and rows > 1
    alike = alike and all(starts[step] == starts[step - step % rows] for starts in others for step in steps)
    return rows if alike and all(starts[step] == starts[step % rows] for starts in fixed for step in steps) else 0


def _products(count: int, fresh: bool) -> str:
    """Return the sum of so many products, added to a number unless that is fresh, as text."""
    start = [] if fresh else ["g"]
    if count > UNPACKED:
        return f"sum(map(mul, f, d), {'0.0' if fresh else 'g'})"
    if count == 1:
        return " + ".join([*start, "f * d"])
    return " + ".join([*start, *(f"f_{number} * d_{number}" for number in range(count))])


class Lists(PythonRunner):
    """Runs a rolled tape as Python."""

    def __init__(self, tape: Tape, rolled: Rolled) -> None:
        super().__init__(tape)
        self.rolled, self.order = rolled, rolled.parameters

    def written(self, name: str) -> tuple[str, dict[str, Any]]:
        """Write a program, an instruction a line or two; return the source, and what its names stand for."""
        writer = ListWriter(self.rolled)
        text = writer.forward() if name == "forward" else writer.backward()
        return text, {**writer.names, **writer.addresses.names}
