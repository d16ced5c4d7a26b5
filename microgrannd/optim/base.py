"""What all optimisers share."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from .._checks import real, required_amounts, required_finite, required_reals, required_whole
from .._text import described
from ..engine.value import Value, data_of
from ..rules.formula import FormulaError
from .clipping import clip_grad_norm
from .eager import Settled, methods
from .schedules import Schedule
from .update import Lines


class Optimizer:
    """Base class of the optimisers.

    Args:
        params: the Values to change, usually ``model.parameters()``: leaves, at least one, none twice.
        lr: the learning rate, a number or a function of the step (from 0), as `cosine` and its like make. It can be
            assigned at any time.
        max_norm: clip the gradients to this norm before each step, see `clip_grad_norm`.
        options: the numbers of the class that its formulas read, by name, each finite.

    To make an optimiser of your own, write formulas: ``update`` has, in order, what is computed for each parameter.
    This is Lion (Chen et al. 2023):

    >>> from microgrannd import Optimizer, Value
    >>> class Lion(Optimizer):
    ...     beta1, beta2, weight_decay = 0.9, 0.99, 0.0
    ...     update = {
    ...         "direction": "beta1 * means + (1 - beta1) * g",
    ...         "means": "beta2 * means + (1 - beta2) * g",
    ...         "p": "p - lr * ((direction > 0) - (direction < 0) + weight_decay * p)",
    ...     }
    >>> w = Value(1.0)
    >>> optimizer = Lion([w], lr=0.25, weight_decay=0.5)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data, optimizer.state_dict()
    (0.625, {'steps': 1, 'means': [0.020000000000000018]})

    A line reads ``p`` (the parameter's data; the line of that name gives the new one), ``g`` (its gradient), ``lr``, ``t``
    (the number of the step, from 1), options (numbers of the class, which are arguments by keyword too; its properties;
    arguments of its own ``__init__``), the functions of `math` that take numbers, and the names of lines.

    A name that is read in its own line or above it is a buffer: a number for each parameter, at first 0, kept from step
    to step in a list of that name. Above its line the name stands for the old number, below it for the new one. A buffer
    that stands under a root is named in ``nonnegative``, so that `load_state_dict` refuses others.

    What depends on no parameter is computed once a step, and a condition on options alone is decided before. An error in
    a step, such as a division by 0, leaves everything as it was.

    Or write the method ``_update(self, lr)``, which changes ``self.params`` by their gradients, and name in ``buffers`` the
    lists that it keeps, so that checkpoints hold them:

    >>> class Momentum(Optimizer):
    ...     buffers = ("speeds",)
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, lr)
    ...         self.speeds = [0.0] * len(self.params)
    ...     def _update(self, lr):
    ...         self.speeds = [0.9 * speed - lr * p.grad for speed, p in zip(self.speeds, self.params)]
    ...         for p, speed in zip(self.params, self.speeds):
    ...             p.data += speed
    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> Momentum([w], lr=0.1).step()
    >>> w.data
    0.8

    Raises:
        FormulaError: of a class, as it is defined: a line is not a formula, or reads an unknown name.
    """

    #: The formulas, by the names that they compute.
    update: ClassVar[Mapping[str, str]] = {}

    #: The attributes that steps change and that hold a number for each parameter; they follow from formulas.
    buffers: ClassVar[tuple[str, ...]] = ()

    #: Those of them whose numbers are at least 0.
    nonnegative: ClassVar[tuple[str, ...]] = ()

    _lines: ClassVar[Lines | None] = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "update" not in vars(cls):
            if "_update" in vars(cls):
                cls.settled = Optimizer.settled  # type: ignore[method-assign]  # a base class may have formulas
            return
        if twice := {"_update", "buffers"} & vars(cls).keys():
            raise FormulaError(f"{cls.__name__}.update says it all: leave out {' and '.join(sorted(twice))}")
        lines = Lines(cls.__name__, cls.update, _options(cls))
        for name in lines.buffers:
            if hasattr(cls, name) or name in ("max_norm", "params", "steps"):
                raise FormulaError(f"{cls.__name__}.{name} is taken; give the buffer another name")
        cls._lines, cls.buffers = lines, lines.buffers
        cls.settled, cls._update = methods(lines)  # type: ignore[assignment, method-assign]

    def __init__(
        self, params: Iterable[Value], lr: float | Schedule, max_norm: float | None = None, **options: float
    ) -> None:
        if hasattr(params, "parameters"):
            kind = type(self).__name__
            raise TypeError(f"{kind} needs Values, as {kind}(model.parameters(), ...), got {described(params)}")
        self.params = list(params)
        _check_parameters(self.params)
        if not callable(lr):
            (lr,) = required_amounts(lr=lr)
        if max_norm is not None:
            (max_norm,) = required_amounts(max_norm=max_norm)
        self.lr, self.max_norm = lr, max_norm
        self.steps = 0
        lines = self._lines
        declared = [n for n in lines.options if real(getattr(type(self), n, None)) is not None] if lines else []
        if strange := options.keys() - declared:
            known = ", ".join(["params", "lr", "max_norm", *sorted(declared)])
            raise TypeError(f"{type(self).__name__} takes {known}; got {', '.join(sorted(strange))}")
        for name in declared:
            setattr(self, name, required_finite(name, options.get(name, getattr(self, name))))
        for name in lines.buffers if lines else ():
            setattr(self, name, [0.0] * len(self.params))

    def __repr__(self) -> str:
        rate = "a schedule" if callable(self.lr) else repr(self.lr)
        return f"{type(self).__name__}({len(self.params)} parameters, lr={rate})"

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero."""
        for parameter in self.params:
            parameter.grad = 0.0

    def step(self) -> None:
        """Change every parameter's data by its gradient.

        Raises:
            TypeError: a parameter's data, or an option, is not a real number; then nothing is changed.
            ArithmeticError, ValueError: a formula has no value, as x / 0 has none; then nothing is changed.
        """
        steps, gradients = self.steps, None
        if type(self).settled is Optimizer.settled:  # the formulas' own step takes other numbers too
            names = (parameter.label or f"params[{index}]" for index, parameter in enumerate(self.params))
            for parameter, number in zip(self.params, data_of(self.params, names), strict=True):
                parameter.data = number
        try:
            lr = float(self.lr(steps) if callable(self.lr) else self.lr)
            if self.max_norm is not None:
                gradients = [parameter.grad for parameter in self.params]
                clip_grad_norm(self.params, self.max_norm)
            self.steps += 1
            self._update(lr)
        except BaseException:
            self.steps = steps
            for parameter, gradient in zip(self.params, gradients or (), strict=False):
                parameter.grad = gradient
            raise

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the steps so far: their number, and lists of a number for each parameter.

        What the optimiser was made with, a schedule of the learning rate too, is not in it: see `options`.
        """
        return {"steps": self.steps, **{name: list(getattr(self, name)) for name in self.buffers}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the state to what `state_dict` returned.

        Raises:
            KeyError: an entry is missing, or unknown; then nothing is set.
            TypeError, ValueError: an entry is of another kind or length; then nothing is set.
        """
        names = {"steps", *self.buffers}
        if state.keys() != names:
            raise KeyError(f"the state of {type(self).__name__} has {sorted(names)}, got {sorted(state)}")
        steps = required_whole("steps", state["steps"], 0, 2**53)
        buffers = {name: required_reals(name, state[name]) for name in self.buffers}
        for name, numbers in buffers.items():
            if len(numbers) != len(self.params):
                raise ValueError(f"{name} needs a number for each of {len(self.params)} parameters, got {len(numbers)}")
            if name in self.nonnegative and not all(number >= 0 for number in numbers):
                raise ValueError(f"{name} needs numbers of at least 0")
        self.steps = steps
        for name, numbers in buffers.items():
            setattr(self, name, numbers)

    def options(self) -> dict[str, Any]:
        """Return the arguments that make an optimiser of this form, but for the parameters."""
        return {name: value for name, value in vars(self).items() if name not in ("params", "steps", *self.buffers)}

    def settled(self) -> Settled | None:
        """Return the formulas as programs read them, for the options that there are now; None if `_update` is a method."""
        return None

    def _update(self, lr: float) -> None:
        raise NotImplementedError


def _options(cls: type[Optimizer]) -> set[str]:
    """Return the names of the numbers that the formulas of a class may read from its optimisers."""
    arguments = {
        name for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if name not in ("self", "params", "lr") and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }  # fmt: skip
    attributes = {name: inspect.getattr_static(cls, name) for name in dir(cls) if not name.startswith("_")}
    return arguments | {n for n, thing in attributes.items() if isinstance(thing, property) or real(thing) is not None}


def _check_parameters(params: list[Any]) -> None:
    if not params:
        raise ValueError("an optimiser needs at least one parameter, got none")
    first: dict[Value, int] = {}
    for index, parameter in enumerate(params):
        if not isinstance(parameter, Value):
            raise TypeError(f"an optimiser needs Values, got {described(parameter)}")
        if parameter._rule is not None:
            raise ValueError(
                f"params[{index}] needs to be a leaf, got a result, {parameter}: changing that would change no output"
            )
        if first.setdefault(parameter, index) != index:
            raise ValueError(f"params[{index}] is params[{first[parameter]}] again; each parameter may be given once")
