"""What the package exports, for type checkers."""

from . import data as data
from . import plot as plot
from .compiler.program import Program as Program
from .compiler.program import compile as compile
from .drawing.picture import draw as draw
from .drawing.picture import draw_dot as draw_dot
from .engine import Value as Value
from .engine import rule as rule
from .engine.contexts import no_grad as no_grad
from .engine.contexts import paused_gc as paused_gc
from .engine.contexts import scope as scope
from .engine.functions import *
from .engine.lookup import lookup as lookup
from .explaining.explain import explain as explain
from .explaining.walkthrough import walkthrough as walkthrough
from .functional import (
    grad as grad,
)
from .functional import (
    hessian as hessian,
)
from .functional import (
    jacobian as jacobian,
)
from .functional import (
    jvp as jvp,
)
from .functional import (
    value_and_grad as value_and_grad,
)
from .living.network import live as live
from .losses import (
    binary_cross_entropy as binary_cross_entropy,
)
from .losses import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from .losses import (
    cross_entropy as cross_entropy,
)
from .losses import (
    hinge as hinge,
)
from .losses import (
    huber as huber,
)
from .losses import (
    mae as mae,
)
from .losses import (
    mse as mse,
)
from .metrics import accuracy as accuracy
from .nn import MLP as MLP
from .nn import Dropout as Dropout
from .nn import Embedding as Embedding
from .nn import Layer as Layer
from .nn import Module as Module
from .nn import Neuron as Neuron
from .nn import Sequential as Sequential
from .nn.saving import load as load
from .nn.saving import save as save
from .optim import (
    SGD as SGD,
)
from .optim import (
    Adam as Adam,
)
from .optim import (
    AdamW as AdamW,
)
from .optim import (
    Optimizer as Optimizer,
)
from .optim import (
    RMSprop as RMSprop,
)
from .optim import (
    clip_grad_norm as clip_grad_norm,
)
from .optim import (
    clip_grad_value as clip_grad_value,
)
from .optim import (
    cosine as cosine,
)
from .optim import (
    linear as linear,
)
from .optim import (
    step_decay as step_decay,
)
from .optim import (
    warmup_cosine as warmup_cosine,
)
from .reporting.report import GradientReport as GradientReport
from .reporting.report import gradient_report as gradient_report
from .tracing.jit import jit as jit
from .training.fit import fit as fit
from .training.history import History as History
from .training.range import LearningRates as LearningRates
from .training.range import lr_range as lr_range

__version__: str
