"""Builds the diagram of nodes that were put in boxes: what each box says, and how gradient flows between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, count
from math import hypot, isfinite
from typing import NamedTuple

from .._text import rounded, visible
from ..engine.contexts import Scope
from ..engine.graph import arguments, links, number
from ..engine.value import Value, scopes_around
from ..nn.owners import Owners
from ..rules.rule import CONSTANT, Rule
from .boxes import BoxOf, Key, outputs, reached
from .diagram import SPACE, Arrow, Box, Frame, Graph, legend, size
from .flow import Flow, Link, span
from .names import is_number, operation, within

#: Of more nodes that are alike, the numbers in their operations are not compared, and not shown.
MANY_ALIKE = 1000


class Given(NamedTuple):
    """A number that was given to modules as an input: among which others, at which index.

    Modules that take the same rows share it. Those of all rows that a box takes, as one that stands for several nodes,
    share a box.
    """

    rows: int
    position: int


#: What a box stands for: a node, or several by the first of them; a group; a number that was given.
Boxed = Key | Given


class Builder:
    """Builds the diagram. The numbers in formulas stand in the boxes of the operations.

    Args:
        order: the nodes, operands before results.
        box_of: the box of each.
        owners: the modules that are framed.
        gradient: of a node.
        names: of the nodes.

    Attributes:
        members: the nodes of each box; of a given number those that take it.
        numbers: of the boxes.
        arrows: the numbers of the arrows: by where they come from, the operand's index or -1, and where they go.
    """

    def __init__(
        self,
        order: list[Value],
        box_of: BoxOf,
        owners: Owners | None,
        gradient: Callable[[Value], float],
        names: Mapping[Value, str],
    ) -> None:
        self.box_of, self.owners, self.gradient, self.names = box_of, owners, gradient, names
        self.root = order[-1]
        self.parameters = owners.parameters if owners else {}
        self.outputs = outputs(order, box_of)
        self.reached = reached(order, box_of, self.outputs)
        self.sizes = Counter(box_of.values())
        self.given: dict[Value, list[tuple[Given, float, int, int, float]]] = {}
        members: dict[Boxed, list[Value]] = {}
        self.taken = self.rows_taken(order)
        for node in order:
            if node._rule is not CONSTANT or node is self.root:
                members.setdefault(box_of[node], []).append(node)
            if given := list(self.found(node)):
                self.given[node] = given
                for key, *_ in given:
                    members.setdefault(key, []).append(node)
        turns = self.turns(order)

        def turn(key: Boxed) -> tuple[int, int, int]:
            if isinstance(key, Given):
                return 0, -1, key.position
            return max(node._depth for node in members[key]), *turns.get(key, (0, 0))

        #: Operands before results, those of one depth in the order of their modules.
        self.members = {key: members[key] for key in sorted(members, key=turn)}
        self.called = numbered((key for key in self.members if isinstance(key, Given)), set(names.values()))
        self.graph = Graph()
        self.numbers: dict[Boxed, int] = {}
        self.arrows: dict[tuple[Boxed, int, Boxed], int] = {}
        self.frames: dict[str | Scope, int] = {}
        self.flow = Flow(self.root, self.reached, gradient, names)

    def draw(self) -> Graph:
        """Add all boxes, then all arrows, and return the diagram."""
        for key, nodes in self.members.items():
            self.numbers[key] = len(self.graph.boxes)
            frame = None if isinstance(key, Given) else self.frame(key, nodes[0])
            around = list(self.frames)[frame] if frame is not None else ""
            self.graph.boxes.append(replace(self.made(key, nodes, around), frame=frame))
        arrows = [arrow for key in self.members if not isinstance(key, Given) for arrow in self.arrows_to(key)]
        if self.gradient(self.root):  # else there was no backward() from here, and the flow is not known
            largest = max((s for _, flows in arrows if isfinite(s := size(flows))), default=0.0)
            arrows = [(arrow.styled(flows, largest), flows) for arrow, flows in arrows]
            self.graph.legend = legend(arrow for arrow, _ in arrows)
        self.graph.arrows = [arrow for arrow, _ in arrows]
        return self.graph

    def frame(self, key: Boxed, node: Value) -> int | None:
        """Return the number of the innermost frame around a box: of the modules around it, or else of the scopes."""
        frame, outer = None, ""
        for place in (self.owners.around(node) if self.owners else ()) or scopes_around(node):
            if place == key:
                break  # the box itself
            if place not in self.frames:
                self.frames[place] = len(self.graph.frames)
                self.graph.frames.append(Frame(visible(_name(place).removeprefix(f"{outer}.")), frame))
            frame, outer = self.frames[place], _name(place)
        return frame

    def made(self, key: Boxed, nodes: list[Value], around: str | Scope) -> Box:
        """Return a box, in the frame of a module, or of none."""
        if isinstance(key, Given):
            numbers = {one for node in nodes for other, one, *_ in self.given.get(node, ()) if other == key}
            of = self.owners.neuron if self.owners else {}  # neurons of one row take a number too
            rows = max(Counter((self.box_of[node], of.get(node)) for node in nodes).values())
            times = f"{SPACE}(× {rows:,})" * (rows > 1)
            return Box("input", (f"{self.called[key]}{times}", f"data {span(numbers)}"))
        return self.box(key, nodes, _name(around)) if isinstance(key, Value) else self.group(key, nodes, _name(around))

    def box(self, node: Value, nodes: list[Value], around: str) -> Box:
        """Return the box of a node, or of several that are alike."""
        apart = {rule.operands[i] for *_, i, _ in self.given.get(node, ())} if (rule := node._rule) else set()
        name = self.names.get(node, "")
        if node.label and len(nodes) > 1:  # they are not all called like the first
            ends = {name, self.names.get(nodes[-1], "")}
            name = " … ".join(sorted(ends, key=lambda end: (len(end), end)))  # x2 before x10
        shown = within(name, visible(around)) if node in self.parameters else name
        texts = {operation(one, apart) for one in nodes} if len(nodes) <= MANY_ALIKE else set()
        what = texts.pop() if len(texts) == 1 else visible(rule.symbol) if rule else ""
        times = [f"(× {len(nodes):,})"] if len(nodes) > 1 else []
        head = SPACE.join(filter(None, [": ".join(filter(None, [shown, what])), *times]))
        kind = "leaf" if self.owners is None else "parameter" if node in self.parameters else "input"
        hint = name if shown != name else ""
        return Box(
            "operation" if node._op else kind, (head or rounded(node.data), *self.values(nodes)), hint=hint, numbers=1
        )

    def group(self, key: str | Scope, nodes: list[Value], around: str) -> Box:
        """Return the box of a group: its result if it has one, and the norm of its parameters' gradients."""
        results = [node for node in nodes if node._rule and node in self.outputs]
        own = [self.gradient(node) for node in nodes if node in self.parameters]
        head = visible(_name(key).removeprefix(f"{around}."))
        inside = f"{len(own):,} parameters, |grad| {rounded(hypot(*own))}" if own else ""
        alike = len({(node._rule, self.owners and self.owners.neuron.get(node)) for node in results}) == 1
        if not alike:
            neurons = {self.owners.neuron.get(node) for node in results} - {None} if self.owners else set()
            what = f"{len(neurons):,} neurons{self.calls(nodes)}" if len(neurons) > 1 else f"{len(nodes):,} nodes"
            return Box("group", tuple(filter(None, [head, what, inside])))
        data, grad = self.values(results)
        head += f"{SPACE}(× {len(results):,})" * (len(results) > 1)
        return Box("group", (head, data, grad), hint=inside, numbers=1)

    def calls(self, nodes: list[Value]) -> str:
        """Return how often neurons were called, as for the rows of a batch: their rarest operation is there as often."""
        of = self.owners.neuron if self.owners else {}
        counts: dict[str | None, Counter[Rule]] = {}
        for node in nodes:
            if node._rule:
                counts.setdefault(of.get(node), Counter())[node._rule] += 1
        calls = max(min(known.values()) for known in counts.values())
        return f"{SPACE}(× {calls:,})" * (calls > 1)

    def values(self, nodes: Iterable[Value]) -> tuple[str, str]:
        """Return the lines with the data and the gradient of nodes, of several from the least to the greatest."""
        return f"data {span(node.data for node in nodes)}", f"grad {span(map(self.gradient, nodes))}"

    def given_rows(self, node: Value) -> Iterator[tuple[int, tuple[Value | float, ...]]]:
        """Yield the rows with numbers among them that a node of a module takes, each with its place among the operands."""
        rule = node._rule
        if self.owners is None or rule is None or not rule.sequences:
            return
        if node in self.owners.layer or not self.parameters.keys().isdisjoint(node._operands):  # or of the model itself
            for place, row in enumerate(node._rows):
                if rule.operands[place] in rule.sequences and any(map(is_number, row)):
                    yield place, row

    def rows_taken(self, order: list[Value]) -> dict[tuple[Key, int], int]:
        """Return for each box, and place among its operands, a number for the rows that it takes there."""
        taken: defaultdict[tuple[Key, int], set[tuple[Value | float, ...]]] = defaultdict(set)
        for node in order:
            for place, row in self.given_rows(node):
                taken[self.box_of[node], place].add(row)
        kinds: dict[frozenset[tuple[Value | float, ...]], int] = {}
        return {box: kinds.setdefault(frozenset(rows), len(kinds)) for box, rows in taken.items()}

    def found(self, node: Value) -> Iterator[tuple[Given, float, int, int, float]]:
        """Yield the numbers given to a module at a node: box, number, index among all operands, operand, partial."""
        for place, row in self.given_rows(node):
            assert node._rule  # it takes rows
            start = sum(map(len, node._rows[:place]))
            partials = node._rule.ieee_partials[place](*arguments(node, number), node.data)
            for i, it in enumerate(row):
                if is_number(it):
                    key = Given(self.taken[self.box_of[node], place], i)
                    yield key, number(it), start + i, place, partials[i]

    def arrows_to(self, key: Key) -> Iterator[tuple[Arrow, list[float]]]:
        """Yield the arrows to a box, each with the flows along the edges that it stands for."""
        together: dict[tuple[Boxed, int], list[Link]] = {}
        for node in self.members[key]:
            edges: list[tuple[Boxed, Link]] = [
                (given, Link(node, index, None, slope, self.called[given]))
                for given, _, index, _, slope in self.given.get(node, ())
            ]
            for index, (operand, partial) in enumerate(links(node)):
                if partial is None or operand._rule is CONSTANT:
                    continue
                box = self.box_of[operand]
                if isinstance(key, Value) or box != key:  # within a group they are not shown
                    edges.append((box, Link(node, index, operand, partial)))
            if len(edges) > 1 and edges[0][1].operand is None:  # among the others, in the order of the operands
                edges.sort(key=lambda pair: pair[1].position)
            for source, edge in edges:
                apart = isinstance(key, Value) and source is edge.operand and len(self.members[source]) == 1
                together.setdefault((source, edge.position if apart else -1), []).append(edge)
        for (source, index), alike in together.items():
            self.arrows[source, index, key] = len(self.arrows)
            label, hint, flows = self.flow.along(alike)
            head = "" if isinstance(source, Given) else "target"  # a number keeps no gradient
            yield Arrow(self.numbers[source], self.numbers[key], label, hint, head=head), flows

    def turns(self, order: list[Value]) -> dict[Boxed, tuple[int, int]]:
        """Return the order of boxes of one depth: inputs as modules take them; parameters and modules as in the model."""
        if self.owners is None:
            return {}
        turns: dict[Boxed, tuple[int, int]] = {}
        places = {name: place for place, name in enumerate(self.owners.modules)}
        for node, name in self.owners.neuron.items():
            turns[name] = turns[self.owners.layer[node]] = turns[node] = (1, places[name])
        for node in order:
            for row in node._rows if node in self.owners.neuron else ():
                turns.update((it, (-1, i)) for i, it in enumerate(row) if isinstance(it, Value) and it._rule is None)
        return {**turns, **{parameter: (0, place) for place, parameter in enumerate(self.parameters)}}


def numbered(given: Iterable[Given], taken: set[str]) -> dict[Given, str]:
    """Return names of numbers that modules were given, by their indices; none is taken, and no two are alike."""
    names: dict[Given, str] = {}
    for one in given:
        wish = f"x{one.position}"
        copies = (f"{wish} ({copy})" for copy in count(2))
        names[one] = next(name for name in chain([wish], copies) if name not in taken)
        taken.add(names[one])
    return names


def _name(place: str | Scope) -> str:
    """Return the name of a module or a scope."""
    return place if isinstance(place, str) else place.name
