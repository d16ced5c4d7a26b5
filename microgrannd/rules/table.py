"""One line per operation, and what a rule is.

A rule is a formula and its partial derivatives, written as formulas of the operands and of the result ``y``.
Everything else reads it: recording, ``backward()``, the tests. To add an operation, add its line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self, SupportsFloat, cast

from . import special
from .rule import F, Rule, plain, rule


def reflected(function: F) -> F:
    """Mark an operator's method for a number on its left: the engine turns its operands round."""
    return cast(F, Reflected(function))


class Reflected:
    """The mark that `reflected` leaves in the table."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__rule__: Rule = function.__rule__  # type: ignore[attr-defined]  # see rule()


@rule(
    "0 if 0 <= b <= 0 else b * pow(a, b - 1)",
    da="0 if 0 <= b * (b - 1) <= 0 else b * (b - 1) * pow(a, b - 2)",
    db="0 if b > 1 else pow(a, b - 1) * (1 + (b * log(a) if b > 0 else 0))",
)  # fmt: skip
def _power_by_base(a: Any, b: Any) -> Any:
    """The derivative of a power by its base 0: its own derivatives are limits, which sums of terms would miss."""


@rule(
    "pow(a, b) * log(a) if b < 0 or a < 0 or a > 0 else a * b * 0",
    da="0 if b > 1 else pow(a, b - 1) * (1 + (b * log(a) if b > 0 else 0))",
    db="0 if b > 0 else pow(a, b) * log(a) * log(a)",
)  # fmt: skip
def _power_by_exponent(a: Any, b: Any) -> Any:
    """The derivative of a power of the base 0 by its exponent."""


@rule("psi(n, x)", dn="nan", dx="polygamma(n + 1, x)", symbol="ψ", names={"psi": special.polygamma})
def _polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma."""


@rule(
    "1 / (1 + exp(-x)) if x > -40 else exp(x)", dx="logistic(x) * logistic(-x)", symbol="σ", written={"y": "1 / (1 + exp(-x))"}
)  # fmt: skip
def _logistic(x: Any) -> Any:
    """The sigmoid, whose derivatives of all orders are accurate far out, where 1 - y would be 0."""


@rule(
    "max(vs)",
    dvs="[share if v >= y else 0 for share in [1 / sum([1 if v >= y else 0 for v in vs])] for v in vs]",
    domain="len(vs) > 0",
    sequences=["vs"],
    symbol="max",
    written={"vs": "[1 if v >= y else 0 for v in vs]"},
)
def _largest(vs: Iterable[SupportsFloat]) -> Any:
    """The largest of several scalars, which share the gradient where they are equal."""


@rule("exp(a - b)", da="y", db="-y", symbol="exp(a − b)")
def _ratio(a: Any, b: Any) -> Any:
    """The ratio of two exponentials."""


#: Where a remainder of a by b exists; where the gamma function does.
DIVISION, GAMMA = "-inf < a < inf and (b < 0 or b > 0)", "x > 0 or -inf < x < 0 and not whole(x)"


class Operations:
    """The table: operators and methods of `microgrannd.Value`."""

    __slots__ = ()

    # Arithmetic

    @rule("a + b", da="1", db="1", symbol="+")
    def __add__(self, other: SupportsFloat) -> Self:
        """Sum of two scalars."""

    @rule("a - b", da="1", db="-1", symbol="−")
    def __sub__(self, other: SupportsFloat) -> Self:
        """Difference of two scalars."""

    @rule("a * b", da="b", db="a", symbol="×")
    def __mul__(self, other: SupportsFloat) -> Self:
        """Product of two scalars."""

    @rule("a / b", da="1 / b", db="-y / b", domain="b < 0 or b > 0", symbol="/")
    def __truediv__(self, other: SupportsFloat) -> Self:
        """Quotient of two scalars."""

    @rule("a % b", da="1", db="-(a // b)", domain="b < 0 or b > 0", symbol="%")
    def __mod__(self, other: SupportsFloat) -> Self:
        """Remainder of the division rounded down, with the sign of the divisor."""

    @rule("a // b", da="0", db="0", domain="b < 0 or b > 0", symbol="//")
    def __floordiv__(self, other: SupportsFloat) -> Self:
        """Quotient rounded down; its slope is 0."""

    @rule(
        "a ** b",
        da="b * pow(a, b - 1) if b > 1 or b < 0 or abs(a) > 1e-300 else by_base(a, b)",
        db="by_exponent(a, b) if 0 <= a <= 0 else y * log(a)",
        domain="a > 0 or a >= 0 and b >= 0 or a < 0 and whole(b) or abs(a) + abs(b) >= inf",
        names={"whole": float.is_integer, "by_base": plain(_power_by_base), "by_exponent": plain(_power_by_exponent)}, symbol="^",
    )  # fmt: skip
    def __pow__(self, other: SupportsFloat) -> Self:
        """Power, with a number or a Value on either side."""

    @rule("-x", dx="-1", symbol="−")
    def __neg__(self) -> Self:
        """The scalar with its sign changed."""

    @rule("abs(x)", dx="1 if x > 0 else -1 if x < 0 else x * 0", symbol="|x|")
    def __abs__(self) -> Self:
        """Absolute value."""

    __radd__, __rsub__, __rmul__ = reflected(__add__), reflected(__sub__), reflected(__mul__)
    __rtruediv__, __rpow__ = reflected(__truediv__), reflected(__pow__)
    __rmod__, __rfloordiv__ = reflected(__mod__), reflected(__floordiv__)

    @rule("1 / x", dx="-y * y", domain="x < 0 or x > 0")
    def reciprocal(self) -> Self:
        """One divided by the scalar."""

    @rule("x * x", dx="2 * x", symbol="x²")
    def square(self) -> Self:
        """The scalar times itself."""

    @rule("a * b + c", da="b", db="a", dc="1")
    def fma(self, other: SupportsFloat, addend: SupportsFloat) -> Self:
        """Product plus a third scalar; both are rounded, on every Python."""

    @rule("sqrt(x)", dx="0.5 / (y + 0)", domain="x >= 0", symbol="√", written={"x": "1 / (2 * y)"})  # -0 + 0 is 0
    def sqrt(self) -> Self:
        """Square root; its slope at 0 is inf."""

    @rule("cbrt(x)", dx="1 / (3 * y * y)", symbol="∛")
    def cbrt(self) -> Self:
        """Cube root, of negative numbers too; its slope at 0 is inf."""

    # Exponentials and logarithms

    @rule("exp(x)", dx="y")
    def exp(self) -> Self:
        """e to the power of the scalar."""

    @rule("exp2(x)", dx="y * log(2)")
    def exp2(self) -> Self:
        """2 to the power of the scalar."""

    @rule("expm1(x)", dx="exp(x)")
    def expm1(self) -> Self:
        """exp(x) - 1, accurate near 0."""

    @rule("log(x)", dx="1 / x", domain="x > 0")
    def log(self) -> Self:
        """Natural logarithm."""

    @rule("log2(x)", dx="1 / x / log(2)", domain="x > 0", written={"x": "1 / (x * log(2))"})
    def log2(self) -> Self:
        """Logarithm to base 2."""

    @rule("log10(x)", dx="1 / x / log(10)", domain="x > 0", written={"x": "1 / (x * log(10))"})
    def log10(self) -> Self:
        """Logarithm to base 10."""

    @rule("log1p(x)", dx="1 / (1 + x)", domain="x > -1")
    def log1p(self) -> Self:
        """log(1 + x), accurate near 0."""

    # Trigonometry

    @rule("sin(x)", dx="cos(x)", domain="-inf < x < inf")
    def sin(self) -> Self:
        """Sine of an angle in radians."""

    @rule("cos(x)", dx="-sin(x)", domain="-inf < x < inf")
    def cos(self) -> Self:
        """Cosine of an angle in radians."""

    @rule("tan(x)", dx="1 + y * y", domain="-inf < x < inf")
    def tan(self) -> Self:
        """Tangent of an angle in radians."""

    @rule("degrees(x)", dx="180 / pi")
    def degrees(self) -> Self:
        """Angle in degrees of one in radians."""

    @rule("radians(x)", dx="pi / 180")
    def radians(self) -> Self:
        """Angle in radians of one in degrees."""

    # 1 - x² in two forms: near 1 only the product is accurate, near 0 only the difference has an accurate derivative

    @rule(
        "asin(x)", dx="1 / sqrt(1 - x * x if abs(x) < 0.5 else (1 - x) * (1 + x))", domain="-1 <= x <= 1",
        written={"x": "1 / sqrt(1 - x * x)"},
    )  # fmt: skip
    def asin(self) -> Self:
        """Inverse sine, in radians."""

    @rule(
        "acos(x)", dx="-1 / sqrt(1 - x * x if abs(x) < 0.5 else (1 - x) * (1 + x))", domain="-1 <= x <= 1",
        written={"x": "-1 / sqrt(1 - x * x)"},
    )  # fmt: skip
    def acos(self) -> Self:
        """Inverse cosine, in radians."""

    @rule("atan(x)", dx="1 / (1 + x * x)")
    def atan(self) -> Self:
        """Inverse tangent, in radians."""

    @rule(
        "atan2(a, b)", da="b / hypot(a, b) / hypot(a, b)", db="-a / hypot(a, b) / hypot(a, b)",
        written={"a": "b / (a * a + b * b)", "b": "-a / (a * a + b * b)"},
    )  # fmt: skip
    def atan2(self, other: SupportsFloat) -> Self:
        """Angle in radians of the point with ordinate self and abscissa other."""

    @rule("hypot(a, b)", da="0 if y <= 0 else a / y", db="0 if y <= 0 else b / y", written={"a": "a / y", "b": "b / y"})
    def hypot(self, other: SupportsFloat) -> Self:
        """Length of the hypotenuse, sqrt(a² + b²), without overflow on the way."""

    # Hyperbolic functions

    @rule("sinh(x)", dx="cosh(x)")
    def sinh(self) -> Self:
        """Hyperbolic sine."""

    @rule("cosh(x)", dx="sinh(x)")
    def cosh(self) -> Self:
        """Hyperbolic cosine."""

    @rule("tanh(x)", dx="1 - y * y")
    def tanh(self) -> Self:
        """Hyperbolic tangent."""

    @rule("asinh(x)", dx="1 / hypot(1, x)")
    def asinh(self) -> Self:
        """Inverse hyperbolic sine."""

    @rule("acosh(x)", dx="1 / (sqrt(x - 1) * sqrt(x + 1))", domain="x >= 1", written={"x": "1 / sqrt(x * x - 1)"})
    def acosh(self) -> Self:
        """Inverse hyperbolic cosine."""

    @rule(
        "atanh(x)", dx="1 / (1 - x * x if abs(x) < 0.5 else (1 - x) * (1 + x))", domain="-1 < x < 1",
        written={"x": "1 / (1 - x * x)"},
    )  # fmt: skip
    def atanh(self) -> Self:
        """Inverse hyperbolic tangent."""

    # Rounding: a step has the slope 0, what a division leaves the slope 1

    @rule("x // 1 if -inf < x < inf else x", dx="0", written={"y": "floor(x)"})
    def floor(self) -> Self:
        """The largest whole number that is not above the scalar."""

    @rule("-(-x // 1) if -inf < x < inf else x", dx="0", written={"y": "ceil(x)"})
    def ceil(self) -> Self:
        """The smallest whole number that is not below the scalar."""

    @rule("copysign(abs(x) // 1, x) if -inf < x < inf else x", dx="0", written={"y": "trunc(x)"})
    def trunc(self) -> Self:
        """The scalar without what comes after the point."""

    @rule("fmod(a, b)", da="1", db="-floor((a - y) / b + 0.5)", domain=DIVISION, names={"floor": plain(floor)})
    def fmod(self, other: SupportsFloat) -> Self:
        """Remainder of the division rounded towards 0, with the sign of the dividend."""

    @rule("remainder(a, b)", da="1", db="-floor((a - y) / b + 0.5)", domain=DIVISION, names={"floor": plain(floor)})
    def remainder(self, other: SupportsFloat) -> Self:
        """Remainder of the division rounded to the nearest whole number, as IEEE 754 has it."""

    @rule("copysign(a, b)", da="0 if 0 <= a <= 0 else copysign(1, a) * copysign(1, b)", db="0")
    def copysign(self, other: SupportsFloat) -> Self:
        """The size of the scalar with the sign of another."""

    # The gamma function

    @rule(
        "digamma(x)", dx="polygamma(1, x)", domain=GAMMA,
        names={"whole": float.is_integer, "digamma": special.digamma, "polygamma": plain(_polygamma)},
    )  # fmt: skip
    def digamma(self) -> Self:
        """Derivative of the logarithm of the gamma function."""

    @rule("gamma(x)", dx="y * digamma(x)", domain=GAMMA, names={"whole": float.is_integer, "digamma": plain(digamma)})
    def gamma(self) -> Self:
        """Gamma function: (x - 1)! between the whole numbers too."""

    @rule(
        "lgamma(x)",
        dx="digamma(x)",
        domain="x > 0 or x < 0 and not whole(x)",
        names={"whole": float.is_integer, "digamma": plain(digamma)},
    )
    def lgamma(self) -> Self:
        """Logarithm of the absolute value of the gamma function."""

    # Of the normal distribution

    @rule("erf(x)", dx="2 / sqrt(pi) * exp(-x * x)")
    def erf(self) -> Self:
        """Error function."""

    @rule("erfc(x)", dx="-2 / sqrt(pi) * exp(-x * x)")
    def erfc(self) -> Self:
        """1 - erf(x), accurate where that is small."""

    # Choices: where two are equal, each gets half of the gradient

    @rule(
        "b if a < b else a if a >= b else a + b",
        da="0 if a < b else 1 if a > b else 0.5",
        db="0 if a > b else 1 if a < b else 0.5",
        written={"y": "max(a, b)"},
    )
    def maximum(self, other: SupportsFloat) -> Self:
        """The larger of two scalars; nan if either is."""

    @rule(
        "b if a > b else a if a <= b else a + b",
        da="0 if a > b else 1 if a < b else 0.5",
        db="0 if a < b else 1 if a > b else 0.5",
        written={"y": "min(a, b)"},
    )
    def minimum(self, other: SupportsFloat) -> Self:
        """The smaller of two scalars; nan if either is."""

    @rule(
        "x if lo <= x <= hi else lo if x < lo <= hi else hi if lo <= hi < x or hi < lo and -inf <= x else x + lo + hi",
        dx="1 if lo <= x <= hi else 0", dlo="1 if x < lo <= hi else 0", dhi="1 if x > hi or lo > hi else 0",
        written={"y": "min(max(x, lo), hi)"},
    )  # fmt: skip
    def clip(self, lo: SupportsFloat, hi: SupportsFloat) -> Self:
        """The scalar, but no less than lo and no more than hi (hi wins, as in NumPy and PyTorch); nan if one is."""

    # Activations

    @rule("1 / (1 + exp(-x)) if x > -40 else exp(x)", dx="y * (1 - y)", symbol="σ", written={"y": "1 / (1 + exp(-x))"})
    def sigmoid(self) -> Self:
        """Logistic function 1 / (1 + exp(-x)), without overflow."""

    @rule(
        "-log1p(exp(-x)) if x > 0 else x - log1p(exp(x))", dx="1 / (1 + exp(x)) if x < 40 else exp(-x)",
        written={"y": "-log(1 + exp(-x))", "x": "1 / (1 + exp(x))"},
    )  # fmt: skip
    def log_sigmoid(self) -> Self:
        """Logarithm of the logistic function."""

    @rule(
        "x + log1p(exp(-x)) if x > 0 else log1p(exp(x))", dx="1 / (1 + exp(-x)) if x > -40 else exp(x)",
        written={"y": "log(1 + exp(x))", "x": "1 / (1 + exp(-x))"},
    )  # fmt: skip
    def softplus(self) -> Self:
        """log(1 + exp(x)), without overflow."""

    @rule("0 if x <= 0 else x", dx="0 if x <= 0 else 1", symbol="ReLU", written={"y": "max(0, x)"})
    def relu(self) -> Self:
        """Rectified linear unit, max(0, x)."""

    @rule("x if x > 0 else slope * x", dx="1 if x > 0 else slope", dslope="0 if x > 0 else x")
    def leaky_relu(self, slope: SupportsFloat = 0.01) -> Self:
        """The scalar where it is positive, elsewhere the scalar times slope."""

    @rule("x if x > 0 else alpha * expm1(x)", dx="1 if x > 0 else alpha * exp(x)", dalpha="0 if x > 0 else expm1(x)")
    def elu(self, alpha: SupportsFloat = 1.0) -> Self:
        """Exponential linear unit (Clevert et al. 2015)."""

    # Far out, where a factor is below any float, the other one may be infinite

    @rule(
        "-0 if x < -39 else x * erfc(-x / sqrt(2)) / 2",
        dx="0 if x < -39 else 1 if x > 39 else erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi)",
        written={
            "y": "x / 2 * (1 + erf(x / sqrt(2)))",
            "x": "(1 + erf(x / sqrt(2))) / 2 + x / sqrt(2 * pi) * exp(-x * x / 2)",
        },
    )
    def gelu(self) -> Self:
        """Gaussian error linear unit, exact (Hendrycks and Gimpel 2016)."""

    @rule(
        "-0 if x < -750 else x * logistic(x)",
        dx="0 if x < -750 else 1 if x > 750 else logistic(x) * (1 + x * logistic(-x))",
        names={"logistic": plain(_logistic)},
        written={"y": "x * logistic(x)", "x": "logistic(x) * (1 + x * logistic(-x))"},
    )
    def silu(self) -> Self:
        """x times the logistic function of x, also called swish."""

    @rule("x / (1 + abs(x))", dx="1 / (1 + abs(x)) ** 2")
    def softsign(self) -> Self:
        """x / (1 + |x|)."""

    # The names that NumPy calls on an array of objects
    absolute = fabs = __abs__
    rad2deg, deg2rad = degrees, radians
    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    arcsinh, arccosh, arctanh = asinh, acosh, atanh


# The largest exponential is exp(0): what the others add to it is summed before the logarithm, however little it is.
# For an infinity or nan among the operands, the sum of their sizes has it in any place.


@rule(
    "max([top + log1p(fsum([-1] + [exp(v - top) for v in vs])) if -inf < top < inf else copysign(sum(map(abs, vs)), top) for top in [max(vs)]])",
    dvs="[share / total for shares in [[exp(v - top) for top in [max(vs)] for v in vs]] for total in [fsum(shares)] for share in shares]",
    domain="len(vs) > 0", sequences=["vs"], written={"y": "log(sum([exp(v) for v in vs]))", "vs": "[exp(v - y) for v in vs]"},
)  # fmt: skip
def logsumexp(vs: Iterable[SupportsFloat]) -> Any:
    """log of the sum of exponentials, without overflow and without loss."""


@rule(
    "dist(vs, [0 for v in vs])", dvs="[0 if y <= 0 else v / y for v in vs]", sequences=["vs"], symbol="‖v‖",
    written={"y": "sqrt(sum([v * v for v in vs]))", "vs": "[v / y for v in vs]"},
)  # fmt: skip
def norm(vs: Iterable[SupportsFloat]) -> Any:
    """Length of a vector, without overflow on the way; its gradient at 0 is 0."""


@rule(
    "dist(ps, qs)", sequences=["ps", "qs"],
    dps="[0 if y <= 0 else (p - q) / y for p, q in zip(ps, qs)]", dqs="[0 if y <= 0 else (q - p) / y for p, q in zip(ps, qs)]",
    written={
        "y": "sqrt(sum([(p - q) ** 2 for p, q in zip(ps, qs)]))",
        "ps": "[(p - q) / y for p, q in zip(ps, qs)]", "qs": "[(q - p) / y for p, q in zip(ps, qs)]",
    },
)  # fmt: skip
def dist(ps: Iterable[SupportsFloat], qs: Iterable[SupportsFloat]) -> Any:
    """Distance of two points, without overflow on the way; where they are one, its gradient is 0."""


@rule("sum(map(mul, ws, xs), b)", dws="xs", dxs="ws", db="1", sequences=["ws", "xs"], symbol="w·x")
def dot(ws: Iterable[SupportsFloat], xs: Iterable[SupportsFloat], bias: SupportsFloat = 0.0) -> Any:
    """Sum of the products of two sequences of one length, plus a bias, as one node."""


@rule("sum(vs) / len(vs)", dvs="[1 / len(vs)] * len(vs)", domain="len(vs) > 0", sequences=["vs"])
def mean(vs: Iterable[SupportsFloat]) -> Any:
    """Arithmetic mean, as one node."""


@rule("fsum(vs)", dvs="[1] * len(vs)", sequences=["vs"], symbol="Σ")
def fsum(vs: Iterable[SupportsFloat]) -> Any:
    """Sum, as one node, rounded once at its end."""


@rule("sum(vs)", dvs="[1] * len(vs)", sequences=["vs"], symbol="Σ")
def sum(vs: Iterable[SupportsFloat]) -> Any:
    """Sum, as one node; of nothing it is 0."""


#: Every rule of the library, by its name.
TABLE: dict[str, Rule] = {
    member.__rule__.name: member.__rule__
    for member in (*vars(Operations).values(), logsumexp, norm, dist, dot, mean, fsum, sum)
    if hasattr(member, "__rule__")
}
