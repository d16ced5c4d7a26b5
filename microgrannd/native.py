"""Programs compiled by numba, and kept in a folder of the user's: the second time they are loaded."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import RLock
from types import ModuleType
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
    """The function of a program, compiled by numba: from the user's cache, or without it where that is of no use.

    Raises:
        RuntimeError: numba cannot compile it.
    """
    key = f"microgrannd_program_{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    with _lock:
        if key not in _compiled:
            try:
                _compiled[key] = _made(key, name, source)
            except NumbaError as error:
                reason = str(error).strip().splitlines()[-1]
                raise RuntimeError(f"numba cannot compile this program: {reason}") from error
        return _compiled[key]


#: One thread compiles at a time; what another one, or an interrupted one, left half done is nowhere.
_lock = RLock()
_compiled: dict[str, Callable[..., Any]] = {}


def _made(key: str, name: str, source: str) -> Callable[..., Any]:
    folder = _trusted_folder()
    if folder is not None:
        path = folder / f"{key}.py"
        with suppress(Exception):  # a full disk, a damaged file, whatever numba's cache makes of it: then without
            if not path.is_file() or path.read_bytes() != source.encode():
                write_bytes(path, source.encode())
            return _run(key, name, source, str(path))
    return _run(key, name, source.replace("cache=True", "cache=False"), f"<{key}>")


def _trusted_folder() -> Path | None:
    """The cache folder, if nobody but the user can put files there: what is in it is run."""
    try:
        folder = user_cache_path("microgrannd", appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except (OSError, RuntimeError, KeyError):  # no home, or none that can be written
        return None
    own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
    return folder if own and stat.S_ISDIR(found.st_mode) else None


def _run(key: str, name: str, source: str, filename: str) -> Callable[..., Any]:
    """Run this very text, and no other file, as a module, by whose name numba finds it."""
    module = ModuleType(key)
    module.__file__ = filename
    sys.modules[key] = module
    try:
        exec(compile(source, filename, "exec"), vars(module))
    except BaseException:
        del sys.modules[key]
        raise
    function: Callable[..., Any] = vars(module)[name]
    return function
