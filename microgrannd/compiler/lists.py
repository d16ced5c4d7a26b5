"""Writes a rolled tape in plain Python: an instruction is an expression over lists.

The source grows with the number of instructions, not of steps. Results equal those of the eager engine to rounding, as
sums are added up in another order.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from operator import add, itemgetter, mul
from typing import Any, NamedTuple

from ..rules.formula import FUNCTIONS, Formula, is_float, not_float, real_result
from ..rules.rule import Rule
from ..rules.simplify import Reducer, Tree, negation, one, product
from .python import BUILTINS, PythonRunner
from .roll import Instruction, Place, Rolled
from .tape import Tape


def _refuse() -> float:
    raise ValueError


#: Functions and constants of the programs themselves.
_OWN = {
    **BUILTINS, "add": add, "mul": mul, "len": len, "inf": math.inf, "nan": math.nan, "refuse": _refuse, "real_result": real_result,
}  # fmt: skip


class Form(NamedTuple):
    """What a rule is as text: of operands x0, x1, ..., the result y, and its gradient d.

    Attributes:
        value: the result.
        shares: for each operand, what it gets of the gradient; a list for a sequence.
        factors: for each operand the sequence that is its partial, as the other one of a dot product; "" for any other.
        lets: names of what the value and the shares use several times, and what these are.
    """

    value: str
    shares: list[str]
    factors: list[str]
    lets: list[tuple[str, str]]


def _each(partials: Tree) -> Tree:
    """Return a list of the elements of another one times d."""
    if isinstance(partials, ast.ListComp):
        return ast.ListComp(product(partials.elt, ast.Name("d")), partials.generators)
    element = ast.Name("_p")
    return ast.ListComp(product(element, ast.Name("d")), [ast.comprehension(element, partials, [], 0)])


class ListWriter:
    """Writes one program.

    Attributes:
        names: what the lines use: functions, and tables of addresses.
    """

    def __init__(self, rolled: Rolled) -> None:
        self.rolled = rolled
        self.names: dict[str, Any] = {**_OWN, "constants": rolled.constants}
        self.forms: dict[Rule, Form] = {}
        self.before: list[str] = ["fixed = [*parameters, *constants]"]
        self.row: list[str] = [f"cells = [*row, *[0.0] * {rolled.cells - rolled.inputs}]"]
        self.fixed: dict[str, str] = {}

    def called(self, name: str, function: Any) -> str:
        """Return the name of a function in the program: one's own have names like no variable."""
        if FUNCTIONS.get(name) is not function:
            name += "_"
        while self.names.setdefault(name, function) is not function:
            name += "_"
        return name

    def form(self, rule: Rule) -> Form:
        """Return the formula and the partials of a rule as text."""
        if rule not in self.forms:
            self.forms[rule] = self.new_form(rule)
        return self.forms[rule]

    def new_form(self, rule: Rule) -> Form:
        """Return the text of a rule, which serves all its instructions."""
        reducer, doubtful = Reducer(rule.functions, self.called), not_float(rule.functions)
        names: dict[str, Any] = {name: ast.Name(f"x{number}") for number, name in enumerate(rule.operands)}
        names["y"] = ast.Name("y")

        def written(formula: Formula) -> Tree:
            tree = one(reducer.reduce(formula.tree, names))
            return tree if is_float(tree, doubtful) else ast.Call(ast.Name("real_result"), [tree], [])

        value = written(rule.formula)
        if rule.domain:
            condition = negation(reducer.reduce(rule.domain.tree, names))
            value = ast.IfExp(condition, ast.Call(ast.Name("refuse"), [], []), value)
        shares, factors = [], []
        for name, partial in rule.partials.items():
            many = name in rule.sequences
            tree = one(reducer.reduce(partial.tree, names)) if many else written(partial)
            shares.append(ast.unparse(_each(tree) if many else product(tree, ast.Name("d"))))
            factors.append(tree.id if many and isinstance(tree, ast.Name) else "")
        return Form(
            ast.unparse(value), shares, factors, [(f"_{name}_", ast.unparse(let)) for name, let in reducer.lets]
        )

    def forward(self) -> str:
        """Return the source of the function that gives the outputs of each row."""
        self.before.append("results = []")
        self.values()
        outputs = [f"cells[{address}]" for address in self.rolled.outputs]
        self.row.append(f"results.append({outputs[0] if len(outputs) == 1 else '(' + ', '.join(outputs) + ')'})")
        return self.function("forward", "results")

    def backward(self) -> str:
        """Return the source of the function that gives the sum of the output over the rows, and its gradients."""
        (output,) = self.rolled.outputs
        self.before += ["total = 0.0", "d_fixed = [0.0] * len(fixed)"]
        self.values()
        self.row += [f"total += cells[{output}]", f"d_cells = [0.0] * {self.rolled.cells}", f"d_cells[{output}] = 1.0"]
        for instruction in reversed(self.rolled.instructions):
            if instruction.result.kind == "result":
                self.gradients(instruction)
        return self.function("backward", "total, d_fixed[: len(parameters)]")

    def function(self, name: str, result: str) -> str:
        """Return the lines of a function."""
        lines = [f"def {name}(rows, parameters):", *(f"    {line}" for line in self.before), "    for row in rows:"]
        return "\n".join([*lines, *(f"        {line}" for line in self.row), f"    return {result}"])

    def values(self) -> None:
        """Write the results of the instructions."""
        for instruction in self.rolled.instructions:
            of = self.form(instruction.rule)
            values = self.loop(instruction, of, of.value)
            where = instruction.result.starts
            if isinstance(where, range):
                self.row.append(f"cells[{_slice(where)}] = {values}")
            else:
                self.row.append(f"for i, v in zip({self.table(where)}, {values}): cells[i] = v")

    def gradients(self, instruction: Instruction) -> None:
        """Write what the operands of an instruction get of its results' gradients."""
        of = self.form(instruction.rule)
        for place, share, factor in zip(instruction.operands, of.shares, of.factors, strict=True):
            if place.gets_gradient and not (factor and self.products(instruction, place, int(factor[1:]))):
                self.add(place, self.loop(instruction, of, share))

    def products(self, instruction: Instruction, place: Place, factor: int) -> bool:
        """Write the sums of what a sequence gets in several steps, if it does: of products with another sequence."""
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for step, start in enumerate(place.starts):
            groups[start].append(step)
        if not isinstance(place.offsets, range) or min(map(len, groups.values())) < 2:
            return False
        memory = "d_fixed" if place.fixed else "d_cells"
        slices = self.slices(Place(place.kind, list(groups), place.offsets))
        steps = self.name(tuple(itemgetter(*steps) for steps in groups.values()))
        self.row += [
            f"xs, ds = {self.read(instruction.operands[factor], 'cells')}, {self.read(instruction.result, 'd_cells')}",
            f"for s, g in zip({slices}, {steps}):",
            f"    {memory}[s] = map(add, {memory}[s], [sum(map(mul, x, d)) for d in [g(ds)] for x in zip(*g(xs))])",
        ]
        return True

    def loop(self, instruction: Instruction, of: Form, text: str) -> str:
        """Return a list with the number, or list, that a text stands for in each step."""
        lets = [
            (name, let) for name, let in of.lets if re.search(rf"\b{name}\b", " ".join([text, *dict(of.lets).values()]))
        ]
        words = set(re.findall(r"\w+", " ".join([text, *(let for _, let in lets)])))
        places = {f"x{number}": place for number, place in enumerate(instruction.operands)}
        sources = {name: self.read(place, "cells") for name, place in places.items() if name in words}
        if "y" in words:
            sources["y"] = self.read(instruction.result, "cells")
        if "d" in words:
            sources["d"] = self.read(instruction.result, "d_cells")
        if sources.keys() == {text}:
            return sources[text]
        rows = ", ".join(sources.values())
        over = f"{', '.join(sources)} in {f'zip({rows})' if len(sources) > 1 else rows}"
        over = over if sources else f"_ in range({instruction.steps})"
        return f"[{text} for {over}{''.join(f' for {name} in [{let}]' for name, let in lets)}]"

    def read(self, place: Place, memory: str) -> str:
        """Return a list of an operand's numbers, or of lists of them; fixed ones are read once, before the rows."""
        memory = "fixed" if place.fixed else memory
        if place.offsets is None:
            text = self.at(place.starts, memory)
        elif len(place.starts) == 1:
            text = f"[{self.at(_moved(place, 0), memory)}]"
        elif isinstance(place.offsets, range) or not place.offsets:
            text = f"[{memory}[s] for s in {self.slices(place)}]"
        else:
            text = f"[[{memory}[i] for i in s] for s in {self.tables(place)}]"
        if not place.fixed:
            return text
        if text not in self.fixed:
            self.fixed[text] = f"w{len(self.fixed)}"
            self.before.append(f"{self.fixed[text]} = {text}")
        return self.fixed[text]

    def at(self, addresses: Sequence[int], memory: str) -> str:
        """Return the numbers at addresses of a memory."""
        if isinstance(addresses, range):
            return f"{memory}[{_slice(addresses)}]"
        return f"{self.name(itemgetter(*addresses))}({memory})" if addresses else "()"

    def add(self, place: Place, shares: str) -> None:
        """Write what adds shares to the gradients of an operand."""
        memory = "d_fixed" if place.fixed else "d_cells"
        if place.offsets is None and isinstance(place.starts, range):
            where = f"{memory}[{_slice(place.starts)}]"
            self.row.append(f"{where} = map(add, {where}, {shares})")
        elif place.offsets is None:
            self.row.append(f"for i, v in zip({self.table(place.starts)}, {shares}): {memory}[i] += v")
        elif isinstance(place.offsets, range) or not place.offsets:
            self.row.append(f"for s, v in zip({self.slices(place)}, {shares}): {memory}[s] = map(add, {memory}[s], v)")
        else:
            self.row.append(f"for s, vs in zip({self.tables(place)}, {shares}):")
            self.row.append(f"    for i, v in zip(s, vs): {memory}[i] += v")

    def table(self, addresses: Sequence[int]) -> str:
        """Return the name of a table of addresses."""
        return self.name(tuple(addresses))

    def slices(self, place: Place) -> str:
        """Return the name of a table with the slice of each sequence."""
        return self.name(tuple(_as_slice(_moved(place, step)) for step in range(len(place.starts))))

    def tables(self, place: Place) -> str:
        """Return the name of a table with the addresses of each sequence."""
        return self.name(tuple(tuple(_moved(place, step)) for step in range(len(place.starts))))

    def name(self, thing: Any) -> str:
        """Return a new name for a table or function."""
        name = f"at{len(self.names)}"
        self.names[name] = thing
        return name


def _moved(place: Place, step: int) -> Sequence[int]:
    """Return the addresses of the sequence of a step."""
    start, offsets = place.starts[step], place.offsets
    if isinstance(offsets, range):
        return range(start + offsets.start, start + offsets.stop, offsets.step)
    return [start + offset for offset in offsets or ()]


def _as_slice(addresses: Sequence[int]) -> slice:
    """Return the slice of addresses that advance by a stride."""
    if not isinstance(addresses, range):
        return slice(0, 0)
    return slice(addresses.start, addresses.stop if addresses.stop >= 0 else None, addresses.step)


def _slice(addresses: range) -> str:
    """Return the slice of addresses as text."""
    where = _as_slice(addresses)
    stop = "" if where.stop is None else where.stop
    return f"{where.start}:{stop}" + (f":{where.step}" if where.step != 1 else "")


class Lists(PythonRunner):
    """Runs a rolled tape as Python."""

    def __init__(self, tape: Tape, rolled: Rolled) -> None:
        super().__init__(tape)
        self.rolled = rolled

    @cached_property
    def order(self) -> list[int]:
        """The indices of the parameters in the order of their addresses."""
        return self.rolled.parameters

    def written(self, name: str) -> tuple[str, dict[str, Any]]:
        """Write a program, an instruction a line or two; return the source, and what its names stand for."""
        writer = ListWriter(self.rolled)
        return writer.forward() if name == "forward" else writer.backward(), writer.names
