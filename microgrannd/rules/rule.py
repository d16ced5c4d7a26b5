"""What a rule is: a formula and its partial derivatives, attached to a function."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import import_module
from keyword import iskeyword
from operator import attrgetter
from pickle import PicklingError
from typing import Any, ClassVar, Self, TypeVar

from . import ieee
from .formula import FUNCTIONS, Formula, FormulaError

F = TypeVar("F", bound=Callable[..., Any])


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Rule:
    """An operation: what it computes, and its derivative by each operand.

    Attributes:
        function: that was decorated; its parameters are the operands, in order, perhaps under other names.
        formula: the value, a formula of the operands.
        partials: for each operand, in order, the derivative: a formula of the operands and the result ``y``.
            That of a sequence is a list, one derivative for each element.
        domain: the condition under which the formula has a value, or None where it always has one.
        symbol: what a picture shows.
        functions: the names that the formulas may use.
        sequences: the operands that are sequences (of ``sum`` and its like).
        written: how mathematics writes what a line computes in another form for the sake of floats: the value by ``y``,
            a partial by its operand. It is only read.
        told: whether its formulas say something to a reader, and not only call what was made of others.
    """

    function: Callable[..., Any]
    formula: Formula
    partials: Mapping[str, Formula]
    domain: Formula | None
    symbol: str
    functions: Mapping[str, Any]
    sequences: frozenset[str]
    written: Mapping[str, Formula] = field(default_factory=dict)
    told: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__

    @property
    def operands(self) -> tuple[str, ...]:
        """The operands' names, in order."""
        return tuple(self.partials)

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The function's parameters, as many as there are operands."""
        return inspect.signature(self.function).parameters

    @cached_property
    def compute(self) -> Callable[..., Any]:
        """The formula as a function of floats (and lists of them, for sequences)."""
        return self.formula.function(self.operands, self.functions)

    @cached_property
    def inside(self) -> Callable[..., bool]:
        """Whether operands are in the domain."""
        if self.domain is None:
            return lambda *operands: True
        return self.domain.ieee_function(self.operands, ieee.functions(self._used_by(self.domain)))

    @cached_property
    def saturated(self) -> Callable[..., Any]:
        """The formula as a function of floats that gives inf or -inf where a result is too large for a float."""
        return self.formula.ieee_function(self.operands, ieee.saturating(self._used_by(self.formula)))

    @cached_property
    def ieee_value(self) -> Callable[..., Any]:
        """The formula as a function of floats that gives inf or nan and never raises."""
        return self.formula.ieee_function(self.operands, ieee.functions(self._used_by(self.formula)))

    @cached_property
    def ieee_partials(self) -> list[Callable[..., Any]]:
        """The partials as functions of the operands' floats and y that give inf or nan and never raise."""
        names = (*self.operands, "y")
        functions = ieee.functions(self._used_by(*self.partials.values()))
        return [partial.ieee_function(names, functions) for partial in self.partials.values()]

    @property
    def used(self) -> dict[str, Any]:
        """Those of the functions and constants that the formulas use."""
        return self._used_by(self.formula, *self.partials.values(), *([self.domain] if self.domain else []))

    def _used_by(self, *formulas: Formula) -> dict[str, Any]:
        return {name: self.functions[name] for formula in formulas for name in formula.functions}

    def kept(self, make: Callable[..., T], *arguments: Any) -> T:
        """What a function makes of this rule and further arguments: made once, it goes when the rule goes."""
        made: dict[Any, T] = vars(self).setdefault("_made", {})
        key = make, *arguments
        if key not in made:
            made[key] = make(self, *arguments)
        return made[key]

    @property
    def wide(self) -> bool:
        """Whether the operation takes a sequence, or more operands than a node has slots for."""
        return bool(self.sequences) or len(self.partials) > 2

    @property
    def equations(self) -> list[str]:
        """The formula and the partials, as equations of the result y."""
        return [f"y = {self.formula.text}", *(f"dy/d{name} = {p.text}" for name, p in self.partials.items())]

    def describe(self, operands: Mapping[str, str] | None = None) -> str:
        """Return a docstring: what it is, its formula and partials, its operands if they are given, and its domain."""
        lines = [inspect.getdoc(self.function) or "", "", *self.equations]
        if operands:
            lines += ["", "Args:", *(f"    {name}: {what}" for name, what in operands.items())]
        if self.domain:
            lines += [
                "",
                "Raises:",
                f"    ValueError: (ZeroDivisionError where Python does) unless {self.domain.text}.",
            ]
        return "\n".join(lines).strip()

    def __reduce__(self) -> tuple[Any, ...]:
        path = self.function.__module__, self.function.__qualname__
        try:
            found = _of(*path) is self
        except (AttributeError, ImportError):
            found = False
        if not found:
            raise PicklingError(f"the rule of {'.'.join(path)} cannot be pickled: it is not found under that name")
        return _of, path

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # as functions are

    def __repr__(self) -> str:
        partials = ", ".join(f"d{operand}={partial.text!r}" for operand, partial in self.partials.items())
        return f"rule({self.formula.text!r}, {partials})"


def _of(module: str, name: str) -> Any:
    """The rule of a function, for pickle, which takes functions by name."""
    return attrgetter(name)(import_module(module)).__rule__


def rule(
    formula: str,
    *,
    domain: str | None = None,
    symbol: str | None = None,
    names: Mapping[str, Any] | None = None,
    sequences: Iterable[str] = (),
    written: Mapping[str, str] | None = None,
    **partials: str,
) -> Callable[[F], F]:
    """Attach a `Rule` to a function, whose parameters become the operands; see `microgrannd.rule` for the arguments.

    A partial may call the operation itself by its name: the slope of sigmoid(x) is sigmoid(x) * sigmoid(-x).
    """
    operands = {keyword.removeprefix("d"): partial for keyword, partial in partials.items()}
    functions = {**FUNCTIONS, **(names or {})}
    for keyword, operand in zip(partials, operands, strict=True):
        if not keyword.startswith("d") or not _is_name(operand):
            raise FormulaError(f"{formula!r}: a partial is named d and then its operand, as dx; got {keyword}=")
    if not operands:
        raise FormulaError(f"{formula!r} needs a partial derivative for each operand, as dx=...; got none")
    for name in names or {}:
        if not _is_name(name) or name == "y" or name in operands:
            raise FormulaError(f"{formula!r}: names= cannot hold {name!r}")
    if symbol is not None and not (type(symbol) is str and symbol.isprintable()):
        raise FormulaError(f"{formula!r}: symbol needs to be printable text, got {symbol!r}")
    if strange := set(sequences) - operands.keys():
        raise FormulaError(f"{formula!r}: sequences names no operand: {', '.join(sorted(strange))}")
    if strange := set(written or {}) - {*operands, "y"}:
        raise FormulaError(f"{formula!r}: written names no operand, nor y: {', '.join(sorted(map(str, strange)))}")

    def attach(function: F) -> F:
        parameters = inspect.signature(function).parameters
        if len(parameters) != len(operands):
            given = f"{function.__name__}({', '.join(parameters)})"
            raise FormulaError(f"{given} needs as many partials as parameters, got {', '.join(partials)}")
        for name, parameter in parameters.items():
            if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or not _is_name(name):
                raise FormulaError(f"{function.__name__}: an operand cannot be the parameter {str(parameter)!r}")
        if "y" in {*operands, *parameters}:
            raise FormulaError(f"{formula!r}: y is the result; give the operand another name")
        for name, operand in zip(parameters, operands, strict=True):
            if name != operand and not {name, operand}.isdisjoint(operands.keys() & parameters.keys()):
                raise FormulaError(f"{formula!r}: d{operand}= stands where the parameter {name} is")
        if not function.__name__.isprintable():
            raise FormulaError(f"{formula!r}: the function's name needs to be printable, got {function.__name__!r}")
        condition = None if domain is None else Formula(domain, operands, functions)
        if condition is not None and not _is_condition(condition.tree):
            raise FormulaError(f"{domain!r}: a domain is a condition, as x > 0 is")
        name = function.__name__.strip("_")
        known = {name: function, **functions}
        derivatives = {
            operand: Formula(text, [*operands, "y"], known if f"{name}(" in text else functions)
            for operand, text in operands.items()
        }
        recursive = name not in functions and any(name in slope.functions for slope in derivatives.values())
        own = Rule(
            function=function,
            formula=Formula(formula, operands, functions, sequences),
            partials=derivatives,
            domain=condition,
            symbol=symbol or function.__name__,
            functions=known if recursive else functions,
            sequences=frozenset(sequences),
            written={by: Formula(text, [*operands, "y"], functions, sequences) for by, text in (written or {}).items()},
        )
        function.__rule__ = own  # type: ignore[attr-defined]  # functions take attributes
        if recursive:
            known[name] = partial(_value, own)
            known[name].__rule__ = own  # so that it is known on Values too
        return function

    return attach


def _value(rule: Rule, *floats: Any) -> Any:
    return rule.compute(*floats)


def _is_condition(tree: ast.expr) -> bool:
    match tree:
        case ast.BoolOp(_, parts):
            return all(map(_is_condition, parts))
        case ast.UnaryOp(ast.Not(), operand):
            return _is_condition(operand)
        case ast.Call(ast.Name(name)):
            return name.startswith("is") or name not in FUNCTIONS
    return isinstance(tree, ast.Compare)


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text) and not text.startswith("_")


def plain(function: Callable[..., Any]) -> Callable[..., float]:
    """The formula of a function's rule, on floats: so that a further rule can use it by name."""
    own: Rule = function.__rule__  # type: ignore[attr-defined]  # rule() set it
    on_floats = own.formula.function(own.operands, own.functions)
    on_floats.__rule__ = own  # type: ignore[attr-defined]  # so that it is known on Values too
    return on_floats


def constant() -> None:
    """A number among the operands, where it has to be a node."""


def detached() -> None:
    """A result without a graph: recorded inside of no_grad, detached, copied or unpickled."""


CONSTANT, DETACHED = (
    Rule(function, Formula("0", (), {}), {}, None, "", {}, frozenset()) for function in (constant, detached)
)
