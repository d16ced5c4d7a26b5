"""Machine code compiled by numba, kept in the user's cache folder: a module of source is compiled once for a machine."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import UnpicklingError
from threading import RLock
from types import ModuleType
from typing import Any

from numba.core import config
from numba.core.errors import NumbaError
from platformdirs import user_cache_path

from .._files import write_bytes
from .._interrupts import held_back


def loaded(source: str) -> dict[str, Any]:
    """Return the names of a module of functions for numba, compiled or taken from the cache.

    Ctrl-C waits until then: an exception in the midst of LLVM's callbacks can end the process.

    Raises:
        RuntimeError: numba cannot compile it.
    """
    key = f"microgrannd_{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    with _lock:
        if key not in _compiled:
            try:
                with held_back():
                    _compiled[key] = _made(key, source)
            except NumbaError as error:
                reason = str(error).strip().splitlines()[-1]
                raise RuntimeError(f"numba cannot compile this program: {reason}") from error
        return _compiled[key]


#: One thread compiles at a time; what another one left half done is nowhere.
_lock = RLock()


_compiled: dict[str, dict[str, Any]] = {}


#: What numba's cache raises where its files are damaged or cannot be written.
_CACHE_ERRORS = (
    OSError,
    EOFError,
    UnpicklingError,
    LookupError,
    ImportError,
    AttributeError,
    TypeError,
    ValueError,
    RuntimeError,
)


def _made(key: str, source: str) -> dict[str, Any]:
    folder = _trusted_folder()
    if folder is not None:
        path = folder / f"{key}.py"
        # A full disk, a damaged file, whatever numba's cache makes of it: then without.
        with suppress(*_CACHE_ERRORS), _numba_s_files_in(folder):
            _require_undamaged(folder, key)
            if not path.is_file() or path.read_bytes() != source.encode():
                write_bytes(path, source.encode())
            names = _run(key, source, str(path))
            write_bytes(folder / f"{key}.sha256", _digest(folder, key))
            return names
    return _run(key, source.replace("cache=True", "cache=False"), f"<{key}>")


@contextmanager
def _numba_s_files_in(folder: Path) -> Iterator[None]:
    """Let numba keep machine code in a folder, and not where its own settings or an unwritable folder send it."""
    settings = vars(config)
    before, settings["CACHE_DIR"] = settings["CACHE_DIR"], str(folder)
    try:
        yield
    finally:
        settings["CACHE_DIR"] = before


def _require_undamaged(folder: Path, key: str) -> None:
    """Delete numba's files of a program if they are not as they were written: damaged machine code ends the process."""
    digest = folder / f"{key}.sha256"
    if not digest.is_file() or digest.read_bytes() != _digest(folder, key):
        for file in folder.rglob(f"{key}*.nb*"):
            file.unlink()


def _digest(folder: Path, key: str) -> bytes:
    found = hashlib.sha256()
    for file in sorted(folder.rglob(f"{key}*.nb*")):
        found.update(f"{file.name} {file.stat().st_size} ".encode() + file.read_bytes())
    return found.hexdigest().encode()


def _trusted_folder() -> Path | None:
    """Return the cache folder, if nobody but the user can put files there: what is in it is run."""
    try:
        folder = user_cache_path("microgrannd", appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except (OSError, RuntimeError, KeyError):  # no home, or none that can be written
        return None
    own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
    return folder if own and stat.S_ISDIR(found.st_mode) else None


def _run(key: str, source: str, filename: str) -> dict[str, Any]:
    """Run this very text, and no other file, as a module, by whose name numba finds it."""
    module = ModuleType(key)
    module.__file__ = filename
    sys.modules[key] = module
    try:
        exec(compile(source, filename, "exec"), vars(module))
    except BaseException:
        del sys.modules[key]
        raise
    return vars(module)
