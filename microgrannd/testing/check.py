"""Tests of gradients: gradcheck, and Hypothesis strategies that draw expressions and points.

>>> import microgrannd as mg
>>> from microgrannd.testing import gradcheck
>>> gradcheck(lambda x, y: mg.exp(x * y) / y, [0.5, 2.0])
True
>>> @mg.rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 3")
... def squash(x):
...     "Its partial is wrong."
>>> gradcheck(lambda x: 2 * squash(x), [3.0])
Traceback (most recent call last):
microgrannd.testing.GradientError: df/dx at x = 3.0 is wrong: backward() gives 0.03125, differences give 0.125 ± 5e-13
The first operation whose own derivative is wrong is squash, y = x / (1 + abs(x)), at x = 3.0 (label 'x'):
    dx = 1 / (1 + abs(x)) ** 3 gives 0.015625, differences give 0.0625 ± 2e-13

As a pytest fixture, `gradcheck` needs no import. The strategies need Hypothesis, the extra ``testing``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from .._checks import required_real
from .._text import described
from .._trees import filled, leaves, paths
from ..engine.graph import Edge, arguments, number, topological
from ..engine.value import Value
from ..functional import Call, jacobian
from ..rules.errors import given
from ..rules.rule import Rule
from .differences import Estimate, directions, slopes
from .rounding import BOUND, TINY, UNIT, gradient_errors, partial_errors, running_errors

if TYPE_CHECKING:
    from .strategies import expressions as expressions
    from .strategies import points as points

__all__ = ["GradientError", "NonDifferentiableError", "expressions", "gradcheck", "points"]


class GradientError(AssertionError):
    """A derivative that is not that of the function."""

    __module__ = "microgrannd.testing"


class NonDifferentiableError(ValueError):
    """There is no derivative to compare with: a kink, an edge of the domain."""

    __module__ = "microgrannd.testing"


def gradcheck(f: Callable[..., Any], args: Sequence[Any], order: int = 1, rtol: float = 0.0) -> bool:
    """Check the derivatives of a function at a point: the whole function's, and those of each operation in it.

    The reference are extrapolated central differences with a bound on their own error, to which a bound on the
    rounding of the formulas is added: usually about 1e-12 of the derivative, at most 1e-6. Reverse and forward
    mode are checked both, by every argument and, of several, in one direction that mixes them.

    Args:
        f: a function of Values that returns a Value, or a structure of them.
        args: its arguments: numbers, or nested lists, dicts and arrays of them.
        order: 2 checks the second derivatives too, and so on.
        rtol: a further relative error to forgive, for a rule whose partial is an approximation.

    Returns:
        True.

    Raises:
        GradientError: (an AssertionError) a derivative is wrong; it names the argument and the first operation at fault.
        NonDifferentiableError: (a ValueError) there is none at this point.
        TypeError, ValueError: f returns no Value, ignores an argument, is not the same on two calls, or not finite.
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    if not isinstance(args, (list, tuple)) or not leaves(args):
        raise TypeError(f"gradcheck needs a list of the arguments to differentiate by, got {described(args)}")
    names = _names(f, args)
    check = _Check(f, args, names, rtol)
    check.refuse_bad_use()
    outputs = list(paths(check.call.run(f, {}), "f"))
    check.derivatives(outputs)
    for _ in range(1, order):
        f = _all_gradients(f, len(args))
        outputs = [f"(d{output}/d{name})" for output in outputs for name in check.names]
        _Check(f, args, names, rtol).derivatives(outputs)
    return True


def _names(f: Callable[..., Any], args: Sequence[Any]) -> list[list[str]]:
    """What each number of each argument is called: by the function's parameters, where they can be found."""
    roots = [f"args[{place}]" for place in range(len(args))]
    try:
        parameters = [*inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):  # of some functions written in C
        parameters = []
    for place, parameter in enumerate(parameters[: len(args)]):
        if parameter.kind is parameter.VAR_POSITIONAL:
            break
        roots[place] = parameter.name
    return [list(paths(argument, root)) for argument, root in zip(args, roots, strict=True)]


def _all_gradients(f: Callable[..., Any], count: int) -> Callable[..., Any]:
    """The derivatives of all of a function's results by all of its arguments, in a row."""
    return lambda *args: leaves(jacobian(lambda *inner: leaves(f(*inner)), range(count))(*args))


class _Check:
    """A function at a point."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], names: list[list[str]], rtol: float) -> None:
        self.f, self.args, self.names_by_argument, self.rtol = f, args, names, rtol
        self.names = [name for group in names for name in group]
        self.point = [required_real(name, x) for name, x in zip(self.names, leaves(args), strict=True)]
        self.call, self.results = self.run(self.point)

    def run(self, numbers: Iterable[float]) -> tuple[Call, list[Any]]:
        """Call the function at these numbers in the place of those of its arguments."""
        call = Call(filled(list(self.args), numbers), range(len(self.args)))
        for variable, name in zip(call.variables, self.names, strict=True):
            variable.label = name
        return call, leaves(call.run(self.f, {}))

    def refuse_bad_use(self) -> None:
        for result in self.results or [None]:
            if not isinstance(result, Value):
                raise TypeError(f"gradcheck needs a function that returns a Value or several, got {described(result)}")
            if not isfinite(result.data):
                raise ValueError(f"f gives {result.data} {self.where()}")
        reached = set(topological(*self.results))
        variables = iter(self.call.variables)
        for argument in self.names_by_argument:
            if argument and reached.isdisjoint([next(variables) for _ in argument]):
                raise ValueError(f"f ignores {', '.join(argument)}: nothing that it returns was computed from it")
        first, second = _signature(self.results), _signature(self.run(self.point)[1])
        if first != second:
            pairs = zip(first, second, strict=False)
            place = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
            then = " and then ".join(graph[place] if place < len(graph) else "nothing" for graph in (first, second))
            raise ValueError(f"f is no function: two calls with the same arguments recorded, as node {place}, {then}")

    def where(self) -> str:
        shown = [f"{name} = {x!r}" for name, x in zip(self.names[:6], self.point, strict=False)]
        return "at " + ", ".join(shown) + (", ..." if len(self.names) > 6 else "")

    def derivatives(self, outputs: Sequence[str]) -> None:
        """Compare the derivatives of all results, then those of all operations; raise for the first that is wrong."""
        __tracebackhide__ = True
        recorded = [_backward(place, result, self.call.variables) for place, result in enumerate(self.results)]
        for name, speeds in zip(
            [*self.names, "t (all arguments moving at once)"], directions(len(self.names)), strict=False
        ):
            at = self.along(speeds)
            for place, output in enumerate(outputs):
                self.derivative(f"d{output}/d{name}", recorded[place], speeds, at)
        self.blame(f"The derivatives of f {self.where()} are right, not so those of its operations", "")

    def derivative(
        self, name: str, recorded: _Recorded, speeds: list[float], at: Callable[[float], list[float]]
    ) -> None:
        """Compare the derivative of one result in one direction."""
        __tracebackhide__ = True
        terms = list(zip(recorded.gradients, self.point, speeds, strict=True))
        got = sum(gradient.value * speed for gradient, _, speed in terms)
        rounding = sum(gradient.error * abs(speed) for gradient, _, speed in terms)
        moving = UNIT * sum(abs(gradient.value * x * speed) for gradient, x, speed in terms)
        nearest = min((abs(x) for _, x, speed in terms if speed and x), default=0.0)
        found = slopes(lambda t: at(t)[recorded.place], nearest, recorded.noise + moving)
        if trouble := found.trouble():
            raise NonDifferentiableError(f"{name} does not exist {self.where()}: {trouble}")
        forward = self.call.forward(recorded.result, dict(zip(self.call.variables, speeds, strict=True)))
        if found.central.differs(got, rounding + self.rtol * abs(got)):
            other = f"differences give {_shown(found.central, rounding)}"
        elif Estimate(got, 2 * rounding).differs(forward):
            other = f"forward mode gives {forward!r}"
        else:
            return
        self.blame(
            f"{name} {self.where()} is wrong: backward() gives {got!r}, {other}",
            "The derivative of each operation is right: f depends on its arguments in a way that the graph does not show "
            "(by .data, detach() or no_grad?)",
        )

    def blame(self, problem: str, otherwise: str) -> None:
        """Raise, naming the first wrong operation; if there is none, with the other reason, or not at all.

        Always from the same line: Hypothesis takes that for one failure, and shrinks it further.
        """
        __tracebackhide__ = True
        if reason := _wrong_operation(self.results, self.rtol) or otherwise:
            raise GradientError(f"{problem}\n{reason}")

    def along(self, direction: Sequence[float]) -> Callable[[float], list[float]]:
        """The function's results as a function of a displacement in a direction."""

        @cache
        def at(t: float) -> list[float]:
            moved = [x + t * d for x, d in zip(self.point, direction, strict=True)]
            return [number(result) for result in self.run(moved)[1]]

        return at


def _signature(results: Sequence[Value]) -> list[str]:
    """What a graph consists of: equal for equal graphs."""
    order = topological(*results)
    places: dict[Any, Any] = {node: f"node {place}" for place, node in enumerate(order)}
    nodes = [
        f"{node._op or 'leaf'}({', '.join(str(places.get(o, o)) for o in node._operands)}) = {node.data!r}"
        for node in order
    ]
    return [*nodes, f"the results {[places[result] for result in results]}"]


class _Recorded(NamedTuple):
    """A result of the function and its place, its gradient by each argument as backward() finds it, and a bound on its own rounding error."""

    place: int
    result: Any
    gradients: list[Estimate]
    noise: float


def _backward(place: int, result: Any, variables: Sequence[Value]) -> _Recorded:
    """Run backward(), and leave the gradients of all other nodes as they were."""
    if not isinstance(result, Value):  # a derivative that does not depend on the arguments
        return _Recorded(place, result, [Estimate(0.0, 0.0)] * len(variables), 0.0)
    order = topological(result)
    kept = [(node, node.grad) for node in order]
    for variable in variables:
        variable.grad = 0.0
    result.backward()
    errors = running_errors(order)
    bounds = gradient_errors(order, errors)
    found = [Estimate(variable.grad, BOUND * bounds.get(variable, 0.0) + TINY) for variable in variables]
    for node, gradient in kept:
        node.grad = gradient
    return _Recorded(place, result, found, BOUND * errors[result])


def _wrong_operation(results: Iterable[Any], rtol: float) -> str:
    """The first operation of a graph whose own derivative is wrong, in words; empty if there is none."""
    for node in topological(*(result for result in results if isinstance(result, Value))):
        rule = node._rule
        if rule is None:
            continue
        floats = arguments(node, number)
        noise = BOUND * running_errors([node])[node]
        for edge, units in partial_errors(node, {}):
            error = BOUND * units + TINY
            x = edge.value.data
            found = slopes(_displaced(rule, floats, edge), x, noise + UNIT * abs(edge.partial * x))
            if found.central.differs(edge.partial, error + rtol * abs(edge.partial)) and not found.trouble():
                where = given(rule, floats, arguments(node))
                place = f"[{edge.place}]" if edge.operand in rule.sequences else ""
                return (
                    f"The first operation whose own derivative is wrong is {rule.name}, y = {rule.formula.text}, at {where}:\n"
                    f"    d{edge.operand}{place} = {rule.partials[edge.operand].text} gives {edge.partial!r}, "
                    f"differences give {_shown(found.central, error)}"
                )
    return ""


def _displaced(rule: Rule, floats: Sequence[Any], edge: Edge) -> Callable[[float], Any]:
    """A rule's formula as a function of a displacement of one of its operands."""
    index = rule.operands.index(edge.operand)

    def at(t: float) -> Any:
        moved = list(floats)
        if edge.operand in rule.sequences:
            moved[index] = list(moved[index])
            moved[index][edge.place] += t
        else:
            moved[index] += t
        return rule.compute(*moved) if rule.inside(*moved) else nan

    return at


def _shown(estimate: Estimate, margin: float) -> str:
    return f"{estimate.value:.12g} ± {estimate.error + margin:.0e}"


def __getattr__(name: str) -> Any:
    if name in ("expressions", "points"):
        from . import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
