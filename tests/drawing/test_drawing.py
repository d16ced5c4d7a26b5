"""Pictures: asserted by parsing them, as each of the renderers makes them."""

from __future__ import annotations

import copy
import html
import itertools
import math
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, draw
from microgrannd.drawing.boxes import MOST_BOXES
from microgrannd.drawing.choose import graph_of
from microgrannd.drawing.diagram import FILLS, NEGATIVE, NEUTRAL, NOTHING, POSITIVE, Arrow, Box, Frame
from microgrannd.drawing.layout import layered
from microgrannd.drawing.picture import NoGraphviz, Picture
from tests.helpers import NASTY, RENDERERS, SVG, choose, needs_dot, within


@pytest.fixture
def without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither dot nor pygraphviz."""
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)


def neuron() -> Value:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.0, "b")
    y = mg.tanh(w * x + b)
    y.label = "y"
    y.backward()
    return y


def texts(svg: bytes | str, kind: str = "node") -> list[str]:
    """The lines of text of all nodes, or of all edges, or of the legend."""
    tree = ET.fromstring(svg)
    if kind == "legend":
        return ["".join(text.itertext()) for text in tree.iter(f"{SVG}text") if text.get("class") == kind]
    groups = [group for group in tree.iter(f"{SVG}g") if group.get("class") == kind]
    return ["".join(text.itertext()) for group in groups for text in group.iter(f"{SVG}text")]


def all_texts(svg: bytes | str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_each_node_shows_label_data_gradient_and_operation(without_graphviz: None) -> None:
    shown = texts(draw(neuron()).pipe())
    boxes = [shown[i : i + 3] for i in range(0, len(shown), 3)]
    leaves = [["b", "data −1", "grad 1"], ["w", "data 0.5", "grad 2"], ["x", "data 2", "grad 0.5"]]
    results = [["v1: ×", "data 1", "grad 1"], ["v2: +", "data 0", "grad 1"], ["y: tanh", "data 0", "grad 1"]]
    assert boxes == leaves + results


@pytest.mark.parametrize("renderer", RENDERERS)
def test_there_are_as_many_nodes_and_edges_in_every_way(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    x = Value(2.0, "x")
    svg = draw(x * x + 3 + neuron()).pipe(encoding="utf-8")
    tree = ET.fromstring(svg)
    kinds = [element.get("class") for element in tree.iter()]
    assert (kinds.count("node"), kinds.count("edge")) == (10, 10)
    assert {"data 2", "x", "v3: + 3", "y: tanh"} <= set(texts(svg))


def test_png_without_graphviz_is_refused_and_says_what_is_needed(without_graphviz: None, tmp_path: Path) -> None:
    with pytest.raises(NoGraphviz, match=r"png needs Graphviz.*pip install pygraphviz.*; svg needs neither"):
        draw(neuron(), format="png").pipe()
    with pytest.raises(NoGraphviz):
        draw(neuron()).render(tmp_path / "graph", format="pdf")
    with pytest.raises(ValueError, match="format needs to be one that Graphviz writes"):
        draw(neuron(), format="nothing")


def test_render_writes_what_graphviz_would_write(without_graphviz: None, tmp_path: Path) -> None:
    path = draw(neuron()).render(tmp_path / "graph")
    assert path == str(tmp_path / "graph.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph", "graph.svg"]
    assert (tmp_path / "graph").read_text().startswith("digraph")
    assert len(texts((tmp_path / "graph.svg").read_bytes())) == 18
    draw(neuron()).render(outfile=tmp_path / "other.svg", cleanup=True)
    assert (tmp_path / "other.svg").read_bytes() == (tmp_path / "graph.svg").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph", "graph.svg", "other.svg"]


@needs_dot
def test_render_uses_dot_where_it_is(tmp_path: Path) -> None:
    draw(neuron()).render(tmp_path / "graph", format="png", cleanup=True)
    assert [p.name for p in tmp_path.iterdir()] == ["graph.png"]
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


def test_a_notebook_gets_svg_and_text(without_graphviz: None) -> None:
    bundle = draw(neuron())._repr_mimebundle_()
    assert list(bundle) == ["text/html", "image/svg+xml", "text/plain"]
    assert bundle["image/svg+xml"].startswith("<svg")
    assert draw(neuron())._repr_mimebundle_(include=["text/plain"]) == {"text/plain": bundle["text/plain"]}
    assert list(draw(neuron())._repr_mimebundle_(exclude=["text/plain"])) == ["text/html", "image/svg+xml"]


def test_the_text_tree() -> None:
    x = Value(3.0, "x")
    square = x * x
    assert draw(square + mg.exp(square) * 2).text().splitlines() == [
        "y: +   data 1.622e+04   grad 0",
        "├─ v1: ×   data 9   grad 0",
        "│  ├─ x   data 3   grad 0",
        "│  └─ x   data 3   grad 0",
        "└─ v3: × 2   data 1.621e+04   grad 0",
        "   └─ v2: exp   data 8103   grad 0",
        "      └─ v1: ×   data 9   grad 0   (see above)",
    ]
    long = draw(mg.sum([Value(float(i)) for i in range(100)]), depth="scalar").text().splitlines()
    assert (len(long), long[-1]) == (61, "...")


def test_it_is_the_same_as_draw_dot_and_refuses_other_things() -> None:
    assert mg.draw_dot is mg.draw
    with pytest.raises(TypeError, match="draw needs a Value as root, got 3"):
        draw(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rankdir needs to be LR or TB, got 'RL'"):
        draw(Value(1.0), rankdir="RL")
    with pytest.raises(ValueError, match="layout needs to be one of auto, own, dot, got 'neato'"):
        draw(Value(1.0), layout="neato")


def test_the_layout_of_dot_needs_graphviz(without_graphviz: None) -> None:
    with pytest.raises(NoGraphviz, match="the layout of dot needs Graphviz"):
        draw(Value(1.0), layout="dot")


def test_a_copy_keeps_the_picture(without_graphviz: None) -> None:
    picture = draw(neuron())
    twin = copy.deepcopy(picture)
    assert (twin.pipe(), twin.source) == (picture.pipe(), picture.source)
    twin.graph.title = "another"
    assert picture.graph.title == ""
    assert isinstance(picture.digraph(), graphviz.Digraph)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_what_is_added_to_a_picture_is_in_every_output(
    renderer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(renderer, monkeypatch)
    picture = draw(neuron())
    graph = picture.graph
    graph.title = "a neuron"
    graph.frames.append(Frame("notes", None))
    graph.boxes.append(Box("leaf", ("a note",), frame=0, hint="its hint"))
    graph.arrows.append(Arrow(len(graph.boxes) - 1, 0, "leads to b"))
    added = ["a neuron", "notes", "a note", "leads to b", "its hint"]
    page = picture.pipe(encoding="utf-8")
    shown = html.unescape(page).replace("\xa0", " ")
    for output in (shown, picture.source, picture.digraph().source, Path(picture.save(tmp_path / "graph")).read_text()):
        assert [text for text in added if text not in output] == []
    assert Path(picture.render(tmp_path / "graph")).read_text(encoding="utf-8") == page
    assert picture._repr_mimebundle_()["image/svg+xml"] == page
    assert picture.text().splitlines()[:4] == [
        "a neuron", "y: tanh   data 0   grad 1", "└─ v2: +   data 0   grad 1", "   ├─ v1: ×   data 1   grad 1"
    ]  # fmt: skip
    assert "└─ a note" in picture.text()


def test_a_digraph_to_go_on_with_leaves_the_picture_as_it_is() -> None:
    picture = draw(neuron())
    digraph = picture.digraph()
    digraph.node("more")
    assert digraph.source.count("more") == 1
    assert "more" not in picture.source


def test_a_box_by_itself_and_a_cycle_are_in_the_text_too() -> None:
    picture = draw(neuron())
    lines = picture.text().splitlines()
    picture.graph.boxes.append(Box("leaf", ("by itself",)))
    assert picture.text().splitlines() == [*lines, "by itself"]
    picture.graph.arrows.append(Arrow(5, 0))  # from the result to its first operand
    assert picture.text().splitlines()[:2] == ["by itself", "y: tanh   data 0   grad 1"]


def test_numbers_among_the_operands_stand_in_the_text_of_the_operation() -> None:
    x = Value(3.0, "x")

    def shown(root: Value) -> str:
        (box,) = [box for box in graph_of(root).boxes if box.kind == "operation"]
        return box.lines[0]

    assert shown(mg.dot([x, 2.0], [3.0, -4.0], 5.0)) == "y: w·x\u2002ws = […, 2], xs = [3, −4], b = 5"
    assert shown(mg.dot([x], [3.0])) == "y: w·x\u2002xs = [3]"  # nobody wrote the bias 0
    assert shown(mg.sum([x, *range(1, 9)])) == "y: Σ\u2002vs = […, 1, 2, 3, …]"
    assert [shown(root) for root in (x * 2, x - 1, 1 - x, x**2, x * -2)] == [
        "y: × 2", "y: − 1", "y: 1 −", "y: ^ 2", "y: × (−2)"
    ]  # fmt: skip
    assert shown(mg.clip(x, 0.0, 5.0)) == "y: clip\u2002lo = 0, hi = 5"
    assert shown(mg.leaky_relu(x)) == "y: leaky_relu"
    assert shown(mg.leaky_relu(x, 0.2)) == "y: leaky_relu\u2002slope = 0.2"


def test_a_graph_too_large_to_draw_shows_its_shape(without_graphviz: None) -> None:
    value = x = Value(1.0)
    for _ in range(100_000):
        value = value + x
    with within(5):
        assert "v3: +\u2002(× 99,998)" in all_texts(draw(value).pipe())
    with within(5):
        picture = draw(value, depth="scalar")
        shown = " ".join(all_texts(picture.pipe()))
    assert "100,001 nodes are too many to draw" in shown
    assert sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) nodes", shown)) == 2 * 100_001
    assert picture.text().startswith("100,001 nodes")


# How gradient flows


def flows(svg: str) -> dict[str, tuple[str, float, bool]]:
    """Of each edge, by its label: colour, width, whether it is dashed."""
    shown = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == "edge":
            line = next(group.iter(f"{SVG}path"))
            label = "".join(text for element in group.iter(f"{SVG}text") for text in element.itertext())
            shown[label] = (line.get("stroke"), float(line.get("stroke-width", "1")), "stroke-dasharray" in line.attrib)
    return shown


@pytest.mark.parametrize("renderer", RENDERERS)
def test_arrows_tell_how_much_flows_and_its_sign(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    a, b, c, d = (Value(x, label) for x, label in [(3.0, "a"), (-0.25, "b"), (-7.0, "c"), (0.5, "d")])
    root = mg.dot([a, b], [2.0, -8.0]) + mg.relu(c) + d * 1.5  # flows of 2, -8, 0 and 1.5
    root.backward()
    shown = flows(draw(root).pipe(encoding="utf-8"))
    assert shown["2"] == (POSITIVE, pytest.approx(3.0, abs=0.01), False)
    assert shown["−8"] == (NEGATIVE, pytest.approx(5.0, abs=0.01), False)
    assert shown["0"][0] == NOTHING
    assert shown["0"][2]
    assert shown["1.5"][0] == POSITIVE


@pytest.mark.parametrize("renderer", RENDERERS)
def test_arrowheads_are_at_the_operands_to_which_gradient_flows(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    x = Value(2.0, "x")
    root = mg.tanh(x) + mg.relu(Value(-1.0, "z"))
    assert heads(draw(root).pipe()) == ["end"] * 4
    root.backward()
    assert heads(draw(root).pipe()) == ["none", "start", "start", "start"]  # none flows back through the ReLU


def heads(svg: bytes) -> list[str]:
    """The ends of the edges with an arrowhead: edges run from operand to result."""
    edges = [group for group in ET.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "edge"]
    paths = [next(group.iter(f"{SVG}path")) for group in edges]
    return sorted(next((end for end in ("start", "end") if f"marker-{end}" in path.attrib), "none") for path in paths)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_the_chain_rule_is_shown_on_hover_with_the_operands_own_names(
    renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(renderer, monkeypatch)
    y = neuron()
    assert {"∂y/∂v2 += ∂y/∂y · ∂y/∂v2 = 1 × 1 = 1\n∂y/∂v2 = 1 − y² = 1 − 0² = 1",
            "∂y/∂w += ∂y/∂v1 · ∂v1/∂w = 1 × 2 = 2\n∂v1/∂w = x = 2"} <= hints(draw(y))  # fmt: skip
    a, b = Value(2.0, "a"), Value(3.0, "the b")
    assert hints(draw(a * b)) == {"∂y/∂a = (the b) = 3", "∂y/∂(the b) = a = 2"}  # before backward()


def hints(picture: Picture) -> set[str | None]:
    return {title.text for title in ET.fromstring(picture.pipe()).iter(f"{SVG}title")}


@pytest.mark.parametrize("renderer", RENDERERS)
def test_parameters_inputs_and_operations_look_different(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    model = mg.MLP(1, [1], seed=0)
    svg = draw(model([Value(2.0, "x")]) + 3, model=model).pipe(encoding="utf-8")
    boxes = [group for group in ET.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "node"]
    looks = {next(element.get("fill") for element in box.iter() if "fill" in element.attrib) for box in boxes}
    assert looks == {FILLS[kind] for kind in ("parameter", "input", "operation")}


def test_before_backward_nothing_is_said_of_flow(without_graphviz: None) -> None:
    svg = draw(Value(2.0) * Value(3.0)).pipe(encoding="utf-8")
    assert texts(svg, "legend") == []
    assert {colour for colour, *_ in flows(svg).values()} == {NEUTRAL}
    assert set(flows(svg)) == {"3", "2"}


def size(svg: str) -> list[float]:
    """Width and height."""
    return [float(ET.fromstring(svg).get(name, "").removesuffix("pt")) for name in ("width", "height")]


@needs_dot
def test_the_legend_does_not_make_a_small_picture_wide() -> None:
    picture = draw(neuron())
    assert size(picture.pipe(encoding="utf-8"))[0] < 600


@needs_dot
def test_arrows_between_layers_are_not_led_around_their_frames() -> None:
    model = mg.MLP(2, [8, 8, 1], seed=0)
    picture = draw(model([1.0, 2.0]), model=model, depth="neuron").pipe(encoding="utf-8")
    assert size(picture)[1] < 80 * 8


def test_the_legend_is_one_line_of_what_occurs(without_graphviz: None) -> None:
    words = "width: how much; number: local derivative"
    assert texts(draw(neuron()).pipe(), "legend") == ["gradient > 0", words]
    x = Value(2.0)
    root = mg.relu(x * -1) - x * 3
    root.backward()
    svg = draw(root).pipe()
    assert texts(svg, "legend") == ["gradient > 0", "gradient < 0", "none", words]
    places = {text.get("y") for text in ET.fromstring(svg).iter(f"{SVG}text") if text.get("class") == "legend"}
    assert len(places) == 1


@pytest.mark.parametrize("gradient", [math.inf, -math.inf, math.nan, 1e308, 5e-324])
def test_gradients_out_of_bounds_can_be_drawn(gradient: float, without_graphviz: None) -> None:
    root = mg.tanh(Value(2.0) * Value(3.0))
    root.backward(gradient)
    assert len(flows(draw(root).pipe(encoding="utf-8"))) == 3


def test_a_model_is_a_module() -> None:
    with pytest.raises(TypeError, match="draw needs a Module as model, got 'svg'"):
        draw(Value(1.0), "svg")  # type: ignore[arg-type]


# Labels are hostile input


@given(
    st.one_of(st.sampled_from(NASTY), st.text(max_size=50), st.lists(st.sampled_from(NASTY), max_size=3).map("".join))
)
@settings(deadline=None)
def test_any_label_leaves_svg_and_dot_well_formed(label: str) -> None:
    picture = draw(Value(1.0, label) * 2)
    graph = picture.graph
    shown = graph.boxes[0].lines[0] if label else ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.devnull)
        patch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)
        tree = ET.fromstring(picture.pipe())
    assert {element.tag for element in tree.iter()} <= {
        f"{SVG}{t}" for t in "svg style defs marker path rect g text title".split()
    }
    assert "<" not in tree[0].text
    lines = texts(ET.tostring(tree))
    assert len(lines) == 6
    assert not label or lines[0] == shown
    assert len(shown) <= 40
    picture.source.encode()
    statement = next(line for line in picture.source.splitlines() if line.startswith("\t0 ["))
    assert re.fullmatch(r'\t0 \[label="(?:[^"\\]|\\.)*" fillcolor="#[0-9a-f]{6}" style="filled,rounded"\]', statement)


@needs_dot
@pytest.mark.parametrize("label", NASTY)
def test_dot_shows_every_label_as_it_is(label: str) -> None:
    picture = draw(Value(1.0, label) * 2)
    shown = [text.replace("\xa0", " ") for text in texts(picture.pipe())]
    assert not label or " ".join(picture.graph.boxes[0].lines[0].split()) in [" ".join(text.split()) for text in shown]


# The layout


def crossings(routes: list[list[tuple[float, float]]]) -> int:
    """Pairs of segments that cross, away from their ends."""
    segments = [(p, q) for route in routes for p, q in itertools.pairwise(route)]
    total = 0
    for ((a, b), (c, d)), ((e, f), (g, h)) in itertools.combinations(segments, 2):
        if max(a, e) < min(c, g) and {(a, b), (c, d)}.isdisjoint({(e, f), (g, h)}):

            def gap(x: float, a=a, b=b, c=c, d=d, e=e, f=f, g=g, h=h) -> float:
                return (b + (d - b) * (x - a) / (c - a)) - (f + (h - f) * (x - e) / (g - e))

            total += gap(max(a, e)) * gap(min(c, g)) < 0
    return total


def dot_routes(picture: Picture) -> list[list[tuple[float, float]]]:
    """The centers that dot's edges connect, by its plain output."""
    centers: dict[str, tuple[float, float]] = {}
    routes = []
    for line in picture.pipe(format="plain", encoding="utf-8").splitlines():
        kind, *words = line.split()
        if kind == "node":
            centers[words[0]] = (float(words[1]), float(words[2]))
        elif kind == "edge":
            count = int(words[2])
            points = [
                (float(x), float(y))
                for x, y in zip(words[3 : 3 + 2 * count : 2], words[4 : 4 + 2 * count : 2], strict=True)
            ]
            routes.append([centers[words[0]], *points[3:-3:3], centers[words[1]]])
    return routes


def network(sizes: list[int]) -> Value:
    return mg.mse(mg.MLP(2, sizes, seed=0)([Value(1.0), Value(2.0)]), 1.0)


def placed(root: Value) -> tuple[Any, Any, Any]:
    graph = graph_of(root)
    sizes = [(80.0, 16.0 * len(box.lines)) for box in graph.boxes]
    return sizes, layered(sizes, [(arrow.source, arrow.target) for arrow in graph.arrows]), graph


@needs_dot
def test_mlp_2_3_1_crosses_little_more_than_dot_does() -> None:
    root = network([3, 1])
    _, layout, _ = placed(root)
    assert crossings(layout.routes) <= crossings(dot_routes(draw(root))) * 4 / 3


@pytest.mark.parametrize("root", [network([3, 1]), network([8, 8, 1]), neuron()])
def test_no_box_overlaps_and_edges_point_forward(root: Value) -> None:
    sizes, layout, graph = placed(root)
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(layout.centers, sizes, strict=True)]
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert all(
        x0 >= -1e-9 and y0 >= -1e-9 and x1 <= layout.length + 1e-9 and y1 <= layout.width + 1e-9
        for x0, y0, x1, y1 in boxes
    )
    for route, arrow in zip(layout.routes, graph.arrows, strict=True):
        assert (route[0], route[-1]) == (layout.centers[arrow.source], layout.centers[arrow.target])
        assert all(p[0] < q[0] for p, q in itertools.pairwise(route))


def test_sixteen_hundred_nodes_are_laid_out_quickly(without_graphviz: None) -> None:
    picture = draw(network([36, 36, 1]), depth="scalar")
    assert 1500 < len(picture.graph.boxes) <= MOST_BOXES
    with within(5):
        picture.pipe()


def test_an_empty_graph_and_a_single_node_have_a_layout(without_graphviz: None) -> None:
    assert layered([], []).centers == []
    assert texts(draw(Value(1.0)).pipe()) == ["y", "data 1", "grad 0"]


# micrograd's notebook


def test_micrograds_own_trace_and_draw_cells_work_unchanged() -> None:
    from graphviz import Digraph

    def trace(root):
        nodes, edges = set(), set()

        def build(v):
            if v not in nodes:
                nodes.add(v)
                for child in v._prev:
                    edges.add((child, v))
                    build(child)

        build(root)
        return nodes, edges

    def draw_dot(root, format="svg", rankdir="LR"):
        dot = Digraph(format=format, graph_attr={"rankdir": rankdir})
        nodes, edges = trace(root)
        for n in nodes:
            dot.node(name=str(id(n)), label="{ data %.4f | grad %.4f }" % (n.data, n.grad), shape="record")
            if n._op:
                dot.node(name=str(id(n)) + n._op, label=n._op)
                dot.edge(str(id(n)) + n._op, str(id(n)))
        for n1, n2 in edges:
            dot.edge(str(id(n1)), str(id(n2)) + n2._op)
        return dot

    x = Value(1.0)
    y = (x * 2 + 1).relu()
    y.backward()
    source = draw_dot(y).source
    assert source.count("shape=record") == 6
    assert source.count("->") == 8
    assert "{ data 3.0000 | grad 1.0000 }" in source


def test_a_long_chain_is_put_in_boxes_without_comparing_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison writes an error message first, which was most of the time of a large picture."""
    y = x = Value(1.0, "x")
    for _ in range(3000):
        y = (y + x).tanh()
    compared = []
    monkeypatch.setattr(Value, "__eq__", lambda one, other: compared.append(1) or one is other)
    draw(y)
    assert len(compared) < 3000
