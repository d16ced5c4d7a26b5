"""explain: the chain rule of a recorded graph in words and numbers, in the order of `backward`."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice

from .._checks import required_whole
from .._text import described
from ..engine.graph import Contribution
from ..engine.value import Value
from ..nn.module import Module
from .derivation import Derivation
from .sentences import Markdown, Text

#: A graph of more nodes is explained by neuron, where the model is known.
MANY_NODES = 100


#: Operations that are explained, at most, and operands of each.
MOST_STEPS, MOST_PARTS = 100, 50


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


def explain(root: Value, wrt: Value | None = None, model: Module | None = None, digits: int = 4) -> Explanation:
    """Explain the derivatives of a Value with respect to all that it was computed from.

    For each operation, in the order in which ``backward()`` takes them: its formula, that with numbers, and for each
    operand the local derivative (formula, numbers, value) and what it adds to the operand's gradient. Where paths
    meet, the sum over them. The derivatives are those of one ``backward()`` from here, whether or not it was called.

    Args:
        root: the result.
        wrt: only the paths to this Value are explained.
        model: whose parameters are called by their names; a graph of more than 100 nodes is then explained by neuron.
        digits: significant digits of all numbers.

    Returns:
        An `Explanation`, of 100 operations at the most.

    Raises:
        TypeError: root or wrt is not a Value, or model not a Module.
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
    digits = required_whole("digits", digits, 1, 17)
    derivation = Derivation(root, wrt, model, MANY_NODES)
    return Explanation(
        _written(derivation, Text(derivation.names, digits)), _written(derivation, Markdown(derivation.names, digits))
    )


def _written(derivation: Derivation, style: Text) -> str:
    """Write the explanation in one style."""
    lines: list[str] = []
    terms: defaultdict[Value, list[Contribution]] = defaultdict(list)
    steps = derivation.steps()
    for node, passed in islice(steps.items(), MOST_STEPS):
        lines.append(style.step(derivation.root, node, derivation.gradients[node], derivation.symbols(node)))
        for number, one in enumerate(passed):
            terms[one.operand].append(one)
            whole = len(terms[one.operand]) == derivation.counts[one.operand]
            if number < MOST_PARTS:
                lines.append(style.part(derivation.root, one, terms[one.operand] if whole else []))
        if len(passed) > MOST_PARTS:
            lines.append(f"{style.indent}and so on, {len(passed) - MOST_PARTS:,} more")
        if own := [
            one.operand
            for one in derivation.inside.get(node, [])
            if derivation.owners and one.operand in derivation.owners.parameters
        ]:
            lines.append(
                style.parameters(derivation.root, {parameter: derivation.gradients[parameter] for parameter in own})
            )
    if len(steps) > MOST_STEPS:
        lines.append(
            f"{len(steps) - MOST_STEPS:,} more operations are left out; wrt= or model= shortens the explanation."
        )
    rules = dict.fromkeys(one.node._rule for one in derivation.contributions if one.node not in derivation.inside)
    lines += [style.rule(rule) for rule in rules if rule and not rule.name.startswith("__")]
    return "\n".join(lines or [style.math(style.equation(style.slope(derivation.root, derivation.root), "1"))])
