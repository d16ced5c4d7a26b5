"""draw: the graph of a Value as a picture, on any machine.

What to show is plain data (diagram.py), where everything is too (geometry.py), by Graphviz or by a layout of this library
(arrange.py). From these SVG (svg.py) and DOT (dot.py) are written; from the first alone, text (tree.py).
"""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from itertools import islice
from pathlib import Path
from typing import Any

import graphviz

from .._files import write_bytes
from ..engine.value import Value
from ..nn.module import Module
from .arrange import arranged
from .choose import graph_of, require_depth, require_graph
from .diagram import Graph
from .dot import digraph, positioned, skeleton
from .geometry import Geometry
from .html import fragment, page
from .renderer import NoGraphviz as NoGraphviz
from .renderer import has_graphviz, has_resvg, png, rendered, require_renderer
from .svg import drawn_words, svg
from .tree import tree

#: Lines of the text tree.
MOST_LINES = 60


LAYOUTS = ("auto", "own", "dot")


#: The endings of pictures' names.
KINDS = ("svg", "png", "pdf", "html", "dot")


def draw(
    root: Value,
    model: Module | None = None,
    depth: str = "auto",
    format: str = "svg",  # noqa: A002
    rankdir: str = "LR",
    layout: str = "auto",
) -> Picture:
    """Draw the graph that a Value was computed by, and how its gradient flows back.

    Each box shows the name (the label, or as in `explain`), the operation with the numbers in it, data and gradient. A
    line bears the local derivative; the chain rule's product is shown on hover. After ``backward()``, its head is at the
    operand, to which gradient flows, and it is the thicker the more that is: blue where positive, vermilion where
    negative, dashed where none.

    Args:
        root: the result.
        model: whose parameters are distinguished from other leaves, and whose neurons and layers are framed.
        depth: ``"scalar"`` draws every node; ``"neuron"`` puts the nodes of each neuron (of the innermost modules of
            the model) together in one box, ``"layer"`` those of each layer (of the modules around these); ``"auto"``
            takes the finest for which there is room on a screen, also with each `scope` in one box. What is repeated,
            as the rows of a batch, is then one with "× n". More than 2,000 boxes are drawn as the graph's shape.
        format: of files: svg, png, pdf, ... Other than SVG needs Graphviz (the program ``dot``, or pygraphviz, the
            extra ``dot``); for PNG the extra ``png`` does too.
        rankdir: LR from left to right, in rows as those of a text where that is wider than a page; TB from top to bottom.
        layout: ``"own"`` is that of this library: columns, as of a network, neurons in their order; ``"dot"`` is
            Graphviz's; ``"auto"`` takes the first with a model, and else Graphviz's if there is one.

    Returns:
        A `Picture`, which shows itself in a notebook; ``.save(path)`` writes .svg, .png, .pdf, .dot or .html, ``.pipe()``
        gives bytes, and ``.digraph()`` a `graphviz.Digraph`.

    Raises:
        TypeError: root is not a Value, or model not a Module.
        ValueError: an unknown depth, format, rankdir or layout; a depth that needs a model, without one.
        NoGraphviz: (a RuntimeError) the layout ``"dot"`` without Graphviz.

    >>> from microgrannd import Value, draw
    >>> y = Value(0.5, "x").tanh()
    >>> y.backward()
    >>> picture = draw(y, layout="own")
    >>> picture.pipe(encoding="utf-8")[:4], "grad 0.7864" in picture.pipe(encoding="utf-8")
    ('<svg', True)
    """
    require_graph("draw", root, model)
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir needs to be LR or TB, got {rankdir!r}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout needs to be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if layout == "dot":
        require_renderer("the layout of dot")
    require_depth(depth, model)
    return Picture(graph_of(root, model, depth, rankdir), format, "own" if model and layout == "auto" else layout)


class Picture:
    """A picture that shows itself in a notebook.

    Every output is made from `graph` when it is asked for, so what is added to that is in all of them:

    >>> from microgrannd import Value, draw
    >>> from microgrannd.drawing.diagram import Arrow, Box
    >>> picture = draw(2 * Value(3.0, "x"))
    >>> picture.graph.boxes.append(Box("leaf", ("a note",)))
    >>> picture.graph.arrows.append(Arrow(source=2, target=0))
    >>> print(picture.text())
    y: 2 ×   data 6   grad 0
    └─ x   data 3   grad 0
       └─ a note

    Attributes:
        graph: boxes, arrows, frames, title and legend, as plain data.
        format: of files, by default.
        layout: see `draw`.
    """

    def __init__(self, graph: Graph, format: str = "svg", layout: str = "auto") -> None:  # noqa: A002
        if format not in graphviz.FORMATS:
            raise ValueError(f"format needs to be one that Graphviz writes, as svg, png or pdf, got {format!r}")
        self.graph, self.format, self.layout = graph, format, layout

    def digraph(self) -> graphviz.Digraph:
        """Return a new `graphviz.Digraph` of the picture, to go on with in graphviz; the picture does not change."""
        return digraph(self.graph, self.format, arranged(self.graph) if self.layout == "own" else None)

    @property
    def source(self) -> str:
        """The picture in DOT, Graphviz's language."""
        return str(self.digraph().source)

    def geometry(self) -> Geometry:
        """Return where everything is.

        Raises:
            NoGraphviz: Graphviz fails.
        """
        if self.layout == "own" or not self.graph.boxes or not has_graphviz():
            return arranged(self.graph)
        return positioned(self.graph, rendered(skeleton(self.graph), "json").decode())

    def save(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the picture to a file, whole or not at all, and return its path.

        Args:
            filename: its ending is the format: .svg, .png, .pdf, .dot, or .html, a page of its own with hints, zoom
                and folding. With any other it is DOT, as graphviz's own ``save`` writes it.
            directory: of the file.
            **options: of `graphviz.Digraph.save`, for files with other endings.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not installed.
            OSError: the file cannot be written; an older one is as it was.
        """
        kind = os.path.splitext(filename or "")[1][1:].lower()
        if kind not in KINDS:
            return str(self.digraph().save(filename, directory=directory, **options))
        path = os.path.join(directory or "", filename)
        write_bytes(path, self._file(kind))
        return path

    def show(self) -> None:
        """Show the picture: in a notebook below the cell, elsewhere in the browser, as a page in a temporary file."""
        ipython: Any = sys.modules.get("IPython")
        if ipython and hasattr(ipython.get_ipython(), "kernel"):
            ipython.display.display(self)
            return
        handle, path = tempfile.mkstemp(".html", "microgrannd-")
        os.close(handle)
        webbrowser.open(Path(self.save(path)).as_uri())

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:  # noqa: A002
        """Return the picture as bytes, or as text where an encoding is given: see `graphviz.Digraph.pipe`.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not installed, or fails.
        """
        format = format or self.format  # noqa: A001
        if format == "svg" and not options:
            data = svg(self.graph, self.geometry()).encode()
        elif format == "png" and not has_graphviz() and has_resvg():
            data = png(self.pipe("svg", encoding="utf-8"))
        else:
            require_renderer(format)
            data = rendered(self.digraph(), format, **options)
        return data.decode(encoding) if encoding else data

    def render(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the source and the picture to files and return the picture's path: see `graphviz.Digraph.render`.

        A filename that ends as the format does is that of the picture.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not installed.
            OSError: a file cannot be written.
        """
        outfile = options.get("outfile")
        format = options.get("format") or (os.path.splitext(outfile)[1][1:] if outfile else self.format)  # noqa: A001
        if filename and not outfile and os.fspath(filename).endswith(f".{format}"):
            filename, outfile = None, os.path.join(directory or "", filename)
        data = self.pipe(format)
        if outfile and filename is None:
            filename = f"{os.path.splitext(outfile)[0]}.gv"
        source = str(self.digraph().save(filename, directory=directory))
        path = os.fspath(outfile) if outfile else f"{source}.{format}"
        write_bytes(path, data)
        if options.get("cleanup"):
            os.remove(source)
        if options.get("view"):
            graphviz.view(path, quiet=options.get("quiet_view", False))
        return path

    def view(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the files as `render` does, open the picture in the system's viewer, and return its path."""
        return self.render(filename, directory, view=True, **options)

    def text(self) -> str:
        """Return the graph as a tree of text: results above their operands; what was shown before is not shown again."""
        lines = list(islice(tree(self.graph), MOST_LINES + 1))
        if len(lines) > MOST_LINES:
            lines[-1] = "..."
        return "\n".join(lines)

    def _file(self, kind: str) -> bytes:
        """Return the content of a file by its ending."""
        if kind == "dot":
            return self.source.encode()
        if kind == "html":
            drawn = self.pipe("svg", encoding="utf-8")
            return page(drawn, drawn_words(self.graph), self.graph.title or "A graph").encode()
        return bytes(self.pipe(kind))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
        kinds = ("text/html", "image/svg+xml", "text/plain")
        wanted = set(kinds if include is None else include) - set(exclude or ())
        drawn = self.pipe("svg", encoding="utf-8") if wanted & set(kinds[:2]) else ""
        made = {
            "text/html": fragment(drawn, drawn_words(self.graph)) if "text/html" in wanted else "",
            "image/svg+xml": drawn,
            "text/plain": self.text(),
        }
        return {kind: content for kind, content in made.items() if kind in wanted}


#: micrograd's name.
draw_dot = draw
