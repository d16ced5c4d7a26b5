"""Switches: recording off in one context, the cyclic garbage collector off in the process; names for what is recorded.

A thing is switched off for as long as a token lives, and only blocks hold it. Freeing the token is one step, so nothing
stays switched off after a block, not even if Ctrl-C arrives in the midst of the block's own code.
"""

from __future__ import annotations

import gc
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar
from weakref import ref

from .._text import described

P = ParamSpec("P")


T = TypeVar("T")


#: One entry for every active `no_grad` and `scope`, in any thread: while it is empty, operations need no other check.
ACTIVE: list[None] = []


class _Token:
    __slots__ = ("__weakref__",)


class _CollectorOff(_Token):
    """Keeps the collector off; when it is freed, the collector is on again, in one step that no signal interrupts."""

    __slots__ = ()
    __del__ = staticmethod(gc.enable)


def _nothing() -> None:
    """Stand in for a reference to a token: there is none."""


_Holder: TypeAlias = Callable[[], _Token | None]


_holder: ContextVar[_Holder] = ContextVar("microgrannd_paused", default=_nothing)


def paused_here() -> bool:
    """Tell whether this thread or task is inside of a `no_grad` block."""
    return _holder.get()() is not None


class _Switch(ABC):
    """A `with` block that is also a decorator of functions (not of generators and coroutines)."""

    def __init__(self, *given: object) -> None:
        if given:
            raise TypeError(f"{type(self).__name__} is a block or a decorator with brackets: @{type(self).__name__}()")
        self._held: list[Any] = []  # what each block that was entered holds

    @abstractmethod
    def _enter(self) -> Any:
        """Switch off, and return what the block has to hold for that."""

    @abstractmethod
    def _exit(self, held: Any) -> None:
        """Switch back; releasing what the block held may be enough."""

    def _again(self) -> _Switch:
        """Return another block like this one."""
        return type(self)()

    def __enter__(self) -> None:
        self._held.append(self._enter())

    def __exit__(self, *_: object) -> None:
        self._exit(self._held.pop())

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return the function with its body inside of such a block.

        Raises:
            TypeError: it is a generator or coroutine function, whose work would be done outside.
        """
        if not callable(function) and not isinstance(function, staticmethod | classmethod):
            raise TypeError(f"{type(self).__name__}() decorates a function, got {function!r}")
        kind = type(self).__name__
        require_immediate(function, kind, f": put `with {kind}():` inside of it")

        @wraps(function)
        def inside(*arguments: P.args, **options: P.kwargs) -> T:
            with self._again():
                return function(*arguments, **options)

        return inside


def require_immediate(function: Any, decorator: str, remedy: str = "") -> None:
    """Refuse a generator or coroutine function.

    Raises:
        TypeError: it is one; the message names the decorator and the remedy.
    """
    own = function
    while isinstance(own, partial | staticmethod | classmethod):
        own = own.func if isinstance(own, partial) else own.__func__
    if not inspect.isfunction(own) and not inspect.ismethod(own):  # an object that is called, perhaps a cache
        own = getattr(own, "__wrapped__", own.__call__)
    if any(is_one(own) for is_one in _LATER):
        name = getattr(own, "__qualname__", own)
        raise TypeError(f"{decorator} cannot decorate {name}, which runs later{remedy}")


_LATER = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


class no_grad(_Switch):  # noqa: N801  # as torch calls it
    """Record nothing inside: results have no graph. Also a decorator.

    Holds for this thread, or this task and those that it starts, until the block is left.

    Args:
        given: nothing: as a decorator it has brackets, ``@no_grad()``.

    >>> from microgrannd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> (x * y).backward()
    >>> x.grad
    9.0
    """

    def _enter(self) -> tuple[_Token, _Holder]:
        before = _holder.get()
        token = before() or _Token()
        _holder.set(ref(token))
        ACTIVE.append(None)
        return token, before

    def _exit(self, held: tuple[_Token, _Holder]) -> None:
        ACTIVE.pop()
        _holder.set(held[1])


class Scope:
    """What was recorded in one block: its name, and the scope around it."""

    __slots__ = ("name", "outer")

    def __init__(self, name: str, outer: Scope | None) -> None:
        self.name, self.outer = name, outer


_scope: ContextVar[Scope | None] = ContextVar("microgrannd_scope", default=None)


def scope_here() -> Scope | None:
    """Return the innermost `scope` block of this thread or task."""
    return _scope.get()


class scope(_Switch):  # noqa: N801  # beside no_grad
    """Name what is recorded inside, in this thread or task: pictures frame it. Also a decorator.

    Args:
        name: of the frame. Scopes may be inside of each other.

    Raises:
        TypeError: name is not a text.

    >>> from microgrannd import Value, draw, scope
    >>> x = Value(3.0, "x")
    >>> with scope("square"):
    ...     y = x * x
    >>> [frame.name for frame in draw(y + 1).graph.frames]
    ['square']
    """

    def __init__(self, name: str) -> None:
        if type(name) is not str:
            raise TypeError(f"scope needs a name, as scope('attention'), got {described(name)}")
        super().__init__()
        self.name = name

    def _again(self) -> scope:
        return scope(self.name)

    def _enter(self) -> Scope | None:
        before = _scope.get()
        ACTIVE.append(None)
        _scope.set(Scope(self.name, before))
        return before

    def _exit(self, held: Scope | None) -> None:
        _scope.set(held)
        ACTIVE.pop()


#: Whether what is recorded here stands for other numbers too.
_once_for_all: ContextVar[_Holder] = ContextVar("microgrannd_once_for_all", default=_nothing)


def is_once_for_all() -> bool:
    """Tell whether what is recorded here stands for other numbers too, as `jit` has it."""
    return _once_for_all.get()() is not None


def require_numbers(what: str, *values: object) -> None:
    """Refuse to read numbers of Values where the graph stands for other numbers too.

    Args:
        what: they are read for, with a place for each of the values: a text is made only for the error.
        values: that are read.

    Raises:
        TypeError: the graph stands for other numbers too.
    """
    if is_once_for_all():
        raise TypeError(
            f"{what.format(*values)} holds for these numbers only, but mg.jit records a function once for all: use mg.maximum, "
            "mg.clip, mg.relu or their like (whose own derivatives compare, too), or name the argument in static="
        )


@contextmanager
def recording(once_for_all: bool = False) -> Iterator[None]:
    """Record inside, also where this is inside of a `no_grad` block.

    Args:
        once_for_all: the graph is to stand for other numbers too, so comparisons of Values are errors.
    """
    before, outer = _holder.get(), _once_for_all.get()
    token = _Token()
    _holder.set(_nothing)
    if once_for_all:
        _once_for_all.set(ref(token))
    try:
        yield
    finally:
        _holder.set(before)
        _once_for_all.set(outer)
        del token


_lock = threading.Lock()


_collector_off: Callable[[], _CollectorOff | None] = _nothing


class paused_gc(_Switch):  # noqa: N801  # beside no_grad
    """Keep the cyclic garbage collector off inside; also a decorator.

    Graphs are freed by reference counting, so it has nothing to do but walk them. The switch is the process's:
    the collector is on again (if it was) when the last block in any thread is left.

    Args:
        given: nothing: as a decorator it has brackets, ``@paused_gc()``.

    >>> from microgrannd import Value, paused_gc
    >>> with paused_gc():
    ...     total = sum([Value(1.0)] * 1000)
    >>> total.data
    1000.0
    """

    def _enter(self) -> _Token | None:
        global _collector_off
        with _lock:
            token = _collector_off()
            if token is None and gc.isenabled():
                token = _CollectorOff()
                _collector_off = ref(token)
                gc.disable()
        return token

    def _exit(self, held: _Token | None) -> None:
        del held
