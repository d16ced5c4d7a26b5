"""The files that commands write."""

from __future__ import annotations

import os
import stat

from .._files import require_writable, write_bytes
from ..drawing import picture as drawing
from ..drawing.renderer import require_renderer
from ..engine.value import Value
from ..explaining.walkthrough import walkthrough
from ..nn.layers import MLP


def write_picture(root: Value, path: str, model: MLP | None = None) -> None:
    """Write the picture of a graph to a file, in the format that its name asks for."""
    kind = picture_format(path)
    if kind == "html":
        walkthrough(root, model).save(path)
        return
    picture = drawing.draw(root, model)
    write_bytes(path, str(picture.source).encode() if kind == "dot" else picture.pipe(kind))


def require_output(option: str, path: str, *others: str) -> None:
    """Require that a file can be written there, and that it is none of the others."""
    real_path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.exists(real_path):
        return  # open already, as a pipe by the name /dev/stdout
    if not path or not os.path.isdir(os.path.dirname(real_path)) or os.path.isdir(real_path):
        raise ValueError(f"{option} {path}: needs a file name in a folder that exists")
    if real_path in map(os.path.realpath, others):
        raise ValueError(f"{option} {path}: would replace another file of this command")
    if not os.path.exists(real_path):
        require_writable(path)
    elif stat.S_ISFIFO(os.stat(real_path).st_mode):
        raise ValueError(f"{option} {path}: is a pipe, and would wait for a reader")


def picture_format(path: str) -> str:
    """Return the format that a picture's name asks for, if this machine can make it."""
    kind = os.path.splitext(path)[1][1:].lower()
    if kind not in ("svg", "png", "pdf", "dot", "html"):
        raise ValueError(f"{path}: a picture's name ends in .svg, .png, .pdf, .dot or .html")
    if kind not in ("dot", "html"):
        require_renderer(kind)
    return kind
