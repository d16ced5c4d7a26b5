"""Training that can be left alone: validation rows, early stopping, Ctrl-C, weight decay and clipping."""

from __future__ import annotations

import math
import random
import signal

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.engine.contexts import paused_here


class Line(mg.Module):
    """A model of one weight."""

    def __init__(self, w: float = 0.0) -> None:
        self.w = Value(w)

    def __call__(self, row):
        return self.w * row[0]


def fit(model, X=((1.0,),) * 10, y=(1.0,) * 10, epochs=5, lr=0.1, loss=mg.mse, **options):
    options.setdefault("optimizer", mg.SGD(model.parameters(), lr=lr))
    return mg.fit(model, X, y, loss=loss, epochs=epochs, progress=False, **options)


def test_a_share_is_held_out_and_never_trained_on() -> None:
    seen = []

    class Spy(Line):
        def __call__(self, row):
            if not paused_here():
                seen.append(row[0])
            return super().__call__(row)

    model = Spy()
    history = fit(model, [[float(i)] for i in range(20)], [0.0] * 20, validation=0.25, seed=3, lr=0.0, compile=False)
    assert (len(history.validation_loss), len(set(seen)), len(seen)) == (5, 15, 75)


def test_rows_of_ones_own_are_judged_after_each_epoch() -> None:
    model = Line()
    history = fit(model, validation=([[2.0], [4.0]], [2.0, 4.0]), epochs=3)
    w, expected = 0.0, []
    for _ in range(3):
        w -= 0.1 * 2 * (w - 1)
        expected.append(((2 * w - 2) ** 2 + (4 * w - 4) ** 2) / 2)
    assert history.validation_loss == pytest.approx(expected, rel=1e-12)
    assert len(history.loss) == len(history.seconds) == 3


def test_patience_stops_and_keeps_the_best_weights() -> None:
    model = Line(0.0)  # trained towards 1, judged by 0.5: best on the way there
    history = fit(model, validation=([[1.0]], [0.5]), patience=3, epochs=100, lr=0.05)
    best = min(range(len(history.validation_loss)), key=history.validation_loss.__getitem__)
    assert len(history.validation_loss) == best + 1 + 3
    assert (model.w.data - 0.5) ** 2 == history.validation_loss[best]


def test_with_patience_the_best_weights_are_kept_also_at_the_end() -> None:
    model = Line(0.0)
    history = fit(model, validation=([[1.0]], [0.5]), patience=50, epochs=20, lr=0.05)
    assert len(history.loss) == 20
    assert (model.w.data - 0.5) ** 2 == min(history.validation_loss)


def test_an_overfitting_run_is_stopped_with_better_weights_than_its_end() -> None:
    rng = random.Random(2)
    X = [[rng.uniform(-1, 1)] for _ in range(10)]
    y = [math.sin(3 * x) + rng.gauss(0, 0.4) for (x,) in X]
    judged = [[i / 20 - 1] for i in range(41)]
    validation = (judged, [math.sin(3 * x) for (x,) in judged])
    ends = []
    for patience in (None, 60):
        model = mg.MLP(1, [12, 1], "tanh", init="normal", seed=1)
        history = fit(
            model,
            X,
            y,
            epochs=600,
            patience=patience,
            validation=validation,
            optimizer=mg.Adam(model.parameters(), lr=0.02),
        )
        ends.append((len(history.loss), mg.mse(model.predict(judged), validation[1])))
    (all_epochs, at_the_end), (epochs, best) = ends
    assert epochs < all_epochs == 600
    assert best < at_the_end / 2


def test_ctrl_c_returns_the_model_of_the_last_whole_epoch() -> None:
    calls = 0

    def loss(prediction, target):
        nonlocal calls
        calls += 1
        if calls == 35:  # in the fourth epoch of ten rows
            signal.raise_signal(signal.SIGINT)
        return mg.mse(prediction, target)

    model = Line()
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    history = mg.fit(
        model,
        [[1.0]] * 10,
        [1.0] * 10,
        loss=loss,
        optimizer=optimizer,
        epochs=10,
        batch_size=1,
        progress=False,
        compile=False,
    )
    twin = Line()
    fit(twin, epochs=3, batch_size=1)
    assert history.interrupted
    assert len(history.loss) == len(history.seconds) == 3
    assert model.w.data == twin.w.data


def test_a_run_to_the_end_is_not_interrupted() -> None:
    assert not fit(Line()).interrupted


@pytest.mark.parametrize("make", [mg.SGD, mg.Adam, mg.AdamW])
def test_clipping_and_weight_decay_take_one_argument_each(make) -> None:
    a, b = Value(3.0), Value(4.0)
    (100 * (a * a + b * b) / 2).backward()
    make([a, b], lr=0.1, max_norm=1.0, weight_decay=0.0).step()
    assert (a.grad, b.grad) == pytest.approx((0.6, 0.8))
    c = Value(2.0)
    make([c], lr=0.1, weight_decay=0.5).step()
    assert c.data < 2.0


def test_the_bar_shows_the_validation_loss(capsys) -> None:
    model = Line()
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    mg.fit(model, [[1.0]] * 4, [1.0] * 4, loss=mg.mse, optimizer=optimizer, epochs=2, validation=0.5)
    assert "validation=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 1.5}, "validation needs to be a share above 0 and below 1, or (X, y); got 1.5 (float)"),
        ({"validation": 0.01}, "leaves nothing to judge by"),
        ({"validation": "x"}, "validation needs to be a share or (X, y), got 'x' (str)"),
        ({"validation": ([[1.0, 2.0]], [1.0])}, "validation rows have 2 cells, where X has 1"),
        ({"validation": ([[1.0]], [])}, "got 1 rows and 0 targets"),
        ({"patience": 3}, "patience needs validation rows to judge by, got none"),
        ({"patience": 0, "validation": 0.5}, "patience needs to be a whole number of at least 1, got 0 (int)"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_trained(options, message) -> None:
    model = Line()
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(model, **options)
    assert message in str(caught.value)
    assert model.w.data == 0.0


def test_a_judgement_that_is_no_number_does_not_end_the_search_for_the_best() -> None:
    judgements = iter([math.nan, 8.0, 7.0, 6.0, 5.0])

    def loss(prediction, target):
        return next(judgements) if paused_here() else mg.mse(prediction, target)

    model = Line()
    one = [[1.0]], [1.0]
    history = fit(model, *one, loss=loss, validation=one, patience=3, compile=False)
    assert history.validation_loss[1:] == [8.0, 7.0, 6.0, 5.0]
    assert model.w.data == pytest.approx(1 - 0.8**5)


def test_ctrl_c_during_validation_leaves_lists_of_one_length() -> None:
    calls = 0

    def loss(prediction, target):
        nonlocal calls
        calls += paused_here()
        if calls == 3:
            signal.raise_signal(signal.SIGINT)
        return mg.mse(prediction, target)

    model = Line()
    one = [[1.0]], [1.0]
    history = fit(model, *one, loss=loss, validation=one, compile=False)
    assert [len(history.loss), len(history.validation_loss), len(history.seconds)] == [2, 2, 2]
    assert model.w.data == pytest.approx(1 - 0.8**2)


def test_nothing_to_learn_or_weights_out_of_bounds_are_errors() -> None:
    with mg.no_grad(), pytest.raises(TypeError, match="a Value that depends on the model"):
        fit(Line())
    with pytest.raises(FloatingPointError, match=r"epoch 1: the weight w is -inf; a lower learning rate may help"):
        fit(Line(1e10), [[1e100]], [0.0], lr=1e200, epochs=1)
