"""Networks of scalars: Module, Neuron, Layer, MLP, Embedding."""

from .embedding import Embedding
from .layers import ACTIVATIONS, INITS, MLP, Layer, Neuron
from .module import Module

__all__ = ["ACTIVATIONS", "INITS", "MLP", "Embedding", "Layer", "Module", "Neuron"]
