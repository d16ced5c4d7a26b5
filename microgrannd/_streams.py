"""Standard output and standard error, which may be closed or full: that does not stop a command before its work is done."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from ._text import printable


class Output:
    """Standard output; if it fails, the error is raised at the end of the command."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether it is a terminal."""
        return sys.stdout is not None and sys.stdout.isatty()

    def say(self, *lines: str) -> None:
        """Print lines about what was done, made safe for a terminal; a line end within one is escaped too."""
        if self.failure is None and sys.stdout is not None:
            try:
                print("\n".join(map(printable, lines)), flush=True)
            except (OSError, ValueError) as error:
                self.failure = error

    def give(self, text: str) -> None:
        """Print the result of a command; on a terminal with unprintable characters escaped, else unchanged.

        Raises:
            OSError: standard output is closed.
        """
        if sys.stdout is None:
            raise OSError("standard output is closed")
        if self.is_terminal:
            text = "\n".join(map(printable, text.split("\n")))
        sys.stdout.write(text)
        sys.stdout.flush()

    def end(self) -> None:
        """Raise the error that writing ended with, if any."""
        if self.failure is not None:
            raise self.failure


def tell(text: str) -> None:
    """Print a line on standard error, where there is one."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            discard(sys.stderr)


def settle(stream: TextIO | None) -> None:
    """Flush a stream before the process ends; what cannot be written is discarded."""
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        discard(stream)


def discard(stream: TextIO | None) -> None:
    """Discard what is left to flush: failing again at exit would change the exit status."""
    with suppress(OSError, ValueError, AttributeError):
        own = stream.fileno()  # type: ignore[union-attr]  # None has none: suppressed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, own)
        os.close(nowhere)


class Forgiving:
    """A stream for a progress bar; when writing fails, the bar disappears and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: Any = stream
        self._works = True

    def write(self, text: str) -> None:
        """Write, unless that has failed before."""
        self._try(self._stream.write, text)

    def flush(self) -> None:
        """Flush, unless the stream has failed before."""
        self._try(self._stream.flush)

    def _try(self, method: Callable[..., Any], *arguments: Any) -> None:
        if self._works:
            try:
                method(*arguments)
            except (OSError, ValueError):
                self._works = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def level_of_user() -> int:
    """Return how many frames above a warning the library was called: its ``stacklevel``."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("microgrannd."):
        level, frame = level + 1, frame.f_back
    return level
