"""Networks whose numbers are known: from the literature, and from micrograd itself."""

import random

import micrograd.engine
import micrograd.nn
import pytest

from microgrannd import SGD, Layer, fit, mse
from microgrannd.engine import Value
from microgrannd.nn import MLP


def exactly(number):
    return pytest.approx(number, rel=1e-12)


class TwoByTwo:
    """Two inputs, two hidden neurons, some outputs; sigmoid everywhere."""

    def __init__(self, hidden, outputs, biases=(0.0, 0.0)):
        self.layers = [Layer(2, len(rows), activation="sigmoid") for rows in (hidden, outputs)]
        for layer, rows, bias in zip(self.layers, (hidden, outputs), biases, strict=True):
            for neuron, row in zip(layer.neurons, rows, strict=True):
                neuron.load_state_dict({"w.0": row[0], "w.1": row[1], "b": bias})
        self.weights = [w for layer in self.layers for neuron in layer.neurons for w in neuron.w]

    def __call__(self, row):
        hidden = self.layers[0](row)
        return hidden, self.layers[1](hidden)


def test_the_textbook_network_and_its_step():
    network = TwoByTwo([[0.2, 0.2], [0.3, 0.3]], [[0.3, 0.9]])
    (y3, y4), y5 = network([0.35, 0.7])
    assert [y3._prev[0].data, y4._prev[0].data, y5._prev[0].data] == exactly([0.21, 0.315, 0.6859870824681757])
    assert [y3.data, y4.data, y5.data] == exactly([0.5523079095743253, 0.5781052328843092, 0.6650736395247564])
    (mse(y5, 0.5) / 2).backward()
    deltas = [-y._prev[0].grad for y in (y5, y3, y4)]
    assert deltas == exactly([-0.03677026768832938, -0.0027275877458127758, -0.008071427316084548])
    assert -network.weights[0].grad == exactly(-0.00095465571103447)
    SGD(network.weights, lr=1.0).step()
    assert [w.data for w in network.weights] == exactly(
        [
            0.19904534428896553, 0.19809068857793108, 0.2971750004393704, 0.2943500008787408,
            0.27969149031857043, 0.87874291583482,
        ]
    )  # fmt: skip
    (y3, y4), y5 = network([0.35, 0.7])
    assert [y3.data, y4.data, y5.data] == exactly([0.5518947827821651, 0.5768989912472763, 0.6595537417071098])


def test_the_textbook_xor_learns():
    model = MLP(2, [4, 1], activation="sigmoid", output_activation="sigmoid", init="normal", seed=0)
    history = fit(
        model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss=lambda p, t: mse(p, t) * 2,  # ½ · Σ is 2 · mean
        optimizer=SGD(model.parameters(), lr=2.0), epochs=1000, shuffle=False, progress=False,
    )  # fmt: skip
    assert history.loss[0] / 2 > 0.2
    assert [round(output) for output in model.predict([[0, 0], [0, 1], [1, 0], [1, 1]])] == [0, 1, 1, 0]


def test_the_step_by_step_example_of_matt_mazur():
    def error(outputs):
        return mse(outputs, [0.01, 0.99])  # ½ · Σ of two is their mean

    network = TwoByTwo([[0.15, 0.2], [0.25, 0.3]], [[0.4, 0.45], [0.5, 0.55]], biases=(0.35, 0.6))
    hidden, outputs = network([0.05, 0.1])
    E = error(outputs)
    E.backward()
    assert [f"{h:.9f}" for h in hidden] == ["0.593269992", "0.596884378"]
    assert [f"{o:.9f}" for o in outputs] == ["0.751365070", "0.772928465"]
    w = network.weights
    assert [f"{E:.9f}", f"{w[4].grad:.9f}", f"{w[0].grad:.9f}"] == ["0.298371109", "0.082167041", "0.000438568"]
    SGD(w, lr=0.5).step()
    printed = [0.149780716, 0.19956143, 0.24975114, 0.29950229, 0.35891648, 0.408666186, 0.511301270, 0.561370121]
    digits = [9, 8, 8, 8, 8, 9, 9, 9]
    assert [round(v.data, n) for v, n in zip(w, digits, strict=True)] == printed
    assert f"{error(network([0.05, 0.1])[1]):.9f}" == "0.291027774"


def test_the_example_of_micrograds_readme():
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert [g.data, a.grad, b.grad] == exactly([2421 / 98, 47620 / 343, 221433 / 343])


def test_the_circuit_and_the_neuron_of_cs231n():
    x, y, z = Value(-2.0), Value(5.0), Value(-4.0)
    f = (x + y) * z
    f.backward()
    assert [f.data, x.grad, y.grad, z.grad] == [-12.0, -4.0, -4.0, 3.0]
    neuron = Layer(2, 1, activation="sigmoid").neurons[0]
    neuron.load_state_dict({"w.0": 2.0, "w.1": -3.0, "b": -3.0})
    inputs = [Value(-1.0), Value(-2.0)]
    output = neuron(inputs)
    output.backward()
    assert f"{output:.3f}" == "0.731"
    gradients = [v.grad for v in (*neuron.w, neuron.b, *inputs)]
    assert [f"{gradient:.2f}" for gradient in gradients] == ["-0.20", "-0.39", "0.20", "0.39", "-0.59"]


class Demo:
    """micrograd's demo: the program is the same, the engine is the one that is given."""

    def __init__(self, value, mlp):
        datasets = pytest.importorskip("sklearn.datasets", reason="the demo's data come from scikit-learn")
        numpy = pytest.importorskip("numpy", reason="the demo's data come from scikit-learn")
        numpy.random.seed(1337)
        random.seed(1337)
        self.X, y = datasets.make_moons(n_samples=100, noise=0.1)
        self.y = y * 2 - 1
        self.value = value
        self.model = mlp(2, [16, 16, 1])
        self.step = 0

    def loss(self):
        inputs = [list(map(self.value, row)) for row in self.X]
        scores = list(map(self.model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(self.y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in self.model.parameters())
        accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(self.y, scores, strict=True)]
        return data_loss + reg_loss, sum(accuracy) / len(accuracy), [score.data for score in scores]

    def train(self):
        """One step; returns the loss and accuracy before it, the scores and the parameters' gradients."""
        total, accuracy, scores = self.loss()
        self.model.zero_grad()
        total.backward()
        rate = 1.0 - 0.9 * self.step / 100
        for p in self.model.parameters():
            p.data -= rate * p.grad
        self.step += 1
        return total.data, accuracy, scores, [p.grad for p in self.model.parameters()]


def beside_micrograd(steps):
    theirs = Demo(micrograd.engine.Value, micrograd.nn.MLP)
    ours = Demo(Value, MLP)
    assert len(ours.model.parameters()) == 337
    for _ in range(steps):
        (loss, accuracy, scores, gradients), expected = ours.train(), theirs.train()
        assert accuracy == expected[1]
        assert [loss, *scores, *gradients] == pytest.approx(
            [expected[0], *expected[2], *expected[3]], rel=1e-9, abs=1e-9
        )


def test_micrograds_demo_reaches_the_published_losses():
    demo = Demo(Value, MLP)
    history = [demo.train()[:2] for _ in range(100)]
    assert history[0] == (pytest.approx(0.8958441028683222, rel=1e-9), 0.5)
    assert history[99] == (pytest.approx(0.010978370135492717, rel=1e-9), 1.0)


def test_micrograds_demo_beside_micrograd_for_10_steps():
    beside_micrograd(10)


@pytest.mark.slow
def test_micrograds_demo_beside_micrograd_for_all_100_steps():
    beside_micrograd(100)
