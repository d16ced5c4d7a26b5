"""The command line: ``microgrannd train``, ``predict``, ``evaluate``, ``eval``, ``explain``, ``draw`` and ``check``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor

from .._streams import Output, discard, settle, tell
from .._text import printable
from ..drawing.picture import NoGraphviz
from ..testing.errors import GradientError
from .arguments import fail, parsed
from .evaluate import ExpressionError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 2 after one line that says what was wrong."""
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments)
        output = Output()
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: tell(f"microgrannd: {printable(str(message))}")
            options.command(options, output)
        output.end()
    except UnicodeEncodeError as error:
        text = f"{error.object[error.start : error.end]!a}; set PYTHONIOENCODING=utf-8"
        return fail(f"output: its encoding {error.encoding} cannot write {text}")
    except ExpressionError as error:
        return fail(error.args[0], pointer=error.pointer)
    except (ValueError, ArithmeticError, NoGraphviz, GradientError, BrokenExecutor) as error:
        return fail(str(error))
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        if error.filename is None:
            discard(sys.stdout)
        name = "output" if error.filename is None else error.filename or "''"
        return fail(f"{name}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return fail("interrupted")
    finally:
        settle(sys.stderr)
    return 0
