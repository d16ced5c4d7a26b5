"""Checkpoints: a training run in a file, from which it goes on as if it had never stopped, to the bit."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Mapping, Sequence
from errno import EEXIST
from os import PathLike
from typing import Any

from .engine import is_whole
from .runs import Run
from .saving import UNFIT, FileError, encode, read, remove_leftovers, write
from .tape import Tape

#: What must be the same where a run goes on: as the file calls it, and as an error does.
KINDS = {"model": "another model", "settings": "other settings", "data": "other data"}

#: For each of them, names with texts.
Identity = Mapping[str, Mapping[str, str]]


class Checkpoint:
    """The file of a run.

    Args:
        path: where it is.
        every: it is written after so many epochs; at the start and at the end too.
        resume: go on from the file, if there is one.

    Raises:
        FileExistsError: there is one, and the run is not to go on from it.
        FileError: it is damaged, or no checkpoint.
        OSError: it cannot be read.
    """

    def __init__(self, path: str | PathLike[str], every: int, resume: bool) -> None:
        self.path, self.every = path, every
        self.found: dict[str, Any] | None = None
        self.waiting: dict[str, Any] | None = None
        if os.path.exists(path):
            if not resume:
                raise FileExistsError(EEXIST, "there already: go on from it with resume, or delete it", os.fspath(path))
            self.found = read(path)
            if self.found.keys() != {*KINDS, "seed", "state"}:
                raise FileError(f"{path}: no checkpoint of a training")
        self.seed = self.found["seed"] if self.found else secrets.randbits(64)
        if not is_whole(self.seed):
            raise FileError(f"{path}: no checkpoint that this version can go on from (its seed is no number)")

    def begin(self, run: Run, epochs: int, identity: Identity) -> None:
        """Bring a run to where the file left it, and write it: what cannot be written fails before anything is trained.

        Args:
            run: at its start.
            epochs: how many there are to be in the end.
            identity: what it is a run of.

        Raises:
            FileError: the file is of another model, other settings or other data (the message says which), or after
                more epochs; or its state does not fit.
            OSError: it cannot be written.
        """
        self.run, self.identity = run, identity
        if self.found is not None:
            self._require_same(self.found, identity)
            try:
                run.load_state(self.found["state"])
            except UNFIT as error:
                raise FileError(f"{self.path}: no checkpoint that this version can go on from ({error})") from None
            if run.epochs > epochs:
                raise FileError(
                    f"{self.path}: a checkpoint after {run.epochs} epochs, more than the {epochs} asked for"
                )
        remove_leftovers(self.path)
        self.waiting = run.state()
        self.write()

    def note(self) -> None:
        """Take in the state after an epoch, and write it if it is time to."""
        self.waiting = self.run.state()
        if self.run.epochs % self.every == 0:
            self.write()

    def write(self) -> None:
        """Write the state that was taken in last, if the file has another."""
        if self.waiting is not None:
            write(self.path, {**self.identity, "seed": self.seed, "state": self.waiting})
            self.waiting = None

    def _require_same(self, found: Mapping[str, Any], identity: Identity) -> None:
        for kind, other in KINDS.items():
            before, now = found[kind], identity[kind]
            if not isinstance(before, dict):
                raise FileError(f"{self.path}: no checkpoint that this version can go on from (its {kind})")
            for name in [*now, *before]:
                was, is_ = before.get(name, "absent"), now.get(name, "absent")
                if was != is_:
                    raise FileError(f"{self.path}: a checkpoint of {other}: {_line(name)} was {_line(was)}, is {is_}")


def identity_of(
    run: Run, loss: Any, tape: Tape | None, settings: Mapping[str, Any], rows: Mapping[str, Sequence[Any]]
) -> Identity:
    """What a run is of.

    Args:
        run: its model and optimiser count by their options, a schedule by its name.
        loss: by its name.
        tape: of the loss of a row, if that was compiled.
        settings: the arguments on which the bits depend.
        rows: pairs of row and target, by what they are for.
    """
    optimizer = run.optimizer
    try:
        options = encode(run.model)["options"]
    except TypeError:  # a module of one's own
        options = {}
    changed = [run.names[parameter] for parameter in optimizer.params]
    return {
        "model": {
            "kind": type(run.model).__name__,
            **{name: _text(option) for name, option in options.items()},
            "parameters": f"{len(run.names)} ({_digest(run.names.values())})",
            "loss": _text(loss),
            "the graph of the loss": _digest([tape.steps, tape.outputs]) if tape else "recorded anew for each row",
        },
        "settings": {
            "optimizer": type(optimizer).__name__,
            **{name: _text(option) for name, option in optimizer.options().items()},
            "optimizer.params": f"{len(changed)} ({_digest(changed)})",
            **{name: _text(setting) for name, setting in settings.items()},
        },
        "data": {name: f"{len(pairs)} rows ({_digest_of_rows(pairs)})" for name, pairs in rows.items()},
    }


def _text(thing: Any) -> str:
    """A setting as text; a function by its name."""
    return getattr(thing, "__qualname__", type(thing).__name__) if callable(thing) else repr(thing)


def _line(found: Any) -> str:
    """What stands in a file, in an error of one line."""
    text = str(found)[:80]
    return text if text.isprintable() else ascii(text)


def _digest(things: Any) -> str:
    return hashlib.sha256(repr(list(things)).encode()).hexdigest()[:16]


def _digest_of_rows(pairs: Sequence[tuple[Sequence[float], Any]]) -> str:
    """Of pairs of a row and a target, all numbers' bits."""
    found = hashlib.sha256()
    for row, target in pairs:
        numbers = [*row, *(target if isinstance(target, list) else [target])]
        found.update(struct.pack(f"<{len(numbers)}d", *numbers))
    return found.hexdigest()[:16]
