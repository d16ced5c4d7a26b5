"""What a call of a program by machine code needs for itself: memories, and what functions raised that are called back.

A function that is called back may let other threads run, or run the same program again; so each call has its own.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import numpy as np

from ..rules.ieee import ERRORS
from .arrays import address_of
from .loops import ROOM


class Memory:
    """The memories of a program, with room for as many rows as are computed at a time.

    Args:
        parameters: how many there are.
        constants: their numbers.
        cells: addresses of inputs and results.
        width: rows.

    Attributes:
        addresses: of the memories.
        programs: made by the machine for this memory, see there; each with its address.
        doubt: whether Python might refuse a row, and how many functions were called back.
    """

    def __init__(self, parameters: int, constants: list[float], cells: int, width: int) -> None:
        self.doubt = np.zeros(2, dtype=np.int64)
        fixed = np.array([*[0.0] * parameters, *constants])
        arrays = [fixed, np.zeros(cells * width), np.zeros(len(fixed)), np.zeros(cells * width), np.zeros(ROOM * width)]
        self.programs: dict[tuple[bool, int], tuple[Any, int]] = {}
        self._arrays = [*arrays, self.doubt]
        self.addresses = [address_of(array) for array in self._arrays]


class Call:
    """A call under way in a thread.

    Attributes:
        errors: that functions raised which were called back.
        finished: how many of these functions came to an end.
    """

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.finished = 0


_calls: dict[int, Call] = {}  # by thread; of those that are nested, the inner one


@contextmanager
def calling_back(memory: Memory) -> Iterator[None]:
    """Raise at the end what functions raised that were called back.

    Raises:
        KeyboardInterrupt: one was ended by Ctrl-C before its first line, where ctypes drops the exception.
    """
    thread, call = get_ident(), Call()
    outer = _calls.get(thread)
    _calls[thread] = call
    memory.doubt[1] = 0
    try:
        yield
    finally:
        if outer is None:
            del _calls[thread]
        else:
            _calls[thread] = outer
    if call.errors:
        raise call.errors[0]
    if call.finished != memory.doubt[1]:
        raise KeyboardInterrupt


def callback(function: Callable[..., Any], count: int) -> Any:
    """Return a function for machine code, of so many floats, that calls one of Python; nan where that gives no number."""

    def call(*floats: float) -> float:
        try:
            number = _float(function(*floats))
        except ERRORS:
            number = math.nan
        except BaseException as error:
            _calls[get_ident()].errors.append(error)
            number = math.nan
        _calls[get_ident()].finished += 1
        return number

    return ctypes.PYFUNCTYPE(*[ctypes.c_double] * (count + 1))(call)


def _float(result: Any) -> float:
    try:
        return float(result)
    except TypeError:  # complex, or nothing: Python says so
        return math.nan
