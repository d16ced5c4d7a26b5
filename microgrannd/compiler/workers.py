"""Blocks of rows on the workers of an executor: a program travels to each once, the parameters with each shard."""

from __future__ import annotations

import os
import pickle
import signal
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from secrets import token_hex
from threading import Lock, Thread
from typing import Any, NamedTuple

from .._text import described
from ..rules.ieee import ERRORS

#: Rows in a block. Gradients are added up within blocks and then block by block, so the bits do not depend on the workers.
BLOCK = 64


#: Blocks in a shard, at most: the gradients of each block come back, as many numbers as there are parameters.
MOST_BLOCKS = 16


#: Shards sent ahead to each worker: one that it computes, and the next.
AHEAD = 2


#: Programs, with their rows, that a worker keeps.
KEPT = 4


_kept: dict[str, Any] = {}  # in a worker's process: the programs that it received, by key


_kept_lock = Lock()


_machine = token_hex(8)  # a process that was forked has another number


class Shard(NamedTuple):
    """Neighbouring rows of a batch, some whole blocks of them.

    Attributes:
        first: the number of the first one in the batch.
        rows: they themselves; or their indices in the table, if the workers keep one.
    """

    first: int
    rows: Any


class Workers:
    """Runs a program on the workers of any executor.

    Args:
        program: a `Program`; a copy of it travels to a worker when that says that it has none.
        table: rows that go with it; what is computed is then given by indices in this table.

    Raises:
        PicklingError: the program has an operation that cannot be found by its name.
    """

    def __init__(self, program: Any, table: Sequence[Any] | None = None) -> None:
        self.key, self.parcel = token_hex(16), pickle.dumps((program, table))
        self.seen: set[str] = set()  # who answered in this call
        self.before = 0

    def sums(self, executor: Executor, rows: Any, numbers: Sequence[float]) -> Iterator[tuple[float, Any]]:
        """Yield the sums over each block of rows, the blocks in order, whichever worker computes them.

        Args:
            executor: whose workers are to compute.
            rows: checked rows of the program, or indices in the table.
            numbers: the parameters' data.

        Raises:
            BrokenExecutor: a shard was lost; the message names its rows.
            ValueError, ArithmeticError: as a row raises it.
        """
        data = array("d", numbers).tobytes()
        known, self.before, self.seen = bool(self.seen), len(self.seen), set()
        waiting: deque[tuple[Shard, Future[Any]]] = deque()
        try:
            for shard in self._shards(rows):
                waiting.append((shard, self._sent(executor, shard, data, parcel=not (known or self.seen))))
                if len(waiting) >= self._ahead:
                    yield from self._answered(executor, *waiting[0], data)
                    waiting.popleft()
            while waiting:
                yield from self._answered(executor, *waiting[0], data)
                waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()

    @property
    def _ahead(self) -> int:
        return AHEAD * max(1, self.before, len(self.seen))

    def _shards(self, rows: Any) -> Iterator[Shard]:
        """Divide the rows into as many shards as are sent ahead; into more, if these would be too large."""
        blocks = -(-len(rows) // BLOCK)
        size = BLOCK * min(MOST_BLOCKS, -(-blocks // self._ahead))
        for first in range(0, len(rows), size):
            yield Shard(first, rows[first : first + size])

    def _sent(self, executor: Executor, shard: Shard, data: bytes, parcel: bool) -> Future[Any]:
        with _named(shard):  # bytes: some executors inspect anything else number by number
            return executor.submit(_compute, self.key, self.parcel if parcel else None, pickle.dumps((shard, data)))

    def _answered(self, executor: Executor, shard: Shard, future: Future[Any], data: bytes) -> list[Any]:
        """Return the sums of a shard; a worker without the program is sent it."""
        while True:
            with _named(shard):
                worker, answer = future.result()
            self.seen.add(worker)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                sums: list[Any] = answer
                return sums
            future = self._sent(executor, shard, data, parcel=True)


@contextmanager
def _named(shard: Shard) -> Iterator[None]:
    """Name the shard in the error that lost it."""
    try:
        yield
    except Exception as error:
        rows = f"rows {shard.first} to {shard.first + len(shard.rows) - 1}"
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise BrokenExecutor(f"{rows} were lost, no gradient was changed ({reason})") from error


def _compute(key: str, parcel: bytes | None, message: bytes) -> tuple[str, Any]:
    """Compute the sums of a shard's blocks in a worker; return its name, and them or a row's error, or None if it has no program."""
    worker = f"{_machine} {os.getpid()}"
    if parcel is not None:
        with _kept_lock:
            if key not in _kept:
                _kept[key] = pickle.loads(parcel)
            while len(_kept) > KEPT:
                del _kept[next(iter(_kept))]
    program, table = _kept.get(key, (None, None))
    if program is None:
        return worker, None
    (first, rows), data = pickle.loads(message)
    numbers = array("d", data).tolist()
    try:
        return worker, list(program.sums(first, rows if table is None else [table[index] for index in rows], numbers))
    except ERRORS as error:
        return worker, error


def require_executor(executor: Any) -> None:
    """Require an executor.

    Raises:
        TypeError: it cannot.
    """
    if not isinstance(executor, Executor):
        raise TypeError(f"executor needs to be an Executor as those of concurrent.futures, got {described(executor)}")


def processes(count: int) -> ProcessPoolExecutor:
    """Return an executor of so many processes, which end with this one, however it ends, and leave Ctrl-C to it."""
    return ProcessPoolExecutor(count, get_context("spawn"), _attend)


def _attend() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # this is a worker
    parent.join()
    os._exit(1)
