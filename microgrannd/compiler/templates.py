"""What straight-line programs are made of: names for all refs of a tape, and its rules' formulas as templates.

A template is made once for each way in which a rule occurs, and filled with names for each step.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import re
from collections import Counter
from collections.abc import Collection
from itertools import count
from typing import Any, NamedTuple

from ..rules.formula import FUNCTIONS
from ..rules.rule import Rule
from ..rules.simplify import Term, Tree, constant, hole, one, product, template
from .forms import form
from .tape import Literal, Operand, Ref, Step, Tape

#: Names with a meaning of their own in the programs.
_OWN = {
    "rows", "row", "parameters", "results", "total", "gradients", "list", "ValueError", "count", "buffers", "constants", "check",
}  # fmt: skip


_RESERVED = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OWN, "real_result"}


#: Names that are made of a ref's name.
_DERIVED = ("{}", "d_{}")


class Templates(NamedTuple):
    """How a rule is written where its operands are of some kind, to be filled with names.

    Attributes:
        before: what the value uses several times, by name.
        unmet: the condition under which there is no value; "" if there always is one.
        value: the result.
        after: what the shares use several times, of the result {y} too.
        shares: for each name that is filled in, what it gets of the gradient {d}.
    """

    before: list[tuple[str, str]]
    unmet: str
    value: str
    after: list[tuple[str, str]]
    shares: list[str]


class Vocabulary:
    """The names and templates that all programs of a tape have in common.

    Attributes:
        reserved: names with another meaning.
        names: of the refs.
        functions: what the lines call, by name.
    """

    reserved: Collection[str] = _RESERVED

    def __init__(self, tape: Tape) -> None:
        self._taken = set(self.reserved).union(*(rule.functions for rule in {step.rule for step in tape.steps}))
        self._templates: dict[Any, Templates] = {}
        self._numbers: Counter[str] = Counter()
        self.functions: dict[str, Any] = {}
        for name in ("inf", "nan"):
            self.called(name, getattr(math, name))
        default = ["x"] * tape.inputs + ["p"] * tape.parameters + ["t"] * len(tape.steps)
        self.names = {
            Ref(index): self.name(label, base)
            for index, (label, base) in enumerate(zip(tape.labels, default, strict=True))
        }

    def name(self, label: str, base: str) -> str:
        """Return an unused identifier based on the label; the names derived from it are unused too."""
        words = re.sub(r"[^0-9A-Za-z]+", "_", label[:60]).strip("_")
        stem = words if words[:1].isalpha() else f"{base}_{words}" if words else base
        name = stem
        while not words or not self._taken.isdisjoint(form.format(name) for form in _DERIVED):
            words = stem
            name = f"{stem}{self._numbers[stem]}"
            self._numbers[stem] += 1
        self._taken.update(form.format(name) for form in _DERIVED)
        return name

    def called(self, name: str, thing: Any) -> str:
        """Return the name of a function in the programs."""
        own = FUNCTIONS.get(name) is not thing
        while (own and name in _OWN) or self.functions.setdefault(name, thing) is not thing:
            name += "_"
        self._taken.add(name)
        return name

    def written(self, tree: Tree, rule: Rule | None = None) -> str:  # noqa: ARG002
        """Return the template of an expression; of a rule's value, which it may not have, if one is given."""
        return template(tree)

    def templates(self, step: Step, unit: bool) -> tuple[Templates, list[Ref]]:
        """Return the templates of a step, for an incoming gradient of 1 or any other, and the refs to fill in."""
        key = step.rule, unit, tuple(map(_kind, step.operands))
        if key not in self._templates:
            self._templates[key] = self._new(step, unit)
        return self._templates[key], step.refs

    def _new(self, step: Step, unit: bool) -> Templates:
        """Return the templates of a step, which serve all steps of its rule and kinds of operands."""
        operands = dict(zip(step.rule.operands, step.operands, strict=True))
        wanted = [name for name, operand in operands.items() if not isinstance(operand, Literal)]
        found = form(step.rule, dict(zip(operands, _terms(step), strict=True)), hole("y"), wanted, self.called)
        gradient = constant(1.0) if unit else hole("d")
        lists = {
            n: found.partials[n]
            for n in wanted
            if isinstance(operands[n], tuple) and not isinstance(found.partials[n], list)
        }
        partials = found.partials | {name: hole(f"list_{name}") for name in lists}
        shares = [
            self.written(product(partial, gradient))
            for name in wanted
            for partial, atom in _pairs(partials[name], operands[name])
            if isinstance(atom, Ref)
        ]
        before = [(name, self.written(tree, step.rule)) for name, tree in found.before]
        after = [(name, self.written(tree)) for name, tree in found.after]
        after += [(f"list_{name}", self.written(one(tree))) for name, tree in lists.items()]
        unmet = self.written(found.unmet) if found.unmet else ""
        return Templates(before, unmet, self.written(found.value, step.rule), after, shares)


def _kind(operand: Operand) -> Any:
    """Return what the templates depend on: constants, and the lengths of sequences."""
    if isinstance(operand, tuple):
        return tuple(map(_kind, operand))
    return operand if isinstance(operand, Literal) else "ref"


def _terms(step: Step) -> list[Term]:
    """Return what stands for the operands in templates: constants, and numbered holes for the refs in order."""
    numbers = count()

    def term(operand: Operand) -> Term:
        if isinstance(operand, tuple):
            return list(map(term, operand))
        return constant(operand.number) if isinstance(operand, Literal) else hole(str(next(numbers)))

    return list(map(term, step.operands))


def _pairs(partial: Term, operand: Operand) -> list[tuple[Tree, Operand]]:
    """Return the derivatives with the atoms by which they are taken."""
    if not isinstance(operand, tuple):
        return [(partial, operand)]
    if not isinstance(partial, list):  # the name of a list that only the program knows
        partial = [ast.Subscript(partial, ast.Constant(index), ast.Load()) for index in range(len(operand))]
    return list(zip(partial, operand, strict=True))
