"""The lines of a program in plain Python: one operation a line.

The program goes through rows. It reads the parameters before the first row, adds gradients up over the rows, and hands
them back after the last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cached_property
from itertools import repeat
from math import isfinite
from operator import add, itemgetter, truediv
from typing import Any

from ..optim.update import Update
from ..rules.generated import generated
from .tape import Ref, Step, Tape
from .templates import Vocabulary
from .updates import Stepper, over_lists, targets

#: Names in a line and terms in a sum, at most: CPython's compiler recurses over a sum.
MOST_TERMS = 50


class Writer:
    """Writes the lines of one program.

    Attributes:
        unit: 1, as the language writes it.
        row: the lines for each row.
    """

    unit = "1.0"

    def __init__(self, tape: Tape, vocabulary: Vocabulary) -> None:
        self.tape, self.vocabulary, self.names = tape, vocabulary, vocabulary.names
        self.row: list[str] = []
        self.shares: defaultdict[Ref, list[str]] = defaultdict(list)
        self.lets: dict[Ref, dict[str, str]] = {}

    def begin(self) -> None:
        """Write how the inputs are read."""
        if self.tape.inputs:
            self.row.append(f"{targets([self.names[ref] for ref in self.tape.input_refs])} = row")

    def assigned(self, name: str, text: str) -> str:
        """Return a line that gives a number its name."""
        return f"{name} = {text}"

    def summed(self, target: str, sign: str, terms: Sequence[str]) -> str:
        """Return a line that begins a sum (=) or adds to it (+=)."""
        return f"{target} {sign} {' + '.join(terms)}"

    def refused(self, step: Step, condition: str) -> str:  # noqa: ARG002
        """Return a line that ends the program where a step has no value."""
        return f"if {condition}: raise ValueError"

    def forward(self) -> str:
        """Write the program of the outputs: a list with a float, or a tuple of floats, for each row."""
        self.values()
        names = [self.names[output] for output in self.tape.outputs]
        shown = names[0] if len(names) == 1 else f"({', '.join(names)})"
        self.row.append(f"results.append({shown})")
        return self.function("forward", ["results = []"], ["return results"])

    def backward(self) -> str:
        """Write the program of the sum of the only output over the rows, and of its gradients by all parameters."""
        self.values()
        (output,) = self.tape.outputs
        self.row.append(f"total += {self.names[output]}")
        self.gradients(output)
        sums = [f"d_{self.names[ref]}" for ref in self.tape.parameter_refs]
        after = [f"gradients += [{', '.join(some)}]" for _, some in numbered(sums)]
        before = ["total = 0.0", *(f"{name} = 0.0" for name in sums)]
        return self.function("backward", before, ["gradients = []", *after, "return total, gradients"])

    def function(self, name: str, before: list[str], after: list[str]) -> str:
        """Return the lines of the function.

        It is not split, however long: parts that share names through a list take CPython three times as long to compile
        and to run.
        """
        parameters = [self.names[ref] for ref in self.tape.parameter_refs]
        read = [f"{targets(some)} = parameters[{first}:{first + len(some)}]" for first, some in numbered(parameters)]
        rows = ["for row in rows:", *(f"    {line}" for line in self.row)]
        return "\n".join(
            [f"def {name}(rows, parameters):", *(f"    {line}" for line in [*read, *before, *rows, *after])]
        )

    def values(self) -> None:
        """Write the results of the steps, for each row."""
        self.begin()
        for ref, step in self.tape.results:
            written, refs = self.vocabulary.templates(step, unit=False)
            names = [self.names[one] for one in refs]
            lets = self.lets[ref] = {}
            y = self.names[ref]
            self.let(written.before, names, lets)
            if written.unmet:
                self.row.append(self.refused(step, written.unmet.format(*names, **lets)))
            self.row.append(self.assigned(y, written.value.format(*names, **lets)))
            self.let(written.after, names, lets, y)

    def let(self, pairs: list[tuple[str, str]], names: list[str], lets: dict[str, str], y: str = "") -> None:
        """Write what is used several times, and add its names to those in use."""
        for name, text in pairs:
            lets[name] = self.vocabulary.name("", "c")
            self.row.append(self.assigned(lets[name], text.format(*names, y=y, **lets)))

    def gradients(self, output: Ref) -> None:
        """Write the gradients, for each row from the last step to the first, and the sums of the parameters' over the rows."""
        parameters, results = self.tape.parameter_refs, self.tape.results
        needed = set(parameters)
        for ref, step in results:
            if not needed.isdisjoint(step.refs):
                needed.add(ref)
        self.shares[output].append(self.unit)
        for ref, step in reversed(results):
            if ref in needed:
                self.step_gradients(ref, step, needed)
        for ref in parameters:
            if ref in self.shares:
                self.added(f"d_{self.names[ref]}", self.shares[ref], "+=")

    def step_gradients(self, ref: Ref, step: Step, needed: Set[Ref]) -> None:
        """Note what each operand of a step gets of its gradient."""
        gradient = self.gradient(ref)
        written, refs = self.vocabulary.templates(step, unit=gradient == self.unit)
        names = [self.names[one] for one in refs]
        given = {"y": self.names[ref], "d": gradient, **self.lets[ref]}
        for operand, share in zip(refs, written.shares, strict=True):
            if operand in needed:
                self.shares[operand].append(share.format(*names, **given))

    def gradient(self, ref: Ref) -> str:
        """Return a name for the gradient of a step's result, and write the sum of its shares if there is none yet."""
        shares = self.shares.pop(ref)
        if len(shares) == 1 and (shares[0].isidentifier() or shares[0] == self.unit):
            return shares[0]
        name = f"d_{self.names[ref]}"
        self.added(name, shares, "=")
        return name

    def added(self, target: str, shares: Sequence[str], sign: str) -> None:
        """Write a sum that is assigned to a target, or added to it."""
        terms = [share if _is_term(share) else f"({share})" for share in shares] if len(shares) > 1 else shares
        for first, some in numbered(terms):
            self.row.append(self.summed(target, "+=" if first else sign, some))


def numbered(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield as many texts at a time as a line may have, with the number of the first one."""
    for first in range(0, len(texts), MOST_TERMS):
        yield first, texts[first : first + MOST_TERMS]


def _is_term(text: str) -> bool:
    """Tell whether an expression can be a term of a sum without brackets."""
    return " if " not in text and " ? " not in text and not text.startswith("-")


#: The built-in functions that programs use.
BUILTINS = {"list": list, "map": map, "range": range, "sum": sum, "zip": zip, "ValueError": ValueError}


class PythonRunner(ABC):
    """Runs a tape as Python.

    Attributes:
        tape: that runs.
        order: the indices of the parameters in the order in which the programs take them and return their gradients.
    """

    order: Sequence[int]

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._written: dict[str, tuple[str, dict[str, Any]]] = {}

    @abstractmethod
    def written(self, name: str) -> tuple[str, dict[str, Any]]:
        """Write the program forward or backward; return the source, and what its names stand for."""

    @property
    def sources(self) -> dict[str, str]:
        """The source of each program."""
        return {name: self.source(name) for name in ("forward", "backward")[: 1 + (len(self.tape.outputs) == 1)]}

    def source(self, name: str) -> str:
        """Return the source of the program forward or backward."""
        if name not in self._written:
            self._written[name] = self.written(name)
        return self._written[name][0]

    @cached_property
    def forward(self) -> Callable[[Any, Any], list[Any]]:
        """The function of checked rows and parameters that returns the outputs of each row: a float, or a tuple."""
        return self._compiled("forward")

    @cached_property
    def backward(self) -> Callable[[Any, Any], tuple[float, Any]]:
        """The function of checked rows and parameters that returns the sum of the output over the rows, and its gradients."""
        return self._compiled("backward")

    def _compiled(self, name: str) -> Callable[..., Any]:
        source = self.source(name)
        return generated(name, source, self._written[name][1])

    def takes(self, rows: Any) -> bool:  # noqa: ARG002
        """Tell whether rows need no check."""
        return False

    def rows(self, rows: Any) -> Any:
        """Return checked rows in the form that the programs take."""
        return rows

    def numbers(self, data: Sequence[float]) -> Any:
        """Return parameters in the order and form that the programs take."""
        return [data[number] for number in self.order]

    def added(self, gradients: Any, others: Any) -> Any:
        """Return the sum of two rows of gradients."""
        return list(map(add, gradients, others))

    def shares(self, gradients: Any, count: int) -> list[float]:
        """Return the gradients, each divided by the number of rows."""
        return list(map(truediv, gradients, repeat(count)))

    def update(self, update: Update) -> Stepper:
        """Return what computes a step of an optimiser."""
        return over_lists(update)

    def vector(self, numbers: list[float]) -> Any:
        """Return numbers in the form in which programs keep them."""
        return numbers

    def vectors(self, rows: list[list[float]]) -> Any:
        """Return rows of numbers of one length in that form."""
        return tuple(rows)

    def listed(self, vector: Any) -> list[float]:
        """Return a vector as a list of floats."""
        return vector  # type: ignore[no-any-return]  # which it is

    def chosen(self, vector: Any, indices: Sequence[int]) -> Any:
        """Return the elements, or rows, at some indices."""
        return [vector[index] for index in indices]

    def taker(self, indices: Sequence[int]) -> Callable[[Any], Any]:
        """Return a function that returns the elements of a vector at some indices."""
        if len(indices) < 2:
            return lambda vector: self.chosen(vector, indices)
        return itemgetter(*indices)

    def replaced(self, vector: Any, indices: Sequence[int], others: Any) -> Any:
        """Return a vector with other elements at some indices."""
        found = list(vector)
        for index, other in zip(indices, others, strict=True):
            found[index] = other
        return found

    def longer(self, vector: Any, length: int) -> Any:
        """Return a vector with zeros at its end."""
        return [*vector, *[0.0] * (length - len(vector))]

    def scaled(self, vector: Any, factor: float) -> Any:
        """Return a vector times a number."""
        return [number * factor for number in vector]

    def is_finite(self, vector: Any) -> bool:
        """Tell whether the elements, and their sum, are finite."""
        return isfinite(sum(vector))

    def unordered(self, vector: Any) -> list[float]:
        """Return parameters in the order of the tape, of those in the order of the programs."""
        found = [0.0] * len(vector)
        for index, number in zip(self.order, vector, strict=True):
            found[index] = number
        return found


class Plain(PythonRunner):
    """Runs a tape as straight-line Python.

    Attributes:
        vocabulary: the names and templates of its programs.
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.order = range(tape.parameters)
        self.vocabulary = Vocabulary(tape)

    def written(self, name: str) -> tuple[str, dict[str, Any]]:
        """Write a program, an operation a line; return the source, and what its names stand for."""
        writer = Writer(self.tape, self.vocabulary)
        source = writer.forward() if name == "forward" else writer.backward()
        return source, {**BUILTINS, **self.vocabulary.functions}
