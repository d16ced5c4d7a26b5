"""The help: its examples run as they are pasted."""

import os
import shlex
import subprocess
import sys

import pytest

import microgrannd as mg
from microgrannd.cli import arguments

from .shell import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


EXAMPLES = arguments.EXAMPLES


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_of_a_command_shows_an_example(command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert out.isascii()  # it can be written in every encoding
    assert out.endswith("example:\n" + "".join(f"  {line}\n" for line in EXAMPLES[command]))


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a shell of another kind")
@pytest.mark.desktop
def test_the_examples_run_as_they_are_pasted():
    printed = {}
    for line in (line for lines in EXAMPLES.values() for line in lines):
        program, *words = shlex.split(line)
        if program == "microgrannd":
            status, printed[line], err = run(*words)
            assert status == 0, err
        else:
            subprocess.run(["bash", "-c", line], check=True)
    assert printed["microgrannd predict xor.json new.csv"] == "x1,x2,prediction\n0,1,1\n1,1,0\n"
    assert {"network.svg", "graph.svg", "xor.json"} <= set(os.listdir())


@pytest.mark.desktop
def test_commands_work_without_docstrings():
    home = os.path.dirname(os.path.dirname(mg.__file__))
    command = [sys.executable, "-OO", "-m", "microgrannd", "eval", "1 + 1"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": home}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 + 1 = 2.0\n", "")


def test_exit_statuses_are_documented():
    assert "exit status:\n  0  done" in run("--help")[1]
