"""What helps against each verdict of a report, as far as the model does not do it already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from .measure import DEAD_UNITS, SATURATED_UNITS, LayerReport

#: Activations that let no gradient pass below 0, and those whose slope is at most 1/4.
CUTTING, FLAT = frozenset({"relu"}), frozenset({"sigmoid"})


#: Weights have about the size that an initialisation gives if they are within this factor of it.
ABOUT = 2.0


class Facts(NamedTuple):
    """What is known of the layers of one verdict.

    Attributes:
        activations: the names of the model's activations; none of functions of one's own.
        own: those of these layers.
        scales: the sizes of these layers' weights times the root of their inputs' number: 1.41 as he draws them.
        clipped: whether the optimiser clips the gradients of all of these layers.
    """

    activations: frozenset[str]
    own: frozenset[str]
    scales: Sequence[float]
    clipped: bool

    @classmethod
    def of(cls, layers: Iterable[LayerReport], verdict: str) -> Facts:
        """Collect the facts of the layers of a verdict."""
        layers = list(layers)
        ill = [layer for layer in layers if layer.verdict == verdict]
        names = [frozenset(layer.function for layer in some) - {"", "linear"} for some in (layers, ill)]
        return cls(
            names[0],
            names[1],
            [layer.scale for layer in ill if layer.scale is not None],
            all(layer.max_norm is not None for layer in ill),
        )

    @property
    def init(self) -> str:
        """Which initialisation is made for the activations: that of relu and its like, or that of tanh."""
        return "xavier" if self.activations <= {"tanh", "sigmoid", "softsign"} and self.activations else "he"

    @property
    def drawn(self) -> bool:
        """Whether the weights have about the size that this gives."""
        usual = sqrt(2.0) if self.init == "he" else 1.0
        return bool(self.scales) and usual / ABOUT <= fmean(self.scales) <= usual * ABOUT

    @property
    def source(self) -> str:
        """Who found this initialisation."""
        return "He et al. 2015" if self.init == "he" else "Glorot and Bengio 2010"


def advice(layers: Sequence[LayerReport], verdict: str) -> str:
    """Return what helps the layers of a verdict; nothing where there is nothing to do."""
    return "; ".join(filter(None, _parts(Facts.of(layers, verdict), verdict)))


def _parts(facts: Facts, verdict: str) -> list[str]:
    init = "" if facts.drawn else f"init={facts.init!r} ({facts.source})"
    other = (
        "" if facts.activations and not facts.activations & CUTTING else "leaky_relu, elu or gelu (Maas et al. 2013)"
    )
    match verdict:
        case "not finite":
            return [
                "a lower learning rate",
                "" if facts.clipped else "clipping",
                "a loss of logits",
                "draw(loss) shows where it begins",
            ]
        case "exploding":
            clipping = "clipping (clip_grad_norm, or an optimiser's max_norm=1.0: Pascanu et al. 2013)"
            return [
                init,
                "a lower max_norm" if facts.clipped else clipping,
                "inputs and targets of about unit scale",
                "a lower learning rate",
            ]
        case "vanishing":
            steeper = "relu or tanh instead of sigmoid" if facts.activations & FLAT or not facts.activations else ""
            return [init, steeper, "fewer layers, or connections that skip some"]
        case "large steps":
            return ["a lower learning rate"]
        case "small steps":
            return ["a higher learning rate, if the loss still falls: at a minimum, steps are small"]
        case "no gradient":
            return ["backward() of a loss before the report", "it may also be that the loss is flat here"]
        case "behind zero weights":
            return ["init= draws these weights; or go on: a step changes them, if their own gradients are not 0"]
        case "behind dead units" | "behind saturated units":
            return [f"what helps the layer with {verdict.removeprefix('behind ')}"]
        case _ if verdict == SATURATED_UNITS:
            return [init, "inputs of about unit scale", "a lower learning rate", "weight_decay"]
        case _ if verdict == DEAD_UNITS:
            return [other, init, "inputs of about unit scale", "a lower learning rate"]
    return []
