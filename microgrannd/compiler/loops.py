"""Writes formulas of sequences as loops: sums, and the greatest and least elements, one loop nest after the other."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..rules.rule import Rule
from ..rules.simplify import Tree, product
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


#: Functions of a sequence.
_REDUCTIONS = {sum, max, min}


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
        super().__init__(rule, strict)
        self.shape = shape
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
        """Tell whether an expression is a sum over a sequence, or its greatest or least element."""
        function = self.function(tree)
        return function in _REDUCTIONS and (function is sum or len(tree.args) == 1)

    def reduction(self, tree: Any, name: str = "") -> Tree:
        """Write the loops of a sum, or of the greatest or least element; return the name of the result."""
        key = ast.unparse(tree)
        free = not _variables(tree)
        if free and key in self.known:
            return self.known[key]
        function = self.function(tree)
        start = ast.unparse(self.lowered(tree.args[1])) if len(tree.args) > 1 else "0.0"
        name = name or self.room()
        with self.each_row():
            self.line(f"{name} = {start}")
        self.accumulate(tree.args[0], lambda text, first: _step(function, name, text, first))
        if free:
            self.known[key] = ast.Name(name)
        return ast.Name(name)

    def accumulate(self, sequence: Tree, statement: Callable[[str, str], str]) -> None:
        """Write loops over a sequence, and inside of them a statement of each element."""
        if not isinstance(sequence, ast.ListComp):
            variable = ast.Name("_0")
            sequence = ast.ListComp(variable, [ast.comprehension(variable, sequence, [], 0)])
        self.hoist(sequence.elt)
        indices: list[str] = []

        def nested(generators: list[ast.comprehension]) -> None:
            if not generators:
                text = ast.unparse(self.lowered(sequence.elt))
                with self.each_row():
                    self.line(statement(text, " and ".join(f"{index} == 0" for index in indices)))
                return
            first, *others = generators
            with self.loop(self.length(first.iter)) as index:
                indices.append(index)
                self.bind(first, index)
                nested(others)

        nested(sequence.generators)

    def hoist(self, tree: Tree) -> None:
        """Write the loops of what is the same for each element of a sequence."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and self.is_reduction(node) and not _variables(node):
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

    def looped(self, node: ast.Call) -> ast.expr | None:
        """Return the result of a loop that a call stands for."""
        if self.is_reduction(node):
            return self.reduction(node)
        return self.length(node.args[0]) if self.function(node) is len else None


def _step(function: Any, name: str, text: str, first: str) -> str:
    """Return how an element enters a sum, or a choice, which as Python's keeps the first element if it is nan."""
    if function is sum:
        return f"{name} = plus({name}, {text})"
    return f"{name} = {text} if {first} or {text} {'>' if function is max else '<'} {name} else {name}"


def _variables(tree: ast.AST) -> set[str]:
    """Return the variables of loops around an expression that it uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and re.fullmatch(r"_\d+", node.id)}
    own = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    return used - {node.id for target in own for node in ast.walk(target) if isinstance(node, ast.Name)}
