"""Checkpoints: a run that was stopped, however, ends with the bits of one that was not; what does not fit is refused."""

from __future__ import annotations

import copy
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd import _files as saving
from microgrannd._files import FileError, read, write
from microgrannd._trees import leaves

X, Y = mg.data.moons(30, noise=0.1, seed=0)
LOSS = mg.binary_cross_entropy_with_logits


class Killed(BaseException):
    """As sudden as a signal."""


def bits(model: mg.Module, history: mg.History) -> list[str]:
    return [float(x).hex() for x in [*model.state_dict().values(), *history.loss, *history.validation_loss]]


def trained(
    path: Any, *, make: Any = mg.SGD, options: Any = (), stop: int = -1, by: Any = Killed, lr: Any = 0.1, nouts: Any = (3, 1),
    rows: Any = X, epochs: int = 6, resume: bool = True, model_seed: int | None = None, activation: str = "tanh",
    loss: Any = LOSS, **more: Any,
) -> list[str]:  # fmt: skip
    """The weights and losses, as bits, of a training that stops before a step."""

    def schedule(step: int) -> float:
        if step == stop:
            raise by
        return lr / (1 + step)

    model = mg.MLP(2, nouts, activation, seed=model_seed)
    optimizer = make(model.parameters(), lr=schedule, **dict(options))
    history = mg.fit(
        model, rows, Y, loss=loss, optimizer=optimizer, epochs=epochs, checkpoint=path, resume=resume, progress=False,
        **{"batch_size": 7, "seed": 0, **more},
    )  # fmt: skip
    return bits(model, history)


OPTIMIZERS = [
    (mg.SGD, {}),
    (mg.SGD, {"momentum": 0.9, "nesterov": True}),
    (mg.Adam, {"max_norm": 1.0}),
    (mg.AdamW, {"weight_decay": 0.1}),
    (mg.RMSprop, {"momentum": 0.5, "centered": True}),
]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"shuffle": False, "batch_size": None},
    {"validation": 0.3},
    {"validation": 0.3, "patience": 2, "seed": None},
    {"validation": (X[:5], Y[:5]), "patience": 1},
    {"compile": False},
    {"seed": None, "every": 4},
]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(OPTIMIZERS), st.sampled_from(VARIANTS), st.lists(st.integers(0, 30), max_size=3), st.integers(1, 7)
)
def test_a_run_that_is_stopped_and_resumed_ends_with_the_bits_of_one_that_is_not(
    tmp_path_factory: Any, optimizer: Any, variant: Any, stops: list[int], every: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    options = {"make": optimizer[0], "options": optimizer[1], "every": every, **variant}
    with pytest.raises(Killed):
        trained(folder / "whole.json", stop=0, **options)
    shutil.copy(folder / "whole.json", folder / "run.json")  # the weights are not seeded, and some runs are not either
    for stop in stops:
        with suppress(Killed):  # or it was further already
            trained(folder / "run.json", stop=stop, **options)
    assert trained(folder / "run.json", **options) == trained(folder / "whole.json", **options)


def test_a_run_without_a_checkpoint_has_the_same_bits(tmp_path: Path) -> None:
    assert trained(tmp_path / "run.json", model_seed=1) == trained(None, resume=False, model_seed=1)


def test_ctrl_c_leaves_the_last_whole_epoch_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    steps = -(-len(X) // 7)
    trained(path, stop=3 * steps + 2, by=KeyboardInterrupt, every=100, model_seed=1)
    assert len(read(path)["state"]["loss"]) == 3
    assert trained(path, model_seed=2) == trained(None, resume=False, model_seed=1)


def test_more_epochs_may_be_asked_for_and_fewer_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(path, epochs=2, model_seed=1)
    assert trained(path, epochs=5) == trained(None, resume=False, epochs=5, model_seed=1)
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"run\.json: a checkpoint after 5 epochs, more than the 4 asked for"):
        trained(path, epochs=4)
    assert path.read_bytes() == before


def test_parameters_of_the_loss_that_the_optimizer_changes_go_on_too(tmp_path: Path) -> None:
    def run(path: Any, epochs: int) -> tuple[str, str]:
        model, scale = mg.MLP(1, [1], seed=0), Value(0.5)
        mg.fit(
            model, [[1.0], [2.0]], [1.0, 3.0], loss=lambda p, t: mg.mse(p * scale, t), epochs=epochs, checkpoint=path,
            optimizer=mg.Adam([*model.parameters(), scale], lr=0.1), resume=path is not None, progress=False, seed=0,
        )  # fmt: skip
        return repr(model.state_dict()), repr(scale)

    run(tmp_path / "run.json", 3)
    assert run(tmp_path / "run.json", 8)[0] == run(None, 8)[0]


class Line(mg.Module):
    """A module of one's own, which `save` does not take."""

    def __init__(self, *numbers: float) -> None:
        self.parts = [Value(number) for number in numbers]

    def __call__(self, row: Any) -> Any:
        return mg.dot(self.parts, row)


def test_a_module_of_ones_own_is_kept_too(tmp_path: Path) -> None:
    def run(model: Line, path: Any, epochs: int) -> Any:
        rows, optimizer = [[1.0] * len(model.parts)] * 2, mg.Adam(model.parameters(), lr=0.1)
        mg.fit(
            model, rows, [1.0, 3.0], loss=mg.mse, optimizer=optimizer, epochs=epochs, checkpoint=path,
            resume=path is not None, progress=False,
        )  # fmt: skip
        return model.state_dict()

    run(Line(0.1, 0.2), tmp_path / "run.json", 3)
    assert run(Line(5.0, 6.0), tmp_path / "run.json", 6) == run(Line(0.1, 0.2), None, 6)
    with pytest.raises(FileError, match=r"another model: parameters was 2 .*, is 3 "):
        run(Line(0.1, 0.2, 0.3), tmp_path / "run.json", 6)


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    for content in (b"precious", b""):
        path.write_bytes(content)
        with pytest.raises(FileExistsError, match="there already: go on from it with resume, or delete it"):
            trained(path, resume=False)
        with pytest.raises(FileError, match=r"run\.json: damaged, or not a file of microgrannd"):
            trained(path)
        assert path.read_bytes() == content
    mg.save(mg.MLP(1, [1]), path)
    with pytest.raises(FileError, match=r"run\.json: not a checkpoint of a training"):
        trained(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nouts": [4, 1]}, "another model: nouts was (3, 1), is (4, 1)"),
        ({"activation": "relu"}, "another model: activation was 'tanh', is 'relu'"),
        ({"loss": mg.mse}, "another model: loss was binary_cross_entropy_with_logits, is mse"),
        ({"loss": lambda p, t: LOSS(p, t) * 2.0}, "another model: loss was "),
        ({"make": mg.Adam}, "other settings: optimizer was SGD, is Adam"),
        ({"options": {"momentum": 0.5}}, "other settings: momentum was 0.0, is 0.5"),
        ({"batch_size": 32}, "other settings: batch_size was 7, is 32"),
        ({"shuffle": False}, "other settings: shuffle was True, is False"),
        ({"seed": None}, "other settings: seed was 0, is None"),
        ({"validation": 0.2}, "other settings: validation was None, is 0.2"),
        ({"compile": False}, "another model: the graph of the loss was "),
        ({"rows": [*X[:-1], (0.0, 0.0)]}, "other data: training was 30 rows ("),
        ({"validation": (X, Y)}, "other data: validation was 0 rows (e3b0c44298fc1c14), is 30 rows ("),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path: Path, changes: Any, message: str) -> None:
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(FileError) as error:
        trained(path, **changes)
    assert str(error.value).startswith(f"{path}: a checkpoint of {message}")
    assert path.read_bytes() == before


def test_losses_of_one_name_are_told_apart_by_their_graphs(tmp_path: Path) -> None:
    trained(tmp_path / "run.json", loss=lambda p, t: LOSS(p, t) * 2.0, epochs=1)
    with pytest.raises(FileError, match=r"another model: loss was .*<lambda> [0-9a-f]+, is "):
        trained(tmp_path / "run.json", loss=lambda p, t: LOSS(p, t) * 3.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": None, "resume": True}, "resume needs a checkpoint to go on from, got none"),
        ({"every": 0}, r"every needs to be a whole number of at least 1, got 0 \(int\)"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tmp_path: Path, options: Any, message: str) -> None:
    model = mg.MLP(2, [1])
    options = {"checkpoint": tmp_path / "run.json", **options}
    with pytest.raises(ValueError, match=message):
        mg.fit(model, X, Y, loss=LOSS, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, **options)
    assert not list(tmp_path.iterdir())


CHANGES: list[Callable[[Any], Any]] = [
    lambda c: c.update(seed="x"),
    lambda c: c.update(seed=None),
    lambda c: c.update(model=[]),
    lambda c: c.update(state=None),
    lambda c: c["settings"].update(batch_size="\n" * 100),
    lambda c: c["settings"].update({"a\nb": "c"}),
    lambda c: c["state"].pop("order"),
    lambda c: c["state"].update(order=[0] * 30),
    lambda c: c["state"].update(order=[float(i) for i in range(30)]),
    lambda c: c["state"].update(order=[bool(i) for i in range(30)]),
    lambda c: c["state"].update(order=5),
    lambda c: c["state"].update(weights=c["state"]["weights"][1:]),
    lambda c: c["state"].update(weights="x"),
    lambda c: c["state"]["weights"].__setitem__(0, "1"),
    lambda c: c["state"]["weights"].__setitem__(0, math.nan),
    lambda c: c["state"].update(loss=[1.0]),
    lambda c: c["state"].update(seconds=[None] * 2),
    lambda c: c["state"].update(validation_loss=[1.0]),
    lambda c: c["state"]["best"].update(epoch=2),
    lambda c: c["state"]["best"].update(epoch=0.5),
    lambda c: c["state"]["best"].update(loss="low"),
    lambda c: c["state"]["best"].update(weights=[]),
    lambda c: c["state"].update(best=[]),
    lambda c: c["state"].update(random=[3, [], None]),
    lambda c: c["state"].update(random=[4, c["state"]["random"][1], None]),
    lambda c: c["state"]["random"][1].__setitem__(0, 2**80),
    lambda c: c["state"]["random"][1].__setitem__(624, 10**6),
    lambda c: c["state"]["random"].append(1),
    lambda c: c["state"]["optimizer"][0].update(steps=-1),
    lambda c: c["state"]["optimizer"][0].update(steps=True),
    lambda c: c["state"]["optimizer"][0].update(velocity=[0.0]),
    lambda c: c["state"]["optimizer"][0].update(means=[0.0]),
    lambda c: c["state"]["optimizer"][0].pop("velocity"),
    lambda c: c["state"].update(optimizer=[]),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_file_whose_parts_do_not_fit_is_refused_though_its_checksum_is_right(tmp_path: Path, number: int) -> None:
    path = tmp_path / "run.json"
    trained(path, epochs=2)
    content = read(path)
    CHANGES[number](content)
    write(path, content)
    model = mg.MLP(2, [3, 1], seed=5)
    optimizer = mg.SGD(model.parameters(), lr=0.1)
    before = repr(model.state_dict()), optimizer.state_dict(), path.read_bytes()
    with pytest.raises(FileError, match=r"run\.json: .") as error:
        trained(path)
    assert "\n" not in str(error.value)
    for part in ("model", "settings"):  # whatever it is a run of
        content[part] = {}
    write(path, content)
    with pytest.raises(FileError, match=r"run\.json: "):
        mg.fit(model, X, Y, loss=LOSS, optimizer=optimizer, epochs=4, checkpoint=path, resume=True, progress=False)
    assert (repr(model.state_dict()), optimizer.state_dict()) == before[:2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some, max_size=3),
    max_leaves=5,
)


def positions(thing: Any) -> list[tuple[Any, Any]]:
    """Every part of nested lists and dicts: what holds it, and where."""
    positions = []
    waiting = [thing]
    for part in waiting:
        for key in list(part) if isinstance(part, dict) else range(len(part)):
            positions.append((part, key))
            if isinstance(part[key], dict | list):
                waiting.append(part[key])
    return positions


@pytest.fixture(scope="module")
def good(tmp_path_factory: Any) -> Any:
    """What stands in a checkpoint."""
    path = tmp_path_factory.mktemp("good") / "run.json"
    trained(path, epochs=2)
    return read(path)


@settings(deadline=None)
@given(number=st.integers(0, 10**6), instead=JSON, damaged=st.booleans())
def test_whatever_stands_in_a_checkpoint_it_is_gone_on_from_or_refused(
    tmp_path_factory: Any, good: Any, number: int, instead: Any, damaged: bool
) -> None:
    path = tmp_path_factory.mktemp("mutated") / "run.json"
    write(path, good)
    if damaged:
        data = bytearray(path.read_bytes())
        data[number % len(data)] ^= 1 + number % 255
        path.write_bytes(data)
    else:
        content = copy.deepcopy(good)
        parts = positions(content)
        holder, key = parts[number % len(parts)]
        holder[key] = instead
        write(path, content)
    before = path.read_bytes()
    try:
        trained(path, epochs=3)
    except FileError as error:
        assert "\n" not in str(error)
        assert path.read_bytes() == before
    except (FloatingPointError, OverflowError) as error:  # of numbers that are there, and too large or nan
        assert str(error).startswith("epoch ")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "run.json"
    calls = 0

    def failing(descriptor: int, sync: Any = os.fsync) -> None:
        nonlocal calls
        calls += 1
        if calls in (5, 6):  # the third file, and what is tried after an interrupt
            raise error
        sync(descriptor)

    monkeypatch.setattr(saving.os, "fsync", failing)
    with pytest.raises(type(error)):
        trained(path, model_seed=1)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert len(read(path)["state"]["loss"]) == 1
    assert trained(path) == trained(None, resume=False, model_seed=1)


def test_a_folder_that_cannot_be_written_to_is_an_error_before_anything_is_trained(tmp_path: Path) -> None:
    model = mg.MLP(2, [1], seed=0)
    before = model.state_dict()
    with pytest.raises(OSError, match=r"run\.json"):
        mg.fit(
            model, X, Y, loss=LOSS, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, progress=False,
            checkpoint=tmp_path / "absent" / "run.json",
        )  # fmt: skip
    assert model.state_dict() == before


PROGRAM = """
import sys
import microgrannd as mg
X, y = mg.data.moons(100, seed=0)
model = mg.MLP(2, [8, 1], activation="tanh", seed=0)
optimizer = mg.Adam(model.parameters(), lr=0.01)
mg.fit(model, X, y, loss=mg.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=EPOCHS, batch_size=20, seed=1,
       progress=False, checkpoint=sys.argv[1], resume=True)
print(*(x.hex() for x in model.state_dict().values()))
"""


def started(path: Path, epochs: int, before: str = "") -> subprocess.Popen[str]:
    home = os.path.dirname(os.path.dirname(mg.__file__))
    return subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM.replace("EPOCHS", str(epochs)), str(path)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": home},
    )  # fmt: skip


@pytest.mark.desktop
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_bits(tmp_path: Path) -> None:
    """The short form of fifty."""
    epochs, rng = 120, random.Random()
    whole, errors = started(tmp_path / "whole.json", epochs).communicate()
    assert not errors
    path = tmp_path / "run.json"
    for _ in range(3):
        process = started(path, epochs)
        while not path.exists() and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        read(path)
    resumed, errors = started(path, epochs).communicate()
    assert (resumed, errors) == (whole, "")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.json", "whole.json"]  # and nothing left over


@pytest.mark.desktop
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_file_that_may_not_grow_is_a_clear_error_and_the_old_one_intact(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    _, errors = started(path, 1).communicate()
    assert not errors
    size = path.stat().st_size
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size + 200}, {size + 200}))\n"
    process = started(path, 50, limit)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.splitlines()[-1] == f"OSError: [Errno 27] File too large: {str(path)!r}"
    assert len(read(path)["state"]["loss"]) >= 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="for the superuser no folder is read-only by its mode"
)
def test_a_read_only_folder_is_a_clear_error_and_the_old_file_intact(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"run\.json"):
            trained(path)
        assert path.read_bytes() == before
    finally:
        tmp_path.chmod(0o700)


def test_the_file_is_json_that_can_be_read_elsewhere(tmp_path: Path) -> None:
    trained(tmp_path / "run.json", epochs=2)
    content = json.loads((tmp_path / "run.json").read_text())["content"]
    assert content["settings"]["batch_size"] == "7"
    assert len(content["state"]["loss"]) == 2


# What only looks like the same run, and what an error leaves


def once(path: Path, epochs: int = 2, resume: bool = True, loss: Any = mg.mse, **changes: Any) -> tuple[mg.MLP, Any]:
    """A short training of a small network."""
    model = changes.pop("model", None) or mg.MLP(2, [1], seed=0)
    optimizer = changes.pop("optimizer", mg.Adam)(model.parameters(), changes.pop("lr", 0.1))
    rows, targets = [[0.0, 1.0], [1.0, -1.0]], [0.5, 1.5]
    mg.fit(
        model, rows, targets, loss=loss, optimizer=optimizer, epochs=epochs, seed=0, progress=False,
        checkpoint=path, resume=resume, **changes,
    )  # fmt: skip
    return model, optimizer


def test_a_refused_resumption_changes_neither_model_nor_optimizer(tmp_path: Path) -> None:
    once(tmp_path / "run.json", epochs=5)
    model, made = mg.MLP(2, [1], seed=0), []
    before = model.state_dict()

    def kept(*arguments: Any) -> mg.Adam:
        made.append(mg.Adam(*arguments))
        return made[0]

    with pytest.raises(FileError, match="after 5 epochs, more than the 4 asked for"):
        once(tmp_path / "run.json", epochs=4, model=model, optimizer=kept)
    assert model.state_dict() == before
    assert made[0].state_dict()["steps"] == 0


def test_the_file_stays_where_it_was_when_the_process_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    (tmp_path / "there" / "run.json").write_text("precious")
    monkeypatch.chdir(tmp_path / "here")

    def schedule(step: int) -> float:
        os.chdir(tmp_path / "there")
        return 0.1

    once(Path("run.json"), epochs=4, lr=schedule)
    assert (tmp_path / "there" / "run.json").read_text() == "precious"
    assert len(json.loads((tmp_path / "here" / "run.json").read_text())["content"]["state"]["loss"]) == 4


class Turned(mg.Module):
    def __init__(self, turned: bool, factor: float = 1.0) -> None:
        self.a, self.b, self.turned = Value(2.0), Value(3.0), turned
        self.factor = [factor]

    def __call__(self, x: Any) -> Any:
        slope, start = (self.b, self.a) if self.turned else (self.a, self.b)
        return x[0] * slope * self.factor[0] + start


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"model": Turned(False)}, {"model": Turned(True)}),
        ({"model": Turned(False)}, {"model": Turned(False, factor=2.0)}),
        (
            {"loss": partial(mg.huber, delta=0.5), "compile": False},
            {"loss": partial(mg.huber, delta=5.0), "compile": False},
        ),
        ({"loss": lambda p, t: (p - t) ** 2, "compile": False}, {"loss": lambda p, t: (p - t) ** 4, "compile": False}),
        ({"lr": mg.cosine(0.05, 40)}, {"lr": mg.cosine(0.5, 40)}),
    ],
    ids=["turned", "factor", "partial", "lambda", "schedule"],
)
def test_what_only_looks_the_same_is_told_apart(tmp_path: Path, first: Any, second: Any) -> None:
    once(tmp_path / "run.json", **first)
    once(tmp_path / "run.json", **first)
    with pytest.raises(FileError, match=r"a checkpoint of (another model|other settings)"):
        once(tmp_path / "run.json", **second)


def test_an_optimizer_whose_state_would_be_lost_is_refused(tmp_path: Path) -> None:
    class Counting(mg.SGD):
        def _update(self, lr: float) -> None:
            self.count = getattr(self, "count", 0) + 1
            super()._update(lr)

    with pytest.raises(TypeError, match="Counting changes count, which a checkpoint would lose: name it in buffers"):
        once(tmp_path / "run.json", optimizer=Counting)


def test_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    once(tmp_path / "run.json")
    with pytest.raises(FileError, match=r"run.json: a checkpoint of a training: fit\("):
        mg.load(tmp_path / "run.json")
    assert "Infinity" not in (tmp_path / "run.json").read_text()


def test_the_state_before_an_error_is_kept(tmp_path: Path) -> None:
    def schedule(step: int) -> float:
        if step == 6:
            raise RuntimeError("out of order")
        return 0.1

    with pytest.raises(RuntimeError, match="out of order"):
        once(tmp_path / "run.json", epochs=10, every=100, lr=schedule)
    assert len(json.loads((tmp_path / "run.json").read_text())["content"]["state"]["loss"]) in (5, 6)


def test_a_run_goes_on_under_another_python_and_says_that_bits_may_differ(tmp_path: Path) -> None:
    expected, path = trained(tmp_path / "whole.json", model_seed=0), tmp_path / "run.json"
    with suppress(Killed):
        trained(path, stop=12, model_seed=0)
    content = read(path)
    write(path, {**content, "python": "3.10"})
    with pytest.warns(
        UserWarning, match=r"begun under Python 3\.10, this is 3\.\d+: the run goes on, but its bits may"
    ):
        assert trained(path, model_seed=0) == expected
    assert read(path)["python"] == "{}.{}".format(*sys.version_info)


def test_a_checkpoint_of_the_first_format_is_refused_by_its_age(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    content = read(path)
    del content["python"]
    write(path, content)
    with pytest.raises(FileError, match="a checkpoint of an older version"):
        trained(path)


@pytest.mark.parametrize("kind", ["", "folder", "fifo", "/dev/null"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if kind == "folder":
        os.mkdir(kind)
    elif kind == "fifo":
        os.mkfifo(kind) if hasattr(os, "mkfifo") else pytest.skip("no FIFOs here")
    for resume in (False, True):
        with pytest.raises(ValueError, match="checkpoint needs to be the name of a file, got"):
            trained(kind, resume=resume)


@pytest.mark.skipif(os.name != "posix", reason="no modes of files")
def test_a_private_file_is_private_while_it_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, modes = tmp_path / "run.json", []
    trained(path, epochs=1)
    path.chmod(0o600)
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: modes.append(os.fstat(file).st_mode & 0o777) or fsync(file))
    trained(path)
    assert set(modes[::2]) == {0o600}  # of files; between them stands the folder
    assert path.stat().st_mode & 0o777 == 0o600


def test_steps_that_no_float_can_count_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(path, make=mg.Adam, epochs=1)
    content = read(path)
    content["state"]["optimizer"][0]["steps"] = 10**400
    write(path, content)
    with pytest.raises(FileError, match="not a checkpoint that this version can go on from"):
        trained(path, make=mg.Adam)


#: Rows and targets in lists of lists, or without targets.
NESTED: list[Any] = [
    ([[[1.0, 2.0], [3.0]], [[0.5], [1.0]]], [1.0, 0.0]),
    ([[1.0, 2.0], [3.0, 0.5]], [[[1.0], [2.0, 3.0]], [[0.0], [1.0, 1.0]]]),
    ([[1.0, 2.0], [3.0, 0.5]], None),
]


class First(mg.Module):
    """Takes the first number of a row, in whatever lists."""

    def __init__(self) -> None:
        self.w = Value(0.5)

    def __call__(self, x: Any) -> Any:
        return self.w * leaves(x)[0]


@pytest.mark.parametrize("rows", NESTED)
@pytest.mark.parametrize("compile", [True, False])
def test_nested_rows_and_rows_without_targets_go_on_too(tmp_path: Path, rows: Any, compile: bool) -> None:
    def run(name: str, epochs: int, X: Any = rows[0]) -> tuple[list[str], mg.History]:
        model = First()
        loss = (lambda p: (p - 1) ** 2) if rows[1] is None else lambda p, t: (p - leaves(t)[0]) ** 2
        history = mg.fit(
            model, X, rows[1], loss=loss, optimizer=mg.Adam(model.parameters(), lr=0.1), epochs=epochs, batch_size=1,
            compile=compile, checkpoint=tmp_path / name, resume=True, progress=False, seed=0,
        )  # fmt: skip
        return bits(model, history), history

    run("stopped", 2)
    assert run("stopped", 4)[0] == run("whole", 4)[0]
    others = [[[1.0], [2.0, 3.0]], [[0.5, 1.0]]] if isinstance(rows[0][0][0], list) else [[1.0, 2.0, 3.0], [0.5]]
    with pytest.raises(FileError, match=r"a checkpoint of (other data|another model): "):
        run("stopped", 5, others)
