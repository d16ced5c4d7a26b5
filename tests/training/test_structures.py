"""Rows of any structure: sentences, nested lists, pairs, no targets; by every way to the same losses."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value
from microgrannd.training import fit as fitting
from microgrannd.training.gradients import grouped, structure
from microgrannd.training.structures import Structured

WAYS = [True, "numba"]


def values(rng: random.Random, *shape: int) -> Any:
    if not shape:
        return Value(rng.uniform(-0.5, 0.5))
    return [values(rng, *shape[1:]) for _ in range(shape[0])]


class Recurrent(mg.Module):
    """Reads a sentence of tokens, one by one."""

    def __init__(self, tokens: int = 5, width: int = 3) -> None:
        rng = random.Random(0)
        self.table, self.cell = values(rng, tokens, width), values(rng, width, 2 * width)
        self.out, self.width = values(rng, width), width

    def __call__(self, tokens: Any) -> Any:
        state: list[Any] = [0.0] * self.width
        for token in tokens:
            state = [mg.tanh(mg.dot(row, [*mg.lookup(self.table, token), *state])) for row in self.cell]
        return mg.dot(self.out, state)


class Bag(mg.Module):
    """The mean of embeddings, as logits of three classes."""

    def __init__(self) -> None:
        self.words, self.out = mg.Embedding(5, 2, seed=1), values(random.Random(1), 3, 2)

    def __call__(self, tokens: Any) -> Any:
        rows = [self.words(token) for token in tokens]
        return [mg.dot(row, [mg.mean(column) for column in zip(*rows, strict=True)]) for row in self.out]


class Pairs(mg.Module):
    """Compares two vectors of any length, by a weight for each of them."""

    def __init__(self) -> None:
        self.w = values(random.Random(2), 2)

    def __call__(self, row: Any) -> Any:
        (a, b), scale = row
        return (self.w[0] * mg.sum(a) + self.w[1] * mg.dot(b, b)) * scale


rng = random.Random(3)
SENTENCES = [[rng.randrange(5) for _ in range(rng.randint(1, 20))] for _ in range(70)]
VECTORS = [
    ([[rng.random() for _ in range(rng.randint(1, 3))], [rng.random() for _ in range(2)]], rng.random())
    for _ in range(40)
]
CASES: dict[str, Any] = {
    "sentences": (Recurrent, SENTENCES, [sum(s) % 2 for s in SENTENCES], mg.binary_cross_entropy_with_logits),
    "a bag": (Bag, SENTENCES, [sum(s) % 3 for s in SENTENCES], mg.cross_entropy),
    "pairs": (Pairs, VECTORS, [1.0] * 40, mg.mse),
    "no targets": (Pairs, VECTORS, None, lambda prediction: prediction * prediction),
    "targets of unlike structures": (
        lambda: mg.MLP(1, [2], seed=0), [[0.1 * i] for i in range(9)], [[1.0, 0.0] if i % 2 else [0.5, [0.5]] for i in range(9)],
        lambda p, t: mg.mse(p[0], t[0]) + p[1] * (t[1][0] if isinstance(t[1], list) else t[1]),
    ),
}  # fmt: skip


def trained(
    name: str, compile: Any, optimizer: Callable[..., mg.Optimizer] | None = None, **options: Any
) -> list[float]:
    make, X, y, loss = CASES[name]
    model = make()
    made = optimizer(model.parameters()) if optimizer else mg.Adam(model.parameters(), lr=0.02)
    settings = {"epochs": 3, "batch_size": 16, "seed": 0, "validation": 0.2, "progress": False, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = mg.fit(model, X, y, loss=loss, optimizer=made, compile=compile, **settings)
    return [*history.loss, *history.validation_loss, *(p.data for p in model.parameters())]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("compile", WAYS)
def test_every_way_gives_the_same(name: str, compile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    eager = trained(name, False)
    resident = trained(name, compile)
    assert resident == pytest.approx(eager, rel=1e-11, abs=1e-13)
    assert trained(name, compile, lambda ps: mg.SGD(ps, 0.1, max_norm=0.05)) == pytest.approx(
        trained(name, False, lambda ps: mg.SGD(ps, 0.1, max_norm=0.05)), rel=1e-11, abs=1e-13
    )
    monkeypatch.setattr(fitting, "is_resident", lambda *_: False)
    assert trained(name, compile) == pytest.approx(resident, rel=1e-15 if compile is True else 1e-11, abs=1e-15)


NESTED = st.recursive(st.none() | st.floats(-1, 1), lambda inner: st.lists(inner, max_size=3), max_leaves=8)


@given(st.lists(NESTED, max_size=8))
def test_groups_keep_the_order_of_first_appearance(things: list[Any]) -> None:
    groups = grouped(things)
    assert [structure(group[0]) for group in groups.values()] == list(dict.fromkeys(map(structure, things)))
    for key, group in groups.items():
        assert all(structure(thing) == key for thing in group)
        assert [id(t) for t in group] == [id(t) for t in things if structure(t) == key]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=2, max_size=12))
def test_any_sentences(sentences: list[list[int]]) -> None:
    found = []
    for way in (False, True):
        model = Bag()
        targets = [sum(sentence) % 3 for sentence in sentences]
        mg.fit(
            model, sentences, targets, loss=mg.cross_entropy, optimizer=mg.SGD(model.parameters(), 0.1), epochs=2,
            batch_size=5, seed=0, progress=False, compile=way,
        )  # fmt: skip
        found.append([p.data for p in model.parameters()])
    assert found[0] == pytest.approx(found[1], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("compile", [False, *WAYS])
def test_a_run_goes_on(compile: Any, tmp_path: Path) -> None:
    if compile == "numba":
        pytest.importorskip("numba", reason="numba as a backend")
    whole = trained("sentences", compile, epochs=4)
    file = tmp_path / "run.json"
    trained("sentences", compile, epochs=2, checkpoint=file)
    assert trained("sentences", compile, epochs=4, checkpoint=file, resume=True) == whole


def test_what_is_refused() -> None:
    model = Recurrent()
    fit = lambda X, y, **options: mg.fit(  # noqa: E731
        model, X, y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, progress=False, **options
    )
    for X, message in [
        ([[1.0], [float("nan")]], r"X\[1\]\[0\] needs to be a finite number, got nan"),
        ([[[1.0, [2.0, "a"]]]], r"X\[0\]\[0\]\[1\]\[1\] needs a real number"),
        ([[1.0], "text"], r"X\[1\] needs to be a row of numbers, got 'text'"),
        ([[1.0], [7.0]], r"lookup needs a whole number from 0 to 4, got 7.0"),
    ]:  # fmt: skip
        with pytest.raises((TypeError, ValueError, IndexError), match=message):
            fit(X, [0.0] * len(X))
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match=r"^executor needs rows of one structure$"):
        fit([[1.0], [1.0, 2.0]], [0.0, 0.0], executor=executor)


def test_more_structures_than_are_kept() -> None:
    X = [[1.0] * (number + 1) for number in range(66)]
    model = Recurrent(2, 1)
    with pytest.warns(UserWarning, match="rows have 66 structures, more than 64"):
        mg.fit(model, X, [0.0] * 66, loss=mg.mse, optimizer=mg.SGD(model.parameters(), 0.1), epochs=1, progress=False)


def test_each_structure_has_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    init = Structured.__init__
    monkeypatch.setattr(Structured, "__init__", lambda self, parts: (made.append(len(parts)), init(self, parts))[-1])
    trained("sentences", True, validation=None)
    assert made == [len({len(sentence) for sentence in SENTENCES})]


def test_an_embedding(tmp_path: Path) -> None:
    words = mg.Embedding(4, 3, seed=0)
    assert len(words.parameters()) == 12
    assert words(2) is words.table[2]
    assert [value.data for value in words(Value(2.0))] == [value.data for value in words.table[2]]
    assert [p.data for p in mg.Embedding(4, 3, seed=0).parameters()] == [p.data for p in words.parameters()]
    mg.save(words, tmp_path / "words.json")
    other = mg.Embedding(4, 3)
    mg.load(tmp_path / "words.json", into=other)
    assert other.state_dict() == words.state_dict()
    for bad in [(0, 3), (4, 0), (1.5, 2)]:
        with pytest.raises(ValueError, match="needs to be a whole number of at least 1"):
            mg.Embedding(*bad)  # type: ignore[arg-type]
