"""What the README says beside its examples, which are doctests, and its first commands, which .ci/run gives."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from microgrannd.cli import main
from tests.pictures import beside, commands, draw

README = Path("README.md").resolve()
TEXT = README.read_text(encoding="utf-8")


def test_it_is_a_page_and_its_commands_are_not_wider() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 160
    assert max(len(line) for line in lines if line.startswith("python3 -m venv")) <= 90


@pytest.mark.parametrize("path", commands())
def test_a_picture_is_what_the_command_in_the_page_draws(path: str, tmp_path: Path) -> None:
    draw(commands()[path], tmp_path / "picture.svg")
    for name in ("picture.svg", "picture-dark.svg"):
        stored = README.parent / path.replace(".svg", name.removeprefix("picture"))
        assert (tmp_path / name).read_text(encoding="utf-8") == stored.read_text(encoding="utf-8"), (
            "python -m tests.pictures draws it"
        )


def test_every_picture_is_drawn_by_a_command_or_photographed() -> None:
    light, dark = (re.findall(rf'{attribute}="(notebooks/[^"]+)"', TEXT) for attribute in ("src", "srcset"))
    assert light == [*commands(), "notebooks/live.png"]
    assert [str(beside(Path(path))) for path in light] == dark
    assert all((README.parent / path).stat().st_size < 100_000 for path in [*light, *dark])


@pytest.mark.parametrize("command", re.findall(r"`microgrannd ([^`]+)`", TEXT))
def test_a_command_does_what_it_says(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(README.parent / "notebooks" / "data", tmp_path / "notebooks" / "data")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command)
    assert main(arguments) == 0
    assert Path(arguments[-1]).stat().st_size > 1000


@pytest.mark.skipif(sys.platform == "emscripten", reason="pyproject.toml is not there in Pyodide")
def test_the_extras_are_there() -> None:
    with (README.parent / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    named = re.findall(r"\.\[([\w,]+)\]", TEXT)
    assert {name for names in named for name in names.split(",")} <= extras.keys()


@pytest.mark.desktop
def test_the_tests_of_ones_own_operation_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (tests,) = [block for block in blocks if "from mine import squash" in block]
    (tmp_path / "test_mine.py").write_text(tests, encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        'import microgrannd as mg\n\n@mg.rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 2")\n'
        'def squash(x):\n    """Softsign, by hand."""\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


PAGES = sorted(page for page in README.parent.rglob("*.md") if ".venv" not in page.parts)


@pytest.mark.skipif(sys.platform == "emscripten", reason="not all pages are there in Pyodide")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(README.parent)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
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


@pytest.mark.skipif(sys.platform == "emscripten", reason="pyproject.toml is not there in Pyodide")
def test_the_map_for_maintainers_has_every_package_in_its_layer() -> None:
    with (README.parent / "pyproject.toml").open("rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (README.parent / "microgrannd" / "README.md").read_text(encoding="utf-8")
    column = 38  # where what they are for begins
    lines = [line[:column] for line in page.split("```")[1].strip().splitlines()]
    places = {name.rstrip("/"): place for place, line in enumerate(lines) for name in line.split()}
    names = [[name for name in layer.split(" | ") if name != "__main__"] for layer in layers]
    assert places.keys() == {name for layer in names for name in layer}
    order = [place for layer in names for place in sorted(places[name] for name in layer)]
    assert order == sorted(order)
