"""The tables of README.md beside this file: each stands between two comments, under a line that says where and when."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from microgrannd._files import write_bytes

README = Path(__file__).with_name("README.md")

#: What takes part, where it is installed.
PACKAGES = ("microgrannd", "numba", "micrograd", "numpy", "torch", "jax", "autograd", "scikit-learn")


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


def where_and_when() -> str:
    """Return a line with the date, the machine, how busy it is, and the versions of what takes part."""
    busy = f"{os.getloadavg()[0]:.1f} processes at work before, " if hasattr(os, "getloadavg") else ""
    return (
        f"{date.today().isoformat()}, {_processor()}, {os.cpu_count()} cores, {busy}{platform.system()}, "
        f"CPython {platform.python_version()}; {', '.join(filter(None, map(_version, PACKAGES)))}."
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
