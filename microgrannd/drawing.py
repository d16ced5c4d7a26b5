"""draw: the graph of a Value as a picture, on any machine.

What to show is gathered first as plain data (`Graph`); that becomes DOT, text, or, without Graphviz, SVG by layout.py.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from shutil import which
from typing import Any

import graphviz

from .engine import Value
from .graph import topological
from .rules import CONSTANT
from .svg import svg

#: More boxes than this are drawn as their shape: nodes at like depths together.
MOST_BOXES = 2000

#: That many boxes at the most, then.
MOST_BANDS = 24

#: Lines of the text tree.
MOST_LINES = 60

FILLS = {"leaf": "#e3f0fa", "operation": "#ffffff", "constant": "#f2f2f2", "band": "#fdf3dc"}


class NoGraphviz(RuntimeError):
    """A picture that only Graphviz can make, on a machine without it."""


@dataclass(frozen=True)
class Box:
    """A node of the picture: its kind (a key of FILLS) and its lines of text."""

    kind: str
    lines: tuple[str, ...]


@dataclass
class Graph:
    """What is to be shown: boxes, operands before results; pairs of their numbers, operand and result; a title."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    title: str = ""
    rankdir: str = "LR"


def draw(root: Value, format: str = "svg", rankdir: str = "LR") -> Picture:  # noqa: A002
    """Draw the graph that a Value was computed by.

    Each box shows the operation and the label, data and gradient. A graph of more than 2,000 boxes is drawn as its
    shape, with counts.

    Args:
        root: the result.
        format: of files: svg, png, pdf, ... Other than SVG needs Graphviz (the program ``dot``, or pygraphviz, the
            extra ``dot``).
        rankdir: LR from left to right, TB from top to bottom.

    Returns:
        A `graphviz.Digraph` that shows itself in a notebook; ``.render(path)`` and ``.pipe()`` give files and bytes.

    Raises:
        TypeError: root is no Value.
        ValueError: an unknown format or rankdir.
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw needs a Value, got {type(root).__name__}")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir is LR or TB, got {rankdir!r}")
    return Picture(graph=graph_of(root, rankdir), format=format)


def graph_of(root: Value, rankdir: str = "LR") -> Graph:
    """The plain data of the picture."""
    order = topological(root)
    numbers = sum(type(operand) is float for node in order for operand in node._operands)
    if len(order) + numbers > MOST_BOXES:
        return _shape(order, rankdir)
    graph = Graph(rankdir=rankdir)
    place: dict[Value, int] = {}
    for node in order:
        sources = []
        for operand in node._operands:
            if type(operand) is float:
                graph.boxes.append(Box("constant", (f"{operand:.4g}",)))
                sources.append(len(graph.boxes) - 1)
            else:
                sources.append(place[operand])
        place[node] = len(graph.boxes)
        graph.boxes.append(_box(node))
        graph.edges += [(source, place[node]) for source in sources]
    return graph


def _box(node: Value) -> Box:
    if node._rule is CONSTANT:
        return Box("constant", (f"{node.data:.4g}",))
    head = "  ".join(text for text in (node._op, visible(node.label)) if text)
    lines = (f"data {node.data:.4g}", f"grad {node.grad:.4g}")
    return Box("operation" if node._op else "leaf", (head, *lines) if head else lines)


def _shape(order: list[Value], rankdir: str) -> Graph:
    """Nodes at like depths as one box each."""
    depth = order[-1]._depth
    bands = min(depth + 1, MOST_BANDS)
    members: list[Counter[str]] = [Counter() for _ in range(bands)]
    edges: set[tuple[int, int]] = set()

    def band(node: Value) -> int:
        return node._depth * bands // (depth + 1)

    for node in order:
        members[band(node)][node._op or "leaf"] += 1
        edges |= {(band(operand), band(node)) for operand in node._operands if type(operand) is not float}
    boxes = [
        Box("band", (f"{sum(kinds.values()):,} nodes", *(f"{count:,} {kind}" for kind, count in kinds.most_common(4))))
        for kinds in members
    ]
    title = f"{len(order):,} nodes are too many to draw: each box stands for all of about one depth"
    return Graph(boxes, sorted(edge for edge in edges if edge[0] < edge[1]), title, rankdir)


def visible(text: str, most: int = 40) -> str:
    """A label as it can be shown anywhere: on one line, of a readable length, without control characters."""
    shown = "".join(c if c.isprintable() else "↵" if c == "\n" else "�" for c in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A Digraph that is rendered by ``dot``, else by pygraphviz, else (SVG only) by the layout of this library."""

    def __init__(self, *arguments: Any, graph: Graph | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.graph = graph
        if graph and not self.body:
            self._write(graph)

    def _write(self, graph: Graph) -> None:
        self.attr(
            rankdir=graph.rankdir, bgcolor="white", fontname="Helvetica", label=_escaped([graph.title]), labelloc="t"
        )
        self.attr(
            "node",
            shape="box",
            style="filled,rounded",
            fontname="Helvetica",
            fontsize="12",
            color="#555555",
            width="0.3",
            height="0.3",
        )
        self.attr("edge", color="#555555", arrowsize="0.7")
        for number, box in enumerate(graph.boxes):
            self.node(str(number), _escaped(box.lines), fillcolor=FILLS[box.kind])
        for source, target in graph.edges:
            self.edge(str(source), str(target))

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
        return svg(graph.boxes, graph.edges, FILLS, graph.title, graph.rankdir).encode()

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


def _escaped(lines: Any) -> str:
    """Lines of a label in DOT: nothing in them is markup, an entity or an escape."""
    return str(graphviz.nohtml("\\n".join(graphviz.escape(line.replace("&", "&amp;")) for line in lines)))


def _tree(graph: Graph) -> Iterator[str]:
    operands: list[list[int]] = [[] for _ in graph.boxes]
    for source, target in graph.edges:
        operands[target].append(source)
    if graph.title:
        yield graph.title
    shown: set[int] = set()
    stack = [("", "", len(graph.boxes) - 1)] if graph.boxes else []
    while stack:
        indent, branch, number = stack.pop()
        again = number in shown and operands[number]
        yield indent + branch + "   ".join(graph.boxes[number].lines) + ("   (see above)" if again else "")
        if again:
            continue
        shown.add(number)
        below = indent + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for last, operand in enumerate(reversed(operands[number])):
            stack.append((below, "├─ " if last else "└─ ", operand))
