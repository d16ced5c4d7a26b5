"""Files: a model as JSON, with a version and a checksum, written whole or not at all.

Loading executes nothing: it reads numbers and names, and builds one of the library's own modules.
"""

from __future__ import annotations

from itertools import pairwise
from os import PathLike
from random import Random
from typing import Any

from .._files import UNFIT, FileError, read, write
from .layers import MLP, Layer, Neuron
from .module import Module

_KINDS: dict[str, type[Module]] = {"Neuron": Neuron, "Layer": Layer, "MLP": MLP}


def save(model: Module, path: str | PathLike[str]) -> None:
    """Write a Neuron, Layer or MLP to a file, its floats exactly.

    Raises:
        TypeError: a Module of one's own. Save its ``state_dict()``, say with the module `json`.
        OSError: the file cannot be written; an older one is as it was.
    """
    write(path, {"model": encode(model)})


def load(path: str | PathLike[str]) -> Any:
    """Read the model that `save` (or ``microgrannd train``) wrote.

    Raises:
        FileError: the file is damaged, of a newer version, or something else.
        OSError: it cannot be read.
    """
    return decode(read(path), path)


def encode(model: Module) -> dict[str, Any]:
    """A model as plain data."""
    kind = type(model).__name__
    if _KINDS.get(kind) is type(model):
        state = model.state_dict()
        plain = {"kind": kind, "options": model.options(), "state": state}  # type: ignore[attr-defined]
        twin = _fresh(kind, plain["options"])
        if repr(twin) == repr(model) and twin.state_dict().keys() == state.keys():
            return plain
    raise TypeError(
        f"save writes an unchanged {', '.join(_KINDS)}, got {kind}: save what its state_dict() gives, and load that "
        "with load_state_dict()"
    )


def decode(content: dict[str, Any], path: str | PathLike[str]) -> Module:
    """The model that `encode` made plain."""
    try:
        return _build(content["model"])
    except UNFIT as error:
        if "state" in content:
            raise FileError(
                f"{path}: a checkpoint of a training: fit(..., checkpoint=, resume=True) goes on from it"
            ) from None
        raise FileError(f"{path}: no model that this version can build ({error})") from None


def _build(plain: dict[str, Any]) -> Module:
    options, state = plain["options"], plain["state"]
    sizes = [options["nin"], *options.get("nouts", [options.get("nout", 1)])]
    # Before anything is built: a small file must not ask for a large model.
    if not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError("a size is no positive whole number")
    if sum((before + 1) * after for before, after in pairwise(sizes)) != len(state):
        raise ValueError("the sizes do not fit the number of parameters")
    model = _fresh(plain["kind"], options)
    model.load_state_dict(state)
    return model


def _fresh(kind: str, options: dict[str, Any]) -> Module:
    """A new model, made without drawing from the module `random`, whose stream is the user's."""
    return _KINDS[kind](**options, **({"seed": 0} if kind == "MLP" else {"rng": Random(0)}))
