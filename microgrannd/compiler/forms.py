"""A rule's formulas as expressions of given operands: what the writers of Python begin with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ..rules.formula import Formula, is_float, not_float, real_result
from ..rules.rule import Rule
from ..rules.simplify import Reducer, Term, Tree, negation, one


class Form(NamedTuple):
    """A rule of some operands.

    Attributes:
        before: what the value uses several times, by name.
        unmet: the condition under which there is no value; None if there always is one.
        value: the result.
        after: what the partials use several times, by name.
        partials: the derivative by each operand that is wanted. That of a sequence is a list of expressions, or one that
            gives a list.
    """

    before: list[tuple[str, Tree]]
    unmet: Tree | None
    value: Tree
    after: list[tuple[str, Tree]]
    partials: dict[str, Term]


def form(
    rule: Rule, operands: Mapping[str, Term], y: Tree, wanted: Collection[str], called: Callable[[str, Any], str]
) -> Form:
    """Return the formulas of a rule, simplified, with other expressions for its operands.

    Args:
        rule: the operation.
        operands: for each an expression; for a sequence a list of them, or one that gives a list.
        y: what stands for the result in partials.
        wanted: the operands whose partials are returned.
        called: gives the name of a function in the program, of that in the formula and the function.
    """
    reducer = Reducer(rule.functions, called)

    def number(formula: Formula, names: Mapping[str, Term]) -> Tree:
        """Return an expression that gives a float, or raises where the formula gives a complex number."""
        tree = one(reducer.reduce(formula.tree, names))
        truths = {name for name in formula.functions if name.startswith("is")}  # whose names in the program may differ
        doubtful = truths | formula.functions & not_float(rule.functions)
        if is_float(tree, {called(name, rule.functions[name]) for name in doubtful}):
            return tree
        return ast.Call(ast.Name(called("real_result", real_result)), [tree], [])

    value = number(rule.formula, operands)
    condition = negation(reducer.reduce(rule.domain.tree, operands)) if rule.domain else ast.Constant(False)
    before = len(reducer.lets)
    names = {**operands, "y": y}
    partials = {
        name: reducer.reduce(rule.partials[name].tree, names)
        if name in rule.sequences
        else number(rule.partials[name], names)
        for name in rule.operands
        if name in wanted
    }
    unmet = None if isinstance(condition, ast.Constant) and not condition.value else condition
    return Form(reducer.lets[:before], unmet, value, reducer.lets[before:], partials)
