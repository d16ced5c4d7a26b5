import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import SGD, Adam, AdamW, RMSprop, Value
from microgrannd.optim import Optimizer
from tests.optim.test_formulas import OPTIONS, variants

gradients = st.lists(st.lists(st.floats(-10, 10), min_size=2, max_size=2), min_size=20, max_size=20)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is the reference")


SCHEDULES = [
    lambda lr: lr,
    lambda lr: mg.cosine(lr, 40, lr / 10),
    lambda lr: mg.linear(lr, 30),
    lambda lr: mg.step_decay(lr, 9),
]


@pytest.mark.parametrize(("kind", "options"), [case for case in variants() if case.values[0] in OPTIONS])
@settings(deadline=None, max_examples=15)
@given(
    schedule=st.sampled_from(SCHEDULES),
    max_norm=st.sampled_from([None, 1.0]),
    lr=st.sampled_from([0.001, 0.1]),
    seed=st.integers(0, 10**6),
)
def test_fifty_steps_are_those_of_pytorch(torch, kind, options, schedule, max_norm, lr, seed):
    """Also of an optimiser over a part of the parameters, in an order of its own, beside another one."""
    ours = [Value(x) for x in (1.0, -2.0, 0.5, 0.0)]
    theirs = [torch.tensor(p.data, dtype=torch.float64, requires_grad=True) for p in ours]
    lr, rng = schedule(lr), random.Random(seed)
    optimizers = kind([ours[2], ours[0]], lr, max_norm=max_norm, **options), SGD([ours[3]], 0.1, momentum=0.5)
    others = (
        getattr(torch.optim, kind.__name__)([theirs[2], theirs[0]], **options),
        torch.optim.SGD([theirs[3]], 0.1, 0.5),
    )
    for step in range(50):
        gradients = [rng.gauss(0, 1) * 10 ** rng.uniform(-2, 1) * (rng.random() < 0.9) for _ in ours]
        norm = math.hypot(gradients[0], gradients[2])
        scale = max_norm / norm if max_norm is not None and norm > max_norm else 1.0  # PyTorch adds 1e-6 to the norm
        for p, q, gradient in zip(ours, theirs, gradients, strict=True):
            p.grad = gradient
            q.grad = torch.tensor(gradient * (scale if p in optimizers[0].params else 1.0), dtype=torch.float64)
        for group in others[0].param_groups:
            group["lr"] = lr(step) if callable(lr) else lr
        for optimizer in (*optimizers, *others):
            optimizer.step()
    assert [p.data for p in ours] == pytest.approx([q.item() for q in theirs], rel=1e-12, abs=1e-12)
    assert ours[1].data == -2.0


def stepped(optimizer, *gradients):
    """Where a parameter at 1 is after steps with these gradients."""
    (parameter,) = optimizer.params
    for gradient in gradients:
        parameter.grad = gradient
        optimizer.step()
    return parameter.data


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: SGD(p, 0.5), 1 - 0.5 * 0.2 - 0.5 * 0.4),
        (lambda p: SGD(p, 0.5, momentum=0.5), 1 - 0.5 * 0.2 - 0.5 * (0.5 * 0.2 + 0.4)),
        (lambda p: SGD(p, 0.5, momentum=0.5, nesterov=True), 1 - 0.5 * (0.2 + 0.1) - 0.5 * (0.4 + 0.5 * (0.1 + 0.4))),
        (lambda p: SGD(p, 0.5, weight_decay=0.1), (0.85) - 0.5 * (0.4 + 0.1 * 0.85)),
        # After one step the means, freed of their bias, are g and g²: the step is lr · g / (|g| + eps).
        (lambda p: Adam(p, 0.5, betas=(0, 0), eps=0.1), 1 - 0.5 * 0.2 / 0.3 - 0.5 * 0.4 / 0.5),
        (lambda p: AdamW(p, 0.5, betas=(0, 0), eps=0.1, weight_decay=0), 1 - 0.5 * 0.2 / 0.3 - 0.5 * 0.4 / 0.5),
        # With alpha = 0 the mean of squares is g²; after the first step the velocity counts once more, by its share.
        (lambda p: RMSprop(p, 0.5, alpha=0, eps=0.1), 1 - 0.5 * 0.2 / 0.3 - 0.5 * 0.4 / 0.5),
        (lambda p: RMSprop(p, 0.5, 0, 0.1, momentum=0.5), 1 - 0.5 * 0.2 / 0.3 - 0.5 * (0.5 * 0.2 / 0.3 + 0.4 / 0.5)),
        (lambda p: RMSprop(p, 0.5, 0, 0.1, centered=True), 1 - 0.5 * 0.2 / 0.1 - 0.5 * 0.4 / 0.1),
    ],
)
def test_two_steps_by_hand(make, expected):
    assert stepped(make([Value(1.0)]), 0.2, 0.4) == pytest.approx(expected, rel=1e-15)


def test_adam_couples_weight_decay_to_the_gradient_and_adamw_shrinks_the_parameter():
    assert stepped(Adam([Value(1.0)], 0.5, eps=0.1, weight_decay=0.1), 0.2) == pytest.approx(1 - 0.5 * 0.3 / 0.4)
    assert stepped(AdamW([Value(1.0)], 0.5, eps=0.1, weight_decay=0.1), 0.2) == pytest.approx(0.95 - 0.5 * 0.2 / 0.3)


def test_the_second_step_of_adam_by_hand():
    mean, square = 0.9 * 0.1 * 2 + 0.1 * -1, 0.999 * 0.001 * 4 + 0.001 * 1
    second = 0.1 * (mean / (1 - 0.9**2)) / (math.sqrt(square / (1 - 0.999**2)) + 1e-8)
    assert stepped(Adam([Value(1.0)], 0.1), 2.0, -1.0) == pytest.approx(1 - 0.1 / (1 + 0.5e-8) - second, rel=1e-14)


def test_the_learning_rate_can_be_a_function_of_the_step_and_be_assigned():
    seen = []
    optimizer = SGD([Value(1.0)], lr=lambda step: seen.append(step) or 0.25)
    assert stepped(optimizer, 1.0, 1.0) == 0.5
    assert seen == [0, 1]
    optimizer.lr = 0.125
    assert stepped(optimizer, 1.0) == 0.375
    optimizer.lr = mg.linear(2.0, 4)  # goes on at step 3: 0.5
    assert stepped(optimizer, 1.0) == -0.125


def test_zero_grad_zeroes_and_parameters_may_come_from_a_generator():
    parameters = [Value(1.0), Value(2.0)]
    optimizer = SGD((p for p in parameters), lr=0.1)
    for p in parameters:
        p.grad = 1.0
    optimizer.zero_grad()
    assert [p.grad for p in parameters] == [0.0, 0.0]


def test_an_optimiser_of_ones_own_needs_only_an_update():
    class Sign(Optimizer):
        def _update(self, lr):
            for p in self.params:
                p.data -= math.copysign(lr, p.grad)

    assert stepped(Sign([Value(1.0)], 0.25), -3.0) == 1.25
    with pytest.raises(NotImplementedError):
        Optimizer([Value(1.0)], 0.1).step()


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), max_size=5), st.floats(0, 1e3))
def test_clipping_the_norm_keeps_the_direction(gradients, limit):
    parameters = [Value(0.0) for _ in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    norm = mg.clip_grad_norm((p for p in parameters), limit)
    assert norm == pytest.approx(math.sqrt(sum(g * g for g in gradients)), rel=1e-12, abs=1e-150)
    scale = min(1.0, limit / norm) if norm else 1.0
    assert [p.grad for p in parameters] == pytest.approx([g * scale for g in gradients], rel=1e-12, abs=1e-300)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=5), st.floats(0, 1e3))
def test_clipping_values_bounds_each(gradients, limit):
    parameters = [Value(0.0) for _ in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    mg.clip_grad_value(parameters, limit)
    assert [p.grad for p in parameters] == [max(-limit, min(g, limit)) for g in gradients]


def test_schedules_at_their_ends_in_the_middle_and_beyond():
    cosine, linear, steps = mg.cosine(1.0, 100, minimum=0.5), mg.linear(1.0, 100, end=0.5), mg.step_decay(1.0, 10, 0.5)
    assert [cosine(step) for step in (0, 50, 100, 200)] == [1.0, 0.75, 0.5, 0.5]
    assert cosine(25) == pytest.approx(0.75 + 0.25 * math.sqrt(0.5), rel=1e-15)
    assert [linear(step) for step in (0, 25, 50, 100, 200)] == [1.0, 0.875, 0.75, 0.5, 0.5]
    assert [steps(step) for step in (0, 9, 10, 19, 20)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert mg.cosine(1.0, 0)(0) == mg.linear(1.0, 0)(0) == 0.0
    assert mg.step_decay(1.0, 1)(2) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: SGD(p, -0.1), "lr needs to be a finite number of at least 0, got -0.1"),
        (lambda p: SGD(p, math.nan), "lr needs .* got nan"),
        (lambda p: SGD(p, 0.1, momentum=-1), "momentum needs"),
        (lambda p: SGD(p, 0.1, weight_decay=math.inf), "weight_decay needs"),
        (lambda p: SGD(p, 0.1, nesterov=True), "nesterov needs a momentum above 0"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), r"betas need .* got \(0.9, 1.0\)"),
        (lambda p: Adam(p, betas=(-0.1, 0.9)), "betas need"),
        (lambda p: Adam(p, betas=(0.9,)), "betas need to be two numbers"),
        (lambda p: Adam(p, eps=0), "eps needs to be above 0"),
        (lambda p: AdamW(p, weight_decay=-1), "weight_decay needs"),
        (lambda p: RMSprop(p, alpha=1), r"alpha needs to be a number of at least 0 and below 1, got 1 \(int\)"),
        (lambda p: RMSprop(p, alpha=-0.1), "alpha needs"),
        (lambda p: RMSprop(p, eps=0), "eps needs to be above 0"),
        (lambda p: RMSprop(p, momentum=math.inf), "momentum needs"),
        (lambda p: mg.clip_grad_norm(p, -1), "max_norm needs"),
        (lambda p: mg.clip_grad_value(p, math.nan), "max_value needs"),
        (lambda _: mg.cosine(-1, 10), "lr needs"),
        (lambda _: mg.linear(1, -10), "steps needs"),
        (lambda _: mg.step_decay(0.1, 0), "every needs to be at least 1 step, got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call([Value(1.0)])


def test_a_learning_rate_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="lr needs a real number, got 'fast'"):
        SGD([Value(1.0)], "fast")


def test_an_optimiser_refuses_what_is_no_value():
    with pytest.raises(TypeError, match=r"needs Values, got \('w.0', Value"):
        SGD(mg.Neuron(1).named_parameters(), lr=0.1)


MAKERS = [
    lambda p: SGD(p, 0.1),
    lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
    lambda p: Adam(p, lambda step: 0.1 / (1 + step), max_norm=1.0),
    lambda p: AdamW(p, 0.1),
    lambda p: RMSprop(p, 0.1),
    lambda p: RMSprop(p, 0.1, momentum=0.9, centered=True, weight_decay=0.1),
]


@settings(deadline=None)
@given(st.sampled_from(MAKERS), gradients, st.integers(0, 20))
def test_an_optimiser_goes_on_from_the_state_of_another_to_the_bit(make, gradients, steps):
    def advanced(optimizer, rows):
        for row in rows:
            for p, gradient in zip(optimizer.params, row, strict=True):
                p.grad = gradient
            optimizer.step()
        return [p.data for p in optimizer.params]

    whole = make([Value(1.0), Value(-2.0)])
    halfway = advanced(whole, gradients[:steps])
    state = whole.state_dict()
    text = json.dumps(state)
    expected = advanced(whole, gradients[steps:])
    assert json.dumps(state) == text  # a copy
    other = make([Value(x) for x in halfway])
    other.load_state_dict(json.loads(text))
    assert advanced(other, gradients[steps:]) == expected


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({"steps": 1}, KeyError, r"the state of Adam has \['means', 'squares', 'steps'\], got \['steps'\]"),
        ({"steps": 1, "means": [0.0], "squares": [0.0], "more": 1}, KeyError, "got .*'more'"),
        (
            {"steps": -1, "means": [0.0], "squares": [0.0]},
            ValueError,
            "steps needs to be a whole number from 0 to 9007199254740992, got -1",
        ),
        ({"steps": 1.0, "means": [0.0], "squares": [0.0]}, ValueError, r"got 1.0 \(float\)"),
        ({"steps": 1, "means": [0.0], "squares": []}, ValueError, "squares needs a number for each of 1 par.*, got 0"),
        ({"steps": 1, "means": [0.0], "squares": ["0"]}, TypeError, r"squares\[0\] needs a real number, got '0'"),
        ({"steps": 1, "means": [0.0], "squares": [-1.0]}, ValueError, "squares needs numbers of at least 0"),
        ({"steps": 1, "means": 0.0, "squares": [0.0]}, TypeError, "means needs to be a row of numbers, got 0.0"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_set(state, error, message):
    optimizer = Adam([Value(1.0)], 0.1)
    stepped(optimizer, 1.0)
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


def test_a_mean_of_squares_below_0_is_refused():
    for optimizer in (AdamW([Value(1.0)]), RMSprop([Value(1.0)])):
        state = {**optimizer.state_dict(), "squares": [-1e-9]}
        with pytest.raises(ValueError, match="squares needs numbers of at least 0"):
            optimizer.load_state_dict(state)


def test_a_centred_mean_of_squares_that_rounds_below_0_is_0():
    optimizer = RMSprop([Value(1.0)], 1e-9, alpha=0.9, centered=True)
    stepped(optimizer, *[0.1] * 1000)
    assert optimizer.squares[0] - optimizer.means[0] ** 2 < 1e-15
    optimizer.squares[0] *= 1 - 1e-9
    stepped(optimizer, 0.1)


def test_the_options_make_an_optimiser_of_the_same_form():
    for make in MAKERS:
        optimizer = make([Value(1.0)])
        twin = type(optimizer)([Value(1.0)], **optimizer.options())
        assert vars(twin) == {**vars(optimizer), "params": twin.params}


@pytest.mark.parametrize("name", ["momentum", "weight_decay", "lr", "max_norm", "eps", "betas"])
def test_numbers_of_numpy_are_floats_from_the_start(np, name):
    number = np.float32(0.5)
    kind = mg.Adam if name in ("eps", "betas") else mg.SGD
    options = {"lr": 0.1, name: (number, number) if name == "betas" else number}
    optimizer = kind([Value(1.0)], **options)
    assert {type(x) for x in np.ravel(optimizer.options()[name]).tolist()} == {float}
    w = Value(1.0)
    w.grad = 2.0
    mg.clip_grad_value([w], number)
    assert type(w.grad) is float


def test_an_optimizer_shows_how_many_parameters_it_has_and_their_rate():
    model = mg.MLP(2, [3, 1], seed=0)
    assert repr(mg.Adam(model.parameters(), lr=0.01)) == "Adam(13 parameters, lr=0.01)"
    assert repr(mg.SGD(model.parameters()[:2], lr=mg.cosine(0.1, steps=5))) == "SGD(2 parameters, lr=a schedule)"
