"""Writes a program in JavaScript: a module that exports forward and backward, in straight lines or over memories.

The engine's values, kinks, inf and nan: JavaScript's numbers are floats, and what its operators give where Python raises
is what partials have there. A value that the engine refuses is refused, with the number of its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..optim.update import Update
from ..rules.rule import Rule
from ..rules.simplify import Tree
from .chains import chained
from .javascript_loops import MemoryWriter
from .javascript_step import step_of
from .python import Writer, numbered
from .roll import roll
from .script import RESERVED, Functions, Script, block, is_sure, loop_over_rows, number, paragraphs, refusal
from .tape import Ref, Step, Tape
from .templates import Templates, Vocabulary
from .texts import UNPACKED

#: Operands up to which a program is written in straight lines: an engine of JavaScript optimises no long functions, and each
#: takes some 50 letters.
STRAIGHT = 600


def is_straight(tape: Tape) -> bool:
    """Tell whether a tape is written an operation a line: it is short, and has no long sequence."""
    if any(len(operand) > UNPACKED for step in tape.steps for operand in step.operands if isinstance(operand, tuple)):
        return False
    return sum(1 for step in tape.steps for _ in step.atoms) <= STRAIGHT


def module(tape: Tape, fixed: Mapping[int, float], trace: bool = False, update: Update | None = None) -> str:
    """Return the text of an ES module.

    Args:
        tape: what is computed.
        fixed: the numbers of parameters that are no arguments, by their index among all.
        trace: export also what the page of a single row needs, see `JavaScriptWriter.trace`.
        update: of an optimiser; then `step` is exported too.

    Raises:
        ValueError: a rule or the optimiser calls a function that has no counterpart in JavaScript.
    """
    functions = Functions()
    names = ["forward", "backward"][: 1 + (len(tape.outputs) == 1)]
    tables: list[str] = []
    if trace or is_straight(tape):
        words = _Words(tape, functions)
        programs = [getattr(JavaScriptWriter(tape, words, fixed), name)() for name in [*names, *["trace"] * trace]]
    else:
        rolled = roll(chained(tape))
        memories = MemoryWriter(rolled, functions, fixed)
        programs = [getattr(memories, name)() for name in names]
        tables = memories.tables
    if update:
        programs.append(step_of(update, functions))
    header = (
        f"// {len(tape.outputs)} output(s) of {tape.inputs} inputs and {tape.parameters - len(fixed)} parameters: "
        f"{len(tape.steps)} operations.\n"
        "// forward(rows, parameters) returns an array of outputs for each row; backward the mean of the output over the\n"
        "// rows, and its gradients by the parameters."
    )
    text = "\n\n".join([*["\n".join(tables)] * bool(tables), *programs])
    return "\n\n".join([header, *functions.source(text), text]) + "\n"


def as_object(text: str) -> str:
    """Return a module as an expression, for a script that is none: the object of what it exports."""
    names = re.findall(r"^export function (\w+)", text, re.MULTILINE)
    return f"(() => {{\n{text.replace('export function', 'function')}return {{ {', '.join(names)} }};\n}})()"


class _Words(Vocabulary):
    """Names and templates in JavaScript."""

    reserved = RESERVED.union(paragraphs())

    def __init__(self, tape: Tape, functions: Functions) -> None:
        self.script, self.owner = functions, ""
        super().__init__(tape)

    def called(self, name: str, thing: object) -> str:
        """Return the name of a function, or of a constant, in the module."""
        return self.script.called(self.owner, name, thing)

    def _new(self, step: Step, unit: bool) -> Templates:
        self.owner = f"the rule of {step.rule.name}"
        return super()._new(step, unit)

    def written(self, tree: Tree, rule: Rule | None = None) -> str:
        """Return the template of an expression."""
        text = Script(self.script, self.owner, row=None if rule is None or is_sure(rule) else "n").text(tree)
        return re.sub(r"\b_(\w+)_\b", r"{\1}", text)


class JavaScriptWriter(Writer):
    """Writes one function in straight lines.

    Args:
        tape: what is computed.
        vocabulary: its names.
        fixed: see `module`.
    """

    unit = "1"

    def __init__(self, tape: Tape, vocabulary: Vocabulary, fixed: Mapping[int, float]) -> None:
        super().__init__(tape, vocabulary)
        self.fixed = fixed
        self.free = [ref for index, ref in enumerate(tape.parameter_refs) if index not in fixed]

    def begin(self) -> None:
        """Write how the inputs are read."""
        self.row.append(
            f'if (row.length !== {self.tape.inputs}) refuse(n, "a number for each of {self.tape.inputs} inputs is needed", "length", row.length);'
        )
        if self.tape.inputs:
            read = [f"{self.names[ref]} = row[{index}]" for index, ref in enumerate(self.tape.input_refs)]
            self.row += [f"const {', '.join(some)};" for _, some in numbered(read)]

    def assigned(self, name: str, text: str) -> str:
        """Return a line that gives a number its name."""
        return f"const {name} = {text};"

    def summed(self, target: str, sign: str, terms: Sequence[str]) -> str:
        """Return a line that begins a sum (=) or adds to it (+=)."""
        return f"{'let ' if sign == '=' else ''}{target} {sign} {' + '.join(terms)};"

    def refused(self, step: Step, condition: str) -> str:
        """Return a line that ends the program where a step has no value."""
        given = zip(step.rule.operands, step.operands, strict=True)
        named = {
            name: self.names[operand] if isinstance(operand, Ref) else number(operand.number)
            for name, operand in given
            if not isinstance(operand, tuple)
        }
        return refusal(step.rule, condition, named)

    def forward(self) -> str:
        """Write the function of the outputs."""
        self.values()
        outputs = ", ".join(self.names[output] for output in self.tape.outputs)
        rows = self.loop([f"results.push([{outputs}]);"])
        return block(
            "export function forward(rows, parameters)", [*self.read(), "const results = [];", *rows, "return results;"]
        )

    def backward(self) -> str:
        """Write the function of the mean, and of its gradients."""
        self.values()
        (output,) = self.tape.outputs
        self.gradients(output)
        sums = [f"d_{self.names[ref]}" for ref in self.tape.parameter_refs]
        free = [f"d_{self.names[ref]}" for ref in self.free]
        before = [
            "requireRows(rows);",
            *self.read(),
            "let total = 0;",
            *(f"let {', '.join(f'{one} = 0' for one in some)};" for _, some in numbered(sums)),
        ]
        rows = self.loop([f"total += {self.names[output]};"])
        result = f"return [total / rows.length, [{', '.join(free)}].map((d) => d / rows.length)];"
        return block("export function backward(rows, parameters)", [*before, *rows, result])

    def trace(self) -> str:
        """Write the function of a row that returns all numbers, gradients, and of each step the local derivatives.

        Numbers and gradients are in the order of the tape's refs: inputs, parameters, results.
        """
        self.values()
        (output,) = self.tape.outputs
        refs = [*self.tape.input_refs, *self.tape.parameter_refs, *(ref for ref, _ in self.tape.results)]
        self.row += [
            f"let {', '.join(f'd_{self.names[ref]} = {int(ref == output)}' for ref in some)};" for some in _fifty(refs)
        ]
        partials = []
        for ref, step in reversed(self.tape.results):
            written, operands = self.vocabulary.templates(step, unit=True)
            given = {"y": self.names[ref], "d": "1", **self.lets[ref]}
            texts = [share.format(*(self.names[one] for one in operands), **given) for share in written.shares]
            name = self.vocabulary.name("", "s")
            self.row.append(self.assigned(name, f"[{', '.join(texts)}]"))
            partials.append(name)
            for index, operand in enumerate(operands):
                self.row.append(f"d_{self.names[operand]} += {name}[{index}] * d_{self.names[ref]};")
        lists = [[self.names[ref] for ref in refs], [f"d_{self.names[ref]}" for ref in refs], partials[::-1]]
        result = f"return [{', '.join(f'[{chr(44).join(names)}]' for names in lists)}];"
        return block("export function trace(row, parameters, n = 0)", [*self.read(), *self.row, result])

    def read(self) -> list[str]:
        """Return the lines that read the parameters."""
        lines = [f"requireParameters(parameters, {len(self.free)});"]
        if self.free:
            lines.append(f"const [{', '.join(self.names[ref] for ref in self.free)}] = parameters;")
        refs = self.tape.parameter_refs
        return lines + [f"const {self.names[refs[index]]} = {number(value)};" for index, value in self.fixed.items()]

    def loop(self, last: list[str]) -> list[str]:
        """Return the lines that go through the rows."""
        return loop_over_rows([*self.row, *last])


def _fifty(refs: Sequence[Ref]) -> Iterator[Sequence[Ref]]:
    for first in range(0, len(refs), 50):
        yield refs[first : first + 50]
