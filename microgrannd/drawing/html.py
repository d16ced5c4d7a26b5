"""A picture as HTML: an image where no scripts run, else inline SVG with hints, zoom, pan and folding (picture.js)."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from os import PathLike
from string import Template

from .._files import write_bytes
from .theme import DARK_BODY, LIGHT_BODY

#: Of what the script adds to a picture; without colours of its own, it follows the page.
STYLE = (
    ".microgrannd-picture svg { display: block; max-width: 100%; touch-action: pan-y; cursor: grab; user-select: none; } "
    ".microgrannd-picture .cluster { cursor: pointer; } .microgrannd-picture .cluster rect { pointer-events: all; } "
    ".microgrannd-bar { display: flex; gap: 4px; align-items: flex-start; font: 12px system-ui, sans-serif; } "
    ".microgrannd-bar button { font: inherit; min-width: 2.2em; flex: none; color: inherit; background: none; border: 1px solid; border-radius: 4px; } "
    ".microgrannd-hint { white-space: pre-line; min-height: 4.2em; padding-left: 8px; overflow-wrap: anywhere; } "
    "@media print { .microgrannd-bar { display: none; } }"
)


class Page:
    """A page of one file that can be saved, and shows itself in a frame of a notebook.

    Args:
        html: the page.
        height: of its frame, in pixels.
        title: of its frame.
        rights: what the frame lets the page do.
    """

    def __init__(self, html: str, height: int, title: str, rights: str = "allow-scripts") -> None:
        self.html, self.height, self.title, self._rights = html, height, title, rights

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page to a file; it needs no other file, and no network.

        Raises:
            OSError: it cannot be written; a file that was there is as it was.
        """
        write_bytes(path, self.html.encode())

    def _repr_html_(self) -> str:
        return (
            f'<div class="microgrannd-page"><iframe srcdoc="{escape(self.html)}" sandbox="{self._rights}" '
            f'title="{escape(self.title)}" style="width:100%;height:{self.height}px;border:0"></iframe>'
            "<p>This page is a program: run the cell, or trust the notebook, to see it.</p>"
            f"<script>{_script('frame.js')}</script></div>"
        )


def fragment(svg: str, description: str) -> str:
    """Return the HTML of a picture for a page of others, as a notebook; it needs no network."""
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<div class="microgrannd-picture"><style>{STYLE}</style><img alt="{escape(description)}" '
        f'src="data:image/svg+xml;base64,{data}"><script>{_script("picture.js")}</script></div>'
    )


def page(svg: str, description: str, title: str) -> str:
    """Return the HTML of a page with one picture, which needs no other file and no network."""
    parts = {
        "title": escape(title),
        "picture": fragment(svg, description),
        "script_hash": digest_of(_script("picture.js")),
    }
    return Template(_part("picture.html")).substitute(parts)


def digest_of(script: str) -> str:
    """Return the hash by which a policy lets a script run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _script(name: str) -> str:
    """Return a script, in a function of its own: there may be several pictures on a page."""
    return f"(() => {{\n{_part(name)}}})();"


@cache
def _part(name: str) -> str:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return text.replace("$light", json.dumps(LIGHT_BODY)).replace("$dark", json.dumps(DARK_BODY))
