"""Headers and separators, from the table to the predictions."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd.data import read_csv

from .shell import refusal, run, trained, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


COLORS = "size,color,kind\n" + "1,red,a\n2,blue,b\n3,green,a\n4,red,b\n" * 3


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
        "; --header if the first row holds them, else write them above it"
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


def content(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def in_form(rows, separator, comma, minus):
    """A table as text: its separator, decimal mark and minus sign."""

    def cell(value):
        if isinstance(value, str):
            return f'"{value}"'
        text = repr(value).replace("-", minus)
        text = text.replace(".", ",") if comma else text
        return f'"{text}"' if separator in text else text

    return "".join(separator.join(map(cell, row)) + "\n" for row in rows)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.integers(-99, 99), st.sampled_from(["red", "a;b", "a,b c"])),
        min_size=8, max_size=16,
    ),
    st.sampled_from([",", ";", "\t", " "]), st.booleans(), st.sampled_from(["-", "\u2212"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(["share", "my color"]),
)  # fmt: skip
def test_the_form_of_a_table_changes_no_number(tmp_path_factory, rows, separator, comma, minus, encoding, target):
    os.chdir(tmp_path_factory.mktemp("forms"))
    header = ("size", "count", "my color", "share")
    table = [header, *((x, i, text, i / 8 + 0.0625) for x, i, text in rows)]
    options = ["--target", target, "--hidden", "2", "--epochs", "1"]
    results = []
    for form, code in (((",", False, "-"), "utf-8"), ((separator, comma, minus), encoding)):
        write(in_form(table, *form), encoding=code)
        status, _, err = run("train", "table.csv", *options)
        results.append([status, err.splitlines()[-1:] if status else content("model.json")])
        if status == 0:
            assert run("predict", "model.json", "table.csv", "-o", "out.csv")[0] == 0
            answers = read_csv("out.csv", header=True)
            results[-1] += [answers.number(row[-1], "prediction") or row[-1] for row in answers.rows]
    assert results[0] == results[1]
