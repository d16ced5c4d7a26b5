"""A model as a table: its layers, and how many parameters each has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .module import Module

#: The name of a layer, what it is, and the number of its parameters.
Row = tuple[str, str, int]


class Summary(str):
    """A table of layers, which is shown as it is.

    Args:
        rows: of the table.
    """

    __slots__ = ()

    def __new__(cls, rows: Sequence[Row]) -> Summary:
        """Write the table, with the total in the last line."""
        table = [("name", "layer", "parameters"), *rows, ("total", "", sum(count for *_, count in rows))]
        first, second, third = (max(len(str(row[column])) for row in table) for column in range(3))
        return super().__new__(
            cls, "\n".join(f"{name:<{first}}  {layer:<{second}}  {count:>{third}}" for name, layer, count in table)
        )

    def __repr__(self) -> str:
        return str(self)


def table_of(model: Module) -> list[Row]:
    """Return a row for each layer of a model, and for each other module that has parameters of its own; a shared one once."""
    found: list[Row] = []
    inside: tuple[str, ...] = ()
    seen = set()
    for name, module in model.named_modules():
        if name.startswith(inside):
            continue
        own = [value for value in module.parameters() if value not in seen]
        if module._is_layer:
            inside += (f"{name}." if name else "",)
        else:
            others = {value for part, other in module.named_modules() if part for value in other.parameters()}
            own = [value for value in own if value not in others]
        seen.update(own)
        if own or (module._is_layer and not module.parameters()):
            found.append((name or "model", repr(module), len(own)))
    return found
