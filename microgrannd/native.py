"""Programs compiled by numba, and kept in a folder of the user's: the second time they are loaded."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from platformdirs import user_cache_path

from .arrays import ArrayEmitter, ArrayWriter, module_source
from .saving import write_bytes
from .source import Plain
from .tape import Tape


class Native(Plain):
    """Runs a tape by numba. It raises wherever Python may raise; the plain program then tells why.

    Raises:
        ValueError: the program is too long for numba, or uses a function that it does not know.
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.emitter = ArrayEmitter(tape)
        self.sources  # noqa: B018  # raises here what it cannot take

    @cached_property
    def sources(self) -> dict[str, str]:
        """The source of each program."""
        bodies = {"forward": ArrayWriter(self.emitter).forward()}
        if len(self.tape.outputs) == 1:
            bodies["backward"] = ArrayWriter(self.emitter).backward()
        return {name: module_source(name, body, self.emitter) for name, body in bodies.items()}

    @cached_property
    def forward(self) -> Callable[[Any, Any], list[Any]]:
        """Of arrays of rows and of parameters, the outputs of each row: a float, or a tuple."""
        compiled, single = _loaded("forward", self.sources["forward"]), len(self.tape.outputs) == 1
        return lambda rows, data: (
            [row[0] for row in compiled(rows, data).tolist()]
            if single
            else list(map(tuple, compiled(rows, data).tolist()))
        )

    @cached_property
    def backward(self) -> Callable[[Any, Any], tuple[float, Any]]:
        """Of arrays of rows and of parameters, the sum of the output over the rows, and an array of its gradients."""
        return _loaded("backward", self.sources["backward"])

    def takes(self, rows: Any) -> bool:
        """Whether rows are an array of as many floats."""
        return isinstance(rows, np.ndarray) and rows.dtype == np.float64 and rows.shape[1:] == (self.tape.inputs,)

    def rows(self, rows: Any) -> Any:
        """Checked rows as an array."""
        return np.ascontiguousarray(rows, dtype=np.float64).reshape(len(rows), self.tape.inputs)

    def numbers(self, data: Sequence[float]) -> Any:
        """Parameters as an array."""
        return np.array(data, dtype=np.float64)

    def added(self, gradients: Any, others: Any) -> Any:
        """The sum of two arrays of gradients."""
        return gradients + others

    def shares(self, gradients: Any, count: int) -> list[float]:
        """The gradients, each divided by the number of rows, as a list."""
        found: list[float] = (gradients / count).tolist()
        return found


def _loaded(name: str, source: str) -> Callable[..., Any]:
    """The function of a module that is kept in the user's cache, and made there if it is not.

    Raises:
        RuntimeError: numba cannot compile it.
    """
    try:
        return _made(name, source)
    except NumbaError as error:
        raise RuntimeError(f"numba cannot compile this program: {str(error).strip().splitlines()[-1]}") from error


def _made(name: str, source: str) -> Callable[..., Any]:
    key = hashlib.sha256(source.encode()).hexdigest()[:32]
    folder = user_cache_path("microgrannd", appauthor=False)
    path = folder / f"program_{key}.py"
    try:
        if not path.is_file() or path.read_text(encoding="utf-8") != source:
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, source.encode())
    except OSError:
        return _unkept(name, source)
    return _imported(name, path)


def _imported(name: str, path: Path) -> Callable[..., Any]:
    module = sys.modules.get(path.stem)
    if module is None:
        specification = spec_from_file_location(path.stem, path)
        assert specification is not None  # the file is there
        assert specification.loader is not None
        module = sys.modules[path.stem] = module_from_spec(specification)
        specification.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, name)
    return function


def _unkept(name: str, source: str) -> Callable[..., Any]:
    """The function without a file, where none can be written: it is compiled each time."""
    namespace: dict[str, Any] = {"__name__": "microgrannd_program"}
    exec(compile(source.replace("cache=True", "cache=False"), "<microgrannd program>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function
