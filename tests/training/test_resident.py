"""Training inside of a program: the numbers of a training by Values, by each way, with every optimiser."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.training import fit as fitting
from microgrannd.training.direct import Direct
from microgrannd.training.resident import Resident
from microgrannd.training.run import Run

X, Y = mg.data.moons(40, noise=0.1, seed=0)


class Lion(mg.Optimizer):
    """Sign of a mean (Chen et al. 2023), as the documentation writes it."""

    beta1, beta2, weight_decay = 0.9, 0.99, 0.0
    update = {
        "direction": "beta1 * means + (1 - beta1) * g",
        "means": "beta2 * means + (1 - beta2) * g",
        "p": "p - lr * ((direction > 0) - (direction < 0) + weight_decay * p)",
    }


class ByMethod(mg.Optimizer):
    """One that has a method."""

    def _update(self, lr: float) -> None:
        for parameter in self.params:
            parameter.data -= lr * parameter.grad


OPTIMIZERS: dict[str, Callable[..., mg.Optimizer]] = {
    "SGD": lambda ps, **o: mg.SGD(ps, lr=0.1, **o),
    "momentum": lambda ps, **o: mg.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01, **o),
    "nesterov": lambda ps, **o: mg.SGD(ps, lr=mg.cosine(0.1, 60), momentum=0.9, nesterov=True, **o),
    "Adam": lambda ps, **o: mg.Adam(ps, lr=0.05, **o),
    "Adam with decay": lambda ps, **o: mg.Adam(ps, lr=mg.step_decay(0.05, 20), weight_decay=0.01, **o),
    "AdamW": lambda ps, **o: mg.AdamW(ps, lr=0.05, **o),
    "RMSprop": lambda ps, **o: mg.RMSprop(ps, lr=0.01, momentum=0.5, centered=True, **o),
    "Lion": lambda ps, **o: Lion(ps, lr=0.01, weight_decay=0.1, **o),
    "by method": lambda ps, **o: ByMethod(ps, lr=0.1, **o),
}


def by_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "is_resident", lambda *_: False)


def trained(name: str, compile: Any = True, part: bool = False, sizes: Any = (4, 1), **options: Any) -> list[Any]:
    model = mg.MLP(2, list(sizes), activation="tanh", seed=0)
    parameters = model.parameters()[::-1] if part else model.parameters()
    optimizer = OPTIMIZERS[name](parameters[: len(parameters) // 2 + 1] if part else parameters, **options)
    history = mg.fit(
        model, X, Y, loss=mg.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=17, batch_size=16, seed=1,
        compile=compile, progress=False,
    )  # fmt: skip
    state = optimizer.state_dict()
    gradients = [parameter.grad for parameter in model.parameters()]
    return [*model.state_dict().values(), *history.loss, *gradients, *(x for v in state.values() for x in _listed(v))]


def _listed(thing: Any) -> list[float]:
    return thing if isinstance(thing, list) else [thing]


@pytest.mark.parametrize("options", [{}, {"max_norm": 0.05}, {"part": True}, {"part": True, "max_norm": 0.02}])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_way_gives_what_values_give(name: str, options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, large = trained(name, **options), trained(name, sizes=(4, 60, 1), **options)
    with monkeypatch.context() as patch:
        patch.setattr("microgrannd.compiler.program.ROLLED", 10)
        rolled = trained(name, **options)
    numba = trained(name, "numba", **options) if find_spec("numba") else None
    by_values(monkeypatch)
    plain = trained(name, **options)
    assert straight == plain
    assert large == trained(name, sizes=(4, 60, 1), **options)
    assert rolled == pytest.approx(plain, rel=1e-11, abs=1e-13)
    assert numba is None or numba == pytest.approx(plain, rel=1e-11, abs=1e-13)
    assert straight == pytest.approx(trained(name, False, **options), rel=1e-11, abs=1e-13)


def test_several_optimizers_each_with_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(compile: Any = True) -> list[float]:
        model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
        first, last = (layer.parameters() for layer in model.layers)
        spare = Value(2.0, "spare")
        optimizers = [mg.AdamW(last, lr=0.02, max_norm=0.1), mg.SGD([spare, *first], 0.1, 0.9, weight_decay=0.01)]
        mg.fit(
            model,
            X,
            Y,
            loss=mg.mse,
            optimizer=optimizers,
            epochs=5,
            batch_size=8,
            seed=1,
            progress=False,
            compile=compile,
        )
        return [*model.state_dict().values(), spare.data, *optimizers[0].means, *optimizers[1].velocity]  # type: ignore[attr-defined]

    resident = run()
    assert 1.5 < resident[13 + 4] < 2.0  # which no loss depends on decays
    by_values(monkeypatch)
    assert resident == run()
    assert resident == pytest.approx(run(False), rel=1e-11)


def test_no_parameter_has_two_optimizers() -> None:
    model = mg.MLP(2, [1], seed=0)
    both = [mg.SGD(model.parameters(), 0.1), mg.Adam(model.parameters()[1:])]
    with pytest.raises(ValueError, match=r"^optimizer\[1\].params\[0\] is a parameter of optimizer\[0\] too"):
        mg.fit(model, X, Y, loss=mg.mse, optimizer=both, epochs=1, progress=False)
    for wrong, message in [([], "optimizer needs to be made"), ([both[0], "adam"], r"optimizer\[1\] needs to be made")]:
        with pytest.raises(TypeError, match=message):
            mg.fit(model, X, Y, loss=mg.mse, optimizer=wrong, epochs=1, progress=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("compile", [False, True, "numba"])
def test_a_callback_sees_each_epoch_and_may_change_what_it_sees(compile: Any) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    model, seen = mg.MLP(2, [3, 1], seed=0), []
    optimizer = mg.Adam(model.parameters(), lr=0.1)

    def look(epoch: int, history: mg.History) -> bool:
        seen.append((epoch, len(history.loss), optimizer.steps, [p.data for p in model.parameters()]))
        if epoch == 2:
            model.parameters()[0].data = 5.0
            optimizer.lr = 0.0
        return epoch == 4

    history = mg.fit(
        model, X, Y, loss=mg.mse, optimizer=optimizer, epochs=9, seed=0, progress=False, compile=compile, callback=look
    )
    assert [(epoch, count, steps) for epoch, count, steps, _ in seen] == [(n, n, n) for n in (1, 2, 3, 4)]
    assert len(history.loss) == 4
    assert seen[0][3] != seen[1][3]
    assert seen[2][3] == seen[3][3] == [5.0, *seen[1][3][1:]] == [p.data for p in model.parameters()]


@pytest.mark.parametrize("compile", [False, True])
def test_an_error_of_a_callback_leaves_what_there_was(compile: bool) -> None:
    models = [mg.MLP(2, [3, 1], seed=0) for _ in range(2)]
    for model, epochs in zip(models, (3, 9), strict=True):

        def fail(epoch: int, _: mg.History) -> None:
            if epoch == 3:
                raise RuntimeError("enough")

        optimizer = mg.SGD(model.parameters(), 0.1, momentum=0.9)
        try:
            mg.fit(
                model, X, Y, loss=mg.mse, optimizer=optimizer, epochs=epochs, seed=0, progress=False, compile=compile,
                callback=fail if epochs == 9 else None,
            )  # fmt: skip
        except RuntimeError:
            assert epochs == 9
    assert models[0].state_dict() == models[1].state_dict()


def test_a_parameter_replaced_by_a_callback_is_named() -> None:
    model = mg.MLP(2, [3, 1], seed=0)

    def replace(_: int, __: mg.History) -> None:
        model.layers[0].neurons[1].b = Value(1.0)

    with pytest.raises(ValueError, match=r"the model's parameter layers.0.neurons.1.b is another one now"):
        mg.fit(
            model,
            X,
            Y,
            loss=mg.mse,
            optimizer=mg.SGD(model.parameters(), 0.1),
            epochs=3,
            progress=False,
            callback=replace,
        )


@pytest.mark.parametrize("compile", [False, True, "numba"])
def test_an_error_in_a_step_leaves_what_there_was_before_it(compile: Any) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    model = mg.MLP(1, [1], activation="linear", seed=0)
    w, b = model.parameters()
    w.data, b.data = 1.0, 0.0
    optimizer = mg.SGD(model.parameters(), lr=4.0)
    rows = [[1.0], [2.0], [2.5]]
    with pytest.raises(ValueError, match=r"^epoch 1: .*log\(x\) needs x > 0"):
        mg.fit(
            model, rows, [0.0] * 3, loss=lambda p, t: mg.log(p + 3.0) + t, optimizer=optimizer, epochs=2, batch_size=1,
            shuffle=False, progress=False, compile=compile,
        )  # fmt: skip
    expected_w, expected_b = 1.0, 0.0
    for (x,) in rows[:2]:
        slope = 4.0 / (expected_w * x + expected_b + 3.0)
        expected_w, expected_b = expected_w - x * slope, expected_b - slope
    assert (w.data, b.data, optimizer.steps) == (pytest.approx(expected_w), pytest.approx(expected_b), 2)


@pytest.mark.parametrize("compile", [False, True, "numba"])
def test_an_update_without_a_value_leaves_what_there_was(compile: Any) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")

    class Inverse(mg.Optimizer):
        update = {"count": "count + 1", "p": "p - lr / (3 - count)"}

    model = mg.MLP(2, [1], activation="linear", seed=0)
    before = [p.data for p in model.parameters()]
    optimizer = Inverse(model.parameters(), lr=1.0)
    with pytest.raises(
        ZeroDivisionError, match=r"^epoch 3: Inverse cannot compute params\[0\] in step 3: .*division by zero"
    ):
        mg.fit(model, X, Y, loss=mg.mse, optimizer=optimizer, epochs=5, progress=False, compile=compile)
    assert optimizer.steps == 2
    assert optimizer.count == [2.0] * 3  # type: ignore[attr-defined]
    assert [p.data for p in model.parameters()] == pytest.approx([x - 0.5 - 1.0 for x in before])


def test_the_order_of_rows_is_that_of_random() -> None:
    for rows in (0, 1, 2, 5, 64, 1000):
        ours, theirs = random.Random(rows), random.Random(rows)
        run = Run(mg.MLP(1, [1], seed=0), [], ours, rows)
        order = list(range(rows))
        for _ in range(3):
            run.shuffle()
            theirs.shuffle(order)
            assert run.order == order
        assert ours.getstate() == theirs.getstate()


def test_which_trainings_stay_in_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[type] = []
    for kind in (Direct, Resident):
        monkeypatch.setattr(kind, "load", lambda self, load=kind.load: (used.append(type(self)), load(self)))
    trained("Adam")
    trained("Adam", False)
    trained("by method")
    assert used == [Resident]  # Direct has nothing to load


@pytest.mark.parametrize("compile", [True, "numba"])
def test_memory_is_flat_over_many_epochs(compile: Any) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    model = mg.MLP(2, [2, 1], seed=0)
    optimizer = mg.SGD(model.parameters(), 0.1)
    peaks = []

    def look(epoch: int, history: mg.History) -> None:
        history.loss[:-1] = [0.0] * (epoch - 1)
        if epoch in (500, 2500):
            peaks.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        mg.fit(
            model,
            *mg.data.xor(),
            loss=mg.mse,
            optimizer=optimizer,
            epochs=2500,
            progress=False,
            compile=compile,
            callback=look,
        )
    finally:
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2000 * 200  # the history grows
    assert math.isfinite(model.parameters()[0].data)
