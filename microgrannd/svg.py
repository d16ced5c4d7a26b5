"""A graph of boxes as SVG, by the layout of this library."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from .layout import Edge, layered

FONT, LINE, PAD, MARGIN = 12, 16, 8, 12

#: Between two edges of one pair of boxes, as in x · x.
ASIDE = 10


def svg(boxes: Sequence[Any], edges: Sequence[Edge], fills: Mapping[str, str], title: str, rankdir: str) -> str:
    """Draw boxes and the arrows between them.

    Args:
        boxes: each with ``lines`` of text and a ``kind``.
        edges: pairs of box numbers; together without a cycle.
        fills: a colour for each kind.
        title: shown above, if there is one.
        rankdir: LR or TB, the direction of the arrows.
    """
    turned = rankdir == "TB"
    sizes = [(max(map(_width, box.lines)) + 2 * PAD, LINE * len(box.lines) + PAD) for box in boxes]
    places = layered([(h, w) if turned else (w, h) for w, h in sizes], edges)
    top = MARGIN + (LINE + PAD if title else 0)

    def point(place: tuple[float, float]) -> tuple[float, float]:
        x, y = reversed(place) if turned else place
        return x + MARGIN, y + top

    width, height = point((places.length, places.width))
    width = max(width, _width(title) + MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + MARGIN:.0f}" height="{height + MARGIN:.0f}" '
        f'viewBox="0 0 {width + MARGIN:.0f} {height + MARGIN:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="{FONT}">',
        '<defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,1 L8,4 L0,7 z" fill="#555555"/></marker></defs>',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    if title:
        parts.append(f'<text x="{MARGIN}" y="{MARGIN + FONT}">{escape(title)}</text>')
    seen: Counter[Edge] = Counter()
    for (source, target), route in zip(edges, places.routes, strict=True):
        ends = (sizes[source][turned] / 2, sizes[target][turned] / 2)
        seen[source, target] += 1
        aside = (1 - seen[source, target]) * ASIDE
        route = [(along, across + aside) for along, across in route]
        parts.append(
            f'<path class="edge" d="{_curve(route, ends, point)}" fill="none" stroke="#555555" marker-end="url(#arrow)"/>'
        )
    for box, (w, h), center in zip(boxes, sizes, places.centers, strict=True):
        x, y = point(center)
        parts.append(
            f'<g class="node"><rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="5" fill="{fills[box.kind]}" stroke="#555555"/>'
        )
        for i, line in enumerate(box.lines):
            baseline = y - h / 2 + PAD / 2 + LINE * (i + 0.75)
            parts.append(f'<text x="{x:.1f}" y="{baseline:.1f}" text-anchor="middle">{escape(line)}</text>')
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _width(text: str) -> float:
    """A text's width in pixels, on the generous side: fonts differ."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text) * FONT


def _curve(route: Any, ends: tuple[float, float], point: Any) -> str:
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
