"""Networks of scalars: Module, Neuron, Layer, MLP, Embedding, Dropout, Sequential.

All else is a module of your own, of a few lines. A recurrent cell (Elman 1990), whose rows are sequences of rows:

>>> import microgrannd as mg
>>> class Cell(mg.Module):
...     def __init__(self, nin, width):
...         self.layer = mg.Layer(nin + width, width, activation="tanh", init="xavier", seed=0)
...
...     def __call__(self, rows):
...         state = [0.0] * len(self.layer)
...         for row in rows:
...             state = self.layer([*row, *state])
...         return state
...
>>> len(Cell(2, 3)([[0.5, 1.0], [0.0, -1.0]]))
3

A head of attention (Vaswani et al. 2017), of as many rows as there are:

>>> class Head(mg.Module):
...     def __init__(self, width):
...         self.layers = [mg.Layer(width, width, nonlin=False, bias=False, seed=seed) for seed in range(3)]
...
...     def __call__(self, rows):
...         queries, keys, values = ([layer(row) for row in rows] for layer in self.layers)
...         shares = [mg.softmax([mg.dot(query, key) / len(key) ** 0.5 for key in keys]) for query in queries]
...         return [[mg.dot(share, column) for column in zip(*values)] for share in shares]
...
>>> [len(row) for row in Head(2)([[0.5, 1.0], [0.0, -1.0], [1.0, 1.0]])]
[2, 2, 2]
"""

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
