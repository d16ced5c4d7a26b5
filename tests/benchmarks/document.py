"""The tables of README.md beside this file: each stands between two comments, under a line that says where and when.

The table of speed in the project's README is taken from them.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from microgrannd import __version__
from microgrannd._files import write_bytes

README = Path(__file__).with_name("README.md")
FRONT = Path(__file__).parents[2] / "README.md"

#: What takes part, where it is installed.
PACKAGES = ("numba", "micrograd", "numpy", "torch", "jax", "autograd", "scikit-learn")


def table(name: str) -> list[str]:
    """Return the lines of a section of the README."""
    found = _block(name).search(README.read_text("utf-8"))
    assert found, f"{README.name} has no section {name}"
    return found["lines"].strip().splitlines()


def renew(name: str, lines: Sequence[str]) -> None:
    """Write the lines of a section into the README."""
    text = "\n".join(["", *lines, ""])
    renewed, count = _block(name).subn(
        lambda found: f"{found['begin']}\n{text}\n{found['end']}", README.read_text("utf-8")
    )
    assert count == 1, f"{README.name} has {count} sections {name}"
    write_bytes(README, renewed.encode())


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<begin><!-- {name} -->)\n(?P<lines>.*?)\n(?P<end><!-- end of {name} -->)", re.DOTALL)


def speed() -> list[str]:
    """Return the rows of the front page: the time of a step here, in Python and by numba, of micrograd and of PyTorch."""
    moons, micrograd = _times("moons step, compiled", "micrograd")
    fast, torch = _times("moons step through fit, by numba", "PyTorch, all rows at once")
    rows = [["moons, 337", f"{moons}; {fast}", micrograd, torch]]
    sizes = [cells for cells in map(cells_of, table("sizes")) if cells[:1] and cells[0] in ("433", "4,801", "17,793")]
    rows += [[f"MLP, {size}", f"{python}; {numba}", peer, torch] for size, python, numba, _, peer, _, torch, _ in sizes]
    python, own = _times("GPT's step with Adam inside of fit, by python", "its own Value")
    numba, torch = _times("GPT's step with Adam inside of fit, by numba", "PyTorch, with fused=True for Adam")
    rows.append(["GPT, 4,192", f"{python}; {numba}", own, torch])
    return [f"| {' | '.join(row)} |" for row in rows]


def renew_front() -> None:
    """Write these rows into the front page."""
    rows = re.compile(r"(?<=\n)(\| a step of .*\n\|[-|]+\n)(?:\|.*\n)+")
    text, count = rows.subn(lambda found: found[1] + "\n".join([*speed(), ""]), FRONT.read_text("utf-8"))
    assert count == 1, f"{FRONT.name} has {count} tables of speed"
    write_bytes(FRONT, text.encode())


def _times(work: str, peer: str) -> tuple[str, str]:
    """Return the time here and that of the peer, of a row of the aims."""
    (detail,) = [cells[-1] for cells in map(cells_of, table("aims")) if cells[:2] == [work, peer]]
    ours, theirs = detail.split(" against ")
    return ours, theirs


def cells_of(line: str) -> list[str]:
    """Return the cells of a table's line."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def where_and_when() -> str:
    """Return a line with the date, the machine, how busy it is, and the versions of what takes part."""
    busy = f"{os.getloadavg()[0]:.1f} processes at work before, " if hasattr(os, "getloadavg") else ""
    return (
        f"{date.today().isoformat()}, {_processor()}, {os.cpu_count()} cores, {busy}{platform.system()}, "
        f"CPython {platform.python_version()}; microgrannd {__version__}, {', '.join(filter(None, map(_version, PACKAGES)))}."
    )


def _processor() -> str:
    """Return the processor's name, or its kind where the system does not tell it."""
    information = Path("/proc/cpuinfo")
    text = information.read_text("utf-8") if information.exists() else ""
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
