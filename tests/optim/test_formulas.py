"""Optimisers by formulas: what a reader gets is what the lines say, and a step does it, wholly or not at all."""

from __future__ import annotations

import ast
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import SGD, Adam, AdamW, Optimizer, RMSprop, Value
from microgrannd.optim.update import GIVEN, SCALAR, Update
from microgrannd.rules.formula import FormulaError

OPTIONS: dict[type[Optimizer], dict[str, list[Any]]] = {
    SGD: {"momentum": [0.0, 0.9], "nesterov": [False, True], "weight_decay": [0.0, 0.1]},
    Adam: {"betas": [(0.9, 0.999), (0.0, 0.5)], "eps": [1e-8], "weight_decay": [0.0, 0.1]},
    AdamW: {"betas": [(0.9, 0.999)], "eps": [1e-3], "weight_decay": [0.0, 0.1]},
    RMSprop: {"alpha": [0.99, 0.5], "weight_decay": [0.0, 0.1], "momentum": [0.0, 0.9], "centered": [False, True]},
}


class Lion(Optimizer):
    """As in the documentation."""

    beta1, beta2, weight_decay = 0.9, 0.99, 0.0
    update = {
        "direction": "beta1 * means + (1 - beta1) * g",
        "means": "beta2 * means + (1 - beta2) * g",
        "p": "p - lr * ((direction > 0) - (direction < 0) + weight_decay * p)",
    }


class Own(Optimizer):
    """Of everything that lines can have."""

    warm, power = 3, 0.5
    update = {
        "rate": "lr * (1 if t > warm else t / warm)",
        "g": "g if abs(g) < 10 else copysign(10, g)",
        "p": "p - rate * (g + old) / (1 + sqrt(squares) ** power)",
        "old": "0.5 * p if 0 < g < 1 / t or p > 5 and g > 0 else old",
        "squares": "max(squares, g * g) if warm else squares",
        "unused": "1 / 0",
    }


def variants() -> list[Any]:
    """All optimisers with all options."""
    made = [(Lion, {}), (Lion, {"weight_decay": 0.5}), (Own, {}), (Own, {"warm": 0}), (Own, {"power": 2})]
    for kind, options in OPTIONS.items():
        made += [(kind, dict(zip(options, values, strict=True))) for values in itertools.product(*options.values())]
    return [
        pytest.param(kind, options, id=f"{kind.__name__} {options}")
        for kind, options in made
        if not options.get("nesterov") or options["momentum"]
    ]


def reference(optimizer: Optimizer, lr: float) -> dict[str, list[float]]:
    """What a step makes of parameters and buffers: the lines as they are written, one by one, for each parameter."""
    texts = dict(optimizer.update)
    new: dict[str, list[float]] = {name: [] for name in ("p", *optimizer.buffers)}
    lazy = {
        name: getattr(optimizer, name) for text in texts.values() for name in _free(text) if hasattr(optimizer, name)
    }
    for index, parameter in enumerate(optimizer.params):
        names = {**SCALAR, **lazy, "lr": lr, "t": float(optimizer.steps + 1), "p": parameter.data, "g": parameter.grad}
        names |= {name: getattr(optimizer, name)[index] for name in optimizer.buffers}
        for name, text in texts.items():
            if name != "unused":
                names[name] = eval(text, {}, names)
        for name, column in new.items():
            column.append(float(names[name]))
    return new


def _free(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def state(optimizer: Optimizer) -> Any:
    numbers = [[p.data for p in optimizer.params], [p.grad for p in optimizer.params]]
    return repr((numbers, optimizer.state_dict()))


def as_bits(columns: Any) -> dict[str, list[str]]:
    """As text, to the bit but for the sign of 0, which whole numbers in a formula do not have: -(2 - 2)."""
    return {name: [(float(number) + 0.0).hex() for number in column] for name, column in columns.items()}


def now(optimizer: Optimizer) -> dict[str, list[float]]:
    return {"p": [p.data for p in optimizer.params]} | {name: getattr(optimizer, name) for name in optimizer.buffers}


@pytest.mark.parametrize(("kind", "options"), variants())
@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_step_computes_the_lines_as_they_are_written(kind: Any, options: Any, gradients: Any) -> None:
    optimizer = kind([Value(x) for x in (1.0, -2.0, 0.0)], 0.25, **options)
    for row in gradients:
        for parameter, gradient in zip(optimizer.params, row, strict=True):
            parameter.grad = gradient
        before = state(optimizer)
        try:
            expected = as_bits(reference(optimizer, 0.25))
        except ArithmeticError as error:
            with pytest.raises(type(error)):
                optimizer.step()
            assert state(optimizer) == before
            return
        optimizer.step()
        assert as_bits(now(optimizer)) == expected


@pytest.mark.parametrize(("kind", "options"), variants())
def test_a_reader_needs_nothing_but_the_trees(kind: Any, options: Any) -> None:
    """As a writer of programs would: constants once a step, then the lines for each parameter."""
    optimizer = kind([Value(x) for x in (1.0, -2.0, 0.5)], lambda step: 0.5 / (1 + step), **options)
    for step in range(8):
        settled = optimizer.settled()
        update = settled.update
        assert_split(update)
        rate, t = 0.5 / (1 + step), step + 1.0
        constants = {name: float(getattr(optimizer, name)) for name in update.options} | {"lr": rate, "t": t}
        for name, tree in update.constants.items():
            constants[name] = float(evaluated(tree, constants))
        assert [constants[name] for name in update.constants] == list(settled.numbers(optimizer, rate, t))
        constants = {name: constants[name] for name in update.constants}
        expected = now(optimizer)
        expected = {name: list(column) for name, column in expected.items()}
        for index, parameter in enumerate(optimizer.params):
            parameter.grad = math.sin(index + step)
            names = {**constants, "p": parameter.data, "g": parameter.grad}
            names |= {name: getattr(optimizer, name)[index] for name in update.buffers}
            for name, tree in update.lines.items():
                names[name] = float(evaluated(tree, names))
            for name in ("p", *update.buffers):
                expected[name][index] = names[name]
        optimizer.step()
        assert as_bits(now(optimizer)) == as_bits(expected)


def evaluated(tree: ast.expr, names: dict[str, float]) -> Any:
    return eval(ast.unparse(tree), {}, {**SCALAR, **names})


def assert_split(update: Update) -> None:
    """Nothing that could be computed once a step is computed for each parameter, nor the other way round."""
    known = {*update.options, "lr", "t"}
    for name, tree in update.constants.items():
        assert names(tree) <= known, name
        known.add(name)
    varying = {"p", "g", *update.buffers}
    known = varying | update.constants.keys()
    for name, tree in update.lines.items():
        assert names(tree) <= known, name
        known.add(name)
        varying.add(name)
        for node in ast.walk(tree):
            cheap = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult)
            assert not cheap or names(node) & varying, (name, ast.unparse(node))  # others wait for their condition
    assert update.lines.keys() >= {"p"}


def names(tree: ast.AST) -> set[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


NUMBERS = st.sampled_from(["p", "g", "b", "b", "lr", "t", "size", "zero", "2", "0.5", "1"])


def combined(part: Any) -> Any:
    return st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/", "**"]), part).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        st.tuples(st.sampled_from(["sqrt", "exp", "abs", "-", "log"]), part).map(lambda x: f"{x[0]}({x[1]})"),
        st.tuples(part, part, st.sampled_from(["zero", "size > 1", "t > 2", "g > b", "not zero"]), part).map(
            lambda x: f"({x[0]} if {x[2]} and {x[1]} < 2 else {x[3]})"
        ),
        st.tuples(part, st.sampled_from(["zero", "size > 1", "t > 2", "g > b"]), part).map(
            lambda x: f"({x[0]} if {x[1]} else {x[2]})"
        ),
    )


FORMULAS = st.recursive(NUMBERS, combined, max_leaves=8)


@settings(deadline=None, max_examples=300)
@given(FORMULAS, FORMULAS, FORMULAS, st.sampled_from([0.0, 1.5]), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_any_formulas_do_what_they_say_or_nothing(first: str, b: str, p: str, zero: float, data: list[float]) -> None:
    class Drawn(Optimizer):
        size = 2.0
        update = {"first": first, "b": f"b + {b}", "p": f"{p} + first"}

        def __init__(self, params: Any, lr: float, zero: float) -> None:
            super().__init__(params, lr)
            self.zero = zero

    optimizer = Drawn([Value(x) for x in data], 0.5, zero)
    for _ in range(4):
        for parameter in optimizer.params:
            parameter.grad = parameter.data - 1
        before = state(optimizer)
        try:
            expected = as_bits(reference(optimizer, 0.5))
        except (ArithmeticError, ValueError, TypeError):  # TypeError: of a complex number
            with pytest.raises((ArithmeticError, ValueError, TypeError), match=r"Drawn cannot compute .* in step "):
                optimizer.step()
            assert state(optimizer) == before
            return
        optimizer.step()
        assert as_bits(now(optimizer)) == expected


def test_options_are_decided_and_hoisted() -> None:
    update = Adam([Value(1.0)]).settled().update  # type: ignore[union-attr]
    assert {name: ast.unparse(tree) for name, tree in update.lines.items()} == {
        "means": "beta1 * means + c1 * g",
        "squares": "beta2 * squares + c2 * g * g",
        "p": "p - c3 * means / (sqrt(squares) / c4 + eps)",
    }
    assert {name: ast.unparse(tree) for name, tree in update.constants.items()} == {
        "beta1": "beta1", "c1": "1.0 - beta1", "beta2": "beta2", "c2": "1.0 - beta2",
        "c3": "lr / (1.0 - beta1 ** t)", "c4": "sqrt(1.0 - beta2 ** t)", "eps": "eps",
    }  # fmt: skip
    assert (update.options, update.buffers) == (("beta1", "beta2", "eps"), ("means", "squares"))
    optimizer = SGD([Value(1.0)], 0.1)
    plain = optimizer.settled()
    assert plain is not None
    assert (list(plain.update.lines), plain.update.buffers) == (["p"], ())
    optimizer.momentum = 0.5  # options can be changed at any time
    assert optimizer.settled().update.buffers == ("velocity",)  # type: ignore[union-attr]
    optimizer.momentum = 0.0
    assert optimizer.settled() is plain


def test_lion_is_that_of_its_paper() -> None:
    w, u = Value(1.0), Value(-1.0)
    optimizer = Lion([w, u], mg.linear(0.1, 10), weight_decay=0.1)
    mine, means = [1.0, -1.0], [0.0, 0.0]
    for step in range(20):
        lr = 0.1 * (1 - min(step / 10, 1))
        for i, parameter in enumerate(optimizer.params):
            gradient = parameter.grad = math.sin(7 * step + i) if step % 5 else 0.0
            direction = 0.9 * means[i] + 0.1 * gradient
            mine[i] -= lr * (math.copysign(1, direction) * (direction != 0) + 0.1 * mine[i])
            means[i] = 0.99 * means[i] + 0.01 * gradient
        optimizer.step()
    assert [p.data for p in optimizer.params] == pytest.approx(mine, rel=1e-13)
    assert optimizer.means == pytest.approx(means, rel=1e-12)  # type: ignore[attr-defined]


class Method(Optimizer):
    """By the method."""

    def _update(self, lr: float) -> None:
        for p in self.params:
            p.data -= lr * p.grad


def test_an_optimiser_of_ones_own_goes_on_from_a_checkpoint(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = mg.data.moons(30, seed=0)

    def run(path: Any, epochs: int, kind: Any = Lion, **options: Any) -> Any:
        model = mg.MLP(2, [3, 1], seed=0)
        mg.fit(
            model, X, y, loss=mg.binary_cross_entropy_with_logits, epochs=epochs, batch_size=8, seed=0, progress=False,
            optimizer=kind(model.parameters(), 0.01, max_norm=1.0, **options), checkpoint=path, resume=path is not None,
        )  # fmt: skip
        return model.state_dict()

    run(tmp_path / "run.json", 2, weight_decay=0.1)
    with pytest.raises(ValueError, match=r"other settings: weight_decay was 0\.1, is 0\.0"):
        run(tmp_path / "run.json", 5)
    assert run(tmp_path / "run.json", 5, weight_decay=0.1) == run(None, 5, weight_decay=0.1)
    changed = type("Lion", (Lion,), {"update": {**Lion.update, "direction": "g"}})
    with pytest.raises(ValueError, match=r"other settings: update was [0-9a-f]+, is [0-9a-f]+"):
        run(tmp_path / "run.json", 6, changed, weight_decay=0.1)
    run(tmp_path / "method.json", 2, Method)
    assert run(tmp_path / "method.json", 4, Method) == run(None, 4, Method)
    monkeypatch.setattr(Method, "_update", lambda self, lr: None)
    with pytest.raises(ValueError, match=r"other settings: update was [0-9a-f]+, is [0-9a-f]+"):
        run(tmp_path / "method.json", 6, Method)


def test_the_state_and_the_options_of_ones_own_are_those_of_its_lines() -> None:
    optimizer = Lion([Value(1.0), Value(2.0)], 0.1, beta1=0.5)
    assert optimizer.buffers == ("means",)
    assert optimizer.options() == {"lr": 0.1, "max_norm": None, "beta1": 0.5, "beta2": 0.99, "weight_decay": 0.0}
    optimizer.params[0].grad = 1.0
    optimizer.step()
    twin = Lion([Value(p.data) for p in optimizer.params], **optimizer.options())
    twin.load_state_dict(json.loads(json.dumps(optimizer.state_dict())))
    assert vars(twin) == {**vars(optimizer), "params": twin.params}
    with pytest.raises(TypeError, match="Lion takes params, lr, max_norm, beta1, beta2, weight_decay; got decay"):
        Lion([Value(1.0)], 0.1, decay=0.1)
    with pytest.raises(ValueError, match="beta1 needs to be a finite number, got nan"):
        Lion([Value(1.0)], 0.1, beta1=math.nan)
    with pytest.raises(TypeError, match="beta1 needs a real number, got 'x'"):
        Lion([Value(1.0)], 0.1, beta1="x")  # type: ignore[arg-type]


def test_subclasses_change_lines_options_or_the_method() -> None:
    class Fast(Lion):
        beta1 = 0.5

    class Ascent(Lion):
        update = {**Lion.update, "p": "p + lr * direction"}

    class Noisy(Adam):
        buffers = ("means", "squares", "noise")

        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.noise = [1.0] * len(self.params)

        def _update(self, lr: float) -> None:
            super()._update(lr)
            for p, noise in zip(self.params, self.noise, strict=True):
                p.data += noise

    class Plain(Noisy):
        update = {"p": "p - lr * g"}

        def __init__(self, params: Any, lr: float) -> None:
            Optimizer.__init__(self, params, lr)

    w = Value(1.0)
    w.grad = 2.0
    assert Fast([w], 0.1).options()["beta1"] == 0.5
    Ascent([w], 0.5).step()
    assert w.data == pytest.approx(1.1)
    noisy = Noisy([w])
    noisy.step()
    assert w.data == pytest.approx(2.099)
    assert set(noisy.state_dict()) == {"steps", "means", "squares", "noise"}
    assert noisy.settled() is None
    plain = Plain([w], 0.5)
    plain.step()
    assert w.data == pytest.approx(1.099)
    assert plain.state_dict() == {"steps": 1}
    assert plain.settled() is not None
    assert Optimizer([w], 0.1).settled() is None


class Interrupting(Value):
    """Whose gradient cannot be read."""

    @property
    def grad(self) -> float:  # type: ignore[override]
        raise KeyboardInterrupt

    @grad.setter
    def grad(self, number: float) -> None:
        pass


class Dividing(Optimizer):
    update = {"sums": "sums + 1 / g", "p": "p - lr * sums"}


@pytest.mark.parametrize("max_norm", [None, 1.0])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_in_the_middle_leaves_everything_as_it_was(place: int, max_norm: float | None) -> None:
    params = [Value(x, f"w{i}") for i, x in enumerate((1.0, 2.0, 3.0))]
    optimizer = Dividing(params, 0.5, max_norm)
    for gradients in ([1.0, 2.0, 4.0], [4.0, 3.0, 2.0]):
        for parameter, gradient in zip(params, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    params[place].grad = 0.0
    before = state(optimizer)
    with pytest.raises(
        ZeroDivisionError, match=rf"^Dividing cannot compute w{place} in step 3: .*division by zero; nothing"
    ):
        optimizer.step()
    assert state(optimizer) == before
    params[place].grad, params[place].data = 1.0, "two"  # type: ignore[assignment]
    before = state(optimizer)
    with pytest.raises(
        TypeError, match=rf"Dividing cannot compute w{place} in step 3: w{place}\.data needs a real number"
    ):
        optimizer.step()
    assert state(optimizer) == before
    params[place].data = 2  # another number is taken
    optimizer.step()
    assert {type(p.data) for p in params} == {float}


def test_an_interrupt_in_the_middle_leaves_everything_as_it_was() -> None:
    params = [Value(1.0), Interrupting(2.0), Value(3.0)]
    optimizer = Adam(params, 0.5)
    params[0].grad = 1.0
    with pytest.raises(KeyboardInterrupt):
        optimizer.step()
    assert [p.data for p in params] == [1.0, 2.0, 3.0]
    assert optimizer.state_dict() == {"steps": 0, "means": [0.0] * 3, "squares": [0.0] * 3}


def test_an_option_or_a_rate_without_a_value_leaves_everything_as_it_was() -> None:
    w = Value(1.0)
    w.grad = 3.0
    optimizer = Adam([w], 0.1, max_norm=1.0)
    before = state(optimizer)
    optimizer.betas = (1.0, 0.9)
    with pytest.raises(ZeroDivisionError, match=r"Adam cannot compute its constants in step 1: .*division by zero"):
        optimizer.step()
    optimizer.betas = (2.0, None)  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"Adam\.beta2 needs a real number, got None"):
        optimizer.step()
    optimizer.betas = (0.9, 2.0)
    with pytest.raises(
        ValueError, match=r"Adam cannot compute its constants in step 1: .*(math domain error|nonnegative)"
    ):
        optimizer.step()
    optimizer.betas, optimizer.lr = (0.9, 0.9), lambda step: 1 / step
    with pytest.raises(ZeroDivisionError):
        optimizer.step()
    assert state(optimizer) == before


def test_nan_and_overflow_flow_into_the_data() -> None:
    for kind in OPTIONS:
        params = [Value(1.0), Value(2.0), Value(3.0)]
        for parameter, gradient in zip(params, (math.nan, 1e300, 1.0), strict=True):
            parameter.grad = gradient
        kind(params, 1e10).step()  # type: ignore[call-arg]
        assert math.isnan(params[0].data)
        assert not math.isnan(params[2].data)


def test_numbers_of_other_kinds_are_floats_after_a_step(np: Any) -> None:
    from decimal import Decimal
    from fractions import Fraction

    for number in (2, True, Fraction(1, 2), Decimal("0.5"), np.float32(0.5), np.int64(3)):
        for kind in OPTIONS:
            w, u = Value(1.0), Value(0.0)
            w.data = number
            kind([u, w], lr=np.float32(0.5)).step()
            assert type(w.data) is float
            assert w.data == pytest.approx(float(number), rel=0.2)
    optimizer = Lion([Value(1.0)], 0.5)
    optimizer.beta1, optimizer.beta2 = np.float32(0.5), np.float64(0.5)
    optimizer.params[0].grad = 1.0
    optimizer.step()
    assert json.dumps(optimizer.state_dict()) == '{"steps": 1, "means": [0.5]}'
    assert type(optimizer.params[0].data) is float


def test_lines_may_lack_what_the_library_has() -> None:
    class Frozen(Optimizer):
        frozen = 1
        update = {"p": "p if frozen else p - lr * g"}

    class Averaging(Optimizer):
        decay = 0.5
        update = {"p": "p - lr * g", "averages": "decay * averages + (1 - decay) * p"}

    w = Value(1.0)
    w.grad = 1.0
    Frozen([w], 0.5).step()
    assert w.data == 1.0
    Frozen([w], 0.5, frozen=0).step()
    assert w.data == 0.5
    optimizer = Averaging([w], 0.25)
    optimizer.step()
    assert (w.data, optimizer.averages) == (0.25, [0.125])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"p": "p.__class__"}, "Bad.update['p']: 'p.__class__': Attribute is not allowed in a formula"),
        ({"p": "__import__('os')"}, "'os' is not a number that a float can hold"),
        ({"p": "__import__(1)"}, "Bad.update['p']: '__import__(1)': unknown name '__import__'; a line reads p, g, "),
        ({"p": "exec(p)"}, "Bad.update['p']: 'exec(p)': unknown name 'exec'; a line reads p, g, lr, t, names of lines"),
        ({"p": "p - lr * momentun * g"}, "unknown name 'momentun'"),
        ({"p": "(lambda: p)()"}, "a call is written name(operand, ...)|Lambda is not allowed"),
        ({"p": "[p for p in [g]]"}, "a line computes a number of numbers, not a List"),
        ({"p": "sum([p, g])"}, "unknown name 'sum'"),
        ({"p": "max([p, g])"}, "a line computes a number of numbers, not a List"),
        ({"p": "params"}, "unknown name 'params'"),
        ({"p": "self"}, "unknown name 'self'"),
        ({"p": "step"}, "unknown name 'step'"),
        ({"p": "_optimizer"}, "unknown name '_optimizer'"),
        ({"p": "sqrt"}, "sqrt is a function, to be called"),
        ({"p": "g(p)"}, "g is a number and cannot be called"),
        ({"p": "p -"}, "'p -' is not a formula: invalid syntax"),
        ({"p": "p\n+ g"}, "is not a formula"),
        ({"p": "p := g"}, "is not a formula"),
        ({"p": "p" + " + p" * 2000}, "a formula has at most 2,000 characters"),
        ({"p": "-" * 200 + "p"}, "a formula has at most 100 levels"),
        ({}, "Bad.update needs a formula for p, the new data, as \"p\": \"p - lr * g\"; got none"),
        ({"g": "g"}, "Bad.update needs a formula for p"),
        ({"p": 1.0}, "Bad.update needs to be a dict of formulas by name, got {'p': 1.0} (dict)"),
        ({1: "p"}, "Bad.update needs to be a dict of formulas by name"),
        ("p - lr * g", "Bad.update needs to be a dict of formulas by name, got 'p - lr * g' (str)"),
        (None, "Bad.update needs to be a dict of formulas by name, got None"),
        ({"lr": "lr / t", "p": "p"}, "Bad.update['lr']: lr is given by the optimiser; give the line another name"),
        ({"t": "t + 1", "p": "p"}, "t is given by the optimiser"),
        ({"size": "size + 1", "p": "p"}, "size is given by the optimiser"),
        ({"_all_v": "g", "p": "p"}, "the name of a line needs to be an ASCII name that does not begin with _"),
        ({"a b": "g", "p": "p"}, "needs to be an ASCII name"),
        ({"a=0\nb": "g", "p": "p"}, "needs to be an ASCII name"),
        ({"lambda": "g", "p": "p"}, "needs to be an ASCII name"),
        ({"ｇ": "g", "p": "p"}, "needs to be an ASCII name"),
        ({"": "g", "p": "p"}, "needs to be an ASCII name"),
        ({"steps": "steps + g", "p": "p"}, "Bad.steps is taken; give the buffer another name"),
        ({"params": "params + g", "p": "p"}, "Bad.params is taken"),
        ({"step": "step + g", "p": "p"}, "Bad.step is taken"),
        ({"update": "update + g", "p": "p"}, "Bad.update is taken"),
        ({"p": "p - lr * zero_grad", "zero_grad": "g"}, "Bad.zero_grad is taken"),
    ],
)  # fmt: skip
def test_what_is_no_update_is_refused_when_the_class_is_defined(update: Any, message: str) -> None:
    with pytest.raises(FormulaError) as error:
        type("Bad", (Optimizer,), {"update": update, "size": 1.0})
    text = str(error.value)
    assert any(part in text for part in message.split("|")), text
    assert "\n" not in text
    assert len(text) < 300


def test_a_class_has_one_form() -> None:
    lines = {"p": "p - lr * g"}
    for more in ({"_update": lambda self, lr: None}, {"buffers": ("v",)}):
        with pytest.raises(FormulaError, match=f"Bad.update says it all: leave out {next(iter(more))}"):
            type("Bad", (Optimizer,), {"update": lines, **more})


def test_names_of_lines_and_options_may_be_those_of_the_generated_source_and_of_functions() -> None:
    class Odd(Optimizer):
        c1, gamma, index = 2.0, 3.0, 4.0
        update = {
            "c2": "gamma * g + c1 * lr", "data": "data + (1 + c1) * c2 * (index + 1)", "exp": "t * c1",
            "p": "p - data - exp",
        }  # fmt: skip

    optimizer = Odd([Value(100.0)], 0.5)
    optimizer.params[0].grad = 1.0
    optimizer.step()
    assert optimizer.params[0].data == 100.0 - 3 * (3.0 + 1.0) * 5 - 2.0
    assert optimizer.buffers == ("data",)
    assert not GIVEN & SCALAR.keys()


def test_a_part_that_is_not_always_reached_is_not_computed_before() -> None:
    class Late(Optimizer):
        update = {
            "p": "p - (lr * sqrt(t - 2) if g > 0 else lr * (t - 2)) if g < 5 and g > 0 and 1 / (t - 1) > 0 or g > 5 else p"
        }

    optimizer = Late([Value(0.0)], 1.0)
    optimizer.step()  # sqrt(-1) is not needed, nor is 1 / 0
    optimizer.params[0].grad = 1.0
    optimizer.steps = 5
    optimizer.step()
    assert optimizer.params[0].data == -2.0
    lines = {"p": "p - lr * g if g > 0 else p - 2 * lr / 0"}
    settled = type("Never", (Optimizer,), {"update": lines})([Value(0.0)], 1.0).settled()
    assert [ast.unparse(tree) for tree in settled.update.constants.values()] == ["lr", "2.0 * lr"]


def test_a_condition_on_options_that_may_raise_waits_for_the_one_around_it() -> None:
    class Rare(Optimizer):
        every = 0.0
        update = {"p": "p - lr * (g if 1 / every > 0.5 else 0) if every else p - g"}

    optimizer = Rare([Value(1.0)], 0.5)
    optimizer.params[0].grad = 1.0
    optimizer.step()
    assert optimizer.params[0].data == 0.0
    for every, expected in ((1.0, -0.5), (4.0, -0.5), (0, -1.5)):
        optimizer.every = every
        optimizer.step()
        assert optimizer.params[0].data == expected
