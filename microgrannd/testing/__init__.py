"""Tests of gradients: gradcheck, and Hypothesis strategies that draw expressions and points."""

from typing import TYPE_CHECKING, Any

from .check import GradientError, NonDifferentiableError, gradcheck

if TYPE_CHECKING:
    from .strategies import expressions as expressions
    from .strategies import points as points

__all__ = ["GradientError", "NonDifferentiableError", "expressions", "gradcheck", "points"]


def __getattr__(name: str) -> Any:
    if name in ("expressions", "points"):
        from . import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
