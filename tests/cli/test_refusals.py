"""Tables, commands and files that are refused: one line, and nothing written."""

import math
import os
import signal
from concurrent.futures import BrokenExecutor

import pytest

import microgrannd as mg
from microgrannd import _files
from microgrannd._files import read, write
from microgrannd.cli import main
from microgrannd.cli import networks as commands
from microgrannd.training.history import History

from .shell import POINTS, TASKS, refused, table, train


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_workers_that_are_lost_are_one_line(monkeypatch, capsys):
    def lost(*_, **__):
        raise BrokenExecutor("rows 0 to 63 were lost, no gradient was changed (why)")

    monkeypatch.setattr(commands, "fit", lost)
    assert refused(["train", "xor"], capsys) == "microgrannd: rows 0 to 63 were lost, no gradient was changed (why)\n"


GOOD = "a,b\n" + "1,x\n2,y\n" * 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + ",x\n", "table.csv, line 12, column 'a': the cell is empty"),
        (GOOD + "1,\n", "table.csv, line 12, column 'b': the cell is empty"),
        (GOOD + "one,x\n", "table.csv, line 12, column 'a': needs a finite number, got 'one'"),
        (GOOD + "inf,x\n", "table.csv, line 12, column 'a': needs a finite number, got 'inf'"),
        (
            "a,b\n" + "1,1.5\n2,2.5\n" * 5 + "3,many\n",
            "table.csv, line 12, column 'b': needs a finite number, got 'many'",
        ),
        (GOOD + "1\n", "table.csv, line 12: 1 cell, where the first row has 2"),
        (GOOD + '"', "table.csv, line 12: "),
        ("", "table.csv: the file is empty"),
        ("a,b\n", "table.csv: there is no row under the header"),
        ("a,a\n1,2\n", "table.csv: two columns are named 'a'"),
        ("a\nx\ny\nx\ny\n", "table.csv: needs a column besides the target 'a'"),
        ("a,b\n1,x\n2,x\n", "table.csv: column 'b' holds only 'x', there is nothing to learn"),
        ("a,b\n1,7\n2,7\n", "table.csv: column 'b' holds only '7', there is nothing to learn"),
        ("a,b\n1,x\n2,y\n3,z\n", "table.csv: column 'b' has another text in every row"),
        ("a,b\n" + "1e308,x\n-1e308,y\n" * 5, "table.csv, column 'a': the numbers are too far apart to standardise"),
        (GOOD.encode() + b"\xff,x\n", "table.csv, line 12: not a text file in UTF-8"),
    ],
)
def test_a_bad_table_gives_one_line_with_the_place_and_writes_nothing(content, message, capsys):
    with open("table.csv", "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    assert refused(["train", "table.csv"], capsys).startswith(f"microgrannd: {message}")
    assert os.listdir() == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "absent.csv"], "absent.csv: no such file or directory"),
        (["train", "folder"], "folder: is a directory"),
        (["train", "good.csv", "--target", "c"], "good.csv: no column 'c'; the columns are 'a', 'b'"),
        (["train", "good.csv", "--target", ""], "good.csv: no column ''"),
        (
            ["train", "good.csv", "--out", "absent/m.json"],
            "--out absent/m.json: needs a file name in a folder that exists",
        ),
        (["train", "good.csv", "--out", "folder"], "--out folder: needs a file name in a folder that exists"),
        (["train", "good.csv", "--out", ""], "--out : needs a file name in a folder that exists"),
        (["train", "good.csv", "--checkpoint", "folder"], "--checkpoint folder: needs a file name"),
        (
            ["train", "good.csv", "--checkpoint", "model.json"],
            "--checkpoint model.json: would replace another file of this command",
        ),
        (
            ["train", "good.csv", "--checkpoint", "hole.csv"],
            "--checkpoint hole.csv: there already; go on from it with --resume, or",
        ),
        (["train", "good.csv", "--checkpoint", "hole.csv", "--resume"], "hole.csv: damaged, or not a file of micro"),
        (["predict", "model.json", "absent.csv"], "absent.csv: no such file or directory"),
        (["predict", "absent.json", "good.csv"], "absent.json: no such file or directory"),
        (["predict", "good.csv", "good.csv"], "good.csv: damaged, or not a file of microgrannd"),
        (["predict", "plain.json", "good.csv"], "plain.json: a model without the description of a table"),
        (["predict", "model.json", "missing.csv"], "missing.csv: no column 'a'; the columns are 'b', 'c'"),
        (["predict", "model.json", "hole.csv"], "hole.csv, line 3, column 'a': the cell is empty"),
        (["predict", "model.json", "twice.csv"], "twice.csv: it already has a column 'prediction'"),
        (
            ["predict", "model.json", "good.csv", "-o", "absent/out.csv"],
            "--output absent/out.csv: needs a file name in a folder that exists",
        ),
        (["predict", "model.json", "good.csv", "-o", "folder"], "--output folder: needs a file name"),
    ],
)
def test_a_bad_command_gives_one_line_that_names_the_file_and_writes_nothing(arguments, message, capsys):
    os.mkdir("folder")
    files = {
        "good.csv": GOOD,
        "missing.csv": "b,c\n1,2\n",
        "hole.csv": "a,z\n1,1\n,1\n",
        "twice.csv": "a,prediction\n1,2\n",
    }
    for name, content in files.items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(content)
    train("good.csv", epochs=0)
    mg.save(mg.MLP(1, [1]), "plain.json")
    before = {name: os.path.getmtime(name) for name in os.listdir()}
    capsys.readouterr()
    assert refused(arguments, capsys).startswith(f"microgrannd: {message}")
    assert {name: os.path.getmtime(name) for name in os.listdir()} == before
    assert os.listdir("folder") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(task=None),
        lambda content: content["task"].pop("columns"),
        lambda content: content["task"].update(more=1),
        lambda content: content["task"].update(columns=["a", "b"]),
        lambda content: content["task"].update(columns=[1]),
        lambda content: content["task"].update(classes=[]),
        lambda content: content["task"].update(classes=["x", "y", "z"]),
        lambda content: content["task"].update(target_scale={"mean": 0.0, "deviation": 1.0}),
        lambda content: content["task"].update(majority="z"),
        lambda content: content["task"].update(missing="guess"),
        lambda content: content["task"]["columns"][0]["scales"][0].update(mean="0"),
        lambda content: content["task"]["columns"][0]["scales"][0].update(deviation=0.0),
        lambda content: content["task"]["columns"][0].update(texts=["a", "b"]),
        lambda content: content["task"]["columns"][0].update(texts=[["a"]]),
        lambda content: content["model"].update(kind="Layer"),
        lambda content: content.update(model=None),
    ],
)
def test_a_model_file_whose_parts_do_not_fit_is_refused(change, capsys):
    with open("good.csv", "w", encoding="utf-8") as file:
        file.write(GOOD)
    train("good.csv", epochs=0)
    content = read("model.json")
    change(content)
    write("model.json", content)
    capsys.readouterr()
    assert refused(["predict", "model.json", "good.csv"], capsys).startswith("microgrannd: model.json: not a ")


def test_a_damaged_model_file_is_refused(capsys):
    train("xor", epochs=0)
    with open("model.json", encoding="utf-8") as file:
        text = file.read()
    with open("model.json", "w", encoding="utf-8") as file:
        file.write(text.replace('"mean": 0.5', '"mean": 0.6', 1))
    capsys.readouterr()
    assert refused(["predict", "model.json", "x.csv"], capsys) == (
        "microgrannd: model.json: damaged, the checksum does not fit the content\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "log"], "epoch 1: log(x) needs x > 0"),
        (["--activation", "exp", "--lr", "1e200"], "epoch 2: the loss is "),
        (["--lr", "1e200", "--optimizer", "sgd", "--hidden"], "epoch 2: the loss is "),
        (
            ["--lr", "1e308", "--epochs", "1", "--hidden", "--activation", "linear"],
            "epoch 1: the weight layers.0.neurons.0.w.0 is",
        ),
    ],
)
def test_a_training_that_fails_says_why_and_writes_nothing(arguments, message, capsys):
    table("table.csv", [1e3 * a - 1e3 * b for a, b in POINTS])
    assert main(["train", "table.csv", "--batch-size", "99", "--epochs", "9", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"microgrannd: {message}")
    assert os.listdir() == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "microgrannd: the following arguments are required: command"),
        (["learn"], "microgrannd: argument command: invalid choice: 'learn'"),
        (["train"], "microgrannd train: the following arguments are required: data"),
        (["train", "xor", "--epochs", "-1"], "microgrannd train: argument --epochs: N needs to be a whole number from 0"),
        (["train", "xor", "--epochs", "1.5"], "microgrannd train: argument --epochs: N needs to be a whole number"),
        (["train", "xor", "--hidden", "0"], "microgrannd train: argument --hidden: N needs to be a whole number from 1"),
        (["train", "xor", "--batch-size", "x"], "microgrannd train: argument --batch-size: N needs to be a whole number"),
        (["train", "xor", "--lr", "0"], "microgrannd train: argument --lr: needs a number above 0, got '0'"),
        (["train", "xor", "--lr", "nan"], "microgrannd train: argument --lr: needs a number above 0, got 'nan'"),
        (["train", "xor", "--seed", "x"], "microgrannd train: argument --seed: "),
        (["train", "xor", "--workers", "0"], "microgrannd train: argument --workers: N needs to be a whole number from 1"),
        (["train", "xor", "--workers", "9" * 15], "microgrannd train: argument --workers: N needs to be a whole number from 1"),
        (["train", "xor", "--validation", "0.1"], "microgrannd: --validation 0.1 of 4 rows leaves none to judge by; choose a larger"),
        (["train", "xor", "--validation", "0.9"], "microgrannd: --validation 0.9 of 4 rows leaves none to train on; choose a smaller"),
        (["train", "xor", "--resume"], "microgrannd: --resume needs --checkpoint FILE to go on from"),
        (["train", "xor", "--activation", "rleu"], "microgrannd train: argument --activation: invalid choice: 'rleu'"),
        (["train", "xor", "--optimizer", "lbfgs"], "microgrannd train: argument --optimizer: invalid choice"),
        (["predict", "model.json"], "microgrannd predict: the following arguments are required: data"),
        (
            ["train", "--drop", "x1", "table.csv"],
            "microgrannd train: the following arguments are required: data, before --drop, --marks, --hidden, which take all that follows (",
        ),
        (["train", "xor", "--a\nb"], "microgrannd: unrecognized arguments: --a b"),
    ],
)  # fmt: skip
def test_a_usage_error_is_one_line(arguments, message, capsys):
    assert refused(arguments, capsys).startswith(message)
    assert os.listdir() == []


def test_an_interrupt_writes_nothing(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "fit", interrupted)
    assert refused(["train", "xor"], capsys) == "microgrannd: interrupted\n"
    assert os.listdir() == []


def test_an_interrupt_while_a_place_is_tried_leaves_nothing(monkeypatch, capsys):
    make = open

    def interrupting(*arguments):
        file = make(*arguments)
        signal.raise_signal(signal.SIGINT)
        return file

    monkeypatch.setattr(_files, "open", interrupting, raising=False)
    assert refused(["train", "xor"], capsys) == "microgrannd: interrupted\n"
    assert os.listdir() == []


def test_a_network_that_would_not_fit_into_memory_is_refused(capsys):
    for width in ("99999999999999999999", "999999999999999", "9" * 5000):
        assert "--hidden" in refused(["train", "xor", "--hidden", width], capsys)


def test_an_interrupt_in_the_first_epoch_keeps_the_model_that_is_there(monkeypatch, capsys):
    assert train("xor", "--hidden", "2", epochs=1) == 0
    before = read("model.json")
    capsys.readouterr()

    def fit(*_, **__):
        return History(interrupted=True)

    monkeypatch.setattr(commands, "fit", fit)
    assert refused(["train", "xor", "--hidden", "3"], capsys) == "microgrannd: interrupted\n"
    assert read("model.json") == before
    assert os.listdir() == ["model.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["a"]},
        {"classes": {"a": 1, "b": 2}},
        {"classes": ["a", "a"]},
        {"classes": "ab"},
        {"columns": "ab"},
        {"marks": False},
        {"marks": ""},
        {"columns": [{"name": name, "texts": [], "scales": [{"mean": math.inf, "deviation": 1.0}]} for name in "ab"]},
    ],
)
def test_a_task_that_makes_no_sense_is_refused(change, capsys):
    table("table.csv", TASKS["two"])
    train("table.csv", epochs=0)
    content = read("model.json")
    content["task"].update(change)
    write("model.json", content)
    capsys.readouterr()
    assert refused(["predict", "model.json", "table.csv"], capsys).startswith(
        "microgrannd: model.json: not a task that"
    )


def test_workers_without_work_are_refused(capsys):
    assert main(["train", "xor", "--workers", "2"]) == 2
    assert capsys.readouterr().err == (
        "microgrannd: --workers needs a --batch-size above 64: smaller batches stay in one process\n"
    )
