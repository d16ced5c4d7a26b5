"""Whether a call draws random numbers: from the generators that it can reach, whose states are compared."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..engine.value import Value
from ..rules.rule import Rule

#: Things looked at, at most.
MOST_THINGS = 10_000


#: What is not looked into.
_ENDS = (Value, Rule, random.Random, ModuleType, type)


class Draws:
    """Watch the generators of random numbers that functions and objects can reach, and those of the whole process.

    Args:
        things: what is called, and what it may use.
    """

    def __init__(self, *things: Any) -> None:
        self.readers: list[Callable[[], Any]] = [random.getstate]
        if numpy := sys.modules.get("numpy.random"):
            self.readers.append(lambda: pickle.dumps(numpy.get_state()))
        self.readers += [reader for thing in _reachable(things) for reader in _readers(thing)]
        self.states = [self._now()]

    def note(self) -> None:
        """A call is over."""
        self.states.append(self._now())

    def seen(self) -> bool:
        """Whether some generator went on in each of the calls; one that another thread uses does not in all."""
        return any(all(a != b for a, b in pairwise(states)) for states in zip(*self.states, strict=True))

    def _now(self) -> list[Any]:
        return [read() for read in self.readers]


def _readers(thing: Any) -> Iterator[Callable[[], Any]]:
    """What reads the state of a generator; nothing of anything else."""
    numpy = sys.modules.get("numpy.random")
    if isinstance(thing, random.Random) and not isinstance(thing, random.SystemRandom):
        yield thing.getstate
    elif numpy and isinstance(thing, numpy.Generator | numpy.RandomState):
        yield partial(pickle.dumps, thing)


def _reachable(things: Any) -> list[Any]:
    """All that functions and objects refer to, by names in their code, closures, defaults and attributes."""
    found, seen = list(things), set(map(id, things))
    for thing in found:  # grows
        for part in _parts(thing):
            if id(part) not in seen and len(found) < MOST_THINGS:
                seen.add(id(part))
                found.append(part)
    return found


def _parts(thing: Any) -> Iterator[Any]:
    if isinstance(thing, FunctionType):
        if str(thing.__module__).startswith("microgrannd."):
            return  # it draws from what it is given
        yield from (cell.cell_contents for cell in thing.__closure__ or () if cell != CellType())
        yield from (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
        names = set(_names(thing.__code__))
        for scope in (
            thing.__globals__,
            *(vars(m) for n in names if isinstance(m := thing.__globals__.get(n), ModuleType)),
        ):
            yield from (scope[name] for name in names if name in scope)
    elif isinstance(thing, MethodType):
        yield from (thing.__self__, thing.__func__)
    elif isinstance(thing, partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, Mapping):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set):
        yield from thing
    elif not isinstance(thing, _ENDS) and hasattr(thing, "__dict__"):
        yield from vars(thing).values()
        yield from (member for kind in type(thing).__mro__ for member in vars(kind).values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
