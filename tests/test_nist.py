"""SciPy's least_squares, given derivatives of this library, reaches NIST's certified values from both of its starts.

Source: NIST, Statistical Reference Datasets, nonlinear regression (https://www.itl.nist.gov/div898/strd/), in the public
domain; the files in tests/nist are NIST's own. The second starts are near the solution, the first ones are not: overflow on
the way has to be inf, so that SciPy takes a shorter step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import microgrannd as mg

np = pytest.importorskip("numpy", reason="SciPy's arrays")
optimize = pytest.importorskip("scipy.optimize", reason="the solver is SciPy's")

FILES = Path(__file__).parent / "nist"


def exponentials(b: Any, x: float) -> Any:
    return b[0] * mg.exp(-b[1] * x) + b[2] * mg.exp(-b[3] * x) + b[4] * mg.exp(-b[5] * x)


def peaks(b: Any, x: float) -> Any:
    bell = lambda height, middle, width: height * mg.exp(-((x - middle) ** 2) / width**2)  # noqa: E731
    return b[0] * mg.exp(-b[1] * x) + bell(*b[2:5]) + bell(*b[5:8])


def cubics(b: Any, x: float) -> Any:
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def southern_oscillation(b: Any, x: float) -> Any:
    wave = lambda period, one, other: one * mg.cos(2 * math.pi * x / period) + other * mg.sin(2 * math.pi * x / period)  # noqa: E731
    return b[0] + wave(12, b[1], b[2]) + wave(b[3], b[4], b[5]) + wave(b[6], b[7], b[8])


def decay(b: Any, x: float) -> Any:
    return mg.exp(-b[0] * x) / (b[1] + b[2] * x)


def saturation(b: Any, x: float) -> Any:
    return b[0] * (1 - mg.exp(-b[1] * x))


#: The models, by the files' names.
MODELS: dict[str, Callable[..., Any]] = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": saturation,
    "Chwirut1": decay,
    "Chwirut2": decay,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": southern_oscillation,
    "Eckerle4": lambda b, x: b[0] / b[1] * mg.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": peaks,
    "Gauss2": peaks,
    "Gauss3": peaks,
    "Hahn1": cubics,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": exponentials,
    "Lanczos2": exponentials,
    "Lanczos3": exponentials,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * mg.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * mg.exp(-x * b[3]) + b[2] * mg.exp(-x * b[4]),
    "Misra1a": saturation,
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x * (1 + b[1] * x) ** -1,
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * mg.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + mg.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + mg.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - mg.atan(b[2] / (x - b[3])) / math.pi,
    "Thurber": cubics,
}


class Dataset(NamedTuple):
    starts: tuple[list[float], list[float]]
    certified: list[float]
    sum_of_squares: float
    rows: list[list[float]]


def read(name: str) -> Dataset:
    lines = (FILES / f"{name}.dat").read_text().splitlines()
    parameters = [list(map(float, line.split("=")[1].split())) for line in lines if re.match(r" *b\d+ *= ", line)]
    residual = next(line for line in lines if line.startswith("Residual Sum of Squares"))
    first = max(index for index, line in enumerate(lines) if line.startswith("Data:")) + 1
    rows = [list(map(float, line.split())) for line in lines[first:] if line.strip()]
    one, other, certified, _ = map(list, zip(*parameters, strict=True))
    return Dataset((one, other), certified, float(residual.split(":")[1]), rows)


def test_there_are_27() -> None:
    assert sorted(MODELS) == sorted(path.stem for path in FILES.glob("*.dat"))
    assert len(MODELS) == 27


@pytest.mark.slow
@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_certified_values_are_reached(name: str, start: int) -> None:
    data, model = read(name), MODELS[name]

    def residuals(b: Any) -> list[Any]:
        if name == "Nelson":
            return [model(b, row[1:]) - math.log(row[0]) for row in data.rows]
        return [model(b, row[1]) - row[0] for row in data.rows]

    with np.errstate(over="ignore", invalid="ignore"):  # of a step too far, which SciPy takes back
        found = optimize.least_squares(
            lambda b: np.array(residuals(b.tolist())),
            data.starts[start - 1],
            jac=lambda b: np.array(mg.jacobian(residuals)(b.tolist())),
            x_scale="jac",
            ftol=1e-15,
            xtol=1e-15,
            gtol=1e-15,
            max_nfev=5000,
        )
    assert found.x == pytest.approx(data.certified, rel=1e-5)
    assert 2 * found.cost == pytest.approx(data.sum_of_squares, rel=1e-5, abs=1e-20)
