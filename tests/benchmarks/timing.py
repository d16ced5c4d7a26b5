"""How the benchmarks measure: peers in turn, in one run, medians, ratios."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Any

#: Sets up, and returns what is to be run.
Work = Callable[[], Callable[[], Any]]


@dataclass
class Row:
    """A line of the table: how many times as fast (or as small) as the peer, and the figure to reach, if there is one."""

    work: str
    peer: str
    ratio: float
    least: float
    detail: str = ""

    def __str__(self) -> str:
        aim, verdict = (f"{self.least:g} ×", "ok" if self.ratio >= self.least else "short") if self.least else ("", "")
        return f"| {self.work} | {self.peer} | {self.ratio:.2f} × | {aim} | {verdict} | {self.detail} |"


def installed(module: str, name: str) -> bool:
    """Whether a peer is there; says so if it is not."""
    installed = find_spec(module) is not None
    if not installed:
        print(f"{name} is not installed: its rows are left out", file=sys.stderr)
    return installed


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a module returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def outcome(work: Work, runs: int) -> Any:
    """What the last of some runs of a work returns."""
    sys.setrecursionlimit(100_000)  # the peers recurse
    run = work()
    return [run() for _ in range(runs)][-1]


def seconds(work: Work, repeat: int) -> list[float]:
    """The times of a work that has been set up, in seconds."""
    sys.setrecursionlimit(100_000)
    run = work()
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def medians(*works: Work, repeat: int = 7, turns: int = 2) -> list[float]:
    """The median time of each work, the works taking turns.

    Each has a process of its own: the cyclic collector walks all that a process holds, a peer's garbage too.

    Args:
        *works: functions of a module, or `functools.partial` of one, that set up and return what is to be timed.
        repeat: how often each runs, in all its turns together.
        turns: how often each has its turn.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(turns):
        for work, taken in zip(works, times, strict=True):
            taken += apart(seconds, work, -(-repeat // turns))
    return [statistics.median(taken) for taken in times]
