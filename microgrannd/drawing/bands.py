"""Wraps a picture that is wider than a page: bands of columns, one below the other, as lines of text.

A line that leads from a band to the next leaves it at the right, runs back between the two, and comes in at the left, so
that lines keep their order and cross no more than before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple

from .geometry import Geometry, Rect, Route
from .layout import Point

#: How far lines that lead to the next band are apart, and from what is in the bands.
LANE, SPACE = 11.0, 12.0


#: Lines between two bands, at most: more are not told apart. A band more is worth as much as so many lines.
MOST_LINES, WORTH = 6, 3


class Crossing(NamedTuple):
    """Where a line crosses a cut: at which height; which line, at which of its points."""

    height: float
    line: int
    point: int


def wrapped(geometry: Geometry, width: float) -> Geometry:
    """Return a picture in bands that are not wider than that; as it is if it fits, or where it cannot be cut."""
    if geometry.width <= width:
        return geometry
    lines = [route.flat() for route in geometry.routes]
    cuts = _chosen(_gaps([*geometry.boxes, *geometry.frames], lines), geometry.width, width)
    return _Bands(geometry, lines, cuts).geometry() if cuts else geometry


def _gaps(rects: Sequence[Rect], lines: Sequence[Sequence[Point]]) -> list[tuple[float, int]]:
    """Return where the picture can be cut, between rectangles, and how many lines cross there; none leads back."""
    sides = sorted((rect.x0, rect.x1) for rect in rects)
    ends = accumulate((end for _, end in sides), max)
    places = [(end + start) / 2 for end, (start, _) in zip(ends, sides[1:], strict=False) if start > end]
    crossed: Counter[int] = Counter()
    back: set[int] = set()  # a line back that leads from row to row could not be told from one that leads on
    for line in lines:
        for p, q in pairwise(line):
            before, after = bisect_right(places, p[0]), bisect_right(places, q[0])
            crossed.update(range(before, after))
            back.update(range(after, before))
    gaps = [(at, crossed[number]) for number, at in enumerate(places) if number not in back]
    return [(at, count) for at, count in gaps if count <= MOST_LINES]


def _chosen(gaps: Sequence[tuple[float, int]], whole: float, width: float) -> list[float]:
    """Return where to cut: few bands, few lines between them, and bands of about one length; nothing if none will do."""
    stops = [(0.0, 0), *gaps, (whole, 0)]
    best: list[tuple[float, int]] = [(0.0, 0)]  # the cost as far as each stop, and which stop is before it
    for number, (at, crossed) in enumerate(stops[1:], 1):
        costs = [(inf, 0)]
        for before in reversed(range(number)):
            length = at - stops[before][0]
            if length > width:
                break
            if length + _sides(stops[before][1], crossed) <= width:
                costs.append((best[before][0] + crossed + WORTH + (length / width) ** 2, before))
        best.append(min(costs))
    cuts, number = [], len(stops) - 1
    while best[-1][0] < inf and (number := best[number][1]):
        cuts.append(stops[number][0])
    return cuts[::-1]


def _sides(before: int, after: int) -> float:
    """Return the room at both sides of a band for so many lines that come in and go out."""
    return (SPACE + LANE * before) * bool(before) + LANE * after


class _Bands:
    """A picture in bands.

    Args:
        geometry: of the picture in one.
        lines: of its arrows, as points.
        cuts: from left to right.
    """

    def __init__(self, geometry: Geometry, lines: Sequence[Sequence[Point]], cuts: Sequence[float]) -> None:
        self.whole, self.cuts = geometry, [0.0, *cuts]
        crossings: list[list[Crossing]] = [[] for _ in self.cuts]
        self.lines: list[list[tuple[int, Point]]] = []  # the points with their bands
        for number, line in enumerate(lines):
            points: list[tuple[int, Point]] = []
            for point in line:
                band = self.band(point[0])
                for cut in range(points[-1][0] + 1, band + 1) if points else ():
                    height = _height(points[-1][1], point, self.cuts[cut])
                    crossings[cut].append(Crossing(height, number, len(points)))
                    points += [(cut - 1, (self.cuts[cut], height)), (cut, (self.cuts[cut], height))]
                points.append((band, point))
            self.lines.append(points)
        self.turns = {(line, at): turn for known in crossings for turn, (_, line, at) in enumerate(sorted(known))}
        self.counts = [len(known) for known in crossings]
        self.lefts = [_sides(count, 0) for count in self.counts]
        self.tops, self.shifts, self.height = self.rows()

    def band(self, x: float) -> int:
        """Return the band of a place."""
        return bisect_right(self.cuts, x, 1) - 1

    def rows(self) -> tuple[list[float], list[float], float]:
        """Return where each band begins, how far down its contents move, and where the last one ends."""
        heights: defaultdict[int, list[float]] = defaultdict(list)
        for rect in (*self.whole.boxes, *self.whole.frames):
            heights[self.band((rect.x0 + rect.x1) / 2)] += [rect.y0, rect.y1]
        for line in self.lines:
            for band, (_, y) in line:
                heights[band].append(y)
        tops, shifts, top = [], [], 0.0
        for band in range(len(self.cuts)):
            top += (2 * SPACE + LANE * (self.counts[band] - 1)) * bool(band)
            tops.append(top)
            shifts.append(top - min(heights[band]))
            top += max(heights[band]) - min(heights[band])
        return tops, shifts, top

    def moved(self, band: int, point: Point) -> Point:
        """Return where a point of a band goes."""
        return point[0] - self.cuts[band] + self.lefts[band], point[1] + self.shifts[band]

    def rect(self, rect: Rect) -> Rect:
        """Return where a rectangle goes."""
        band = self.band((rect.x0 + rect.x1) / 2)
        return Rect(*self.moved(band, rect[:2]), *self.moved(band, rect[2:]))

    def route(self, number: int) -> Route:
        """Return where a line goes."""
        line, route = self.lines[number], self.whole.routes[number]
        if len({band for band, _ in line}) < 2:
            return route._replace(points=[self.moved(line[0][0], point) for point in route.points])
        points: list[Point] = []
        for at, (band, point) in enumerate(line):
            points.append(self.moved(band, point))
            if (turn := self.turns.get((number, at))) is not None:
                points += self.turned(band + 1, turn, point[1])
        return Route(points)

    def turned(self, cut: int, turn: int, height: float) -> list[Point]:
        """Return the corners of a line that leads around a cut; the first of these lines is the outermost at the right."""
        count, after = self.counts[cut], self.tops[cut] - SPACE
        right = self.cuts[cut] - self.cuts[cut - 1] + self.lefts[cut - 1] + LANE * (count - turn)
        left, lane = self.lefts[cut] - LANE * (turn + 1), after - LANE * turn
        return [
            (right, height + self.shifts[cut - 1]), (right, lane), (left, lane), (left, height + self.shifts[cut]),
        ]  # fmt: skip

    def geometry(self) -> Geometry:
        """Return where everything goes."""
        routes = [self.route(number) for number in range(len(self.lines))]
        boxes, frames = list(map(self.rect, self.whole.boxes)), list(map(self.rect, self.whole.frames))
        width = max([*(rect.x1 for rect in boxes + frames), *(x for route in routes for x, _ in route.points)])
        return replace(
            self.whole,
            width=width,
            height=self.height,
            boxes=boxes,
            frames=frames,
            routes=routes,
            bands=len(self.cuts),
        )


def _height(p: Point, q: Point, x: float) -> float:
    """Return the height at which a line between two points crosses a place."""
    return p[1] + (q[1] - p[1]) * (x - p[0]) / (q[0] - p[0])
