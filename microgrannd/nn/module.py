"""Module: parameters by name, state, prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeVar

from .._checks import real, required_loss, required_pairs, required_real, rows_of
from .._guesses import missing, suggesting
from .._text import described
from ..engine.contexts import no_grad
from ..engine.graph import number
from ..engine.value import Value, data_of
from ..metrics import measured, require_metrics
from .masks import masking
from .summary import Summary, table_of

M = TypeVar("M", bound="Module")


#: Characters of a repr, at most, that shows what is in a module.
LONGEST = 100


class Module:
    """Base class of what has parameters: the leaves among its attributes, also in Modules, lists, dicts and arrays.

    A leaf is a Value that was not computed; a result that is kept in an attribute is not a parameter.

    A subclass defines ``__call__(self, x)``, which returns its outputs for a row of Values or numbers.

    >>> from microgrannd import Module, Value
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.height = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x[0] + self.height
    >>> line = Line()
    >>> line.predict([[3.0], [4.0]]), line.state_dict()
    ([7.0, 9.0], {'slope': 2.0, 'height': 1.0})
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            missing("Module", f"{type(self).__name__!r} object", name)

    #: Whether it is one layer of a model: a summary does not say what is in it.
    _is_layer = False

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a row of Values or numbers.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs a method __call__(self, x) that returns its outputs"
            + (": rename its method forward" if hasattr(type(self), "forward") else "")
        )

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
        for name, data in numbers.items():
            parameters[name].data = data

    @suggesting("predict")
    def predict(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the module's outputs for rows, as floats, without a graph.

        Args:
            rows: sequences of numbers, or single numbers, which are rows of one; or a data frame.

        Returns:
            For each row a float, or a list of floats where the module has several outputs.

        Raises:
            TypeError: the rows are one row, whose numbers the module does not take.
        """
        with no_grad(), masking(None):
            return [plain(self(row) if real(row) is None else self._of_number(row)) for row in rows_of(rows)]

    def _of_number(self, cell: Any) -> Any:
        try:
            return self([cell])
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"predict takes rows, as predict([row]) for a single one; {cell!r} is no row: {error}"
            ) from None

    @suggesting("evaluate")
    def evaluate(
        self,
        X: Iterable[Any],
        y: Iterable[Any] | None,
        loss: Callable[..., Any] | None = None,
        metrics: Mapping[str, Callable[..., Any]] | None = None,
    ) -> dict[str, float]:
        """Return the mean loss and the metrics of rows, without a graph.

        Args:
            X: rows, as `fit` takes them.
            y: for each row its target; or None, for a loss of the prediction alone.
            loss: a function (prediction, target) of one row, as in `fit`.
            metrics: functions (predictions, targets) of all rows, by name, as `mg.accuracy`.

        Returns:
            The numbers by name, the loss as ``"loss"``.

        Raises:
            TypeError, ValueError: X and y do not fit each other; the loss or a metric is no function, or a metric gives no
                number; neither is given.

        >>> from microgrannd import MLP, accuracy, mse
        >>> MLP(1, [1], seed=0).evaluate([0.0, 0.0], [1.0, -1.0], loss=mse, metrics={"accuracy": accuracy})
        {'loss': 1.0, 'accuracy': 0.5}
        """
        if loss is None and metrics is None:
            raise TypeError("evaluate needs loss= or metrics=, as loss=mg.mse, metrics={'accuracy': mg.accuracy}")
        if loss is not None:
            required_loss(loss)
        known = require_metrics(metrics, loss)
        if known and y is None:
            raise ValueError("metrics needs targets to compare with, got y=None")
        pairs = required_pairs(X, y)
        targets = [target for _, target in pairs]
        found: dict[str, float] = {}
        if loss is not None:
            with no_grad(), masking(None):
                losses = [
                    required_real("the loss", number(loss(self(row)) if y is None else loss(self(row), target)))
                    for row, target in pairs
                ]
            found["loss"] = fmean(losses)
        return found | (measured(known, self.predict([row for row, _ in pairs]), targets) if known else {})

    def summary(self) -> Summary:
        """Return a table of the layers: name, kind, shape, number of parameters; and their total.

        >>> from microgrannd import MLP
        >>> MLP(2, [3, 1], seed=0).summary()
        name      layer                           parameters
        layers.0  Layer(2, 3, activation='relu')           9
        layers.1  Layer(3, 1, nonlin=False)                4
        total                                             13
        """
        return Summary(table_of(self))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={part!r}" for name, part in self.named_modules() if name and "." not in name)
        shown = f"{type(self).__name__}({parts})"
        return shown if len(shown) <= LONGEST else f"{type(self).__name__}(…)"

    def __str__(self) -> str:
        return f"{self!r}: {len(self.parameters())} parameters"


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


def plain(output: Any) -> Any:
    """Return a module's output as a float, or as nested lists of floats."""
    if isinstance(output, Value):
        return output.data
    return [plain(value) for value in output] if hasattr(output, "__iter__") else output


#: The modules that `microgrannd.load` can make again, by the names of their classes.
REBUILT: dict[str, type[Module]] = {}


def rebuilt(kind: type[M]) -> type[M]:
    """Register a kind of module whose ``options()`` are the arguments that make one of the same form."""
    REBUILT[kind.__name__] = kind
    return kind
