"""What the command line takes: the commands and their arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import inf
from textwrap import fill
from typing import Any, NoReturn

from microgrannd import __version__

from .._streams import Output, tell
from .._text import printable
from ..nn.layers import ACTIVATIONS
from . import answers, expressions, living, networks
from .columns import DROP, MEAN
from .kinds import assignment, natural, positive, rate, share, workers

#: The commands that take an expression.
EXPRESSIONS = {
    "eval": expressions.evaluate,
    "explain": expressions.explain,
    "draw": expressions.draw,
    "check": expressions.check,
}


#: What the help of each command shows, to be pasted into a shell.
EXAMPLES = {
    "train": ["microgrannd train moons --epochs 20 --draw network.svg"],
    "predict": [
        "microgrannd train xor --out xor.json",
        r"printf 'x1,x2\n0,1\n1,1\n' > new.csv",
        "microgrannd predict xor.json new.csv",
    ],
    "evaluate": [
        "microgrannd train xor --out xor.json",
        r"printf 'x1,x2,class\n0,1,1\n1,1,0\n' > table.csv",
        "microgrannd evaluate xor.json table.csv",
    ],
    "live": ["microgrannd live moons -o moons.html", 'microgrannd live "tanh(w*x + b)" w=0.5 x=2 b=-1 -o tanh.html'],
    "eval": ['microgrannd eval "tanh(w*x + b)" w=0.5 x=2 b=-1'],
    "explain": ['microgrannd explain "tanh(w*x + b)" w=0.5 x=2 b=-1 --wrt w'],
    "draw": ['microgrannd draw "tanh(w*x + b)" w=0.5 x=2 b=-1 --output graph.svg'],
    "check": ['microgrannd check "tanh(w*x + b)" w=0.5 x=2 b=-1'],
}


STATUSES = """exit status:
  0  done; also where the reader of the output went away, as head does
  2  failed; the last line on standard error says what was wrong, and no file was written in part"""


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose help is output like any other, and whose errors are one line.

    Attributes:
        options: its options, by each of their names.
    """

    def __init__(self, **settings: Any) -> None:
        self.options: dict[str, argparse.Action] = {}
        super().__init__(**settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument; if it is an option, to ``options`` too."""
        action = super().add_argument(*names, **settings)
        self.options.update(dict.fromkeys(action.option_strings, action))
        return action

    def error(self, message: str) -> NoReturn:
        """Print a line about wrong arguments and end with status 2."""
        several = [name for name, option in self.options.items() if option.nargs in ("+", "*")]
        if several and "are required" in message:
            message += f", before {', '.join(several)}, which take all that follows"
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
    parser, commands = _parser()
    name = arguments[0] if arguments else ""
    if name in {*EXPRESSIONS, "live"}:
        arguments = [name, *_marked(arguments[1:], commands[name].options)]
    options, rest = parser.parse_known_args(arguments)
    if rest:  # argparse does not expect NAME=NUMBER after an option
        if not hasattr(options, "assignments") or any(text.startswith("-") for text in rest):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        try:
            options.assignments += map(assignment, rest)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))
    return options


def _marked(arguments: Sequence[str], options: Mapping[str, argparse.Action]) -> list[str]:
    """Return a command's arguments, with a space before an expression that begins with a minus: argparse takes it for an option."""
    marked = list(arguments)
    values: float = 0  # that the option before takes
    for i, text in enumerate(marked):
        start = text.partition("=")[0]
        names = [name for name in options if name == start or start[2:] and name.startswith(start)]  # or a part of one
        if names:
            count = options[names[0]].nargs
            values = 0 if count == 0 or "=" in text else 1 if count is None else inf
        elif values == 1 or values and not text.startswith("-"):
            values -= 1
        else:  # the expression: the first argument that is neither an option nor its value
            marked[i] = f" {text}" if text.startswith("-") and text != "--" else text
            break
    return marked


def _parser() -> tuple[Parser, Mapping[str, Parser]]:
    """Return the parser, and those of the commands by their names."""
    parser = Parser(
        prog="microgrannd", description="Train a small neural network on a table, and use it.", epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"microgrannd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_train(commands)
    _add_predict(commands)
    _add_live(commands)
    _add_evaluate(commands)
    for name, function in EXPRESSIONS.items():
        command = _added(commands, name, function)
        command.add_argument("expression", help='such as "tanh(w*x + b)"')
        command.add_argument(
            "assignments", type=assignment, nargs="*", metavar="NAME=NUMBER", help="the value of each name"
        )
        if name == "draw":
            formats = "an .svg, .png, .pdf, .dot or .html file (default: print a tree of text)"
            command.add_argument("-o", "--output", metavar="FILE", help=formats)
        if name == "explain":
            command.add_argument("--wrt", metavar="NAME", help="explain only the derivative with respect to this name")
    return parser, commands.choices


def _added(commands: Any, name: str, function: Any) -> Parser:
    text = function.__doc__ or ""  # none by -OO
    command: Parser = commands.add_parser(
        name, help=text, description=fill(text, 79),
        epilog="\n  ".join(["example:", *EXAMPLES[name]]), formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.set_defaults(command=function)
    return command


def _add_train(commands: Any) -> None:
    add = _added(commands, "train", networks.train).add_argument
    add("data", help=f"a CSV file, or one of {', '.join(networks.SETS)}; before options that take several values")
    _add_network(add)
    add("--epochs", type=natural, default=100, metavar="N", help="passes over the rows (default: 100)")
    add(
        "--schedule", choices=networks.SCHEDULES, default="constant",
        help="of the learning rate, down to 0 at the last epoch (default: constant)",
    )  # fmt: skip
    add("--validation", type=share, metavar="SHARE", help="judge by this share of the training rows after each epoch")
    add(
        "--patience", type=positive, metavar="N",
        help="stop after N epochs without a lower validation loss, and keep the best weights",
    )  # fmt: skip
    add("--out", default="model.json", metavar="FILE", help="write the model to this file (default: model.json)")
    add("--checkpoint", metavar="FILE", help="write the state of the training to this file after every epoch")
    add("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    add(
        "--workers", type=workers, default=1, metavar="N",
        help="processes that compute the gradients of batches of more than 64 rows (default: 1)",
    )  # fmt: skip
    add("--report", action="store_true", help="print the gradients of each layer after the training")
    add("--draw", metavar="FILE", help="draw the trained network to an .svg, .png, .pdf, .dot or .html file")


def _add_network(add: Any) -> None:
    """Add the arguments of a network, and of the table that it learns."""
    add("--target", metavar="COLUMN", help="the column to predict (default: the last that has a name)")
    add(
        "--task", choices=["auto", "classification", "regression"], default="auto",
        help="predict a class or a number (default: auto, classes where the target is text or few whole numbers)",
    )  # fmt: skip
    _add_header(add)
    add(
        "--drop", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="leave out these columns (the table stands before)",
    )  # fmt: skip
    add(
        "--missing", choices=[MEAN, DROP],
        help="put the mean of the column in place of missing cells, or leave out their rows (default: an error)",
    )  # fmt: skip
    add(
        "--marks", nargs="+", metavar="MARK",
        help="the cells that are missing, beside empty ones (default: NA, N/A, n.a., NaN, NULL, None, ?, -, . and the like)",
    )  # fmt: skip
    add(
        "--hidden", type=positive, nargs="*", default=[16, 16], metavar="N",
        help="neurons in each hidden layer (default: 16 16)",
    )  # fmt: skip
    add(
        "--activation", choices=sorted(ACTIVATIONS), default="tanh", metavar="NAME",
        help="of the hidden layers (default: tanh)",
    )  # fmt: skip
    add("--optimizer", choices=networks.OPTIMIZERS, default="adam", help="(default: adam)")
    add("--lr", type=rate, metavar="R", help="learning rate (default: 0.01; 0.1 for sgd)")
    add("--batch-size", type=positive, default=16, metavar="N", help="rows for each step (default: 16)")
    add("--seed", type=int, default=0, help="of weights, shuffling and held-out rows (default: 0)")


def _add_live(commands: Any) -> None:
    command = _added(commands, "live", living.live)
    command.add_argument(
        "expression", metavar="TABLE|EXPRESSION",
        help=f'a CSV file, one of {", ".join(networks.SETS)}, or such as "tanh(w*x + b)"',
    )  # fmt: skip
    command.add_argument(
        "assignments", type=assignment, nargs="*", metavar="NAME=NUMBER", help="the value of each name of an expression"
    )
    command.add_argument(
        "-o", "--output", metavar="FILE", default="page.html",
        help="write the page to this .html file (default: page.html)",
    )  # fmt: skip
    _add_network(command.add_argument)


def _add_predict(commands: Any) -> None:
    add = _added(commands, "predict", answers.predict).add_argument
    add("model", help="a file that train wrote")
    add("data", help="a CSV file with the same input columns")
    _add_header(add)
    add("-o", "--output", metavar="FILE", help="write the table to this file (default: standard output)")


def _add_evaluate(commands: Any) -> None:
    add = _added(commands, "evaluate", answers.evaluate).add_argument
    add("model", help="a file that train wrote")
    add("data", help="a CSV file with the same input columns and the target")
    _add_header(add)


def _add_header(add: Any) -> None:
    text = "the first row holds the names of the columns, or data (default: by what it holds)"
    add("--header", action=argparse.BooleanOptionalAction, help=text)
