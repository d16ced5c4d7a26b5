"""Compiled programs against the eager engine: the same numbers to the bit, the same errors, whatever the graph."""

from __future__ import annotations

import ast
import copy
import keyword
import math
import pickle
import random
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.compiler.tape import Ref
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from microgrannd.testing import expressions
from microgrannd.testing.strategies import Expression
from tests.helpers import EDGES, arguments, as_program, eagerly, networks, root, squash


def assert_same(computed: Any, expected: Any, exact: bool, source: str) -> None:
    if isinstance(expected, tuple):
        assert computed == (expected[0], f"row 0: {expected[1]}"), source
    elif exact:
        assert repr(computed).replace("-0.0", "0.0") == repr(expected).replace("-0.0", "0.0"), source
    else:
        assert computed == pytest.approx(
            expected, rel=1e-12, abs=1e-300 if sys.version_info < (3, 12) else 1e-12, nan_ok=True
        ), source


def has_compensated_sums(expression: Expression) -> bool:
    return sys.version_info >= (3, 12) and any(operation.rule.sequences for operation, _ in expression.steps)


def is_added_up_otherwise(expression: Expression) -> bool:
    """Whether some node is used several times, or sums are compensated: programs add in plain order."""
    if has_compensated_sums(expression):
        return True
    refs = [atom for _, operands in expression.steps for atom in mg._trees.leaves(operands) if isinstance(atom, Ref)]
    return len(refs) != len(set(refs))


@given(expressions(max_size=12, include=[squash, root]), st.data())
def test_random_graphs_give_the_same_bits_and_the_same_errors(expression: Expression, data: st.DataObject) -> None:
    point = expression.inputs
    count = data.draw(st.integers(0, len(point)))
    leaves = [Value(x) for x in point]
    program = mg.compile(expression(*leaves), leaves[:count])
    cells = st.one_of(st.sampled_from(EDGES), st.floats(-3, 3))
    rows = [point[:count], *data.draw(st.lists(st.tuples(*[cells] * count).map(list), max_size=4))]
    for row in (
        rows[:1] if has_compensated_sums(expression) else rows
    ):  # elsewhere terms may cancel, and a compensated sum keeps more
        expected = eagerly(expression, row, point[count:])
        computed = as_program(program, leaves[count:], row)
        if computed != expected and isinstance(
            expected, tuple
        ):  # of several that raise a program may meet another first
            expected = next(
                error for error in errors(expression, [*row, *point[count:]]) if f"row 0: {error[1]}" == computed[1]
            )
        assert_same(computed, expected, not is_added_up_otherwise(expression), program.source)


def errors(expression: Expression, numbers: list[float]) -> list[tuple[type, str]]:
    """Those of all operations whose operands can be computed."""
    results: list[Any] = [*map(Value, numbers)]
    computed = []
    for operation, operands in expression.steps:
        read = mg._trees.mapped(lambda o: results[o.index] if isinstance(o, Ref) else o, operands)
        result = None
        if None not in mg._trees.leaves(read):
            try:
                result = operation.call(*read)
            except (ArithmeticError, ValueError) as error:
                computed.append((type(error), str(error)))
        results.append(result)
    return computed


@pytest.mark.parametrize("rule", [r for r in TABLE.values() if not r.sequences], ids=lambda rule: rule.name)
@pytest.mark.parametrize("constant", [False, True])
def test_every_rule_at_every_edge(rule: Rule, constant: bool) -> None:
    """All operands inputs but one, which is a parameter; or, the last one, a number in the formula."""
    operation = getattr(mg, rule.name, None) or getattr(Value, rule.name)
    fixed = len(rule.operands) > 1 and constant
    for row in arguments(rule):
        call = (lambda *xs, last=row[-1]: operation(*xs, last)) if fixed else operation
        free = row[:-1] if fixed else row
        leaves = [Value(x) for x in free]
        try:
            with mg.no_grad():
                call(*leaves)
            output = call(*leaves)
        except (ArithmeticError, ValueError):
            continue  # what cannot be recorded cannot be compiled
        program = mg.compile(output, leaves[1:])
        assert_same(
            as_program(program, leaves[:1], free[1:]),
            eagerly(lambda *xs, c=call: c(xs[-1], *xs[:-1]), free[1:], free[:1]),
            True,
            program.source,
        )


@pytest.mark.parametrize("length", [1, 3, 99, 100, 250])
@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "dot"])
def test_sequences_short_and_long(name: str, length: int) -> None:
    rng = random.Random(length)
    x = [Value(rng.uniform(-1, 1)) for _ in range(3)]
    w = [Value(rng.uniform(-1, 1)) for _ in range(length)]

    def of(x: Any, w: Any) -> Any:
        mixed = [w[i] * x[i % 3] if i % 2 else w[i] for i in range(length)]
        return mg.dot(mixed, [*mixed[1:], 0.5], x[0]) if name == "dot" else getattr(mg, name)(mixed)

    program = mg.compile(of(x, w), x)
    row = [0.3, -0.2, 0.7]
    expected = eagerly(lambda *all: of(all[:3], all[3:]), row, [v.data for v in w])
    assert_same(as_program(program, w, row), expected, False, program.source)


@pytest.mark.parametrize(("model", "loss"), networks())
def test_networks_over_many_rows_give_the_gradients_of_the_mean(model: Any, loss: Any) -> None:
    nin, nout = model.options()["nin"], model.options()["nouts"][-1]
    rng = random.Random(0)
    rows = [[rng.uniform(-1, 1) for _ in range(nin)] + [float(i == 0) for i in range(nout)] for _ in range(150)]
    inputs = [Value(x) for x in rows[0]]
    target = inputs[nin:] if nout > 1 else inputs[nin]
    program = mg.compile(loss(model(inputs[:nin]), target), inputs, model=model)
    model.zero_grad()
    computed = program.backward(rows)
    compiled = [p.grad for p in model.parameters()]
    model.zero_grad()
    losses = [loss(model(row[:nin]), row[nin:] if nout > 1 else row[nin]) for row in rows]
    mean = mg.mean(losses)
    mean.backward()
    assert computed == pytest.approx(mean.data, rel=1e-12)
    assert compiled == pytest.approx([p.grad for p in model.parameters()], rel=1e-10, abs=1e-15)
    assert program.forward(rows) == pytest.approx([one.data for one in losses], rel=1e-13)


def test_parameters_are_read_at_each_call_and_gradients_are_added() -> None:
    x, w = Value(1.0), Value(3.0)
    program = mg.compile(w * x, [x])
    w.data, w.grad = 5.0, 100.0
    assert program.backward([[2.0], [4.0]]) == 15.0
    assert (w.grad, x.grad) == (103.0, 0.0)


def test_several_outputs_give_tuples_and_have_no_backward() -> None:
    x, w = Value(1.0), Value(3.0)
    assert mg.compile([w * x, w, x], [x]).forward([[2.0], [3]]) == [(6.0, 3.0, 2.0), (9.0, 3.0, 3.0)]
    assert mg.compile([w * x], [x]).forward([[2.0]]) == [(6.0,)]
    with pytest.raises(ValueError, match="backward needs a program of one output, got 2"):
        mg.compile([w, w * x], [x]).backward([[1.0]])
    assert "def backward" not in mg.compile([w, w * x], [x]).source


def test_leaves_as_outputs() -> None:
    x, w = Value(1.0), Value(3.0)
    program = mg.compile(w, [x])
    assert (program.forward([[1.0]]), program.backward([[1.0], [2.0]]), w.grad) == ([3.0], 3.0, 1.0)
    assert mg.compile(x, [x]).forward([[7.0]]) == [7.0]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([[1.0], [1.0, 2.0]], ValueError, "rows[1] needs a number for each of 1 inputs, got 2"),
        ([[1.0], []], ValueError, "rows[1] needs a number for each of 1 inputs, got 0"),
        ([[1.0], ["2"]], TypeError, "rows[1][0] needs a real number, got '2' (str)"),
        ([[1.0], [None]], TypeError, "rows[1][0] needs a real number, got None (NoneType)"),
        ([[Value(1.0)]], TypeError, "rows[0][0] needs a real number"),
        ([1.0], TypeError, "rows[0] needs to be a row of numbers, got 1.0 (float)"),
        (["1"], TypeError, "rows[0] needs to be a row of numbers, got '1' (str)"),
        ([[1.0], [-1.0], [0.0]], ValueError, "row 1: log(x) needs x > 0, got x = -1.0 (label 'x')"),
        ([[2.0]] * 70 + [[0.0]], ValueError, "row 70: log(x) needs x > 0, got x = 0.0"),
    ],
)
def test_a_bad_row_is_named_and_changes_nothing(rows: Any, error: type[Exception], message: str) -> None:
    x, w = Value(1.0, "x"), Value(3.0)
    program = mg.compile(w * mg.log(x), [x])
    for call in (program.forward, program.backward):
        with pytest.raises(error) as caught:
            call(rows)
        assert message in str(caught.value)
    assert w.grad == 0.0


def test_other_numbers_become_floats() -> None:
    np = pytest.importorskip("numpy")
    x, w = Value(1.0), Value(3.0)
    program = mg.compile(w / x, [x])
    assert program.forward(np.array([[2.0], [4.0]])) == [1.5, 0.75]
    assert program.forward([(True,), (np.float32(0.5),)]) == [3.0, 6.0]
    with pytest.raises(ZeroDivisionError, match=r"row 1: a / b needs"):
        program.forward([[1.0], [np.float64(0.0)]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x, w: ([], [x]), ValueError, "outputs needs at least one Value, got none"),
        (lambda x, w: (w * x, [x * 2]), ValueError, "inputs[0] needs to be a leaf, got the result of ×"),
        (lambda x, w: (w * x, [x, x]), ValueError, "inputs[1] is given twice"),
        (lambda x, w: (w * x, [1.0]), TypeError, "inputs[0] needs to be a Value, got 1.0 (float)"),
        (lambda x, w: ([w * x, 3.0], [x]), TypeError, "outputs[1] needs to be a Value, got 3.0 (float)"),
        (
            lambda x, w: (mg.sum([w, 1.0])._prev[1], [x]),
            ValueError,
            "outputs[0] needs to depend on an input or a parameter, got the constant 1.0",
        ),
    ],
)
def test_what_cannot_be_compiled_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mg.compile(*make(Value(1.0), Value(2.0)))
    assert message in str(caught.value)
    with pytest.raises(ValueError, match=r"backend needs to be python or numba, got 'fortran' \(str\)"):
        mg.compile(Value(1.0), [], backend="fortran")


def test_a_program_pickles_and_copies() -> None:
    model = mg.MLP(3, [40, 40, 1], activation="tanh", seed=0)
    inputs = [Value(0.1) for _ in range(3)]
    program = mg.compile(squash(model(inputs)), inputs, model=model)
    rows = [[0.1 * i, 0.2, -0.3] for i in range(70)]
    value = program.backward(rows)
    for other in (pickle.loads(pickle.dumps(program)), copy.deepcopy(program)):
        assert other.source == program.source
        assert other.backward(rows) == value
        assert [p.grad for p in other.parameters] == [
            2 * p.grad for p in program.parameters
        ]  # the copies had the first


def test_a_branch_of_pythons_own_is_frozen_and_one_inside_of_an_operation_is_not() -> None:
    x = Value(1.0)
    assert mg.compile(2 * x if x > 0 else 3 * x, [x]).forward([[1.0], [-1.0]]) == [2.0, -2.0]
    assert mg.compile(mg.leaky_relu(x, 3.0), [x]).forward([[1.0], [-1.0]]) == [1.0, -3.0]


def test_numbers_in_conditions_stay_numbers() -> None:
    @mg.rule("(x and 2) + (x or 3)", dx="1 if x and 2 else 0")
    def odd(x: Any) -> Any:
        """Python's and, or of numbers."""

    x = Value(0.5)
    assert mg.compile(odd(x), [x]).forward([[0.5], [0.0]]) == [2.5, 3.0] == [odd(0.5), odd(0.0)]


@pytest.mark.parametrize("length", [3, 150])
def test_a_name_inside_of_a_loop_stays_there(length: int) -> None:
    @mg.rule("sum([w * w + w for v in vs for w in [v * 2]])", dvs="[8 * v + 2 for v in vs]", sequences=["vs"])
    def nested(vs: Any) -> Any:
        """Of an expression that is used twice."""

    x, w = Value(1.0), Value(2.0)
    program = mg.compile(nested([x * w] * length), [x])
    assert program.backward([[0.5]]) == nested([1.0] * length)
    assert w.grad == pytest.approx(length * 10 * 0.5)


def test_what_is_not_needed_is_gone() -> None:
    x, w, v = Value(2.0, "x"), Value(3.0, "w"), Value(4.0, "v")
    unused = mg.exp(v)
    a, again = mg.tanh(w * x), mg.tanh(w * x)
    program = mg.compile(a + again * 1.0, [x])
    assert unused.data
    assert program.parameters == [w]
    assert program.source.count("tanh(") == 2  # one in forward, one in backward
    assert "1.0 *" not in program.source
    assert "* 1.0" not in program.source
    assert "d_x" not in program.source
    partial = mg.compile(w * (0.0 * x), [x]).source
    assert "0.0 * x" in partial  # a product with 0 may be nan


def test_the_source_is_named_after_labels_and_modules_and_states_what_it_is() -> None:
    model = mg.MLP(2, [2, 1], activation="tanh", seed=0)
    inputs = [Value(0.0, label) for label in ("height", "width")]
    output = model(inputs)
    output.label = "score"
    lines = mg.compile(output, inputs, model=model).source.splitlines()
    assert lines[0] == "# 1 output(s) of 2 inputs and 9 parameters: 5 operations."
    assert "        height, width = row" in lines
    first = "layers_0_neurons_0"
    assert f"        t0 = {first}_b + {first}_w_0 * height + {first}_w_1 * width" in lines
    assert any(line.startswith("        score = ") for line in lines)


labels = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *keyword.kwlist,
            "__import__('os')",
            "a\nb",
            "'",
            '"',
            "\\",
            "exp",
            "sum",
            "row",
            "v",
            "d_x",
            "x",
            "é",
            "x" * 99,
        ]
    ),
)


@given(st.lists(labels, min_size=6, max_size=6))
def test_no_label_reaches_the_source_as_it_is(texts: list[str]) -> None:
    x, w, b = (Value(0.5, text) for text in texts[:3])
    output = mg.exp(w * x) + b
    output.label, output._a.label = texts[3:5]
    program = mg.compile([output, w, x], [x])
    names = {node.id for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Name)}
    assert all(name.isascii() and len(name) < 70 and not name.startswith("_") for name in names)
    assert not names & {*keyword.kwlist, "__import__"}
    assert program.forward([[0.25]]) == [(math.exp(0.125) + 0.5, 0.5, 0.25)]
    compiled = mg.compile(output, [x])
    compiled.backward([[0.25]])
    assert w.grad == 0.25 * math.exp(0.125)


RESERVED = [
    "layer1_w", "layer1_b", "layer1_columns", "layer1_rows", "layer1_xs", "d_layer1", "layer1", "real_result", "mul", "inf", "list",
    "total", "gradients", "results", "rows", "parameters", "c0", "s0", "g0", "t0", "p0", "x0", "d_t0", "w", "b", "i", "forward", "own",
]  # fmt: skip


@pytest.mark.parametrize("label", RESERVED)
def test_no_label_is_taken_for_a_name_of_the_programs_own(label: str) -> None:
    """In a graph that has all that a program can have: a layer, a long list, a constant let, a result made real."""
    leaves = [Value(0.01 * i) for i in range(121)]
    x, rest, w = leaves[:2], leaves[2:], [Value(0.02 * i) for i in range(120)]
    hidden = mg.dot(w, [x[0] * i for i in range(120)], x[1])
    root = mg.logsumexp([hidden, squash(x[0]), (x[1] + 2) ** 0.5]) + mg.mean([r * x[0] for r in rest])
    for named in (x[0], w[0], rest[0], hidden):
        named.label = label
        program = mg.compile(root, x)
        for value in (*w, *rest):
            value.grad = 0.0
        assert (
            program.backward([[0.0, 0.01]]) == program.forward([[0.0, 0.01]])[0] == pytest.approx(root.data, rel=1e-13)
        )
        computed = [value.grad for value in (*w, *rest)]
        for value in (*w, *rest):
            value.grad = 0.0
        root.backward()
        assert computed == pytest.approx([value.grad for value in (*w, *rest)], rel=1e-12, abs=1e-15)
        named.label = ""


def test_functions_of_one_name_are_kept_apart() -> None:
    def shifted(by: float) -> Any:
        @mg.rule("own(x)", dx="1", names={"own": lambda x: x + by})
        def shift(x):
            """By a number."""

        return shift

    x = Value(1.0)
    one, two = shifted(1.0), shifted(10.0)
    assert mg.compile(one(two(x)) + mg.exp(x), [x]).forward([[0.0]]) == [12.0]


def test_long_chains_and_wide_sums_compile() -> None:
    x, w = Value(0.5), Value(0.999)
    value = x
    for _ in range(15_000):
        value = value * w + x
    root = mg.sum([value, *(w * i for i in range(3_000))])
    program = mg.compile(root, [x])
    assert program.backward([[0.5]]) == pytest.approx(root.data, rel=1e-12)
    compiled, w.grad = w.grad, 0.0
    root.backward()
    assert len(program.tape.steps) == 33_001
    assert compiled == pytest.approx(w.grad, rel=1e-12)


@settings(max_examples=20)
@given(st.integers(1, 200), st.integers(0, 2**32))
def test_the_bits_do_not_depend_on_where_a_row_raises(count: int, seed: int) -> None:
    """A row with a singular slope is recorded anew; the sum is the same as without detours."""
    rng = random.Random(seed)
    rows = [[rng.uniform(0, 1)] for _ in range(count)]
    x, w = Value(1.0), Value(0.7)
    plain = mg.compile(mg.sqrt(w * x + 1.0) * w, [x])
    expected = plain.backward(rows), w.grad
    w.grad = 0.0
    runner = plain._runner
    runner.backward = lambda block, data, run=runner.backward: run(block, data) if len(block) == 1 else 1 / 0
    assert (plain.backward(rows), w.grad) == expected


def test_rows_that_are_run_one_by_one_do_not_generate_the_engine_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from microgrannd.compiler import tape as module

    generated = []
    generate = module.recorded
    monkeypatch.setattr(module, "recorded", lambda function: generated.append(function.__name__) or generate(function))

    @mg.rule("exp(x)", dx="y")
    def grown(x):
        """Unknown until now."""

    x, w = Value(0.0), Value(1.0)
    program = mg.compile(mg.exp(-grown(w * x)), [x])  # what overflows on its way to 0
    assert program.backward([[1000.0 + n] for n in range(100)]) == 0.0
    assert math.isnan(w.grad)  # 0 times inf
    assert generated.count("grown") == 1


@mg.rule("exp(x)", dx="y", names={"exp": lambda x: 2 * math.exp(x)})
def doubled(x):
    """With another function under the name of one of `math`."""


def test_functions_of_ones_own_may_be_called_like_any_other() -> None:
    w = Value(0.5)
    assert mg.compile(doubled(w) + mg.exp(w), []).forward([[]]) == [3 * math.exp(0.5)]
    for name in ("row", "rows", "results", "parameters", "total", "gradients", "count", "math", "range", "list"):
        own = mg.rule(f"{name}(x)", dx="1", names={name: math.exp})(lambda x: None)
        assert mg.compile(own(w), []).backward([[]]) == math.exp(0.5)


@pytest.mark.parametrize(
    "partial", ["[1 for v in vs if v > -10]", "len(vs) * [1]", "[1] * len(vs) if y > 0 else [1 for v in vs]"]
)
@pytest.mark.parametrize("length", [2, 150])
def test_a_partial_is_a_list_however_it_is_written(partial: str, length: int) -> None:
    own = mg.rule("sum(vs)", dvs=partial, sequences=["vs"])(lambda vs: None)
    values = [Value(float(i)) for i in range(length)]
    mg.compile(own(values), []).backward([[]])
    assert [value.grad for value in values] == [1.0] * length


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_sums_begin_with_0_as_pythons_own(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    x = Value(-0.0)
    for operation in (mg.sum, mg.mean):
        angle = mg.atan2(operation([x]), -1.0)
        assert mg.compile(angle, [x], backend=backend).forward([[-0.0]]) == [angle.data] == [math.pi]


def test_a_weight_of_a_layer_may_be_an_output_too() -> None:
    model, row = mg.MLP(120, [50, 1], seed=0), [Value(0.1 * i) for i in range(120)]
    weight = model.layers[0].neurons[0].w[0]
    assert mg.compile([model(row), weight], row).forward([[0.5] * 120])[0][1] == weight.data


def test_the_source_is_what_runs() -> None:
    x, w = Value(0.5), Value(2.0)
    program = mg.compile(mg.logsumexp([w * x, x, mg.logsumexp([x, w])]), [x])
    program.backward([[1.0]])
    program.forward([[1.0]])
    for name in ("forward", "backward"):
        assert getattr(program._runner, name).__globals__["__loader__"].source in program.source


@mg.rule("sum(vs)", dvs="[s * v / s for s in [y * y + 1] for v in [1] * len(vs)]", sequences=["vs"])
def shared(vs):
    """Its partial gives a name to what it makes of the result."""


@pytest.mark.parametrize("count", [2, 3, 20])
@pytest.mark.parametrize(
    "f",
    [
        lambda v: mg.softmax(v)[0],
        lambda v: mg.softmax(v)[-1] * mg.softmax(v)[0],
        lambda v: mg.log_softmax(v)[-1],
        lambda v: mg.logaddexp(v[0], v[1]),
        lambda v: mg.cross_entropy(v, 1),
        lambda v: mg.binary_cross_entropy_with_logits(v[0], 1.0),
        lambda v: mg.norm(v) + mg.prod(v) + mg.fsum(v) + mg.sumprod(v, v) + mg.dist(v, [1.0] * len(v)) + mg.hypot(*v),
        lambda v: mg.log(abs(v[0]) + 1, 2) + mg.fma(v[0], v[1], 2.0) + v[0] % 0.7 + v[1] // 0.7,
        shared,
    ],
)
def test_functions_that_are_made_of_rules_compile(f, count):
    """Also of rules that stand in no table."""
    numbers = [random.Random(count).uniform(-2, 2) for _ in range(count)]
    values, leaves, inputs = ([Value(x) for x in numbers] for _ in range(3))
    expected = f(values)
    expected.backward()
    assert mg.compile(f(inputs), inputs).forward([numbers]) == [pytest.approx(expected.data, rel=1e-12)]
    assert mg.compile(f(leaves), []).backward([[]]) == pytest.approx(expected.data, rel=1e-12)
    assert [leaf.grad for leaf in leaves] == pytest.approx([value.grad for value in values], rel=1e-12, abs=1e-12)
