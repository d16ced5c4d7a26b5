"""microgrannd: a scalar autograd engine in pure Python, readable and fast.

>>> import microgrannd as mg
>>> w, x, b = mg.Value(0.5, label="w"), mg.Value(2.0, label="x"), mg.Value(-1.0, label="b")
>>> y = mg.tanh(w * x + b)
>>> y.backward()
>>> y.data, w.grad, x.grad, b.grad
(0.0, 2.0, 0.5, 1.0)
"""

from importlib import import_module
from typing import Any

from ._guesses import missing
from .engine import Value as Value
from .engine import functions
from .engine import rule as rule
from .engine.contexts import no_grad as no_grad
from .engine.contexts import paused_gc as paused_gc
from .engine.contexts import scope as scope

__version__ = "0.2.0"

#: What is imported when it is first used: the module, and names in it. __init__.pyi tells type checkers the same.
_LATER = {
    "compiler.program": "Program compile",
    "data": "",
    "drawing.picture": "draw draw_dot",
    "engine.lookup": "lookup",
    "explaining.explain": "explain",
    "explaining.walkthrough": "walkthrough",
    "functional": "grad hessian jacobian jvp value_and_grad",
    "living.network": "live",
    "losses": "binary_cross_entropy binary_cross_entropy_with_logits cross_entropy hinge huber mae mse",
    "metrics": "accuracy",
    "nn": "MLP Dropout Embedding Layer Module Neuron Sequential",
    "nn.saving": "load save",
    "optim": "SGD Adam AdamW Optimizer RMSprop clip_grad_norm clip_grad_value cosine linear step_decay warmup_cosine",
    "plot": "",
    "reporting.report": "GradientReport gradient_report",
    "training.fit": "fit",
    "tracing.jit": "jit",
    "training.history": "History",
    "training.range": "LearningRates lr_range",
}
_PACKAGES = {"testing", *(module.partition(".")[0] for module in _LATER)}
_MODULES = {name: module for module, names in _LATER.items() for name in names.split() or [module]}

__all__ = sorted(["Value", "no_grad", "paused_gc", "rule", "scope", *functions.__all__, *_MODULES])


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None and name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if module is None:
        thing = getattr(functions, name, None)
        if thing is None or name not in functions.__all__:
            missing(__name__, f"module {__name__!r}", name)
    else:
        thing = import_module(f".{module}", __name__)
        thing = getattr(thing, name) if module != name else thing
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
