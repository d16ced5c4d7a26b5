"""Tables that are less tidy: one-hot texts, missing cells, columns left out, labels as written."""

import csv
import io
import re

import pytest

import microgrannd as mg
from microgrannd import _files
from microgrannd.cli import networks as commands
from microgrannd.cli.prepare import prepare
from microgrannd.data import as_table, read_csv
from microgrannd.nn.saving import encode

from .shell import refusal, run, trained, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


COLORS = "size,color,kind\n" + "1,red,a\n2,blue,b\n3,green,a\n4,red,b\n" * 3


def test_texts_become_one_hot_inputs_that_the_model_file_remembers():
    write(COLORS)
    assert "12 rows, 4 inputs" in trained()
    assert "texts as one-hot inputs: 'color' (3)" in trained()
    ready = prepare(read_csv("table.csv"), "kind", 0.2, 0)
    assert ready.task.inputs == ["size", "color=blue", "color=green", "color=red"]
    size, color = ready.task.columns
    for i, row in zip(ready.train, ready.X(ready.train), strict=True):
        text = read_csv("table.csv").rows[i][1]
        units = [scale.from_unit(unit) for scale, unit in zip([*size.scales, *color.scales], row, strict=True)]
        assert units == pytest.approx([i % 4 + 1, *(float(text == known) for known in ("blue", "green", "red"))])
    model = mg.load("model.json")
    write("color,size\ngreen,3\n", "new.csv")
    expected = ready.task.answer(model.predict([ready.task.row([3.0, 1.0])])[0])
    assert run("predict", "model.json", "new.csv")[1] == f"color,size,prediction\ngreen,3,{expected}\n"


def test_a_text_that_training_did_not_have_is_refused_or_the_mean():
    write(COLORS)
    trained()
    write("color,size\nred,1\npink,3\n", "new.csv")
    message = "new.csv, line 3, column 'color': 'pink' is none of the texts of training ('blue', 'green', 'red'); train"
    assert refusal("predict", "model.json", "new.csv").startswith(message)
    trained("--missing", "mean")
    assert len(run("predict", "model.json", "new.csv")[1].splitlines()) == 3


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "NaN", "N/A", "null", "?"])
@pytest.mark.parametrize(("row", "column"), [("{},red,a", "size"), ("1,{},a", "color"), ("1,red,{}", "kind")])
def test_a_missing_cell_is_refused_by_its_place_or_handled_as_asked(cell, row, column):
    write(f"{COLORS}{row.format(cell)}\n")
    message = refusal("train", "table.csv")
    assert message.startswith(f"table.csv, line 14, column '{column}': ")
    assert "--missing mean or drop" in message
    assert "left out: 1 of 13 rows" in trained("--missing", "drop")
    assert ("left out: 1 of 13 rows" in trained("--missing", "mean")) == (column == "kind")


def test_a_missing_cell_is_the_mean_of_the_rows_to_train_on():
    table = as_table("t", [[float(i)] for i in range(12)], ["a", "b"] * 6)
    rows = [[*row] for row in table.rows]
    rows[5][0] = "NA"
    write("x1,class\n" + "".join(f"{a},{b}\n" for a, b in rows))
    ready = prepare(read_csv("table.csv"), "class", 0.2, 0, missing="mean")
    assert next(ready.X([5])) == [0.0]
    known = [float(i) for i in ready.train if i != 5]
    assert ready.task.columns[0].scales[0].mean == pytest.approx(sum(known) / len(known))
    assert "missing cells, taken as the mean of the column: 1 (1 'NA')\n" in trained("--missing", "mean")
    write("x1\nNA\n1\n", "new.csv")
    lines = run("predict", "model.json", "new.csv")[1].splitlines()
    write(f"x1\n{sum(known) / len(known)!r}\n", "mean.csv")
    assert lines[1].split(",")[1] == run("predict", "model.json", "mean.csv")[1].splitlines()[1].split(",")[1]
    trained("--missing", "drop")
    assert run("predict", "model.json", "new.csv")[1].splitlines()[1] == "NA,"


def test_columns_are_left_out():
    write("name," + COLORS.replace("\n", "\nx,").removesuffix("x,"))
    assert "12 rows, 1 input;" in trained("--drop", "name", "color")
    assert refusal("train", "table.csv", "--drop", "names").startswith("table.csv: no column 'names'; the columns are")
    assert refusal("train", "table.csv", "--drop", "kind").startswith("table.csv: column 'kind' is the target")
    write("prediction,size\nz,1\n", "new.csv")
    assert "already has a column 'prediction'" in refusal("predict", "model.json", "new.csv")


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_index_of_pandas_is_left_out_and_that_is_said(name):
    lines = COLORS.splitlines()
    write("\n".join([f"{name},{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[1:]))]))
    out = trained()
    assert "12 rows, 4 inputs" in out
    assert f"left out: column {name!r}, which has no name" in out
    assert run("predict", "model.json", "table.csv")[1].splitlines()[1].startswith("0,1,red,a,")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(["01", "02"], "01, 02"), (["1.0", "2.0"], "1.0, 2.0"), (["1,0", "2,0"], "1,0, 2,0"), (["1.5", "2.5"], None)],
)
def test_the_task_may_be_given_and_labels_come_back_as_they_are_written(labels, classes):
    write("x;y\n" + "".join(f"{i};{labels[i % 2]}\n" for i in range(12)))
    automatic = f"2 classes ({classes})" if classes else "regression"
    assert f"target 'y': {automatic}\n" in trained()
    assert "target 'y': regression\n" in trained("--task", "regression")
    assert f"target 'y': 2 classes ({', '.join(labels)})\n" in trained("--task", "classification")
    rows = list(csv.reader(io.StringIO(run("predict", "model.json", "table.csv")[1]), delimiter=";"))
    assert {row[-1] for row in rows[1:]} <= set(labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a,b,c\n" + "1,,x\n2,,y\n" * 3,
            "table.csv: column 'b' holds no value in any row; leave it out with --drop 'b'",
        ),
        (
            "a,b\n" + "1,\n2,NA\n" * 3,
            "table.csv: column 'b' holds no value in any row beside cells that are missing, as 'NA' (say with --marks "
            "which are); there is nothing to learn",
        ),
        (
            "a,b\n" + "".join(f"name {i},{i % 2}\n" for i in range(40)),
            "table.csv: column 'a' holds more than 20 different texts; leave it out with --drop 'a'",
        ),
        (
            "a,b\n1,x\n2,y\nthree,x\n4,y\n",
            "table.csv, line 4, column 'a': needs a finite number, got 'three'; name it after --marks if it stands for a "
            "missing value",
        ),
        (
            "a,b\n1,1\n2,2\n3,1\n4,x\n",
            "table.csv, line 5, column 'b': needs a finite number, got 'x'; name it after --marks if it stands for a "
            "missing value, or give --task classification",
        ),
        (
            ",b\n1,x\n2,y\n3,x\n4,y\n",
            "table.csv: needs a column besides the target 'b'; the first row needs to hold the names of all columns",
        ),
    ],
)
def test_a_column_that_cannot_be_used_is_refused_with_the_remedy(content, message):
    write(content)
    assert refusal("train", "table.csv") == message


def test_a_row_is_needed_after_incomplete_ones_are_left_out():
    write("a,b,c\n" + "1,,x\n,2,y\n" * 3)
    message = "table.csv: no row is left: each has a missing cell"
    assert refusal("train", "table.csv", "--missing", "drop") == message


def test_evaluate_prints_the_scores_of_a_table_that_has_its_target():
    write("x,y\n" + "".join(f"{i},{'low' if i < 30 else 'high'}\n" for i in range(50)))
    run("train", "table.csv", "--lr", "0.1")
    assert run("evaluate", "model.json", "table.csv")[1] == (
        "table.csv: 50 rows; target 'y': 2 classes (high, low)\n"
        "accuracy 100.0% (50 of 50); always 'low', the most common in training: 60.0%\n"
        "  true  high  low  as predicted\n"
        "  high    20    0\n"
        "  low      0   30\n"
    )
    write("x,y\n1,low\n2,medium\n", "new.csv")
    message = "new.csv, line 3, column 'y': needs one of the classes ('high', 'low'), got 'medium'"
    assert refusal("evaluate", "model.json", "new.csv") == message
    write("x\n1\n", "new.csv")
    assert refusal("evaluate", "model.json", "new.csv") == "new.csv: no column 'y'; the columns are 'x'"


def test_validation_patience_and_schedule_are_those_of_fit(monkeypatch):
    seen, fit = {}, commands.fit
    monkeypatch.setattr(commands, "fit", lambda *a, **options: seen.update(options) or fit(*a, **options))
    status, out, _ = run(
        "train", "moons", "--validation", "0.25", "--patience", "1", "--schedule", "linear", "--lr", "0.5",
        "--epochs", "20", "--batch-size", "40",
    )  # fmt: skip
    assert status == 0
    assert (seen["validation"], seen["patience"], seen["batch_size"]) == (0.25, 1, 40)
    assert [seen["optimizer"].lr(step) for step in (0, 30, 60)] == [0.5, 0.25, 0.0]  # 120 rows, 3 steps an epoch
    assert re.search(r"after \d+ epochs on 120 rows, .* s, lowest validation loss", out)
    assert refusal("train", "moons", "--patience", "1") == "--patience needs --validation SHARE to judge by"
    for share in ("0", "1", "nan", "x"):
        assert "needs a number above 0 and below 1" in refusal("train", "moons", "--validation", share)


def test_a_model_of_the_first_version_predicts_and_is_judged():
    model = mg.MLP(2, [1], seed=0)
    task = {
        "columns": ["a", "b"], "target": "kind", "classes": ["no", "yes"], "target_scale": None,
        "scales": [{"mean": 1.0, "deviation": 2.0}, {"mean": 0.0, "deviation": 1.0}],
    }  # fmt: skip
    _files.write("old.json", {"model": encode(model), "task": task})
    write("a,b,kind\n1,2,yes\n3,-4,no\n")
    status, shown, _ = run("evaluate", "old.json", "table.csv")
    expected = [("no", "yes")[model([(a - 1) / 2, b]).data > 0] for a, b in ((1, 2), (3, -4))]
    right = sum(a == b for a, b in zip(expected, ("yes", "no"), strict=True))
    assert status == 0
    assert f"accuracy {right / 2:.1%} ({right} of 2)" in shown
    assert "most common" not in shown


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("mean", "missing cells, taken as the mean of the column: 1 (1 empty)"),
        ("mean", "texts that training did not have, taken as the mean of the column: 1 ('ZZ' in 'k')"),
        ("drop", "left out: 2 of 3 rows, as a cell is missing or unknown"),
    ],
)
def test_evaluate_says_what_it_took_for_missing(missing, said):
    write("x;k;c\n" + "".join(f"{i},5;{'uv'[i % 2]};{'pq'[i % 3 == 0]}\n" for i in range(12)) + ";u;p\n")
    trained("--missing", missing)
    write("x;k;c\n1,5;ZZ;p\n1,5;;p\n2,5;u;q\n", "new.csv")
    status, shown, _ = run("evaluate", "model.json", "new.csv")
    assert status == 0
    assert f"  {said}\n" in shown
    assert "  numbers have decimal commas in 'x'\n" in shown
