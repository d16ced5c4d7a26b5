"""Run a notebook as its reader would, with the claims about it and the answers of its exercises.

A notebook has no assertions, which would be in its reader's way. What its text claims is checked by tests/notebooks/claims/,
a file for each, run in the notebook's kernel after its last cell. The answers are blocks of Python in `<details>` of the
Markdown; what each prints stands below it, in a block of text.
"""

from __future__ import annotations

import copy
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import microgrannd

FOLDER = Path(__file__).parents[2] / "notebooks"
CLAIMS = Path(__file__).parent / "claims"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

#: What the runner itself needs, and matplotlib, which most notebooks need.
MISSING = [name for name in ("ipykernel", "matplotlib", "nbclient") if not find_spec(name)]

#: A block of Python in an answer, and the block of what it prints.
ANSWER = re.compile(r"```python\n(?P<code>.*?)```\n(?:\nIt prints\n\n```text\n(?P<text>.*?)```\n)?", re.DOTALL)
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)


def tags(cell: Any) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def lacks(cell: Any) -> list[str]:
    """The modules of tags such as `needs-torch` that are not installed."""
    needed = [tag.removeprefix("needs-") for tag in tags(cell) if tag.startswith("needs-")]
    return [name for name in needed if not find_spec(name)]


def answers(cell: Any) -> list[re.Match[str]]:
    """The blocks of Python in the answers of a Markdown cell."""
    if cell["cell_type"] != "markdown":
        return []
    source = "".join(cell["source"])
    return [match for part in DETAILS.finditer(source) for match in ANSWER.finditer(source, part.start(), part.end())]


def run(notebook: Any, name: str, folder: Path) -> Any:
    """Return a copy of a notebook with what its cells and its answers give now; cells that lack a module are not run.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell, a claim or an answer fails.
    """
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell

    fresh = copy.deepcopy(notebook)
    skipped = [cell for cell in fresh.cells if lacks(cell)]
    blocks = [new_code_cell(match["code"]) for cell in fresh.cells for match in answers(cell) if cell not in skipped]
    claims = new_code_cell((CLAIMS / f"{name}.py").read_text(encoding="utf-8"))
    running = copy.copy(fresh)
    running.cells = [*(cell for cell in fresh.cells if cell not in skipped), claims, *blocks]
    library = str(Path(microgrannd.__file__).parents[1])
    search_path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        running, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}, record_timing=False
    )
    quiet = {name: value for name, value in os.environ.items() if name != "CI"}  # where Hypothesis would say more
    client.execute(env=quiet | {"PYTHONPATH": search_path})
    for cell in fresh.cells:
        if cell["cell_type"] == "code" and cell not in skipped:
            cell["outputs"] = tidied(cell["outputs"])
        elif cell not in skipped:
            cell["source"] = answered(cell, [printed(blocks.pop(0)) for _ in answers(cell)])
    return fresh


def tidied(outputs: list[Any]) -> list[Any]:
    """Return outputs without what no stored notebook should hold; what was printed in several messages is one output."""
    found: list[Any] = []
    for output in copy.deepcopy(outputs):
        data = output.get("data", {})
        if "image/svg+xml" in data:  # GitHub takes HTML before an image, and removes what it does not allow
            data.pop("text/html", None)
        if found and output["output_type"] == "stream" and output["name"] == found[-1].get("name"):
            found[-1]["text"] += output["text"]
        else:
            found.append(output)
    return found


def printed(cell: Any) -> str:
    """Return what a cell prints and what it results in, as text."""
    parts = [output.get("text") or output["data"]["text/plain"] + "\n" for output in cell["outputs"]]
    return "".join(parts)


def answered(cell: Any, texts: list[str]) -> str:
    """Return a Markdown cell with other texts below its answers."""
    source, parts, end = "".join(cell["source"]), [], 0
    for match, text in zip(answers(cell), texts, strict=True):
        below = f"\nIt prints\n\n```text\n{text.rstrip()}\n```\n" if text.strip() else ""
        parts += [source[end : match.start()], f"```python\n{match['code']}```\n{below}"]
        end = match.end()
    return "".join([*parts, source[end:]])
