"""The gradients of each layer of a module in numbers, and verdicts, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import chain
from math import hypot, inf, isfinite, isnan, nan, sqrt
from statistics import fmean
from typing import Any, NamedTuple

from ..engine.value import Value
from ..nn.module import Module
from ..nn.owners import Owners, owners_of
from ..optim import Optimizer
from .outputs import Activation, activations

#: A layer's mean gradient as a share of the largest layer's. A sigmoid's slope is at most 1/4: more than three in a row leave
#: less than that of a gradient (that it decays layer by layer is what Glorot and Bengio 2010 measure).
VANISHING = 0.01


#: The norm of a layer's gradient, over that of its weights, or over 1 where those are small, as biases are at first. A step
#: should change weights by about a thousandth (CS231n, "Ratio of weights:updates"); at the usual rate of 0.01, this is a
#: hundred times that. (That norms are what tells: Pascanu et al. 2013.)
EXPLODING = 10.0


#: The share of dead units from which a layer is called dead: as many die of a learning rate that is too high (CS231n, "Commonly used activation functions").
#: Fewer are shown, but as usual: in relu networks as he initialises them, it often is a fifth.
DEAD = 0.4


#: The usual size of a step over that of the weights: "somewhere around 1e-3" (CS231n, "Ratio of weights:updates"), give or
#: take a factor of 30.
USUAL = (3e-5, 3e-2)


#: The share of saturated activations from which a layer is called so: a network whose weights are drawn three times as
#: large as they should be has as many (the makemore lectures).
SATURATED = 0.5


HEALTHY, DEAD_UNITS, SATURATED_UNITS, ZERO_WEIGHTS = "healthy", "dead units", "saturated units", "zero weights"


class Sizes(NamedTuple):
    """The size of several numbers: mean and maximum of the absolute values, share of zeros, norm."""

    mean: float
    largest: float
    zeros: float
    norm: float


@dataclass(frozen=True)
class LayerReport:
    """The gradients of a layer in numbers, and a verdict.

    Attributes:
        name: what its parameters' names begin with.
        parameters: how many there are.
        gradient: of its parameters.
        activation: of what it hands on, over all rows; None where no rows were given, or it hands on nothing.
        units: how many numbers it hands on; without rows, how many neurons it has. 0 where that is not known.
        dead: through how many of these no gradient passes back in any row, as through a relu of a negative number; without
            rows, how many neurons have gradients of 0 only.
        weight: the norm of its parameters.
        update: the norm of the optimiser's next step; None where no optimiser was given.
        function: the name of its activation; empty where that is not known.
        scale: the size of its weights (the root of their mean square) times the root of the number of a neuron's inputs,
            which init='he' makes 1.41, 'lecun' 1; None where it has no neurons.
        frozen: whether the optimisers have none of its parameters.
        values: what it hands on, over all rows.
        saturated: the share of that which is at a flat end of its activation; None where no rows were given.
        max_norm: to which its optimiser clips gradients; None where it does not, or is not known.
        verdict: not finite, exploding, frozen, dead units, saturated units, behind dead units (saturated units, zero
            weights), vanishing, no gradient, large steps, small steps or healthy.
        reason: for the verdict, in numbers.
    """

    name: str
    parameters: int
    gradient: Sizes
    activation: Sizes | None
    units: int
    dead: int
    weight: float
    update: float | None
    function: str = ""
    scale: float | None = None
    frozen: bool = False
    values: tuple[float, ...] = field(default=(), repr=False)
    saturated: float | None = None
    max_norm: float | None = None
    verdict: str = HEALTHY
    reason: str = ""

    @property
    def gradient_to_weight(self) -> float | None:
        """The norm of the gradient over that of the weights; None where these are all 0."""
        return self.gradient.norm / self.weight if self.weight else None

    @property
    def update_to_weight(self) -> float | None:
        """The norm of the optimiser's next step over that of the weights; None where one of them is not known or 0."""
        return self.update / self.weight if self.update is not None and self.weight else None


def measured(model: Module, rows: Iterable[Any] | None, optimizers: Sequence[Optimizer]) -> list[LayerReport]:
    """Measure each layer and judge it: see `microgrannd.gradient_report`."""
    owners = owners_of((), model)
    members: dict[str, list[Value]] = {}
    for parameter, name in owners.parameters.items():
        members.setdefault(owners.layer.get(parameter) or name.partition(".")[0], []).append(parameter)
    if not members:
        raise ValueError(f"{type(model).__name__} has no parameters to report the gradients of")
    steps = {name: step for one in optimizers for name, step in _next_step(one).items()} if optimizers else None
    if steps is not None and not steps.keys() & owners.parameters.keys():
        raise ValueError("the optimiser is over other parameters than the model's")
    outputs = {} if rows is None else _outputs(model, rows, members)
    functions = {name: _activation(module) for name, module in model.named_modules()}
    return _judged([_measured(name, own, owners, steps, outputs.get(name), functions) for name, own in members.items()])


def _activation(module: Module) -> str:
    """Return the name of a module's activation."""
    named = getattr(module, "activation", "")
    return named if isinstance(named, str) else ""


class Step(NamedTuple):
    """What an optimiser does next with a parameter: the gradient, clipped if it will be; the change; its max_norm."""

    gradient: float
    change: float
    max_norm: float | None


def _next_step(optimizer: Optimizer) -> dict[Value, Step]:
    """Return for each parameter the step that a copy of its optimiser takes."""
    twin = deepcopy(optimizer)
    twin.step()
    return {
        parameter: Step(copy.grad, copy.data - parameter.data, optimizer.max_norm)
        for parameter, copy in zip(optimizer.params, twin.params, strict=True)
    }


def _outputs(
    model: Module, rows: Iterable[Any], members: Mapping[str, list[Value]]
) -> dict[str, list[list[Activation]]]:
    """Return the outputs of each layer, for each row."""
    layers = {parameter: name for name, own in members.items() for parameter in own}
    outputs: dict[str, list[list[Activation]]] = {}
    for row in activations(model, rows, layers):
        for name, handed in row.items():
            outputs.setdefault(name, []).append(handed)
    if not outputs:
        raise ValueError("rows needs at least one row, got none")
    return outputs


def _measured(
    name: str,
    own: Sequence[Value],
    owners: Owners,
    steps: Mapping[Value, Step] | None,
    outputs: Sequence[list[Activation]] | None,
    functions: Mapping[str, str],
) -> LayerReport:
    neuron = owners.neuron
    taken = [step for parameter in own if (step := (steps or {}).get(parameter))]
    gradients = [steps[it].gradient if steps and it in steps else it.grad for it in own]
    if outputs:
        even = len(set(map(len, outputs))) == 1
        flows = [[output.passes for output in unit] for unit in zip(*outputs, strict=True)] if even else []
    else:
        neurons: dict[str, list[bool]] = {}
        for parameter, gradient in zip(own, gradients, strict=True):
            neurons.setdefault(neuron.get(parameter, name), []).append(bool(gradient))
        flows = [unit for unit_name, unit in neurons.items() if unit_name != name]
    return LayerReport(
        name=name,
        parameters=len(own),
        gradient=_sizes(gradients),
        activation=_sizes([output.data for output in chain.from_iterable(outputs)]) if outputs else None,
        units=len(flows),
        dead=sum(not any(unit) for unit in flows),
        weight=hypot(*(parameter.data for parameter in own)),
        update=None if steps is None else hypot(*(step.change for step in taken)),
        function=" ".join(sorted({functions.get(neuron.get(parameter, ""), "") for parameter in own} - {""})),
        scale=_scale(own, owners),
        frozen=steps is not None and not taken,
        values=tuple(output.data for output in chain.from_iterable(outputs or ())),
        saturated=fmean(output.saturated for output in chain.from_iterable(outputs)) if outputs else None,
        max_norm=next((step.max_norm for step in taken), None),
    )


def _scale(own: Sequence[Value], owners: Owners) -> float | None:
    """Return the size of weights times the root of the number of inputs, of neurons as of this library."""
    neurons: dict[str, list[float]] = {}
    for parameter in own:
        neuron, name = owners.neuron.get(parameter), owners.parameters[parameter]
        if neuron is not None and name.startswith(f"{neuron}.w."):
            neurons.setdefault(neuron, []).append(parameter.data)
    squares = [sum(weight * weight for weight in weights) for weights in neurons.values()]
    return sqrt(fmean(squares)) if squares else None


def _sizes(numbers: Sequence[float]) -> Sizes:
    sizes = [abs(number) for number in numbers]
    largest = nan if any(map(isnan, sizes)) else max(sizes)
    mean = largest * fmean(size / largest for size in sizes) if 0 < largest < inf else largest  # without overflow
    return Sizes(mean, largest, sizes.count(0.0) / len(sizes), hypot(*sizes))


def _judged(layers: Sequence[LayerReport]) -> list[LayerReport]:
    """Return the layers with their verdicts, for which they are compared with each other."""
    if not any(layer.gradient.largest for layer in layers):
        known = [layer if layer.activation else replace(layer, units=0, dead=0) for layer in layers]
        return [replace(layer, verdict="no gradient") for layer in known]
    moving = [layer for layer in layers if not layer.frozen]
    reference = max((layer.gradient.mean for layer in moving if not _explodes(layer)), default=0.0)
    judged: list[LayerReport] = []
    behind = ("", "")
    for layer in reversed(layers):
        verdict, reason = _verdict(layer, reference, *behind)
        if verdict in (DEAD_UNITS, SATURATED_UNITS):
            behind = verdict, layer.name
        elif layer.parameters > 1 and not (layer.weight if layer.scale is None else layer.scale):
            behind = ZERO_WEIGHTS, layer.name
        judged.append(replace(layer, verdict=verdict, reason=reason))
    return judged[::-1]


def _verdict(layer: LayerReport, reference: float, cause: str, later: str) -> tuple[str, str]:
    """Return the verdict on a layer, and the reason in numbers.

    Args:
        layer: what was measured.
        reference: the largest mean gradient of a layer.
        cause: what lets little gradient pass in a later layer: its units or its weights; nothing where there is none.
        later: that layer.
    """
    mean, ratio = layer.gradient.mean, layer.update_to_weight
    if layer.frozen:
        return "frozen", "the optimizer has none of its parameters"
    if not isfinite(mean):
        return "not finite", f"the largest gradient is {layer.gradient.largest}"
    if _explodes(layer):
        return "exploding", f"norm {layer.gradient.norm:.3g}, of weights {layer.weight:.3g}"
    blocked = cause and not mean and layer.activation is None  # then nothing is known of its units
    if layer.units and layer.dead / layer.units >= DEAD and not blocked:
        return DEAD_UNITS, f"{layer.dead} of {layer.units}"
    if (layer.saturated or 0.0) >= SATURATED:
        return SATURATED_UNITS, f"{layer.saturated:.0%} of what it hands on is where its activation is flat"
    if not mean or mean < VANISHING * reference:
        reason = f"{mean / reference:.2g} of the largest mean" if mean else "all gradients are 0"
        behind = cause and not (cause == ZERO_WEIGHTS and mean)  # by weights of 0 nothing at all comes back
        return (f"behind {cause}", f"{reason}, behind {later}") if behind else ("vanishing", reason)
    if ratio is not None and isfinite(ratio) and not USUAL[0] <= ratio <= USUAL[1]:
        size = "large" if ratio > USUAL[1] else "small"
        return f"{size} steps", f"update/weight {ratio:.3g}, usually {USUAL[0]:g} to {USUAL[1]:g}"
    return HEALTHY, ""


def _explodes(layer: LayerReport) -> bool:
    """Tell whether a layer's gradient is too large, or not a number."""
    return not layer.gradient.norm <= EXPLODING * max(layer.weight, 1.0)
