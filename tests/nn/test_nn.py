import copy
import math
import pickle
import random
import statistics

import micrograd.nn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.nn import ACTIVATIONS, INITS, MLP, Layer, Module, Neuron

widths = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.integers(), st.integers(1, 4), widths)
def test_a_seeded_network_has_the_weights_scores_and_gradients_of_micrograd(seed, nin, nouts):
    nouts = [width + (width == 1 and i < len(nouts) - 1) for i, width in enumerate(nouts)]  # 1 crashes micrograd
    random.seed(seed)
    theirs = micrograd.nn.MLP(nin, nouts)
    random.seed(seed)
    ours = MLP(nin, nouts)
    assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]
    assert [repr(neuron) for layer in ours for neuron in layer] == [
        repr(n) for layer in theirs.layers for n in layer.neurons
    ]
    row = [random.uniform(-2, 2) for _ in range(nin)]
    for model in (ours, theirs):
        outputs = model(row)
        sum(outputs if isinstance(outputs, list) else [outputs], start=0.0).backward()
    assert [p.grad for p in ours.parameters()] == pytest.approx([p.grad for p in theirs.parameters()], abs=1e-12)


def test_a_seed_of_ones_own_leaves_the_module_random_alone():
    state = random.getstate()
    first, second, other = (MLP(2, [3, 1], seed=seed).state_dict() for seed in (0, 0, 1))
    assert first == second != other
    assert random.getstate() == state


def test_a_hidden_layer_of_width_1_works():
    model = MLP(2, [1, 1], seed=0)
    w, v = model.layers[0].neurons[0], model.layers[1].neurons[0]
    expected = v.w[0].data * max(w.w[0].data * 1.5 + w.w[1].data * -0.5, 0.0)
    assert model([1.5, -0.5]).data == pytest.approx(expected, rel=1e-15)
    assert MLP(1, [1, 2], seed=0)([1.0])[1].data == pytest.approx(MLP(1, [1, 2], seed=0)([mg.Value(1.0)])[1].data)


def test_parameters_have_the_names_of_the_attributes_that_hold_them():
    names = [name for name, _ in MLP(2, [4, 1]).named_parameters()]
    assert names[:3] == ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b"]
    assert {"layers.0.neurons.3.w.1", "layers.0.neurons.3.b"} < set(names)
    assert len(names) == len(set(names)) == 17


class Tower(Module):
    def __init__(self):
        self.scale = mg.Value(2.0)
        self.parts = {"left": [Neuron(1, rng=random.Random(0))], "right": (Neuron(1, rng=random.Random(1)),)}
        self.again = self.scale
        self.nested = [[{"deep": mg.Value(3.0)}]]
        self.sibling = self.parts["left"][0]
        self.parent = self
        self.note = "no parameter"


def test_a_module_finds_parameters_in_lists_dicts_and_modules_each_once():
    assert list(Tower().state_dict()) == [
        "scale", "parts.left.0.w.0", "parts.left.0.b", "parts.right.0.w.0", "parts.right.0.b", "nested.0.0.deep",
    ]  # fmt: skip


def test_a_module_finds_parameters_in_arrays_of_numpy_and_predicts_with_them():
    np = pytest.importorskip("numpy", reason="arrays of Values")

    class Linear(Module):
        def __init__(self):
            self.W = np.array([[mg.Value(1.0), mg.Value(2.0)], [mg.Value(3.0), mg.Value(4.0)]])
            self.offset = np.array([1.0, 1.0])

        def __call__(self, x):
            return np.array(x) @ self.W + self.offset

    assert Linear().state_dict() == {"W.0.0": 1.0, "W.0.1": 2.0, "W.1.0": 3.0, "W.1.1": 4.0}
    outputs = Linear().predict([[1.0, 1.0]])
    assert outputs == [[5.0, 7.0]]
    assert all(type(number) is float for number in outputs[0])


def test_zero_grad_zeroes_every_gradient():
    model = MLP(2, [2, 1], activation="tanh", seed=0)
    model([1.0, 2.0]).backward()
    assert all(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * len(model.parameters())


def test_state_dict_goes_round():
    first, second = MLP(2, [3, 2], seed=0), MLP(2, [3, 2], seed=1)
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda state: state.pop("b"), KeyError, r"\(3 parameters\): missing b"),
        (lambda state: state.update(c=1.0), KeyError, "unknown c"),
        (lambda state: (state.pop("w.0"), state.update(v=1.0)), KeyError, "missing w.0; unknown v"),
        (lambda state: state.update(b="1"), TypeError, r"b needs a real number, got '1' \(str\)"),
        (lambda state: state.update(b=None), TypeError, "b needs a real number, got None"),
        (lambda state: state.update(b=10**400), OverflowError, "too large"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_sets_nothing(change, error, message):
    neuron = Neuron(2)
    before = neuron.state_dict()
    state = dict.fromkeys(before, 7.0)
    change(state)
    with pytest.raises(error, match=message):
        neuron.load_state_dict(state)
    assert neuron.state_dict() == before


def test_a_model_survives_copy_and_pickle():
    model = MLP(2, [2, 1], seed=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.state_dict() == model.state_dict()
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in model.parameters()}


def test_predict_gives_the_floats_of_the_graph_without_making_one(monkeypatch):
    rows = [[0.5, -1.0], (2, 3)]
    one, two = MLP(2, [3, 1], seed=0), MLP(2, [3, 2], seed=0)
    expected = [one(row).data for row in rows], [[v.data for v in two(row)] for row in rows]
    seen = []
    call = MLP.__call__
    monkeypatch.setattr(MLP, "__call__", lambda self, x: seen.append(call(self, x)) or seen[-1])
    assert (one.predict(rows), two.predict(rows)) == expected
    assert seen[0]._prev == () == seen[2][0]._prev
    assert all(type(number) is float for number in [*one.predict(rows), *two.predict(rows)[0]])


def test_predict_takes_rows_of_numpy_and_no_rows():
    np = pytest.importorskip("numpy", reason="rows of NumPy")
    model = MLP(2, [3, 1], seed=0)
    assert model.predict(np.array([[1, 2]])) == model.predict([[1.0, 2.0]])
    assert model.predict([]) == []


@pytest.mark.parametrize("row", [[], [1.0], [1.0, 2.0, 3.0]])
def test_a_row_of_the_wrong_width_is_told_what_is_needed(row):
    with pytest.raises(ValueError, match=rf"ReLUNeuron\(2\) needs 2 inputs, got {len(row)}"):
        MLP(2, [1, 1])(row)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_is_that_method_of_value(name):
    neuron = Neuron(1, activation=name)
    neuron.load_state_dict({"w.0": 0.5, "b": 0.25})
    point = 2.5 if name == "acosh" else 0.75
    expected = point if name == "linear" else getattr(mg, name)(point)
    assert neuron([(point - 0.25) / 0.5]).data == expected
    assert repr(neuron).lower() == f"{name}neuron(1)"


def test_the_layers_of_a_network_have_the_activations_that_were_asked_for():
    model = MLP(1, [2, 2, 1], activation="tanh", output_activation="sigmoid")
    assert [repr(layer) for layer in model] == [
        "Layer(1, 2, activation='tanh')",
        "Layer(2, 2, activation='tanh')",
        "Layer(2, 1, activation='sigmoid')",
    ]
    assert repr(model) == "MLP(1, [2, 2, 1], activation='tanh', output_activation='sigmoid')"
    assert str(model) == f"{model!r}: 13 parameters"
    assert repr(Neuron(2, nonlin=False)) == "LinearNeuron(2)"
    assert repr(Layer(2, 1, nonlin=False, activation="tanh")) == "Layer(2, 1, nonlin=False)"


@pytest.mark.parametrize(
    ("init", "deviation", "bound"),
    [
        ("uniform", 1 / math.sqrt(3), 1.0),
        ("normal", 1.0, None),
        ("xavier", math.sqrt(2 / (40 + 60)), math.sqrt(6 / (40 + 60))),
        ("he", math.sqrt(2 / 40), None),
        ("lecun", math.sqrt(1 / 40), None),
    ],
)
def test_weights_are_drawn_from_the_distribution_of_their_init(init, deviation, bound):
    state = MLP(40, [60], init=init, seed=3).state_dict()
    weights = [number for name, number in state.items() if ".w." in name]
    assert statistics.fmean(weights) == pytest.approx(0, abs=0.1 * deviation)
    assert statistics.pstdev(weights) == pytest.approx(deviation, rel=0.05)
    if bound is None:
        assert max(map(abs, weights)) > 3 * deviation  # normal: it has tails
    else:
        assert 0.99 * bound < max(map(abs, weights)) <= bound
    assert {number for name, number in state.items() if name.endswith(".b")} == {0.0}
    assert len(INITS) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP(0, [1]), "nin needs to be a whole number of at least 1, got 0"),
        (lambda: MLP(2.0, [1]), r"nin needs .* got 2.0 \(float\)"),
        (lambda: MLP(2, []), r"nouts needs to be a sequence with a number of neurons for each layer, as .*, got \[\]"),
        (lambda: MLP(2, 3), "nouts needs to be a sequence with a number of neurons for each layer, as .*, got 3"),
        (lambda: MLP(2, [3, 0]), "nout needs to be a whole number of at least 1, got 0"),
        (lambda: MLP(2, [True]), "nout needs to be a whole number of at least 1, got True"),
        (
            lambda: MLP(2, [3], init="glorot"),
            "init needs to be one of uniform, normal, xavier, he, lecun, or a function, got 'glorot'",
        ),
        (lambda: MLP(2, [3], output_activation="rleu"), "activation needs to be one of .*relu.*, got 'rleu'"),
        (lambda: Neuron(1, activation="sum"), "activation needs to be one of"),
        (lambda: Neuron(1, activation="maximum"), "activation needs to be one of"),
        (lambda: Neuron(1, activation="backward"), "activation needs to be one of"),
    ],
)
def test_a_network_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_options_of_a_module_make_one_of_its_form():
    model = MLP(2, [3, 1], activation="tanh", output_activation="sigmoid")
    assert repr(MLP(**model.options())) == repr(model)
    layer = Layer(2, 3, activation="elu")
    assert repr(Layer(**layer.options())) == repr(layer)
    neuron = Neuron(2, nonlin=False)
    assert repr(Neuron(**neuron.options())) == repr(neuron)


def test_a_result_kept_as_an_attribute_is_no_parameter():
    class Net(mg.Module):
        def __init__(self):
            self.w = Value(2.0)
            self.last = self.w * 2

    assert Net().state_dict() == {"w": 2.0}


def test_numbers_of_numpy_are_sizes(np):
    assert repr(mg.MLP(np.int64(2), [np.int64(3), 1])) == repr(mg.MLP(2, [3, 1]))


def test_a_layer_may_be_linear():
    assert repr(mg.Layer(2, 1, False)) == "Layer(2, 1, nonlin=False)"
    with pytest.raises(ValueError, match="activation needs to be one of"):
        mg.MLP(2, [1], activation="foo")
    with pytest.raises(TypeError, match=r"predict takes rows, as predict\(\[row\]\) for a single one; 1\.0 is no row"):
        mg.MLP(2, [1]).predict([1.0, 2.0])


def test_keys_of_one_name_are_refused():
    class Parts(Module):
        def __init__(self):
            self.parts = {2: Value(1.0), "2": 3.0}

    model = Parts()
    assert model.state_dict() == {"parts.2": 1.0}
    model.parts["2"] = Value(2.0)
    with pytest.raises(ValueError, match="keys with parameters under them need unlike names, got 2 and '2'"):
        model.state_dict()


def test_keys_with_dots_are_refused_as_names_could_be_the_same():
    class Parts(Module):
        def __init__(self):
            self.options = {"lr.decay": 0.5}
            self.parts = {"a": {"b": Value(1.0)}}

    model = Parts()
    assert model.state_dict() == {"parts.a.b": 1.0}
    model.parts["a.b"] = Value(2.0)
    with pytest.raises(
        ValueError,
        match=r"a key with parameters under it cannot have a dot: 'a\.b' \(str\) in parts\.",
    ):
        model.state_dict()


@mg.rule("x * x * x / (1 + x * x)", dx="x * x * (3 + x * x) / (1 + x * x) ** 2")
def soft_cube(x):
    """One's own."""


@pytest.mark.parametrize("activation", [soft_cube, mg.tanh, lambda v: mg.maximum(v, v * 0.125)])
def test_an_activation_is_any_function_of_a_value(activation):
    model, by_hand = (MLP(2, [3, 1], activation=kind, init="xavier", seed=0) for kind in (activation, "linear"))
    row = [0.5, -0.25]
    hidden = [activation(neuron(row)) for neuron in by_hand.layers[0].neurons]
    assert model(row).data == by_hand.layers[1](hidden).data
    history = mg.fit(
        model, [row, [1.0, 2.0]], [1.0, -1.0], loss=mg.mse, optimizer=mg.Adam(model.parameters(), 0.05), epochs=100,
        progress=False,
    )  # fmt: skip
    assert history.loss[-1] < history.loss[0] / 5
    assert repr(MLP(1, [1], output_activation=soft_cube)) == "MLP(1, [1], output_activation=soft_cube)"


def test_an_activation_that_gives_no_value_is_refused():
    with pytest.raises(TypeError, match=r"the activation of .* needs to return a Value, got 1\.0"):
        MLP(1, [2, 1], activation=lambda v: 1.0)([0.5])
    for options in ({"bias": 0.5}, {"activation": ["tanh"]}, {"init": ["he"]}):
        with pytest.raises(ValueError, match=rf"{next(iter(options))} needs"):
            MLP(1, [2, 1], **options)


def test_weights_are_drawn_by_any_function():
    model = MLP(2, [3, 1], init=lambda rng, nin, nout: nin + nout / 8, seed=0)
    assert [p.data for p in model.layers[0].neurons[0].w] == [2.375, 2.375]


def test_a_network_without_biases_has_none():
    model = MLP(2, [3, 1], bias=False, seed=0)
    assert [name for name, _ in model.named_parameters() if name.endswith("b")] == []
    assert model([0.0, 0.0]).data == 0.0
    assert "bias=False" in repr(model)
