"""The page of mg.live in chromium: every control, by pointer and by keyboard, with nothing in the console and no request."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

import microgrannd as mg
from microgrannd import Value
from microgrannd.cli import main
from tests.compiler import test_javascript as programs
from tests.helpers import NASTY
from tests.node import in_browser

missing = [
    name
    for name, there in (
        ("playwright (pip install playwright)", find_spec("playwright")),
        ("the program chromium", which("chromium")),
    )
    if not there
]
pytestmark = [pytest.mark.desktop, pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")]


class Shown:
    """A page, and what it said and asked for."""

    def __init__(self, browser: Any, path: Path, page: Any, **options: Any) -> None:
        page.save(path)
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith("file:") or self.said.append(request.url))
        self.page.goto(path.as_uri())

    def until(self, condition: str) -> None:
        """Wait; Playwright's own way evaluates text in the page, which the policy forbids."""
        for _ in range(500):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(condition)

    def status(self) -> str:
        return str(self.page.inner_text("#status"))

    def weights(self) -> list[float]:
        return list(self.page.evaluate("training.weights"))


@pytest.fixture
def model() -> mg.MLP:
    return mg.MLP(2, [3, 1], activation="tanh", init="xavier", seed=0)


@pytest.fixture
def shown(browser: Any, tmp_path: Path, model: mg.MLP) -> Iterator[Shown]:
    X, y = mg.data.moons(40, noise=0.1, seed=0)
    page = mg.live(
        model,
        X,
        y,
        loss=mg.binary_cross_entropy_with_logits,
        optimizer=mg.SGD(model.parameters(), 0.1),
        validation=0.25,
    )
    found = Shown(browser, tmp_path / "page.html", page, viewport={"width": 1100, "height": 900})
    yield found
    assert not found.said
    found.context.close()


def test_step_epoch_reset_and_play(shown: Shown) -> None:
    page, before = shown.page, shown.weights()
    assert shown.status().startswith("step 0, epoch 0: loss ")
    page.click("#one")
    assert shown.status().startswith("step 1, epoch 0")
    page.click("#epoch")
    assert shown.status().startswith("step 3, epoch 1")
    assert shown.weights() != before
    page.click("#reset")
    assert shown.status().startswith("step 0, epoch 0")
    assert shown.weights() == before
    page.click("#play")
    shown.until("training.steps > 20")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    steps = page.evaluate("training.steps")
    page.wait_for_timeout(100)
    assert page.evaluate("training.steps") == steps
    assert page.evaluate("training.curve.length") > 3


@pytest.mark.parametrize("kind", [mg.Adam, pytest.param(mg.SGD, marks=pytest.mark.slow)])
def test_a_hundred_steps_in_the_page_are_those_of_fit(browser: Any, tmp_path: Path, model: mg.MLP, kind: Any) -> None:
    X, y = mg.data.moons(40, noise=0.1, seed=0)
    loss, optimizer = mg.binary_cross_entropy_with_logits, kind(model.parameters(), lr=0.05)
    shown = Shown(browser, tmp_path / "page.html", mg.live(model, X, y, loss=loss, optimizer=optimizer, batch_size=8))
    shown.page.uncheck("#shuffle")
    for _ in range(20):
        shown.page.click("#epoch")
    assert shown.page.evaluate("training.steps") == 100
    mg.fit(model, X, y, loss=loss, optimizer=optimizer, epochs=20, batch_size=8, shuffle=False, progress=False)
    trained = dict(zip(shown.page.evaluate("labels"), shown.weights(), strict=True))
    assert trained == pytest.approx(model.state_dict(), rel=1e-9, abs=1e-9)
    assert not shown.said
    shown.context.close()


def test_keys(shown: Shown) -> None:
    shown.page.keyboard.press("ArrowRight")
    assert shown.status().startswith("step 1,")
    shown.page.keyboard.press("e")
    assert "epoch 1" in shown.status()
    shown.page.keyboard.press("r")
    assert shown.status().startswith("step 0,")
    shown.page.keyboard.press(" ")
    shown.until("training.steps > 2")
    shown.page.keyboard.press(" ")
    assert shown.page.get_attribute("#play", "aria-pressed") == "false"


def test_options_and_what_is_not_one(shown: Shown) -> None:
    page = shown.page
    for field, good, bad in (("lr", "0.5", "-1"), ("batch", "4", "0")):
        page.fill(f"#{field}", good)
        page.dispatch_event(f"#{field}", "change")
        page.fill(f"#{field}", bad)
        page.dispatch_event(f"#{field}", "change")
        assert page.input_value(f"#{field}") == good
    assert page.evaluate("[training.lr, training.batch]") == [0.5, 4]
    page.uncheck("#shuffle")
    page.click("#epoch")
    assert page.evaluate("training.steps") == 8
    assert page.evaluate("training.order") == list(range(30))
    page.select_option("#edges", "gradient")
    widths = page.eval_on_selector_all(
        "#net .edge path:first-child", "(paths) => paths.map((p) => p.getAttribute('stroke-width'))"
    )
    assert len(widths) == 9
    assert len(set(widths)) > 3


def test_a_loss_that_is_not_finite_is_said_and_the_page_goes_on(shown: Shown) -> None:
    page = shown.page
    for number in range(3):
        page.select_option("#parameter", label=f"layers.1.neurons.0.w.{number}")
        page.fill("#value", "1.7e308")
        page.dispatch_event("#value", "change")
    page.click("#play")
    shown.until("!playing")
    assert page.inner_text("#problem") == "the loss or a gradient is not finite; a lower learning rate may help"
    page.click("#reset")
    assert page.inner_text("#problem") == ""


def test_weights_by_field_slider_and_dragging(shown: Shown) -> None:
    page = shown.page
    page.select_option("#parameter", "2")
    page.fill("#value", "0.25")
    page.dispatch_event("#value", "change")
    assert shown.weights()[2] == 0.25
    page.focus("#slide")
    page.keyboard.press("ArrowRight")
    assert shown.weights()[2] != 0.25
    edge = page.query_selector("#net .edge >> nth=4")
    weight = int(edge.get_attribute("data-weight"))
    before = shown.weights()[weight]
    x, y = page.evaluate(
        "(group) => { const p = group.firstChild, at = p.getPointAtLength(p.getTotalLength() * 0.08).matrixTransform(p.getScreenCTM()); return [at.x, at.y]; }",
        edge,
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y, steps=4)
    page.mouse.up()
    moved = [
        k
        for k, (one, other) in enumerate(zip(shown.weights(), page.evaluate("data.weights"), strict=True))
        if one != other
    ]
    assert weight in moved or len(moved) == 2  # lines cross, and the one above is taken
    assert page.evaluate("selected") in moved
    assert shown.weights()[page.evaluate("selected")] == pytest.approx(page.evaluate("data.weights[selected]") + 1.0)
    assert before == page.evaluate("data.weights")[weight]
    assert "∂L/∂w += ∂L/∂z · ∂z/∂w" in page.inner_text("#hint")


def test_the_chain_rule_of_a_line_is_that_of_the_engine(shown: Shown, model: mg.MLP) -> None:
    page = shown.page
    page.fill("#row", "3")
    page.dispatch_event("#row", "change")
    page.dispatch_event("#net .edge >> nth=0", "pointerenter")
    cells, weights = page.evaluate("[data.rows[3], training.weights]")
    label = page.evaluate("labels[edges[0].weight]")
    for name, parameter in model.named_parameters():
        parameter.data = weights[page.evaluate("labels").index(name)]
    loss = mg.binary_cross_entropy_with_logits(model(cells[:2]), cells[2])
    model.zero_grad()
    loss.backward()
    gradient = dict(model.named_parameters())[label].grad
    assert page.inner_text("#hint").split("\n")[2].endswith(f" = {gradient:.4g}".replace("-", "−"))
    page.click("#explain")
    captions = page.locator("#captions li").all_inner_texts()
    assert any(caption.startswith(f"{label} receives") for caption in captions)
    assert f"the loss of row 3 is L = {loss.data:.4g}" in captions


def test_a_click_on_the_map_chooses_a_row(shown: Shown) -> None:
    shown.page.click("#map", position={"x": 30, "y": 30})
    row = int(shown.page.input_value("#row"))
    assert row == shown.page.evaluate("focus")
    assert f"row={row}" in shown.page.url or row == 0


def test_the_model_is_downloaded_and_read(shown: Shown, tmp_path: Path) -> None:
    shown.page.click("#epoch")
    with shown.page.expect_download() as download:
        shown.page.click("#export")
    download.value.save_as(tmp_path / "model.json")
    loaded = mg.load(tmp_path / "model.json")
    names, weights = shown.page.evaluate("[labels, training.weights]")
    assert {name: p.data for name, p in loaded.named_parameters()} == dict(zip(names, weights, strict=True))


def test_a_schedule_is_followed_until_a_rate_is_typed(browser: Any, tmp_path: Path) -> None:
    X, y = mg.data.moons(30, noise=0.1, seed=0)
    model = mg.MLP(2, [3, 1], seed=0)
    optimizer = mg.SGD(model.parameters(), lr=mg.linear(0.4, steps=8))
    shown = Shown(browser, tmp_path / "page.html", mg.live(model, X, y, loss=mg.mse, optimizer=optimizer))
    page = shown.page

    def rate() -> float:
        return float(page.input_value("#lr"))

    assert rate() == 0.4
    page.click("#one")
    page.click("#one")
    assert rate() == pytest.approx(0.3)
    page.fill("#lr", "0.05")
    page.press("#lr", "Enter")
    page.click("#one")
    assert rate() == 0.05
    page.fill("#lr", "")
    page.press("#lr", "Enter")
    assert rate() == pytest.approx(0.25)
    for _ in range(8):
        page.click("#one")
    assert rate() == 0


def test_a_link_opens_the_page_as_it_is(shown: Shown) -> None:
    shown.page.fill("#lr", "0.3")
    shown.page.dispatch_event("#lr", "change")
    for _ in range(4):
        shown.page.click("#one")
    state = "[training.steps, training.weights, training.lr, training.order, training.next, training.random]"
    before, url = shown.page.evaluate(state), shown.page.url
    shown.page.goto("about:blank")
    shown.page.goto(url)
    assert shown.page.evaluate(state) == before
    shown.page.goto("about:blank")
    shown.page.goto(url.split("#")[0] + "#w=%00&lr=x&row=99&b-velocity=AAAA&step=1e9&order=1.1")
    assert shown.status().startswith("step 0,")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_on_a_phone_in_a_frame_and_for_more_inputs(browser: Any, tmp_path: Path, scheme: str) -> None:
    rng = random.Random(0)
    X = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(30)]
    model = mg.MLP(4, [3, 3], seed=0)
    page = mg.live(
        model, X, [i % 3 for i in range(30)], loss=mg.cross_entropy, names=NASTY[:4], classes=NASTY[4:7], title=NASTY[0]
    )
    options = {"viewport": {"width": 390, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    shown = Shown(browser, tmp_path / "page.html", page, **options)
    assert shown.page.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.page.is_visible("#scatter")
    shown.page.select_option("#up", "3")
    assert shown.page.evaluate("axes") == [0, 3]
    shown.page.click("#play")
    shown.until("training.steps > 3")
    shown.page.click("#play")
    frame = browser.new_page()
    said: list[str] = []
    frame.on("console", lambda message: said.append(message.text))
    frame.on("pageerror", lambda error: said.append(str(error)))
    frame.set_content(page._repr_html_())
    inside = frame.frame_locator("iframe")
    inside.locator("#one").click()
    assert inside.locator("#status").inner_text().startswith("step 1,")
    assert not said
    assert not shown.said
    frame.close()
    shown.context.close()


def test_quantities_of_one_input(browser: Any, tmp_path: Path) -> None:
    X = [i / 10 for i in range(20)]
    shown = Shown(
        browser, tmp_path / "page.html", mg.live(mg.MLP(1, [4, 1], "tanh", seed=0), X, [x * x for x in X], loss=mg.mse)
    )
    shown.page.click("#epoch")
    assert shown.status().startswith("step 2, epoch 1")
    assert not shown.said
    shown.context.close()


def test_an_expression(browser: Any, tmp_path: Path) -> None:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.5, "b")
    y = mg.log(mg.tanh(w * x + b)) * w
    y.backward()
    shown = Shown(browser, tmp_path / "page.html", mg.live(y))
    page = shown.page
    assert shown.status() == f"y = {y.data:.4g}".replace("-", "−")
    rows = {
        row.locator("td").nth(0).inner_text(): row.locator("td").nth(3).inner_text()
        for row in page.locator("#leaves tr").all()
    }
    assert rows == {leaf.label: f"{leaf.grad:.4g}".replace("-", "−") for leaf in (w, x, b)}
    boxes = page.locator("#picture g.node").all_text_contents()
    assert any("w" in text and f"{w.grad:.4g}".replace("-", "−") in text for text in boxes)
    page.uncheck("#leaves tr:has-text('x') input[type=checkbox]")
    page.click("#step")
    moved = page.evaluate("Object.fromEntries(data.leaves.map((leaf, i) => [leaf.name, values[i]]))")
    assert moved == {"w": pytest.approx(0.5 - 0.1 * w.grad), "x": 2.0, "b": pytest.approx(-0.5 - 0.1 * b.grad)}
    url = page.url
    page.goto("about:blank")
    page.goto(url)
    assert page.evaluate("Object.fromEntries(data.leaves.map((leaf, i) => [leaf.name, values[i]]))") == moved
    page.dispatch_event("#picture g.edge >> nth=0", "pointerenter")
    assert " += " in page.inner_text("#hint")
    page.fill("input[aria-label=b]", "-5")
    page.dispatch_event("input[aria-label=b]", "change")
    assert page.inner_text("#problem").startswith("log(x) needs x > 0, got x = -")
    page.focus("input[aria-label='b, slider']")
    page.click("#reset")
    assert page.inner_text("#problem") == ""
    page.focus("input[aria-label='w, slider']")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("values[data.leaves.findIndex((leaf) => leaf.name === 'w')]") != 0.5
    assert not shown.said
    shown.context.close()


@pytest.mark.slow
def test_programs_give_the_engines_numbers_in_a_browser(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = browser.new_page()
    monkeypatch.setattr(programs, "run", lambda script: in_browser(page, script))
    assert programs.check(programs.at_every_edge()) > 1500
    assert programs.check(programs.expressions(0, 20, 20)) > 40
    page.close()


def test_a_loss_of_a_part_of_the_outputs(browser: Any, tmp_path: Path) -> None:
    X = [[0.1, 0.2], [0.5, -0.3], [1.0, 0.4]]
    model = mg.MLP(2, [2, 2], activation="tanh", bias=False, seed=0)
    page = mg.live(model, X, [0.3, 0.4, 0.8], loss=lambda p, t: (p[0] - t) ** 2)
    shown = Shown(browser, tmp_path / "page.html", page)
    shown.page.click("#epoch")
    shown.page.click("#explain")
    for number in range(6):
        shown.page.dispatch_event(f"#net .unit >> nth={number}", "pointerenter")
    assert shown.page.locator("#net .edge").count() == 6
    with shown.page.expect_download() as download:
        shown.page.click("#export")
    download.value.save_as(tmp_path / "model.json")
    loaded, before = mg.load(tmp_path / "model.json").state_dict(), model.state_dict()
    assert loaded["layers.1.neurons.1.w.0"] == before["layers.1.neurons.1.w.0"]
    assert loaded["layers.1.neurons.0.w.0"] != before["layers.1.neurons.0.w.0"]
    assert not shown.said
    shown.context.close()


class Line(mg.Module):
    """A model of no neurons."""

    def __init__(self) -> None:
        self.slope, self.height = Value(0.5), Value(0.0)

    def __call__(self, row: Any) -> Value:
        return mg.exp(self.slope * row[0]) * self.height + row[1] ** 2 * self.slope


def test_a_model_without_units(browser: Any, tmp_path: Path) -> None:
    page = mg.live(Line(), [[0.1, 0.2], [0.5, -0.3], [1.0, 0.4]], [0.3, 0.4, 0.8], loss=mg.mse, batch_size=1)
    shown = Shown(browser, tmp_path / "page.html", page)
    shown.page.select_option("#edges", "gradient")
    shown.page.click("#epoch")
    shown.page.click("#explain")
    assert shown.page.locator("#captions li").all_inner_texts()[-1].startswith("the loss of row 0 is L = ")
    assert shown.status().startswith("step 3, epoch 1")
    with shown.page.expect_download() as download:
        shown.page.click("#export")
    download.value.save_as(tmp_path / "model.json")
    model = Line()
    mg.load(tmp_path / "model.json", into=model)
    assert [model.slope.data, model.height.data] == [
        shown.page.evaluate("training.weights")[i]
        for i in shown.page.evaluate("['slope', 'height'].map((name) => labels.indexOf(name))")
    ]
    assert not shown.said
    shown.context.close()


def test_the_model_of_a_table_predicts(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{i / 7},{2 * i},{'é' if i % 2 else 'b'}" for i in range(12))
    Path("table.csv").write_text(f"a,b,kind\n{rows}\n", encoding="utf-8")
    assert main(["live", "table.csv", "--hidden", "2", "-o", "page.html"]) == 0
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.click("#epoch")
    with page.expect_download() as download:
        page.click("#export")
    download.value.save_as("model.json")
    assert main(["predict", "model.json", "table.csv", "-o", "predicted.csv"]) == 0
    lines = Path("predicted.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "a,b,kind,prediction"
    assert {line.rsplit(",", 1)[1] for line in lines[1:]} <= {"é", "b"}
    context.close()


class Logarithm(mg.Module):
    """A model that has no value left of 0."""

    def __init__(self) -> None:
        self.w, self.b = Value(1.0), Value(0.5)

    def __call__(self, row: Any) -> Value:
        return self.w * mg.log(row[0]) + self.b * mg.sqrt(row[1])


def distributed(p: Any, t: Any) -> Value:
    return p[1] + (p[0] - t) ** 2 * mg.exp(-p[1])


PLAIN = [[0.01 + i / 20, i / 10] for i in range(12)]


@pytest.mark.parametrize(
    "made",
    [
        lambda: mg.live(Logarithm(), PLAIN, [float(i) for i in range(12)], loss=mg.mse),
        lambda: mg.live(mg.MLP(2, [3, 2], seed=0), PLAIN, [float(i - 5) for i in range(12)], loss=distributed),
        lambda: mg.live(mg.MLP(2, [3, 2], seed=0), PLAIN, [[i, -i] for i in range(12)], loss=mg.mse),
        lambda: mg.live(mg.MLP(1, [3, 2], seed=0), [[x] for x, _ in PLAIN], [[i, -i] for i in range(12)], loss=mg.mse),
        lambda: mg.live(mg.MLP(3, [3, 1], seed=0), [[*r, 1] for r in PLAIN], [0.0] * 12, loss=mg.mse, names=["x" * 80] * 3),
        lambda: mg.live(mg.MLP(2, [1], seed=0), PLAIN * 11_000, [0.0] * 132_000, loss=mg.mse),
    ],
    ids=["outside of the domain", "negative targets", "lists", "lists of one input", "long names", "132,000 rows"],
)  # fmt: skip
def test_unusual_models_and_data_are_drawn(browser: Any, tmp_path: Path, made: Any) -> None:
    shown = Shown(browser, tmp_path / "page.html", made(), viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert shown.status().startswith("step 0, epoch 0: loss ")
    shown.page.click("#one")
    assert shown.status().startswith("step 1")
    assert not shown.page.inner_text("#problem")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not shown.said
    shown.context.close()


def test_names_that_look_like_numbers_reach_the_file(browser: Any, tmp_path: Path) -> None:
    table, classes = tmp_path / "table.csv", ["-Infinity", "Infinity", "yes"]
    table.write_text("NaN,-Infinity,Infinity\n" + "".join(f"{i},{i % 5},{classes[i % 3]}\n" for i in range(12)))
    assert main(["live", str(table), "--hidden", "2", "-o", str(tmp_path / "made.html")]) == 0
    page = browser.new_page()
    page.goto((tmp_path / "made.html").as_uri())
    with page.expect_download() as found:
        page.click("#export")
    found.value.save_as(tmp_path / "model.json")
    page.close()
    (tmp_path / "new.csv").write_text("NaN,-Infinity\n1,2\n")
    assert main(["predict", str(tmp_path / "model.json"), str(tmp_path / "new.csv")]) == 0


def test_links_that_somebody_cut_open_the_page_as_it_was(browser: Any, tmp_path: Path, model: mg.MLP) -> None:
    X, y = mg.data.moons(20, seed=0)
    w = Value(0.5, label="w")
    for name, page, ends in (
        ("network", mg.live(model, X, y, loss=mg.mse), ["w=A", "w=AAAAA", "lr=x&row=1e9&x=-1", "step=3&w=__"]),
        ("expression", mg.live(w * w), ["v=A", "still=length", "still=map.99", "lr=x"]),
    ):
        page.save(tmp_path / f"{name}.html")
        for end in ends:
            opened, said = browser.new_page(), []
            opened.on("pageerror", lambda error, said=said: said.append(str(error)))
            opened.goto(f"{(tmp_path / f'{name}.html').as_uri()}#{end}")
            assert opened.inner_text("#status")
            assert not said, end
            opened.close()


def test_an_expression_without_a_value_shows_no_old_numbers(browser: Any, tmp_path: Path) -> None:
    x, far = Value(0.5, label="x"), Value(float("inf"), label="far")
    shown = Shown(browser, tmp_path / "page.html", mg.live(mg.log(x) + mg.tanh(far)))
    page, field = shown.page, "input[aria-label=x]"
    page.fill(field, "-1")
    page.press(field, "Tab")
    assert page.inner_text("#problem").startswith("log(x) needs x > 0")
    assert "data none" in page.inner_html("#picture")
    assert "data −0" not in page.inner_html("#picture")
    page.click("#step")
    assert page.evaluate("values[0]") == -1
    page.click("#reset")
    assert "data none" not in page.inner_html("#picture")
    assert not shown.said
    shown.context.close()


def test_the_chain_rule_is_not_told_where_the_gradients_do_not_tell_it(browser: Any, tmp_path: Path) -> None:
    layer, plain = mg.MLP(2, [1], seed=0), [[1.0, 2.0], [0.0, 0.0]]

    def penalised(p: Value, t: float) -> Value:
        return (p - t) ** 2 + sum(w * w for w in layer.parameters())

    layer.parameters()[-1].data = 0.5
    for loss, known in ((penalised, False), (mg.mse, True)):
        shown = Shown(browser, tmp_path / "page.html", mg.live(layer, plain, [0.0, 1.0], loss=loss))
        shown.page.click("#explain")
        text = shown.page.inner_text("#captions")
        assert ("∂L/∂z is not known" in text) is not known
        assert ("receives ∂L/∂z ×" in text) is known
        assert not shown.said
        shown.context.close()
