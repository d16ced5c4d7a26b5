"""Tests of gradients: gradcheck, by exact differences, operation by operation.

>>> import microgrannd as mg
>>> from microgrannd.testing import gradcheck
>>> gradcheck(lambda x, y: mg.exp(x * y) / y, [0.5, 2.0])
True
>>> @mg.rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 3")
... def squash(x):
...     "Its partial is wrong."
>>> gradcheck(lambda x: 2 * squash(x), [3.0])
Traceback (most recent call last):
microgrannd.testing.GradientError: df/dx at x = 3.0 is wrong: backward() gives 0.03125, exact differences give 0.125
The first operation whose own derivative is wrong is squash, y = x / (1 + abs(x)), at x = 3.0 (label 'x'):
    dx = 1 / (1 + abs(x)) ** 3 gives 0.015625, exact differences give 0.0625

As a pytest fixture, `gradcheck` needs no import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .._checks import required_whole
from .._guesses import suggesting
from .._text import described
from .._trees import leaves, paths
from ..engine.value import Value
from ..functional import Call
from ..nn.module import Module
from . import steps
from .point import Point


@suggesting("gradcheck")
def gradcheck(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    rtol: float = 0.0,
    parameters: Iterable[Value] | Mapping[str, Value] | Module = (),
) -> bool:
    """Check the derivatives of a function at a point: those of each operation in it, and the whole function's.

    Each operation's recorded partials are compared with the exact derivative of its formula at its recorded operands:
    a difference of numbers so precise that neither truncation nor rounding is left in it. What backward() and forward
    mode add up is added up again without rounding. f is recorded again nearby, to find what its graph does not show.

    Args:
        f: a function of Values that returns a Value, or a structure of them.
        args: its arguments: numbers, or nested lists, dicts and arrays of them.
        order: 2 checks the second derivatives too, and so on.
        rtol: a further relative error to forgive, for a rule whose partial is an approximation.
        parameters: Values to differentiate by besides the arguments: ``model.parameters()``, a dict by name, or the model.

    Returns:
        True.

    Raises:
        GradientError: (an AssertionError) a derivative is wrong; it names the argument and the first operation at fault.
        NonDifferentiableError: (a ValueError) there is none at this point.
        UndecidedError: (a ValueError) an operation uses a Python function of one's own, and differences of floats do
            not tell.
        TypeError, ValueError: f returns no Value, ignores an argument, is not deterministic, or not finite.

    >>> from microgrannd import sin
    >>> from microgrannd.testing import gradcheck
    >>> gradcheck(lambda x, y: sin(x * y), [1.0, 2.0], order=2)
    True
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    required_whole("order", order, 1)
    if not rtol >= 0:
        raise ValueError(f"rtol needs to be a number of at least 0, got {described(rtol)}")
    named = _named(f, parameters)
    if not isinstance(args, (list, tuple)) or not leaves(args) and not named:
        raise TypeError(f"gradcheck needs a list of the arguments to differentiate by, got {described(args)}")
    groups = [*_names(f, args), *([name] for name in named)]
    values = list(named.values())
    point = Point(f, args, values, groups)
    point.refuse_bad_use()
    point.outputs = list(paths(point.call.run(f, {}), "f"))
    steps.check(point, rtol)
    higher = point
    for further in range(2, order + 1):
        f = _all_gradients(f, len(args), values)
        outputs = [f"(d{output}/d{name})" for output in higher.outputs for name in point.names]
        higher = Point(f, args, values, groups, outputs)
        steps.check_order(point, further, higher, rtol)
    return True


def _names(f: Callable[..., Any], args: Sequence[Any]) -> list[list[str]]:
    """What each number of each argument is called: by the function's parameters, where they can be found."""
    roots = [f"args[{index}]" for index in range(len(args))]
    try:
        parameters = [*inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):  # of some functions written in C
        parameters = []
    for index, parameter in enumerate(parameters[: len(args)]):
        if parameter.kind is parameter.VAR_POSITIONAL:
            break
        roots[index] = parameter.name
    return [list(paths(argument, root)) for argument, root in zip(args, roots, strict=True)]


def _named(f: Callable[..., Any], parameters: Any) -> dict[str, Value]:
    """The parameters by name: their own, that in a Module which f uses, or else by their index."""
    if isinstance(parameters, Module):
        found = dict(parameters.named_parameters())
    elif isinstance(parameters, Mapping):
        found = dict(parameters)
    else:
        used = (
            [*inspect.getclosurevars(f).nonlocals.values(), *inspect.getclosurevars(f).globals.values()]
            if inspect.isfunction(f)
            else [f]
        )
        known = {p: name for module in used if isinstance(module, Module) for name, p in module.named_parameters()}
        found = {}
        for index, value in enumerate(parameters):
            name = known.get(value) if isinstance(value, Value) else None
            found[name or getattr(value, "label", "") or f"parameters[{index}]"] = value
    for name, value in found.items():
        if not isinstance(value, Value) or value._rule is not None:
            raise TypeError(f"{name} needs to be a Value that is no result, got {described(value)}")
    return found


def _all_gradients(f: Callable[..., Any], count: int, parameters: list[Value]) -> Callable[..., Any]:
    """The derivatives of all of a function's results by all of its arguments and parameters, in a row."""

    def gradients(*args: Any) -> list[Any]:
        call = Call(args, range(count))
        call.variables += parameters
        rows = [call.reverse(result) for result in leaves(call.run(f, {}))]
        return [row.get(variable, 0.0) for row in rows for variable in call.variables]

    return gradients
