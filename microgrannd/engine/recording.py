"""Turns a rule into the function that records it: generated once, its formulas inlined, as `namedtuple` does.

A generic ``rule.forward(...)`` would cost about 40 % more a node. The generated source can be read: it is the
function's ``__source__``, and tracebacks show it.

A node stores one or two operands in the slots ``_a`` and ``_b``, their partials in ``_da`` and ``_db`` (None for
a number). A *wide* node (sequences, or more than two operands) stores in ``_a`` all its Values in one row, in
``_da`` as many partials, and in ``_b`` for each operand how many of the row are its own, or its numbers where it
has no Values; its ``_db`` is `WIDE`. Few objects a node: each costs the cyclic garbage collector time.
"""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import update_wrapper
from typing import Any

from ..rules.errors import foreign, outside, saturated, uneven
from ..rules.formula import real_result
from ..rules.generated import generated
from ..rules.ieee import ERRORS
from ..rules.rule import Rule

#: Where the stack is small (Pyodide's holds fewer than 3,000 frames and the freeing of a chain recurses), every node
#: at a depth that this divides is also held by a tuple that all nodes above it share up to the next: freeing stops
#: there and goes on from the tuple. Elsewhere CPython's own "trashcan" does that, and 0 says so: the tuples would
#: make the cyclic collector jump about in memory, at three times the cost.
STRIDE = 1024 if sys.platform in ("emscripten", "wasi") else 0


#: The slot for that tuple, where there is need of it.
TRAIL = ("_trail",) if STRIDE else ()


#: What marks a wide node, in its slot _db.
WIDE = "wide"


def recorder(
    rule: Rule, engine: Mapping[str, Any], *, method: bool = False, reflect: bool = False, quiet: bool = False
) -> Callable[..., Any]:
    """Generate the function that computes a rule and records it.

    Args:
        rule: what to record.
        engine: the names that the generated code takes from the engine (see operations.py).
        method: an operand is known to be a Value: the first, or where reversed the last.
        reflect: the operands come in reversed order, as in ``__rsub__``.
        quiet: where the formula raises, the value is inf or nan.
    """
    writer = (_Wide if rule.wide else _Narrow)(rule, method, reflect, quiet)
    source = "\n".join(writer.lines()) + "\n"
    names = {
        **rule.used, **engine, **writer.defaults, "_rule": rule, "_limits": _limits, "_ERRORS": ERRORS,
        "_WIDE": WIDE, "_real": real_result, "_saturated": saturated, "_outside": outside, "_foreign": foreign, "_uneven": uneven,
        "_type": type, "_float": float, "_max": max, "_len": len, "_NotImplemented": NotImplemented, "_TypeError": TypeError,
    }  # fmt: skip
    function = update_wrapper(generated("_record", source, names), rule.function)  # __rule__ comes along
    function.__doc__ = rule.describe()
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # functions take attributes
        [p.replace(name=name) for name, p in zip(writer.parameters, rule.parameters.values(), strict=True)]
    )
    function.__source__ = source  # type: ignore[attr-defined]
    return function


def _limits(rule: Rule, values: list[Any], floats: list[Any], y: float) -> list[Any]:
    """Return the partials of a rule where Python's arithmetic raised: inf, nan or the limit; None for numbers."""
    partials: list[Any] = [
        None if type(v) is float else f(*floats, y) for v, f in zip(values, rule.ieee_partials, strict=True)
    ]
    if not rule.wide:
        return partials
    rows = [(o in rule.sequences, row) for o, v, row in zip(rule.operands, values, partials, strict=True) if v]
    return [partial for many, row in rows for partial in (row if many else [row])]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


class _Writer(ABC):
    """Writes the lines that both kinds of node share, with names that do not clash.

    A parameter is the Value; the formula's variable is its float, under another name where the two are one.
    """

    targets: str  # what the partials are assigned to

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """Return the lines of the function."""

    @abstractmethod
    def partials(self) -> Iterator[str]:
        """Return the statements that store the partials."""

    def __init__(self, rule: Rule, method: bool, reflect: bool, quiet: bool) -> None:
        self.rule, self.method, self.quiet = rule, method, quiet
        # As a function, a method's self and other go by their names in the formula.
        named = zip(rule.parameters, rule.operands, strict=True)
        self.parameters = [o if p in ("self", "other") and not method else p for p, o in named]
        self.floats: list[str] = []
        for operand in rule.operands:
            self.floats.append(_free(operand, {*self.parameters, *rule.functions, *self.floats}))
        self.values = self.parameters
        rename = dict(zip(rule.operands, self.floats, strict=True))
        self.formula = rule.formula.source(rename)
        self.domain = rule.domain and rule.domain.source(rename)
        self.derivatives = [
            f"({source})" if partial.is_float or name in rule.sequences else f"_real({source})"
            for name, partial in rule.partials.items()
            for source in [partial.source(rename)]
        ]
        declared = zip(self.parameters, rule.parameters.values(), strict=True)
        defaults = {name: p.default for name, p in declared if p.default is not p.empty}
        self.defaults = {f"_default_{name}": default for name, default in defaults.items()}
        written = [f"{name}=_default_{name}" if name in defaults else name for name in self.parameters]
        self.header = f"def _record({', '.join(reversed(written) if reflect else written)}):"

    def value(self) -> Iterator[str]:
        yield "    try:"
        if self.domain:
            yield f"        if not ({self.domain}):"
            yield f"            _outside(_rule, [{', '.join(self.floats)}])"
        yield f"        y = {self.formula}"
        if not self.rule.formula.is_float:
            yield "        if _type(y) is not _float:"
            yield "            y = _real(y)"
        floats = f"[{', '.join(self.floats)}]"
        if self.quiet:
            yield "    except (*_ERRORS, _TypeError):"
            yield f"        y = _rule.ieee_value(*{floats})"
        else:
            yield "    except _ERRORS as _error:"
            yield f"        y = _saturated(_rule, _error, {floats}, [{', '.join(self.values)}])"

    def node(self) -> Iterator[str]:
        yield "    if _active:"
        yield "        _node = _new_here()"
        yield "        if _node is None:"
        yield "            return _detached(y)"
        yield "    else:"
        yield "        _node = _new()"
        yield "    _node.data = y"
        yield "    _node.grad = 0.0"
        yield "    _node.label = ''"
        yield "    _node._rule = _rule"
        yield "    _node._mark = None"
        yield "    try:"
        yield from (f"        {line}" for line in self.partials())
        yield "    except (*_ERRORS, _TypeError):"  # of a function of floats that was given a complex number
        yield f"        {self.targets} = _limits(_rule, [{', '.join(self.values)}], [{', '.join(self.floats)}], y)"


class _Narrow(_Writer):
    """Writes the function of a rule with one or two operands."""

    def __init__(self, rule: Rule, method: bool, reflect: bool, quiet: bool) -> None:
        super().__init__(rule, method, reflect, quiet)
        self.operator = method and rule.name.startswith("__")
        self.pairs = list(zip(self.values, self.floats, strict=True))
        self.known = self.pairs[-1 if reflect else 0] if method else None
        self.targets = ", ".join(["_node._da", "_node._db"][: len(self.pairs)]) + ","

    def lines(self) -> Iterator[str]:
        yield self.header
        for pair in self.pairs:
            yield from self.operand(*pair)
        yield from self.value()
        if not self.method:
            yield f"    if {' and '.join(f'{value} is {number}' for value, number in self.pairs)}:"
            yield "        return y"
        yield from self.node()
        for slot, value in zip(("_a", "_b"), self.values, strict=False):
            yield f"    _node.{slot} = {value}"
        if len(self.pairs) == 1:
            yield "    _node._b = _node._db = None"
        yield from self.depth()
        yield "    return _node"

    def depth(self) -> Iterator[str]:
        """Return an expression of the node's depth: one more than that of the deeper operand."""
        if STRIDE:
            yield f"    _deep = {self.deeper()}"
            yield "    _node._depth = _depth = _deep._depth + 1"
            yield f"    _node._trail = _deep._trail if _depth % {STRIDE} else (_deep._trail, _deep)"
        elif len(self.pairs) == 1:
            yield f"    _node._depth = {self.values[0]}._depth + 1"
        else:
            yield f"    _node._depth = ({self.deeper()})._depth + 1"

    def partials(self) -> Iterator[str]:
        for slot, pair, partial in zip(("_da", "_db"), self.pairs, self.derivatives, strict=False):
            certain = pair == self.known or len(self.pairs) == 1
            yield f"_node.{slot} = {partial}" + ("" if certain else f" if {pair[0]} is not {pair[1]} else None")

    def operand(self, value: str, number: str) -> Iterator[str]:
        if (value, number) == self.known:
            yield f"    {number} = {value}.data"
            return
        yield f"    if _type({value}) is _Value:"
        yield f"        {number} = {value}.data"
        yield f"    elif _type({value}) is _float:"
        yield f"        {number} = {value}"
        yield "    else:"
        yield f"        {value}, {number} = _operand({value})"
        yield f"        if {number} is None:"
        yield f"            {'return _NotImplemented' if self.operator else f'raise _foreign(_rule, {value!r}, {value})'}"

    def deeper(self) -> str:
        """Return the operand that is deeper in the graph."""
        if len(self.pairs) == 1:
            return self.values[0]
        (first, number), (other, other_number) = sorted(self.pairs, key=lambda pair: pair != self.known)
        only = "" if self.known else f"{first} is {number} or "
        return f"{other} if {only}{other} is not {other_number} and {other}._depth > {first}._depth else {first}"


class _Wide(_Writer):
    """Writes the function of a rule with sequences, or with more than two operands."""

    targets = "_node._da"

    def __init__(self, rule: Rule, method: bool, reflect: bool, quiet: bool) -> None:
        super().__init__(rule, method, reflect, quiet)
        self.many = [operand in rule.sequences for operand in rule.operands]
        self.values = [f"_values_{name}" for name in self.parameters]
        self.shapes = [f"_shape_{name}" for name in self.parameters]
        self.depths = [f"_depth_{name}" for name in self.parameters]

    def lines(self) -> Iterator[str]:
        yield self.header
        for row in zip(self.parameters, self.many, self.values, self.shapes, self.floats, self.depths, strict=True):
            parameter, many, *names = row
            if many:
                yield f"    {', '.join(names)} = _sequence({parameter}, _rule, {parameter!r})"
                continue
            yield f"    if _type({parameter}) is _Value:"
            yield f"        {', '.join(names)} = ({parameter},), 1, {parameter}.data, {parameter}._depth"
            yield "    else:"
            yield f"        {', '.join(names)} = _single({parameter}, _rule, {parameter!r})"
        lengths = {
            p: f"_len({floats})"
            for p, floats, many in zip(self.parameters, self.floats, self.many, strict=True)
            if many
        }
        if len(lengths) > 1:
            yield f"    if not ({' == '.join(lengths.values())}):"
            yield f"        raise _uneven(_rule, {', '.join(f'{name}={length}' for name, length in lengths.items())})"
        yield from self.value()
        yield f"    _depth = _max({', '.join(self.depths)}, -1) + 1"
        yield "    if not _depth:"
        yield "        return y"
        yield from self.node()
        yield f"    _node._a = {' + '.join(self.values)}"
        yield f"    _node._b = ({', '.join(self.shapes)},)"
        yield "    _node._db = _WIDE"
        yield "    _node._depth = _depth"
        if STRIDE:
            yield "    _node._trail = _trail_of(_node._a, _depth)"
        yield "    return _node"

    def partials(self) -> Iterator[str]:
        yield "_node._da = ["
        for partial, values, many in zip(self.derivatives, self.values, self.many, strict=True):
            yield f"    *({partial if many else f'({partial},)'} if {values} else ()),"
        yield "]"
