"""Dropout in fit: the same masks recorded and by programs, on workers and after a stop; off where nothing is trained."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd._files import FileError
from microgrannd.training.compiling import learner_for
from microgrannd.training.gradients import Compiled

X, Y = mg.data.moons(90, noise=0.2, seed=0)
LOSS = mg.binary_cross_entropy_with_logits


def network(p: float = 0.3) -> mg.Sequential:
    rng = random.Random(0)
    return mg.Sequential(
        mg.Dropout(p / 3), mg.Layer(2, 6, activation="tanh", rng=rng), mg.Dropout(p), mg.Layer(6, 1, nonlin=False, rng=rng)
    )  # fmt: skip


def trained(
    model: mg.Module | None = None, make: Any = mg.Adam, rows: Any = X, targets: Any = Y, **options: Any
) -> tuple[mg.Module, mg.History]:
    model = model or network()
    optimizer = make(model.parameters(), lr=0.02)
    settings = {"loss": LOSS, "epochs": 4, "batch_size": 16, "seed": 3, "progress": False, **options}
    return model, mg.fit(model, rows, targets, optimizer=optimizer, **settings)


def numbers(found: tuple[mg.Module, mg.History]) -> list[float]:
    model, history = found
    return [*model.state_dict().values(), *history.loss, *history.validation_loss, *history.metrics.get("accuracy", [])]


def bits(found: tuple[mg.Module, mg.History]) -> list[str]:
    return [number.hex() for number in numbers(found)]


@pytest.mark.parametrize(
    "options", [{}, {"validation": 0.3, "metrics": {"accuracy": mg.accuracy}}, {"batch_size": None}]
)
def test_recorded_and_by_programs_it_is_the_same(options: dict[str, Any]) -> None:
    expected = numbers(trained(compile=False, **options))
    assert numbers(trained(**options)) == pytest.approx(expected, rel=1e-10)
    assert expected != pytest.approx(numbers(trained(network(0.0), compile=False, **options)), rel=1e-3)


def test_by_numba_it_is_the_same() -> None:
    pytest.importorskip("numba", reason="numba as a backend")
    assert numbers(trained(compile="numba")) == pytest.approx(numbers(trained()), rel=1e-10)


def test_the_masks_are_those_of_a_loop_of_ones_own() -> None:
    """Without shuffling, in one batch: `Dropout.on` has the masks of fit."""
    model, history = trained(make=mg.SGD, shuffle=False, batch_size=None, compile=False)
    own = network()
    optimizer, losses = mg.SGD(own.parameters(), lr=0.02), []
    for epoch in range(1, 5):
        found = []
        for number, (row, target) in enumerate(zip(X, Y, strict=True)):
            with mg.Dropout.on(number, epoch, seed=3):
                found.append(LOSS(own(row), target))
        loss = mg.mean(found)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    assert history.loss == pytest.approx(losses, rel=1e-12)
    assert list(model.state_dict().values()) == pytest.approx(list(own.state_dict().values()), rel=1e-12)


def test_every_epoch_has_other_masks_and_every_seed() -> None:
    """With a rate of 0 nothing else changes."""
    options = {"make": lambda parameters, lr: mg.SGD(parameters, lr=0.0), "shuffle": False, "epochs": 6}
    first, second = (trained(seed=seed, **options)[1].loss for seed in (0, 1))
    assert len({*first, *second}) == 12
    _, history = trained(validation=(X, Y), metrics={"accuracy": mg.accuracy}, **options)
    assert len(set(history.validation_loss)) == len(set(history.metrics["accuracy"])) == 1
    expected = network().evaluate(X, Y, loss=LOSS, metrics={"accuracy": mg.accuracy})
    assert history.validation_loss[0] == pytest.approx(expected["loss"], rel=1e-12)
    assert history.metrics["accuracy"][0] == history.metrics["validation_accuracy"][0] == expected["accuracy"]


def test_the_order_of_rows_and_the_size_of_batches_change_no_mask() -> None:
    options = {"make": lambda parameters, lr: mg.SGD(parameters, lr=0.0)}
    losses = [
        trained(shuffle=shuffle, batch_size=size, **options)[1].loss for shuffle in (True, False) for size in (7, 90)
    ]
    for other in losses[1:]:
        assert other == pytest.approx(losses[0], rel=1e-12)


@pytest.mark.desktop
@pytest.mark.parametrize("options", [{}, {"validation": 0.2}, {"make": mg.SGD}])
def test_workers_keep_the_bits(options: dict[str, Any]) -> None:
    with ThreadPoolExecutor(1) as executor:
        assert bits(trained(batch_size=80, executor=executor, **options)) == bits(trained(batch_size=80, **options))


@pytest.mark.parametrize("compile", [True, False, "numba"])
def test_a_run_that_goes_on_keeps_the_bits(tmp_path: Path, compile: bool | str) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    options = {"checkpoint": tmp_path / "run.json", "resume": True, "compile": compile}
    trained(epochs=2, **options)
    assert bits(trained(**options)) == bits(trained(compile=compile))


def test_a_run_without_a_seed_goes_on_with_the_one_in_its_checkpoint(tmp_path: Path) -> None:
    trained(epochs=2, seed=None, checkpoint=tmp_path / "0.json")
    copyfile(tmp_path / "0.json", tmp_path / "1.json")
    first, second = (bits(trained(seed=None, checkpoint=tmp_path / f"{n}.json", resume=True)) for n in range(2))
    assert first == second


def test_a_run_does_not_go_on_with_another_probability(tmp_path: Path) -> None:
    trained(epochs=2, checkpoint=tmp_path / "run.json")
    with pytest.raises(FileError, match="a checkpoint of another model: the graph of the loss"):
        trained(network(0.2), checkpoint=tmp_path / "run.json", resume=True)


def test_nor_where_each_row_is_recorded(tmp_path: Path) -> None:
    trained(checkpoint=tmp_path / "run.json", epochs=1, compile=False)
    trained(checkpoint=tmp_path / "run.json", epochs=2, compile=False, resume=True)
    with pytest.raises(
        FileError, match=r"a checkpoint of another model: parts\.0 was Dropout\(0\.1\), is Dropout\(0\.2\)"
    ):
        trained(network(0.6), checkpoint=tmp_path / "run.json", epochs=3, compile=False, resume=True)
    other = network()
    other.parts[1] = mg.Layer(2, 6, activation="relu")
    with pytest.raises(FileError, match=r"a checkpoint of another model: parts\.1 was .*tanh"):
        trained(other, checkpoint=tmp_path / "run.json", epochs=3, compile=False, resume=True)


@pytest.mark.parametrize("change", ["p", "activation", "loss"])
def test_what_a_callback_changes_behind_the_programs_back_is_an_error(change: str) -> None:
    def changed(**options: Any) -> tuple[mg.Module, mg.History]:
        model, weight = network(), [0.0]

        def callback(epoch: int, history: mg.History) -> None:
            if change == "p":
                model[2].p += 0.1
            elif change == "activation":
                for neuron in model[1]:
                    neuron.activation = "relu"
            else:
                weight[0] += 0.1

        return trained(model, loss=lambda p, t: LOSS(p, t) + weight[0] * p * p, callback=callback, **options)

    expected = numbers(changed(compile=False))
    assert expected != pytest.approx(numbers(trained(compile=False)), rel=1e-3)
    with pytest.raises(ValueError, match=r"after epoch 1, the model or the loss has changed .*: give compile=False"):
        changed()
    assert numbers(changed(epochs=1)) == pytest.approx(numbers(changed(epochs=1, compile=False)))


@pytest.mark.parametrize("compile", [True, False])
def test_a_callback_may_change_a_number_of_the_loss_that_a_value_holds(compile: bool) -> None:
    weight = Value(0.0)

    def callback(epoch: int, history: mg.History) -> None:
        weight.data += 0.1

    found = numbers(trained(loss=lambda p, t: LOSS(p, t) + weight * p * p, callback=callback, compile=compile))
    weight.data = 0.0
    assert found == pytest.approx(
        numbers(trained(loss=lambda p, t: LOSS(p, t) + weight * p * p, callback=callback, compile=False)), rel=1e-10
    )
    assert found != pytest.approx(numbers(trained()), rel=1e-3)


class Depth(mg.Module):
    """Leaves out a layer, not only its numbers, by a branch on a mask."""

    def __init__(self, p: float) -> None:
        self.inside, self.gate = network(0.0), mg.Dropout(p)

    def __call__(self, x: Any) -> Any:
        return self.inside(x) if self.gate(1.0) > 0 else self.inside(x) * 0.5


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_a_branch_on_a_mask_is_recorded_for_each_row(p: float) -> None:
    with pytest.warns(UserWarning, match="the loss of a row cannot be compiled"):
        found = trained(Depth(p))
    assert bits(found) == bits(trained(Depth(p), compile=False))


def test_rows_of_several_structures_have_masks_of_their_own() -> None:
    class Mean(mg.Module):
        def __init__(self) -> None:
            self.w, self.b, self.dropout = Value(0.5), Value(0.1), mg.Dropout(0.5)

        def __call__(self, row: Any) -> Value:
            return mg.mean(self.dropout([mg.tanh(self.w * x) for x in row])) + self.b

    rows = [[0.5 + n] * (1 + n % 3) for n in range(30)]
    options = {"rows": rows, "targets": [0.0] * 30, "loss": mg.mse, "batch_size": 10}
    expected = numbers(trained(Mean(), compile=False, **options))
    assert numbers(trained(Mean(), **options)) == pytest.approx(expected, rel=1e-10)


def of_classes(compile: bool) -> list[float]:
    """The losses of a training of three classes by two optimisers."""
    rng = random.Random(0)
    first, second = mg.Layer(2, 5, activation="tanh", rng=rng), mg.Layer(5, 3, nonlin=False, rng=rng)
    model = mg.Sequential(first, mg.Dropout(0.4), second)
    history = mg.fit(
        model, X, [int(x[0] > 0) + int(x[1] > 0) for x in X], loss=mg.cross_entropy, seed=0, epochs=3, batch_size=20,
        optimizer=[mg.Adam(first.parameters(), lr=0.01), mg.SGD(second.parameters(), lr=0.1)], progress=False,
        compile=compile,
    )  # fmt: skip
    return history.loss


def test_classes_and_several_optimizers() -> None:
    assert of_classes(compile=True) == pytest.approx(of_classes(compile=False), rel=1e-10)


def test_it_is_compiled_and_needs_no_row_number_where_nothing_is_dropped() -> None:
    rows = [(tuple(row), target) for row, target in zip(X, Y, strict=True)]
    for p, cells in ((0.3, 4), (0.0, 3)):
        learner = learner_for(network(p), LOSS, rows)
        assert isinstance(learner, Compiled)
        assert len(learner.ready(rows)[0].cells) == cells


def test_a_rate_is_found_with_masks_and_leaves_all_as_before() -> None:
    model = network()
    before = model.state_dict()
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    found = [
        mg.lr_range(model, X, Y, loss=LOSS, optimizer=optimizer, batch_size=10, steps=20, seed=0).loss for _ in range(2)
    ]
    assert found[0] == found[1]
    assert model.state_dict() == before
