"""Module: parameters by name, state, prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, SupportsFloat, TypeVar

from .._checks import required_real
from .._text import described
from ..engine.contexts import no_grad
from ..engine.value import Value, data_of

M = TypeVar("M", bound="Module")


class Module:
    """Base class of what has parameters: the leaves among its attributes, also in Modules, lists, dicts and arrays.

    A leaf is a Value that was not computed; a result that is kept in an attribute is not a parameter.
    """

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Return the parameters with their names, such as ``layers.0.neurons.3.w.1``; a shared one once."""
        return ((name, thing) for name, thing in _walk("", self, set()) if isinstance(thing, Value))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Return this module, as ``""``, and those in it with their names, such as ``layers.0``; each before those in it."""
        return ((name, thing) for name, thing in _walk("", self, set()) if isinstance(thing, Module))

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order of `named_parameters`."""
        return [value for _, value in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """Return the parameters' data, by name."""
        names, values = zip(*self.named_parameters(), strict=True) if self.parameters() else ((), ())
        return dict(zip(names, data_of(values, names), strict=True))

    def load_state_dict(self, state: Mapping[str, SupportsFloat]) -> None:
        """Set the parameters' data.

        Raises:
            KeyError: a name is missing, or unknown; then nothing is set.
            TypeError: an entry is not a real number; then nothing is set.
        """
        parameters = dict(self.named_parameters())
        missing, unknown = parameters.keys() - state.keys(), state.keys() - parameters.keys()
        if missing or unknown:
            problems = [
                f"{what} {', '.join(sorted(names)[:3])}"
                for what, names in [("missing", missing), ("unknown", unknown)]
                if names
            ]
            raise KeyError(f"the state does not fit the model ({len(parameters)} parameters): {'; '.join(problems)}")
        numbers = {name: required_real(name, state[name]) for name in parameters}
        for name, number in numbers.items():
            parameters[name].data = number

    def predict(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the module's outputs for rows, as floats, without a graph.

        Args:
            rows: sequences of numbers.

        Returns:
            For each row a float, or a list of floats where the module has several outputs.
        """
        with no_grad():
            return [_data(self(row)) for row in rows]  # type: ignore[operator]  # subclasses are callable


def _walk(prefix: str, thing: Any, seen: set[int]) -> Iterator[tuple[str, Value | Module]]:
    if isinstance(thing, Value | Module):
        if id(thing) in seen:
            return
        seen.add(id(thing))
    if isinstance(thing, Value):
        if thing._rule is None:
            yield prefix.removesuffix("."), thing
    elif isinstance(thing, Module):
        yield prefix.removesuffix("."), thing
        yield from _walk(prefix, vars(thing), seen)
    elif isinstance(thing, Mapping):
        keys: dict[str, Any] = {}
        for key, member in thing.items():
            for named in _walk(f"{prefix}{key}.", member, seen):
                if keys.setdefault(str(key), key) is not key:
                    raise ValueError(
                        f"keys with parameters under them need unlike names, got {keys[str(key)]!r} and {key!r}"
                    )
                if "." in str(key):  # another could have the same name
                    raise ValueError(
                        f"a key with parameters under it cannot have a dot: {described(key)} in {prefix or 'a dict'}"
                    )
                yield named
    elif isinstance(thing, list | tuple) or getattr(thing, "dtype", None) == "O":  # NumPy's arrays of Values
        for index, member in enumerate(thing):
            yield from _walk(f"{prefix}{index}.", member, seen)


def _data(output: Any) -> Any:
    if isinstance(output, Value):
        return output.data
    return [_data(value) for value in output] if hasattr(output, "__iter__") else output


#: The modules that `microgrannd.load` can make again, by the names of their classes.
REBUILT: dict[str, type[Module]] = {}


def rebuilt(kind: type[M]) -> type[M]:
    """Register a kind of module whose ``options()`` are the arguments that make one of the same form."""
    REBUILT[kind.__name__] = kind
    return kind
