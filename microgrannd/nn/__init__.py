"""Networks of scalars: Module, Neuron, Layer, MLP."""

from .layers import ACTIVATIONS, INITS, MLP, Layer, Neuron
from .module import Module

__all__ = ["ACTIVATIONS", "INITS", "MLP", "Layer", "Module", "Neuron"]
