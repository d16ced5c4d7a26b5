"""A diagram as DOT."""

from __future__ import annotations

from html import escape
from typing import Any

import graphviz

from .diagram import ANGULAR, FILLS, FRAME, NEUTRAL, Graph

#: The end of a line of the legend, in Graphviz's own markup. In one line, it would be wider than many a graph.
LINE_END = '<BR ALIGN="LEFT"/>'


#: With more arrows among frames, dot leads those that need room for their labels around the frames.
MANY_ARROWS = 40


def _enclose(drawn: graphviz.Digraph, graph: Graph, frame: int | None) -> None:
    """Write the boxes of a frame, and the frames in it."""
    for number, box in enumerate(graph.boxes):
        if box.frame == frame:
            style = "filled" if box.kind in ANGULAR else "filled,rounded"
            drawn.node(str(number), _escaped(box.lines), fillcolor=FILLS[box.kind], style=style)
    for number, inner in enumerate(graph.frames):
        if inner.frame == frame:
            part = graphviz.Digraph(f"cluster_{number}")
            part.attr(label=_escaped([inner.name]), labeljust="l", color=FRAME, fontcolor=NEUTRAL)
            _enclose(part, graph, number)
            drawn.subgraph(part)


def _title(graph: Graph) -> str:
    """The title, and the legend in its colours, as Graphviz's own markup: none of its text is a user's."""
    keys = [
        f'<FONT COLOR="{key.colour}">{"- - -" if key.dashed else "▬"} {escape(key.text)}</FONT>' for key in graph.legend
    ]
    lines = [*([escape(graph.title)] if graph.title else []), *keys]
    return f"<{''.join(line + LINE_END for line in lines)}>" if lines else ""


def _escaped(lines: Any) -> str:
    """Lines of a label in DOT: nothing in them is markup, an entity or an escape."""
    return str(graphviz.nohtml("\\n".join(graphviz.escape(line.replace("&", "&amp;")) for line in lines)))
