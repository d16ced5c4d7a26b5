"""The report of gradients: its numbers against independent ones, its verdicts on networks that ail and are cured."""

from __future__ import annotations

import copy
import dataclasses
import math
import statistics
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.reporting.advice import advice
from microgrannd.reporting.measure import DEAD, EXPLODING, USUAL, VANISHING
from microgrannd.reporting.report import COLOURS

X, Y = mg.data.moons(40, noise=0.1, seed=0)


def network(widths: list[int], seed: int = 0, **options: Any) -> mg.MLP:
    """A network with the gradients of its mean loss over the moons."""
    model = mg.MLP(2, [*widths, 1], seed=seed, **options)
    mg.binary_cross_entropy_with_logits([model(row) for row in X], Y).backward()
    return model


def verdicts(model: mg.Module, *args: Any, **options: Any) -> list[str]:
    return [layer.verdict for layer in mg.gradient_report(model, *args, **options).layers]


def kept(*things: Any) -> str:
    """All that a report could disturb."""
    return repr([[(p.data, p.grad) for p in thing] if isinstance(thing, list) else vars(thing) for thing in things])


class Own(mg.Module):
    """A module of one's own, written out, whose attributes are not in the order of their use."""

    def __init__(self) -> None:
        self.out = [Value(0.5), Value(-2.0)]
        self.hidden = [[Value(1.0), Value(2.0)], [Value(-1.0), Value(0.5)]]

    def __call__(self, x: Any) -> Value:
        self.seen = [sum(w * a for w, a in zip(ws, x, strict=True)).tanh().data for ws in self.hidden]
        hidden = [sum(w * a for w, a in zip(ws, x, strict=True)).tanh() for ws in self.hidden]
        return mg.dot(self.out, hidden)


# Numbers


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
def test_the_numbers_are_those_of_numpy(activation: str) -> None:
    np = pytest.importorskip("numpy", reason="NumPy is the reference")
    model = mg.MLP(2, [5, 4, 1], activation=activation, seed=0)
    model.layers[1].neurons[2].b.data = -100.0
    mg.binary_cross_entropy_with_logits([model(row) for row in X], Y).backward()
    report = mg.gradient_report(model, X)
    outputs = X
    for layer, reported in zip(model.layers, report.layers, strict=True):
        outputs = [row if isinstance(row, list) else [row] for row in layer_outputs(layer, outputs)]
        for numbers, sizes in [
            ([p.grad for p in layer.parameters()], reported.gradient),
            (outputs, reported.activation),
        ]:
            expected = np.abs(np.asarray(numbers))
            norm = np.linalg.norm(expected)
            assert sizes == pytest.approx((expected.mean(), expected.max(), (expected == 0).mean(), norm), rel=1e-12)
        assert reported.units == len(layer.neurons)
        dead = (np.asarray(outputs) == 0).all(axis=0).sum()
        if activation == "relu" and layer is not model.layers[-1]:
            assert reported.dead == dead
        elif activation == "linear":
            assert reported.dead == 0
        weights = np.asarray([p.data for p in layer.parameters()])
        gradients = np.asarray([p.grad for p in layer.parameters()])
        assert reported.gradient_to_weight == pytest.approx(np.linalg.norm(gradients) / np.linalg.norm(weights))
        assert reported.parameters == len(weights)
    assert [layer.name for layer in report.layers] == ["layers.0", "layers.1", "layers.2"]


def layer_outputs(layer: mg.Layer, rows: Any) -> list[Any]:
    return layer.predict(rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: mg.SGD(ps, lr=0.1),
        lambda ps: mg.SGD(ps, lr=lambda step: 0.1 / (1 + step), momentum=0.9, nesterov=True, weight_decay=0.1),
        lambda ps: mg.Adam(ps, lr=0.01, max_norm=0.01),
        lambda ps: mg.AdamW(ps, lr=0.01),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_the_update_is_the_step_that_the_optimiser_takes_next(make: Any, before: int) -> None:
    model = network([4])
    optimizer = make(model.parameters())
    for _ in range(before):
        optimizer.step()
    state = kept(optimizer, model.parameters())
    report = mg.gradient_report(model, optimizer=optimizer)
    assert kept(optimizer, model.parameters()) == state
    old = model.state_dict()
    optimizer.step()
    for layer in report.layers:
        names = [name for name in old if name.startswith(f"{layer.name}.")]
        step = math.hypot(*(model.state_dict()[name] - old[name] for name in names))
        assert layer.update_to_weight == pytest.approx(step / math.hypot(*(old[name] for name in names)))
    clipped = mg.gradient_report(model).layers  # as the step left them
    assert [layer.gradient for layer in report.layers] == [layer.gradient for layer in clipped]


def test_the_report_changes_nothing() -> None:
    model = network([4])
    state = kept(model.parameters())
    mg.gradient_report(model, X, mg.SGD(model.parameters(), lr=0.1))
    assert kept(model.parameters()) == state


def test_after_fit_the_gradients_are_those_of_its_last_batch() -> None:
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    twin = copy.deepcopy(model)
    options: dict[str, Any] = {"loss": mg.mse, "epochs": 1, "batch_size": 30, "shuffle": False, "progress": False}
    mg.fit(twin, X[:30], Y[:30], optimizer=mg.SGD(twin.parameters(), lr=0.1), **options)
    mg.fit(model, X, Y, optimizer=mg.SGD(model.parameters(), lr=0.1), **options)
    twin.zero_grad()
    mg.mse([twin(row) for row in X[30:]], Y[30:]).backward()
    for reported, expected in zip(mg.gradient_report(model).layers, mg.gradient_report(twin).layers, strict=True):
        assert reported.gradient == pytest.approx(expected.gradient)


def test_a_module_of_ones_own_is_told_by_its_attributes_and_activations_by_its_graph() -> None:
    model = Own()
    seen, outputs = [], []
    for row in X:
        outputs.append(model(row).data)
        seen += model.seen
    out, hidden = mg.gradient_report(model, X).layers
    assert (out.name, hidden.name) == ("out", "hidden")
    assert hidden.activation is not None
    assert out.activation is not None
    assert hidden.activation.mean == pytest.approx(statistics.fmean(map(abs, seen)))
    assert out.activation.largest == max(map(abs, outputs))
    assert (hidden.units, out.units) == (2, 1)


def test_networks_inside_of_a_module_are_told_layer_by_layer() -> None:
    class Pair(mg.Module):
        def __init__(self) -> None:
            self.net, self.head = mg.MLP(2, [3, 2], seed=0), mg.Layer(2, 2)
            self.idle = Value(1.0)

        def __call__(self, x: Any) -> dict[str, Any]:
            skipped = [a + b for a, b in zip(self.net(x), x, strict=True)]
            return {"a": self.head(skipped), "b": skipped[0]}

    report = mg.gradient_report(Pair(), X)
    assert [layer.name for layer in report.layers] == ["net.layers.0", "net.layers.1", "head", "idle"]
    assert [layer.units for layer in report.layers] == [3, 2, 2, 0]
    assert report.layers[3].activation is None


def test_a_sum_that_skips_a_layer_is_handed_on_by_that_layer() -> None:
    class Skipping(mg.Module):
        def __init__(self) -> None:
            self.first, self.second, self.head = (mg.Layer(2, 2, activation="tanh") for _ in range(3))

        def __call__(self, x: Any) -> Any:
            before = self.first(x)
            self.sums = [a + b for a, b in zip(before, self.second(before), strict=True)]
            return self.head(self.sums)

    model = Skipping()
    first, second, _ = mg.gradient_report(model, X[:1]).layers
    assert second.activation is not None
    assert second.activation.largest == max(abs(total.data) for total in model.sums)
    assert (first.units, second.units) == (2, 2)


def test_a_layer_that_hands_on_now_more_and_now_less_has_no_units() -> None:
    class Branching(mg.Module):
        def __init__(self) -> None:
            self.first, self.second = mg.Layer(2, 3), mg.Neuron(3)

        def __call__(self, x: Any) -> Any:
            outputs = self.first(x)
            return self.second(outputs) if x[0] > 0 else outputs[0]

    first = mg.gradient_report(Branching(), [[1.0, 0.0], [-1.0, 0.0]]).layers[0]
    assert first.units == 0
    assert first.activation is not None


# Verdicts and cures


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_sigmoid_network_vanishes_and_is_cured(seed: int) -> None:
    ill = verdicts(network([8] * 8, seed, activation="sigmoid", init="xavier"))
    assert ill[:4] == ["vanishing"] * 4
    assert ill[-1] == "healthy"
    for rows in (None, X):
        assert set(verdicts(network([8] * 8, seed, activation="tanh", init="xavier"), rows)) == {"healthy"}
        assert set(verdicts(network([32] * 5, seed, activation="relu", init="he"), rows)) == {"healthy"}


@pytest.mark.parametrize("seed", range(3))
def test_an_over_scaled_network_explodes_and_is_cured_by_he_or_clipping(seed: int) -> None:
    model = network([32] * 6, seed, init="normal")
    assert {verdicts(model)[0], verdicts(model)[-1]} == {"exploding"}
    assert set(verdicts(network([32] * 6, seed, init="he"))) == {"healthy"}
    clipping = mg.SGD(model.parameters(), lr=0.01, max_norm=1.0)
    assert set(verdicts(model, optimizer=clipping)) == {"healthy"}
    mg.clip_grad_norm(model.parameters(), 1.0)
    assert set(verdicts(model)) == {"healthy"}


@pytest.mark.parametrize("rows", [None, X])
def test_dead_relus_are_counted_and_cured_by_leaky_relu(rows: Any) -> None:
    def report(activation: str, dead: int) -> list[Any]:
        model = mg.MLP(2, [10, 10, 1], activation=activation, seed=1)
        for neuron in model.layers[0].neurons[:dead]:
            neuron.w, neuron.b = [Value(0.0), Value(0.0)], Value(-1.0)
        mg.mse([model(row) for row in X], Y).backward()
        return mg.gradient_report(model, rows).layers

    first = report("relu", 6)[0]
    assert (first.verdict, first.dead, first.units, first.reason) == ("dead units", 6, 10, "6 of 10")
    healthy = report("leaky_relu", 6)[0]
    assert (healthy.verdict, healthy.dead) == ("healthy", 0)
    assert report("relu", 3)[0].verdict == "healthy"


def test_with_rows_a_layer_that_nothing_flows_to_is_not_taken_for_dead() -> None:
    model = mg.MLP(2, [6, 6, 1], activation="relu", init="he", seed=0)
    for neuron in model.layers[1].neurons:
        neuron.b.data = -100.0
    mg.mse([model(row) for row in X], Y).backward()
    first, second, last = mg.gradient_report(model, X).layers
    assert (first.verdict, first.reason) == ("behind dead units", "all gradients are 0, behind layers.1")
    assert (second.verdict, second.dead) == ("dead units", 6)
    assert last.verdict == "healthy"
    assert first.dead < 6


def test_without_gradients_the_report_says_so_and_does_not_guess() -> None:
    report = mg.gradient_report(mg.MLP(2, [3, 1], seed=0))
    assert {layer.verdict for layer in report.layers} == {"no gradient"}
    assert {layer.units for layer in report.layers} == {0}
    assert "no gradient: backward() of a loss before the report" in str(report)
    assert "Activations are not known without rows=" in str(report)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_no_finite_number_is_named_and_the_other_layers_are_judged(wrong: float) -> None:
    model = network([4, 4], activation="tanh")
    model.layers[1].neurons[0].b.grad = wrong
    first, second, last = mg.gradient_report(model, X, mg.Adam(model.parameters())).layers
    assert (second.verdict, second.reason) == ("not finite", f"the largest gradient is {abs(wrong)}")
    assert (first.verdict, last.verdict) == ("healthy", "healthy")


def test_small_weights_do_not_make_a_gradient_explode() -> None:
    model = network([4], activation="tanh")
    for parameter in model.parameters():
        parameter.data *= 1e-9
    assert "exploding" not in verdicts(model)
    for parameter in model.parameters():
        parameter.data = 0.0
    assert all(layer.gradient_to_weight is None for layer in mg.gradient_report(model).layers)
    assert "exploding" not in verdicts(model)


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=5), min_size=1, max_size=5))
def test_any_gradients_have_a_verdict_that_keeps_to_its_bounds(gradients: list[list[float]]) -> None:
    model = mg.Module()
    for number, layer in enumerate(gradients):
        setattr(model, f"layer{number}", [Value(1.0) for _ in layer])
        for parameter, gradient in zip(getattr(model, f"layer{number}"), layer, strict=True):
            parameter.grad = gradient
    report = mg.gradient_report(model)
    largest = max(
        (la.gradient.mean for la in report.layers if la.verdict not in ("exploding", "not finite")), default=0
    )
    for layer, numbers in zip(report.layers, gradients, strict=True):
        mean, finite = layer.gradient.mean, all(map(math.isfinite, numbers))
        assert (layer.verdict == "not finite") == (not finite)
        if finite:
            sizes = sorted(map(abs, numbers))
            assert sizes[0] * (1 - 1e-15) <= mean <= sizes[-1] == layer.gradient.largest
            assert (layer.verdict == "exploding") == (math.hypot(*numbers) > EXPLODING * math.sqrt(len(numbers)))
        if layer.verdict in ("vanishing", "healthy"):
            assert (layer.verdict == "vanishing") == (mean < VANISHING * largest or not mean)
        if layer.verdict == "no gradient":
            assert not any(map(any, gradients))
    assert repr(report)
    assert report._repr_html_()


def test_advice_is_printed_once_and_knows_what_is_in_use() -> None:
    text = " ".join(str(mg.gradient_report(network([8] * 8, activation="sigmoid", init="xavier"))).split())
    assert text.count("relu or tanh instead of sigmoid") == 1
    assert "init=" not in text
    assert "init='he' (He et al. 2015)" in str(mg.gradient_report(network([32] * 6, init="normal")))
    assert "init" not in str(mg.gradient_report(network([8], activation="tanh", init="xavier")))
    model = network([10, 10], activation="relu", init="he")
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    dead = mg.gradient_report(model, X)
    assert "leaky_relu" in str(dead)
    assert "init=" not in str(dead)
    unlike = dead.layers
    assert "leaky_relu" not in advice([dataclasses.replace(la, function="elu") for la in unlike], "dead units")
    healthy, frozen = (advice(unlike, verdict) for verdict in ("healthy", "frozen"))
    assert (healthy, frozen) == ("", "")
    assert all(advice(unlike, verdict) for verdict in COLOURS.keys() - {"healthy", "frozen"})
    assert 0 < DEAD < 1


@pytest.mark.parametrize(("lr", "verdict"), [(1e-15, "small steps"), (0.01, "healthy"), (10.0, "large steps")])
def test_steps_are_judged_by_what_is_printed_beside_them(lr: float, verdict: str) -> None:
    model = network([8], activation="tanh", init="xavier")
    for layer in mg.gradient_report(model, X, mg.SGD(model.parameters(), lr=lr)).layers:
        assert layer.verdict == verdict
        assert (verdict == "healthy") == (USUAL[0] <= (layer.update_to_weight or 0) <= USUAL[1])
        assert not layer.reason or f"update/weight {layer.update_to_weight:.3g}, usually 3e-05 to 0.03" in layer.reason


def test_layers_that_no_optimiser_has_are_frozen() -> None:
    model = network([8, 8], activation="tanh", init="xavier")
    others = model.layers[1:]
    for optimizer in (
        mg.SGD([p for layer in others for p in layer.parameters()], lr=0.01),
        [mg.SGD(layer.parameters(), lr=0.01) for layer in others],
    ):
        layers = mg.gradient_report(model, X, optimizer).layers
        assert [layer.verdict for layer in layers] == ["frozen", "healthy", "healthy"]
        assert layers[0].reason == "the optimizer has none of its parameters"
    with pytest.raises(TypeError, match="gradient_report needs an optimiser like SGD, got 3"):
        mg.gradient_report(model, X, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"history needs to be what fit\(..., report=True\) returns"):
        mg.gradient_report(model, history=mg.History())


def test_a_training_keeps_its_reports_only_where_it_is_asked_to() -> None:
    def trained(report: bool) -> tuple[Any, mg.History, Any]:
        model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
        optimizer = mg.Adam(model.parameters(), lr=0.01)
        history = mg.fit(
            model, X, Y, loss=mg.binary_cross_entropy_with_logits, optimizer=optimizer,
            epochs=5, batch_size=8, seed=0, progress=False, report=report,
        )  # fmt: skip
        return model, history, optimizer

    (model, history, optimizer), (same, without, _) = trained(True), trained(False)
    assert without.reports == {}
    assert (history.loss, model.state_dict()) == (without.loss, same.state_dict())
    assert list(history.reports) == [1, 2, 3, 4, 5]
    assert history.reports[5].layers == mg.gradient_report(model, optimizer=optimizer).layers
    report = mg.gradient_report(model, X, optimizer, history)
    assert report.over_time == history.reports


def test_a_report_is_drawn_over_time_or_as_bars() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
    matplotlib.use("Agg")
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    optimizer = mg.Adam(model.parameters(), lr=0.01)
    history = mg.fit(
        model,
        X,
        Y,
        loss=mg.binary_cross_entropy_with_logits,
        optimizer=optimizer,
        epochs=5,
        progress=False,
        report=True,
    )
    sizes, ratios, values = mg.gradient_report(model, X, optimizer, history).plot().axes
    for number, line in enumerate(sizes.get_lines()):
        assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
        assert list(line.get_ydata()) == [r.layers[number].gradient.mean for r in history.reports.values()]
    assert list(ratios.get_lines()[0].get_ydata()) == [r.layers[0].update_to_weight for r in history.reports.values()]
    assert [ax.get_title() for ax in (sizes, ratios, values)] == ["mean |gradient|", "update / weight", "activations"]
    bars, without = mg.gradient_report(model).plot().axes
    assert [bar.get_height() for bar in bars.patches] == [la.gradient.mean for la in mg.gradient_report(model).layers]
    assert without.get_title() == "gradient / weight"
    model.layers[0].neurons[0].w[0].grad = math.nan
    mg.gradient_report(model).plot().canvas.draw()
    matplotlib.pyplot.close("all")


# What is shown


def cells(report: Any) -> list[list[str]]:
    tree = ET.fromstring(f"<div>{report._repr_html_()}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


def test_text_and_html_show_the_same_cells() -> None:
    report = mg.gradient_report(network([8] * 3, activation="sigmoid"), X)
    head, *rows = cells(report)[1:]
    assert head == [
        "layer", "mean", "largest", "zero", "mean", "largest", "zero", "dead", "gradient/weight", "verdict",
    ]  # fmt: skip
    lines = str(report).splitlines()
    assert lines[1].split() == head
    for row, line in zip(rows, lines[2:], strict=False):
        assert line.split() == " ".join(row).replace("● ", "").split()
    assert len(rows) == 4
    assert "|activation|" not in str(mg.gradient_report(network([3])))


def test_bars_are_the_longer_the_larger_and_none_is_wider_than_its_column() -> None:
    report = mg.gradient_report(network([8] * 5, activation="sigmoid"), X)
    tree = ET.fromstring(f"<div>{report._repr_html_()}</div>")
    widths = [bar_widths(row) for row in tree.iter("tr") if row.find("td") is not None]
    means = [layer.gradient.mean for layer in report.layers]
    assert sorted(range(6), key=means.__getitem__) == sorted(range(6), key=lambda number: widths[number][0])
    assert max(row[0] for row in widths) == 100
    assert all(0 <= width <= 100 for row in widths for width in row)
    assert [row[1] for row in widths] == [round(100 * layer.gradient.zeros) for layer in report.layers]


def bar_widths(row: ET.Element) -> list[int]:
    styles = [element.get("style", "") for element in row.iter("div")]
    return [int(style.split("width:")[-1].split("%")[0]) for style in styles if "%" in style]


def test_html_has_no_script_asks_for_nothing_and_leaves_the_pages_colours() -> None:
    html = mg.gradient_report(network([3]), X)._repr_html_()
    tags = {element.tag for element in ET.fromstring(f"<div>{html}</div>").iter()}
    assert tags <= {"div", "table", "thead", "tbody", "tr", "th", "td", "span", "p"}
    assert "http" not in html
    assert "url(" not in html


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'&<>",
    "a\nb\r\tc",
    "",
    "x" * 10_000,
    "🙂$\\frac{}",
    "\x00‮",
]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text()), min_size=1, max_size=4))
def test_no_name_breaks_the_text_or_the_html(names: list[str]) -> None:
    model = mg.Module()
    names = [name.replace(".", "") for name in names]  # keys with dots are refused
    vars(model).update({name: Value(1.0) for name in names}, weights={name: Value(1.0) for name in names})
    report = mg.gradient_report(model)
    shown = cells(report)
    assert len(shown) == 2 + len(report.layers)
    assert all(len(row[0]) <= 40 for row in shown)
    lines = str(report).splitlines()
    assert len(lines) == len(str(mg.gradient_report(mg.Neuron(1))).splitlines()) - 2 + len(report.layers)


def test_a_notebook_shows_html_and_where_it_must_not_the_text() -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason="IPython chooses what a notebook shows")
    report = mg.gradient_report(network([3]))
    data, _ = formatters.DisplayFormatter().format(report)
    assert data == {"text/plain": str(report), "text/html": report._repr_html_()}


# What is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model: mg.gradient_report([Value(1.0)]), TypeError, "gradient_report needs a Module, got"),
        (lambda model: mg.gradient_report(mg.Module()), ValueError, "Module has no parameters to report"),
        (
            lambda model: mg.gradient_report(model, 3),
            TypeError,
            "rows needs to be a sequence of rows of numbers, got 3",
        ),
        (lambda model: mg.gradient_report(model, []), ValueError, "rows needs at least one row, got none"),
        (lambda model: mg.gradient_report(model, [[1.0]]), ValueError, "needs 2 inputs, got 1"),
        (lambda model: mg.gradient_report(model, optimizer=0.1), TypeError, "needs an optimiser like SGD, got 0.1"),
        (
            lambda model: mg.gradient_report(model, optimizer=mg.SGD([Value(1.0)], lr=0.1)),
            ValueError,
            "the optimiser is over other parameters than the model's",
        ),
        (
            lambda model: mg.no_grad()(mg.gradient_report)(model, X),
            ValueError,
            r"rows\[0\]: the model records nothing of its parameters \(inside of no_grad\(\)\?\)",
        ),
    ],
)
def test_what_cannot_be_reported_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(mg.MLP(2, [2, 1], seed=0))


def test_a_network_of_a_hundred_thousand_parameters_is_reported_at_once() -> None:
    model = mg.Module()
    model.weights = [[Value(0.1) for _ in range(1000)] for _ in range(100)]  # type: ignore[attr-defined]
    (layer,) = mg.gradient_report(model).layers
    assert layer.parameters == 100_000


def test_without_rows_a_layer_behind_a_dead_one_is_not_called_dead() -> None:
    model = mg.MLP(2, [6, 6, 1], activation="relu", init="he", seed=0)
    for neuron in model.layers[1].neurons:
        neuron.b.data = -100.0
    mg.mse([model(row) for row in X], Y).backward()
    verdicts = [layer.verdict for layer in mg.gradient_report(model).layers]
    assert verdicts == ["behind dead units", "dead units", "healthy"]


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softsign"])
def test_saturated_units_are_named_and_cured_by_smaller_weights(activation: str) -> None:
    model = mg.MLP(2, [8, 8, 1], activation=activation, init="xavier", seed=0)
    for neuron in model.layers[1].neurons:
        for weight in neuron.w:
            weight.data *= 100.0
    mg.binary_cross_entropy_with_logits([model(row) for row in X], Y).backward()
    report = mg.gradient_report(model, X)
    first, second, last = report.layers
    slope = {
        "tanh": lambda a: 1 - a * a,
        "sigmoid": lambda a: 4 * a * (1 - a),
        "softsign": lambda a: (1 - abs(a)) ** 2,
    }[activation]
    assert second.saturated == pytest.approx(statistics.fmean(slope(a) < 0.06 for a in second.values))
    assert (second.saturated or 0) > 0.5
    assert (second.verdict, first.verdict != "saturated units", last.saturated) == ("saturated units", True, 0.0)
    assert second.reason == f"{second.saturated:.0%} of what it hands on is where its activation is flat"
    told = advice(report.layers, "saturated units")
    assert "init='xavier'" in told
    for weight in (weight for neuron in model.layers[1].neurons for weight in neuron.w):
        weight.data /= 100.0
    assert "saturated units" not in verdicts(model, X)
    assert {layer.saturated for layer in mg.gradient_report(model).layers} == {None}  # not known without rows


def test_a_result_at_its_end_is_not_called_saturated() -> None:
    """A classifier by sigmoid that is sure of itself is as it should be."""
    model = mg.Sequential(mg.Layer(2, 1, activation="sigmoid"))
    for parameter in model.parameters():
        parameter.data *= 1000.0
    mg.mse([model(row) for row in X], Y).backward()
    assert "saturated units" not in verdicts(model, X)


def test_units_of_ones_own_saturate_too() -> None:
    model = Own()
    for weight in (weight for row in model.hidden for weight in row):
        weight.data *= 100.0
    mg.mse([model(row) for row in X], Y).backward()
    out, hidden = mg.gradient_report(model, X).layers
    assert (hidden.verdict, out.verdict == "saturated units") == ("saturated units", False)


@pytest.mark.parametrize("rows", [None, X])
def test_a_layer_behind_weights_of_zero_does_not_vanish(rows: Any) -> None:
    model = mg.MLP(2, [4, 4, 1], activation="tanh", init="xavier", seed=0)
    for weight in model.layers[-1].neurons[0].w:
        weight.data = 0.0
    mg.mse([model(row) for row in X], Y).backward()
    report = mg.gradient_report(model, rows)
    assert [layer.verdict for layer in report.layers] == ["behind zero weights", "behind zero weights", "healthy"]
    assert {layer.reason for layer in report.layers[:2]} == {"all gradients are 0, behind layers.2"}
    assert "behind zero weights: init= draws these weights; or go on" in str(report)
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    optimizer.zero_grad()
    mg.mse([model(row) for row in X], Y).backward()
    assert "behind zero weights" not in verdicts(model, rows)  # as the advice says


def test_advice_knows_what_the_optimiser_does() -> None:
    model = network([32] * 6, init="normal")
    params = model.parameters()
    for optimizer, known in [(None, False), (mg.SGD(params, lr=0.1), False), (mg.SGD(params, 0.1, max_norm=1e4), True)]:
        told = str(mg.gradient_report(model, optimizer=optimizer))
        assert "exploding" in told
        assert ("clipping" in told, "a lower max_norm" in told) == (not known, known)
    model.layers[1].neurons[0].b.grad = math.nan
    report = mg.gradient_report(model, optimizer=mg.SGD(params, 0.1, max_norm=1.0))
    assert "not finite" in {layer.verdict for layer in report.layers}
    assert "clipping" not in str(report)


def test_a_ratio_beyond_the_usual_range_reads_as_beyond_it() -> None:
    model = mg.MLP(2, [1], seed=0)
    model(X[0]).backward()
    weight = math.hypot(*(p.data for p in model.parameters()))
    norm = math.hypot(*(p.grad for p in model.parameters()))
    optimizer = mg.SGD(model.parameters(), lr=0.0304 * weight / norm)
    (layer,) = mg.gradient_report(model, optimizer=optimizer).layers
    assert layer.reason == "update/weight 0.0304, usually 3e-05 to 0.03"
