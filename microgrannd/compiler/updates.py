"""Writes an optimiser's update in Python: for all parameters at a time, or as lines of a program for each of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from ..optim.update import SCALAR, Update, names_in
from ..rules.formula import is_float, not_float, real_result
from ..rules.generated import generated
from ..rules.simplify import hole, template

#: Of lists of data, of gradients and of each buffer, and of the constants: new data, and new buffers.
Stepper = Callable[[Any, Any, Any, Sequence[float]], tuple[Any, Any]]


class Trained(NamedTuple):
    """What steps of a training came to.

    Attributes:
        losses: the mean of the rows, before each.
        data: of the parameters.
        buffers: of the optimiser.
        gradients: of the last step.
    """

    losses: list[float]
    data: Any
    buffers: Any
    gradients: Any


#: Of rows, for each epoch the indices of all, the number of rows of a step, data, buffers, and the constants of each step:
#: what the steps came to; None if one needs a closer look, as a number was not finite or Python refused one.
Trainer = Callable[[Any, Sequence[Sequence[int]], int, Any, Any, Any], Trained | None]


def over_lists(update: Update) -> Stepper:
    """Return a function that computes new data and buffers of all parameters; the lists that it is given stay as they are."""
    lines = [f"{targets(list(update.constants))} = _constants"] if update.constants else []
    lines += [f"{targets(update.buffers)} = _buffers"] if update.buffers else []
    known = ["p", "g", *update.buffers]
    for name, tree in update.lines.items():
        used = [one for one in dict.fromkeys(known) if one in names_in(tree)] or ["p"]
        over = f"_zip({', '.join(used)})" if len(used) > 1 else used[0]
        lines.append(f"{name} = [{ast.unparse(_float(tree))} for {', '.join(used)} in {over}]")
        known.append(name)
    lines.append(f"return p, ({''.join(f'{name}, ' for name in update.buffers)})")
    source = "\n".join(["def update(p, g, _buffers, _constants):", *(f"    {line}" for line in lines)])
    return generated("update", source, {**SCALAR, "_zip": zip, "_real_result": real_result})


class Pasted:
    """The lines of an update as templates, to be written for each parameter under its names.

    Args:
        update: of an optimiser.
        called: gives the name of a function in the program.
        constants: the names of the constants in the program.
    """

    def __init__(self, update: Update, called: Callable[[str, Any], str], constants: Mapping[str, str]) -> None:
        functions = {name: called(name, thing) for name, thing in SCALAR.items()}
        functions["_real_result"] = called("real_result", real_result)
        given = {**functions, **constants}
        varying = {"p", "g", *update.buffers, *update.lines}
        self._lines = [
            (name, template(_Named(given, varying).visit(_float(tree)))) for name, tree in update.lines.items()
        ]

    def lines(self, names: dict[str, str], fresh: Callable[[str], str]) -> Iterator[str]:
        """Yield the lines for a parameter.

        Args:
            names: of its data p, its gradient g and its buffers; data and buffers are assigned under these.
            fresh: gives an unused name, for what else a line computes.
        """
        kept = names.keys() - {"g"}
        for name, text in self._lines:
            target = names[name] if name in kept else fresh(name)
            yield f"{target} = {text.format(**names)}"
            names[name] = target


class _Named(ast.NodeTransformer):
    """Writes the program's names, and holes for those that each parameter has."""

    def __init__(self, given: Mapping[str, str], varying: set[str]) -> None:
        self.given, self.varying = given, varying

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """One name."""
        return hole(node.id) if node.id in self.varying else ast.Name(self.given[node.id])


def _float(tree: ast.expr) -> ast.expr:
    """Return an expression that is sure to give a float, or to raise."""
    if is_float(tree, not_float(SCALAR)):
        return deepcopy(tree)  # to be changed
    return ast.Call(ast.Name("_real_result"), [deepcopy(tree)], [])


def targets(names: Sequence[str]) -> str:
    """Return names as the left side of an assignment that unpacks a sequence."""
    return f"{', '.join(names)}{',' * (len(names) == 1)}"
