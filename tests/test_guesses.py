"""Names that people try first: they work, or are errors that show a call which works, or are left out for a reason."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd._guesses import GUESSES, LEFT_OUT
from tests import guesses

PAGE = Path(__file__).parents[1] / "microgrannd" / "GUESSES.md"


@pytest.mark.parametrize(("place", "line", "instead"), list(guesses.known(GUESSES)))
def test_a_guess_is_an_error_that_shows_a_call_which_works(place: str, line: str, instead: str) -> None:
    if place == "microgrannd.plot":
        pytest.importorskip("matplotlib", reason="the extra microgrannd[plot] is not installed")
    with pytest.raises((AttributeError, TypeError, ValueError), match=re.escape(f": use {instead}")):
        guesses.tried(line)
    for path in re.findall(r"\bmg\.([\w.]+)", instead):
        thing: Any = mg
        if path.partition(".")[0] != "plot" or find_spec("matplotlib"):
            for part in path.rstrip(".").split("."):
                thing = getattr(thing, part)
    for argument in re.findall(r"^(\w+)=", instead) if place in ("fit", "MLP", "Layer") else ():
        function = {"fit": mg.fit, "MLP": mg.MLP.__init__, "Layer": mg.Neuron.__init__}[place]
        assert argument in {"nout", *function.__annotations__}
    for name in re.findall(r"^'(\w+)'", instead) if place in ("activation", "init") else ():
        assert mg.MLP(2, [3, 1], **{place: name})


@pytest.mark.parametrize(("place", "line", "reason"), list(guesses.known(LEFT_OUT)))
def test_what_is_left_out_is_an_error_that_says_why(place: str, line: str, reason: str) -> None:
    with pytest.raises((AttributeError, TypeError), match=re.escape(f": left out, {reason}")):
        guesses.tried(line)


@pytest.mark.parametrize("line", [line for lines in guesses.WORKS.values() for line in lines])
def test_a_guess_works(line: str) -> None:
    guesses.tried(line)


@pytest.mark.parametrize("line", guesses.ERRORS)
def test_an_error_is_one_line_and_shows_what_to_write(line: str) -> None:
    message = guesses.message(line)
    assert "\n" not in message
    assert re.search(r"mg\.|as \w+\(|\.data|predict|method|needs|True", message)


@pytest.mark.parametrize("line", guesses.ABSENT)
def test_what_is_absent_is_an_error(line: str) -> None:
    with pytest.raises((AttributeError, TypeError)):
        guesses.tried(line)


@pytest.mark.skipif(not PAGE.exists(), reason="the package's own pages are not there, as in Pyodide")
def test_the_page_has_the_tables() -> None:
    assert guesses.tables() in PAGE.read_text(encoding="utf-8"), "python -m tests.guesses prints them"


@pytest.mark.parametrize(
    "line", ["from microgrannd import Linear", "from microgrannd.nn import Linear", "from microgrannd.data import make_moons"]
)  # fmt: skip
def test_an_import_says_it_too(line: str) -> None:
    with pytest.raises(ImportError, match=r": use (mg|nn)\.\w"):
        exec(line, {})
    with pytest.raises(ImportError, match=r"has no attribute 'nothing'$"):
        exec(f"{line.partition(' import ')[0]} import nothing", {})


@pytest.mark.parametrize("kind", [mg.SGD, mg.Adam, mg.AdamW, mg.RMSprop])
def test_every_optimizer_names_its_rate(kind: Any) -> None:
    with pytest.raises(TypeError, match="use lr="):
        kind([Value(1.0)], learning_rate=0.1)
    with pytest.raises(TypeError, match=rf"as {kind.__name__}\(model.parameters\(\), ...\)"):
        kind(mg.MLP(1, [1]), lr=0.1)


@pytest.mark.parametrize("name", ["sgd", "Adam", "adamw", "RMSprop"])
def test_the_name_of_an_optimizer_shows_how_it_is_made(name: str) -> None:
    with pytest.raises(TypeError, match=rf"(?i)as mg\.{name}\(model\.parameters\(\), lr=") as caught:
        guesses.tried(f"fit(model, optimizer={name!r})")
    made = re.search(r"as (mg\.\w+\(.*\)), got", str(caught.value))
    assert made
    assert guesses.tried(made[1])


def test_other_names_are_errors_as_ever() -> None:
    for thing in (mg, mg.nn, mg.data, mg.losses, mg.optim, mg.MLP(1, [1]), mg.History()):
        assert not hasattr(thing, "nothing")
        with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
            thing.nothing  # noqa: B018
