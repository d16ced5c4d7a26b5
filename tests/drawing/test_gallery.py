"""What a picture owes its reader, measured on a gallery of graphs by parsing what is drawn."""

from __future__ import annotations

import itertools
import math
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Module, Value, draw, explain
from microgrannd.explaining.derivation import Derivation
from microgrannd.rules.notation import Notation
from tests.helpers import RENDERERS, SVG, choose, labelled, textbook

Point = tuple[float, float]
Rect = tuple[float, float, float, float]


class Residual(Module):
    """Two layers beside which the inputs go on, and one neuron."""

    def __init__(self) -> None:
        rng = random.Random(0)
        self.first = mg.Layer(3, 3, activation="tanh", rng=rng)
        self.second, self.head = (mg.Layer(3, wide, nonlin=False, rng=rng) for wide in (3, 1))

    def __call__(self, x: Any) -> Any:
        return self.head([a + b for a, b in zip(self.second(self.first(x)), x, strict=True)])


class Recurrent(Module):
    """A cell of two neurons that takes its own results again."""

    def __init__(self) -> None:
        rng = random.Random(0)
        self.cell, self.out = mg.Layer(3, 2, activation="tanh", rng=rng), mg.Layer(2, 1, nonlin=False, rng=rng)

    def __call__(self, xs: Any) -> Any:
        h = [Value(0.0, "h0"), Value(0.0, "h1")]
        for x in xs:
            h = self.cell([x, *h])
        return self.out(h)


def expression() -> tuple[Value, None]:
    a, b, c, f = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c"), Value(-2.0, "f")
    return (labelled(a * b, "e") + c) * f + mg.tanh(a), None


def attention() -> tuple[Value, None]:
    rng = random.Random(0)
    weights = [[[Value(rng.gauss(0, 0.5)) for _ in range(3)] for _ in range(3)] for _ in range(3)]
    rows = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(3)]
    with mg.scope("keys"):
        keys = [[mg.dot(w, x) for w in weights[0]] for x in rows]
    with mg.scope("values"):
        values = [[mg.dot(w, x) for w in weights[1]] for x in rows]
    with mg.scope("query"):
        query = [mg.dot(w, rows[-1]) for w in weights[2]]
    shares = mg.softmax([mg.dot(query, key) / math.sqrt(3) for key in keys])
    return mg.sum([mg.square(mg.dot(shares, [value[i] for value in values])) for i in range(3)]), None


class Head(Module):
    """An attention head that looks back: each row at itself and those before it."""

    def __init__(self) -> None:
        rng = random.Random(0)
        self.key, self.query, self.value = (mg.Layer(4, 3, nonlin=False, bias=False, rng=rng) for _ in range(3))

    def __call__(self, rows: Any) -> Any:
        keys, queries, values = ([layer(row) for row in rows] for layer in (self.key, self.query, self.value))
        out = []
        for t, query in enumerate(queries):
            shares = mg.softmax([mg.dot(query, key) / math.sqrt(3) for key in keys[: t + 1]])
            out.append([mg.dot(shares, column[: t + 1]) for column in zip(*values, strict=True)])
        return out


def attention_head(length: int = 3) -> tuple[Value, Head]:
    model, rng = Head(), random.Random(1)
    out = model([[rng.gauss(0, 1) for _ in range(4)] for _ in range(length)])
    return mg.sum([mg.square(v) for row in out for v in row]), model


def mlp(*sizes: int, values: bool = False, rows: int = 1) -> tuple[Value, mg.MLP]:
    model = mg.MLP(sizes[0], sizes[1:], activation="tanh", seed=0)
    rng = random.Random(0)
    X = [[rng.gauss(0, 1) for _ in range(sizes[0])] for _ in range(rows)]
    X = [[Value(x, f"x{i}") for i, x in enumerate(row)] if values else row for row in X]  # type: ignore[misc]
    losses = [mg.mse(model(row), 1.0) for row in X]
    return mg.mean(losses) if rows > 1 else losses[0], model


def recurrent() -> tuple[Value, Recurrent]:
    model = Recurrent()
    return mg.mse(model([Value(math.sin(i)) for i in range(12)]), 1.0), model


def residual() -> tuple[Value, Residual]:
    model = Residual()
    return mg.mse(model([Value(0.5, "x0"), Value(-1.0, "x1"), Value(2.0, "x2")]), 1.0), model


def without_model() -> tuple[Value, None]:
    return mlp(4, 8, 8, 1, rows=9)[0], None


GALLERY: dict[str, tuple[Callable[[], tuple[Value, Any]], str]] = {
    "expression": (expression, "auto"),
    "textbook": (lambda: (textbook()[0], None), "auto"),
    "neuron": (lambda: mlp(3, 1), "scalar"),
    **{f"mlp by {depth}": (lambda: mlp(3, 4, 4, 1), depth) for depth in ("scalar", "neuron", "layer", "auto")},
    "mlp of values": (lambda: mlp(3, 4, 4, 1, values=True), "neuron"),
    "wide mlp": (lambda: mlp(2, 16, 16, 1), "auto"),
    "residual": (residual, "auto"),
    "recurrent": (recurrent, "auto"),
    "attention": (attention, "auto"),
    "attention head": (attention_head, "auto"),
    "batch": (lambda: mlp(2, 3, 1, rows=100), "auto"),
    "batch without model": (lambda: (mlp(2, 4, 4, 1, rows=100)[0], None), "auto"),
    "without model": (without_model, "auto"),
}


class Drawn:
    """A picture as it is drawn: rectangles of boxes and labels, and points on its lines."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.size = float(self.root.get("width", "")), float(self.root.get("height", ""))
        font = float(self.root.get("font-size", ""))
        self.fonts = [float(text.get("font-size", font)) for text in self.root.iter(f"{SVG}text")]
        self.boxes = {int(group.get("data-number", "")): rect(group) for group in self.groups("node")}
        self.frames = [rect(group) for group in self.groups("cluster")]
        self.labels: list[Rect] = []
        self.lines: list[tuple[int, int, list[Point]]] = []
        for group in self.groups("edge"):
            path = next(group.iter(f"{SVG}path"))
            ends = int(group.get("data-source", "")), int(group.get("data-target", ""))
            self.lines.append((*ends, points(path.get("d", ""))))
            for text in group.iter(f"{SVG}text"):
                x, y, half = float(text.get("x", "")), float(text.get("y", "")), 2.7 * len(text.text or "")
                self.labels.append((x - half, y - 8, x + half, y))

    def groups(self, kind: str) -> list[ET.Element]:
        return [group for group in self.root.iter(f"{SVG}g") if group.get("class") == kind]


def rect(group: ET.Element) -> Rect:
    shape = next(group.iter(f"{SVG}rect"))
    x, y, width, height = (float(shape.get(name, "")) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def points(path: str) -> list[Point]:
    """Points on a path of lines and curves, near to each other."""
    found: list[Point] = []
    for command, numbers in re.findall(r"([MLQC])([^MLQC]*)", path):
        flat = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        at = list(zip(flat[::2], flat[1::2], strict=True))
        degree = {"M": 0, "L": 1, "Q": 2, "C": 3}[command]
        if command == "M":
            found.append(at[0])
            continue
        for i in range(0, len(at), degree):
            found += bent([found[-1], *at[i : i + degree]])
    return found


def bent(ends: list[Point]) -> list[Point]:
    return [curve(ends, step / 40) for step in range(1, 41)]


def curve(ends: list[Point], t: float) -> Point:
    while len(ends) > 1:
        ends = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in itertools.pairwise(ends)]
    return ends[0]


def overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("renderer", RENDERERS)
def test_everything_can_be_read(renderer: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    make, depth = GALLERY[name]
    root, model = make()
    root.backward()
    picture = draw(root, model, depth, layout="own" if renderer == "layout" else "dot")
    drawn = Drawn(picture.pipe(encoding="utf-8"))
    assert min(drawn.fonts) >= 10
    assert drawn.size[0] <= 1000 or name == "mlp by scalar"  # whose 63 boxes were asked for
    assert not [pair for pair in itertools.combinations(drawn.boxes.values(), 2) if overlap(*pair)]
    assert not [pair for pair in itertools.combinations(drawn.labels, 2) if overlap(*pair)]
    assert not [pair for pair in itertools.product(drawn.labels, drawn.boxes.values()) if overlap(*pair)]
    through = [
        (source, target, box)
        for source, target, line in drawn.lines
        for box, (x0, y0, x1, y1) in drawn.boxes.items()
        if box not in (source, target) and any(x0 + 1 < x < x1 - 1 and y0 + 1 < y < y1 - 1 for x, y in line)
    ]
    assert not through
    labels = [arrow.label for arrow in picture.graph.arrows if arrow.label]
    if len(labels) < 20:
        assert len(drawn.labels) >= len(labels) * 2 // 3  # the others are left to hover
    box_at = [drawn.boxes[source] for source, *_ in drawn.lines]
    for (x0, y0, x1, y1), (*_, line) in zip(box_at, drawn.lines, strict=True):
        assert x0 - 2 <= line[0][0] <= x1 + 2  # it begins at its operand
        assert y0 - 2 <= line[0][1] <= y1 + 2


@pytest.mark.parametrize("values", [False, True])
def test_a_network_of_three_layers_fits_a_page_and_its_neurons_stand_in_order(values: bool) -> None:
    root, model = mlp(3, 4, 4, 1, values=values)
    root.backward()
    for depth in ("neuron", "auto"):
        picture = draw(root, model, depth)
        drawn = Drawn(picture.pipe(encoding="utf-8"))
        assert drawn.size[0] <= 1000
        assert drawn.size[1] <= 600
        columns = [[box for box in picture.graph.boxes if box.frame == frame] for frame in (0, 1, 2)]
        assert [[box.lines[0] for box in column] for column in columns] == [
            [f"neurons.{i}" for i in range(count)] for count in (4, 4, 1)
        ]
        inputs = [number for number, box in enumerate(picture.graph.boxes) if box.kind == "input"]
        for frame in (*range(3), None):
            numbers = (
                inputs if frame is None else [n for n, box in enumerate(picture.graph.boxes) if box.frame == frame]
            )
            rects = [drawn.boxes[number] for number in numbers]
            assert [rect[1] for rect in rects] == sorted(rect[1] for rect in rects)
            centers = {round((rect[0] + rect[2]) / 2) for rect in rects}
            assert max(centers) - min(centers) <= 1  # in one column
        assert all(" Q" not in path.get("d", "") for group in drawn.groups("edge") for path in group.iter(f"{SVG}path"))


FOLDED = ["mlp by neuron", "wide mlp", "batch", "batch without model", "residual", "recurrent", "without model"]


@pytest.mark.parametrize("name", [*FOLDED, "attention", "attention head"])
def test_what_is_folded_needs_no_more_than_a_screen(name: str) -> None:
    root, model = GALLERY[name][0]()
    root.backward()
    picture = draw(root, model)
    width, height = Drawn(picture.pipe(encoding="utf-8")).size
    assert width <= 1000
    assert height <= 700
    assert picture.graph.title.endswith('depth="scalar" shows every node')


@pytest.mark.parametrize("name", ["expression", "textbook", "neuron", "mlp by scalar", "attention", "recurrent"])
def test_pictures_and_explanations_have_one_set_of_names(name: str) -> None:
    root, model = GALLERY[name][0]()
    root.backward()
    derivation = Derivation(root, None, model, by_neuron=False)
    names = set(derivation.names.values())
    for box in draw(root, model, "scalar").graph.boxes:
        shown = (box.hint or box.lines[0]).split(":")[0]
        assert shown in names or box.numbers is None  # of a number that was given


def test_a_model_that_is_a_neuron_has_one_set_of_names() -> None:
    neuron = mg.Neuron(2, activation="tanh")
    root = neuron([Value(1.0, "a"), -2.0])
    root.backward()
    picture = draw(root, neuron)
    text = " ".join([*(arrow.hint for arrow in picture.graph.arrows), str(explain(root, model=neuron))])
    heads = {box.lines[0].split(":")[0] for box in picture.graph.boxes}
    assert {"w₀", "w₁", "b", "a", "x1"} <= heads
    assert set(re.findall(r"∂(\w+)", text)) - {"wᵢ", "xᵢ"} == heads  # which are of the rule
    assert "w.0" not in text + mg.walkthrough(root, neuron).html
    assert "w_{0}" in explain(root, model=neuron).markdown


def test_the_names_on_hover_and_in_the_text_are_those_of_the_boxes() -> None:
    error, _ = textbook()
    error.backward()
    picture = draw(error)
    names = {box.lines[0].split(":")[0] for box in picture.graph.boxes}
    hints = " ".join(arrow.hint for arrow in picture.graph.arrows)
    assert set(re.findall(r"∂(\w+)", hints)) == names
    told = re.findall(r"^(\w+) = ", str(explain(error)), re.M)
    assert set(told) <= names
    assert all(re.search(rf"─ {name}[: ]|^{name}:", picture.text(), re.M) for name in names)


def test_arrowheads_have_the_colours_of_their_lines() -> None:
    root, model = mlp(3, 4, 4, 1)
    root.backward()
    drawn = Drawn(draw(root, model).pipe(encoding="utf-8"))
    for group in drawn.groups("edge"):
        path = next(group.iter(f"{SVG}path"))
        if head := path.get("marker-start"):
            assert head == f"url(#arrow{path.get('stroke', '')[1:]})"
    ends = [line[0] for *_, line in drawn.lines]
    assert len(set(ends)) == len(ends)  # no two end in one point


def test_labels_beside_each_other_do_not_read_as_one() -> None:
    """0 and −0.39 would read as 0 − 0.39."""
    model = mg.MLP(3, [4, 4, 1], seed=0)
    root = model([2.0, 3.0, -1.0])
    root.backward()
    drawn = Drawn(draw(root, model, "neuron", layout="own").pipe(encoding="utf-8"))
    wider = [(x0 - 3, y0 + 2, x1 + 3, y1 - 2) for x0, y0, x1, y1 in drawn.labels]
    assert len(wider) > 20
    assert not [pair for pair in itertools.combinations(wider, 2) if overlap(*pair)]


def test_a_layer_says_how_often_it_was_called() -> None:
    for (root, model), count in ((recurrent(), 12), (mlp(2, 3, 3, 1, rows=5), 5)):
        root.backward()
        heads = [line for box in draw(root, model, "layer").graph.boxes for line in box.lines]
        assert [line for line in heads if re.fullmatch(rf"\d neurons\s\(× {count}\)", line)]
    root, model = mlp(2, 3, 3, 1)
    assert "3 neurons" in [line for box in draw(root, model, "layer").graph.boxes for line in box.lines]


def test_a_line_of_many_edges_has_their_numbers() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    X = [[0.5 * i - 1, 1.0 - 0.1 * i] for i in range(5)]
    root = mg.mean([model(row) for row in X])
    root.backward()
    graph = draw(root, model).graph
    neuron, write = model.layers[0].neurons[0], Notation().number
    slopes = [neuron.w[0].data * (1 - neuron(row).data ** 2) for row in X]  # through tanh, as that of one edge is
    (arrow,) = [
        arrow
        for arrow in graph.arrows
        if graph.boxes[arrow.source].lines[0].startswith("x0")
        and graph.boxes[arrow.target].lines[0].startswith("neurons.0")
    ]
    flows = [0.2 * model.layers[1].neurons[0].w[0].data * slope for slope in slopes]
    assert arrow.hint.split("\n") == [
        "5 edges",
        f"local derivative {write(min(slopes))} … {write(max(slopes))}",
        f"gradient passed back {write(min(flows))} … {write(max(flows))}, in sum {write(sum(flows))}",
    ]
    assert not arrow.label
    (last,) = [arrow for arrow in graph.arrows if graph.boxes[arrow.target].lines[0].startswith("y")]
    assert (last.label, last.hint.split("\n")[1]) == ("0.2", "local derivative 0.2")


def test_steps_in_time_are_not_drawn_as_rows_of_a_text() -> None:
    """A line from the end of a row to the begin of the next looks like the cell's own loop."""
    root, model = recurrent()
    root.backward()
    assert draw(root, model).geometry().bands == 1
    root, model = mlp(2, 3, 1, rows=100)  # type: ignore[assignment]
    root.backward()
    picture = draw(root, model)
    assert picture.geometry().bands == 2
    for drawn in (picture.pipe(encoding="utf-8"), picture.source):
        assert "read row by row" in drawn
    assert "row by row" not in draw(*expression()).pipe(encoding="utf-8")


def test_modules_that_take_the_same_numbers_share_their_boxes() -> None:
    root, model = attention_head()
    root.backward()
    for depth in ("auto", "layer", "scalar"):
        heads = [box.lines[0] for box in draw(root, model, depth).graph.boxes]
        names = [re.split(r"\s\(×|:", head)[0] for head in heads if re.match(r"x\d", head)]
        assert len(set(names)) == len(names)  # those of other rows are called x0 (2)
        assert len(names) == (12 if depth == "scalar" else 4)


def test_names_of_given_numbers_are_not_those_of_others() -> None:
    neuron = mg.Neuron(2, nonlin=False)
    root = neuron([1.0, Value(2.0, "x0")]) + neuron([3.0, 4.0])
    root.backward()
    picture = draw(root, neuron, "scalar")
    heads = [box.lines[0] for box in picture.graph.boxes]
    assert {"x0", "x0 (2)", "x0 (3)", "x1"} <= set(heads)
    assert len(set(heads)) == len(heads)
    hints = " ".join(arrow.hint for arrow in picture.graph.arrows)
    assert "∂(x0 (2)) = w₀" in hints


@pytest.mark.parametrize("depth", [2, 4])
def test_layers_of_a_batch_are_told_apart_without_a_model(depth: int) -> None:
    root, _ = mlp(2, *[4] * depth, 1, rows=20)
    root.backward()
    graph = draw(root).graph
    assert sum("tanh" in box.lines[0] for box in graph.boxes) == depth
    assert all(arrow.source < arrow.target for arrow in graph.arrows)


def test_hover_calls_a_number_that_was_given_as_its_box_does() -> None:
    neuron = mg.Neuron(2, activation="tanh")
    root = neuron([1.0, -2.0])
    root.backward()
    drawn = ET.fromstring(draw(root, neuron).pipe(encoding="utf-8"))
    hints = [title.text or "" for title in drawn.iter(f"{SVG}title")]
    boxes = {text.text for text in drawn.iter(f"{SVG}text")}
    for i, weight in enumerate(neuron.w):
        assert f"x{i}" in boxes
        assert f"∂v1/∂x{i} = w{'₀₁'[i]} = {Notation().number(weight.data)}" in hints


def test_where_steps_are_folded_the_result_stays_and_labels_are_not_all_the_first_ones() -> None:
    inputs = [Value(i + 1.5, f"in{i}") for i in range(40)]
    root = inputs[0]
    for one in inputs[1:]:
        root = root * one.tanh() + one
    root.label = "L"
    root.backward()
    picture = draw(root)
    heads = [box.lines[0] for box in picture.graph.boxes]
    assert "× n" in picture.graph.title
    assert "L: +" in heads
    assert any(re.fullmatch(r"in1 … in39\s\(× 39\)", head) for head in heads)
