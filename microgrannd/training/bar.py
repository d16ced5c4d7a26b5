"""The progress bar of a training: a widget in notebooks that have widgets, else a line of text."""

from __future__ import annotations

import sys
import warnings

from tqdm import TqdmWarning

from .._streams import Forgiving
from .history import History
from .run import Run

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # that a notebook has no widgets: a line of text is as good
    from tqdm.auto import tqdm


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A progress bar that looks at the clock after each epoch; it needs no thread, which a browser cannot start."""

    monitor_interval = 0

    def __init__(self, over: int, epochs: int, shown: bool) -> None:
        stream = sys.stderr and Forgiving(sys.stderr)  # None where it is closed
        super().__init__(
            initial=over, total=epochs, disable=not shown or stream is None, file=stream, unit="epoch", miniters=1
        )

    def end(self, run: Run, epochs: int, reason: str) -> None:
        """Show where a run ended, and the reason if that is before the last epoch."""
        if run.epochs < epochs and not self.disable:
            self.total = run.epochs
            if widget := getattr(self, "container", None):
                widget.children[1].max = run.epochs  # which tqdm sets at the start only
            self.set_description(f"ended after epoch {run.epochs}: {reason}", refresh=False)
        self.show(run)
        if not self.disable:
            self.refresh()

    def show(self, run: Run) -> None:
        """Show how far a run is."""
        if not self.disable:
            self.set_postfix(_shown(run.history), refresh=False)
            self.update(run.epochs - self.n)


def _shown(history: History) -> dict[str, str]:
    return {
        name.replace("validation_loss", "validation"): f"{curve[-1]:.4g}" for name, curve in history.curves().items()
    }
