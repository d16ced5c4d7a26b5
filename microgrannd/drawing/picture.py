"""draw: the graph of a Value as a picture, on any machine.

What to show is plain data (build.py), from which all outputs are made: DOT (dot.py), text (tree.py), and, without
Graphviz, SVG (svg.py).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import islice
from shutil import which
from typing import Any

import graphviz

from .._text import described
from ..engine.value import Value
from ..nn.module import Module
from .boxes import DEPTHS
from .build import graph_of
from .diagram import Graph
from .dot import digraph
from .svg import svg
from .tree import tree

#: Lines of the text tree.
MOST_LINES = 60


class NoGraphviz(RuntimeError):
    """Raised for a format that needs Graphviz, where that is not installed or fails."""


def draw(
    root: Value,
    model: Module | None = None,
    depth: str = "auto",
    format: str = "svg",  # noqa: A002
    rankdir: str = "LR",
) -> Picture:
    """Draw the graph that a Value was computed by, and how its gradient flows back.

    Each box shows the operation and the label, data and gradient. An arrow bears the local derivative (its formula on
    hover). After ``backward()``, it is the thicker the larger the product of the result's gradient and the local
    derivative is: blue where that is positive, vermilion where it is negative, dashed where nothing flows.

    Args:
        root: the result.
        model: whose parameters are distinguished from other leaves, and whose neurons and layers are framed.
        depth: ``"scalar"`` draws every node; ``"neuron"`` puts the nodes of each neuron (of the innermost modules of
            the model) together in one box, ``"layer"`` those of each layer (of the modules around these); ``"auto"``
            takes the first of these that needs no more than about 150 boxes. What is outside of the model is put
            together too where it is much. More than 2,000 boxes are drawn as the graph's shape, with counts.
        format: of files: svg, png, pdf, ... Other than SVG needs Graphviz (the program ``dot``, or pygraphviz, the
            extra ``dot``).
        rankdir: LR from left to right, TB from top to bottom.

    Returns:
        A `Picture`, which shows itself in a notebook; ``.render(path)`` and ``.pipe()`` give files and bytes, and
        ``.digraph()`` a `graphviz.Digraph`.

    Raises:
        TypeError: root is not a Value, or model not a Module.
        ValueError: an unknown depth, format or rankdir; a depth that needs a model, without one.
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw needs a Value, got {described(root)}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"draw needs a Module as model, got {described(model)}")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir needs to be LR or TB, got {rankdir!r}")
    if depth not in DEPTHS:
        raise ValueError(f"depth needs to be one of {', '.join(DEPTHS)}, got {depth!r}")
    if depth in ("neuron", "layer") and model is None:
        raise ValueError(f"depth {depth!r} needs model=: the Module whose {depth}s are meant")
    return Picture(graph_of(root, model, depth, rankdir), format)


class Picture:
    """A picture that shows itself in a notebook, rendered by ``dot``, else by pygraphviz, else (SVG only) by `svg`.

    Every output is made from `graph` when it is asked for, so what is added to that is in all of them:

    >>> from microgrannd import Value, draw
    >>> from microgrannd.drawing.diagram import Arrow, Box
    >>> picture = draw(2 * Value(3.0, "x"))
    >>> picture.graph.boxes.append(Box("leaf", ("a note",)))
    >>> picture.graph.arrows.append(Arrow(source=3, target=0))
    >>> print(picture.text())
    ·   data 6   grad 0
    ├─ 2
    └─ x   data 3   grad 0
       └─ a note

    Attributes:
        graph: boxes, arrows, frames, title and legend, as plain data.
        format: of files, by default.
    """

    def __init__(self, graph: Graph, format: str = "svg") -> None:  # noqa: A002
        if format not in graphviz.FORMATS:
            raise ValueError(f"format needs to be one that Graphviz writes, as svg, png or pdf, got {format!r}")
        self.graph, self.format = graph, format

    def digraph(self) -> graphviz.Digraph:
        """Return a new `graphviz.Digraph` of the picture, to go on with in graphviz; the picture does not change."""
        return digraph(self.graph, self.format)

    @property
    def source(self) -> str:
        """The picture in DOT, Graphviz's language."""
        return str(self.digraph().source)

    def save(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the DOT source to a file and return its path: see `graphviz.Digraph.save`."""
        return str(self.digraph().save(filename, directory=directory, **options))

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:  # noqa: A002
        """Return the picture as bytes, or as text where an encoding is given: see `graphviz.Digraph.pipe`.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not installed.
        """
        if which("dot"):
            try:
                return self.digraph().pipe(format, encoding=encoding, **{"quiet": True, **options})
            except graphviz.CalledProcessError as error:
                said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
                raise NoGraphviz(f"the program dot failed: {said.strip()}") from None
        data = self._without_dot(format or self.format)
        return data.decode(encoding) if encoding else data

    def render(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the source and the picture to files and return the picture's path: see `graphviz.Digraph.render`.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not installed.
            OSError: a file cannot be written.
        """
        if which("dot"):
            return str(self.digraph().render(filename, directory=directory, **options))
        outfile = options.get("outfile")
        format = options.get("format") or (os.path.splitext(outfile)[1][1:] if outfile else self.format)  # noqa: A001
        data = self._without_dot(format)
        if outfile and filename is None:
            filename = f"{os.path.splitext(outfile)[0]}.gv"
        source = self.save(filename, directory)
        path = os.fspath(outfile) if outfile else f"{source}.{format}"
        with open(path, "wb") as file:
            file.write(data)
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

    def _without_dot(self, format: str) -> bytes:  # noqa: A002
        require_renderer(format)
        if find_spec("pygraphviz"):
            import pygraphviz

            return bytes(pygraphviz.AGraph(string=self.source).draw(format=format, prog="dot"))
        return svg(self.graph).encode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
        makers = {"image/svg+xml": lambda: self.pipe("svg", encoding="utf-8"), "text/plain": self.text}
        wanted = set(makers if include is None else include) - set(exclude or ())
        return {kind: make() for kind, make in makers.items() if kind in wanted}


#: micrograd's name.
draw_dot = draw


def require_renderer(format: str) -> None:  # noqa: A002
    """Require that this machine can make a picture of a format.

    Raises:
        NoGraphviz: it cannot.
    """
    if format != "svg" and not which("dot") and not find_spec("pygraphviz"):
        raise NoGraphviz(
            f"{format} needs Graphviz: install its program dot (say, apt install graphviz), or pip install pygraphviz; "
            "svg needs neither"
        )
