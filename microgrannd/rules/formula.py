"""What a formula is: one line of arithmetic, checked once and then written wherever it is needed.

A formula is Python's own syntax cut down to a short list, so that every reader can do something with it:
run it on floats, run it on Values, paste it into generated source under other names, or print it.
"""

from __future__ import annotations

import ast
import builtins
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Set
from keyword import iskeyword
from typing import Any

from .._text import described
from . import ieee


def real_result(result: Any) -> float:
    """A formula's result as a float, where its form does not guarantee one.

    Raises:
        ValueError: it is complex, as a negative number to a broken power.
    """
    if isinstance(result, complex):
        raise ValueError("no real value")
    try:
        return float(result)
    except TypeError:
        raise ValueError(f"the formula gives no number but {described(result)}") from None


Function = Callable[..., Any]


#: Characters of a formula, at most: Python's own parser recurses too, in a browser on a small stack.
LONGEST = 2000

#: Levels of brackets and terms in a formula, at most: those who read it recurse.
DEEPEST = 100


_TOO_LARGE = 2**1024  # for a float


#: The functions and constants that every formula may use.
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(math, name) for name in dir(math) if not name.startswith("_")},
    **{name: getattr(builtins, name) for name in ("abs", "len", "map", "max", "min", "sum", "zip")},
    "mul": operator.mul,
}


#: Those of them that do not return a float, given floats.
_NOT_FLOAT = {
    "ceil",
    "comb",
    "factorial",
    "floor",
    "frexp",
    "gcd",
    "isqrt",
    "lcm",
    "len",
    "map",
    "modf",
    "perm",
    "prod",
    "sum",
    "trunc",
    "zip",
}


_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Call,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.FloorDiv, ast.Pow, ast.UnaryOp, ast.USub, ast.UAdd,
    ast.IfExp, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.BoolOp, ast.And, ast.Or, ast.Not,
    ast.List, ast.ListComp, ast.GeneratorExp, ast.comprehension, ast.Tuple,
)  # fmt: skip


class FormulaError(ValueError):
    """A formula that is no formula: it says which, and what is wrong with it."""


class Formula:
    """One checked expression.

    Args:
        text: the expression, for example ``"1 - y * y"``.
        variables: the names that stand for operands (and for the result, ``y``, in a partial).
        functions: the functions and constants it may use.
        sequences: those of the variables that are sequences.

    Raises:
        FormulaError: the text is not a Python expression, uses syntax that is not on the list, or a name that is not
            known where it stands.
    """

    def __init__(
        self, text: str, variables: Iterable[str], functions: Mapping[str, Any], sequences: Iterable[str] = ()
    ) -> None:
        if len(text) > LONGEST:
            raise FormulaError(f"{text[:40]!r}...: a formula has at most {LONGEST:,} characters, got {len(text):,}")
        self.text = text
        self.variables = frozenset(variables)
        try:
            self._tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
            raise FormulaError(f"{text!r:.200} is not a formula: {getattr(error, 'msg', error)}") from None
        self._check(functions)
        #: The functions and constants that it uses.
        self.functions = frozenset(n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name)) & functions.keys()
        #: Whether it is sure to be a float, of floats: not an int, a bool or a complex number.
        self.is_float = is_float(self._tree.body, not_float(functions) - self.variables | set(sequences))

    def _check(self, functions: Mapping[str, Any]) -> None:
        level: list[ast.AST] = [self._tree]
        for _ in range(DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise FormulaError(f"{self.text[:40]!r}...: a formula has at most {DEEPEST} levels of brackets or terms")
        for node in ast.walk(self._tree):
            if not isinstance(node, _ALLOWED) or isinstance(node, ast.comprehension) and node.is_async:
                raise FormulaError(f"{self.text!r}: {type(node).__name__} is not allowed in a formula")
            if isinstance(node, ast.Name) and iskeyword(node.id):  # in full width
                raise FormulaError(f"{self.text!r}: {node.id} is no name")
            if isinstance(node, ast.Constant) and not _is_number(node.value):
                raise FormulaError(f"{self.text!r}: {node.value!r} is not a number that a float can hold")
        self._check_names(self._tree, functions, self.variables)

    def _check_names(self, node: ast.AST, functions: Mapping[str, Any], known: Set[str]) -> None:
        """Make sure that each name stands for something: a variable, known here as Python's own scopes have it, or a function."""
        inner = known
        match node:
            case ast.Name(name):
                if name not in known:
                    self._require_known(name, functions)
                    if callable(functions[name]):
                        raise FormulaError(f"{self.text!r}: {name} is a function, to be called")
            case ast.Call(ast.Name(name), arguments, []):
                called = [name]
                if name == "map" and arguments and isinstance(arguments[0], ast.Name):
                    called.append(arguments[0].id)
                for one in called:
                    if one not in known:
                        self._require_known(one, functions)
                    if one in known or not callable(functions[one]):
                        raise FormulaError(f"{self.text!r}: {one} is a number and cannot be called")
                for argument in arguments[len(called) - 1 :]:
                    self._check_names(argument, functions, known)
                return
            case ast.Call():
                raise FormulaError(f"{self.text!r}: a call is written name(operand, ...)")
            case ast.ListComp(element, generators) | ast.GeneratorExp(element, generators):
                for generator in generators:
                    self._check_names(generator.iter, functions, inner)
                    inner = inner | self._bound(generator.target, functions)
                    for condition in generator.ifs:
                        self._check_names(condition, functions, inner)
                self._check_names(element, functions, inner)
                return
        for child in ast.iter_child_nodes(node):
            self._check_names(child, functions, inner)

    def _require_known(self, name: str, functions: Mapping[str, Any]) -> None:
        if name not in functions:
            raise FormulaError(f"{self.text!r}: unknown name {name!r}; functions of one's own come with names={{...}}")

    def _bound(self, target: ast.expr, functions: Mapping[str, Any]) -> Set[str]:
        """The names that a comprehension binds."""
        names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
        for name in names:
            if name in functions or name.startswith("_"):
                raise FormulaError(
                    f"{self.text!r}: {name} cannot be bound here: it is a function's name, or begins with _"
                )
        return names

    def source(self, names: Mapping[str, str] | None = None) -> str:
        """The formula as Python source, its variables renamed, whole numbers as floats (faster among floats).

        >>> Formula("1 - y * y", ["x", "y"], FUNCTIONS).source({"y": "t7"})
        '1.0 - t7 * t7'
        """
        return ast.unparse(self.renamed(names or {}))

    def renamed(self, names: Mapping[str, str]) -> ast.expr:
        """Its syntax anew, its variables renamed, whole numbers as floats."""
        tree: ast.expr = _renamed(self._tree.body, names)
        return tree

    def function(
        self, parameters: Iterable[str], functions: Mapping[str, Any], rewrite: ast.NodeTransformer | None = None
    ) -> Function:
        """The formula as a function of floats, or of anything for which ``functions`` and the operators are defined.

        Args:
            parameters: of the function, in order.
            functions: what the names in it stand for, and those beginning with _ that the rewriting brings.
            rewrite: changes its syntax tree first.
        """
        tree = _renamed(self._tree, {})
        names = {name: thing for name, thing in functions.items() if name in self.functions or name.startswith("_")}
        return _lambda(parameters, ast.unparse(rewrite.visit(tree) if rewrite else tree), names)

    def ieee_function(self, parameters: Iterable[str], functions: Mapping[str, Any]) -> Function:
        """The same, but the operators of `ieee.OPERATORS` are the functions of those names among those given.

        With those of `ieee.functions` it is a function of floats that gives inf or nan where Python raises.
        """
        return self.function(parameters, functions, ieee.Rewrite())

    @property
    def tree(self) -> ast.expr:
        """Its syntax, to be read."""
        return self._tree.body

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"


def not_float(functions: Mapping[str, Any]) -> set[str]:
    """The names that may stand for something other than a float, or return it."""
    return _NOT_FLOAT | {name for name, function in functions.items() if FUNCTIONS.get(name) is not function}


def _is_number(thing: object) -> bool:
    return type(thing) is float or type(thing) is int and thing < _TOO_LARGE


def is_float(node: ast.expr, doubtful: Set[str]) -> bool:
    """Whether an expression is sure to be a float, where all names but the doubtful ones stand for floats."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(name):
            return name not in doubtful
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            return is_float(operand, doubtful)
        case ast.BinOp(left, ast.Pow(), ast.Constant(value)):
            return is_float(left, doubtful) and float(value).is_integer()  # type: ignore[arg-type]  # a number
        case ast.BinOp(left, operation, right):
            return not isinstance(operation, ast.Pow) and is_float(left, doubtful) and is_float(right, doubtful)
        case ast.IfExp(_, body, orelse):
            return is_float(body, doubtful) and is_float(orelse, doubtful)
        case ast.Call(ast.Name(name), arguments):
            inner = (part for argument in arguments for part in ast.walk(argument))  # max of truths is one
            truths = any(isinstance(part, ast.Compare | ast.BoolOp | ast.Not) for part in inner)
            return name not in doubtful and not name.startswith("is") and not truths
    return False


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A tree anew, its names exchanged and its numbers as floats."""
    if isinstance(node, ast.Name):
        return ast.Name(names.get(node.id, node.id), node.ctx)
    if isinstance(node, ast.Constant):
        return ast.Constant(float(node.value))  # type: ignore[arg-type]  # _check saw a number
    if isinstance(node, list):
        return [_renamed(part, names) for part in node]
    if not isinstance(node, ast.AST) or not node._fields:
        return node
    return type(node)(*(_renamed(getattr(node, field), names) for field in node._fields))


def _lambda(parameters: Iterable[str], source: str, functions: Mapping[str, Any]) -> Function:
    code = f"lambda {', '.join(parameters)}: {source}"
    function: Function = eval(code, {**functions, "__builtins__": {}})
    return function
