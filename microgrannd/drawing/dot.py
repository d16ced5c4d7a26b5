"""A diagram as DOT, Graphviz's language, and where Graphviz put everything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from itertools import chain, pairwise
from math import dist
from typing import Any

import graphviz

from .arrange import WIDTH
from .bands import wrapped
from .diagram import ANGULAR, FILLS, FRAME, NEUTRAL, Arrow, Box, Graph, Key
from .geometry import Geometry, Rect, Route, between, explained
from .labels import label_points
from .sizes import SMALL, box_size, text_width

#: Pixels of an inch: Graphviz's points are the pixels of a picture.
INCH = 72


#: The length of an arrowhead.
TIP = 8.0


#: The end of a line of the title, in Graphviz's own markup.
LINE_END = '<BR ALIGN="LEFT"/>'


def digraph(graph: Graph, format: str = "svg", geometry: Geometry | None = None) -> graphviz.Digraph:  # noqa: A002
    """Return a `graphviz.Digraph` of a graph; its nodes are named by the indices of the boxes.

    Args:
        graph: what is drawn.
        format: of files.
        geometry: where everything is; without it Graphviz decides.
    """
    drawn = _opened(graph, format)
    drawn.attr(
        bgcolor="white",
        fontname="Helvetica",
        label=_title(graph.title, explained(graph, geometry)),
        labelloc="t",
        labeljust="l",
    )
    drawn.attr("node", fontname="Helvetica", fontsize="12", style="filled", color=NEUTRAL)
    drawn.attr("edge", arrowsize="0.7", fontname="Helvetica", fontsize=str(SMALL), fontcolor="#222222")
    if geometry:
        drawn.attr(layout="nop2")  # the engine that leaves everything where it is
        _pin(drawn, graph, geometry)
        _pin_labels(drawn, graph, geometry)
    else:
        _enclose(drawn, graph, None)
    for number, arrow in enumerate(graph.arrows):
        hint = _escaped(arrow.hint.split("\n"))
        label = {"label": _escaped([arrow.label])} if arrow.label and not geometry else {}
        line = {"pos": _spline(arrow, geometry.routes[number], geometry.height)} if geometry else {}
        drawn.edge(
            str(arrow.source), str(arrow.target), tooltip=hint, labeltooltip=hint, color=arrow.colour, **label, **line,
            penwidth=f"{arrow.width:g}", style="dashed" if arrow.dashed else "solid", dir=_DIRECTIONS[arrow.head],
        )  # fmt: skip
    return drawn


#: Graphviz's words for the ends with an arrowhead.
_DIRECTIONS = {"source": "back", "target": "forward", "": "none"}


def skeleton(graph: Graph) -> graphviz.Digraph:
    """Return a `graphviz.Digraph` with the sizes of all, and no text of it, for Graphviz to find positions for."""
    drawn = _opened(graph, "json")
    room = max((text_width(arrow.label, SMALL) for arrow in graph.arrows), default=0.0)
    drawn.attr(ranksep=f"{(30 + (room if graph.rankdir == 'LR' else SMALL)) / INCH:.3f}", nodesep="0.2")
    drawn.attr("node", fixedsize="true", label="")
    drawn.attr("edge", dir="none")
    _enclose(drawn, graph, None, bare=True)
    for number, arrow in enumerate(graph.arrows):
        drawn.edge(str(arrow.source), str(arrow.target), id=str(number))
    return drawn


def positioned(graph: Graph, written: str) -> Geometry:
    """Return where Graphviz put everything, by what it wrote as JSON about the skeleton of a graph."""
    found = json.loads(written)
    _, _, width, height = map(float, found["bb"].split(","))
    things = {thing["name"]: thing for thing in found.get("objects", ())}

    def point(text: str) -> tuple[float, float]:
        x, y = map(float, text.split(","))
        return x, height - y

    def frame(number: int) -> Rect:
        x0, y0, x1, y1 = map(float, things[f"cluster_{number}"]["bb"].split(","))
        return Rect(x0, height - y1, x1, height - y0)

    routes = [Route([], True)] * len(graph.arrows)
    for edge in found.get("edges", ()):
        routes[int(edge["id"])] = Route(list(map(point, edge["pos"].split())), True)
    geometry = Geometry(
        width,
        height,
        [Rect.around(*point(things[str(n)]["pos"]), *box_size(box)) for n, box in enumerate(graph.boxes)],
        [frame(number) for number in range(len(graph.frames))],
        routes,
    )
    return wrapped(geometry, WIDTH) if graph.rankdir == "LR" else geometry


def _opened(graph: Graph, format: str) -> graphviz.Digraph:  # noqa: A002
    drawn = graphviz.Digraph(format=format)
    drawn.attr(rankdir=graph.rankdir)
    drawn.attr(nslimit="1")  # else dot takes 30 s for a hundred nodes with one operand in common
    drawn.attr("node", shape="box", width="0.3", height="0.3")
    return drawn


def _enclose(drawn: graphviz.Digraph, graph: Graph, frame: int | None, bare: bool = False) -> None:
    """Write the boxes of a frame, and the frames in it; bare of all text, but with sizes."""
    for number, box in enumerate(graph.boxes):
        if box.frame == frame:
            drawn.node(str(number), **(_size(*box_size(box)) if bare else _look(box)))
    for number, inner in enumerate(graph.frames):
        if inner.frame == frame:
            part = graphviz.Digraph(f"cluster_{number}")
            name = "x" * round(text_width(inner.name) / 7) if bare else inner.name
            part.attr(label=_escaped([name]), labeljust="l", color=FRAME, fontcolor=NEUTRAL)
            _enclose(part, graph, number, bare)
            drawn.subgraph(part)


def _pin(drawn: graphviz.Digraph, graph: Graph, geometry: Geometry) -> None:
    """Write boxes at their positions, and frames, as boxes too: this engine draws no clusters."""

    def at(rect: Rect) -> dict[str, str]:
        x, y = (rect.x0 + rect.x1) / 2, geometry.height - (rect.y0 + rect.y1) / 2
        return {**_size(rect.x1 - rect.x0, rect.y1 - rect.y0), "fixedsize": "true", "pos": f"{x:.1f},{y:.1f}"}

    for number, frame in enumerate(graph.frames):
        look = {"style": "rounded", "color": FRAME, "fontcolor": NEUTRAL, "labelloc": "t"}
        drawn.node(f"frame{number}", _escaped([frame.name]) + "\\l", **look, **at(geometry.frames[number]))
    for number, box in enumerate(graph.boxes):
        drawn.node(str(number), **_look(box), **at(geometry.boxes[number]))


def _pin_labels(drawn: graphviz.Digraph, graph: Graph, geometry: Geometry) -> None:
    """Write the labels of arrows where there is room for them."""
    look = {"shape": "plain", "style": "filled", "fillcolor": "white", "fontsize": str(SMALL), "color": "white"}
    for number, (arrow, at) in enumerate(zip(graph.arrows, label_points(graph, geometry), strict=True)):
        if at:
            drawn.node(
                f"label{number}", _escaped([arrow.label]), pos=f"{at[0]:.1f},{geometry.height - at[1]:.1f}", **look
            )


def _spline(arrow: Arrow, route: Route, height: float) -> str:
    """Write a line as Graphviz does: three points for each piece of a Bézier curve, and the tip of its arrowhead."""
    points = list(route.points)
    tips = {"source": ("s", 0, 1), "target": ("e", -1, -2)}
    tip = ""
    if arrow.head:
        kind, end, inner = tips[arrow.head]
        x, y = points[end]
        tip = f"{kind},{x:.1f},{height - y:.1f} "
        share = min(TIP / (dist(points[end], points[inner]) or TIP), 0.9)
        points[end] = between(points[end], points[inner], share)
    if not route.curved:
        pieces = [[p, between(p, q, 1 / 3), between(p, q, 2 / 3)] for p, q in pairwise(points)]
        points = [*chain.from_iterable(pieces), points[-1]]
    return tip + " ".join(f"{x:.1f},{height - y:.1f}" for x, y in points)


def _look(box: Box) -> dict[str, str]:
    """Return the attributes of a box."""
    style = "filled" if box.kind in ANGULAR else "filled,rounded"
    hint = {"tooltip": _escaped(box.hint.split("\n"))} if box.hint else {}
    return {"label": _escaped(box.lines), "fillcolor": FILLS[box.kind], "style": style, **hint}


def _size(width: float, height: float) -> dict[str, str]:
    return {"width": f"{width / INCH:.4f}", "height": f"{height / INCH:.4f}"}


def _title(title: str, legend: Iterable[Key]) -> str:
    """Return the title, and the legend in its colours, as Graphviz's own markup: none of its text is a user's."""
    keys = [
        f'<FONT COLOR="{key.colour}">{"- - -" if key.dashed else "▬▬"}</FONT> {escape(key.text)}'
        if key.colour
        else escape(key.text)
        for key in legend
    ]
    lines = [*([escape(title)] if title else []), *(["   ".join(keys)] if keys else [])]
    return f"<{''.join(line + LINE_END for line in lines)}>" if lines else ""


def _escaped(lines: Any) -> str:
    """Return the lines of a label in DOT, escaped: nothing in them is markup, an entity or an escape."""
    return str(graphviz.nohtml("\\n".join(graphviz.escape(line.replace("&", "&amp;")) for line in lines)))
