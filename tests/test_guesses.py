"""Names that people try first: each is an error that shows a call which works."""

from __future__ import annotations

import re
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd._guesses import GUESSES
from microgrannd.testing import gradcheck

X, y = [[0.0], [1.0]], [0.0, 1.0]


def fit(model: mg.Module, **options: Any) -> None:
    mg.fit(model, X, y, loss=mg.mse, optimizer=mg.SGD(model.parameters(), lr=0.1), epochs=1, progress=False, **options)


#: For each place how a name is tried there.
TRIED: dict[str, Any] = {
    "microgrannd": lambda name: getattr(mg, name),
    "microgrannd.nn": lambda name: getattr(mg.nn, name),
    "microgrannd.data": lambda name: getattr(mg.data, name),
    "Module": lambda name: getattr(mg.MLP(1, [1]), name),
    "History": lambda name: getattr(mg.History(), name),
    "fit": lambda name: fit(mg.MLP(1, [1]), **{name: 1}),
    "Optimizer": lambda name: mg.Adam([Value(1.0)], **{name: 0.1}),
    "gradcheck": lambda name: gradcheck(lambda x: x * x, [1.0], **{name: 1e-3}),
}


@pytest.mark.parametrize(("place", "name"), [(place, name) for place, names in GUESSES.items() for name in names])
def test_a_guess_is_an_error_that_shows_a_call_which_works(place: str, name: str) -> None:
    instead = GUESSES[place][name]
    with pytest.raises((AttributeError, TypeError), match=re.escape(f": use {instead}")):
        TRIED[place](name)
    for path in re.findall(r"\bmg\.([\w.]+)", instead):
        thing: Any = mg
        for part in path.rstrip(".").split("."):
            thing = getattr(thing, part)
    for argument in re.findall(r"\b(\w+)=", instead.partition("(")[0]) if place == "fit" else ():
        assert argument in mg.fit.__wrapped__.__annotations__


@pytest.mark.parametrize("kind", [mg.SGD, mg.Adam, mg.AdamW, mg.RMSprop])
def test_every_optimizer_names_its_rate(kind: Any) -> None:
    with pytest.raises(TypeError, match="use lr="):
        kind([Value(1.0)], learning_rate=0.1)
    with pytest.raises(TypeError, match=rf"as {kind.__name__}\(model.parameters\(\), ...\)"):
        kind(mg.MLP(1, [1]), lr=0.1)


def test_other_names_are_errors_as_ever() -> None:
    for thing in (mg, mg.nn, mg.data, mg.MLP(1, [1]), mg.History()):
        assert not hasattr(thing, "nothing")
        with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
            thing.nothing  # noqa: B018
