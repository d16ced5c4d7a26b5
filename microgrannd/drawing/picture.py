"""draw: the graph of a Value as a picture, on any machine.

What to show is plain data (build.py); here it becomes DOT, text, or, without Graphviz, SVG (svg.py).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import islice
from shutil import which
from typing import Any

import graphviz

from ..engine.value import Value
from ..nn.module import Module
from .boxes import DEPTHS
from .build import graph_of
from .diagram import NEUTRAL, Graph
from .dot import MANY_ARROWS, _enclose, _escaped, _title
from .svg import svg
from .tree import _tree

#: Lines of the text tree.
MOST_LINES = 60


class NoGraphviz(RuntimeError):
    """A picture that only Graphviz can make, on a machine without it."""


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
        model: whose parameters are to be told from other leaves, and whose neurons and layers are framed.
        depth: ``"scalar"`` draws every node; ``"neuron"`` puts the nodes of each neuron (of the innermost modules of
            the model) together in one box, ``"layer"`` those of each layer (of the modules around these); ``"auto"``
            takes the first of these that needs no more than about 150 boxes. What is outside of the model is put
            together too where it is much. More than 2,000 boxes are drawn as the graph's shape, with counts.
        format: of files: svg, png, pdf, ... Other than SVG needs Graphviz (the program ``dot``, or pygraphviz, the
            extra ``dot``).
        rankdir: LR from left to right, TB from top to bottom.

    Returns:
        A `graphviz.Digraph` that shows itself in a notebook; ``.render(path)`` and ``.pipe()`` give files and bytes.

    Raises:
        TypeError: root is no Value, or model no Module.
        ValueError: an unknown depth, format or rankdir; a depth that needs a model, without one.
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw needs a Value, got {type(root).__name__}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"draw needs a Module as model, got {type(model).__name__}")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir is LR or TB, got {rankdir!r}")
    if depth not in DEPTHS:
        raise ValueError(f"depth is one of {', '.join(DEPTHS)}; got {depth!r}")
    if depth in ("neuron", "layer") and model is None:
        raise ValueError(f"depth {depth!r} needs model=: the Module whose {depth}s are meant")
    return Picture(graph=graph_of(root, model, depth, rankdir), format=format)


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A Digraph that is rendered by ``dot``, else by pygraphviz, else (SVG only) by the layout of this library."""

    def __init__(self, *arguments: Any, graph: Graph | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.graph = graph
        if graph and not self.body:
            self._write(graph)

    def _write(self, graph: Graph) -> None:
        self.attr(rankdir=graph.rankdir, bgcolor="white", fontname="Helvetica", label=_title(graph), labelloc="t")
        self.attr(labeljust="l")
        self.attr(nslimit="1")  # else dot takes 30 s for a hundred nodes with one operand in common
        size = {"width": "0.3", "height": "0.3"}
        self.attr("node", shape="box", fontname="Helvetica", fontsize="12", color=NEUTRAL, **size)
        self.attr("edge", arrowsize="0.7", fontname="Helvetica", fontsize="10", fontcolor="#222222")
        _enclose(self, graph, None)
        label = "label"
        if graph.frames and len(graph.arrows) > MANY_ARROWS:
            label = "xlabel"
            self.attr(ranksep="0.9")
        for arrow in graph.arrows:
            hint = _escaped([arrow.hint])
            self.edge(
                str(arrow.source), str(arrow.target), tooltip=hint, labeltooltip=hint, **{label: _escaped([arrow.label])},
                color=arrow.colour, penwidth=f"{arrow.width:g}", style="dashed" if arrow.dashed else "solid",
            )  # fmt: skip

    def _copy_kwargs(self, **options: Any) -> Any:
        return {**super()._copy_kwargs(**options), "graph": self.graph}

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:  # noqa: A002
        """The picture as bytes, or as text where an encoding is given: see `graphviz.Digraph.pipe`.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not there.
        """
        if which(self.engine):
            try:
                return super().pipe(format, encoding=encoding, **{"quiet": True, **options})
            except graphviz.CalledProcessError as error:
                said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
                raise NoGraphviz(f"the program {self.engine} failed: {said.strip()}") from None
        data = self._without_dot(format or self.format)
        return data.decode(encoding) if encoding else data

    def render(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write the source and the picture to files and return the picture's path: see `graphviz.Digraph.render`.

        Raises:
            NoGraphviz: the format needs Graphviz, which is not there.
            OSError: a file cannot be written.
        """
        if which(self.engine):
            return str(super().render(filename, directory=directory, **options))
        outfile = options.get("outfile")
        format = options.get("format") or (os.path.splitext(outfile)[1][1:] if outfile else self.format)  # noqa: A001
        data = self._without_dot(format)
        if outfile and filename is None:
            filename = f"{os.path.splitext(outfile)[0]}.gv"
        source = self.save(filename, directory=directory)
        path = os.fspath(outfile) if outfile else f"{source}.{format}"
        with open(path, "wb") as file:
            file.write(data)
        if options.get("cleanup"):
            os.remove(source)
        if options.get("view"):
            self._view(path, format=format, quiet=options.get("quiet_view", False))
        return path

    def _without_dot(self, format: str) -> bytes:  # noqa: A002
        require_renderer(format)
        if find_spec("pygraphviz"):
            import pygraphviz

            return bytes(pygraphviz.AGraph(string=self.source).draw(format=format, prog=self.engine))
        graph = self.graph or Graph()
        return svg(graph).encode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> Any:
        wanted = {self._jupyter_mimetype, "text/plain"} if include is None else set(include)
        bundle = super()._repr_mimebundle_(include=wanted, exclude=exclude, **options)
        if "text/plain" in wanted - set(exclude or ()):
            bundle["text/plain"] = self.text()
        return bundle

    def text(self) -> str:
        """The graph as a tree of text: results above their operands; what was shown before is not shown again."""
        lines = list(islice(_tree(self.graph or Graph()), MOST_LINES + 1))
        if len(lines) > MOST_LINES:
            lines[-1] = "..."
        return "\n".join(lines)


#: micrograd's name.
draw_dot = draw


def require_renderer(format: str) -> None:  # noqa: A002
    """Make sure that this machine can make a picture of a format.

    Raises:
        NoGraphviz: it cannot.
    """
    if format != "svg" and not which("dot") and not find_spec("pygraphviz"):
        raise NoGraphviz(
            f"{format} needs Graphviz: install its program dot (say, apt install graphviz), or pip install pygraphviz; "
            "svg needs neither"
        )
