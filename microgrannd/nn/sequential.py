"""Sequential: modules and functions, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._text import described
from .layers import shown
from .module import Module


class Sequential(Module):
    """Several modules or functions, one after the other.

    Args:
        *parts: each takes what the one before it returns; or one list of them.

    Raises:
        TypeError: one is no function; there is none.

    >>> import microgrannd as mg
    >>> model = Sequential(mg.Layer(2, 3, activation="tanh"), mg.Layer(3, 2, nonlin=False), mg.softmax)
    >>> model, len(model.parameters())
    (Sequential(Layer(2, 3, activation='tanh'), Layer(3, 2, nonlin=False), softmax), 17)
    """

    def __init__(self, *parts: Any) -> None:
        if len(parts) == 1 and isinstance(parts[0], list | tuple):
            (parts,) = parts
        if not parts:
            raise TypeError("Sequential needs modules or functions, as Sequential(mg.Layer(2, 1)), got none")
        for number, part in enumerate(parts):
            if not callable(part) or (isinstance(part, type) and issubclass(part, Module)):
                raise TypeError(
                    "Sequential needs modules or functions, as Sequential(mg.Layer(2, 1), mg.Dropout(0.2)), "
                    f"got {described(part)} as part {number}"
                )
        self.parts = list(parts)

    def __call__(self, x: Any) -> Any:
        """Return what the last part returns."""
        for part in self.parts:
            x = part(x)
        return x

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __getitem__(self, index: Any) -> Any:
        return self.parts[index]

    def __repr__(self) -> str:
        parts = (repr(part) if isinstance(part, Module) else shown(part).strip("'") for part in self.parts)
        return f"Sequential({', '.join(parts)})"
