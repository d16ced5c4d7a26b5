"""Plots: asserted by what is on the Axes."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, _charts, plot

matplotlib = pytest.importorskip("matplotlib", reason="the extra microgrannd[plot] is not installed")
np = pytest.importorskip("numpy", reason="matplotlib's arrays")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="the extra microgrannd[plot] is not installed")

X, Y = mg.data.moons(40, noise=0.1, seed=0)


@pytest.fixture(autouse=True)
def small_and_none_left(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(plot, "STEPS", 40)
    yield
    plt.close("all")


def network(outputs: int = 1, **options: Any) -> mg.MLP:
    return mg.MLP(2, [4, outputs], seed=0, **{"activation": "tanh", **options})


def history(loss: list[float], validation: list[float] | None = None) -> mg.History:
    return mg.History(loss, validation or [], [0.0] * len(loss))


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []


# Where it is drawn

DRAWINGS = {
    "loss": lambda **options: plot.loss(history([2.0, 1.0], [3.0, 1.0]), **options),
    "decision_boundary": lambda **options: plot.decision_boundary(network(), X, Y, **options),
    "gradient_flow": lambda **options: plot.gradient_flow(network(), **options),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_each_plot_draws_on_the_given_axes_or_on_a_new_figure_and_returns_them(name: str) -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert DRAWINGS[name](ax=right) is right
    assert not left.has_data()
    figures = len(plt.get_fignums())
    assert isinstance(DRAWINGS[name](), matplotlib.axes.Axes)
    assert len(plt.get_fignums()) == figures + 1
    DRAWINGS[name]().figure.canvas.draw()


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_matplotlib_one_line_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_charts, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"mg.plot needs matplotlib: pip install 'microgrannd\[plot\]'"):
        DRAWINGS[name]()


def test_importing_the_library_imports_no_matplotlib() -> None:
    code = "import sys, microgrannd as mg; mg.plot.loss; print({'matplotlib', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# Losses


def test_losses_are_drawn_epoch_by_epoch() -> None:
    ax = plot.loss(history([2.0, 1.5, 1.0], [3.0, 2.5, 2.0]))
    training, validation, best = ax.get_lines()
    assert training.get_xydata().tolist() == [[1, 2.0], [2, 1.5], [3, 1.0]]
    assert validation.get_xydata().tolist() == [[1, 3.0], [2, 2.5], [3, 2.0]]
    assert best.get_xydata().tolist() == [[3, 2.0]]
    assert legend(ax) == ["training", "validation", "best: epoch 3"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    assert legend(plot.loss(history([1.0, 2.0]))) == ["training", "best: epoch 1"]


def test_several_histories_share_the_axes() -> None:
    histories = {"sgd": history([2.0, 1.0, 1.5]), "$a$": history([3.0, 2.0], [2.0, 2.5])}
    ax = plot.loss(histories)
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    assert legend(ax) == ["sgd, training", r"\$a\$, training", r"\$a\$, validation", "best epoch"]
    assert [line.get_linestyle() for line in lines[:-1]] == ["-", "-", "--"]
    best = [line.get_xydata().tolist() for line in ax.get_lines() if line not in lines]
    assert best == [[[2, 1.0]], [[1, 2.0]]]
    assert legend(plot.loss({"a": history([1.0]), "b": history([2.0])})) == ["a", "b", "best epoch"]
    ax.figure.canvas.draw()
    with pytest.raises(TypeError, match=r"plot.loss needs the History that fit returns, got history\['a'\]: 3 \(int\)"):
        plot.loss({"a": 3})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"plot.loss needs at least one History, got none"):
        plot.loss({})


def test_a_history_draws_itself() -> None:
    known = history([2.0, 1.0, 1.5])
    assert known.best_epoch == 2
    drawn, by_function = known.plot(), plot.loss(known)
    assert [line.get_xydata().tolist() for line in drawn.get_lines()] == [
        line.get_xydata().tolist() for line in by_function.get_lines()
    ]
    assert history([]).best_epoch is None
    assert history([math.nan, 1.0]).best_epoch == 2
    diverged = history([math.nan, math.inf])
    assert diverged.best_epoch is None
    assert "best" not in repr(diverged)
    assert not any(line.get_label().startswith("best") for line in diverged.plot().get_lines())


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([1.0, 0.5], "linear"), ([1.0, 0.01], "log"), ([1.0, 0.0], "linear"), ([1.0, -0.01], "linear"), ([], "linear")],
)
def test_the_axis_is_logarithmic_where_losses_span_decades_and_can_be(losses: list[float], scale: str) -> None:
    ax = plot.loss(history(losses))
    assert ax.get_yscale() == scale
    ax.figure.canvas.draw()


def test_the_loss_of_a_single_epoch_can_be_seen() -> None:
    assert plot.loss(history([1.0])).get_lines()[0].get_marker() == "o"


# Classes of a plane


def regions(ax: Any) -> Any:
    return ax.collections[0].get_array()


def grid(ax: Any) -> list[list[float]]:
    mesh = ax.collections[0].get_coordinates()
    centers = (mesh[:-1, :-1] + mesh[1:, 1:]) / 2
    return centers.reshape(-1, 2).tolist()


@pytest.mark.parametrize(("activation", "threshold"), [("linear", 0.0), ("sigmoid", 0.5), ("sigmoid", 0.55)])
def test_the_regions_of_one_output_are_those_above_and_below_the_threshold(activation: str, threshold: float) -> None:
    model = network(output_activation=activation)
    ax = plot.decision_boundary(model, X, Y, threshold=threshold)
    expected = [output > threshold for output in model.predict(grid(ax))]
    assert regions(ax).ravel().tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_the_regions_of_several_outputs_are_those_of_the_largest() -> None:
    rows, classes = mg.data.spirals(60)
    model = network(outputs=3)
    ax = plot.decision_boundary(model, rows, classes)
    assert regions(ax).ravel().tolist() == [output.index(max(output)) for output in model.predict(grid(ax))]
    assert legend(ax) == ["class 0", "class 1", "class 2"]


def test_the_boundary_is_where_a_linear_model_changes_its_sign() -> None:
    model = mg.Neuron(2, nonlin=False)
    model.load_state_dict({"w.0": 1.0, "w.1": 2.0, "b": -0.5})
    ax = plot.decision_boundary(model, X, Y)
    line = np.concatenate([path.vertices for path in ax.collections[1].get_paths()])
    assert np.abs(line @ [1.0, 2.0] - 0.5).max() < 1e-12


def test_the_legend_hides_no_row_even_where_they_are_in_the_corners() -> None:
    X, y = mg.data.xor()
    ax = plot.decision_boundary(network(), X, y)
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert not any(legend.contains(*ax.transData.transform(row)) for row in X)


def test_all_rows_are_inside_and_shown_with_their_class() -> None:
    ax = plot.decision_boundary(network(), X, Y)
    points = [collection for collection in ax.collections if collection.get_label().startswith("class")]
    for label, collection in enumerate(points):
        assert collection.get_offsets().tolist() == [row for row, y in zip(X, Y, strict=True) if y == label]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left < a < right and bottom < b < top for a, b in X)
    assert len({collection.get_paths()[0].vertices.tobytes() for collection in points}) == 2  # markers differ too


@pytest.mark.parametrize(
    ("outputs", "y", "names"),
    [
        (1, [0, 1] * 20, ["class 0", "class 1"]),
        (1, [-1, 1.0] * 20, ["class -1", "class 1"]),
        (1, [[0], [1]] * 20, ["class 0", "class 1"]),
        (1, np.array([True, False] * 20), ["class 0", "class 1"]),
        (1, [1] * 40, ["class 1"]),
        (3, [0, 2] * 20, ["class 0", "class 2"]),
        (2, [[0, 1], [1, 0]] * 20, ["class 0", "class 1"]),
    ],
)
def test_classes_come_in_the_forms_that_the_losses_take(outputs: int, y: Any, names: list[str]) -> None:
    assert legend(plot.decision_boundary(network(outputs), np.array(X), y)) == names


def test_ten_classes_have_ten_pairs_of_colour_and_marker() -> None:
    ax = plot.decision_boundary(network(outputs=10), X[:10], list(range(10)))
    points = [collection for collection in ax.collections if collection.get_label().startswith("class")]
    looks = [(tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes()) for c in points]
    assert len(points) == len(set(looks)) == 10


def test_a_model_that_gives_one_class_to_all_and_rows_that_coincide_can_be_drawn() -> None:
    model = network()
    for parameter in model.parameters():
        parameter.data = 0.0
    ax = plot.decision_boundary(model, [[1.0, 2.0]] * 2, [0, 1])
    assert not regions(ax).any()
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.loss([1.0]), TypeError, r"plot.loss needs the History that fit returns, got \[1.0\]"),
        (lambda: plot.decision_boundary(network(), [[1.0]], [0]), ValueError, "needs rows of two columns, got 1"),
        (lambda: plot.decision_boundary(network(), [[1.0, 2.0, 3.0]], [0]), ValueError, "two columns, got 3"),
        (lambda: plot.decision_boundary(network(), X, Y[1:]), ValueError, "got 40 rows and 39 targets"),
        (lambda: plot.decision_boundary(network(), [], []), ValueError, "at least one row, got 0 rows"),
        (lambda: plot.decision_boundary(network(), [["a", 1.0]], [0]), TypeError, r"X\[0\]\[0\] needs a real number"),
        (lambda: plot.decision_boundary(network(), [[1, 2]], [2]), ValueError, r"y\[0\] needs to be 0 or 1 \(or -1 or"),
        (lambda: plot.decision_boundary(network(), X[:3], [-1, 0, 1]), ValueError, "y needs to be of 0 and 1, or"),
        (
            lambda: plot.decision_boundary(network(3), [[1, 2]], [3]),
            ValueError,
            "a class from 0 to 2, or a one-hot row of 3",
        ),
        (lambda: plot.decision_boundary(network(3), [[1, 2]], [[1, 0]]), ValueError, r"got \[1.0, 0.0\] \(list\)"),
        (lambda: plot.gradient_flow([1.0]), TypeError, "gradient_report needs a Module"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_no_figure(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == []


# Gradients


def test_the_bars_are_the_reports_means_and_largest_on_a_logarithmic_axis() -> None:
    model = network()
    mg.mse([model(row) for row in X], Y).backward()
    ax = plot.gradient_flow(model)
    sizes = [layer.gradient for layer in mg.gradient_report(model).layers]
    means, largest = ([bar.get_height() for bar in container] for container in ax.containers)
    assert means == [size.mean for size in sizes]
    assert largest == [size.largest for size in sizes]
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] < min(means)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layers.0", "layers.1"]
    assert legend(ax) == ["mean", "largest"]


def test_what_no_logarithmic_axis_can_show_is_written_in_the_place_of_its_bars() -> None:
    model = mg.MLP(2, [2, 2, 2, 1], seed=0)
    for layer, gradient in zip(model.layers, [0.0, math.nan, -math.inf, 2.0], strict=True):
        for parameter in layer.parameters():
            parameter.grad = gradient
    ax = plot.gradient_flow(model)
    assert [(text.get_position()[0], text.get_text()) for text in ax.texts] == [(0, "0"), (1, "nan"), (2, "inf")]
    assert [len(container) for container in ax.containers] == [1, 1]


def test_without_gradients_the_plot_says_so() -> None:
    ax = plot.gradient_flow(network())
    assert "call backward() first" in ax.get_title()
    assert ax.get_yscale() == "linear"


SIZES = st.one_of(st.sampled_from([0.0, math.nan, math.inf]), st.floats(1e-100, 1e100))


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(st.text(st.characters(codec="ascii")), SIZES), min_size=1, max_size=3))
def test_no_name_and_no_gradient_breaks_the_drawing(layers: list[tuple[str, float]]) -> None:
    model = mg.Module()
    for name, gradient in [("a$\\frac{$\n", 1e9), ("b" * 10_000, 1e-9), *layers]:
        parameter = vars(model)[name.replace(".", "")] = Value(1.0)  # names with dots are refused
        parameter.grad = gradient
    figure = matplotlib.figure.Figure(layout="constrained")
    plot.gradient_flow(model, ax=figure.subplots())
    figure.draw_without_rendering()
