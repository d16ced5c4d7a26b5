"""What a check of gradients raises."""


class GradientError(AssertionError):
    """A derivative that is not that of the function.

    >>> from microgrannd import Value
    >>> from microgrannd.testing import gradcheck
    >>> gradcheck(lambda x: Value(x.data) + 0 * x, [1.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    microgrannd.testing.GradientError: ...
    """

    __module__ = "microgrannd.testing"


class NonDifferentiableError(ValueError):
    """There is no derivative to compare with: a kink, an edge of the domain.

    >>> from microgrannd import relu
    >>> from microgrannd.testing import gradcheck
    >>> gradcheck(relu, [0.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    microgrannd.testing.NonDifferentiableError: ...
    """

    __module__ = "microgrannd.testing"


class UndecidedError(ValueError):
    """The check cannot tell: an operation uses a Python function of one's own, and differences of floats do not settle.

    >>> import math
    >>> from microgrannd import rule
    >>> from microgrannd.testing import gradcheck
    >>> @rule("f(x)", dx="1", names={"f": lambda x: x + 1e-3 * math.sin(1e40 * x)})
    ... def rough(x):
    ...     "No difference of floats can tell."
    >>> gradcheck(rough, [1.5])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    microgrannd.testing.UndecidedError: ...
    """

    __module__ = "microgrannd.testing"
