"""Ctrl-C at any moment of a training: all is then as after the last whole epoch, and it can go on."""

from __future__ import annotations

import gc
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.training.interrupts import Interrupts

pytestmark = [
    pytest.mark.desktop,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer to interrupt at a moment"),
    # Some moments are in a callback of the garbage collector, where Python drops exceptions.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EPOCHS = 12
X, Y = mg.data.moons(48, noise=0.1, seed=0)
WAYS = {
    "eager": {"compile": False},
    "python": {"compile": True},
    "python with validation": {"compile": True, "validation": 0.25, "patience": 100},
    "numba": {"compile": "numba"},
}


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def training(way: str, epochs: int = EPOCHS, **options: Any) -> tuple[mg.MLP, mg.Adam, mg.History]:
    model = mg.MLP(2, [4, 1], activation="tanh", seed=0)
    optimizer = mg.Adam(model.parameters(), 0.05)
    before = model, optimizer
    history = mg.History()
    try:
        history = mg.fit(
            model, X, Y, loss=mg.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=epochs, batch_size=16,
            seed=0, **{"progress": False, **WAYS[way], **options},
        )  # fmt: skip
    except KeyboardInterrupt:  # before fit had begun, or after its end
        history.interrupted = True
    return *before, history


def state(model: mg.MLP, optimizer: mg.Adam) -> Any:
    return model.state_dict(), optimizer.state_dict()


@cache
def expected(way: str) -> tuple[list[Any], list[float], float]:
    """The state after each number of epochs, the losses, and the seconds of a whole training."""
    states = [state(*training(way, epochs)[:2]) for epochs in range(EPOCHS + 1)]
    start = time.perf_counter()
    losses = training(way)[2].loss
    return states, losses, time.perf_counter() - start


def assert_consistent_after_interrupts(way: str, count: int, folder: Path) -> int:
    """Interrupt trainings at moments all over them; how many ended before they were over."""
    if way == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    states, losses, seconds = expected(way)
    rng, early = random.Random(count), 0
    for number in range(count):
        file = folder / f"{number}.json"
        options = {"checkpoint": file, "progress": number % 4 == 1} if number % 2 else {}
        with interrupted_after(rng.uniform(0, 1.1 * seconds) + 1e-6):
            model, optimizer, history = training(way, **options)
        over = len(history.loss)
        found = state(model, optimizer)
        if over == 0 and found == states[EPOCHS]:
            over = EPOCHS  # the signal came between the end of fit and that of the timer
        elif "patience" in WAYS[way]:
            assert found[1] == states[over][1]
        else:
            assert found == states[over]
        assert history.loss == losses[: len(history.loss)]
        assert gc.isenabled()
        assert (model([0.5, 0.5]) * 1.0)._prev
        early += over < EPOCHS
        if file.exists():
            model, optimizer, history = training(way, checkpoint=file, resume=True)
            assert (state(model, optimizer), history.loss) == (states[EPOCHS], losses)
    return early


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_leaves_what_there_was_after_the_last_whole_epoch(way: str, tmp_path: Path, capfd: Any) -> None:
    assert assert_consistent_after_interrupts(way, 24, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_125_moments(way: str, tmp_path: Path, capfd: Any) -> None:
    assert assert_consistent_after_interrupts(way, 125, tmp_path) > 50


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
    with interrupted_after(0.01):
        _, _, history = training("python", 3000)
    assert calls == [signal.SIGINT]
    assert len(history.loss) == 3000
    assert not history.interrupted
    assert signal.getsignal(signal.SIGINT) is handler
    with Interrupts():
        signal.raise_signal(signal.SIGINT)
    assert len(calls) == 2
    signal.signal(signal.SIGINT, before)


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
