"""How a program of lists reads its memories: slices where addresses advance by a stride, tables of them elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from .roll import Access, strided

#: Entries of a table that a source shows.
SHOWN = 8


class Addresses:
    """The expressions by which a program reads numbers, and the tables of addresses that they use.

    Attributes:
        names: of the tables, and what they stand for.
        before: lines that read what is the same for all rows, into a list w.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.before: list[str] = []
        self._tables: dict[Any, str] = {}
        self._fixed: dict[str, str] = {}

    def read(self, access: Access, memory: str) -> str:
        """Return a list of an operand's numbers, or of lists of them, in a memory that has a number for each row."""
        memory = "fixed" if access.fixed else memory
        numbers = access.offsets is None
        text = self.numbers(access.starts, memory) if numbers else self.sequences(access.sequences, memory)
        return self.once(text) if access.fixed else text

    def once(self, text: str) -> str:
        """Return the name of what is computed once, before the rows."""
        if text not in self._fixed:
            self._fixed[text] = f"w[{len(self._fixed)}]"
            self.before.append(f"w.append({text})")
        return self._fixed[text]

    def numbers(self, addresses: Sequence[int], memory: str) -> str:
        """Return the numbers at some addresses."""
        if isinstance(addresses, range):
            return f"{memory}[{slice_of(addresses)}]"
        return f"{self.getter(addresses)}({memory})" if addresses else "()"

    def sequences(self, groups: Sequence[Sequence[int]], memory: str) -> str:
        """Return a list of sequences of numbers."""
        groups = [strided(group) for group in groups]
        if len(groups) == 1:
            text = self.numbers(groups[0], memory)
            return f"[{text}]" if isinstance(groups[0], range) else f"[[*{text}]]"
        if all(isinstance(group, range) or not group for group in groups):
            return f"[{memory}[s] for s in {self.slices(groups)}]"
        return f"[[*g({memory})] for g in {self.getters(groups)}]"

    def indices(self, addresses: Sequence[int]) -> str:
        """Return the name of a table of addresses."""
        return self._table("i", tuple(addresses), tuple(addresses))

    def getter(self, addresses: Sequence[int]) -> str:
        """Return the name of a function that reads some addresses, at least two."""
        return self._table("g", tuple(addresses), itemgetter(*addresses))

    def getters(self, groups: Sequence[Sequence[int]]) -> str:
        """Return the name of a table of functions that read some addresses each, at least two."""
        return self._table("gs", tuple(map(tuple, groups)), tuple(itemgetter(*group) for group in groups))

    def slices(self, groups: Sequence[Sequence[int]]) -> str:
        """Return the name of a table of slices."""
        slices = tuple(_slice(group) for group in groups)
        return self._table("s", tuple(map(str, slices)), slices)

    def groups(self, groups: Sequence[Sequence[int]]) -> str:
        """Return the name of a table with the addresses of several sequences."""
        found = tuple(group if isinstance(group, range) else tuple(group) for group in groups)
        return self._table("is", found, found)

    def _table(self, kind: str, key: tuple[Any, ...], table: Any) -> str:
        if (kind, key) not in self._tables:
            self._tables[kind, key] = name = f"at{len(self._tables)}"
            self.names[name] = table
        return self._tables[kind, key]

    def described(self) -> list[str]:
        """Return a comment for each table, with its first entries."""
        return [f"# {name}: {shown(entries)}" for (_, entries), name in self._tables.items()]


def shown(entries: Sequence[Any]) -> str:
    """Return the first entries of a table as text."""
    more = f", ... ({len(entries)})" if len(entries) > SHOWN else ""
    return ", ".join(map(str, entries[:SHOWN])) + more


def _slice(addresses: Sequence[int]) -> slice:
    """Return the slice of addresses that advance by a stride, or of none."""
    if not isinstance(addresses, range):
        return slice(0, 0)
    return slice(addresses.start, addresses.stop if addresses.stop >= 0 else None, addresses.step)


def slice_of(addresses: range) -> str:
    """Return the slice of addresses as text."""
    where = _slice(addresses)
    stop = "" if where.stop is None else where.stop
    return f"{where.start}:{stop}" + (f":{where.step}" if where.step != 1 else "")
