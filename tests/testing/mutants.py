"""Rules with a wrong derivative: what a test of gradients has to find."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from types import FunctionType
from typing import Any

import microgrannd as mg
from microgrannd.rules.formula import Formula
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE


def mutants(rule: Rule) -> Iterator[tuple[str, Any]]:
    """Operations like a rule's, each with one partial that is wrong, and what is wrong with it."""
    for operand, partial in rule.partials.items():
        many = operand in rule.sequences
        for what, form in (("sign", "-({})"), ("factor", "1.000000001 * ({})")) if partial.text != "0" else ():
            text = f"[{form.format('d_')} for d_ in {partial.text}]" if many else form.format(partial.text)
            yield f"{what} of d{operand}", mutant(rule, operand, text)
        yield f"neighbour's formula for d{operand}", mutant(rule, operand, neighbour(rule, operand))


def mutant(rule: Rule, operand: str, text: str) -> Any:
    """The operation with another partial."""
    own = FunctionType(rule.function.__code__, {}, rule.name, rule.function.__defaults__)
    partials = {f"d{name}": text if name == operand else partial.text for name, partial in rule.partials.items()}
    domain = rule.domain.text if rule.domain else None
    names = {name: f for name, f in rule.functions.items() if name not in rule.operands}
    return mg.rule(rule.formula.text, domain=domain, names=names, sequences=rule.sequences, **partials)(own)


def neighbour(rule: Rule, operand: str) -> str:
    """The formula of another partial, of this rule or of the next in the table, that is another function."""
    others = [partial for name, partial in rule.partials.items() if name != operand]
    after = list(TABLE.values())
    after = after[after.index(rule) + 1 :] + after[: after.index(rule)]
    others += [partial for other in after for partial in other.partials.values()]
    rng = random.Random(0)
    points = [[rng.uniform(0.1, 1.9) for _ in range(len(rule.operands) + 1)] for _ in range(20)]
    for other in others:
        try:
            fitting = Formula(other.text, [*rule.operands, "y"], rule.functions)
        except ValueError:
            continue
        if differ(rule, fitting, rule.partials[operand], points):
            return other.text
    raise AssertionError(f"{rule.name} has no neighbour")


def differ(rule: Rule, one: Formula, other: Formula, points: list[list[float]]) -> bool:
    """Whether two formulas give results of one kind, which differ."""
    names = [*rule.operands, "y"]

    def at(formula: Formula, numbers: list[float]) -> Any:
        given = [[x, x / 2] if name in rule.sequences else x for name, x in zip(names, numbers, strict=True)]
        result = formula.function(names, rule.functions)(*given)
        return result if isinstance(result, list) else float(result)

    pairs = []
    for numbers in points:
        with suppress(TypeError, ValueError, ArithmeticError):
            pairs.append((at(one, numbers), at(other, numbers)))
    return bool(pairs) and all(type(a) is type(b) for a, b in pairs) and any(a != b for a, b in pairs)
