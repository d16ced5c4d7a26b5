"""The programs and libraries that make files of a picture: Graphviz (dot, or pygraphviz) and resvg."""

from __future__ import annotations

from importlib.util import find_spec
from shutil import which
from typing import Any

import graphviz


class NoGraphviz(RuntimeError):
    """Raised for a format that needs Graphviz, where that is not installed or fails."""


def has_graphviz() -> bool:
    """Tell whether there is Graphviz on this machine."""
    return bool(which("dot") or find_spec("pygraphviz"))


def has_resvg() -> bool:
    """Tell whether the extra ``png`` is installed, which makes an image of SVG."""
    return bool(find_spec("resvg_py"))


def png(svg: str) -> bytes:
    """Return an image of SVG, by resvg."""
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg))


def require_renderer(format: str) -> None:  # noqa: A002
    """Require that this machine can make a picture of a format.

    Raises:
        NoGraphviz: it cannot.
    """
    if format != "svg" and not has_graphviz() and not (format == "png" and has_resvg()):
        also = ", or pip install resvg-py" * (format == "png")
        raise NoGraphviz(
            f"{format} needs Graphviz: install its program dot (say, apt install graphviz), or pip install pygraphviz"
            f"{also}; svg needs neither"
        )


def rendered(drawn: graphviz.Digraph, format: str, **options: Any) -> bytes:  # noqa: A002
    """Return what Graphviz makes of DOT: the program dot, else pygraphviz."""
    if not which("dot"):
        import pygraphviz

        engine = "nop2" if "layout=nop2" in drawn.source else "dot"
        return bytes(pygraphviz.AGraph(string=str(drawn.source)).draw(format=format, prog=engine))
    try:
        return bytes(drawn.pipe(format, **{"quiet": True, **options}))
    except graphviz.CalledProcessError as error:
        said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
        raise NoGraphviz(f"the program dot failed: {said.strip()}") from None
