"""Finds out whether a call draws random numbers: the states of the generators that it can reach are compared."""

from __future__ import annotations

import os
import pickle
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count, pairwise
from types import (
    BuiltinMethodType,
    CellType,
    CodeType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

from ..engine.value import Value
from ..rules.rule import Rule

#: Things looked at, at most.
MOST_THINGS = 10_000


#: What is not looked into.
_ENDS = (Value, Rule, random.Random, ModuleType)


class Draws:
    """Watches the generators of random numbers that functions and objects can reach, and those of the whole process.

    Args:
        things: what is called, and what it may use.
    """

    def __init__(self, *things: Any) -> None:
        self.readers: list[Callable[[], Any]] = [random.getstate]
        if torch := sys.modules.get("torch"):
            self.readers.append(lambda: torch.get_rng_state().tolist())
        if numpy := sys.modules.get("numpy.random"):
            self.readers.append(lambda: pickle.dumps(numpy.get_state()))
        self.readers += [reader for thing in _reachable(things) for reader in _readers(thing)]
        self.states = [self._now()]

    def note(self) -> None:
        """Note the states after a call."""
        self.states.append(self._now())

    def seen(self) -> bool:
        """Tell whether some generator changed in each of the calls; one that only another thread uses does not in all."""
        return any(all(a != b for a, b in pairwise(states)) for states in zip(*self.states, strict=True))

    def _now(self) -> list[Any]:
        return [read() for read in self.readers]


def _readers(thing: Any) -> Iterator[Callable[[], Any]]:
    """Yield a function that reads the state, if the thing is a generator of random numbers."""
    numpy = sys.modules.get("numpy.random")
    torch = sys.modules.get("torch")
    if isinstance(thing, random.SystemRandom) or thing is os.urandom:
        yield partial(next, count())  # who can reach what has no state, is taken to use it
    elif isinstance(thing, random.Random):
        yield thing.getstate
    elif numpy and isinstance(thing, numpy.Generator | numpy.RandomState | numpy.BitGenerator):
        yield partial(pickle.dumps, thing)
    elif torch and isinstance(thing, torch.Generator):
        yield lambda: thing.get_state().tolist()


def _reachable(things: Any) -> list[Any]:
    """Return all that functions and objects refer to, by names in their code, closures, defaults and attributes."""
    reached, seen = list(things), set(map(id, things))
    for thing in reached:  # grows
        for part in _parts(thing):
            if id(part) not in seen and len(reached) < MOST_THINGS:
                seen.add(id(part))
                reached.append(part)
    return reached


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
    elif isinstance(thing, BuiltinMethodType):
        yield thing.__self__
    elif isinstance(thing, staticmethod | classmethod):
        yield thing.__func__
    elif isinstance(thing, property):
        yield thing.fget
    elif isinstance(thing, GeneratorType) and thing.gi_frame:
        yield from thing.gi_frame.f_locals.values()
        yield from (thing.gi_frame.f_globals.get(name) for name in _names(thing.gi_code))
    elif isinstance(thing, partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, Mapping):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set):
        yield from thing
    elif isinstance(thing, type):
        if _is_ones_own(thing):
            yield from vars(thing).values()
    elif not isinstance(thing, _ENDS):
        yield from getattr(thing, "__dict__", {}).values()
        for kind in filter(_is_ones_own, type(thing).__mro__):
            yield kind
            slots = [name for name, member in vars(kind).items() if isinstance(member, MemberDescriptorType)]
            yield from (getattr(thing, name, None) for name in slots)


def _is_ones_own(kind: type) -> bool:
    """Tell whether a class is neither built in nor this library's."""
    return kind.__module__ != "builtins" and not kind.__module__.startswith("microgrannd.")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
