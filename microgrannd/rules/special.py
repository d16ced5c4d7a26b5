"""Derivatives of the logarithm of the gamma function, which `math` does not have, on floats.

Sources: NIST Digital Library of Mathematical Functions (DLMF), chapters 5 and 25; for the rational approximation near
the root of digamma, Boost's digamma.hpp (Maddock 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isinf, log, pi, remainder, tan

from .ieee import divide, power

#: Bernoulli's numbers B₂, B₄, ..., B₂₀.
_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
)  # fmt: skip


#: From here on the asymptotic series have more digits than a float.
_FAR = 10.0


#: The root of digamma in three parts, and Boost's approximation of digamma(x) / (x - root) on [1, 2].
_ROOT = (1569415565 / 2**30, 381566830 / 2**60, 0.9016312093258695918615325266959189453125e-19)
_OFFSET = 0.99558162689208984375
_ABOVE = (
    0.25479851061131551, -0.32555031186804491, -0.65031853770896507, -0.28919126444774784,
    -0.045251321448739056, -0.0020713321167745952,
)  # fmt: skip
_BELOW = (
    1.0, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969, 0.054151797245674225,
    0.0021284987017821144, -0.55789841321675513e-6,
)  # fmt: skip


def digamma(x: float) -> float:
    """Return the derivative of the logarithm of the gamma function.

    Raises:
        ValueError: it has none, as at 0, -1, -2, ...
    """
    return polygamma(0.0, x)


def polygamma(n: float, x: float) -> float:
    """Return the n-th derivative of digamma, for a whole number n.

    Raises:
        ValueError: it has none.
    """
    order = int(n)
    if x != x:
        return x
    if x > 0:
        return _digamma(x) if order == 0 else -((-1) ** order) * _factorial_zeta(order, x)
    if x.is_integer() or isinf(x):
        raise ValueError("math domain error")
    # Reflection, DLMF 5.15.6: the derivatives of π cot(πx) lead to the other side.
    other = _digamma(1 - x) if order == 0 else -_factorial_zeta(order, 1 - x)
    return other - _cotangent(order, x)


def _digamma(x: float) -> float:
    """Return digamma of a positive number."""
    if x >= _FAR:  # DLMF 5.11.2
        series = (b / (2 * k) / power(x, 2 * k) for k, b in enumerate(_BERNOULLI, 1))
        return fsum([log(x), -0.5 / x, *(-term for term in series)])
    terms = []
    while x > 2:  # DLMF 5.5.2
        x -= 1
        terms.append(1 / x)
    if x < 1:
        terms.append(divide(-1, x))
        x += 1
    distance = x - _ROOT[0] - _ROOT[1] - _ROOT[2]
    near = distance * _OFFSET + distance * _polynomial(_ABOVE, x - 1) / _polynomial(_BELOW, x - 1)
    return fsum([near, *terms])


def _factorial_zeta(n: int, x: float) -> float:
    """Return n! ζ(n + 1, x), Hurwitz's zeta function, of a positive number, by DLMF 25.11.5 (Euler and Maclaurin)."""
    s = n + 1
    terms, factor = [], 1.0
    for k in range(1, s):
        factor *= k
    while x < _FAR + n:
        terms.append(power(x, -s))
        x += 1
    terms += [power(x, 1 - s) / (s - 1), power(x, -s) / 2]
    rising = float(s)
    for j, b in enumerate(_BERNOULLI, 1):  # rising: s (s + 1) ... (s + 2j - 2) / (2j)!
        rising = rising / 2 if j == 1 else rising * (s + 2 * j - 3) * (s + 2 * j - 2) / (2 * j - 1) / (2 * j)
        terms.append(b * rising * power(x, 1 - s - 2 * j))
    return factor * fsum(terms)


def _cotangent(n: int, x: float) -> float:
    """Return the n-th derivative of π cot(πx): a polynomial in the cotangent."""
    cotangent = divide(1, tan(pi * remainder(x, 1)))
    coefficients = [0.0, 1.0]
    for _ in range(n):  # the slope of cot is -(1 + cot²)
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [-(a + b) for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    return power(pi, n + 1) * _polynomial(coefficients, cotangent)


def _polynomial(coefficients: Sequence[float], x: float) -> float:
    """Return the value of a polynomial, its constant coefficient being the first."""
    *lower, value = coefficients
    for coefficient in reversed(lower):
        value = value * x + coefficient
    return value
