"""Arranges a graph by the layout of this library: columns of boxes, straight lines between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from .bands import wrapped
from .diagram import Graph
from .frames import framed
from .geometry import Geometry, Occupied, Rect, Route
from .layout import Point
from .sizes import LINE, PAD, SMALL, box_size, text_width

#: Between neighbours in a column, and between columns, besides the room for labels: less, where a picture fits only so.
GAP, COLUMN_GAPS = 8.0, (28.0, 13.0)


#: The width in which a picture fits on most screens, and the size from which less room between columns does not help.
WIDTH, FAR = 976.0, 1200.0


#: Between the ends of lines at one side of a box, at the most; and from its corner.
PORT_GAP, CORNER = 15.0, 7.0


#: How far a line from a box to itself leads away from it.
LOOP = 18.0


#: How near a line may come to a box that is not its own.
NEAR = 5.0


def arranged(graph: Graph, wrap: bool = True) -> Geometry:
    """Return where everything is; a picture from left to right that is wider than a page is wrapped, or is not to be."""
    geometry, *_ = widths = [_arranged(graph, COLUMN_GAPS[0])]
    if WIDTH < geometry.width < FAR and geometry.height < FAR:
        widths.append(_arranged(graph, COLUMN_GAPS[1]))
    if wrap and graph.rankdir == "LR" and widths[-1].width > WIDTH:
        return wrapped(geometry, WIDTH)
    return widths[-1] if widths[-1].width <= WIDTH else geometry


def _arranged(graph: Graph, column_gap: float) -> Geometry:
    turned = graph.rankdir == "TB"

    def swap(x: float, y: float) -> Point:
        """Convert a size or a point on the page to one along and across the columns, or the reverse."""
        return (y, x) if turned else (x, y)

    sizes = [swap(*box_size(box)) for box in graph.boxes]
    drawn = [arrow for arrow in graph.arrows if arrow.source != arrow.target]
    pairs = [(arrow.source, arrow.target) for arrow in drawn]
    room = [(LINE if turned else text_width(arrow.label, SMALL)) if arrow.label else 0.0 for arrow in drawn]
    frames = [(frame.frame, swap(text_width(frame.name), 0.0)) for frame in graph.frames]
    within = [box.frame for box in graph.boxes]
    layout = framed(sizes, pairs, within, frames, swap(0.0, LINE), PAD, GAP * (1 + turned), column_gap, room)
    boxes = [Rect.around(*center, *size) for center, size in zip(layout.centers, sizes, strict=True)]
    corners = [Rect(*low, *high) for low, high in layout.frames]
    between = iter(_lines(boxes, corners, pairs, layout.routes))
    lines = [next(between) if arrow.source != arrow.target else _loop(boxes[arrow.source]) for arrow in graph.arrows]
    width, height = swap(max([layout.length, *(x for line in lines for x, _ in line)]), layout.width)

    def page(rect: Rect) -> Rect:
        return Rect(*swap(rect.x0, rect.y0), *swap(rect.x1, rect.y1))

    routes = [Route([swap(*point) for point in line]) for line in lines]
    return Geometry(width, height, list(map(page, boxes)), list(map(page, corners)), routes)


def _lines(
    boxes: Sequence[Rect], frames: Sequence[Rect], pairs: Sequence[tuple[int, int]], routes: Sequence[Sequence[Point]]
) -> list[list[Point]]:
    """Return the points of each line: from box to box without a bend where nothing is in between."""
    taken = Occupied([*boxes, *(Rect(frame.x0, frame.y0, frame.x1, frame.y0 + LINE) for frame in frames)])
    lines = []
    for (source, target), ends, route in zip(pairs, _ports(boxes, pairs, routes), routes, strict=True):
        line = [ends[0]]
        for point, following in pairwise([*route[1:-1], ends[1]] if len(route) > 2 else []):
            if not taken.clear(line[-1], following, NEAR, boxes[source], boxes[target]):
                line.append(point)
        direct = taken.clear(*ends, NEAR, boxes[source], boxes[target])
        lines.append([*ends] if direct else [*line, ends[1]])
    return lines


def _loop(box: Rect) -> list[Point]:
    """Return the line from a box to itself, as of steps that follow on one another, in the room after its column."""
    top, bottom, far = box.y0 + CORNER, box.y1 - CORNER, box.x1 + LOOP
    return [(box.x1, top), (far, top), (far, bottom), (box.x1, bottom)]


def _ports(
    boxes: Sequence[Rect], pairs: Sequence[tuple[int, int]], routes: Sequence[Sequence[Point]]
) -> list[tuple[Point, Point]]:
    """Return where each line begins and ends, those at one side of a box in the order of where they lead."""
    sides: defaultdict[tuple[int, bool], list[tuple[float, int, int]]] = defaultdict(list)
    for number, (pair, route) in enumerate(zip(pairs, routes, strict=True)):
        for end, (box, near, far) in enumerate(((pair[0], route[0], route[1]), (pair[1], route[-1], route[-2]))):
            sides[box, far[0] > near[0]].append(
                (route[-1 if end == 0 else 0][1] if len(route) == 2 else far[1], number, end)
            )
    ports: list[list[Point]] = [[(0.0, 0.0), (0.0, 0.0)] for _ in pairs]
    for (box, after), lines in sides.items():
        rect = boxes[box]
        room = max(rect.y1 - rect.y0 - 2 * CORNER, 0.0)
        gap = min(PORT_GAP, room / (len(lines) - 1)) if len(lines) > 1 else 0.0
        first = (rect.y0 + rect.y1 - gap * (len(lines) - 1)) / 2
        for turn, (_, number, end) in enumerate(sorted(lines)):
            ports[number][end] = rect.x1 if after else rect.x0, first + gap * turn
    return [(start, end) for start, end in ports]
