"""The predictions of a model for many rows, by programs where it has any, for the metrics of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose
from typing import Any

from .._checks import Pairs
from .._trees import leaves
from ..engine.contexts import paused_gc
from ..metrics import Metric, measured
from ..nn.masks import NoMasks, masking
from ..nn.module import Module, plain
from ..rules.ieee import ERRORS
from ..tracing.arguments import Arguments
from ..tracing.trace import Trace
from .gradients import grouped

#: Rows of one structure that are compared with the model's own predictions before a program is trusted.
SAMPLES = 10


class Predictions:
    """Computes what a model predicts for many rows.

    Args:
        model: whose weights are read at each call.
        backend: of the programs; None for none.
    """

    def __init__(self, model: Module, backend: str | None) -> None:
        self.model, self.backend = model, backend
        self._traces: dict[Any, Trace | None] = {}

    def of(self, rows: Sequence[Any]) -> list[Any]:
        """Return the predictions as `Module.predict` does, in the order of the rows."""
        found: dict[int, Any] = {}
        for key, group in grouped(enumerate(rows), lambda numbered: numbered[1]).items():
            numbers = [number for number, _ in group]
            found |= zip(numbers, self._of_group(key, [row for _, row in group]), strict=True)
        return [found[number] for number in range(len(rows))]

    def _of_group(self, key: Any, rows: list[Any]) -> list[Any]:
        if key not in self._traces:
            self._traces[key] = self._traced(rows)
        trace = self._traces[key]
        if trace is not None:
            try:
                return _run(trace, rows)
            except ERRORS:
                pass  # raised below, with a message that says more
        with paused_gc():
            return self.model.predict(rows)

    def _traced(self, rows: list[Any]) -> Trace | None:
        """Return what runs the model for rows of one structure; None if it has another graph for some of them."""
        if self.backend is None:
            return None
        try:
            with masking(NoMasks()):
                trace = Trace(self.model, "model", Arguments([list(rows[0])], {}, frozenset()), self.backend)
            samples = rows[:: -(-len(rows) // SAMPLES)]
            pairs = zip(leaves(_run(trace, samples)), leaves(self.model.predict(samples)), strict=True)
        except (TypeError, LookupError, RuntimeError, *ERRORS):
            return None
        return trace if all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in pairs) else None


def _run(trace: Trace, rows: Sequence[Any]) -> list[Any]:
    return [plain(output) for output in trace.numbers([leaves(row) for row in rows])]


def metrics_of(
    predictions: Predictions, metrics: Mapping[str, Metric], rows: Pairs, judged: Pairs
) -> Callable[[], dict[str, float]]:
    """Return a function that computes the metrics of the training rows, and as ``validation_<name>`` those of the others."""

    def compute() -> dict[str, float]:
        found: dict[str, float] = {}
        for prefix, pairs in (("", rows), ("validation_", judged)):
            if pairs:
                targets = [target for _, target in pairs]
                own = measured(metrics, predictions.of([row for row, _ in pairs]), targets)
                found |= {f"{prefix}{name}": metric for name, metric in own.items()}
        return found

    return compute
