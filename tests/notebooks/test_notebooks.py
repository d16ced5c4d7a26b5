"""The notebooks give what is stored in them, keep their promises, and are stored tidily."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from .compare import differences, texts
from .run import CLAIMS, FOLDER, MISSING, NOTEBOOKS, answers, lacks, run, tags
from .store import METADATA, PICTURES, compared, picture

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

#: What a cell may be marked by: outputs that differ from run to run, the picture for the index, a folded input.
TAGS = {"numbers-vary", "words-vary", "index", "hide-input"}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@each
@pytest.mark.skipif(bool(MISSING), reason=f"to run notebooks needs {', '.join(MISSING)}: pip install '.[notebooks]'")
def test_a_notebook_gives_what_is_stored_and_keeps_its_promises(path: Path, tmp_path: Path) -> None:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    fresh = run(notebook, path.stem, tmp_path)
    outputs = [output for cell in fresh.cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert compared(notebook, fresh) == [], f"if this is right: python -m tests.notebooks --write {path.name[:2]}"


def test_the_notebooks_are_numbered_and_lead_to_each_other() -> None:
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02}_" for number in range(1, 9)]
    links = [re.findall(r"\((\w+\.ipynb)\)", path.read_text(encoding="utf-8")) for path in NOTEBOOKS]
    assert links == [[path.name] for path in NOTEBOOKS[1:]] + [[]]
    assert [path.stem for path in sorted(CLAIMS.glob("*.py"))] == [path.stem for path in NOTEBOOKS]


@each
def test_a_notebook_is_stored_tidily_with_its_outputs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = read(path)
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert text == json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    assert notebook["metadata"] == METADATA
    assert [cell["id"] for cell in cells] == [f"c{number:02}" for number in range(1, len(cells) + 1)]
    assert len(cells) <= 40
    for cell in cells:
        assert {tag for tag in tags(cell) if not tag.startswith("needs-")} <= TAGS
        assert cell["metadata"].get("jupyter") == ({"source_hidden": True} if "hide-input" in tags(cell) else None)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert len(text) < 1_000_000
    assert not re.search(r"/(home|root|tmp|Users)/|[A-Z]:\\\\| at 0x[0-9a-f]", text)
    for output in outputs:
        assert not [text for text in (output.get("text"), *output.get("data", {}).values()) if isinstance(text, list)]
        # GitHub takes HTML before an image, and removes the script that makes an image of it
        assert not {"image/svg+xml", "text/html"} <= output.get("data", {}).keys()


@each
def test_a_notebook_has_no_assertions_and_ends_with_three_exercises_and_their_answers(path: Path) -> None:
    cells = read(path)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert [source for source in code if re.search(r"^\s*assert ", source, re.MULTILINE)] == []
    exercises = ["".join(cell["source"]) for cell in cells[-3:]]
    assert exercises[0].startswith("## Exercises\n\n**1.** ")
    assert [source[:7] for source in exercises[1:]] == ["**2.** ", "**3.** "]
    for cell, source in zip(cells[-3:], exercises, strict=True):
        assert len(re.findall(r"\n\n<details>\n<summary>Answer</summary>\n\n.*\n\n</details>$", source, re.DOTALL)) == 1
        assert len(answers(cell)) == source.count("```python") >= 1


# The index


@each
def test_the_index_shows_each_notebook_with_its_picture(path: Path) -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    ending, content = picture(read(path))
    name = f"{path.stem}.{ending}"
    assert (PICTURES / name).read_bytes() == content, f"python -m tests.notebooks --write {path.name[:2]}"
    assert len(content) < 100_000
    title = "".join(read(path)["cells"][0]["source"]).splitlines()[0].removeprefix("# ")
    assert f"[{title}]({path.name})" in index
    assert re.search(rf'<a href="{path.name}"><img src="pictures/{name}" [^>]*alt="[^"]+"', index)


def test_the_index_has_no_other_pictures_and_no_dead_links() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    links = re.findall(r'(?:src|href)="([^"]+)"|\]\((?!https?:)([^)]+)\)', index)
    assert [link for pair in links for link in pair if link and not (FOLDER / link).exists()] == []
    assert {path.name for path in PICTURES.iterdir()} == set(re.findall(r"pictures/([\w.]+)", index))


# What counts as alike


def stream(text: str) -> list[Any]:
    return [{"output_type": "stream", "name": "stdout", "text": text}]


@pytest.mark.parametrize(
    ("stored", "fresh", "alike"),
    [
        ("loss 0.1234", "loss 0.1235", True),
        ("loss 0.1234", "loss 0.1236", False),
        ("1.5e-07", "1.6e-07", True),
        ("1.5e-07", "1.5e-06", False),
        ("−0.9999", "−1.0", True),
        ("−0.50", "0.50", False),
        ("0.95", "1.0", False),
        ("6.349e+05", "6.350e+05", True),
        ("6.349e+05", "6.351e+05", False),
        ("17 parameters", "18 parameters", False),
        ("a  9.99", "a 10.00", True),
        ("a 1.0", "b 1.0", False),
        ("1.0\n", "1.0\n2.0\n", False),
        ("nan", "1.0", False),
    ],
)
def test_numbers_are_compared_to_the_digits_shown(stored: str, fresh: str, alike: bool) -> None:
    assert (texts(stored, fresh) == []) is alike
    assert (differences(stream(stored), stream(fresh)) == []) is alike


def test_tags_say_what_is_left_out() -> None:
    assert differences(stream("1.2 s"), stream("34.5 s"), ["numbers-vary"]) == []
    assert differences(stream("1.2 s"), stream("1.2 ms"), ["numbers-vary"]) != []
    assert differences(stream("a 1"), stream("b 2"), ["words-vary"]) == []
    for tag in ("numbers-vary", "words-vary"):
        assert differences(stream("1.2 s"), [], [tag]) != []


def drawn(gradient: bool = True, layout: str = "auto", w: float = 0.5) -> list[Any]:
    import microgrannd as mg

    y = mg.tanh(mg.Value(w, "w") * mg.Value(2.0, "x"))
    if gradient:
        y.backward()
    svg = mg.draw(y, layout=layout).pipe(encoding="utf-8")
    return [{"output_type": "display_data", "data": {"image/svg+xml": svg}}]


def test_pictures_are_compared_by_what_they_show_and_not_by_where_it_is() -> None:
    assert differences(drawn(), drawn(layout="own")) == []
    assert differences(drawn(), drawn(gradient=False)) != []
    assert differences(drawn(), drawn(w=0.6)) != []


def test_pages_are_compared_by_their_words_in_frames_too() -> None:
    def page(text: str, script: str) -> list[Any]:
        inside = html.escape(f"<style>b {{}}</style><b>{text}</b><script>{script}</script>")
        return [{"output_type": "display_data", "data": {"text/html": f'<iframe srcdoc="{inside}"></iframe>'}}]

    assert differences(page("a 1.00", "x"), page("a 1.01", "y")) == []
    assert differences(page("a", "x"), page("b", "x")) != []


def test_a_cell_that_lacks_a_module_is_not_compared() -> None:
    cell = {"cell_type": "code", "metadata": {"tags": ["needs-no_such_module", "needs-json"]}, "source": ""}
    assert lacks(cell) == ["no_such_module"]
