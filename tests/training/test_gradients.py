"""fit by a compiled program, and how it finds out that it has to record each row."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.training.compiling import learner_for
from microgrannd.training.gradients import Compiled, Eager

X, Y = mg.data.moons(40, noise=0.1, seed=0)
ROWS = [(tuple(row), float(label)) for row, label in zip(X, Y, strict=True)]
SIGNS = [(row, 2 * label - 1) for row, label in ROWS]
PAIRS = [(row, [label, 1 - label]) for row, label in ROWS]
SLOWER = "Each row is recorded anew, which is slower"


def network(nout: int = 1, **options: Any) -> mg.MLP:
    return mg.MLP(2, [5, nout], activation="tanh", seed=0, **options)


LOSSES = [
    (network(), mg.mse, ROWS),
    (network(), mg.mae, ROWS),
    (network(), mg.huber, ROWS),
    (network(), mg.hinge, SIGNS),
    (network(output_activation="sigmoid"), mg.binary_cross_entropy, ROWS),
    (network(), mg.binary_cross_entropy_with_logits, ROWS),
    (network(3), mg.cross_entropy, ROWS),
    (network(2), mg.cross_entropy, PAIRS),
    (network(2), mg.mse, PAIRS),
    (network(), lambda p, t: (p - t) ** 4, ROWS),
]


@pytest.mark.parametrize(("model", "loss", "rows"), LOSSES, ids=lambda thing: getattr(thing, "__name__", ""))
def test_every_loss_is_compiled_and_agrees_with_recording(model: mg.MLP, loss: Any, rows: Any) -> None:
    learner = learner_for(model, loss, rows)
    assert isinstance(learner, Compiled)
    results = []
    for one in (learner, Eager(model, loss)):
        model.zero_grad()
        batch = one.ready(rows)
        results.append([one.gradients(batch), one.judge(batch), *(p.grad for p in model.parameters())])
    assert results[0] == pytest.approx(results[1], rel=1e-10, abs=1e-14)


class Branching(mg.Module):
    """Another graph for rows on another side."""

    def __init__(self) -> None:
        self.w, self.v = Value(0.5), Value(0.25)

    def __call__(self, row: Any) -> Any:
        return self.w * row[0] if row[0] > 0 else self.v * row[1]


class Noisy(Branching):
    """With a number of its own in each graph."""

    def __call__(self, row: Any) -> Any:
        return self.w * row[0] * random.random() + self.v


class Fresh(Branching):
    """With a leaf made anew in each graph, always the same."""

    def __call__(self, row: Any) -> Any:
        return self.w * row[0] * Value(2.0) + self.v


@pytest.mark.parametrize(
    ("model", "reason"),
    [(Branching(), "it records another graph for another row"), (Noisy(), "it draws random numbers")],
)
def test_a_model_that_records_another_graph_for_another_row_is_recorded_anew(model: Any, reason: str) -> None:
    rows = [((1.0, 2.0), 0.0), ((-1.0, 2.0), 1.0)]
    with pytest.warns(UserWarning, match=f"{reason}.*{SLOWER}"):
        assert isinstance(learner_for(model, mg.mse, rows), Eager)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, t: (p - t) ** 2 * (3.0 if t == 1 else 1.0),  # == of Values is identity
        lambda p, t: (p - t) ** 2 if isinstance(t, float) else p * 0.0,
        lambda p, t: (p - t) ** 2 * mg.exp(random.choice([Value(0.5), Value(0.25)]).data),
    ],
)
def test_a_loss_that_is_another_of_values_than_of_numbers_is_recorded_anew(loss: Any) -> None:
    with pytest.warns(UserWarning, match=f"cannot be compiled.*{SLOWER}"):
        assert isinstance(learner_for(network(), loss, ROWS), Eager)


@pytest.mark.parametrize(
    ("loss", "nout", "targets", "message"),
    [
        (mg.cross_entropy, 3, [0, 1, 2, 3], "cross_entropy needs a class from 0 to 2, got 3.0"),
        (mg.cross_entropy, 3, [0, 1, 0.5, 2], "cross_entropy needs a class from 0 to 2, got 0.5"),
        (mg.hinge, 1, [1, -1, 0.5, 1], "hinge needs a target of -1 or 1, got 0.5"),
        (mg.binary_cross_entropy_with_logits, 1, [0, 1, 0.5, 1.5], "needs a target from 0 to 1, got 1.5"),
    ],
)
def test_a_target_that_a_loss_does_not_take_is_refused(loss: Any, nout: int, targets: Any, message: str) -> None:
    model = network(nout)
    with pytest.raises(ValueError, match=message):
        mg.fit(model, X[:4], targets, loss=loss, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, progress=False)


def test_leaves_made_anew_are_no_obstacle() -> None:
    model = Fresh()
    assert isinstance(learner_for(model, mg.mse, ROWS), Compiled)


def test_a_loss_that_needs_plain_numbers_is_recorded_anew() -> None:
    model = network()
    with pytest.warns(UserWarning, match=f"does not take Values for a row's numbers.*TypeError.*{SLOWER}"):
        learner = learner_for(model, lambda p, t: (p - math.floor(t)) ** 2, ROWS)
    assert isinstance(learner, Eager)


def test_fit_warns_once_and_trains() -> None:
    model = Branching()
    with pytest.warns(UserWarning, match=SLOWER) as caught:
        history = mg.fit(
            model, [[1.0, 2.0], [-1.0, 2.0]], [0.0, 1.0], loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1),
            epochs=20, progress=False,
        )  # fmt: skip
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.loss[-1] < history.loss[0] / 10


def test_without_compiling_there_is_nothing_to_warn_of() -> None:
    model = Branching()
    mg.fit(
        model, [[1.0, 2.0], [-1.0, 2.0]], [0.0, 1.0], loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1),
        epochs=1, progress=False, compile=False,
    )  # fmt: skip


def test_a_saturated_probability_is_no_error() -> None:
    model = mg.MLP(1, [1], output_activation="sigmoid", seed=0)
    model.load_state_dict({"layers.0.neurons.0.w.0": 100.0, "layers.0.neurons.0.b": 0.0})
    learner = learner_for(model, mg.binary_cross_entropy, [((1.0,), 1.0), ((-1.0,), 0.0)])
    assert isinstance(learner, Compiled)
    assert learner.gradients(learner.ready([((1.0,), 1.0), ((-1.0,), 0.0)])) == pytest.approx(0.0, abs=1e-40)


def test_an_error_leaves_the_gradients_as_they_were_and_is_that_of_recording() -> None:
    model = network()
    learner = learner_for(model, lambda p, t: mg.log(p + t), [((0.1, 0.2), 10.0), ((0.1, 0.3), 11.0)])
    assert isinstance(learner, Compiled)
    with pytest.raises(ValueError, match=r"^log\(x\) needs x > 0, got x = "):
        learner.gradients(learner.ready([((0.1, 0.2), 10.0), ((0.1, 0.2), -10.0)]))
    assert all(p.grad == 0.0 for p in model.parameters())


def test_numba_trains_to_the_same_weights() -> None:
    pytest.importorskip("numba", reason="numba as a backend")
    states = []
    for backend in (True, "numba"):
        model = network()
        mg.fit(
            model, X, Y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1), epochs=3, seed=0, progress=False,
            compile=backend,
        )  # fmt: skip
        states.append(model.state_dict())
    assert states[0] == pytest.approx(states[1], rel=1e-9)


def test_an_unknown_backend_is_refused() -> None:
    model = network()
    with pytest.raises(ValueError, match="backend needs to be python or numba"):
        mg.fit(model, X, Y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, compile="fortran")
