"""Finds room for the labels of arrows: near the operand, on no box, no other label, and no other line."""

from __future__ import annotations

from collections import defaultdict
from math import dist

from .diagram import Graph
from .geometry import Geometry, Occupied, Rect
from .layout import Point
from .sizes import LINE, SMALL, text_width

#: The size of an arrowhead, where no label may be.
HEAD = 12.0


#: With more arrows than this, labels could not be told apart.
MOST_LABELS = 400


#: How many positions are tried, from the operand on.
TRIES = 40


#: How far positions that are tried are apart; how near the line of another arrow may come.
STEP, NEAR = 6.0, 7.0


#: How far labels beside each other are apart, at least: 0 and −0.39 do not read as 0 − 0.39.
APART = 5.0


def label_points(graph: Graph, geometry: Geometry) -> list[Point | None]:
    """Return the middle of each arrow's label; None where it has none, or there is no room for it."""
    if len(graph.arrows) > MOST_LABELS:
        return [None] * len(graph.arrows)
    taken = Occupied([*geometry.boxes, *(Rect(f.x0, f.y0, f.x1, f.y0 + LINE) for f in geometry.frames)])
    lines = [list(route.along(STEP)) for route in geometry.routes]
    for line in lines:
        taken.add(Rect.around(*line[1 if len(line) > 1 else 0], HEAD, HEAD))
    others: defaultdict[tuple[int, int], list[tuple[int, Point]]] = defaultdict(list)
    for number, line in enumerate(lines):
        for x, y in line:
            others[int(x // NEAR), int(y // NEAR)].append((number, (x, y)))

    def alone(number: int, at: Point) -> bool:
        x, y = int(at[0] // NEAR), int(at[1] // NEAR)
        near = (one for i in (x - 1, x, x + 1) for j in (y - 1, y, y + 1) for one in others.get((i, j), ()))
        return all(other == number or dist(at, point) >= NEAR for other, point in near)

    points: list[Point | None] = [None] * len(lines)
    for number in sorted(range(len(lines)), key=lambda number: -graph.arrows[number].width):
        label = graph.arrows[number].label
        width = text_width(label, SMALL)
        for at in lines[number][:TRIES] if label else ():
            rect = Rect.around(*at, width, SMALL + 2)
            if taken.free(rect, 1.0) and alone(number, at):
                taken.add(Rect.around(*at, width + 2 * APART, SMALL + 2))
                points[number] = at
                break
    return points
