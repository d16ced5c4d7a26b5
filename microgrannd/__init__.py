"""microgrannd: a scalar autograd engine in pure Python, readable and fast.

>>> import microgrannd as mg
>>> w, x, b = mg.Value(0.5, label="w"), mg.Value(2.0, label="x"), mg.Value(-1.0, label="b")
>>> y = mg.tanh(w * x + b)
>>> y.backward()
>>> y.data, w.grad, x.grad, b.grad
(0.0, 2.0, 0.5, 1.0)
"""

from .contexts import no_grad, paused_gc
from .engine import Value, rule
from .functions import (
    acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, clip, cos, cosh, dot, elu, erf, erfc, exp, exp2, expm1, fabs,
    gelu, hypot, leaky_relu, log, log1p, log2, log10, log_sigmoid, logsumexp, maximum, mean, minimum, reciprocal, relu,
    sigmoid, silu, sin, sinh, softmax, softplus, softsign, sqrt, square, sum, tan, tanh,
)  # fmt: skip
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mae,
    mse,
)
from .nn import MLP, Layer, Module, Neuron
from .optim import SGD, Adam, AdamW, clip_grad_norm, clip_grad_value, cosine, linear, step_decay
from .saving import load, save
from .training import History, fit

__version__ = "0.1.0"

__all__ = [name for name in dir() if not name.startswith("_")]
