"""Standard output and standard error: what they hold, and what happens where they fail."""

import io
import os
import sys

import pytest

import microgrannd as mg
from microgrannd._files import read, write
from microgrannd.cli import main

from .shell import POINTS, TASKS, module, refused, shell, table, train


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_error_with_line_ends_is_still_one_line(capsys):
    assert refused(["train", "no\nfile.csv"], capsys) == "microgrannd: no file.csv: no such file or directory\n"


@pytest.mark.desktop
def test_the_package_is_a_command_with_a_version():
    done = module("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"microgrannd {mg.__version__}\n", "")


def test_an_output_that_cannot_hold_the_text_gives_one_line(monkeypatch, capsys):
    with open("table.csv", "w", encoding="utf-8") as file:
        file.write("a,b\n" + "1,日\n2,月\n" * 5)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    message = "microgrannd: output: its encoding ascii cannot write '\\u65e5'; set PYTHONIOENCODING=utf-8\n"
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


@pytest.mark.skipif(os.name == "nt", reason="no line ends in names of files here")
def test_a_line_end_in_a_path_makes_no_line_of_its_own(capsys):
    table("a\nb.csv", TASKS["two"])
    assert train("a\nb.csv", "--hidden", "2", "--out", "c\nd.json", epochs=1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(r"a\nb.csv: 60 rows")
    assert lines[-1] == r"model written to c\nd.json"


def test_an_empty_path_is_named_as_one(capsys):
    assert refused(["train", ""], capsys) == "microgrannd: '': no such file or directory\n"
