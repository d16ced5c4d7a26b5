"""What has to work in a browser, where there is no process, no thread and a small stack: .ci/run runs it in Pyodide too."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.drawing.picture import NoGraphviz

in_pyodide = pytest.mark.skipif(sys.platform != "emscripten", reason="of Pyodide alone")


def neuron() -> Value:
    y = mg.tanh(Value(0.5, "w") * Value(2.0, "x") + Value(-0.5, "b"))
    y.backward()
    return y


@in_pyodide
def test_what_is_tested_is_the_wheel() -> None:
    assert "site-packages" in mg.__file__


@pytest.mark.parametrize(
    "longer",
    [
        lambda v, x: v + x,
        lambda v, x: x - v,
        lambda v, x: (v * 0.5).relu() + x,
        lambda v, x: mg.dot([x, v], [0.0, 1.0]),
        lambda v, x: mg.clip(v, x - 1, x),
    ],
    ids=["left", "right", "unary", "wide", "both"],
)
def test_a_chain_of_300_000_nodes_is_built_and_freed(longer: Callable[[Value, Value], Value]) -> None:
    x = value = Value(1.0)
    while value._depth < 300_000:
        value = longer(value, x)
    value.backward()
    assert value.grad == 1.0
    del value  # without the tuples of recording.STRIDE a browser's stack overflows here, for good
    assert mg.grad(lambda x: x * x)(3.0) == 6.0


@pytest.mark.parametrize("compile", [True, False])
def test_xor_is_learnt(compile: bool) -> None:
    X, y = mg.data.xor()
    model = mg.MLP(2, [4, 1], activation="tanh", init="xavier", seed=0)
    loss, optimizer = mg.binary_cross_entropy_with_logits, mg.Adam(model.parameters(), lr=0.05)
    mg.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=500, seed=0, compile=compile)
    assert [score > 0 for score in model.predict(X)] == [bool(label) for label in y]


def test_the_picture_is_there_without_processes() -> None:
    svg = ET.fromstring(mg.draw(neuron()).pipe(encoding="utf-8"))
    shown = {"".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"w", "x", "b", "y: tanh", "data 0.4621"} <= shown


@in_pyodide
def test_a_picture_that_needs_a_process_says_so() -> None:
    with pytest.raises(NoGraphviz):
        mg.draw(neuron(), format="png").pipe()


def test_a_walkthrough_is_written_as_a_page(tmp_path: Path) -> None:
    mg.walkthrough(neuron()).save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "tanh" in page
