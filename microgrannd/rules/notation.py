"""Expressions as mathematics, by one traversal of their trees: as plain text here, as LaTeX in latex.py.

>>> import ast
>>> Notation().write(ast.parse("1 / (1 + exp(-x))", mode="eval").body)
'1/(1 + e⁻ˣ)'
"""

from __future__ import annotations

import ast
import re
from typing import ClassVar

from .._text import visible
from .simplify import constant

#: How tightly an expression holds together: a part that does less than where it stands needs is put in brackets.
CONDITION, SUM, SIGMA, PRODUCT, POWER, ATOM = range(6)


#: Letters of a name.
MOST_LETTERS = 90


#: An expression, and how tightly it holds together.
Written = tuple[str, int]


_RAISED = str.maketrans("−0123456789abcdefghijklmnoprstuvwxyz", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


class Notation:
    """Writes expressions as plain text: x², e⁻ˣ, √x, Σ wᵢxᵢ + b. The names in them are written as they are.

    Args:
        digits: significant digits of numbers.
        times: the sign between factors; if empty, single letters and brackets stand side by side, as in 2σ(1 − σ).
    """

    dot = " · "
    operators: ClassVar[dict[type[ast.AST], str]] = {
        ast.Add: " + ", ast.Sub: " − ", ast.Mod: " mod ",
        ast.Lt: " < ", ast.LtE: " ≤ ", ast.Gt: " > ", ast.GtE: " ≥ ", ast.And: " and ", ast.Or: " or ",
    }  # fmt: skip
    symbols: ClassVar[dict[str, str]] = {"inf": "∞", "pi": "π", "...": "…"}
    functions: ClassVar[dict[str, str]] = {}
    around: ClassVar[dict[str, tuple[str, str]]] = {
        "abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉"), "(": ("(", ")"), "[": ("[", "]"),
    }  # fmt: skip
    minus, negation = "−", "not "

    def __init__(self, digits: int = 4, times: str | None = None) -> None:
        self.digits, self.times = digits, self.dot if times is None else times

    def write(self, tree: ast.AST) -> str:
        """Write an expression."""
        return self.written(tree, True)[0]

    def number(self, value: float) -> str:
        """Write a number by itself."""
        return f"{value:.{self.digits}g}".replace("-", "−")

    def name(self, name: str) -> str:
        """Write a name that is to stand in formulas."""
        return visible(name, MOST_LETTERS)

    def element(self, name: str) -> str:
        """Write the name of any element of a sequence: wᵢ of ws."""
        return f"{stem(name)}ᵢ"

    def product(self, left: float, right: float, leading: bool = True) -> str:
        """Write the product of two numbers; see `written`."""
        return self.written(ast.BinOp(constant(float(left)), ast.Mult(), constant(float(right))), leading)[0]

    def slope(self, result: str, operand: str) -> str:
        """Write the derivative of one by another, whose names are written already."""
        return "/".join(f"∂{name}" if re.fullmatch(r"[^\W\d]\w*", name) else f"∂({name})" for name in (result, operand))

    def prime(self, function: str) -> str:
        """Write the derivative of a function."""
        return f"{function}′"

    def written(self, node: ast.AST, leading: bool = False) -> Written:
        """Write an expression; a minus that nothing stands before needs no brackets."""
        match node:
            case ast.Constant(bool(value)):
                return str(value).lower(), ATOM
            case ast.Constant(value):
                return self._number(str(value) if type(value) is int else self.number(float(value)))  # type: ignore[arg-type]
            case ast.Name(name):
                return self.symbols.get(name, name), ATOM
            case ast.List(elements) | ast.Tuple(elements):
                return self.between("[", ", ".join(map(self.write, elements)))
            case ast.UnaryOp(ast.USub(), ast.Constant(0.0 as zero)):  # its sign is left out
                return self.written(ast.Constant(zero))
            case ast.UnaryOp(ast.USub(), operand):
                return f"{self.minus}{self.bound(operand, PRODUCT)}", ATOM if leading else SUM
            case ast.UnaryOp(ast.Not(), operand):
                return f"{self.negation}{self.bound(operand, SUM)}", CONDITION
            case ast.BinOp(left, ast.Mult(), right):
                a, b = self.bound(left, PRODUCT, leading), self.bound(right, POWER)
                return f"{a}{self._sign(a, b)}{b}", PRODUCT
            case ast.BinOp(left, ast.Div(), right):
                return self.fraction(left, right, leading)
            case ast.BinOp(left, ast.FloorDiv(), right):
                return self.between("floor", self.fraction(left, right, True)[0])
            case ast.BinOp(left, ast.Pow(), right) | ast.Call(ast.Name("pow"), [left, right]):
                return self.power(self.bound(left, ATOM), right)
            case ast.BinOp(
                left, ast.Mod(), right
            ):  # readers do not agree how tightly it holds, so it gets all brackets
                return (
                    f"{self.bound(left, PRODUCT, leading)}{self.operators[ast.Mod]}{self.bound(right, POWER)}",
                    CONDITION,
                )
            case ast.BinOp(left, operation, right):
                return (
                    f"{self.bound(left, SUM, leading)}{self.operators[type(operation)]}{self.bound(right, SIGMA)}",
                    SUM,
                )
            case ast.Compare(left, operations, others):
                pairs = zip(operations, others, strict=True)
                compared = [f"{self.operators[type(o)]}{self.bound(other, SUM)}" for o, other in pairs]
                return self.bound(left, SUM) + "".join(compared), CONDITION
            case ast.BoolOp(operation, parts):
                return self.operators[type(operation)].join(self.bound(part, CONDITION) for part in parts), CONDITION
            case ast.IfExp(test, body, orelse):
                return self.cases(self.write(body), self.write(test), orelse)
            case ast.Call(ast.Name(name), operands):
                return self.call(name, operands)
        return self.code(ast.unparse(ast.fix_missing_locations(node)))  # only in a rule of the user's own

    def bound(self, node: ast.AST, strength: int, leading: bool = False) -> str:
        """Write a part of an expression, in brackets if it does not hold together as tightly as it has to there."""
        text, own = self.written(node, leading)
        return text if own >= strength else self.between("(", self.write(node))[0]

    def call(self, name: str, operands: list[ast.expr]) -> Written:
        """Write the call of a function."""
        if len(operands) == 1:
            (operand,) = operands
            if name in ("sqrt", "cbrt"):
                return self.root(operand, 2 if name == "sqrt" else 3)
            if name in ("exp", "exp2"):
                return self.exponential("e" if name == "exp" else "2", operand)
            if name == "sum":
                return self.total(operand)
            if name in self.around:
                return self.between(name, self.write(operand))
        return self.applied(self.function(name), operands), ATOM

    def function(self, name: str) -> str:
        """Write the name of a function."""
        return self.functions.get(name) or self.name(name)

    def applied(self, function: str, operands: list[ast.expr]) -> str:
        """Write a function, whose name is written already, of operands."""
        return function + self.between("(", ", ".join(map(self.write, operands)))[0]

    def between(self, sign: str, text: str) -> Written:
        """Write something in brackets or bars."""
        left, right = self.around[sign]
        return f"{left}{text}{right}", ATOM

    def fraction(self, left: ast.AST, right: ast.AST, leading: bool) -> Written:
        """Write a quotient."""
        return f"{self.bound(left, PRODUCT, leading)}/{self.bound(right, POWER)}", PRODUCT

    def power(self, base: str, exponent: ast.AST) -> Written:
        """Write a power of what is written already."""
        text = self.write(exponent)
        raised = text.translate(_RAISED) if re.fullmatch("−?([a-z]|[0-9]{1,2})", text) and text != "q" else ""
        return base + (raised or f"^{self.bound(exponent, ATOM)}"), POWER

    def exponential(self, base: str, exponent: ast.AST) -> Written:
        """Write a power of e or 2."""
        power, _ = self.power(base, exponent)
        return (f"exp({self.write(exponent)})", ATOM) if base == "e" and "^" in power else (power, POWER)

    def root(self, operand: ast.AST, degree: int) -> Written:
        """Write a square or cube root."""
        return f"{'√' if degree == 2 else '∛'}{self.bound(operand, ATOM)}", POWER

    def total(self, element: ast.AST) -> Written:
        """Write a sum over all elements."""
        return f"Σ {self.bound(element, PRODUCT)}", SIGMA

    def cases(self, body: str, test: str, orelse: ast.AST) -> Written:
        """Write what is one thing under a condition and else another."""
        other = self.write(orelse)
        return f"{body} if {test}, {other if isinstance(orelse, ast.IfExp) else f'else {other}'}", CONDITION

    def code(self, text: str) -> Written:
        """Write what mathematics has no sign for."""
        return visible(text, 80), CONDITION

    def _number(self, text: str) -> Written:
        return text, ATOM

    def _sign(self, left: str, right: str) -> str:
        """Return the sign between two factors."""
        short = re.fullmatch(r"[\d.]+|\w[ᵢ²]?", left)
        return "" if not self.times and short and re.match(r"\(|[^\W\d][ᵢ²]?$", right) else self.times or self.dot


def stem(name: str) -> str:
    """Return the name of an element of a sequence: w of ws."""
    return name[:-1] if len(name) > 1 and name.endswith("s") else name
