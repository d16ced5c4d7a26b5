"""How the benchmarks measure: peers in turn, in one run, medians, ratios."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context


@dataclass
class Row:
    """A line of the table: how many times as fast (or as small) as the peer, and the figure to reach."""

    work: str
    peer: str
    ratio: float
    least: float
    detail: str = ""

    def __str__(self) -> str:
        verdict = "ok" if self.ratio >= self.least else "short"
        return f"| {self.work} | {self.peer} | {self.ratio:.2f} × | {self.least:g} × | {verdict} | {self.detail} |"


HEADER = "| work | against | measured | at least | | |\n|---|---|---|---|---|---|"


def seconds(work: Callable[[], Callable[[], object]], repeat: int) -> list[float]:
    """The times of a work that has been set up, in seconds."""
    sys.setrecursionlimit(100_000)  # the peers recurse
    run = work()
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def medians(*works: Callable[[], Callable[[], object]], repeat: int = 7) -> list[float]:
    """The median time of each work, the works taking turns.

    Each has a process of its own: the cyclic collector walks all that a process holds, a peer's garbage too.

    Args:
        *works: functions of a module, or `functools.partial` of one, that set up and return what is to be timed.
        repeat: how often each runs, half of the times in a first turn.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(2):
        for work, taken in zip(works, times, strict=True):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                taken += process.submit(seconds, work, -(-repeat // 2)).result()
    return [statistics.median(taken) for taken in times]
