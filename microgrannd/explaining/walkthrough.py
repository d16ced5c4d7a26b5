"""walkthrough: a page that goes through the forward and the backward pass, one operation at a time.

The page (walkthrough.html and walkthrough.js) only shows the data that it is given here: for each step what is computed.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from ..drawing.arrange import arranged
from ..drawing.boxes import fits
from ..drawing.choose import require_depth, require_graph
from ..drawing.html import Page, digest_of
from ..drawing.svg import svg
from ..drawing.theme import page_style
from ..engine.graph import topological
from ..engine.value import Value
from ..nn.module import Module
from .derivation import Derivation
from .script import LayerScript, Script

#: More nodes than this are gone through by neuron, where the model is known.
MANY_NODES = 150


#: From the finest.
DEPTHS = ("scalar", "neuron", "layer")


MOST_STEPS = 2000


#: See `fits`; the layout takes 2 s for these.
MOST_CROSSINGS = 20_000


#: Pixels that a page takes in a notebook, at the most, and those around its picture.
MOST_HEIGHT, AROUND = 700, 240


class Walkthrough(Page):
    """A self-contained page that shows itself in a notebook and can be saved.

    Attributes:
        html: the page.
        steps: how many it has.
        height: of its frame in a notebook, in pixels.
    """

    def __init__(self, html: str, steps: int, height: int) -> None:
        super().__init__(html, height, "Walkthrough")
        self.steps = steps

    def __repr__(self) -> str:
        return f"a walkthrough of {self.steps:,} steps; .save(path) writes its page"


def walkthrough(root: Value, model: Module | None = None, depth: str = "auto") -> Walkthrough:
    """Go through a computation and its backward pass, one operation at a time, on a page with a picture.

    The page has buttons, a slider and keys (arrows, Home, End; Space plays); the picture can be moved and zoomed. Forward,
    values fill in; backward, each step is what one edge adds to a gradient, as in ``a receives ∂L/∂e × ∂e/∂a = −4 × −3 =
    12, on top of −8: now 4``. A node's whole sum is shown on hover, and when it is complete. The last step sums up.
    Gradients are those of one ``backward()``.

    Args:
        root: the result.
        model: whose parameters are called by their names, and whose neurons and layers are framed.
        depth: ``"scalar"`` goes operation by operation, ``"neuron"`` neuron by neuron, ``"layer"`` layer by layer;
            ``"auto"`` takes, with a model, neurons where there are more than 150 nodes, and layers where these would be too
            many steps.

    Returns:
        A `Walkthrough`: shows itself in a notebook, ``.save(path)`` writes one self-contained HTML file.

    Raises:
        TypeError: root is not a Value, or model not a Module.
        ValueError: an unknown depth, or one that needs a model, without one; there are more than 2,000 steps, or too many edges
            for a readable picture.

    >>> from microgrannd import Value, walkthrough
    >>> walkthrough(Value(0.5, "x").tanh())
    a walkthrough of 4 steps; .save(path) writes its page
    """
    require_graph("walkthrough", root, model)
    require_depth(depth, model)
    finest = DEPTHS.index(depth) if depth != "auto" else int(model is not None and len(topological(root)) > MANY_NODES)
    tried: list[str] = []
    for name in DEPTHS[finest:] if model else DEPTHS[:1]:
        script = _script(root, model, name)
        if not (refusal := _refusal(script)):
            break
        tried.append(refusal)
    else:
        name = ""
    if tried and (depth != "auto" or not name):
        coarser = f"give depth={name!r}, or " if name else ""
        more = "" if model else ", or give model= to go neuron by neuron"
        raise ValueError(f"{tried[0]}: {coarser}start from a Value nearer to the leaves, as the loss of one row{more}")
    graph = script.draw()
    picture = svg(graph, arranged(graph))
    height = min(MOST_HEIGHT, AROUND + int(picture.split('height="', 1)[1].split('"', 1)[0]))
    return Walkthrough(
        _page(f"Step by step: {script.derivation.names[root]}", picture, script.data()), script.count(), height
    )


def _script(root: Value, model: Module | None, depth: str) -> Script:
    """Return what the page is to show."""
    derivation = Derivation(root, None, model, by_neuron=depth != "scalar")
    return (LayerScript if depth == "layer" else Script)(derivation)


def _refusal(script: Script) -> str:
    """Return why a script cannot be shown; nothing where it can."""
    if (steps := script.count()) > MOST_STEPS:
        return f"{steps:,} steps are too many to go through, at most {MOST_STEPS:,}"
    fit = fits(script.derivation.order, script.box_of, MOST_STEPS, MOST_CROSSINGS)
    return "" if fit else "the picture would have too many boxes, or edges across all of it"


def _page(title: str, picture: str, steps: dict[str, Any]) -> str:
    script = _part("walkthrough.js")
    data = json.dumps(steps, separators=(",", ":")).replace("<", "\\u003c")  # so that no text ends the script element
    parts = {
        "title": escape(title),
        "dark": page_style("--page: #16181c; --text: #e8e8e8; --soft: #a8a8a8; --line: #5a5f66; --lit: #b8860b;"),
        "picture": picture,
        "data": data,
        "script": script,
        "script_hash": digest_of(script),
    }
    return Template(_part("walkthrough.html")).substitute(parts)


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
