import math
import random
from types import SimpleNamespace

import pytest
import tqdm.auto
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import MLP, SGD, Adam, Value, fit
from microgrannd.compiler.program import BLOCK
from microgrannd.data import moons
from microgrannd.training.bar import Bar

X, Y = moons(40, seed=0)
LOSS = mg.binary_cross_entropy_with_logits


def network():
    return MLP(2, [4, 1], activation="tanh", seed=0)


def trained(X=X, y=Y, *, kind=SGD, loss=LOSS, seed=0, progress=False, epochs=3, **options):
    """The parameters and the history after training a small network."""
    model = network()
    optimizer = kind(model.parameters(), lr=0.1)
    history = fit(model, X, y, loss=loss, optimizer=optimizer, seed=seed, progress=progress, epochs=epochs, **options)
    return model.state_dict(), history


def by_hand(batches, *, kind=SGD):
    """The parameters and the batches' losses, after steps with each batch of indices."""
    model = network()
    optimizer = kind(model.parameters(), lr=0.1)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = LOSS([model(X[i]) for i in batch], [Y[i] for i in batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return model.state_dict(), losses


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(0, 5))
def test_fit_on_the_full_batch_is_the_loop_one_would_write_bit_for_bit(n, epochs):
    state, history = trained(X[:n], Y[:n], epochs=epochs, shuffle=False, compile=False)
    expected, losses = by_hand([range(n)] * epochs)
    assert (state, history.loss) == (expected, losses)
    compiled, same = trained(X[:n], Y[:n], epochs=epochs, shuffle=False)
    assert compiled == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert same.loss == pytest.approx(losses, rel=1e-11)
    assert len(history.seconds) == epochs
    assert all(seconds > 0 for seconds in history.seconds)


def test_fit_with_mini_batches_is_the_loop_one_would_write():
    rng, order, batches = random.Random(5), list(range(40)), []
    for _ in range(3):
        rng.shuffle(order)
        batches += [order[first : first + 16] for first in range(0, 40, 16)]
    assert [len(batch) for batch in batches] == [16, 16, 8] * 3
    expected, losses = by_hand(batches, kind=Adam)
    state, history = trained(kind=Adam, batch_size=16, seed=5)
    assert state == pytest.approx(expected, rel=1e-9)
    epochs = [losses[i : i + 3] for i in (0, 3, 6)]
    assert history.loss == pytest.approx([0.4 * a + 0.4 * b + 0.2 * c for a, b, c in epochs], rel=1e-11)


def test_the_same_seed_gives_the_same_training_and_another_another():
    first, second, other = (trained(batch_size=7, seed=seed) for seed in (1, 1, 2))
    assert (first[0], first[1].loss) == (second[0], second[1].loss)
    assert first[0] != other[0]


def test_shuffling_leaves_the_callers_rows_and_the_module_random_alone():
    rows, targets, state = [*X], [*Y], random.getstate()
    trained(rows, targets, batch_size=7)
    assert (rows, targets, random.getstate()) == (X, Y, state)


def test_a_batch_of_several_blocks_has_the_gradient_of_one_big_mean():
    X, y = moons(2 * BLOCK + 9, seed=1)
    models = network(), network()
    fit(
        models[0], X, y, loss=LOSS, optimizer=SGD(models[0].parameters(), lr=0.0), epochs=1, shuffle=False,
        progress=False,
    )  # fmt: skip
    LOSS([models[1](row) for row in X], y).backward()
    ours, expected = ([p.grad for p in model.parameters()] for model in models)
    assert ours == pytest.approx(expected, rel=1e-12)


def test_training_learns_and_takes_arrays_of_numpy():
    np = pytest.importorskip("numpy", reason="arrays of NumPy")
    state, history = trained(np.array(X), np.array(Y), epochs=20)
    assert (state, history.loss) == (lambda s, h: (s, h.loss))(*trained(epochs=20))
    assert history.loss[-1] < history.loss[0]


def test_a_target_may_be_a_class_or_a_row_and_rows_may_come_from_a_generator():
    for loss, targets in [
        (mg.cross_entropy, Y),
        (mg.cross_entropy, [[1 - t, t] for t in Y]),
        (mg.mse, [[t, t] for t in Y]),
    ]:
        model = MLP(2, [2], seed=0)
        history = fit(
            model, (row for row in X), iter(targets), loss=loss, optimizer=Adam(model.parameters(), 0.1), epochs=10,
            progress=False,
        )  # fmt: skip
        assert history.loss[-1] < history.loss[0]


def test_a_loss_that_is_not_finite_stops_before_its_step_and_names_epoch_and_node():
    model = MLP(1, [1], seed=0)
    optimizer = SGD(model.parameters(), lr=1e200)
    states = []

    def loss(prediction, target):
        states.append(model.state_dict())
        return mg.mse(prediction, target)

    with pytest.raises(
        FloatingPointError, match=r"epoch 2: the loss is inf; the first node .* is ×\(.*e\+200, .*\) = inf"
    ):
        fit(model, [[1.0]], [0.0], loss=loss, optimizer=optimizer, epochs=5, progress=False, compile=False)
    assert len(states) == 2
    assert model.state_dict() == states[1] != states[0]
    assert optimizer.steps == 1


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda p, t: p + Value(math.nan, label="bad"), r"is a leaf = nan \(label 'bad'\)"),
        (lambda p, t: mg.sum([p, p, p, p, p * 0.0 + 1e308, 1e308]), r"is Σ\(.*, .*, .*, .*, \.\.\.\) = inf"),
        (lambda p, t: mg.sum([p, p, p * 0.0 + 1e308, 1e308]), r"is Σ\([^,]*, [^,]*, 1e\+308, 1e\+308\) = inf"),
    ],
)
def test_the_first_node_that_is_not_finite_is_named(loss, message):
    with pytest.raises(FloatingPointError, match=message):
        trained(loss=loss)


class Awkward(ValueError):
    def __init__(self, first, second):
        super().__init__(first, second)


def raising(error):
    def loss(*_):
        raise error

    return loss


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda p, t: mg.exp(p + 1e3), FloatingPointError, "epoch 1: .*inf"),
        (lambda p, t: mg.log(p - 1e3), ValueError, "epoch 1: .*needs x > 0"),
        (lambda p, t: p / 0, ZeroDivisionError, "epoch 1: "),
        (raising(Awkward("this", "that")), Awkward, r"epoch 1: \('this', 'that'\)"),
        (lambda p, t: 1.0, TypeError, r"the loss needs to be a Value that depends on the model, got 1.0 \(float\)"),
        (raising(KeyError("own")), KeyError, "^'own'$"),
    ],
)
def test_an_error_inside_keeps_its_type_and_names_the_epoch_if_it_is_of_arithmetic(loss, error, message):
    with pytest.raises(error, match=message):
        trained(loss=loss)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([], [], ValueError, "at least one row, got 0 rows and 0 targets"),
        ([[1, 2]], [1, 2], ValueError, "a target for each row .* got 1 rows and 2 targets"),
        ([[1, 2], [1]], [1, 2], ValueError, r"X\[1\] has 1 cells, where X\[0\] has 2"),
        ([[1, "2"]], [1], TypeError, r"X\[0\]\[1\] needs a real number, got '2' \(str\)"),
        ([[1, None]], [1], TypeError, r"X\[0\]\[1\] needs a real number, got None"),
        ([1, 2], [1, 2], ValueError, r"TanhNeuron\(2\) needs 2 inputs, got 1"),
        ([[1, 2], [1, math.nan]], [1, 2], ValueError, r"X\[1\]\[1\] needs to be a finite number, got nan"),
        ([[1, 2], [1, 2]], [1, math.inf], ValueError, r"y\[1\] needs to be a finite number, got inf"),
        (["ab"], [1], TypeError, r"X\[0\] needs to be a row of numbers, got 'ab' \(str\)"),
        ([[1, 2]], ["a"], TypeError, r"y\[0\] needs a number, of a class its index in a list of all; got 'a'"),
        ([[1, 2]], [[0, "a"]], TypeError, r"y\[0\]\[1\] needs a real number, got 'a'"),
        ([[1, 2, 3]], [1], ValueError, "epoch 1: .* needs 2 inputs, got 3"),
    ],
)
def test_rows_and_targets_that_do_not_fit_are_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        trained(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs needs to be a whole number of at least 0, got -1"),
        ({"epochs": 2.0}, "epochs needs .* got 2.0"),
        ({"epochs": True}, "epochs needs .* got True"),
        ({"batch_size": 0}, "batch_size needs to be a whole number of at least 1, got 0"),
        ({"batch_size": "all"}, "batch_size needs .* got 'all'"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        trained(**options)


def test_the_progress_bar_shows_the_loss_on_standard_error(capsys):
    _, history = trained(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert f"loss={history.loss[-1]:.4g}" in err


def test_a_bar_needs_no_thread_which_a_browser_cannot_start(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", start)
    monkeypatch.setattr("tqdm.tqdm.monitor", None)
    trained(progress=True)


def test_the_bar_is_the_one_that_tqdm_chooses_for_where_it_runs():
    assert issubclass(Bar, tqdm.auto.tqdm)


def test_the_widget_of_a_notebook_ends_where_the_training_does(monkeypatch):
    """tqdm keeps the length of a widget as it was at the start."""
    widget = SimpleNamespace(children=[None, SimpleNamespace(max=3.0), None])
    monkeypatch.setattr(Bar, "container", widget, raising=False)
    trained(progress=True)
    assert widget.children[1].max == 3.0
    trained(progress=True, callback=lambda epoch, history: epoch == 2)
    assert widget.children[1].max == 2


def test_without_progress_nothing_is_shown(capsys):
    trained(progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shuffled", [False, True])
def test_branches_that_are_alike_at_the_first_weights_are_noticed(shuffled):
    class Offsets(mg.Module):
        def __init__(self):
            self.w, self.left, self.right = mg.Value(0.1), mg.Value(0.0), mg.Value(0.0)

        def __call__(self, row):
            return self.w * row[0] + (self.left if row[0] < 0 else self.right)

    X = [[i / 50] for i in range(-50, 50)]
    if shuffled:
        random.Random(0).shuffle(X)
    y = [2 * x - 3 if x < 0 else 2 * x + 1 for (x,) in X]
    model = Offsets()
    with pytest.warns(UserWarning, match="cannot be compiled"):
        mg.fit(model, X, y, loss=mg.mse, optimizer=mg.Adam(model.parameters(), lr=0.1), epochs=60, progress=False)
    assert model.right.data > 0.5
