"""The parts of a program: names for all refs of a tape, layers, and the rules' formulas as templates.

python.py makes lines of them.
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
from itertools import count
from typing import Any, NamedTuple

from .._trees import leaves
from ..rules.formula import FUNCTIONS, Formula, is_float, not_float, real_result
from ..rules.simplify import Reducer, Term, Tree, constant, hole, negation, product, template
from ..rules.table import TABLE
from .tape import Atom, Literal, Operand, Ref, Step, Tape

#: Names with a meaning of their own in the programs; those that are made of a value's name, and of a layer's.
_OWN = {
    "rows", "row", "parameters", "results", "total", "gradients", "list", "range", "ValueError",
}  # fmt: skip
_RESERVED = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OWN, "real_result"}


_OF_VALUE = ("{}", "d_{}")


_OF_LAYER = (*_OF_VALUE, *(f"{{}}_{part}" for part in "w b t x d g dw db rows columns xs ds".split()))


@dataclass
class Body:
    """The lines of a program before the rows, for each row, and after them, and what it returns."""

    before: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    result: tuple[str, ...] = ()

    def function(self, name: str) -> list[str]:
        """Return the lines of the function.

        It is not split, however long: parts that share names through a list take CPython three times as long to compile
        and to run.
        """
        return [
            f"def {name}(rows, parameters):",
            *(f"    {line}" for line in self.before),
            "    for row in rows:",
            *(f"        {line}" for line in self.row),
            *(f"    {line}" for line in self.after),
            f"    return {', '.join(self.result)}",
        ]


class Form(NamedTuple):
    """How a rule is written where its operands are of some kind: templates, to be filled with names."""

    before: list[tuple[str, str]]  # what the value uses several times, by name
    domain: str  # the condition under which there is no value; "" if there always is one
    value: str
    after: list[tuple[str, str]]  # what the shares use several times, of the result {y} too
    shares: list[str]  # for each name that is filled in, what it gets of the gradient {d}: a list for a long sequence


class DenseLayer(NamedTuple):
    """A dense layer: dot products of the same inputs with rows of parameters that are used nowhere else."""

    name: str
    results: list[Ref]
    weights: list[tuple[Ref, ...]]
    biases: list[Atom]
    inputs: tuple[Atom, ...]


class Emitter:
    """The names, layers and templates that all programs of a tape have in common.

    Attributes:
        long: sequences of at least so many elements are kept as lists, shorter ones are unrolled.
        large: layers of at least so many weights are loops. Unrolled they are faster (40 against 55 ns a weight and row), until
            the source becomes too large.
        functions: what the lines call, by name.
        order: the parameters, in the order in which the programs take and give them.
    """

    long = 100
    large = 4096

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
        named = enumerate(zip(tape.labels, default, strict=True))
        self.names = {Ref(index): self.name(label, base) for index, (label, base) in named}
        self.layers = {layer.results[0]: layer for layer in self.found_layers()}
        self.in_layers = {ref for layer in self.layers.values() for ref in layer.results}
        rows = [[*leaves(layer.weights), *layer.biases] for layer in self.layers.values()]
        layered = [atom for row in rows for atom in row if isinstance(atom, Ref)]
        taken = set(layered)
        self.scalars = [ref for ref in tape.parameter_refs if ref not in taken]
        self.order = [*self.scalars, *layered]

    def name(self, label: str, base: str, derived: Sequence[str] = _OF_VALUE) -> str:
        """Return an unused identifier based on the label; the names derived from it are unused too."""
        words = re.sub(r"[^0-9A-Za-z]+", "_", label[:60]).strip("_")
        stem = words if words[:1].isalpha() else f"{base}_{words}" if words else base
        name = stem
        while not words or not self.taken.isdisjoint(form.format(name) for form in derived):
            words = stem
            name = f"{stem}{self.numbers[stem]}"
            self.numbers[stem] += 1
        self.taken.update(form.format(name) for form in derived)
        return name

    def called(self, name: str, thing: Any) -> str:
        """Return the name of a function in the programs."""
        own = FUNCTIONS.get(name) is not thing
        while (own and name in _OWN) or self.functions.setdefault(name, thing) is not thing:
            name += "_"
        self.taken.add(name)
        return name

    def slices(self) -> Iterator[tuple[DenseLayer, str, str]]:
        """Yield the layers with the slices of their weights and biases among the parameters; "" for constant biases."""
        start = len(self.scalars)
        for layer in self.layers.values():
            end = start + len(layer.weights) * len(layer.inputs)
            own = isinstance(layer.biases[0], Ref)
            yield layer, f"{start}:{end}", f"{end}:{end + len(layer.biases)}" if own else ""
            start = end + len(layer.biases) * own

    def found_layers(self) -> Iterator[DenseLayer]:
        """Yield the dense layers, which are written as loops over their rows."""
        tape = self.tape
        uses = Counter([*(ref for step in tape.steps for ref in step.refs), *tape.outputs])
        parameters = set(tape.parameter_refs)
        groups: defaultdict[Any, list[tuple[Ref, Any]]] = defaultdict(list)
        for ref, step in tape.results:
            if step.rule is not TABLE["dot"]:
                continue
            operands: Any = step.operands
            weights, inputs, bias = operands
            own = [*weights, bias] if isinstance(bias, Ref) else weights
            if all(weight in parameters and uses[weight] == 1 for weight in own):
                groups[type(bias), inputs].append((ref, operands))
        for number, group in enumerate(groups.values(), 1):
            rows = [operands for _, operands in group]
            if len(rows[0][0]) < self.long and len(rows) * len(rows[0][0]) < self.large:
                continue
            (label, *others) = {
                tape.labels[w.index].rpartition(".neurons")[0] for weights, _, _ in rows for w in weights
            }
            name = self.name(f"layer{number}" if others or not label else label, "layer", _OF_LAYER)
            yield DenseLayer(
                name, [ref for ref, _ in group], [row[0] for row in rows], [row[2] for row in rows], rows[0][1]
            )

    def form(self, step: Step, unit: bool) -> tuple[Form, list[Operand]]:
        """Return the templates of a step, for an incoming gradient of 1 or any other, and the operands to fill in."""
        fillers: list[Operand] = []
        for operand in step.operands:
            parts = operand if isinstance(operand, tuple) and not self.is_long(operand) else [operand]
            fillers += [part for part in parts if not isinstance(part, Literal)]
        key = step.rule, unit, tuple(self.kind(operand) for operand in step.operands)
        if key not in self.forms:
            self.forms[key] = self.new_form(step, unit)
        return self.forms[key], fillers

    def new_form(self, step: Step, unit: bool) -> Form:
        """Return the templates of a step, which serve all steps of its rule and kinds of operands."""
        rule, names = step.rule, self.terms(step)
        reducer = Reducer(rule.functions, self.called)
        doubtful = not_float(rule.functions)

        def written(formula: Formula) -> Term:
            tree = reducer.reduce(formula.tree, names)
            return tree if isinstance(tree, list) or is_float(tree, doubtful) else self.real(tree)

        value = self.template(written(rule.formula))
        domain = reducer.reduce(rule.domain.tree, names) if rule.domain else ast.Constant(True)
        before = len(reducer.lets)
        names["y"] = hole("y")
        gradient = constant(1.0) if unit else hole("d")
        shares: list[Tree] = []
        for name, operand in zip(rule.operands, step.operands, strict=True):
            partial = rule.partials[name]
            if isinstance(operand, tuple):
                shares += self.shares(operand, reducer.reduce(partial.tree, names), gradient)
            elif isinstance(operand, Ref):
                shares.append(product(written(partial), gradient))
        condition = negation(domain)
        unmet = "" if isinstance(condition, ast.Constant) and not condition.value else self.template(condition)
        lets = [(name, self.template(tree)) for name, tree in reducer.lets]
        return Form(lets[:before], unmet, value, lets[before:], list(map(self.template, shares)))

    def terms(self, step: Step) -> dict[str, Term]:
        """Return what stands for the operands in templates: constants, and numbered holes in the order of `form`."""
        numbers = count()

        def term(operand: Operand) -> Term:
            if isinstance(operand, Literal):
                return constant(operand.number)
            if isinstance(operand, tuple) and not self.is_long(operand):
                return [term(part) for part in operand]
            return hole(str(next(numbers)))

        return {name: term(operand) for name, operand in zip(step.rule.operands, step.operands, strict=True)}

    def shares(self, operand: tuple[Atom, ...], partials: Term, gradient: Tree) -> list[Tree]:
        """Return what a sequence gets of the gradient: a list if it is long, else an expression for each ref in it."""
        if self.is_long(operand):
            each = ast.comprehension(ast.Name("_p"), partials, [], 0)
            return [ast.ListComp(product(ast.Name("_p"), gradient), [each])]
        if not isinstance(partials, list):  # a list that only the program knows
            partials = [ast.Subscript(partials, ast.Constant(i), ast.Load()) for i in range(len(operand))]
        return [product(p, gradient) for p, part in zip(partials, operand, strict=True) if isinstance(part, Ref)]

    def template(self, term: Term) -> str:
        """Return an expression as text, to be filled with names."""
        return template(term)

    def real(self, tree: Tree) -> Tree:
        """Return a call that makes a float of a result that might be complex or whole."""
        return ast.Call(ast.Name(self.called("real_result", real_result)), [tree], [])

    def is_long(self, operand: Operand) -> bool:
        """Tell whether an operand is a sequence that is kept as a list."""
        return isinstance(operand, tuple) and len(operand) >= self.long

    def kind(self, operand: Operand) -> Any:
        """Return what the templates depend on: constants and the lengths of short sequences."""
        if isinstance(operand, Literal):
            return operand
        if self.is_long(operand):
            return "long"
        return tuple(self.kind(part) for part in operand) if isinstance(operand, tuple) else "one"
