"""microgrannd: a scalar autograd engine in pure Python, readable and fast.

>>> import microgrannd as mg
>>> w, x, b = mg.Value(0.5, label="w"), mg.Value(2.0, label="x"), mg.Value(-1.0, label="b")
>>> y = mg.tanh(w * x + b)
>>> y.backward()
>>> y.data, w.grad, x.grad, b.grad
(0.0, 2.0, 0.5, 1.0)
"""

from . import data, plot
from .compiler.program import Program, compile
from .drawing.picture import draw
from .engine.contexts import no_grad, paused_gc
from .engine.functions import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    clip,
    cos,
    cosh,
    dot,
    elu,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    fabs,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    logsumexp,
    maximum,
    mean,
    minimum,
    pow,
    reciprocal,
    relu,
    sigmoid,
    silu,
    sin,
    sinh,
    softmax,
    softplus,
    softsign,
    sqrt,
    square,
    sum,
    tan,
    tanh,
)
from .engine.operations import rule
from .engine.value import Value
from .explaining.explain import explain
from .explaining.walkthrough import walkthrough
from .functional import grad, hessian, jacobian, jvp, value_and_grad
from .losses import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, hinge, huber, mae, mse
from .nn.layers import MLP, Layer, Neuron
from .nn.module import Module
from .nn.saving import load, save
from .optim import SGD, Adam, AdamW, clip_grad_norm, clip_grad_value, cosine, linear, step_decay
from .reporting.report import GradientReport, gradient_report
from .training.fit import fit
from .training.run import History

draw_dot = draw

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "GradientReport",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Program",
    "Value",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cbrt",
    "clip",
    "clip_grad_norm",
    "clip_grad_value",
    "compile",
    "cos",
    "cosh",
    "cosine",
    "cross_entropy",
    "data",
    "dot",
    "draw",
    "draw_dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "explain",
    "expm1",
    "fabs",
    "fit",
    "gelu",
    "grad",
    "gradient_report",
    "hessian",
    "hinge",
    "huber",
    "hypot",
    "jacobian",
    "jvp",
    "leaky_relu",
    "linear",
    "load",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "logsumexp",
    "mae",
    "maximum",
    "mean",
    "minimum",
    "mse",
    "no_grad",
    "paused_gc",
    "plot",
    "pow",
    "reciprocal",
    "relu",
    "rule",
    "save",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "step_decay",
    "sum",
    "tan",
    "tanh",
    "value_and_grad",
    "walkthrough",
]
