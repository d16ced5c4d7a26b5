"""Networks trained on tables, and used, from end to end."""

import math
import os

import pytest

import microgrannd as mg
from microgrannd._files import read
from microgrannd.cli import main
from microgrannd.cli import networks as commands
from microgrannd.cli.prepare import prepare
from microgrannd.data import read_csv

from .shell import POINTS, TASKS, table, train


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.mark.parametrize("targets", [["007", "7"], ["9007199254740993", "9007199254740992"], ["01", "02"]])
def test_labels_of_digits_are_kept_as_they_are_written(targets, capsys):
    table("table.csv", [targets[a > 0] for a, _ in POINTS])
    assert train("table.csv", "--lr", "0.1") == 0
    assert main(["predict", "model.json", "table.csv", "-o", "out.csv"]) == 0
    predictions = read_csv("out.csv").texts("prediction")
    assert set(predictions) == set(targets)
    assert sum(p == targets[a > 0] for p, (a, _) in zip(predictions, POINTS, strict=True)) > 50
