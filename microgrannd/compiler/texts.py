"""What a rule is as text, over lists: the variables of its operands, its formula, and what each operand gets."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from ..rules.formula import FUNCTIONS
from ..rules.rule import Rule
from ..rules.simplify import Term, Tree, product
from .forms import form
from .roll import Instruction

#: Elements up to which a sequence is unpacked into variables: a product of two variables takes 20 ns, one of two elements
#: in a sum over lists twice that.
UNPACKED = 99


def refuse() -> float:
    """Raise, where a rule has no value."""
    raise ValueError


class Text(NamedTuple):
    """What a rule is as text: of operands x0, x1, ..., the result y, and its gradient d.

    Attributes:
        unmet: the condition under which there is no result; "" if there always is one.
        value: the result.
        shares: for each operand, what it gets of the gradient; a list for a sequence.
        lets: names of what the value and the shares use several times, and what these are.
    """

    unmet: str
    value: str
    shares: list[str]
    lets: dict[str, str]


class Texts:
    """The texts of the rules of a program.

    Args:
        names: of the functions that they call; more are added.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self._texts: dict[tuple[Rule, tuple[int | None, ...]], Text] = {}

    def of(self, instruction: Instruction) -> Text:
        """Return the formula and the partials of an instruction's rule, for sequences of these lengths."""
        key = instruction.rule, tuple(operand.length for operand in instruction.operands)
        if key not in self._texts:
            self._texts[key] = self._new(instruction)
        return self._texts[key]

    def _new(self, instruction: Instruction) -> Text:
        """Return the text of a rule, which serves all like instructions."""
        rule = instruction.rule
        operands = zip(rule.operands, instruction.operands, strict=True)
        names = {name: self.variable(f"x{number}", operand.length) for number, (name, operand) in enumerate(operands)}
        found = form(rule, names, ast.Name("y"), rule.operands, self.called)
        shares = [_share(partial, name in rule.sequences) for name, partial in found.partials.items()]
        lets = {f"_{name}_": self.written(let, rule) for name, let in found.before}
        lets |= {f"_{name}_": self.written(let) for name, let in found.after}
        unmet = self.written(found.unmet) if found.unmet else ""
        return Text(unmet, self.written(found.value, rule), list(map(self.written, shares)), lets)

    def variable(self, name: str, length: int | None) -> Term:
        """Return what stands for an operand."""
        return variable(name, length)

    def written(self, tree: Tree, rule: Rule | None = None) -> str:  # noqa: ARG002
        """Return an expression as text; a rule's value, which it may not have, if one is given."""
        return ast.unparse(tree)

    def called(self, name: str, function: Any) -> str:
        """Return the name of a function in the program: one's own have names like no variable."""
        if FUNCTIONS.get(name) is not function:
            name += "_"
        while self.names.setdefault(name, function) is not function:
            name += "_"
        return name


def variable(name: str, length: int | None) -> Term:
    """Return an operand's variable; for a short sequence, one for each element."""
    if length is None or length > UNPACKED:
        return ast.Name(name)
    return [ast.Name(f"{name}_{element}") for element in range(length)]


def target(name: str, length: int | None) -> str:
    """Return what an operand is unpacked into."""
    made = variable(name, length)
    if not isinstance(made, list):
        return name
    return f"({', '.join(part.id for part in made)}{',' * (length == 1)})"


def _share(partial: Term, many: bool) -> Tree:
    """Return what an operand gets of the gradient, or a list of what the elements of a sequence get."""
    if isinstance(partial, list):
        return ast.List([product(part, ast.Name("d")) for part in partial])
    if not many:
        return product(partial, ast.Name("d"))
    if isinstance(partial, ast.ListComp):
        return ast.ListComp(product(partial.elt, ast.Name("d")), partial.generators)
    element = ast.Name("_p")
    return ast.ListComp(product(element, ast.Name("d")), [ast.comprehension(element, partial, [], 0)])
