"""How a notebook is stored: tidily, with its outputs, and a picture for the index."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from .compare import differences, texts
from .run import FOLDER, answers, lacks, tags

PICTURES = FOLDER / "pictures"

#: What a notebook says of itself.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def compared(stored: Any, fresh: Any) -> list[str]:
    """Return how a notebook's outputs and answers differ from those of a run, a line each."""
    found = []
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if lacks(old):
            continue
        if old["cell_type"] == "code":
            found += [f"{old['id']}: {line}" for line in differences(old["outputs"], new["outputs"], tags(old))]
        for before, after in zip(answers(old), answers(new), strict=True):
            found += [f"{old['id']}: {line}" for line in texts(before["text"] or "", after["text"] or "")]
    return found


def written(notebook: Any) -> str:
    """Return the text of a notebook's file: cells numbered, and nothing in it that another run would change."""
    import nbformat

    notebook = copy.deepcopy(notebook)
    notebook["metadata"] = nbformat.from_dict(METADATA)
    count = 0
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"c{number:02}"
        folded = {"jupyter": {"source_hidden": True}} if "hide-input" in tags(cell) else {}
        cell["metadata"] = nbformat.from_dict({**({"tags": tags(cell)} if tags(cell) else {}), **folded})
        if cell["cell_type"] == "code":
            count += 1
            for thing in (cell, *cell["outputs"]):
                if "execution_count" in thing:
                    thing["execution_count"] = count
    plain = json.loads(nbformat.writes(notebook, version=4))
    for output in (output for cell in plain["cells"] for output in cell.get("outputs", [])):
        for holder in (output, output.get("data", {})):  # JupyterLite shows the commas of a list of lines
            holder.update({name: "".join(text) for name, text in holder.items() if isinstance(text, list)})
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def picture(notebook: Any) -> tuple[str, bytes]:
    """Return the ending and the content of the picture for the index: that of the cell with the tag `index`."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []) if "index" in tags(cell) else []:
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            if "image/svg+xml" in data:
                return "svg", data["image/svg+xml"].encode()
            if "image/png" in data:
                return "png", base64.b64decode(data["image/png"])
    raise ValueError("no cell with the tag index shows a picture")
