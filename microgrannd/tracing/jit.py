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
from functools import partial, update_wrapper
from itertools import zip_longest
from keyword import iskeyword
from math import isclose, isnan
from threading import RLock
from types import MethodType
from typing import Any

from .._text import described
from .._trees import copied, leaves
from ..compiler.program import require_backend
from ..engine.contexts import require_immediate
from ..engine.graph import number, topological
from ..engine.value import Value
from ..functional import is_differentiating
from ..rules.ieee import ERRORS
from .arguments import Arguments, number_of
from .trace import Trace

#: Structures of arguments, at most, whose programs a function keeps: those that came last.
MOST_STRUCTURES = 256


#: Whether a function under jit is being called for itself: then so are others that it calls.
_inside: ContextVar[bool] = ContextVar("microgrannd_inside_jit", default=False)


@contextmanager
def _called_itself() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


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
        `hessian` and the like, and of another function under jit, ``f`` itself is called.

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
    return Jitted(f, backend, [static] if isinstance(static, str) else list(static))


class Jitted:
    """What `jit` makes of a function.

    Attributes:
        __wrapped__: the function itself.
    """

    __wrapped__: Callable[..., Any]

    def __init__(self, f: Callable[..., Any], backend: str, static: list[str]) -> None:
        if not callable(f):
            raise TypeError(f"jit needs a function, got {described(f)}")
        require_immediate(f, "jit")
        update_wrapper(self, f, updated=())
        self.__wrapped__ = f
        self.__name__: str = getattr(f, "__name__", type(f).__name__)
        self.__qualname__: str = getattr(f, "__qualname__", self.__name__)
        self._backend, self._static = backend, _places(f, static)
        self._traces: dict[Hashable, Trace] = {}
        self._lock = RLock()  # of what records

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return what the function returns."""
        f = self.__wrapped__
        if _inside.get() or is_differentiating():
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
                f(*arguments, **options)  # raises it with a message that says more
            raise

    def _checked(self, given: Arguments) -> Any:
        """Return the result of a program that was compared with that of the function."""
        trace = self._traces.get(given.key) or Trace(self.__wrapped__, _identifier(self.__name__), given, self._backend)
        expected = self.__wrapped__(*copied(given.positional), **copied(given.named))
        result = trace.run(given)
        for one, other in zip_longest(leaves(expected), leaves(result)):
            if not _agree(one, other):
                raise RuntimeError(
                    f"{self.__name__} gives {number(one)}, and by its program {number(other)}: it uses numbers that its graph "
                    "does not show (by .data, detach(), a branch, random numbers, or what else changes)"
                )
        trace.unchecked = max(trace.unchecked - 1, 0)  # another thread may have come first
        self._traces[given.key] = trace
        while len(self._traces) > MOST_STRUCTURES:
            del self._traces[next(iter(self._traces))]
        return result

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __reduce__(self) -> str:
        return self.__qualname__  # as functions are pickled and copied: by name

    def __repr__(self) -> str:
        return f"jit({self.__wrapped__!r})"


def _identifier(name: str) -> str:
    return name if name.isidentifier() and not iskeyword(name) and not name.startswith("_") else "f"


def _agree(one: Any, other: Any) -> bool:
    """Tell whether two results are the same, to rounding."""
    a, b = number(one), number(other)
    if number_of(a) is None or number_of(b) is None:
        return type(a) is type(b) and a == b
    if isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (isnan(a) and isnan(b)):
        return True
    from ..testing.rounded import BOUND  # seldom needed, and mpmath takes a while to import
    from ..testing.rounding import running_errors

    error = running_errors(topological(one))[one] if isinstance(one, Value) else 0.0
    return abs(a - b) <= 2 * BOUND * error


def _places(f: Callable[..., Any], static: list[str]) -> frozenset[int | str]:
    """Return the names and positions of static arguments.

    Raises:
        ValueError: the function has no parameter of such a name.
    """
    if not static:
        return frozenset()
    parameters = list(inspect.signature(f).parameters)
    for name in static:
        if name not in parameters:
            raise ValueError(
                f"static needs names among {', '.join(parameters) or 'no parameters'}, got {described(name)}"
            )
    return frozenset(static) | frozenset(map(parameters.index, static))
