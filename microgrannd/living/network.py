"""live: a model as a page in which it trains, or an expression as one in which it is computed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from .. import losses
from .._checks import Pairs, required_pairs, required_whole, seed_of
from .._text import described, visible
from ..compiler.javascript import as_object, module
from ..compiler.tape import tape
from ..engine.value import Value
from ..losses import Loss
from ..nn.module import Module
from ..nn.saving import encode
from ..optim import Adam, Optimizer, Schedule
from ..rules.ieee import ERRORS
from ..training.compiling import learner_for
from ..training.gradients import Compiled
from ..training.rows import divided
from .expression import expression_page
from .page import Page, page
from .structure import Unit, units_of

#: Parameters of a model on a page, at most: each frame draws and trains all of them.
MOST_PARAMETERS = 20_000


#: Steps of a schedule that a page follows, at most.
MOST_RATES = 10_000


#: Of its frame in a notebook.
HEIGHT = 900


def live(
    model: Module | Value,
    X: Iterable[Any] | None = None,
    y: Iterable[Any] | None = None,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 10,
    validation: float | tuple[Iterable[Any], Iterable[Any]] | None = None,
    seed: int | None = 0,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    title: str = "",
) -> Page:
    """Make a page in which a model trains, with every number in sight; or one of an expression that is computed anew.

    The page is one HTML file that needs no network: anybody can open it, change weights and options, train, and download
    the trained model as the file that `microgrannd.load` reads. The numbers are those of `fit` with the same batches.

    Args:
        model: that trains, from the weights that it has now; it is not changed. Or the result of an expression, whose leaves
            get sliders; then nothing else is given but a title.
        X: rows of numbers, all of one length.
        y: their targets, as for `fit`.
        loss: of a prediction and its target, as for `fit`.
        optimizer: over the model's parameters, or a part of them, with formulas (all of the library's). By default
            Adam with a learning rate of 0.01. The page follows a schedule for 10,000 steps, and then keeps its rate, as it
            does one that is typed in; an empty field follows the schedule again.
        batch_size: rows for each step; the page can change it.
        validation: rows to judge by: a share of X and y, or (X, y).
        seed: of the choice of these, and of the order of rows in the page.
        names: of the inputs, one for each; none for x1, x2, ...
        classes: the names of the classes that y counts, one for each.
        title: of the page.

    Returns:
        A `Page`: shows itself in a notebook, ``.save("page.html")`` writes the file.

    Raises:
        TypeError, ValueError: an argument is not what is needed; rows of several lengths; the loss of a row cannot be
            compiled, or uses a function that JavaScript does not have; more than 20,000 parameters.

    >>> from microgrannd import MLP, data, live, mse
    >>> live(MLP(2, [3, 1], seed=0), *data.xor(), loss=mse)
    a page, MLP, 13 parameters, 4 rows; .save(path) writes it
    """
    if not isinstance(title, str):
        raise TypeError(f"title needs to be a text, got {described(title)}")
    if isinstance(model, Value):
        if any(given is not None for given in (X, y, loss, optimizer, validation)) or len(names) or len(classes):
            raise TypeError(
                "live of an expression needs nothing but its result and a title: what else it takes is for a model"
            )
        return expression_page(model, title)
    return network_page(
        model, X, y, loss=loss, optimizer=optimizer, batch_size=batch_size, validation=validation, seed=seed,
        names=names, classes=classes, title=title,
    )  # fmt: skip


def network_page(
    model: Module,
    X: Iterable[Any] | None,
    y: Iterable[Any] | None,
    *,
    loss: Loss | None,
    optimizer: Optimizer | None = None,
    batch_size: int = 10,
    validation: float | tuple[Iterable[Any], Iterable[Any]] | None = None,
    seed: int | None = 0,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    title: str = "",
    task: dict[str, Any] | None = None,
) -> Page:
    """Return the page of a model, see `live`; `task` is what else the downloaded file has to hold."""
    if not isinstance(model, Module):
        raise TypeError(f"live needs a Module as model, or a Value, got {described(model)}")
    if X is None or y is None or not callable(loss):
        raise TypeError("live of a model needs X, y and loss=, as in mg.live(model, X, y, loss=mg.mse)")
    pairs = required_pairs(X, y)
    seed = seed_of(seed)
    rows, judged = divided(pairs, validation, seed)
    width = len(rows[0][0])
    if not width:
        raise ValueError("live needs rows of at least one number, got empty ones")
    for number, (row, _) in enumerate([*rows, *judged]):
        if len(row) != width or any(isinstance(cell, list) for cell in row):
            raise ValueError(
                f"live needs rows of one length, of numbers: row {number} has other cells than the first, {width}"
            )
    chosen = optimizer or Adam(model.parameters(), lr=0.01)
    learner = _learner(model, loss, rows, judged)
    program = learner.program
    if learner.masked:
        raise ValueError("live draws no masks, so no model with Dropout trains in its page: use Dropout(0) instead")
    if len(program.parameters) > MOST_PARAMETERS:
        raise ValueError(f"live takes at most {MOST_PARAMETERS:,} parameters, got {len(program.parameters):,}")
    required_whole("batch_size", batch_size, 1)
    shown, structure = _seen(model, rows[0][0], program.parameters)
    settled = chosen.settled() if isinstance(chosen, Optimizer) else None
    if settled is None:
        raise TypeError(f"live needs an optimizer with formulas (update), got {described(chosen)}")
    index = {parameter: number for number, parameter in enumerate(program.parameters)}
    trained = [index[parameter] for parameter in chosen.params if parameter in index]
    if not trained:
        raise ValueError("the loss depends on no parameter of the optimizer: make it of this model's")
    own = {parameter: name for name, parameter in model.named_parameters()}
    labels = {
        number: visible(parameter.label or f"parameter {number}", 80)
        for parameter, number in index.items()
        if parameter not in own
    }
    data = {
        "inputs": _texts("names", names, width, "inputs") or [f"x{i + 1}" for i in range(width)],
        "rows": [one.cells for one in learner.ready(rows)],
        "targets": [_target(pair[1]) for pair in rows],
        "judged": [one.cells for one in learner.ready(judged)],
        "judgedTargets": [_target(pair[1]) for pair in judged],
        "weights": [parameter.data for parameter in program.parameters],
        "labels": labels,
        "trained": trained,
        "kind": _kind(loss, structure["outputs"], rows),
        "classes": _texts("classes", classes, max(2, structure["outputs"]), "classes"),
        "batch": batch_size,
        "seed": (seed or 0) % 2**32,
        "optimizer": {
            "name": type(chosen).__name__, "rates": _rates(chosen.lr), "maxNorm": chosen.max_norm,
            "options": {name: float(getattr(chosen, name)) for name in settled.update.options}, "buffers": list(settled.update.buffers),
        },
        "file": _file(model, [(name, index.get(p), p.data) for p, name in own.items()], task),
        **structure,
    }  # fmt: skip
    programs = [
        f"const lossProgram = {as_object(module(program.tape, program.fixed, update=settled.update))};",
        f"const viewProgram = {as_object(shown)};",
    ]
    heading = title or f"{type(model).__name__}, {len(program.parameters):,} parameters, {len(rows):,} rows"
    return page(
        heading,
        "network.html",
        programs,
        ["numbers.js", "common.js", "file.js", "training.js", "network.js", "views.js", "controls.js"],
        data,
        HEIGHT,
    )


def _rates(lr: float | Schedule) -> list[float]:
    """Return the learning rate of each step, without those at the end that repeat the one before them."""
    if not callable(lr):
        return [float(lr)]
    rates = [float(lr(0))]
    with suppress(LookupError, *ERRORS):  # a schedule may end
        rates += (float(lr(step)) for step in range(1, MOST_RATES))
    while len(rates) > 1 and rates[-1] == rates[-2]:
        rates.pop()
    return rates


def _learner(model: Module, loss: Loss, rows: Pairs, judged: Pairs) -> Compiled:
    """Return what compiled the loss of a row.

    Raises:
        ValueError: it cannot be compiled.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        learner = learner_for(model, loss, rows, judged)
    if not isinstance(learner, Compiled):
        if not said:
            for row, target in rows:
                loss(model(row), target)  # raises the error of the loss
        raise ValueError(
            f"live needs a loss of a row that can be compiled: {said[0].message if said else 'it raises an error'}"
        )
    return learner


def _seen(model: Module, row: Sequence[float], parameters: Sequence[Value]) -> tuple[str, dict[str, Any]]:
    """Return the module that computes what is drawn: outputs, then results and sums of all units; and how units hang together."""
    inputs = [Value(cell) for cell in row]  # numbers for which the model has a value
    found = model(inputs)
    outputs = list(found) if isinstance(found, list | tuple) else [found]
    if not all(isinstance(output, Value) for output in outputs):
        raise TypeError(f"live needs a model that returns a Value, or a list of them, got {described(found)}")
    units = units_of(outputs, inputs, model)
    steps, leaves = tape([*outputs, *(unit.result for unit in units), *(unit.total for unit in units)], inputs)
    index = {parameter: number for number, parameter in enumerate(parameters)}
    fixed = {number: leaf.data for number, leaf in enumerate(leaves) if leaf not in index}
    sources = {value: number for number, value in enumerate([*inputs, *(unit.result for unit in units)])}
    structure = {
        "outputs": len(outputs),
        "order": [index[leaf] for leaf in leaves if leaf in index],
        "units": [_unit(unit, index, sources) for unit in units],
    }
    return module(steps, fixed), structure


def _unit(unit: Unit, index: dict[Value, int], sources: dict[Value, int]) -> dict[str, Any]:
    """Return a unit as plain data: of each link the source (units after the inputs) and the weight's index."""
    return {
        "name": visible(unit.name, 80),
        "column": unit.column,
        "links": [[sources[link.source], index[link.weight]] for link in unit.links if link.weight in index],
        "bias": index.get(unit.bias) if unit.bias is not None else None,
        "symbol": "" if unit.result is unit.total or unit.result._rule is None else visible(unit.result._rule.symbol),
        "activation": "" if unit.result is unit.total else unit.result._op,
    }


def _kind(loss: Loss, outputs: int, rows: Pairs) -> str:
    """Return what outputs mean: logits of several classes, a logit, a margin, a probability, or quantities."""
    if outputs > 1:
        counted = all(not isinstance(target, list) and target in range(outputs) for _, target in rows)
        return "classes" if counted else "numbers"
    known = {
        losses.binary_cross_entropy_with_logits: "logit", losses.hinge: "margin", losses.binary_cross_entropy: "probability",
    }  # fmt: skip
    return known.get(loss, "number")


def _texts(argument: str, texts: Sequence[str], count: int, things: str) -> list[str]:
    """Return names that can be shown, one for each of some things; none if none are given.

    Raises:
        TypeError: they are no list of texts.
        ValueError: they are too many, or too few.
    """
    found: list[Any] = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, str) else [None]
    if not all(isinstance(text, str) for text in found):
        raise TypeError(f"{argument} needs to be a list of texts, got {described(texts)}")
    if found and len(found) != count:
        raise ValueError(f"{argument} needs one for each of {count} {things}, got {len(found)}")
    return list(map(visible, found))


def _target(target: Any) -> Any:
    """Return a target as one number, or a list."""
    return target[0] if isinstance(target, list) and len(target) == 1 else target


def _file(model: Module, entries: list[tuple[str, int | None, float]], task: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the page makes a model file of: the model as plain data.

    Args:
        model: that is saved.
        entries: the name of each parameter, where it is among the page's weights, and, if it is not, its number.
        task: what else the file holds.
    """
    plain = encode(model)
    state = [[name, place] if place is not None else [name, None, data] for name, place, data in entries]
    return {
        "kind": plain["kind"], "options": _marked(plain["options"]), "state": state,
        **({} if task is None else {"task": _marked(task)}),
    }  # fmt: skip


def _marked(thing: Any) -> Any:
    """Mark floats, which JavaScript cannot tell from whole numbers."""
    if isinstance(thing, float):
        return {"float": thing}
    if isinstance(thing, dict):
        return {name: _marked(one) for name, one in thing.items()}
    return list(map(_marked, thing)) if isinstance(thing, list | tuple) else thing
