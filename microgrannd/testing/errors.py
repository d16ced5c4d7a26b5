"""What a check of gradients raises."""


class GradientError(AssertionError):
    """A derivative that is not that of the function."""

    __module__ = "microgrannd.testing"


class NonDifferentiableError(ValueError):
    """There is no derivative to compare with: a kink, an edge of the domain."""

    __module__ = "microgrannd.testing"


class UndecidedError(ValueError):
    """The check cannot tell: an operation uses a Python function of one's own, and differences of floats do not settle."""

    __module__ = "microgrannd.testing"
