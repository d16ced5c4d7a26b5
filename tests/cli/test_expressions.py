"""eval, explain, draw, check and train --draw on the command line."""

from __future__ import annotations

import os
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import microgrannd as mg
from microgrannd.cli import main
from microgrannd.cli.evaluate import FUNCTIONS

NEURON = ["tanh(w*x + b)", "w=0.5", "x=2", "b=-1"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_eval_prints_value_and_gradients_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", *NEURON]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tanh(w*x + b) = 0.0",
        "name  value  gradient",
        "w     0.5    2.0",
        "x     2.0    0.5",
        "b     -1.0   1.0",
    ]
    assert main(["eval", "1 + 1"]) == 0
    assert capsys.readouterr().out == "1 + 1 = 2.0\n"


def test_an_expression_may_begin_with_a_minus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "-x * 2", "x=3"]) == 0
    assert capsys.readouterr().out.startswith("-x * 2 = -6.0\n")


@pytest.mark.parametrize("option", [["--output=graph.dot"], ["--output", "graph.dot"], ["-o", "graph.dot"]])
@pytest.mark.parametrize("expression", ["x*2", "-x*2", "-o*x", "--x"])
@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_an_option_may_stand_anywhere(option: list[str], expression: str, position: int) -> None:
    arguments = [expression, "x=3", "o=4"]
    assert main(["draw", *arguments[:position], *option, *arguments[position:]]) == 0
    assert Path("graph.dot").read_text(encoding="utf-8").startswith("digraph")


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    "option",
    [["--task", "regression"], ["--no-header"], ["--seed", "-1"], ["--batch", "8"], ["--drop", "a", "--lr=1"], ["--hidden", "4", "-o", "page.html"]],
)  # fmt: skip
def test_the_options_of_a_table_may_stand_before_it_in_live(option: list[str], position: int) -> None:
    Path("table.csv").write_text("a,b,y\n" + "".join(f"{i},{-i},{i * 0.5}\n" for i in range(10)), encoding="utf-8")
    assert main(["live", *["table.csv"][:position], *option, *["table.csv"][position:]]) == 2 * (
        "--no-header" in option
    )
    assert Path("page.html").exists() == ("--no-header" not in option)


def test_numbers_may_follow_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "x + µ", "-o", "graph.svg", "x=2", "µ=3"]) == 0
    assert Path("graph.svg").exists()
    for rest, message in [("x", "needs NAME=NUMBER, got 'x'"), ("--x", "unrecognized arguments: --x")]:
        with pytest.raises(SystemExit) as caught:
            main(["draw", "x", "-o", "graph.svg", rest])
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.desktop
def test_a_dot_that_fails_gives_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dot").write_text("#!/bin/sh\necho no layout >&2\nexit 1\n")
    Path("dot").chmod(0o755)
    monkeypatch.setenv("PATH", os.getcwd())
    assert main(["draw", "x", "x=1", "-o", "graph.svg"]) == 2
    assert capsys.readouterr().err.startswith("microgrannd: the program dot failed")
    assert os.listdir() == ["dot"]


def test_draw_prints_a_tree_or_writes_a_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["draw", *NEURON]) == 0
    assert capsys.readouterr().out.startswith("y: tanh   data 0   grad 1\n└─ v2: +")
    assert main(["draw", *NEURON, "-o", "graph.dot"]) == 0
    assert Path("graph.dot").read_text().startswith("digraph")
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)
    assert main(["draw", *NEURON, "-o", "graph.svg"]) == 0
    assert ET.parse("graph.svg").getroot().tag.endswith("svg")
    assert main(["draw", *NEURON, "-o", "graph.png"]) == 2
    assert "png needs Graphviz" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["graph.dot", "graph.svg"]


def test_draw_writes_a_walkthrough(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", *NEURON, "-o", "page.html"]) == 0
    assert '"names":["v1","v2","y","b","w","x"]' in Path("page.html").read_text(encoding="utf-8")
    assert main(["train", "xor", "--hidden", "2", "--epochs", "1", "--draw", "net.html"]) == 0
    assert '"layers.0.neurons.0.w.0"' in Path("net.html").read_text(encoding="utf-8")


def test_explain_tells_the_chain_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "x*x + 2*x", "x=3"]) == 0
    out = capsys.readouterr().out
    assert "∂y/∂x = 1 × 3 (via v1) + 1 × 3 (via v1) + 1 × 2 (via v2) = 8" in out
    assert main(["explain", "--wrt", "w", *NEURON]) == 0
    assert "    ∂v1/∂x" not in capsys.readouterr().out
    assert main(["explain", *NEURON, "--wrt", "q"]) == 2
    assert capsys.readouterr().err == "microgrannd: --wrt q: needs one of the names, w, x, b\n"
    assert main(["explain", "w", "w=1"]) == 0
    assert capsys.readouterr().out == "∂w/∂w = 1\n"


def test_check_compares_with_differences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *NEURON]) == 0
    assert capsys.readouterr().out == "the gradient by w, x, b is that of exact differences\n"
    for arguments, message in [
        (["relu(z)", "z=0"], "df/dz does not exist at z = 0.0: the slope from the left is 0, from the right 1"),
        (["w", "w=1", "q=2"], "f ignores q: nothing that it returns was computed from it"),
        (["3"], "check needs at least one NAME=NUMBER to differentiate by"),
    ]:
        assert main(["check", *arguments]) == 2
        assert capsys.readouterr().err == f"microgrannd: {message}\n"


def test_check_says_what_is_wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @mg.rule("x * x * x", dx="2 * x * x")
    def cube(x):
        """A slip in the partial."""

    monkeypatch.setitem(FUNCTIONS, "cube", cube)
    assert main(["check", "cube(x)", "x=2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "microgrannd: df/dx at x = 2.0 is wrong: backward() gives 8.0, exact differences give 12.0 The first operation"
    )
    assert error.count("\n") == 1


def test_train_draws_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "xor", "--hidden", "2", "--epochs", "1", "--draw", "net.svg"]) == 0
    assert "picture of the network" in capsys.readouterr().out
    shown = "".join(ET.parse("net.svg").getroot().itertext()).replace("\xa0", " ")
    assert all(text in shown for text in ("x1", "x2", "neurons.0", "loss", "grad 1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "x*"], "microgrannd: not an expression: invalid syntax\n  x*\n    ^"),
        (["eval", "x * foo", "x=1"], "microgrannd: no value for 'foo', give foo=...\n  x * foo\n      ^"),
        (["eval", "1/x", "x=0"], "a / b needs b < 0 or b > 0, got a = 1.0, b = 0.0 (label 'x')\n  1/x\n  ^"),
        (["eval", "x", "x=1", "x=2"], "microgrannd: x is given twice"),
        (
            ["draw", "x", "x=1", "-o", "graph.bmp"],
            "graph.bmp: a picture's name ends in .svg, .png, .pdf, .dot or .html",
        ),
        (
            ["draw", "x", "x=1", "-o", "absent/graph.svg"],
            "--output absent/graph.svg: needs a file name in a folder that exists",
        ),
        (
            ["train", "xor", "--draw", "absent/graph.svg"],
            "--draw absent/graph.svg: needs a file name in a folder that exists",
        ),
        (
            ["train", "xor", "--out", "a.svg", "--draw", "./a.svg"],
            "--draw ./a.svg: would replace another file of this command",
        ),
        (["train", "t.csv", "--out", "t.csv"], "--out t.csv: would replace another file of this command"),
        (["predict", "m.json", "t.csv", "-o", "m.json"], "--output m.json: would replace another file of this command"),
        (["train", "xor", "--draw", "graph"], "graph: a picture's name ends in .svg, .png, .pdf, .dot or .html"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.rstrip("\n").endswith(message)
    assert (captured.out, os.listdir()) == ("", [])


@pytest.mark.parametrize("assignment", ["x", "x=", "x=a", "x=nan", "1=2", "=2", "exp=2", "if=1"])
def test_what_is_no_assignment_is_a_usage_error(assignment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["eval", "1", assignment])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def random_expression(rng: random.Random) -> str:
    """Tokens in a row: mostly nonsense, sometimes sense."""
    tokens = [
        *FUNCTIONS,
        *"xw()+-*/,.[]{}'\"=;:@!~&|^%<>",
        "**",
        "1",
        "0",
        "2.5",
        "1e308",
        "__",
        "lambda",
        "if",
        "\n",
        "\\",
        "é",
        "\0",
    ]
    return "".join(
        rng.choice(tokens if rng.random() < 0.5 else ["x", "w", "+", "*", "(", ")", "2"])
        for _ in range(rng.randrange(1, 15))
    )


def test_random_expressions_give_an_answer_or_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(0)
    answers = 0
    for _ in range(1500):
        expression = random_expression(rng)
        try:
            status = main(["eval", expression, "x=2", "w=-0.5"])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        answers += status == 0
        assert status in (0, 2)
        assert status == 0 or captured.err.startswith("microgrannd")
        assert "Traceback" not in captured.err
    assert answers > 10
