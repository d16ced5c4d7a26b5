"""The command line, run in the folder of a test."""

import csv
import io
import os
import random
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import microgrannd as mg
from microgrannd.cli import main

rng = random.Random(0)
POINTS = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(60)]
TASKS = {
    "two": ["yes" if a + b > 0 else "no" for a, b in POINTS],
    "several": [f"part {(a > 0) + 2 * (b > 0)}" for a, b in POINTS],
    "digits": [(a > 0) + (b > 0) for a, b in POINTS],
    "regression": [repr(3 * a - 100 * b + 7) for a, b in POINTS],
}


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


def table(name, targets, header="width,height,kind\n", points=POINTS):
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(header)
        csv.writer(file).writerows((a, b, t) for (a, b), t in zip(points, targets, strict=True))


def train(*arguments, epochs=40):
    return main(["train", *arguments, "--epochs", str(epochs)])


def refused(arguments, capsys):
    """The one line on standard error of a command that fails."""
    try:
        status = main(arguments)
    except SystemExit as error:
        status = error.code
    err = capsys.readouterr().err
    assert status == 2
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err


def module(*arguments, stdout=subprocess.PIPE):
    """Run the package in a process of its own, whose output is buffered as it usually is."""
    home = os.path.dirname(os.path.dirname(mg.__file__))
    return subprocess.run(
        [sys.executable, "-m", "microgrannd", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": home, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip


def shell(command):
    """Run a line of a shell; its status and what it printed."""
    home = os.path.dirname(os.path.dirname(mg.__file__))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}".replace("MG", f"{sys.executable} -m microgrannd")],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": home},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr
