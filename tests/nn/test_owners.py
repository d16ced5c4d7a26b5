"""Boxes and frames by neuron and layer: what belongs where, by every renderer."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Module, Value, draw
from microgrannd._text import rounded
from microgrannd.drawing.boxes import AFTER, BEFORE, boxes_by, gathered, outputs, reached
from microgrannd.drawing.build import Builder
from microgrannd.drawing.diagram import NEUTRAL, Box, Graph
from microgrannd.drawing.frames import framed
from microgrannd.drawing.layout import layered
from microgrannd.drawing.names import names_of
from microgrannd.engine.graph import topological
from microgrannd.nn.owners import owners_of
from tests.helpers import RENDERERS, SVG, Written, choose, within

NEURON = "layers.0.neurons.0"


def inputs(count: int = 2) -> list[Value]:
    return [Value(i - 0.5, f"x{i}") for i in range(count)]


def full_title(graph: Graph, box: Box) -> str:
    """The first line of a box, after the names of the frames around it."""
    title, frame = box.lines[0], box.frame
    while frame is not None:
        title, frame = f"{graph.frames[frame].name}.{title}", graph.frames[frame].frame
    return title


def titles(graph: Graph) -> list[str]:
    return [box.lines[0] for box in graph.boxes]


# What belongs to which module


def test_a_neuron_owns_its_parameters_its_sum_and_its_activation_and_nothing_of_the_loss() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", output_activation="sigmoid", seed=0)
    loss = mg.mse(model(inputs()), 1.0) + sum(p * p + p**2 + abs(p) for p in model.parameters())
    owners = owners_of(topological(loss), model)
    assert [node._op for node in owners.neuron if owners.neuron[node] == NEURON] == ["", "", "", "w·x", "tanh"]
    assert [node._op for node in owners.neuron if owners.neuron[node] == "layers.1.neurons.0"][4:] == ["w·x", "σ"]
    assert set(owners.layer.values()) == {"layers.0", "layers.1"}
    outside = [node._op for node in topological(loss) if node not in owners.neuron]
    assert "−" in outside
    assert len(outside) > 4 * len(model.parameters())


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_of_a_linear_neuron_no_function_that_follows_is_its_activation(activation: str) -> None:
    model = mg.MLP(2, [1], output_activation=activation, seed=0)
    root = mg.relu(model(inputs()) * 1.0).tanh() if activation == "relu" else model(inputs()).relu().tanh()
    owners = owners_of(topological(root), model)
    assert owners.neuron.get(root) is None
    assert sum(node._rule is not None for node in owners.neuron) == 1 + (activation == "relu")


class Deep(Module):
    def __init__(self) -> None:
        self.parts = {"first": [Written(2), Written(2)], "last": mg.Layer(2, 1, activation="sigmoid")}
        self.scale = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return self.parts["last"]([part(x) for part in self.parts["first"]]) * self.scale


def test_modules_of_ones_own_are_found_by_the_parameters_that_an_operation_takes() -> None:
    model = Deep()
    root = model(inputs())
    owners = owners_of(topological(root), model)
    assert [node._op for node in owners.neuron if owners.neuron[node] == "parts.first.0"] == [
        *[""] * 3,
        "×",
        "×",
        *"++",
        "tanh",
    ]
    assert {owners.around(node) for node in topological(root)} == {
        (), ("parts.first.0",), ("parts.first.1",), ("parts.last", "parts.last.neurons.0")
    }  # fmt: skip
    assert {owners.layer[node] for node in owners.layer} == {"parts.first.0", "parts.first.1", "parts.last"}
    assert root not in owners.neuron  # the scale is the model's own


@pytest.mark.parametrize("depth", ["scalar", "neuron"])
def test_numbers_that_are_given_to_a_network_are_its_inputs(depth: str) -> None:
    model = mg.MLP(3, [2], activation="tanh", seed=0)
    for row in ([1.0, 2.0, 3.0], [Value(1.0, "x0"), 2.0, 3.0]):
        root = mg.sum(model(row))
        root.backward()
        graph = draw(root, model=model, depth=depth).graph
        boxes = [box for box in graph.boxes if box.kind == "input"]
        assert [box.lines[:2] for box in boxes] == [("x0", "data 1"), ("x1", "data 2"), ("x2", "data 3")]
        assert {box.frame for box in boxes} == {None}
        arrows = [arrow for arrow in graph.arrows if graph.boxes[arrow.source].lines[0] == "x2"]
        values = [Value(1.0), Value(2.0), Value(3.0)]
        mg.sum(model(values)).backward()
        weights = [neuron.w[2].data for neuron in model.layers[0].neurons]
        assert [arrow.label for arrow in arrows] == [rounded(weight) for weight in weights]
        assert [arrow.head for arrow in arrows] == ["", ""]  # a number keeps no gradient


# Depth


def test_by_neuron_an_arrow_bears_the_derivative_of_neuron_by_neuron() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    x = inputs()
    output = model(x)
    loss = mg.mse(output, 1.0)
    loss.backward()
    graph = draw(loss, model=model, depth="neuron").graph
    assert titles(graph)[:2] == ["x0", "x1"]
    boxes = {full_title(graph, box): number for number, box in enumerate(graph.boxes)}
    hidden = model.layers[0](x)
    for i, neuron in enumerate(model.layers[1].neurons[0].w):
        arrow = next(
            a
            for a in graph.arrows
            if (a.source, a.target) == (boxes[f"layers.0.neurons.{i}"], boxes["layers.1.neurons.0"])
        )
        assert arrow.label == rounded(neuron.data)
    for i, node in enumerate(hidden):
        for one in x:
            one.grad = 0.0
        node.backward()
        for k, one in enumerate(x):
            arrow = next(
                a for a in graph.arrows if (a.source, a.target) == (boxes[f"x{k}"], boxes[f"layers.0.neurons.{i}"])
            )
            assert arrow.label == rounded(one.grad)
            assert arrow.hint.endswith(f"∂(layers.0.neurons.{i})/∂x{k} = {rounded(one.grad)}")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 10**6), st.integers(1, 3))
def test_what_flows_into_a_box_is_its_gradient_at_every_depth(widths: list[int], seed: int, rows: int) -> None:
    model = mg.MLP(2, [*widths, 1], activation="tanh", seed=seed)
    xs = [inputs() for _ in range(rows)]
    loss = mg.mean([mg.mse(model(x), 1.0) for x in xs])
    loss.backward()
    order = topological(loss)
    owners = owners_of(order, model)
    layers = boxes_by(order, owners, "layer")
    groupings = [boxes_by(order, owners, by) for by in ("scalar", "neuron")] + [layers, gathered(order, layers)]
    for box_of in groupings:
        diagram = Builder(order, box_of, owners, lambda node: node.grad, names_of(order))
        graph = diagram.draw()
        flowing = dict.fromkeys(range(len(graph.boxes)), 0.0)
        for key in set(box_of.values()):
            for arrow, flows in diagram.arrows_to(key):
                flowing[arrow.source] += sum(flows)
        for node in diagram.outputs - {loss}:
            if sum(box_of[other] == box_of[node] for other in diagram.outputs) == 1:
                assert math.isclose(flowing[diagram.numbers[box_of[node]]], node.grad, rel_tol=1e-9, abs_tol=1e-12)
        assert reached(order, box_of, outputs(order, box_of))[loss] == (loss, 1.0)


def test_auto_takes_the_first_depth_for_which_there_is_room_and_says_so() -> None:
    x = inputs()
    tiny, small, middle, wide = (mg.MLP(2, widths, seed=0) for widths in ([1], [3, 1], [16, 16, 1], [160, 1]))
    assert draw(tiny(x), tiny).graph.title == ""
    for model in (small, middle):
        graph = draw(mg.mse(model(x), 1.0), model).graph
        assert "one box for each neuron; depth=" in graph.title
        assert {frame.name for frame in graph.frames} == {f"layers.{i}" for i in range(len(model.layers))}
    assert graph.boxes[2].lines[0].startswith("neurons.0\u2002")  # with its number in one line
    assert graph.boxes[2].hint.startswith("data ")
    graph = draw(mg.mse(wide(x), 1.0), wide).graph
    assert "one box for each layer" in graph.title
    assert titles(graph)[:3] == ["x0", "x1", "layers.0"]
    assert graph.boxes[2].lines[-1].startswith("480 parameters, |grad| ")


@pytest.mark.parametrize("numbers", [True, False])
def test_the_rows_of_a_batch_are_one_row(numbers: bool) -> None:
    model = mg.MLP(2, [2, 1], seed=0)
    rows = [[float(i), 1.0] if numbers else [mg.square(x) for x in inputs()] for i in range(100)]
    loss = mg.mean([mg.mse(model(row), 1.0) for row in rows])
    loss.backward()
    graph = draw(loss, model).graph
    shown = [full_title(graph, box).replace("\u2002", " ") for box in graph.boxes]
    assert {"layers.0.neurons.0 (× 100)", "layers.0.neurons.1 (× 100)", "layers.1.neurons.0 (× 100)"} < set(shown)
    assert sum(title.endswith("(× 100)") for title in shown) == len(shown) - 1  # all but the mean
    assert len(shown) == (8 if numbers else 10)
    neuron = next(box for box in graph.boxes if box.lines[0].startswith("neurons.0"))
    outputs = [model.layers[0].neurons[0](row).data for row in rows]
    assert neuron.lines[1] == f"data {rounded(min(outputs))} … {rounded(max(outputs))}" or not numbers
    assert "what is repeated is × n" in graph.title


def test_a_depth_that_is_asked_for_is_drawn_even_where_it_needs_more_room() -> None:
    model = mg.MLP(2, [5] * 12, seed=0)
    root = mg.sum(model(inputs()))
    graph = draw(root, model, "neuron").graph
    assert len(graph.boxes) == 2 + 12 * 5 + 1
    assert "one box for each neuron; depth=" in graph.title


def test_steps_in_time_are_one_step() -> None:
    model = mg.MLP(2, [1], activation="tanh", output_activation="tanh", seed=0)
    h = Value(0.0, "h")
    total = 0.0
    for step in range(12):
        h = model([float(step), h])
        total = total + h * h
    graph = draw(total, model).graph
    assert len(graph.boxes) < 10
    assert any("(× 12)" in box.lines[0] for box in graph.boxes)
    w, h = Value(0.5, "w"), Value(0.1, "h")
    for step in range(100):
        h = mg.tanh(w * h + step)
    graph = draw(h).graph
    assert len(graph.boxes) < 10
    assert any("(× 9" in box.lines[0] for box in graph.boxes)
    h = Value(0.1)
    for _ in range(100):
        h = mg.sin(h)
    h.backward()
    graph = draw(h).graph
    (step,) = [
        number for number, box in enumerate(graph.boxes) if "(× 98)" in box.lines[0]
    ]  # the first takes h, the last is the result
    assert [(arrow.source, arrow.head) for arrow in graph.arrows if arrow.target == arrow.source] == [(step, "source")]


def test_a_graph_without_a_model_is_folded_before_it_is_tall() -> None:
    model = mg.MLP(4, [8, 8, 1], activation="tanh", seed=0)
    loss = mg.mean([mg.mse(model([Value(float(i))] * 4), 1.0) for i in range(9)])
    assert len(topological(loss)) > 400
    graph = draw(loss).graph
    assert len(graph.boxes) < 40
    assert "what is repeated is × n" in graph.title
    steps = []
    for i in range(40):
        with mg.scope("first"):
            y = mg.tanh(Value(float(i)) * 2.0 + 1.0)
        with mg.scope("second"):
            steps.append(mg.exp(y) / (1.0 + mg.square(y)))
    graph = draw(mg.sum(steps)).graph
    assert [frame.name for frame in graph.frames] == []
    assert {"first", "second"} < {box.lines[0].split("\u2002")[0] for box in graph.boxes}


def test_what_is_outside_of_the_model_can_be_put_together() -> None:
    model = mg.MLP(2, [2, 1], seed=0)
    rows = [[mg.square(x) for x in inputs()] for _ in range(100)]
    loss = mg.mean([mg.mse(model(row), 1.0) for row in rows]) + mg.sum([p * p for p in model.parameters()])
    loss.backward()
    order = topological(loss)
    owners = owners_of(order, model)
    box_of = gathered(order, boxes_by(order, owners, "neuron"))
    graph = Builder(order, box_of, owners, lambda node: node.grad, names_of(order)).draw()
    assert [full_title(graph, box).split("\u2002")[0] for box in graph.boxes] == [
        BEFORE, "layers.0.neurons.0", "layers.0.neurons.1", "layers.1.neurons.0", AFTER
    ]  # fmt: skip
    assert graph.boxes[0].lines[1].startswith("data ")
    assert graph.boxes[-1].lines[1:] == (f"data {loss.data:.4g}", "grad 1")
    assert "of both signs" in {key.text for key in graph.legend}
    assert NEUTRAL in {arrow.colour for arrow in graph.arrows}  # rows pull in both directions


def test_a_model_that_has_no_part_in_the_graph_changes_nothing() -> None:
    root = mg.tanh(inputs()[0])
    graph, plain = draw(root, mg.MLP(2, [3, 1])).graph, draw(root).graph
    assert (graph.arrows, graph.frames, titles(graph)) == (plain.arrows, [], titles(plain))


def test_a_depth_is_one_of_four_and_those_by_module_need_a_model() -> None:
    with pytest.raises(ValueError, match="depth needs to be one of scalar, neuron, layer, auto, got 'deep'"):
        draw(Value(1.0), depth="deep")
    with pytest.raises(ValueError, match="depth 'layer' needs model=: the Module whose layers are meant"):
        draw(Value(1.0), depth="layer")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_no_graph_takes_more_than_five_seconds(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    comb = x = Value(1.0)
    for _ in range(300):
        comb = comb + x  # every edge from x crosses all ranks between
    model = mg.MLP(2, [16, 16, 1], seed=0)
    batch = mg.mean([model(inputs()) for _ in range(500)])
    parallel = mg.dot([x] * 4000, [x] * 4000)
    for root, modelled in [(comb, None), (parallel, None), (batch, model)]:
        root.backward()
        with within(5):
            draw(root, modelled).pipe()


# Frames


def clusters(svg: str) -> list[tuple[str, int]]:
    """Of each frame its name, and how many boxes lie within it."""
    tree = ET.fromstring(svg)
    boxes = [extent(group) for group in tree.iter(f"{SVG}g") if group.get("class") == "node"]
    counts = []
    for group in tree.iter(f"{SVG}g"):
        if group.get("class") == "cluster":
            x0, y0, x1, y1 = extent(group)
            name = "".join(text for element in group.iter(f"{SVG}text") for text in element.itertext())
            counts.append((name, sum(x0 <= a and y0 <= b and c <= x1 and d <= y1 for a, b, c, d in boxes)))
    return sorted(counts)


def extent(group: ET.Element) -> tuple[float, float, float, float]:
    """The corners of what a group draws first."""
    for shape in group.iter():
        if shape.tag == f"{SVG}rect":
            x, y, w, h = (float(shape.get(name, "0")) for name in ("x", "y", "width", "height"))
            return x, y, x + w, y + h
        points = shape.get("points") or shape.get("d")
        if points:
            numbers = [float(n) for n in points.translate(str.maketrans("MCLZ,", "     ")).split()]
            return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    raise AssertionError("nothing is drawn")


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_frames_hold_the_boxes_of_their_module_and_no_others(
    renderer: str, rankdir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(renderer, monkeypatch)
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    loss = mg.mse(model(inputs()), 1.0)
    counts = clusters(draw(loss, model, "scalar", rankdir=rankdir).pipe(encoding="utf-8"))
    neurons = [(f"neurons.{i}", 5) for i in (0, 0, 1, 2)]
    assert counts == [("layers.0", 15), ("layers.1", 5), *neurons]
    assert clusters(draw(loss, model, "neuron", rankdir=rankdir).pipe(encoding="utf-8")) == [
        ("layers.0", 3),
        ("layers.1", 1),
    ]


def test_a_module_that_is_applied_again_and_again_can_be_drawn_by_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    choose("layout", monkeypatch)
    model = mg.MLP(1, [2, 1], activation="tanh", seed=0)
    value = Value(0.5, "x")
    for _ in range(3):
        value = model([value])
    for depth in ("scalar", "neuron", "layer"):
        picture = draw(value, model, depth)
        assert picture.text()
        tree = ET.fromstring(picture.pipe())
        edges = [group for group in tree.iter(f"{SVG}g") if group.get("class") == "edge"]
        assert len(edges) == len(picture.graph.arrows)


@st.composite
def framings(draw: st.DrawFn) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Sizes, edges, frames of boxes and frames of frames."""
    frames = [draw(st.none() | st.integers(0, i - 1)) if i else None for i in range(draw(st.integers(0, 5)))]
    side = st.floats(1, 100)
    sizes = draw(st.lists(st.tuples(side, side), min_size=1, max_size=12))
    box = st.integers(0, len(sizes) - 1)
    edges = [edge for edge in draw(st.lists(st.tuples(box, box), max_size=20)) if edge[0] != edge[1]]
    around = st.none() | st.integers(0, len(frames) - 1) if frames else st.none()
    return sizes, edges, [draw(around) for _ in sizes], [(outer, (draw(side), 10.0)) for outer in frames]


@settings(deadline=None)
@given(framings())
def test_nothing_overlaps_and_everything_is_in_its_frame(case: tuple[Any, ...]) -> None:
    sizes, edges, within, frames = case
    placed = framed(sizes, edges, within, frames, (0.0, 16.0), 8.0)
    boxes = [
        ((x - w / 2, y - h / 2), (x + w / 2, y + h / 2)) for (x, y), (w, h) in zip(placed.centers, sizes, strict=True)
    ]
    outer = [*((box, frame) for box, frame in zip(boxes, within, strict=True)),
             *((corners, around) for corners, (around, _) in zip(placed.frames, frames, strict=True))]  # fmt: skip
    near = 1e-6
    for (low, high), frame in outer:
        inside = ((0.0, 0.0), (placed.length, placed.width)) if frame is None else placed.frames[frame]
        assert all(inside[0][i] <= low[i] + near and high[i] <= inside[1][i] + near for i in (0, 1))
    for (a, frame), (b, other) in itertools.combinations(outer, 2):
        if frame == other:
            assert any(a[1][i] <= b[0][i] + near or b[1][i] <= a[0][i] + near for i in (0, 1))
    for route, (source, target) in zip(placed.routes, edges, strict=True):
        assert (route[0], route[-1]) == (placed.centers[source], placed.centers[target])


def test_a_cycle_is_laid_out_with_one_edge_that_runs_backwards() -> None:
    layout = layered([(10.0, 10.0)] * 3, [(0, 1), (1, 2), (2, 0)])
    forward = [route[-1][0] > route[0][0] for route in layout.routes]
    assert forward == [True, True, False]
    assert [route[0] for route in layout.routes] == layout.centers


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"', "a\nb", "]]>", "x" * 10_000, "\\N", "&amp;", "\0"])
@pytest.mark.parametrize("renderer", RENDERERS)
def test_names_of_modules_are_as_harmless_as_labels(name: str, renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    model = Deep()
    model.parts = {name: [Written(2)], "last": model.parts["last"]}
    model.parts["last"] = mg.Layer(1, 1)
    root = model.parts["last"]([model.parts[name][0](inputs())])
    for depth in ("scalar", "neuron", "layer"):
        svg = draw(root, model, depth).pipe(encoding="utf-8")
        assert "<script" not in svg
        ET.fromstring(svg)


def test_a_number_that_a_residual_block_adds_is_not_the_neurons() -> None:
    layer = mg.Layer(2, 2, activation="linear")
    outputs = layer([0.5, -1.0])
    root = mg.sum([number + output for number, output in zip([0.5, -1.0], outputs, strict=True)])
    owners = owners_of(topological(root), layer)
    assert all(output in owners.neuron for output in outputs)
    assert not any(node in owners.neuron for node in root._operands)
