"""Optimisers, clipping of gradients, and schedules of the learning rate.

>>> from microgrannd import Value, SGD
>>> w = Value(1.0)
>>> optimizer = SGD([w], lr=0.1)
>>> (w * w).backward()
>>> optimizer.step()
>>> w.data
0.8
"""

from typing import TYPE_CHECKING, Any

from .._guesses import missing
from .base import Optimizer as Optimizer
from .clipping import clip_grad_norm as clip_grad_norm
from .clipping import clip_grad_value as clip_grad_value
from .optimizers import SGD as SGD
from .optimizers import Adam as Adam
from .optimizers import AdamW as AdamW
from .optimizers import RMSprop as RMSprop
from .schedules import Schedule as Schedule
from .schedules import cosine as cosine
from .schedules import linear as linear
from .schedules import step_decay as step_decay
from .schedules import warmup_cosine as warmup_cosine

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, f"module {__name__!r}", name)
