"""mg.live: what its page computes, in Node, and what Python refuses to make a page of."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Module, Value
from microgrannd._text import rounded
from microgrannd.cli import main
from microgrannd.living.page import embedded, part
from microgrannd.living.structure import units_of
from tests.helpers import NASTY, Written, squash
from tests.node import literal, needs_node, run


def moons(rows: int = 30) -> tuple[list[list[float]], list[int], mg.MLP]:
    X, y = mg.data.moons(rows, noise=0.1, seed=0)
    return X, y, mg.MLP(2, [4, 1], activation="tanh", init="xavier", seed=0)


def script_of(page: Any) -> str:
    """The data and the programs of a page, without what needs a browser."""
    data = page.html.split('<script id="data" type="application/json">')[1].split("</script>")[0]
    script = page.html.split("</script>\n<script>")[1].split("</script>")[0]
    programs = script.split("// Four significant digits")[0]
    return f"{programs}\nconst data = {data};\n{part('file.js')}\n{part('training.js')}"


OPTIMIZERS = {
    "sgd": lambda ps: mg.SGD(ps, lr=0.1, momentum=0.9, max_norm=0.5),
    "adam": lambda ps: mg.Adam(ps, lr=0.05),
    "cosine": lambda ps: mg.SGD(ps, lr=mg.cosine(0.2, steps=60)),
    "table that ends": lambda ps: mg.Adam(ps, lr=[0.05 / (1 + step) for step in range(100)].__getitem__),
    "part": lambda ps: mg.RMSprop(ps[3:], lr=0.01, centered=True),
}


@needs_node
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_hundred_steps_are_those_of_fit(name: str) -> None:
    X, y, model = moons()
    loss, optimizer = mg.binary_cross_entropy_with_logits, OPTIMIZERS[name](model.parameters())
    page = mg.live(model, X, y, loss=loss, optimizer=optimizer, batch_size=7)
    found = run(f"""{script_of(page)}
    const training = new Training(data, lossProgram);
    training.shuffles = false;
    for (let k = 0; k < 20; k++) training.epoch();
    const result = [[training.steps], data.file.state.map(([, place]) => training.weights[place]), [training.loss(data.rows)]];""")
    mg.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=20, batch_size=7, shuffle=False, progress=False)
    steps, weights, (mean,) = found
    assert steps == [100]
    assert weights == pytest.approx([p.data for p in model.parameters()], rel=1e-9, abs=1e-9)
    assert '["layers.0.neurons.0.w.0",' in page.html
    expected = math.fsum(loss(Value(z), t).data for z, t in zip(model.predict(X), y, strict=True)) / len(X)
    assert mean == pytest.approx(expected, rel=1e-9)


def test_a_schedule_is_kept_as_long_as_it_changes() -> None:
    X, y, model = moons()

    def rates(lr: Any) -> list[float]:
        page = mg.live(model, X, y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=lr))
        return json.loads(page.html.split('"rates":')[1].split("]")[0] + "]")

    assert rates(0.25) == [0.25]
    assert rates(lambda step: 0.5) == [0.5]
    assert rates(mg.linear(0.4, steps=4)) == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.0], abs=1e-15)
    assert len(rates(lambda step: 1 / (1 + step))) == 10_000


@needs_node
def test_rows_are_in_their_order_again_when_they_are_no_longer_shuffled() -> None:
    X, y, model = moons()
    found = run(f"""{script_of(mg.live(model, X, y, loss=mg.mse, batch_size=7))}
    const training = new Training(data, lossProgram);
    training.step();
    const shuffled = [...training.order];
    training.shuffles = false;
    training.epoch();
    training.step();
    const result = [shuffled, training.order];""")
    assert found[0] != found[1] == sorted(found[0]) == list(range(30))


@needs_node
def test_the_model_file_is_one_of_the_library(tmp_path: Path) -> None:
    X, y, model = moons()
    rng, numbers = (
        random.Random(0),
        [0.0, -0.0, 1.0, 1e16, 123456789012345680.0, 1e22, 5e-324, 1e-5, 0.0001, 1.7976931348623157e308, -2.5],
    )
    numbers += [rng.gauss(0, 1) * 10 ** rng.randint(-30, 30) for _ in range(len(model.parameters()) - len(numbers))]
    for parameter, number in zip(model.parameters(), numbers, strict=True):
        parameter.data = number / 1e300 if abs(number) > 1e300 else number
    page = mg.live(model, X, y, loss=mg.mse)
    text = run(f"{script_of(page)}\nconst result = modelFile(data.file, data.weights);")
    (tmp_path / "model.json").write_text(text)
    loaded = mg.load(tmp_path / "model.json")
    assert [p.data for p in loaded.parameters()] == [p.data for p in model.parameters()]
    assert repr(loaded) == repr(model)


@needs_node
def test_hashes_and_numbers_as_python_writes_them() -> None:
    import hashlib

    texts = ["", "abc", "a" * 55, "b" * 56, "c" * 64, "d" * 1000]
    assert run(f"{part('file.js')}\nconst result = {literal(texts)}.map(sha256);") == [
        hashlib.sha256(text.encode()).hexdigest() for text in texts
    ]
    rng = random.Random(1)
    floats = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-320, 300) for _ in range(300)]
    floats += [10.0**n for n in range(-20, 25)] + [float(rng.getrandbits(60)) for _ in range(50)]
    assert run(f"{part('file.js')}\nconst result = {literal(floats)}.map(pythonFloat);") == list(map(repr, floats))


@needs_node
def test_numbers_are_shown_as_in_pictures() -> None:
    rng = random.Random(2)
    floats = [rng.uniform(-10, 10) * 10.0 ** rng.randint(-12, 12) for _ in range(500)]
    floats += [
        0.0,
        -0.0,
        1.0,
        -2.5,
        9999.4,
        9999.6,
        1e4,
        1e-4,
        9.99996e-5,
        math.inf,
        -math.inf,
        math.nan,
        5e-324,
        1e308,
        0.00012345,
    ]
    found = run(f"{part('numbers.js')}\nconst result = {literal(floats)}.map(shown);")
    assert found == list(map(rounded, floats))


class Own(Module):
    """Two modules of one's own, with an operation of one's own between them."""

    def __init__(self) -> None:
        self.first = [Written(2), Written(2)]
        self.last = mg.Neuron(2, nonlin=False)

    def __call__(self, row: Any) -> Value:
        return self.last([neuron(row) for neuron in self.first])


@needs_node
def test_a_model_of_ones_own_has_units_too() -> None:
    model = Own()
    page = mg.live(model, [[0.1, 0.2], [0.3, -0.4]], [0.0, 1.0], loss=lambda p, t: (p - t) ** 2)
    found = run(f"""{script_of(page)}
    const result = [data.units.map((unit) => [unit.column, unit.links.length, unit.bias === null ? 0 : 1]), viewProgram.forward([[0.1, 0.2]], data.order.map((i) => data.weights[i]))[0]];""")
    assert found[0] == [[1, 2, 1], [1, 2, 1], [2, 2, 1]]
    assert found[1][0] == pytest.approx(model.predict([[0.1, 0.2]])[0], rel=1e-12)
    assert found[1][1] == pytest.approx(model.first[0]([0.1, 0.2]).data, rel=1e-12)


class Twice(Module):
    """A neuron that is used twice."""

    def __init__(self) -> None:
        self.cell, self.last = mg.Neuron(2, activation="tanh"), mg.Neuron(1, nonlin=False)

    def __call__(self, row: Any) -> Value:
        return self.last([self.cell([self.cell(row), row[0]])])


def test_a_model_whose_neurons_are_used_several_times_is_not_drawn_as_columns() -> None:
    page = mg.live(Twice(), [[0.1, 0.2], [0.3, -0.4]], [0.0, 1.0], loss=mg.mse)
    assert '"units":[]' in page.html


class Gained(Written):
    """A neuron with a gain, which is no bias."""

    def __init__(self, nin: int) -> None:
        super().__init__(nin)
        self.gain = Value(2.0)

    def __call__(self, x: Any) -> Value:
        return self.gain * super().__call__(x)


class Several(Written):
    """A neuron of two sums."""

    def __call__(self, x: Any) -> Value:
        return mg.tanh(self.w[0] * x[0]) + mg.tanh(self.w[1] * x[1] + self.b)


@pytest.mark.parametrize(("kind", "count"), [(mg.Neuron, 1), (Written, 1), (Gained, 0), (Several, 0)])
def test_only_functions_of_one_sum_are_units(kind: Any, count: int) -> None:
    X = [[0.1, 0.2], [0.3, -0.4]]
    inputs = [Value(0.5), Value(0.25)]
    model = kind(2)
    units = units_of([model(inputs)], inputs, model)
    assert len(units) == count
    for unit in units:
        assert [link.source for link in unit.links] == inputs
        assert [link.weight for link in unit.links] == model.w
        assert unit.bias is model.b
    assert len(mg.live(model, X, [0.0, 1.0], loss=mg.mse).html) > 1000


def test_several_classes_are_one_hot_or_indices_and_inputs_have_names() -> None:
    X, y = mg.data.spirals(30, seed=0)
    model = mg.MLP(2, [3, 3], seed=0)
    page = mg.live(model, X, y, loss=mg.cross_entropy, names=["<u>", "x"], classes=NASTY[:3], validation=0.2)
    assert "<u>" not in page.html
    assert page.html.count("<script") == 2
    assert 'sandbox="allow-scripts' in page._repr_html_()
    assert repr(page).startswith("a page, MLP, 21 parameters, 24 rows")


def test_data_cannot_end_the_element_and_may_be_infinite() -> None:
    assert embedded({"a": ["</script>", math.inf, -math.inf, math.nan, 1]}) == (
        '{"a":["\\u003c/script>",{"special":"Infinity"},{"special":"-Infinity"},{"special":"NaN"},1]}'
    )


class Named(Module):
    """With a parameter that has the name of a type."""

    def __init__(self) -> None:
        self.float = Value(1.5)
        self.NaN = Value(2.5)

    def __call__(self, row: Any) -> Value:
        return self.float * row[0] + self.NaN


@needs_node
def test_a_parameter_may_have_any_name(tmp_path: Path) -> None:
    page = mg.live(Named(), [[0.1], [0.3]], [0.0, 1.0], loss=mg.mse)
    (tmp_path / "model.json").write_text(
        run(f"{script_of(page)}\nconst result = modelFile(data.file, [7, 8].slice(0, data.weights.length));")
    )
    loaded = mg.load(tmp_path / "model.json", into=Named())
    assert sorted([loaded.float.data, loaded.NaN.data]) == [7.0, 8.0]


class Picked(Module):
    """A model that needs whole numbers."""

    def __init__(self) -> None:
        self.table, self.last = mg.Embedding(4, 2), mg.Neuron(2, nonlin=False)

    def __call__(self, row: Any) -> Value:
        return self.last(self.table(row[0]))


def test_what_is_drawn_is_recorded_at_a_row_not_elsewhere() -> None:
    page = mg.live(Picked(), [[i % 4] for i in range(8)], [float(i % 4) for i in range(8)], loss=mg.mse)
    assert "lookup" in page.html


@pytest.mark.parametrize(
    ("targets", "kind"),
    [([0, 1, 1], "classes"), ([0, 1, 2], "numbers"), ([-1, 0, 1], "numbers"), ([0.5, 0, 1], "numbers")],
)
def test_only_indices_of_outputs_are_classes(targets: list[float], kind: str) -> None:
    page = mg.live(
        mg.MLP(1, [2]), [[0.1], [0.2], [0.3]], targets, loss=lambda p, t: p[1] + (p[0] - t) ** 2 * mg.exp(-p[1])
    )
    assert f'"kind":"{kind}"' in page.html


class Mapped(Module):
    """An operation of one's own after so many neurons that the program is rolled."""

    def __init__(self, own: Any) -> None:
        self.own, self.first, self.last = own, mg.MLP(2, [200], seed=0), mg.Neuron(200, nonlin=False)

    def __call__(self, row: Any) -> Value:
        return self.last([self.own(v) for v in self.first(row)])


def test_the_name_of_an_operation_cannot_end_the_script() -> None:
    def own(x: Any) -> Any:
        """Square."""

    own.__name__ = own.__qualname__ = "a</SCRIPT><ScRipt><!--"
    page = mg.live(Mapped(mg.rule("x * x", dx="2 * x")(own)), [[0.1, 0.2]], [1.0], loss=mg.mse)
    assert "SCRIPT>" in page.html
    assert page.html.lower().count("</script") == page.html.lower().count("<script") == 2
    assert page.html.count("<!--") == 0


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda m, X, y: mg.live(m), TypeError, r"live of a model needs X, y and loss="),
    (lambda m, X, y: mg.live(m, X, y), TypeError, r"live of a model needs X, y and loss="),
    (lambda m, X, y: mg.live("m", X, y, loss=mg.mse), TypeError, r"live needs a Module as model, or a Value, got 'm'"),
    (lambda m, X, y: mg.live(Value(1.0), X, y), TypeError, r"live of an expression needs nothing but its result"),
    (lambda m, X, y: mg.live(Value(1.0) * 2, classes=["a"]), TypeError, r"live of an expression needs nothing but its result"),
    (lambda m, X, y: mg.live(Value(1.0) * 2, title=5), TypeError, r"title needs to be a text, got 5"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, names="ab"), TypeError, r"names needs to be a list of texts, got 'ab'"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, names=["a"]), ValueError, r"names needs one for each of 2 inputs, got 1"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, classes=None), TypeError, r"classes needs to be a list of texts, got None"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, classes=["a"]), ValueError, r"classes needs one for each of 2 classes, got 1"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, seed="a"), TypeError, r"seed needs to be a whole number or None, got 'a'"),
    (lambda m, X, y: mg.live(m, X[:3], y, loss=mg.mse), ValueError, r"got 3 rows and 30 targets"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, batch_size=0), ValueError, r"batch_size"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, optimizer="adam"), TypeError, r"live needs an optimizer with formulas"),
    (lambda m, X, y: mg.live(m, X, y, loss=mg.mse, optimizer=mg.SGD([Value(1.0)], 0.1)), ValueError, r"no parameter of the optimizer"),
    (lambda m, X, y: mg.live(m, [[1.0], *X[1:]], y, loss=mg.mse), ValueError, r"rows of one length"),
    (lambda m, X, y: mg.live(m, [[], []], [1.0, 2.0], loss=mg.mse), ValueError, r"rows of at least one number"),
    (lambda m, X, y: mg.live(m, X, y, loss=lambda p, t: squash(p - t)), ValueError, r"squash calls own, which has no counterpart"),
    (lambda m, X, y: mg.live(m, X, y, loss=lambda p, t: (p - t) * random.random()), ValueError, r"it draws random numbers"),
    (lambda m, X, y: mg.live(m, X, [5] * 30, loss=mg.binary_cross_entropy_with_logits), ValueError, r"target from 0 to 1"),
    (lambda m, X, y: mg.live(mg.sum([mg.tanh(Value(0.1)) for _ in range(400)])), ValueError, r"at most 300 operations"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), REFUSED)
def test_what_cannot_be_a_page_is_refused(make: Any, error: type[Exception], message: str) -> None:
    X, y, model = moons()
    with pytest.raises(error, match=message):
        make(model, X, y)


def test_the_page_is_small_and_the_model_unchanged(tmp_path: Path) -> None:
    X, y = mg.data.moons(200, seed=0)
    model = mg.MLP(2, [8, 8, 1], activation="tanh", seed=0)
    before = model.state_dict()
    page = mg.live(model, X, y, loss=mg.binary_cross_entropy_with_logits)
    assert len(page.html) < 150_000
    assert model.state_dict() == before
    assert all(p.grad == 0.0 for p in model.parameters())
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page.html


def test_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["live", "xor", "--hidden", "3", "--lr", "0.2"]) == 0
    assert "page written to page.html" in capsys.readouterr().out
    assert main(["live", "tanh(w*x + b)", "w=0.5", "x=2", "b=-1", "-o", "e.html"]) == 0
    assert main(["live", "-o", "m.html", "-w*w", "w=0.5"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "e.html", "m.html"}
    for arguments in (
        ["missing.csv"],
        ["missing.tsv"],
        ["moons", "w=1"],
        ["w*w", "w=1", "-o", "a.txt"],
        ["moons", "-o", "no/a.html"],
        ["w"],
    ):
        capsys.readouterr()
        assert main(["live", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") <= 3
