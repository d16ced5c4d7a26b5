"""The tables in microgrannd/rules/README.md: where a rule has no derivative, and what it says there; what is left out.

python -m tests.rules.conventions prints them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import microgrannd as mg
from microgrannd import Value
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing.displaced import Displaced

#: What `math` has and this library has not.
LEFT_OUT = {
    "comb": "of whole numbers only",
    "factorial": "of whole numbers only; between them, gamma(x + 1)",
    "frexp": "a pair, of which one is a whole number",
    "gcd": "of whole numbers only",
    "isclose": "true or false",
    "isfinite": "true or false",
    "isinf": "true or false",
    "isnan": "true or false",
    "isqrt": "of whole numbers only",
    "lcm": "of whole numbers only",
    "ldexp": "x * 2.0 ** i says it, also where i is a Value",
    "modf": "a pair: x - trunc(x) and trunc(x)",
    "nextafter": "a matter of rounding, not of real numbers",
    "perm": "of whole numbers only",
    "ulp": "a matter of rounding, not of real numbers",
}


class Row(NamedTuple):
    rule: Rule
    operands: tuple[float, ...]
    value: float
    partials: tuple[float, ...]
    reasons: tuple[str, ...]


def rows() -> Iterator[Row]:
    """Of each rule the points among -1, 0 and 1 at which some derivative does not exist, one of each kind."""
    for rule in TABLE.values():
        seen = set()
        for operands in itertools.product(*candidates(rule)):
            try:
                leaves = [Value(x) for x in operands]
                result = operation(rule)(*leaves)
            except (ValueError, ArithmeticError):
                continue
            result.backward()
            displaced = Displaced(result)
            reasons = tuple(displaced.slopes_by(edge).trouble().replace("f is", "it is") for edge in displaced.edges)
            row = Row(rule, operands, result.data, tuple(leaf.grad for leaf in leaves), reasons)
            if any(reasons) and repr(row[3:]) not in seen:
                seen.add(repr(row[3:]))
                yield row


def candidates(rule: Rule) -> list[list[float]]:
    if rule.sequences:
        return [[]]
    return [[p.default] if p.default is not p.empty else [-1.0, 0.0, 1.0] for p in rule.parameters.values()]


def operation(rule: Rule) -> Any:
    return getattr(mg, rule.name, None) or getattr(Value, rule.name)


def table() -> str:
    """In Markdown."""
    lines = ["| operation | where | value | derivative | because |", "|---|---|---|---|---|"]
    for rule, operands, value, partials, reasons in rows():
        for name, slope, why in zip(rule.operands, partials, reasons, strict=True):
            if why:
                where = ", ".join(f"{o} = {x:g}" for o, x in zip(rule.operands, operands, strict=True))
                called = rule.formula.text if rule.name.startswith("__") else f"{rule.name}({', '.join(rule.operands)})"
                lines.append(f"| `{called}` | {where} | {value:.4g} | d{name} = {slope:.4g} | {why} |")
    return "\n".join(lines)


def left_out() -> str:
    """In Markdown."""
    rows = [f"| `{name}` | {reason} |" for name, reason in LEFT_OUT.items()]
    return "\n".join(["| function of `math` | why it is left out |", "|---|---|", *rows])


if __name__ == "__main__":
    print(table(), left_out(), sep="\n\n")
