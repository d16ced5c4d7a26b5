"""``python -m tests.benchmarks`` prints how this library compares with its peers, measured side by side."""

import platform
from itertools import chain

from . import compiled, eager, growth
from .timing import HEADER

if __name__ == "__main__":
    print(f"CPython {platform.python_version()}, {platform.machine()}\n\n{HEADER}", flush=True)
    for row in chain(eager.rows(), compiled.rows()):
        print(row, flush=True)
    print(f"\n{growth.HEADER}", flush=True)
    for line in growth.lines():
        print(line, flush=True)
