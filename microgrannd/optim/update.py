"""What an optimiser computes in a step: formulas by name, checked, and split by how often they have to be computed.

A reader of an optimiser (the eager `step`, a program) gets an `Update`: syntax trees over names, nothing else to know.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from keyword import iskeyword
from typing import Any

from .._text import described
from ..rules.formula import FUNCTIONS, Formula, FormulaError

#: What each line can read: the parameter's data, its gradient, the learning rate, the number of the step from 1.
GIVEN = frozenset({"p", "g", "lr", "t"})


#: The functions that a line can call, and constants: of the formulas' own those that take numbers and give a number.
SCALAR = {
    name: thing for name, thing in FUNCTIONS.items()
    if name not in (
        "comb", "dist", "factorial", "frexp", "fsum", "gcd", "isqrt", "lcm", "ldexp", "len", "map", "modf", "perm",
        "prod", "sum", "sumprod", "zip",
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Update:
    """A step of an optimiser, for one parameter, as expressions over names; conditions on its options are decided.

    Attributes:
        options: the attributes of the optimiser, numbers, that the constants read.
        constants: what is computed once a step: by name and in order, expressions of the options, lr, t and earlier
            constants.
        lines: what is computed for each parameter: by name and in order, expressions of p, g, the constants, the
            buffers and earlier lines. That of p is the parameter's new data.
        buffers: the names of which a number is kept for each parameter; before its line, a name is the old number.
    """

    options: tuple[str, ...]
    constants: Mapping[str, ast.expr]
    lines: Mapping[str, ast.expr]
    buffers: tuple[str, ...]


class Lines:
    """The formulas of an optimiser's class.

    Args:
        owner: the name of the class, for errors.
        formulas: texts by the names that they compute, in order: see `Optimizer`.
        options: the numbers of the optimiser that they may read.

    Attributes:
        buffers: the names that are read before they are computed.
        options: those that are read.
        tests: the conditions that depend on options alone and cannot raise, by their source.

    Raises:
        FormulaError: a text is not a formula, a name is taken or not known, or there is no line for p.
    """

    def __init__(self, owner: str, formulas: Any, options: Set[str]) -> None:
        if not isinstance(formulas, Mapping) or not all(
            type(part) is str for pair in formulas.items() for part in pair
        ):
            raise FormulaError(f"{owner}.update needs to be a dict of formulas by name, got {described(formulas)}")
        if "p" not in formulas:
            raise FormulaError(f'{owner}.update needs a formula for p, the new data, as "p": "p - lr * g"; got none')
        names = GIVEN | options | formulas.keys()
        self._trees: dict[str, ast.expr] = {}
        read: set[str] = set()
        buffers = []
        for name, text in formulas.items():
            where = f"{owner}.update[{name!r}]"
            _require_name(where, name, options)
            tree = self._trees[name] = _checked(where, text, names)
            read |= names_in(tree)
            if name in read and name not in GIVEN:
                buffers.append(name)
        self.buffers = tuple(buffers)
        self.options = frozenset(options & read)
        known = self.options | SCALAR.keys() - names
        tests = [n.test for tree in self._trees.values() for n in ast.walk(tree) if isinstance(n, ast.IfExp)]
        self.tests = {ast.unparse(test): test for test in tests if names_in(test) <= known and not _may_raise(test)}

    def settled(self, truths: Sequence[bool]) -> Update:
        """Return the update where the tests come out like this; what no longer does anything is left out."""
        decided = _Decided(dict(zip(self.tests, truths, strict=True)))
        varying = {"p", "g", *self.buffers}
        once = _Once(varying, taken={*self._trees, *self.options, *GIVEN, *SCALAR})
        lines: dict[str, ast.expr] = {}
        for name, tree in self._needed({name: decided.visit(deepcopy(tree)) for name, tree in self._trees.items()}):
            if name not in varying and not names_in(tree) & varying:
                once.constants[name] = tree
                continue
            varying.add(name)
            lines[name] = once.visit(tree)
        present = lines.keys() | names_in(*lines.values())
        return Update(
            options=tuple(sorted(names_in(*once.constants.values()) & self.options)),
            constants=once.constants,
            lines=lines,
            buffers=tuple(name for name in self.buffers if name in present),
        )

    def _needed(self, trees: dict[str, ast.expr]) -> list[tuple[str, ast.expr]]:
        """Return the lines without those that change nothing."""
        needed: list[tuple[str, ast.expr]] = []
        read = {"p", *self.buffers}
        for name, tree in reversed(trees.items()):
            if name in read and not (isinstance(tree, ast.Name) and tree.id == name):
                needed.append((name, tree))
                read |= names_in(tree)
        return needed[::-1]


class _Decided(ast.NodeTransformer):
    """Puts the branch in the place of a condition whose truth is known, by its source."""

    def __init__(self, truths: Mapping[str, bool]) -> None:
        self.truths = truths

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """One condition."""
        truth = self.truths.get(ast.unparse(node.test))
        if truth is None:
            return self.generic_visit(node)
        branch: ast.AST = self.visit(node.body if truth else node.orelse)
        return branch


class _Once(ast.NodeTransformer):
    """Puts names in the place of what does not vary over the parameters, the largest parts that there are.

    Args:
        varying: the names that vary; more may come.
        taken: names that new constants cannot have.

    Attributes:
        constants: these parts, by name.
    """

    def __init__(self, varying: Set[str], taken: Set[str]) -> None:
        self.varying, self.taken = varying, taken
        self.constants: dict[str, ast.expr] = {}
        self._known: dict[str, str] = {}  # the names by the source of the part
        self._sure = True  # that this place is reached for every parameter

    def visit(self, node: ast.AST) -> Any:
        """One part; where it might not be reached, only what cannot raise is computed before."""
        if not isinstance(node, ast.expr) or _is_literal(node) or names_in(node) & self.varying:
            return super().visit(node)
        source = ast.unparse(node)
        if source not in self._known:
            if not self._sure and _may_raise(node):
                return super().visit(node)
            name = self._known[source] = source if isinstance(node, ast.Name) else self._free()
            self.constants.setdefault(name, node)
        return ast.Name(self._known[source], ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The arguments, not the function's name."""
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """The branches are reached for some parameters."""
        node.test = self.visit(node.test)
        node.body, node.orelse = self._perhaps([node.body, node.orelse])
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """The first part is always reached."""
        node.values = [self.visit(node.values[0]), *self._perhaps(node.values[1:])]
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """The first two parts are always reached."""
        node.left, first = self.visit(node.left), self.visit(node.comparators[0])
        node.comparators = [first, *self._perhaps(node.comparators[1:])]
        return node

    def _perhaps(self, nodes: Iterable[ast.expr]) -> list[ast.expr]:
        before, self._sure = self._sure, False
        visited = [self.visit(node) for node in nodes]
        self._sure = before
        return visited

    def _free(self) -> str:
        return next(name for name in map("c{}".format, count(1)) if name not in self.taken | self.constants.keys())


class _Line(Formula):
    """A formula of an optimiser: it computes numbers of numbers."""

    def _require_known(self, name: str, functions: Mapping[str, Any]) -> None:
        if name not in functions:
            raise FormulaError(
                f"{self.text!r}: unknown name {name!r}; a line reads p, g, lr, t, names of lines, and options: "
                "arguments of __init__, numbers and properties of the class"
            )


def _checked(where: str, text: str, names: Iterable[str]) -> ast.expr:
    """Return a formula's syntax, its numbers as floats.

    Raises:
        FormulaError: it is not a formula, or computes a list.
    """
    try:
        formula = _Line(text, names, SCALAR)
    except FormulaError as error:
        raise FormulaError(f"{where}: {error}") from None
    for node in ast.walk(formula.tree):
        if isinstance(node, ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp):
            raise FormulaError(f"{where}: {text!r}: a line computes a number of numbers, not a {type(node).__name__}")
    return formula.renamed({})


def _require_name(where: str, name: str, options: Set[str]) -> None:
    if not (name.isidentifier() and name.isascii()) or iskeyword(name) or name.startswith("_"):
        raise FormulaError(f"{where}: the name of a line needs to be an ASCII name that does not begin with _")
    if name in ("lr", "t") or name in options:
        raise FormulaError(f"{where}: {name} is given by the optimiser; give the line another name")


def _may_raise(tree: ast.expr) -> bool:
    raising = ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Call
    return any(isinstance(node, raising) for node in ast.walk(tree))


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def names_in(*trees: ast.AST) -> set[str]:
    """Return the names in expressions, those of functions too."""
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
