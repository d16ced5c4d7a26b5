"""Files written whole or not at all: JSON under a format name, a version and a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import reprlib
import secrets
import shutil
from contextlib import suppress
from glob import escape, glob
from os import PathLike
from typing import Any

from ._interrupts import held_back
from ._text import printable

FORMAT = "microgrannd"


VERSION = 1


#: The errors of building something from a file's content that does not fit.
UNFIT = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)


class FileError(ValueError):
    """A file that cannot be read as what it should be: the message names it and says why, in printable characters."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def write(path: str | PathLike[str], content: dict[str, Any]) -> None:
    """Write a document: content under a format name, a version and a checksum."""
    document = {"format": FORMAT, "version": VERSION, "checksum": _checksum(content), "content": content}
    write_bytes(path, f"{json.dumps(document, indent=1)}\n".encode())


def read(path: str | PathLike[str]) -> dict[str, Any]:
    """Read the content of a document that `write` wrote."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        document = json.loads(data)
        content = document.get("content") if isinstance(document, dict) else None
        checksum = _checksum(content)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileError(f"{path}: damaged, or not a file of microgrannd")
    version = document.get("version")
    if version != VERSION:
        raise FileError(f"{path}: of format version {reprlib.repr(version)}; this microgrannd reads version {VERSION}")
    if not isinstance(content, dict) or document.get("checksum") != checksum:
        raise FileError(f"{path}: damaged, the checksum does not fit the content")
    return content


def write_bytes(path: str | PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: under another name in the same folder, then renamed."""
    target = os.path.realpath(path)
    standard = _standard_output(path)
    if standard is not None or os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe is not replaced
        with open(path if standard is None else os.dup(standard), "wb") as file:
            file.write(content)
        return
    temporary = f"{_temporary(target)}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)  # which the process's umask may have restricted
        os.replace(temporary, target)
        _sync_folder(os.path.dirname(target))
    except BaseException as error:
        with suppress(OSError):  # of a file that was not made, or in a read-only file system
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # the name that the caller knows
        raise


def _standard_output(path: str | PathLike[str]) -> int | None:
    """Return the descriptor of standard output or standard error, where a path is the file that it writes to."""
    for descriptor in (1, 2):
        with suppress(OSError):  # closed, or no file of that name
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
    return None


def require_writable(path: str | PathLike[str]) -> None:
    """Make sure that a new file can be made beside a path.

    Raises:
        OSError: it cannot.
    """
    temporary = f"{_temporary(os.path.realpath(path))}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        with held_back():  # Ctrl-C would leave the file
            with open(temporary, "xb"):
                pass
            os.unlink(temporary)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def remove_leftovers(path: str | PathLike[str]) -> None:
    """Remove the temporary files of this file that killed processes left behind."""
    start = _temporary(os.path.realpath(path))
    for leftover in glob(f"{escape(start)}*.tmp"):
        if not _is_alive(leftover.removeprefix(start).split("-")[0]):
            with suppress(OSError):
                os.unlink(leftover)


def _is_alive(process: str) -> bool:
    """Tell whether a process of this number may be running; on Windows, assume so: asking would end it."""
    if os.name != "posix" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # of another user
    return True


def _temporary(target: str) -> str:
    """Return the beginning of the temporary names of a file; short, whatever the file's name."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}-")


def _sync_folder(folder: str) -> None:
    """Sync a folder so that a new name survives a loss of power, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
