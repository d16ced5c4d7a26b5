"""Networks of scalars: Module, Neuron, Layer, MLP, Embedding, Sequential."""

from .embedding import Embedding
from .layers import ACTIVATIONS, INITS, MLP, Layer, Neuron, Sequential
from .module import Module

__all__ = ["ACTIVATIONS", "INITS", "MLP", "Embedding", "Layer", "Module", "Neuron", "Sequential"]
