"""The command line: ``microgrannd train``, ``predict``, ``eval``, ``explain``, ``draw`` and ``check``."""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from keyword import iskeyword
from typing import NoReturn

from microgrannd import __version__

from .. import data
from .._checks import required_whole
from .._streams import Output, discard, settle, tell
from .._text import printable
from ..drawing.picture import NoGraphviz
from ..nn.layers import ACTIVATIONS
from ..testing.check import GradientError
from . import evaluate, expressions, networks
from .evaluate import ExpressionError
from .networks import OPTIMIZERS, SETS

#: The commands that take an expression.
EXPRESSIONS = {
    "eval": expressions.evaluate,
    "explain": expressions.explain,
    "draw": expressions.draw,
    "check": expressions.check,
}


#: The largest whole number that an option takes.
MOST = 10**15 - 1


_OPTIONS = ("-h", "--help", "-o", "--output", "--wrt", "--")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 2 after one line that says what was wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) > 1 and given[0] in EXPRESSIONS and given[1].startswith("-") and given[1] not in _OPTIONS:
        given[1] = f" {given[1]}"  # an expression that begins with a minus, not an option
    parser = _parser()
    options, rest = parser.parse_known_args(given)
    if rest:  # NAME=NUMBER after an option is not expected by argparse
        if not hasattr(options, "assignments") or any(text.startswith("-") for text in rest):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        try:
            options.assignments += map(_assignment, rest)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))
    output = Output()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: tell(f"microgrannd: {printable(str(message))}")
            options.command(options, output)
        output.end()
    except UnicodeEncodeError as error:
        return _fail(f"output: its encoding {error.encoding} cannot write {error.object[error.start : error.end]!a}")
    except ExpressionError as error:
        return _fail(error.args[0], pointer=error.pointer)
    except (ValueError, ArithmeticError, NoGraphviz, GradientError, BrokenExecutor) as error:
        return _fail(str(error))
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        if not error.filename:
            discard(sys.stdout)
        return _fail(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return _fail("interrupted")
    finally:
        settle(sys.stderr)
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_fail(f"{message} (see {self.prog} --help)", self.prog))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="microgrannd", description="Train a small neural network on a table, and use it.")
    parser.add_argument("--version", action="version", version=f"microgrannd {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="command")

    command = subparsers.add_parser("train", help=networks.train.__doc__, description=networks.train.__doc__)
    command.set_defaults(command=networks.train)
    command.add_argument("data", help=f"a CSV file, or one of {', '.join(SETS)}")
    command.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last)")
    command.add_argument(
        "--hidden",
        type=_positive,
        nargs="*",
        default=[16, 16],
        metavar="N",
        help="neurons in each hidden layer (default: 16 16)",
    )
    command.add_argument(
        "--activation",
        choices=sorted(ACTIVATIONS),
        default="tanh",
        metavar="NAME",
        help="of the hidden layers (default: tanh)",
    )
    command.add_argument("--optimizer", choices=OPTIMIZERS, default="adam", help="(default: adam)")
    command.add_argument(
        "--epochs", type=_natural, default=100, metavar="N", help="passes over the rows (default: 100)"
    )
    command.add_argument("--lr", type=_rate, metavar="R", help="learning rate (default: 0.01; 0.1 for sgd)")
    command.add_argument(
        "--batch-size", type=_positive, default=16, metavar="N", help="rows for each step (default: 16)"
    )
    command.add_argument("--seed", type=int, default=0, help="of weights, shuffling and held-out rows (default: 0)")
    command.add_argument(
        "--out", default="model.json", metavar="FILE", help="where the model goes (default: model.json)"
    )
    command.add_argument("--checkpoint", metavar="FILE", help="keep the training in this file after every epoch")
    command.add_argument("--resume", action="store_true", help="go on from the checkpoint, if it is there")
    command.add_argument(
        "--workers",
        type=_positive,
        default=1,
        metavar="N",
        help="processes that compute the gradients of batches of more than 64 rows (default: 1)",
    )
    command.add_argument(
        "--report", action="store_true", help="print how the gradients fare in each layer after the training"
    )
    command.add_argument(
        "--draw", metavar="FILE", help="draw the trained network to an .svg, .png, .pdf, .dot or .html file"
    )

    command = subparsers.add_parser("predict", help=networks.predict.__doc__, description=networks.predict.__doc__)
    command.set_defaults(command=networks.predict)
    command.add_argument("model", help="a file that train wrote")
    command.add_argument("data", help="a CSV file with the same input columns")
    command.add_argument("-o", "--output", metavar="FILE", help="where the table goes (default: standard output)")

    for name, function in EXPRESSIONS.items():
        command = subparsers.add_parser(name, help=function.__doc__, description=function.__doc__)
        command.set_defaults(command=function)
        command.add_argument("expression", help='such as "tanh(w*x + b)"')
        command.add_argument(
            "assignments", type=_assignment, nargs="*", metavar="NAME=NUMBER", help="what the names stand for"
        )
        if name == "draw":
            command.add_argument(
                "-o",
                "--output",
                metavar="FILE",
                help="an .svg, .png, .pdf, .dot or .html file (default: a tree of text)",
            )
        if name == "explain":
            command.add_argument("--wrt", metavar="NAME", help="explain only the gradient by one of the names")
    return parser


def _assignment(text: str) -> tuple[str, float]:
    name, _, number_text = unicodedata.normalize("NFKC", text).partition("=")  # as ast does
    number = data.parse_number(number_text)
    if not name.isidentifier() or iskeyword(name) or number is None:
        raise argparse.ArgumentTypeError(f"needs NAME=NUMBER, got {text!r}")
    if name in evaluate.FUNCTIONS:
        raise argparse.ArgumentTypeError(f"{name} is a function and cannot be a name")
    return name, number


def _natural(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    number = int(text) if re.fullmatch(r"-?\d{1,15}", text) else text
    try:
        return required_whole("N", number, least, MOST)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _rate(text: str) -> float:
    rate = data.parse_number(text)
    if rate is None or rate <= 0:
        raise argparse.ArgumentTypeError(f"needs a number above 0, got {text!r}")
    return rate


def _fail(message: str, program: str = "microgrannd", pointer: str = "") -> int:
    """Print one line, and under it what points into an expression."""
    tell(f"{program}: {printable(' '.join(message.splitlines()))}{pointer}")
    return 2
