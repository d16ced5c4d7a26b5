"""Training inside of a program where something goes wrong, looks on or interferes: as by Values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value

X, Y = [[0.0], [1.0]], [0.0, -1.0]


@pytest.fixture(params=[False, True, "numba"])
def way(request: Any) -> Any:
    if request.param == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    return request.param


def network() -> mg.MLP:
    return mg.MLP(1, [1], seed=0)


def train(model: Any, optimizer: Any, way: Any, epochs: int = 30, loss: Any = mg.mse, **options: Any) -> mg.History:
    return mg.fit(
        model, X, Y, loss=loss, optimizer=optimizer, epochs=epochs, progress=False, compile=way, seed=0, **options
    )


class Divided(mg.Optimizer):
    update = {"p": "p - lr / (t - 17) * g"}


@pytest.mark.parametrize(
    ("make", "epoch", "message"),
    [
        (lambda ps: mg.SGD(ps, lr=lambda step: 0.1 / (20 - step)), 21, "division by zero"),
        (lambda ps: Divided(ps, lr=0.1), 17, "Divided cannot compute its constants in step 17: .*division by zero"),
    ],
)
def test_a_rate_that_raises_leaves_what_was_learnt(
    make: Callable[..., Any], epoch: int, message: str, way: Any
) -> None:
    model, other = network(), network()
    optimizer = make(model.parameters())
    with pytest.raises(ZeroDivisionError, match=f"^epoch {epoch}: .*{message}|^epoch {epoch}: {message}"):
        train(model, optimizer, way)
    assert optimizer.steps == epoch - 1
    train(other, make(other.parameters()), False, epoch - 1)
    assert model.state_dict() == pytest.approx(other.state_dict(), rel=1e-12)


def test_an_error_of_any_kind_leaves_what_was_learnt(way: Any) -> None:
    class Late(BaseException):
        pass

    def late(step: int) -> float:
        if step == 14:
            raise Late
        return 0.01

    model, other = network(), network()
    optimizer, again = mg.Adam(model.parameters(), lr=late), mg.Adam(other.parameters(), lr=lambda _: 0.01)
    with pytest.raises(Late):
        train(model, optimizer, way, 10**7)
    assert optimizer.steps > 10
    train(other, again, way, optimizer.steps)
    assert other.state_dict() == model.state_dict()
    assert again.state_dict() == optimizer.state_dict()


class Warm(mg.Optimizer):
    update = {"p": "p - lr * warm * g"}

    @property
    def warm(self) -> float:
        return min(1.0, self.steps / 20)


def test_options_that_follow_the_steps_are_read_at_each(way: Any) -> None:
    losses = []
    for compile in (False, way):  # noqa: A001
        model = network()
        losses.append(train(model, Warm(model.parameters(), lr=0.1), compile).loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)


def test_a_schedule_is_called_once_a_step_and_sees_its_number(way: Any) -> None:
    model, seen = network(), []
    optimizer = mg.SGD(model.parameters(), lr=lambda step: seen.append((step, optimizer.steps)) or 0.1 / (1 + step))  # type: ignore[func-returns-value]
    train(model, optimizer, way, 10)
    assert [step for step, _ in seen] == list(range(10))
    assert all(step in (steps, steps - 1) for step, steps in seen)


def test_a_judgement_that_raises_leaves_weights_and_optimiser_of_one_step(way: Any) -> None:
    model, other = network(), network()
    optimizers = [mg.Adam(m.parameters(), lr=0.5) for m in (model, other)]
    with pytest.raises(ValueError, match="log"):
        train(model, optimizers[0], way, 50, lambda p, t: mg.log(p - t + 3), validation=([[1.0]], [2.5]))
    train(other, optimizers[1], False, optimizers[0].steps, lambda p, t: mg.log(p - t + 3))
    assert optimizers[0].steps > 0
    assert model.state_dict() == pytest.approx(other.state_dict(), rel=1e-12)
    assert optimizers[0].means == pytest.approx(optimizers[1].means, rel=1e-12)  # type: ignore[attr-defined]


@pytest.mark.parametrize("options", [{}, {"validation": 0.5, "patience": 9}])
def test_what_a_callback_does_after_the_last_epoch_stays(way: Any, options: Any) -> None:
    model = network()
    w, b = model.parameters()

    def pin(_: int, __: mg.History) -> None:
        w.data = 0.25

    train(model, mg.SGD([b], lr=1e-3), way, 3, callback=pin, **options)
    assert w.data == 0.25


def test_a_checkpoint_holds_what_a_callback_did(way: Any, tmp_path: Path) -> None:
    losses = []
    for number, parts in enumerate([(6,), (3, 6)]):
        for epochs in parts:
            model = network()

            def halve(_: int, __: mg.History, model: Any = model) -> None:
                for parameter in model.parameters():
                    parameter.data *= 0.5

            history = train(
                model, mg.SGD(model.parameters(), lr=0.1), way, epochs, checkpoint=tmp_path / f"{number}.json", resume=True,
                callback=halve,
            )  # fmt: skip
        losses.append(history.loss)
    assert losses[0] == losses[1]


def test_a_weight_that_is_not_finite_leaves_the_last_epoch(way: Any) -> None:
    model = network()
    before = model.state_dict()
    optimizer = mg.SGD(model.parameters(), lr=1e308)
    with pytest.raises(FloatingPointError, match=r"epoch 1: the weight layers.0.neurons.0.w.0 is -?inf"):
        train(model, optimizer, way, 1, lambda p, t: 100 * (p - t) ** 2)
    assert model.state_dict() == before
    assert optimizer.steps == 0


def test_a_leaf_of_the_loss_alone_is_a_persons_own(way: Any) -> None:
    model, weight = network(), Value(1.0)

    def lower(epoch: int, _: mg.History) -> None:
        weight.data = 1 - epoch / 10

    def loss(p: Any, t: Any) -> Any:
        return (p - t) ** 2 + weight * p * p

    train(model, mg.SGD(model.parameters(), lr=0.1), way, 3, loss, callback=lower, validation=0.5, patience=9)
    assert weight.data == 0.7


def test_no_name_of_a_line_is_one_of_the_programs(way: Any) -> None:
    names = "real_result zip rows count parameters constants check total v0 data new".split()
    for name in names:
        own = type("Own", (mg.Optimizer,), {"update": {name: f"floor(g) + {name}", "p": f"p - lr * {name}"}})
        found = []
        for compile in (False, way):  # noqa: A001
            model = network()
            train(model, own(model.parameters(), lr=0.1), compile, 3)
            found.append(model.state_dict())
        assert found[1] == pytest.approx(found[0], rel=1e-12), name


@pytest.mark.parametrize("options", [{}, {"validation": 0.5, "patience": 9}])
def test_parameters_that_a_callback_gives_to_the_optimiser(way: Any, options: Any) -> None:
    model, more = network(), Value(1.0)
    optimizer = mg.AdamW(model.parameters()[:1], lr=0.1)

    def add(epoch: int, _: mg.History) -> None:
        if epoch == 2:
            optimizer.params += [model.parameters()[1], more]
            for name in optimizer.buffers:
                getattr(optimizer, name).extend([0.0, 0.0])

    before = model.parameters()[1].data
    train(model, optimizer, way, 4, callback=add, **options)
    assert options or model.parameters()[1].data != before  # patience may take the first weights
    assert more.data < 1.0 or options


def test_a_step_of_ones_own_on_the_instance_is_called(way: Any) -> None:
    model, calls = network(), []
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    step = optimizer.step
    optimizer.step = lambda: (calls.append(1), step())[-1]  # type: ignore[method-assign, func-returns-value]
    train(model, optimizer, way, 5)
    assert len(calls) == 5


def test_lists_of_the_optimiser_stay_the_same_lists(way: Any) -> None:
    model = network()
    optimizer = mg.SGD(model.parameters(), lr=0.1, momentum=0.9)
    velocity = optimizer.velocity  # type: ignore[attr-defined]
    train(model, optimizer, way, 5)
    assert velocity is optimizer.velocity  # type: ignore[attr-defined]
    assert velocity != [0.0, 0.0]
