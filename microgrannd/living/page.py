"""A page in one file: its parts, its data and its script, which a strict policy lets run by its hash."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from ..drawing import html
from ..drawing.theme import page_style

#: The colours of a dark page.
DARK = (
    "--page: #16181c; --text: #e8e8e8; --soft: #a8a8a8; --line: #5a5f66; --card: #1c1f24; --plus: #56b4e9; "
    "--minus: #ff8c42;"
)


class Page(html.Page):
    """A page that shows itself in a notebook and can be saved.

    Attributes:
        title: of the page.
        html: the page; it needs no other file and no network.
        height: of its frame in a notebook, in pixels.
    """

    def __init__(self, title: str, text: str, height: int) -> None:
        super().__init__(text, height, title, "allow-scripts allow-downloads")

    def __repr__(self) -> str:
        return f"a page, {self.title}; .save(path) writes it"


def page(
    title: str, body: str, programs: Sequence[str], scripts: Sequence[str], data: Any, height: int, **parts: str
) -> Page:
    """Return a page.

    Args:
        title: of it.
        body: the name of the file with its body.
        programs: declarations of JavaScript.
        scripts: the names of the files with what uses them, in order.
        data: plain data for the script; floats may be inf or nan.
        height: of its frame in a notebook, in pixels.
        **parts: what else the body holds, as HTML.
    """
    # Nothing of it, a name in a comment neither, may end the element: HTML reads it without regard to case.
    script = re.sub(
        r"<(?=!--|/?script)", r"<\\", "\n".join(['"use strict";', *programs, *map(part, scripts)]), flags=re.IGNORECASE
    )
    body = Template(part(body)).substitute({"title": escape(title), **parts})
    text = Template(part("page.html")).substitute(
        title=escape(title),
        dark=page_style(DARK),
        body=body,
        data=embedded(data),
        script=script,
        script_hash=html.digest_of(script),
    )
    return Page(title, text, height)


def embedded(data: Any) -> str:
    """Return plain data as JSON that no text of it can end as an element; inf and nan are marked, as no text is."""
    return json.dumps(_plain(data), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _plain(thing: Any) -> Any:
    if isinstance(thing, float) and (thing != thing or abs(thing) == float("inf")):
        return {"special": {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(thing, "NaN")}
    if isinstance(thing, dict):
        return {name: _plain(one) for name, one in thing.items()}
    return list(map(_plain, thing)) if isinstance(thing, list | tuple) else thing


@cache
def part(name: str) -> str:
    """Return the text of a file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
