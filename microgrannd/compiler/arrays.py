"""Numbers of a training as arrays, and an optimiser's update of them as a function for numba."""

from __future__ import annotations

import ast
import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..optim.update import SCALAR, Update
from .cache import loaded
from .dispatcher import NOTED, UPDATE
from .native import Expressions
from .updates import Stepper, over_lists

_CALL = ctypes.PYFUNCTYPE(None, *[ctypes.c_int64] * 8)


def address_of(array: Any) -> int:
    """Return the address of an array's first number."""
    found: int = array.__array_interface__["data"][0]
    return found


class Arrays:
    """What a training needs of a backend whose vectors are arrays; see `PythonRunner` for the same over lists."""

    def vector(self, numbers: Any) -> Any:
        """Return numbers in the form in which programs keep them."""
        return np.array(numbers, dtype=np.float64)

    def vectors(self, rows: list[list[float]]) -> Any:
        """Return rows of numbers of one length in that form."""
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)

    def listed(self, vector: Any) -> list[float]:
        """Return a vector as a list of floats."""
        return vector.tolist()  # type: ignore[no-any-return]  # of floats

    def chosen(self, vector: Any, indices: Sequence[int]) -> Any:
        """Return the elements, or rows, at some indices."""
        return vector[indices]

    def taker(self, indices: Sequence[int]) -> Callable[[Any], Any]:
        """Return a function that returns the elements of a vector at some indices."""
        places = np.array(indices, dtype=np.int64)
        return lambda vector: vector[places]

    def replaced(self, vector: Any, indices: Sequence[int], others: Any) -> Any:
        """Return a vector with other elements at some indices."""
        found = vector.copy()
        found[indices] = others
        return found

    def longer(self, vector: Any, length: int) -> Any:
        """Return a vector with zeros at its end."""
        return np.concatenate([vector, np.zeros(length - len(vector))]) if length > len(vector) else vector

    def scaled(self, vector: Any, factor: float) -> Any:
        """Return a vector times a number."""
        return vector * factor

    def is_finite(self, vector: Any) -> bool:
        """Tell whether all elements are finite."""
        return bool(np.isfinite(vector).all())

    def update(self, update: Update) -> Stepper:
        """Return what computes a step of an optimiser."""
        address, in_python = update_address(update), over_lists(update)
        numbers, noted = np.zeros(len(update.constants) + 1), np.zeros(2, np.int64)
        kept = address_of(numbers), address_of(noted)

        def step(data: Any, gradients: Any, buffers: Any, constants: Sequence[float]) -> tuple[Any, Any]:
            if address:
                data, gradients = np.ascontiguousarray(data), np.ascontiguousarray(gradients)
                numbers[:-1], noted[0], count = constants, 0, len(data)
                made = np.empty((1 + len(buffers), count))
                first = address_of(made)
                given = map(address_of, (data, gradients, buffers))
                _CALL(address)(count, *given, kept[0], first, first + 8 * count, kept[1])
                if not noted[0]:
                    return made[0], made[1:]
            lists = [list(map(float, buffer)) for buffer in buffers]
            new, others = in_python(list(map(float, data)), list(map(float, gradients)), lists, constants)
            return np.array(new), np.array(others, dtype=np.float64).reshape(buffers.shape)

        return step


@cache
def update_address(update: Update) -> int:
    """Return the address of the function for numba that computes a step; 0 if it calls what numba does not know."""
    writer = _Lines()
    source = writer.source(update)
    if writer.back:
        return 0
    address: int = loaded(source)["update"].address
    return address


class _Lines(Expressions):
    """Writes an update: names become v0, v1, ..."""

    def __init__(self) -> None:
        super().__init__("an update", strict=True, first=0)
        self.variables: dict[str, str] = {}

    def source(self, update: Update) -> str:
        """Return the source of the module."""
        for name, thing in SCALAR.items():
            self.functions.setdefault(self.called(name, thing), thing)
        self.scalars = {name: self.called(name, thing) for name, thing in SCALAR.items()}
        before = [f"{self.variable(name)} = constants[{number}]" for number, name in enumerate(update.constants)]
        rows = [f"{self.variable('p')} = data[i]", f"{self.variable('g')} = gradients[i]"]
        rows += [f"{self.variable(name)} = buffers[{k} * count + i]" for k, name in enumerate(update.buffers)]
        for name, tree in update.lines.items():
            text = ast.unparse(self.visit(ast.parse(ast.unparse(tree), mode="eval").body))
            rows.append(f"{self.variable(name)} = {text}")
        rows.append(f"new[i] = {self.variable('p')}")
        rows += [f"made[{k} * count + i] = {self.variable(name)}" for k, name in enumerate(update.buffers)]
        header = "def update(count, data, gradients, buffers, constants, new, made, noted):"
        body = [
            "code = doubt = no_doubt()",
            *before,
            "for i in range(count):",
            *(f"    {line}" for line in rows),
            *NOTED,
        ]
        lines = "\n".join([header, *(f"    {line}" for line in body)])
        return UPDATE.format(functions="\n".join(self.definitions()), update=lines)

    def variable(self, name: str) -> str:
        """Return the variable for a name."""
        return self.variables.setdefault(name, f"v{len(self.variables)}")

    def read(self, node: ast.Name) -> ast.expr:
        """Return what a name stands for."""
        return ast.Name(self.variables[node.id])

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802  # ast's name
        """Call the function by its name here."""
        assert isinstance(node.func, ast.Name)
        return self.call(self.scalars[node.func.id], *map(self.visit, node.args))
