"""Dropout: what it lets through, its gradients, the independence of its masks; and that it is off where nothing is trained."""

from __future__ import annotations

import itertools
import math
import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean, pvariance
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.engine.value import detached
from microgrannd.nn.masks import NO_ROW, PRIME, Masks, mask, masking, mixed
from microgrannd.testing import gradcheck
from tests.helpers import RENDERERS, choose
from tests.node import imported, literal, needs_node, run

UNITS, ROWS, EPOCHS = 32, 100, 10


def masks(p: float, seed: int = 0, rows: int = ROWS, epochs: int = EPOCHS) -> list[list[list[float]]]:
    """What comes of ones, by epoch, row and unit."""
    found = []
    for epoch in range(1, epochs + 1):
        found.append([])
        for row in range(rows):
            with mg.Dropout.on(row, epoch, seed):
                found[-1].append(mg.Dropout(p)([1.0] * UNITS))
    return found


def network(p: float = 0.4) -> mg.Sequential:
    rng = random.Random(0)
    return mg.Sequential(
        mg.Layer(2, 6, activation="tanh", rng=rng), mg.Dropout(p), mg.Layer(6, 2, nonlin=False, rng=rng)
    )


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5, 0.9])
def test_mean_and_variance_are_those_of_inverted_dropout(p: float) -> None:
    numbers = [one for epoch in masks(p) for row in epoch for one in row]
    count = len(numbers)
    assert set(numbers) == {0.0, 1 / (1 - p)}
    assert fmean(numbers) == pytest.approx(1.0, abs=4 * math.sqrt(p / (1 - p) / count))
    share = sum(number == 0 for number in numbers) / count
    assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / count))
    assert pvariance(numbers) == pytest.approx(p / (1 - p), rel=0.1)


PAIRS: dict[str, Callable[[Any, int, int, int], Any]] = {
    "units": lambda m, epoch, row, unit: (m[epoch][row][unit], m[epoch][row][(unit + 1) % UNITS]),
    "units far apart": lambda m, epoch, row, unit: (m[epoch][row][unit], m[epoch][row][(unit + 16) % UNITS]),
    "rows": lambda m, epoch, row, unit: (m[epoch][row][unit], m[epoch][(row + 1) % ROWS][unit]),
    "rows and units": lambda m, epoch, row, unit: (m[epoch][row][unit], m[epoch][(row + 1) % ROWS][(unit + 1) % UNITS]),
    "epochs": lambda m, epoch, row, unit: (m[epoch][row][unit], m[(epoch + 1) % EPOCHS][row][unit]),
    "epochs and rows": lambda m, epoch, row, unit: (
        m[epoch][row][unit],
        m[(epoch + 1) % EPOCHS][(row + 1) % ROWS][unit],
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_neighbours_are_independent(kind: str, p: float) -> None:
    """By the chi-square test of independence, with one degree of freedom: above 15 once in 10,000 times."""
    drawn = masks(p)
    places = list(itertools.product(range(EPOCHS), range(ROWS), range(UNITS)))
    counts = Counter(tuple(number == 0 for number in PAIRS[kind](drawn, *place)) for place in places)
    share = sum(count for (first, _), count in counts.items() if first) / len(places)
    squares = 0.0
    for pair in itertools.product((True, False), repeat=2):
        expected = len(places) * math.prod(share if dropped else 1 - share for dropped in pair)
        squares += (counts[pair] - expected) ** 2 / expected
    assert squares < 15


def test_no_two_rows_of_an_epoch_and_no_two_seeds_have_the_same_masks() -> None:
    for epoch in masks(0.5, rows=200, epochs=3):
        assert len(set(map(tuple, epoch))) == 200
    first, second = (masks(0.5, seed=seed) for seed in (0, 1))
    assert sum(row == other for a, b in zip(first, second, strict=True) for row, other in zip(a, b, strict=True)) == 0


def test_how_many_pass_in_a_row_varies_as_of_independent_draws() -> None:
    sums = [sum(number > 0 for number in row) for epoch in masks(0.3) for row in epoch]
    assert pvariance(sums) == pytest.approx(UNITS * 0.3 * 0.7, rel=0.15)


def test_mixing_is_a_permutation_of_whole_numbers_that_floats_hold() -> None:
    rng = random.Random(0)
    pairs = [(0, 0), (PRIME - 1, PRIME - 1), *((rng.randrange(PRIME), rng.randrange(PRIME)) for _ in range(2000))]
    assert all(mixed(float(a), float(b)) == pow(a + b, 3, PRIME) for a, b in pairs)
    assert math.gcd(3, PRIME - 1) == 1
    assert all(PRIME % factor for factor in range(2, math.isqrt(PRIME) + 1))
    assert (2 * PRIME) ** 2 < 2**53


def test_gradients_are_finite_differences_for_a_fixed_mask() -> None:
    model, row = network(), [0.3, -0.7]
    parameters = model.parameters()

    def loss() -> Value:
        with mg.Dropout.on(row=7, epoch=2, seed=1):
            return mg.cross_entropy(model(row), 1)

    loss().backward()
    assert 0 < sum(parameter.grad == 0 for parameter in parameters) < len(parameters)  # some units are dropped
    for parameter in parameters:
        data, step = parameter.data, 1e-6
        sides = []
        for parameter.data in (data + step, data - step):
            sides.append(loss().data)
        parameter.data = data
        assert parameter.grad == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-8)
    assert gradcheck(lambda: loss(), [], parameters=parameters)


def test_it_is_off_wherever_nothing_is_trained() -> None:
    model, plain = network(), network(0.0)
    X, y = [[0.3, -0.7], [1.0, 0.5]], [1, 0]
    expected = plain.predict(X)
    assert model.predict(X) == expected == [[value.data for value in model(row)] for row in X]
    with mg.Dropout.on(row=0):  # also within a loop of one's own
        assert model.predict(X) == expected
        assert model.evaluate(X, y, loss=mg.cross_entropy) == plain.evaluate(X, y, loss=mg.cross_entropy)
        assert [value.data for value in model(X[0])] != expected[0]
    assert [value.data for value in model(X[0])] == expected[0]


def test_each_call_of_a_row_has_masks_of_its_own() -> None:
    dropout = mg.Dropout(0.5)
    with mg.Dropout.on(row=3):
        first, second = (dropout([1.0] * UNITS) for _ in range(2))
    with mg.Dropout.on(row=3):
        assert dropout([1.0] * UNITS) == first != second


def test_structures_stay() -> None:
    with mg.Dropout.on(row=0):
        assert isinstance(mg.Dropout(0.5)(Value(1.0)), Value)
        assert [len(row) for row in mg.Dropout(0.5)([[1.0], [2.0, 3.0]])] == [1, 2]


@pytest.mark.parametrize("p", [1, 1.5, -0.1, 2])
def test_a_probability_out_of_range_is_one_clear_error(p: float) -> None:
    with pytest.raises(ValueError, match=r"^p needs to be a probability from 0 up to, but not including, 1; got"):
        mg.Dropout(p)
    dropout = mg.Dropout(0.2)
    with pytest.raises(ValueError, match=r"^p needs to be a probability"):
        dropout.p = p
    dropout.p = 0.3
    assert dropout.p == pickle.loads(pickle.dumps(dropout)).p == 0.3


def test_other_arguments_are_clear_errors() -> None:
    with pytest.raises(TypeError, match=r"^p needs a real number, got 'half'"):
        mg.Dropout("half")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^p needs to be a finite number, got nan"):
        mg.Dropout(math.nan)
    for options in ({"row": -1}, {"row": PRIME}, {"row": 0.5}, {"row": 0, "epoch": 0}):
        with pytest.raises(ValueError, match="needs to be a whole number"), mg.Dropout.on(**options):  # type: ignore[arg-type]
            pass


def test_what_a_model_says_of_it(tmp_path: Any) -> None:
    model = network()
    assert repr(model) == "Sequential(Layer(2, 6, activation='tanh'), Dropout(0.4), Layer(6, 2, nonlin=False))"
    assert ["parts.1", "Dropout(0.4)", "0"] in [line.split() for line in str(model.summary()).splitlines()]
    mg.save(model, tmp_path / "model.json")
    other = network()
    other[0][0].w[0].data = 9.0
    mg.load(tmp_path / "model.json", into=other)
    assert other.state_dict() == model.state_dict()


def test_jit_refuses_to_record_a_mask_once_for_all() -> None:
    model = network()
    call = mg.jit(lambda row: model(row))
    with (
        mg.Dropout.on(row=0),
        pytest.raises(RuntimeError, match="Dropout has another mask for each row: call it outside"),
    ):
        call([0.3, -0.7])
    plain = network(0.0)
    assert [y.data for y in mg.jit(lambda row: plain(row))([0.3, -0.7])] == pytest.approx(
        plain.predict([[0.3, -0.7]])[0]
    )


def test_a_page_that_trains_refuses_it() -> None:
    with pytest.raises(ValueError, match=r"^live draws no masks, .* use Dropout\(0\) instead$"):
        mg.live(network(), [[0.0, 1.0], [1.0, 0.0]], [0, 1], loss=mg.cross_entropy)
    assert mg.live(network(0.0), [[0.0, 1.0], [1.0, 0.0]], [0, 1], loss=mg.cross_entropy)


@pytest.mark.parametrize("renderer", RENDERERS[-1:])
def test_pictures_and_explanations_show_what_was_dropped(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(renderer, monkeypatch)
    model = network(0.5)
    with mg.Dropout.on(row=0):
        loss = mg.cross_entropy(model([0.3, -0.7]), 1)
    loss.backward()
    assert "× 2" in mg.draw(loss, model=model).text()
    assert "· 2 = " in str(mg.explain(loss, model=model))


def programs_input() -> tuple[Value, list[Value], Sequence[float]]:
    """A graph whose masks follow an input, the inputs, and the weights."""
    model, row = network(), Value(0.0, "row")
    inputs = [Value(0.3), Value(-0.7)]
    with masking(Masks(detached(123456.0, "epoch"), row)):
        loss = mg.cross_entropy(model(inputs), 1)
    return loss, [*inputs, row], model


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_programs_draw_the_masks_of_the_engine(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    loss, inputs, model = programs_input()
    program = mg.compile(loss, inputs, backend=backend)
    assert pickle.loads(pickle.dumps(program)).forward([[0.3, -0.7, 5.0]]) == program.forward([[0.3, -0.7, 5.0]])
    rows = [*range(20), PRIME - 1, NO_ROW]
    for row, output in zip(rows, program.forward([[0.3, -0.7, float(row)] for row in rows]), strict=True):
        with masking(Masks(123456.0, float(row))):
            expected = mg.cross_entropy(model([0.3, -0.7]), 1)
        model.zero_grad()
        expected.backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        model.zero_grad()
        assert output == pytest.approx(expected.data, rel=1e-12)
        assert program.backward([[0.3, -0.7, float(row)]]) == pytest.approx(expected.data, rel=1e-12)
        assert [parameter.grad for parameter in model.parameters()] == pytest.approx(gradients, rel=1e-12, abs=1e-15)


@needs_node
def test_programs_of_javascript_draw_the_same_masks() -> None:
    loss, inputs, _ = programs_input()
    program = mg.compile(loss, inputs)
    rows = [[0.3, -0.7, float(row)] for row in (*range(20), PRIME - 1, NO_ROW)]
    numbers = [parameter.data for parameter in program.parameters]
    script = imported(program.javascript())
    found = run(f"const result = {script}.forward({literal(rows)}, {literal(numbers)});")
    assert [one for (one,) in found] == pytest.approx(program.forward(rows), rel=1e-12)


def test_masks_of_values_have_no_slope() -> None:
    drawn = Value(5.0)
    mask(mixed(drawn, Value(7.0)), 0.5).backward()
    assert drawn.grad == 0
