"""compile: a recorded graph becomes straight-line Python, and runs over rows of numbers.

>>> import microgrannd as mg
>>> x, w = mg.Value(0.0, label="x"), mg.Value(3.0, label="w")
>>> program = mg.compile(mg.tanh(w * x), [x])
>>> program.forward([[0.0], [0.5]])
[0.0, 0.9051482536448664]
>>> program.backward([[0.0], [0.5]]), w.grad
(0.4525741268224332, 0.045176659730912144)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import add
from typing import Any

from .emission import Body, Emitter
from .engine import Value, required_real
from .failures import described
from .ieee import ERRORS
from .nn import Module
from .source import compiled, functions_of
from .tape import Tape, tape

#: Gradients are added up over so many rows at a time, and then block by block: the bits do not depend on who does it.
BLOCK = 64


def compile(  # noqa: A001  # as jax and torch call it
    outputs: Value | Sequence[Value], inputs: Sequence[Value], backend: str = "python", model: Module | None = None
) -> Program:
    """Turn a recorded graph into a program of straight-line Python that runs over rows of other inputs.

    The graph is taken as it is: a branch that Python took while it was recorded (``if x > 0:``) is taken for all rows.
    The conditions inside of operations (relu, maximum) are not branches of this kind: they are decided for each row.

    Args:
        outputs: a Value, or a sequence of them.
        inputs: the leaves that each row replaces, in order. All other leaves are parameters: their ``.data`` is read
            at each call.
        backend: "python".
        model: whose names the parameters bear in the source, where they have no label.

    Returns:
        A `Program`.

    Raises:
        TypeError: an output or input is no Value.
        ValueError: an input is no leaf, or given twice; an output depends on no input and no parameter; an unknown backend.
    """
    if backend != "python":
        raise ValueError(f"backend is python, got {described(backend)}")
    single = isinstance(outputs, Value)
    names = {value: name for name, value in model.named_parameters()} if model else {}
    steps, parameters = tape([outputs] if isinstance(outputs, Value) else list(outputs), list(inputs), names)
    return Program(steps, parameters, single)


class Program:
    """What `compile` makes. It pickles, with copies of its parameters.

    Attributes:
        parameters: the leaves of the graph that are not inputs, in the order of their first use.
    """

    def __init__(self, tape: Tape, parameters: Sequence[Value], single: bool) -> None:
        self.tape, self.parameters, self.single = tape, list(parameters), single
        self._emitter = Emitter(tape)
        self._order = [place - tape.inputs for place in self._emitter.order]
        self._ordered = [self.parameters[place] for place in self._order]

    def forward(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """The outputs for some rows of inputs.

        Args:
            rows: for each a number for every input.

        Returns:
            For each row a float, or a tuple of floats where the outputs were a sequence.

        Raises:
            TypeError, ValueError: a row has another length, or a cell that is no number.
            ValueError, ArithmeticError: as the recorded operations raise it; the message names the row.
        """
        checked = self._checked(rows)
        data = [parameter.data for parameter in self._ordered]
        try:
            results = self._forward(checked, data)
        except ERRORS:
            results = [self._forward_row(number, row, data) for number, row in enumerate(checked)]
        return results if self.single or len(self.tape.outputs) > 1 else [(result,) for result in results]

    def backward(self, rows: Iterable[Sequence[Any]]) -> float:
        """The mean of the output over some rows; adds the gradient of that mean to the parameters' ``grad``.

        Args:
            rows: for each a number for every input; at least one row.

        Returns:
            The mean.

        Raises:
            ValueError: there are several outputs, or no row; else as `forward`. Then no gradient is changed.
        """
        if len(self.tape.outputs) != 1:
            raise ValueError(f"backward needs a program of one output, got {len(self.tape.outputs)}")
        checked = self._checked(rows)
        if not checked:
            raise ValueError("backward needs at least one row for the mean, got none")
        data = [parameter.data for parameter in self._ordered]
        total, gradients = 0.0, [0.0] * len(data)
        for first in range(0, len(checked), BLOCK):
            block, found = self._block(first, checked[first : first + BLOCK], data)
            total += block
            gradients = list(map(add, gradients, found))
        for parameter, gradient in zip(self._ordered, gradients, strict=True):
            parameter.grad += gradient / len(checked)
        return total / len(checked)

    @property
    def source(self) -> str:
        """What runs, to be read."""
        bodies = {"forward": self._emitter.forward()}
        if len(self.tape.outputs) == 1:
            bodies["backward"] = self._emitter.backward()
        header = (
            f"# {len(self.tape.outputs)} output(s) of {self.tape.inputs} inputs and {self.tape.parameters} parameters: "
            f"{len(self.tape.steps)} operations.\n"
            "# forward returns the outputs for each row; backward their sum over the rows, and its gradients by the "
            "parameters."
        )
        return (
            "\n\n".join([header, *(text for name, body in bodies.items() for text in functions_of(name, body))]) + "\n"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Program, (self.tape, self.parameters, self.single)

    @cached_property
    def _forward(self) -> Callable[..., list[Any]]:
        return self._compiled("forward", self._emitter.forward())

    @cached_property
    def _backward(self) -> Callable[..., tuple[float, list[float]]]:
        return self._compiled("backward", self._emitter.backward())

    def _compiled(self, name: str, body: Body) -> Callable[..., Any]:
        return compiled(name, functions_of(name, body), self._emitter.functions)

    def _checked(self, rows: Iterable[Sequence[Any]]) -> list[Sequence[float]]:
        """The rows, as floats where they are other numbers."""
        rows = rows if isinstance(rows, list) else list(rows)
        try:
            if set(map(len, rows)) <= {self.tape.inputs} and set(map(type, chain.from_iterable(rows))) <= {float}:
                return rows
        except TypeError:
            pass  # some row is none: it is named below
        return [self._checked_row(number, row) for number, row in enumerate(rows)]

    def _checked_row(self, number: int, row: Any) -> Sequence[float]:
        if not hasattr(row, "__iter__") or isinstance(row, str):
            raise TypeError(f"rows[{number}] needs to be a row of numbers, got {described(row)}")
        cells = list(row)
        if len(cells) != self.tape.inputs:
            raise ValueError(f"rows[{number}] needs a number for each of {self.tape.inputs} inputs, got {len(cells)}")
        return [required_real(f"rows[{number}][{place}]", cell) for place, cell in enumerate(cells)]

    def _block(self, first: int, rows: Sequence[Any], data: list[float]) -> tuple[float, list[float]]:
        """The sums over a block of rows. Where a row raises, the others are computed one by one, to the same bits."""
        try:
            return self._backward(rows, data)
        except ERRORS:
            total, gradients = 0.0, [0.0] * len(data)
            for number, row in enumerate(rows, first):
                output, found = self._backward_row(number, row, data)
                total += output
                gradients = list(map(add, gradients, found))
            return total, gradients

    def _forward_row(self, number: int, row: Sequence[float], data: list[float]) -> Any:
        try:
            return self._forward([row], data)[0]
        except ERRORS:
            outputs = tuple(output.data for output in self._recorded(number, row, data)[0])
            return outputs if len(outputs) > 1 else outputs[0]

    def _backward_row(self, number: int, row: Sequence[float], data: list[float]) -> tuple[float, list[float]]:
        try:
            return self._backward([row], data)
        except ERRORS:
            (output,), parameters = self._recorded(number, row, data)
            output.backward()
            return output.data, [parameters[place].grad for place in self._order]

    def _recorded(self, number: int, row: Sequence[float], data: list[float]) -> tuple[list[Value], list[Value]]:
        """The outputs and the parameters of a graph recorded anew: the way for a row that raises, or has a singular slope."""
        parameters = [Value(0.0, parameter.label) for parameter in self.parameters]
        for place, value in zip(self._order, data, strict=True):
            parameters[place].data = value
        inputs = [Value(x, label) for x, label in zip(row, self.tape.labels, strict=False)]
        try:
            return self.tape.replay(inputs, parameters), parameters
        except ERRORS as error:
            error.args = (f"row {number}: {error}",)
            raise
