"""The kinds of single arguments; what is of another kind is refused."""

from __future__ import annotations

import argparse
import re
import unicodedata
from keyword import iskeyword

from .. import data
from .._checks import required_whole
from . import evaluate

#: The largest whole number that an option takes.
MOST = 10**15 - 1


#: Processes, at most.
MOST_WORKERS = 1000


def assignment(text: str) -> tuple[str, float]:
    """Return the name and the number of NAME=NUMBER."""
    name, _, number_text = unicodedata.normalize("NFKC", text).partition("=")  # as ast does
    number = data.parse_number(number_text)
    if not name.isidentifier() or iskeyword(name) or number is None:
        raise argparse.ArgumentTypeError(f"needs NAME=NUMBER, got {text!r}")
    if name in evaluate.FUNCTIONS:
        raise argparse.ArgumentTypeError(f"{name} is a function and cannot be a name")
    return name, number


def natural(text: str) -> int:
    """Return a whole number from 0 on."""
    return _whole(text, 0)


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    return _whole(text, 1)


def workers(text: str) -> int:
    """Return a number of processes."""
    return _whole(text, 1, MOST_WORKERS)


def _whole(text: str, least: int, most: int = MOST) -> int:
    number = int(text) if re.fullmatch(r"-?\d{1,15}", text) else text
    try:
        return required_whole("N", number, least, most)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def rate(text: str) -> float:
    """Return a number above 0."""
    number = data.parse_number(text)
    if number is None or number <= 0:
        raise argparse.ArgumentTypeError(f"needs a number above 0, got {text!r}")
    return number


def share(text: str) -> float:
    """Return a number between 0 and 1, without these."""
    number = data.parse_number(text)
    if number is None or not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"needs a number above 0 and below 1, got {text!r}")
    return number
