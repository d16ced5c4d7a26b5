"""Where everything in a picture is, as plain data, in CSS pixels; svg.py draws it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist, floor
from typing import NamedTuple

from .diagram import Graph, Key
from .layout import Point


def between(p: Point, q: Point, share: float) -> Point:
    """Return the point at a share of the way from one to another."""
    return p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share


class Rect(NamedTuple):
    """A rectangle, by its least and its largest corner."""

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Rect:
        """Return the rectangle of a size around a point."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def overlaps(self, other: Rect, gap: float = 0.0) -> bool:
        """Tell whether two rectangles overlap, or are nearer to each other than a gap."""
        return (
            self.x0 - gap < other.x1 and other.x0 - gap < self.x1
            and self.y0 - gap < other.y1 and other.y0 - gap < self.y1
        )  # fmt: skip

    def meets(self, p: Point, q: Point, gap: float = 0.0) -> bool:
        """Tell whether the straight line between two points passes through, or nearer than a gap."""
        start, end = 0.0, 1.0
        for low, high, a, b in ((self.x0, self.x1, p[0], q[0]), (self.y0, self.y1, p[1], q[1])):
            low, high = low - gap, high + gap
            if a == b:
                if not low < a < high:
                    return False
                continue
            near, far = sorted(((low - a) / (b - a), (high - a) / (b - a)))
            start, end = max(start, near), min(end, far)
        return start < end


class Route(NamedTuple):
    """The line of an arrow: straight from point to point, or else a Bézier curve with two points between each two ends."""

    points: Sequence[Point]
    curved: bool = False

    def flat(self) -> list[Point]:
        """Return points between which the line is as good as straight."""
        if not self.curved:
            return list(self.points)
        points = [self.points[0]]
        for i in range(0, len(self.points) - 3, 3):
            points += [_bezier(self.points[i : i + 4], step / 8) for step in range(1, 9)]
        return points

    def along(self, step: float) -> Iterator[Point]:
        """Yield points on the line, a step apart."""
        left = 0.0
        for p, q in pairwise(self.flat()):
            length = dist(p, q)
            while left < length:
                yield between(p, q, left / length)
                left += step
            left -= length


def _bezier(points: Sequence[Point], t: float) -> Point:
    factors = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3)
    x, y = (sum(f * point[axis] for f, point in zip(factors, points, strict=True)) for axis in (0, 1))
    return x, y


@dataclass(frozen=True)
class Geometry:
    """Where the boxes, frames and arrows of a graph are, in its order; from (0, 0) to the size of the whole.

    Attributes:
        bands: how many rows of columns there are: several where it is wrapped.
    """

    width: float
    height: float
    boxes: list[Rect]
    frames: list[Rect]
    routes: list[Route]
    bands: int = 1


def explained(graph: Graph, geometry: Geometry | None) -> list[Key]:
    """Return the legend, also of how the picture is wrapped: a line from row to row is no loop."""
    return [*graph.legend, *([Key("read row by row")] if geometry and geometry.bands > 1 else [])]


class Occupied:
    """Rectangles that are taken, found by where they are."""

    CELL = 64

    def __init__(self, rects: Iterable[Rect] = ()) -> None:
        self.cells: defaultdict[tuple[int, int], list[Rect]] = defaultdict(list)
        for rect in rects:
            self.add(rect)

    def add(self, rect: Rect) -> None:
        """Take a rectangle."""
        for cell in self._cells(rect):
            self.cells[cell].append(rect)

    def free(self, rect: Rect, gap: float = 0.0) -> bool:
        """Tell whether nothing that is taken overlaps a rectangle."""
        grown = Rect(rect.x0 - gap, rect.y0 - gap, rect.x1 + gap, rect.y1 + gap)
        return not any(grown.overlaps(other) for cell in self._cells(grown) for other in self.cells.get(cell, ()))

    def clear(self, p: Point, q: Point, gap: float, *ends: Rect) -> bool:
        """Tell whether a straight line meets nothing that is taken but its ends."""
        parts = max(1, round(max(abs(q[0] - p[0]), abs(q[1] - p[1])) / self.CELL))
        points = [(p[0] + (q[0] - p[0]) * i / parts, p[1] + (q[1] - p[1]) * i / parts) for i in range(parts + 1)]
        near = (
            Rect(min(a[0], b[0]) - gap, min(a[1], b[1]) - gap, max(a[0], b[0]) + gap, max(a[1], b[1]) + gap)
            for a, b in pairwise(points)
        )
        cells = {cell for part in near for cell in self._cells(part)}
        found = (other for cell in cells for other in self.cells.get(cell, ()))
        return not any(other.meets(p, q, gap) for other in found if other not in ends)

    def _cells(self, rect: Rect) -> Iterator[tuple[int, int]]:
        x0, y0, x1, y1 = (floor(side / self.CELL) for side in rect)
        return ((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))
