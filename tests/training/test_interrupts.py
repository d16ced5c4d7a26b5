"""Ctrl-C at any moment of a training: all is then as after the last whole epoch, and it can go on."""

from __future__ import annotations

import gc
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd._interrupts import Interrupts
from microgrannd.training import checkpoint
from tests.helpers import TRACED

pytestmark = [
    pytest.mark.desktop,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer to interrupt at a moment"),
    # Some moments are in a callback of the garbage collector, where Python drops exceptions.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

at_any_moment = pytest.mark.skipif(
    TRACED, reason="coverage has a lock, which an interrupt at any moment would leave locked"
)

EPOCHS = 12
X, Y = mg.data.moons(48, noise=0.1, seed=0)
VARIANTS = {
    "eager": {"compile": False},
    "python": {"compile": True},
    "python with validation": {"compile": True, "validation": 0.25, "patience": 100},
    "numba": {"compile": "numba"},
}


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Training:
    """A training, and what there is of it wherever it was ended."""

    def __init__(self) -> None:
        self.model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
        self.optimizer = mg.Adam(self.model.parameters(), 0.05)
        self.history: mg.History | None = None  # if fit was ended before it began, or as it returned

    def run(self, variant: str, epochs: int = EPOCHS, **options: Any) -> Training:
        self.history = mg.fit(
            self.model, X, Y, loss=mg.binary_cross_entropy_with_logits, optimizer=self.optimizer, epochs=epochs,
            batch_size=16, seed=0, **{"progress": False, **VARIANTS[variant], **options},
        )  # fmt: skip
        return self

    @property
    def losses(self) -> list[float]:
        assert self.history is not None
        return self.history.loss

    @property
    def state(self) -> Any:
        return self.model.state_dict(), self.optimizer.state_dict()


@cache
def expected(variant: str) -> tuple[list[Any], list[float], float]:
    """The state after each number of epochs, the losses, and the seconds of a whole training."""
    states = [Training().run(variant, epochs).state for epochs in range(EPOCHS + 1)]
    start = time.perf_counter()
    losses = Training().run(variant).losses
    return states, losses, time.perf_counter() - start


def assert_consistent_after_interrupts(variant: str, count: int, folder: Path) -> int:
    """Interrupt trainings at moments all over them; how many ended before they were over."""
    if variant == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    states, losses, seconds = expected(variant)
    rng, early = random.Random(count), 0
    for number in range(count):
        file, training = folder / f"{number}.json", Training()
        options = {"checkpoint": file, "progress": number % 4 == 1} if number % 2 else {}
        with suppress(KeyboardInterrupt), interrupted_after(rng.uniform(0, 1.1 * seconds) + 1e-6):
            training.run(variant, **options)
        assert training.state in states
        over = states.index(training.state)
        if training.history is not None:
            assert training.losses == losses[:over]
            assert training.history.interrupted or over == EPOCHS
        assert gc.isenabled()
        assert (training.model([0.5, 0.5]) * 1.0)._prev
        early += over < EPOCHS
        if file.exists():
            again = Training().run(variant, checkpoint=file, resume=True)
            assert (again.state, again.losses) == (states[EPOCHS], losses)
    return early


@at_any_moment
@pytest.mark.parametrize("variant", VARIANTS)
def test_ctrl_c_leaves_what_there_was_after_the_last_whole_epoch(variant: str, tmp_path: Path, capfd: Any) -> None:
    assert assert_consistent_after_interrupts(variant, 24, tmp_path)


@at_any_moment
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_ctrl_c_at_125_moments(variant: str, tmp_path: Path, capfd: Any) -> None:
    assert assert_consistent_after_interrupts(variant, 125, tmp_path) > 50


def test_an_interrupt_waits_while_nothing_may_be_ended_and_then_ends_what_may() -> None:
    done = []
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        done.append("whole")
        with pytest.raises(KeyboardInterrupt):
            interrupts.run(done.append, "begun")
        with pytest.raises(KeyboardInterrupt):
            interrupts.run(signal.raise_signal, signal.SIGINT)
        assert interrupts.run(len, done) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Finalised:
    """Interrupts where Python drops exceptions."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)
        len([])


def test_an_interrupt_that_python_drops_is_not_lost() -> None:
    done = []

    def work() -> None:
        Finalised()
        done.append("to the end")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        interrupts.run(work)
    assert done == ["to the end"]


def test_a_handler_of_ones_own_is_called_and_kept() -> None:
    calls: list[int] = []

    def handler(number: int, _: Any) -> None:
        calls.append(number)

    before = signal.signal(signal.SIGINT, handler)
    training = Training()
    try:
        with interrupted_after(0.01):
            training.run("python", 3000)
        assert signal.getsignal(signal.SIGINT) is handler
        with Interrupts():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [signal.SIGINT] * 2
    assert len(training.losses) == 3000
    assert training.history is not None
    assert not training.history.interrupted


@at_any_moment
def test_blocks_that_are_left_by_an_interrupt_leave_nothing_switched_off() -> None:
    """Outside of fit an interrupt comes anywhere, in the midst of the blocks' own code too."""
    x, ended = Value(2.0), 0
    for number in range(300):
        try:
            with interrupted_after(0.0002 + number * 1e-6):
                while True:
                    with mg.paused_gc(), mg.no_grad():
                        x.detach()
        except KeyboardInterrupt:
            ended += 1
        assert gc.isenabled()
        assert (x * x)._prev
    assert ended == 300


class Hoarding(mg.SGD):
    """With state of many kinds."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, 0.1)
        self.nested: Any = {"v": [0.0], "n": ([0],)}
        self.groups, self.lock = {"all": self.params[:]}, threading.Lock()

    def _update(self, lr: float) -> None:
        super()._update(lr)
        self.nested["v"][0] += 1.0
        self.nested["n"][0][0] += 1
        if self.steps == 10:
            raise KeyboardInterrupt


def test_nested_state_of_an_optimizer_goes_back_too() -> None:
    training = Training()
    training.optimizer = Hoarding(training.model.parameters())  # type: ignore[assignment]
    training.run("python")
    assert (len(training.losses), training.optimizer.steps) == (3, 9)
    assert training.optimizer.nested == {"v": [9.0], "n": ([9],)}  # type: ignore[attr-defined]
    assert all(a is b for a, b in zip(training.optimizer.groups["all"], training.optimizer.params, strict=True))  # type: ignore[attr-defined]


def test_an_interrupt_during_the_last_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Any, content: Any) -> None:
        if len(content["state"]["loss"]) == 3:
            signal.raise_signal(signal.SIGINT)
        original(path, content)

    original = checkpoint.write
    monkeypatch.setattr(checkpoint, "write", write)
    training = Training().run("python", 3, checkpoint=tmp_path / "run.json")
    assert training.history is not None
    assert training.history.interrupted


def test_a_handler_that_returns_gets_every_signal() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: calls.append(number))
    try:
        with Interrupts() as interrupts:
            interrupts.run(lambda: [signal.raise_signal(signal.SIGINT) for _ in range(3)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 3
