"""A diagram as a tree of text."""

from __future__ import annotations

from collections.abc import Iterator

from .diagram import Graph


def _tree(graph: Graph) -> Iterator[str]:
    operands: list[list[int]] = [[] for _ in graph.boxes]
    for arrow in graph.arrows:
        operands[arrow.target].append(arrow.source)
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
