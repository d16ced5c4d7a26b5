"""Writes a rule as functions for numba: of one direction, one way in which its operands lie, and one or many rows.

A function runs over the steps of an instruction. Its sequences are loops, not unrolled, so that it serves any length;
where there are many rows, the innermost loops run over them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..rules.formula import Formula
from ..rules.lookup import one_hot
from ..rules.rule import Rule
from ..rules.simplify import Reducer, Tree, negation, one, product
from .dispatcher import NOTED
from .loops import Loops, Shape, is_sequence
from .roll import Access, Instruction

#: What every function takes: how many steps and rows, the cells from one address to the next, where the addresses are,
#: the two memories with their gradients, room for sums on the way, and a flag for a row that Python might refuse.
ARGUMENTS = "count, rows, pitch, code, fixed, cells, fixed_gradients, gradients, room, noted"


class Kernel(NamedTuple):
    """A function for numba.

    Attributes:
        source: that defines it under the name ``kernel``, and what it calls before.
        functions: that it calls back, each with the number of its arguments.
    """

    source: str
    functions: tuple[tuple[Any, int], ...]


def shape(instruction: Instruction, back: bool, single: bool) -> Shape:
    """Return the shape of the function that runs an instruction, back or forwards, for a single row or for many."""
    accesses = instruction.operands
    return Shape(tuple((p.fixed, back and p.gets_gradient, _dense(p, single)) for p in accesses), single)


def _dense(access: Access, single: bool) -> bool | None:
    """Tell whether elements lie side by side; that is of use only where a loop runs over them and not over rows."""
    return None if access.offsets is None else single and access.offsets == range(len(access.offsets))


def addresses(instruction: Instruction, shape: Shape, functions: Sequence[int]) -> list[int]:
    """Return the numbers from which the function of an instruction, of this shape, reads its addresses.

    First are the positions of what follows: the addresses of the results, and for each operand its addresses, with the
    number of elements and the position of their offsets if it is a sequence. Next are the addresses of the functions that
    are called back.
    """
    first = shape.functions + len(functions)
    head = [first]
    rest = list(instruction.result.starts)
    for operand, (_, _, dense) in zip(instruction.operands, shape.operands, strict=True):
        head.append(first + len(rest))
        rest += operand.starts
        if operand.offsets is not None:
            head += [len(operand.offsets), first + len(rest)]
            rest += () if dense else operand.offsets
    return [*head, *functions, *rest]


def forward_kernel(rule: Rule, shape: Shape) -> Kernel:
    """Return the function that computes the results.

    Raises:
        ValueError: the rule uses a sequence in a way for which there is no loop.
    """
    writer = _Writer(rule, shape, strict=True)
    with writer.steps():
        condition = writer.lowered(negation(writer.reduced(rule.domain))) if rule.domain else ast.Constant(False)
        value = writer.lowered(writer.reduced(rule.formula), "" if shape.single else writer.result)
        lines = [] if ast.unparse(value) == writer.result else [f"{writer.result} = {ast.unparse(value)}"]
        if not isinstance(condition, ast.Constant) or condition.value:
            lines = [f"doubt[0] |= {ast.unparse(condition)}", *lines]
        if lines:
            with writer.each_row():
                for line in lines:
                    writer.line(line)
    return writer.kernel()


def backward_kernel(rule: Rule, shape: Shape) -> Kernel:
    """Return the function that adds each operand's share of the result's gradient to its gradient.

    Raises:
        ValueError: as `forward_kernel`.
    """
    writer = _Writer(rule, shape, strict=False)
    with writer.steps():
        for number, (name, (_, wanted, dense)) in enumerate(zip(rule.operands, shape.operands, strict=True)):
            if not wanted:
                continue
            partial = writer.reduced(rule.partials[name])
            if dense is None:
                writer.share(number, partial)
            elif writer.function(partial) is one_hot:
                writer.scatter(number, partial.args[0])
            else:
                writer.hoist(partial)
                with writer.loop(ast.Name(f"n{number}")) as index:
                    writer.share(number, writer.item(partial, index), index)
    return writer.kernel()


class _Writer(Loops):
    """Writes the lines of one function."""

    def kernel(self) -> Kernel:
        """Return the function, with those that it calls."""
        body = self.body
        if any("doubt" in line for line in body):
            body = ["    doubt = no_doubt()", *body, *(f"    {line}" for line in NOTED)]
        lines = [*self.definitions(), "", f"def kernel({ARGUMENTS}):", *body]
        return Kernel("\n".join(lines) + "\n", tuple(self.back))

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Write the loop over the steps of an instruction, which reads the operands' addresses."""
        with self.block("for step in range(count):"):
            self.line(f"y = code[code[0] + step]{self.pitch}")
            position = 1
            for number, (fixed, _, dense) in enumerate(self.shape.operands):
                self.line(f"p{number} = code[code[{position}] + step]" + ("" if fixed else self.pitch))
                if dense is not None:
                    self.line(f"n{number}, o{number} = code[{position + 1}], code[{position + 2}]")
                elif fixed:
                    self.line(f"f{number} = fixed[p{number}]")
                position += 1 if dense is None else 3
            yield

    def share(self, number: int, partial: Tree, index: str = "") -> None:
        """Write what an operand, or an element of it, gets of the gradient: a fixed one a sum over the rows."""
        fixed = self.shape.operands[number][0]
        address = self.element(number, index) if index else f"p{number}"
        text = ast.unparse(product(self.lowered(partial), ast.Name(f"gradients[y{self.row}]")))
        if fixed and not self.shape.single:
            self.line("total = 0.0")
            with self.each_row():
                self.line(f"total = plus(total, {text})")
            self.line(f"fixed_gradients[{address}] += total")
            return
        with self.each_row():
            self.line(f"fixed_gradients[{address}] += {text}" if fixed else f"gradients[{address}{self.row}] += {text}")

    def scatter(self, number: int, index: Tree) -> None:
        """Write that one element of a sequence gets the gradient, which an index chooses in each row."""
        operand = ast.Name(f"p{number}")
        gradients = "fixed_gradients" if self.memory(operand) == "fixed" else "gradients"
        with self.each_row():
            self.line(f"{gradients}[{self.chosen(operand, index)}] += gradients[y{self.row}]")

    def reduced(self, formula: Formula) -> Any:
        """Return a formula of the operands, its constants computed; what it uses several times is computed now."""
        reducer = Reducer(self.rule.functions, self.called)
        names: dict[str, Any] = {name: ast.Name(f"p{number}") for number, name in enumerate(self.rule.operands)}
        tree = one(reducer.reduce(formula.tree, {**names, "y": ast.Name("y")}))
        for name, let in reducer.lets:
            self.bound[f"_{name}_"] = let if is_sequence(let) else ast.Name(self.stored(let))
        return tree
