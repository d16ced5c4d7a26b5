"""Minimisers of SciPy, given derivatives of this library, reach published minima from published starting points."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath
import pytest

import microgrannd as mg

np = pytest.importorskip("numpy", reason="SciPy's arrays")
optimize = pytest.importorskip("scipy.optimize", reason="the minimisers are SciPy's")

Residuals = Callable[..., list[Any]]


def either(name: str) -> Callable[[Any], Any]:
    """A function of Values and floats, and of mpmath's numbers for the reference."""
    return lambda x: getattr(mpmath if isinstance(x, mpmath.mpf) else mg, name)(x)


exp, sin, cos, atan, sqrt = map(either, ["exp", "sin", "cos", "atan", "sqrt"])


def sum_of_squares(residuals: Residuals) -> Callable[[Any], Any]:
    return lambda x: mg.sum([r * r for r in residuals(*x)])


def steps(count: int, size: float) -> list[float]:
    return [i * size for i in range(1, count + 1)]


class Problem(NamedTuple):
    name: str
    residuals: Residuals
    start: list[float]
    minima: list[float]


def helical_valley(a: Any, b: Any, c: Any) -> list[Any]:
    turns = atan(b / a) / (2 * math.pi) + (0.5 if a < 0 else 0)
    return [10 * (c - 10 * turns), 10 * (sqrt(a * a + b * b) - 1), c]


def watson(*x: Any) -> list[Any]:
    def residual(t: float) -> Any:
        slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        return slope - sum(x[j] * t**j for j in range(len(x))) ** 2 - 1

    return [*map(residual, steps(29, 1 / 29)), x[0], x[1] - x[0] ** 2 - 1]


def penalty_2(*x: Any) -> list[Any]:
    n, small = len(x), sqrt(1e-5)
    both = [exp(b / 10) + exp(a / 10) - exp(i / 10) - exp((i - 1) / 10) for i, (a, b) in enumerate(pairwise(x), 2)]
    last = sum((n - j) * x[j] ** 2 for j in range(n)) - 1
    return [x[0] - 0.2, *(small * r for r in both), *(small * (exp(a / 10) - exp(-1 / 10)) for a in x[1:]), last]


def variably_dimensioned(*x: Any) -> list[Any]:
    weighted = sum(j * (a - 1) for j, a in enumerate(x, 1))
    return [*(a - 1 for a in x), weighted, weighted**2]


def trigonometric(*x: Any) -> list[Any]:
    common = len(x) - sum(map(cos, x))
    return [common + i * (1 - cos(a)) - sin(a) for i, a in enumerate(x, 1)]


def brown_almost_linear(*x: Any) -> list[Any]:
    return [*(a + sum(x) - (len(x) + 1) for a in x[:-1]), math.prod(x) - 1]


def discrete_boundary_value(*x: Any) -> list[Any]:
    h, padded = 1 / (len(x) + 1), [0, *x, 0]
    triples = enumerate(zip(padded, x, padded[2:], strict=False), 1)
    return [2 * b - a - c + h * h * (b + i * h + 1) ** 3 / 2 for i, (a, b, c) in triples]


def broyden_tridiagonal(*x: Any) -> list[Any]:
    padded = [0, *x, 0]
    return [(3 - 2 * b) * b - a - 2 * c + 1 for a, b, c in zip(padded, x, padded[2:], strict=False)]


def chebyquad(*x: Any) -> list[Any]:
    shifted = [2 * a - 1 for a in x]
    polynomials: list[Any] = [[1.0] * len(x), shifted]
    for _ in x[1:]:
        before, last = polynomials[-2:]
        polynomials.append([2 * s * t - u for s, t, u in zip(shifted, last, before, strict=True)])
    integrals = [0 if i % 2 else -1 / (i * i - 1) for i in range(1, len(x) + 1)]
    return [sum(row) / len(x) - integral for row, integral in zip(polynomials[1:], integrals, strict=True)]


BARD = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
GAUSSIAN = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
KOWALIK_X = [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]
KOWALIK_Y = [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]


def bard(a: Any, b: Any, c: Any) -> list[Any]:
    return [y - (a + u / ((16 - u) * b + min(u, 16 - u) * c)) for u, y in enumerate(BARD, 1)]


def gaussian(a: Any, b: Any, c: Any) -> list[Any]:
    return [a * exp(-b * ((8 - i) / 2 - c) ** 2 / 2) - y for i, y in enumerate(GAUSSIAN + GAUSSIAN[-2::-1], 1)]


def gulf(a: Any, b: Any, c: Any) -> list[Any]:
    return [exp(-(abs(25 + (-50 * math.log(t)) ** (2 / 3) - b) ** c) / a) - t for t in steps(10, 0.01)]


def box(a: Any, b: Any, c: Any) -> list[Any]:
    return [exp(-t * a) - exp(-t * b) - c * (exp(-t) - exp(-10 * t)) for t in steps(10, 0.1)]


def biggs(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> list[Any]:
    def residual(t: float) -> Any:
        y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
        return c * exp(-t * a) - d * exp(-t * b) + f * exp(-t * e) - y

    return list(map(residual, steps(13, 0.1)))


def wood(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    ends = [sqrt(10) * (b + d - 2), (b - d) / sqrt(10)]
    return [10 * (b - a * a), 1 - a, sqrt(90) * (d - c * c), 1 - c, *ends]


def kowalik_osborne(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    return [y - a * (u * u + u * b) / (u * u + u * c + d) for u, y in zip(KOWALIK_X, KOWALIK_Y, strict=True)]


def rosenbrock(*x: Any) -> list[Any]:
    return [r for a, b in pairwise(x) for r in (10 * (b - a * a), 1 - a)]


#: By J. J. Moré, B. S. Garbow, K. E. Hillstrom, Testing unconstrained optimization software, ACM TOMS 7 (1981) 17-41,
#: with the digits of that paper. Of several minima, those to which the start leads.
PROBLEMS = [
    Problem("Rosenbrock 2", rosenbrock, [-1.2, 1], [0]),
    # chained, which the paper's is not; from (-1.2, 1, -1.2, ...) some methods go to a local minimum near (-1, 1, 1, ...)
    *[Problem(f"Rosenbrock {n}", rosenbrock, [-0.5] * n, [0]) for n in (5, 10, 20)],
    Problem(
        "Freudenstein and Roth",
        lambda a, b: [-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b],
        [0.5, -2],
        [48.9842],  # a local minimum, the paper's second; 0 is far away, at (5, 4)
    ),
    Problem("Powell badly scaled", lambda a, b: [1e4 * a * b - 1, exp(-a) + exp(-b) - 1.0001], [0, 1], [0]),
    Problem("Brown badly scaled", lambda a, b: [a - 1e6, b - 2e-6, a * b - 2], [1, 1], [0]),
    Problem("Beale", lambda a, b: [1.5 - a * (1 - b), 2.25 - a * (1 - b**2), 2.625 - a * (1 - b**3)], [1, 1], [0]),
    Problem(
        "Jennrich and Sampson",
        lambda a, b: [2 + 2 * i - (exp(i * a) + exp(i * b)) for i in range(1, 11)],
        [0.3, 0.4],
        [124.362],
    ),
    Problem("helical valley", helical_valley, [-1, 0, 0], [0]),
    Problem("Bard", bard, [1, 1, 1], [8.21487e-3]),
    Problem("Gaussian", gaussian, [0.4, 1, 0], [1.12793e-8]),
    Problem("Gulf research and development", gulf, [5, 2.5, 0.15], [0]),
    Problem("Box three-dimensional", box, [0, 10, 20], [0]),
    Problem(
        "Powell singular",
        lambda a, b, c, d: [a + 10 * b, sqrt(5) * (c - d), (b - 2 * c) ** 2, sqrt(10) * (a - d) ** 2],
        [3, -1, 0, 1],
        [0],
    ),
    Problem("Wood", wood, [-3, -1, -3, -1], [0]),
    Problem("Kowalik and Osborne", kowalik_osborne, [0.25, 0.39, 0.415, 0.39], [3.07505e-4]),
    Problem(
        "Brown and Dennis",
        lambda a, b, c, d: [(a + t * b - exp(t)) ** 2 + (c + d * sin(t) - cos(t)) ** 2 for t in steps(20, 0.2)],
        [25, 5, -5, -1],
        [85822.2],
    ),
    Problem("Biggs EXP6", biggs, [1, 2, 1, 1, 1, 1], [5.65565e-3, 0]),  # by BFGS the first, by trust-exact 0
    Problem("Watson", watson, [0] * 6, [2.28767e-3]),
    Problem(
        "penalty I",
        lambda *x: [*(sqrt(1e-5) * (a - 1) for a in x), sum(a * a for a in x) - 0.25],
        [1, 2, 3, 4],
        [2.24997e-5],
    ),
    Problem("penalty II", penalty_2, [0.5] * 4, [9.37629e-6]),
    Problem("variably dimensioned", variably_dimensioned, [1 - j / 10 for j in range(1, 11)], [0]),
    Problem("trigonometric", trigonometric, [1 / 10] * 10, [2.79506e-5]),
    Problem("Brown almost linear", brown_almost_linear, [0.5] * 10, [0]),
    Problem("discrete boundary value", discrete_boundary_value, [t * (t - 1) for t in steps(10, 1 / 11)], [0]),
    Problem("Broyden tridiagonal", broyden_tridiagonal, [-1] * 10, [0]),
    Problem("Chebyquad 7", chebyquad, steps(7, 1 / 8), [0]),
    Problem("Chebyquad 8", chebyquad, steps(8, 1 / 9), [3.51687e-3]),
]

METHODS: dict[str, dict[str, Any]] = {
    "BFGS": {"gtol": 1e-9},
    "Newton-CG": {"xtol": 1e-10},
    "trust-exact": {"gtol": 1e-9, "max_trust_radius": 1e7},
}

#: The other two methods solve these as well.
UNSOLVED = {
    "Newton-CG": [
        # it takes a curvature of less than 3 machine epsilons for none; multiplied by 1e10 these four are solved
        *["Powell singular", "Biggs EXP6", "penalty I", "penalty II"],
        # the condition of the Hessian is 1e16, beyond conjugate gradients
        "Powell badly scaled",
        # the Hessian is indefinite in between, where it follows the gradient, until it is out of steps
        *["Gulf research and development", "Wood"],
    ]
}
SOLVED = [
    (problem, method) for problem in PROBLEMS for method in METHODS if problem.name not in UNSOLVED.get(method, ())
]


def label(part: Any) -> str:
    return str(getattr(part, "name", part))


@pytest.mark.parametrize(("problem", "method"), SOLVED, ids=label)
def test_a_known_minimum_is_reached_from_the_standard_start(problem: Problem, method: str) -> None:
    f = sum_of_squares(problem.residuals)
    start, options = np.array(problem.start, float), METHODS[method]
    if method == "BFGS":
        result = optimize.minimize(mg.value_and_grad(f), start, jac=True, method=method, options=options)
    else:
        result = optimize.minimize(f, start, jac=mg.grad(f), hess=mg.hessian(f), method=method, options=options)
    assert any(result.fun == pytest.approx(minimum, rel=1e-5, abs=1e-13) for minimum in problem.minima)
    assert np.abs(mg.grad(f)(result.x)).max() < 1e-5 * max(1, result.fun)


@pytest.mark.parametrize("problem", PROBLEMS, ids=label)
def test_gradient_and_hessian_at_the_start_agree_with_mpmath(problem: Problem) -> None:
    f, n = sum_of_squares(problem.residuals), len(problem.start)

    def exact(*x: Any) -> Any:
        return mpmath.fsum(r * r for r in problem.residuals(*x))

    def derivative(*indices: int) -> float:
        return float(mpmath.diff(exact, problem.start, tuple(map(indices.count, range(n)))))

    gradient = np.array([derivative(i) for i in range(n)])
    hessian = np.array([[derivative(*sorted((i, j))) for j in range(n)] for i in range(n)])
    assert np.array(mg.grad(f)(problem.start)) == pytest.approx(gradient, rel=1e-10, abs=1e-13)
    assert np.array(mg.hessian(f)(problem.start)) == pytest.approx(hessian, rel=1e-10, abs=1e-13)


class DataSet(NamedTuple):
    name: str
    model: Callable[..., Any]
    x: list[float]
    y: list[float]
    starts: list[list[float]]
    certified: list[float]
    residual_sum_of_squares: float


def three_exponentials(x: float, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    return a * exp(-b * x) + c * exp(-d * x) + e * exp(-f * x)


MISRA_X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
MISRA_Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]

#: NIST's Statistical Reference Datasets for nonlinear regression, in the public domain, with all their 11 digits.
DATA_SETS = [
    DataSet(
        "Misra1a",
        lambda x, a, b: a * (1 - exp(-b * x)),
        MISRA_X,
        MISRA_Y,
        [[500, 0.0001], [250, 0.0005]],
        [2.3894212918e02, 5.5015643181e-04],
        1.2455138894e-01,
    ),
    DataSet(
        "Misra1b",
        lambda x, a, b: a * (1 - (1 + b * x / 2) ** -2),
        MISRA_X,
        MISRA_Y,
        [[500, 0.0001], [300, 0.0002]],
        [3.3799746163e02, 3.9039091287e-04],
        7.5464681533e-02,
    ),
    DataSet(
        "Misra1c",
        lambda x, a, b: a * (1 - (1 + 2 * b * x) ** -0.5),
        MISRA_X,
        MISRA_Y,
        [[500, 0.0001], [600, 0.0002]],
        [6.3642725809e02, 2.0813627256e-04],
        4.0966836971e-02,
    ),
    DataSet(
        "Misra1d",
        lambda x, a, b: a * b * x * (1 + b * x) ** -1,
        MISRA_X,
        MISRA_Y,
        [[500, 0.0001], [450, 0.0003]],
        [4.3736970754e02, 3.0227324449e-04],
        5.6419295283e-02,
    ),
    DataSet(
        "DanWood",
        lambda x, a, b: a * x**b,
        [1.309, 1.471, 1.490, 1.565, 1.611, 1.680],
        [2.138, 3.421, 3.597, 4.340, 4.882, 5.660],
        [[1, 5], [0.7, 4]],
        [7.6886226176e-01, 3.8604055871e00],
        4.3173084083e-03,
    ),
    DataSet(
        "BoxBOD",
        lambda x, a, b: a * (1 - exp(-b * x)),
        [1, 2, 3, 5, 7, 10],
        [109, 149, 149, 191, 213, 224],
        [[1, 1], [100, 0.75]],  # from the first, a step leads to exp(1061)
        [2.1380940889e02, 5.4723748542e-01],
        1.1680088766e03,
    ),
    DataSet(
        "MGH09",
        lambda x, a, b, c, d: a * (x**2 + x * b) / (x**2 + x * c + d),
        KOWALIK_X,
        KOWALIK_Y,
        [[25, 39, 41.5, 39], [0.25, 0.39, 0.415, 0.39]],
        [1.9280693458e-01, 1.9128232873e-01, 1.2305650693e-01, 1.3606233068e-01],
        3.0750560385e-04,
    ),
    DataSet(
        "MGH17",
        lambda x, a, b, c, d, e: a + b * exp(-x * d) + c * exp(-x * e),
        [10 * i for i in range(33)],
        [
            *[
                0.844,
                0.908,
                0.932,
                0.936,
                0.925,
                0.908,
                0.881,
                0.85,
                0.818,
                0.784,
                0.751,
                0.718,
                0.685,
                0.658,
                0.628,
                0.603,
            ],
            *[
                0.58,
                0.558,
                0.538,
                0.522,
                0.506,
                0.49,
                0.478,
                0.467,
                0.457,
                0.448,
                0.438,
                0.431,
                0.424,
                0.42,
                0.414,
                0.411,
            ],
            0.406,
        ],
        [[50, 150, -100, 1, 2], [0.5, 1.5, -1, 0.01, 0.02]],
        [3.7541005211e-01, 1.9358469127e00, -1.4646871366e00, 1.2867534640e-02, 2.2122699662e-02],
        5.4648946975e-05,
    ),
    DataSet(
        "MGH10",
        lambda x, a, b, c: a * exp(b / (x + c)),
        [50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 125],
        [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872],
        [[2, 400000, 25000], [0.02, 4000, 250]],
        [5.6096364710e-03, 6.1813463463e03, 3.4522363462e02],
        8.7945855171e01,
    ),
    DataSet(
        "Rat42",
        lambda x, a, b, c: a / (1 + exp(b - c * x)),
        [9, 14, 21, 28, 42, 57, 63, 70, 79],
        [8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08],
        [[100, 1, 0.1], [75, 2.5, 0.07]],
        [7.2462237576e01, 2.6180768402e00, 6.7359200066e-02],
        8.0565229338e00,
    ),
    DataSet(
        "Rat43",
        lambda x, a, b, c, d: a / (1 + exp(b - c * x)) ** (1 / d),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [
            16.08,
            33.83,
            65.8,
            97.2,
            191.55,
            326.2,
            386.87,
            520.53,
            590.03,
            651.92,
            724.93,
            699.56,
            689.96,
            637.56,
            717.41,
        ],
        [[100, 10, 1, 1], [700, 5, 0.75, 1.3]],
        [6.9964151270e02, 5.2771253025e00, 7.5962938329e-01, 1.2792483859e00],
        8.7864049080e03,
    ),
    DataSet(
        "Lanczos3",
        three_exponentials,
        [i / 20 for i in range(24)],
        [2.5134, 2.0443, 1.6684, 1.3664, 1.1232, 0.9269, 0.7679, 0.6389, 0.5338, 0.4479, 0.3776, 0.3197]
        + [0.2720, 0.2325, 0.1997, 0.1723, 0.1493, 0.1301, 0.1138, 0.1000, 0.0883, 0.0783, 0.0698, 0.0624],
        [[1.2, 0.3, 5.6, 5.5, 6.5, 7.6], [0.5, 0.7, 3.6, 4.2, 4, 6.3]],
        [8.6816414977e-02, 9.5498101505e-01, 8.4400777463e-01, 2.9515951832e00, 1.5825685901e00, 4.9863565084e00],
        1.6117193594e-08,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("data", DATA_SETS, ids=label)
def test_least_squares_have_the_certified_digits(data: DataSet) -> None:
    def residuals(parameters: Any) -> list[Any]:
        return [data.model(x, *parameters) - y for x, y in zip(data.x, data.y, strict=True)]

    squares = sum_of_squares(lambda *parameters: residuals(parameters))
    settings = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
    for start in data.starts:
        with np.errstate(invalid="ignore", over="ignore"):  # of a step too far, which SciPy takes back
            b = optimize.least_squares(residuals, start, jac=mg.jacobian(residuals), x_scale="jac", **settings).x
        for _ in range(3):
            b = b - np.linalg.solve(mg.hessian(squares)(b), mg.grad(squares)(b))
        assert b == pytest.approx(data.certified, rel=1e-10, abs=0)
        assert squares(b) == pytest.approx(data.residual_sum_of_squares, rel=1e-10, abs=0)
