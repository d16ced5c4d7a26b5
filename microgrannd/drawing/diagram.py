"""A diagram as plain data: boxes in frames, arrows between them, a legend. dot.py, svg.py and tree.py write it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isfinite, sqrt
from typing import NamedTuple

#: By kind of box. Inputs and parameters differ in their corners too, for those who do not see the colours.
FILLS = {
    "input": "#e3f0fa",
    "parameter": "#fdf3dc",
    "leaf": "#e3f0fa",
    "operation": "white",
    "constant": "#f2f2f2",
    "group": "#fdf3dc",
}


ANGULAR = frozenset({"parameter"})


#: Blue and vermilion can be distinguished by everyone (Okabe and Ito 2008, Color Universal Design).
POSITIVE, NEGATIVE, NEUTRAL, NOTHING = "#0072b2", "#d55e00", "#555555", "#999999"


FRAME = "#bbbbbb"


THINNEST, THICKEST = 1.0, 5.0


@dataclass(frozen=True)
class Box:
    """A node of the picture.

    Attributes:
        kind: a key of FILLS.
        lines: of text.
        frame: the number of the frame around it.
        hint: shown on hover.
        numbers: which line is the data, before that of the gradient; None where these are not shown.
    """

    kind: str
    lines: tuple[str, ...]
    frame: int | None = None
    hint: str = ""
    numbers: int | None = None


class Frame(NamedTuple):
    """A frame around boxes and other frames: what it is called, and the number of the frame around it."""

    name: str
    frame: int | None


@dataclass(frozen=True)
class Arrow:
    """From an operand to a result, by the boxes' numbers; the label is the local derivative, the hint its formula."""

    source: int
    target: int
    label: str = ""
    hint: str = ""
    colour: str = NEUTRAL
    width: float = THINNEST
    dashed: bool = False

    def styled(self, flows: Iterable[float], largest: float) -> Arrow:
        """Return the arrow with its colour, and its width so that the area, as of a pipe, is proportional to the flow.

        Args:
            flows: along each of the edges that it stands for.
            largest: the sum of the sizes of the flows along the thickest arrow.
        """
        flows = list(flows)
        if not any(flows):
            return replace(self, colour=NOTHING, dashed=True) if flows else self
        flow = size(flows)
        share = flow / largest if isfinite(flow) else 1.0
        signs = {POSITIVE if flow > 0 else NEGATIVE if flow < 0 else NEUTRAL for flow in flows if flow}
        colour = signs.pop() if len(signs) == 1 else NEUTRAL
        return replace(self, colour=colour, width=round(THINNEST + (THICKEST - THINNEST) * sqrt(share), 2))


def size(flows: Iterable[float]) -> float:
    """Return the sum of the sizes of the flows along several edges."""
    return sum(map(abs, flows))


class Key(NamedTuple):
    """A line of the legend."""

    text: str
    colour: str = NEUTRAL
    dashed: bool = False


LEGEND = [
    Key("gradient flows, positive", POSITIVE),
    Key("negative", NEGATIVE),
    Key("none", NOTHING, dashed=True),
    Key("thickness: |gradient of the result × local derivative|; numbers: local derivatives"),
]


#: Of arrows that stand for several edges.
TOGETHER = Key("several edges together: the sum of their sizes, in grey where signs differ")


@dataclass
class Graph:
    """What is to be shown: boxes, operands before results; arrows; frames, outer ones first; a title; a legend."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    title: str = ""
    rankdir: str = "LR"
    legend: list[Key] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
