"""A diagram as DOT."""

from __future__ import annotations

from html import escape
from typing import Any

import graphviz

from .diagram import ANGULAR, FILLS, FRAME, NEUTRAL, Graph

#: The end of a line of the legend, in Graphviz's own markup. One line would be wider than many graphs.
LINE_END = '<BR ALIGN="LEFT"/>'


#: With more arrows among frames, dot leads those that need room for their labels around the frames.
MANY_ARROWS = 40


def digraph(graph: Graph, format: str) -> graphviz.Digraph:  # noqa: A002
    """Return a `graphviz.Digraph` of a graph; its nodes are named by the indices of the boxes."""
    drawn = graphviz.Digraph(format=format)
    drawn.attr(rankdir=graph.rankdir, bgcolor="white", fontname="Helvetica", label=_title(graph), labelloc="t")
    drawn.attr(labeljust="l")
    drawn.attr(nslimit="1")  # else dot takes 30 s for a hundred nodes with one operand in common
    size = {"width": "0.3", "height": "0.3"}
    drawn.attr("node", shape="box", fontname="Helvetica", fontsize="12", color=NEUTRAL, **size)
    drawn.attr("edge", arrowsize="0.7", fontname="Helvetica", fontsize="10", fontcolor="#222222")
    _enclose(drawn, graph, None)
    label = "label"
    if graph.frames and len(graph.arrows) > MANY_ARROWS:
        label = "xlabel"
        drawn.attr(ranksep="0.9")
    for arrow in graph.arrows:
        hint = _escaped([arrow.hint])
        drawn.edge(
            str(arrow.source), str(arrow.target), tooltip=hint, labeltooltip=hint, **{label: _escaped([arrow.label])},
            color=arrow.colour, penwidth=f"{arrow.width:g}", style="dashed" if arrow.dashed else "solid",
        )  # fmt: skip
    return drawn


def _enclose(drawn: graphviz.Digraph, graph: Graph, frame: int | None) -> None:
    """Write the boxes of a frame, and the frames in it."""
    for number, box in enumerate(graph.boxes):
        if box.frame == frame:
            style = "filled" if box.kind in ANGULAR else "filled,rounded"
            hint = {"tooltip": _escaped([box.hint])} if box.hint else {}
            drawn.node(str(number), _escaped(box.lines), fillcolor=FILLS[box.kind], style=style, **hint)
    for number, inner in enumerate(graph.frames):
        if inner.frame == frame:
            part = graphviz.Digraph(f"cluster_{number}")
            part.attr(label=_escaped([inner.name]), labeljust="l", color=FRAME, fontcolor=NEUTRAL)
            _enclose(part, graph, number)
            drawn.subgraph(part)


def _title(graph: Graph) -> str:
    """Return the title, and the legend in its colours, as Graphviz's own markup: none of its text is a user's."""
    keys = [
        f'<FONT COLOR="{key.colour}">{"- - -" if key.dashed else "▬"} {escape(key.text)}</FONT>' for key in graph.legend
    ]
    lines = [*([escape(graph.title)] if graph.title else []), *keys]
    return f"<{''.join(line + LINE_END for line in lines)}>" if lines else ""


def _escaped(lines: Any) -> str:
    """Return the lines of a label in DOT, escaped: nothing in them is markup, an entity or an escape."""
    return str(graphviz.nohtml("\\n".join(graphviz.escape(line.replace("&", "&amp;")) for line in lines)))
