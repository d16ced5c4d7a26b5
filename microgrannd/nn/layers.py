"""Networks of scalars: Module, Neuron, Layer, MLP.

>>> from microgrannd.nn import MLP
>>> model = MLP(2, [3, 1], seed=0)
>>> model
MLP(2, [3, 1], activation='relu')
>>> len(model.parameters())
13
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import Any, TypeAlias

from .._checks import required_whole, seed_of
from .._guesses import advice, suggesting
from .._text import described
from ..engine.functions import dot
from ..engine.operands import shared
from ..engine.value import Value
from ..rules.table import TABLE
from .module import Module, rebuilt

#: How a weight is drawn, by name: from the generator, the number of inputs and the number of outputs of the layer.
INITS: dict[str, Callable[[random.Random, int, int], float]] = {
    "uniform": lambda rng, nin, nout: rng.uniform(-1, 1),
    "normal": lambda rng, nin, nout: rng.gauss(0, 1),
    "xavier": lambda rng, nin, nout: rng.uniform(-1, 1) * sqrt(6 / (nin + nout)),
    "he": lambda rng, nin, nout: rng.gauss(0, 1) * sqrt(2 / nin),
    "lecun": lambda rng, nin, nout: rng.gauss(0, 1) * sqrt(1 / nin),
}


#: The methods of Value that can be an activation: those that need no second operand.
ACTIVATIONS = {"linear"} | {
    name
    for name, rule in TABLE.items()
    if not name.startswith("__") and not rule.sequences
    and all(p.default is not p.empty for p in list(rule.parameters.values())[1:])
}  # fmt: skip


#: A function of a Value, or the name of a method of Value.
Activation: TypeAlias = str | Callable[[Any], Any]

#: A function of the generator, the number of inputs and that of outputs of the layer; or the name of one of `INITS`.
Init: TypeAlias = str | Callable[[random.Random, int, int], float]


@rebuilt
class Neuron(Module):
    """A neuron: the activation of w · x + b, one node for the sum and one for the activation.

    Args:
        nin: number of inputs.
        nonlin: whether there is an activation; without one the neuron is linear.
        activation: the name of a method of Value, or a function of a Value, as `microgrannd.rule` makes them.
        init: how weights are drawn, see `MLP`. The bias starts at 0.
        nout: number of neurons in the layer, for xavier.
        rng: draws the weights.
        bias: whether there is one.

    Raises:
        TypeError, ValueError: nin is not a whole number of at least 1, or an option is none of those that it needs to be.

    >>> neuron = Neuron(2, activation="tanh", init=lambda rng, nin, nout: 0.5)
    >>> neuron, round(neuron([1.0, 1.0]).data, 4)  # tanh(0.5 + 0.5)
    (TanhNeuron(2), 0.7616)
    """

    _is_layer = True

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        activation: Activation = "relu",
        init: Init = "uniform",
        nout: int = 1,
        rng: Any = random,
        bias: bool = True,
    ) -> None:
        nin = required_whole("nin", nin, 1)
        _require(type(bias) is bool, "bias", "True or False", bias)
        known = callable(init) or isinstance(init, str) and init in INITS
        _require(known, "init", f"one of {', '.join(INITS)}, or a function", init)
        _require(type(nonlin) is bool, "nonlin", "True or False, beside activation='tanh'", nonlin)
        _require_activation(activation)
        draw = init if callable(init) else INITS[init]
        self.w = [Value(draw(rng, nin, nout)) for _ in range(nin)]
        self.b = Value(0.0) if bias else 0.0
        self.nonlin = nonlin
        self.activation = activation if nonlin else "linear"

    def __call__(self, x: Any) -> Value:
        """Return the neuron's output for a row of Values or numbers."""
        inputs = shared(x)
        if len(inputs.floats) != len(self.w):
            raise ValueError(f"{self!r} needs {len(self.w)} inputs, got {len(inputs.floats)}")
        total: Value = dot(self.w, inputs, self.b)
        if callable(self.activation):
            output = self.activation(total)
            if not isinstance(output, Value):
                raise TypeError(f"the activation of {self!r} needs to return a Value, got {described(output)}")
            return output
        return total if self.activation == "linear" else getattr(total, self.activation)()

    def options(self) -> dict[str, Any]:
        """Return the arguments that make a neuron of this form."""
        return {"nin": len(self.w), "nonlin": self.nonlin, "activation": self.activation, **_bias(self)}

    def __repr__(self) -> str:
        name = getattr(self.activation, "__name__", "") or str(self.activation)
        name = TABLE[name].symbol if name == "relu" else name.capitalize()
        return f"{name}Neuron({len(self.w)}{'' if isinstance(self.b, Value) else ', bias=False'})"


@rebuilt
class Layer(Module):
    """Several neurons over the same inputs; a sequence of them.

    Args:
        nin: number of inputs.
        nout: number of neurons.
        nonlin: whether they have an activation.
        seed: for the weights; without one they are drawn by the module `random`.
        **options: of `Neuron`.

    Raises:
        TypeError, ValueError: as `Neuron`.

    >>> layer = Layer(3, 2, activation="tanh")
    >>> len(layer([0.5, 1.0, -1.0])), len(layer.parameters()), layer[0]
    (2, 8, TanhNeuron(3))
    """

    _is_layer = True

    @suggesting("Layer")
    def __init__(self, nin: int, nout: int, nonlin: bool = True, *, seed: int | None = None, **options: Any) -> None:
        nout = required_whole("nout", nout, 1)
        if seed is not None:
            options = {"rng": random.Random(seed_of(seed)), **options}
        self.neurons = [Neuron(nin, nonlin, nout=nout, **options) for _ in range(nout)]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a row, or for the bare Value of a layer of width 1: one Value, or a list."""
        inputs = shared((x,) if isinstance(x, Value) else x)
        outputs = [neuron(inputs) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def options(self) -> dict[str, Any]:
        """Return the arguments that make a layer of this form."""
        return {**self.neurons[0].options(), "nout": len(self.neurons)}

    def __len__(self) -> int:
        return len(self.neurons)

    def __iter__(self) -> Iterator[Neuron]:
        return iter(self.neurons)

    def __getitem__(self, index: Any) -> Any:
        return self.neurons[index]

    def __repr__(self) -> str:
        nin = len(self.neurons[0].w)
        return f"Layer({nin}, {len(self)}{_options_of(self.neurons[0])})"


@rebuilt
class MLP(Module):
    """A multi-layer perceptron; a sequence of layers.

    Args:
        nin: number of inputs.
        nouts: number of neurons in each layer.
        activation: of the hidden layers: the name of a method of Value (relu, tanh, sigmoid, ...), linear, or a function
            of a Value.
        output_activation: of the last layer.
        init: how weights are drawn. ``uniform``: from -1 to 1 (micrograd's); ``normal``: mean 0, deviation 1;
            ``xavier``: uniform within ±sqrt(6 / (nin + nout)) (Glorot and Bengio 2010); ``he``: normal with
            deviation sqrt(2 / nin) (He et al. 2015); ``lecun``: normal with deviation sqrt(1 / nin) (LeCun et al.
            1998). Or a function of a `random.Random`, nin and nout. Biases start at 0.
        seed: for the weights; without one they are drawn by the module `random`, in micrograd's order.
        bias: whether neurons have one.

    Raises:
        ValueError: a number of neurons below 1, an unknown activation or init.

    >>> model = MLP(2, [3, 1], activation="tanh", init="xavier", seed=0)
    >>> type(model([0.5, -1.0])).__name__, len(model.parameters()), len(model[0])
    ('Value', 13, 3)
    """

    @suggesting("MLP")
    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: Activation = "relu",
        output_activation: Activation = "linear",
        init: Init = "uniform",
        seed: int | None = None,
        bias: bool = True,
    ) -> None:
        _require(
            hasattr(nouts, "__len__") and len(nouts) > 0,
            "nouts",
            "a sequence with a number of neurons for each layer, as MLP(2, [16, 1])",
            nouts,
        )
        _require_activation(activation)
        rng = random if seed is None else random.Random(seed_of(seed))
        names = [activation] * (len(nouts) - 1) + [output_activation]
        self.layers = [
            Layer(before, after, nonlin=name != "linear", activation=name, init=init, rng=rng, bias=bias)
            for before, after, name in zip([nin, *nouts], nouts, names, strict=False)
        ]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a row of Values or numbers: one Value, or a list where the last layer is wider."""
        for layer in self.layers:
            x = layer(x)
        return x

    def options(self) -> dict[str, Any]:
        """Return the arguments that make a network of this form."""
        first, last = (layer.neurons[0] for layer in (self.layers[0], self.layers[-1]))
        return {
            "nin": len(first.w),
            "nouts": [len(layer.neurons) for layer in self.layers],
            "activation": first.activation,
            "output_activation": last.activation,
            **_bias(first),
        }

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, index: Any) -> Any:
        return self.layers[index]

    def __repr__(self) -> str:
        first, last = self.layers[0].neurons[0], self.layers[-1].neurons[0]
        hidden = f", activation={shown(first.activation)}" if len(self) > 1 else ""
        output = f", output_activation={shown(last.activation)}" if last.activation != "linear" else ""
        bias = "" if isinstance(first.b, Value) else ", bias=False"
        return f"MLP({len(first.w)}, {[len(layer) for layer in self.layers]}{hidden}{output}{bias})"


def _require(condition: bool, name: str, needed: str, given: Any) -> None:
    if not condition:
        raise ValueError(f"{name} needs to be {needed}, got {described(given)}{advice(name, given)}")


def _require_activation(activation: Activation) -> None:
    known = callable(activation) or isinstance(activation, str) and activation in ACTIVATIONS
    _require(known, "activation", f"one of {', '.join(sorted(ACTIVATIONS))}, or a function of a Value", activation)


def shown(activation: Activation) -> str:
    """Return an activation as it is given, a function by its name."""
    return repr(activation) if isinstance(activation, str) else getattr(activation, "__name__", repr(activation))


def _options_of(neuron: Neuron) -> str:
    """Return the options of a neuron as they are given to a layer."""
    activation = f", activation={shown(neuron.activation)}" if neuron.nonlin else ", nonlin=False"
    return activation + ("" if isinstance(neuron.b, Value) else ", bias=False")


def _bias(neuron: Neuron) -> dict[str, bool]:
    """Return the option of a neuron without a bias; none for one with."""
    return {} if isinstance(neuron.b, Value) else {"bias": False}
