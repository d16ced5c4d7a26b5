"""explain: the chain rule of a recorded graph in words and numbers, in the order of `backward`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import hypot

from .._checks import required_whole
from .._text import described
from ..drawing.choose import require_depth, require_graph
from ..engine.graph import Contribution, topological
from ..engine.value import Value
from ..nn.module import Module
from .derivation import Derivation
from .sentences import Markdown, Text

#: Operations that are explained, at most, and operands of each.
MOST_STEPS, MOST_PARTS = 100, 50


#: More products than this between neurons are not told one by one, by the depth that is asked for.
MOST_PRODUCTS = 100


#: Derivatives in the summary, at most.
MOST_LEAVES = 12


class Explanation:
    """An explanation of gradients: prints as text, and shows in a notebook as Markdown with LaTeX.

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


def explain(
    root: Value,
    wrt: Value | str | None = None,
    model: Module | None = None,
    digits: int = 4,
    depth: str = "auto",
) -> Explanation:
    """Explain the derivatives of a Value with respect to all that it was computed from.

    For each operation, in the order in which ``backward()`` takes them: its formula, that with numbers, and for each
    operand the local derivative (formula, numbers, value) and what it adds to the operand's gradient. Where paths
    meet, the sum over them. The derivatives are those of one ``backward()`` from here, whether or not it was called.
    Definitions of the operations and a summary, of the gradients that were asked for, come last.

    Args:
        root: the result.
        wrt: only the paths to this Value, or to the one with this label, are explained.
        model: whose parameters are called by their names, and whose layers and neurons are explained as wholes.
        digits: significant digits of all numbers.
        depth: as of `draw`: ``"layer"`` explains each layer in a line, ``"neuron"`` each neuron in addition,
            ``"scalar"`` each operation; ``"auto"``, with a model, takes neurons, or layers where there are many.

    Returns:
        An `Explanation`, of 100 operations at the most.

    Raises:
        TypeError: root or wrt is not a Value, or model not a Module.
        ValueError: root was not computed from wrt, or several Values have that label; digits is not from 1 to 17; an unknown depth, or one that needs a
            model, without one.

    >>> from microgrannd import Value, explain
    >>> a = Value(3.0, "a")
    >>> explain(a * a + 2 * a)
    y = v1 + v2 = 9 + 6 = 15,  ∂y/∂y = 1
        ∂y/∂v1 = 1
        ∂y/∂v2 = 1
    v1 = a · a = 3 × 3 = 9,  ∂y/∂v1 = 1
        ∂v1/∂a = a = 3,  ∂y/∂a gets 1 × 3 = 3  (the gradient that arrives × the local derivative)
        ∂v1/∂a = a = 3,  ∂y/∂a gets 1 × 3 = 3
    v2 = 2 · a = 2 × 3 = 6,  ∂y/∂v2 = 1
        ∂v2/∂a = 2,  ∂y/∂a = 1 × 3 (via v1) + 1 × 3 (via v1) + 1 × 2 (via v2) = 8
    In sum: ∂y/∂a = 8
    """
    require_graph("explain", root, model)
    if isinstance(wrt, str):
        wrt = _labelled(root, wrt)
    if wrt is not None and not isinstance(wrt, Value):
        raise TypeError(f"explain needs a Value or a label as wrt, got {described(wrt)}")
    digits = required_whole("digits", digits, 1, 17)
    require_depth(depth, model)
    derivation = Derivation(root, wrt, model, by_neuron=model is not None and depth != "scalar")
    if depth == "auto" and len(derivation.contributions) > MOST_PRODUCTS and wrt is None:
        depth = "layer"
    return Explanation(
        *(_Writing(derivation, style(derivation.names, digits), depth, wrt).text() for style in (Text, Markdown))
    )


def _labelled(root: Value, label: str) -> Value:
    """Return the one Value of a graph with a label.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [node for node in topological(root) if node.label == label]
    if len(found) != 1:
        raise ValueError(
            f"explain needs one Value with the label that wrt names, got {len(found)} with {described(label)}"
        )
    return found[0]


class _Writing:
    """Writes the explanation in one style."""

    def __init__(self, derivation: Derivation, style: Text, depth: str, wrt: Value | None) -> None:
        self.derivation, self.style, self.depth, self.wrt = derivation, style, depth, wrt
        self.terms: defaultdict[Value, list[Contribution]] = defaultdict(list)

    def text(self) -> str:
        """Return all lines."""
        derivation, style = self.derivation, self.style
        steps = derivation.steps()
        if not steps:
            return style.math(style.equation(style.slope(derivation.root, derivation.root), "1"))
        lines = [line for node in islice(steps, MOST_STEPS) for line in self.step(node, steps)]
        if more := max(len(steps) - MOST_STEPS, 0):
            lines.append(f"{more:,} more operations are left out; wrt= or model= shortens the explanation.")
        rules = dict.fromkeys(one.node._rule for one in derivation.contributions if one.node not in derivation.inside)
        if derivation.inside and self.depth != "scalar":
            rules |= dict.fromkeys(one.node._rule for inside in derivation.inside.values() for one in inside)
        lines += [style.rule(rule) for rule in rules if rule and rule.told and not rule.name.startswith("__")]
        lines += self.summary()
        return "\n".join(part for line in lines for part in style.lines(line))

    def step(self, node: Value, steps: Mapping[Value, list[Contribution]]) -> Iterator[str]:
        """Yield the lines of an operation, or of a neuron, below those of its layer."""
        derivation, style = self.derivation, self.style
        layer = derivation.layers.get(node)
        if layer and layer.outputs[0] is node:
            outputs = {one: derivation.gradients[one] for one in layer.outputs}
            inside = self.norm(layer.parameters)
            yield style.layer(layer.name, derivation.neurons(layer), outputs, derivation.within(node), inside)
        told = not (layer and self.depth == "layer")
        if told:
            yield style.step(derivation.root, node, derivation.gradients[node], derivation.within(node))
        for number, one in enumerate(steps[node]):
            known = self.terms[one.operand]
            known.append(one)
            if told and number < MOST_PARTS:
                yield style.part(derivation.root, one, known if len(known) == derivation.counts[one.operand] else [])
        if not told:
            return
        if (more := len(steps[node]) - MOST_PARTS) > 0:
            yield f"{style.indent}and so on, {more:,} more"
        if own := derivation.own(node):
            yield f"{style.indent}{style.slopes(derivation.root, {one: derivation.gradients[one] for one in own})}"

    def summary(self) -> Iterator[str]:
        """Yield the lines with the gradients that were asked for."""
        derivation, style = self.derivation, self.style
        leaves = derivation.leaves(self.wrt)
        owners = derivation.owners
        parameters = owners.parameters if owners else {}
        many = len(leaves) > MOST_LEAVES
        if many:
            leaves = [leaf for leaf in leaves if leaf not in parameters]
        gradients = {leaf: derivation.gradients[leaf] for leaf in leaves}
        written = [style.slopes(derivation.root, gradients, MOST_LEAVES)] if leaves else []
        if parameters and many:
            written.append(self.norm(list(parameters)))
        more = f'; depth="{_FINER[self.depth]}" tells more' if self.depth in _FINER and derivation.inside else ""
        yield f"{style.after}In sum: {'; '.join(written)}{more}"

    def norm(self, parameters: Sequence[Value]) -> str:
        """Write how many parameters there are, and the norm of their gradients."""
        norm = hypot(*(self.derivation.gradients.get(parameter, 0.0) for parameter in parameters))
        return f"{len(parameters):,} parameters, |grad| {self.style.math(self.style.number(norm))}"


#: The depths that tell more.
_FINER = {"auto": "scalar", "layer": "neuron", "neuron": "scalar"}
