"""The derivation of the gradients of a graph, as plain data: what is passed on, in the order of `backward`, and names."""

from __future__ import annotations

from collections import Counter, defaultdict

from .._text import visible
from ..drawing.boxes import boxes_by, outputs, reached
from ..drawing.names import names_of
from ..engine.graph import Contribution, contributions, topological
from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import owners_of
from ..rules.rule import CONSTANT


class Derivation:
    """What `backward` passes on, step by step.

    Args:
        root: whose derivatives are explained.
        wrt: the only Value whose derivative is explained; None for all.
        model: whose parameters and neurons are called by their names.
        many: with a model, more nodes than this are put together by neuron.

    Attributes:
        order: all nodes, operands before results.
        owners: the modules of the model and what belongs to them.
        contributions: what is passed on, that of a node one after another, results before operands.
        gradients: of the root, by each node.
        names: of the nodes; no two have the same.
        box_of: the box of each node.
        inside: of each box of several nodes, by its output, what is passed on in it.
        counts: how often something is passed on to each node.
    """

    def __init__(self, root: Value, wrt: Value | None, model: Module | None, many: int) -> None:
        self.root = root
        self.order = order = topological(root)
        self.owners = owners_of(order, model) if model else None
        self.contributions = [one for one in contributions(root) if one.operand._rule is not CONSTANT]
        self.gradients = {root: 1.0, **{one.operand: one.total for one in self.contributions}}
        if wrt is not None:
            self.contributions = _paths(order, self.contributions, root, wrt)
        self.inside: dict[Value, list[Contribution]] = {}
        by_neuron = (
            self.owners is not None
            and len({node for one in self.contributions for node in (one.node, one.operand)}) > many
        )
        self.box_of = boxes_by(order, self.owners, "neuron" if by_neuron else "scalar")
        if wrt is not None:
            self.box_of[wrt] = wrt
        if by_neuron:
            self._put_together()
        owned = self.owners.neuron if self.owners else {}
        self.names = names_of(order, self.owners, {node: owned[node] for node in order if node in self.inside})
        self.counts = Counter(one.operand for one in self.contributions)

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

    def symbols(self, node: Value) -> list[str]:
        """Return the symbols of the operations in the box of which a node is the output, in their order."""
        return [inner._op for inner in dict.fromkeys(one.node for one in reversed(self.inside.get(node, [])))]


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
