"""jit: a function of scalars, recorded once for each structure of its arguments.

>>> import microgrannd as mg
>>> w = mg.Value(0.5, label="w")
>>> @mg.jit
... def f(xs):
...     return mg.tanh(w * mg.sum([x * x for x in xs]))
>>> y = f([1.0, 2.0])
>>> y.backward()
>>> print(f"{y.data:.4f} {w.grad:.4f}")
0.9866 0.1330
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from functools import partial, update_wrapper
from importlib import import_module
from inspect import Parameter
from keyword import iskeyword
from math import isclose, isfinite, isnan
from operator import attrgetter
from threading import RLock
from types import MethodType
from typing import Any
from weakref import ref

from .._text import described
from .._trees import copied, leaves
from ..compiler.program import require_backend
from ..engine.contexts import require_immediate
from ..engine.graph import number, topological
from ..engine.value import Value
from ..functional import is_differentiating
from ..rules.ieee import ERRORS
from .arguments import Arguments, form_of, number_of
from .recording import record
from .trace import Trace

#: Structures of arguments, at most, whose programs a function keeps: those that came last.
MOST_STRUCTURES = 256


class _Inside:
    """Says that a function under jit is being called for itself, for as long as it lives."""


#: Refers to one while a function is: then those that it calls are called for themselves, too.
_inside: ContextVar[Callable[[], _Inside | None]] = ContextVar("microgrannd_inside_jit", default=lambda: None)


@contextmanager
def _called_itself() -> Iterator[None]:
    before, token = _inside.get(), _Inside()
    _inside.set(ref(token))
    try:
        yield
    finally:
        _inside.set(before)
        del token


def jit(f: Callable[..., Any] | None = None, *, backend: str = "python", static: str | Iterable[str] = ()) -> Any:
    """Make a function fast that is called many times: record it once, and run it by a program after that.

    A call with arguments of a new structure records the function. The next ones with that structure, whatever numbers
    they have, run a program. The first two are compared with a call of the function itself. So ``f`` may be called
    several times, and needs to be pure: its result depends on its arguments and on Values alone.

    Args:
        f: a function of scalars, nested lists, tuples, dicts and arrays of them, or a module. Its result is of that kind too.
            Numbers and Values in its arguments may be others at each call. All else in them (truth values, texts, None,
            and any object, as a model) is part of the structure; equal texts are the same, other objects only themselves.
        backend: "python", or "numba" (the extra ``numba``), which takes a few seconds at first and is many times as fast.
        static: names of arguments that are part of the structure whatever they are, as the length of a range.

    Returns:
        A function of the same arguments. Each Value of its result is one node, which passes the gradient on to Values in the
        arguments and to the leaves of the graph that ``f`` closes over: their ``.data`` is read at each call. What else
        ``f`` reads is as it was at the first call. Inside of `no_grad` there is only the number. Inside of `grad`,
        `hessian` and the like, and of another function under jit, ``f`` itself is called. A node that ``f`` closes over is
        computed anew from its leaves. Each of several results has a program for its own derivatives, compiled when
        `backward` first asks for them: to differentiate by many results, return their sum.

    Raises:
        TypeError: f cannot be called, or its result is something else; it compares Values, or takes one as an index, in a
            range, or where it needs a float; a static argument is not hashable.
        ValueError: an unknown backend; ``static`` names no parameter of ``f``.
        RuntimeError: the graph depends on numbers that it does not show: by ``.data``, ``detach()``, random numbers.
        ImportError: numba is not installed.

    >>> from microgrannd import Value
    >>> @jit(static="n")
    ... def power(x, n):
    ...     y = x
    ...     for _ in range(n - 1):
    ...         y = y * x
    ...     return y
    >>> x = Value(2.0)
    >>> power(x, 3).backward()
    >>> power(x, 3).data, x.grad
    (8.0, 12.0)
    """
    require_backend(backend)
    if f is None:
        return partial(jit, backend=backend, static=static)
    if not isinstance(static, str | list | tuple | set | frozenset):
        raise TypeError(f"static needs names of arguments, as static=('n',), got {described(static)}")
    return Jitted(f, backend, [static] if isinstance(static, str) else list(static))


class Jitted:
    """What `jit` makes of a function.

    Attributes:
        __wrapped__: the function itself.
    """

    __wrapped__: Callable[..., Any]

    def __init__(self, f: Callable[..., Any], backend: str, static: list[str]) -> None:
        if isinstance(f, staticmethod | classmethod):
            kind = type(f).__name__
            raise TypeError(f"jit decorates a function, which a {kind} is not yet: write @{kind} above @mg.jit")
        if not callable(f):
            raise TypeError(f"jit needs a function, got {described(f)}")
        require_immediate(f, "jit")
        update_wrapper(self, f, updated=())
        self.__wrapped__ = f
        self.__name__: str = getattr(f, "__name__", type(f).__name__)
        self.__qualname__: str = getattr(f, "__qualname__", self.__name__)
        self._backend, self._names, self._static = backend, static, _places(f, static)
        self._traces: dict[Hashable, Trace] = {}
        self._lock = RLock()  # of what records

    def __call__(self, /, *arguments: Any, **options: Any) -> Any:
        """Return what the function returns."""
        f = self.__wrapped__
        if _inside.get()() is not None or is_differentiating():
            return f(*arguments, **options)
        given = Arguments(arguments, options, self._static)
        trace = self._traces.get(given.key)
        if trace is None or trace.unchecked:
            with self._lock, _called_itself():
                return self._checked(given)
        try:
            return trace.run(given)
        except ERRORS:
            with _called_itself():
                f(*copied(arguments), **copied(options))  # raises it with a message that says more
            raise

    def _checked(self, given: Arguments) -> Any:
        """Return the result of a program that was compared with that of the function."""
        f = self.__wrapped__
        trace = self._traces.get(given.key) or Trace(f, _identifier(self.__name__), given, self._backend)
        positional, named = given.replaced(float, lambda value: value)
        expected, result = f(*positional, **named), trace.run(given)
        if form_of(expected) != form_of(result):
            raise RuntimeError(f"{self.__name__} gives a result of another form at each call: {_UNSEEN}")
        pairs = list(zip(leaves(expected), leaves(result), strict=True))
        if not all(_agree(one, other) for one, other in pairs):  # but for rounding, which may be large
            for (one, other), node in zip(pairs, leaves(record(f, given).result), strict=True):
                if not _agree(one, other, _rounding(node)):
                    raise RuntimeError(
                        f"{self.__name__} gives {number(one)}, and by its program {number(other)}: {_UNSEEN}"
                    )
        trace.unchecked = max(trace.unchecked - 1, 0)  # another thread may have come first
        self._traces[given.key] = trace
        while len(self._traces) > MOST_STRUCTURES:
            del self._traces[next(iter(self._traces))]
        return result

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __reduce__(self) -> Any:
        """Return what pickle writes: the name, as of functions; where there is none, what makes another one."""
        try:
            if attrgetter(self.__qualname__)(import_module(self.__wrapped__.__module__)) is self:
                return self.__qualname__
        except (AttributeError, ImportError):
            pass  # it has no name of its own
        return partial(jit, backend=self._backend, static=self._names), (self.__wrapped__,)

    def __copy__(self) -> Any:
        return self  # as functions are

    def __deepcopy__(self, memo: Any) -> Any:
        own = deepcopy(self.__wrapped__, memo)  # another one of a method, and of a module
        return self if own is self.__wrapped__ else Jitted(own, self._backend, self._names)

    def __repr__(self) -> str:
        return f"jit({self.__wrapped__!r})"


_UNSEEN = "it uses what its graph does not show (.data, detach(), a branch, random numbers, or anything that changes)"


def _identifier(name: str) -> str:
    return name if name.isidentifier() and not iskeyword(name) and not name.startswith("_") else "f"


def _agree(one: Any, other: Any, error: float = 0.0) -> bool:
    """Tell whether two results are the same, relative to their size or up to an error."""
    a, b = number(one), number(other)
    if number_of(a) is None or number_of(b) is None:
        return type(a) is type(b) and a == b
    return isclose(a, b, rel_tol=1e-9, abs_tol=error) or (isnan(a) and isnan(b))


def _rounding(result: Any) -> float:
    """Return how far rounding, and another order of additions, can move a result."""
    if not isinstance(result, Value):
        return 0.0
    from ..testing.rounded import BOUND  # seldom needed, and mpmath takes a while to import
    from ..testing.rounding import running_errors

    error: float = 2 * BOUND * running_errors(topological(result))[result]
    return error if isfinite(error) else 0.0


def _places(f: Callable[..., Any], static: list[str]) -> frozenset[int | str]:
    """Return the names and positions of static arguments.

    Raises:
        ValueError: the function has no parameter of such a name.
    """
    if not static:
        return frozenset()
    try:
        parameters = inspect.signature(f).parameters
    except ValueError:
        raise ValueError(f"static needs a function whose parameters Python knows, got {described(f)}") from None
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    known = [name for name, kind in kinds.items() if kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]
    for name in static:
        if name not in known:
            raise ValueError(f"static needs names among {', '.join(known) or 'no parameters'}, got {described(name)}")
    by_position = [name for name in static if kinds[name] is not Parameter.KEYWORD_ONLY]
    return frozenset(static) | frozenset(map(list(kinds).index, by_position))
