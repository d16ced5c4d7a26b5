"""A graph as SVG, by where everything is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from math import dist

from .diagram import ANGULAR, FILLS, FRAME, NEUTRAL, Arrow, Box, Graph, Key
from .geometry import Geometry, Rect, Route, explained
from .labels import label_points
from .layout import Point
from .sizes import FONT, LINE, MARGIN, PAD, SMALL, text_width
from .theme import GROUND, TEXT, style

#: The length of a piece of line in the legend, and the space between its parts.
KEY, KEY_GAP = 24, 18


#: How far before a bend a line begins to turn.
BEND = 14.0


def svg(graph: Graph, geometry: Geometry) -> str:
    """Draw frames, arrows, then boxes; the title and the legend above them."""
    keys = explained(graph, geometry)
    heading = list(_heading(graph.title, keys))
    top = LINE * (bool(graph.title) + bool(keys)) + PAD * bool(heading)
    width = max([geometry.width, text_width(graph.title), _legend_width(keys)]) + 2 * MARGIN
    height = geometry.height + top + 2 * MARGIN
    labels = label_points(graph, geometry)
    order = sorted(range(len(graph.arrows)), key=lambda number: -graph.arrows[number].width)  # thin ones hide less
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="microgrannd" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN - top} {width:.0f} {height:.0f}" font-family="Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif" '
        f'font-size="{FONT}" role="img" aria-label="{escape(drawn_words(graph))}">',
        f"<style>{style()}</style>",
        f"<defs>{''.join(_heads(graph))}</defs>",
        f'<rect x="{-MARGIN}" y="{-MARGIN - top}" width="100%" height="100%" fill="{GROUND}"/>',
        f'<g fill="{TEXT}">',
        *(f'<g transform="translate(0 {LINE - MARGIN - top + 4})">{line}</g>' for line in heading),
        *(_frame(number, graph, rect) for number, rect in enumerate(geometry.frames)),
        *(_arrow(number, graph.arrows[number], geometry.routes[number], labels[number]) for number in order),
        *(_box(number, box, geometry.boxes[number]) for number, box in enumerate(graph.boxes)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def drawn_words(graph: Graph) -> str:
    """Return what the picture shows, in words: for those who do not see it."""
    sources = {arrow.source for arrow in graph.arrows}
    results = [", ".join(box.lines) for number, box in enumerate(graph.boxes) if number not in sources]
    lines = [f"A graph of {len(graph.boxes):,} boxes and {len(graph.arrows):,} arrows", *results[:3]]
    return ": ".join([*([graph.title] if graph.title else []), *lines])


def _heads(graph: Graph) -> Iterator[str]:
    """Write the arrowheads, one for each colour."""
    for colour in sorted({arrow.colour for arrow in graph.arrows} | {NEUTRAL}):
        yield (
            f'<marker id="arrow{colour[1:]}" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="12" refX="10" '
            f'refY="6" orient="auto-start-reverse"><path d="M0,1 L11,6 L0,11 z" fill="{colour}"/></marker>'
        )


def _heading(title: str, keys: Iterable[Key]) -> Iterator[str]:
    """Write the title; and the legend, pieces of line and what they mean, in one line."""
    if title:
        yield f'<text class="title">{escape(title)}</text>'
    parts, x, y = [], 0.0, LINE * bool(title)
    for key in keys:
        if key.colour:
            dashes = _dashes(key.dashed)
            parts.append(f'<path d="M{x:.0f},{y - 4} h{KEY}" stroke="{key.colour}" stroke-width="3"{dashes}/>')
            x += KEY + PAD
        parts.append(f'<text class="legend" x="{x:.0f}" y="{y}">{escape(key.text)}</text>')
        x += text_width(key.text) + KEY_GAP
    if parts:
        yield "".join(parts)


def _legend_width(keys: Iterable[Key]) -> float:
    return sum(text_width(key.text) + KEY_GAP + (KEY + PAD) * bool(key.colour) for key in keys)


def _frame(number: int, graph: Graph, rect: Rect) -> str:
    """Write a frame, with its name at the top."""
    x, y = rect.x0, rect.y0
    return (
        f'<g class="cluster" data-number="{number}"><rect x="{x:.1f}" y="{y:.1f}" width="{rect.x1 - x:.1f}" '
        f'height="{rect.y1 - y:.1f}" rx="{PAD}" fill="none" stroke="{FRAME}"/>'
        f'<text x="{x + PAD:.1f}" y="{y + LINE:.1f}" fill="{NEUTRAL}">{escape(graph.frames[number].name)}</text></g>'
    )


def _arrow(number: int, arrow: Arrow, route: Route, label: Point | None) -> str:
    """Write an arrow; its label, for which there may be no room, is in its hint too."""
    end = {"source": "start", "target": "end"}.get(arrow.head)
    head = f' marker-{end}="url(#arrow{arrow.colour[1:]})"' if end else ""
    halo = f'stroke="{GROUND}" stroke-width="3" paint-order="stroke"'
    text = (
        f'<text x="{label[0]:.1f}" y="{label[1] + SMALL * 0.35:.1f}" font-size="{SMALL}" text-anchor="middle" {halo}>'
        f"{escape(arrow.label)}</text>"
        if label
        else ""
    )
    return (
        f'<g class="edge" data-number="{number}" data-source="{arrow.source}" data-target="{arrow.target}"><title>{escape(arrow.hint)}</title><path d="{_path(route)}" fill="none" '
        f'stroke="{arrow.colour}" stroke-width="{arrow.width:g}"{_dashes(arrow.dashed)}{head}/>{text}</g>'
    )


def _box(number: int, box: Box, rect: Rect) -> str:
    """Write a box."""
    hint = f"<title>{escape(box.hint)}</title>" if box.hint else ""
    corner = 0 if box.kind in ANGULAR else 5
    lines = (
        f'<text x="{(rect.x0 + rect.x1) / 2:.1f}" y="{rect.y0 + PAD / 2 + LINE * (i + 0.75):.1f}" text-anchor="middle">'
        f"{escape(line)}</text>"
        for i, line in enumerate(box.lines)
    )
    return (
        f'<g class="node" data-number="{number}">{hint}<rect x="{rect.x0:.1f}" y="{rect.y0:.1f}" '
        f'width="{rect.x1 - rect.x0:.1f}" height="{rect.y1 - rect.y0:.1f}" rx="{corner}" fill="{FILLS[box.kind]}" '
        f'stroke="{NEUTRAL}"/>{"".join(lines)}</g>'
    )


def _dashes(dashed: bool) -> str:
    return ' stroke-dasharray="5 4"' if dashed else ""


def _path(route: Route) -> str:
    """Write a line; where it bends, it is round."""
    points = route.points
    if route.curved:
        return f"M{_at(points[0])} C" + " ".join(map(_at, points[1:]))
    path = [f"M{_at(points[0])}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        path.append(f"L{_at(_towards(at, before))} Q{_at(at)} {_at(_towards(at, after))}")
    return " ".join([*path, f"L{_at(points[-1])}"])


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _towards(point: Point, other: Point) -> Point:
    """Return the point before a bend in the direction of another, or half of the way there."""
    length = dist(point, other)
    share = min(BEND / length, 0.5) if length else 0.0
    return point[0] + (other[0] - point[0]) * share, point[1] + (other[1] - point[1]) * share
