"""A diagram as a tree of text."""

from __future__ import annotations

from collections.abc import Iterator

from .diagram import Graph


def tree(graph: Graph) -> Iterator[str]:
    """Yield the lines: below each box its operands, which are shown where they are reached first.

    A tree begins at each box that is not an operand, and, in a cycle without such a box, at the last one not yet shown.
    """
    operands: list[list[int]] = [[] for _ in graph.boxes]
    for arrow in graph.arrows:
        operands[arrow.target].append(arrow.source)
    if graph.title:
        yield graph.title
    used = {arrow.source for arrow in graph.arrows}
    results = [number for number in range(len(graph.boxes)) if number not in used]
    shown: set[int] = set()
    for start in [*results, *reversed(range(len(graph.boxes)))]:
        stack = [("", "", start)] * (start not in shown)
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
