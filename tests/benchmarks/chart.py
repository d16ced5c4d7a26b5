"""The chart of seconds by size of network, light and dark, from the table in README.md: it shows what that says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from .document import README, cells_of, table
from .sizes import seconds

#: The colours of the ink, and of each column; ours are bold (Okabe and Ito 2008, Color Universal Design).
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "sizes.svg": {
        "ink": "#333333", "numba": "#0072b2", "Python": "#56b4e9", "recorded": "#009e73", "micrograd": "#d55e00",
        "NumPy": "#777777", "PyTorch": "#b0508c", "JAX": "#a06b00",
    },
    "sizes-dark.svg": {
        "ink": "#cccccc", "numba": "#4da6ff", "Python": "#56b4e9", "recorded": "#2fc79a", "micrograd": "#ff8f3f",
        "NumPy": "#999999", "PyTorch": "#e58fc0", "JAX": "#e0b040",
    },
}  # fmt: skip

OURS = ("numba", "Python", "recorded")


def curves() -> dict[str, list[tuple[int, float]]]:
    """Return the points, parameters and seconds, of each column of the table."""
    header, _, *rows = (cells_of(line) for line in table("sizes") if "|" in line)
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in header[1:]}
    for size, *cells in rows:
        for name, cell in zip(header[1:], cells, strict=True):
            if cell:
                found[name].append((int(size.replace(",", "")), seconds(cell)))
    return {name: points for name, points in found.items() if points}


def write_charts(folder: Path = README.parent) -> None:
    """Write a chart for light pages and one for dark ones."""
    for file, colours in SCHEMES.items():
        _write(folder / file, curves(), colours)


def _write(path: Path, points: Mapping[str, list[tuple[int, float]]], colours: Mapping[str, str]) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, NullLocator, StrMethodFormatter

    ink = {f"{part}.color": colours["ink"] for part in ("text", "xtick", "ytick")}
    ink |= {f"axes.{part}color": colours["ink"] for part in ("label", "edge")}
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name, "font.family": "sans-serif", **ink}):
        figure = Figure(figsize=(7.6, 4.4), layout="constrained")
        FigureCanvasSVG(figure)
        ax = figure.subplots()
        for name, curve in points.items():
            width = 2.4 if name in OURS else 1.3
            ax.plot(*zip(*curve, strict=True), "o-", color=colours[name], linewidth=width, markersize=3.5, gid=name)
        last = max(curve[-1][0] for curve in points.values())
        for name, x, y in _labels(points):
            beside = {"xytext": (8, 0), "va": "center"} if x == last else {"xytext": (4, 7), "ha": "right"}
            ax.annotate(
                f"microgrannd, {name}" if name in OURS else name, (x, y), textcoords="offset points", **beside,
                color=colours[name], weight="bold" if name in OURS else "normal",
            )  # fmt: skip
        ax.loglog()
        ax.set_xlim(20, 120_000)  # with room for the names
        for axis, form in ((ax.xaxis, StrMethodFormatter("{x:,.0f}")), (ax.yaxis, EngFormatter("s"))):
            axis.set(major_formatter=form, minor_locator=NullLocator())
        ax.spines[["top", "right"]].set_visible(False)
        ax.set(xlabel="parameters of MLP(8, [n, n, 1])", title="Time for a training step of 32 rows")
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _labels(points: Mapping[str, list[tuple[int, float]]]) -> Iterator[tuple[str, int, float]]:
    """Yield names beside the ends of their curves, those of one size far enough apart to be read."""
    below: dict[int, float] = {}
    for name, curve in sorted(points.items(), key=lambda item: item[1][-1][1]):
        size, height = curve[-1]
        below[size] = max(height, below.get(size, 0.0) * GAP)
        yield name, size, below[size]


#: The ratio of heights of two names that do not touch.
GAP = 2.1
