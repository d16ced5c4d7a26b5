"""Pictures that are wider than a page are wrapped."""

from __future__ import annotations

from itertools import pairwise
from math import hypot, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd import Value, draw
from microgrannd.drawing.arrange import arranged
from microgrannd.drawing.bands import MOST_LINES, wrapped
from microgrannd.drawing.diagram import Arrow, Box, Graph
from microgrannd.drawing.geometry import Geometry, Rect, Route


def chain(length: int) -> Graph:
    """A chain of boxes as wide as a page takes five or so."""
    boxes = [Box("operation", (f"box {i}", "data 0.123456789012")) for i in range(length)]
    return Graph(boxes, [Arrow(i, i + 1, "1") for i in range(length - 1)])


def row(length: int, lines: int = 1, curved: bool = False) -> Geometry:
    """A geometry of boxes side by side, and so many lines from each to the next."""
    boxes = [Rect(150.0 * i, 0.0, 150.0 * i + 100, 80.0) for i in range(length)]
    routes = []
    for one, other in pairwise(boxes):
        for line in range(lines):
            y = 10.0 * line + 5
            points = [(one.x1, y), (one.x1 + 15, y + 3), (other.x0 - 15, y - 3), (other.x0, y)]
            routes.append(Route(points, curved))
    return Geometry(boxes[-1].x1, 80.0, boxes, [], routes)


def crossings(routes: list[Route]) -> int:
    """Count the points in which lines of horizontal and vertical pieces cross."""
    pieces = [
        (number, p, q) for number, route in enumerate(routes) for p, q in pairwise(route.flat()) if hypot(*p) < inf
    ]
    level = [(n, *sorted((p[0], q[0])), p[1]) for n, p, q in pieces if abs(p[1] - q[1]) < 1e-9]
    upright = [(n, *sorted((p[1], q[1])), p[0]) for n, p, q in pieces if abs(p[0] - q[0]) < 1e-9]
    return sum(
        one != other and left < x < right and low < y < high
        for one, left, right, y in level
        for other, low, high, x in upright
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 14), st.integers(1, MOST_LINES), st.booleans(), st.floats(500, 1500))
def test_all_is_there_within_the_width_and_apart(length: int, lines: int, curved: bool, width: float) -> None:
    whole = row(length, lines, curved)
    bands = wrapped(whole, width)
    assert bands.width <= width
    assert len(bands.boxes) == length
    assert len(bands.routes) == len(whole.routes)
    for rect, before in zip(bands.boxes, whole.boxes, strict=True):
        assert (rect.x1 - rect.x0, rect.y1 - rect.y0) == pytest.approx((before.x1 - before.x0, before.y1 - before.y0))
        assert 0 <= rect.x0 <= rect.x1 <= bands.width
        assert 0 <= rect.y0 <= rect.y1 <= bands.height + 1e-9
    assert not any(one.overlaps(other, 20) for i, one in enumerate(bands.boxes) for other in bands.boxes[:i])
    for route, before in zip(bands.routes, whole.routes, strict=True):
        for end in (0, -1):  # each line begins and ends at its boxes, where it did
            (x, y), (a, b) = route.points[end], before.points[end]
            box = next(i for i, rect in enumerate(whole.boxes) if a in (rect.x0, rect.x1))
            moved, kept = bands.boxes[box], whole.boxes[box]
            assert (x - moved.x0, y - moved.y0) == pytest.approx((a - kept.x0, b - kept.y0), abs=1e-6)
        for p, q in pairwise(route.flat()):
            inner = [rect for rect in bands.boxes if rect.meets(p, q, -1)]
            assert not inner
    assert crossings(bands.routes) == 0


def test_what_fits_or_cannot_be_cut_stays_as_it_is() -> None:
    assert wrapped(fits := row(4), 1000) is fits
    assert wrapped(many := row(9, MOST_LINES + 1), 1000) is many
    wide = Geometry(2000.0, 80.0, [Rect(0.0, 0.0, 2000.0, 80.0)], [], [])
    assert wrapped(wide, 1000) is wide
    loop = Route([(650.0, 40.0), (130.0, 40.0), (100.0, 40.0)])  # from the fifth box to the first
    tied = wrapped(Geometry(**{**vars(row(9)), "routes": [*row(9).routes, loop]}), 800)
    assert tied.bands == 2
    assert tied.boxes[4].y0 == tied.boxes[0].y0 < tied.boxes[5].y0
    assert wrapped(Geometry(**{**vars(row(9)), "routes": [Route([(1200.0, 40.0), (100.0, 40.0)])]}), 1000).bands == 1
    framed = Geometry(**{**vars(row(9)), "frames": [Rect(-5.0, -5.0, 1400.0, 90.0)]})
    assert wrapped(framed, 1000) is framed


def test_a_long_chain_is_wrapped_from_left_to_right_only() -> None:
    graph = chain(12)
    across = arranged(graph)
    assert across.width <= 976
    assert across.height > 120
    tops = [rect.y0 for rect in across.boxes]
    assert tops == sorted(tops)  # in the order of reading
    graph.rankdir = "TB"
    assert arranged(graph).width < 250


def test_a_line_of_a_wrapped_picture_is_the_same_in_dot() -> None:
    x = Value(0.5, "x")
    y = x
    for _ in range(12):
        y = (y * 1.2345678).tanh()
    y.backward()
    picture = draw(y, depth="scalar", layout="own")
    geometry = picture.geometry()
    assert geometry.width <= 976
    x0, y0 = ((low + high) / 2 for low, high in zip(geometry.boxes[-1][:2], geometry.boxes[-1][2:], strict=True))
    assert f'pos="{x0:.1f},{geometry.height - y0:.1f}"' in picture.source
