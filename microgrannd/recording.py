"""Turns a rule into the function that records it: generated once, its formulas inlined, as `namedtuple` does.

A generic ``rule.forward(...)`` would cost about 40 % more a node. The generated source can be read: it is the
function's ``__source__``, and tracebacks show it.

A node stores one or two operands in the slots ``_a`` and ``_b``, their partials in ``_da`` and ``_db`` (None for
a number). A *wide* node (sequences, or more than two operands) stores in ``_a`` a tuple of blocks, one for each
operand, and in ``_da`` a tuple of as many lists of partials; its ``_db`` is `WIDE`.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .failures import explained, foreign, outside, uneven
from .ieee import ERRORS
from .rules import Rule

#: Every node at a depth that this divides is also held by a tuple, where the freeing of a long chain stops and
#: goes on from: no stack grows deeper than this (Pyodide's holds fewer than 3,000).
STRIDE = 1024

#: What marks a wide node, in its slot _db.
WIDE = "wide"


def recorder(
    rule: Rule, engine: Mapping[str, Any], *, method: bool = False, reflect: bool = False
) -> Callable[..., Any]:
    """Generate the function that computes a rule and records it.

    Args:
        rule: what to record.
        engine: the names that the generated code takes from the engine (see engine.py).
        method: an operand is known to be a Value: the first, or where reversed the last.
        reflect: the operands come in reversed order, as in ``__rsub__``.
    """
    writer = (_Wide if rule.wide else _Narrow)(rule, method, reflect)
    source = "\n".join(writer.lines()) + "\n"
    filename = f"<microgrannd {'reflected ' if reflect else ''}{'method' if method else 'function'} {rule.name}>"
    namespace = {
        **rule.functions, **engine, **writer.defaults, "_rule": rule, "_limits": _limits(rule), "_ERRORS": ERRORS,
        "_WIDE": WIDE, "_explained": explained, "_outside": outside, "_foreign": foreign, "_uneven": uneven,
    }  # fmt: skip
    exec(compile(source, filename, "exec"), namespace)
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    function: Callable[..., Any] = namespace["_record"]
    function.__name__ = function.__qualname__ = rule.name
    function.__doc__ = rule.describe()
    function.__rule__ = rule  # type: ignore[attr-defined]  # functions take attributes
    function.__source__ = source  # type: ignore[attr-defined]
    return function


def _limits(rule: Rule) -> Callable[..., list[Any]]:
    """The partials of a rule for when Python's arithmetic raised: inf, nan or the limit; None for numbers."""
    names = (*rule.operands, "y")
    partials = [(o in rule.sequences, p.ieee_function(names, rule.functions)) for o, p in rule.partials.items()]

    def limits(values: list[Any], floats: list[Any], y: float) -> list[Any]:
        found: list[Any] = []
        for value, (sequence, partial) in zip(values, partials, strict=True):
            number = type(value[0] if type(value) is tuple and value else value) is float
            found.append(None if number else [partial(*floats, y)] if rule.wide and not sequence else partial(*floats, y))
        return found

    return limits


class _Writer:
    """The lines that both kinds of node share, and names that do not clash.

    A parameter is the Value; the formula's variable is its float, under another name where the two are one.
    """

    def __init__(self, rule: Rule, method: bool, reflect: bool) -> None:
        self.rule, self.method = rule, method
        self.parameters = list(rule.signature.parameters)
        self.floats = [f"{operand}_" if operand in self.parameters else operand for operand in rule.operands]
        self.values = self.parameters
        rename = dict(zip(rule.operands, self.floats, strict=True))
        self.formula = rule.formula.source(rename)
        self.domain = rule.domain and rule.domain.source(rename)
        self.partials = [partial.source(rename) for partial in rule.partials.values()]
        defaults = {name: p.default for name, p in rule.signature.parameters.items() if p.default is not p.empty}
        self.defaults = {f"_default_{name}": default for name, default in defaults.items()}
        written = [f"{name}=_default_{name}" if name in defaults else name for name in self.parameters]
        self.header = f"def _record({', '.join(reversed(written) if reflect else written)}):"

    def value(self) -> Iterator[str]:
        yield "    try:"
        if self.domain:
            yield f"        if not ({self.domain}):"
            yield f"            _outside(_rule, [{', '.join(self.floats)}])"
        yield f"        y = {self.formula}"
        yield "    except _ERRORS as _error:"
        yield f"        raise _explained(_rule, _error, [{', '.join(self.values)}]) from None"

    def node(self, targets: list[str], partials: list[str]) -> Iterator[str]:
        yield "    if _paused and _paused_here():"
        yield "        return _Value(y)"
        yield "    _node = _new(_Value)"
        yield "    _node.data = y"
        yield "    _node.grad = 0.0"
        yield "    _node.label = ''"
        yield "    _node._rule = _rule"
        yield "    _node._mark = None"
        yield "    try:"
        for target, partial in zip(targets, partials, strict=True):
            yield f"        {target} = {partial}"
        yield "    except _ERRORS:"
        yield f"        {', '.join(targets)}, = _limits([{', '.join(self.values)}], [{', '.join(self.floats)}], y)"


class _Narrow(_Writer):
    """One or two operands."""

    def __init__(self, rule: Rule, method: bool, reflect: bool) -> None:
        super().__init__(rule, method, reflect)
        self.operator = method and rule.name.startswith("__")
        self.pairs = list(zip(self.values, self.floats, strict=True))
        self.known = self.pairs[-1 if reflect else 0] if method else None

    def lines(self) -> Iterator[str]:
        yield self.header
        for pair in self.pairs:
            yield from self.operand(*pair)
        yield from self.value()
        if not self.method:
            yield f"    if {' and '.join(f'{value} is {number}' for value, number in self.pairs)}:"
            yield "        return y"
        given = [
            p if pair == self.known or len(self.pairs) == 1 else f"({p}) if {pair[0]} is not {pair[1]} else None"
            for pair, p in zip(self.pairs, self.partials, strict=True)
        ]
        yield from self.node(["_node._da", "_node._db"][: len(given)], given)
        for slot, value in zip(("_a", "_b"), self.values, strict=False):
            yield f"    _node.{slot} = {value}"
        if len(self.pairs) == 1:
            yield "    _node._b = _node._db = None"
        yield f"    _deep = {self.deeper()}"
        yield "    _node._depth = _depth = _deep._depth + 1"
        yield f"    _node._trail = _deep._trail if _depth % {STRIDE} else (_deep._trail, _deep)"
        yield "    return _node"

    def operand(self, value: str, number: str) -> Iterator[str]:
        if (value, number) == self.known:
            yield f"    {number} = {value}.data"
            return
        yield f"    if type({value}) is _Value:"
        yield f"        {number} = {value}.data"
        yield f"    elif type({value}) is float:"
        yield f"        {number} = {value}"
        yield "    else:"
        yield f"        {value}, {number} = _operand({value})"
        yield f"        if {number} is None:"
        yield f"            {'return NotImplemented' if self.operator else f'raise _foreign(_rule, {value!r}, {value})'}"

    def deeper(self) -> str:
        """The operand that is deeper in the graph."""
        if len(self.pairs) == 1:
            return self.values[0]
        (first, number), (other, other_number) = sorted(self.pairs, key=lambda pair: pair != self.known)
        only = "" if self.known else f"{first} is {number} or "
        return f"{other} if {only}{other} is not {other_number} and {other}._depth > {first}._depth else {first}"


class _Wide(_Writer):
    """Sequences, or more than two operands."""

    def __init__(self, rule: Rule, method: bool, reflect: bool) -> None:
        super().__init__(rule, method, reflect)
        self.values = [f"_block_{name}" for name in self.parameters]
        self.depths = [f"_depth_{name}" for name in self.parameters]

    def lines(self) -> Iterator[str]:
        sequence = [operand in self.rule.sequences for operand in self.rule.operands]
        columns = list(zip(self.parameters, self.values, self.floats, self.depths, self.partials, sequence, strict=True))
        yield self.header
        for parameter, block, number, depth, _, many in columns:
            yield f"    {block}, {number}, {depth} = {'_sequence' if many else '_single'}(_rule, {parameter!r}, {parameter})"
        lengths = {parameter: f"len({block})" for parameter, block, *_, many in columns if many}
        if len(lengths) > 1:
            yield f"    if not ({' == '.join(lengths.values())}):"
            yield f"        raise _uneven(_rule, {', '.join(f'{name}={length}' for name, length in lengths.items())})"
        yield from self.value()
        yield f"    _depth = max({', '.join(self.depths)}, -1) + 1"
        yield "    if not _depth:"
        yield "        return y"
        partials = [
            f"{partial if many else f'[{partial}]'} if {depth} >= 0 else None" for *_, depth, partial, many in columns
        ]
        yield from self.node([f"_partials_{name}" for name in self.parameters], partials)
        yield f"    _node._a = ({', '.join(self.values)},)"
        yield f"    _node._da = ({', '.join(f'_partials_{name}' for name in self.parameters)},)"
        yield "    _node._b = None"
        yield "    _node._db = _WIDE"
        yield "    _node._depth = _depth"
        yield f"    _node._trail = _trail_of(_node._a, _depth) if _depth >= {STRIDE} else None"
        yield "    return _node"
