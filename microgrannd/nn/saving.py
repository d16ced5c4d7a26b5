"""Files: a model as JSON, with a version and a checksum, written whole or not at all.

Loading executes nothing: it reads numbers and names, and builds one of the library's own modules, or fills one that is
given.
"""

from __future__ import annotations

from itertools import pairwise
from os import PathLike
from random import Random
from typing import Any

from .._checks import required_whole
from .._files import UNFIT, FileError, read, write
from .._text import described
from . import layers  # noqa: F401  # which fills the register
from .module import REBUILT, Module


def save(model: Module, path: str | PathLike[str]) -> None:
    """Write the parameters of a module to a file, every float exactly, and the options of the library's own modules.

    Args:
        model: any Module.
        path: of the file, which is written whole or not at all.

    Raises:
        TypeError: model is not a Module.
        OSError: the file cannot be written; an older one is as it was.

    >>> from microgrannd import MLP
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with TemporaryDirectory() as folder:
    ...     save(model, Path(folder, "model.json"))
    ...     again = load(Path(folder, "model.json"))
    >>> again, again.state_dict() == model.state_dict()
    (MLP(2, [3, 1], activation='relu'), True)
    """
    if not isinstance(model, Module):
        raise TypeError(f"save needs a module and then a path, got {described(model)}")
    write(path, {"model": encode(model)})


def load(path: str | PathLike[str], into: Module | None = None) -> Any:
    """Read the model that `save` (or ``microgrannd train``) wrote.

    Args:
        path: of the file.
        into: a module of the same form, whose parameters are set; needed for modules of your own, which the file
            does not say how to make.

    Returns:
        A new model, or the one that was given.

    Raises:
        FileError: the file is damaged, of a newer version, or something else; or its parameters are not those of
            ``into``, of which then none is set.
        OSError: it cannot be read.

    >>> from microgrannd import MLP
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> model, other = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=1)
    >>> with TemporaryDirectory() as folder:
    ...     save(model, Path(folder, "model.json"))
    ...     _ = load(Path(folder, "model.json"), into=other)
    >>> other.state_dict() == model.state_dict()
    True
    """
    if into is None:
        return decode(read(path), path)
    if not isinstance(into, Module):
        raise TypeError(f"into needs to be a module of the form that was saved, got {described(into)}")
    try:
        saved, own = read(path)["model"], encode(into)
        if saved["kind"] == own["kind"] and saved["options"] and own["options"]:
            for name, option in saved["options"].items():
                if own["options"][name] != option:
                    raise ValueError(f"it was saved with {name}={option!r}, into has {own['options'][name]!r}")
        into.load_state_dict(saved["state"])
    except UNFIT as error:
        raise FileError(f"{path}: its parameters do not fit the model given as into: {error.args[0]}") from None
    return into


def encode(model: Module) -> dict[str, Any]:
    """Return a model as plain data; its options are None if they do not suffice to make it."""
    return {"kind": type(model).__name__, "options": _options(model), "state": model.state_dict()}


def decode(content: dict[str, Any], path: str | PathLike[str]) -> Module:
    """Return the model from the plain data of `encode`."""
    try:
        kind, plain = content["model"]["kind"], content["model"]
        if plain["options"] is not None:
            return _build(plain)
    except UNFIT as error:
        if "state" in content:
            raise FileError(
                f"{path}: a checkpoint of a training: fit(..., checkpoint=, resume=True) goes on from it"
            ) from None
        raise FileError(f"{path}: not a model that this version can build ({error})") from None
    raise FileError(f"{path}: the parameters of {kind}: make such a module and load(path, into=it)")


def _options(model: Module) -> dict[str, Any] | None:
    """Return the options that make a model again; None if there are none, or it was changed since."""
    kind = type(model).__name__
    if REBUILT.get(kind) is not type(model):
        return None
    options: dict[str, Any] = model.options()  # type: ignore[attr-defined]  # what is registered has them
    if any(map(callable, options.values())):
        return None
    twin = _fresh(kind, options)
    same = _parts(twin) == _parts(model) and twin.state_dict().keys() == model.state_dict().keys()
    return options if same else None


def _parts(model: Module) -> list[tuple[str, str]]:
    return [(name, repr(module)) for name, module in model.named_modules()]


def _build(plain: dict[str, Any]) -> Module:
    options, state = plain["options"], plain["state"]
    # Before anything is built: a small file must not ask for a large model.
    sizes = [options["nin"], *options.get("nouts", [options.get("nout", 1)])]
    sizes = [required_whole("a size", size, 1) for size in sizes]
    bias = options.get("bias", True)
    if type(bias) is not bool or sum((before + bias) * after for before, after in pairwise(sizes)) != len(state):
        raise ValueError("the sizes do not fit the number of parameters")
    model = _fresh(plain["kind"], options)
    model.load_state_dict(state)
    return model


def _fresh(kind: str, options: dict[str, Any]) -> Module:
    """Make a new model without drawing from the module `random`, whose stream is the user's."""
    return REBUILT[kind](**options, **({"seed": 0} if kind == "MLP" else {"rng": Random(0)}))
