"""Thousands of damaged tables: each command succeeds, or fails with one line and writes nothing."""

import functools
import os
import random

import pytest

from microgrannd.cli import answers, arguments
from microgrannd.data import read_csv

from .shell import run, write

COLORS = "size,color,kind\n" + "1,red,a\n2,blue,b\n3,green,a\n4,red,b\n" * 3


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


BASES = [
    COLORS,
    "0,1,kind\n" + "5.1,red,01\n4.9,blue,02\nNA,,01\n" * 3,
    "a;b;y\n" + "1,5;2,25;3,75\n2,5;NA;1,125\n0,5;1,25;2\n" * 3,
    '"mpg" "cyl" "kind"\n' + '"Mazda RX4" 21 6 "a"\n"Datsun" 22 4 "b"\n' * 3,
    ",x\ty\n" + "0,1.5\t2\n1,2.5\t1\n" * 4,
]
PIECES = [
    *',;\t "\n\r.-09eE?x\0\ufeff\u202e\u2212%$_é', "NA", "nan", "n.a.", "1e999", "1e308", '""', ",,", "\n\n", "\r\n", "  ",
    "0,1,2\n", "a,", "1,234", "1.234,5", "5%", "sep=;\n",
]  # fmt: skip
OPTIONS = [
    ["--header"], ["--no-header"], ["--missing", "mean"], ["--missing", "drop"], ["--task", "regression"],
    ["--task", "classification"], ["--drop", "color"], ["--target", "y"], ["--validation", "0.3", "--patience", "1"],
    ["--schedule", "cosine"], ["--marks", "-", "blue"], ["--activation", "relu"], ["--batch-size", "3"], ["--epochs", "1"],
]  # fmt: skip


@pytest.mark.parametrize(("count", "seed"), [(200, 0), pytest.param(10_000, 1, marks=pytest.mark.slow)])
def test_no_mutated_table_gives_a_traceback_or_half_a_file(count, seed, monkeypatch):
    monkeypatch.setattr(arguments, "_parser", functools.cache(arguments._parser))  # which takes most of the time
    rng = random.Random(seed)
    outcomes = {"train": 0, "predict": 0, "evaluate": 0}
    for _ in range(count):
        text = rng.choice(BASES)
        for _ in range(rng.randint(0, 4)):
            start = rng.randrange(len(text) + 1)
            text = text[:start] + rng.choice(PIECES) + text[start + rng.randint(0, 3) :]
        write(text, encoding="utf-16" if rng.random() < 0.1 else "utf-8")
        options = [part for options in rng.sample(OPTIONS, rng.randint(0, 3)) for part in options]
        model = any(name == "model.json" for name in os.listdir()) and rng.random() < 0.2
        if not model:
            for name in {"model.json", "out.csv"} & set(os.listdir()):
                os.unlink(name)
            outcome("train", ["table.csv", "--hidden", "--epochs", "0", *options], "model.json", outcomes)
        if os.path.exists("model.json"):
            outcome("predict", ["model.json", "table.csv", "-o", "out.csv"], "out.csv", outcomes)
            outcome("evaluate", ["model.json", "table.csv"], None, outcomes)
        assert set(os.listdir()) <= {"table.csv", "model.json", "out.csv"}
    assert min(outcomes.values()) > count / 20, outcomes  # enough of each got through


def outcome(command, options, written, outcomes):
    """Run a command, which succeeds and writes its file, or fails with a line and leaves it as it was."""
    before = os.stat(written).st_mtime_ns if written and os.path.exists(written) else None
    status, _, err = run(command, *options)
    outcomes[command] += status == 0
    after = os.stat(written).st_mtime_ns if written and os.path.exists(written) else None
    assert "Traceback" not in err
    if status:
        assert status == 2
        assert err.splitlines()[-1].startswith("microgrannd"), err
        assert after == before
    elif written == "out.csv":
        _, task = answers._trained("model.json")
        table, back = read_csv("table.csv", None, task.names, task.missing_cells), read_csv("out.csv", header=True)
        assert back.columns == [*table.columns, "prediction"]
        assert [row[:-1] for row in back.rows] == table.rows
        assert back.delimiter == table.delimiter
