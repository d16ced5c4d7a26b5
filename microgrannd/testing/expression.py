"""Operations as expressions use them, and expressions of them, whose repr is Python that can be pasted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from string import ascii_lowercase
from typing import Any

from .._text import described
from .._trees import mapped
from ..compiler.tape import Ref
from ..engine import functions
from ..rules.formula import FUNCTIONS
from ..rules.rule import Rule
from ..rules.table import TABLE


@dataclass(frozen=True)
class Operation:
    """A rule as an expression uses it.

    Attributes:
        rule: its formula says where it has a derivative.
        call: records it.
        text: writes it in Python, given the operands' text.
    """

    rule: Rule
    call: Callable[..., Any]
    text: Callable[..., str]

    @classmethod
    def of(cls, function: Any) -> Operation:
        """That of a function of the library, of an operator's method of Value, or of one's own that `mg.rule` made."""
        rule = getattr(function, "__rule__", None)
        if not isinstance(rule, Rule):
            raise TypeError(
                f"an operation is a function made by mg.rule or one of the library's, got {described(function)}"
            )
        if TABLE.get(rule.name) is not rule:
            return cls(rule, function, _call_of(rule.name))
        if not rule.name.startswith("__"):
            return cls(rule, getattr(functions, rule.name), _call_of(f"mg.{rule.name}"))
        operator = rule.formula.function(rule.operands, FUNCTIONS)
        return cls(rule, operator, lambda *texts: rule.formula.source(dict(zip(rule.operands, texts, strict=True))))


def _call_of(name: str) -> Callable[..., str]:
    return lambda *texts: f"{name}({', '.join(texts)})"


#: The library's, the simplest first.
OPERATIONS = [Operation.of(rule.function) for rule in TABLE.values()]


class Expression:
    """A function made of operations; its repr is Python that can be pasted.

    Attributes:
        inputs: the numbers at which to call it, with a derivative there.
        steps: operations with their operands: refs, first to the inputs and then to the results of the steps; numbers,
            which are constants; lists, which are sequences of both.

    Called with as many Values or numbers, it computes.
    """

    def __init__(self, inputs: list[float], steps: list[tuple[Operation, list[Any]]]) -> None:
        self.inputs, self.steps = inputs, steps
        names = [Parameter(_name(position), Parameter.POSITIONAL_ONLY) for position in range(len(inputs))]
        self.__signature__ = Signature(names)  # from which gradcheck takes what to call them

    def __call__(self, *inputs: Any) -> Any:
        """The result of the last step."""
        results = list(inputs)
        for operation, operands in self.steps:
            results.append(operation.call(*mapped(lambda o: results[o.index] if isinstance(o, Ref) else o, operands)))
        return results[-1]

    def __repr__(self) -> str:
        count = len(self.inputs)
        names = [_name(position) for position in range(count + len(self.steps))]
        lines = [f"{name} = mg.Value({x!r})" for name, x in zip(names, self.inputs, strict=False)]
        for name, (operation, operands) in zip(names[count:], self.steps, strict=True):
            lines.append(f"{name} = {operation.text(*(_text(operand, names) for operand in operands))}")
        return "\n".join(lines)


def _name(position: int) -> str:
    return ascii_lowercase[position] if position < len(ascii_lowercase) else f"v{position}"


def _text(operand: Any, names: Sequence[str]) -> str:
    if isinstance(operand, list):
        return f"[{', '.join(_text(part, names) for part in operand)}]"
    return names[operand.index] if isinstance(operand, Ref) else repr(operand)
