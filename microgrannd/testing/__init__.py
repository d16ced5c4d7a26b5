"""Tests of gradients: gradcheck, and Hypothesis strategies that draw expressions and points."""

from typing import TYPE_CHECKING, Any

from .errors import GradientError, NonDifferentiableError, UndecidedError

if TYPE_CHECKING:
    from .check import gradcheck as gradcheck
    from .strategies import expressions as expressions
    from .strategies import points as points

__all__ = ["GradientError", "NonDifferentiableError", "UndecidedError", "expressions", "gradcheck", "points"]


def __getattr__(name: str) -> Any:
    if name == "gradcheck":  # with mpmath, which takes a while to import
        from .check import gradcheck

        return gradcheck
    if name in ("expressions", "points"):  # with Hypothesis, which may not be there
        from . import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
