"""The pictures of the README: python -m tests.pictures draws them anew.

The commands that draw them stand in the README. A picture that they write follows the system's theme; beside it is one
that is dark in any case, for pages with a theme of their own. The page that lives is photographed in chromium, for
which Playwright and Pillow are needed.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from shutil import which

import pytest

from microgrannd.cli import main
from microgrannd.drawing.theme import DARK
from tests.helpers import choose

#: Of the photograph, in pixels: the network and what it says of the plane.
SIZE = {"width": 1120, "height": 610}

README = Path(__file__).parents[1] / "README.md"


def commands() -> dict[str, list[str]]:
    """The arguments that draw each picture, without its name, by the path that they name."""
    found = re.findall(r"`microgrannd ([^`]*) (\S+\.svg)`", README.read_text(encoding="utf-8"))
    return {path: shlex.split(arguments) for arguments, path in found if path.startswith("notebooks/")}


def dark(svg: str) -> str:
    """A picture with the colours that it has on a dark page."""
    plain = re.sub(r"<style>.*?</style>\n?", "", svg, count=1, flags=re.DOTALL)
    return re.sub("|".join(DARK), lambda colour: DARK[colour[0]], plain)


def beside(path: Path) -> Path:
    """Where the dark version of a picture is."""
    return path.with_stem(f"{path.stem}-dark")


def photograph(page: Path, path: Path) -> None:
    """Take a picture of a page in which a network has trained, in light and in dark."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        for scheme, target in (("light", path), ("dark", beside(path))):
            shown = chromium.new_page(viewport=SIZE, color_scheme=scheme)
            shown.goto(page.as_uri())
            for _ in range(20):
                shown.click("#epoch")
            shown.wait_for_timeout(500)  # until the maps of the neurons are drawn
            taken = Image.open(BytesIO(shown.screenshot()))
            taken.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
        chromium.close()


def draw(arguments: list[str], picture: Path) -> None:
    """Run a command that draws, as on a machine without Graphviz, and put the dark version beside its picture."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # for the model, which is written too
        choose("layout", patch)
        assert main([*arguments, str(picture)]) == 0
    beside(picture).write_text(dark(picture.read_text(encoding="utf-8")), encoding="utf-8")


def write() -> None:
    """Draw all pictures of the README."""
    for path, arguments in commands().items():
        draw(arguments, README.parent / path)
    if find_spec("playwright") and find_spec("PIL") and which("chromium"):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "moons.html")
            main(["live", "moons", "--hidden", "6", "4", "-o", str(page)])
            photograph(page, README.parent / "notebooks" / "live.png")
    else:
        print("the page that lives was not photographed: that needs playwright, pillow and chromium")


if __name__ == "__main__":
    write()
