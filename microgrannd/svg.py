"""A graph of boxes as SVG, by the layout of this library."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import pairwise

from .flow import ANGULAR, FILLS, NEUTRAL, Arrow, Box, Graph
from .layout import Edge, layered

Point = Callable[[tuple[float, float]], tuple[float, float]]
Route = Sequence[tuple[float, float]]

FONT, SMALL, LINE, PAD, MARGIN = 12, 10, 16, 8, 12

#: The length of a line in the legend, with the space after it.
KEY = 36

#: Between two edges of one pair of boxes, as in x · x.
ASIDE = 10


def svg(graph: Graph) -> str:
    """Draw boxes and the arrows between them, on a white ground."""
    turned = graph.rankdir == "TB"
    sizes = [(max(map(_width, box.lines)) + 2 * PAD, LINE * len(box.lines) + PAD) for box in graph.boxes]
    pairs = [(arrow.source, arrow.target) for arrow in graph.arrows]
    gap = 48 + max((_width(arrow.label) for arrow in graph.arrows), default=0) * SMALL / FONT * (not turned)
    places = layered([(h, w) if turned else (w, h) for w, h in sizes], pairs, rank_gap=gap)
    head = [text for text in (graph.title, *(key.text for key in graph.legend)) if text]
    top = MARGIN + LINE * len(head) + PAD * bool(head)

    def point(place: tuple[float, float]) -> tuple[float, float]:
        x, y = reversed(place) if turned else place
        return x + MARGIN, y + top

    width, height = point((places.length, places.width))
    width = max([width, *(_width(text) + KEY + 2 * MARGIN for text in head)])
    parts = [*_opening(width + MARGIN, height + MARGIN, graph.arrows), *_heading(graph)]
    seen: Counter[Edge] = Counter()
    drawn = zip(graph.arrows, pairs, places.routes, strict=True)
    for arrow, pair, route in sorted(drawn, key=lambda way: -way[0].width):  # thin ones hide less
        ends = (sizes[arrow.source][turned] / 2, sizes[arrow.target][turned] / 2)
        seen[pair] += 1
        aside = (1 - seen[pair]) * ASIDE
        parts += _arrow(arrow, [(along, across + aside) for along, across in route], ends, point)
    for box, size, center in zip(graph.boxes, sizes, places.centers, strict=True):
        parts += _box(box, size, point(center))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _opening(width: float, height: float, arrows: Sequence[Arrow]) -> list[str]:
    heads = [
        f'<marker id="arrow{colour[1:]}" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="12" refX="9" refY="6" '
        f'orient="auto"><path d="M0,1 L11,6 L0,11 z" fill="{colour}"/></marker>'
        for colour in sorted({arrow.colour for arrow in arrows})
    ]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="{FONT}">',
        f"<defs>{''.join(heads)}</defs>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]


def _heading(graph: Graph) -> Iterator[str]:
    """The title, and the legend: a piece of line and its meaning."""
    y = MARGIN + FONT - LINE
    if graph.title:
        y += LINE
        yield f'<text class="title" x="{MARGIN}" y="{y}">{escape(graph.title)}</text>'
    for key in graph.legend:
        y += LINE
        yield f'<path d="M{MARGIN},{y - 4} h{KEY - PAD}" stroke="{key.colour}" stroke-width="3"{_dashes(key.dashed)}/>'
        yield f'<text class="legend" x="{MARGIN + KEY}" y="{y}">{escape(key.text)}</text>'


def _arrow(arrow: Arrow, route: Route, ends: tuple[float, float], point: Point) -> Iterator[str]:
    style = f'stroke="{arrow.colour}" stroke-width="{arrow.width:g}"{_dashes(arrow.dashed)}'
    yield f'<g class="edge"><title>{escape(arrow.hint)}</title>'
    yield f'<path d="{_curve(route, ends, point)}" fill="none" {style} marker-end="url(#arrow{arrow.colour[1:]})"/>'
    if arrow.label:
        start, end = route[0][0] + ends[0], route[1][0] - (ends[1] if len(route) == 2 else 0)
        x, y = point((start + 0.4 * (end - start), route[0][1] + 0.28 * (route[1][1] - route[0][1])))
        halo = 'stroke="white" stroke-width="3" paint-order="stroke"'
        yield f'<text x="{x:.1f}" y="{y - 3:.1f}" font-size="{SMALL}" text-anchor="middle" {halo}>{escape(arrow.label)}</text>'
    yield "</g>"


def _box(box: Box, size: tuple[float, float], center: tuple[float, float]) -> Iterator[str]:
    (w, h), (x, y) = size, center
    corner = 0 if box.kind in ANGULAR else 5
    yield (
        f'<g class="node"><rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{corner}" '
        f'fill="{FILLS[box.kind]}" stroke="{NEUTRAL}"/>'
    )
    for i, line in enumerate(box.lines):
        baseline = y - h / 2 + PAD / 2 + LINE * (i + 0.75)
        yield f'<text x="{x:.1f}" y="{baseline:.1f}" text-anchor="middle">{escape(line)}</text>'
    yield "</g>"


def _dashes(dashed: bool) -> str:
    return ' stroke-dasharray="5 4"' if dashed else ""


def _width(text: str) -> float:
    """A text's width in pixels, on the generous side: fonts differ."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text) * FONT


def _curve(route: Route, ends: tuple[float, float], point: Point) -> str:
    """A smooth path through the points, level where it meets a box."""
    along = [place[0] for place in route]
    along[0] += ends[0]
    along[-1] -= ends[1]
    places = [(a, place[1]) for a, place in zip(along, route, strict=True)]
    x, y = point(places[0])
    path = f"M{x:.1f},{y:.1f}"
    for before, after in pairwise(places):
        middle = (before[0] + after[0]) / 2
        corners = [point(p) for p in ((middle, before[1]), (middle, after[1]), after)]
        path += " C" + " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return path
