"""explain: its numbers are the engine's, its formulas the rules', and its text is harmless."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, explain
from microgrannd.engine.graph import contributions, topological
from microgrannd.explaining.derivation import Derivation
from microgrannd.explaining.explain import MOST_PARTS, MOST_STEPS
from microgrannd.explaining.notation import MOST_TERMS, inert
from microgrannd.rules import table as rules
from microgrannd.testing import expressions
from tests.helpers import NASTY, Written, labelled, textbook


def test_the_textbooks_network_comes_out_as_the_article_wanted_it_with_the_right_digits() -> None:
    error, _ = textbook()
    lines = [line.strip() for line in repr(explain(error, digits=6)).splitlines()]
    for expected in [
        "y3 = sigmoid(a1) = sigmoid(0.21) = 0.552308,  dE/dy3 = 0.0110311",
        "a1 = w11 * x1 + w21 * x2 = 0.2 * 0.35 + 0.2 * 0.7 = 0.21,  dE/da1 = 0.00272759",
        "y5 = sigmoid(a3) = sigmoid(0.685987) = 0.665074,  dE/dy5 = 0.165074",
        "dy5/da3 = y5 * (1 - y5) = 0.665074 * (1 - 0.665074) = 0.222751,  dE/da3 = 0.165074 × 0.222751 = 0.0367703",
        "dy4/da2 = y4 * (1 - y4) = 0.578105 * (1 - 0.578105) = 0.2439,  dE/da2 = 0.0330932 × 0.2439 = 0.00807143",
        "da1/dw11 = x1 = 0.35,  dE/dw11 = 0.00272759 × 0.35 = 0.000954656",  # new w11 = 0.2 − 0.00095 = 0.19905
        "da3/dw13 = y3 = 0.552308,  dE/dw13 = 0.0367703 × 0.552308 = 0.0203085",
        "da2/dx1 = w12 = 0.3,  dE/dx1 = 0.00272759 × 0.2 (via a1) + 0.00807143 × 0.3 (via a2) = 0.00296695",
    ]:
        assert expected in lines
    assert lines[-2] == "sigmoid: y = 1 / (1 + exp(-x)) if x > -40 else exp(x); dy/dx = y * (1 - y)"


def test_where_paths_meet_the_sum_names_them() -> None:
    a = Value(0.5, "a")
    c, d = labelled(a * 2.0, "c"), labelled(mg.sin(a), "d")
    root = labelled(c * 0.21 + d, "L")
    slope = math.cos(0.5)
    assert f"dL/da = 1 × {slope:.4g} (via d) + 0.21 × 2 (via c) = {slope + 0.42:.4g}" in str(explain(root))


#: The derivative of one by another, at the end of a line.
LAST = re.compile(r"d(\w+)/d(\w+) = (?:.* = )?(\S+)$")


@settings(deadline=None, max_examples=150)
@given(expressions())
def test_every_sum_is_the_engines_gradient_to_the_last_digit(expression: Any) -> None:
    inputs = [Value(x, f"in{i}") for i, x in enumerate(expression.inputs)]
    root = expression(*inputs)
    root.label = "root"
    root.backward()
    gradients = {inputs[i].label: inputs[i].grad for i in range(len(inputs)) if inputs[i] in topological(root)}
    shown = {}
    for line in str(explain(root, digits=17)).splitlines():
        if (match := LAST.match(line.strip().split(",  ")[-1])) and match[1] == "root":
            shown[match[2]] = float(match[3])
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
    assert not set("<>&`\"'[]|#*~") & set(explanation.markdown.split("\n\n`")[0])
    for written in (explanation.markdown, explanation.text):
        assert len(written) < 3000
        assert all(c.isprintable() or c == "\n" for c in written)
        assert written.count("\n") in (8, 9)
    explanation.markdown.encode()


def test_punctuation_becomes_full_width() -> None:
    assert inert("<b>$x_1$ & \\alpha{}") == "＜b＞＄x＿1＄ ＆ ＼alpha｛｝"


def test_names_are_told_apart() -> None:
    a, b, c = Value(1.0, "w"), Value(2.0, "w"), Value(3.0)
    assert str(explain(Value(2.0, "x") * Value(3.0, "y"))).startswith("v1 = x * y = 2 * 3 = 6,  dv1/dv1 = 1")
    lines = str(explain(labelled(a * b, "v1") * c)).splitlines()
    assert lines[0] == "y = v1 * v2 = 2 * 3 = 6,  dy/dy = 1"
    assert lines[3].startswith("v1 = w * (w (2)) = 1 * 2 = 2")


def test_only_the_paths_to_one_value() -> None:
    error, v = textbook()
    text = str(explain(error, wrt=v["w11"]))
    assert re.findall(r"dE/d(\w+) = [^,]+$", text, re.M)[-1] == "w11"
    assert "w12" not in text.replace("w12 * x1", "")
    assert str(explain(error, wrt=error)) == "dE/dE = 1"
    with pytest.raises(ValueError, match=r"root was not computed from wrt, Value\(data=7.0, grad=0.0\)"):
        explain(error, wrt=Value(7.0))


def test_a_long_graph_is_explained_by_neuron() -> None:
    model = mg.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    x = [Value(0.5, "x1"), Value(-1.0, "x2")]
    loss = labelled(mg.mse(model(x), 1.0), "L")
    loss.backward()
    lines = str(explain(loss, model=model, digits=17)).splitlines()
    neuron = next(line for line in lines if line.startswith("layers.0.neurons.3 = "))
    hidden = model.layers[0](x)
    assert neuron.startswith(f"layers.0.neurons.3 = w·x → tanh = {hidden[3].data:.17g},")
    assert sum(not line.startswith(" ") for line in lines) == 2 + 33
    totals = {m[1]: float(m[2]) for line in lines if (m := re.search(r"dL/d(x\d) = .* = (\S+)$", line))}
    assert totals == {v.label: pytest.approx(v.grad, rel=1e-12) for v in x}
    parameters = dict(model.named_parameters())
    shown = {
        m[0]: float(m[1])
        for line in lines
        for m in re.findall(r"dL/d\((layers[\w.]+\.(?:w\.\d+|b))\) = ([^ ,]+)", line)
    }
    assert len(shown) == 16 * 3 + 17 * MOST_TERMS
    assert shown == {name: pytest.approx(parameters[name].grad, rel=1e-12) for name in shown}


def test_a_parameter_inside_of_a_neuron_can_be_what_is_asked_for() -> None:
    model = mg.MLP(2, [45, 1], activation="tanh", seed=0)
    loss = labelled(mg.mse(model([Value(0.5), Value(-1.0)]), 1.0), "L")
    loss.backward()
    wanted = model.layers[0].neurons[7].w[1]
    last = next(line for line in str(explain(loss, wanted, model, digits=17)).splitlines() if ".neurons.7.w.1)" in line)
    assert float(last.split(" = ")[-1]) == pytest.approx(wanted.grad, rel=1e-12)


def test_a_very_long_graph_says_how_much_is_left_out() -> None:
    value = x = Value(1.0, "x")
    for _ in range(1000):
        value = value * x
    lines = str(explain(value)).splitlines()
    assert lines[-1] == f"{1000 - MOST_STEPS:,} more operations are left out; wrt= or model= shortens the explanation."


def test_a_wide_operation_tells_of_its_first_operands() -> None:
    ws, xs = [Value(1.0) for _ in range(5000)], [Value(0.5) for _ in range(5000)]
    start = time.perf_counter()
    lines = str(explain(mg.dot(ws, xs) + mg.logsumexp(ws[:500]))).splitlines()
    assert time.perf_counter() - start < 20  # quadratic, it took hours
    assert f"    and so on, {10_000 - MOST_PARTS:,} more" in lines
    assert len(lines) < 3 * MOST_PARTS


def test_neurons_that_are_fed_numbers_are_told_too() -> None:
    model = mg.MLP(3, [16, 8, 1], seed=0)
    text = str(explain(model([1.0, 2.0, 3.0]), model=model))
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
    derivation = Derivation(root, None, model, many=0)
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
    text = str(explain(loss, model=model, digits=17))
    shown = {m[0]: float(m[1]) for m in re.findall(r"dL/d\((layers[\w.]+\.(?:w\.\d+|b))\) = ([^ ,\n]+)", text)}
    parameters = dict(model.named_parameters())
    assert shown
    assert shown == {name: pytest.approx(parameters[name].grad, rel=1e-12) for name in shown}


def test_neurons_written_term_by_term_are_each_told_in_one_piece() -> None:
    layers = [[Written(2) for _ in range(16)], [Written(16) for _ in range(4)]]
    model = mg.Module()
    model.layers = layers
    hidden = [neuron([Value(0.5), Value(-1.0)]) for neuron in layers[0]]
    root = labelled(mg.sum([neuron(hidden) for neuron in layers[1]]), "L")
    heads = [line.split(" = ")[0] for line in str(explain(root, model=model)).splitlines() if line[0] != " "][:-1]
    assert sorted(heads) == sorted(set(heads))
    assert {f"layers.0.{i}" for i in range(16)} < set(heads)


def test_a_name_that_looks_like_a_formula_is_put_in_brackets() -> None:
    assert "exp((_let0_) - max((_let0_), b)) / fsum([" in str(
        explain(mg.logsumexp([Value(1.0, "_let0_"), Value(2.0, "b")]))
    )
    root = labelled(Value(-1.0, "a+b") * Value(4.0, "f"), "L")
    assert str(explain(root)).startswith("L = (a+b) * f = (-1) * 4 = -4,")
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
    with pytest.raises(TypeError, match=r"explain needs a Value as wrt, got 'x' \(str\)"):
        explain(Value(3.0), "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="explain needs a Module as model, got Value"):
        explain(Value(3.0), None, Value(1.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"digits needs to be a whole number from 1 to 17, got 0 \(int\)"):
        explain(Value(3.0), digits=0)


def test_a_leaf_has_nothing_to_explain() -> None:
    assert str(explain(Value(3.0, "x"))) == "dx/dx = 1"
    assert explain(Value(3.0)).markdown == r"$\frac{\partial y}{\partial y} = 1$"
