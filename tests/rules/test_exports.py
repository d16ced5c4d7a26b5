"""The lists of exported names are those of the table, and what is exported is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import microgrannd as mg
from microgrannd.engine import functions
from microgrannd.rules.__main__ import FUNCTIONS, written
from microgrannd.rules.table import TABLE

STUB = Path(mg.__file__).with_suffix(".pyi")


def test_the_names_of_functions_are_those_of_the_table() -> None:
    text = FUNCTIONS.read_text(encoding="utf-8")
    assert written(text) == text, "python -m microgrannd.rules writes them"


def test_a_new_operation_is_written_into_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "bell", TABLE["tanh"])
    text = FUNCTIONS.read_text(encoding="utf-8")
    added = [line for line in written(text).splitlines() if line not in text.splitlines()]
    assert added == ['    "bell",', "bell: Function"]


def test_what_is_exported_is_there_and_type_checkers_are_told_the_same() -> None:
    names = {
        alias.asname
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert names - {None} | set(functions.__all__) == set(mg.__all__)
    for name in mg.__all__:
        assert getattr(mg, name) is not None
    assert set(dir(mg)) == {*mg.__all__, "__version__"}
    with pytest.raises(AttributeError, match="module 'microgrannd' has no attribute 'nothing'"):
        mg.nothing  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'microgrannd\.engine\.functions' has no attribute 'nothing'"):
        functions.nothing  # noqa: B018


def test_modules_of_helpers_show_public_names_only() -> None:
    for module in (mg.data, mg.plot):
        assert sorted(dir(module)) == sorted(module.__all__)
        assert not [name for name in dir(module) if name.startswith("_")]


@pytest.mark.desktop
def test_what_takes_long_to_import_waits_until_it_is_used() -> None:
    script = "import sys, microgrannd; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "numba", "matplotlib", "tqdm", "graphviz", "multiprocessing", "csv", "mpmath"}.intersection(
        loaded
    )
