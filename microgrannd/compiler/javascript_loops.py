"""Writes a rolled tape in JavaScript: a loop for each instruction, over a memory of parameters and one of a row."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence

from ..rules.rule import Rule
from ..rules.simplify import Term, Tree
from .lists import LOOKUP
from .roll import Access, Instruction, Rolled
from .script import Functions, Script, block, is_sure, loop_over_rows, number, refusal
from .texts import Text, Texts


class MemoryWriter:
    """Writes functions of a rolled tape, an instruction a loop: over a memory of parameters and constants, and one of a row.

    Attributes:
        tables: declarations of addresses that advance by no constant stride.
    """

    def __init__(self, rolled: Rolled, functions: Functions, fixed: Mapping[int, float]) -> None:
        self.rolled, self.texts, self.fixed = rolled, ScriptTexts(functions), fixed
        order = [index for index in rolled.parameters if index not in fixed]
        argument = {index: place for place, index in enumerate(sorted(order))}
        self.count = len(argument)
        #: Of each parameter by its address: the index among the arguments, or its number.
        self.places = [argument.get(index) for index in rolled.parameters]
        self._tables: dict[tuple[int, ...], str] = {}
        self.tables: list[str] = []
        values = [number(fixed.get(index, 0.0)) for index in rolled.parameters] + list(map(number, rolled.constants))
        self.tables.append(f"const constants = [{', '.join(values)}];")
        self.tables.append(f"const places = {json.dumps(self.places, separators=(',', ':'))};")

    def read(self) -> list[str]:
        """Return the lines that lay out the memories."""
        return [
            f"requireParameters(parameters, {self.count});",
            "const fixed = Float64Array.from(constants);",
            "places.forEach((place, address) => { if (place !== null) fixed[address] = parameters[place]; });",
            f"const cells = new Float64Array({self.rolled.cells});",
        ]

    def begin(self) -> list[str]:
        """Return the lines that read a row, and compute all of it."""
        inputs = self.rolled.inputs
        lines = [
            f'if (row.length !== {inputs}) refuse(n, "a number for each of {inputs} inputs is needed", "length", row.length);',
            "cells.set(row);",
        ]
        for instruction in self.rolled.instructions:
            text = self.texts.of(instruction)
            names = {
                name: f"x{i}"
                for i, name in enumerate(instruction.rule.operands)
                if instruction.operands[i].offsets is None
            }
            check = [refusal(instruction.rule, text.unmet, names)] if text.unmet else []
            store = f"cells[{self.address(instruction.result)}] = {text.value};"
            lines += self.steps(instruction, [*check, store], text.lets)
        return lines

    def forward(self) -> str:
        """Write the function of the outputs."""
        outputs = ", ".join(f"cells[{address}]" for address in self.rolled.outputs)
        rows = loop_over_rows([*self.begin(), f"results.push([{outputs}]);"])
        return block(
            "export function forward(rows, parameters)", [*self.read(), "const results = [];", *rows, "return results;"]
        )

    def backward(self) -> str:
        """Write the function of the mean, and of its gradients."""
        (output,) = self.rolled.outputs
        row = [*self.begin(), f"total += cells[{output}];", "d_cells.fill(0);", f"d_cells[{output}] = 1;"]
        for instruction in reversed(self.rolled.instructions):
            if instruction.result.kind == "result":
                row += self.gradients(instruction)
        before = [
            "requireRows(rows);", *self.read(), "const d_fixed = new Float64Array(fixed.length);",
            "const d_cells = new Float64Array(cells.length);", "let total = 0;",
        ]  # fmt: skip
        after = [
            f"const gradients = new Array({self.count}).fill(0);",
            "places.forEach((place, address) => { if (place !== null) gradients[place] = d_fixed[address] / rows.length; });",
            "return [total / rows.length, gradients];",
        ]
        return block("export function backward(rows, parameters)", [*before, *loop_over_rows(row), *after])

    def gradients(self, instruction: Instruction) -> list[str]:
        """Return the lines with what the operands of an instruction get."""
        text, lines = self.texts.of(instruction), []
        for index, operand in enumerate(instruction.operands):
            if operand.gets_gradient:
                memory = "d_fixed" if operand.fixed else "d_cells"
                share = text.shares[index]
                if instruction.rule is LOOKUP:
                    if operand.offsets is not None:  # the index has no slope
                        lines.append(f"{memory}[{self.element(operand, 'x1')}] += d;")
                elif operand.offsets is None:
                    lines.append(f"{memory}[{self.address(operand)}] += {share};")
                elif isinstance(operand.offsets, range) and operand.offsets:
                    first = f"{self.address(operand)} + {operand.offsets.start}".removesuffix(" + 0")
                    lines.append(f"scatter({memory}, {first}, {operand.offsets.step}, {share});")
                elif operand.offsets:
                    lines.append(f"{share}.forEach((v, k) => {{ {memory}[{self.element(operand, 'k')}] += v; }});")
        return self.steps(instruction, lines, text.lets) if lines else []

    def element(self, operand: Access, index: str) -> str:
        """Return the address of an element of a sequence."""
        offsets = operand.offsets
        if isinstance(offsets, range):
            return f"{self.address(operand)} + {offsets.start} + {offsets.step} * {index}"
        return f"{self.address(operand)} + {self.table(offsets or ())}[{index}]"

    def address(self, access: Access) -> str:
        """Return the address of an operand in step i."""
        starts = access.starts
        if len(starts) == 1:
            return str(starts[0])
        if isinstance(starts, range):
            steps = "i" if starts.step == 1 else f"{starts.step} * i"
            return f"{starts.start} + {steps}" if starts.start else steps
        return f"{self.table(starts)}[i]"

    def table(self, addresses: Sequence[int]) -> str:
        """Return the name of a table of addresses."""
        key = tuple(addresses)
        if key not in self._tables:
            self._tables[key] = name = f"at{len(self._tables)}"
            self.tables.append(f"const {name} = {json.dumps(key, separators=(',', ':'))};")
        return self._tables[key]

    def value(self, access: Access) -> str:
        """Return the number of an operand in step i, or the list of its numbers."""
        memory = "fixed" if access.fixed else "cells"
        if access.offsets is None:
            return f"{memory}[{self.address(access)}]"
        if not access.offsets:
            return "[]"
        if isinstance(access.offsets, range):
            first = f"{self.address(access)} + {access.offsets.start}".removesuffix(" + 0")
            return f"gather({memory}, {first}, {access.offsets.step}, {len(access.offsets)})"
        return f"{self.table(access.offsets)}.map((o) => {memory}[{self.address(access)} + o])"

    def steps(self, instruction: Instruction, lines: list[str], lets: Mapping[str, str]) -> list[str]:
        """Return a loop over the steps of an instruction, in which what the lines use is read."""
        used: list[str] = []
        text = " ".join(lines)
        for name, let in reversed(list(lets.items())):
            if re.search(rf"\b{name}\b", text):
                used.insert(0, f"const {name} = {let};")
                text += f" {let}"
        words = set(re.findall(r"\w+", text))
        read = [
            f"const x{k} = {self.value(operand)};" for k, operand in enumerate(instruction.operands) if f"x{k}" in words
        ]
        read += [
            f"const {name} = {memory}[{self.address(instruction.result)}];"
            for name, memory in (("y", "cells"), ("d", "d_cells"))
            if name in words
        ]
        comment = f" // {instruction.rule.name.strip('_')}" if instruction.rule.name.isascii() else ""
        head = f"for (let i = 0; i < {instruction.steps}; i++) {{{comment}" if instruction.steps > 1 else f"{{{comment}"
        return [head, *(f"  {line}" for line in [*read, *used, *lines]), "}"]


class ScriptTexts(Texts):
    """The texts of rules in JavaScript, of sequences that are arrays."""

    def __init__(self, functions: Functions) -> None:
        super().__init__({})
        self.script, self.owner = functions, ""

    def _new(self, instruction: Instruction) -> Text:
        self.owner = f"the rule of {instruction.rule.name}"
        return super()._new(instruction)

    def called(self, name: str, function: object) -> str:
        """Return the name of a function in the module."""
        return self.script.called(self.owner, name, function)

    def variable(self, name: str, length: int | None) -> Term:  # noqa: ARG002
        """Return what stands for an operand."""
        return ast.Name(name)

    def written(self, tree: Tree, rule: Rule | None = None) -> str:
        """Return an expression as text."""
        return Script(self.script, self.owner, row=None if rule is None or is_sure(rule) else "n").text(tree)
