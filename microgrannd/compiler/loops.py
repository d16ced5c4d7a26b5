"""Writes formulas of sequences as loops: sums, and the greatest and least elements, one loop nest after the other."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..rules.lookup import element
from ..rules.rule import Rule
from ..rules.simplify import Tree, free_variables, product
from .native import Expressions

#: Numbers on the way for which a function has room.
ROOM = 256


class Shape(NamedTuple):
    """What a function depends on besides the rule.

    Attributes:
        operands: for each, whether it is fixed, gets a gradient, and for a sequence whether its elements lie side by side.
        single: whether there is one row.
    """

    operands: tuple[tuple[bool, bool, bool | None], ...]
    single: bool

    @property
    def functions(self) -> int:
        """Where an instruction's numbers have the addresses of functions: after the positions of all others."""
        return 1 + sum(1 if dense is None else 3 for _, _, dense in self.operands)


#: Functions of a sequence, and of two for the distance.
_REDUCTIONS = {sum, math.fsum, max, min, math.dist}


class Loops(Expressions):
    """Writes the loops of a function.

    An expression is lowered to one that is evaluated for a row; sums over sequences that it contains are computed by
    loops before. A name's id may be any text that stands for a number, as ``cells[p0 + r]``.

    Args:
        rule: whose formulas are written.
        shape: of the function.
        strict: whether it flags where Python would raise.
    """

    def __init__(self, rule: Rule, shape: Shape, strict: bool) -> None:
        super().__init__(f"the rule of {rule.name}", strict, shape.functions)
        self.rule, self.shape = rule, shape
        self.body: list[str] = []
        self.depth = 0
        self.loops = self.sums = self.elements = 0
        self.known: dict[str, Tree] = {}  # sums that were computed, by their source
        self.bound: dict[str, Any] = {}  # what the variables of loops stand for: expressions, or lists of them
        self.row = "" if shape.single else " + r"
        self.pitch = "" if shape.single else " * pitch"
        self.result = f"cells[y{self.row}]"

    def line(self, text: str) -> None:
        """Write a line."""
        self.body.append("    " * (self.depth + 1) + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write a statement, and inside of it what is written meanwhile."""
        self.line(header)
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def each_row(self) -> Iterator[None]:
        """Write a loop over the rows, if there are several."""
        if self.shape.single:
            yield
        else:
            with self.block("for r in range(rows):"):
                yield

    @contextmanager
    def loop(self, length: Tree) -> Iterator[str]:
        """Write a loop over a sequence, and yield the name of the index."""
        index = f"j{self.loops}"
        self.loops += 1
        with self.block(f"for {index} in range({ast.unparse(length)}):"):
            yield index

    def memory(self, operand: Any) -> str:
        """Return the memory of an operand."""
        return "fixed" if self.shape.operands[int(operand.id[1:])][0] else "cells"

    def element(self, number: int, index: str) -> str:
        """Return the address of an element of a sequence, which is read now."""
        fixed, _, dense = self.shape.operands[number]
        offset = index if dense else f"code[o{number} + {index}]"
        name = f"e{self.elements}"
        self.elements += 1
        self.line(f"{name} = p{number} + {offset}" + ("" if fixed else self.pitch))
        return name

    def number(self, number: int, address: str) -> str:
        """Return the number of an operand at an address; a fixed one is read now."""
        if not self.shape.operands[number][0]:
            return f"cells[{address}{self.row}]"
        self.line(f"{address}_f = fixed[{address}]")
        return f"{address}_f"

    def stored(self, tree: Tree) -> str:
        """Return the name of an expression's number, which is computed now."""
        lowered = self.lowered(tree)
        if isinstance(lowered, ast.Name):
            return lowered.id
        name = self.room()
        with self.each_row():
            self.line(f"{name} = {ast.unparse(lowered)}")
        return name

    def room(self) -> str:
        """Return a new name for a number of each row.

        Raises:
            ValueError: there is no room for more.
        """
        if self.sums == ROOM:
            raise ValueError(
                f"the backend numba has room for {ROOM} sums in the rule of {self.rule.name}, not for more"
            )
        self.sums += 1
        return f"t{self.sums - 1}" if self.shape.single else f"room[{self.sums - 1} * pitch + r]"

    def lowered(self, tree: Tree, name: str = "") -> Tree:
        """Return an expression for a row; loops that it needs are written now. A sum's number may get a given name."""
        found: Tree = self.reduction(tree, name) if self.is_reduction(tree) else self.visit(tree)
        return found

    def function(self, tree: ast.AST) -> Any:
        """Return the function that an expression calls, or None."""
        return self.functions.get(tree.func.id) if isinstance(tree, ast.Call) else None  # type: ignore[attr-defined]

    def is_reduction(self, tree: Any) -> bool:
        """Tell whether an expression is a sum over a sequence, its greatest or least element, or a distance."""
        function = self.function(tree)
        return function in _REDUCTIONS and (function not in (max, min) or len(tree.args) == 1)

    def reduction(self, tree: Any, name: str = "") -> Tree:
        """Write the loops of a sum, of the greatest or least element, or of a distance; return the name of the result."""
        key = ast.unparse(tree)
        free = not free_variables(tree)
        if free and key in self.known:
            return self.known[key]
        function, (sequence, *others) = self.function(tree), tree.args
        start = "0.0"
        if function is sum and others:
            start = ast.unparse(self.lowered(others[0]))
        elif function is math.dist:
            sequence = _differences(sequence, *others)
        name = name or self.room()
        lost = self.room() if function is math.fsum else ""
        with self.each_row():
            self.line(f"{name} = {start}")
            if lost:
                self.line(f"{lost} = 0.0")
        self.accumulate(sequence, lambda text, first: self.step(function, name, lost, text, first))
        if lost:
            with self.each_row():
                self.line(f"{name} = {name} + {lost} if abs({name}) < inf else {name}")
                if self.strict:
                    self.line(f"if not abs({name}) < inf:")
                    self.line("    doubt[0] = 1")
        if free:
            self.known[key] = ast.Name(name)
        return ast.Name(name)

    def step(self, function: Any, name: str, lost: str, text: str, first: str) -> str:
        """Return how an element enters a sum, or a choice, which as Python's keeps the first element if it is nan."""
        if function is sum:
            return f"{name} = plus({name}, {text})"
        if function is math.fsum:
            return f"{name}, {lost} = compensated({name}, {lost}, {text})"
        if function is math.dist:
            length = self.call(self.called("hypot", math.hypot), ast.Name(name), ast.Name(text))
            return f"{name} = {ast.unparse(length)}"
        return f"{name} = ({text}) if {first} or ({text}) {'>' if function is max else '<'} {name} else {name}"

    def accumulate(self, sequence: Tree, statement: Callable[[str, str], str], begun: bool = False) -> None:
        """Write loops over a sequence, and inside of them a statement of each element.

        Args:
            sequence: the expression.
            statement: made of an element's text and of a condition: that it is the first one.
            begun: whether there are elements before.
        """
        match sequence:
            case ast.BinOp(left, ast.Add(), right):
                self.accumulate(left, statement, begun)
                self.accumulate(right, statement, True)
                return
            case ast.List(elements):
                for number, element in enumerate(elements):
                    text = ast.unparse(self.lowered(element))
                    with self.each_row():
                        self.line(statement(text, str(not begun and number == 0)))
                return
            case ast.ListComp():
                pass
            case _:
                variable = ast.Name("_0")
                sequence = ast.ListComp(variable, [ast.comprehension(variable, sequence, [], 0)])
        self.hoist(sequence.elt)
        indices: list[str] = []

        def nested(generators: list[ast.comprehension]) -> None:
            if not generators:
                text = ast.unparse(self.lowered(sequence.elt))
                first = "False" if begun else " and ".join(f"{index} == 0" for index in indices)
                with self.each_row():
                    self.line(statement(text, first))
                return
            one, *others = generators
            with self.loop(self.length(one.iter)) as index:
                indices.append(index)
                self.bind(one, index)
                nested(others)

        nested(sequence.generators)

    def hoist(self, tree: Tree) -> None:
        """Write the loops of what is the same for each element of a sequence."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and self.is_reduction(node) and not free_variables(node):
                self.lowered(node)

    def bind(self, generator: ast.comprehension, index: str) -> None:
        """Let the variables of a loop stand for an element.

        Raises:
            ValueError: the loop leaves elements out, which depends on the row.
        """
        if generator.ifs:
            self.refuse(generator.ifs[0])
        pairs: list[tuple[Any, Any]] = [(generator.target, self.item(generator.iter, index))]
        for target, item in pairs:
            if isinstance(target, ast.Name):
                self.bound[target.id] = item
            else:
                pairs += zip(target.elts, item, strict=True)

    def item(self, sequence: Any, index: str) -> Any:
        """Return the element of a sequence at an index: an expression, or a list of them.

        Raises:
            ValueError: the sequence has none that a loop could find.
        """
        match sequence:
            case ast.Name(name) if name in self.bound:
                return self.item(self.bound[name], index)
            case ast.Name() if self.is_operand(sequence):
                number = int(sequence.id[1:])
                return ast.Name(self.number(number, self.element(number, index)))
            case ast.Call(ast.Name(), [mapped, *rows]) if self.function(sequence) is map:
                items = [self.item(row, index) for row in rows]
                multiplied = self.functions[mapped.id] is operator.mul  # type: ignore[attr-defined]  # a name
                return product(*items) if multiplied else ast.Call(mapped, items, [])
            case ast.Call(_, rows) if self.function(sequence) is zip:
                return [self.item(row, index) for row in rows]
            case ast.ListComp(element, [generator]):
                self.bind(generator, index)
                return element
            case ast.BinOp(ast.List([element]), ast.Mult()):
                return element
            case ast.IfExp(test, body, orelse):
                return ast.IfExp(test, self.item(body, index), self.item(orelse, index))
        return self.refuse(sequence)

    def length(self, sequence: Any) -> Tree:
        """Return the number of elements of a sequence."""
        match sequence:
            case ast.Name(name) if name in self.bound:
                return self.length(self.bound[name])
            case ast.Name() if self.is_operand(sequence):
                return ast.Name(f"n{sequence.id[1:]}")
            case ast.Call(_, rows) if self.function(sequence) in (map, zip):
                return self.length(rows[-1])
            case ast.ListComp(_, [generator]):
                return self.length(generator.iter)
            case ast.BinOp(ast.List([_]), ast.Mult(), count):
                return ast.Call(ast.Name("int"), [self.lowered(count)], [])
            case ast.IfExp(_, body, _):
                return self.length(body)
        return ast.Constant(self.refuse(sequence))

    def is_operand(self, tree: ast.Name) -> bool:
        """Tell whether a name is that of an operand that is a sequence."""
        found = re.fullmatch(r"p(\d+)", tree.id)
        return found is not None and self.shape.operands[int(found[1])][2] is not None

    def read(self, node: ast.Name) -> ast.expr:
        """Return the number of an operand, or what a variable stands for."""
        if node.id == "y":
            return ast.Name(self.result)
        if node.id in self.bound:
            bound = self.bound[node.id]
            return self.lowered(bound if isinstance(bound, ast.expr) else self.refuse(node))
        if re.fullmatch(r"p\d+", node.id):
            number = int(node.id[1:])
            if self.is_operand(node):
                self.refuse(node)
            return ast.Name(f"f{number}" if self.shape.operands[number][0] else f"cells[p{number}{self.row}]")
        return node

    def chosen(self, tree: Any, index: Tree) -> str:
        """Return the address of the element of a sequence that an expression chooses in each row."""
        number = int(tree.id[1:]) if isinstance(tree, ast.Name) and self.is_operand(tree) else self.refuse(tree)
        fixed, _, dense = self.shape.operands[number]
        position = f"whole({ast.unparse(self.lowered(index))}, n{number}, doubt)"
        offset = position if dense else f"code[o{number} + {position}]"
        return f"p{number} + {offset}" if fixed else f"p{number} + {offset}{self.pitch}{self.row}"

    def looped(self, node: ast.Call) -> ast.expr | None:
        """Return the number, or the result of a loop, that a call stands for."""
        if self.is_reduction(node):
            return self.reduction(node)
        if self.function(node) is element:
            address = self.chosen(*node.args)
            return ast.Name(f"{self.memory(node.args[0])}[{address}]")
        return self.length(node.args[0]) if self.function(node) is len else None


def is_sequence(tree: Tree) -> bool:
    """Tell whether an expression, of no operand alone, is a sequence."""
    match tree:
        case ast.ListComp() | ast.List():
            return True
        case ast.BinOp(left, _, right):
            return is_sequence(left) or is_sequence(right)
        case ast.IfExp(_, body, _):
            return is_sequence(body)
        case ast.Call(ast.Name("map" | "zip")):
            return True
    return False


def _differences(a: Tree, b: Tree) -> Tree:
    """Return the differences of the elements of two sequences."""
    left, right = ast.Name("_0"), ast.Name("_00")
    pairs = ast.Call(ast.Name("zip"), [a, b], [])
    return ast.ListComp(ast.BinOp(left, ast.Sub(), right), [ast.comprehension(ast.Tuple([left, right]), pairs, [], 0)])
