"""What is alike in two runs of a notebook: numbers to the digits shown, pictures by their structure."""

from __future__ import annotations

import base64
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Any

NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
UNSEEN = ("script", "style")
SVG = "{http://www.w3.org/2000/svg}"


def differences(stored: list[Any], fresh: list[Any], tags: Collection[str] = ()) -> list[str]:
    """Return what differs between the outputs of a cell, a line each.

    Args:
        stored: the outputs in the file.
        fresh: those of a run.
        tags: `numbers-vary` leaves out numbers, as times, and compares words; `words-vary` compares only of what kind
            the outputs are.
    """
    varies = "numbers-vary" in tags
    kinds = [[(one["output_type"], *sorted(one.get("data", []))) for one in outputs] for outputs in (stored, fresh)]
    if kinds[0] != kinds[1]:
        return [f"other outputs: stored {kinds[0]}, now {kinds[1]}"]
    if "words-vary" in tags:
        return []
    found = []
    for old, new in zip(stored, fresh, strict=True):
        if old["output_type"] == "stream":
            found += [old["name"]] * (old["name"] != new["name"]) + texts(old["text"], new["text"], varies)
        for kind in old.get("data", {}):
            pair = [output["data"][kind] for output in (old, new)]
            if kind == "image/png":
                found += images(*pair)
            elif kind == "image/svg+xml":
                found += texts(*("\n".join(structure(one)) for one in pair), varies)
            elif kind == "text/html":
                found += texts(*(words(one) for one in pair), varies)
            else:
                found += texts(*pair, varies)
    return found


def texts(stored: str, fresh: str, varies: bool = False) -> list[str]:
    """Compare texts line by line: whole numbers have to be equal, others may differ by one in the last digit shown."""
    pairs = zip_longest(stored.splitlines(), fresh.splitlines(), fillvalue="")
    return [f"stored: {old!r}, now: {new!r}" for old, new in pairs if not _same(old, new, varies)]


def _same(stored: str, fresh: str, varies: bool) -> bool:
    rests = [" ".join(NUMBER.sub("#", line).split()) for line in (stored, fresh)]
    numbers = zip(NUMBER.findall(stored), NUMBER.findall(fresh), strict=False)
    return rests[0] == rests[1] and (varies or all(_close(*pair) for pair in numbers))


def _close(stored: str, fresh: str) -> bool:
    if stored == fresh or not set(".e") & set(stored + fresh):
        return stored == fresh
    a, b = (float(text.replace("−", "-")) for text in (stored, fresh))
    return abs(a - b) <= 1.01 * min(_unit(stored), _unit(fresh))


def _unit(text: str) -> float:
    """Return what one is in the last digit shown; of a whole number, 1."""
    mantissa, _, exponent = text.partition("e")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))


def structure(svg: str) -> Iterator[str]:
    """What a picture of this library shows, wherever it is: titles, boxes and frames with their texts, arrows with hints."""
    lines = []
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        kind, number = group.get("class"), int(group.get("data-number", 0))
        hint = " ".join(title.text or "" for title in group.findall(f"{SVG}title"))
        shown = " | ".join("".join(text.itertext()) for text in group.findall(f"{SVG}text"))
        if kind == "edge":  # its label is left to the hint where there is no room
            (path,) = group.findall(f"{SVG}path")
            dashed = "dashed " * bool(path.get("stroke-dasharray"))
            ends = f"from {group.get('data-source')} to {group.get('data-target')}"
            lines.append((kind, number, f"{ends} {dashed}{path.get('stroke')} {hint}"))
        elif kind:
            lines.append((kind, number, f"{shown} {hint}"))
        else:
            lines.append(("heading", 0, shown))
    yield from (f"{kind} {number}: {line}" for kind, number, line in sorted(lines))


class _Words(HTMLParser):
    """Collects the elements and the text of a page, and of pages in its frames, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.found.append(f"<{tag}>")
        self.found += [words(text) for name, text in attributes if name == "srcdoc" and text]

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside if self.inside in UNSEEN and tag != self.inside else ""

    def handle_data(self, data: str) -> None:
        if self.inside not in UNSEEN and data.strip():
            self.found.append(data.strip())


def words(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    return "\n".join(parser.found)


def images(stored: str, fresh: str) -> list[str]:
    """Compare PNG images by what fonts and versions leave alike: about the size, and about as much in them."""
    sizes = []
    for text in (stored, fresh):
        data = base64.b64decode(text)
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            return ["not a PNG image"]
        sizes.append((*struct.unpack(">II", data[16:24]), len(data)))
    alike = all(2 / 3 < new / old < 3 / 2 for old, new in zip(*sizes, strict=True))
    return [] if alike else [f"an image of another width, height or length: stored {sizes[0]}, now {sizes[1]}"]
