"""Derivatives of functions: grad, value_and_grad, jacobian, hessian, jvp, nested to any order.

>>> from microgrannd.functional import grad
>>> def cube(x):
...     return x ** 3
>>> grad(cube)(2.0), grad(grad(cube))(2.0), grad(grad(grad(cube)))(2.0)
(12.0, 12.0, 6.0)

A function is called with Values instead of floats, in lists, dicts and arrays made for that call: it may assign
into them. The inner derivative of a nested one is computed by evaluating the rules' partial formulas on Values, so that
it can be differentiated in its turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from ._checks import real
from ._text import described
from ._trees import copied, leaves, mapped
from .engine.contexts import recording
from .engine.graph import arguments, edges, topological
from .engine.operations import recorded
from .engine.value import Value
from .rules.formula import FUNCTIONS
from .rules.rule import Rule
from .rules.table import TABLE

Function = Callable[..., Any]


def grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The gradient of a function of floats, lists and nested lists, or arrays, that returns a scalar.

    Args:
        f: called with Values instead of the arguments chosen by argnums.
        argnums: the index of the argument to differentiate by, or several.

    Returns:
        A function of the same arguments. Its result has the form of the argument chosen (a tuple for several); it
        consists of floats, or of Values where the argument did.

    Raises:
        TypeError: (when it is called) the function returns no scalar, or an argument is no number.

    >>> grad(lambda w, x: w[0] * x + w[1], argnums=(0, 1))([3.0, 1.0], 2.0)
    ([2.0, 1.0], 3.0)
    """

    def gradient(*arguments: Any, **options: Any) -> Any:
        return value_and_grad(f, argnums)(*arguments, **options)[1]

    return gradient


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Like `grad`, but the result is the pair of the function's value and the gradient, as SciPy wants it.

    Args:
        f: as for `grad`.
        argnums: as for `grad`.

    Raises:
        TypeError: the function returns no scalar.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """

    def both(*arguments: Any, **options: Any) -> Any:
        call = Call(arguments, argnums)
        result = call.run(f, options)
        if real(result) is None and not isinstance(result, Value):
            raise TypeError(f"grad needs a function that returns a scalar, got {described(result)}")
        return call.outward(result), call.form(call.reverse(result))

    return both


def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The derivatives of every element of a function's result, each in the form that `grad` gives.

    Args:
        f: as for `grad`, but it may return a list, nested lists or an array.
        argnums: as for `grad`.

    >>> jacobian(lambda x: [x[0] * x[1], x[0]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 0.0]]
    """

    def all_rows(*arguments: Any, **options: Any) -> Any:
        call = Call(arguments, argnums)
        return mapped(lambda element: call.form(call.reverse(element)), call.run(f, options))

    return all_rows


def hessian(f: Function, argnums: int = 0) -> Function:
    """The second derivatives of a function that returns a scalar: the Jacobian of its gradient.

    Args:
        f: as for `grad`.
        argnums: the index of the argument to differentiate by; for n numbers the result is n × n.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Forward mode: a function's result, and its derivative in a direction (the Jacobian times a vector).

    Args:
        f: called with Values instead of the primals.
        primals: the arguments.
        tangents: the direction, of the same form.

    Returns:
        The value and its derivative, both of the form of the function's result.

    Raises:
        ValueError: there are not as many tangents as primals.

    >>> jvp(lambda x, y: x * y, [2.0, 3.0], [1.0, 0.5])
    (6.0, 4.0)
    """
    call = Call(tuple(primals), range(len(primals)))
    direction = [_inward(tangent) for tangent in leaves(list(tangents))]
    if len(direction) != len(call.variables):
        raise ValueError(f"jvp needs a tangent for each of {len(call.variables)} primals, got {len(direction)}")
    along = dict(zip(call.variables, direction, strict=True))
    result = call.run(f, {})
    return mapped(call.outward, result), mapped(lambda element: call.forward(element, along), result)


def is_differentiating() -> bool:
    """Tell whether a function is being called for its derivatives, by `grad` or its like."""
    return _depth.get() > 0


#: How many derivatives are being computed around this one: inside another, results have to be Values.
_depth: ContextVar[int] = ContextVar("microgrannd_derivatives", default=0)


@contextmanager
def _one_deeper() -> Iterator[None]:
    token = _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.reset(token)


class Call:
    """One call of a function to be differentiated: its variables, and the passes over its graph."""

    def __init__(self, arguments: Sequence[Any], argnums: int | Sequence[int]) -> None:
        self.single = isinstance(argnums, int)
        self.chosen = [argnums] if isinstance(argnums, int) else list(argnums)
        for index in self.chosen:
            if not -len(arguments) <= index < len(arguments):
                raise ValueError(f"argnums={argnums!r}: there are {len(arguments)} positional arguments")
        self.variables: list[Value] = []
        self.lifted = _depth.get() > 0 or any(isinstance(x, Value) for p in self.chosen for x in leaves(arguments[p]))
        self.arguments = list(arguments)
        for index in self.chosen:
            self.arguments[index] = mapped(self._variable, arguments[index])
        self.forms = [self.arguments[index] for index in self.chosen]

    def _variable(self, thing: Any) -> Value:
        """A node of its own for each number, also where the same Value stands for several or in the function itself."""
        inward = _inward(thing)
        self.variables.append(inward * 1.0 if isinstance(inward, Value) else Value(inward))
        return self.variables[-1]

    def run(self, f: Function, options: Any) -> Any:
        """The function's result."""
        with _one_deeper(), recording():
            return f(*copied(self.arguments), **copied(options))

    def outward(self, result: Any) -> Any:
        """A result as the caller wants it: a float, or inside another derivative a Value."""
        return result if self.lifted or not isinstance(result, Value) else result.data

    def form(self, gradients: dict[Value, Any]) -> Any:
        """Gradients in the form of the arguments chosen."""
        found = tuple(mapped(lambda variable: self.outward(gradients.get(variable, 0.0)), form) for form in self.forms)
        return found[0] if self.single else found

    def edges(self, node: Value) -> Iterator[tuple[Value, Any]]:
        """The operands of a node that are Values, with the partials: floats, or where need be Values."""
        return _lifted_edges(node) if self.lifted else ((edge.value, edge.partial) for edge in edges(node))

    def dependent(self, result: Any) -> list[Value]:
        """The nodes between the variables and a result, operands before results."""
        order, reached = [], set(self.variables)
        for node in topological(result) if isinstance(result, Value) else []:
            if node in reached:
                continue
            if any(operand in reached for operand in node._operands if type(operand) is not float):
                reached.add(node)
                order.append(node)
        return order

    def reverse(self, result: Any) -> dict[Value, Any]:
        """The gradient of a result by each node that it depends on."""
        order = self.dependent(result)
        reached = {*self.variables, *order}
        gradients: dict[Value, Any] = {result: 1.0} if isinstance(result, Value) else {}
        for node in reversed(order):
            gradient = gradients[node]
            for operand, partial in self.edges(node):
                if operand in reached:
                    share = partial * gradient
                    gradients[operand] = gradients[operand] + share if operand in gradients else share
        return gradients

    def forward(self, result: Any, tangents: dict[Value, Any]) -> Any:
        """The derivative of a result in the direction of the variables' tangents."""
        found = dict(tangents)
        for node in self.dependent(result):
            found[node] = sum(partial * found[operand] for operand, partial in self.edges(node) if operand in found)
        return self.outward(found.get(result, 0.0))


def _lifted_edges(node: Value) -> Iterator[tuple[Value, Any]]:
    own = node._rule
    assert own is not None  # dependent() gives nodes with operands
    operands = arguments(node)
    for operand, formula in zip(operands, own.kept(_partials_of_values), strict=True):
        if not any(isinstance(part, Value) for part in leaves(operand)):
            continue
        slope = formula(*operands, node)
        pairs = [(operand, slope)] if isinstance(operand, Value) else zip(operand, slope, strict=True)
        yield from ((value, partial) for value, partial in pairs if isinstance(value, Value))


def _partials_of_values(rule: Rule) -> list[Function]:
    """The partial formulas as functions of Values."""
    names = {name: _of_values(name, function, rule) for name, function in rule.used.items()}
    names |= {name: _recorded(TABLE[operator].function) for name, operator in _OPERATORS.items()}
    return [partial.ieee_function((*rule.operands, "y"), names) for partial in rule.partials.values()]


@cache
def _recorded(function: Function) -> Function:
    """An operation of the library on Values and numbers, which gives inf or nan where it would raise."""
    return recorded(function, quiet=True)


#: What stands for the operators of a formula that may raise (see `ieee.OPERATORS`).
_OPERATORS = {
    "_divide": "__truediv__", "_power": "__pow__", "_modulo": "__mod__", "_floor_divide": "__floordiv__",
}  # fmt: skip


_ON_VALUES = {"abs": "__abs__", "pow": "__pow__"}


def _of_values(name: str, function: Any, rule: Rule) -> Any:
    """What stands for a formula's function when its operands are Values."""
    if hasattr(function, "__rule__"):
        return recorded(function, quiet=True)
    if FUNCTIONS.get(name) is not function:
        return function  # one's own
    if own := TABLE.get(_ON_VALUES.get(name, name)):
        return _recorded(own.function)
    return (
        _of_numbers(name, function, rule) if getattr(math, name, None) is function and callable(function) else function
    )


def _of_numbers(name: str, function: Function, rule: Rule) -> Function:
    """A function of `math` that has no rule: of numbers, and of Values an error."""

    def on_numbers(*operands: Any) -> Any:
        if any(isinstance(operand, Value) for operand in operands):
            raise TypeError(
                f"a partial of {rule.name} uses {name}(), which has no derivative here: write it by other functions to "
                "differentiate twice"
            )
        return function(*operands)

    return on_numbers


def _inward(thing: Any) -> Any:
    if isinstance(thing, Value):
        return thing
    found = real(thing)
    if found is None:
        raise TypeError(f"a derivative is by real numbers, lists of them or arrays, got {described(thing)}")
    return found
