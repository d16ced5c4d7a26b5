"""What predict says of a table, and that it writes the table as it was read."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd.cli.answers import _trained
from microgrannd.data import read_csv

from .shell import refusal, run, trained, write

GERMAN = "x;k;y\n" + "".join(f"{i},5;{'uv'[i % 2]};{2 * i},25\n" for i in range(12))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def notes(*arguments):
    """What predict says on standard error."""
    status, _, err = run("predict", "model.json", *arguments)
    assert status == 0, err
    return [line.removeprefix("microgrannd: ") for line in err.splitlines()]


def test_predict_says_how_it_read_a_table_and_what_it_replaced():
    write(GERMAN)
    trained("--missing", "mean")
    write("x;k\n1,5;pink\n;u\nNA;u\n", "new.csv")
    assert notes("new.csv") == [
        "new.csv: cells are separated by semicolons",
        "new.csv: numbers have decimal commas in 'x'",
        "new.csv: missing cells, taken as the mean of the column: 2 (1 empty, 1 'NA')",
        "new.csv: texts that training did not have, taken as the mean of the column: 1 ('pink' in 'k')",
    ]
    write("x,k\n1.5,u\n", "new.csv")
    assert notes("new.csv") == []
    write("x,k\n5%,u\n", "new.csv", encoding="utf-16")
    assert notes("new.csv") == ["new.csv: the text is in UTF-16", "new.csv: 5% is read as 0.05 in 'x'"]
    trained("--missing", "drop")
    write("x,k\n-,pink\n1,u\n", "new.csv")
    assert notes("new.csv") == [
        "new.csv: missing cells: 1 (1 '-')",
        "new.csv: texts that training did not have: 1 ('pink' in 'k')",
        "new.csv: without a prediction: 1 of 2 rows, as a cell is missing or unknown",
    ]


def test_what_predict_says_is_safe_on_a_terminal():
    write("x,k\x1b[31m\n" + "1,u\n2,v\n" * 6)
    trained("--target", "x", "--missing", "mean")
    write("k\x1b[31m\n\x1b]0;t\x07\n", "new.csv")
    assert not [line for line in notes("new.csv") if "\x1b" in line or "\x07" in line]
    assert "\\x1b]0;t\\x07" in notes("new.csv")[0]


@pytest.mark.parametrize("separator", [";", "\t", " ", ","])
@pytest.mark.parametrize("missing", ["mean", "drop"])
def test_a_table_with_predictions_is_read_back_as_the_table_it_was(separator, missing):
    text = GERMAN.replace(",", ".") if separator == "," else GERMAN
    write(text.replace(";", separator) + f'""{separator}u{separator}1\n')
    trained("--missing", missing)
    assert run("predict", "model.json", "table.csv", "-o", "out.csv")[0] == 0
    before, after = read_csv("table.csv"), read_csv("out.csv")
    assert after.columns == [*before.columns, "prediction"]
    assert [row[:-1] for row in after.rows] == before.rows
    assert (after.delimiter, after.header) == (before.delimiter, before.header)
    assert after.decimal_commas == before.decimal_commas | ({"prediction"} if before.decimal_commas else set())
    model, task = _trained("model.json")
    for row in after.rows[:-1]:
        numbers = [after.number(row[0], "x"), float("uv".index(row[1]))]
        assert after.number(row[3], "prediction") == float(task.answer(model.predict([task.row(numbers)])[0]))


@pytest.mark.parametrize("separator", list("|:;, \t"))
def test_a_table_that_names_its_separator_is_read_back(separator):
    rows = [f"{i},{i % 3},{'uv'[i % 2]}" for i in range(8)]
    write(f"sep={separator}\n" + "\n".join(["a,b,y", *rows, ""]).replace(",", separator))
    trained()
    assert run("predict", "model.json", "table.csv", "-o", "out.csv")[0] == 0
    before, after = read_csv("table.csv"), read_csv("out.csv")
    assert [row[:-1] for row in after.rows] == before.rows
    assert (after.delimiter, after.columns) == (separator, ["a", "b", "y", "prediction"])


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("titles", "new"), [("0,1,kind", "1,0,kind\n1,0,a\n0,1,b\n"), ("red,round,kind", "red,round,kind\nred,round,a\n")]
)
def test_the_columns_of_the_model_decide_what_a_header_is(command, titles, new):
    cells = ("5", "2", "1", "4") if titles[0] == "0" else ("red", "flat", "round", "blue")
    rows = [f"{cells[i % 2]},{cells[2 + i % 3 % 2]},{'ab'[i % 2]}" for i in range(12)]
    write("\n".join([titles, *rows, ""]))
    trained("--header")
    write(new, "new.csv")
    status, out, err = run(command, "model.json", "new.csv")
    assert status == 0, err
    assert len(out.splitlines()) == new.count("\n") if command == "predict" else f" {new.count(chr(10)) - 1} row" in out


def test_a_model_without_names_takes_the_first_row_for_data():
    write("1,2,a\n3,4,b\n" * 5)
    trained()
    write("x,y\n1,2\n", "new.csv")
    assert refusal("predict", "model.json", "new.csv") == (
        "new.csv, line 1, column 'column 1': needs a finite number, got 'x'"
    )
    write("1,2\n3,4\n", "new.csv")
    assert notes("new.csv") == ["new.csv: the first row is taken for data, as in training"]


@pytest.mark.parametrize("hidden", ["1", "2"])
def test_a_prediction_that_is_not_finite_is_an_error_and_nothing_is_written(hidden):
    write("x,z,y\n" + "".join(f"{i}e150,{i % 3},{i}e160\n" for i in range(12)))
    assert run("train", "table.csv", "--activation", "linear", "--epochs", "30", "--hidden", hidden)[0] == 0
    write("x,z,y\n1e150,0,1\n1.7e308,0,1\n", "new.csv")
    message = refusal("predict", "model.json", "new.csv", "-o", "out.csv")
    assert message.startswith("new.csv, line 3: the prediction is not finite; column 'x' is ")
    assert message.endswith(" standard deviations away from the mean of training")
    assert refusal("evaluate", "model.json", "new.csv") == (
        "the prediction is not finite for 1 of 2 rows; the weights or the cells are too large"
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["-", "999", "NA", "", "1.5"]), min_size=8, max_size=8))
def test_the_marks_of_training_are_those_of_predict_and_evaluate(tmp_path_factory, marks):
    os.chdir(tmp_path_factory.mktemp("marks"))
    write("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(12)))
    trained("--missing", "mean", "--marks", "-", "999")
    write("x,y\n" + "".join(f"{mark},1\n" for mark in marks if mark != "NA"), "new.csv")
    count = sum(mark in ("-", "999", "") for mark in marks)
    if len(marks) > marks.count("NA"):
        said = notes("new.csv")
        assert [line.split(" (")[0] for line in said] == (
            [f"new.csv: missing cells, taken as the mean of the column: {count}"] if count else []
        )
    write("x,y\nNA,1\n", "new.csv")
    assert "needs a finite number, got 'NA'" in refusal("predict", "model.json", "new.csv")
    assert "needs a finite number, got 'NA'" in refusal("evaluate", "model.json", "new.csv")


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs the name /dev/stdout")
@pytest.mark.desktop
@pytest.mark.parametrize("sink", ["| cat", "> out.csv; cat out.csv", ">> log.txt; cat log.txt"])
def test_predictions_may_be_written_to_a_pipe_by_its_name(sink):
    write("x,y\n" + "1,a\n2,b\n" * 5)
    trained()
    write("before\n", "log.txt")
    expected = ("before\n" if "log" in sink else "") + run("predict", "model.json", "table.csv")[1]
    command = f"{sys.executable} -m microgrannd predict model.json table.csv -o /dev/stdout {sink}"
    assert subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout == expected
