"""The sentences of errors: what was given, and what is needed."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .._text import described
from .formula import real_result
from .ieee import ERRORS
from .lookup import NoElement
from .rule import Rule


def outside(rule: Rule, floats: Sequence[Any]) -> None:
    """Raise for operands outside a rule's domain, as the plain formula does; nan flows through."""
    for number in floats:
        if any(map(math.isnan, number)) if isinstance(number, list) else math.isnan(number):
            return
    with suppress(OverflowError):  # what is too large has a value, but none here
        rule.compute(*floats)
    raise ValueError("no real value")


def saturated(rule: Rule, error: Exception, floats: Sequence[Any], values: Sequence[Any]) -> float:
    """Return the value of an operation whose formula raised an error: inf or -inf, if it is too large for a float.

    Raises:
        ValueError, ArithmeticError: the error is another one; the message names formula, domain and operands.
    """
    if isinstance(error, OverflowError) and rule.inside(*floats):
        try:
            return real_result(rule.saturated(*floats))
        except ERRORS as further:
            error = further
    raise _explained(rule, error, floats, values) from None


def _explained(rule: Rule, error: Exception, floats: Sequence[Any], values: Sequence[Any]) -> Exception:
    """The same kind of error in a form that names formula, domain and operands."""
    if rule.domain and not rule.inside(*floats):
        problem = f"needs {rule.domain.text}"
    elif isinstance(error, OverflowError):
        problem = "is too large for a float"
    else:
        problem = f"cannot be computed ({error})"
    if isinstance(error, NoElement):
        return NoElement(f"{rule.name} {error}{_label(values[-1])}")
    message = f"{rule.formula.text} {problem}, got {given(rule, floats, values)}"
    kinds = (ZeroDivisionError, OverflowError, ArithmeticError)
    return next((kind(message) for kind in kinds if isinstance(error, kind)), ValueError(message))


def given(rule: Rule, floats: Sequence[Any], values: Sequence[Any]) -> str:
    """The operands of a rule by name, with their labels."""
    return ", ".join(f"{name} = {_shown(*pair)}" for name, *pair in zip(rule.operands, floats, values, strict=True))


def foreign(rule: Rule, parameter: str, thing: Any, needed: str = "a Value or a real number") -> TypeError:
    """For an operand of another type."""
    many = hasattr(thing, "__iter__") and not isinstance(thing, str) and parameter.isidentifier()
    each = f": apply it to each, as [{rule.name}(x) for x in xs]" if many and not rule.sequences else ""
    return TypeError(f"{rule.name}() needs {needed} for {parameter}, got {described(thing)}{each}")


def uneven(rule: Rule, **lengths: int) -> ValueError:
    """For sequences that should be of one length."""
    found = " and ".join(f"{length} {name}" for name, length in lengths.items())
    return ValueError(f"{rule.name}() needs as many {' as '.join(lengths)}, got {found}")


def _shown(number: Any, value: Any) -> str:
    return reprlib.repr(number) + _label(value)


def _label(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 1:
        (value,) = value
    label = getattr(value, "label", "")
    return f" (label {reprlib.repr(label)})" if label else ""
