"""A layered layout of a directed graph, for machines without Graphviz.

Sugiyama's method: nodes are put in ranks by their longest path to a sink, long edges get a bend in every rank between,
the order within the ranks is improved by barycentre sweeps, and positions are the least squares that keep that order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

Link = tuple[int, int]


Point = tuple[float, float]


#: How often the order is swept, there and back; more changes little.
SWEEPS = 12


#: How far lines are apart where they pass a rank, at least: they are up to 5 wide.
LINES = 6.0


#: Of more edges than this, which are no longer read one by one, the length is not looked at.
MOST_EDGES = 400


@dataclass(frozen=True)
class Layout:
    """Where everything goes, in the units of the sizes given.

    Attributes:
        centers: of the nodes, as (along, across): along grows from rank to rank, towards the sinks.
        routes: for each edge, the points that it passes, from its source's center to its target's; in each rank between
            these, and at a node without a size, one where the boxes of the rank begin and one where they end.
        length, width: of the whole, along and across.
    """

    centers: list[Point]
    routes: list[list[Point]]
    length: float
    width: float


def layered(
    sizes: Sequence[Point],
    edges: Sequence[Link],
    gap: float = 24,
    rank_gap: float = 48,
    first: Collection[int] = (),
    room: Sequence[float] = (),
) -> Layout:
    """Lay a graph out.

    Args:
        sizes: of the nodes, along and across.
        edges: pairs of node numbers, source and target; those that close a cycle run backwards.
        gap: between neighbours in a rank.
        rank_gap: between ranks.
        first: nodes that stand in the first rank; they are not the target of an edge.
        room: for each edge what its label needs after the rank that it comes from, besides the gap; none by default.
    """
    backward = _backward(len(sizes), edges)
    forward = [(edge[::-1] if turned else edge) for edge, turned in zip(edges, backward, strict=True)]
    ranks = _ranks(len(sizes), forward)
    if len(edges) <= MOST_EDGES:
        _shorten(ranks, forward)
    for node in first:
        ranks[node] = 0
    breadths = [across for _, across in sizes]
    paths, links = _bend(ranks, forward, breadths)
    rows = _ordered(ranks, links)
    across = _positions(rows, links, breadths, gap)
    gaps = [rank_gap] * len(rows)
    for (source, _), needed in zip(forward, room, strict=False):
        gaps[ranks[source]] = max(gaps[ranks[source]], rank_gap + needed)
    along, lengths = _lines(rows, sizes, gaps)
    left = min((center - breadth / 2 for center, breadth in zip(across, breadths, strict=True)), default=0)
    points = [(along[rank], center - left) for rank, center in zip(ranks, across, strict=True)]

    def passed(node: int) -> list[Point]:
        (x, y), half = points[node], lengths[ranks[node]] / 2
        box = node < len(sizes) and any(sizes[node])
        return [(x, y)] if box else [(x - half, y), (x + half, y)]

    routes = [[point for node in path for point in passed(node)] for path in paths]
    return Layout(
        centers=points[: len(sizes)],
        routes=[route[::-1] if turned else route for route, turned in zip(routes, backward, strict=True)],
        length=max((along[rank] + size / 2 for rank, (size, _) in zip(ranks, sizes, strict=False)), default=0),
        width=max((center + breadth / 2 for (_, center), breadth in zip(points, breadths, strict=True)), default=0),
    )


def _backward(count: int, edges: Sequence[Link]) -> list[bool]:
    """Return which edges to reverse so that there are no cycles: those that lead back into the path of a search."""
    leaving = defaultdict(list)
    for number, (source, _) in enumerate(edges):
        leaving[source].append(number)
    turned = [False] * len(edges)
    state = [0] * count  # 1 while it is being searched, 2 when it was
    for start in range(count):
        stack = [start] * (not state[start])
        while stack:
            node = stack[-1]
            if state[node]:
                stack.pop()
                state[node] = 2
                continue
            state[node] = 1
            for number in leaving[node]:
                target = edges[number][1]
                turned[number] |= state[target] == 1
                if not state[target]:
                    stack.append(target)
    return turned


def _ranks(count: int, edges: Sequence[Link]) -> list[int]:
    """Return ranks from 0, sinks last: a node stands right before the first of its targets."""
    targets, waiting = defaultdict(list), [0] * count
    sources = defaultdict(list)
    for source, target in edges:
        targets[source].append(target)
        sources[target].append(source)
        waiting[source] += 1
    height = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    for node in ready:
        for source in sources[node]:
            height[source] = max(height[source], height[node] + 1)
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    top = max(height, default=0)
    return [top - h for h in height]


def _shorten(ranks: list[int], edges: Sequence[Link]) -> None:
    """Move nodes to earlier ranks where that makes more edges shorter than longer: those from few to many operands.

    With a node moves what stands right before it.
    """
    sources, targets = defaultdict(list), defaultdict(list)
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    for node in sorted(sources, key=ranks.__getitem__):
        together, waiting = {node}, [node]
        for one in waiting:
            near = {source for source in sources[one] if ranks[source] == ranks[one] - 1} - together
            together |= near
            waiting += near
        gaps = [ranks[one] - ranks[s] - 1 for one in waiting for s in sources[one] if s not in together]
        longer = sum(target not in together for one in waiting for target in targets[one])
        if len(gaps) > longer:
            step = min(*gaps, *(ranks[one] for one in waiting))
            for one in waiting:
                ranks[one] -= step


def _bend(ranks: list[int], edges: Sequence[Link], breadths: list[float]) -> tuple[list[list[int]], list[Link]]:
    """Give every edge a node in each rank between its ends; extend ranks and breadths by these."""
    paths: list[list[int]] = []
    links: list[Link] = []
    for source, target in edges:
        path = [source]
        for rank in range(ranks[source] + 1, ranks[target]):
            path.append(len(ranks))
            ranks.append(rank)
            breadths.append(0.0)
        path.append(target)
        paths.append(path)
        links += pairwise(path)
    return paths, links


def _ordered(ranks: Sequence[int], links: Sequence[Link]) -> list[list[int]]:
    """Return the nodes of each rank in an order with few crossings."""
    before, after = defaultdict(list), defaultdict(list)
    for source, target in links:
        after[source].append(target)
        before[target].append(source)
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    seen: set[int] = set()
    # Depth first from the sinks, so that what belongs together starts together.
    stack = [node for node in reversed(range(len(ranks))) if not after[node]]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            rows[ranks[node]].append(node)
            stack += reversed(before[node])
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(2 * SWEEPS):
        neighbours, order = (before, rows[1:]) if sweep % 2 else (after, rows[-2::-1])
        position = {node: i for row in rows for i, node in enumerate(row)}
        for row in order:
            row.sort(key=lambda n: fmean(position[m] for m in neighbours[n]) if neighbours[n] else position[n])
            position.update((node, i) for i, node in enumerate(row))
        crossings = _crossings(rows, after)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: Sequence[Sequence[int]], after: Mapping[int, Sequence[int]]) -> int:
    """Count the pairs of links that cross: inversions, in a tree of sums."""
    total = 0
    for row, following in pairwise(rows):
        position = {node: i for i, node in enumerate(following)}
        tree = [0] * (len(following) + 1)
        seen = 0
        for node in row:
            ends = sorted(position[target] for target in after[node])
            for end in ends:
                i, until = end + 1, 0
                while i:
                    until += tree[i]
                    i &= i - 1
                total += seen - until
            for end in ends:
                i = end + 1
                while i < len(tree):
                    tree[i] += 1
                    i += i & -i
            seen += len(ends)
    return total


def _positions(
    rows: Sequence[Sequence[int]], links: Sequence[Link], breadths: Sequence[float], gap: float
) -> list[float]:
    """Return the centers across, as near to the mean of the neighbours' as order and breadth allow."""
    neighbours = defaultdict(list)
    for source, target in links:
        neighbours[source].append(target)
        neighbours[target].append(source)
    positions = [0.0] * len(breadths)
    for row in rows:
        _settle(row, [0.0] * len(row), breadths, gap, positions)
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wishes = [
                fmean(positions[m] for m in neighbours[node]) if neighbours[node] else positions[node] for node in row
            ]
            _settle(row, wishes, breadths, gap, positions)
    return positions


def _settle(
    row: Sequence[int], wishes: Sequence[float], breadths: Sequence[float], gap: float, positions: list[float]
) -> None:
    """Put a row as near to its wishes as can be without overlap: pooling of adjacent violators."""
    offset, offsets = 0.0, []
    for i, node in enumerate(row):
        if i:
            breadth = (breadths[row[i - 1]], breadths[node])
            offset += sum(breadth) / 2 + (gap if any(breadth) else max(gap / 3, LINES))
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []  # mean of wish - offset, number of nodes
    for wish, start in zip(wishes, offsets, strict=True):
        mean, count = wish - start, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        blocks.append((mean, count))
    shifts = [mean for mean, count in blocks for _ in range(count)]
    for node, shift, start in zip(row, shifts, offsets, strict=True):
        positions[node] = shift + start


def _lines(
    rows: Sequence[Sequence[int]], sizes: Sequence[Point], gaps: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the center of each rank, along, and its length."""
    lines, lengths, edge = [], [], 0.0
    for row, gap in zip(rows, gaps, strict=True):
        length = max((sizes[node][0] for node in row if node < len(sizes)), default=0.0)
        lines.append(edge + length / 2)
        lengths.append(length)
        edge += length + gap
    return lines, lengths
