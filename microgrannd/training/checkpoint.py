"""Checkpoints: a training run in a file, from which it goes on as if it had never stopped, to the bit."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import sys
import warnings
from collections.abc import Mapping, Sequence
from errno import EEXIST
from os import PathLike
from typing import Any

from .._checks import is_whole
from .._files import UNFIT, FileError, read, remove_leftovers, write
from .._streams import level_of_user
from .._text import described, printable
from .._trees import leaves
from ..compiler.program import Program
from ..nn.saving import encode
from ..optim import Optimizer
from .fingerprints import digest, text_of
from .gradients import structure
from .run import Run, named

#: What must be the same for a run to go on: its name in the file, and its name in an error.
KINDS = {"model": "another model", "settings": "other settings", "data": "other data"}


#: The version of Python, on which bits may depend: from 3.12 on, sum() is compensated.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


#: For each of these, texts by name.
Identity = Mapping[str, Mapping[str, str]]


class Checkpoint:
    """The file of a run.

    Args:
        path: where it is.
        every: it is written at the start, after every so many epochs, and at the end.
        resume: go on from the file, if there is one.

    Raises:
        FileExistsError: there is one, and the run is not to go on from it.
        FileError: it is damaged, or not a checkpoint.
        ValueError: the path does not name a file.
        OSError: it cannot be read.
    """

    def __init__(self, path: str | PathLike[str], every: int, resume: bool) -> None:
        self.path, self.every = path, every
        self.target = os.path.abspath(path)  # stays the same if the process changes its folder
        if not os.fspath(path) or os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"checkpoint needs to be the name of a file, got {described(os.fspath(path))}")
        self.stored: dict[str, Any] | None = None
        self.waiting: dict[str, Any] | None = None
        if resume and os.path.exists(path):
            self.stored = read(path)
            if self.stored.keys() == {*KINDS, "seed", "state"}:
                raise FileError(f"{path}: a checkpoint of an older version, which this one cannot go on from")
            if self.stored.keys() != {*KINDS, "seed", "state", "python"}:
                raise FileError(f"{path}: not a checkpoint of a training")
        self._require_new()
        self.seed = self.stored["seed"] if self.stored else secrets.randbits(64)
        if not is_whole(self.seed):
            raise FileError(
                f"{path}: not a checkpoint that this version can go on from (its seed is not a whole number)"
            )

    def begin(self, run: Run, epochs: int, identity: Identity) -> None:
        """Bring a run to the state in the file, and write that: what cannot be written fails before anything is trained.

        Args:
            run: at its start.
            epochs: how many there are to be in the end.
            identity: what it is a run of.

        Raises:
            FileError: the file is of another model, other settings or other data (the message says which), or after
                more epochs; or its state does not fit.
            OSError: it cannot be written.
        """
        self.run, self.identity, self.options = run, identity, _options(run)
        remove_leftovers(self.target)
        if self.stored is None:
            self._require_new()
            self.waiting = run.state()
            self.write()
            return
        self._require_same(self.stored, identity)
        try:
            over = len(self.stored["state"]["loss"])
            if over <= epochs:
                self._write(self.stored)
                run.load_state(self.stored["state"])
        except UNFIT as error:
            raise FileError(f"{self.path}: not a checkpoint that this version can go on from ({error})") from None
        if self.stored["python"] != PYTHON and over <= epochs:
            warnings.warn(
                f"{self.path}: begun under Python {printable(str(self.stored['python']))[:20]}, this is {PYTHON}: the run "
                "goes on, but its bits may differ from those of one that was never stopped",
                stacklevel=level_of_user(),
            )
        if over > epochs:
            raise FileError(f"{self.path}: a checkpoint after {over} epochs, more than the {epochs} asked for")

    def note(self) -> None:
        """Take in the state after an epoch, and write it after so many epochs.

        Raises:
            TypeError: an optimiser of your own has state that the file would lose.
        """
        for optimizer, before, now in zip(self.run.optimizers, self.options, _options(self.run), strict=True):
            if changed := [name for name in now if now[name] != before.get(name)]:
                raise TypeError(
                    f"{type(optimizer).__name__} changes {', '.join(changed)}, which a checkpoint would lose: "
                    "name it in buffers, a list with a number for each parameter"
                )
        self.waiting = self.run.state()
        if self.run.epochs % self.every == 0:
            self.write()

    def write(self) -> None:
        """Write the state that was taken in last, if the file has another."""
        if self.waiting is not None:
            self._write({**self.identity, "seed": self.seed, "python": PYTHON, "state": self.waiting})
            self.waiting = None

    def _write(self, content: dict[str, Any]) -> None:
        try:
            write(self.target, content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(self.path)) from None

    def _require_new(self) -> None:
        if self.stored is None and os.path.exists(self.target):
            raise FileExistsError(
                EEXIST, "there already: go on from it with resume, or delete it", os.fspath(self.path)
            )

    def _require_same(self, stored: Mapping[str, Any], identity: Identity) -> None:
        for kind, other in KINDS.items():
            before, now = stored[kind], identity[kind]
            if not isinstance(before, dict):
                raise FileError(f"{self.path}: not a checkpoint that this version can go on from (its {kind})")
            for name in [*now, *before]:
                was, is_ = before.get(name, "absent"), now.get(name, "absent")
                if was != is_:
                    shown = [str(text).replace(".<locals>.<lambda>(", "(")[:80] for text in (was, is_)]
                    raise FileError(
                        f"{self.path}: a checkpoint of {other}: {str(name)[:80]} was {shown[0]}, is {shown[1]}"
                    )


def identity_of(
    run: Run, loss: Any, programs: Sequence[Program], settings: Mapping[str, Any], rows: Mapping[str, Sequence[Any]]
) -> Identity:
    """Return what identifies a run: its model, its settings and its data.

    Args:
        run: its model and optimiser count by their options.
        loss: a function, see `text_of`.
        programs: of the loss of a row of each structure, if that was compiled.
        settings: the arguments on which the bits depend.
        rows: pairs of row and target, by what they are for.
    """
    options = encode(run.model)["options"] or {}
    return {
        "model": {
            "kind": type(run.model).__name__,
            **_texts(options),
            "parameters": f"{len(run.names)} ({digest(run.names.values())})",
            "loss": text_of(loss),
            "the graph of the loss": ", ".join(_graph(program, run) for program in programs)
            or "recorded anew for each row",
            **({} if programs else _layers(run)),
        },
        "settings": {
            **_identity_of(run),
            **_texts(settings),
        },
        "data": {name: f"{len(pairs)} rows ({_digest_of_rows(pairs)})" for name, pairs in rows.items()},
    }


def _identity_of(run: Run) -> dict[str, str]:
    """Return what identifies the optimisers of a run."""
    found: dict[str, str] = {}
    for name, optimizer in named(run.optimizers).items():
        changed = [run.names[parameter] for parameter in optimizer.params]
        prefix = "" if len(run.optimizers) == 1 else f"{name}."
        options = {**_texts(optimizer.options()), **_own_update(optimizer)}
        found |= {name: type(optimizer).__name__, f"{name}.params": f"{len(changed)} ({digest(changed)})"}
        found |= {prefix + option: text for option, text in options.items()}
    return found


def _options(run: Run) -> list[dict[str, str]]:
    return [_texts(optimizer.options()) for optimizer in run.optimizers]


def _own_update(optimizer: Optimizer) -> dict[str, str]:
    """Return a digest of what an optimiser does that is not of this library."""
    kind = type(optimizer)
    if kind.__module__.startswith("microgrannd."):
        return {}
    by_method = optimizer.settled() is None
    return {"update": digest([text_of(kind._update)] if by_method else kind.update.items())}


def _graph(program: Program, run: Run) -> str:
    """Return a digest of a graph: its operations, which parameters they take, and the numbers of the other leaves."""
    steps, leaves = program.tape.steps, program.leaves
    rules = dict.fromkeys(step.rule for step in steps)
    own = [text_of(thing) for rule in rules for thing in rule.used.values() if hasattr(thing, "__code__")]
    return digest([steps, program.tape.outputs, [run.names.get(leaf, leaf.data) for leaf in leaves], own])


def _layers(run: Run) -> dict[str, str]:
    """Return the options of this library's layers in a model, by name: where there is no program, no graph tells them apart."""
    layers = {name: module for name, module in run.model.named_modules() if name and module._is_layer}
    return {
        name: text_of(layer.options()) if hasattr(layer, "options") else repr(layer) for name, layer in layers.items()
    }


def _texts(things: Mapping[str, Any]) -> dict[str, str]:
    return {name: text_of(thing) for name, thing in things.items()}


def _digest_of_rows(pairs: Sequence[tuple[Sequence[float], Any]]) -> str:
    """Return a digest of the bits of all numbers in pairs of row and target, and of lists in lists."""
    bits = hashlib.sha256()
    for row, target in pairs:
        pair = row if target is None else (row, target)
        numbers = leaves(pair)
        bits.update(struct.pack(f"<{len(numbers)}d", *numbers))
        if target is None or _is_nested(row) or _is_nested(target):
            bits.update(repr(structure(pair)).encode())  # the same numbers may be in other lists
    return bits.hexdigest()[:16]


def _is_nested(thing: Any) -> bool:
    return isinstance(thing, list | tuple) and any(isinstance(part, list) for part in thing)
