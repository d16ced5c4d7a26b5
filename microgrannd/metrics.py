"""Metrics: how good the predictions for many rows are, as numbers that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose, isnan
from typing import Any

from ._checks import real, required_real, rows_of
from ._guesses import suggesting
from ._text import described
from ._trees import copied
from .engine.graph import number

#: A function of predictions and targets, as many of each.
Metric = Callable[[list[Any], list[Any]], Any]


@suggesting("accuracy")
def accuracy(predictions: Sequence[Any], targets: Sequence[Any], *, threshold: float = 0.0) -> float:
    """Return the share of rows for which a model predicts the class that is right.

    Args:
        predictions: for each row a score, or a score for each class, of which the largest counts.
        targets: for each row its class: 0 or 1 (or -1 or 1) for a score, for several an index or a one-hot row.
        threshold: the class is 1 where the score is above it. 0 is right for logits and for targets of -1 and 1, 0.5 for
            probabilities, say of a sigmoid: ``functools.partial(mg.accuracy, threshold=0.5)``.

    Raises:
        ValueError: there are no rows, or not as many of both; a target is not a class; predictions differ in their number
            of scores, or one is nan.
        TypeError: one is no number.

    >>> accuracy([2.5, -1.0, 0.5], [1, 0, 0])
    0.6666666666666666
    >>> accuracy([[0.1, 2.0, 0.3], [1.5, 0.2, 0.0]], [1, 2])
    0.5
    """
    predicted = [_scores(f"predictions[{i}]", one) for i, one in enumerate(_rows("predictions", predictions))]
    wanted = [_numbers(f"y[{i}]", one) for i, one in enumerate(_rows("targets", targets))]
    least = required_real("threshold", threshold)
    if not predicted or len(predicted) != len(wanted):
        raise ValueError(f"accuracy needs a target for each prediction, got {len(predicted)} and {len(wanted)}")
    outputs = len(predicted[0])
    for i, row in enumerate(predicted):
        if len(row) != outputs or not row:
            raise ValueError(
                f"accuracy needs as many scores for each row, got {len(row)} as predictions[{i}], {outputs} as predictions[0]"
            )
    right, _ = classes_of(wanted, outputs)
    given = [row.index(max(row)) if outputs > 1 else int(row[0] > least) for row in predicted]
    return sum(a == b for a, b in zip(given, right, strict=True)) / len(right)


def classes_of(targets: Sequence[Any], outputs: int) -> tuple[list[int], list[str]]:
    """Return the number of each row's class, and the names of the classes.

    Args:
        targets: for each row its class, as `accuracy` takes them.
        outputs: how many the model has.

    Raises:
        ValueError: a target is not a class.
    """
    labels = []
    for i, target in enumerate(targets):
        row = target if isinstance(target, list) else [target]
        if len(row) == outputs > 1 and _is_of_one_class(row):
            labels.append(row.index(max(row)))
        elif len(row) == 1 and row[0] in (range(outputs) if outputs > 1 else (-1, 0, 1)):
            labels.append(int(row[0]))
        else:
            needed = (
                f"a class from 0 to {outputs - 1}, or a one-hot row of {outputs}"
                if outputs > 1
                else "0 or 1 (or -1 or 1)"
            )
            raise ValueError(f"y[{i}] needs to be {needed}, got {described(target)}")
    if outputs > 1:
        return labels, [str(number) for number in range(outputs)]
    if {-1, 0} <= set(labels):
        raise ValueError("y needs to be of 0 and 1, or of -1 and 1; got all three")
    return [int(number > 0) for number in labels], ["-1" if -1 in labels else "0", "1"]


def measured(metrics: Mapping[str, Metric], predictions: list[Any], targets: list[Any]) -> dict[str, float]:
    """Return metrics of predictions and targets, by name; each is given its own copy, which it may sort or change.

    Raises:
        TypeError: one gives no number; the message has its name.
    """
    return {
        name: required_real(f"the metric {name}", number(metric(copied(predictions), copied(targets))))
        for name, metric in metrics.items()
    }


def require_metrics(metrics: Any, loss: Any) -> dict[str, Metric]:
    """Return metrics by name; none where there are None.

    Args:
        metrics: functions of predictions and targets, by name.
        loss: of the same predictions, or None.

    Raises:
        TypeError: they are no dict, or one is no function.
        ValueError: a name is that of a loss, or begins as those of validation rows do; the loss is one of probabilities,
            and accuracy would take them for scores.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise TypeError(f'metrics needs functions by name, as {{"accuracy": mg.accuracy}}, got {described(metrics)}')
    for name, metric in metrics.items():
        if not isinstance(name, str) or not callable(metric):
            raise TypeError(
                f"metrics[{name!r}] needs to be a function of predictions and targets, as mg.accuracy, got {described(metric)}"
            )
        if metric is accuracy and getattr(loss, "of_probabilities", False):
            raise ValueError(
                f"the loss takes probabilities, and accuracy scores: give metrics={{{name!r}: functools.partial(mg.accuracy, "
                "threshold=0.5)}, or leave out the sigmoid and take mg.binary_cross_entropy_with_logits"
            )
        if name == "loss" or name.startswith("validation_"):
            raise ValueError(f"a metric needs another name than {name!r}, which the history has besides")
    return dict(metrics)


def _rows(name: str, thing: Any) -> Any:
    if not hasattr(thing, "__iter__") or isinstance(thing, str) or getattr(thing, "shape", None) == ():
        raise TypeError(f"accuracy needs a list of {name}, one for each row, got {described(thing)}")
    return rows_of(thing)


def _scores(name: str, thing: Any) -> list[float]:
    """Return the scores of a row.

    Raises:
        ValueError: one is nan, which is above no threshold, and so would count as a class.
    """
    row = [required_real(name, one) for one in _numbers(name, [thing] if real(number(thing)) is not None else thing)]
    if any(map(isnan, row)):
        raise ValueError(f"{name} is {described(thing)}: nan is no score")
    return row


def _numbers(name: str, thing: Any) -> Any:
    """Return a number, or a row of them, of numbers and Values."""
    if real(number(thing)) is None and hasattr(thing, "__iter__") and not isinstance(thing, str):
        return [_numbers(name, part) for part in thing]
    return required_real(name, number(thing))


def _is_of_one_class(row: list[Any]) -> bool:
    """Tell whether a row is one-hot, of 0 and 1 or of -1 and 1, or of shares, which add up to 1."""
    if any(isinstance(cell, list) for cell in row):
        return False
    return min(row) >= 0 and isclose(sum(row), 1.0, rel_tol=1e-6) or sorted(row) == [-1.0] * (len(row) - 1) + [1.0]
