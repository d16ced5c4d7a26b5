"""program.javascript(): the engine's numbers in Node, for every rule, at every edge."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

import microgrannd as mg
from microgrannd import Value, losses
from microgrannd.compiler import javascript
from microgrannd.engine.graph import topological
from microgrannd.engine.operations import recorded
from microgrannd.rules.lookup import lookup
from microgrannd.rules.rule import Rule, plain
from microgrannd.rules.table import TABLE
from tests.helpers import EDGES, NASTY, labelled, root, rounding, squash
from tests.node import imported, literal, needs_node, run

pytestmark = needs_node

RULES = [*TABLE.values(), *(f.__rule__ for f in vars(losses).values() if hasattr(f, "__rule__")), lookup.__rule__]


#: Where a remainder does not depend on the last digit of another operation.
MODERATE = [edge for edge in EDGES if not 1e307 < abs(edge) < math.inf]


class Case(NamedTuple):
    """A function of leaves, so many of which are inputs, and the numbers at which it is computed."""

    build: Callable[[list[Value]], Value]
    inputs: int
    points: list[list[float]]


def check(cases: Sequence[Case]) -> int:
    """Compare programs in Node with the eager engine; the number of points at which both have a value."""
    parts, orders = [], []
    for case in cases:
        program, leaves = compiled(case)
        order = [leaves.index(parameter) for parameter in program.parameters]
        points = [[point[: case.inputs], [point[index] for index in order]] for point in case.points]
        parts.append(f"[{imported(program.javascript())}, {literal(points)}]")
        orders.append(order)
    found = run(f"""const result = [{",".join(parts)}].map(([program, points]) => points.map(([row, numbers]) => {{
      try {{
        const [[value]] = program.forward([row], numbers), [mean, gradients] = program.backward([row], numbers);
        return [value, mean, ...gradients];
      }} catch (error) {{
        if (!(error instanceof RangeError)) throw error;
        return error.message;
      }}
    }}));""")
    agreed = 0
    for case, order, results in zip(cases, orders, found, strict=True):
        for point, result in zip(case.points, results, strict=True):
            agreed += same(case, order, point, result)
    return agreed


def same(case: Case, order: list[int], point: list[float], found: Any) -> bool:
    leaves = list(map(Value, point))
    where = f"at {point}: {found}"
    try:
        output = case.build(leaves)
    except (ArithmeticError, ValueError) as error:
        flows = (
            any(map(math.isnan, point)) and not isinstance(found, str) and math.isnan(found[0])
        )  # fsum([nan, inf, -inf])
        assert isinstance(found, str) or flows, f"{where}, where the engine says: {error}"
        return False
    if any(node._op == "copysign" and math.isnan(node._operands[1].data) for node in topological(output)):
        return False  # the sign of nan depends on the processor
    assert not isinstance(found, str), f"{where}, where the engine gives {output.data}"
    output.backward()
    expected = [output.data, output.data, *(leaves[index].grad for index in order)]
    errors = rounding(lambda *given: case.build(list(given)), [], point, math.inf)
    bounds = [errors[0], errors[0], *(errors[1 + index] for index in order)]
    for one, right, bound in zip(found, expected, bounds, strict=True):
        close = pytest.approx(right, rel=1e-12, abs=max(bound, 1e-300), nan_ok=True)
        assert bound == math.inf or one == close, f"{where}, not {expected}"
    return True


def compiled(case: Case) -> tuple[mg.Program, list[Value]]:
    """A program recorded where all operations have values, and the leaves."""
    for point in ([0.5], [1.5], [-0.5], [2.0], [0.0], *case.points):
        leaves = [Value(point[index % len(point)]) for index in range(len(case.points[0]))]
        try:
            return mg.compile(case.build(leaves), leaves[: case.inputs]), leaves
        except (ArithmeticError, ValueError):
            pass
    raise AssertionError("there is no point at which the function has a value")


def of_rule(rule: Rule) -> tuple[Callable[[list[Value]], Value], int]:
    """A function that records a rule of leaves, and how many it takes: three for a sequence."""
    sizes = [3 if name in rule.sequences else 0 for name in rule.operands]
    function = recorded(rule.function)

    def build(leaves: list[Value]) -> Value:
        taken = iter(leaves)
        found: Value = function(*[list(itertools.islice(taken, size)) if size else next(taken) for size in sizes])
        return found

    return build, sum(max(size, 1) for size in sizes)


@pytest.fixture(params=["straight", "rolled"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "rolled":
        monkeypatch.setattr(javascript, "STRAIGHT", -1)
    return str(request.param)


def at_every_edge() -> list[Case]:
    rng, cases = random.Random(0), []
    for rule in [*RULES, squash_by_rule.__rule__, root.__rule__]:
        build, count = of_rule(rule)
        edges = list(itertools.product(EDGES, repeat=min(count, 2)))
        points = [list(point) for point in rng.sample(edges, min(len(edges), 40))]
        points = [point + [rng.choice(EDGES) for _ in range(count - len(point))] for point in points]
        points += [[rng.gauss(0, 3) for _ in range(count)] for _ in range(10)]
        if rule.name == "lookup":
            points = [[*point[:-1], float(rng.randrange(3))] for point in points]
        cases.append(Case(build, 0, points))
    return cases


def test_every_rule_at_every_edge(form: str) -> None:
    assert check(at_every_edge()) > 1500


def expression(rng: random.Random) -> tuple[Callable[[list[Value]], Value], int]:
    """A function of a handful of operations of any rules, the last of which uses all."""
    rules = [rng.choice(RULES) for _ in range(6)]
    functions = [of_rule(rule) for rule in rules if rule.name != "lookup"]
    picks = [[rng.random() for _ in range(count)] for _, count in functions]

    def build(leaves: list[Value]) -> Value:
        values = list(leaves)
        for (function, _), pick in zip(functions, picks, strict=True):
            values.append(function([values[int(share * len(values))] for share in pick]))
        return mg.sum(values[len(leaves) :] + [mg.tanh(leaf) for leaf in leaves])

    return build, 4


def expressions(seed: int, count: int, points: int) -> list[Case]:
    rng, cases = random.Random(seed), []
    while len(cases) < count:
        build, size = expression(rng)
        numbers = [
            [rng.choice([rng.choice(MODERATE), rng.gauss(0, 2), rng.uniform(0, 1)]) for _ in range(size)]
            for _ in range(points)
        ]
        case = Case(build, 1, numbers)
        try:
            compiled(case)
        except AssertionError:
            continue
        cases.append(case)
    return cases


def test_random_expressions(form: str) -> None:
    assert check(expressions(0, 20, 20)) > 40


@pytest.mark.slow
def test_many_random_expressions(form: str) -> None:
    for seed in range(5):
        check(expressions(seed + 1, 100, 20))


@mg.rule(
    "x / (1 + abs(x)) if x > 0 else -log1p(-x)",
    dx="1 / (1 + abs(x)) ** 2 if x > 0 else inner(x)",
    names={"inner": mg.reciprocal},
)
def squash_by_rule(x: Any) -> Any:
    """One's own, that calls another rule."""


@mg.rule("sum([let * v for let in vs for v in [scale]])", dvs="[scale] * len(vs)", sequences=["vs"], names={"scale": 3})
def scaled(vs: Any) -> Any:
    """With words of JavaScript for variables."""


@mg.rule("inner([function, x0]) + x0 * 1.5", dfunction="3", dx0="4.5", names={"inner": plain(scaled), "x1": 7.0})
def through(function: Any, x0: Any) -> Any:
    """With words of JavaScript for operands, and names that stand for something else."""


def test_names_that_javascript_has_too(form: str) -> None:
    points = [[0.5, -2.0], [math.inf, 1.0], [math.nan, 0.0]]
    cases = [Case(of_rule(rule.__rule__)[0], 1, points) for rule in (through,)]
    cases.append(Case(lambda leaves: scaled([leaves[0], leaves[1], leaves[0] * leaves[1]]), 1, points))
    cases.append(Case(lambda leaves: through(*[labelled(leaf, "scaled$") for leaf in leaves]), 1, points))
    assert check(cases) == 9


CONDITIONS = [
    "1 if isinf(x) or isnan(x) else x", "0 if x else 1", "(x and 3) + (w or 2)", "(x > 0) - (w < 0) + (x > w)", "x or w or 5",
    "-x if not x > w else 2 if w and x > 0 else (x < w)", "isfinite(x) * 2 if not isnan(w) and 0 <= x < w else -(-x)",
    "x - (w - (x - 1)) / (2 / (1 + w * w))", "(-x) ** 2 - -x ** 2 + (x ** 2) ** 3", "x % 3 + w // 2 - (-x) % -3",
    "pow(abs(x), w) + x ** 3", "log(x * x + 1, 2) + hypot(x, w, 3) + exp2(w / 4)", "max(x, w) - min(x, w, 1) + max([x, 2 * w])",
    "sum([v * v for v in [x, w, 1] if v > 0])", "sum([a * b for a, b in zip([x, w], [w, 2])], x)", "prod([x, w, 2]) + len([x, w])",
    "1 if (x > 0 if w > 0 else x < 0) else 2", "1 if max(x > 0, w > 0) else 2", "sum([1 if b else 0 for b in [x > 0, w > 0]])",
    "max(x > 0, w > 0)", "isnan(x) if x > 0 else isinf(w)", "(x > 0) ** (w * w)", "isnan(x)", "(x > 0) % w if w else 0",
    "log(x * x, 2) if x else prod([x, w])",
    "sum([1] * len([x, w]) + [x]) + sum(map(abs, [x, w]))", "trunc(x) + floor(w) - ceil(x)", "degrees(x) - radians(w) + fabs(x)",
]  # fmt: skip


def test_the_syntax_of_formulas(form: str) -> None:
    numbers = [0.0, 1.0, -1.5, 2.5, -0.25]
    cases = []
    for formula in CONDITIONS:
        own = mg.rule(formula, dx="1", dw=formula)(lambda x, w: None)
        cases.append(Case(lambda leaves, own=own: own(*leaves), 1, [[x, w] for x in numbers for w in numbers]))
    assert check(cases) > 650


def test_a_function_without_a_counterpart_is_one_clear_error(form: str) -> None:
    x = Value(0.5)
    program = mg.compile(squash(x), [x])
    with pytest.raises(ValueError, match=r"the rule of squash calls own, which has no counterpart in JavaScript"):
        program.javascript()


def networks() -> list[tuple[mg.Module, Any, Any]]:
    return [
        (mg.MLP(2, [4, 1], activation="tanh", seed=0), mg.binary_cross_entropy_with_logits, lambda i: i % 2),
        (mg.MLP(2, [3, 3], activation="gelu", seed=1), mg.cross_entropy, lambda i: i % 3),
        (mg.MLP(2, [3, 1], activation="relu", seed=2), mg.mse, lambda i: i / 10),
    ]


OPTIMIZERS = [
    (mg.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}), (mg.SGD, {"lr": 0.1}), (mg.Adam, {"lr": 0.05}),
    (mg.AdamW, {"lr": 0.02}), (mg.RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.5}),
]  # fmt: skip


def test_a_hundred_steps_are_those_of_fit(form: str) -> None:
    rng, parts, expected = random.Random(3), [], []
    X = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(30)]
    for model, loss, target in networks():
        for kind, options in OPTIMIZERS:
            y = [target(i) for i in range(30)]
            inputs = [Value(0.5), Value(0.5), Value(1.0)]
            program = mg.compile(loss(model(inputs[:2]), inputs[2]), inputs)
            optimizer = kind(model.parameters(), **options)
            before = [p.data for p in program.parameters]
            named = {name: value for name, value in vars(optimizer).items() if isinstance(value, float)}
            named |= dict(zip(("beta1", "beta2"), getattr(optimizer, "betas", ()), strict=False))
            rows = [[*row, t] for row, t in zip(X, y, strict=True)]
            parts.append(
                f"[{imported(program.javascript(optimizer))}, {literal(before)}, {literal(rows)}, "
                f"{literal({name: [0.0] * len(before) for name in optimizer.buffers})}, {literal(named)}]"
            )
            mg.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=34, batch_size=10, shuffle=False, progress=False)
            expected.append([p.data for p in program.parameters])
            for parameter, old in zip(program.parameters, before, strict=True):
                parameter.data = old
    found = run(f"""const result = [{",".join(parts)}].map(([program, weights, rows, buffers, options]) => {{
      let t = 0;
      for (let epoch = 0; epoch < 34; epoch++) for (let first = 0; first < rows.length; first += 10) {{
        const [, gradients] = program.backward(rows.slice(first, first + 10), weights);
        program.step(weights, gradients, buffers, options, options.lr, ++t);
      }}
      return weights;
    }});""")
    for one, right in zip(found, expected, strict=True):
        assert one == pytest.approx(right, rel=1e-9, abs=1e-9)


def test_an_optimiser_without_formulas_is_refused() -> None:
    class Own(mg.Optimizer):
        def _update(self, lr: float) -> None:
            pass

    w = Value(1.0)
    with pytest.raises(TypeError, match=r"javascript needs an optimizer with formulas"):
        mg.compile(w * w, []).javascript(Own([w], 0.1))


def test_several_outputs_results_without_a_graph_and_hostile_labels() -> None:
    x, ws = Value(2.0), [Value(0.5 + i, label) for i, label in enumerate([*NASTY, "class", "Math", "row", "dot", "x"])]
    with mg.no_grad():
        fixed = mg.exp(x)
    program = mg.compile([mg.sum([w * x for w in ws]) + fixed, x * 3.0], [x])
    module = program.javascript()
    assert "export function backward" not in module
    found = run(f"const result = {imported(module)}.forward([[1.5], [-2]], {literal([w.data for w in ws])});")
    assert found == [pytest.approx(list(row), rel=1e-12) for row in program.forward([[1.5], [-2.0]])]


def test_what_does_not_fit_is_refused() -> None:
    x, w = Value(2.0, "x"), Value(1.0, "w")
    module = mg.compile(mg.log(x * w), [x]).javascript()
    calls = ["forward([[1], [-1]], [1])", "forward([[1, 2]], [1])", "forward([[1]], [])", "backward([], [1])"]
    tried = ",".join(f"() => program.{call}" for call in calls)
    found = run(f"""const program = {imported(module)};
    const result = [{tried}].map((call) => {{ try {{ return call(); }} catch (error) {{ return error.message; }} }});""")
    assert found == [
        "row 1: log(x) needs x > 0, got x = -1",
        "row 0: a number for each of 1 inputs is needed, got length = 2",
        "1 parameters are needed, got 0",
        "backward needs at least one row for the mean, got none",
    ]


def test_a_large_graph_is_written_as_loops() -> None:
    model = mg.MLP(120, [30, 3], activation="tanh", seed=0)
    inputs = [Value(0.1) for _ in range(120)]
    program = mg.compile(mg.cross_entropy(model(inputs), 1), inputs)
    row = [math.sin(i) for i in range(120)]
    module = program.javascript()
    assert len(module) < 60_000
    numbers = [p.data for p in program.parameters]
    mean, gradients = run(f"const result = {imported(module)}.backward([{literal(row)}], {literal(numbers)});")
    for parameter in program.parameters:
        parameter.grad = 0.0
    assert mean == pytest.approx(program.backward([row]), rel=1e-12)
    assert gradients == pytest.approx([p.grad for p in program.parameters], rel=1e-10, abs=1e-15)
