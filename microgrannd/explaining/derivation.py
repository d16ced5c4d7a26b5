"""The derivation of the gradients of a graph, as plain data: what is passed on, in the order of `backward`, and names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from .._text import visible
from ..drawing.boxes import boxes_by, outputs, reached
from ..drawing.names import names_of
from ..engine.graph import Contribution, contributions, topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import owners_of
from ..rules.rule import CONSTANT


class Layer(NamedTuple):
    """A layer at one place of a graph: its name, the outputs of its neurons there, results before operands, its parameters."""

    name: str
    outputs: list[Value]
    parameters: list[Value]


class Derivation:
    """What `backward` passes on, step by step.

    Args:
        root: whose derivatives are explained.
        wrt: the only Value whose derivative is explained; None for all.
        model: whose parameters and neurons are called by their names.
        by_neuron: the operations of each neuron of the model are one step.

    Attributes:
        order: all nodes, operands before results.
        owners: the modules of the model and what belongs to them.
        contributions: what is passed on, that of a node one after another, results before operands.
        gradients: of the root, by each node.
        names: of the nodes; no two have the same.
        box_of: the box of each node.
        inside: of each box of several nodes, by its output, what is passed on in it.
        counts: how often something is passed on to each node.
        layers: of each output of a neuron that is one step, the layer, with all of its outputs there.
    """

    def __init__(self, root: Value, wrt: Value | None, model: Module | None, by_neuron: bool) -> None:
        self.root = root
        self.order = order = topological(root)
        self.owners = owners_of(order, model) if model else None
        self.contributions = [one for one in contributions(root) if one.operand._rule is not CONSTANT]
        self.gradients = {root: 1.0, **{one.operand: one.total for one in self.contributions}}
        if wrt is not None:
            self.contributions = _paths(order, self.contributions, root, wrt)
        self.inside: dict[Value, list[Contribution]] = {}
        self.box_of = boxes_by(order, self.owners, "neuron" if by_neuron else "scalar")
        if wrt is not None:
            self.box_of[wrt] = wrt
        if by_neuron:
            self._put_together()
        owned = self.owners.neuron if self.owners else {}
        self.names = names_of(order, self.owners, {node: owned[node] for node in order if node in self.inside})
        self.counts = Counter(one.operand for one in self.contributions)
        self.layers = dict(self._layers()) if self.inside else {}

    def _put_together(self) -> None:
        """Replace the contributions inside of a box by their sums from each of its outputs to each of its inputs."""
        order, box_of = self.order, self.box_of
        ends = reached(order, box_of, outputs(order, box_of))
        torn = {
            box_of[one.node] for one in self.contributions if ends[one.node] is None
        }  # with paths to more than one output
        box_of.update((node, node) for node in order if box_of[node] in torn)
        passed: dict[tuple[Value, Value], Contribution] = {}
        apart = []
        for one in self.contributions:
            end = ends[one.node]
            if end is None or box_of[one.node] is one.node:
                if box_of[one.operand] is one.operand or one.operand._rule is not None:  # else of a box: shown with it
                    apart.append(one)
                continue
            output, along = end
            self.inside.setdefault(output, []).append(one)
            if box_of[one.operand] != box_of[one.node]:
                before = passed.get((output, one.operand))
                slope = one.partial * along + (before.partial if before else 0.0)
                passed[output, one.operand] = Contribution(output, -1, one.operand, self.gradients[output], slope, 0.0)
        turn = {node: number for number, node in enumerate(reversed(order))}
        totals: defaultdict[Value, float] = defaultdict(float)
        in_order = []
        for one in sorted([*apart, *passed.values()], key=lambda one: turn[one.node]):
            totals[one.operand] += one.partial * one.gradient
            in_order.append(one._replace(total=totals[one.operand]))
        self.contributions = in_order

    def steps(self) -> dict[Value, list[Contribution]]:
        """Return what each operation passes on, results before operands; a box passes on what leaves it, maybe nothing."""
        passed: dict[Value, list[Contribution]] = {}
        for one in self.contributions:
            passed.setdefault(one.node, []).append(one)
        shown = passed.keys() | self.inside.keys()
        return {node: passed.get(node, []) for node in reversed(self.order) if node in shown} if self.inside else passed

    def terms(self) -> dict[Value, list[Contribution]]:
        """Return for each node what is passed on to it."""
        terms: dict[Value, list[Contribution]] = {}
        for one in self.contributions:
            terms.setdefault(one.operand, []).append(one)
        return terms

    def within(self, node: Value) -> list[Value]:
        """Return the results of the operations in the box of which a node is the output, in their order."""
        return list(dict.fromkeys(one.node for one in reversed(self.inside.get(node, []))))

    def own(self, node: Value) -> list[Value]:
        """Return the parameters in the box of which a node is the output; those of several boxes are told with the last."""
        return self._own.get(node, [])

    @cached_property
    def _own(self) -> Mapping[Value, list[Value]]:
        """The parameters in each box, by its output."""
        parameters = self.owners.parameters if self.owners else {}
        last: dict[Value, Value] = {}
        for node in reversed(self.order):
            for one in self.inside.get(node, []):
                if one.operand in parameters and self.box_of[one.operand] is not one.operand:  # else it is passed on
                    last[one.operand] = node
        own: defaultdict[Value, list[Value]] = defaultdict(list)
        for parameter, node in last.items():
            own[node].append(parameter)
        return own

    def neurons(self, layer: Layer) -> tuple[int, int]:
        """Return how many neurons of a layer are explained, and how many it has in the graph."""
        assert self.owners is not None  # else there are no layers
        of = self.owners.neuron
        known = {of[node] for node, name in self.owners.layer.items() if name == layer.name and node._rule}
        told = {of[output] for output in layer.outputs}
        return len(told), len(known | told)

    def leaves(self, wrt: Value | None) -> list[Value]:
        """Return the Values whose gradients are asked for: the one, or all that were given."""
        if wrt is not None:
            return [wrt]
        return [node for node in self.order if node._rule is None and node in self.gradients]

    def _layers(self) -> Iterator[tuple[Value, Layer]]:
        assert self.owners is not None  # else nothing is put together
        of, parameters = self.owners.layer, self.owners.parameters
        outputs = [node for node in self.steps() if node in self.inside]
        for name, group in groupby(outputs, key=of.__getitem__):
            own = list(group)
            layer = Layer(name, own, [parameter for parameter in parameters if of.get(parameter) == name])
            yield from ((node, layer) for node in own)


def _paths(order: list[Value], passed: list[Contribution], root: Value, wrt: Value) -> list[Contribution]:
    """Return the contributions on paths to one Value."""
    on_a_path = {wrt}
    for node in order:
        if not on_a_path.isdisjoint(node._operands):
            on_a_path.add(node)
    if root not in on_a_path:
        label = f" (label {visible(wrt.label)!r})" if wrt.label else ""
        raise ValueError(f"root was not computed from wrt, {wrt!r}{label}")
    return [one for one in passed if one.operand in on_a_path and one.node is not wrt]
