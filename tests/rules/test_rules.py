"""Every rule of the table, by walking it: a rule that is added is tested without a word here."""

from __future__ import annotations

import math
import random
from typing import Any

import mpmath
import pytest

import microgrannd as mg
from microgrannd.engine import Value
from microgrannd.engine.value import WIDE
from microgrannd.rules import table as rules
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing.rounded import Rounded
from microgrannd.testing.rounding import rounding_errors
from tests.rules import references
from tests.rules.references import Undefined, agrees

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    0.5,
    1000.0,
    -1000.0,
    30.0,
    -30.0,
    -134.0,
    745.0,
    -745.0,
    1e-8,
    -1e-8,
    1e-300,
    1e300,
    -1e300,
]
EDGES += [math.nextafter(1, 0), math.nextafter(-1, 0), math.nextafter(1, 2), math.nextafter(-1, -2), math.pi / 2]


def number(rng: random.Random) -> float:
    """An edge, a number of everyday size, or one of any size."""
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(EDGES)
    if kind < 0.75:
        return rng.uniform(-1, 1) * 10 ** rng.uniform(-3, 3)
    return rng.choice([-1, 1]) * 10 ** rng.uniform(-300, 300)


def parity_is_lost(numbers: list[Any]) -> bool:
    """A negative number to so large a power that b - 1 is b: floats cannot tell the sign of the slope."""
    return len(numbers) == 2 and type(numbers[0]) is float and numbers[0] < 0 and abs(numbers[1]) >= 2**53


def steps_are_lost(rule: Rule, numbers: list[Any]) -> bool:
    """A quotient so large that floats cannot tell its whole part, which steps up and down within their rounding."""
    return rule.name in ("__floordiv__", "__mod__", "fmod", "remainder") and abs(numbers[0]) >= 2**53 * abs(numbers[1])


def cancelled(rule: Rule, numbers: list[Any]) -> float:
    """The size of the terms whose difference is the logarithm of the gamma function, or its slope, near their zeros."""
    return 4 * (abs(numbers[0]) + 1) * math.log(abs(numbers[0]) + 2) if rule.name in ("lgamma", "digamma") else 0.0


def in_domain(rule: Rule, numbers: list[Any]) -> bool:
    return rule.inside(*numbers)


def points(rule: Rule, count: int = 260) -> list[list[Any]]:
    """Operands in the rule's domain: all edges of a single operand, and random ones."""
    rng = random.Random(rule.name)
    length = rng.choice([1, 2, 5])
    found: list[list[Any]] = [[edge] for edge in EDGES] if len(rule.operands) == 1 and not rule.sequences else []
    while len(found) < 20 * count:
        length = rng.choice([1, 2, 5])
        found.append(
            [[number(rng) for _ in range(length)] if o in rule.sequences else number(rng) for o in rule.operands]
        )
    inside = [numbers for numbers in found if in_domain(rule, numbers)][:count]
    assert len(inside) == count, f"{rule.name}: too few points in {rule.domain}"
    return inside


def plain(rule: Rule, numbers: list[Any]) -> float | type[Exception]:
    """What Python's own arithmetic makes of the formula: a number, inf for overflow, or the kind of its error."""
    try:
        try:
            return rule.compute(*numbers)
        except OverflowError:
            return rule.saturated(*numbers)
    except (ArithmeticError, ValueError) as error:
        return type(error)


def recorded(rule: Rule) -> Any:
    return getattr(mg, rule.name, None) or getattr(Value, rule.name)


def record(rule: Rule, numbers: list[Any]) -> tuple[Value, list[Any]]:
    values = [[Value(x) for x in n] if isinstance(n, list) else Value(n) for n in numbers]
    return recorded(rule)(*values), values


each_rule = pytest.mark.parametrize("rule", TABLE.values(), ids=list(TABLE))


@each_rule
def test_value_and_partials_agree_with_mpmath(rule: Rule) -> None:
    compared = 0
    for numbers in points(rule):
        expected = plain(rule, numbers)
        if isinstance(expected, type):
            with pytest.raises(expected):
                record(rule, numbers)
            continue
        result, _ = record(rule, numbers)
        assert type(result.data) is float
        assert result.data == expected or math.isnan(expected)
        if math.isinf(expected):
            assert agrees(result.data, references.value(rule, numbers)), numbers
        if not math.isfinite(expected):
            continue
        if any(str(n) == "-0.0" for n in numbers):
            continue  # mpmath has no negative zero
        errors = rounding_errors(rule, references.rounded(numbers))
        error = max([*errors, cancelled(rule, numbers)])
        assert agrees(result.data, references.value(rule, numbers), error), (numbers, result.data)
        if rule is TABLE["__pow__"] and parity_is_lost(numbers) or steps_are_lost(rule, numbers):
            continue
        compared += check_partials(rule, numbers, result)
    assert compared >= 90  # half of them for what has steps, of which large numbers are


def check_partials(rule: Rule, numbers: list[Any], result: Value) -> int:
    compared = 0
    partials = list(result._da) if result._db is WIDE else [result._da, result._db][: len(numbers)]
    for place, (operand, number_) in enumerate(zip(rule.operands, numbers, strict=True)):
        result_rounded = Rounded(result.data, abs(result.data))
        errors = rounding_errors(rule, [*references.rounded(numbers), result_rounded], operand)
        chosen = random.Random(repr(number_)).randrange(len(number_)) if isinstance(number_, list) else None
        for element in range(len(number_)) if isinstance(number_, list) else [None]:
            got = partials.pop(0)
            assert type(got) is float
            if element != chosen:
                continue  # one element of a sequence is as good as all, and mpmath is slow
            try:
                expected = references.partial(rule, numbers, place, element)
            except Undefined:
                continue  # a kink, or an edge of the domain: those stand in test_conventions
            assert agrees(got, expected, *errors[element or 0 :][:1]), (
                numbers,
                operand,
                element,
                got,
                mpmath.nstr(expected, 17),
            )
            compared += 1
    return compared


@each_rule
def test_outside_the_domain_it_raises_and_says_what_it_needs(rule: Rule) -> None:
    rng = random.Random(0)
    if rule.sequences:
        if rule.domain:
            with pytest.raises((ValueError, ZeroDivisionError), match="needs"):
                recorded(rule)(*([Value(0.0)][:0] for _ in rule.operands))
        return
    for _ in range(500):
        numbers = [rng.choice([number(rng), math.inf, -math.inf, math.nan]) for _ in rule.operands]
        expected = plain(rule, numbers)
        if any(map(math.isnan, numbers)):
            assert math.isnan(record(rule, numbers)[0].data) or expected == record(rule, numbers)[0].data
        elif isinstance(expected, (type, complex)):
            with pytest.raises(expected if isinstance(expected, type) else ValueError, match="got") as caught:
                record(rule, numbers)
            assert rule.formula.text in str(caught.value)
            if not in_domain(rule, numbers):
                assert f"needs {rule.domain.text}" in str(caught.value)
        else:
            assert record(rule, numbers)[0].data == expected or math.isnan(expected)


@each_rule
def test_partials_never_raise_at_the_edges(rule: Rule) -> None:
    edges = [*EDGES, math.inf, -math.inf, math.nan, 1.7e308, 5e-324]
    for first in edges:
        for second in edges if len(rule.operands) > 1 else [0.0]:
            numbers = [first, second, first][: len(rule.operands)]
            sequences = [[n, n] if o in rule.sequences else n for o, n in zip(rule.operands, numbers, strict=True)]
            if isinstance(plain(rule, sequences), float):
                try:
                    result, _ = record(rule, sequences)
                except (ValueError, ArithmeticError):
                    assert not in_domain(rule, sequences)
                else:
                    result.backward()


@each_rule
def test_numbers_give_a_number_and_mixtures_a_value(rule: Rule) -> None:
    numbers = points(rule)[-1]
    if isinstance(plain(rule, numbers), type):
        numbers = [[0.5] if isinstance(n, list) else 0.5 for n in numbers]
    result, values = record(rule, numbers)
    if hasattr(mg, rule.name):
        assert recorded(rule)(*numbers) == result.data
    result.backward()
    for place, value in enumerate(values):
        mixed = [*numbers[:place], value, *numbers[place + 1 :]]
        if place and not hasattr(mg, rule.name):  # an operator: number on the left
            mixed_result = getattr(Value, rule.name.replace("__", "__r", 1))(value, numbers[0])
        else:
            mixed_result = recorded(rule)(*mixed)
        leaves = value if isinstance(value, list) else [value]
        together = [leaf.grad for leaf in leaves]
        for leaf in leaves:
            leaf.grad = 0.0
        mixed_result.backward()
        assert mixed_result.data == result.data
        assert [leaf.grad for leaf in leaves] == together


@each_rule
def test_its_docstring_states_formula_and_partials(rule: Rule) -> None:
    documentation = recorded(rule).__doc__
    for formula in (rule.formula, *rule.partials.values()):
        assert formula.text in documentation


DEFINITIONS = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_sigmoid": lambda x: mpmath.log(1 / (1 + mpmath.exp(-x))),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.01) * x,
    "elu": lambda x: x if x > 0 else mpmath.exp(x) - 1,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "__neg__": lambda x: 0 - x,
    "__abs__": lambda x: max(x, 0 - x),
    "__add__": lambda a, b: mpmath.fsum([a, b]),
    "__sub__": lambda a, b: mpmath.fsum([a, 0 - b]),
    "__mul__": lambda a, b: mpmath.fprod([a, b]),
    "__truediv__": lambda a, b: mpmath.fdiv(a, b),
    "__pow__": lambda a, b: mpmath.exp(b * mpmath.log(a)) if a > 0 else (-1) ** int(b) * mpmath.exp(b * mpmath.log(-a)),
    "maximum": lambda a, b: sorted([a, b])[1],
    "minimum": lambda a, b: sorted([a, b])[0],
    "clip": lambda x, lo, hi: sorted([lo, x, hi])[1],
    "sum": lambda vs: mpmath.fsum(vs),
    "mean": lambda vs: mpmath.fsum(vs) / len(vs),
    "dot": lambda ws, xs, bias: mpmath.fdot(ws, xs) + bias,
    "logsumexp": lambda vs: mpmath.log(mpmath.fsum(map(mpmath.exp, vs))),
    "__mod__": lambda a, b: a - b * mpmath.floor(a / b),
    "__floordiv__": lambda a, b: mpmath.floor(a / b),
    "fmod": lambda a, b: a - b * (mpmath.floor(a / b) if a / b > 0 else mpmath.ceil(a / b)),
    "remainder": lambda a, b: a - b * mpmath.nint(a / b),
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "trunc": lambda x: mpmath.sign(x) * mpmath.floor(abs(x)),
    "copysign": lambda a, b: abs(a) * mpmath.sign(b),
    "degrees": lambda x: x * 180 / mpmath.pi,
    "radians": lambda x: x * mpmath.pi / 180,
    "fma": lambda a, b, c: mpmath.fdot([(a, b), (c, 1)]),
    "gamma": mpmath.gamma,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "digamma": mpmath.digamma,
    "norm": lambda vs: mpmath.sqrt(mpmath.fdot(vs, vs)),
    "dist": lambda ps, qs: mpmath.sqrt(mpmath.fsum((p - q) ** 2 for p, q in zip(ps, qs, strict=True))),
    "fsum": mpmath.fsum,
}

SCALARS = [-1000.0, -134.0, -5.0, -0.3, 1e-9, 0.7, 3.0, 40.0, 1000.0]
GAMMAS = [-170.3, -2.5, -1e-9, 1e-9, 0.3, 1.4616321449683622, 2.5, 9.9, 30.0, 170.0, 1e6]
POINTS = {
    **{name: [(a, b) for a in (-2.5, 0.75, 3.0) for b in (-3.0, 2.0)] for name in DEFINITIONS},
    "clip": [(x, -1.5, 2.0) for x in SCALARS],
    "dot": [([0.5, -2.0, 3.0], [4.0, 0.25, -1.0], 0.125)],
    "dist": [([0.5, -2.0, 3.0], [4.0, 0.25, -1.0])],
    "fma": [(0.5, -2.0, 3.0)],
    **{name: [([0.5, -2.0, 3.25],), ([7.0],)] for name in ("sum", "mean", "logsumexp", "norm", "fsum")},
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_math_does_not_have_follows_its_definition(name: str) -> None:
    operation = getattr(mg, name, None) or (lambda *xs: getattr(Value(xs[0]), name)(*xs[1:]).data)
    points = [(x,) for x in SCALARS] if len(TABLE[name].operands) == 1 and not TABLE[name].sequences else POINTS[name]
    points = points if name not in ("leaky_relu", "elu") else [(x,) for x in SCALARS]
    points = points if "gamma" not in name else [(x,) for x in GAMMAS if name == "digamma" or x < 1e6]
    for point in points:
        with mpmath.workprec(8192):
            exact = [[*map(mpmath.mpf, x)] if isinstance(x, list) else mpmath.mpf(x) for x in point]
            expected = DEFINITIONS[name](*exact)
        assert agrees(operation(*point), expected), point


def test_every_rule_has_a_definition_of_its_own_or_is_in_math() -> None:
    assert TABLE.keys() - DEFINITIONS.keys() - set(dir(math)) == set(), "write what it is into DEFINITIONS"


@pytest.mark.parametrize("name", sorted(TABLE.keys() & set(dir(math)) - {"fma"}))  # which rounds twice, on every Python
def test_what_math_has_is_what_math_gives(name: str) -> None:
    numbers: list[Any] = [1.25 if name == "acosh" else 0.75, 0.5, 0.25][: len(TABLE[name].operands)]
    if TABLE[name].sequences:
        numbers = [[0.75, 0.5], [0.25, -1.0]][: len(TABLE[name].operands)]
    assert getattr(mg, name)(*numbers) == getattr(math, name)(*numbers)


def test_the_walk_finds_every_rule() -> None:
    decorated = {
        f.__rule__.name for f in [*vars(rules.Operations).values(), *vars(rules).values()] if hasattr(f, "__rule__")
    }
    assert {name for name in decorated if not name.startswith("_") or name.startswith("__")} == set(TABLE)


def test_every_named_rule_is_a_function_too() -> None:
    for name in TABLE:
        if not name.startswith("__"):
            assert getattr(mg, name).__rule__ is TABLE[name]
