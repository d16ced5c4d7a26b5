"""Programs compiled by numba: the numbers and errors of plain Python, from a cache the second time."""

from __future__ import annotations

import importlib.util
import marshal
import math
import os
import random
import signal
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing import expressions
from microgrannd.testing.strategies import Expression
from tests.helpers import EDGES, arguments, as_program, eagerly, networks, root, rounding, squash

np = pytest.importorskip("numpy", reason="numba's arrays")
pytest.importorskip("numba", reason="numba as a backend")
cache: Any = pytest.importorskip("microgrannd.compiler.cache", reason="numba as a backend")
NumbaError: Any = pytest.importorskip("numba.core.errors", reason="numba as a backend").NumbaError

CELLS = st.one_of(st.sampled_from(EDGES), st.floats(-3, 3))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "microgrannd.compiler.cache.user_cache_path", lambda *_, **__: tmp_path_factory.getbasetemp() / "cache"
    )


def assert_close(found: Any, expected: Any, source: str) -> None:
    if isinstance(expected, tuple):
        assert found == (expected[0], f"row 0: {expected[1]}"), source
    else:
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True), source


@settings(
    max_examples=8, deadline=None, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(expressions(max_size=25, max_inputs=6, include=[root]), st.data())
def test_random_graphs_agree_with_the_eager_engine(expression: Expression, data: st.DataObject) -> None:
    point = expression.inputs
    count = (len(point) + 1) // 2
    leaves = [Value(x) for x in point]
    program = mg.compile(expression(*leaves), leaves[:count], backend="numba")
    for row in [point[:count], *data.draw(st.lists(st.tuples(*[CELLS] * count).map(list), min_size=20, max_size=20))]:
        found = as_program(program, leaves[count:], row)
        expected = eagerly(expression, row, point[count:])
        if isinstance(expected, tuple):
            assert_close(found, expected, program.source)
        else:
            for a, b, error in zip(found, expected, rounding(expression, row, point[count:]), strict=True):
                assert a == pytest.approx(b, rel=1e-12, abs=error, nan_ok=True), program.source


@settings(
    max_examples=8, deadline=None, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(expressions(max_size=25, max_inputs=6, include=[root]), st.data())
def test_rows_side_by_side_give_what_each_gives_alone(expression: Expression, data: st.DataObject) -> None:
    point = expression.inputs
    count = (len(point) + 1) // 2
    leaves = [Value(x) for x in point]
    program = mg.compile(expression(*leaves), leaves[:count], backend="numba")
    drawn = data.draw(st.lists(st.tuples(*[CELLS] * count).map(list), min_size=8, max_size=8))
    rows, alone, errors = [], [], []
    for row in [point[:count], *drawn]:
        found = as_program(program, leaves[count:], row)
        if not isinstance(found, tuple) and all(map(math.isfinite, found)):
            rows.append(row)
            alone.append(found)
            errors.append(rounding(expression, row, point[count:]))
    if not rows:
        return
    for output, (expected, *_), (error, *_) in zip(program.forward(rows), alone, errors, strict=True):
        assert output == pytest.approx(expected, rel=1e-12, abs=error)
    for leaf in leaves:
        leaf.grad = 0.0
    mean = [program.backward(rows), *(leaf.grad for leaf in leaves[count:])]
    for number, terms, bounds in zip(mean, zip(*alone, strict=True), zip(*errors, strict=True), strict=True):
        size = max(map(abs, terms))
        assert math.isinf(size * len(rows)) or number == pytest.approx(
            sum(terms) / len(rows), rel=1e-12, abs=1e-12 * size + max(bounds)
        )


@pytest.mark.slow
@pytest.mark.parametrize("rule", TABLE.values(), ids=list(TABLE))
def test_every_rule_at_every_edge(rule: Rule) -> None:
    operation = getattr(mg, rule.name, None) or getattr(Value, rule.name)
    count = 2 if rule.sequences else len(rule.operands)

    def call(*xs: Any) -> Any:
        return (
            operation(*[list(xs) if o in rule.sequences else xs[0] for o in rule.operands])
            if rule.sequences
            else operation(*xs)
        )

    leaves = [Value(x) for x in [0.75, 0.5, 2.0][:count]]
    if rule.name == "acosh":
        leaves[0].data = 1.5
    program = mg.compile(call(*leaves), leaves[1:], backend="numba")
    for row in arguments(rule):
        row = [*row, 0.5][:count]
        leaves[0].data = row[0]
        assert_close(
            as_program(program, leaves[:1], row[1:]),
            eagerly(lambda *xs: call(xs[-1], *xs[:-1]), row[1:], row[:1]),
            rule.name,
        )


@pytest.mark.parametrize(("model", "loss"), networks()[1:3])
def test_networks_agree_with_plain_programs(model: Any, loss: Any) -> None:
    nin, nout = model.options()["nin"], model.options()["nouts"][-1]
    rng = random.Random(0)
    rows = [[rng.uniform(-1, 1) for _ in range(nin)] + [float(i == 0) for i in range(nout)] for _ in range(150)]
    inputs = [Value(x) for x in rows[0]]
    output = loss(model(inputs[:nin]), inputs[nin:] if nout > 1 else inputs[nin])
    found = []
    for backend in ("python", "numba"):
        program = mg.compile(output, inputs, backend=backend, model=model)
        model.zero_grad()
        found.append([program.backward(rows), *program.forward(rows), *(p.grad for p in model.parameters())])
    assert found[1] == pytest.approx(found[0], rel=1e-11, abs=1e-16)
    model.zero_grad()
    assert program.backward(np.array(rows)) == found[1][0]


def test_functions_that_numba_does_not_know_are_called_back() -> None:
    x, w = Value(0.5), Value(2.0)
    own = mg.compile(squash(w * x), [x], backend="numba")
    assert own.backward([[1.0], [-3.0]]) == (2 / 3 - 6 / 7) / 2
    assert w.grad == pytest.approx((1 / 9 - 3 / 49) / 2, rel=1e-15)
    assert mg.compile([root(w, x), mg.cbrt(w * x), mg.silu(x)], [x], backend="numba").forward([[2.0]]) == [
        pytest.approx((4.0, 4 ** (1 / 3), 2 / (1 + math.exp(-2))), rel=1e-15)
    ]


def test_what_a_function_raises_that_is_called_back_comes_out() -> None:
    def own(x: float) -> float:
        if x > 5:
            raise KeyboardInterrupt
        if x > 4:
            raise TypeError("no number for this")
        return math.sqrt(x)

    at = mg.rule("own(x)", dx="1 / (2 * y)", names={"own": own})(lambda x: None)
    x, w = Value(0.5), Value(1.0)
    program = mg.compile(at(x) * w, [x], backend="numba")
    assert program.forward([[4.0], [0.25]]) == [2.0, 0.5]
    with pytest.raises(ValueError, match=r"^row 1: "):
        program.backward([[4.0], [-1.0]])
    with pytest.raises(TypeError, match="no number for this"):
        program.backward([[4.0], [4.5]])
    with pytest.raises(KeyboardInterrupt):
        program.backward([[4.0], [6.0]])
    assert (program.backward([[4.0], [0.25]]), w.grad) == (1.25, 1.25)


SEQUENCES = [
    ("sum([w * w + w for v in vs for w in [v * 2]])", "[8 * v + 2 for v in vs]", "xs"),
    ("sum([v * x for v, x in zip(vs, xs)])", "xs", "vs"),
    ("sum([v * x for v in vs for x in xs])", "[sum(xs) for v in vs]", "[sum(vs)] * len(xs)"),
    ("sum([exp(v - max(vs)) for v in vs]) + min(xs)", "[0] * len(vs)", "len(xs) * [1]"),
    ("sum(map(mul, vs, map(exp, xs))) / len(vs)", "[exp(x) / len(vs) for x in xs]", "[v * exp(x) / len(vs) for v, x in zip(vs, xs)]"),
    ("sum([sum([v * x for x in xs]) for v in vs])", "[1] * len(vs) if y > 0 else [2 for v in vs]", "xs if y > 0 else vs"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "dvs", "dxs"), SEQUENCES)
@pytest.mark.parametrize("count", [1, 3])
def test_formulas_of_sequences(formula: str, dvs: str, dxs: str, count: int) -> None:
    own = mg.rule(formula, dvs=dvs, dxs=dxs, sequences=["vs", "xs"])(lambda vs, xs: None)
    rows = [[0.5 - i, 0.25 * i] for i in range(count)]
    (a, b), ws = [Value(0.0), Value(0.0)], [Value(0.1 * i - 0.2) for i in range(5)]

    def of(a: Any, b: Any) -> Any:
        vs = [a * ws[0], b * ws[1], ws[2] * a]
        return own(vs, ws[2:]) + own(ws[:3], vs[::-1]) + own([vs[0], ws[4], 2.0], [vs[1], vs[1], ws[0]])

    program = mg.compile(of(a, b), [a, b], backend="numba")
    found = [program.backward(rows), *(w.grad for w in ws)]
    for w in ws:
        w.grad = 0.0
    mean = mg.mean([of(*row) for row in rows])
    mean.backward()
    assert found == pytest.approx([mean.data, *(w.grad for w in ws)], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("partial", ["[1 for v in vs if v > -10]", "[v for v in vs for w in vs]", "[1, 1, 1]"])
def test_a_sequence_without_a_loop_is_refused(partial: str) -> None:
    own = mg.rule("sum(vs)", dvs=partial, sequences=["vs"])(lambda vs: None)
    with pytest.raises(ValueError, match=r"the backend numba has no loop for .* in the rule of <lambda>"):
        mg.compile(own([Value(1.0)] * 3), [], backend="numba")


def test_functions_of_math_that_numba_computes_otherwise_are_pythons_own() -> None:
    logarithm = mg.rule("log(x, 2)", dx="1 / x")(lambda x: None)  # with a base, which numba does not take
    step = mg.rule("floor(x) + remainder(x, 3)", dx="0")(lambda x: None)  # a whole number in Python
    x = Value(0.5)
    program = mg.compile([logarithm(x), step(x)], [x], backend="numba")
    assert program.forward([[8.0], [0.25]]) == [(3.0, 7.0), (-2.0, 0.25)]


def test_what_numba_cannot_compile_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise NumbaError("first line\nwhat is wrong")

    monkeypatch.setattr(cache, "_made", fail)
    monkeypatch.setattr(cache, "_compiled", {})
    x = Value(0.5)
    with pytest.raises(RuntimeError, match=r"^numba cannot compile this program: what is wrong$"):
        mg.compile(x * x, [x], backend="numba").forward([[2.0]])


def test_a_larger_graph_of_the_same_rules_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = cache._made
    monkeypatch.setattr(cache, "_made", lambda key, source: made.append(key) or make(key, source))
    counts = []
    for size in (2, 200, 2000):
        x, w = Value(0.5), Value(0.9)
        y = x
        for _ in range(size):
            y = mg.tanh(w * y + x)
        y = mg.dot([y, *[w] * size], [0.5] * (size + 1))
        assert mg.compile(y, [x], backend="numba").backward([[0.5]] * 2) == pytest.approx(y.data, rel=1e-12)
        counts.append(len(made))
    assert counts[0] == counts[1] == counts[2]


def test_the_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    script = """
import sys, platformdirs, pathlib
platformdirs.user_cache_path = lambda *_, **__: pathlib.Path(sys.argv[1])
import microgrannd as mg
x, w = mg.Value(1.0), mg.Value(3.0)
print(mg.compile(mg.tanh(w * x), [x], backend="numba").backward([[0.5]]))
"""
    written = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
        assert float(done.stdout) == math.tanh(1.5)
        written.append({path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb*")})
    assert written[0] == written[1]
    assert written[0]


def backward_of(number: float, folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """Compile, as at the first use in a process, with a cache in this folder; 2 w + number for w = 3."""
    monkeypatch.setattr("microgrannd.compiler.cache.user_cache_path", lambda *_, **__: folder)
    monkeypatch.setattr("microgrannd.compiler.cache._compiled", {})
    x, w = Value(1.0), Value(3.0)
    return mg.compile(w * x + number, [x], backend="numba").backward([[2.0]])


def test_a_folder_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert backward_of(0.25, blocked, monkeypatch) == 6.25
    monkeypatch.setattr("microgrannd.compiler.cache.write_bytes", full)
    assert backward_of(0.25, tmp_path / "full", monkeypatch) == 6.25


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("pattern", ["*.py", "*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"raise SystemExit", b"\x80\x04garbage"])
def test_what_was_changed_in_the_cache_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, content: bytes
) -> None:
    folder = tmp_path / "cache"
    assert backward_of(-0.125, folder, monkeypatch) == 5.875
    files = list(folder.rglob(pattern))
    assert files
    for file in files:
        file.write_bytes(content or file.read_bytes()[:-200] + bytes(200))  # cut short by nothing, but damaged
    assert backward_of(-0.125, folder, monkeypatch) == 5.875


def test_bytecode_that_somebody_planted_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    assert backward_of(0.5, folder, monkeypatch) == 6.5
    for file in folder.glob("*.py"):
        source = file.stat()
        code = compile("open(__file__ + '.ran', 'w')", str(file), "exec")
        header = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, int(source.st_mtime), source.st_size)
        planted = Path(importlib.util.cache_from_source(str(file)))
        planted.parent.mkdir(exist_ok=True)
        planted.write_bytes(header + marshal.dumps(code))
    assert backward_of(0.5, folder, monkeypatch) == 6.5
    assert not list(folder.glob("*.ran"))


def test_a_folder_that_others_may_have_filled_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, spoil in enumerate(
        [
            lambda folder: folder.chmod(0o755),
            lambda folder: folder.chmod(0o770),
            lambda folder: folder.rmdir() or (tmp_path / "own").mkdir(0o700) or folder.symlink_to(tmp_path / "own"),
            lambda folder: os.chown(folder, 12345, 12345),
        ]
    ):
        folder = tmp_path / f"cache{number}"
        folder.mkdir(mode=0o700)
        try:
            spoil(folder)
        except PermissionError:
            continue  # only the superuser can give a folder away
        assert backward_of(0.75, folder, monkeypatch) == 6.75
        assert not list(folder.iterdir())
    folder = tmp_path / "new"
    backward_of(0.75, folder, monkeypatch)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def in_a_process(script: str, **options: Any) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_home_it_is_compiled_anew(tmp_path: Path) -> None:
    script = """
import sys
sys.path[:] = sys.argv[1:] + sys.path
import microgrannd as mg
x, w = mg.Value(1.0), mg.Value(3.0)
print(mg.compile(mg.tanh(w * x), [x], backend="numba").backward([[0.5]]))
"""
    assert float(in_a_process(script, env={"PATH": "/nowhere", "HOME": "/nowhere/at/all"})) == math.tanh(1.5)
    assert float(in_a_process(script, env={"PATH": "/nowhere"})) == math.tanh(1.5)


@pytest.mark.desktop
def test_four_threads_at_the_first_use(tmp_path: Path) -> None:
    script = f"""
import pathlib, platformdirs, sys, threading
platformdirs.user_cache_path = lambda *_, **__: pathlib.Path({str(tmp_path / "cache")!r})
sys.setswitchinterval(1e-5)
import microgrannd as mg
found, start = [], threading.Barrier(4)
def work():
    x, w = mg.Value(1.0), mg.Value(3.0)
    start.wait()
    found.append(mg.compile(mg.tanh(w * x), [x], backend="numba").backward([[0.5]]))
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found), len(set(found)))
"""
    assert in_a_process(script) == "4 1\n"


UNARY = [name for name, one in TABLE.items() if one.operands == ("x",) and one.inside(0.45)]


@pytest.mark.desktop
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer to interrupt at a moment")
@pytest.mark.parametrize("moments", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_an_interrupt_while_numba_compiles_leaves_a_process_that_works(tmp_path: Path, moments: int) -> None:
    """An interrupt waits until a function is compiled; each graph has a rule that is compiled for it."""
    script = f"""
import pathlib, platformdirs, random, signal, time
platformdirs.user_cache_path = lambda *_, **__: pathlib.Path({str(tmp_path / "cache")!r})
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
import microgrannd as mg
x, w = mg.Value(0.3), mg.Value(0.9)
for number, name in enumerate({UNARY[:moments]}):
    def graph():
        return getattr(mg, name, getattr(mg.Value, name, None))(w * x)
    program = mg.compile(graph(), [x], backend="python")
    signal.setitimer(signal.ITIMER_REAL, random.Random(number).uniform(0.01, 0.6))
    try:
        mg.compile(graph(), [x], backend="numba").backward([[0.5]])
        time.sleep(2)
    except KeyboardInterrupt:
        print(name, flush=True)
    found = mg.compile(graph(), [x], backend="numba").backward([[0.5]])
    assert abs(found - program.backward([[0.5]])) < 1e-12, name
"""
    assert len(in_a_process(script).split()) == moments


def test_without_numba_a_hint_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrannd.compiler.program.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"^backend='numba' needs numba: pip install 'microgrannd\[numba\]'$"):
        mg.compile(Value(1.0) * 2, [], backend="numba")


def test_no_label_is_taken_for_a_name_of_the_programs_own() -> None:
    labels = "dense outer transposed array empty zeros count results math inf layer1_x layer1_dw d_layer1 gradients pow".split()
    leaves = [Value(0.1 * i + 0.1, label) for i, label in enumerate(labels)]
    hidden = [mg.dot([Value(0.1 * j) for _ in labels], [leaf * 0.5 for leaf in leaves], 0.5) for j in range(3)]
    root = mg.sum([mg.tanh(h) for h in hidden]) + leaves[0] ** leaves[1]
    program = mg.compile(root, leaves[:3], backend="numba")
    assert program.backward([[leaf.data for leaf in leaves[:3]]]) == pytest.approx(root.data, rel=1e-12)
    found = [leaf.grad for leaf in leaves[3:]]
    for leaf in leaves:
        leaf.grad = 0.0
    root.backward()
    assert found == pytest.approx([leaf.grad for leaf in leaves[3:]], rel=1e-12)


def test_numbas_own_settings_lead_to_no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o777)
    script = f"""
import pathlib, platformdirs
platformdirs.user_cache_path = lambda *_, **__: pathlib.Path({str(tmp_path / "cache")!r})
import microgrannd as mg
x, w = mg.Value(1.0), mg.Value(3.0)
print(mg.compile(mg.tanh(w * x), [x], backend="numba").backward([[0.5]]))
"""
    assert float(in_a_process(script, env={**os.environ, "NUMBA_CACHE_DIR": str(other)})) == math.tanh(1.5)
    assert not list(other.rglob("*"))
    assert list((tmp_path / "cache").rglob("*.nbc"))


def odd_ones() -> list[tuple[str, Any]]:
    """Graphs of x and w with leaves as outputs, empty and repeated sequences, constants alone."""
    return [
        ("a parameter", lambda x, w: w),
        ("an input", lambda x, w: x),
        ("nothing", lambda x, w: mg.dot([], [], w) + mg.sum([]) + x),
        ("repeated", lambda x, w: mg.sum([x, x, w, w, 1.0, -0.0])),
        ("one element", lambda x, w: mg.logsumexp([w]) * mg.mean([x])),
        ("three operands", lambda x, w: mg.clip(x, w, 2.0) * mg.maximum(w, x)),
        ("no input", lambda x, w: mg.tanh(w) * w),
    ]


@pytest.mark.parametrize(("name", "build"), odd_ones())
def test_odd_graphs(name: str, build: Any) -> None:
    x, w = Value(1.0), Value(0.75)
    found = []
    for backend in ("python", "numba"):
        program, w.grad = mg.compile(build(x, w), [x], backend=backend), 0.0
        rows = np.array([[0.5, 9.0], [1.5, 9.0], [3.0, 9.0]])[::-1, :1]  # neither in one piece nor in order
        found.append([*program.forward(rows), program.backward(rows), program.backward(rows[:1]), w.grad])
        assert program.forward([]) == []
    assert found[1] == pytest.approx(found[0], rel=1e-14)


def test_several_outputs_are_tuples() -> None:
    x, w = Value(1.0), Value(3.0)
    program = mg.compile([w * x, w, x], [x], backend="numba")
    assert program.forward([[7.0], [2.0]]) == [(21.0, 3.0, 7.0), (6.0, 3.0, 2.0)]
    assert program.forward([[7.0]]) == [(21.0, 3.0, 7.0)]


def test_a_large_graph_takes_fewer_rows_at_a_time() -> None:
    x, w = Value(1.0), Value(0.999)
    y = x
    for _ in range(20_000):
        y = y * w
    program = mg.compile(y, [x], backend="numba")
    rows = [[float(i)] for i in range(100)]
    assert program.backward(rows) == pytest.approx(49.5 * 0.999**20_000, rel=1e-11)
    assert w.grad == pytest.approx(49.5 * 20_000 * 0.999**19_999, rel=1e-11)


def test_a_sequence_may_have_any_length() -> None:
    x = Value(2.0)
    values = [Value(1.0) for _ in range(3000)]
    program = mg.compile(mg.logsumexp([mg.sum(values), x, *values]), [x], backend="numba")
    assert program.backward([[2.0]]) == 3000.0
    assert [value.grad for value in values] == [1.0] * 3000
