"""Runs a program row by row, to name the row that raises, and to record anew where its derivatives are singular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.value import Value
from ..rules.ieee import ERRORS
from .python import PythonRunner


class CarefulRunner:
    """Runs single rows; one that raises, or has a singular slope, is recorded anew."""

    def __init__(self, plain: PythonRunner, labels: Sequence[str]) -> None:
        self.plain, self.labels = plain, labels

    def forward(self, number: int, row: list[float], data: Sequence[float]) -> Any:
        """Return the output of a row, or the tuple of outputs."""
        try:
            return self.plain.forward([row], self.plain.numbers(data))[0]
        except ERRORS:
            outputs = tuple(output.data for output in self.recorded(number, row, data)[0])
            return outputs if len(outputs) > 1 else outputs[0]

    def backward(self, number: int, row: list[float], data: Sequence[float]) -> tuple[float, list[float]]:
        """Return the output of a row, and its gradients in the order of the tape."""
        try:
            output, ordered = self.plain.backward([row], self.plain.numbers(data))
        except ERRORS:
            (root,), parameters = self.recorded(number, row, data)
            root.backward()
            return root.data, [parameter.grad for parameter in parameters]
        gradients = dict(zip(self.plain.order, ordered, strict=True))
        return output, [gradients[number] for number in range(len(gradients))]

    def recorded(self, number: int, row: list[float], data: Sequence[float]) -> tuple[list[Value], list[Value]]:
        """Record the graph anew for a row; return its outputs and parameters."""
        parameters = [Value(x, label) for x, label in zip(data, self.labels, strict=True)]
        inputs = [Value(x, label) for x, label in zip(row, self.plain.tape.labels, strict=False)]
        try:
            return self.plain.tape.replay(inputs, parameters), parameters
        except ERRORS as error:
            error.args = (f"row {number}: {error}",)
            raise
