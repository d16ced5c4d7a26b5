"""Names that people try first, as other libraries have them, and what to write instead: for errors that show the right call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

from .left_out import LEFT_OUT
from .names import GUESSES

P = ParamSpec("P")


T = TypeVar("T")


def missing(place: str, owner: str, name: str) -> NoReturn:
    """Raise the error of an attribute that is not there, with what to write instead where that is known.

    Args:
        place: a key of `GUESSES`.
        owner: what has no such attribute, as Python calls it.
        name: of the attribute.

    Raises:
        AttributeError: always; or ImportError, where a name is imported, since Python would replace the message.
    """
    text = f"{owner} has no attribute {name!r}{advice(place, name)}"
    if _imports(sys._getframe(2)):
        raise ImportError(text)
    raise AttributeError(text)


def advice(place: str, name: object) -> str:
    """Return the end of an error: what to write instead of a name, or why it is left out; nothing where that is not known."""
    if not isinstance(name, str):
        return ""
    if instead := GUESSES.get(place, {}).get(name):
        return f": use {instead}"
    reason = LEFT_OUT.get(place, {}).get(name)
    return f": left out, {reason}" if reason else ""


def _imports(frame: FrameType) -> bool:
    """Tell whether a frame is at ``from module import name``."""
    from opcode import opmap  # for an error only

    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def suggesting(place: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: an unknown argument that people try is a TypeError that says what to write.

    Args:
        place: a key of `GUESSES`.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def checked(*arguments: P.args, **options: P.kwargs) -> T:
            __tracebackhide__ = True  # pytest then shows the caller's line
            for name in options:
                if found := advice(place, name):
                    raise TypeError(f"{function.__qualname__.removesuffix('.__init__')} has no argument {name}={found}")
            return function(*arguments, **options)

        return checked

    return decorate
