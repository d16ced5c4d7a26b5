import copy
import hashlib
import json
import math
import os
import random
import stat
import struct
import subprocess
import sys
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import MLP, Layer, Module, Neuron, Value
from microgrannd import _files as saving
from microgrannd._files import FORMAT, VERSION, FileError, read, write, write_bytes
from microgrannd.nn.saving import load, save
from tests.helpers import within


def bits(model):
    return {name: struct.pack("<d", number) for name, number in model.state_dict().items()}


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "model.json"


def written(path, content, /, **changes):
    """A file with a right checksum, whatever its content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    document = {"format": FORMAT, "version": VERSION, "checksum": checksum, "content": content, **changes}
    path.write_text(json.dumps(document), encoding="utf-8")


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=9, max_size=9))
def test_floats_go_round_bit_for_bit(path, numbers):
    model = MLP(2, [2, 1])
    for p, number in zip(model.parameters(), numbers, strict=True):
        p.data = number
    save(model, path)
    assert bits(load(path)) == bits(model)


def test_the_least_denormal_negative_zero_infinity_and_nan_go_round(path):
    neuron = Neuron(3)
    for p, number in zip(neuron.parameters(), [5e-324, -0.0, -math.inf, math.nan], strict=True):
        p.data = number
    save(neuron, path)
    assert bits(load(path)) == bits(neuron)


@pytest.mark.parametrize(
    "model",
    [
        Neuron(2, activation="gelu"),
        Neuron(1, nonlin=False),
        Layer(2, 3, activation="tanh"),
        Layer(2, 1, nonlin=False),
        MLP(1, [1]),
        MLP(2, [1, 3, 2], activation="silu", output_activation="sigmoid", init="he", seed=4),
        MLP(2, [3, 1], activation="linear"),
    ],
    ids=repr,
)
def test_every_module_of_the_library_comes_back_as_it_was(path, model):
    save(model, path)
    twin = load(path)
    assert (type(twin), repr(twin), bits(twin)) == (type(model), repr(model), bits(model))
    row = [0.5] * model.options()["nin"]
    assert twin.predict([row]) == model.predict([row])


def test_saving_and_loading_draw_nothing_from_the_module_random(path):
    model = MLP(2, [3, 1])
    state = random.getstate()
    save(model, path)
    load(path)
    assert random.getstate() == state


class Own(Module):
    def __init__(self):
        self.a = Value(1.0)


class Residual(MLP):
    pass


def changed(change):
    model = MLP(2, [3, 2, 1], activation="tanh")
    change(model)
    return model


@pytest.mark.parametrize(
    "model",
    [
        Own(),
        Residual(2, [1]),
        changed(lambda m: setattr(m, "extra", Value(1.0))),
        changed(lambda m: m.layers.append(Layer(1, 1))),
        changed(lambda m: setattr(m.layers[1].neurons[0], "activation", "relu")),
        changed(lambda m: m.layers[0].neurons[0].w.__setitem__(0, m.layers[0].neurons[1].w[0])),
    ],
)
def test_a_module_of_ones_own_is_loaded_into_one_of_its_form(path, model):
    save(model, path)
    with pytest.raises(
        FileError, match=rf"the parameters of {type(model).__name__}: make such a module and load\(path, into=it\)"
    ):
        load(path)
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.data = 0.0
    assert load(path, into=twin) is twin
    assert bits(twin) == bits(model)
    other = MLP(2, [3, 1], seed=0)
    before = other.state_dict()
    with pytest.raises(FileError, match="its parameters do not fit the model given as into: the state does not fit"):
        load(path, into=other)
    with pytest.raises(TypeError, match="into needs to be a module"):
        load(path, into=MLP)
    with pytest.raises(TypeError, match=r"save needs a module and then a path, got 'model\.json'"):
        save("model.json", model)
    assert other.state_dict() == before


def test_a_model_with_a_function_for_an_activation_is_loaded_into_one(path):
    model, twin = (MLP(2, [3, 1], activation=mg.softsign, seed=seed) for seed in (0, 1))
    save(model, path)
    assert load(path, into=twin).predict([[0.5, -0.5]]) == model.predict([[0.5, -0.5]])


def test_a_network_without_biases_comes_back_without(path):
    model = MLP(2, [3, 1], bias=False, seed=0)
    save(model, path)
    twin = load(path)
    assert repr(twin) == repr(model)
    assert bits(twin) == bits(model)
    assert len(twin.parameters()) == 9
    content = json.loads(path.read_text())["content"]
    content["model"]["options"]["bias"] = 0
    write(path, content)
    with pytest.raises(FileError, match="the sizes do not fit"):
        load(path)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_file_with_a_damaged_byte_loads_the_same_model_or_is_refused(path, data):
    model = MLP(2, [2, 1], seed=0)
    save(model, path)
    damaged = bytearray(path.read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    with suppress(FileError):
        twin = load(path)
        assert (repr(twin), bits(twin)) == (repr(model), bits(model))


@settings(deadline=None)
@given(st.integers(0, 500))
def test_a_file_that_was_cut_is_refused(path, end):
    save(MLP(2, [2, 1], seed=0), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(end, len(whole) - 3)])
    with pytest.raises(FileError, match="not a file of microgrannd"):
        load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b"not json", b"\xff\xfe\xff", b'{"format": "other"}', b"1" * 5000]
    + [pytest.param(b"[" * 100_000, marks=pytest.mark.desktop)],
)
def test_what_is_no_file_of_the_library_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError, match="not a file of microgrannd"):
        load(path)


@pytest.mark.parametrize("depth", [*range(100, 1100, 25), pytest.param(100_000, marks=pytest.mark.desktop)])
@pytest.mark.parametrize("key", ["content", "version", "checksum", "more"])
def test_a_deeply_nested_file_is_refused(path, key, depth):
    document = {"format": FORMAT, "version": VERSION, "checksum": "", "content": {}, key: "?"}
    path.write_text(json.dumps(document).replace('"?"', "[" * depth + "]" * depth), encoding="utf-8")
    with pytest.raises(FileError):
        load(path)


def test_a_newer_version_and_a_wrong_checksum_say_so(path):
    written(path, {}, version=VERSION + 1)
    with pytest.raises(FileError, match=f"of format version {VERSION + 1}; this microgrannd reads version {VERSION}"):
        load(path)
    written(path, {}, version=["x" * 1000])
    with pytest.raises(FileError, match=r"of format version \['x{1,20}\.\.\.x*'\]; this"):
        load(path)
    for changes in ({"checksum": "0" * 64}, {"content": {"a": 1}}, {"checksum": None}, {"content": 5}):
        written(path, {}, **changes)
        with pytest.raises(FileError, match="damaged, the checksum does not fit the content"):
            load(path)


GOOD = {"kind": "Neuron", "options": {"nin": 1, "nonlin": True, "activation": "relu"}, "state": {"w.0": 1.0, "b": 0.0}}
MILLION = 10**6


@pytest.mark.parametrize(
    "model",
    [
        None,
        [],
        {**GOOD, "kind": "Value"},
        {**GOOD, "kind": ["Neuron"]},
        {**GOOD, "options": {}},
        {**GOOD, "options": [1]},
        {**GOOD, "options": {"nin": 1, "activation": "backward"}},
        {**GOOD, "options": {"nin": 1, "activation": ["relu"]}},
        {**GOOD, "options": {"nin": 1, "unknown": 1}},
        {**GOOD, "options": {"nin": 1, "rng": "x"}},
        {**GOOD, "options": {"nin": 1.0}},
        {**GOOD, "options": {"nin": "1"}},
        {**GOOD, "state": {"w.0": 1.0, "c": 0.0}},
        {**GOOD, "state": {"w.0": 1.0, "b": "0"}},
        {**GOOD, "state": {"w.0": 1.0, "b": 10**400}},
        {**GOOD, "state": [1.0, 0.0]},
        {**GOOD, "options": {"nin": 100 * MILLION}},
        {**GOOD, "options": {"nin": 10 * MILLION, "nout": 0}, "state": {}},
        {"kind": "Layer", "options": {"nin": 10 * MILLION, "nout": 10 * MILLION}, "state": {}},
        {"kind": "Layer", "options": {"nin": 1, "nout": 10 * MILLION, "nouts": [1]}, "state": GOOD["state"]},
        {"kind": "MLP", "options": {"nin": MILLION, "nouts": [MILLION, -MILLION]}, "state": {}},
        {"kind": "MLP", "options": {"nin": MILLION, "nouts": [0, 0]}, "state": {}},
        {"kind": "MLP", "options": {"nin": 1, "nouts": []}, "state": {}},
        {"kind": "MLP", "options": {"nin": 1, "nouts": 1}, "state": GOOD["state"]},
    ],
)
def test_a_model_that_cannot_be_built_is_refused_quickly_though_its_checksum_is_right(path, model):
    written(path, {"model": model})
    tracemalloc.start()
    with within(1), pytest.raises(FileError, match="not a model that this version can build"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_loading_executes_nothing(path, monkeypatch):
    def forbidden(*arguments):
        raise AssertionError(arguments)

    save(Neuron(1), path)
    for name in ("eval", "exec", "compile", "__import__"):
        monkeypatch.setattr(f"builtins.{name}", forbidden)
    twin = load(path)
    monkeypatch.undo()
    assert repr(twin) == "ReLUNeuron(1)"


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "elsewhere"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, function, error):
    target = tmp_path / "model.json"
    save(Neuron(1), target)
    before = target.read_bytes()

    def failing(*_):
        raise error

    monkeypatch.setattr(os, function, failing)
    with pytest.raises(type(error)) as caught:
        save(Neuron(2), target)
    monkeypatch.undo()
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
    if isinstance(error, OSError):
        assert caught.value.filename == str(target)


def test_a_file_that_cannot_be_made_is_named_by_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        write_bytes(tmp_path / "absent" / "model.json", b"")
    assert error.value.filename == str(tmp_path / "absent" / "model.json")


def test_a_file_system_that_takes_no_change_is_named_by_the_files_own_name(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(30, "Read-only file system", "a temporary name")

    target = tmp_path / "model.json"
    monkeypatch.setattr(os, "fsync", refused)
    monkeypatch.setattr(os, "unlink", refused)
    with pytest.raises(OSError, match="Read-only") as error:
        save(Neuron(1), target)
    assert error.value.filename == str(target)


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor, of_files=os.fsync):
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        if synced[-1]:
            raise OSError(22, "Invalid argument")
        of_files(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    save(Neuron(1), tmp_path / "model.json")
    assert synced == ([False] if os.name == "nt" else [False, True])
    assert repr(load(tmp_path / "model.json")) == "ReLUNeuron(1)"


@pytest.mark.desktop
def test_what_a_killed_process_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    target, other = tmp_path / "model.json", tmp_path / "mod[el].json"
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for path in (target, other):
        write_bytes(path, b"x")
        with open(saving._temporary(str(path)) + f"{ended.pid}-0123.tmp", "wb") as file:
            file.write(b"half")
    (tmp_path / ".own.tmp").write_bytes(b"")
    being_written = saving._temporary(str(target)) + f"{os.getpid()}-0123.tmp"
    open(being_written, "wb").close()
    saving.remove_leftovers(target)
    assert os.path.exists(being_written)  # by a process that is still there
    os.unlink(being_written)
    saving.remove_leftovers(target)
    names = {file.name for file in tmp_path.iterdir()}
    assert {"model.json", "mod[el].json", ".own.tmp"} < names
    assert len(names) == 4
    saving.remove_leftovers(other)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_keeps_its_mode(tmp_path):
    write_bytes(tmp_path / "model.json", b"x")
    (tmp_path / "model.json").chmod(0o600)
    write_bytes(tmp_path / "model.json", b"y")
    assert (tmp_path / "model.json").stat().st_mode & 0o777 == (0o600 if os.name == "posix" else 0o666)


def test_a_long_name_and_a_link_are_written_to(tmp_path):
    target = tmp_path / ("m" * 250)
    save(Neuron(1, rng=random.Random(0)), target)
    link = tmp_path / "link.json"
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")
    save(Neuron(2), link)
    assert link.is_symlink()
    assert repr(load(target)) == "ReLUNeuron(2)"


def test_a_document_goes_round_with_any_text(path):
    content = {"ключ": ["\ud800", "é", {"b": 1, "a": [None, True]}]}
    write(path, content)
    assert read(path) == content


def test_the_names_of_the_package_save_and_load(tmp_path):
    mg.save(MLP(1, [1], seed=0), str(tmp_path / "m"))
    assert mg.load(str(tmp_path / "m")).state_dict() == MLP(1, [1], seed=0).state_dict()


def test_a_model_of_other_options_is_not_filled(tmp_path):
    path = tmp_path / "model.json"
    mg.save(mg.MLP(2, [3, 1], activation="tanh", seed=0), path)
    other = mg.MLP(2, [3, 1], activation="relu", seed=1)
    before = other.state_dict()
    with pytest.raises(FileError, match=r"it was saved with activation='tanh', into has 'relu'"):
        mg.load(path, into=other)
    assert other.state_dict() == before
