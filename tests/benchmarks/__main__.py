"""``python -m tests.benchmarks`` prints how this library compares with its peers, measured side by side."""

import platform

from . import eager
from .timing import HEADER

if __name__ == "__main__":
    print(f"CPython {platform.python_version()}, {platform.machine()}\n\n{HEADER}", flush=True)
    for row in eager.rows():
        print(row, flush=True)
