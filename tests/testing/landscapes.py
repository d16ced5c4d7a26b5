"""Forty standard test functions of global optimisation, with their usual domains.

Source: Jamil and Yang (2013), A literature survey of benchmark functions for global optimization problems, International
Journal of Mathematical Modelling and Numerical Optimisation 4(2).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import e, pi
from typing import Any, NamedTuple

import microgrannd as mg


class Landscape(NamedTuple):
    """A function of a list of numbers, and the box in which they lie."""

    f: Callable[[Any], Any]
    box: list[tuple[float, float]]


LANDSCAPES: dict[str, Landscape] = {}


def over(*box: tuple[float, float], times: int = 1) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def add(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        LANDSCAPES[f.__name__] = Landscape(f, [*box] * times)
        return f

    return add


@over((-35, 35), times=3)
def ackley(x: Any) -> Any:
    waves = mg.mean([mg.cos(2 * pi * v) for v in x])
    return 20 + e - 20 * mg.exp(-0.2 * mg.sqrt(mg.mean([v * v for v in x]))) - mg.exp(waves)


@over((-10, 10), times=3)
def alpine(x: Any) -> Any:
    return mg.sum([abs(v * mg.sin(v) + 0.1 * v) for v in x])


@over((-4.5, 4.5), times=2)
def beale(x: Any) -> Any:
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


@over((-2 * pi, 2 * pi), times=2)
def bird(x: Any) -> Any:
    a, b = x
    return mg.sin(a) * mg.exp((1 - mg.cos(b)) ** 2) + mg.cos(b) * mg.exp((1 - mg.sin(a)) ** 2) + (a - b) ** 2


@over((-100, 100), times=2)
def bohachevsky(x: Any) -> Any:
    a, b = x
    return a**2 + 2 * b**2 - 0.3 * mg.cos(3 * pi * a) - 0.4 * mg.cos(4 * pi * b) + 0.7


@over((-10, 10), times=2)
def booth(x: Any) -> Any:
    a, b = x
    return (a + 2 * b - 7) ** 2 + (2 * a + b - 5) ** 2


@over((-5, 10), (0, 15))
def branin(x: Any) -> Any:
    a, b = x
    return (b - 5.1 / (4 * pi**2) * a**2 + 5 / pi * a - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * mg.cos(a) + 10


@over((-1, 4), times=3)
def brown(x: Any) -> Any:
    return mg.sum([(a**2) ** (b**2 + 1) + (b**2) ** (a**2 + 1) for a, b in itertools.pairwise(x)])


@over((-15, -5), (-3, 3))
def bukin(x: Any) -> Any:
    a, b = x
    return 100 * mg.sqrt(abs(b - 0.01 * a**2)) + 0.01 * abs(a + 10)


@over((-5, 5), times=2)
def camel(x: Any) -> Any:
    a, b = x
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2


@over((-10, 10), times=4)
def colville(x: Any) -> Any:
    a, b, c, d = x
    rest = 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)
    return 100 * (a - b**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2 + rest


@over((-1, 1), times=3)
def cosine_mixture(x: Any) -> Any:
    return -0.1 * mg.sum([mg.cos(5 * pi * v) for v in x]) - mg.sum([v * v for v in x])


@over((-10, 10), times=2)
def cross_in_tray(x: Any) -> Any:
    a, b = x
    return -0.0001 * (abs(mg.sin(a) * mg.sin(b) * mg.exp(abs(100 - mg.hypot(a, b) / pi))) + 1) ** 0.1


@over((-10, 10), times=3)
def dixon_price(x: Any) -> Any:
    rest = [(index + 2) * (2 * b**2 - a) ** 2 for index, (a, b) in enumerate(itertools.pairwise(x))]
    return (x[0] - 1) ** 2 + mg.sum(rest)


@over((-5.12, 5.12), times=2)
def drop_wave(x: Any) -> Any:
    square = mg.sum([v * v for v in x])
    return -(1 + mg.cos(12 * mg.sqrt(square))) / (0.5 * square + 2)


@over((-100, 100), times=2)
def easom(x: Any) -> Any:
    a, b = x
    return -mg.cos(a) * mg.cos(b) * mg.exp(-((a - pi) ** 2) - (b - pi) ** 2)


@over((-512, 512), times=2)
def egg_holder(x: Any) -> Any:
    a, b = x
    return -(b + 47) * mg.sin(mg.sqrt(abs(b + a / 2 + 47))) - a * mg.sin(mg.sqrt(abs(a - b - 47)))


@over((-1, 1), times=3)
def exponential(x: Any) -> Any:
    return -mg.exp(-0.5 * mg.sum([v * v for v in x]))


@over((-2, 2), times=2)
def goldstein_price(x: Any) -> Any:
    a, b = x
    one = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    return one * (30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2))


@over((-100, 100), times=3)
def griewank(x: Any) -> Any:
    product = mg.cos(x[0])
    for index, v in enumerate(x[1:], 2):
        product = product * mg.cos(v / index**0.5)
    return mg.sum([v * v / 4000 for v in x]) - product + 1


@over((-5, 5), times=2)
def himmelblau(x: Any) -> Any:
    a, b = x
    return (a**2 + b - 11) ** 2 + (a + b**2 - 7) ** 2


@over((-10, 10), times=2)
def holder_table(x: Any) -> Any:
    a, b = x
    return -abs(mg.sin(a) * mg.cos(b) * mg.exp(abs(1 - mg.hypot(a, b) / pi)))


@over((-10, 10), times=2)
def levy_13(x: Any) -> Any:
    a, b = x
    rest = (a - 1) ** 2 * (1 + mg.sin(3 * pi * b) ** 2) + (b - 1) ** 2 * (1 + mg.sin(2 * pi * b) ** 2)
    return mg.sin(3 * pi * a) ** 2 + rest


@over((-10, 10), times=2)
def matyas(x: Any) -> Any:
    a, b = x
    return 0.26 * (a**2 + b**2) - 0.48 * a * b


@over((-1.5, 4), (-3, 4))
def mccormick(x: Any) -> Any:
    a, b = x
    return mg.sin(a + b) + (a - b) ** 2 - 1.5 * a + 2.5 * b + 1


@over((0, pi), times=3)
def michalewicz(x: Any) -> Any:
    return -mg.sum([mg.sin(v) * mg.sin(index * v**2 / pi) ** 20 for index, v in enumerate(x, 1)])


@over((-4, 5), times=4)
def powell(x: Any) -> Any:
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


@over((-5.12, 5.12), times=3)
def rastrigin(x: Any) -> Any:
    return 10 * len(x) + mg.sum([v * v - 10 * mg.cos(2 * pi * v) for v in x])


@over((-30, 30), times=3)
def rosenbrock(x: Any) -> Any:
    return mg.sum([100 * (b - a**2) ** 2 + (a - 1) ** 2 for a, b in itertools.pairwise(x)])


@over((-100, 100), times=3)
def salomon(x: Any) -> Any:
    length = mg.sqrt(mg.sum([v * v for v in x]))
    return 1 - mg.cos(2 * pi * length) + 0.1 * length


@over((-100, 100), times=2)
def schaffer(x: Any) -> Any:
    a, b = x
    return 0.5 + (mg.sin(a**2 - b**2) ** 2 - 0.5) / (1 + 0.001 * (a**2 + b**2)) ** 2


@over((-500, 500), times=3)
def schwefel(x: Any) -> Any:
    return 418.9829 * len(x) - mg.sum([v * mg.sin(mg.sqrt(abs(v))) for v in x])


@over((0, 10), times=4)
def shekel(x: Any) -> Any:
    wells = [(4.0, 0.1), (1.0, 0.2), (8.0, 0.2), (6.0, 0.4)]
    return -mg.sum([1 / (mg.sum([(v - c) ** 2 for v in x]) + b) for c, b in wells])


@over((-10, 10), times=2)
def shubert(x: Any) -> Any:
    a, b = x
    return mg.sum([i * mg.cos((i + 1) * a + i) for i in range(1, 6)]) * mg.sum(
        [i * mg.cos((i + 1) * b + i) for i in range(1, 6)]
    )


@over((-5, 5), times=3)
def styblinski_tang(x: Any) -> Any:
    return mg.sum([v**4 - 16 * v**2 + 5 * v for v in x]) / 2


@over((-10, 10), times=2)
def trefethen(x: Any) -> Any:
    a, b = x
    waves = mg.sin(60 * mg.exp(a)) + mg.sin(70 * mg.sin(a)) + mg.sin(mg.sin(80 * b)) - mg.sin(10 * (a + b))
    return mg.exp(mg.sin(50 * a)) + waves + (a**2 + b**2) / 4


@over((-9, 9), times=3)
def trid(x: Any) -> Any:
    return mg.sum([(v - 1) ** 2 for v in x]) - mg.sum([a * b for a, b in itertools.pairwise(x)])


@over((-500, 500), times=2)
def vincent(x: Any) -> Any:
    return -mg.mean([mg.sin(10 * mg.log(abs(v))) for v in x])


@over((0, 10), times=3)
def xin_she_yang(x: Any) -> Any:
    return mg.sum(x) * mg.exp(-mg.sum([mg.sin(v**2) for v in x]))


@over((-5, 10), times=3)
def zakharov(x: Any) -> Any:
    weighted = mg.sum([0.5 * index * v for index, v in enumerate(x, 1)])
    return mg.sum([v * v for v in x]) + weighted**2 + weighted**4
