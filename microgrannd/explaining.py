"""explain: the chain rule of a recorded graph in words and numbers, in the order of `backward`."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import count, groupby

from .boxing import Place, outputs, places, reached
from .diagram import visible
from .engine import Value
from .failures import described
from .graph import Contribution, contributions, topological
from .grouping import homes
from .nn import Module
from .telling import Markdown, Style, Text

#: A graph of more operations is explained by neuron, where the model is known.
MANY_STEPS = 40

#: No more operations are explained.
MOST_STEPS = 200


class Explanation:
    """How a gradient came about: prints as text, and shows in a notebook as Markdown with LaTeX.

    Attributes:
        text: plain text.
        markdown: the same, its formulas in LaTeX between dollar signs.
    """

    def __init__(self, text: str, markdown: str) -> None:
        self.text, self.markdown = text, markdown

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown


def explain(root: Value, wrt: Value | None = None, model: Module | None = None, digits: int = 4) -> Explanation:
    """Explain how the derivative of a Value by all that it was computed from comes about.

    For each operation, in the order in which ``backward()`` takes them: its formula, that with numbers, and for each
    operand the local derivative (formula, numbers, value) and what it adds to the operand's gradient. Where paths
    meet, the sum over them. The derivatives are those of one ``backward()`` from here, whether or not it was called.

    Args:
        root: the result.
        wrt: only the paths to this Value are explained.
        model: whose parameters go by their names; a graph of more than 40 operations is then explained by neuron.
        digits: significant digits of all numbers.

    Returns:
        An `Explanation`, of 200 operations at the most.

    Raises:
        TypeError: root or wrt is no Value, or model no Module.
        ValueError: root was not computed from wrt; digits is not from 1 to 17.

    >>> from microgrannd import Value, explain
    >>> a = Value(3.0, "a")
    >>> explain(a * a + 2 * a)
    y = v1 + v2 = 9 + 6 = 15,  dy/dy = 1
        dy/dv1 = 1
        dy/dv2 = 1
    v1 = a * a = 3 * 3 = 9,  dy/dv1 = 1
        dv1/da = a = 3,  dy/da gets 1 × 3 = 3
        dv1/da = a = 3,  dy/da gets 1 × 3 = 3
    v2 = 2 * a = 2 * 3 = 6,  dy/dv2 = 1
        dv2/da = 2,  dy/da = 1 × 3 (via v1) + 1 × 3 (via v1) + 1 × 2 (via v2) = 8
    """
    for name, thing, kind in (("root", root, Value), ("wrt", wrt, Value), ("model", model, Module)):
        if not isinstance(thing, kind) and (thing is not None or name == "root"):
            raise TypeError(f"explain needs a {kind.__name__} as {name}, got {described(thing)}")
    if digits not in range(1, 18):
        raise ValueError(f"digits: a number of significant digits from 1 to 17; got {described(digits)}")
    story = _Story(root, wrt, model)
    return Explanation(story.told(Text(story.names, digits)), story.told(Markdown(story.names, digits)))


class _Story:
    """What is told, in whatever notation."""

    def __init__(self, root: Value, wrt: Value | None, model: Module | None) -> None:
        order = topological(root)
        self.root = root
        self.owners = homes(order, model) if model else None
        self.found = list(contributions(root))
        self.gradients = {root: 1.0, **{one.operand: one.total for one in self.found}}
        if wrt is not None:
            self.found = _paths(order, self.found, root, wrt)
        #: Of each box of several nodes, by its output.
        self.inside: dict[Value, list[Contribution]] = {}
        if self.owners and len({one.node for one in self.found}) > MANY_STEPS:
            self.put_together(order, {**places(order, self.owners, "neuron"), **({wrt: wrt} if wrt else {})})
        self.names = self.named(order)
        self.ways = Counter(one.operand for one in self.found)

    def put_together(self, order: list[Value], place: Place) -> None:
        """Go from box to box: what goes different ways through a box to one output of it is added up."""
        ends = reached(order, place, outputs(order, place))
        torn = {place[one.node] for one in self.found if ends[one.node] is None}  # with ways to more than one output
        passed: dict[tuple[Value, Value], Contribution] = {}
        apart = []
        for one in self.found:
            end = ends[one.node]
            if end is None or place[one.node] is one.node or place[one.node] in torn:
                apart.append(one)
                continue
            output, along = end
            self.inside.setdefault(output, []).append(one)
            if place[one.operand] != place[one.node]:
                slope = one.partial * along + (
                    passed[output, one.operand].partial if (output, one.operand) in passed else 0.0
                )
                passed[output, one.operand] = Contribution(output, -1, one.operand, self.gradients[output], slope, 0.0)
        self.found = sorted([*apart, *passed.values()], key=lambda one: -one.node._depth)

    def named(self, order: list[Value]) -> dict[Value, str]:
        """What each node is called: by its label, or as a parameter or neuron; the others are numbered."""
        names: dict[Value, str] = {}
        taken: set[str] = set()

        def take(node: Value, wish: str) -> None:
            name, copies = wish, count(2)
            while name in taken:
                name = f"{wish} ({next(copies)})"
            taken.add(name)
            names[node] = name

        for node in dict.fromkeys([self.root, *order]):
            parameter = self.owners.parameters.get(node) if self.owners else None
            neuron = self.owners.neuron[node] if self.owners and node in self.inside else None
            if wish := visible(node.label) or parameter or neuron or ("y" if node is self.root else ""):
                take(node, wish)
        free = (name for i in count(1) if (name := f"v{i}") not in taken)
        return {**{node: next(free) for node in order if node not in names}, **names}

    def told(self, style: Style) -> str:
        """All of it."""
        lines: list[str] = []
        terms: defaultdict[Value, list[Contribution]] = defaultdict(list)
        steps = [(node, list(passed)) for node, passed in groupby(self.found, key=lambda one: one.node)]
        for node, passed in steps[:MOST_STEPS]:
            inside = self.inside.get(node, [])
            symbols = dict.fromkeys(one.node for one in reversed(inside))
            lines.append(style.step(self.root, node, passed[0].gradient, [inner._op for inner in symbols]))
            for one in passed:
                terms[one.operand].append(one)
                whole = len(terms[one.operand]) == self.ways[one.operand]
                lines.append(style.part(self.root, one, terms[one.operand] if whole else []))
            if own := [one.operand for one in inside if self.owners and one.operand in self.owners.parameters]:
                lines.append(style.parameters(self.root, {parameter: self.gradients[parameter] for parameter in own}))
        if len(steps) > MOST_STEPS:
            lines.append(f"{len(steps) - MOST_STEPS:,} more operations are left out; wrt= or model= leaves out less.")
        rules = dict.fromkeys(one.node._rule for one in self.found if one.node not in self.inside)
        lines += [style.rule(rule) for rule in rules if rule and not rule.name.startswith("__")]
        return "\n".join(lines)


def _paths(order: list[Value], found: list[Contribution], root: Value, wrt: Value) -> list[Contribution]:
    """What leads to one Value only."""
    on_the_way = {wrt}
    for node in order:
        if not on_the_way.isdisjoint(node._operands):
            on_the_way.add(node)
    if root not in on_the_way:
        raise ValueError(f"root was not computed from wrt, {described(wrt)}")
    return [one for one in found if one.operand in on_the_way and one.node is not wrt]
