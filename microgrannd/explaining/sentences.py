"""The sentences of an explanation, as plain text and as Markdown with LaTeX."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import islice
from operator import add

from ..engine.graph import Contribution
from ..engine.value import Value
from ..rules.rule import Rule
from .notation import MOST_TERMS, Naming, inert, latex, math_name, math_number, partials, result, text


class Text:
    """Writes an explanation as plain text.

    Args:
        names: of all nodes.
        digits: significant digits of numbers.
    """

    bullet, indent = "", "    "

    def __init__(self, names: Mapping[Value, str], digits: int) -> None:
        self.names, self.digits = names, digits
        self.known: tuple[Value | None, list[list[ast.expr]]] = (None, [])  # the partials of the node written last

    def math(self, formula: str) -> str:
        """Write a formula in a sentence."""
        return formula

    def name(self, node: Value) -> str:
        """Write the name of a node."""
        return self.names[node]

    def slope(self, node: Value, operand: Value) -> str:
        """Write the derivative of one node by another."""
        names = (self.name(node), self.name(operand))
        return "/".join(f"d{name}" if name.isidentifier() else f"d({name})" for name in names)

    def number(self, value: float) -> str:
        """Write a number by itself."""
        return f"{value:.{self.digits}g}"

    def formula(self, tree: ast.expr) -> str:
        """Write an expression."""
        return text(tree)

    def product(self, one: Contribution) -> str:
        """Write the chain rule's product."""
        return f"{self.number(one.gradient)} × {self.number(one.partial)}"

    def via(self, node: Value) -> str:
        """Write the node through which a product comes."""
        return f" (via {self.name(node)})"

    def chain(self, symbols: Sequence[str]) -> str:
        """Write the symbols of operations that follow on one another."""
        return " → ".join(symbols)

    def rule(self, rule: Rule) -> str:
        """Write an operation's formulas as the table has them."""
        return f"{rule.name}: {'; '.join(rule.equations)}"

    def operand(self, node: Value) -> str:
        """Write the number of a node as an operand: in brackets, if it is negative."""
        written = self.number(node.data)
        return f"({written})" if written.startswith("-") else written

    def term(self, node: Value) -> str:
        """Write the name of a node in a formula: in brackets, if it looks like one itself."""
        return self.name(node) if re.fullmatch(r"[^\W_][\w.]*", self.names[node]) else f"({self.name(node)})"

    def partials(self, node: Value) -> list[list[ast.expr]]:
        """Return the local derivatives by each operand, with names and with numbers."""
        if self.known[0] is not node:
            namings: list[Naming] = [self.term, self.operand]
            self.known = node, [partials(node, naming, self.digits) for naming in namings]
        return self.known[1]

    def equation(self, *terms: str) -> str:
        """Write an equation of terms, each different one once."""
        return " = ".join(dict.fromkeys(terms))

    def value(self, node: Value, inside: Sequence[str]) -> str:
        """Write how a node is computed, and its value.

        Args:
            node: a result; of the operations inside, if it is that of several.
            inside: the symbols of the operations.
        """
        namings: list[Naming] = [] if inside else [self.term, self.operand]
        how = (
            [self.chain(inside)] if inside else [self.formula(result(node, naming, self.digits)) for naming in namings]
        )
        return self.equation(self.name(node), *how, self.number(node.data))

    def step(self, root: Value, node: Value, gradient: float, inside: Sequence[str]) -> str:
        """Write how a node is computed, and the root's derivative by it."""
        slope = self.equation(self.slope(root, node), self.number(gradient))
        return f"{self.bullet}{self.math(self.value(node, inside))},  {self.math(slope)}"

    def total(self, root: Value, operand: Value, terms: Sequence[Contribution]) -> str:
        """Write the root's derivative by an operand as the sum of what was passed on to it."""
        return self.equation(self.slope(root, operand), *self.added(terms))

    def added(self, terms: Sequence[Contribution]) -> tuple[str, str]:
        """Write the products with a plus between them, and their sum."""
        products = [self.product(term) + (self.via(term.node) if len(terms) > 1 else "") for term in terms]
        total = reduce(add, (term.partial * term.gradient for term in terms), 0.0)  # in the order of backward()
        return " + ".join(products), self.number(total)

    def part(self, root: Value, one: Contribution, terms: Sequence[Contribution]) -> str:
        """Write what a node passes on to an operand; with the last contribution, the sum of all.

        Args:
            root: whose derivatives are explained.
            one: what is passed on.
            terms: all that were; none, if more will come.
        """
        formulas = [] if one.position < 0 else [self.formula(trees[one.position]) for trees in self.partials(one.node)]
        local = self.equation(self.slope(one.node, one.operand), *formulas, self.number(one.partial))
        if one.node is root and len(terms) == 1:
            return f"{self.indent}{self.math(local)}"
        if terms:
            return f"{self.indent}{self.math(local)},  {self.math(self.total(root, one.operand, terms))}"
        slope = self.math(self.slope(root, one.operand))
        return f"{self.indent}{self.math(local)},  {slope} gets {self.math(self.equation(*self.added([one])))}"

    def parameters(self, root: Value, gradients: Mapping[Value, float]) -> str:
        """Write the root's derivatives by the parameters of a neuron."""
        shown = [self.math(self.equation(self.slope(root, p), self.number(g))) for p, g in gradients.items()]
        return f"{self.indent}{', '.join(islice(shown, MOST_TERMS))}{', ...' if len(shown) > MOST_TERMS else ''}"


class Markdown(Text):
    """Writes an explanation as a list in Markdown, with LaTeX between dollar signs."""

    bullet, indent = "1. ", "   - "

    def math(self, formula: str) -> str:  # noqa: D102
        return f"${formula}$"

    def name(self, node: Value) -> str:  # noqa: D102
        return math_name(self.names[node])

    def slope(self, node: Value, operand: Value) -> str:  # noqa: D102
        return rf"\frac{{\partial {self.name(node)}}}{{\partial {self.name(operand)}}}"

    def number(self, value: float) -> str:  # noqa: D102
        return math_number(f"{value:.{self.digits}g}")

    def formula(self, tree: ast.expr) -> str:  # noqa: D102
        return latex(tree)

    def product(self, one: Contribution) -> str:  # noqa: D102
        gradient, partial = (self.number(x) for x in (one.gradient, one.partial))
        return rf"{gradient} \cdot " + (f"({partial})" if partial.startswith("-") else partial)

    def via(self, node: Value) -> str:  # noqa: D102
        return rf"\;(\text{{via }}{self.name(node)})"

    def chain(self, symbols: Sequence[str]) -> str:  # noqa: D102
        return r" \rightarrow ".join(rf"\text{{{inert(symbol)}}}" for symbol in symbols)

    def rule(self, rule: Rule) -> str:  # noqa: D102
        return f"\n`{rule.name}`: `{'; '.join(rule.equations)}`"
