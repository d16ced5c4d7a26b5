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
    "operation": "#fefefe",
    "group": "#fdf3dc",
}


ANGULAR = frozenset({"parameter"})


#: Blue and vermilion can be distinguished by everyone (Okabe and Ito 2008, Color Universal Design).
POSITIVE, NEGATIVE, NEUTRAL, NOTHING = "#0072b2", "#d55e00", "#555555", "#999999"


FRAME = "#bbbbbb"


#: Between the parts of a line; SVG, HTML and Graphviz keep it as it is.
SPACE = "\u2002"


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

    def brief(self) -> Box:
        """Return the box of a group with one line, its name and its data, and the rest on hover; others as they are."""
        if self.kind != "group" or len(self.lines) != 3 or not self.lines[1].startswith("data "):
            return self
        name, data, _ = self.lines
        hint = "\n".join(filter(None, [*self.lines[1:], self.hint]))
        return replace(self, lines=(f"{name}{SPACE}{data.removeprefix('data ')}",), hint=hint, numbers=None)


class Frame(NamedTuple):
    """A frame around boxes and other frames: what it is called, and the number of the frame around it."""

    name: str
    frame: int | None


@dataclass(frozen=True)
class Arrow:
    """From an operand to a result, by the boxes' numbers.

    Attributes:
        source, target: the numbers of the operand's and of the result's box.
        label: the local derivative.
        hint: shown on hover.
        colour, width, dashed: how much gradient flows, and its sign; see `styled`.
        head: the end with the arrowhead, "target" or "source"; none if it is empty.
    """

    source: int
    target: int
    label: str = ""
    hint: str = ""
    colour: str = NEUTRAL
    width: float = THINNEST
    dashed: bool = False
    head: str = "target"

    def styled(self, flows: Iterable[float], largest: float) -> Arrow:
        """Return the arrow of a gradient that flows back to the operand; dashed, and without a head, where none does.

        The area of the line, as of a pipe, is proportional to the flow.

        Args:
            flows: along each of the edges that it stands for.
            largest: the sum of the sizes of the flows along the thickest arrow.
        """
        flows = list(flows)
        if not any(flows):
            return replace(self, colour=NOTHING, dashed=True, head="")
        flow = size(flows)
        share = flow / largest if isfinite(flow) else 1.0
        signs = {POSITIVE if flow > 0 else NEGATIVE if flow < 0 else NEUTRAL for flow in flows if flow}
        colour = signs.pop() if len(signs) == 1 else NEUTRAL
        width = round(THINNEST + (THICKEST - THINNEST) * sqrt(share), 2)
        return replace(self, colour=colour, width=width, head=self.head and "source")


def size(flows: Iterable[float]) -> float:
    """Return the sum of the sizes of the flows along several edges."""
    return sum(map(abs, flows))


class Key(NamedTuple):
    """A part of the legend; with a piece of line, where it has a colour."""

    text: str
    colour: str = ""
    dashed: bool = False


#: What an arrow along which a gradient flows, or would, may look like.
LOOKS = [
    Key("gradient > 0", POSITIVE),
    Key("gradient < 0", NEGATIVE),
    Key("of both signs", NEUTRAL),
    Key("none", NOTHING, dashed=True),
]


def legend(arrows: Iterable[Arrow]) -> list[Key]:
    """Return what is to be said of arrows along which gradients flow: only what occurs."""
    arrows = list(arrows)
    seen = {(arrow.colour, arrow.dashed) for arrow in arrows}
    keys = [key for key in LOOKS if (key.colour, key.dashed) in seen]
    flowing = any(not arrow.dashed for arrow in arrows)
    words = [
        *(["width: how much"] if flowing else []),
        *(["number: local derivative"] if any(a.label for a in arrows) else []),
    ]
    return keys + ([Key("; ".join(words))] if words else [])


@dataclass
class Graph:
    """What is to be shown: boxes, operands before results; arrows; frames, outer ones first; a title; a legend of one line."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    title: str = ""
    rankdir: str = "LR"
    legend: list[Key] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
