"""What the README says beside its examples, which are doctests, and its first commands, which .ci/run gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from microgrannd.cli import main

README = Path("README.md").resolve()


def test_the_picture_is_what_the_command_above_it_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command, path) = re.findall(r"`microgrannd (train xor .*?--draw) (\S+)`", README.read_text(encoding="utf-8"))[0]
    expected = (README.parent / path).read_bytes()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)
    assert main([*command.split(), "xor.svg"]) == 0
    assert Path("xor.svg").read_bytes() == expected


@pytest.mark.desktop
def test_the_tests_of_ones_own_operation_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tests,) = [block for block in blocks if "from mine import squash" in block]
    (tmp_path / "test_mine.py").write_text(tests, encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        'import microgrannd as mg\n\n@mg.rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 2")\n'
        'def squash(x):\n    """Softsign, by hand."""\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


PAGES = sorted(page for page in README.parent.rglob("*.md") if ".venv" not in page.parts)


@pytest.mark.skipif(sys.platform == "emscripten", reason="not all pages are there in Pyodide")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(README.parent)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.skipif(sys.platform == "emscripten", reason="not all pages are there in Pyodide")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(README.parent)))
def test_files_that_are_named_are_there(page: Path) -> None:
    names = re.findall(
        r"`((?:tests|microgrannd|rules|engine|compiler|drawing|explaining|notebooks)/[\w/.]+)`",
        page.read_text(encoding="utf-8"),
    )
    roots = README.parent, README.parent / "microgrannd"
    assert [name for name in names if not any((root / name).exists() for root in roots)] == []
