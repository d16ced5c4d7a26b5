"""Compiles the loss of a row, and checks the program against recorded rows before it is trusted."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from math import isfinite
from operator import itemgetter
from typing import Any

from .._checks import Pairs
from .._streams import level_of_user
from .._text import described
from .._trees import filled, leaves
from ..compiler.program import Program
from ..compiler.tape import Tape, tape
from ..engine.contexts import no_grad, paused_gc
from ..engine.value import Value
from ..losses import Loss
from ..nn.masks import NO_ROW, Masks, masking
from ..nn.module import Module
from ..rules.ieee import ERRORS
from .gradients import Compiled, Distributed, Eager, cells_of, grouped
from .randomness import Draws
from .structures import Structured

#: Rows of which the loss is compared with a recording before a program is trusted; those of which it is compared at other
#: weights too, where branches of a loss may part that were alike; those of which the gradient is.
SAMPLES, MOVED, GRADIENTS = 50, 20, 5


#: Structures of rows, at most, for each of which a program is kept.
MOST_STRUCTURES = 64


#: Factors by which weights are changed to compare gradients again: a little, to the other sign, far.
MOVES = (0.01, -2.0, 3.0)


def learner_for(
    model: Module,
    loss: Loss,
    rows: Pairs,
    judged: Pairs = (),
    backend: str = "python",
    executor: Executor | None = None,
) -> Eager | Compiled:
    """Return a `Compiled` if rows of one structure record the same graph; else, with a warning, an `Eager`, which records each.

    Raises:
        ValueError: the loss cannot be compiled, but there is an executor, which needs a program.
        PicklingError: an operation of your own cannot be sent to an executor.
    """
    eager = Eager(model, loss)
    compiled = _of_structures(eager, rows, judged, backend)
    if isinstance(compiled, Structured) and executor is not None:
        raise ValueError("executor needs rows of one structure")
    if isinstance(compiled, Compiled):
        return compiled if executor is None else Distributed(compiled, executor, rows)
    if compiled is None:
        return eager  # whose first step raises the error
    if executor is not None:
        raise ValueError(f"executor needs a loss of a row that can be compiled: {compiled}")
    warnings.warn(
        f"the loss of a row cannot be compiled: {compiled}. Each row is recorded anew, which is slower",
        stacklevel=level_of_user(),
    )
    return eager


@paused_gc()
def _of_structures(eager: Eager, rows: Pairs, judged: Pairs, backend: str) -> Compiled | str | None:
    """Compile the loss of a row of each structure; see `_compiled`."""
    groups = {**grouped(judged), **grouped(rows)}
    if len(groups) > MOST_STRUCTURES:
        return f"rows have {len(groups)} structures, more than {MOST_STRUCTURES}"
    parts: dict[Any, Compiled] = {}
    for key, group in groups.items():
        compiled = _compiled(eager, group, backend, len(groups))
        if not isinstance(compiled, Compiled):
            return compiled
        parts[key] = compiled
    return Structured(parts) if len(parts) > 1 else compiled


def _compiled(eager: Eager, rows: Pairs, backend: str, among: int) -> Compiled | str | None:
    """Compile the loss of a row, one structure among some.

    Returns:
        Why that cannot be, if it cannot; None if the loss raises an error for some row.
    """
    try:
        for pair in _unlike(rows):
            _root(eager, *pair)
    except (TypeError, *ERRORS):
        return None
    draws = Draws(eager.model, eager.loss)
    try:
        width, first, second = _recorded_twice(eager, rows, draws)
    except (TypeError, *ERRORS) as error:
        return f"it does not take Values for a row's numbers ({type(error).__name__}: {error})"
    if draws.seen():
        return "it draws random numbers"
    own = eager.model.parameters()
    if not _same(first, second, set(own)):
        return "it records another graph for another row"
    masked = first[0].inputs > len(cells_of(*rows[0], width))
    compiled = Compiled(Program(*first, single=True, backend=backend), eager, width, masked)
    others = {*own, *second[1]}  # without leaves that each call makes anew
    parameters = list(dict.fromkeys([*own, *(leaf for leaf in first[1] if leaf in others - {eager.epoch})]))
    samples = _spread(_samples(rows), max(SAMPLES * 2 // among, 2))
    moved = max(MOVED // among, 1)
    try:
        with _restored(parameters):
            some = list(enumerate(_spread(samples, max(GRADIENTS // among, 1))))
            if not all(_same_loss(compiled, pair, number) for number, pair in enumerate(samples)) or not all(
                _same_gradients(compiled, pair, number, parameters) for number, pair in some
            ):
                return "it differs between plain numbers and Values (does it use a branch, ==, or random numbers?)"
    except (TypeError, *ERRORS):
        return None
    for factor in MOVES[: max(len(MOVES) // among, 1)]:
        with _restored(parameters):
            _move(parameters, factor)
            if not _agrees(compiled, _spread(samples, moved), parameters):
                return "it uses numbers of weights or rows that its graph does not show (by .data, detach or a branch)"
    return compiled


def _recorded_twice(
    eager: Eager, rows: Pairs, draws: Draws
) -> tuple[int, tuple[Tape, list[Value]], tuple[Tape, list[Value]]]:
    """Record two unlike rows; return the width for `Compiled` (0, or the number of classes if they are one-hot) and the graphs.

    Raises:
        TypeError, ArithmeticError, ValueError: the loss takes a Value for a target in neither form.
    """
    problem: Exception | None = None
    for width in _widths(eager, *rows[0]):
        recordings = []
        try:
            for number, pair in enumerate(_unlike(rows)):
                recordings.append(_recorded(eager, pair, width, number))
                draws.note()
        except (TypeError, *ERRORS) as error:
            problem = problem or error
        else:
            return width, recordings[0], recordings[1]
    assert problem is not None  # there is a first width
    raise problem


def _widths(eager: Eager, row: Any, target: Any) -> Iterator[int]:
    yield 0
    with no_grad():
        output = eager.model(row)
    if isinstance(output, list) and target in range(len(output)):
        yield len(output)


@contextmanager
def _restored(parameters: Sequence[Value]) -> Iterator[None]:
    """Restore the data and gradients of Values at the end."""
    before = [(parameter.data, parameter.grad) for parameter in parameters]
    try:
        yield
    finally:
        for parameter, (data, gradient) in zip(parameters, before, strict=True):
            parameter.data, parameter.grad = data, gradient


def _move(parameters: Sequence[Value], factor: float) -> None:
    """Change each parameter's data by a random part of itself, up to a factor."""
    rng = random.Random(0)
    for parameter in parameters:
        parameter.data += factor * rng.uniform(0.5, 1.0) * (parameter.data or 0.1)


def _unlike(rows: Pairs) -> tuple[Any, Any]:
    """Return two rows, with unlike targets if there are any."""
    return rows[0], next((pair for pair in rows if pair[1] != rows[0][1]), rows[-1])


def _recorded(eager: Eager, pair: tuple[tuple[float, ...], Any], width: int, number: int) -> tuple[Tape, list[Value]]:
    row, target = pair
    cells = [Value(x) for x in cells_of(row, target, width)]
    inside = len(leaves(row))
    inputs, targets = cells[:inside], cells[inside:]
    given = targets if width else None if target is None else filled(target, targets)
    masks = Masks(eager.epoch, Value(float(number), "row"))
    with masking(masks):
        root = _root(eager, list(filled(row, inputs)), given)
    if masks.drawn:
        cells.append(masks.row)
    return tape([root], cells, {parameter: name for name, parameter in eager.model.named_parameters()})


def _root(eager: Eager, row: Any, target: Any) -> Value:
    root = eager.loss(eager.model(row), target)
    if not isinstance(root, Value) or not root._depth:
        raise TypeError(f"the loss needs to be a Value that depends on the model, got {described(root)}")
    return root


def _same(first: tuple[Tape, list[Value]], second: tuple[Tape, list[Value]], own: set[Value]) -> bool:
    """Tell whether two recordings are of one graph: the same steps, over the same parameters and equal other leaves."""
    (steps, leaves), (other_steps, other_leaves) = first, second
    return (
        steps.steps == other_steps.steps
        and steps.outputs == other_steps.outputs
        and len(leaves) == len(other_leaves)
        and all(a is b or not {a, b} & own and repr(a) == repr(b) for a, b in zip(leaves, other_leaves, strict=True))
    )


def _samples(rows: Pairs) -> list[Any]:
    """Choose rows: some spread over all, the first ones of unlike targets, and those of the least and largest numbers."""
    unlike = {repr(pair[1]): pair for pair in reversed(rows)}
    extreme: list[Any] = []
    if type(rows[0][1]) is float:
        extreme += [most(rows, key=itemgetter(1)) for most in (min, max)]
    numbers = [index for index, cell in enumerate(rows[0][0]) if type(cell) is float]
    for cell in numbers[: SAMPLES // 5]:
        extreme += [most(rows, key=lambda pair: pair[0][cell]) for most in (min, max)]  # called at once
    chosen = [*rows[:: -(-len(rows) // SAMPLES)], *list(unlike.values())[-SAMPLES:], *extreme]
    return list({id(pair): pair for pair in chosen}.values())


def _agrees(compiled: Compiled, samples: Pairs, parameters: Sequence[Value]) -> bool:
    """Tell whether rows agree at other weights, as far as these are no error, which says nothing about the program."""
    checks = [partial(_same_loss, compiled, pair, number) for number, pair in enumerate(samples)]
    some = enumerate(_spread(samples, GRADIENTS))
    checks += [partial(_same_gradients, compiled, pair, number, parameters) for number, pair in some]
    for check in checks:
        with suppress(TypeError, *ERRORS):
            if not check():
                return False
    return True


def _spread(samples: Pairs, count: int) -> Pairs:
    """Choose some of these rows, from the first to the last."""
    return samples[:: -(-len(samples) // count)]


def _same_loss(compiled: Compiled, pair: tuple[tuple[float, ...], Any], number: int) -> bool:
    """Tell whether a row has the same loss recorded and by the program; with the masks of a number too, if there are any."""
    numbers = [NO_ROW, number] if compiled.masked else [NO_ROW]
    return all(map(compiled.agrees, compiled.ready([pair] * len(numbers), numbers)))


def _same_gradients(
    compiled: Compiled, pair: tuple[tuple[float, ...], Any], number: int, parameters: Sequence[Value]
) -> bool:
    """Tell whether a row has the same loss and gradients recorded and by the program, where these are finite."""
    error, outcomes = _outcomes(compiled, pair, number, parameters)
    return all(abs(a - b) <= error or not isfinite(a) for a, b in outcomes)


def _outcomes(
    compiled: Compiled, pair: tuple[tuple[float, ...], Any], number: int, parameters: Sequence[Value]
) -> tuple[float, list[tuple[float, float]]]:
    """Return the tolerance for a row's loss and gradients, and these numbers, recorded and by the program."""
    learners: list[Any] = [compiled.eager, compiled]
    outcomes = []
    for learner in learners:
        for parameter in parameters:
            parameter.grad = 0.0
        try:
            outcomes.append(
                [learner.gradients(learner.ready([pair], [number])), *(parameter.grad for parameter in parameters)]
            )
        except FloatingPointError:
            return 0.0, []
    error = 1e-9 * max((abs(number) for number in outcomes[0] if isfinite(number)), default=0.0) + 1e-12
    return error, list(zip(*outcomes, strict=True))
