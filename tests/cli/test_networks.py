import csv
import io
import math
import os
import random
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from contextlib import redirect_stderr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import data
from microgrannd._files import read, write
from microgrannd.cli import main
from microgrannd.cli import networks as commands
from microgrannd.cli.prepare import prepare
from microgrannd.cli.scores import scores
from microgrannd.cli.tasks import Column, Scale, Task
from microgrannd.data import as_table, read_csv

rng = random.Random(0)
POINTS = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(60)]
TASKS = {
    "two": ["yes" if a + b > 0 else "no" for a, b in POINTS],
    "several": [f"part {(a > 0) + 2 * (b > 0)}" for a, b in POINTS],
    "digits": [(a > 0) + (b > 0) for a, b in POINTS],
    "regression": [repr(3 * a - 100 * b + 7) for a, b in POINTS],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(name, targets, header="width,height,kind\n", points=POINTS):
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(header)
        csv.writer(file).writerows((a, b, t) for (a, b), t in zip(points, targets, strict=True))


def train(*arguments, epochs=40):
    return main(["train", *arguments, "--epochs", str(epochs)])


@pytest.mark.parametrize("task", TASKS)
def test_a_table_is_learned_and_predicted_from_end_to_end(task, capsys):
    table("table.csv", TASKS[task])
    assert train("table.csv", "--lr", "0.05") == 0
    out, err = capsys.readouterr()
    assert "table.csv: 60 rows, 2 inputs; target 'kind': " in out
    assert "model written to model.json" in out
    assert "40/40" in err
    name, score = out.split("held-out ")[1].split()[:2]
    assert name == ("R²" if task == "regression" else "accuracy")
    assert float(score.rstrip("%,")) / (100 if "%" in score else 1) > 0.7
    assert main(["predict", "model.json", "table.csv", "-o", "out.csv"]) == 0
    assert capsys.readouterr() == ("", "")
    before, after = read_csv("table.csv"), read_csv("out.csv")
    assert after.columns == [*before.columns, "prediction"]
    assert [row[:-1] for row in after.rows] == before.rows
    if task == "regression":
        assert math.dist(*(sum(after.numbers([c]), []) for c in ("kind", "prediction"))) / math.sqrt(60) < 30
    else:
        assert sum(row[-1] == row[-2] for row in after.rows) > 42
    assert main(["predict", "model.json", "table.csv"]) == 0
    with open("out.csv", encoding="utf-8") as file:
        assert capsys.readouterr().out == file.read()


@pytest.mark.parametrize("task", TASKS)
def test_the_model_file_remembers_the_standardisation(task, monkeypatch):
    table("table.csv", TASKS[task])
    models, fit = [], commands.fit
    monkeypatch.setattr(
        commands, "fit", lambda model, *args, **options: models.append(model) or fit(model, *args, **options)
    )
    train("table.csv", epochs=2)
    main(["predict", "model.json", "table.csv", "-o", "out.csv"])
    ready = prepare(read_csv("table.csv"), "kind", 0.2, 0)
    expected = [ready.task.answer(output) for output in models[0].predict(ready.X(range(len(ready.reading))))]
    assert read_csv("out.csv").texts("prediction") == expected
    for column in zip(*ready.X(ready.train), strict=True):
        assert sum(column) == pytest.approx(0, abs=1e-9)
        assert sum(x * x for x in column) / len(ready.train) == pytest.approx(1)


def test_the_target_may_be_any_column_and_predict_needs_only_the_inputs():
    table("table.csv", TASKS["two"], header="a,b,c\n", points=POINTS)
    table("table.csv", TASKS["digits"], header="a,b,c\n")
    assert train("table.csv", "--target", "a", "--hidden", epochs=1) == 0
    with open("new.csv", "w", encoding="utf-8") as file:
        file.write("name;c;b\nx;1;0.5\n")
    assert main(["predict", "model.json", "new.csv", "-o", "out.csv"]) == 0
    assert read_csv("out.csv").columns == ["name", "c", "b", "prediction"]
    assert mg.MLP(**read("model.json")["model"]["options"]).options()["nouts"] == [1]


def test_a_file_without_a_header_has_numbered_columns(capsys):
    table("table.csv", TASKS["two"], header="")
    assert train("table.csv", epochs=1) == 0
    assert "target 'column 3': 2 classes (no, yes)" in capsys.readouterr().out
    assert main(["predict", "model.json", "table.csv"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("column 1,column 2,column 3,prediction\n")
    with open("out.csv", "w", encoding="utf-8") as file:
        file.write(out)
    assert main(["train", "out.csv", "--epochs", "0", "--target", "column 3"]) == 0
    assert "texts as one-hot inputs: 'prediction' (2)" in capsys.readouterr().out


def test_cells_with_line_ends_survive_predict():
    table("table.csv", TASKS["two"])
    train("table.csv", epochs=0)
    with open("new.csv", "w", encoding="utf-8", newline="") as file:
        file.write('width,height,note\n1,2,"a\rb\nc"\n')
    assert main(["predict", "model.json", "new.csv", "-o", "out.csv"]) == 0
    assert read_csv("out.csv").rows[0][2] == "a\rb\nc"


@pytest.mark.parametrize("name", commands.SETS)
def test_the_classic_sets_are_trained_on_by_name(name, capsys):
    assert train(name, "--out", "m.json", epochs=1) == 0
    out = capsys.readouterr().out
    rows, kind = {"xor": (4, "training accuracy"), "spirals": (300, "held-out accuracy")}.get(
        name, (200, "held-out accuracy")
    )
    assert f"{name}: {rows} rows, 2 inputs" in out
    assert kind in out
    assert os.listdir() == ["m.json"]


@pytest.mark.parametrize("seed", range(3))
def test_xor_is_learned(seed, capsys):
    assert main(["train", "xor", "--seed", str(seed)]) == 0
    assert "training accuracy 100.0% (4 of 4)" in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS)
def test_the_report_is_of_the_gradients_over_all_training_rows(task, monkeypatch, capsys):
    table("table.csv", TASKS[task])
    seen = []
    monkeypatch.setattr(commands, "gradient_report", lambda *args: seen.append(args) or mg.gradient_report(*args))
    assert train("table.csv", "--report", "--hidden", "3", epochs=2) == 0
    (model, X, optimizer), out = seen[0], capsys.readouterr().out
    assert out.endswith(f"gradients over the training rows:\n{mg.gradient_report(model, X, optimizer)}\n")
    ready = prepare(read_csv("table.csv"), "kind", 0.2, 0)
    gradients = [p.grad for p in model.parameters()]
    model.zero_grad()
    pairs = zip(ready.X(ready.train), ready.y(ready.train), strict=True)
    mg.mean([ready.task.loss(model(row), target) for row, target in pairs]).backward()
    assert gradients == pytest.approx([p.grad for p in model.parameters()])
    assert list(ready.X(ready.train)) == X
    assert train("table.csv", epochs=1) == 0
    assert "gradients" not in capsys.readouterr().out


def test_the_same_seed_gives_the_same_model():
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        train("xor", "--out", name, "--seed", str(seed), epochs=2)
    assert read("a") == read("b") != read("c")


@pytest.mark.desktop
def test_a_training_goes_on_from_its_checkpoint(capsys):
    train("moons", "--out", "whole", "--workers", "2", "--batch-size", "80", epochs=4)
    train("moons", "--checkpoint", "run", "--resume", "--batch-size", "80", epochs=2)
    assert train("moons", "--checkpoint", "run", "--resume", "--batch-size", "80", epochs=4) == 0
    assert read("model.json") == read("whole")
    capsys.readouterr()
    assert train("moons", "--checkpoint", "run", "--resume", epochs=4) == 2
    message = "microgrannd: run: a checkpoint of other settings: batch_size was 80, is 16\n"
    assert capsys.readouterr().err == message


def test_workers_that_are_lost_are_one_line(monkeypatch, capsys):
    def lost(*_, **__):
        raise BrokenExecutor("rows 0 to 63 were lost, no gradient was changed (why)")

    monkeypatch.setattr(commands, "fit", lost)
    assert refused(["train", "xor"], capsys) == "microgrannd: rows 0 to 63 were lost, no gradient was changed (why)\n"


@pytest.mark.parametrize(("name", "lr"), [("sgd", 0.1), ("adam", 0.01), ("adamw", 0.01), ("rmsprop", 0.01)])
def test_the_defaults_are_those_that_the_help_names(name, lr, monkeypatch, capsys):
    seen = {}
    monkeypatch.setattr(
        commands, "fit", lambda model, X, y, **options: seen.update(options, model=model) or mg.History()
    )
    assert main(["train", "xor", "--optimizer", name]) == 0
    assert (type(seen["optimizer"]).__name__.lower(), seen["optimizer"].lr) == (name, lr)
    assert (seen["epochs"], seen["batch_size"], seen["seed"]) == (100, 16, 0)
    assert seen["model"].options() == {
        "nin": 2, "nouts": [16, 16, 1], "activation": "tanh", "output_activation": "linear",
    }  # fmt: skip
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for default in ("16 16", "tanh", "adam", "100", "0.01; 0.1 for sgd", "16", "0", "model.json"):
        assert f"(default: {default})" in text


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
        (["train", "xor", "--resume"], "microgrannd: --resume needs --checkpoint FILE to go on from"),
        (["train", "xor", "--activation", "rleu"], "microgrannd train: argument --activation: invalid choice: 'rleu'"),
        (["train", "xor", "--optimizer", "lbfgs"], "microgrannd train: argument --optimizer: invalid choice"),
        (["predict", "model.json"], "microgrannd predict: the following arguments are required: data"),
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


def test_an_error_with_line_ends_is_still_one_line(capsys):
    assert refused(["train", "no\nfile.csv"], capsys) == "microgrannd: no file.csv: no such file or directory\n"


def module(*arguments, stdout=subprocess.PIPE):
    """Run the package in a process of its own, whose output is buffered as it usually is."""
    home = os.path.dirname(os.path.dirname(mg.__file__))
    return subprocess.run(
        [sys.executable, "-m", "microgrannd", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": home, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip


@pytest.mark.desktop
def test_the_package_is_a_command_with_a_version():
    done = module("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"microgrannd {mg.__version__}\n", "")


def test_an_output_that_cannot_hold_the_text_gives_one_line(monkeypatch, capsys):
    with open("table.csv", "w", encoding="utf-8") as file:
        file.write("a,b\n" + "1,日\n2,月\n" * 5)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    message = "microgrannd: output: its encoding ascii cannot write '\\u65e5'\n"
    assert main(["train", "table.csv"]) == 2
    assert capsys.readouterr().err.endswith(f"\n{message}")
    assert sorted(os.listdir()) == ["model.json", "table.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_output_gives_one_line():
    table("table.csv", TASKS["two"])
    train("table.csv", epochs=0)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = module("predict", "model.json", "table.csv", stdout=full)
    assert (done.returncode, done.stderr) == (2, "microgrannd: output: no space left on device\n")


def shell(command):
    """Run a line of a shell; its status and what it printed."""
    home = os.path.dirname(os.path.dirname(mg.__file__))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}".replace("MG", f"{sys.executable} -m microgrannd")],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": home},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of another kind")
@pytest.mark.desktop
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("command", "status", "lines"),
    [
        ("MG train xor --epochs 5 --out m.json | head -1", 0, 1),
        ("MG train xor --epochs 5 --out m.json | true", 0, 0),
        ("MG train xor --epochs 5 --out m.json --report 2>&1 | true", 0, 0),
        ("MG train xor --epochs 5 --out m.json >&-", 0, 0),
        ("MG train xor --epochs 5 --out m.json 2>&-", 0, 7),
        ("MG train xor --epochs 5 --out m.json >&- 2>&-", 0, 0),
        ("MG train xor --epochs 5 --out m.json <&- >&- 2>&-", 0, 0),
        ("MG train xor --epochs 5 --out m.json 2>/dev/full", 0, 7),
        ("MG train xor --epochs 5 --out m.json >/dev/full", 2, 0),
    ],
)
def test_no_output_that_fails_loses_the_model(command, status, lines, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    if "/dev/full" in command and not os.path.exists("/dev/full"):
        pytest.skip("needs a device that is always full")
    code, out, err = shell(command)
    assert (code, len(out.splitlines())) == (status, lines), err
    assert "Traceback" not in err
    assert len(mg.load("m.json").parameters()) == 337


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of another kind")
@pytest.mark.desktop
def test_what_was_asked_for_needs_an_output():
    status, _, err = shell("MG eval '1 + 1' >&-")
    assert (status, err) == (2, "microgrannd: output: standard output is closed\n")
    assert shell("MG nothing 2>&-")[0] == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.desktop
@pytest.mark.parametrize("arguments", ["--version", "--help", "draw --help", "eval 1+1"])
def test_help_and_version_that_cannot_be_written_have_failed(arguments):
    assert shell(f"MG {arguments} >/dev/full") == (2, "", "microgrannd: output: no space left on device\n")


HOSTILE = ["\x1b]0;title\x07", "\x1b[31mred", "\x9b31m", "\u202etxt.exe", "a\rb", "\x08\x7f"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_reaches_a_terminal_raw(text, capsys):
    def is_safe(*shown):
        return all(line.isprintable() for part in shown for line in part.split("\n"))

    table("table.csv", [text if a > 0 else f"b{text}" for a, _ in POINTS])
    assert train("table.csv", epochs=0) == 0
    assert is_safe(capsys.readouterr().out)
    for arguments in (["predict", "model.json", f"no {text}.csv"], ["train", "table.csv", "--target", text]):
        assert is_safe(refused(arguments, capsys))
    content = read("model.json")
    content["task"]["classes"] = [text]
    write("model.json", content)
    assert is_safe(refused(["predict", "model.json", "table.csv"], capsys))
    content["model"]["state"] = {text: 1.0}
    write("model.json", content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # of whatever kind
        mg.load("model.json")
    assert is_safe(str(caught.value))


@pytest.mark.parametrize("text", HOSTILE)
def test_predictions_are_safe_on_a_terminal_and_to_the_letter_elsewhere(text, capsys, monkeypatch):
    table("table.csv", [text if a > 0 else "b" for a, _ in POINTS])
    train("table.csv", epochs=0)
    capsys.readouterr()
    assert main(["predict", "model.json", "table.csv"]) == 0
    assert text in capsys.readouterr().out
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    assert main(["predict", "model.json", "table.csv"]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.split("\n"))


def test_a_network_that_would_not_fit_into_memory_is_refused(capsys):
    for width in ("99999999999999999999", "999999999999999", "9" * 5000):
        assert "--hidden" in refused(["train", "xor", "--hidden", width], capsys)


@pytest.mark.parametrize("targets", [["007", "7"], ["9007199254740993", "9007199254740992"], ["01", "02"]])
def test_labels_of_digits_are_kept_as_they_are_written(targets, capsys):
    table("table.csv", [targets[a > 0] for a, _ in POINTS])
    assert train("table.csv", "--lr", "0.1") == 0
    assert main(["predict", "model.json", "table.csv", "-o", "out.csv"]) == 0
    predictions = read_csv("out.csv").texts("prediction")
    assert set(predictions) == set(targets)
    assert sum(p == targets[a > 0] for p, (a, _) in zip(predictions, POINTS, strict=True)) > 50


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["a"]},
        {"classes": {"a": 1, "b": 2}},
        {"classes": ["a", "a"]},
        {"classes": "ab"},
        {"columns": "ab"},
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


@pytest.mark.skipif(sys.platform == "win32", reason="a broken pipe is another error there")
@pytest.mark.desktop
def test_a_reader_that_goes_away_is_no_error():
    table("table.csv", TASKS["two"])
    train("table.csv", epochs=0)
    reading, writing = os.pipe()
    os.close(reading)
    done = module("predict", "model.json", "table.csv", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


delimiting = st.lists(st.sampled_from(b',;\t"\n\r -.0e9x_\xff\xef'), max_size=2).map(bytes)
mutations = st.tuples(st.integers(0, 199), st.integers(0, 3), delimiting | st.binary(max_size=3))


def status_of(arguments, path):
    """The exit status of a command; if it fails, its last line names the file."""
    with redirect_stderr(io.StringIO()) as err:
        status = main(arguments)
    assert status == 0 or err.getvalue().splitlines()[-1].startswith(f"microgrannd: {path}")
    return status


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(list(TASKS)), st.lists(mutations, min_size=1, max_size=4))
def test_no_change_of_bytes_in_a_table_gives_a_traceback(tmp_path_factory, task, mutations):
    folder = tmp_path_factory.mktemp("fuzz")
    path, model, out = (str(folder / name) for name in ("table.csv", "model.json", "out.csv"))
    table(path, TASKS[task][:8], points=[(round(a, 2), round(b, 2)) for a, b in POINTS[:8]])
    with open(path, "rb") as file:
        content = file.read()
    assert main(["train", path, "--epochs", "0", "--out", model]) == 0
    for start, length, replacement in mutations:
        start %= len(content) + 1
        content = content[:start] + replacement + content[start + length :]
    with open(path, "wb") as file:
        file.write(content)
    assert (status_of(["predict", model, path, "-o", out], path), os.path.exists(out)) in [(0, True), (2, False)]
    os.unlink(model)
    arguments = ["train", path, "--epochs", "0", "--hidden", "2", "--out", model]
    assert (status_of(arguments, path), os.path.exists(model)) in [(0, True), (2, False)]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.floats(-1e9, 1e9))
def test_a_scale_goes_there_and_back_and_is_1_for_equal_numbers(numbers, number):
    try:
        scale = Scale.of(numbers, "a")
    except data.TableError:
        assert max(numbers) - min(numbers) > 1e150 or math.isinf(sum(map(abs, numbers)))
        return
    assert scale.deviation > 0
    assert Scale.of([number] * len(numbers), "a").deviation == 1.0
    assert Scale(number, 2.0).from_unit(Scale(number, 2.0).to_unit(1.5)) == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["b", "a", "b "], ["a", "b"]),
        (["1", "1.0", "2", "2"], ["1", "2"]),
        (["0", "-0", "1", "1"], ["0", "1"]),
        (["-0", "0", "1", "1"], ["0", "1"]),
        (["10", "9", "10", "9"], ["9", "10"]),
        (["1", "x", "1", "x"], ["1", "x"]),
        (["0", "1"], []),
        (["0.5", "0.5", "1", "1"], []),
        ([str(i % 21) for i in range(100)], []),
        ([str(i % 20) for i in range(100)], [str(i) for i in range(20)]),
    ],
)
def test_the_classes_of_a_column(cells, classes):
    ready = prepare(as_table("t", [[float(i)] for i in range(len(cells))], cells), "class", 0.2, 0)
    assert ready.task.classes == classes
    assert ready.task.outputs == (len(classes) if len(classes) > 2 else 1)
    if classes:
        assert {classes[int(y)] for y in ready.reading.targets} == set(classes)
    assert Task.decode(ready.task.encode()) == ready.task


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("no yes", "2 classes (no, yes)"),
        ("a b c d e", "5 classes (a, b, c, d, e)"),
        ("a b c d e f", "6 classes (a, b, c, d, e, ...)"),
    ],
)
def test_a_task_says_its_classes_and_answers_with_them(classes, expected):
    names = classes.split()
    task = Task([Column("x", [], [Scale(0.0, 1.0)])], "y", names, None, names[0])
    assert str(task) == f"'y': {expected}"
    if task.outputs == 1:
        assert [task.answer(output) for output in (-0.1, 0.0, 0.1)] == ["no", "no", "yes"]
    else:
        assert [task.answer([float(i == j) for i in range(len(names))]) for j in range(len(names))] == names


def test_the_score_of_a_regression_is_r_squared_beside_that_of_the_mean():
    task = Task([Column("x", [], [Scale(0.0, 1.0)])], "y", [], Scale(2.0, 2.0), "")
    line = "R² 0.8750, root mean squared error 0.2887; always 2, the mean in training: R² 0.0000, 0.8165"
    assert scores(task, [-0.5, 0.0, 0.25], [1.0, 2.0, 3.0], "held-out") == [f"held-out {line}"]
    assert scores(task, [0.0], [1.0]) == [
        "R² undefined, it needs two different targets; root mean squared error 1; always 2, the mean in training: 1"
    ]
    assert str(task) == "'y': regression"


def test_the_score_of_classes_is_the_accuracy_beside_the_most_common_class_and_a_confusion_matrix():
    task = Task([Column("x", [], [Scale(0.0, 1.0)])], "y", ["no", "maybe\n", "yes"], None, "yes")
    outputs = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    assert scores(task, outputs, [0.0, 1.0, 2.0, 2.0]) == [
        "accuracy 50.0% (2 of 4); always 'yes', the most common in training: 50.0%",
        "  true    no  maybe↵  yes  as predicted",
        "  no       1       0    0",
        "  maybe↵   0       0    1",
        "  yes      0       1    1",
    ]


def test_workers_without_work_are_refused(capsys):
    assert main(["train", "xor", "--workers", "2"]) == 2
    assert capsys.readouterr().err == (
        "microgrannd: --workers needs a --batch-size above 64: smaller batches stay in one process\n"
    )


def test_a_line_end_in_a_class_makes_no_line_of_its_own(capsys):
    table("table.csv", ["A\nmodel written to elsewhere" if a > 0 else "B" for a, _ in POINTS])
    assert train("table.csv", epochs=0) == 0
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("model written to elsewhere")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_place_that_cannot_be_written_is_found_before_the_training(capsys):
    os.mkfifo("pipe")
    assert "is a pipe" in refused(["train", "xor", "--out", "pipe"], capsys)
    if os.path.exists("/proc/self"):
        assert refused(["train", "xor", "--out", "/proc/model.json"], capsys).startswith(
            "microgrannd: /proc/model.json: "
        )
