"""What benchmarks compare computes the same for every peer: losses, gradients and steps."""

from __future__ import annotations

import re
import sys
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "emscripten":
    pytest.skip("benchmarks need processes", allow_module_level=True)

from microgrannd import Value
from tests.benchmarks import chart, gpt, gpt_peers, jitted, sizes
from tests.benchmarks.__main__ import SECTIONS
from tests.benchmarks.compiled_gpt import DOTS
from tests.benchmarks.document import FRONT, README, renew, speed, table


def close(numbers: Any) -> Any:
    return pytest.approx(numbers, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("word", ["a", "otto", "maximilian"])
def test_numpy_by_hand_has_the_gradients_of_the_engine(word: str) -> None:
    pytest.importorskip("numpy", reason="NumPy is the peer")
    tokens = gpt.tokens_of(word)
    weights = gpt.parameters(Value)
    root = gpt.loss(weights, tokens, DOTS)
    root.backward()
    network = gpt_peers.ByHand()
    network.backward(gpt.tokens_of("ada"))  # whose gradient is not to be added
    assert network.backward(tokens) == close(root.data)
    for name, matrix in weights.items():
        assert network.gradients[name].tolist() == [close([weight.grad for weight in row]) for row in matrix], name


@pytest.mark.parametrize(
    ("peer", "module"),
    [
        (gpt_peers.training_by_hand, "numpy"),
        (gpt_peers.training_in_torch, "torch"),
        (partial(gpt_peers.training_in_torch, fused=True), "torch"),
    ],
)
def test_peers_train_alike(peer: Any, module: str) -> None:
    pytest.importorskip(module, reason="it is the peer")
    count = len(gpt.WORDS) + 2
    expected = list(islice(gpt.training(gpt.parameters(Value), DOTS), count))
    assert list(islice(peer(), count)) == pytest.approx(expected, rel=1e-6)


def test_networks_of_the_curve_over_sizes_train_alike() -> None:
    pytest.importorskip("numpy", reason="NumPy is a peer")
    step = sizes.in_numpy(8)
    expected = [step() for _ in range(5)]
    for work in filter(None, sizes.columns(size=200)):
        step = work(8)
        numbers = [step() for _ in range(4)]
        # Inside of fit, a first step was taken before it is measured.
        assert numbers in (pytest.approx(expected[:4], rel=1e-9), pytest.approx(expected[1:], rel=1e-9)), work


@pytest.mark.parametrize("name", list(jitted.tasks()))
def test_losses_under_jit_are_those_by_values_and_of_pytorch(name: str) -> None:
    expected = jitted.scalars(name, None)()
    assert jitted.scalars(name, "python")() == pytest.approx(expected, rel=1e-12)
    pytest.importorskip("torch", reason="PyTorch is the peer")
    assert jitted.tensors(name)() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_each_section_has_a_table_in_the_readme(name: str) -> None:
    lines = table(name)
    assert lines[2:4] == SECTIONS[name].HEADER.splitlines()
    assert lines[4].startswith("|")


def test_a_section_is_renewed_and_all_else_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    before = README.read_text("utf-8")
    copy.write_text(before, "utf-8")
    monkeypatch.setattr("tests.benchmarks.document.README", copy)
    old = table("sizes")
    renew("sizes", [r"\1 a line"])
    assert table("sizes") == [r"\1 a line"]
    renew("sizes", old)
    assert copy.read_text("utf-8") == before


def test_the_front_page_has_figures_of_the_tables() -> None:
    assert "\n".join(["", *speed(), ""]) in FRONT.read_text("utf-8")


def test_the_charts_show_the_table(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="it draws the charts")
    chart.write_charts(tmp_path)
    for file in chart.SCHEMES:
        drawn, stored = (curves_in(folder / file) for folder in (tmp_path, README.parent))
        assert set(drawn) == set(stored) == set(chart.curves())
        for name, points in drawn.items():
            assert stored[name] == pytest.approx(points, abs=3.0), name  # fonts differ, and with them the room


def curves_in(path: Path) -> dict[str, list[float]]:
    """Return the coordinates of each curve of a chart."""
    parts = re.findall(r'<g id="(\w+)">\s*<path d="(M [^"]*)"', path.read_text("utf-8"))
    return {name: [float(number) for number in re.findall(r"[\d.]+", d)] for name, d in parts if name in chart.curves()}
