"""Metrics: accuracy of every form of class; what fit notes of them, beside the model's own predictions."""

from __future__ import annotations

import io
import math
from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd._files import FileError
from microgrannd.training.bar import Bar
from tests.helpers import networks

without_numba = pytest.mark.skipif(not find_spec("numba"), reason="numba as a backend")
every_way = pytest.mark.parametrize("compile", [True, False, pytest.param("numba", marks=without_numba)])

scores = st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=1)


@given(scores, st.sampled_from([(0, 1), (-1, 1), (0.0, 1.0)]))
def test_accuracy_of_a_score(rows: list[tuple[float, bool]], labels: tuple[float, float]) -> None:
    targets = [labels[right] for _, right in rows]
    expected = sum((score > 0) == right for score, right in rows) / len(rows)
    assert mg.accuracy([score for score, _ in rows], targets) == expected
    assert mg.accuracy([Value(score) for score, _ in rows], targets) == expected
    assert mg.accuracy([[score] for score, _ in rows], [[target] for target in targets]) == expected
    shifted = [score + 0.5 for score, _ in rows]
    assert mg.accuracy(shifted, targets, threshold=0.5) == sum(
        (s > 0.5) == r for s, (_, r) in zip(shifted, rows, strict=True)
    ) / len(rows)


@given(st.lists(st.tuples(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.integers(0, 2)), min_size=1))
def test_accuracy_of_scores_for_each_class(rows: list[tuple[list[float], int]]) -> None:
    predictions = [row for row, _ in rows]
    expected = sum(row.index(max(row)) == right for row, right in rows) / len(rows)
    assert mg.accuracy(predictions, [right for _, right in rows]) == expected
    assert mg.accuracy(predictions, [[float(n == right) for n in range(3)] for _, right in rows]) == expected


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([], [], "accuracy needs a target for each prediction, got 0 and 0"),
        ([1.0], [1, 0], "got 1 and 2"),
        ([1.0], [2], r"y\[0\] needs to be 0 or 1 \(or -1 or 1\), got 2"),
        ([[1.0, 2.0]], [2], r"y\[0\] needs to be a class from 0 to 1, or a one-hot row of 2"),
        ([1.0, 1.0, 1.0], [0, 1, -1], "got all three"),
        ([[1.0, 2.0]], [[1, 1]], r"y\[0\] needs to be a class from 0 to 1, or a one-hot row of 2, got \[1.0, 1.0\]"),
        ([[1.0, 2.0]], [[7, 3]], "or a one-hot row of 2"),
        ([[1.0, 2.0]], [[[1], [0]]], "or a one-hot row of 2"),
        ([[1.0, 2.0], [3.0]], [1, 0], r"as many scores for each row, got 1 as predictions\[1\], 2 as predictions\[0\]"),
        ([[1.0, 2.0], 3.0], [1, 0], "as many scores for each row"),
        ([[]], [0], "as many scores for each row, got 0"),
        ([1.0, math.nan], [0, 0], r"predictions\[1\] is nan \(float\): nan is no score"),
        ([[math.nan, 1.0]], [0], "nan is no score"),
    ],
)
def test_what_is_no_class(predictions: Any, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mg.accuracy(predictions, targets)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0.5, [1]), {}, r"a list of predictions, one for each row, got 0\.5"),
        (([0.5], 1), {}, "a list of targets, one for each row, got 1"),
        (([[[0.5, 1.0]]], [1]), {}, r"predictions\[0\] needs a real number, got \[0\.5, 1\.0\]"),
        ((["cat"], [1]), {}, r"predictions\[0\] needs a real number, got 'cat'"),
        (([0.5], ["cat"]), {}, r"y\[0\] needs a real number, got 'cat'"),
        (([0.5], [1]), {"threshold": None}, "threshold needs a real number, got None"),
    ],
)
def test_what_is_no_number(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        mg.accuracy(*arguments, **options)


def test_accuracy_of_data_frames() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame([[1, 0], [0, 1]])
    assert mg.accuracy(frame, frame) == mg.accuracy([[2.0, 1.0], [0.0, 3.0]], frame) == 1.0
    assert mg.accuracy(frame, frame[[1, 0]]) == 0.0


def test_shares_and_rows_of_minus_one_and_one_are_of_one_class() -> None:
    scores = [[0.1, 2.0, 0.3]]
    assert [mg.accuracy(scores, [target]) for target in ([0.1, 0.8, 0.1], [-1, 1, -1], [1, -1, -1])] == [1.0, 1.0, 0.0]


def test_a_metric_that_changes_what_it_is_given_changes_it_for_itself() -> None:
    def greedy(predictions: Any, targets: Any) -> float:
        for row in targets:
            row[0] = 5.0
        predictions.clear()
        return 0.0

    model = mg.MLP(1, [2], seed=0)
    X, y = [[0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0]]
    metrics: Any = {"greedy": greedy, "rows": lambda p, t: len(p), "targets": lambda p, t: sum(map(sum, t))}
    assert model.evaluate(X, y, metrics=metrics) == {"greedy": 0.0, "rows": 2.0, "targets": 2.0}
    history = mg.fit(
        model,
        X,
        y,
        loss=mg.mse,
        optimizer=mg.SGD(model.parameters(), lr=0.1),
        epochs=3,
        metrics=metrics,
        progress=False,
    )
    assert (history.metrics["rows"], history.metrics["targets"]) == ([2.0] * 3, [2.0] * 3)


def test_evaluate_takes_a_loss_of_the_prediction_alone_as_fit_does() -> None:
    model = mg.MLP(1, [1], seed=0)
    assert model.evaluate([0.0, 0.0], None, loss=lambda p: (p - 3) ** 2) == {"loss": 9.0}
    with pytest.raises(ValueError, match="metrics needs targets to compare with, got y=None"):
        model.evaluate([0.0], None, metrics={"accuracy": mg.accuracy})
    with pytest.raises(TypeError, match=r"^the loss needs a real number, got \["):
        model.evaluate([0.0], [1.0], loss=lambda p, t: [p])


def spread(predictions: list[Any], targets: list[Any]) -> float:
    """One of a user's own, which sees all that it is given."""
    assert len(predictions) == len(targets)
    rows = [p if isinstance(p, list) else [p] for p in predictions]
    return max(map(max, rows)) - min(map(min, rows))


@every_way
def test_metrics_of_fit_are_those_of_the_model_after_each_epoch(compile: Any) -> None:
    X, y = mg.data.moons(40, noise=0.1, seed=0)
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    seen: list[dict[str, float]] = []

    def callback(epoch: int, history: mg.History) -> None:
        own = model.evaluate(X[:30], y[:30], metrics={"accuracy": mg.accuracy, "spread": spread})
        other = model.evaluate(X[30:], y[30:], metrics={"accuracy": mg.accuracy, "spread": spread})
        seen.append(own | {f"validation_{name}": number for name, number in other.items()})

    history = mg.fit(
        model, X[:30], y[:30], loss=mg.binary_cross_entropy_with_logits, optimizer=mg.SGD(model.parameters(), lr=0.5),
        epochs=5, batch_size=7, seed=0, validation=(X[30:], y[30:]), progress=False, compile=compile, callback=callback,
        metrics={"accuracy": mg.accuracy, "spread": spread},
    )  # fmt: skip
    assert {name: len(curve) for name, curve in history.metrics.items()} == dict.fromkeys(seen[0], 5)
    for name, curve in history.metrics.items():
        assert curve == pytest.approx([numbers[name] for numbers in seen], rel=1e-12)
    assert "validation_accuracy" in repr(history)
    assert len(repr(history)) < 200


@pytest.mark.parametrize("number", range(len(networks())))
def test_predictions_by_programs_are_the_models_own(number: int) -> None:
    from microgrannd.training.predictions import Predictions

    model, _ = networks()[number]
    rows = [tuple(float((i * j) % 7 - 3) / 3 for j in range(len(model[0][0].w))) for i in range(12)]
    predictions = Predictions(model, "python")
    for shift in (0.0, 0.1):
        for parameter in model.parameters():
            parameter.data += shift
        found, own = predictions.of(rows), model.predict(rows)
        for one, other in zip(found, own, strict=True):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12)
    assert list(predictions._traces.values()) != [None]


def test_predictions_of_a_model_that_branches_are_its_own() -> None:
    from microgrannd.training.predictions import Predictions

    class Branching(mg.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return [self.w * x[0], 1.0] if x[0] > 0 else [self.w - x[0], 2.0]

    predictions = Predictions(Branching(), "python")
    assert predictions.of([(1.0,), (-1.0,), (3.0,)]) == [[2.0, 1.0], [3.0, 2.0], [6.0, 1.0]]


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        (mg.accuracy, TypeError, r'metrics needs functions by name, as {"accuracy": mg.accuracy}'),
        (["accuracy"], TypeError, r"metrics needs functions by name"),
        (
            {"accuracy": "accuracy"},
            TypeError,
            r"metrics\['accuracy'\] needs to be a function of predictions and targets",
        ),
        ({"loss": mg.accuracy}, ValueError, "a metric needs another name than 'loss'"),
        ({"text": lambda p, t: "good"}, TypeError, r"the metric text needs a real number, got 'good'"),
    ],
)
def test_metrics_that_are_none(metrics: Any, error: type[Exception], message: str) -> None:
    model = mg.MLP(1, [1], seed=0)
    before = model.state_dict()
    with pytest.raises(error, match=message):
        mg.fit(
            model, [[1.0], [2.0]], [0.0, 1.0], loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=0.1), epochs=2,
            progress=False, metrics=metrics,
        )  # fmt: skip
    assert model.state_dict() == before
    with pytest.raises(ValueError, match="metrics needs targets to compare with, got y=None"):
        mg.fit(
            model, [[1.0]], None, loss=lambda p: p * p, optimizer=mg.SGD(model.parameters(), lr=0.1), epochs=1,
            progress=False, metrics={"accuracy": mg.accuracy},
        )  # fmt: skip


@every_way
def test_an_error_in_a_metric_leaves_all_as_after_the_last_whole_epoch(compile: Any) -> None:
    model = mg.MLP(1, [1], seed=0)
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    states = []

    def metric(predictions: list[Any], targets: list[Any]) -> float:
        states.append(model.state_dict())
        return 1.0 / (3 - len(states))

    with pytest.raises(ZeroDivisionError, match=r"epoch 3: "):
        mg.fit(
            model, [[1.0], [2.0]], [0.0, 1.0], loss=mg.mse, optimizer=optimizer, epochs=5, progress=False,
            metrics={"m": metric}, compile=compile,
        )  # fmt: skip
    assert model.state_dict() == states[1] != states[2]
    assert optimizer.steps == 2


def test_a_run_that_goes_on_has_all_metrics(tmp_path: Any) -> None:
    X, y = mg.data.moons(20, noise=0.1, seed=0)
    found = []
    for stops in ([6], [2, 4, 6]):
        model = mg.MLP(2, [3, 1], activation="tanh", seed=0)
        for epochs in stops:
            history = mg.fit(
                model, X, y, loss=mg.mse, optimizer=mg.Adam(model.parameters(), lr=0.1), epochs=epochs, batch_size=8, seed=0,
                validation=0.25, progress=False, checkpoint=tmp_path / f"{len(stops)}.json", resume=epochs != stops[0],
                metrics={"accuracy": mg.accuracy},
            )  # fmt: skip
        found.append(history.metrics)
    assert found[0] == found[1]
    with pytest.raises(mg.nn.saving.FileError, match="other settings"):
        mg.fit(
            model, X, y, loss=mg.mse, optimizer=mg.Adam(model.parameters(), lr=0.1), epochs=7, batch_size=8, seed=0,
            validation=0.25, progress=False, checkpoint=tmp_path / "1.json", resume=True,
        )  # fmt: skip


def test_a_run_does_not_go_on_with_another_metric_of_the_same_name(tmp_path: Any) -> None:
    def run(metric: Any, epochs: int) -> mg.History:
        model = mg.MLP(1, [1], seed=0)
        return mg.fit(
            model, [0.0, 1.0], [0, 1], loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=0.1), epochs=epochs, seed=0,
            checkpoint=tmp_path / "run.json", resume=True, progress=False, metrics={"share": metric},
        )  # fmt: skip

    run(mg.accuracy, 1)
    assert len(run(mg.accuracy, 2).metrics["share"]) == 2
    for other in (lambda p, t: 7.0, partial(mg.accuracy, threshold=0.5)):
        with pytest.raises(FileError, match=r"other settings: metrics was \{share: accuracy\}, is \{share: "):
            run(other, 3)


def test_the_best_epoch() -> None:
    history = mg.History([3.0, 2.0, 1.0], [2.0, 0.5, 0.7], [0.0] * 3)
    assert history.best_epoch == 2
    assert repr(history) == "History(3 epochs, loss 1, validation_loss 0.7, best epoch 2)"
    assert mg.History([3.0, 1.0, 1.0]).best_epoch == 2
    assert mg.History().best_epoch is None
    assert repr(mg.History()) == "History(0 epochs)"


@pytest.mark.parametrize(
    ("options", "reason"), [({"patience": 1}, "patience"), ({"callback": lambda *_: True}, "callback")]
)
def test_the_bar_ends_where_the_training_does_and_says_why(
    options: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    model = mg.MLP(1, [1], seed=0)
    history = mg.fit(
        model, [[1.0], [2.0]], [0.0, 1.0], loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=0.5), epochs=50, seed=0,
        validation=([[5.0]], [-9.0]), **options,
    )  # fmt: skip
    assert len(history.loss) < 50
    last = stream.getvalue().split("\r")[-1]
    assert f"ended after epoch {len(history.loss)}: " in last
    assert reason in last
    assert f"{len(history.loss)}/{len(history.loss)}" in last
    assert Bar.monitor_interval == 0


def test_the_range_test_finds_where_a_parabola_blows_up_and_leaves_all_as_it_was() -> None:
    class Parabola(mg.Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x[0]

    model = Parabola()
    optimizer = mg.SGD([model.w], lr=0.123, momentum=0.0)
    model.w.grad = 7.0
    found = mg.lr_range(
        model, [[2.0]], [0.0], loss=mg.mse, optimizer=optimizer, lowest=1e-4, highest=100.0, steps=60
    )  # (2w)², whose steps lead away from 0 for rates above 1/4
    assert found.lr[0] == 1e-4
    assert found.lr[1] / found.lr[0] == pytest.approx(1e6 ** (1 / 59))
    w = 1.0
    for lr, loss in zip(found.lr, found.loss, strict=True):
        assert loss == pytest.approx((2 * w) ** 2)
        w -= lr * 8 * w
    assert 0.25 < found.lr[-1] < 5
    assert 0.01 < found.suggestion < 0.25
    assert (model.w.data, model.w.grad, optimizer.lr, optimizer.steps) == (1.0, 7.0, 0.123, 0)
    with pytest.raises(ValueError, match=r"lr_range needs 0 < lowest < highest, got lowest=1 and highest=0\.5"):
        mg.lr_range(model, [[2.0]], [0.0], loss=mg.mse, optimizer=optimizer, lowest=1, highest=0.5)


@pytest.mark.parametrize("targets", [True, False])
def test_the_range_test_takes_what_fit_takes(targets: bool) -> None:
    X, y = mg.data.moons(20, noise=0.1, seed=0)
    losses = []
    for parts in (1, 2):
        model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
        own, before = model.parameters(), model.state_dict()
        optimizers = [mg.SGD(own[part::parts], lr=0.123) for part in range(parts)]
        given: Any = (y, mg.mse) if targets else (None, lambda p: (p - 1) ** 2)
        found = mg.lr_range(model, X, given[0], loss=given[1], optimizer=optimizers, highest=1e308, steps=50, seed=0)
        assert found.lr[0] == 1e-5
        assert all(map(math.isfinite, [*found.lr, *found.loss]))
        assert model.state_dict() == before
        assert {one.lr for one in optimizers} == {0.123}
        losses.append(found.loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_the_range_test_says_what_is_wrong_as_fit_does() -> None:
    model, other = mg.MLP(2, [1], seed=0), mg.MLP(2, [1], seed=0)
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="the loss depends on no parameter of the optimizer"):
        mg.lr_range(other, [[1.0, 2.0]], [1.0], loss=mg.mse, optimizer=optimizer)
    with pytest.raises(ValueError, match=r"X\[1\] has 3 cells, where X\[0\] has 2"):
        mg.lr_range(model, [[1.0, 2.0], [1.0, 2.0, 3.0]], [1.0, 2.0], loss=mg.mse, optimizer=optimizer)
    model.parameters()[-1].data = 1e300
    with pytest.raises(FloatingPointError, match="the loss is inf"):
        mg.lr_range(model, [[1.0, 2.0]], [1.0], loss=mg.mse, optimizer=optimizer)


def test_the_range_test_as_a_picture() -> None:
    pytest.importorskip("matplotlib", reason="the extra microgrannd[plot] is not installed")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    found = mg.LearningRates([1e-3, 1e-2, 1e-1], [3.0, 1.0, 90.0])
    assert found.plot(ax) is ax
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "learning rate")
    with pytest.raises(TypeError, match="needs what lr_range returns"):
        mg.plot.learning_rates([1.0], ax)


@pytest.mark.parametrize("warmup", [1, 5, 10])
def test_a_warm_up_and_half_a_cosine(warmup: int) -> None:
    rates = [mg.warmup_cosine(0.4, steps=10, warmup=warmup, minimum=0.1)(step) for step in range(14)]
    assert rates[:warmup] == pytest.approx([0.4 * (step + 1) / warmup for step in range(warmup)])
    assert rates[warmup:10] == pytest.approx([mg.cosine(0.4, 10 - warmup, 0.1)(step) for step in range(10 - warmup)])
    assert rates[10:] == pytest.approx([0.1] * 4)
    with pytest.raises(ValueError, match="warmup needs to be a whole number from 1 to 10, got 11"):
        mg.warmup_cosine(0.4, steps=10, warmup=11)


def test_accuracy_of_probabilities_needs_its_threshold() -> None:
    """All of them are above 0, so that accuracy, of scores, would find one class only."""
    model = mg.MLP(2, [3, 1], activation="tanh", output_activation="sigmoid", seed=0)
    X, y = mg.data.moons(40, noise=0.1, seed=0)
    loss = mg.binary_cross_entropy
    options = {"optimizer": mg.Adam(model.parameters(), lr=0.1), "epochs": 20, "seed": 0, "progress": False}
    with pytest.raises(ValueError, match=r"^the loss takes probabilities, and accuracy scores: give .*threshold=0\.5"):
        mg.fit(model, X, y, loss=loss, metrics={"accuracy": mg.accuracy}, **options)
    with pytest.raises(ValueError, match=r"^the loss takes probabilities"):
        model.evaluate(X, y, loss=loss, metrics={"accuracy": mg.accuracy})
    metrics = {"accuracy": partial(mg.accuracy, threshold=0.5)}
    history = mg.fit(model, X, y, loss=loss, metrics=metrics, **options)
    right = sum((p > 0.5) == t for p, t in zip(model.predict(X), y, strict=True)) / 40
    assert (
        history.metrics["accuracy"][-1] == model.evaluate(X, y, loss=loss, metrics=metrics)["accuracy"] == right > 0.7
    )
