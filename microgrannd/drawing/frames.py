"""A layered layout of boxes in frames: each frame is laid out by itself, and is then a box in the frame around it.

An edge that enters a frame passes a port in its first rank, one that leaves it a port in its last, so that it runs
between the boxes there too; in a frame without edges of its own, whose boxes stand in one column, it needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .layout import Layout, Point, layered

#: What is laid out: a box, a frame, or the port by which an edge comes in or goes out; with its number.
Item = tuple[str, int]


#: A port has no size.
PORT = (0.0, 0.0)


@dataclass(frozen=True)
class Framed(Layout):
    """A layout with frames.

    Attributes:
        frames: of each the least and the largest corner, as (along, across).
    """

    frames: list[tuple[Point, Point]]


@dataclass
class _Content:
    """What is in a frame: items with their sizes, and parts of edges between them, by the edge."""

    sizes: dict[Item, Point] = field(default_factory=dict)
    parts: dict[int, tuple[Item, Item]] = field(default_factory=dict)
    size: Point = (0.0, 0.0)
    low: Point = (0.0, 0.0)
    high: Point = (0.0, 0.0)
    centers: dict[Item, Point] = field(default_factory=dict)
    routes: dict[int, list[Point]] = field(default_factory=dict)

    def lay_out(self, gap: float, rank_gap: float, room: Sequence[float]) -> None:
        """Compute the centers, the routes and the size of the whole; what has no edges stands in one column, in order."""
        self.sizes = dict(sorted(self.sizes.items()))
        number = {item: i for i, item in enumerate(self.sizes)}
        pairs = [(number[source], number[target]) for source, target in self.parts.values()]
        first = [i for (kind, _), i in number.items() if kind == "in"]
        layout = layered(list(self.sizes.values()), pairs, gap, rank_gap, first, [room[edge] for edge in self.parts])
        self.centers = dict(zip(self.sizes, layout.centers, strict=True))
        self.routes = dict(zip(self.parts, layout.routes, strict=True))
        self.size = layout.length, layout.width

    def corners(self, *item: Any) -> tuple[Point, Point]:
        """Return the least and the largest corner of an item."""
        (x, y), (length, width) = self.centers[item], self.sizes[item]
        return (x - length / 2, y - width / 2), (x + length / 2, y + width / 2)

    def move(self, low: Point, high: Point, head: Point, pad: float) -> None:
        """Move all contents to where the frame is."""
        self.low, self.high = low, high
        x, y = low[0] + head[0] + pad, low[1] + head[1] + pad
        self.centers = {item: (x + along, y + across) for item, (along, across) in self.centers.items()}
        self.routes = {
            edge: [(x + along, y + across) for along, across in route] for edge, route in self.routes.items()
        }


def framed(
    sizes: Sequence[Point],
    edges: Sequence[tuple[int, int]],
    within: Sequence[int | None],
    frames: Sequence[tuple[int | None, Point]],
    head: Point,
    pad: float,
    gap: float = 24,
    rank_gap: float = 48,
    room: Sequence[float] = (),
) -> Framed:
    """Lay a graph out; each frame is a rectangle around what is in it, and around nothing else.

    Args:
        sizes: of the boxes, along and across.
        edges: pairs of box numbers.
        within: for each box the number of the frame around it, or None.
        frames: for each the number of the frame around it or None, and its least size; outer ones come first.
        head: room for the name of a frame, along and across, before what is in it.
        pad: other room between a frame and what is in it.
        gap: see `layered`.
        rank_gap: see `layered`.
        room: see `layered`.
    """
    room = room or [0.0] * len(edges)
    around = [outer for outer, _ in frames]
    contents: dict[int | None, _Content] = {frame: _Content() for frame in (None, *range(len(frames)))}
    for box, frame in enumerate(within):
        contents[frame].sizes["box", box] = sizes[box]
    paths = [_path(number, *edge, within, around) for number, edge in enumerate(edges)]
    joined = {frame for path in paths for frame, source, target in path if "in" not in source and "out" not in target}
    paths = [[part for part in path if part[0] in joined] for path in paths]
    for number, path in enumerate(paths):
        for frame, source, target in path:
            contents[frame].parts[number] = source, target
            contents[frame].sizes.update((end, PORT) for end in (source, target) if end[0] in ("in", "out"))
    for number in reversed(range(len(frames))):  # inner ones first: they are boxes in the outer ones
        content, least = contents[number], frames[number][1]
        content.lay_out(gap, rank_gap, room)
        along, across = (max(content.size[i] + head[i], least[i]) + 2 * pad for i in (0, 1))
        contents[around[number]].sizes["frame", number] = along, across
    contents[None].lay_out(gap, rank_gap, room)
    for number, outer in enumerate(around):
        contents[number].move(*contents[outer].corners("frame", number), head, pad)
    centers = [contents[frame].centers["box", box] for box, frame in enumerate(within)]
    return Framed(
        centers=centers,
        routes=[
            [centers[edge[0]], *(point for part in path for point in _route(number, *part, contents)), centers[edge[1]]]
            for number, (edge, path) in enumerate(zip(edges, paths, strict=True))
        ],
        length=contents[None].size[0],
        width=contents[None].size[1],
        frames=[(contents[number].low, contents[number].high) for number in range(len(frames))],
    )


def _path(
    number: int, source: int, target: int, within: Sequence[int | None], around: Sequence[int | None]
) -> list[tuple[int | None, Item, Item]]:
    """Return the parts of an edge: out of the frames around its source, and into those around its target."""
    out, into = _outward(within[source], around), _outward(within[target], around)
    common = next(frame for frame in out if frame in into)
    path = []
    here: Item = ("box", source)
    for frame in out[: out.index(common)]:
        path.append((frame, here, ("out", number)))
        here = ("frame", cast(int, frame))
    there: Item = ("box", target)
    inward = []
    for frame in into[: into.index(common)]:
        inward.append((frame, ("in", number), there))
        there = ("frame", cast(int, frame))
    return [*path, (common, here, there), *reversed(inward)]


def _outward(frame: int | None, around: Sequence[int | None]) -> list[int | None]:
    """Return a frame and all those around it, at last None for the picture."""
    frames = [frame]
    while frames[-1] is not None:
        frames.append(around[frames[-1]])
    return frames


def _route(
    number: int, frame: int | None, source: Item, target: Item, contents: dict[int | None, _Content]
) -> Iterator[Point]:
    """Yield the points of a part of an edge between its ends; where it enters or leaves a frame, one on the frame."""
    content = contents[frame]
    points = content.routes[number]
    if source[0] == "in":
        yield content.low[0], points[0][1]
    yield from points[source[0] != "in" : len(points) - (target[0] != "out")]
    if target[0] == "out":
        yield content.high[0], points[-1][1]
