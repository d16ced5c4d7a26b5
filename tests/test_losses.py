import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, losses

numbers = st.floats(-30, 30)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5)
rows = st.integers(2, 5).flatmap(
    lambda n: st.lists(
        st.tuples(st.lists(numbers, min_size=n, max_size=n), st.integers(0, n - 1)), min_size=1, max_size=4
    )
)

FORMULAS = {
    "mse": lambda p, t: (p - t) ** 2,
    "mae": lambda p, t: abs(p - t),
    "huber": lambda p, t: (p - t) ** 2 / 2 if abs(p - t) <= 1 else abs(p - t) - 0.5,
    "hinge": lambda p, t: max(0.0, 1 - t * p),
    "binary_cross_entropy_with_logits": lambda p, t: math.log1p(math.exp(p)) - t * p,
}


def value_and_gradient(loss, predictions, targets, **options):
    values = [mg.Value(p) for p in predictions]
    result = loss(values, targets, **options)
    result.backward()
    return result.data, [value.grad for value in values]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is the reference")


@pytest.mark.parametrize("name", FORMULAS)
@settings(deadline=None)
@given(pairs=pairs)
def test_a_loss_is_the_mean_of_its_formula(name, pairs):
    loss, formula = getattr(losses, name), FORMULAS[name]
    if name == "hinge":
        pairs = [(p, 1.0 if t > 0 else -1.0) for p, t in pairs]
    if name.startswith("binary"):
        pairs = [(p, abs(math.sin(t))) for p, t in pairs]
    predictions, targets = map(list, zip(*pairs, strict=True))
    expected = sum(formula(p, t) for p, t in pairs) / len(pairs)
    assert loss([mg.Value(p) for p in predictions], targets).data == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert loss(predictions, targets) == pytest.approx(expected, rel=1e-12, abs=1e-12)  # floats give a float
    p, t = pairs[0]
    assert loss(mg.Value(p), t).data == pytest.approx(formula(p, t), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "theirs", "target"),
    [
        ("mse", "mse_loss", numbers),
        ("mae", "l1_loss", numbers),
        ("huber", "huber_loss", numbers),
        ("binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits", st.floats(0, 1)),
    ],
)
@settings(deadline=None)
@given(data=st.data())
def test_a_loss_and_its_gradient_are_those_of_pytorch(torch, name, theirs, target, data):
    predictions, targets = zip(*data.draw(st.lists(st.tuples(numbers, target), min_size=1, max_size=4)), strict=True)
    tensor = torch.tensor(predictions, dtype=torch.float64, requires_grad=True)
    expected = getattr(torch.nn.functional, theirs)(tensor, torch.tensor(targets, dtype=torch.float64))
    expected.backward()
    value, gradient = value_and_gradient(getattr(losses, name), predictions, targets)
    assert value == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    assert gradient == pytest.approx(tensor.grad.tolist(), rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1e-6, 1 - 1e-6), st.floats(0, 1)), min_size=1, max_size=4))
def test_binary_cross_entropy_is_that_of_pytorch(torch, pairs):
    predictions, targets = zip(*pairs, strict=True)
    tensor = torch.tensor(predictions, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy(tensor, torch.tensor(targets, dtype=torch.float64))
    expected.backward()
    value, gradient = value_and_gradient(losses.binary_cross_entropy, predictions, targets)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert gradient == pytest.approx(tensor.grad.tolist(), rel=1e-9)  # PyTorch divides by p · (1 - p), rounded


@settings(deadline=None)
@given(rows)
def test_cross_entropy_is_that_of_pytorch(torch, rows):
    logits, targets = map(list, zip(*rows, strict=True))
    tensor = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(tensor, torch.tensor(targets))
    expected.backward()
    values = [[mg.Value(z) for z in row] for row in logits]
    result = losses.cross_entropy(values, targets)
    result.backward()
    assert result.data == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    for row, gradient in zip(values, tensor.grad.tolist(), strict=True):
        assert [z.grad for z in row] == pytest.approx(gradient, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(rows)
def test_a_class_index_and_its_one_hot_row_have_the_same_cross_entropy(rows):
    logits, targets = map(list, zip(*rows, strict=True))
    one_hot = [[float(i == t) for i in range(len(row))] for row, t in rows]
    by_hand = [math.log(sum(math.exp(z - row[t]) for z in row)) for row, t in rows]
    by_index = losses.cross_entropy(logits, targets)
    assert by_index == pytest.approx(sum(by_hand) / len(rows), rel=1e-12, abs=1e-12)
    assert losses.cross_entropy(logits, one_hot) == pytest.approx(by_index, rel=1e-12, abs=1e-12)
    row, t = rows[0]
    assert losses.cross_entropy(row, t) == losses.cross_entropy(row, float(t)) == losses.cross_entropy([row], [t])


def test_cross_entropy_takes_probabilities_as_targets():
    value, gradient = value_and_gradient(losses.cross_entropy, [0.0, math.log(3)], [0.5, 0.5])
    assert value == pytest.approx(-0.5 * math.log(0.25) - 0.5 * math.log(0.75), rel=1e-15)
    assert gradient == pytest.approx([0.25 - 0.5, 0.75 - 0.5], rel=1e-15)


@pytest.mark.parametrize(
    ("logit", "target", "loss", "gradient"),
    [
        (1000.0, 1, 0.0, 0.0),
        (1000.0, 0, 1000.0, 1.0),
        (-1000.0, 1, 1000.0, -1.0),
        (-1000.0, 0, 0.0, 0.0),
        (40.0, 1, math.exp(-40), -math.exp(-40)),
        (-40.0, 0, math.exp(-40), math.exp(-40)),
        (1000.0, 0.25, 750.0, 0.75),
        (math.inf, 1, 0.0, 0.0),
        (-math.inf, 0, 0.0, 0.0),
    ],
)
def test_the_loss_of_a_logit_neither_overflows_nor_cancels(logit, target, loss, gradient):
    found = value_and_gradient(losses.binary_cross_entropy_with_logits, [logit], [target])
    assert found == (pytest.approx(loss, rel=1e-15), [pytest.approx(gradient, rel=1e-15)])


def test_cross_entropy_does_not_overflow():
    assert value_and_gradient(losses.cross_entropy, [1000.0, -1000.0], 0) == (0.0, [0.0, 0.0])
    assert value_and_gradient(losses.cross_entropy, [1000.0, -1000.0], 1) == (2000.0, [1.0, -1.0])
    assert value_and_gradient(losses.cross_entropy, [1000.0, -1000.0], [0.0, 1.0]) == (2000.0, [1.0, -1.0])


@settings(deadline=None)
@given(numbers, numbers, st.floats(0.1, 5))
def test_huber_goes_over_from_a_parabola_to_lines_at_delta(p, t, delta):
    error = abs(p - t)
    expected = error * error / 2 if error <= delta else delta * (error - delta / 2)
    value, (gradient,) = value_and_gradient(losses.huber, [p], [t], delta=delta)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert gradient == pytest.approx(max(-delta, min(p - t, delta)), rel=1e-12, abs=1e-300)


def test_binary_cross_entropy_takes_certain_probabilities_that_are_right():
    assert losses.binary_cross_entropy([mg.Value(1.0), mg.Value(0.0)], [1, 0]).data == 0.0
    assert losses.binary_cross_entropy(0.25, 0) == -math.log(0.75)
    assert math.isnan(losses.binary_cross_entropy(math.nan, 1))


@pytest.mark.parametrize(
    ("probability", "target", "message"),
    [
        (-0.5, 0, "needs a probability from 0 to 1, got"),
        (1.5, 1, "needs a probability from 0 to 1, got"),
        (0.0, 1, "log"),
        (1.0, 0, "binary_cross_entropy_with_logits"),
    ],
)
def test_binary_cross_entropy_refuses_what_is_no_probability(probability, target, message):
    with pytest.raises(ValueError, match=message):
        losses.binary_cross_entropy(mg.Value(probability), target)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.mse([1.0, 2.0], [1.0]),
            "mse needs as many targets as predictions, got 2 predictions and 1 targ",
        ),
        (lambda: losses.hinge([1.0], 1.0), r"hinge needs .* got 1 predictions and 1.0 \(float\)"),
        (lambda: losses.mae([1.0], "a"), r"mae needs .* got 1 predictions and 'a' \(str\)"),
        (lambda: losses.huber(1.0, 1.0, delta=0.0), "huber needs a delta above 0, got 0.0"),
        (lambda: losses.cross_entropy(mg.Value(1.0), 0), "needs a logit for each class, got Value"),
        (lambda: losses.cross_entropy([], 0), r"needs a logit for each class, got \[\]"),
        (lambda: losses.cross_entropy([1.0, 2.0], 2), "needs a class from 0 to 1, got 2"),
        (lambda: losses.cross_entropy([1.0, 2.0], -1), "needs a class from 0 to 1, got -1"),
        (lambda: losses.cross_entropy([1.0, 2.0], 0.5), "needs a class from 0 to 1, got 0.5"),
        (lambda: losses.cross_entropy([1.0, 2.0], "a"), "needs a class from 0 to 1, got 'a'"),
        (
            lambda: losses.cross_entropy([1.0, 2.0], [0.5, 0.25, 0.25]),
            r"needs a probability for each of 2 logits, got \[0.5, ",
        ),
        (lambda: losses.cross_entropy([1.0, 2.0], [0.5]), r"needs a class from 0 to 1, got 0.5"),
        (lambda: losses.cross_entropy([[1.0], [2.0]], [0]), r"as many targets as rows of logits \(2\), got \[0\]"),
        (lambda: losses.cross_entropy([[1.0], [2.0]], 0), r"as many targets as rows of logits \(2\), got 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_losses_take_arrays_of_numpy():
    np = pytest.importorskip("numpy", reason="arrays of NumPy")
    assert losses.mse(np.array([1.0, 3.0]), np.array([0.0, 1.0])) == 2.5
    assert losses.cross_entropy(np.array([[0.0, 0.0]]), np.array([1])) == math.log(2)


def test_one_target_may_come_as_a_row_of_one():
    assert losses.mse(mg.Value(3.0), [1.0]).data == 4.0
    assert losses.mse([mg.Value(3.0)], [[1.0]]).data == 4.0
    with pytest.raises(ValueError, match="mse needs one target for one prediction, got"):
        losses.mse(mg.Value(3.0), [1.0, 2.0])


@pytest.mark.parametrize(
    ("loss", "target", "message"),
    [
        (losses.hinge, 0, "hinge needs a target of -1 or 1, got 0"),
        (losses.binary_cross_entropy, 2, "needs a target from 0 to 1, got 2"),
        (losses.binary_cross_entropy_with_logits, -1, "needs a target from 0 to 1, got -1"),
        (losses.binary_cross_entropy, math.nan, "needs a target from 0 to 1, got nan"),
    ],
)
def test_a_target_out_of_range_is_refused(loss, target, message):
    with pytest.raises(ValueError, match=message):
        loss(mg.Value(0.5), target)


def test_a_class_may_be_a_row_of_its_own_as_frames_have_it() -> None:
    logits = [Value(0.5), Value(-1.0), Value(2.0)]
    assert mg.cross_entropy(logits, [2.0]).data == mg.cross_entropy(logits, 2).data
    assert mg.cross_entropy(logits, [Value(2.0)]).data == mg.cross_entropy(logits, Value(2.0)).data
    assert mg.cross_entropy([logits, logits], [[0], [1]]).data == mg.cross_entropy([logits, logits], [0, 1]).data
    model = mg.MLP(2, [3], seed=0)
    with pytest.raises(ValueError, match="needs a class from 0 to 2"):
        mg.cross_entropy(model([1.0, 2.0]), [3])
    X, y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 2]
    losses = []
    for targets in (y, [[label] for label in y]):
        model = mg.MLP(2, [3], seed=0)
        optimizer = mg.SGD(model.parameters(), lr=0.1)
        losses.append(
            mg.fit(model, X, targets, loss=mg.cross_entropy, optimizer=optimizer, epochs=3, progress=False).loss
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
