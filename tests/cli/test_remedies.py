"""Columns that cannot be used, or are of no use: what is said names the column and the remedy."""

import os
import re
import shlex

import pytest

from microgrannd.cli.columns import dropped

from .shell import refusal, run, trained, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def column(name, cells):
    """Write a table of that column, an input and a target."""
    write(f"{name},x,y\n" + "".join(f'"{cell}",{i % 5},{i % 2}\n' for i, cell in enumerate(cells)))


@pytest.mark.parametrize("form", ["${}", "{} €", "{}_000", "({})", "{} 000"])
def test_numbers_that_are_not_read_are_refused_not_one_hot(form):
    column("price", [form.format(i + 1) for i in range(60)])
    shown = form.format(1)
    start = f"table.csv: column 'price' holds numbers written as '{shown}'; write them without"
    assert refusal("train", "table.csv").startswith(start)
    assert refusal("train", "table.csv").endswith("--drop 'price'")
    assert refusal("train", "table.csv", "--target", "price").startswith(start)
    assert refusal("train", "table.csv", "--target", "price").endswith("give --task classification if they are names")
    assert "1 input; target 'y': 2 classes" in trained("--drop", "price")
    column("price", [form.format(i % 2 + 1) for i in range(60)])
    assert "target 'price': 2 classes" in trained("--target", "price", "--task", "classification")


def test_thousands_are_asked_about_only_where_the_column_is_used():
    column("price", [f"{i + 1},500" for i in range(60)])
    assert refusal("train", "table.csv") == (
        "table.csv: column 'price' holds '1,500': a number with thousands or with decimals? Write it without a comma, "
        "or leave it out with --drop 'price'"
    )
    assert "1 input;" in trained("--drop", "price")
    column("price", [f"{i + 1},500" if i % 3 == 0 else i for i in range(60)])
    assert refusal("train", "table.csv").startswith(
        "table.csv, line 2, column 'price': needs a finite number, got '1,500'; write it without thousands"
    )


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (range(1, 13), "column 'a' counts the rows: if it tells nothing, --drop 'a'"),
        ([7] * 12, "column 'a' holds only '7': if it tells nothing, --drop 'a'"),
        (["u"] * 12, "column 'a' holds only 'u': if it tells nothing, --drop 'a'"),
        ([f"{7 * i:03d}" for i in range(12)], "column 'a' holds codes, as '000', which are taken as numbers"),
        ([f"n{i % 10}" for i in range(12)], "column 'a' has another text in almost every row"),
        ([f"n{i % 9}" for i in range(12)], ""),
        ([i * i for i in range(12)], ""),
    ],
)
def test_an_input_that_may_tell_nothing_is_named(cells, note):
    column("a", cells)
    said = trained()
    assert note in said
    assert ("--drop" in said) == bool(note)


def test_the_signs_plus_and_minus_may_be_classes():
    write("x,y\n" + "1,+\n2,-\n3,-\n" * 4)
    assert refusal("train", "table.csv") == (
        "table.csv: column 'y' holds only '+' beside cells that are missing, as '-' (say with --marks which are), "
        "there is nothing to learn"
    )
    assert "2 classes (+, -)" in trained("--marks", "?")
    assert run("evaluate", "model.json", "table.csv")[1].count("-  ") >= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "x,y\n1,a\n2,b\nx,y\n1,a\n2,b\n3,a\n",
            "line 4, column 'x': needs a finite number, got 'x', the header once more",
        ),
        ("my column\n1\n2\n", "needs a column besides the target 'my column'; cells are separated by commas, semi"),
        (
            "x|y\n1|a\n2|b\n",
            "needs a column besides the target 'x|y'; cells are separated by commas, semicolons, tabs, spaces",
        ),
        (
            "A report\nx,y\n1,a\n",
            "needs a column besides the target 'A report'; the first row needs to hold the names of",
        ),
        (" , \n1,2\n", "no column has a name; name those that hold something, or give --no-header"),
        (
            "x,y\n1,a\n-,b\n3,a\n",
            "line 3, column 'x': '-' stands for a missing value; train with --missing mean or drop",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_remedy(content, message):
    write(content)
    said = refusal("train", "table.csv")
    assert said.startswith("table.csv")
    assert message in said


def test_several_columns_without_a_name_are_left_out():
    write("x,y,,\n" + "1,a,,\n2,b,,\n" * 4)
    assert "left out: 2 columns, which have no name" in trained()
    assert run("predict", "model.json", "table.csv")[1].startswith("x,y,,,prediction\n")


def test_the_marks_of_missing_targets_are_said():
    write("x,y\n" + "1,a\n2,b\n" * 5 + "3,-\n4,?\n,?\n")
    said = trained("--missing", "mean")
    assert "  missing cells of the target: 3 (2 '?', 1 '-')\n  left out: 3 of 13 rows, as a cell is missing\n" in said
    assert "taken as the mean" not in said  # of a row that is left out


@pytest.mark.parametrize("pair", [("Yes", "yes"), ("é", "e\u0301"), ("a b", "a\u00a0b")])
def test_classes_that_look_alike_are_said(pair):
    write("x,y\n" + f"1,{pair[0]}\n2,{pair[1]}\n3,other\n" * 4)
    first, second = sorted(pair)
    assert f"differ only in capitals, spaces or encoding: {first!r} and {second!r}\n" in trained()


def test_long_names_of_classes_are_told_apart():
    write("x,y\n" + "1,9007199254740993\n2,9007199254740994\n" * 6)
    lines = trained().splitlines()
    assert any("  9007199254740993  9007199254740994  as predicted" in line for line in lines)
    write("x,y\n" + f"1,{'n' * 90}a\n2,{'n' * 90}b\n" * 6)
    assert any("1: nnnnnnnn" in line and "2: nnnnnnnn" in line for line in trained().splitlines())


def test_scores_of_huge_numbers_do_not_overflow():
    write("x,y\n" + "".join(f"{i}e200,{i}e200\n" for i in range(20)))
    assert run("train", "table.csv", "--hidden", "--epochs", "60")[0] == 0
    shown = run("evaluate", "model.json", "table.csv")[1]
    assert "nan" not in shown
    assert "inf" not in shown
    assert "R² 0.9" in shown or "R² 1.0" in shown


def test_messages_about_a_training_name_the_options_of_the_shell():
    assert "; a smaller --lr may help" in refusal("train", "moons", "--epochs", "2", "--lr", "1e308")
    arguments = ["train", "moons", "--epochs", "2", "--checkpoint", "run.json", "--hidden", "2"]
    assert run(*arguments, "--schedule", "linear")[0] == 0
    assert refusal(*arguments) == "--checkpoint run.json: there already; go on from it with --resume, or delete it"
    message = refusal(*arguments, "--schedule", "cosine", "--resume")
    assert message == (
        "run.json: a checkpoint of other settings: lr was linear(0.0, 0.01, 20), is cosine(0.01, 0.0, 20)"
    )
    assert sorted(os.listdir()) == ["model.json", "run.json"]


def test_the_option_that_leaves_a_column_out_can_be_pasted():
    column("--drop", [f"n{i}" for i in range(60)])
    assert refusal("train", "table.csv").endswith("leave it out with --drop='--drop'")
    assert "1 input;" in trained("--drop=--drop")
    write(",".join("abcdefgh") + "\n" + "1,1,1,1,1,1,1,x\n1,1,1,1,1,1,1,y\n" * 4)
    assert "column 'e' holds only '1': if it tells nothing, --drop 'e'\n  and so on, in 2 more columns\n" in trained()


@pytest.mark.parametrize("name", ["it's $(touch ran)", "a\\b", "`touch ran`", "-a 'b' \"c\"", "price"])
def test_the_option_that_leaves_out_a_column_is_one_word_of_a_shell(name):
    option = dropped(name)
    assert option.startswith("--drop=" if name.startswith("-") else "--drop ")
    assert shlex.split(option) == ([f"--drop={name}"] if name.startswith("-") else ["--drop", name])
    assert not set("$`\\") & set(re.sub(r"'[^']*'|\\'", "", option))  # outside quotes nothing is run
