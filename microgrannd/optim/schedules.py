"""Schedules: the learning rate as a function of the step, from 0."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

from .._checks import required_amounts, required_whole

Schedule = Callable[[int], float]


def cosine(lr: float, steps: int, minimum: float = 0.0) -> Schedule:
    """Return a schedule: half a cosine from lr at step 0 to minimum at ``steps``, then minimum (Loshchilov and Hutter 2017).

    Args:
        lr: the first learning rate.
        steps: after so many steps the rate is the minimum.
        minimum: the last learning rate.

    Raises:
        TypeError, ValueError: an argument is not a number, or is negative.

    >>> [round(cosine(1.0, steps=4)(step), 4) for step in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """
    lr, minimum, _ = required_amounts(lr=lr, minimum=minimum, steps=steps)
    return lambda step: minimum + (lr - minimum) * (1 + cos(pi * _progress(step, steps))) / 2


def warmup_cosine(lr: float, steps: int, warmup: int, minimum: float = 0.0) -> Schedule:
    """Return a schedule: from lr / warmup at step 0 in equal parts up to lr, then as `cosine` down to minimum at ``steps``.

    Args:
        lr: the highest learning rate.
        steps: after so many steps the rate is the minimum.
        warmup: the steps in which it grows.
        minimum: the last learning rate.

    Raises:
        TypeError, ValueError: warmup is no whole number of steps from 1 to ``steps``; or as `cosine`.

    >>> [round(warmup_cosine(1.0, steps=6, warmup=2)(step), 4) for step in range(8)]
    [0.5, 1.0, 1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """
    lr, minimum, _ = required_amounts(lr=lr, minimum=minimum, steps=steps)
    warmup = required_whole("warmup", warmup, 1, int(steps))
    down = cosine(lr, steps - warmup, minimum)
    return lambda step: lr * (step + 1) / warmup if step < warmup else down(step - warmup)


def linear(lr: float, steps: int, end: float = 0.0) -> Schedule:
    """Return a schedule: a straight line from lr at step 0 to end at ``steps``, then end.

    Args:
        lr: the first learning rate.
        steps: after so many steps the rate is end.
        end: the last learning rate.

    Raises:
        TypeError, ValueError: an argument is not a number, or is negative.

    >>> [linear(1.0, steps=4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    lr, end, _ = required_amounts(lr=lr, end=end, steps=steps)
    return lambda step: lr + (end - lr) * _progress(step, steps)


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """Return a schedule: lr, multiplied by factor after each ``every`` steps.

    Args:
        lr: the first learning rate.
        every: the steps between two changes, at least 1.
        factor: what the rate is then multiplied by.

    Raises:
        TypeError, ValueError: an argument is not a number, or out of range.

    >>> [step_decay(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    lr, factor = required_amounts(lr=lr, factor=factor)
    if every < 1:
        raise ValueError(f"every needs to be at least 1 step, got {every}")
    return lambda step: lr * factor ** (step // every)


def _progress(step: int, steps: int) -> float:
    return min(step / steps, 1.0) if steps else 1.0
