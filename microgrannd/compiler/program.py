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

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import cached_property, reduce
from importlib.util import find_spec
from itertools import chain
from operator import add
from typing import TYPE_CHECKING, Any

from .._checks import required_real
from .._interrupts import held_back
from .._text import described
from ..engine.contexts import paused_gc
from ..engine.value import Value, data_of
from ..nn.module import Module
from ..optim import Optimizer
from ..rules.ieee import ERRORS
from .careful import CarefulRunner
from .chains import chained
from .javascript import module
from .lists import Lists
from .python import Plain, PythonRunner
from .roll import roll
from .tape import Tape, tape
from .texts import UNPACKED
from .workers import BLOCK, Workers, require_executor

if TYPE_CHECKING:
    from .machine import Machine


#: Operands from which on a graph is rolled for Python too, if that leaves at most the given part of them as instructions:
#: straight lines run in half the time, but take CPython some 15 µs an operand to compile.
ROLLED, ALIKE = 20_000, 0.1


def compile(  # noqa: A001  # as jax and torch call it
    outputs: Value | Sequence[Value], inputs: Sequence[Value], backend: str = "python", model: Module | None = None
) -> Program:
    """Turn a recorded graph into a program of Python that runs over rows of other inputs.

    A branch that Python took while the graph was recorded (``if x > 0:``) is taken for all rows; the conditions inside of
    operations (relu, maximum) are decided for each row. Results equal those of the eager engine to rounding: sums are
    added in order, while the eager engine's are compensated from Python 3.12 on.

    Args:
        outputs: a Value, or a sequence of them.
        inputs: the leaves that each row replaces, in order. All other leaves are parameters: their ``.data`` is read
            at each call, and so is that of results without a graph, which get no gradient.
        backend: "python"; or "numba" (the extra ``numba``), which is many times as fast. Its rows may also be an array
            of floats. It compiles the operations of the table, each when a graph first needs it, in about a tenth of a
            second, and keeps them in the user's cache folder; the graph itself is not compiled.
        model: whose names the parameters have in the source, if they have no label.

    Returns:
        A `Program`.

    Raises:
        TypeError: an output or input is not a Value.
        ValueError: an input is not a leaf, or given twice; an output depends on no input and no parameter; an unknown
            backend; with numba, a function of a rule that numba does not know.
        ImportError: numba is not installed.

    >>> x, w = Value(0.0, "x"), Value(3.0, "w")
    >>> program = compile(w * x * x, inputs=[x])
    >>> program.forward([[1.0], [2.0]])
    [3.0, 12.0]
    """
    single = isinstance(outputs, Value)
    names = {value: name for name, value in model.named_parameters()} if model else {}
    with paused_gc():  # which would look through all that is made, again and again
        steps, parameters = tape([outputs] if isinstance(outputs, Value) else list(outputs), list(inputs), names)
        return Program(steps, parameters, single, backend)


class Program:
    """What `compile` makes. It pickles, with copies of its parameters.

    Attributes:
        leaves: what is read at each call, in the order of its first use: the leaves of the graph that are not inputs,
            and results without a graph.

    >>> from microgrannd import Value, compile
    >>> x, w = Value(0.0, "x"), Value(3.0, "w")
    >>> program = compile(w * x * x, inputs=[x])
    >>> program.backward([[1.0], [2.0]]), w.grad  # the mean over the rows, and its derivative
    (7.5, 2.5)
    """

    def __init__(self, tape: Tape, leaves: Sequence[Value], single: bool, backend: str = "python") -> None:
        require_backend(backend)
        self.tape, self.leaves, self.single, self.backend = tape, list(leaves), single, backend
        self._runner: PythonRunner | Machine = _machine(tape) if backend == "numba" else _python(tape)

    def forward(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the outputs for rows of inputs.

        Args:
            rows: for each a number for every input.

        Returns:
            For each row a float, or a tuple of floats where the outputs were a sequence.

        Raises:
            TypeError, ValueError: a row has another length, or a cell that is not a number.
            ValueError, ArithmeticError: as the recorded operations raise it; the message names the row.
        """
        checked, data = self.checked(rows), self.data()
        try:
            results = self._runner.forward(checked, self._runner.numbers(data))
        except ERRORS:
            results = [self._careful.forward(number, list(map(float, row)), data) for number, row in enumerate(checked)]
        return results if self.single or len(self.tape.outputs) > 1 else [(result,) for result in results]

    def backward(self, rows: Iterable[Sequence[Any]], executor: Executor | None = None) -> float:
        """Return the mean of the output over rows, and add the gradient of that mean to the parameters' ``grad``.

        Args:
            rows: for each a number for every input; at least one row.
            executor: whose workers compute the blocks of 64 rows, each with a copy of this program: a
                ``ProcessPoolExecutor``, or that of a cluster. The blocks are added in order, so the bits are those of
                one process. Up to 64 rows, one block, are computed here. Workers need to be able to import an operation
                of your own, and what it uses.

        Returns:
            The mean.

        Raises:
            ValueError: there are several outputs, or no row; else as `forward`. Then no gradient is changed.
            concurrent.futures.BrokenExecutor: a worker and with it some rows were lost: the message names them. Then
                no gradient is changed.
            pickle.PicklingError: for an executor, an operation of your own that cannot be imported by its name.
        """
        if len(self.tape.outputs) != 1:
            raise ValueError(f"backward needs a program of one output, got {len(self.tape.outputs)}")
        if executor is not None:
            require_executor(executor)
        checked, data = self.checked(rows), self.data()
        count = len(checked)
        if not count:
            raise ValueError("backward needs at least one row for the mean, got none")
        if executor is None or count <= BLOCK:
            return self.added(count, self.sums(0, checked, data))
        return self.added(count, self._workers.sums(executor, checked, data))

    def outputs(self, row: list[float], data: Sequence[float]) -> list[float]:
        """Return the outputs for a row of floats, with these numbers for the leaves."""
        try:
            results = self._runner.forward(self._runner.rows([row]), self._runner.numbers(data))
        except ERRORS:
            results = [self._careful.forward(0, row, data)]
        return list(results[0]) if len(self.tape.outputs) > 1 else results

    def gradients(self, row: list[float], data: Sequence[float]) -> tuple[float, list[float]]:
        """Return the only output for a row of floats, with these numbers for the leaves, and its gradients by them."""
        output, found = self._block(0, self._runner.rows([row]), data, self._runner.numbers(data))
        return output, self._runner.unordered(found)

    @property
    def parameters(self) -> list[Value]:
        """The leaves that get a gradient: all but the results without a graph."""
        return [leaf for leaf in self.leaves if leaf._rule is None]

    def data(self) -> list[float]:
        """Return the leaves' numbers.

        Raises:
            TypeError: one is not a real number.
        """
        return data_of(self.leaves, (leaf.label or f"parameters[{i}]" for i, leaf in enumerate(self.leaves)))

    def sums(self, first: int, rows: Any, data: Sequence[float]) -> Iterator[tuple[float, Any]]:
        """Yield the sums over each block of rows, of the output and of its gradients; the parameters do not change.

        Args:
            first: the number of the first row, for messages.
            rows: checked rows.
            data: the parameters' numbers.
        """
        ready, ordered = self._runner.rows(rows), self._runner.numbers(data)
        for start in range(0, len(ready), BLOCK):
            yield self._block(first + start, ready[start : start + BLOCK], data, ordered)

    def added(self, count: int, sums: Iterable[tuple[float, Any]]) -> float:
        """Add up the blocks of so many rows, in order; add the mean gradient to the parameters' and return the mean."""
        blocks = iter(sums)
        total, gradients = next(blocks)
        for output, more in blocks:
            total, gradients = total + output, self._runner.added(gradients, more)
        shares = self._runner.listed(self._runner.shares(gradients, count))
        for receiver, share in zip(self._receivers, shares, strict=True):
            if receiver is not None:
                receiver.grad += share
        return total / count

    @property
    def source(self) -> str:
        """The generated source."""
        header = (
            f"# {len(self.tape.outputs)} output(s) of {self.tape.inputs} inputs and {self.tape.parameters} parameters: "
            f"{len(self.tape.steps)} operations.\n"
            "# forward returns the outputs for each row; backward their sum over the rows, and its gradients by the "
            "parameters."
        )
        return "\n\n".join([header, *self._runner.sources.values()]) + "\n"

    def javascript(self, optimizer: Optimizer | None = None) -> str:
        """Return the text of a JavaScript module (ES) with the same functions, for a browser or Node.

        It exports ``forward(rows, parameters)``, which returns an array of outputs for each row, and, for one output,
        ``backward(rows, parameters)``, which returns ``[mean, gradients]``. Rows are arrays of numbers; parameters and
        gradients are in the order of `parameters`. Results without a graph have the numbers that they have now. Numbers
        are the engine's to 1e-12, and a RangeError names the row that the engine refuses.

        Args:
            optimizer: whose formulas are exported too, as ``step(parameters, gradients, buffers, options, lr, t)``. It
                changes the arrays parameters and buffers; ``options`` and ``buffers`` are objects of what the optimiser
                has under these names, ``t`` is the number of the step, from 1.

        Raises:
            TypeError: the optimiser has no formulas.
            ValueError: a rule or the optimiser calls a function that has no counterpart in JavaScript.
        """
        update = None
        if optimizer is not None:
            settled = optimizer.settled() if isinstance(optimizer, Optimizer) else None
            if settled is None:
                raise TypeError(f"javascript needs an optimizer with formulas (update), got {described(optimizer)}")
            update = settled.update
        return module(self.tape, self.fixed, update=update)

    @property
    def fixed(self) -> dict[int, float]:
        """The numbers of the leaves that get no gradient, by their index."""
        data = self.data()
        return {index: data[index] for index, leaf in enumerate(self.leaves) if leaf._rule is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        return Program, (self.tape, self.leaves, self.single, self.backend)

    def checked(self, rows: Any) -> Any:
        """Return the rows as floats, in the form that the program takes."""
        if self._runner.takes(rows):
            return self._runner.rows(rows)
        rows = rows if isinstance(rows, list) else list(rows)
        try:
            if set(map(len, rows)) <= {self.tape.inputs} and set(map(type, chain.from_iterable(rows))) <= {float}:
                return self._runner.rows(rows)
        except TypeError:
            pass  # some row is not a sequence: it is named below
        return self._runner.rows([self._checked_row(number, row) for number, row in enumerate(rows)])

    def _checked_row(self, number: int, row: Any) -> Sequence[float]:
        if not hasattr(row, "__iter__") or isinstance(row, str):
            raise TypeError(f"rows[{number}] needs to be a row of numbers, got {described(row)}")
        cells = list(row)
        if len(cells) != self.tape.inputs:
            raise ValueError(f"rows[{number}] needs a number for each of {self.tape.inputs} inputs, got {len(cells)}")
        return [required_real(f"rows[{number}][{column}]", cell) for column, cell in enumerate(cells)]

    def _block(self, first: int, rows: Any, data: Sequence[float], ordered: Any) -> tuple[float, Any]:
        """Return the sums over a block of rows. If a row raises, the rows are computed one by one, to the same bits."""
        run = self._runner.backward  # compiled outside of the try: its errors do not concern rows
        try:
            return run(rows, ordered)
        except ERRORS:
            results = [
                self._careful.backward(number, list(map(float, row)), data) for number, row in enumerate(rows, first)
            ]
            gradients = reduce(self._careful.plain.added, (gradients for _, gradients in results))
            return reduce(add, (output for output, _ in results)), self._runner.numbers(gradients)

    @cached_property
    def _receivers(self) -> list[Value | None]:
        """The receivers of the gradients, in the order of the program; None for results without a graph."""
        leaves = [self.leaves[number] for number in self._runner.order]
        return [leaf if leaf._rule is None else None for leaf in leaves]

    @cached_property
    def _careful(self) -> CarefulRunner:
        runner = self._runner if isinstance(self._runner, PythonRunner) else _python(self.tape)
        return CarefulRunner(runner, [leaf.label for leaf in self.leaves])

    @cached_property
    def _workers(self) -> Workers:
        return Workers(self)


def require_backend(backend: Any) -> None:
    """Refuse what is no backend, or not installed.

    Raises:
        ValueError: an unknown one.
        ImportError: numba is not installed.
    """
    if backend not in ("python", "numba"):
        raise ValueError(f"backend needs to be python or numba, got {described(backend)}")
    if backend == "numba" and not all(map(find_spec, ("numba", "platformdirs"))):
        raise ImportError("backend='numba' needs numba: pip install 'microgrannd[numba]'")


def _python(tape: Tape) -> PythonRunner:
    """Return what runs a tape as Python: in straight lines, or over lists if it is large and has much that is alike."""
    atoms = sum(1 for step in tape.steps for _ in step.atoms)
    long = any(
        len(operand) > UNPACKED for step in tape.steps for operand in step.operands if isinstance(operand, tuple)
    )
    if long or atoms >= ROLLED:
        rolled = roll(chained(tape))
        if long or len(rolled.instructions) <= ALIKE * atoms:
            return Lists(tape, rolled)
    return Plain(tape)


def _machine(tape: Tape) -> Machine:
    """Return what runs a tape by numba."""
    with held_back():  # Ctrl-C would leave numba half imported
        from .machine import Machine

    return Machine(tape)
