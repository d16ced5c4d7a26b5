"""walkthrough: the data of the page, its form, and how it behaves in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, walkthrough
from microgrannd._text import rounded
from microgrannd.engine.graph import topological
from microgrannd.rules.rule import CONSTANT
from microgrannd.testing import expressions
from tests.helpers import NASTY, labelled, textbook


class Page(HTMLParser):
    """The elements of a page, their attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.scripts if self.elements and self.elements[-1][0] == "script" and data.strip() else self.texts).append(
            data
        )


def data_of(html: str) -> dict[str, Any]:
    return json.loads(Page(html).scripts[0])


# The data


@settings(deadline=None)
@given(expressions())
def test_the_last_sum_of_each_box_is_the_engines_gradient(expression: Any) -> None:
    root = expression(*map(Value, expression.inputs))
    order = topological(root)
    root.backward()
    data = data_of(walkthrough(root).html)
    finals = {step[0]: step[7] for step in data["backward"]}
    assert sorted(finals.values()) == sorted(rounded(node.grad) for node in order if node._rule is not CONSTANT)
    assert len(data["forward"]) == sum(bool(node._op) for node in order)


def test_the_textbooks_steps() -> None:
    error, _ = textbook()
    data = data_of(walkthrough(error).html)
    steps = [(data["names"][name], data["names"][node], *numbers) for _, name, node, *numbers in data["backward"]]
    assert steps[0] == ("E", "E", "", "", "", "", "1")
    assert ("w11", "a1", "0.002728", "0.35", "0.0009547", "", "0.0009547") in [step[:7] for step in steps]
    assert ("x1", "a2", "0.008071", "0.3", "0.002421", "0.0005455", "0.002967") in [step[:7] for step in steps]
    assert "y3 = σ(a1) = σ(0.21) = 0.5523" in [caption for _, caption in data["forward"]]
    ends = [step[0] for step in steps if len(step) == 9]
    assert ends == ["x1", "x2"]


def test_every_step_goes_along_the_arrow_between_its_boxes() -> None:
    x = Value(3.0, "x")
    root = x * x + mg.tanh(x) * 2.0
    page = walkthrough(root)
    data = data_of(page.html)
    arrows = [step[8] for step in data["backward"][1:]]
    assert sorted(arrows) == sorted(set(arrows))  # the two of x * x are two
    kinds = [attributes.get("class") for tag, attributes in Page(page.html).elements if tag == "g"]
    assert kinds.count("edge") == len(data["targets"]) == len(arrows)
    assert kinds.count("node") == len(data["lines"])
    assert (
        repr(page)
        == f"a walkthrough of {len(data['forward']) + len(data['backward']) + 1} steps; .save(path) writes its page"
    )


def test_a_large_network_is_gone_through_by_neuron() -> None:
    model = mg.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    rows = [[Value(0.5, "x1"), Value(-1.0, "x2")] for _ in range(2)]
    loss = labelled(mg.mean([mg.mse(model(row), 1.0) for row in rows]), "L")
    loss.backward()
    data = data_of(walkthrough(loss, model).html)
    names = [data["names"][name] for _, name, *_ in data["backward"]]
    assert names.count("layers.0.neurons.3") == names.count("layers.0.neurons.3 (2)") == 16  # of the second row
    last = [step[7] for step, name in zip(data["backward"], names, strict=True) if name == "x1"][-1]
    assert last == rounded(rows[0][0].grad)
    assert len(data["backward"]) < 800


def test_the_gradients_are_those_of_one_backward_pass_whatever_the_nodes_bear() -> None:
    error, v = textbook()
    before = walkthrough(error).html
    error.backward(gradient=7.0)
    error.backward()
    assert walkthrough(error).html == before
    v["w11"].data = 5.0
    assert v["w11"].grad == pytest.approx(8 * 0.00095465571103447)


# The page


def test_the_page_is_small_and_asks_for_nothing() -> None:
    error, _ = textbook()
    html = walkthrough(error).html
    picture = html[html.index("<svg") : html.index("</svg>")]
    assert len((html.replace(picture, "")).encode()) < 26_000
    page = Page(html)
    for tag, attributes in page.elements:
        assert not {"src", "href", "action", "srcset", "xlink:href"} & attributes.keys(), tag
        assert not any(name.startswith("on") for name in attributes)
    assert set(re.findall(r"https?://[^\"' )]+", html)) == {"http://www.w3.org/2000/svg"}
    script = html[html.rindex("<script>") + 8 : html.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy == f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'"


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.sampled_from(NASTY), st.text(max_size=30)), st.sampled_from(NASTY))
def test_any_label_leaves_the_page_well_formed(label: str, other: str) -> None:
    plain = Page(walkthrough(labelled(Value(2.0, "a") * Value(-3.0, "b") + 1.0, "y")).html)
    root = labelled(Value(2.0, label) * Value(-3.0, other) + 1.0, label)
    html = walkthrough(root).html
    html.encode()
    page = Page(html)
    shapes = [tag for tag, _ in page.elements if tag not in ("text", "tspan")]
    assert shapes == [tag for tag, _ in plain.elements if tag not in ("text", "tspan")]
    assert len(page.scripts) == 2
    assert len(data_of(html)["backward"]) == 4
    assert "<" not in page.scripts[0]


def test_a_notebook_shows_the_page_in_a_frame_that_may_only_run_scripts() -> None:
    error, _ = textbook()
    page = walkthrough(error)
    tag, attributes = next(one for one in Page(page._repr_html_()).elements if one[0] == "iframe")
    assert (tag, attributes["sandbox"], attributes["srcdoc"]) == ("iframe", "allow-scripts", page.html)
    heights = [walkthrough(root).height for root in (Value(1.0), mg.tanh(Value(1.0) * 2.0), error)]
    assert heights == sorted(set(heights))  # no more than is needed


def test_it_is_saved_whole(tmp_path: Path) -> None:
    page = walkthrough(Value(2.0) * 3.0)
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(OSError, match="nowhere"):
        page.save(tmp_path / "nowhere" / "page.html")


def test_too_many_steps_are_refused_at_once() -> None:
    value = x = Value(1.0)
    for _ in range(100_000):
        value = value + x
    with pytest.raises(
        ValueError,
        match=r"300,002 steps are too many to go through, at most 2,000: start.*nearer to the leaves, .* or give model=",
    ):
        walkthrough(value)
    value = x
    for _ in range(400):
        value = value + x
    with pytest.raises(ValueError, match=r"the picture would have too many boxes, or edges across all of it: start"):
        walkthrough(value)
    with pytest.raises(TypeError, match=r"walkthrough needs a Value as root, got 3 \(int\)"):
        walkthrough(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="walkthrough needs a Module as model, got 'm'"):
        walkthrough(x, "m")  # type: ignore[arg-type]


def test_of_too_many_rows_a_coarser_depth_is_taken_or_named() -> None:
    model = mg.MLP(2, [3, 1], activation="tanh", seed=0)

    def loss(rows: int) -> Value:
        return mg.mean([mg.mse(model([0.1 * i, 1.0]), 1.0) for i in range(rows)])

    assert walkthrough(loss(300), model).steps == walkthrough(loss(300), model, "layer").steps < 2000
    for depth in ("neuron", "scalar"):
        with pytest.raises(
            ValueError, match=r"too many to go through, at most 2,000: give depth=.layer., or start from"
        ):
            walkthrough(loss(300), model, depth)
    for depth in ("auto", "layer"):
        with pytest.raises(
            ValueError, match=r"at most 2,000: start from a Value nearer to the leaves, as the loss of one row$"
        ):
            walkthrough(loss(600), model, depth)


def test_two_thousand_steps_are_not_too_many() -> None:
    value = Value(0.5)
    for _ in range(999):
        value = mg.sin(value)
    assert walkthrough(value).steps == 2000


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1e308, 5e-324, -0.0])
def test_numbers_out_of_bounds_can_be_shown(number: float) -> None:
    assert walkthrough(mg.tanh(Value(number) * 2.0)).steps == 6


# In a browser

no_browser = [
    what
    for what, there in [
        ("playwright (pip install playwright)", find_spec("playwright")),
        ("the program chromium", which("chromium")),
    ]
    if not there
]
needs_browser = pytest.mark.skipif(bool(no_browser), reason=f"there is no {' and no '.join(no_browser)}")


class Shown:
    """A page in the browser, and all that it says and asks for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def caption(self) -> str:
        return self.page.inner_text("#caption")

    def sum(self) -> str:
        return self.page.inner_text("#sum")

    def lit(self, kind: str) -> list[int]:
        return self.page.eval_on_selector_all(
            f".{kind}.lit", "elements => elements.map(one => Number(one.dataset.number))"
        )

    def boxes(self) -> dict[str, str]:
        """The third line of each box, by the first."""
        lines = "elements => elements.map(one => [...one.querySelectorAll('text')].map(text => text.textContent))"
        return {box[0]: box[2] for box in self.page.eval_on_selector_all(".node", lines) if len(box) > 2}

    def gradients(self) -> dict[str, str]:
        """The gradients that can be seen, by the first line of their boxes."""
        lines = """elements => elements.map(one => [...one.querySelectorAll("text")]
                   .filter(text => getComputedStyle(text).visibility === "visible").map(text => text.textContent))"""
        boxes = self.page.eval_on_selector_all(".node", lines)
        return {box[0].split(": ")[0]: box[-1].removeprefix("grad ") for box in boxes if box[-1].startswith("grad ")}


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Iterator[Shown]:
    error, _ = textbook()
    walkthrough(error).save(tmp_path / "page.html")
    shown = Shown(browser, tmp_path / "page.html")
    yield shown
    assert shown.messages == []
    assert shown.requests == [(tmp_path / "page.html").as_uri()]
    shown.page.close()


@needs_browser
def test_keys_buttons_and_slider_lead_to_the_same_steps(shown: Shown) -> None:
    page = shown.page
    assert shown.caption() == "Inputs and parameters have their values; nothing is computed yet."
    assert shown.gradients() == {}
    page.keyboard.press("ArrowRight")
    first = shown.caption()
    assert first == "a1 = w11 · x1 + w21 · x2 = 0.2 × 0.35 + 0.2 × 0.7 = 0.21"
    page.click("[data-to=next]")
    page.click("[data-to=back]")
    assert shown.caption() == first
    page.fill("input", "1")
    assert shown.caption() == first
    assert page.inner_text("#count") == "1 / 29"
    page.keyboard.press("ArrowRight")  # on the slider that was filled: its own key, once
    assert page.inner_text("#count") == "2 / 29"
    page.click("h1")
    page.keyboard.press("End")
    assert page.inner_text("#count") == "29 / 29"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#count") == "29 / 29"
    page.keyboard.press("Home")
    assert page.inner_text("#count") == "0 / 29"


@needs_browser
def test_values_fill_in_and_the_sums_are_the_engines_gradients(shown: Shown) -> None:
    error, v = textbook()
    error.backward()
    page = shown.page
    steps = int(page.inner_text("#count").split(" / ")[1])
    seen = []
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
        seen.append((shown.caption(), shown.lit("edge"), shown.gradients()))
    forward, backward = seen[:9], seen[9:]
    assert all(not gradients for _, _, gradients in forward)
    assert backward[0][:2] == ("The gradient starts at the result: ∂E/∂E = 1", [])
    assert backward[-1][0].startswith("All gradients are there: ∂E/∂w13 = 0.02031")
    for (caption, edge, gradients), before in zip(backward[1:-1], backward, strict=False):
        name, total = caption.split(" receives ")[0], re.split(" = |: now ", caption)[-1]
        assert len(edge) == 1
        assert name.startswith("v") or gradients[name] == total
        assert len(gradients) - len(before[2]) in (0, 1)
    final = {name: gradient for name, gradient in seen[-1][2].items() if name in v}
    assert final == {name: rounded(value.grad) for name, value in v.items()}


@needs_browser
def test_by_neuron_values_fill_in_too(browser: Any, tmp_path: Path) -> None:
    model = mg.MLP(3, [20, 8, 1], activation="tanh", seed=0)
    loss = labelled(mg.mse(model([0.1, 0.2, 0.3]), 1.0) + 0.01 * mg.sum([p * p for p in model.parameters()]), "L")
    loss.backward()
    walkthrough(loss, model).save(tmp_path / "page.html")
    shown = Shown(browser, tmp_path / "page.html")
    visible = (
        "elements => elements.filter(one => getComputedStyle(one).visibility === 'visible').map(one => one.textContent)"
    )
    texts = shown.page.eval_on_selector_all(".node text", visible)
    assert not any(text.startswith(("data", "grad")) for text in texts if text[5:] not in ("0.1", "0.2", "0.3"))
    shown.page.keyboard.press("End")
    values = {f"neurons.{i}": node for i, node in enumerate(layer_outputs(loss, model)) if i > 7}  # not layers.1's
    assert {name: gradient for name, gradient in shown.boxes().items() if name in values} == {
        name: f"grad {rounded(node.grad)}" for name, node in values.items()
    }
    shown.page.close()


def layer_outputs(loss: Value, model: mg.MLP) -> list[Value]:
    """The activations of the first layer's neurons, in the graph of a loss."""
    first = {neuron.b: i for i, neuron in enumerate(model.layers[0].neurons)}
    sums = {node: first[o] for node in topological(loss) if node._op == "w·x" for o in node._operands if o in first}
    tanhs = {
        sums[node._operands[0]]: node for node in topological(loss) if node._op == "tanh" and node._operands[0] in sums
    }
    return [tanhs[i] for i in range(len(first))]


@needs_browser
def test_a_whole_sum_is_shown_when_it_ends_and_on_hover(shown: Shown) -> None:
    whole = "∂E/∂x1 = 0.002728 × 0.2 (via a1) + 0.008071 × 0.3 (via a2) = 0.002967"
    box = shown.page.locator(".node", has_text="x1").first
    box.hover()
    assert shown.sum() == whole
    shown.page.hover("h1")
    assert shown.sum() == ""
    shown.page.fill("input", "27")
    assert (
        shown.caption() == "x1 receives ∂E/∂a2 × ∂a2/∂x1 = 0.008071 × 0.3 = 0.002421, on top of 0.0005455: now 0.002967"
    )
    assert shown.sum() == whole


@needs_browser
def test_it_plays_and_pauses(shown: Shown) -> None:
    page = shown.page
    page.clock.install()
    page.click("[data-to=play]")
    assert page.get_attribute("[data-to=play]", "aria-pressed") == "true"
    page.clock.run_for(3700)
    assert page.inner_text("#count") == "3 / 29"
    page.click("[data-to=play]")
    page.clock.run_for(5000)
    assert page.inner_text("#count") == "3 / 29"


@needs_browser
def test_phases_are_marked_and_arrows_turn(shown: Shown) -> None:
    page = shown.page
    assert page.inner_text("#phases").split() == ["forward", "backward"]
    heads = """(one) => { const style = getComputedStyle(one);
               return [style.markerStart !== "none", style.markerEnd !== "none"]; }"""
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#phases .now") == "forward"
    assert {tuple(path.evaluate(heads)) for path in page.query_selector_all(".edge > path")} == {(False, True)}
    page.keyboard.press("End")
    assert page.inner_text("#phases .now") == "backward"
    assert {tuple(path.evaluate(heads)) for path in page.query_selector_all(".edge > path")} == {(True, False)}
    page.keyboard.press("Home")
    page.clock.install()
    page.keyboard.press(" ")
    page.clock.run_for(2500)
    page.keyboard.press(" ")
    assert page.inner_text("#count") == "2 / 29"


@needs_browser
@pytest.mark.parametrize("width", [1000, 390])
def test_it_opens_with_the_whole_picture_which_can_be_moved_and_follows_the_steps(
    browser: Any, tmp_path: Path, width: int
) -> None:
    error, _ = textbook()
    walkthrough(error).save(tmp_path / "page.html")
    page = Shown(browser, tmp_path / "page.html", viewport={"width": width, "height": 700}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = """() => { const outer = svg.getBoundingClientRect();
                return nodes.filter((node) => { const box = node.getBoundingClientRect();
                return box.left >= outer.left && box.right <= outer.right && box.top >= outer.top; }).length; }"""
    assert page.evaluate(inside) == 17
    page.mouse.move(150, 300)
    page.mouse.down()
    page.mouse.move(100, 300)
    page.mouse.up()
    assert page.evaluate("view[0] > picture[0]")
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(100)
    assert page.evaluate("view[2] < picture[2]")
    page.click("[data-to=whole]")
    page.wait_for_timeout(400)
    assert page.evaluate("view[2] === picture[2]")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    text = page.eval_on_selector(".node.lit text", "one => one.getBoundingClientRect().height")
    assert text >= 10
    page.close()


def test_a_depth_can_be_asked_for() -> None:
    model = mg.MLP(2, [2, 1], activation="tanh", seed=0)
    loss = mg.mse(model([Value(0.5), Value(-1.0)]), 1.0)
    steps = {depth: walkthrough(loss, model, depth).steps for depth in ("scalar", "neuron", "layer", "auto")}
    assert steps["layer"] < steps["neuron"] < steps["scalar"] == steps["auto"]
    with pytest.raises(ValueError, match="depth 'neuron' needs model=: the Module whose neurons are meant"):
        walkthrough(loss, depth="neuron")
    with pytest.raises(ValueError, match="depth needs to be one of scalar, neuron, layer, auto, got 'deep'"):
        walkthrough(loss, model, "deep")


def test_by_layer_a_step_is_a_layer_and_a_sentence_says_what_arrives() -> None:
    model = mg.MLP(3, [4, 4, 1], activation="tanh", seed=0)
    x = [Value(0.5, "x1"), Value(-1.0, "x2"), Value(2.0, "x3")]
    loss = labelled(mg.mse(model(x), 1.0), "L")
    page = walkthrough(loss, model, "layer")
    data = data_of(page.html)
    assert [caption.split(" = ")[0] for _, caption in data["forward"][:2]] == [
        "layers.0: 4 neurons of tanh(Σ wᵢxᵢ + b)", "layers.1: 4 neurons of tanh(Σ wᵢxᵢ + b)"
    ]  # fmt: skip
    loss.backward()
    sentences = [step[1] for step in data["backward"] if isinstance(step[1], str)]
    assert sentences[0].startswith("layers.1 receives 4 products, gradients of layers.2 × its local derivatives: now ")
    assert sentences[1].startswith("layers.0 receives 16 products, gradients of layers.1 × its local derivatives: now ")
    assert sentences[2].startswith("x1 receives 4 products, gradients of layers.0 × its local derivatives: now ")
    assert sentences[2].endswith(f"now {x[0].grad:.4g}".replace("-", "−"))
    assert page.steps == len(data["forward"]) + len(data["backward"]) + 1


@needs_browser
def test_it_can_be_used_without_seeing_it(shown: Shown) -> None:
    page = shown.page
    assert page.get_attribute("#caption", "aria-live") == "polite"
    for button in page.query_selector_all("button"):
        assert button.get_attribute("aria-label") or button.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("input", "aria-valuetext") == shown.caption()
    page.click("summary")
    page.wait_for_selector("#steps li")
    steps = page.eval_on_selector_all("#steps li", "elements => elements.map(one => one.textContent)")
    assert len(steps) == 30
    assert steps[1] == shown.caption()
    assert steps[27].endswith("∂E/∂x1 = 0.002728 × 0.2 (via a1) + 0.008071 × 0.3 (via a2) = 0.002967")


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_light_and_in_dark(browser: Any, tmp_path: Path, scheme: str) -> None:
    model = mg.MLP(2, [2, 1], seed=0)
    walkthrough(mg.mse(model([Value(1.0, "x"), 2.0]), 1.0), model).save(tmp_path / "page.html")
    shown = Shown(browser, tmp_path / "page.html", color_scheme=scheme)
    page = shown.page
    page.keyboard.press("End")
    style = "(one, name) => getComputedStyle(one)[name]"
    ground = brightness(page.eval_on_selector("body", style, "backgroundColor"))
    assert (ground > 200) == (scheme == "light")
    for text in page.query_selector_all("svg text, #caption"):
        colour = brightness(text.evaluate(style, "fill" if text.evaluate("one => one.tagName") == "text" else "color"))
        assert abs(colour - ground) > 100
    for box in page.query_selector_all(".node rect"):
        assert abs(brightness(box.evaluate(style, "fill")) - ground) < 60
    for line in page.query_selector_all(".edge > path"):
        assert abs(brightness(line.evaluate(style, "stroke")) - ground) > 50
    assert shown.messages == []
    page.close()


@needs_browser
def test_motion_is_left_out_where_it_is_not_wanted(browser: Any, tmp_path: Path) -> None:
    walkthrough(textbook()[0]).save(tmp_path / "page.html")
    for preference, duration in [("no-preference", "0.2s"), ("reduce", "0s")]:
        page = Shown(browser, tmp_path / "page.html", reduced_motion=preference).page
        style = "one => [getComputedStyle(one).transitionDuration, getComputedStyle(one).transitionProperty]"
        animation = page.eval_on_selector(".edge path", style)
        assert animation[0] == duration or animation[1] == "none"
        page.close()


@needs_browser
def test_on_paper_there_are_all_steps_and_no_controls(browser: Any, tmp_path: Path) -> None:
    walkthrough(textbook()[0]).save(tmp_path / "page.html")
    page = Shown(browser, tmp_path / "page.html", color_scheme="dark").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.is_visible("#controls")
    assert page.is_visible("#steps li:last-child")
    assert brightness(page.eval_on_selector("svg > rect", "one => getComputedStyle(one).fill")) == 255
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.inner_text("#count") == "0 / 29"
    assert not page.is_visible("#steps li:last-child")
    page.close()


@needs_browser
def test_without_scripts_the_graph_is_shown_as_it_ends(browser: Any, tmp_path: Path) -> None:
    walkthrough(textbook()[0]).save(tmp_path / "page.html")
    page = Shown(browser, tmp_path / "page.html", java_script_enabled=False).page
    assert page.is_visible("noscript")
    assert page.locator(".node", has_text="w11").locator("text").all_text_contents()[-1] == "grad 0.0009547"
    assert page.locator(".edge text").first.is_visible()
    page.close()


@needs_browser
def test_hostile_labels_run_nothing(browser: Any, tmp_path: Path) -> None:
    alarm = "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "</title><svg onload=alert(1)>"
    values = [Value(2.0, label) for label in alarm]
    root = labelled(values[0] * values[1] + values[2], alarm[1])
    walkthrough(root).save(tmp_path / "page.html")
    shown = Shown(browser, tmp_path / "page.html")
    dialogs: list[Any] = []
    shown.page.on("dialog", lambda dialog: dialogs.append(dialog))
    shown.page.click("summary")
    for _ in range(6):
        shown.page.click("[data-to=next]")
    for node in shown.page.query_selector_all(".node"):
        node.hover()
    assert (dialogs, shown.messages, len(shown.requests)) == ([], [], 1)
    assert shown.page.query_selector("img") is None
    shown.page.close()


@needs_browser
def test_two_thousand_steps_are_fast_enough(browser: Any, tmp_path: Path) -> None:
    value = Value(0.5)
    for _ in range(999):
        value = mg.sin(value)
    walkthrough(value).save(tmp_path / "page.html")
    page = Shown(browser, tmp_path / "page.html").page
    spent = "() => { const start = performance.now(); for (let i = 0; i < 10; i++) go.back(); return (performance.now() - start) / 10; }"
    page.keyboard.press("End")
    assert page.inner_text("#count") == "2000 / 2000"
    assert page.evaluate(spent) < 200  # ms a step; about 10 on an idle machine
    page.close()
