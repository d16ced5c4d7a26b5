"""The rows of a training: which are trained on and which are held out, and whether the model takes them."""

from __future__ import annotations

from typing import Any

from .._checks import Pairs, real, required_pairs
from .._text import described
from ..data import split
from ..engine.contexts import no_grad


def divided(rows: Pairs, validation: Any, seed: int | None) -> tuple[Pairs, Pairs]:
    """Return the rows to train on, and those to judge by.

    Args:
        rows: the training rows, from which a share may be held out.
        validation: that share, or (X, y), or None for no rows to judge by.
        seed: of the choice.

    Raises:
        TypeError, ValueError: validation is something else, or leaves no rows.
    """
    if validation is None:
        return rows, []
    if real(validation) is not None:
        if not 0 < validation < 1:
            raise ValueError(
                f"validation needs to be a share above 0 and below 1, or (X, y); got {described(validation)}"
            )
        train, held_out = split([None] * len(rows), validation, seed)
        if not train or not held_out:
            raise ValueError(f"validation={validation} of {len(rows)} rows leaves nothing to judge by, or to train on")
        return [rows[i] for i in train], [rows[i] for i in held_out]
    try:
        X, y = validation
    except (TypeError, ValueError):
        raise TypeError(f"validation needs to be a share or (X, y), got {described(validation)}") from None
    judged = required_pairs(X, y)
    lengths, others = ({len(row) for row, _ in pairs if not any(map(_is_list, row))} for pairs in (rows, judged))
    if len(lengths) == 1 and others - lengths:
        raise ValueError(f"validation rows have {max(others)} cells, where X has {max(lengths)}")
    return rows, judged


def require_taken(model: Any, rows: Pairs) -> None:
    """Require that a model takes rows of unlike lengths, where there are any.

    Raises:
        ValueError: it does not; the message names the row.
    """
    first: dict[int, int] = {}
    for index, (row, _) in enumerate(rows):
        first.setdefault(len(row), index)
    nested = any(map(_is_list, rows[0][0]))
    for length, index in first.items() if len(first) > 1 and not nested else ():
        try:
            with no_grad():
                model(rows[index][0])
        except (TypeError, ValueError, LookupError) as error:
            raise ValueError(f"X[{index}] has {length} cells, where X[0] has {len(rows[0][0])}: {error}") from error


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list)
