"""Formulas made by mutation of the library's own and of an attacker's: run in a process of its own, all that they do seen.

python -m tests.rules.hostile_formulas COUNT SEED prints how many were taken for formulas, and fails if one did more than compute.
"""

from __future__ import annotations

import builtins
import random
import re
import sys
import unicodedata  # noqa: F401  # Python imports it for the first name that is not ASCII
from contextlib import suppress
from typing import Any

import microgrannd as mg
from microgrannd import Value
from microgrannd.rules.formula import FormulaError
from microgrannd.rules.table import TABLE

ATTACKS = [
    "sum([0*v for v in vs for exec in vs for chr in vs]) if exec(chr(1)) else sum(vs)",
    "sum([v for v in vs for __import__ in vs]) + __import__(0)",
    "[c for c in [open] for open in [vs]]",
    "sum(map(exec, vs))", "sum(map(eval, vs), x)", "max([ｅｘｅｃ(x) for ｅｘｅｃ in vs])", "eval(x) if x > 0 else x",
    "[getattr(v, x) for getattr in vs for v in vs]", "x.__class__", "vs[0].__init__", "(lambda: x)()", "f'{exec(x)}'",
    "[open for open in vs if open(x)]", "sum([compile(v) for compile in [exec] for v in vs])", "print(x)", "input()",
    "[x for __builtins__ in vs]", "sum([exit(v) for v in vs for exit in vs])", "globals()", "breakpoint()", "help(x)",
]  # fmt: skip
NAMES = [
    *"exec eval open __import__ chr getattr compile print input exit globals ｅｘｅｃ map sum max min len zip pow x vs v y top".split()
]
PIECES = [
    "(",
    ")",
    "[",
    "]",
    " for ",
    " in ",
    " if ",
    " else ",
    ",",
    "+",
    "*",
    "**",
    "/",
    "<",
    " and ",
    " not ",
    "1",
    "0.5",
    "*x",
]
HARMFUL = (
    "open",
    "import",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "shutil.",
    "code.",
    "marshal.",
    "pickle.",
    "input",
)
GENERATORS = {"microgrannd.rules.formula", "microgrannd.rules.generated", "ast"}

watching = False
seen: list[str] = []


def hook(event: str, _: Any) -> None:
    if watching and event.startswith(HARMFUL):
        seen.append(event)


def guarded(name: str) -> Any:
    """A builtin that only the library's generators may call."""
    original = getattr(builtins, name)

    def call(*arguments: Any, **options: Any) -> Any:
        if watching and sys._getframe(1).f_globals["__name__"] not in GENERATORS:
            seen.append(name)
        return original(*arguments, **options)

    return call


def mutated(rng: random.Random, texts: list[str]) -> str:
    text = rng.choice(texts)
    for _ in range(rng.randint(0, 3)):
        names = list(re.finditer(r"\w+", text))
        place = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0 and names:
            found = rng.choice(names)
            text = text[: found.start()] + rng.choice(NAMES) + text[found.end() :]
        elif kind == 1:
            text = text[:place] + rng.choice([*PIECES, *NAMES]) + text[place:]
        elif kind == 2:
            text = text[:place] + text[place + rng.randint(1, 6) :]
        else:
            other = rng.choice(texts)
            text = text[:place] + other[rng.randrange(len(other)) :]
    return text


def optimised(formula: str) -> bool:
    """Use a formula as a line of an optimiser; whether it was taken for one."""
    try:
        lines = {"y": formula if len(formula) % 2 else "g", "p": formula}
        kind = type("Own", (mg.Optimizer,), {"x": 0.5, "update": lines})
    except FormulaError:
        return False
    with suppress(ArithmeticError, ValueError, TypeError):  # of numbers
        kind([Value(1.0)], 0.5).step()
    return True


def run(formula: str, rng: random.Random) -> bool:
    """Use a formula in all ways that there are; whether it was taken for one."""
    line = optimised(formula)
    place = rng.randrange(3)
    texts = [formula if place == 0 else "x + sum(vs)", formula if place == 1 else "1", formula if place == 2 else None]
    try:

        @mg.rule(texts[0], dx=texts[1], dvs="[1] * len(vs)", domain=texts[2], sequences=["vs"])
        def own(x: Any, vs: Any) -> Any:
            """Whatever the formula is."""

    except FormulaError:
        return line
    x, vs = Value(0.5), [Value(0.25), Value(2.0)]
    try:
        result = own(x, vs)
        result.backward()
        mg.grad(mg.grad(own))(0.5, [0.25, 2.0])
        mg.explain(result)
        program = mg.compile(result, [x])
        program.forward([[0.5], [-1.0]])
        program.backward([[2.0]])
    except (ArithmeticError, ValueError, TypeError):
        pass  # of numbers: a list where a number should be, a partial too few
    return True


def main(count: int, seed: int) -> None:
    global watching
    rng = random.Random(seed)
    own = []
    for rule in TABLE.values():
        names = {name: "vs" if name in rule.sequences else "x" for name in rule.operands}
        own += [formula.source({**names, "y": "x"}) for formula in (rule.formula, *rule.partials.values())]
    for _ in range(9):
        run("x + sum(vs)", rng)  # what has to be imported is imported
    sys.addaudithook(hook)
    for name in ("exec", "eval", "compile", "open", "print", "input"):
        setattr(builtins, name, guarded(name))
    taken = 0
    for _ in range(count):
        formula = mutated(rng, own + ATTACKS * 5)
        watching = True
        taken += run(formula, rng)
        watching = False
        assert not seen, (formula, seen)
    print(f"{taken} of {count} were formulas")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
