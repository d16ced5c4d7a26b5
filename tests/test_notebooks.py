"""The notebooks run from top to bottom, and are stored tidily. What their text claims, their own cells assert."""

from __future__ import annotations

import html
import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import microgrannd

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MISSING = [name for name in ("ipykernel", "matplotlib", "nbclient") if not find_spec(name)]

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def pictures(notebook: Any) -> dict[str, set[str]]:
    """The numbers in the picture that a cell shows, by the cell."""
    return {
        cell["id"]: set(
            re.findall(r"(?:data|grad) [-−+.\de]+", html.unescape("".join(output["data"]["image/svg+xml"])))
        )
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    }


@each
@pytest.mark.skipif(bool(MISSING), reason=f"to run notebooks needs {', '.join(MISSING)}: pip install '.[notebooks]'")
def test_a_notebook_keeps_its_promises(path: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    stored = pictures(notebook)
    library = str(Path(microgrannd.__file__).parents[1])
    search_path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute(env=os.environ | {"PYTHONPATH": search_path})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    fresh = pictures(notebook)
    assert stored == {cell: fresh[cell] for cell in stored}


def test_the_notebooks_are_numbered_and_lead_to_each_other() -> None:
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02}_" for number in range(1, 9)]
    links = [re.findall(r"\((\w+\.ipynb)\)", path.read_text(encoding="utf-8")) for path in NOTEBOOKS]
    assert links == [[path.name] for path in NOTEBOOKS[1:]] + [[]]


@each
def test_a_notebook_is_short_and_stored_without_what_differs_from_run_to_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = notebook["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert text == json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert [cell["id"] for cell in cells] == [f"c{number:02}" for number in range(1, len(cells) + 1)]
    assert len(cells) <= 25
    assert all(cell["metadata"] == {} for cell in cells)
    assert all(thing.get("execution_count") is None for thing in cells + outputs)
    assert all(output["data"].keys() == {"image/svg+xml", "text/plain"} for output in outputs)
    assert len(json.dumps(outputs)) < 10_000
    assert not re.search(r"/(home|root|tmp|Users)/|[A-Z]:\\\\", text)
