"""The eager reader of an optimiser's formulas: functions generated with the formulas inlined, as those of rules are.

The loop changes data and buffers in place, which takes less time than new lists do; what they were before is kept
until it has come through, so that an error, or Ctrl-C, leaves everything as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .._checks import required_real
from .._text import visible
from ..engine.value import Value
from ..rules.formula import is_float, not_float, real_result
from ..rules.generated import generated
from ..rules.ieee import ERRORS
from .update import SCALAR, Lines, Update, names_in


@dataclass(frozen=True, eq=False)
class Settled:
    """The update of an optimiser with its options, and the functions that compute it.

    Attributes:
        update: for other readers.
        numbers: returns the update's constants in order, of the optimiser (for its options), lr and t.
        step: changes parameters and buffers, of the optimiser and lr.
    """

    update: Update
    numbers: Callable[[Any, float, float], tuple[float, ...]]
    step: Callable[[Any, float], None]


def methods(lines: Lines) -> tuple[Callable[[Any], Settled], Callable[[Any, float], None]]:
    """Generate the methods `Optimizer.settled` and ``_update`` of a class with these lines."""
    read = [f"{name} = _optimizer.{name}" for name in sorted(names_in(*lines.tests.values()) & lines.options)]
    settled = f"_made[({''.join(f'not not ({test}), ' for test in lines.tests)})]"
    made = _Made(lines)
    return (
        _function("settled", "_optimizer", [*read, f"return {settled}"], _made=made),
        _function("_update", "_optimizer, lr", [*read, f"{settled}.step(_optimizer, lr)"], _made=made),
    )


class _Made(dict[tuple[bool, ...], Settled]):
    """What was made of the lines of a class, by the outcomes of its tests: the first time that they come out like this."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __missing__(self, truths: tuple[bool, ...]) -> Settled:
        update = self.lines.settled(truths)
        made = self[truths] = Settled(update, _numbers(update), _step(update))
        return made


def _numbers(update: Update) -> Callable[[Any, float, float], tuple[float, ...]]:
    """Generate the function of an optimiser, lr and t that returns an update's constants."""
    result = f"return ({''.join(f'{name}, ' for name in update.constants)})"
    return _function("_numbers", "_optimizer, lr, t", [*_constants(update), result])


def _step(update: Update) -> Callable[[Any, float], None]:
    """Generate the function of an optimiser and lr that takes a step."""
    kept = "".join(f"({all_}, {old}), " for all_, old in _lists(update).values())
    body = [
        "_params = _optimizer.params",
        "_data = [_parameter.data for _parameter in _params]",
        *(
            line
            for name, (all_, old) in _lists(update).items()
            for line in (f"{all_} = _optimizer.{name}", f"{old} = {all_}[:]")
        ),
        "_index = -1",
        "try:",
        *(["    t = _float(_optimizer.steps)"] if "t" in names_in(*update.constants.values()) else []),
        *(f"    {line}" for line in _constants(update)),
        "    _index = 0",
        "    for _parameter in _params:",
        *(f"        {line}" for line in _loop(update)),
        "        _index += 1",
        "except _BaseException as _error:",
        f"    _undo(_optimizer, _error, _index, _data, ({kept}))",
        "    raise",
    ]
    return _function("_step", "_optimizer, lr", body)


def _lists(update: Update) -> dict[str, tuple[str, str]]:
    """Return what a buffer's list, and its copy from before the step, are called."""
    return {name: (f"_all_{name}", f"_old_{name}") for name in update.buffers}


def _constants(update: Update) -> Iterator[str]:
    """Yield the lines that compute the constants; options are floats from the start."""
    for name in update.options:
        yield f"{name} = _optimizer.{name}"
        yield f"if _type({name}) is not _float:"
        yield f"    {name} = _option(_optimizer, {name!r})"
    for name, tree in update.constants.items():
        if not (isinstance(tree, ast.Name) and tree.id == name):
            yield from _assigned([name], tree)


def _loop(update: Update) -> Iterator[str]:
    """Yield the lines that change a parameter, and its numbers in the buffers."""
    yield "p = _parameter.data"
    yield "if _type(p) is not _float:"
    yield "    p = _number(_parameter, _index)"
    yield "g = _parameter.grad"
    old = {name: f"{all_}[_index]" for name, (all_, _) in _lists(update).items()}
    later = list(update.lines.values())
    for name, tree in update.lines.items():
        later = later[1:]
        tree = _Renamed(old).visit(deepcopy(tree))
        stored = old.pop(name, "_parameter.data" if name == "p" else None)
        yield from _assigned([*([stored] if stored else []), *([name] if name in names_in(*later) else [])], tree)


class _Renamed(ast.NodeTransformer):
    """Writes other sources in the place of names."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """One name."""
        return ast.Name(self.sources.get(node.id, node.id), node.ctx)


def _assigned(targets: Sequence[str], tree: ast.expr) -> Iterator[str]:
    """Yield the lines that assign an expression, as a float."""
    assign = " = ".join([*targets, ""])
    yield f"{assign}{ast.unparse(tree)}"
    if not is_float(tree, not_float(SCALAR)):
        yield f"if _type({targets[0]}) is not _float:"
        yield f"    {assign}_real({targets[0]})"


def _function(name: str, parameters: str, body: Iterable[str], **more: Any) -> Callable[..., Any]:
    source = "".join(f"    {line}\n" for line in body)
    names = {
        **SCALAR, **more, "_type": type, "_float": float, "_BaseException": BaseException,
        "_real": real_result, "_option": _option, "_number": _number, "_undo": _undo,
    }  # fmt: skip
    return generated(name, f"def {name}({parameters}):\n{source}", names)


def _option(optimizer: Any, name: str) -> float:
    return required_real(f"{type(optimizer).__name__}.{name}", getattr(optimizer, name))


def _number(parameter: Value, index: int) -> float:
    return required_real(f"{visible(parameter.label) or f'params[{index}]'}.data", parameter.data)


def _undo(
    optimizer: Any,
    error: BaseException,
    index: int,
    data: Sequence[float],
    kept: Sequence[tuple[list[float], list[float]]],
) -> None:
    """Set parameters and buffers to what they were, and make the error say where it was."""
    for parameter, number in zip(optimizer.params, data, strict=True):
        parameter.data = number
    for numbers, before in kept:
        numbers[:] = before
    if isinstance(error, (*ERRORS, TypeError)):
        where = "its constants" if index < 0 else visible(optimizer.params[index].label) or f"params[{index}]"
        reason = error.args[-1] if error.args else type(error).__name__
        error.args = (
            f"{type(optimizer).__name__} cannot compute {where} in step {optimizer.steps}: {reason}; nothing was changed",
        )
