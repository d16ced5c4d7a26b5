"""Runs rolled tapes by machine code: one small function for each rule and direction, compiled once and called by pointer.

No graph is compiled: a program is a table of instructions, and a new graph needs numba only for rules that none before
it had. Rows are computed side by side, up to a block of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import numpy as np

from ..optim.update import Update
from . import kernels
from .arrays import Arrays, address_of, update_address
from .cache import loaded
from .chains import chained
from .dispatcher import DISPATCHER, KERNEL
from .loops import Shape
from .memory import Memory, callback, calling_back
from .roll import Instruction, roll
from .tape import Tape
from .updates import Trained
from .workers import BLOCK

#: Numbers of results in memory, at most, where more than one row is computed at a time: what a processor keeps near.
MOST_CELLS = 2**18


#: The types of the dispatcher's functions, which take numbers and addresses.
_DISPATCH = ctypes.PYFUNCTYPE(*[ctypes.c_int64] * 6)
_TRAIN = ctypes.PYFUNCTYPE(*[ctypes.c_int64] * 2)


class Machine(Arrays):
    """Runs a tape by numba. It raises wherever Python may raise; the plain program then tells why.

    Raises:
        ValueError: a rule uses a sequence in a way for which there is no loop.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.rolled = rolled = roll(chained(tape))
        self.order = rolled.parameters
        self._order = np.array(rolled.parameters, dtype=np.int64)
        self.width = max(1, min(BLOCK, MOST_CELLS // max(rolled.cells, 1)))
        self._kept: list[Any] = []  # arrays that the dispatcher knows by their addresses
        self._free: list[Memory] = []  # that no call uses
        self._callbacks: dict[tuple[Any, int], Any] = {}
        self._outputs = self._keep(rolled.outputs, np.int64)
        self._codes: dict[tuple[bool, bool], tuple[int, ...]] = {}
        for back in self._directions.values():
            self._kernels(back, single=False)  # which raises here what it cannot write

    @property
    def _directions(self) -> dict[str, bool]:
        """The programs, and whether they go back."""
        return {"forward": False, "backward": True} if len(self.rolled.outputs) == 1 else {"forward": False}

    @property
    def sources(self) -> dict[str, str]:
        """The instructions of each program, and the functions that run them over many rows."""
        found = {}
        for name, back in self._directions.items():
            functions = dict.fromkeys(kernel.source for _, kernel in self._kernels(back, single=False))
            found[name] = "\n".join([f"# {name}", *map(_described, self._instructions(back)), *functions])
        return found

    def _instructions(self, back: bool) -> list[Instruction]:
        """Return the instructions in the order of a direction; backward those alone that pass on a gradient."""
        found = self.rolled.instructions
        return [one for one in reversed(found) if one.result.kind == "result"] if back else found

    def _kernels(self, back: bool, single: bool) -> list[tuple[Shape, kernels.Kernel]]:
        """Return the functions that run the instructions of a direction, written once for each rule and shape."""
        write = kernels.backward_kernel if back else kernels.forward_kernel
        instructions = self._instructions(back)
        shapes = [kernels.shape(instruction, back, single) for instruction in instructions]
        return [
            (shape, instruction.rule.kept(write, shape))
            for instruction, shape in zip(instructions, shapes, strict=True)
        ]

    def _code(self, back: bool, single: bool) -> tuple[int, ...]:
        """Return the program of a direction, for a single row or for many, as the dispatcher reads it.

        That is the number of instructions; the address of a table with the address of a function for each, how many
        steps there are, and where its addresses begin; and that of all addresses.
        """
        if (back, single) not in self._codes:
            table: list[int] = []
            addresses: list[int] = []
            compiled = cache(_compiled)  # of this program: a tape has few kernels for its many instructions
            for instruction, (shape, kernel) in zip(self._instructions(back), self._kernels(back, single), strict=True):
                table += compiled(kernel.source), instruction.steps, len(addresses)
                addresses += kernels.addresses(instruction, shape, [self._called(*own) for own in kernel.functions])
            self._codes[back, single] = len(table) // 3, self._keep(table, np.int64), self._keep(addresses, np.int64)
        return self._codes[back, single]

    def _called(self, function: Any, count: int) -> int:
        """Return the address of a function of so many floats that calls one of Python."""
        if (function, count) not in self._callbacks:
            self._callbacks[function, count] = callback(function, count)
        return ctypes.cast(self._callbacks[function, count], ctypes.c_void_p).value or 0

    @contextmanager
    def _memory(self) -> Iterator[Memory]:
        """Lend a memory to a call."""
        rolled = self.rolled
        try:
            memory = self._free.pop()
        except IndexError:
            memory = Memory(self.tape.parameters, rolled.constants, rolled.cells, self.width)
        try:
            if self._callbacks:
                with calling_back(memory):
                    yield memory
            else:
                yield memory
        finally:
            self._free.append(memory)

    def _program(self, back: bool, width: int, memory: Memory) -> int:
        """Return the address of a program as the dispatcher reads it, for so many rows at a time."""
        if (back, width) not in memory.programs:
            rolled, single = self.rolled, width == 1
            head = width, rolled.inputs, self.tape.parameters, len(rolled.outputs), rolled.cells
            forward, backward = self._code(False, single), self._code(True, single) if back else (-1, 0, 0)
            numbers = [*head, *memory.addresses, self._outputs, *forward, *backward]
            program = np.array(numbers, dtype=np.int64)
            memory.programs[back, width] = program, address_of(program)
        return memory.programs[back, width][1]

    def _keep(self, numbers: Any, kind: Any = np.float64) -> int:
        """Return the address of an array of numbers that lives as long as the program."""
        self._kept.append(np.asarray(numbers, dtype=kind))
        return address_of(self._kept[-1])

    def _run(self, back: bool, rows: Any, data: Any, results: Any) -> None:
        """Run the program over rows.

        Raises:
            ValueError: Python might refuse a row.
        """
        width = min(self.width, len(rows)) or 1
        self._prepare(back, width)
        with self._memory() as memory:
            addresses = map(address_of, (rows, data, results))
            refused = self._dispatch(len(rows), *addresses, self._program(back, width, memory))
        if refused:
            raise ValueError

    def _prepare(self, back: bool, *widths: int) -> None:
        """Compile what is needed, and note whether functions are called back."""
        for width in widths:
            for direction in (False, True)[: 1 + back]:
                self._code(direction, width == 1)

    @cached_property
    def _dispatch(self) -> Any:
        return _DISPATCH(loaded(DISPATCHER)["dispatch"].address)

    @cached_property
    def _train(self) -> Any:
        return _TRAIN(loaded(DISPATCHER)["train"].address)

    def forward(self, rows: Any, data: Any) -> list[Any]:
        """Return the outputs of each row, a float or a tuple, of arrays of rows and of parameters."""
        results = np.empty((len(rows), len(self.rolled.outputs)))
        self._run(False, rows, data, results)
        return results.ravel().tolist() if len(self.rolled.outputs) == 1 else list(map(tuple, results.tolist()))

    def backward(self, rows: Any, data: Any) -> tuple[float, Any]:
        """Return the sum of the output over the rows, and an array of its gradients."""
        results = np.empty(len(data) + 1)
        self._run(True, rows, data, results)
        return float(results[0]), results[1:]

    def takes(self, rows: Any) -> bool:
        """Tell whether rows are an array of as many floats."""
        return isinstance(rows, np.ndarray) and rows.dtype == np.float64 and rows.shape[1:] == (self.tape.inputs,)

    def rows(self, rows: Any) -> Any:
        """Return checked rows as an array."""
        return np.ascontiguousarray(rows, dtype=np.float64).reshape(len(rows), self.tape.inputs)

    def numbers(self, data: Sequence[float]) -> Any:
        """Return parameters as an array, in the order of their addresses."""
        return np.fromiter(data, np.float64, len(data))[self._order]

    def added(self, gradients: Any, others: Any) -> Any:
        """Return the sum of two arrays of gradients."""
        return gradients + others

    def shares(self, gradients: Any, count: int) -> Any:
        """Return the gradients, each divided by the number of rows."""
        return gradients / count if count > 1 else gradients

    def unordered(self, vector: Any) -> list[float]:
        """Return parameters in the order of the tape, of those in the order of the programs."""
        found = np.empty(len(vector))
        found[self._order] = vector
        return found.tolist()

    def train(
        self, update: Update, table: Any, orders: Any, size: int, data: Any, buffers: Any, constants: Any
    ) -> Trained | None:
        """Take steps of a training, by an optimiser of all parameters: see `Trainer`."""
        address, order = update_address(update), np.array(orders, dtype=np.int64)
        data, buffers = data.copy(), buffers.copy()
        losses, gradients = np.empty(len(constants)), np.empty(len(data))
        new, made = np.empty_like(data), np.empty_like(buffers)
        width = min(self.width, size, len(table))
        self._prepare(True, width, 1)
        with self._memory() as memory:
            programs = self._program(True, width, memory), self._program(True, 1, memory)
            task = [*order.shape, size, BLOCK, *map(address_of, (table, order, data, buffers)), len(buffers)]
            task += [address_of(constants), constants.shape[1], address]
            task += [*map(address_of, (losses, gradients, new, made)), *programs]
            taken = self._train(address_of(np.array(task, dtype=np.int64))) if address else 0
        return Trained(losses.tolist(), data, buffers, gradients) if taken == len(losses) else None


def _described(instruction: Instruction) -> str:
    """Return an instruction as a comment."""
    operands = [p.kind if p.offsets is None else f"{p.kind}[{len(p.offsets)}]" for p in instruction.operands]
    return f"# {instruction.steps} of {instruction.rule.name}({', '.join(operands)})"


def _compiled(kernel: str) -> int:
    """Return the address of a kernel, which is compiled if it is not yet."""
    functions, header, body = kernel.partition("def kernel(")
    source = KERNEL.format(functions=functions.strip(), kernel=header + body.rstrip())
    address: int = loaded(source)["kernel"].address
    return address
