"""Parameters are leaves that a person made, and a training trains them or says that it does not."""

from __future__ import annotations

import copy
import os
import pickle
import random
import secrets
from collections.abc import Callable
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.training.compiling import learner_for
from microgrannd.training.gradients import Compiled, Eager

X, Y = [[0.5, 1.0], [-0.5, 2.0], [1.0, -1.0], [0.25, 0.5]], [0.0, 1.0, 1.0, 0.0]
ROWS = [(tuple(row), target) for row, target in zip(X, Y, strict=True)]


class Keeping(mg.Module):
    """Keeps a result of each call in an attribute, as it is or detached."""

    def __init__(self, detach: bool = False) -> None:
        self.w, self.b, self.detach = Value(0.5), Value(0.25), detach
        self.h: Any = None

    def __call__(self, row: Any) -> Any:
        h = mg.tanh(self.w * row[0] + self.b)
        self.h = h.detach() if self.detach else h
        return h * row[1]


def fit(model: Any, optimizer: Any = None, loss: Any = mg.mse, X: Any = X, y: Any = Y, **options: Any) -> mg.History:
    optimizer = mg.SGD(model.parameters(), 0.1) if optimizer is None else optimizer
    return mg.fit(model, X, y, loss=loss, optimizer=optimizer, **{"epochs": 2, "seed": 0, "progress": False, **options})


USES: list[Callable[[Keeping], Any]] = [
    lambda model: model(X[0]),
    lambda model: model.predict(X),
    lambda model: fit(model),
    lambda model: fit(model, compile=False),
    lambda model: mg.gradient_report(model, X),
]
COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("detach", [False, True])
def test_a_result_that_is_kept_is_never_a_parameter(use: Any, detach: bool) -> None:
    model = Keeping(detach)
    use(model)
    for twin in (model, *(make(model) for make in COPIES)):
        assert list(twin.state_dict()) == ["w", "b"]
        twin.load_state_dict(Keeping().state_dict())


@pytest.mark.parametrize("make", COPIES)
def test_a_copied_result_says_that_it_has_no_graph(make: Any) -> None:
    x = Value(3.0)
    leaf, result = make((x, x * x)) if make is not copy.copy else (copy.copy(x), copy.copy(x * x))
    with pytest.raises(RuntimeError, match=r"^Value\(data=9.0, grad=0.0\) is a result without a graph"):
        result.backward()
    leaf.backward()
    (leaf * result).backward()
    assert leaf.grad == 10.0


def test_detach_gives_a_leaf_of_a_leaf_and_of_a_result_none() -> None:
    x = Value(3.0, "x")
    leaf, result = x.detach(), (x * x).detach()
    leaf.backward()
    assert (leaf.grad, leaf.label) == (1.0, "x")
    for other in (result, result.detach(), copy.copy(result)):
        with pytest.raises(RuntimeError, match="compute it again"):
            other.backward()


def test_derivatives_of_functions_are_recorded_inside_of_no_grad_too() -> None:
    with mg.no_grad():
        assert mg.grad(lambda x: x**3)(2.0) == 12.0
        assert mg.grad(mg.grad(lambda x: x**3))(2.0) == 12.0
        assert mg.jvp(mg.square, [3.0], [1.0]) == (9.0, 6.0)
    assert mg.grad(lambda x: mg.no_grad()(mg.square)(x) * x)(3.0) == 9.0


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_a_program_reads_results_without_a_graph_at_each_call_and_gives_them_no_gradient(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    x, w = Value(1.0), Value(2.0)
    h = (w * 3.0).detach()
    program = mg.compile(w * x * h, [x], backend=backend)
    assert program.parameters == [w]
    assert (program.backward([[1.0]]), w.grad, h.grad) == (12.0, 6.0, 0.0)
    h.data = 10.0
    assert program.backward([[1.0]]) == 20.0
    twin = pickle.loads(pickle.dumps(program))
    assert (len(twin.parameters), twin.forward([[1.0]])) == (1, [20.0])


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (lambda model, p, t: (p - t) * (p - t).data, "it records another graph"),
        (lambda model, p, t: (p - t) * (p - t).detach(), "it records another graph"),
        (lambda model, p, t: mg.mse(p, t) + 0.1 * mg.square(model.w * model.w.data), "numbers of weights"),
        (lambda model, p, t: mg.mse(p, t) * (2.0 if model.w.data > 0.5 else 1.0), "numbers of weights"),
        (lambda model, p, t: mg.mse(p, t) * (1.0 if random.random() < 0.99 else 0.0), "draws random numbers"),
    ],
)
def test_what_a_program_would_freeze_is_found(loss: Any, reason: str) -> None:
    model = Keeping()
    before = model.state_dict()
    with pytest.warns(UserWarning, match=reason):
        assert isinstance(learner_for(model, lambda p, t: loss(model, p, t), ROWS), Eager)
    assert model.state_dict() == before
    assert [p.grad for p in model.parameters()] == [0.0, 0.0]


def test_random_numbers_of_numpy_are_found() -> None:
    np = pytest.importorskip("numpy", reason="its generators")
    own = np.random.default_rng(0)
    for draw in (np.random.rand, own.random):
        with pytest.warns(UserWarning, match="draws random numbers"):
            assert isinstance(learner_for(Keeping(), lambda p, t, draw=draw: mg.mse(p, t) * (draw() < 2), ROWS), Eager)


class Dropout(mg.Module):
    """A dropout as a person writes it, with a generator of its own."""

    def __init__(self, share: float, seed: int) -> None:
        self.inner, self.share, self.rng = mg.MLP(2, [2, 1], activation="tanh", seed=0), share, random.Random(seed)

    def __call__(self, row: Any) -> Any:
        return self.inner([x * (0.0 if self.rng.random() < self.share else 1.0) for x in row])


@pytest.mark.parametrize("seed", range(20))
def test_a_dropout_is_never_compiled_away(seed: int) -> None:
    with pytest.warns(UserWarning, match="it draws random numbers"):
        fit(Dropout(0.01, seed))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (lambda w: [], ValueError, "an optimiser needs at least one parameter, got none"),
        (lambda w: [w, w], ValueError, r"params\[1\] is params\[0\] again"),
        (lambda w: [w, w * 2], ValueError, r"params\[1\] needs to be a leaf, got a result, Value\(data=2.0"),
        (lambda w: [(w * 2).detach()], ValueError, r"params\[0\] needs to be a leaf, got a result"),
        (lambda w: [w, 1.0], TypeError, "needs Values, got 1.0"),
    ],
)
@pytest.mark.parametrize("kind", [mg.SGD, mg.Adam, mg.AdamW])
def test_an_optimizer_that_would_train_nothing_or_twice_is_refused(
    kind: Any, params: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(params(Value(1.0)), lr=0.1)


@pytest.mark.parametrize("compile", [False, True])
def test_an_optimizer_of_another_model_is_refused(compile: bool) -> None:
    model = Keeping()
    with pytest.raises(
        ValueError, match=r"the loss depends on no parameter of the optimizer.*SGD\(model.parameters\(\)"
    ):
        fit(model, mg.SGD(Keeping().parameters(), 0.1), compile=compile)
    assert model.state_dict() == Keeping().state_dict()


@pytest.mark.parametrize("compile", [False, True])
def test_a_parameter_that_was_replaced_is_an_error(compile: bool) -> None:
    model = Keeping()
    optimizer = mg.SGD(model.parameters(), 0.1)
    fit(model, optimizer, compile=compile)
    model.b = Value(0.5)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"optimizer.params\[1\] is not a parameter of the model.*was one replaced\?"):
        fit(model, optimizer, compile=compile)
    assert model.state_dict() == before


@pytest.mark.parametrize("compile", [False, True])
def test_layers_that_the_optimizer_does_not_hold_are_frozen_and_keep_the_gradient_of_one_batch(compile: bool) -> None:
    model = mg.MLP(2, [3, 3, 1], activation="tanh", seed=0)
    frozen = model.layers[0].state_dict()
    optimizer = mg.SGD([p for layer in model.layers[1:] for p in layer.parameters()], 1e-9)
    fit(model, optimizer, epochs=50, compile=compile)
    assert model.layers[0].state_dict() == frozen
    gradients = [p.grad for p in model.parameters()]
    model.zero_grad()
    mg.mse([model(row) for row in X], Y).backward()
    assert gradients == pytest.approx([p.grad for p in model.parameters()], rel=1e-6)


def test_parameters_of_the_loss_alone_may_be_trained() -> None:
    model, scale = Keeping(), Value(1.0)
    fit(model, mg.SGD([scale], 0.1), loss=lambda p, t: mg.mse(p * scale, t))
    assert scale.data != 1.0
    assert model.state_dict() == Keeping().state_dict()


@pytest.mark.parametrize("compile", [False, True])
def test_a_gradient_that_is_not_finite_leaves_the_weights_and_names_the_operation(compile: bool) -> None:
    model = Keeping()

    def loss(p: Any, t: Any) -> Any:
        return mg.mse(p, t) + mg.sqrt((model.w * t) ** 2)

    before = model.state_dict()
    with pytest.raises(FloatingPointError, match=r"epoch 1: the loss is finite and its gradient inf: that of √\(0.0\)"):
        fit(model, loss=loss, compile=compile, batch_size=1, shuffle=False)
    assert model.state_dict() == before


def test_a_wrapped_cross_entropy_is_compiled() -> None:
    model = mg.MLP(2, [3, 3], activation="tanh", seed=0)
    rows = [(tuple(row), float(i % 3)) for i, row in enumerate(X)]
    wrapped = learner_for(model, lambda p, t: mg.cross_entropy(p, t), rows)
    plain = learner_for(model, mg.cross_entropy, rows)
    assert isinstance(wrapped, Compiled)
    assert isinstance(plain, Compiled)
    assert wrapped.program.source == plain.program.source


@pytest.mark.parametrize(("p", "t"), [(1.0, 0.0), (0.0, 1.0), (1.0, 0.5)])
def test_a_probability_that_is_sure_and_wrong_names_the_loss_for_logits(p: float, t: float) -> None:
    with pytest.raises(ValueError, match="binary_cross_entropy_with_logits"):
        mg.binary_cross_entropy(Value(p), t)


def test_numbers_of_numpy_are_taken_where_parameters_are_read_and_all_else_is_refused_by_name() -> None:
    np = pytest.importorskip("numpy", reason="its numbers")
    states = []
    for number in (float, np.float32, np.float64, int):
        model = mg.MLP(2, [3, 1], activation="tanh", seed=int(np.int64(0)))
        for parameter in model.parameters():
            parameter.data = number(round(parameter.data * 8)) if number is int else number(round(parameter.data * 8.0))
        optimizer = mg.Adam(model.parameters(), lr=np.float32(0.125))
        fit(model, optimizer, seed=np.int64(0))
        assert {type(p.data) for p in model.parameters()} == {float}
        states.append(model.state_dict())
    assert states == [states[0]] * 4
    program = mg.compile(model([0.5, 0.5]), [])
    model.layers[0].neurons[0].b.data = Value(3.0)
    for read in (
        model.state_dict,
        lambda: fit(model),
        lambda: mg.SGD(model.parameters(), 0.1).step(),
        lambda: program.forward([[]]),
    ):
        with pytest.raises(TypeError, match=r"\.data needs a real number, got Value\(data=3.0, grad=0.0\)"):
            read()


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy", "tuples"])
def test_tables_of_other_libraries_are_rows(kind: str) -> None:
    if kind == "tuples":
        table, column = tuple(map(tuple, X)), tuple(Y)
    else:
        library = pytest.importorskip(kind, reason="its tables")
        table = (
            library.array(X)
            if kind == "numpy"
            else library.DataFrame(X, **({"orient": "row"} if kind == "polars" else {}))
        )
        column = library.array(Y) if kind == "numpy" else library.Series(Y)
    model, other = (mg.MLP(2, [3, 1], seed=0) for _ in range(2))
    assert fit(model, X=table, y=column).loss == fit(other).loss
    assert model.predict(table) == model.predict(X)


def test_single_numbers_are_rows_of_one() -> None:
    model, other = (mg.MLP(1, [3, 1], seed=0) for _ in range(2))
    assert fit(model, X=[1.0, 2.0, 3.0, 4.0]).loss == fit(other, X=[[1.0], [2.0], [3.0], [4.0]]).loss


class Summing(mg.Module):
    """Takes rows of any length."""

    def __init__(self) -> None:
        self.w = Value(0.5)

    def __call__(self, row: Any) -> Any:
        return self.w * mg.mean(row)


def test_rows_of_unlike_lengths_have_programs_of_their_own_where_the_model_takes_them() -> None:
    rows = [[1.0], [1.0, 2.0], [3.0], [1.0, 2.0, 3.0]]
    assert len(fit(Summing(), X=rows).loss) == 2
    with pytest.raises(
        ValueError, match=r"X\[1\] has 2 cells, where X\[0\] has 1: ReLUNeuron\(1\) needs 1 inputs, got 2"
    ):
        fit(mg.MLP(1, [2, 1]), X=rows)


class Config:
    rng = random.Random(1)
    __slots__ = ("own",)

    def __init__(self) -> None:
        self.own = random.Random(2)

    @staticmethod
    def draw() -> float:
        return Config.rng.random()

    @property
    def drawn(self) -> float:
        return Config.rng.random()


CONFIG, BOUND, SYSTEM = Config(), random.Random(3).random, random.SystemRandom()
LATER = (CONFIG.own.random() for _ in iter(int, 1))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: Config.rng.random(), lambda: CONFIG.own.random(), lambda: Config.draw(), lambda: CONFIG.drawn,
        lambda: BOUND(), lambda: SYSTEM.random(), lambda: next(LATER), lambda: secrets.randbelow(2), lambda: os.urandom(1)[0],
    ],
)  # fmt: skip
def test_random_numbers_are_found_wherever_they_come_from(draw: Any) -> None:
    with pytest.warns(UserWarning, match="cannot be compiled: it draws random numbers"):
        assert isinstance(learner_for(Keeping(), lambda p, t: mg.mse(p, t) * (draw() < 1000), ROWS), Eager)


class Stepping(mg.Module):
    """Does something else far from where it begins."""

    def __init__(self, by: str) -> None:
        self.w, self.by = Value(0.5), by

    def __call__(self, row: Any) -> Any:
        if self.by == "weight":
            return self.w * row[0] if self.w.data < 1 else self.w * row[0] * 3
        if self.by == "maximum":
            return self.w * row[0] + max(self.w.data, 1.25)
        return self.w * row[0] if row[0] < 100 else self.w * 0.0


@pytest.mark.parametrize("by", ["weight", "maximum", "row"])
def test_a_branch_far_from_the_start_is_found(by: str) -> None:
    rows = [((float(i % 90),), float(i)) for i in range(1000)]
    rows[501] = ((101.0,), 3.0)
    with pytest.warns(UserWarning, match="cannot be compiled"):
        assert isinstance(learner_for(Stepping(by), mg.mse, rows), Eager)


def test_what_cannot_be_computed_far_out_is_no_obstacle() -> None:
    model = Keeping()
    assert isinstance(learner_for(model, lambda p, t: mg.mse(p, t) + mg.log(model.w), ROWS), Compiled)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"optimizer": "adam"},
            r"optimizer needs to be made, as mg\.Adam\(model\.parameters\(\), lr=0\.01\), got 'adam'",
        ),
        ({"optimizer": mg.Adam}, "optimizer needs to be made"),
        ({"loss": "mse"}, r"loss needs to be a function of prediction and target, as mg\.mse, got 'mse'"),
        ({"model": mg.MLP}, "model needs to be a Module"),
    ],
)
def test_parts_of_another_kind_are_refused_with_the_right_call(change: Any, message: str) -> None:
    model = Keeping()
    parts = {"model": model, "loss": mg.mse, "optimizer": mg.SGD(model.parameters(), 0.1), **change}
    with pytest.raises(TypeError, match=message):
        mg.fit(parts.pop("model"), X, Y, epochs=1, progress=False, **parts)
