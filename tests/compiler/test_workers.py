"""Blocks of rows on other workers: the bits of one process, whoever computes; what is lost is reported, never left out."""

from __future__ import annotations

import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler import workers as workers
from microgrannd.compiler.workers import BLOCK, KEPT, Workers

pytestmark = pytest.mark.desktop

X, Y = mg.data.moons(5 * BLOCK + 11, noise=0.1, seed=0)
LOSS = mg.binary_cross_entropy_with_logits


def _deadly(x: float) -> float:
    """Ends the process, where it is a worker's."""
    if x == 13.0 and parent_process() is not None:
        os._exit(1)
    return x


@mg.rule("deadly(x)", dx="1", names={"deadly": _deadly})
def fragile(x: Any) -> Any:
    """The same number, unless it is 13."""


class Late(ThreadPoolExecutor):
    """Its workers finish in any order; it remembers what was sent."""

    def __init__(self, seed: int = 0, wait: float = 0.003) -> None:
        super().__init__(4)
        self.rng, self.wait, self.sent = random.Random(seed), wait, []

    def submit(self, function: Any, /, *args: Any) -> Future[Any]:
        self.sent.append(len(pickle.dumps(args)))
        return super().submit(self._later, self.rng.uniform(0, self.wait), function, *args)

    @staticmethod
    def _later(wait: float, function: Any, *args: Any) -> Any:
        time.sleep(wait)
        return function(*args)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


def program(nin: int = 2, rule: Any = mg.tanh, **options: Any) -> tuple[mg.Program, list[Value]]:
    """The squared output of a network."""
    model = mg.MLP(nin, [4, 1], activation="tanh", seed=0)
    inputs = [Value(0.5) for _ in range(nin)]
    return mg.compile(rule(model(inputs)) ** 2, inputs, model=model, **options), model.parameters()


def gradient(made: tuple[mg.Program, list[Value]], rows: Any, executor: Executor | None = None) -> list[str]:
    """The bits of the mean and its gradient."""
    for parameter in made[1]:
        parameter.grad = 0.0
    mean = made[0].backward(rows, executor=executor)
    return [x.hex() for x in (mean, *(parameter.grad for parameter in made[1]))]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40 * BLOCK), st.integers(0, 2**32))
def test_the_bits_do_not_depend_on_who_finishes_first(count: int, seed: int) -> None:
    rng = random.Random(seed)
    rows = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(count)]
    made = program()
    expected = gradient(made, rows)
    with Late(seed) as executor:
        assert gradient(made, rows, executor) == expected == gradient(made, rows, executor)
        assert bool(executor.sent) == (count > BLOCK)


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_processes_give_the_bits_of_one(processes: Executor, backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    made = program(backend=backend)
    assert gradient(made, X, processes) == gradient(made, X)


def trained(executor: Executor | None = None, **options: Any) -> list[str]:
    model = mg.MLP(2, [5, 1], activation="tanh", seed=0)
    history = mg.fit(
        model, X, Y, loss=options.pop("loss", LOSS), optimizer=mg.Adam(model.parameters(), lr=0.05), epochs=4,
        executor=executor, progress=False, **{"seed": 0, "batch_size": 3 * BLOCK, **options},
    )  # fmt: skip
    return [float(x).hex() for x in [*model.state_dict().values(), *history.loss, *history.validation_loss]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": None},
        {"batch_size": BLOCK},
        {"shuffle": False},
        {"validation": 0.3, "patience": 2},
        {"loss": mg.mse},
    ],
)
def test_fit_ends_with_the_same_weights(processes: Executor, options: Any) -> None:
    assert trained(processes, **options) == trained(**options)


def test_fit_by_numba_ends_with_the_same_weights(processes: Executor) -> None:
    pytest.importorskip("numba", reason="numba as a backend")
    assert trained(processes, compile="numba") == trained(compile="numba")


def test_a_checkpoint_does_not_ask_who_computed(processes: Executor, tmp_path: Any) -> None:
    class Stop(BaseException):
        pass

    def run(executor: Executor | None, path: Any, stop: int = -1) -> Any:
        def lr(step: int) -> float:
            if step == stop:
                raise Stop
            return 0.05

        model = mg.MLP(2, [5, 1], seed=0)
        mg.fit(
            model, X, Y, loss=LOSS, optimizer=mg.Adam(model.parameters(), lr), epochs=4, batch_size=2 * BLOCK, seed=0,
            checkpoint=path, resume=True, executor=executor, progress=False,
        )  # fmt: skip
        return model.state_dict()

    with pytest.raises(Stop):
        run(processes, tmp_path / "run.json", stop=5)
    assert run(None, tmp_path / "run.json") == run(processes, tmp_path / "whole.json")


def test_the_program_and_the_rows_travel_once_and_parameters_with_each_shard() -> None:
    rng = random.Random(0)
    rows = [[rng.uniform(-1, 1) for _ in range(200)] for _ in range(4 * BLOCK)]
    model = mg.MLP(200, [1], seed=0)
    with Late(wait=0) as executor:
        mg.fit(
            model, rows, [0.0] * len(rows), loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.01), epochs=10,
            executor=executor, progress=False,
        )  # fmt: skip
    numbers = 8 * len(rows) * 200
    first, later = executor.sent[:4], executor.sent[4:]
    assert sum(size > numbers for size in first) == 2  # as many as are sent before one has answered
    assert len(later) > 10
    assert all(8 * 201 < size < 8 * 201 + 3000 for size in later)


def test_a_worker_that_holds_nothing_any_more_is_sent_it_again() -> None:
    rows = [[0.1, 0.2]] * (3 * BLOCK)
    some = [program() for _ in range(KEPT + 2)]
    expected = gradient(some[0], rows)
    with Late(wait=0) as executor:
        for made in some * 2:
            assert gradient(made, rows, executor) == expected
            assert len(workers._kept) <= KEPT
        workers._kept.clear()
        assert gradient(some[0], rows, executor) == expected


def test_no_more_is_on_its_way_than_workers_can_take() -> None:
    """However many rows there are, the gradients of few blocks wait to be added."""
    made = program()
    running = most = 0
    lock = threading.Lock()

    class Counting(Late):
        def submit(self, function: Any, /, *args: Any) -> Future[Any]:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            future = super().submit(function, *args)
            result = future.result

            def taken(timeout: float | None = None) -> Any:
                nonlocal running
                with lock:
                    running -= 1
                return result(timeout)

            future.result = taken  # type: ignore[method-assign]
            return future

    rows = [[0.1, 0.2]] * (100 * BLOCK)
    with Counting(wait=0) as executor:
        gradient(made, rows, executor)
        assert max(executor.sent[1:]) < 16 * BLOCK * 2 * 30
    assert most <= 2


@pytest.mark.parametrize("kind", [Late, None])
def test_a_bad_row_is_named_and_changes_nothing(processes: Executor, kind: Any) -> None:
    x, w = Value(1.0, "x"), Value(3.0)
    made = mg.compile(w * mg.log(x), [x])
    rows = [[1.0]] * (4 * BLOCK)
    rows[3 * BLOCK + 2], rows[2 * BLOCK + 1] = [-1.0], [0.0]
    executor = kind() if kind else processes
    message = f"row {2 * BLOCK + 1}: log(x) needs x > 0, got x = 0.0 (label 'x')"
    for where in (None, executor):
        with pytest.raises(ValueError, match="row") as error:
            made.backward(rows, executor=where)
        assert (str(error.value), w.grad) == (message, 0.0)
    with pytest.raises(ValueError, match=r"rows\[7\] needs a number for each of 1 inputs, got 2"):
        made.backward([[1.0]] * 7 + [[1.0, 2.0]] * 90, executor=executor)


def test_rows_with_singular_slopes_go_the_careful_way_there_too(processes: Executor) -> None:
    x, w = Value(1.0), Value(3.0)
    made = mg.compile(w * mg.sqrt(x * w), [x]), [w]
    rows = [[float(i % 7)] for i in range(3 * BLOCK)]
    assert gradient(made, rows, processes) == gradient(made, rows)


def test_a_worker_that_dies_is_reported_with_its_rows_and_no_gradient_is_changed() -> None:
    made = program(rule=fragile)
    x = Value(1.0)
    own = mg.compile(fragile(x) * made[1][0], [x])
    rows = [[1.0]] * (4 * BLOCK)
    rows[2 * BLOCK] = [13.0]
    before = [parameter.grad for parameter in made[1]]
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        message = rf"rows (0|{2 * BLOCK}) to \d+ were lost, no gradient was changed \(BrokenProcessPool: "
        with pytest.raises(BrokenExecutor, match=message):
            own.backward(rows, executor=executor)
        with pytest.raises(BrokenExecutor, match=r"rows 0 to \d+ were lost"):
            own.backward(rows, executor=executor)
    assert [parameter.grad for parameter in made[1]] == before
    assert own.backward(rows) == pytest.approx(made[1][0].data * (4 * BLOCK + 12) / (4 * BLOCK))


def test_a_lost_worker_ends_a_training_with_the_model_as_it_was_before_that_step() -> None:
    model = mg.MLP(1, [1], seed=0)
    before = model.state_dict()
    targets = [0.0] * (2 * BLOCK - 1) + [13.0]
    with ProcessPoolExecutor(2, get_context("spawn")) as executor, pytest.raises(BrokenExecutor, match="were lost"):
        mg.fit(
            model, [[1.0]] * len(targets), targets, loss=lambda p, t: mg.mse(p, fragile(t)), epochs=2,
            optimizer=mg.SGD(model.parameters(), 0.1), executor=executor, progress=False,
        )  # fmt: skip
    assert model.state_dict() == before
    assert all(parameter.grad == 0.0 for parameter in model.parameters())


def test_what_cannot_be_sent_is_a_clear_error(processes: Executor) -> None:
    @mg.rule("x * 2", dx="2")
    def hidden(x: Any) -> Any:
        """Inside of a function."""

    made = program(rule=hidden)
    with pytest.raises(pickle.PicklingError, match="hidden cannot be pickled: it is not found under that name"):
        gradient(made, X, processes)
    with pytest.raises(pickle.PicklingError, match="hidden"):
        trained(processes, loss=lambda p, t: hidden(LOSS(p, t)))
    assert all(parameter.grad == 0.0 for parameter in made[1])


def test_a_pool_that_is_shut_down_is_an_error() -> None:
    made = program()
    with ThreadPoolExecutor(1) as executor:
        pass
    with pytest.raises(BrokenExecutor, match=r"rows 0 to .* cannot schedule new futures after shutdown"):
        gradient(made, X, executor)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"executor": 4}, TypeError, r"executor needs to be an Executor as those of concurrent.futures, got 4 \(int\)"),
        ({"compile": False}, ValueError, "executor needs compile"),
        (
            {"loss": lambda p, t: LOSS(p, t) * random.random()},
            ValueError,
            "executor needs a loss of a row that can be compiled: it draws random numbers",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: Any, error: type[Exception], message: str) -> None:
    with Late() as executor, pytest.raises(error, match=message):
        trained(**{"executor": executor, **options})


def test_an_interrupt_leaves_nothing_waiting() -> None:
    made = program()
    sums = Workers(made[0]).sums(executor := Late(wait=0), [[0.1, 0.2]] * (20 * BLOCK), made[0].data())
    next(sums)
    sums.close()
    executor.shutdown()
    assert len(executor.sent) <= 3


PROGRAM = """
import os
from microgrannd.compiler.workers import processes
if __name__ == "__main__":
    with processes(2) as executor:
        print(*{executor.submit(os.getpid).result() for _ in range(20)}, flush=True)
        input()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to see processes")
def test_the_processes_of_the_command_line_end_with_it_when_it_is_killed(tmp_path: Any) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    home = os.path.dirname(os.path.dirname(mg.__file__))
    with subprocess.Popen(
        [sys.executable, str(script)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": home},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        assert pids
        assert all(os.path.exists(f"/proc/{pid}") for pid in pids)
        process.kill()
    until = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(pid: str) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after is still listed."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="Dask's cluster of processes")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client
    gc.collect()  # sockets that were left open, as long as warnings of them are no errors


@pytest.mark.filterwarnings("default")  # Dask's own
def test_dask_gives_the_same_bits_though_a_worker_is_killed(cluster: Any) -> None:
    X, Y = mg.data.moons(40 * BLOCK, noise=0.1, seed=0)
    pids = list(cluster.run(os.getpid).values())
    timers = []

    def run(executor: Executor | None, step: int | None = None) -> Any:
        def lr(number: int) -> float:
            if number == step:
                timers.append(threading.Timer(0.02, os.kill, (pids[0], signal.SIGKILL)))
                timers[0].start()
            return 0.05

        model = mg.MLP(2, [8, 8, 1], activation="tanh", seed=0)
        history = mg.fit(
            model, X, Y, loss=LOSS, optimizer=mg.Adam(model.parameters(), lr), epochs=4, batch_size=20 * BLOCK, seed=0,
            executor=executor, progress=False,
        )  # fmt: skip
        return model.state_dict(), history.loss

    assert run(cluster.get_executor(), step=3) == run(None)
    timers[0].join()
    assert pids[0] not in cluster.run(os.getpid).values()
