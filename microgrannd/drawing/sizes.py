"""How much room text takes, in CSS pixels."""

from __future__ import annotations

import unicodedata

from .diagram import Box

FONT, SMALL, LINE, PAD, MARGIN = 12, 10, 15, 8, 12


#: The width of a character in parts of the font's size, a little above Helvetica's: fonts differ.
_NARROW, _MEDIUM, _BROAD, _FULL = 0.34, 0.6, 0.9, 1.05


_WIDTHS = {**dict.fromkeys("fijlrtI.,:;'|! ()[]/-", _NARROW), **dict.fromkeys("mwMW@%—…", _BROAD)}


def text_width(text: str, font: float = FONT) -> float:
    """Estimate the width of a line of text, on the generous side."""
    return font * sum(
        _WIDTHS.get(c) or (_FULL if unicodedata.east_asian_width(c) in "WF" else _MEDIUM + 0.12 * c.isupper())
        for c in text
    )


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and the height of a box."""
    return max(map(text_width, box.lines)) + 2 * PAD, LINE * len(box.lines) + PAD
