r"""Expressions as mathematics in LaTeX, by the traversal of notation.py.

>>> print(Latex().write(ast.parse("1 / (1 + exp(-x))", mode="eval").body))
\frac{1}{1 + e^{-x}}
"""

from __future__ import annotations

import ast
import re
import unicodedata
from typing import ClassVar

from .._text import visible
from .notation import ATOM, CONDITION, POWER, PRODUCT, SIGMA, Notation, Written, stem


class Latex(Notation):
    """Writes expressions as LaTeX. The names in them are taken as LaTeX already: see `name`."""

    dot = r" \cdot "
    operators: ClassVar[dict[type[ast.AST], str]] = {
        ast.Add: " + ", ast.Sub: " - ", ast.Mod: r" \bmod ",
        ast.Lt: " < ", ast.LtE: r" \le ", ast.Gt: " > ", ast.GtE: r" \ge ", ast.And: r"\text{ and }", ast.Or: r"\text{ or }",
    }  # fmt: skip
    symbols: ClassVar[dict[str, str]] = {"inf": r"\infty", "pi": r"\pi", "...": r"\dots"}
    functions: ClassVar[dict[str, str]] = {
        **{name: f"\\{name}" for name in "exp log sin cos tan sinh cosh tanh max min".split()},
        **{f"a{name}": f"\\arc{name}" for name in ("sin", "cos", "tan")},
    }
    around: ClassVar[dict[str, tuple[str, str]]] = {
        "abs": (r"\left|", r"\right|"), "floor": (r"\left\lfloor ", r"\right\rfloor"),
        "ceil": (r"\left\lceil ", r"\right\rceil"), "(": (r"\left(", r"\right)"), "[": (r"\left[", r"\right]"),
    }  # fmt: skip
    minus, negation = "-", r"\text{not }"

    def number(self, value: float) -> str:
        """Write a number by itself."""
        text = f"{value:.{self.digits}g}"
        return re.sub(r"e([+-])0*(\d+)", lambda power: rf" \cdot 10^{{{power[1].strip('+')}{power[2]}}}", text)

    def name(self, name: str) -> str:
        """Write a name in LaTeX: a letter with its number as its index, anything else upright."""
        if name == "σ":
            return r"\sigma"
        if match := re.fullmatch(r"([A-Za-z])([0-9]*|[₀-₉]*)", name):
            return f"{match[1]}_{{{unicodedata.normalize('NFKC', match[2])}}}" if match[2] else match[1]
        return rf"\text{{{inert(name)}}}"

    def element(self, name: str) -> str:
        """Write the name of any element of a sequence."""
        return f"{self.name(stem(name))}_{{i}}"

    def slope(self, result: str, operand: str) -> str:
        """Write the derivative of one by another, whose names are written already."""
        return rf"\frac{{\partial {result}}}{{\partial {operand}}}"

    def prime(self, function: str) -> str:
        """Write the derivative of a function."""
        return f"{function}'"

    def fraction(self, left: ast.AST, right: ast.AST, leading: bool) -> Written:  # noqa: ARG002
        """Write a quotient."""
        return rf"\frac{{{self.write(left)}}}{{{self.write(right)}}}", POWER

    def power(self, base: str, exponent: ast.AST) -> Written:
        """Write a power of what is written already."""
        return f"{{{base}}}^{{{self.write(exponent)}}}", POWER

    def exponential(self, base: str, exponent: ast.AST) -> Written:
        """Write a power of e or 2."""
        return f"{base}^{{{self.write(exponent)}}}", POWER

    def root(self, operand: ast.AST, degree: int) -> Written:
        """Write a square or cube root."""
        return rf"\sqrt{'' if degree == 2 else '[3]'}{{{self.write(operand)}}}", POWER

    def total(self, element: ast.AST) -> Written:
        """Write a sum over all elements."""
        return rf"\sum_{{i}} {self.bound(element, PRODUCT)}", SIGMA

    def cases(self, body: str, test: str, orelse: ast.AST) -> Written:
        """Write what is one thing under a condition and else another."""
        rows = rf"{body} & {test} \\ {self.write(orelse)} & \text{{else}}"
        return rf"\begin{{cases}} {rows} \end{{cases}}", ATOM

    def code(self, text: str) -> Written:
        """Write what mathematics has no sign for."""
        return rf"\text{{{inert(text)}}}", CONDITION

    def _number(self, text: str) -> Written:
        return text, PRODUCT if r"\cdot" in text else ATOM

    def _sign(self, left: str, right: str) -> str:  # noqa: ARG002
        return self.times or (" " if not re.match(r"\d", right) else self.dot)


def inert(text: str) -> str:
    """Replace the punctuation that means something to Markdown, LaTeX and HTML by its full-width forms."""
    return "".join(
        c if not "!" <= c <= "~" or c.isalnum() or c in ",.:" else chr(ord(c) + 0xFEE0) for c in visible(text)
    )
