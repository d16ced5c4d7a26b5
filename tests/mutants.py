"""Rules with a wrong derivative: what a test of gradients has to find."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from microgrannd.engine import recorded
from microgrannd.formulas import Formula
from microgrannd.rules import TABLE, Rule


def mutants(rule: Rule) -> Iterator[tuple[str, Any]]:
    """Operations like a rule's, each with one partial that is wrong, and what is wrong with it."""
    for operand, partial in rule.partials.items():
        many = operand in rule.sequences
        for what, form in (("sign", "-({})"), ("factor", "1.000001 * ({})")):
            text = f"[{form.format('d_')} for d_ in {partial.text}]" if many else form.format(partial.text)
            yield f"{what} of d{operand}", mutant(rule, operand, text)
        yield f"neighbour's formula for d{operand}", mutant(rule, operand, neighbour(rule, operand))


def mutant(rule: Rule, operand: str, text: str) -> Any:
    changed = Formula(text, [*rule.operands, "y"], rule.functions)

    def function() -> None:
        """The operation with that partial."""

    function.__name__ = rule.name
    parameters = rule.function
    own = replace(rule, function=parameters, partials={**rule.partials, operand: changed})
    holder = type("Holder", (), {"__rule__": own})
    return recorded(holder)  # type: ignore[type-var]


def neighbour(rule: Rule, operand: str) -> str:
    """The formula of another partial, of this rule or of the next in the table, that is another function."""
    others = [partial for name, partial in rule.partials.items() if name != operand]
    after = list(TABLE.values())
    after = after[after.index(rule) + 1 :] + after[: after.index(rule)]
    others += [partial for other in after for partial in other.partials.values()]
    rng = random.Random(0)
    points = [[rng.uniform(0.1, 0.9) for _ in range(len(rule.operands) + 1)] for _ in range(5)]
    for other in others:
        try:
            fitting = Formula(other.text, [*rule.operands, "y"], rule.functions)
        except ValueError:
            continue
        if differs(rule, fitting, rule.partials[operand], points):
            return other.text
    raise AssertionError(f"{rule.name} has no neighbour")


def differs(rule: Rule, one: Formula, other: Formula, points: list[list[float]]) -> bool:
    def at(formula: Formula, numbers: list[float]) -> Any:
        given = [
            [x, x / 2] if name in rule.sequences else x for name, x in zip([*rule.operands, "y"], numbers, strict=True)
        ]
        return formula.function([*rule.operands, "y"], rule.functions)(*given)

    try:
        found = [(at(one, numbers), at(other, numbers)) for numbers in points]
    except (TypeError, ValueError, ArithmeticError):
        return False
    return all(type(a) is type(b) or list not in (type(a), type(b)) for a, b in found) and any(a != b for a, b in found)
