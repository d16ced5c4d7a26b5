"""Programs in plain Python: the lines as one function, or for a large program as several that hand their names on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import repeat
from operator import add, truediv
from typing import Any

from .emission import Body, Emitter, Line
from .generated import generated
from .tape import Tape
from .writing import Writer

#: Lines in a function, at most: what CPython's compiler takes grows faster than they do.
MOST = 10_000

#: What programs use besides what their rules use.
_BUILTINS = {"list": list, "map": map, "range": range, "sum": sum, "zip": zip, "ValueError": ValueError}


class Plain:
    """Runs a tape as Python.

    Attributes:
        emitter: names and forms.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.emitter = Emitter(tape)

    @cached_property
    def order(self) -> list[int]:
        """The parameters in the order in which the programs take them and give their gradients: their numbers."""
        return [ref.index - self.tape.inputs for ref in self.emitter.order]

    @cached_property
    def sources(self) -> dict[str, str]:
        """The source of each program."""
        bodies = {"forward": Writer(self.emitter).forward()}
        if len(self.tape.outputs) == 1:
            bodies["backward"] = Writer(self.emitter).backward()
        return {name: "\n\n".join(functions_of(name, body)) for name, body in bodies.items()}

    @cached_property
    def forward(self) -> Callable[[Any, Any], list[Any]]:
        """Of checked rows and parameters, the outputs of each row: a float, or a tuple."""
        return self._compiled("forward", Writer(self.emitter).forward())

    @cached_property
    def backward(self) -> Callable[[Any, Any], tuple[float, Any]]:
        """Of checked rows and parameters, the sum of the output over the rows, and its gradients."""
        return self._compiled("backward", Writer(self.emitter).backward())

    def _compiled(self, name: str, body: Body) -> Callable[..., Any]:
        source = "\n\n".join(functions_of(name, body))
        return generated(name, source, {**_BUILTINS, **self.emitter.functions})

    def takes(self, rows: Any) -> bool:  # noqa: ARG002
        """Whether rows need no check."""
        return False

    def rows(self, rows: Any) -> Any:
        """Checked rows in the form that the programs take."""
        return rows

    def numbers(self, data: Sequence[float]) -> Any:
        """Parameters in the form that the programs take."""
        return data

    def added(self, gradients: Any, others: Any) -> Any:
        """The sum of two rows of gradients."""
        return list(map(add, gradients, others))

    def shares(self, gradients: Any, count: int) -> Iterable[float]:
        """The gradients, each divided by the number of rows."""
        return map(truediv, gradients, repeat(count))


def functions_of(name: str, body: Body) -> list[str]:
    """The source of a program: its main function last, before it the functions of its parts if there are any."""
    if len(body.before) + len(body.row) + len(body.after) <= MOST:
        lines = [
            f"def {name}(rows, parameters):",
            *(f"    {line.text}" for line in body.before),
            "    for row in rows:",
            *(f"        {line.text}" for line in body.row),
            *(f"    {line.text}" for line in body.after),
            f"    return {', '.join(body.result)}",
        ]
        return ["\n".join(lines)]
    return _in_parts(name, body)


def _in_parts(name: str, body: Body) -> list[str]:
    """Functions of a list v that holds every name that more than one of them uses."""
    sections = [_cut(section) for section in (body.before, body.row, body.after)]
    parts = [part for section in sections for part in section]
    wanted = [_wanted(part) for part in parts]
    shared = {
        name: place for place, name in enumerate(dict.fromkeys(n for names in [*wanted, body.result] for n in names))
    }
    shared.setdefault("row", len(shared))
    shared.setdefault("parameters", len(shared))
    sources, calls = [], []
    for number, (part, names) in enumerate(zip(parts, wanted, strict=True)):
        given = dict.fromkeys(target for line in part for target in line.targets if target in shared)
        lines = [
            f"def {name}_{number}(v):",
            *(f"    {n} = v[{shared[n]}]" for n in names),
            *(f"    {line.text}" for line in part),
            *(f"    v[{shared[n]}] = {n}" for n in given),
        ]
        sources.append("\n".join(lines))
        calls.append(f"{name}_{number}(v)")
    first, last = len(sections[0]), len(sections[0]) + len(sections[1])
    main = [
        f"def {name}(rows, parameters):",
        f"    v = [None] * {len(shared)}",
        f"    v[{shared['parameters']}] = parameters",
        *(f"    {call}" for call in calls[:first]),
        f"    for v[{shared['row']}] in rows:",
        *(f"        {call}" for call in calls[first:last]),
        *(f"    {call}" for call in calls[last:]),
        f"    return {', '.join(f'v[{shared[n]}]' for n in body.result)}",
    ]
    return [*sources, "\n".join(main)]


def _cut(lines: Sequence[Line]) -> list[Sequence[Line]]:
    return [lines[first : first + MOST] for first in range(0, len(lines), MOST)]


def _wanted(part: Sequence[Line]) -> list[str]:
    """The names that a part reads before it assigns them."""
    own: set[str] = set()
    wanted: dict[str, None] = {}
    for line in part:
        wanted.update((name, None) for name in line.uses if name not in own)
        own.update(line.targets)
    return list(wanted)
