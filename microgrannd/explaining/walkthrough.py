"""walkthrough: a page that goes through the forward and the backward pass, one operation at a time.

The page (walkthrough.html and walkthrough.js) only shows the data that it is given here: for each step what is computed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import escape
from importlib.resources import files
from os import PathLike
from string import Template
from typing import Any

from .._files import write_bytes
from .._text import described, rounded
from ..drawing.arrange import arranged
from ..drawing.boxes import fits
from ..drawing.build import Builder
from ..drawing.svg import svg
from ..engine.graph import Contribution
from ..engine.value import Value
from ..nn.module import Module
from .derivation import Derivation
from .sentences import Text

#: Significant digits, as in pictures.
DIGITS = 4


#: More nodes than this are gone through by neuron, by the depth that is asked for.
MANY_NODES = {"auto": 150, "scalar": sys.maxsize, "neuron": 0}


MOST_STEPS = 2000


#: Derivatives in the sentence that sums up, at most.
MOST_LEAVES = 12


#: See `fits`; the layout takes 2 s for these.
MOST_CROSSINGS = 20_000


#: Pixels that a page takes in a notebook, at the most, and those around its picture.
MOST_HEIGHT, AROUND = 700, 240


class Walkthrough:
    """A self-contained page that shows itself in a notebook and can be saved.

    Attributes:
        html: the page.
        steps: how many it has.
        height: of its frame in a notebook, in pixels.
    """

    def __init__(self, html: str, steps: int, height: int) -> None:
        self.html, self.steps, self.height = html, steps, height

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page to a file; it needs no other file, and no network.

        Raises:
            OSError: it cannot be written; a file that was there is as it was.
        """
        write_bytes(path, self.html.encode())

    def __repr__(self) -> str:
        return f"a walkthrough of {self.steps:,} steps; .save(path) writes its page"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="Walkthrough" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )


def walkthrough(root: Value, model: Module | None = None, depth: str = "auto") -> Walkthrough:
    """Go through a computation and its backward pass, one operation at a time, on a page with a picture.

    The page has buttons, a slider and keys (arrows, Home, End; Space plays); the picture can be moved and zoomed. Forward,
    values fill in; backward, each step is what one edge adds to a gradient, as in ``a receives ∂L/∂e × ∂e/∂a = −4 × −3 =
    12, on top of −8: now 4``. A node's whole sum is shown on hover, and when it is complete. The last step sums up.
    Gradients are those of one ``backward()``.

    Args:
        root: the result.
        model: whose parameters are called by their names, and whose neurons and layers are framed.
        depth: ``"scalar"`` goes operation by operation, ``"neuron"`` neuron by neuron; ``"auto"`` does so with more
            than 150 nodes and a model.

    Returns:
        A `Walkthrough`: shows itself in a notebook, ``.save(path)`` writes one self-contained HTML file.

    Raises:
        TypeError: root is not a Value, or model not a Module.
        ValueError: an unknown depth, or "neuron" without a model; there are more than 2,000 steps, or too many edges
            for a readable picture.
    """
    if not isinstance(root, Value):
        raise TypeError(f"walkthrough needs a Value as root, got {described(root)}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"walkthrough needs a Module as model, got {described(model)}")
    if depth not in MANY_NODES:
        raise ValueError(f"depth needs to be one of {', '.join(MANY_NODES)}, got {depth!r}")
    if depth == "neuron" and model is None:
        raise ValueError("depth 'neuron' needs model=: the Module whose neurons are meant")
    derivation = Derivation(root, None, model, MANY_NODES[depth])
    steps = len(derivation.steps()) + len(derivation.contributions) + 2
    advice = f"start from a Value nearer to the leaves{'' if model else ', or give model= to go neuron by neuron'}"
    if steps > MOST_STEPS:
        raise ValueError(f"{steps:,} steps are too many to go through, at most {MOST_STEPS:,}: {advice}")
    if not fits(derivation.order, derivation.box_of, MOST_STEPS, MOST_CROSSINGS):
        raise ValueError(f"the picture would have too many boxes, or edges across all of it: {advice}")
    script = _Script(derivation)
    picture = svg(script.graph, arranged(script.graph))
    height = min(MOST_HEIGHT, AROUND + int(picture.split('height="', 1)[1].split('"', 1)[0]))
    return Walkthrough(_page(f"Step by step: {derivation.names[root]}", picture, script.data()), steps, height)


class _Script:
    """Prepares the data of the page: see walkthrough.js."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.style = Text(derivation.names, DIGITS)
        self.diagram = Builder(
            derivation.order, derivation.box_of, derivation.owners, derivation.gradients.__getitem__, derivation.names
        )
        self.graph = self.diagram.draw()
        for operand, terms in derivation.terms().items():
            box, hint = self.graph.boxes[self.box(operand)], self.style.total(derivation.root, operand, terms)
            self.graph.boxes[self.box(operand)] = replace(box, hint="\n".join(filter(None, [box.hint, hint])))

    def data(self) -> dict[str, Any]:
        """Return the data of the page besides its picture."""
        return {
            "forward": list(self.forward()),
            "root": self.derivation.names[self.derivation.root],
            "summary": self.summary(),
            "backward": list(self.backward()),
            "given": [
                self.box(node)
                for node in self.derivation.order
                if node._rule is None and self.derivation.box_of[node] is node
            ],
            "names": list(self.derivation.names.values()),
            "lines": [box.numbers for box in self.graph.boxes],
            "targets": [arrow.target for arrow in self.graph.arrows],
        }

    def box(self, node: Value) -> int:
        """Return the number of the box of a node."""
        return self.diagram.numbers[self.derivation.box_of[node]]

    def forward(self) -> Iterator[list[Any]]:
        """Yield for each operation its box, and what it computes."""
        steps = self.derivation.steps()
        for node in self.derivation.order:
            if node in steps:
                yield [self.box(node), self.style.value(node, self.derivation.symbols(node))]

    def backward(self) -> Iterator[list[Any]]:
        """Yield for each contribution the operand's box, the indices of the names of operand and result, and numbers.

        These are the result's gradient, the local derivative, their product, and the sum so far, before and after; then
        the number of the arrow, and a 1 where that completes a sum of several. The first has none of it but a sum.
        """
        root = self.derivation.root
        name = {node: index for index, node in enumerate(self.derivation.names)}
        yield [self.box(root), name[root], name[root], "", "", "", "", "1"]
        left = Counter(self.derivation.counts)
        totals: dict[Value, float] = {}
        for one in self.derivation.contributions:
            left[one.operand] -= 1
            before = rounded(totals[one.operand]) if one.operand in totals else ""
            totals[one.operand] = one.total
            numbers = map(rounded, (one.gradient, one.partial, one.gradient * one.partial))
            ends = [1] if not left[one.operand] and self.derivation.counts[one.operand] > 1 else []
            names = name[one.operand], name[one.node]
            yield [self.box(one.operand), *names, *numbers, before, rounded(one.total), self.arrow(one), *ends]

    def summary(self) -> str:
        """Return the derivatives by what was given: the leaves."""
        derivation = self.derivation
        leaves = [node for node in derivation.order if node._rule is None and node in derivation.gradients]
        slopes = [f"{_slope(derivation, node)} = {rounded(derivation.gradients[node])}" for node in leaves]
        more = f" and {len(leaves) - MOST_LEAVES:,} more" if len(leaves) > MOST_LEAVES else ""
        return f"All gradients are there: {', '.join(slopes[:MOST_LEAVES])}{more}."

    def arrow(self, one: Contribution) -> int:
        """Return the number of the arrow of a contribution."""
        source, target = self.derivation.box_of[one.operand], self.derivation.box_of[one.node]
        alone = source is one.operand and target is one.node
        return self.diagram.arrows[source, one.position if alone else -1, target]


def _slope(derivation: Derivation, node: Value) -> str:
    names = derivation.names[derivation.root], derivation.names[node]
    return "/".join(f"∂{name}" if name.isidentifier() else f"∂({name})" for name in names)


def _page(title: str, picture: str, steps: dict[str, Any]) -> str:
    script = _part("walkthrough.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    data = json.dumps(steps, separators=(",", ":")).replace("<", "\\u003c")  # so that no text ends the script element
    parts = {
        "title": escape(title),
        "picture": picture,
        "data": data,
        "script": script,
        "script_hash": digest,
    }
    return Template(_part("walkthrough.html")).substitute(parts)


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
