"""Compare stored notebooks with a run of them: `python -m tests.notebooks [NAME ...]`; with `--write`, renew them.

`--write` puts in place outputs, what the answers of the exercises print, identifiers of cells, and notebooks/pictures/.
A name is the beginning of a notebook's, as 03.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .run import MISSING, NOTEBOOKS, lacks, run
from .store import PICTURES, compared, picture, written


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="the beginning of a notebook's name; all, without any")
    parser.add_argument("--write", action="store_true", help="renew the notebooks and their pictures")
    options = parser.parse_args()
    chosen = [path for path in NOTEBOOKS if not options.names or path.name.startswith(tuple(options.names))]
    if not chosen or MISSING:
        parser.error(f"this needs {', '.join(MISSING)}" if MISSING else f"no notebook begins with {options.names}")
    import nbformat

    different = False
    for path in chosen:
        notebook = nbformat.read(path, as_version=4)
        missing = sorted({name for cell in notebook.cells for name in lacks(cell)})
        if options.write and missing:
            parser.error(f"to renew {path.name} needs {', '.join(missing)}")
        with tempfile.TemporaryDirectory() as folder:
            fresh = run(notebook, path.stem, Path(folder))
        found = compared(notebook, fresh)
        print(f"{path.name}: {'as stored' if not found else 'differs'}", *found, sep="\n    ")
        different |= bool(found)
        if options.write:
            path.write_text(written(fresh), encoding="utf-8")
            ending, content = picture(fresh)
            (PICTURES / f"{path.stem}.{ending}").write_bytes(content)
    return different and not options.write


if __name__ == "__main__":
    sys.exit(main())
