"""What the command line takes: the commands, their arguments, and the checks of single arguments."""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections.abc import Sequence
from keyword import iskeyword
from typing import Any, NoReturn

from microgrannd import __version__

from .. import data
from .._checks import required_whole
from .._streams import Output, tell
from .._text import printable
from ..nn.layers import ACTIVATIONS
from . import evaluate, expressions, living, networks

#: The commands that take an expression.
EXPRESSIONS = {
    "eval": expressions.evaluate,
    "explain": expressions.explain,
    "draw": expressions.draw,
    "check": expressions.check,
}


#: The options of these commands, and which of them take a value.
_OPTIONS = {
    "-h": False, "--help": False, **dict.fromkeys(("-o", "--output", "--wrt", "--target", "--activation", "--optimizer", "--lr", "--batch-size", "--seed"), True),
}  # fmt: skip


#: The largest whole number that an option takes.
MOST = 10**15 - 1


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose help is output like any other, and whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print a line about wrong arguments and end with status 2."""
        self.exit(fail(f"{message} (see {self.prog} --help)", self.prog))

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:  # what was asked for: where it cannot be written, the command has failed
            Output().give(message)
        else:
            tell(message.rstrip("\n"))


def fail(message: str, program: str = "microgrannd", pointer: str = "") -> int:
    """Print one line on standard error, under it what points into an expression, and return the exit status 2."""
    tell(f"{program}: {printable(' '.join(message.splitlines()))}{pointer}")
    return 2


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; ``command`` is the function to call.

    Raises:
        SystemExit: they are wrong, or only ask for help or the version.
        OSError: help or version cannot be written.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(_marked(arguments))
    if rest:  # argparse does not expect NAME=NUMBER after an option
        if not hasattr(options, "assignments") or any(text.startswith("-") for text in rest):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        try:
            options.assignments += map(_assignment, rest)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))
    return options


def _marked(arguments: Sequence[str]) -> list[str]:
    """Return the arguments, with a space before an expression that begins with a minus: argparse takes it for an option."""
    marked = list(arguments)
    if not marked or marked[0] not in {*EXPRESSIONS, "live"}:
        return marked
    value_follows = False
    for i, text in enumerate(marked[1:], 1):
        name, equals, _ = text.partition("=")
        if value_follows:
            value_follows = False
        elif name in _OPTIONS:
            value_follows = _OPTIONS[name] and not equals
        else:  # the expression: the first argument that is neither an option nor its value
            marked[i] = f" {text}" if text.startswith("-") and text != "--" else text
            break
    return marked


def _parser() -> Parser:
    parser = Parser(prog="microgrannd", description="Train a small neural network on a table, and use it.")
    parser.add_argument("--version", action="version", version=f"microgrannd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_train(commands)
    _add_predict(commands)
    _add_live(commands)
    for name, function in EXPRESSIONS.items():
        command = _added(commands, name, function)
        command.add_argument("expression", help='such as "tanh(w*x + b)"')
        command.add_argument(
            "assignments", type=_assignment, nargs="*", metavar="NAME=NUMBER", help="the value of each name"
        )
        if name == "draw":
            formats = "an .svg, .png, .pdf, .dot or .html file (default: print a tree of text)"
            command.add_argument("-o", "--output", metavar="FILE", help=formats)
        if name == "explain":
            command.add_argument("--wrt", metavar="NAME", help="explain only the derivative with respect to this name")
    return parser


def _added(commands: Any, name: str, function: Any) -> Parser:
    command: Parser = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
    command.set_defaults(command=function)
    return command


def _add_train(commands: Any) -> None:
    add = _added(commands, "train", networks.train).add_argument
    add("data", help=f"a CSV file, or one of {', '.join(networks.SETS)}")
    _add_network(add)
    add("--epochs", type=_natural, default=100, metavar="N", help="passes over the rows (default: 100)")
    add("--out", default="model.json", metavar="FILE", help="write the model to this file (default: model.json)")
    add("--checkpoint", metavar="FILE", help="write the state of the training to this file after every epoch")
    add("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    add(
        "--workers", type=_positive, default=1, metavar="N",
        help="processes that compute the gradients of batches of more than 64 rows (default: 1)",
    )  # fmt: skip
    add("--report", action="store_true", help="print the gradients of each layer after the training")
    add("--draw", metavar="FILE", help="draw the trained network to an .svg, .png, .pdf, .dot or .html file")


def _add_network(add: Any) -> None:
    """Add the arguments of a network and its training."""
    add("--target", metavar="COLUMN", help="the column to predict (default: the last)")
    add(
        "--hidden", type=_positive, nargs="*", default=[16, 16], metavar="N",
        help="neurons in each hidden layer (default: 16 16)",
    )  # fmt: skip
    add(
        "--activation", choices=sorted(ACTIVATIONS), default="tanh", metavar="NAME",
        help="of the hidden layers (default: tanh)",
    )  # fmt: skip
    add("--optimizer", choices=networks.OPTIMIZERS, default="adam", help="(default: adam)")
    add("--lr", type=_rate, metavar="R", help="learning rate (default: 0.01; 0.1 for sgd)")
    add("--batch-size", type=_positive, default=16, metavar="N", help="rows for each step (default: 16)")
    add("--seed", type=int, default=0, help="of weights, shuffling and held-out rows (default: 0)")


def _add_live(commands: Any) -> None:
    command = _added(commands, "live", living.live)
    command.add_argument(
        "expression",
        metavar="TABLE|EXPRESSION",
        help=f'a CSV file, one of {", ".join(networks.SETS)}, or such as "tanh(w*x + b)"',
    )
    command.add_argument(
        "assignments",
        type=_assignment,
        nargs="*",
        metavar="NAME=NUMBER",
        help="the value of each name of an expression",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="page.html",
        help="write the page to this .html file (default: page.html)",
    )
    _add_network(command.add_argument)


def _add_predict(commands: Any) -> None:
    add = _added(commands, "predict", networks.predict).add_argument
    add("model", help="a file that train wrote")
    add("data", help="a CSV file with the same input columns")
    add("-o", "--output", metavar="FILE", help="write the table to this file (default: standard output)")


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
