"""This library beside its peers: each ratio, and the aim that it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from . import compiled, compiled_gpt, eager, jitted

HEADER = "| work | against | measured | at least | | |\n|---|---|---|---|---|---|"


def lines() -> Iterator[str]:
    """The lines of the table."""
    yield from map(str, chain(eager.rows(), compiled.rows(), compiled_gpt.rows(), jitted.rows()))
