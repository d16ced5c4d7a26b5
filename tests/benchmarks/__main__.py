"""``python -m tests.benchmarks`` prints how this library compares with its peers, measured side by side."""

import platform
from itertools import chain

from . import compiled, compiled_gpt, eager, growth, jitted, sizes
from .timing import HEADER

if __name__ == "__main__":
    print(f"CPython {platform.python_version()}, {platform.machine()}\n\n{HEADER}", flush=True)
    for row in chain(eager.rows(), compiled.rows(), compiled_gpt.rows(), jitted.rows()):
        print(row, flush=True)
    for table in (growth, sizes):
        print(f"\n{table.HEADER}", flush=True)
        for line in table.lines():
            print(line, flush=True)
