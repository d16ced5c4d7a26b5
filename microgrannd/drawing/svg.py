"""A graph of boxes as SVG, by the layout of this library."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise

from .diagram import ANGULAR, FILLS, FRAME, NEUTRAL, Arrow, Box, Frame, Graph
from .frames import framed
from .layout import Link, Point

Map = Callable[[Point], Point]


Route = Sequence[Point]


FONT, SMALL, LINE, PAD, MARGIN = 12, 10, 16, 8, 12


#: The length of a line in the legend, with the space after it.
KEY = 36


#: Positions of a label on the first piece of its arrow, as parts of its length, the best first.
LABELS = (0.4, 0.55, 0.25, 0.7)


#: The distance between two edges of one pair of boxes, as in x · x.
ASIDE = 10


def svg(graph: Graph) -> str:
    """Draw boxes and the arrows between them, on a white ground."""
    turned = graph.rankdir == "TB"
    sizes = [(max(map(_width, box.lines)) + 2 * PAD, LINE * len(box.lines) + PAD) for box in graph.boxes]
    pairs = [(arrow.source, arrow.target) for arrow in graph.arrows]
    gap = 48 + max((_width(arrow.label) for arrow in graph.arrows), default=0) * SMALL / FONT * (not turned)
    least = [(frame.frame, _along(_width(frame.name), 0.0, turned)) for frame in graph.frames]
    within = [box.frame for box in graph.boxes]
    layout = framed(
        [_along(*size, turned) for size in sizes], pairs, within, least, _along(0.0, LINE, turned), PAD, rank_gap=gap
    )
    head = [text for text in (graph.title, *(key.text for key in graph.legend)) if text]
    top = MARGIN + LINE * len(head) + PAD * bool(head)

    def point(at: Point) -> Point:
        x, y = _along(*at, turned)
        return x + MARGIN, y + top

    width, height = point((layout.length, layout.width))
    width = max([width, *(_width(text) + KEY + 2 * MARGIN for text in head)])
    parts = [*_opening(width + MARGIN, height + MARGIN, graph.arrows), *_heading(graph)]
    for frame, corners in zip(graph.frames, layout.frames, strict=True):
        parts += _frame(frame, *map(point, corners))
    seen: Counter[Link] = Counter()
    labels = _Labels()
    drawn = zip(range(len(pairs)), graph.arrows, pairs, layout.routes, strict=True)
    for number, arrow, pair, route in sorted(drawn, key=lambda item: -item[1].width):  # thin ones hide less
        ends = (sizes[arrow.source][turned] / 2, sizes[arrow.target][turned] / 2)
        seen[pair] += 1
        aside = (1 - seen[pair]) * ASIDE
        parts += _arrow(number, arrow, [(along, across + aside) for along, across in route], ends, point, labels)
    for number, (box, size, center) in enumerate(zip(graph.boxes, sizes, layout.centers, strict=True)):
        parts += _box(number, box, size, point(center))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _opening(width: float, height: float, arrows: Sequence[Arrow]) -> list[str]:
    heads = [
        f'<marker id="arrow{colour[1:]}" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="12" refX="9" refY="6" '
        f'orient="auto"><path d="M0,1 L11,6 L0,11 z" fill="{colour}"/></marker>'
        for colour in sorted({arrow.colour for arrow in arrows} | {NEUTRAL})
    ]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="{FONT}">',
        f"<defs>{''.join(heads)}</defs>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]


def _heading(graph: Graph) -> Iterator[str]:
    """Write the title, and the legend: a piece of line and its meaning."""
    y = MARGIN + FONT - LINE
    if graph.title:
        y += LINE
        yield f'<text class="title" x="{MARGIN}" y="{y}">{escape(graph.title)}</text>'
    for key in graph.legend:
        y += LINE
        yield f'<path d="M{MARGIN},{y - 4} h{KEY - PAD}" stroke="{key.colour}" stroke-width="3"{_dashes(key.dashed)}/>'
        yield f'<text class="legend" x="{MARGIN + KEY}" y="{y}">{escape(key.text)}</text>'


class _Labels:
    """The positions of labels, none of them over another."""

    def __init__(self) -> None:
        self.taken: defaultdict[int, list[Point]] = defaultdict(list)  # by line of the page: start and end

    def put(self, text: str, tries: Iterable[Point]) -> Point | None:
        """Return the first position that is free for a label, by its middle, and take it; None if none is free."""
        half = _width(text) * SMALL / FONT / 2
        for x, y in tries:
            lines = {int(y // SMALL), int(y // SMALL) + 1}
            if all(x + half < start or end < x - half for line in lines for start, end in self.taken[line]):
                for line in lines:
                    self.taken[line].append((x - half, x + half))
                return x, y
        return None


def _arrow(number: int, arrow: Arrow, route: Route, ends: Point, point: Map, labels: _Labels) -> Iterator[str]:
    style = f'stroke="{arrow.colour}" stroke-width="{arrow.width:g}"{_dashes(arrow.dashed)}'
    yield f'<g class="edge" data-number="{number}"><title>{escape(arrow.hint)}</title>'
    yield f'<path d="{_curve(route, ends, point)}" fill="none" {style} marker-end="url(#arrow{arrow.colour[1:]})"/>'
    along, across = route[0][0] + ends[0], route[0][1]
    length, rise = route[1][0] - (ends[1] if len(route) == 2 else 0) - along, route[1][1] - across
    # On the cubic that `_curve` draws there
    tries = (point((along + (1.5 * t * (1 - t) + t**3) * length, across + (3 - 2 * t) * t * t * rise)) for t in LABELS)
    if arrow.label and (middle := labels.put(arrow.label, tries)):  # else it is in the hint
        x, y = middle
        halo = 'stroke="white" stroke-width="3" paint-order="stroke"'
        yield f'<text x="{x:.1f}" y="{y - 3:.1f}" font-size="{SMALL}" text-anchor="middle" {halo}>{escape(arrow.label)}</text>'
    yield "</g>"


def _frame(frame: Frame, low: Point, high: Point) -> Iterator[str]:
    """Write a frame, with its name at the top."""
    (x, y), (right, bottom) = low, high
    yield (
        f'<g class="cluster"><rect x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{bottom - y:.1f}" rx="{PAD}" '
        f'fill="none" stroke="{FRAME}"/>'
    )
    yield f'<text x="{x + PAD:.1f}" y="{y + LINE:.1f}" fill="{NEUTRAL}">{escape(frame.name)}</text></g>'


def _along(width: float, height: float, turned: bool) -> Point:
    """Convert a size on the page to one along and across the layout, or the reverse."""
    return (height, width) if turned else (width, height)


def _box(number: int, box: Box, size: Point, center: Point) -> Iterator[str]:
    (w, h), (x, y) = size, center
    corner = 0 if box.kind in ANGULAR else 5
    yield (
        f'<g class="node" data-number="{number}">{f"<title>{escape(box.hint)}</title>" if box.hint else ""}<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{corner}" '
        f'fill="{FILLS[box.kind]}" stroke="{NEUTRAL}"/>'
    )
    for i, line in enumerate(box.lines):
        baseline = y - h / 2 + PAD / 2 + LINE * (i + 0.75)
        yield f'<text x="{x:.1f}" y="{baseline:.1f}" text-anchor="middle">{escape(line)}</text>'
    yield "</g>"


def _dashes(dashed: bool) -> str:
    return ' stroke-dasharray="5 4"' if dashed else ""


def _width(text: str) -> float:
    """Estimate a text's width in pixels, on the generous side: fonts differ."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text) * FONT


def _curve(route: Route, ends: Point, point: Map) -> str:
    """Return a smooth path through the points, level where it meets a box."""
    along = [at[0] for at in route]
    along[0] += ends[0]
    along[-1] -= ends[1]
    bends = [(a, at[1]) for a, at in zip(along, route, strict=True)]
    x, y = point(bends[0])
    path = f"M{x:.1f},{y:.1f}"
    for before, after in pairwise(bends):
        middle = (before[0] + after[0]) / 2
        corners = [point(p) for p in ((middle, before[1]), (middle, after[1]), after)]
        path += " C" + " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return path
