"""How far rounding can have moved a result: a running bound, carried through the formulas and through a graph.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3, running error analysis.
"""

from __future__ import annotations

from ast import NodeTransformer
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .._trees import mapped
from ..engine.graph import Edge, arguments, edges, number
from ..engine.value import Value
from ..rules.ieee import ERRORS
from ..rules.rule import Rule
from .exact import Typed, bits, has_steps, mp, names_of
from .rounded import STRUCTURAL, Rounded, as_rounded, chances_in, lifted


def rounding_errors(rule: Rule, arguments: Sequence[Any], by: str | None = None, exact: bool = False) -> list[Any]:
    """Bounds on the error of a rule's formula, in units of the last place of 1.

    Args:
        rule: whose formula.
        arguments: for each operand a `Rounded` number, or a list of them; for a partial also one for the result.
        by: the operand of a partial; None for the value.
        exact: the numbers are mpmath's, which have no least and no largest; so is the bound.

    Returns:
        One bound; of a formula whose result is a list, one for each element. None where the formula raises.
    """
    try:
        result = rule.kept(_on_exact if exact else _on_floats, by)(*arguments)
    except (*ERRORS, TypeError):
        return []
    return [as_rounded(x).error for x in (result if isinstance(result, list) else [result])]


def _on_floats(rule: Rule, by: str | None) -> Callable[..., Any]:
    return _on_rounded(rule, by, rule.used, _on_floats)


def _on_exact(rule: Rule, by: str | None) -> Callable[..., Any]:
    names = names_of(rule.formula if by is None else rule.partials[by], rule, mp.mpf)
    assert names is not None  # the caller knows that there is an exact form
    names["_number"] = lambda constant: Rounded(mp.mpf(constant))  # so that the arithmetic of constants counts too
    return _on_rounded(rule, by, names, _on_exact, Typed())


def _domain_on_exact(rule: Rule) -> Callable[..., Any]:
    assert rule.domain is not None  # the caller looked
    names = names_of(rule.domain, rule, mp.mpf)
    assert names is not None  # there is an exact form
    used = {
        name: lifted(thing) if callable(thing) and name not in STRUCTURAL else thing for name, thing in names.items()
    }
    return rule.domain.function(rule.operands, used, Typed())


def _on_rounded(
    rule: Rule,
    by: str | None,
    functions: Mapping[str, Any],
    inner: Callable[..., Any],
    rewrite: NodeTransformer | None = None,
) -> Callable[..., Any]:
    names = {
        name: lifted(thing) if callable(thing) and name not in STRUCTURAL else thing
        for name, thing in functions.items()
    }
    formula = rule.formula if by is None else rule.partials[by]
    used = {name: getattr(rule.functions[name], "__rule__", None) for name in formula.functions}
    names |= {name: own.kept(inner, None) for name, own in used.items() if own}  # a rule's formula, with its own errors
    return formula.function(rule.operands if by is None else (*rule.operands, "y"), names, rewrite)


def has_ties(rule: Rule, floats: Sequence[Any]) -> bool:
    """Whether a rule's formula compares numbers that are equal, at these operands."""
    with bits(3000 if has_steps(rule) else 256):
        operands = rounded(floats, True)
        return bool(chances_in(lambda: rounding_errors(rule, operands, exact=True)))


def rounded(floats: Sequence[Any], exact: bool) -> list[Any]:
    """The operands of a rule without errors: floats or exact numbers."""
    found: list[Any] = mapped(lambda x: Rounded(_typed(x, exact)), list(floats))
    return found


def running_errors(order: Iterable[Value], exact: bool = False, chances: set[Value] | None = None) -> dict[Value, Any]:
    """A bound on the rounding error of each node, those of its operands included as far as they come before it.

    Args:
        order: nodes, operands before results.
        exact: see `rounding_errors`.
        chances: takes the nodes in whose formula or domain rounding may have turned a comparison round.
    """
    errors: dict[Value, Any] = {}

    def add(node: Value) -> None:
        rule = node._rule
        if rule is None or not rule.partials:
            errors[node] = 0.0
            return
        operands = _operands(node, errors, exact)
        errors[node] = max(rounding_errors(rule, operands, exact=exact), default=abs(node.data))
        if exact and rule.domain:
            rule.kept(_domain_on_exact)(*operands)

    for node in order:
        if any(chances_in(partial(add, node))) and chances is not None:
            chances.add(node)
    return errors


def partial_errors(node: Value, errors: Mapping[Value, Any], exact: bool = False) -> Iterator[tuple[Edge, Any]]:
    """The edges of a node, each with a bound on the rounding error of its partial."""
    found: dict[str, list[Any]] = {}
    for edge in edges(node):
        assert node._rule is not None  # it has edges
        if edge.operand not in found:
            y = Rounded(_typed(node.data, exact), errors.get(node, abs(node.data)))
            operands = [*_operands(node, errors, exact), y]
            found[edge.operand] = rounding_errors(node._rule, operands, edge.operand, exact)
        yield edge, found[edge.operand][edge.position] if found[edge.operand] else abs(edge.partial)


def gradient_errors(order: Sequence[Value], errors: Mapping[Value, Any], exact: bool = False) -> dict[Value, Any]:
    """Bounds on the rounding errors of the gradients that a backward pass has left in the nodes."""
    bounds: dict[Value, Any] = dict.fromkeys(order, 0.0)
    for node in reversed(order):
        for edge, error in partial_errors(node, errors, exact):
            bounds[edge.value] += abs(edge.partial) * bounds[node] + abs(node.grad) * (error + abs(edge.partial))
    return bounds


def _operands(node: Value, errors: Mapping[Any, Any], exact: bool = False) -> list[Any]:
    return arguments(node, lambda operand: Rounded(_typed(number(operand), exact), errors.get(operand, 0.0)))


def _typed(x: float, exact: bool) -> Any:
    if not exact:
        return x
    return mp.mpf(x)
