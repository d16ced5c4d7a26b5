"""The page of an expression: its leaves have sliders, and data and gradients follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..compiler.javascript import as_object, module
from ..compiler.tape import Ref, tape_with_refs
from ..drawing.arrange import arranged
from ..drawing.boxes import fits
from ..drawing.build import Builder
from ..drawing.diagram import LOOKS, Box, Key
from ..drawing.svg import svg
from ..engine.graph import links
from ..engine.value import Value
from ..explaining.derivation import Derivation
from ..rules.rule import CONSTANT
from .page import Page, page

#: Boxes of a picture, at most.
MOST_BOXES = 300


#: What a page writes for a number, at most.
LONGEST = "−1.234e−05"


def expression_page(root: Value, title: str) -> Page:
    """Return the page of a result.

    Raises:
        ValueError: it depends on nothing, has more than 300 operations, or uses a function that JavaScript does not have.
    """
    derivation = Derivation(root, None, None, by_neuron=False)
    order, names = derivation.order, derivation.names
    if not fits(order, derivation.box_of, MOST_BOXES):
        raise ValueError(
            f"live shows an expression of at most {MOST_BOXES} operations; take a Value nearer to the leaves"
        )
    steps, leaves, refs = tape_with_refs([root], [])
    fixed = {number: leaf.data for number, leaf in enumerate(leaves) if leaf._rule is not None}
    numbers = {node: ref.index for node, ref in refs.items() if isinstance(ref, Ref)}
    free = [number for number in range(len(leaves)) if number not in fixed]
    builder = Builder(order, derivation.box_of, None, derivation.gradients.__getitem__, names)
    graph = builder.draw()
    box_of = {
        node: builder.numbers[derivation.box_of[node]] for node in order if node._rule is not CONSTANT or node is root
    }
    data: dict[str, Any] = {
        "title": title or names[root],
        "root": names[root],
        "leaves": [{"name": names[leaves[number]], "value": leaves[number].data} for number in free],
        "skipped": [number - place for place, number in enumerate(free)],
        "nodes": [[box_of[node], numbers[node], graph.boxes[box_of[node]].numbers] for node in box_of if node in numbers],
        "edges": [
            edge for node in order if node in numbers for edge in _edges(node, numbers, builder, derivation)
        ],
        "root_ref": numbers[root],
        "steps": steps.inputs + steps.parameters,
    }  # fmt: skip
    programs = [f"const program = {as_object(module(steps, fixed, trace=True))};"]
    graph.boxes[:] = map(_roomy, graph.boxes)
    graph.legend = [key for key in LOOKS if key.text != "of both signs"] + [
        Key("width: how much; number: local derivative")
    ]
    picture = svg(graph, arranged(graph))
    return page(
        data["title"],
        "expression.html",
        programs,
        ["numbers.js", "common.js", "expression.js"],
        data,
        640,
        picture=picture,
    )


def _roomy(box: Box) -> Box:
    """Return a box with room for the longest numbers, as the page puts others in."""
    if box.numbers is None:
        return box
    lines = list(box.lines)
    lines[box.numbers : box.numbers + 2] = [f"data {LONGEST}", f"grad {LONGEST}"]
    return replace(box, lines=tuple(lines))


def _edges(node: Value, numbers: dict[Value, int], builder: Builder, derivation: Derivation) -> list[Any]:
    """Return for each edge to a node: the arrow, both refs, the place of its local derivative, and the names of both."""
    found, place = [], 0
    for index, (operand, partial) in enumerate(links(node)):
        if not isinstance(operand, Value) or operand not in numbers:
            continue
        arrow = builder.arrows.get((derivation.box_of[operand], index, derivation.box_of[node]))
        if arrow is not None and partial is not None:
            found.append(
                [arrow, numbers[operand], numbers[node], place, derivation.names[operand], derivation.names[node]]
            )
        place += 1
    return found
