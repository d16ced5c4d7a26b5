"""A tape as lines of Python: one operation a line, made of the rules' own formulas.

The program goes through rows. It reads the parameters before the first row, adds gradients up over the rows, and hands
them back after the last; source.py makes functions of the lines.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .failures import real_result
from .formulas import Formula, is_float, not_float
from .rules import TABLE
from .structures import leaves
from .tape import Step, Tape
from .templates import Reducer, Term, Tree, constant, hole, negation, product, template

#: Sequences of so many elements are kept as lists, and layers of so many weights as loops. Shorter ones are unrolled:
#: that is faster (40 against 55 ns a weight and row), until the source becomes too large.
LONG = 100
LARGE = 4096

#: Names in a line and terms in a sum, at most: CPython's compiler recurses over a sum.
MOST = 50

_RESERVED = {
    *keyword.kwlist,
    *keyword.softkwlist,
    *dir(builtins),
    "rows",
    "row",
    "parameters",
    "results",
    "total",
    "gradients",
    "v",
}


class Line(NamedTuple):
    """A statement, the names that it assigns, and those that it reads."""

    text: str
    targets: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass
class Body:
    """The lines of a program before the rows, for each row, and after them, and what it returns."""

    before: list[Line] = field(default_factory=list)
    row: list[Line] = field(default_factory=list)
    after: list[Line] = field(default_factory=list)
    result: tuple[str, ...] = ()


class Form(NamedTuple):
    """How a rule is written where its operands are of some kind: templates, to be filled with names."""

    lets: list[tuple[str, str]]  # what the value, or the shares, use in several places
    domain: str  # the condition under which there is no value; "" where there always is one
    value: str
    shares: list[str]  # for each name that is filled in, what it gets of the gradient {d}: a list for a long sequence


class Layer(NamedTuple):
    """Dot products of the same inputs with rows of parameters that are used nowhere else, many of them."""

    name: str
    places: list[int]  # of the results
    weights: list[list[int]]
    biases: list[Any]
    inputs: list[Any]


class Emitter:
    """Writes the programs of a tape.

    Attributes:
        functions: what the lines call, by name.
        order: the parameters' places, in the order in which the programs take and give them.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        rules = {step.rule for step in tape.steps}
        self.taken = _RESERVED.union(*(rule.functions for rule in rules))
        self.functions: dict[str, Any] = {}
        self.forms: dict[Any, Form] = {}
        self.numbers: Counter[str] = Counter()
        for name, thing in (("mul", operator.mul), ("inf", math.inf), ("nan", math.nan)):
            self.called(name, thing)
        default = ["x"] * tape.inputs + ["p"] * tape.parameters + ["t"] * len(tape.steps)
        self.names = [self.name(label, base) for label, base in zip(tape.labels, default, strict=True)]
        self.layers = {layer.places[0]: layer for layer in self.found_layers()}
        self.in_layers = {place for layer in self.layers.values() for place in layer.places}
        rows = [[*leaves(layer.weights), *leaves(layer.biases)] for layer in self.layers.values()]
        layered = [place for row in rows for place in row if type(place) is int]
        self.scalars = sorted(set(range(tape.inputs, tape.leaves)) - set(layered))
        self.order = [*self.scalars, *layered]

    def name(self, label: str, base: str) -> str:
        """A name that is free, as like the label as it can be."""
        words = re.sub(r"[^0-9A-Za-z]+", "_", label[:60]).strip("_")
        stem = words if words[:1].isalpha() else f"{base}_{words}" if words else base
        found = stem
        while not words or found in self.taken or f"d_{found}" in self.taken:
            words = stem
            found = f"{stem}{self.numbers[stem]}"
            self.numbers[stem] += 1
        self.taken |= {found, f"d_{found}"}
        return found

    def called(self, name: str, thing: Any) -> str:
        """What a function is called in the programs."""
        while self.functions.setdefault(name, thing) is not thing:
            name += "_"
        self.taken.add(name)
        return name

    def found_layers(self) -> Iterator[Layer]:
        """The layers: loops over their rows are smaller than unrolled products, and faster."""
        tape = self.tape
        uses = Counter(place for step in tape.steps for place in leaves(step.operands) if type(place) is int)
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for place, (rule, operands) in enumerate(tape.steps, tape.leaves):
            if rule is not TABLE["dot"]:
                continue
            weights, inputs, bias = operands
            own = [*weights, bias] if type(bias) is int else weights
            if all(type(w) is int and tape.inputs <= w < tape.leaves and uses[w] == 1 for w in own):
                groups[f"{type(bias)} {inputs}"].append(place)
        for number, places in enumerate(groups.values(), 1):
            rows = [tape.steps[place - tape.leaves].operands for place in places]
            if len(rows[0][0]) < LONG and len(rows) * len(rows[0][0]) < LARGE:
                continue
            (label, *others) = {tape.labels[w].rpartition(".neurons")[0] for weights, _, _ in rows for w in weights}
            name = self.name(f"layer{number}" if others or not label else label, "layer")
            yield Layer(name, places, [row[0] for row in rows], [row[2] for row in rows], rows[0][1])

    def forward(self) -> Body:
        """The program of the outputs: a list with a float, or a tuple of floats, for each row."""
        writer = _Writer(self)
        writer.read_parameters()
        writer.values()
        names = tuple(self.names[place] for place in self.tape.outputs)
        shown = names[0] if len(names) == 1 else f"({', '.join(names)})"
        writer.body.before.append(Line("results = []", ("results",)))
        writer.body.row.append(Line(f"results.append({shown})", (), ("results", *names)))
        return writer.finished("results")

    def backward(self) -> Body:
        """The program of the sum of the only output over the rows, and of its gradients by all parameters."""
        writer = _Writer(self)
        writer.read_parameters()
        writer.values()
        (output,) = self.tape.outputs
        writer.body.before.append(Line("total = 0.0", ("total",)))
        writer.body.row.append(Line(f"total += {self.names[output]}", ("total",), ("total", self.names[output])))
        writer.gradients(output)
        return writer.finished("total", "gradients")

    def form(self, step: Step, unit: bool) -> tuple[Form, list[Any]]:
        """How a step is written, the gradient that arrives being 1 or not; and the places to be filled in, or lists."""
        fillers = [
            part for o in step.operands for part in ([o] if _is_long(o) else leaves(o)) if type(part) is not float
        ]
        key = step.rule, unit, repr([_kind(operand) for operand in step.operands])
        if key not in self.forms:
            self.forms[key] = self.new_form(step, unit)
        return self.forms[key], fillers

    def new_form(self, step: Step, unit: bool) -> Form:
        """The templates of a step and of all like it."""
        rule = step.rule
        count = 0
        names: dict[str, Term] = {}

        def term(operand: Any) -> Term:
            nonlocal count
            if type(operand) is float:
                return constant(operand)
            if isinstance(operand, list) and not _is_long(operand):
                return [term(part) for part in operand]
            count += 1
            return hole(str(count - 1))

        for name, operand in zip(rule.operands, step.operands, strict=True):
            names[name] = term(operand)
        reducer = Reducer(rule.functions, self.called)
        doubtful = not_float(rule.functions)

        def written(formula: Formula) -> Term:
            tree = reducer.reduce(formula.tree, names)
            return tree if isinstance(tree, list) or is_float(tree, doubtful) else self.real(tree)

        value = template(written(rule.formula))
        domain = reducer.reduce(rule.domain.tree, names) if rule.domain else ast.Constant(True)
        names["y"] = hole("y")
        gradient = constant(1.0) if unit else hole("d")
        shares = []
        for name, operand in zip(rule.operands, step.operands, strict=True):
            partial = rule.partials[name]
            if _is_long(operand):
                each = ast.comprehension(ast.Name("_p"), reducer.reduce(partial.tree, names), [], 0)
                shares.append(template(ast.ListComp(product(ast.Name("_p"), gradient), [each])))
            elif isinstance(operand, list):
                elements = reducer.reduce(partial.tree, names)
                shares += [
                    template(product(element, gradient))
                    for element, part in zip(elements, operand, strict=True)
                    if type(part) is int
                ]
            elif type(operand) is int:
                shares.append(template(product(written(partial), gradient)))
        condition = negation(domain)
        unmet = "" if isinstance(condition, ast.Constant) and not condition.value else template(condition)
        return Form([(name, template(tree)) for name, tree in reducer.lets], unmet, value, shares)

    def real(self, tree: Tree) -> Tree:
        """A result that might be complex or whole, made a float."""
        return ast.Call(ast.Name(self.called("real_result", real_result)), [tree], [])


class _Writer:
    """One program in the making."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter, self.tape, self.names = emitter, emitter.tape, emitter.names
        self.body = Body()
        self.lists: dict[str, str] = {}
        self.shares: defaultdict[int, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        self.lets: dict[int, dict[str, str]] = {}

    def finished(self, *result: str) -> Body:
        self.body.result = result
        return self.body

    def read_parameters(self) -> None:
        """Before the first row: names for the parameters, or lists of them."""
        before, emitter = self.body.before, self.emitter
        scalars = [self.names[place] for place in emitter.scalars]
        for first in range(0, len(scalars), MOST):
            some = tuple(scalars[first : first + MOST])
            end = first + len(some)
            taken = "parameters" if end == len(emitter.order) and not first else f"parameters[{first}:{end}]"
            before.append(Line(f"{', '.join(some)}{',' * (len(some) == 1)} = {taken}", some, ("parameters",)))
        start = len(scalars)
        for name, _, weights, biases, _ in emitter.layers.values():
            end = start + len(weights) * len(weights[0])
            rows = f"range({start}, {end}, {len(weights[0])})"
            before.append(
                Line(
                    f"{name}_w = [parameters[i : i + {len(weights[0])}] for i in {rows}]",
                    (f"{name}_w",),
                    ("parameters",),
                )
            )
            given = f"parameters[{end}:{end + len(biases)}]" if type(biases[0]) is int else f"{biases}"
            before.append(Line(f"{name}_b = {given}", (f"{name}_b",), ("parameters",)))
            start = end + len(biases) * (type(biases[0]) is int)
        inputs = tuple(self.names[: self.tape.inputs])
        if inputs:
            self.body.row.append(Line(f"{', '.join(inputs)}{',' * (len(inputs) == 1)} = row", inputs, ("row",)))

    def values(self) -> None:
        """For each row the result of every step."""
        row = self.body.row
        for place, step in enumerate(self.tape.steps, self.tape.leaves):
            if place in self.emitter.layers:
                self.layer(self.emitter.layers[place])
            if place in self.emitter.in_layers:
                continue
            form, fillers = self.emitter.form(step, unit=False)
            names = [self.named(filler) for filler in fillers]
            uses = tuple(names)
            lets = self.lets[place] = {}
            for let, text in form.lets:
                lets[let] = self.emitter.name("", "c")
                row.append(Line(f"{lets[let]} = {text.format(*names, **lets)}", (lets[let],), uses))
                uses += (lets[let],)
            if form.domain:
                row.append(Line(f"if {form.domain.format(*names, **lets)}: raise ValueError", (), uses))
            target = self.names[place]
            row.append(Line(f"{target} = {form.value.format(*names, **lets)}", (target,), uses))

    def named(self, filler: Any) -> str:
        """The name of a place, or of a list of places."""
        return self.names[filler] if type(filler) is int else self.list_of(filler)

    def list_of(self, operands: Sequence[Any]) -> str:
        """The name of a list, made once; before the rows, where they do not change it."""
        key = repr(operands)
        if key not in self.lists:
            self.lists[key] = name = self.emitter.name("", "s")
            fixed = all(type(o) is float or self.tape.inputs <= o < self.tape.leaves for o in operands)
            lines = self.body.before if fixed else self.body.row
            parts = [self.names[o] if type(o) is int else template(constant(o)) for o in operands]
            for first in range(0, len(parts), MOST):
                some = parts[first : first + MOST]
                uses = tuple(part for part in some if part.isidentifier())
                sign, earlier = ("+=", (name,)) if first else ("=", ())
                lines.append(Line(f"{name} {sign} [{', '.join(some)}]", (name,), uses + earlier))
        return self.lists[key]

    def layer(self, layer: Layer) -> None:
        name, inputs = layer.name, self.list_of(layer.inputs)
        targets = tuple(self.names[place] for place in layer.places)
        product = f"[sum(map(mul, w, {inputs}), b) for w, b in zip({name}_w, {name}_b)]"
        line = f"{', '.join(targets)}{',' * (len(targets) == 1)} = {product}"
        self.body.row.append(Line(line, targets, (f"{name}_w", f"{name}_b", inputs)))

    def gradients(self, output: int) -> None:
        """For each row the shares of every step's operands in its gradient, last step first; and their sums."""
        tape, emitter = self.tape, self.emitter
        needed = set(range(tape.inputs, tape.leaves))
        for place, step in enumerate(tape.steps, tape.leaves):
            if not needed.isdisjoint(leaves(step.operands)):
                needed.add(place)
        self.shares[output].append(("1.0", ()))
        for place in range(tape.leaves + len(tape.steps) - 1, tape.leaves - 1, -1):
            if place in emitter.layers:
                self.layer_gradients(emitter.layers[place], needed)
            elif place in needed and place not in emitter.in_layers:
                self.step_gradients(place, tape.steps[place - tape.leaves], needed)
        for place in emitter.scalars:
            if place in self.shares:
                self.added(f"d_{self.names[place]}", self.shares[place], "+=")
        self.hand_back()

    def step_gradients(self, place: int, step: Step, needed: set[int]) -> None:
        gradient = self.gradient(place)
        form, fillers = self.emitter.form(step, unit=gradient == "1.0")
        names = [self.named(filler) for filler in fillers]
        given = {"y": self.names[place], "d": gradient, **self.lets[place]}
        uses = tuple(name for name in (*names, *given.values()) if name != "1.0")
        for filler, share in zip(fillers, form.shares, strict=True):
            if type(filler) is int:
                if filler in needed:
                    self.shares[filler].append((share.format(*names, **given), uses))
            elif not needed.isdisjoint(filler):
                shared = self.emitter.name("", "g")
                self.body.row.append(Line(f"{shared} = {share.format(*names, **given)}", (shared,), uses))
                for index, operand in enumerate(filler):
                    if operand in needed:
                        self.shares[operand].append((f"{shared}[{index}]", (shared,)))

    def gradient(self, place: int) -> str:
        """The gradient of a step's result, under a name, or a name that it has already."""
        shares = self.shares.pop(place)
        if len(shares) == 1 and (shares[0][0].isidentifier() or shares[0][0] == "1.0"):
            return shares[0][0]
        name = f"d_{self.names[place]}"
        self.added(name, shares, "=")
        return name

    def added(self, target: str, shares: Sequence[tuple[str, tuple[str, ...]]], sign: str) -> None:
        """Lines that assign a sum, or add it."""
        for first in range(0, len(shares), MOST):
            some = shares[first : first + MOST]
            text = (
                " + ".join(text if _is_term(text) else f"({text})" for text, _ in some)
                if len(shares) > 1
                else some[0][0]
            )
            sign = "+=" if first else sign
            uses = tuple(name for _, uses in some for name in uses)
            self.body.row.append(Line(f"{target} {sign} {text}", (target,), (*uses, *([target] * (sign == "+=")))))

    def layer_gradients(self, layer: Layer, needed: set[int]) -> None:
        """The gradients of the inputs for each row; those of the weights for all rows together, after them."""
        name, body = layer.name, self.body
        inputs = self.list_of(layer.inputs)
        gradients = [self.gradient(place) for place in reversed(layer.places)][::-1]
        columns, rows, given = f"{name}_columns", f"{name}_rows", f"d_{name}"
        body.row.append(Line(f"{given} = [{', '.join(gradients)}]", (given,), tuple(gradients)))
        body.before.append(Line(f"{rows} = []", (rows,)))
        body.row.append(Line(f"{rows}.append(({inputs}, {given}))", (), (rows, inputs, given)))
        if not needed.isdisjoint(layer.inputs):
            body.before.append(Line(f"{columns} = list(zip(*{name}_w))", (columns,), (f"{name}_w",)))
            shares = tuple(self.emitter.name("", "g") for _ in layer.inputs)
            text = f"{', '.join(shares)} = [sum(map(mul, w, {given})) for w in {columns}]"
            body.row.append(Line(text, shares, (columns, given)))
            for operand, share in zip(layer.inputs, shares, strict=True):
                if operand in needed:
                    self.shares[operand].append((share, (share,)))

    def hand_back(self) -> None:
        """The gradients in the order of the parameters, from the sums over the rows."""
        before, after = self.body.before, self.body.after
        scalars = [f"d_{self.names[place]}" for place in self.emitter.scalars]
        before += [Line(f"{name} = 0.0", (name,)) for name in scalars]
        after.append(Line("gradients = []", ("gradients",)))
        for first in range(0, len(scalars), MOST):
            some = tuple(scalars[first : first + MOST])
            after.append(Line(f"gradients += [{', '.join(some)}]", ("gradients",), ("gradients", *some)))
        for layer in self.emitter.layers.values():
            xs, ds, rows = f"{layer.name}_xs", f"{layer.name}_ds", f"{layer.name}_rows"
            after.append(Line(f"{xs}, {ds} = (list(zip(*part)) for part in zip(*{rows}))", (xs, ds), (rows,)))
            text = f"gradients += [sum(map(mul, x, d)) for d in {ds} for x in {xs}]"
            after.append(Line(text, ("gradients",), ("gradients", xs, ds)))
            if type(layer.biases[0]) is int:
                after.append(Line(f"gradients += map(sum, {ds})", ("gradients",), ("gradients", ds)))


def _is_long(operand: Any) -> bool:
    return isinstance(operand, list) and len(operand) >= LONG


def _kind(operand: Any) -> Any:
    if type(operand) is float:
        return operand
    if _is_long(operand):
        return "long"
    return [_kind(part) for part in operand] if isinstance(operand, list) else "one"


def _is_term(text: str) -> bool:
    """Whether it can be a term of a sum as it is."""
    return " if " not in text and not text.startswith("-")
