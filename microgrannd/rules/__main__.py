"""Write the names of the table's operations into the module of functions: python -m microgrannd.rules."""

from __future__ import annotations

import re
from pathlib import Path

from .table import TABLE

FUNCTIONS = Path(__file__).parents[1] / "engine" / "functions.py"
START, END = "# The operations of the table, written by `python -m microgrannd.rules`\n", "# to here\n"

#: Operations under the names that `math` gives them; and what is written by hand.
OPERATORS, BY_HAND = ("fabs", "pow", "sumprod"), ("hypot", "log", "log_softmax", "logaddexp", "prod", "softmax")


def written(text: str) -> str:
    """The text of the module with the names as they should stand in it."""
    kinds = dict.fromkeys(OPERATORS, "Function")
    for name, rule in TABLE.items():
        if not name.startswith("_") and name not in BY_HAND:
            kinds[name] = "Callable[..., Any]" if rule.sequences else "Function"
    names = "\n".join(f'    "{name}",' for name in sorted([*kinds, *BY_HAND], key=_natural))
    lines = "\n".join(f"{name}: {kind}" for name, kind in sorted(kinds.items()))
    before, _, rest = text.partition(START)
    return f"{before}{START}__all__ = [\n{names}\n]\n\n{lines}\n{END}{rest.partition(END)[2]}"


def _natural(name: str) -> list[tuple[int, str]]:
    """The order in which ruff keeps names: log2 before log10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


if __name__ == "__main__":
    FUNCTIONS.write_text(written(FUNCTIONS.read_text(encoding="utf-8")), encoding="utf-8")
