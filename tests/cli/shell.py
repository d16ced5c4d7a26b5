"""The command line, run in the folder of a test."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout

from microgrannd.cli import main


def write(text, name="table.csv", encoding="utf-8"):
    with open(name, "w", encoding=encoding, newline="") as file:
        file.write(text)


def run(*arguments):
    """The status, standard output and standard error of a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as error:
            status = error.code
    return status, out.getvalue(), err.getvalue()


def trained(*arguments):
    """What train prints."""
    status, out, err = run("train", "table.csv", "--epochs", "0", "--hidden", "2", *arguments)
    assert status == 0, err
    return out


def refusal(*arguments):
    """The last line on standard error of a command that fails and writes nothing."""
    before = sorted(os.listdir())
    status, _, err = run(*arguments)
    assert (status, sorted(os.listdir())) == (2, before)
    return err.splitlines()[-1].removeprefix("microgrannd: ")
