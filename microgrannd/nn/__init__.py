"""Networks of scalars: Module, Neuron, Layer, MLP, Embedding, Dropout, Sequential."""

from typing import TYPE_CHECKING, Any

from .._guesses import missing
from .dropout import Dropout
from .embedding import Embedding
from .layers import ACTIVATIONS, INITS, MLP, Layer, Neuron
from .module import Module
from .sequential import Sequential

__all__ = ["ACTIVATIONS", "INITS", "MLP", "Dropout", "Embedding", "Layer", "Module", "Neuron", "Sequential"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, f"module {__name__!r}", name)
