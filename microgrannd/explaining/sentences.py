"""The sentences of an explanation, as plain text and as Markdown with LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import islice
from operator import add
from textwrap import wrap

from .._text import visible
from ..drawing.filling import MOST_TERMS
from ..drawing.formulas import Recorded, composed, named, numbers
from ..engine.graph import Contribution
from ..engine.value import Value
from ..rules.latex import Latex, inert
from ..rules.notation import Notation
from ..rules.readable import called, sentences
from ..rules.rule import Rule
from ..rules.simplify import constant

#: Characters of a line of text.
WIDTH = 120


#: Said where a product is written the first time.
FACTORS = "  (the gradient that arrives × the local derivative)"


class Text:
    """Writes an explanation as plain text.

    Args:
        names: of all nodes.
        digits: significant digits of numbers.
    """

    bullet, indent, after = "", "    ", ""
    notation: type[Notation] = Notation
    times = " × "

    def __init__(self, names: Mapping[Value, str], digits: int) -> None:
        self.names = names
        self.by_name, self.by_number = self.notation(digits), self.notation(digits, self.times)
        self.generally = self.notation(digits, "")
        self.named = named(names, self.by_name)
        self.known: Recorded | None = None  # the node written last
        self.note = FACTORS

    def math(self, formula: str) -> str:
        """Write a formula in a sentence."""
        return formula

    def lines(self, text: str) -> list[str]:
        """Return a line as lines that are not too long, as far as that is up to us."""
        left = len(text) - len(text.lstrip())
        return wrap(text, WIDTH, subsequent_indent=" " * (left + 4), break_on_hyphens=False) or [""]

    def name(self, node: Value) -> str:
        """Write the name of a node."""
        return self.names[node]

    def slope(self, node: Value, operand: Value) -> str:
        """Write the derivative of one node by another."""
        return self.by_name.slope(self.name(node), self.name(operand))

    def number(self, value: float) -> str:
        """Write a number."""
        return self.by_number.write(constant(float(value)))

    def product(self, one: Contribution, leading: bool) -> str:
        """Write the chain rule's product, by itself or after others."""
        return self.by_number.product(one.gradient, one.partial, leading)

    def via(self, node: Value) -> str:
        """Write the node through which a product comes."""
        return f" (via {self.name(node)})"

    def chain(self, symbols: Iterable[str]) -> str:
        """Write the symbols of operations that follow on one another."""
        return " → ".join(symbols)

    def rule(self, rule: Rule) -> str:
        """Write the definition of an operation and its derivatives."""
        return self.defined(rule, [self.math(sentence) for sentence in sentences(rule, self.generally)])

    def defined(self, rule: Rule, written: Sequence[str]) -> str:
        """Write sentences about an operation, which they name themselves or not."""
        named = len(rule.operands) == 1 and not rule.sequences and rule.symbol.isidentifier()
        return f"{'' if named else f'{self.plain(called(rule))}: '}{', '.join(written)}"

    def plain(self, text: str) -> str:
        """Write a name outside of formulas."""
        return text

    def equation(self, *terms: str) -> str:
        """Write an equation of terms, each different one once."""
        return " = ".join(dict.fromkeys(terms))

    def recorded(self, node: Value) -> Recorded:
        """Return the formulas of a node."""
        if self.known is None or self.known.node is not node:
            self.known = Recorded(node)
        return self.known

    def whole(self, nodes: Sequence[Value]) -> str:
        """Write what the operations in a box compute together."""
        tree = composed(nodes, self.generally)
        symbols = [node._op for node in islice(nodes, MOST_TERMS)]
        return self.generally.write(tree) if tree else self.chain([*symbols, *["…"] * (len(nodes) > MOST_TERMS)])

    def value(self, node: Value, inside: Sequence[Value]) -> str:
        """Write how a node is computed, and its value.

        Args:
            node: a result; of the operations inside, if it is that of several.
            inside: the results of these operations.
        """
        how = [self.whole(inside)] if inside else []
        if not inside:
            recorded = self.recorded(node)
            how = [self.by_name.write(recorded.result(self.named, self.by_name))]
            if not recorded.long:
                how.append(self.by_number.write(recorded.result(numbers, self.by_number)))
        return self.equation(self.name(node), *how, self.number(node.data))

    def step(self, root: Value, node: Value, gradient: float, inside: Sequence[Value]) -> str:
        """Write how a node is computed, and the root's derivative by it."""
        slope = self.equation(self.slope(root, node), self.number(gradient))
        return f"{self.bullet}{self.math(self.value(node, inside))},  {self.math(slope)}"

    def total(self, root: Value, operand: Value, terms: Sequence[Contribution]) -> str:
        """Write the root's derivative by an operand as the sum of what was passed on to it."""
        return self.equation(self.slope(root, operand), *self.added(terms))

    def added(self, terms: Sequence[Contribution]) -> tuple[str, str]:
        """Write the products with a plus between them, of many how many there are; and their sum."""
        products = [
            self.product(term, not number) + (self.via(term.node) if len(terms) > 1 else "")
            for number, term in enumerate(terms[:MOST_TERMS])
        ]
        total = reduce(add, (term.partial * term.gradient for term in terms), 0.0)  # in the order of backward()
        if len(terms) > MOST_TERMS:
            return self.words(f"the sum of these {len(terms):,}"), self.number(total)
        return " + ".join(products), self.number(total)

    def words(self, text: str) -> str:
        """Write words in a formula."""
        return text

    def part(self, root: Value, one: Contribution, terms: Sequence[Contribution]) -> str:
        """Write what a node passes on to an operand; with the last contribution, the sum of all.

        Args:
            root: whose derivatives are explained.
            one: what is passed on.
            terms: all that were; none, if more will come.
        """
        formulas = []
        if one.position >= 0:
            recorded = self.recorded(one.node)
            formulas = [
                notation.write(tree)
                for notation, fill in ((self.by_name, self.named), (self.by_number, numbers))
                for tree in recorded.partial(one.position, fill)
            ]
        local = self.math(self.equation(self.slope(one.node, one.operand), *formulas, self.number(one.partial)))
        if one.node is root and len(terms) == 1:
            return f"{self.indent}{local}"
        note, self.note = self.note, ""
        if terms:
            return f"{self.indent}{local},  {self.math(self.total(root, one.operand, terms))}{note}"
        slope = self.math(self.slope(root, one.operand))
        return f"{self.indent}{local},  {slope} gets {self.math(self.equation(*self.added([one])))}{note}"

    def slopes(self, root: Value, gradients: Mapping[Value, float], most: int = MOST_TERMS) -> str:
        """Write the root's derivatives by several nodes, the first ones of many."""
        shown = [
            self.math(self.equation(self.slope(root, p), self.number(g))) for p, g in islice(gradients.items(), most)
        ]
        more = len(gradients) - len(shown)
        return f"{', '.join(shown)}{f' and {more:,} more' if more else ''}"

    def layer(
        self,
        name: str,
        neurons: tuple[int, int],
        outputs: Mapping[Value, float],
        formula: Sequence[Value],
        inside: str,
    ) -> str:
        """Write what a layer computes, and the gradients that arrive at its outputs.

        Args:
            name: of the layer.
            neurons: how many have these outputs, several each where the layer is called several times; and of how many.
            outputs: with their gradients.
            formula: the operations of one of them.
            inside: what it has: see `parameters`.
        """
        ranges = [self.range(node.data for node in outputs), self.range(outputs.values())]
        told, all_of_them = neurons
        count = f"{told:,} {f'of {all_of_them:,} ' * (told < all_of_them)}neuron{'s' * (all_of_them > 1)}"
        several = f"called several times, {len(outputs):,} " if len(outputs) > told else ""
        said = f"{several}values {ranges[0]}, gradients that arrive {ranges[1]}, {inside}"
        return f"{self.bullet}{self.emphasised(name)}: {count}{':' * (told < all_of_them) or ' of'} {self.math(self.whole(formula))}, {said}"

    def range(self, values: Iterable[float]) -> str:
        """Write the least and the greatest of several numbers."""
        values = list(values)
        return " … ".join(dict.fromkeys(self.math(self.number(end)) for end in (min(values), max(values))))

    def emphasised(self, name: str) -> str:
        """Write the name of a module in a sentence."""
        return visible(name, WIDTH // 2)


class Markdown(Text):
    """Writes an explanation as a list in Markdown, with LaTeX between dollar signs."""

    bullet, indent, after = "1. ", "   - ", "\n"
    notation = Latex
    times = r" \cdot "

    def math(self, formula: str) -> str:  # noqa: D102
        return f"${formula}$"

    def lines(self, text: str) -> list[str]:  # noqa: D102
        return [text]

    def name(self, node: Value) -> str:  # noqa: D102
        return self.by_name.name(self.names[node])

    def via(self, node: Value) -> str:  # noqa: D102
        return rf"\;(\text{{via }}{self.name(node)})"

    def chain(self, symbols: Iterable[str]) -> str:  # noqa: D102
        return r" \rightarrow ".join(rf"\text{{{inert(symbol)}}}" for symbol in symbols)

    def defined(self, rule: Rule, written: Sequence[str]) -> str:  # noqa: D102
        return f"\n{super().defined(rule, written)}"

    def plain(self, text: str) -> str:  # noqa: D102
        return inert(text)

    def words(self, text: str) -> str:  # noqa: D102
        return rf"\text{{{inert(text)}}}"

    def emphasised(self, name: str) -> str:  # noqa: D102
        return f"**{inert(name)}**"
