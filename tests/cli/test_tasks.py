"""Scales, tasks and scores."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd import data
from microgrannd.cli.prepare import prepare
from microgrannd.cli.scores import scores
from microgrannd.cli.tasks import Column, Scale, Task
from microgrannd.data import as_table


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
    assert scores(task, [1e28, 0.0], [1.0, 2.0])[0].startswith("R² -8e+56, root")
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
