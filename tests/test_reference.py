"""Every public name has a job, and a docstring that says what its user needs, with an example that runs."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
from types import ModuleType

import pytest

import microgrannd as mg
from tests.reference import CONSTANTS, JOBS, PAGE, public, thing, written

NAMES = sorted(public())
#: What is called: functions and classes.
CALLED = [name for name in NAMES if name not in CONSTANTS and not isinstance(thing(name), ModuleType)]


def test_every_public_name_is_in_one_job() -> None:
    assert sorted(" ".join(JOBS.values()).split()) == NAMES, "JOBS of tests/reference.py has them by job"


@pytest.mark.skipif(sys.platform == "emscripten", reason="the pages of the folder are not in the wheel")
def test_the_page_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "python -m tests.reference writes it"


@pytest.mark.parametrize("name", CALLED)
def test_its_docstring_has_what_applies(name: str) -> None:
    own = thing(name)
    text = inspect.getdoc(own) or ""
    assert len(text.partition("\n")[0]) > 10
    parameters = {} if _made_elsewhere(own) else inspect.signature(own).parameters
    described = re.findall(r"^ {4}\*{0,2}([\w, ]+): ", text, re.MULTILINE)
    assert {*parameters} <= {word for line in described for word in line.split(", ")}
    assert ("Args:" in text or "Attributes:" in text) == bool(parameters) or _made_elsewhere(own)
    if inspect.isfunction(own) and own is not mg.testing.expressions:  # whose source Hypothesis writes
        assert "Raises:" in text or "raise " not in inspect.getsource(inspect.unwrap(own))
    assert ">>> " in text


def _made_elsewhere(own: object) -> bool:
    """Whether nobody calls it but the library itself: an error, or what `compile` returns."""
    return own is mg.Program or inspect.isclass(own) and issubclass(own, Exception)


@pytest.mark.parametrize("name", CALLED)
def test_its_example_runs(name: str) -> None:
    if name.startswith("plot."):
        pytest.importorskip("matplotlib.pyplot", reason="the extra microgrannd[plot] is not installed")
    own = thing(name)
    names = {**vars(sys.modules.get(inspect.unwrap(own).__module__, mg)), "mg": mg}
    (example,) = doctest.DocTestFinder(recurse=False).find(own, name, module=False, globs=names)
    assert example.examples
    said: list[str] = []
    doctest.DocTestRunner().run(example, out=said.append)
    assert not said, "".join(said)
    if name.startswith("plot."):
        sys.modules["matplotlib.pyplot"].close("all")
