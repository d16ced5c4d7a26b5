"""The lines of a program in plain Python: one operation a line.

The program goes through rows. It reads the parameters before the first row, adds gradients up over the rows, and hands
them back after the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cached_property
from itertools import repeat
from operator import add, truediv
from typing import Any

from ..rules.generated import generated
from ..rules.simplify import constant, template
from .lowering import Body, DenseLayer, Emitter, Line
from .tape import Atom, Operand, Ref, Step, Tape

#: Names in a line and terms in a sum, at most: CPython's compiler recurses over a sum.
MOST_TERMS = 50


class Writer:
    """One program in the making."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter, self.tape, self.names = emitter, emitter.tape, emitter.names
        self.body = Body()
        self.parameters = set(self.tape.parameter_refs)
        self.lists: dict[tuple[Atom, ...], str] = {}
        self.shares: defaultdict[Ref, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        self.lets: dict[Ref, dict[str, str]] = {}

    def forward(self) -> Body:
        """The program of the outputs: a list with a float, or a tuple of floats, for each row."""
        self.read_parameters()
        self.values()
        names = tuple(self.names[output] for output in self.tape.outputs)
        shown = names[0] if len(names) == 1 else f"({', '.join(names)})"
        self.body.before.append(Line("results = []", ("results",)))
        self.body.row.append(Line(f"results.append({shown})", (), ("results", *names)))
        self.body.result = ("results",)
        return self.body

    def backward(self) -> Body:
        """The program of the sum of the only output over the rows, and of its gradients by all parameters."""
        self.read_parameters()
        self.values()
        (output,) = self.tape.outputs
        self.body.before.append(Line("total = 0.0", ("total",)))
        self.body.row.append(Line(f"total += {self.names[output]}", ("total",), ("total", self.names[output])))
        self.gradients(output)
        self.body.result = ("total", "gradients")
        return self.body

    def read_parameters(self) -> None:
        """Before the first row: names for the parameters, or lists of them."""
        before, emitter = self.body.before, self.emitter
        scalars = [self.names[ref] for ref in emitter.scalars]
        for first in range(0, len(scalars), MOST_TERMS):
            some = tuple(scalars[first : first + MOST_TERMS])
            end = first + len(some)
            taken = "parameters" if end == len(emitter.order) and not first else f"parameters[{first}:{end}]"
            before.append(Line(f"{', '.join(some)}{',' * (len(some) == 1)} = {taken}", some, ("parameters",)))
        for layer, weights, biases in emitter.slices():
            name, width = layer.name, len(layer.inputs)
            rows = f"range({weights.replace(':', ', ')}, {width})"
            text = f"{name}_w = [parameters[i : i + {width}] for i in {rows}]"
            before.append(Line(text, (f"{name}_w",), ("parameters",)))
            given = f"parameters[{biases}]" if biases else f"[{', '.join(map(self.text, layer.biases))}]"
            before.append(Line(f"{name}_b = {given}", (f"{name}_b",), ("parameters",)))
        inputs = tuple(self.names[ref] for ref in self.tape.input_refs)
        if inputs:
            self.body.row.append(Line(f"{', '.join(inputs)}{',' * (len(inputs) == 1)} = row", inputs, ("row",)))

    def values(self) -> None:
        """For each row the result of every step."""
        row = self.body.row
        for ref, step in self.tape.results:
            if ref in self.emitter.layers:
                self.layer(self.emitter.layers[ref])
            if ref in self.emitter.in_layers:
                continue
            form, fillers = self.emitter.form(step, unit=False)
            names = [self.named(filler) for filler in fillers]
            uses = tuple(names)
            lets = self.lets[ref] = {}
            for let, text in form.lets:
                lets[let] = self.emitter.name("", "c")
                row.append(Line(f"{lets[let]} = {text.format(*names, **lets)}", (lets[let],), uses))
                uses += (lets[let],)
            if form.domain:
                row.append(Line(f"if {form.domain.format(*names, **lets)}: raise ValueError", (), uses))
            target = self.names[ref]
            row.append(Line(f"{target} = {form.value.format(*names, **lets)}", (target,), uses))

    def named(self, filler: Operand) -> str:
        """The name of a number, or of a list of numbers."""
        return self.list_of(filler) if isinstance(filler, tuple) else self.text(filler)

    def text(self, atom: Atom) -> str:
        """The name of what a ref refers to, or a constant."""
        return self.names[atom] if isinstance(atom, Ref) else template(constant(atom.number))

    def list_of(self, atoms: tuple[Atom, ...]) -> str:
        """The name of a list, made once; before the rows, where they do not change it."""
        if atoms not in self.lists:
            self.lists[atoms] = name = self.emitter.name("", "s")
            fixed = self.parameters.issuperset(atom for atom in atoms if isinstance(atom, Ref))
            lines = self.body.before if fixed else self.body.row
            parts = list(map(self.text, atoms))
            for first in range(0, len(parts), MOST_TERMS):
                some = parts[first : first + MOST_TERMS]
                uses = tuple(part for part in some if part.isidentifier())
                sign, earlier = ("+=", (name,)) if first else ("=", ())
                lines.append(Line(f"{name} {sign} [{', '.join(some)}]", (name,), uses + earlier))
        return self.lists[atoms]

    def layer(self, layer: DenseLayer) -> None:
        """The values of a layer."""
        name, inputs = layer.name, self.list_of(layer.inputs)
        targets = tuple(self.names[ref] for ref in layer.results)
        product = f"[sum(map(mul, w, {inputs}), b) for w, b in zip({name}_w, {name}_b)]"
        line = f"{', '.join(targets)}{',' * (len(targets) == 1)} = {product}"
        self.body.row.append(Line(line, targets, (f"{name}_w", f"{name}_b", inputs)))

    def gradients(self, output: Ref) -> None:
        """For each row the shares of every step's operands in its gradient, last step first; and their sums."""
        emitter, results = self.emitter, self.tape.results
        needed = set(self.parameters)
        for ref, step in results:
            if not needed.isdisjoint(step.refs):
                needed.add(ref)
        self.shares[output].append(("1.0", ()))
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
        """The shares of a step's operands in its gradient."""
        gradient = self.gradient(ref)
        form, fillers = self.emitter.form(step, unit=gradient == "1.0")
        names = [self.named(filler) for filler in fillers]
        given = {"y": self.names[ref], "d": gradient, **self.lets[ref]}
        uses = tuple(name for name in (*names, *given.values()) if name != "1.0")
        for filler, share in zip(fillers, form.shares, strict=True):
            if isinstance(filler, Ref):
                if filler in needed:
                    self.shares[filler].append((share.format(*names, **given), uses))
            elif isinstance(filler, tuple) and not needed.isdisjoint(filler):
                shared = self.emitter.name("", "g")
                self.body.row.append(Line(f"{shared} = {share.format(*names, **given)}", (shared,), uses))
                self.share_out([f"{shared}[{index}]" for index in range(len(filler))], filler, needed, shared)

    def share_out(self, texts: Sequence[str], atoms: Sequence[Atom], needed: Set[Atom], *uses: str) -> None:
        """Note what each of several operands gets of a gradient."""
        for text, atom in zip(texts, atoms, strict=True):
            if isinstance(atom, Ref) and atom in needed:
                self.shares[atom].append((text, uses or (text,)))

    def gradient(self, ref: Ref) -> str:
        """The gradient of a step's result, under a name, or a name that it has already."""
        shares = self.shares.pop(ref)
        if len(shares) == 1 and (shares[0][0].isidentifier() or shares[0][0] == "1.0"):
            return shares[0][0]
        name = f"d_{self.names[ref]}"
        self.added(name, shares, "=")
        return name

    def added(self, target: str, shares: Sequence[tuple[str, tuple[str, ...]]], sign: str) -> None:
        """Lines that assign a sum, or add it."""
        for first in range(0, len(shares), MOST_TERMS):
            some = shares[first : first + MOST_TERMS]
            text = (
                " + ".join(text if _is_term(text) else f"({text})" for text, _ in some)
                if len(shares) > 1
                else some[0][0]
            )
            sign = "+=" if first else sign
            uses = tuple(name for _, uses in some for name in uses)
            self.body.row.append(Line(f"{target} {sign} {text}", (target,), (*uses, *([target] * (sign == "+=")))))

    def layer_gradients(self, layer: DenseLayer, needed: Set[Atom]) -> None:
        """The gradients of the inputs for each row; those of the weights for all rows together, after them."""
        name, body = layer.name, self.body
        inputs = self.list_of(layer.inputs)
        gradients = [self.gradient(ref) for ref in reversed(layer.results)][::-1]
        columns, rows, given = f"{name}_columns", f"{name}_rows", f"d_{name}"
        body.row.append(Line(f"{given} = [{', '.join(gradients)}]", (given,), tuple(gradients)))
        body.before.append(Line(f"{rows} = []", (rows,)))
        body.row.append(Line(f"{rows}.append(({inputs}, {given}))", (), (rows, inputs, given)))
        if not needed.isdisjoint(layer.inputs):
            body.before.append(Line(f"{columns} = list(zip(*{name}_w))", (columns,), (f"{name}_w",)))
            shares = tuple(self.emitter.name("", "g") for _ in layer.inputs)
            text = f"{', '.join(shares)} = [sum(map(mul, w, {given})) for w in {columns}]"
            body.row.append(Line(text, shares, (columns, given)))
            self.share_out(shares, layer.inputs, needed)

    def hand_back(self) -> None:
        """The gradients in the order of the parameters, from the sums over the rows."""
        before, after = self.body.before, self.body.after
        scalars = [f"d_{self.names[ref]}" for ref in self.emitter.scalars]
        before += [Line(f"{name} = 0.0", (name,)) for name in scalars]
        after.append(Line("gradients = []", ("gradients",)))
        for first in range(0, len(scalars), MOST_TERMS):
            some = tuple(scalars[first : first + MOST_TERMS])
            after.append(Line(f"gradients += [{', '.join(some)}]", ("gradients",), ("gradients", *some)))
        for layer in self.emitter.layers.values():
            xs, ds, rows = f"{layer.name}_xs", f"{layer.name}_ds", f"{layer.name}_rows"
            after.append(Line(f"{xs}, {ds} = (list(zip(*part)) for part in zip(*{rows}))", (xs, ds), (rows,)))
            text = f"gradients += [sum(map(mul, x, d)) for d in {ds} for x in {xs}]"
            after.append(Line(text, ("gradients",), ("gradients", xs, ds)))
            if isinstance(layer.biases[0], Ref):
                after.append(Line(f"gradients += map(sum, {ds})", ("gradients",), ("gradients", ds)))


def _is_term(text: str) -> bool:
    """Whether it can be a term of a sum as it is."""
    return " if " not in text and not text.startswith("-")


#: Lines in a function, at most: what CPython's compiler takes grows faster than they do.
MOST_LINES = 10_000


#: What programs use besides what their rules use.
_BUILTINS = {"list": list, "map": map, "range": range, "sum": sum, "zip": zip, "ValueError": ValueError}


class Plain:
    """Runs a tape as Python.

    Attributes:
        emitter: names and forms.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.emitter = Emitter(tape)
        self._sources: dict[str, str] = {}

    @cached_property
    def order(self) -> list[int]:
        """The parameters in the order in which the programs take them and give their gradients: their numbers."""
        return [ref.index - self.tape.inputs for ref in self.emitter.order]

    @property
    def sources(self) -> dict[str, str]:
        """The source of each program."""
        return {name: self.source(name) for name in ("forward", "backward")[: 1 + (len(self.tape.outputs) == 1)]}

    def source(self, name: str) -> str:
        """What runs as the program forward or backward."""
        if name not in self._sources:
            writer = Writer(self.emitter)
            body = writer.forward() if name == "forward" else writer.backward()
            self._sources[name] = "\n\n".join(functions_of(name, body))
        return self._sources[name]

    @cached_property
    def forward(self) -> Callable[[Any, Any], list[Any]]:
        """Of checked rows and parameters, the outputs of each row: a float, or a tuple."""
        return self._compiled("forward")

    @cached_property
    def backward(self) -> Callable[[Any, Any], tuple[float, Any]]:
        """Of checked rows and parameters, the sum of the output over the rows, and its gradients."""
        return self._compiled("backward")

    def _compiled(self, name: str) -> Callable[..., Any]:
        source = self.source(name)  # which finds out what it calls
        return generated(name, source, {**_BUILTINS, **self.emitter.functions})

    def takes(self, rows: Any) -> bool:  # noqa: ARG002
        """Whether rows need no check."""
        return False

    def rows(self, rows: Any) -> Any:
        """Checked rows in the form that the programs take."""
        return rows

    def numbers(self, data: Sequence[float]) -> Any:
        """Parameters in the form that the programs take."""
        return data

    def added(self, gradients: Any, others: Any) -> Any:
        """The sum of two rows of gradients."""
        return list(map(add, gradients, others))

    def shares(self, gradients: Any, count: int) -> Iterable[float]:
        """The gradients, each divided by the number of rows."""
        return map(truediv, gradients, repeat(count))


def functions_of(name: str, body: Body) -> list[str]:
    """The source of a program: its main function last, before it the functions of its parts if there are any."""
    if len(body.before) + len(body.row) + len(body.after) <= MOST_LINES:
        lines = [
            f"def {name}(rows, parameters):",
            *(f"    {line.text}" for line in body.before),
            "    for row in rows:",
            *(f"        {line.text}" for line in body.row),
            *(f"    {line.text}" for line in body.after),
            f"    return {', '.join(body.result)}",
        ]
        return ["\n".join(lines)]
    return _in_parts(name, body)


def _in_parts(name: str, body: Body) -> list[str]:
    """Functions of a list v that holds every name that more than one of them uses."""
    sections = [_cut(section) for section in (body.before, body.row, body.after)]
    parts = [part for section in sections for part in section]
    wanted = [_wanted(part) for part in parts]
    shared = {
        name: place for place, name in enumerate(dict.fromkeys(n for names in [*wanted, body.result] for n in names))
    }
    shared.setdefault("row", len(shared))
    shared.setdefault("parameters", len(shared))
    sources, calls = [], []
    for number, (part, names) in enumerate(zip(parts, wanted, strict=True)):
        given = dict.fromkeys(target for line in part for target in line.targets if target in shared)
        lines = [
            f"def {name}_{number}(v):",
            *(f"    {n} = v[{shared[n]}]" for n in names),
            *(f"    {line.text}" for line in part),
            *(f"    v[{shared[n]}] = {n}" for n in given),
        ]
        sources.append("\n".join(lines))
        calls.append(f"{name}_{number}(v)")
    first, last = len(sections[0]), len(sections[0]) + len(sections[1])
    main = [
        f"def {name}(rows, parameters):",
        f"    v = [None] * {len(shared)}",
        f"    v[{shared['parameters']}] = parameters",
        *(f"    {call}" for call in calls[:first]),
        f"    for v[{shared['row']}] in rows:",
        *(f"        {call}" for call in calls[first:last]),
        *(f"    {call}" for call in calls[last:]),
        f"    return {', '.join(f'v[{shared[n]}]' for n in body.result)}",
    ]
    return [*sources, "\n".join(main)]


def _cut(lines: Sequence[Line]) -> list[Sequence[Line]]:
    return [lines[first : first + MOST_LINES] for first in range(0, len(lines), MOST_LINES)]


def _wanted(part: Sequence[Line]) -> list[str]:
    """The names that a part reads before it assigns them."""
    own: set[str] = set()
    wanted: dict[str, None] = {}
    for line in part:
        wanted.update((name, None) for name in line.uses if name not in own)
        own.update(line.targets)
    return list(wanted)
