"""The lines of a program in plain Python: one operation a line.

The program goes through rows. It reads the parameters before the first row, adds gradients up over the rows, and hands
them back after the last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cached_property
from itertools import repeat
from operator import add, truediv
from typing import Any

from ..rules.generated import generated
from ..rules.simplify import constant, template
from .lowering import Body, DenseLayer, Emitter
from .tape import Atom, Operand, Ref, Step, Tape

#: Names in a line and terms in a sum, at most: CPython's compiler recurses over a sum.
MOST_TERMS = 50


class Writer:
    """Writes the lines of one program."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter, self.tape, self.names = emitter, emitter.tape, emitter.names
        self.body = Body()
        self.parameters = set(self.tape.parameter_refs)
        self.lists: dict[tuple[Atom, ...], str] = {}
        self.shares: defaultdict[Ref, list[str]] = defaultdict(list)
        self.lets: dict[Ref, dict[str, str]] = {}

    def forward(self) -> Body:
        """Write the program of the outputs: a list with a float, or a tuple of floats, for each row."""
        self.read_parameters()
        self.values()
        names = [self.names[output] for output in self.tape.outputs]
        shown = names[0] if len(names) == 1 else f"({', '.join(names)})"
        self.body.before.append("results = []")
        self.body.row.append(f"results.append({shown})")
        self.body.result = ("results",)
        return self.body

    def backward(self) -> Body:
        """Write the program of the sum of the only output over the rows, and of its gradients by all parameters."""
        self.read_parameters()
        self.values()
        (output,) = self.tape.outputs
        self.body.before.append("total = 0.0")
        self.body.row.append(f"total += {self.names[output]}")
        self.gradients(output)
        self.body.result = ("total", "gradients")
        return self.body

    def read_parameters(self) -> None:
        """Write what comes before the first row: names for the parameters, or lists of them."""
        before, emitter = self.body.before, self.emitter
        scalars = [self.names[ref] for ref in emitter.scalars]
        for first in range(0, len(scalars), MOST_TERMS):
            some = scalars[first : first + MOST_TERMS]
            end = first + len(some)
            taken = "parameters" if end == len(emitter.order) and not first else f"parameters[{first}:{end}]"
            before.append(f"{_targets(some)} = {taken}")
        for layer, weights, biases in emitter.slices():
            name, width = layer.name, len(layer.inputs)
            rows = f"range({weights.replace(':', ', ')}, {width})"
            before.append(f"{name}_w = [parameters[i : i + {width}] for i in {rows}]")
            given = f"parameters[{biases}]" if biases else f"[{', '.join(map(self.text, layer.biases))}]"
            before.append(f"{name}_b = {given}")
        if self.tape.inputs:
            self.body.row.append(f"{_targets([self.names[ref] for ref in self.tape.input_refs])} = row")

    def values(self) -> None:
        """Write the results of the steps, for each row."""
        row = self.body.row
        for ref, step in self.tape.results:
            if ref in self.emitter.layers:
                self.layer(self.emitter.layers[ref])
            if ref in self.emitter.in_layers:
                continue
            form, fillers = self.emitter.form(step, unit=False)
            names = [self.named(filler) for filler in fillers]
            lets = self.lets[ref] = {}
            y = self.names[ref]
            self.let(form.before, names, lets)
            if form.domain:
                row.append(f"if {form.domain.format(*names, **lets)}: raise ValueError")
            row.append(f"{y} = {form.value.format(*names, **lets)}")
            self.let(form.after, names, lets, y)

    def let(self, pairs: list[tuple[str, str]], names: list[str], lets: dict[str, str], y: str = "") -> None:
        """Write what is used several times, and add its names to those in use."""
        for name, text in pairs:
            lets[name] = self.emitter.name("", "c")
            self.body.row.append(f"{lets[name]} = {text.format(*names, y=y, **lets)}")

    def named(self, filler: Operand) -> str:
        """Return the name of a number, or of a list of numbers."""
        return self.list_of(filler) if isinstance(filler, tuple) else self.text(filler)

    def text(self, atom: Atom) -> str:
        """Return the name of what a ref refers to, or a constant."""
        return self.names[atom] if isinstance(atom, Ref) else template(constant(atom.number))

    def list_of(self, atoms: tuple[Atom, ...]) -> str:
        """Return the name of a list, written once; before the rows if no row changes it."""
        if atoms not in self.lists:
            self.lists[atoms] = name = self.emitter.name("", "s")
            fixed = self.parameters.issuperset(atom for atom in atoms if isinstance(atom, Ref))
            lines = self.body.before if fixed else self.body.row
            parts = list(map(self.text, atoms))
            for first in range(0, len(parts), MOST_TERMS):
                lines.append(f"{name} {'+=' if first else '='} [{', '.join(parts[first : first + MOST_TERMS])}]")
        return self.lists[atoms]

    def layer(self, layer: DenseLayer) -> None:
        """Write the results of a layer."""
        name, inputs = layer.name, self.list_of(layer.inputs)
        product = f"[sum(map(mul, w, {inputs}), b) for w, b in zip({name}_w, {name}_b)]"
        self.body.row.append(f"{_targets([self.names[ref] for ref in layer.results])} = {product}")

    def gradients(self, output: Ref) -> None:
        """Write the gradients, for each row from the last step to the first, and the sums of the parameters' over the rows."""
        emitter, results = self.emitter, self.tape.results
        needed = set(self.parameters)
        for ref, step in results:
            if not needed.isdisjoint(step.refs):
                needed.add(ref)
        self.shares[output].append("1.0")
        for ref, step in reversed(results):
            if ref in emitter.layers:
                self.layer_gradients(emitter.layers[ref], needed)
            elif ref in needed and ref not in emitter.in_layers:
                self.step_gradients(ref, step, needed)
        for ref in emitter.scalars:
            if ref in self.shares:
                self.added(f"d_{self.names[ref]}", self.shares[ref], "+=")
        self.hand_back()

    def step_gradients(self, ref: Ref, step: Step, needed: Set[Atom]) -> None:
        """Note what each operand of a step gets of its gradient."""
        gradient = self.gradient(ref)
        form, fillers = self.emitter.form(step, unit=gradient == "1.0")
        names = [self.named(filler) for filler in fillers]
        given = {"y": self.names[ref], "d": gradient, **self.lets[ref]}
        for filler, share in zip(fillers, form.shares, strict=True):
            if isinstance(filler, Ref):
                if filler in needed:
                    self.shares[filler].append(share.format(*names, **given))
            elif isinstance(filler, tuple) and not needed.isdisjoint(filler):
                shared = self.emitter.name("", "g")
                self.body.row.append(f"{shared} = {share.format(*names, **given)}")
                self.share_out([f"{shared}[{index}]" for index in range(len(filler))], filler, needed)

    def share_out(self, texts: Sequence[str], atoms: Sequence[Atom], needed: Set[Atom]) -> None:
        """Note what each of several operands gets of a gradient."""
        for text, atom in zip(texts, atoms, strict=True):
            if isinstance(atom, Ref) and atom in needed:
                self.shares[atom].append(text)

    def gradient(self, ref: Ref) -> str:
        """Return a name for the gradient of a step's result, and write the sum of its shares if there is none yet."""
        shares = self.shares.pop(ref)
        if len(shares) == 1 and (shares[0].isidentifier() or shares[0] == "1.0"):
            return shares[0]
        name = f"d_{self.names[ref]}"
        self.added(name, shares, "=")
        return name

    def added(self, target: str, shares: Sequence[str], sign: str) -> None:
        """Write a sum that is assigned to a target, or added to it."""
        terms = [share if _is_term(share) else f"({share})" for share in shares] if len(shares) > 1 else shares
        for first in range(0, len(terms), MOST_TERMS):
            some = " + ".join(terms[first : first + MOST_TERMS])
            self.body.row.append(f"{target} {'+=' if first else sign} {some}")

    def layer_gradients(self, layer: DenseLayer, needed: Set[Atom]) -> None:
        """Write the gradients of a layer's inputs for each row, and those of its weights after all rows."""
        name, body = layer.name, self.body
        inputs = self.list_of(layer.inputs)
        gradients = [self.gradient(ref) for ref in reversed(layer.results)][::-1]
        columns, rows, given = f"{name}_columns", f"{name}_rows", f"d_{name}"
        body.row.append(f"{given} = [{', '.join(gradients)}]")
        body.before.append(f"{rows} = []")
        body.row.append(f"{rows}.append(({inputs}, {given}))")
        if not needed.isdisjoint(layer.inputs):
            body.before.append(f"{columns} = list(zip(*{name}_w))")
            shares = [self.emitter.name("", "g") for _ in layer.inputs]
            body.row.append(f"{', '.join(shares)} = [sum(map(mul, w, {given})) for w in {columns}]")
            self.share_out(shares, layer.inputs, needed)

    def hand_back(self) -> None:
        """Write what comes after the last row: the gradients in the order of the parameters."""
        before, after = self.body.before, self.body.after
        scalars = [f"d_{self.names[ref]}" for ref in self.emitter.scalars]
        before += [f"{name} = 0.0" for name in scalars]
        after.append("gradients = []")
        for first in range(0, len(scalars), MOST_TERMS):
            after.append(f"gradients += [{', '.join(scalars[first : first + MOST_TERMS])}]")
        for layer in self.emitter.layers.values():
            xs, ds = f"{layer.name}_xs", f"{layer.name}_ds"
            after.append(f"{xs}, {ds} = (list(zip(*part)) for part in zip(*{layer.name}_rows))")
            after.append(f"gradients += [sum(map(mul, x, d)) for d in {ds} for x in {xs}]")
            if isinstance(layer.biases[0], Ref):
                after.append(f"gradients += map(sum, {ds})")


def _targets(names: Sequence[str]) -> str:
    """Return names as the left side of an assignment that unpacks a sequence."""
    return f"{', '.join(names)}{',' * (len(names) == 1)}"


def _is_term(text: str) -> bool:
    """Tell whether an expression can be a term of a sum without brackets."""
    return " if " not in text and not text.startswith("-")


#: The built-in functions that programs use.
BUILTINS = {"list": list, "map": map, "range": range, "sum": sum, "zip": zip, "ValueError": ValueError}


class PythonRunner(ABC):
    """Runs a tape as Python.

    Attributes:
        tape: that runs.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._written: dict[str, tuple[str, dict[str, Any]]] = {}

    @cached_property
    @abstractmethod
    def order(self) -> list[int]:
        """The indices of the parameters in the order in which the programs take them and return their gradients."""

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

    def shares(self, gradients: Any, count: int) -> Iterable[float]:
        """Return the gradients, each divided by the number of rows."""
        return map(truediv, gradients, repeat(count))


class Plain(PythonRunner):
    """Runs a tape as straight-line Python.

    Attributes:
        emitter: names and forms.
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.emitter = Emitter(tape)

    @cached_property
    def order(self) -> list[int]:
        """The indices of the parameters in the order in which the programs take them and return their gradients."""
        return [ref.index - self.tape.inputs for ref in self.emitter.order]

    def written(self, name: str) -> tuple[str, dict[str, Any]]:
        """Write a program, an operation a line; return the source, and what its names stand for."""
        writer = Writer(self.emitter)
        body = writer.forward() if name == "forward" else writer.backward()
        return "\n".join(body.function(name)), {**BUILTINS, **self.emitter.functions}
