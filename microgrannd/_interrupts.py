"""Ctrl-C only at moments when nothing is half done."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Interrupts:
    """A block in which Ctrl-C has to wait for `run`, whose function it may end at any moment.

    What the program has set to handle SIGINT is called then; by default it raises KeyboardInterrupt. One that is held back
    to the end is only noted, as `pending`; a handler of the program's own is called then. Other threads get no signals,
    and there is nothing to hold back where the signal is ignored.
    """

    def __init__(self) -> None:
        self._handler: Callable[[int, FrameType | None], Any] | None = None
        self._open = self._pending = False
        self._raised: BaseException | None = None

    def __enter__(self) -> Self:
        handler = signal.getsignal(signal.SIGINT) if current_thread() is main_thread() else None
        if callable(handler):
            try:
                signal.signal(signal.SIGINT, self._receive)
            except ValueError:  # in the main thread of a sub-interpreter, which gets no signals
                return self
            self._handler = handler
        return self

    @property
    def pending(self) -> bool:
        """Whether one is held back."""
        return self._pending

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._pending and self._handler is not signal.default_int_handler:
                self._handler(signal.SIGINT, None)

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function, which Ctrl-C may end; if one was held back, it is not begun."""
        try:
            self._open = True
            if self._pending:
                self._receive(signal.SIGINT, None)
            result = function(*arguments)
        except SystemError:  # what becomes of it in the midst of numba's own code
            if self._raised is None:
                raise
        except BaseException:
            self._raised = None  # to keep an error is to keep all that its frames hold
            raise
        finally:
            self._open = False
        if self._raised is not None:  # and was dropped: in a callback, of the garbage collector say, Python does that
            error, self._raised = self._raised, None
            raise error
        return result

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._pending = not self._open
        if self._open and self._handler is not None:
            self._open = False  # the next one waits, while what this one ended is put in order
            try:
                self._handler(number, frame)
            except BaseException as error:
                self._raised = error.with_traceback(None)
                raise
            self._open = True


@contextmanager
def held_back() -> Iterator[None]:
    """A block that Ctrl-C ends only after its end, whatever becomes of it."""
    interrupts = Interrupts()
    try:
        with interrupts:
            yield
    finally:
        if interrupts.pending and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            raise KeyboardInterrupt  # a handler of another kind was called already
