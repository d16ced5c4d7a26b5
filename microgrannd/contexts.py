"""Switches: recording off in one context, the cyclic garbage collector off in the process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: One entry for every active `no_grad`, in whatever thread: while it is empty, operations need ask no further.
PAUSED: list[None] = []

_paused_here = ContextVar("microgrannd_paused", default=False)
paused_here = _paused_here.get

_gc_lock = threading.Lock()
_gc_pauses = 0
_gc_was_enabled = False


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside: results are leaves. Holds for this thread or task only; also a decorator.

    >>> from microgrannd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    0.0
    """
    token = _paused_here.set(True)
    PAUSED.append(None)
    try:
        yield
    finally:
        PAUSED.pop()
        _paused_here.reset(token)


@contextmanager
def paused_gc() -> Iterator[None]:
    """Keep the cyclic garbage collector off inside; also a decorator.

    Graphs are freed by reference counting, so it has nothing to do but walk them. The switch is the process's:
    it is counted, and the collector is on again (if it was) when the last block in any thread is left.
    """
    global _gc_pauses, _gc_was_enabled
    with _gc_lock:
        if not _gc_pauses:
            _gc_was_enabled = gc.isenabled()
            gc.disable()
        _gc_pauses += 1
    try:
        yield
    finally:
        with _gc_lock:
            _gc_pauses -= 1
            if not _gc_pauses and _gc_was_enabled:
                gc.enable()
