"""explain: its numbers are the engine's, its formulas the rules', and its text is harmless."""

from __future__ import annotations

import ast
import itertools
import math
import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, draw, explain
from microgrannd.drawing.filling import MOST_TERMS
from microgrannd.engine.graph import contributions, topological
from microgrannd.explaining.derivation import Derivation
from microgrannd.explaining.explain import MOST_PARTS, MOST_STEPS
from microgrannd.rules import table as rules
from microgrannd.rules.formula import FormulaError
from microgrannd.rules.latex import inert
from microgrannd.rules.notation import Notation
from microgrannd.rules.readable import sentences
from microgrannd.rules.rule import Rule
from microgrannd.testing import expressions
from tests.helpers import NASTY, Written, labelled, textbook, within


def test_the_textbooks_network_comes_out_as_the_article_wanted_it_with_the_right_digits() -> None:
    error, _ = textbook()
    lines = [line.strip() for line in repr(explain(error, digits=6)).splitlines()]
    for expected in [
        "y3 = σ(a1) = σ(0.21) = 0.552308,  ∂E/∂y3 = 0.0110311",
        "a1 = w11 · x1 + w21 · x2 = 0.2 × 0.35 + 0.2 × 0.7 = 0.21,  ∂E/∂a1 = 0.00272759",
        "y5 = σ(a3) = σ(0.685987) = 0.665074,  ∂E/∂y5 = 0.165074",
        "∂y5/∂a3 = y5 · (1 − y5) = 0.665074 × (1 − 0.665074) = 0.222751,  ∂E/∂a3 = 0.165074 × 0.222751 = 0.0367703",
        "∂y4/∂a2 = y4 · (1 − y4) = 0.578105 × (1 − 0.578105) = 0.2439,  ∂E/∂a2 = 0.0330932 × 0.2439 = 0.00807143",
        "∂a1/∂w11 = x1 = 0.35,  ∂E/∂w11 = 0.00272759 × 0.35 = 0.000954656",  # new w11 = 0.2 − 0.00095 = 0.19905
        "∂a3/∂w13 = y3 = 0.552308,  ∂E/∂w13 = 0.0367703 × 0.552308 = 0.0203085",
        "∂a2/∂x1 = w12 = 0.3,  ∂E/∂x1 = 0.00272759 × 0.2 (via a1) + 0.00807143 × 0.3 (via a2) = 0.00296695",
    ]:
        assert expected in lines
    assert "σ(x) = 1/(1 + e⁻ˣ), σ′ = σ(1 − σ)" in lines


def test_where_paths_meet_the_sum_names_them() -> None:
    a = Value(0.5, "a")
    c, d = labelled(a * 2.0, "c"), labelled(mg.sin(a), "d")
    root = labelled(c * 0.21 + d, "L")
    slope = math.cos(0.5)
    assert f"∂L/∂a = 1 × {slope:.4g} (via d) + 0.21 × 2 (via c) = {slope + 0.42:.4g}" in str(explain(root))


def unwrapped(explanation: Any) -> list[str]:
    """The lines of an explanation, those about operands in one piece each."""
    return str(explanation).replace("\n        ", " ").splitlines()


def number(written: str) -> float:
    return float(written.replace("−", "-").replace("∞", "inf"))


#: The derivative of one by another, at the end of a line.
LAST = re.compile(r"∂(\w+)/∂(\w+) = (?:.* = )?(\S+)$")


@settings(deadline=None, max_examples=150)
@given(expressions())
def test_every_sum_is_the_engines_gradient_to_the_last_digit(expression: Any) -> None:
    inputs = [Value(x, f"in{i}") for i, x in enumerate(expression.inputs)]
    root = expression(*inputs)
    root.label = "root"
    root.backward()
    gradients = {inputs[i].label: inputs[i].grad for i in range(len(inputs)) if inputs[i] in topological(root)}
    shown = {}
    for line in str(explain(root, digits=17)).split("\nIn sum: ")[0].replace("\n        ", " ").splitlines():
        said = re.split(r", +(?=∂)", line.strip().split("(the ")[0].strip())[-1]
        if (match := LAST.match(said)) and match[1] == "root":
            shown[match[2]] = number(match[3])
    for label, gradient in gradients.items():
        assert shown[label] == pytest.approx(gradient, rel=0, abs=0, nan_ok=True), label


@settings(deadline=None)
@given(expressions())
def test_contributions_add_up_to_what_backward_leaves_in_every_node(expression: Any) -> None:
    root = expression(*map(Value, expression.inputs))
    order = topological(root)
    root.backward()
    totals = {root: 1.0, **{one.operand: one.total for one in contributions(root)}}
    assert [repr(totals[node]) for node in order] == [repr(node.grad) for node in order]


def balanced(formula: str) -> bool:
    """Whether a formula's brackets close, those of LaTeX's \\left and \\right too."""
    counts = Counter(re.findall(r"\\left|\\right|\\begin|\\end|(?<!\\)[{}]", formula))
    return counts[r"\left"] == counts[r"\right"] and counts["{"] == counts["}"] and counts[r"\begin"] == counts[r"\end"]


def formulas(markdown: str) -> list[str]:
    """What stands between dollar signs."""
    parts = markdown.split("$")
    assert len(parts) % 2
    return parts[1::2]


each_rule = pytest.mark.parametrize("rule", rules.TABLE.values(), ids=list(rules.TABLE))


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_rule_can_be_written(name: str) -> None:
    rule = rules.TABLE[name]
    operands: list[Any] = [Value(0.25 + 0.5 * i, f"v{i}") for i in range(len(rule.operands))]
    operands = [[v, Value(-v.data)] if o in rule.sequences else v for o, v in zip(rule.operands, operands, strict=True)]
    if name == "acosh":
        operands[0].data = 1.5
    function = getattr(mg, name, None) or getattr(Value, name)
    root = function(*operands)
    explanation = explain(root)
    assert all(balanced(formula) for formula in formulas(explanation.markdown))
    assert str(explanation).splitlines()[0].startswith("y = ")
    assert not re.search(r"\b(ws|xs|vs)\b", str(explanation).split("\n" + name)[0])  # operands' own names are not left


@settings(deadline=None)
@given(st.one_of(st.sampled_from(NASTY), st.text(max_size=30)), st.sampled_from(NASTY))
def test_any_label_leaves_text_and_markdown_harmless(label: str, other: str) -> None:
    x, z = Value(2.0, label), Value(-3.0, other)
    root = mg.exp(x * z) + x
    root.label = label
    explanation = explain(root)
    for formula in formulas(explanation.markdown):
        assert balanced(formula)
    assert not set('<>&`"[]|#*~') & set(explanation.markdown)
    for written in (explanation.markdown, explanation.text):
        assert len(written) < 3000
        assert all(c.isprintable() or c == "\n" for c in written)
        assert written.count("\n") < 30
    explanation.markdown.encode()


def test_punctuation_becomes_full_width() -> None:
    assert inert("<b>$x_1$ & \\alpha{}") == "＜b＞＄x＿1＄ ＆ ＼alpha｛｝"


def test_names_are_told_apart() -> None:
    a, b, c = Value(1.0, "w"), Value(2.0, "w"), Value(3.0)
    assert str(explain(Value(2.0, "x") * Value(3.0, "y"))).startswith("v1 = x · y = 2 × 3 = 6,  ∂v1/∂v1 = 1")
    lines = str(explain(labelled(a * b, "v1") * c)).splitlines()
    assert lines[0] == "y = v1 · v2 = 2 × 3 = 6,  ∂y/∂y = 1"
    assert lines[3].startswith("v1 = w · (w (2)) = 1 × 2 = 2")


def test_only_the_paths_to_one_value() -> None:
    error, v = textbook()
    text = str(explain(error, wrt=v["w11"]))
    assert text.splitlines()[-1].startswith("In sum: ∂E/∂w11 = 0.000954")
    assert "w12" not in text.replace("w12 · x1", "")
    assert str(explain(error, wrt=error)) == "∂E/∂E = 1"
    with pytest.raises(ValueError, match=r"root was not computed from wrt, Value\(data=7.0, grad=0.0\)"):
        explain(error, wrt=Value(7.0))


def test_a_long_graph_is_explained_by_neuron() -> None:
    model = mg.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    x = [Value(0.5, "x1"), Value(-1.0, "x2")]
    loss = labelled(mg.mse(model(x), 1.0), "L")
    loss.backward()
    lines = unwrapped(explain(loss, model=model, digits=17, depth="neuron"))
    neuron = next(line for line in lines if line.startswith("layers.0.neurons.3 = "))
    hidden = model.layers[0](x)
    assert neuron.startswith(f"layers.0.neurons.3 = tanh(Σ wᵢxᵢ + b) = {hidden[3].data:.17g},".replace("-", "−"))
    assert sum(line.startswith("layers.") and ".neurons." in line.split(" ")[0] for line in lines) == 33
    assert sum(line.startswith("layers.") and " of " in line for line in lines) == 3
    totals = {
        m[1]: number(m[2]) for line in lines if (m := re.search(r"∂L/∂(x\d) = the sum of these 16 = (\S+)$", line))
    }
    assert totals == {v.label: pytest.approx(v.grad, rel=1e-12) for v in x}
    parameters = dict(model.named_parameters())
    shown = {
        m[0]: number(m[1])
        for line in lines
        for m in re.findall(r"∂L/∂\((layers[\w.]+\.(?:w\.\d+|b))\) = ([^ ,]+)", line)
    }
    assert len(shown) == 16 * 3 + 17 * MOST_TERMS
    assert shown == {name: pytest.approx(parameters[name].grad, rel=1e-12) for name in shown}


def test_a_parameter_inside_of_a_neuron_can_be_what_is_asked_for() -> None:
    model = mg.MLP(2, [45, 1], activation="tanh", seed=0)
    loss = labelled(mg.mse(model([Value(0.5), Value(-1.0)]), 1.0), "L")
    loss.backward()
    wanted = model.layers[0].neurons[7].w[1]
    last = str(explain(loss, wanted, model, digits=17)).splitlines()[-1]
    assert last.startswith("In sum: ∂L/∂(layers.0.neurons.7.w.1) = ")
    assert number(last.split(" = ")[-1].split(";")[0]) == pytest.approx(wanted.grad, rel=1e-12)


def test_a_very_long_graph_says_how_much_is_left_out() -> None:
    value = x = Value(1.0, "x")
    for _ in range(1000):
        value = value * x
    lines = str(explain(value)).splitlines()
    assert lines[-2] == f"{1000 - MOST_STEPS:,} more operations are left out; wrt= or model= shortens the explanation."


def test_a_wide_operation_tells_of_its_first_operands() -> None:
    ws, xs = [Value(1.0) for _ in range(5000)], [Value(0.5) for _ in range(5000)]
    with within(20):  # quadratic, it took hours
        lines = str(explain(mg.dot(ws, xs) + mg.logsumexp(ws[:500]))).splitlines()
    assert f"    and so on, {10_000 - MOST_PARTS:,} more" in lines
    assert len(lines) < 4 * MOST_PARTS


def test_neurons_that_are_fed_numbers_are_told_too() -> None:
    model = mg.MLP(3, [16, 8, 1], seed=0)
    text = str(explain(model([1.0, 2.0, 3.0]), model=model, depth="neuron"))
    assert sum(line.startswith("layers.0.neurons.") for line in text.splitlines()) == 16


@settings(deadline=None, max_examples=60)
@given(
    widths=st.lists(st.integers(1, 5), max_size=2),
    seed=st.integers(0, 99),
    rows=st.integers(1, 3),
    numbers=st.booleans(),
    penalty=st.booleans(),
    written=st.booleans(),
    again=st.booleans(),
)
def test_by_neuron_every_sum_is_the_engines(
    widths: list[int], seed: int, rows: int, numbers: bool, penalty: bool, written: bool, again: bool
) -> None:
    model: Any = Net([2, *widths, 1]) if written else mg.MLP(2, [*widths, 1], activation="tanh", seed=seed)
    cells = [[0.5, -1.0 + i] if numbers else [Value(0.5), Value(-1.0 + i)] for i in range(rows)]
    outputs = [model(row) for row in cells]
    if again:
        outputs += [model([output, output]) for output in outputs]
    root = mg.mean([mg.square(output - 1.0) for output in outputs])
    if penalty:
        root = root + 0.1 * mg.sum([p * p for p in model.parameters()])
    root.backward()
    derivation = Derivation(root, None, model, by_neuron=True)
    for operand, terms in derivation.terms().items():
        total = sum(term.partial * term.gradient for term in terms)
        assert total == pytest.approx(operand.grad, rel=1e-9, abs=1e-12)
    for node, passed in derivation.steps().items():
        assert all(one.gradient == pytest.approx(node.grad, rel=1e-9, abs=1e-12) for one in passed)
    assert {derivation.owners.neuron[node] for node in derivation.inside} <= set(derivation.owners.neuron.values())
    explained = {one.operand for inside in derivation.inside.values() for one in inside} | set(derivation.terms())
    assert set(model.parameters()) <= explained


class Net(mg.Module):
    """Layers of neurons that are written term by term."""

    def __init__(self, widths: list[int]) -> None:
        self.layers = [[Written(nin) for _ in range(nout)] for nin, nout in itertools.pairwise(widths)]

    def __call__(self, x: Any) -> Value:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]


def test_weight_decay_is_part_of_a_parameters_sum_where_neurons_are_told_as_wholes() -> None:
    model = mg.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    loss = labelled(mg.mse(model([Value(0.5), -1.0]), 1.0) + 0.1 * mg.sum([p * p for p in model.parameters()]), "L")
    loss.backward()
    text = "\n".join(unwrapped(explain(loss, model=model, digits=17, depth="neuron")))
    shown = {m[0]: number(m[1]) for m in re.findall(r"∂L/∂\((layers[\w.]+\.(?:w\.\d+|b))\) = ([^ ,\n]+)", text)}
    parameters = dict(model.named_parameters())
    assert shown
    assert shown == {name: pytest.approx(parameters[name].grad, rel=1e-12) for name in shown}


def test_neurons_written_term_by_term_are_each_told_in_one_piece() -> None:
    layers = [[Written(2) for _ in range(16)], [Written(16) for _ in range(4)]]
    model = mg.Module()
    model.layers = layers
    hidden = [neuron([Value(0.5), Value(-1.0)]) for neuron in layers[0]]
    root = labelled(mg.sum([neuron(hidden) for neuron in layers[1]]), "L")
    told = str(explain(root, model=model, depth="neuron"))
    heads = [line.split(" = ")[0] for line in told.splitlines() if re.match(r"layers\.\d+\.\d+ = ", line)]
    assert sorted(heads) == sorted(set(heads))
    assert {f"layers.0.{i}" for i in range(16)} < set(heads)


def test_a_name_that_looks_like_a_formula_is_put_in_brackets() -> None:
    assert "= exp((_let0_) − y) = " in str(explain(mg.logsumexp([Value(1.0, "_let0_"), Value(2.0, "b")])))
    root = labelled(Value(-1.0, "a+b") * Value(4.0, "f"), "L")
    assert str(explain(root)).startswith("L = (a+b) · f = −1 × 4 = −4,")
    assert r"\left(1 \cdot 10^{-5}\right)" in explain(Value(1e-5, "x") ** 2).markdown


def test_the_graph_is_left_as_it_was() -> None:
    error, v = textbook()
    error.backward()
    before = [(node.data, node.grad, node.label) for node in topological(error)]
    explanation = explain(error)
    v["w11"].data = 100.0
    assert "100" not in str(explanation)
    v["w11"].data = 0.2
    assert [(node.data, node.grad, node.label) for node in topological(error)] == before


def test_what_is_given_is_checked() -> None:
    with pytest.raises(TypeError, match=r"explain needs a Value as root, got 3.0 \(float\)"):
        explain(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"explain needs a Value or a label as wrt, got 2 \(int\)"):
        explain(Value(3.0), 2)  # type: ignore[arg-type]
    a = Value(3.0, "a")
    assert repr(explain(a * a + Value(1.0, "b"), "a")) == repr(explain(a * a + Value(1.0, "b"), a))
    for label, count in (("c", 0), ("b", 2)):
        with pytest.raises(
            ValueError, match=f"explain needs one Value with the label that wrt names, got {count} with '{label}'"
        ):
            explain(a * Value(1.0, "b") * Value(2.0, "b"), label)
    for name in ("draw", "explain", "walkthrough"):
        with pytest.raises(TypeError, match=rf"give what it computes, as mg.{name}\(model\(row\), model=model\)"):
            getattr(mg, name)(mg.MLP(1, [1]))
        with pytest.raises(TypeError, match=rf"give one of them, as mg.{name}\(values\[0\]\)"):
            getattr(mg, name)([a, a * 2])
    with pytest.raises(TypeError, match="explain needs a Module as model, got Value"):
        explain(Value(3.0), None, Value(1.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"digits needs to be a whole number from 1 to 17, got 0 \(int\)"):
        explain(Value(3.0), digits=0)


def test_a_leaf_has_nothing_to_explain() -> None:
    assert str(explain(Value(3.0, "x"))) == "∂x/∂x = 1"
    assert explain(Value(3.0)).markdown == r"$\frac{\partial y}{\partial y} = 1$"


@each_rule
def test_what_mathematics_writes_is_what_the_line_computes(rule: Rule) -> None:
    """At numbers at which no guard for the sake of floats is needed."""
    rng = random.Random(rule.name)
    for _ in range(20):
        row = [rng.uniform(1.1, 2.0) if rule.name == "acosh" else rng.uniform(0.05, 0.95) for _ in rule.operands]
        operands: list[Any] = [
            [x, -x / 2] if o in rule.sequences else x for o, x in zip(rule.operands, row, strict=True)
        ]
        y = rule.compute(*operands)
        names = {**dict(zip(rule.operands, operands, strict=True)), "y": y}
        for by, read in rule.written.items():
            computed = y if by == "y" else rule.partials[by].function(names, rule.functions)(*names.values())
            assert read.function(names, rule.functions)(*names.values()) == pytest.approx(computed, rel=1e-9), by


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dot", "y = Σ wᵢxᵢ + b, ∂y/∂wᵢ = xᵢ, ∂y/∂xᵢ = wᵢ, ∂y/∂b = 1"),
        ("sigmoid", "σ(x) = 1/(1 + e⁻ˣ), σ′ = σ(1 − σ)"),
        ("tanh", "tanh′ = 1 − tanh²"),
        ("sin", "sin′(x) = cos(x)"),
        ("norm", "y = √(Σ vᵢ²), ∂y/∂vᵢ = vᵢ/y"),
        ("logsumexp", "y = log(Σ exp(vᵢ)), ∂y/∂vᵢ = exp(vᵢ − y)"),
        ("relu", "ReLU(x) = max(0, x), ReLU′(x) = 0 if x ≤ 0, else 1"),
    ],
)
def test_definitions_are_written_as_mathematics(name: str, expected: str) -> None:
    assert ", ".join(sentences(rules.TABLE[name], Notation(times=""))) == expected


def test_negative_numbers_have_brackets_once_and_none_where_nothing_is_before_them() -> None:
    a, b = Value(-3.0, "a"), Value(-2.0, "b")
    text = str(explain(mg.relu(a) - a * b + a**2))
    assert "ReLU(−3)" in text
    assert "−3 × (−2) = 6" in text
    assert "(−3)² = 9" in text
    assert "((−" not in text.replace("ReLU((", "")


@settings(deadline=None, max_examples=60)
@given(expressions(), st.integers(1, 17), st.lists(st.sampled_from([*NASTY, "a" * 60, "long name " * 5]), max_size=4))
def test_no_line_is_too_long(expression: Any, digits: int, labels: list[str]) -> None:
    inputs = [Value(x) for x in expression.inputs]
    for value, label in zip(inputs, labels, strict=False):
        value.label = label
    explanation = explain(expression(*inputs), digits=digits)
    assert all(len(line) <= 120 for line in str(explanation).splitlines())


def test_a_network_is_told_by_layer_and_neuron_and_further_on_demand() -> None:
    model = mg.MLP(3, [4, 4, 1], activation="tanh", seed=0)
    loss = labelled(mg.mse(model([Value(0.5, "x1"), -1.0, 2.0]), 1.0), "L")
    told = {depth: str(explain(loss, model=model, depth=depth)) for depth in ("auto", "layer", "neuron", "scalar")}
    assert told["auto"].splitlines()[:-1] == told["neuron"].splitlines()[:-1]
    assert len(told["layer"]) < len(told["neuron"]) < len(told["scalar"])
    for depth in ("layer", "neuron"):
        assert "layers.0: 4 neurons of tanh(Σ wᵢxᵢ + b), values " in told[depth]
    assert "layers.0.neurons.2 = tanh(Σ wᵢxᵢ + b) = " in told["neuron"]
    loss.backward()
    norm = math.hypot(*(parameter.grad for parameter in model.parameters()))
    assert all(f"41 parameters, |grad| {norm:.4g}" in one for one in told.values())
    assert 'depth="neuron" tells more' in told["layer"].replace("\n    ", " ")
    with pytest.raises(ValueError, match="depth needs to be one of scalar, neuron, layer, auto, got 'deep'"):
        explain(loss, depth="deep")
    with pytest.raises(ValueError, match="depth 'layer' needs model=: the Module whose layers are meant"):
        explain(loss, depth="layer")


def test_the_factors_are_named_once() -> None:
    error, _ = textbook()
    assert " ".join(str(explain(error)).split()).count("the gradient that arrives × the local derivative") == 1


def test_what_is_written_is_checked_as_formulas_are() -> None:
    with pytest.raises(FormulaError, match="written names no operand, nor y: z"):
        mg.rule("x", dx="1", written={"z": "x"})
    with pytest.raises(FormulaError, match="unknown name 'z'"):
        mg.rule("x", dx="1", written={"y": "z"})(lambda x: None)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(a + b) % c", "(a + b) mod c"),
        ("a % b + c", "(a mod b) + c"),
        ("a % (b * c)", "a mod (b · c)"),
        ("a % b % c", "(a mod b) mod c"),
    ],
)
def test_a_remainder_leaves_no_doubt_of_what(formula: str, expected: str) -> None:
    assert Notation().write(ast.parse(formula, mode="eval").body) == expected


@pytest.mark.parametrize("label", ["1", "2e5", "pi", "inf"])
def test_a_label_is_not_taken_for_a_number(label: str) -> None:
    x = Value(2.0, label)
    assert str(explain(x**2 * x)).splitlines()[0] == f"y = v1 · ({label}) = 4 × 2 = 8,  ∂y/∂y = 1"


def test_a_compiled_function_is_told_by_its_name_and_numbers_alone() -> None:
    @mg.jit
    def f(a: Any, b: Any) -> Any:
        return [a * b, a + b]

    a, b = Value(2.0, "a"), Value(3.0, "b")
    told = str(explain(f(a, b)[0])).splitlines()
    assert told[:2] == ["y = f(a, b) = f(2, 3) = 6,  ∂y/∂y = 1", "    ∂y/∂a = 3"]
    assert told[-2:] == ["    ∂y/∂b = 2", "In sum: ∂y/∂a = 3, ∂y/∂b = 2"]
    assert str(explain(f(5.0, b)[0])).startswith("y = f(b, …) = f(3, …) = 15,")
    assert "df_d" not in mg.draw(f(a, b)[1])._repr_mimebundle_()["image/svg+xml"]


def test_a_layer_that_is_called_for_several_rows_has_no_more_neurons_and_tells_a_parameter_once() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    root = labelled(model([0.5, -1.0]) + model([1.0, 2.0]), "L")
    told = unwrapped(explain(root, model=model, depth="neuron"))
    (first,) = [line for line in told if line.startswith("layers.0: ")]
    assert first.startswith("layers.0: 3 neurons of tanh(Σ wᵢxᵢ + b), called several times, 6 values ")
    parameter = model.layers[0].neurons[1].w[0]
    root.backward()
    name = "∂L/∂(layers.0.neurons.1.w.0)"
    assert sum(f"{name} = " in line for line in told) == 1
    assert f"{name} = {Notation().number(parameter.grad)}" in "\n".join(told)
    asked = [line for line in unwrapped(explain(root, wrt=parameter, model=model)) if name in line]
    assert len(asked) == 3  # what the two calls pass on, and the summary


@pytest.mark.parametrize(("exponent", "slope"), [(-1, "−1 · a⁻²"), (-2.5, "−2.5 · a^(−3.5)"), (3, "3 · a²")])
def test_the_exponent_of_a_derivative_is_computed(exponent: float, slope: str) -> None:
    assert f"    ∂y/∂a = {slope} = " in str(explain(Value(2.0, "a") ** exponent))


def test_of_a_layer_some_neurons_are_told_to_be_some() -> None:
    model = mg.MLP(3, [4, 4, 1], activation="tanh", seed=0)
    root = model([1.0, -2.0, 0.5])
    told = str(explain(root, model=model, wrt=model.layers[0].neurons[1].w[0], depth="layer"))
    counts = re.findall(r"^(layers\.\d): (\d(?: of \d)? neurons?)(?: of|:) ", told, re.M)
    assert counts == [("layers.2", "1 neuron"), ("layers.1", "4 neurons"), ("layers.0", "1 of 4 neurons")]


@pytest.mark.parametrize("data", [-2.0, -0.5, 3.0])
def test_a_slope_of_nothing_has_no_sign(data: float) -> None:
    a = Value(data, "a")
    root = a**0
    root.backward()
    shown = [str(explain(root)), explain(root).markdown, draw(root).text(), *(x.hint for x in draw(root).graph.arrows)]
    assert not [text for text in shown if re.search(r"[−-]0\b(?!\.)", text)]
    minus_zero = Value(-0.0, "b") * 2.0
    assert "−0" not in str(explain(minus_zero)) + draw(minus_zero).text()
