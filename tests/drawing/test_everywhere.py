"""Pictures in notebooks, pages and files: what they show where scripts run, and where they do not."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import random
import re
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value, draw
from microgrannd.drawing.picture import NoGraphviz, Picture
from tests.helpers import NASTY, SVG, needs_dot

needs_browser = pytest.mark.skipif(
    not (find_spec("playwright") and which("chromium")), reason="needs playwright and the program chromium"
)


def network(**options: Any) -> Picture:
    model = mg.MLP(3, [4, 4, 1], activation="tanh", seed=0)
    loss = mg.mse(model([0.5, -1.0, 2.0]), 1.0)
    loss.backward()
    return draw(loss, model, **options)


# Files


@pytest.mark.parametrize("layout", ["own", "dot"])
@pytest.mark.parametrize(
    ("kind", "start"),
    [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph"), ("html", b"<!DOCTYPE")],
)
@needs_dot
def test_a_file_is_what_its_ending_says(kind: str, start: bytes, layout: str, tmp_path: Path) -> None:
    path = tmp_path / f"network.{kind}"
    assert network(layout=layout).save(path) == str(path)
    assert path.read_bytes().startswith(start)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.svg"
    path.write_text("before")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(OSError, match="no space left"):
        network().save(path)
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["a.svg"]


def test_render_takes_the_name_of_the_picture(tmp_path: Path) -> None:
    assert network().render(tmp_path / "a.svg", cleanup=True) == str(tmp_path / "a.svg")
    assert [one.name for one in tmp_path.iterdir()] == ["a.svg"]


def test_png_is_drawn_by_resvg_where_there_is_no_graphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: None)
    with pytest.raises(NoGraphviz, match=r"png needs Graphviz: install .*, or pip install resvg-py; svg"):
        network().save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("microgrannd.drawing.renderer.find_spec", lambda name: name == "resvg_py" or None)
    module = type(
        "resvg_py", (), {"svg_to_bytes": staticmethod(lambda svg_string: b"\x89PNG" + svg_string[:4].encode())}
    )
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", module)  # type: ignore[arg-type]
    network().save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"\x89PNG<svg"


def test_show_opens_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    network().show()
    (address,) = opened
    path = Path(address.removeprefix("file://"))
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    path.unlink()


@needs_dot
def test_graphviz_renders_a_network_where_this_library_put_everything() -> None:
    picture = network()
    placed = picture.geometry()
    drawn = [line.split() for line in picture.pipe("plain", encoding="utf-8").splitlines()]
    centers = {words[1]: (float(words[2]) * 72, float(words[3]) * 72) for words in drawn if words[0] == "node"}
    first = placed.boxes[0]
    for number, rect in enumerate(placed.boxes):
        x, y = (centers[str(number)][i] - centers["0"][i] for i in (0, 1))
        assert x == pytest.approx((rect.x0 + rect.x1 - first.x0 - first.x1) / 2, abs=1)
        assert -y == pytest.approx((rect.y0 + rect.y1 - first.y0 - first.y1) / 2, abs=1)


# Notebooks


def test_a_notebook_gets_an_image_and_a_script_that_makes_it_inline_svg() -> None:
    bundle = network()._repr_mimebundle_()
    fragment = bundle["text/html"]
    (alt, data) = re.findall(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]+)">', fragment)[0]
    assert base64.b64decode(data).decode() == bundle["image/svg+xml"]
    assert "A graph of 14 boxes and 35 arrows" in html.unescape(alt)
    assert ET.fromstring(bundle["image/svg+xml"]).get("aria-label") == html.unescape(alt)
    assert set(re.findall(r"https?://[^\"' )]+", fragment)) <= {"http://www.w3.org/2000/svg"}
    assert fragment.count("<script>") == fragment.count("</script>") == 1


def test_the_page_allows_its_own_script_only(tmp_path: Path) -> None:
    page = Path(network().save(tmp_path / "a.html")).read_text(encoding="utf-8")
    script = page[page.index("<script>") + 8 : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; script-src 'sha256-{digest}'; style-src 'unsafe-inline'" in page


@pytest.mark.parametrize("label", NASTY)
def test_any_label_leaves_the_page_well_formed(label: str, tmp_path: Path) -> None:
    plain, nasty = (draw(Value(1.0, name) * 2) for name in ("a", label))
    tags = [re.findall(r"<[a-z!/]+", one._repr_mimebundle_()["text/html"]) for one in (plain, nasty)]
    assert tags[0] == tags[1]
    nasty.save(tmp_path / "a.html")


class Shown:
    """A page in the browser, and all that it says and asks for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith("data:") or self.said.append(request.url))
        self.page.goto(path.as_uri())


@needs_browser
def test_hover_zoom_pan_and_fold_work_and_nothing_is_asked_for(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    network().save(path)
    shown = Shown(browser, path)
    page = shown.page
    assert page.query_selector("img") is None
    page.hover("g.node >> nth=4")
    assert page.inner_text("output").splitlines()[1] == "data −0.5675"
    assert page.eval_on_selector_all("g.edge", "edges => edges.filter(one => one.style.opacity === '').length") == 7
    page.mouse.move(1, 1)
    page.hover("g.edge >> nth=0", force=True)
    view = page.get_attribute("svg", "viewBox")
    page.click("text='+'")
    page.focus("svg")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("svg", "viewBox") != view
    page.click("text='1 : 1'")
    assert page.get_attribute("svg", "viewBox").split()[:2] == view.split()[:2]
    page.focus("g.cluster >> nth=0")
    page.keyboard.press("Enter")
    assert page.get_attribute("g.cluster >> nth=0", "aria-expanded") == "false"
    assert page.locator("g.node:visible").count() == 10
    boxes = "nodes => nodes.filter(one => one.style.display !== 'none').map(one => one.getBoundingClientRect().bottom)"
    page.click("g.cluster text >> nth=1")
    low = max(page.eval_on_selector_all("g.node", boxes))
    for number in (0, 1):
        page.click(f"g.cluster text >> nth={number}")
    assert page.locator("g.node:visible").count() == 14
    assert low < max(page.eval_on_selector_all("g.node", boxes)) - 60  # what was folded left no hole
    page.mouse.move(1, 1)
    assert page.inner_text("output").startswith("Point at a box or a line")
    assert shown.said == [path.as_uri()]
    page.close()


@needs_dot
@needs_browser
def test_a_picture_opens_on_a_box(browser: Any, tmp_path: Path) -> None:
    """A graph in which nothing is repeated, so that the corner at which it opens may be empty."""
    rng = random.Random(0)
    nodes = [Value(rng.uniform(0.5, 1)) for _ in range(20)]
    for n in range(380):
        a, b = rng.choices(nodes, k=2)
        nodes.append(mg.tanh(a * b) if n % 2 else a + b)
    mg.draw(mg.sum(nodes[-30:]), layout="dot").save(tmp_path / "a.html")
    page = Shown(browser, tmp_path / "a.html", viewport={"width": 600, "height": 400}).page
    page.wait_for_function("""() => {
        const room = document.querySelector("svg").getBoundingClientRect();
        return [...document.querySelectorAll("g.node")].some((node) => {
            const box = node.getBoundingClientRect();
            return box.right > room.left && box.left < room.right && box.bottom > room.top && box.top < room.bottom;
        });
    }""")
    page.close()


@needs_browser
def test_without_scripts_there_is_the_image(browser: Any, tmp_path: Path) -> None:
    network().save(tmp_path / "a.html")
    page = Shown(browser, tmp_path / "a.html", java_script_enabled=False).page
    box = page.locator("img").bounding_box()
    assert box["width"] > 850
    page.close()


@needs_browser
@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize(
    ("body", "dark"),
    [
        ("", None), ('data-jp-theme-light="true"', False), ('data-jp-theme-light="false"', True),
        ('class="vscode-light"', False), ('class="vscode-dark"', True), ('class="vscode-high-contrast"', True),
        ('class="vscode-high-contrast vscode-high-contrast-light"', False),
        *((f'data-vscode-theme-kind="vscode-{kind}"', dark) for kind, dark in
          {"light": False, "high-contrast-light": False, "dark": True, "high-contrast": True}.items()),
    ],
)  # fmt: skip
def test_colours_follow_the_page_and_else_the_system(browser: Any, system: str, body: str, dark: bool | None) -> None:
    page = browser.new_page(color_scheme=system)
    page.set_content(f"<body {body}>{network()._repr_mimebundle_()['text/html']}</body>")
    ground = page.eval_on_selector("svg > rect", "one => getComputedStyle(one).fill")
    text = page.eval_on_selector("svg text", "one => getComputedStyle(one).fill")
    expected = dark if dark is not None else system == "dark"
    assert (ground, text) == (
        ("rgb(22, 24, 28)", "rgb(232, 232, 232)") if expected else ("rgb(255, 255, 255)", "rgb(27, 27, 27)")
    )
    page.close()


@needs_browser
@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("body", ["", 'data-jp-theme-light="true"', 'data-vscode-theme-kind="vscode-dark"'])
def test_a_page_in_a_frame_follows_the_page_around_it(browser: Any, system: str, body: str) -> None:
    dark = "dark" in body if body else system == "dark"
    x = mg.Value(2.0, "<body x>")
    page = browser.new_page(color_scheme=system)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for shown in (mg.walkthrough(x * 3.0), mg.live(x * 3.0)):
        page.set_content(f"<body {body}>{shown._repr_html_()}</body>")
        inside = page.frame_locator("iframe")
        colour = inside.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        text = inside.locator("svg text").first.evaluate("one => getComputedStyle(one).fill")
        grounds = {True: ("rgb(22, 24, 28)", "rgb(232, 232, 232)"), False: ("rgb(255, 255, 255)", "rgb(27, 27, 27)")}
        assert (colour, text) == grounds[dark]
        assert page.locator("p").count() == 0  # what is said where no scripts run
        inside.locator("button").first.click()  # it is alive
    assert not said
    page.close()


@needs_browser
def test_several_pictures_on_a_page_are_each_alive(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("".join(network()._repr_mimebundle_()["text/html"] for _ in range(2)))
    assert (page.locator("img").count(), page.locator("svg").count(), page.locator("output").count()) == (0, 2, 2)
    page.close()


def test_the_image_is_scalable_vector_graphics() -> None:
    assert ET.fromstring(network().pipe()).tag == f"{SVG}svg"
