"""What a model says of itself: one line, a table, its parts; and how good it is."""

from __future__ import annotations

import random
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value


class Tagger(mg.Module):
    """With a table, a cell, a shared layer, and numbers of its own."""

    def __init__(self) -> None:
        self.words = mg.Embedding(5, 3, seed=0)
        self.inner = mg.MLP(3, [4, 2], seed=0)
        self.again = self.inner
        self.scale, self.shifts = Value(1.0), [Value(0.0), Value(0.0)]

    def __call__(self, x: Any) -> Any:
        return [y * self.scale + shift for y, shift in zip(self.inner(self.words(x[0])), self.shifts, strict=True)]


def test_a_table_of_layers_counts_each_parameter_once() -> None:
    model = Tagger()
    lines = str(model.summary()).splitlines()
    assert [line.split()[0] for line in lines] == [
        "name",
        "model",
        "words",
        "inner.layers.0",
        "inner.layers.1",
        "total",
    ]
    assert [int(line.split()[-1]) for line in lines[1:]] == [3, 15, 16, 10, 44]
    assert len({len(line) for line in lines}) == 1
    assert repr(model.summary()) == str(model.summary())
    assert str(model) == "Tagger(words=Embedding(5, 3), inner=MLP(3, [4, 2], activation='relu')): 44 parameters"


@pytest.mark.parametrize(
    "model",
    [mg.Neuron(2), mg.Layer(2, 3), mg.MLP(2, [3, 1]), mg.Embedding(4, 2), mg.Sequential(mg.Layer(2, 1)), mg.Module()],
)
def test_every_total_is_the_number_of_parameters(model: mg.Module) -> None:
    assert int(str(model.summary()).split()[-1]) == len(model.parameters())
    assert "\n" not in str(model)
    assert len(repr(model)) <= 100


def test_a_long_repr_is_cut() -> None:
    class Many(mg.Module):
        def __init__(self) -> None:
            self.first, self.second, self.third = (mg.MLP(2, [3, 3, 1], activation="tanh") for _ in range(3))

    assert repr(Many()) == "Many(…)"


def test_networks_are_sequences_of_their_parts() -> None:
    model = mg.MLP(2, [3, 1], seed=0)
    assert len(model) == 2
    assert list(model) == [model[0], model[1]] == model.layers
    assert len(model[0]) == 3
    assert list(model[0]) == [model[0][n] for n in range(3)] == model[0].neurons
    assert model[-1][0] is model.layers[1].neurons[0]


def test_sequential_takes_a_list_too() -> None:
    layer = mg.Layer(2, 1)
    assert list(mg.Sequential([layer])) == list(mg.Sequential(layer)) == [layer]


def test_a_layer_of_one_seed_has_the_same_weights() -> None:
    first, second, other = (mg.Layer(2, 3, seed=seed) for seed in (1, 1, 2))
    assert first.state_dict() == second.state_dict() != other.state_dict()
    state = random.getstate()
    mg.Layer(2, 3, seed=0)
    assert random.getstate() == state
    assert mg.Layer(2, 3, rng=random.Random(1)).state_dict() == first.state_dict()


def test_sequential_is_its_parts_one_after_the_other() -> None:
    model = mg.Sequential(mg.Layer(2, 3, activation="tanh"), mg.Layer(3, 2, nonlin=False), mg.softmax)
    first, second, _ = model
    row = [0.5, -1.0]
    assert [y.data for y in model(row)] == [y.data for y in mg.softmax(second(first(row)))]
    assert len(model.parameters()) == 9 + 8
    assert repr(model) == "Sequential(Layer(2, 3, activation='tanh'), Layer(3, 2, nonlin=False), softmax)"
    for parts, got in [
        ((), "none"),
        ((mg.Layer(2, 1), "tanh"), "'tanh' .* as part 1"),
        ((mg.Dropout,), "Dropout.* as part 0"),
    ]:
        with pytest.raises(TypeError, match=f"Sequential needs modules or functions, as Sequential.*got .*{got}"):
            mg.Sequential(*parts)


def test_sequential_is_saved_and_loaded_into_one_of_its_form(tmp_path: Any) -> None:
    made = [mg.Sequential(mg.Layer(2, 2, activation="gelu"), lambda xs: xs[0]) for _ in range(2)]
    mg.save(made[0], tmp_path / "model.json")
    with pytest.raises(mg.nn.saving.FileError, match=r"make such a module and load\(path, into=it\)"):
        mg.load(tmp_path / "model.json")
    mg.load(tmp_path / "model.json", into=made[1])
    assert made[1].state_dict() == made[0].state_dict()


def test_a_module_without_a_call_says_what_it_needs() -> None:
    class Empty(mg.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty needs a method __call__\(self, x\)"):
        Empty()([1.0])


def test_predictions_of_numbers_and_of_one_row() -> None:
    model = mg.MLP(1, [1], seed=0)
    assert model.predict([1.0, 2.0]) == model.predict([[1.0], [2.0]])
    with pytest.raises(TypeError, match=r"predict takes rows, as predict\(\[row\]\) for a single one; 1.0 is no row"):
        mg.MLP(2, [1]).predict([1.0, 2.0])


def test_evaluate_gives_the_mean_loss_and_metrics() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
    X, y = mg.data.moons(20, noise=0.1, seed=0)
    found = model.evaluate(X, y, loss=mg.mse, metrics={"accuracy": mg.accuracy})
    with mg.no_grad():
        assert found["loss"] == pytest.approx(sum(mg.mse(model(row), t).data for row, t in zip(X, y, strict=True)) / 20)
    assert found["accuracy"] == sum((p > 0) == t for p, t in zip(model.predict(X), y, strict=True)) / 20
    with pytest.raises(TypeError, match=r"^evaluate needs loss= or metrics="):
        model.evaluate(X, y)
    with pytest.raises(TypeError, match=r"^loss needs to be a function .*, got 'mse' \(str\): use mg\.mse$"):
        model.evaluate(X, y, loss="mse")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="X and y need a target for each row"):
        model.evaluate(X, y[:-1], loss=mg.mse)


def test_a_value_shows_its_label() -> None:
    assert repr(Value(1.5)) == "Value(data=1.5, grad=0.0)"
    assert repr(Value(1.5, "w")) == "Value(data=1.5, grad=0.0, label='w')"
    assert len(repr(Value(1.5, "x" * 1000))) < 120
    assert "\x1b" not in repr(Value(1.5, "\x1b[31m"))
