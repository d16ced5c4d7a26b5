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
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from math import inf, isfinite
from typing import Any

from .._checks import required_real
from .._text import described
from .._trees import filled, leaves, paths
from ..engine.graph import edges, number, topological
from ..engine.value import Value
from ..functional import Call
from ..nn.module import Module
from ..rules.ieee import ERRORS
from .differences import directions, slopes, together
from .errors import GradientError, NonDifferentiableError, UndecidedError
from .exact import LARGEST, NO_VALUE, bits, mp, shown
from .operation import Operation, Verdict
from .replay import Replay, distance, exact_gradients, exact_tangent
from .rounding import BOUND, TINY, UNIT, gradient_errors, running_errors

#: Arguments by each of which the slopes of a function with a kink are looked at, at most; of more, only together.
_ALONE = 32

#: How far from the point f is recorded again, relative to each number: twice far enough to be seen beside larger numbers,
#: and once as near as can be.
_FAR, _NEAR, _NEXT = 2.0**-32, 2.0**-42, 2.0**-50

#: How far from 0 the last is.
_NEXT_TO_ZERO = 2.0**-300


def gradcheck(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    rtol: float = 0.0,
    parameters: Iterable[Value] | Mapping[str, Value] = (),
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
        parameters: Values to differentiate by besides the arguments, as ``model.parameters()``, or a dict of them by name.

    Returns:
        True.

    Raises:
        GradientError: (an AssertionError) a derivative is wrong; it names the argument and the first operation at fault.
        NonDifferentiableError: (a ValueError) there is none at this point.
        UndecidedError: (a ValueError) an operation uses a Python function of one's own, and differences of floats do
            not tell.
        TypeError, ValueError: f returns no Value, ignores an argument, is not deterministic, or not finite.
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    named = _named(f, parameters)
    if not isinstance(args, (list, tuple)) or not leaves(args) and not named:
        raise TypeError(f"gradcheck needs a list of the arguments to differentiate by, got {described(args)}")
    groups = [*_names(f, args), *([name] for name in named)]
    check = _Check(f, args, list(named.values()), groups, rtol)
    check.refuse_bad_use()
    outputs = list(paths(check.call.run(f, {}), "f"))
    check.derivatives(outputs)
    for further in range(2, order + 1):
        f = _all_gradients(f, len(args), list(named.values()))
        outputs = [f"(d{output}/d{name})" for output in outputs for name in check.names]
        higher = _Check(f, args, list(named.values()), groups, rtol)
        check.operations_of_order(further, outputs, higher)
        higher.derivatives(outputs)
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
    if isinstance(parameters, Mapping):
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


class _Check:
    """A function at a point."""

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], parameters: list[Value], groups: list[list[str]], rtol: float
    ) -> None:
        self.f, self.args, self.parameters, self.groups, self.rtol = f, args, parameters, groups, rtol
        self.names = [name for group in groups for name in group]
        numbers = [*leaves(args), *(parameter.data for parameter in parameters)]
        self.point = [required_real(name, x) for name, x in zip(self.names, numbers, strict=True)]
        self.call, self.results = self.run(self.point)
        self.variables = self.call.variables

    def run(self, numbers: Sequence[float]) -> tuple[Call, list[Any]]:
        """Call the function with these numbers in its arguments and parameters."""
        count = len(numbers) - len(self.parameters)
        call = Call(filled(list(self.args), numbers[:count]), range(len(self.args)))
        for variable, name in zip(call.variables, self.names, strict=False):
            variable.label = name
        call.variables += self.parameters
        try:
            for parameter, x in zip(self.parameters, numbers[count:], strict=True):
                parameter.data = x
            return call, leaves(call.run(self.f, {}))
        finally:
            for parameter, x in zip(self.parameters, getattr(self, "point", numbers)[count:], strict=True):
                parameter.data = x

    def refuse_bad_use(self) -> None:
        for result in self.results or [None]:
            if not isinstance(result, Value):
                raise TypeError(f"gradcheck needs a function that returns a Value or several, got {described(result)}")
            if not isfinite(result.data):
                raise ValueError(f"f gives {result.data} {self.where()}")
        reached = set(topological(*self.results))
        variables = iter(self.variables)
        for group in self.groups:
            if group and reached.isdisjoint([next(variables) for _ in group]):
                raise ValueError(f"f ignores {', '.join(group)}: nothing that it returns was computed from it")
        first, second = _signature(self.results), _signature(self.run(self.point)[1])
        if first != second:
            pairs = zip(first, second, strict=False)
            index = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
            then = " and then ".join(graph[index] if index < len(graph) else "nothing" for graph in (first, second))
            raise ValueError(
                f"f is not deterministic: two calls with the same arguments recorded, as node {index}, {then}"
            )

    def where(self) -> str:
        shown = [f"{name} = {x!r}" for name, x in zip(self.names[:6], self.point, strict=False)]
        return "at " + ", ".join(shown) + (", ..." if len(self.names) > 6 else "")

    def derivatives(self, outputs: Sequence[str]) -> None:
        """Check the operations, then the sums over the graph, then what the graph may not show; raise for the first fault.

        Args:
            outputs: what the results are called.
        """
        __tracebackhide__ = True
        graph = Replay(self.results)
        verdicts = {node: Operation(node).verdict(self.rtol) for node in graph.operations if _is_finite(node)}
        gradients = [_gradients(result, self.variables) for result in self.results]
        named = [[f"d{output}/d{name}" for name in self.names] for output in outputs]
        if any(verdict.wrong for verdict in verdicts.values()):
            self.blame_operation(named, gradients, verdicts)
        if not graph.is_exact:
            self.by_floats(outputs, gradients)
            return
        self.kinks(graph, outputs, gradients, verdicts)
        for result, names, found in zip(self.results, named, gradients, strict=True):
            if isinstance(result, Value):
                self.sums(result, names, found)
        self.unseen(graph, named, gradients)

    def operations_of_order(self, order: int, outputs: Sequence[str], higher: _Check) -> None:
        """Check the derivatives of each operation's partials.

        Args:
            order: of these derivatives.
            outputs: what the results of the last check are called.
            higher: the check of the derivatives of one order less.
        """
        __tracebackhide__ = True
        graph = Replay(self.results)
        wrong = next(
            filter(None, (Operation(n).higher(order, self.rtol) for n in graph.operations if _is_finite(n))), ""
        )
        if not wrong:
            return
        problem = f"The derivatives of f of order {order} {self.where()} are right, not so those of its operations"
        gradients = [_gradients(result, higher.variables) for result in higher.results]
        count = len(self.names)
        pairs = product(range(len(outputs)), range(count)) if graph.is_exact else ()
        for index, last in islice(pairs, _ALONE**2):
            by = [index // count**power % count for power in reversed(range(order - 1))]
            directions = [{self.variables[one]: 1.0} for one in (*by, last)]
            found = graph.derivatives(*directions)[index // count ** (order - 1)]
            got = gradients[index][last]
            if not found.trouble() and _is_wrong(got, found.right, abs(found.right) * 2.0**-40):
                problem = self.wrong(
                    f"d{outputs[index]}/d{self.names[last]}", got, f"exact differences give {shown(found.right)}"
                )
                break
        raise GradientError(f"{problem}\n{wrong}")

    def blame_operation(
        self, named: list[list[str]], gradients: list[list[float]], verdicts: dict[Value, Verdict]
    ) -> None:
        """Raise, naming the first wrong operation and the derivative that it spoils.

        Always from the same line: Hypothesis takes that for one failure, and shrinks it further.
        """
        __tracebackhide__ = True
        wrong = [node for node, verdict in verdicts.items() if verdict.wrong]
        right = {
            (node, index): derivative
            for node in wrong
            for index, edge in enumerate(edges(node))
            if (derivative := Operation(node).derivative(edge)) is not None
        }
        problem = f"The derivatives of f {self.where()} are right, not so those of its operations"
        for result, names, found in zip(self.results, named, gradients, strict=True):
            with bits(400):
                exact = exact_gradients(topological(result), result, right) if isinstance(result, Value) else {}
                for name, variable, got in zip(names, self.variables, found, strict=True):
                    expected, bound = exact.get(variable, (mp.mpf(0), 0))
                    if _is_wrong(got, expected, bound) and problem.startswith("The"):
                        problem = self.wrong(name, got, f"exact differences give {shown(expected)}")
        raise GradientError(f"{problem}\n{verdicts[wrong[0]].wrong}")

    def wrong(self, name: str, got: float, other: str) -> str:
        return f"{name} {self.where()} is wrong: backward() gives {got!r}, {other}"

    def kinks(
        self, graph: Replay, outputs: Sequence[str], gradients: list[list[float]], verdicts: dict[Value, Verdict]
    ) -> None:
        """Where an operation has no derivative, or rounding may have taken it over an edge, let f's own slopes decide."""
        __tracebackhide__ = True
        chances: set[Value] = set()
        with bits(256):
            errors = running_errors(graph.order, exact=True, chances=chances)
        doubtful = [node for node, verdict in verdicts.items() if verdict.kink or node in chances]
        doubtful += [node for node in graph.operations if node not in verdicts]
        if not doubtful:
            return
        reached = set(topological(*doubtful))
        alone = [variable in reached for variable in self.variables]
        if sum(alone) > _ALONE:
            alone = [False] * len(alone)
        bounds = [_bounds(result, self.variables, errors) for result in self.results]
        names = [*self.names, "t (all arguments moving at once)"]
        for name, speeds, wanted in zip(names, directions(len(self.names)), [*alone, True], strict=False):
            if not wanted:
                continue
            for index, slope in enumerate(graph.derivatives(dict(zip(self.variables, speeds, strict=True)))):
                called = f"d{outputs[index]}/d{name}"
                if trouble := slope.trouble():
                    raise NonDifferentiableError(f"{called} does not exist {self.where()}: {trouble}")
                with bits(256):
                    terms = list(zip(gradients[index], speeds, bounds[index], strict=True))
                    got = sum(gradient * speed for gradient, speed, _ in terms if speed)
                    error = sum(bound * abs(speed) for _, speed, bound in terms if speed)
                    is_wrong = _is_wrong(got, slope.right, error + self.rtol * abs(got))
                if is_wrong and isfinite(got) and any(node in chances for node in doubtful):
                    raise NonDifferentiableError(
                        f"{called} does not exist {self.where()}: rounding takes f to the other side of a kink"
                    )
                if is_wrong:
                    raise GradientError(self.wrong(called, got, f"exact differences give {shown(slope.right)}"))

    def sums(self, result: Value, names: Sequence[str], gradients: Sequence[float]) -> None:
        """Compare what backward() and forward mode add up with the same sums without rounding."""
        __tracebackhide__ = True
        order = topological(result)
        speeds = [1.0] if len(names) == 1 else together(len(names))
        tangents = dict(zip(self.variables, speeds, strict=True))
        forward = number(self.call.forward(result, tangents))
        with bits(400):
            exact = exact_gradients(order, result, {})
            for name, variable, got in zip(names, self.variables, gradients, strict=True):
                right, bound = exact.get(variable, (mp.mpf(0), 0))
                if _is_wrong(got, right, bound):
                    raise GradientError(self.wrong(name, got, f"the exact sum of its terms is {shown(right)}"))
            right, bound = exact_tangent(order, result, tangents)
            if _is_wrong(forward, right, bound):
                along = "" if len(names) == 1 else " with all arguments moving at once"
                raise GradientError(
                    f"forward mode {self.where()} is wrong{along}: it gives {forward!r}, the exact sum of its terms is {shown(right)}"
                )

    def unseen(self, graph: Replay, named: list[list[str]], gradients: list[list[float]]) -> None:
        """Record f again near the point: its graph has to compute what the first one does there."""
        __tracebackhide__ = True
        draw = random.Random(0)
        for toward in (1, -1):
            moves = [toward * draw.choice((-1, 1)) * draw.uniform(0.5, 1) for _ in self.point]
            if self.hides(graph, moves):
                break
        else:
            return
        for index in range(len(self.names)):  # by which argument?
            alone = [move * (other == index) for other, move in enumerate(moves)]
            if len(self.names) == 1 or len(self.names) <= _ALONE and self.hides(graph, alone):
                problem = self.wrong(named[0][index], gradients[0][index], "and f changes otherwise")
                break
        else:
            problem = f"The derivatives of f {self.where()} are wrong"
        raise GradientError(
            f"{problem}\nThe derivative of each operation is right: f depends on its arguments in a way that the graph "
            "does not show (by .data, detach(), no_grad, a branch or random numbers?)"
        )

    def hides(self, graph: Replay, moves: Sequence[float]) -> bool:
        """Whether f depends, in a direction, on something that its graph does not show.

        Then the two differ in proportion to the distance, or jump however near; elsewhere there is a kink between.
        """
        far = self.mismatch(graph, [(x or 1.0) * move * _FAR for x, move in zip(self.point, moves, strict=True)])
        near = self.mismatch(graph, [(x or 1.0) * move * _NEAR for x, move in zip(self.point, moves, strict=True)])
        if not far or not near:
            return False
        step = [(x * _NEXT or _NEXT_TO_ZERO) * move for x, move in zip(self.point, moves, strict=True)]
        return near < far / 32 or bool(self.mismatch(graph, step))

    def mismatch(self, graph: Replay, steps: Sequence[float]) -> Any:
        """By how much f, recorded anew at a point nearby, differs from what its first graph computes there."""
        numbers = [x + step for x, step in zip(self.point, steps, strict=True)]
        try:
            call, results = self.run(numbers)
        except ERRORS:  # outside of its domain
            return 0
        if len(results) != len(self.results):
            return inf
        again = Replay(results, dict(zip(call.variables, numbers, strict=True)))
        if not again.is_exact:
            return 0
        exponents = (*graph.exponents, *again.exponents)
        with bits(400 + 2 * max(map(abs, exponents))):
            try:
                before, now = graph.at(dict(zip(self.variables, numbers, strict=True))), again.at({})
            except NO_VALUE:
                return 0
            return distance(before, now, max(exponents))

    def by_floats(self, outputs: Sequence[str], gradients: list[list[float]]) -> None:
        """Compare the derivatives of f with differences of floats, where it cannot be computed on exact numbers."""
        __tracebackhide__ = True
        names = [*self.names, "t (all arguments moving at once)"]
        bounds = [_bounds(result, self.variables, None) for result in self.results]
        noises = [_noise(result) for result in self.results]
        for name, speeds in zip(names, directions(len(self.names)), strict=False):
            nearest = min((abs(x) for x, speed in zip(self.point, speeds, strict=True) if speed and x), default=0.0)
            for index, output in enumerate(outputs):
                terms = list(zip(gradients[index], speeds, bounds[index], self.point, strict=True))
                got = sum(gradient * speed for gradient, speed, _, _ in terms)
                rounding = sum(bound * abs(speed) for _, speed, bound, _ in terms)
                moving = UNIT * sum(abs(gradient * x * speed) for gradient, speed, _, x in terms)
                found = slopes(self.along(speeds, index), nearest, noises[index] + moving)
                called = f"d{output}/d{name}"
                if trouble := found.trouble():
                    unsure = found.is_unsettled()
                    reason = "an operation uses a Python function of one's own, and " if unsure else ""
                    kind = UndecidedError if unsure else NonDifferentiableError
                    say = "cannot be checked" if unsure else "does not exist"
                    raise kind(f"{called} {say} {self.where()}: {reason}{trouble}")
                if found.central.differs(got, rounding + self.rtol * abs(got)):
                    margin = found.central.error + rounding
                    other = f"differences give {found.central.value:.12g} ± {margin:.0e}"
                    raise GradientError(self.wrong(called, got, other))

    def along(self, direction: Sequence[float], index: int) -> Callable[[float], float]:
        """One of the function's results as a function of a displacement in a direction."""
        return lambda t: number(self.run([x + t * d for x, d in zip(self.point, direction, strict=True)])[1][index])


def _signature(results: Sequence[Value]) -> list[str]:
    """What a graph consists of: equal for equal graphs."""
    order = topological(*results)
    names: dict[Any, Any] = {node: f"node {index}" for index, node in enumerate(order)}
    nodes = [
        f"{node._op or 'leaf'}({', '.join(str(names.get(o, o)) for o in node._operands)}) = {node.data!r}"
        for node in order
    ]
    return [*nodes, f"the results {[names[result] for result in results]}"]


def _is_finite(node: Value) -> bool:
    """Whether a node, its operands and its partials are finite: what its formula can be checked at."""
    return isfinite(node.data) and all(isfinite(edge.value.data) for edge in edges(node))


def _is_wrong(got: float, right: Any, error: Any) -> bool:
    """Whether a float is further from an exact number than a bound; one that is nan is no verdict."""
    if isfinite(got):
        return bool(abs(got - right) > error)
    return bool(mp.isfinite(right)) and not (abs(right) > LARGEST and got == (inf if right > 0 else -inf))


def _gradients(result: Any, variables: Sequence[Value]) -> list[float]:
    """Run backward(), and leave the gradients of all nodes as they were."""
    return _after_backward(result, variables, lambda: [variable.grad for variable in variables])


def _bounds(result: Any, variables: Sequence[Value], errors: Mapping[Value, Any] | None) -> list[Any]:
    """Bounds on the rounding errors of a result's gradients: with errors exact ones, else those of floats."""
    order = topological(result) if isinstance(result, Value) else []

    def bounds() -> list[Any]:
        found = gradient_errors(order, running_errors(order) if errors is None else errors, exact=errors is not None)
        return [BOUND * found.get(variable, 0.0) + TINY for variable in variables]

    with bits(256):
        return _after_backward(result, variables, bounds)


def _noise(result: Any) -> float:
    """A bound on the rounding error of a result."""
    return BOUND * running_errors(topological(result))[result] if isinstance(result, Value) else 0.0


def _after_backward(result: Any, variables: Sequence[Value], read: Callable[[], list[Any]]) -> list[Any]:
    """What can be read from the gradients after backward(); then all gradients are as before."""
    if not isinstance(result, Value):  # a derivative that does not depend on the arguments
        return [0.0] * len(variables)
    kept = [(node, node.grad) for node in {*topological(result), *variables}]
    for node, _ in kept:
        node.grad = 0.0
    result.backward()
    found = read()
    for node, gradient in kept:
        node.grad = gradient
    return found
