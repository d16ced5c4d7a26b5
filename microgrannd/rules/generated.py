"""Functions from generated source: they see the names that they are given and no builtins, and tracebacks show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

_numbers = count(1)


class _Loader:
    """Gives tracebacks the source, when one is shown, for as long as the functions are there."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, _: str) -> str:
        return self.source


def generated(name: str, source: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """Compile source, and return the function of that name in it.

    Args:
        name: of a function that the source defines.
        source: the text of a module.
        names: all that it uses: it can neither import nor open anything.
    """
    module = f"microgrannd generated {name} {next(_numbers)}"
    namespace = {**names, "__builtins__": {}, "__name__": module, "__loader__": _Loader(source)}
    exec(compile(source, module, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function
