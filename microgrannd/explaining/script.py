"""What the page of a walkthrough shows in each step, as plain data: see walkthrough.js."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._text import rounded, visible
from ..drawing.boxes import BoxOf, boxes_by
from ..drawing.build import Builder
from ..drawing.diagram import Graph
from ..engine.graph import Contribution
from ..engine.value import Value
from .derivation import Derivation
from .sentences import Text

#: Significant digits, as in pictures.
DIGITS = 4


#: Derivatives in the sentence that sums up, at most.
MOST_LEAVES = 12


class Script:
    """Prepares the data of the page: see walkthrough.js."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.style = Text(derivation.names, DIGITS)
        self.box_of = self.boxes()
        self.diagram = Builder(
            derivation.order, self.box_of, derivation.owners, derivation.gradients.__getitem__, derivation.names
        )

    def boxes(self) -> BoxOf:
        """Return the box of each node."""
        return self.derivation.box_of

    def count(self) -> int:
        """Return how many steps there are: those that compute, those that pass on, the start and the sum."""
        computed = {self.box_of[node] for node in self.derivation.steps()}
        return len(computed) + len(list(self.groups())) + 2

    def draw(self) -> Graph:
        """Return the diagram."""
        derivation, self.graph = self.derivation, self.diagram.draw()
        for operand, terms in derivation.terms().items():
            if self.box_of[operand] == derivation.box_of[operand]:
                box, hint = self.graph.boxes[self.box(operand)], self.style.total(derivation.root, operand, terms)
                self.graph.boxes[self.box(operand)] = replace(box, hint="\n".join(filter(None, [box.hint, hint])))
        return self.graph

    def data(self) -> dict[str, Any]:
        """Return the data of the page besides its picture."""
        return {
            "forward": list(self.forward()),
            "root": self.derivation.names[self.derivation.root],
            "summary": self.summary(),
            "backward": list(self.backward()),
            "given": [
                self.box(node) for node in self.derivation.order if node._rule is None and self.box_of[node] is node
            ],
            "names": list(self.derivation.names.values()),
            "lines": [box.numbers for box in self.graph.boxes],
            "targets": [arrow.target for arrow in self.graph.arrows],
        }

    def box(self, node: Value) -> int:
        """Return the number of the box of a node."""
        return self.diagram.numbers[self.box_of[node]]

    def forward(self) -> Iterator[list[Any]]:
        """Yield for each operation its box, and what it computes."""
        steps = self.derivation.steps()
        for node in self.derivation.order:
            if node in steps:
                yield [self.box(node), self.style.value(node, self.derivation.within(node))]

    def groups(self) -> Iterator[list[Contribution]]:
        """Yield what is passed on in each step."""
        return ([one] for one in self.derivation.contributions)

    def backward(self) -> Iterator[list[Any]]:
        """Yield for each contribution the operand's box, the indices of the names of operand and result, and numbers.

        These are the result's gradient, the local derivative, their product, and the sum so far, before and after; then
        the number of the arrow, and a 1 where that completes a sum of several. The first has none of it but a sum. Of
        several contributions in one step: the box, a sentence, the gradients, and the arrow.
        """
        root = self.derivation.root
        name = {node: index for index, node in enumerate(self.derivation.names)}
        yield [self.box(root), name[root], name[root], "", "", "", "", "1"]
        left = Counter(self.derivation.counts)
        totals: dict[Value, float] = {}
        for group in self.groups():
            one = group[-1]
            before = rounded(totals[one.operand]) if one.operand in totals else ""
            for each in group:
                left[each.operand] -= 1
                totals[each.operand] = each.total
            if len(group) > 1:
                yield [self.box(one.operand), *self.told(group, totals), self.arrow(one)]
                continue
            numbers = map(rounded, (one.gradient, one.partial, one.gradient * one.partial))
            ends = [1] if not left[one.operand] and self.derivation.counts[one.operand] > 1 else []
            names = name[one.operand], name[one.node]
            yield [self.box(one.operand), *names, *numbers, before, rounded(one.total), self.arrow(one), *ends]

    def told(self, group: Sequence[Contribution], totals: Mapping[Value, float]) -> tuple[str, str]:
        """Return what several contributions to a box do, and the gradients of its outputs then."""
        (source, target), total = (self.called(node) for node in (group[0].operand, group[0].node)), len(group)
        box = self.box_of[group[0].operand]
        gradients = self.style.range(total for node, total in totals.items() if self.box_of[node] == box)
        factors = f"gradients of {target} × its local derivatives"
        return f"{source} receives {total:,} products, {factors}: now {gradients}", gradients

    def called(self, node: Value) -> str:
        """Return the name of a node's box."""
        box = self.box_of[node]
        return visible(box) if isinstance(box, str) else self.derivation.names[node]

    def summary(self) -> str:
        """Return the derivatives by what was given: the leaves."""
        derivation = self.derivation
        leaves = derivation.leaves(None)
        slopes = self.style.slopes(derivation.root, {leaf: derivation.gradients[leaf] for leaf in leaves}, MOST_LEAVES)
        return f"All gradients are there: {slopes}."

    def arrow(self, one: Contribution) -> int:
        """Return the number of the arrow of a contribution."""
        source, target = self.box_of[one.operand], self.box_of[one.node]
        alone = source is one.operand and target is one.node
        return self.diagram.arrows[source, one.position if alone else -1, target]


class LayerScript(Script):
    """Goes layer by layer: a step computes all of a layer, or passes on what leads from one to another."""

    def boxes(self) -> BoxOf:
        """Return the box of each node: that of its layer, if the layer is one of neurons that are each one step."""
        derivation = self.derivation
        boxes = boxes_by(derivation.order, derivation.owners, "layer")
        told = {layer.name for layer in derivation.layers.values()}
        return {node: box if box in told else derivation.box_of[node] for node, box in boxes.items()}

    def groups(self) -> Iterator[list[Contribution]]:
        """Yield what is passed on from box to box; what is passed on within one is no step."""
        together: dict[Any, list[Contribution]] = {}
        for one in self.derivation.contributions:
            boxes = self.box_of[one.operand], self.box_of[one.node]
            if boxes[0] != boxes[1]:
                apart = (one.operand, one.position) if isinstance(boxes[1], Value) else boxes
                together.setdefault((boxes[1], apart), []).append(one)
        return iter(together.values())

    def forward(self) -> Iterator[list[Any]]:
        """Yield for each box what it computes."""
        steps, layers = self.derivation.steps(), self.derivation.layers
        for node in self.derivation.order:
            if node not in layers:
                if node in steps:
                    yield [self.box(node), self.style.value(node, self.derivation.within(node))]
            elif node is layers[node].outputs[0]:
                values = self.style.range(output.data for output in layers[node].outputs)
                formula = self.style.whole(self.derivation.within(node))
                count = len(layers[node].outputs)
                yield [
                    self.box(node),
                    f"{self.called(node)}: {count:,} neuron{'s' * (count > 1)} of {formula} = {values}",
                ]
