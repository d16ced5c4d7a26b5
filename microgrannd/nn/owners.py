"""Which module a node of a graph belongs to: the neuron or layer that computed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import takewhile

from ..engine.value import Value
from ..rules.rule import CONSTANT, Rule
from ..rules.table import TABLE
from .layers import ACTIVATIONS
from .module import Module

#: A module adds up what it made of its parameters before the activation ends it.
_SUMS = {TABLE["__add__"], TABLE["sum"]}


_ACTIVATIONS = {name: TABLE[name] for name in ACTIVATIONS - {"linear"}}


_ANY = frozenset(_ACTIVATIONS.values())


class Owners:
    """The nodes that belong to the modules of a model, by those modules' names (see `Module.named_modules`).

    Attributes:
        neuron: for each parameter and each node that a module computed, the innermost module.
        parameters: of the model, with their names.
        modules: the names of all modules, outer ones first.
        layer: for these nodes, the module around the innermost; itself where there is only the model around
            it, or where it holds modules of its own.
    """

    def __init__(self, names: Iterable[str], parameters: Mapping[Value, str], innermost: Mapping[Value, str]) -> None:
        self.parameters = parameters
        inside: dict[str, str] = {}  # of which module each module is a direct part
        self._around: dict[str, tuple[str, ...]] = {"": ()}
        for name in names:  # outer ones come first
            if name:
                parts = name.split(".")
                outer = next(o for end in reversed(range(len(parts))) if (o := ".".join(parts[:end])) in self._around)
                inside[name], self._around[name] = outer, (*self._around[outer], name)
        layers = {name: name if name in inside.values() or not outer else outer for name, outer in inside.items()}
        self.modules = list(self._around)
        self.neuron = {node: name for node, name in innermost.items() if name}
        self.layer = {node: layers[name] for node, name in self.neuron.items()}

    def around(self, node: Value) -> tuple[str, ...]:
        """Return the modules that a node belongs to, the outermost first, without the model itself."""
        return self._around[self.neuron.get(node, "")]


def owners_of(order: Iterable[Value], model: Module) -> Owners:
    """Find the module of each node.

    A node belongs to the innermost module that holds all parameters among its operands. So do the sums of such nodes,
    with nothing added, and the activation of a sum. What is computed of one parameter alone, as a penalty is, belongs to none.

    Args:
        order: a graph's nodes, operands before results.
        model: whose modules they may belong to.
    """
    modules = dict(model.named_modules())
    of = {
        parameter: name for name, module in modules.items() for parameter in module.parameters()
    }  # the last is inmost
    parameters = {parameter: name for name, parameter in model.named_parameters()}
    ended: set[Value] = set()  # activations
    takers: dict[Value, set[str]] = {}  # of constants, which stand where they are taken
    for node in order:
        if node in parameters or node._rule is None:
            continue
        values = {operand for operand in node._operands if type(operand) is not float and operand._rule is not CONSTANT}
        own = values & parameters.keys()
        if own and not _penalty(node, values):
            of[node] = _common({of[parameter] for parameter in own})
        elif not own and len(names := {None if value in ended else of.get(value) for value in values}) == 1:
            name = names.pop()
            if name and node._rule in _SUMS and not _adds_number(node):
                of[node] = name
            elif name and node._rule in _endings(modules[name]):
                of[node] = name
                ended.add(node)
        for operand in node._operands:
            if type(operand) is not float and operand._rule is CONSTANT:
                takers.setdefault(operand, set()).add(of.get(node, ""))
    of.update((constant, names.pop()) for constant, names in takers.items() if len(names) == 1)
    return Owners(modules, parameters, of)


def _penalty(node: Value, values: set[Value]) -> bool:
    """Tell whether a node takes one parameter and nothing else (but an exponent)."""
    alone = all(type(operand) is not float for operand in node._operands)
    return len(values) == 1 and (alone or node._rule is TABLE["__pow__"])


def _adds_number(node: Value) -> bool:
    """Tell whether a sum has a number other than 0, with which sums begin: say an input, which a residual block adds."""
    numbers = (o if type(o) is float else o.data if o._rule is CONSTANT else 0.0 for o in node._operands)
    return any(number != 0 for number in numbers)


def _endings(module: Module) -> Set[Rule | None]:
    """Return the rules that may be a module's activation: the one that it names, or any."""
    name = getattr(module, "activation", None)
    return {_ACTIVATIONS.get(name)} if isinstance(name, str) else _ANY


def _common(names: set[str]) -> str:
    """Return the innermost module around all."""
    levels = zip(*(name.split(".") for name in names), strict=False)
    return ".".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
