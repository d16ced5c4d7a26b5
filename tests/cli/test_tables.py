"""Tables that are less tidy: one-hot texts, missing cells, columns left out, labels as written, and all of it mutated."""

import csv
import io
import os
import re
import shlex
import subprocess
import sys

import pytest

import microgrannd as mg
from microgrannd import _files
from microgrannd.cli import arguments
from microgrannd.cli import networks as commands
from microgrannd.cli.prepare import prepare
from microgrannd.data import as_table, read_csv
from microgrannd.nn.saving import encode

from .shell import refusal, run, trained, write

EXAMPLES = arguments.EXAMPLES


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


def test_header_and_no_header_decide():
    write("0,1,2,kind\n" + "5.5,3.5,1,a\n4.5,2.5,0,b\n" * 4)
    assert "8 rows, 3 inputs; target 'kind': 2 classes (a, b)" in trained()
    assert "9 rows, 3 inputs; target 'column 4': 3 classes (a, b, kind)" in trained("--no-header")
    write("5.5,3.5,1,a\n" + "5.5,3.5,1,a\n4.5,2.5,0,b\n" * 4)
    assert "8 rows, 3 inputs; target 'a'" in trained("--header")


def test_a_table_without_the_header_of_training_is_refused_with_the_reason():
    write(COLORS)
    trained()
    write("1,red\n", "new.csv")
    assert refusal("predict", "model.json", "new.csv") == (
        "new.csv: no column 'size'; the columns are 'column 1', 'column 2', as it was read without a header"
        "; --header if the first row holds them"
    )


def test_a_separator_at_the_end_of_each_row_makes_no_target():
    write("a,b,\n" + "1,x,\n2,y,\n" * 4)
    out = trained()
    assert "8 rows, 1 input; target 'b': 2 classes (x, y)" in out
    assert "left out: column ''" in out


def test_a_line_end_in_a_name_makes_no_line_of_its_own():
    write('0,"a\nmodel written to elsewhere","kind\nmodel written to elsewhere"\n' + '1,x,"y\nmodel"\n2,x,z\n' * 4)
    assert not [line for line in trained().splitlines() if line.startswith("model written to elsewhere")]
    assert not [line for line in run("evaluate", "model.json", "table.csv")[1].splitlines() if line.startswith("model")]


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
        ("a,b\n1,x\n2,y\nthree,x\n4,y\n", "table.csv, line 4, column 'a': needs a finite number, got 'three'"),
        (",b\n1,x\n2,y\n3,x\n4,y\n", "table.csv: needs a column besides the target 'b'"),
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


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_of_a_command_shows_an_example(command):
    status, out, _ = run(command, "--help")
    assert status == 0
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


def test_exit_statuses_are_documented():
    assert "exit status:\n  0  done" in run("--help")[1]


@pytest.mark.parametrize(("separator", "written"), [(",", ","), (";", ";"), ("\t", "\t"), ("  ", " ")])
def test_predict_writes_the_separators_of_the_table(separator, written):
    comma = separator == ";"
    cells = [
        ["a", "b", "kind"],
        *([f"{i}{',' if comma else '.'}5", "0.25"[: 1 if comma else 4], "xy"[i % 2]] for i in range(9)),
    ]
    write("".join(f"{separator.join(row)}\n" for row in cells))
    trained()
    run("predict", "model.json", "table.csv", "-o", "out.csv")
    with open("out.csv", encoding="utf-8") as file:
        assert [line.split(written)[:3] for line in file.read().splitlines()] == cells
    assert read_csv("out.csv").numbers(["a", "b"]) == read_csv("table.csv").numbers(["a", "b"])


def test_predict_quotes_names_that_might_be_taken_for_separated():
    write('"a;;;","b"\n' + "1,x\n2,y\n" * 3)
    trained()
    run("predict", "model.json", "table.csv", "-o", "out.csv")
    assert read_csv("out.csv").columns == ["a;;;", "b", "prediction"]


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


@pytest.mark.parametrize("end", ["", ","])
def test_a_separator_at_the_end_of_rows_moves_no_column(end):
    write("x,y,t\n" + "".join(f"{i},{(7 * i) % 5},{2 * i + 0.5}{end}\n" for i in range(12)))
    table = read_csv("table.csv")
    assert table.numbers(["x", "y", "t"])[3] == [3.0, 1.0, 6.5]
    assert run("train", "table.csv", "--target", "t", "--epochs", "0")[0] == 0


@pytest.mark.parametrize("titles", ["country,2019,2020,label", "1,2,3,species"])
def test_numbers_are_names_beside_texts_that_do_not_occur_again(titles):
    write(f"{titles}\n" + "".join(f"{'ab'[i % 2]},{i},{i / 3},{'pq'[i % 2]}\n" for i in range(12)))
    table = read_csv("table.csv")
    assert table.columns == titles.split(",")
    assert "is taken for names" in table.notes[0]


def test_years_alone_are_data_and_said_to_be():
    write("2019,2020,2021\n" + "".join(f"{i},{i / 3},{i / 7}\n" for i in range(5)))
    table = read_csv("table.csv")
    assert (table.count, table.notes) == (6, ("the first row is taken for data; --header if it holds names",))


def test_commas_that_may_be_thousands_are_refused():
    write("x;y\n" + "".join(f"{i + 1},000;{i},5\n" for i in range(9)))
    assert read_csv("table.csv").numbers(["y"])[1] == [1.5]  # the others are decimals
    write("x;y\n1,000;2\n2,500;3\n")
    assert refusal("train", "table.csv") == (
        "table.csv: column 'x' holds '1,000': a number with thousands or with decimals? Write it without a comma, "
        "or leave it out with --drop 'x'"
    )


def test_commas_in_names_do_not_separate():
    write("height, cm;weight, kg;kind\n" + "".join(f"{i},5;{i},25;{'pq'[i % 2]}\n" for i in range(9)))
    assert read_csv("table.csv").columns == ["height, cm", "weight, kg", "kind"]


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
