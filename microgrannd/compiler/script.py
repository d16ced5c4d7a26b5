"""Writes expressions of formulas in JavaScript, and collects the functions that they call."""

from __future__ import annotations

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from ..rules import special
from ..rules.formula import FUNCTIONS, real_result
from ..rules.lookup import element, one_hot
from ..rules.rule import Rule
from .loops import is_sequence

#: Functions that JavaScript has under the same name, in `Math`.
NATIVE = frozenset(
    "abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 sin sinh "
    "sqrt tan tanh trunc".split()
)


#: What stands for a function of Python: its name in `Math`, or in functions.js.
COUNTERPARTS: dict[Any, str] = {
    **{FUNCTIONS[name]: name for name in NATIVE}, math.fabs: "abs", math.pow: "power", operator.mul: "mul",
    **{FUNCTIONS[n]: n for n in "copysign degrees dist erf erfc exp2 fmod fsum gamma lgamma map max min prod radians remainder sum zip".split()},
    math.isnan: "Number.isNaN", math.isfinite: "Number.isFinite", math.isinf: "isInfinite", float.is_integer: "Number.isInteger", len: "len",
    special.digamma: "digamma", special.polygamma: "polygamma", element: "element", one_hot: "oneHot", real_result: "real",
}  # fmt: skip
if hasattr(math, "sumprod"):
    COUNTERPARTS[math.sumprod] = "dot"


#: Functions that raise for no numbers, in Python too.
SAFE = frozenset("abs copysign dist isInfinite map max min mul prod sum zip".split())


#: Words that are no names in JavaScript, or have a meaning in the modules.
RESERVED = frozenset(
    "await break case catch class const continue debugger default delete do else enum export extends false finally for "
    "function if implements import in instanceof interface let new null package private protected public return static "
    "super switch this throw true try typeof var void while with yield arguments eval undefined NaN Infinity Math Number "
    "Array Object Set RangeError Float64Array n row rows parameters results total gradients forward backward trace step "
    "values partials fixed cells d_fixed d_cells constants buffers lr t p g options x y d i".split()
)


_CALLED = re.compile(r"(?<![\w.])[A-Za-z]\w*")


_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", 5), ast.Sub: ("-", 5), ast.Mult: ("*", 6), ast.Div: ("/", 6),
    ast.Lt: ("<", 4), ast.LtE: ("<=", 4), ast.Gt: (">", 4), ast.GtE: (">=", 4),
}  # fmt: skip


_ATOM, _POWER, _UNARY = 9, 8, 7


@cache
def paragraphs() -> dict[str, tuple[str, str]]:
    """Return the declarations of functions.js by name, each with its comment and without it."""
    found = {}
    for text in files(__package__).joinpath("functions.js").read_text(encoding="utf-8").strip().split("\n\n"):
        code = "\n".join(line for line in text.split("\n") if not line.startswith("//"))
        if name := re.match(r"(?:function|const) (\w+)", code):
            found[name[1]] = text, code
    return found


class Functions:
    """The functions that a module calls.

    Attributes:
        used: the names of those of `Math` and of functions.js.
        own: the sources of the others, by name: formulas of rules.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.own: dict[str, str] = {}
        self._names: dict[Any, str] = {}

    def called(self, owner: str, name: str, function: Any) -> str:
        """Return the name of a function in the module.

        Args:
            owner: whose formula calls it, for messages.
            name: that it has there.
            function: of Python.

        Raises:
            ValueError: it has no counterpart in JavaScript.
        """
        if isinstance(function, int | float):
            return name  # a constant, which is written as its number
        rule: Rule | None = getattr(function, "__rule__", None)
        if rule is not None:
            return self._of_rule(rule)
        try:
            counterpart = COUNTERPARTS.get(function)
        except TypeError:  # not hashable
            counterpart = None
        if counterpart is None:
            raise ValueError(
                f"{owner} calls {name}, which has no counterpart in JavaScript: "
                "make that a rule, whose formula can be written"
            )
        self.used.add(counterpart)
        return counterpart

    def _of_rule(self, rule: Rule) -> str:
        """Return the name of a function that computes the formula of a rule."""
        if rule not in self._names:
            stem = f"{re.sub(r'[^0-9A-Za-z]', '', rule.name)}$"  # unlike the names of variables and other functions
            stem = stem if stem[0].isalpha() else f"own{stem}"
            name, number = stem, 1
            while name in self.own:
                number += 1
                name = f"{stem}{number}"
            self._names[rule] = name
            self.own[name] = ""  # taken: its formula may call others
            variables = {operand: f"_x{index}" for index, operand in enumerate(rule.operands)}
            bound = {
                node.id
                for node in ast.walk(rule.formula.tree)
                if isinstance(getattr(node, "ctx", None), ast.Store) and isinstance(node, ast.Name)
            }
            names = {one: f"_b{index}" for index, one in enumerate(sorted(bound - variables.keys()))} | variables
            script = Script(self, rule.name, rule.functions)
            text = script.text(rule.formula.renamed(names))
            self.own[name] = f"function {name}({', '.join(variables.values())}) {{\n  return {text};\n}}"
        return self._names[rule]

    def source(self, text: str) -> list[str]:
        """Return the declarations that a text needs, in an order in which each is declared before it is used."""
        known = paragraphs()
        words = {word for part in [text, *self.own.values()] for word in _CALLED.findall(part)}
        needed = set()
        todo = [name for name in words if name in known]
        while todo:
            name = todo.pop()
            if name not in needed:
                needed.add(name)
                todo += [word for word in _CALLED.findall(known[name][1]) if word in known and word != name]
        native = sorted(words & self.used & NATIVE)
        head = [f"const {{ {', '.join(native)} }} = Math;"] if native else []
        parts = [known[name][0] for name in known if name in needed]
        return [*head, *parts, *self.own.values()]


class Script:
    """Writes the expressions of one rule.

    Args:
        functions: of the module.
        owner: the name of the rule, for messages.
        known: what the names in a formula stand for; None where they are names of the module already.
        row: the variable with the number of the row, where operations that have no value are to be refused; else they
            give inf or nan, as IEEE 754 has it.
    """

    def __init__(
        self, functions: Functions, owner: str, known: Mapping[str, Any] | None = None, row: str | None = None
    ) -> None:
        self.functions, self.owner, self.known, self.row = functions, owner, known, row

    def text(self, tree: ast.AST) -> str:
        """Return an expression as text."""
        return self.written(tree)[0]

    def called(self, name: str) -> str:
        """Return the name of a function in the module."""
        if self.known is None:
            return name
        return self.functions.called(self.owner, name, self.known[name])

    def bound(self, tree: ast.AST, strength: int) -> str:
        """Return an expression, in brackets if its operator is weaker."""
        text, own = self.written(tree)
        return text if own >= strength else f"({text})"

    def written(self, tree: ast.AST) -> tuple[str, int]:
        """Return an expression, with the strength of its operator."""
        method: Callable[[Any], tuple[str, int]] = getattr(self, f"_{type(tree).__name__.lower()}")
        return method(tree)

    def _constant(self, node: ast.Constant) -> tuple[str, int]:
        return number(node.value), _ATOM

    def _name(self, node: ast.Name) -> tuple[str, int]:
        thing = self.known.get(node.id) if self.known else None
        if isinstance(thing, int | float):
            return number(thing), _ATOM if thing >= 0 else _UNARY
        return {"inf": "Infinity", "nan": "NaN"}.get(node.id, node.id), _ATOM

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Not):
            return f"!{self.condition(node.operand, _UNARY)}", _UNARY
        operand, own = self.written(node.operand)
        if own < _UNARY or own == _POWER:  # which JavaScript refuses without brackets
            operand = f"({operand})"
        if isinstance(node.op, ast.UAdd):
            return operand, _UNARY
        return f"-{f'({operand})' if operand.startswith('-') else operand}", _UNARY

    def _binop(self, node: ast.BinOp) -> tuple[str, int]:
        left, right = node.left, node.right
        if is_sequence(left) or is_sequence(right):
            return self._lists(node)
        match node.op:
            case ast.Pow():
                return self.raised(left, right)
            case ast.Mod() | ast.FloorDiv():
                return self.divided("modulo" if isinstance(node.op, ast.Mod) else "floorDivide", left, right), _ATOM
            case ast.Div() if self.row and not (isinstance(right, ast.Constant) and right.value):
                return self.divided("quotient", left, right), _ATOM
        sign, strength = _OPERATORS[type(node.op)]
        return f"{self.bound(left, strength)} {sign} {self.bound(right, strength + 1)}", strength

    def _lists(self, node: ast.BinOp) -> tuple[str, int]:
        """Write lists that are joined, or repeated."""
        if isinstance(node.op, ast.Add):
            return f"[...{self.text(node.left)}, ...{self.text(node.right)}]", _ATOM
        elements, times = (node.left, node.right) if is_sequence(node.left) else (node.right, node.left)
        return f"repeat({self.text(elements)}, {self.text(times)})", _ATOM

    def raised(self, base: ast.AST, exponent: ast.AST) -> tuple[str, int]:
        """Write a power; ``**`` differs from IEEE 754 where a base of 1 has no number as exponent."""
        if self.row:
            return f"raised({self.row}, {self.text(base)}, {self.text(exponent)})", _ATOM
        if isinstance(exponent, ast.Constant):
            return f"{self.bound(base, _ATOM)} ** {self.text(exponent)}", _POWER
        return f"power({self.text(base)}, {self.text(exponent)})", _ATOM

    def divided(self, function: str, left: ast.AST, right: ast.AST) -> str:
        """Write a division, which may be by 0."""
        row = f"{self.row}, {function}, " if self.row else ""
        return f"{'divided' if row else function}({row}{self.text(left)}, {self.text(right)})"

    def condition(self, node: ast.AST, strength: int = 0) -> str:
        """Return an expression as a condition: any number but 0 is true, nan too; so is a truth that a function gives."""
        if isinstance(node, ast.BoolOp):
            text, own = self.joined(node)
            return text if own >= strength else f"({text})"
        if self.is_truth(node):
            return self.bound(node, strength)
        text = f"{self.bound(node, 4)} != 0"  # which takes a truth as a number
        return text if strength <= 3 else f"({text})"

    def is_truth(self, node: ast.AST) -> bool:
        """Tell whether an expression is true or false, and no number."""
        match node:
            case ast.Compare() | ast.UnaryOp(ast.Not()) | ast.Constant(bool()):
                return True
            case ast.BoolOp(_, parts):
                return all(map(self.is_truth, parts))
            case ast.Call():
                return self.text(node).startswith(("Number.is", "isInfinite("))
        return False

    def joined(self, node: ast.BoolOp) -> tuple[str, int]:
        """Return several conditions as one."""
        sign, strength = ("&&", 2) if isinstance(node.op, ast.And) else ("||", 1)
        return f" {sign} ".join(self.condition(part, strength + 1) for part in node.values), strength

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        parts = [f"{self.bound(a, 5)} {_OPERATORS[type(o)][0]} {self.bound(b, 5)}" for a, o, b in pairs]
        return " && ".join(parts), 4 if len(parts) == 1 else 2

    def _boolop(self, node: ast.BoolOp) -> tuple[str, int]:
        if self.is_truth(node):
            return self.joined(node)
        *parts, last = node.values  # the first one that decides, as a number
        text = self.text(last)
        for part in reversed(parts):
            chosen, other = (text, self.bound(part, 1)) if isinstance(node.op, ast.And) else (self.bound(part, 1), text)
            text = f"{self.condition(part, 1)} ? {f'({chosen})' if '?' in chosen else chosen} : {other}"
        return text, 0

    def _ifexp(self, node: ast.IfExp) -> tuple[str, int]:
        return f"{self.condition(node.test, 1)} ? {self.bound(node.body, 1)} : {self.text(node.orelse)}", 0

    def _list(self, node: ast.List | ast.Tuple) -> tuple[str, int]:
        return f"[{', '.join(map(self.text, node.elts))}]", _ATOM

    _tuple = _list

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        return f"{self.bound(node.value, _ATOM)}[{self.text(node.slice)}]", _ATOM

    def _call(self, node: ast.Call) -> tuple[str, int]:
        name, arguments = node.func.id, node.args  # type: ignore[attr-defined]  # a formula calls names
        if name == "len":
            return f"{self.bound(arguments[0], _ATOM)}.length", _ATOM
        called = self.called(name)
        if called == "log" and len(arguments) == 2:
            called = "logBase"
        if called == "power":
            return self.raised(*arguments)
        if called == "map":
            mapped, *rows = arguments
            return self.mapped(self.called(self.text(mapped)), list(map(self.text, rows)))
        if called == "sum" and isinstance(arguments[0], ast.Call) and self.text(arguments[0]).startswith("map(mul, "):
            products = [*arguments[0].args[1:], *arguments[1:]]
            return f"dot({', '.join(map(self.text, products))})", _ATOM
        texts = [self.text(argument) for argument in arguments]
        if called == "real" and isinstance(arguments[0], ast.Call) and not self.is_truth(arguments[0]):
            return self.written(arguments[0])  # which returns no truth
        safe = called in SAFE or "." in called
        if self.row and not safe and name != "refuse":
            return f"sure({', '.join([self.row, called, *texts])})", _ATOM
        return f"{called}({', '.join(texts)})", _ATOM

    def mapped(self, function: str, rows: Sequence[str]) -> tuple[str, int]:
        """Write the list of what a function gives for the elements of others."""
        return f"map({', '.join([function, *rows])})", _ATOM

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> tuple[str, int]:
        text = self.text(node.elt)
        for number, generator in enumerate(reversed(node.generators)):
            variable = self.text(generator.target)
            items = self.bound(generator.iter, _ATOM)
            for test in generator.ifs:
                items += f".filter(({variable}) => {self.condition(test)})"
            text = f"{items}.{'flatMap' if number else 'map'}(({variable}) => {text})"
        return text, _ATOM

    _generatorexp = _listcomp


def number(value: Any) -> str:
    """Return a number as JavaScript writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    value = float(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(value).removesuffix(".0")


def refusal(rule: Rule, condition: str, operands: Mapping[str, str]) -> str:
    """Return a line that refuses operands outside of a rule's domain; nan flows, but for a division by 0."""
    assert rule.domain is not None
    if (
        len(operands) > 1
        and not isinstance(rule.formula.tree, ast.BinOp)
        or isinstance(getattr(rule.formula.tree, "op", None), ast.Pow)
    ):
        condition = f"({condition}) && ![{', '.join(operands.values())}].some(Number.isNaN)"
    given = "".join(f", {json.dumps(name)}, {text}" for name, text in operands.items())
    return f"if ({condition}) refuse(n, {json.dumps(f'{rule.formula.text} needs {rule.domain.text}')}{given});"


def loop_over_rows(lines: Sequence[str]) -> list[str]:
    """Return lines for each row."""
    return ["for (let n = 0; n < rows.length; n++) {", "  const row = rows[n];", *(f"  {line}" for line in lines), "}"]


def block(head: str, lines: Sequence[str]) -> str:
    """Return a function."""
    return "\n".join([f"{head} {{", *(f"  {line}" for line in lines), "}"])


def is_sure(rule: Rule) -> bool:
    """Tell whether a rule has a value wherever its domain says so: one of the library, and not a sum of infinities."""
    own = rule.function.__module__.startswith("microgrannd.")
    return own and not (rule.domain is None and rule.formula.functions & {"log", "fsum"})
