"""Measure this library beside its peers, in turns; print the tables, or renew those of README.md beside this file."""

from __future__ import annotations

import argparse
import os
import warnings

from . import aims, checks, costs, growth, sizes
from .chart import write_charts
from .document import renew, renew_front, where_and_when

SECTIONS = {"aims": aims, "sizes": sizes, "growth": growth, "costs": costs, "checks": checks}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{', '.join(SECTIONS)}; all, if none is named")
    parser.add_argument("--write", action="store_true", help="renew the tables and charts of the READMEs")
    given = parser.parse_args()
    unknown = set(given.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    for name in given.sections or SECTIONS:
        measure(name, given.write)


def measure(name: str, write: bool) -> None:
    """Print a section, line by line as it is measured, and write it if it is to be."""
    lines = [where_and_when(), "", *SECTIONS[name].HEADER.splitlines()]
    print("\n".join(["", *lines]), flush=True)
    for line in SECTIONS[name].lines():
        print(line, flush=True)
        lines.append(line)
    if write:
        renew(name, lines)
        renew_front()
    if write and name == "sizes":
        write_charts()


if __name__ == "__main__":
    for setting in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # which slow NumPy down
        os.environ.pop(setting, None)
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}  # one thread for all
    warnings.simplefilter("ignore")  # of overflow in a library whose check meets it
    main()
