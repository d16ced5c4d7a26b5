"""The index of public names by what they are for: python -m tests.reference writes it, microgrannd/REFERENCE.md.

Every name is in one job, with the first sentence of its docstring. What is no function or class has its sentence here.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import microgrannd as mg

PAGE = Path(__file__).parents[1] / "microgrannd" / "REFERENCE.md"

#: For each job the names, as they are called after ``import microgrannd as mg``.
JOBS = {
    "Scalars that know their gradients": "Value no_grad paused_gc scope",
    "Derivatives of functions": "grad value_and_grad jacobian hessian jvp",
    "An operation of your own": "rule",
    "Powers and roots": "pow square sqrt cbrt reciprocal fma",
    "Exponentials and logarithms": "exp exp2 expm1 log log2 log10 log1p logaddexp",
    "Angles": "sin cos tan asin acos atan atan2 degrees radians sinh cosh tanh asinh acosh atanh",
    "Signs, rounding and remainders": "fabs copysign floor ceil trunc fmod remainder",
    "The larger, the smaller": "maximum minimum clip",
    "Special functions": "erf erfc gamma lgamma digamma",
    "Activations": "relu leaky_relu elu gelu silu sigmoid log_sigmoid softplus softsign softmax log_softmax",
    "Many scalars at once": "sum fsum mean prod dot sumprod norm dist hypot logsumexp lookup",
    "Networks": "Module Neuron Layer MLP Sequential Embedding Dropout nn.ACTIVATIONS nn.INITS save load",
    "Losses and metrics": "mse mae huber hinge cross_entropy binary_cross_entropy binary_cross_entropy_with_logits accuracy",
    "Optimisers": "SGD Adam AdamW RMSprop Optimizer cosine linear step_decay warmup_cosine clip_grad_norm clip_grad_value",
    "Training": "fit History lr_range LearningRates",
    "Fast programs": "jit compile Program",
    "Pictures and explanations": "draw draw_dot explain walkthrough live gradient_report GradientReport",
    "Plots, by matplotlib": "plot plot.loss plot.decision_boundary plot.gradient_flow plot.learning_rates",
    "Data": (
        "data data.xor data.moons data.circles data.spirals data.read_csv data.Table data.TableError data.as_table data.split "
        "data.parse_number"
    ),
    "Tests of gradients": (
        "testing testing.gradcheck testing.points testing.expressions testing.GradientError "
        "testing.NonDifferentiableError testing.UndecidedError"
    ),
}

CONSTANTS = {
    "nn.ACTIVATIONS": "The names that `MLP` and its parts take as activation.",
    "nn.INITS": "How weights are drawn, by the names that `MLP` and its parts take as init.",
}

#: Those whose names are not all exported by the package itself.
MODULES = ("data", "nn", "plot", "testing")


def thing(name: str) -> Any:
    """What has a public name."""
    found: Any = mg
    for part in name.split("."):
        found = getattr(found, part)
    return found


def public() -> set[str]:
    """All public names; what a module exports besides the package has the name of the module before it."""
    modules = {name: importlib.import_module(f"microgrannd.{name}") for name in MODULES}
    others = {
        f"{place}.{name}" for place, module in modules.items() for name in module.__all__ if name not in mg.__all__
    }
    return {*mg.__all__, "testing", *others}


def sentence(name: str) -> str:
    """The first sentence of a docstring, on one line."""
    text = CONSTANTS.get(name) or (inspect.getdoc(thing(name)) or "").partition("\n\n")[0]
    return re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(text.split()), maxsplit=1)[0]


def entry(name: str) -> str:
    """A line of the page."""
    called = f"mg.{name}"
    if not isinstance(thing(name), ModuleType) and name not in CONSTANTS:
        called += "" if inspect.isclass(thing(name)) and issubclass(thing(name), Exception) else "()"
    return f"- `{called}` {sentence(name)}"


def written() -> str:
    """The text of the page."""
    lines = [
        "# Public names, by what they are for",
        "",
        "After `import microgrannd as mg`. `help(mg.fit)` shows the arguments of a name, its errors, and an example.",
    ]
    for job, names in JOBS.items():
        lines += ["", f"## {job}", "", *map(entry, names.split())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
