// What the page does when something is pressed, typed or chosen; what is drawn when; and the state in the address.
const lines = () => {
  const { cells, seen, loss, slopes, sums } = ofRow(), found = [];
  units.forEach((unit, u) => {
    const terms = unit.links.slice(0, 6).map(([s, w]) => `${factor(training.weights[w])} × ${factor(resultOf(cells, seen, s))}`);
    const more = unit.links.length > 6 ? ` + … (${unit.links.length - 6} more)` : "", bias = unit.bias === null ? "" : ` + ${factor(training.weights[unit.bias])}`;
    const z = seen[data.outputs + units.length + u], y = seen[data.outputs + u];
    found.push(`${unit.name}: z = ${terms.join(" + ")}${more}${bias} = ${shown(z)}${unit.activation ? `, ${unit.activation}(z) = ${shown(y)}` : ""}`);
  });
  found.push(`the loss of row ${focus} is L = ${shown(loss)}`);
  [...units.keys()].reverse().forEach((u) => {
    if (Number.isNaN(sums[u])) {
      const own = [...units[u].links.slice(0, 6).map(([, w]) => w), ...(units[u].bias === null ? [] : [units[u].bias])];
      found.push(`${units[u].name}: ${UNKNOWN}`, ...own.map((w) => `${labels[w]} receives ${shown(slopes[w])} in all`));
      return;
    }
    found.push(`${units[u].name}: ∂L/∂z = ${shown(sums[u])}`);
    for (const [s, w] of units[u].links.slice(0, 6)) found.push(`${labels[w]} receives ∂L/∂z × ∂z/∂w = ${shown(sums[u])} × ${factor(resultOf(cells, seen, s))} = ${shown(slopes[w])}`);
    if (units[u].bias !== null) found.push(`${labels[units[u].bias]} receives ∂L/∂z × 1 = ${shown(slopes[units[u].bias])}`);
  });
  return found;
};
const drawStep = () => {
  if (!$("captions").hidden) $("captions").replaceChildren(...lines().map((text) => made("li", { textContent: text })));
};
const showRate = () => { $("lr").value = training.rate(); };
const status = () => {
  if (document.activeElement !== $("lr")) showRate();
  const [, loss, judged] = training.curve.at(-1) ?? [];
  $("status").textContent = `step ${training.steps}, epoch ${training.epochs}: loss ${shown(loss)}${data.judged.length ? `, validation ${shown(judged)}` : ""}`;
};
// While it trains, network and maps take turns, so that a frame has the time for the steps.
let drawn = 0;
const draw = () => {
  drawn += 1;
  const all = !playing || Number($("speed").value) < 3 || calm();
  if (all || drawn % 2) drawNet();
  if (all || drawn % 2 === 0) drawMap(all || drawn % 4 === 0);
  drawScatter();
  drawCurve();
  status();
  showValue();
  if (!playing) drawStep();
};
const guarded = (act, fresh = true) => {
  if (fresh) $("problem").textContent = "";
  try { act(); } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    pause();
    $("problem").textContent = error.message;
  }
};
// Steps for 8 ms of a frame at most, at the lowest speed one in eight frames.
let frame = 0, before = 0;
const tick = (now) => {
  if (!playing) return;
  requestAnimationFrame(tick);
  const speed = Number($("speed").value), count = speed < 3 ? 1 : 2 ** (speed - 3), start = performance.now();
  frame += 1;
  if (speed < 3 && frame % 2 ** (3 - speed)) return;
  guarded(() => {
    for (let k = 0; k < count && performance.now() - start < 8; k++) training.step();
    if (calm() && now - before < 500) return;
    before = now;
    training.note();
    draw();
  });
};
const pause = () => { playing = false; $("play").textContent = "Play"; $("play").setAttribute("aria-pressed", "false"); $("status").setAttribute("aria-live", "polite"); };
const toggle = () => {
  if (playing) { pause(); guarded(() => { training.note(); draw(); }); save(); return; }
  playing = true;
  $("play").textContent = "Pause";
  $("play").setAttribute("aria-pressed", "true");
  $("status").setAttribute("aria-live", "off"); // a number each frame is noise
  requestAnimationFrame(tick);
};
const save = () => remember({
  lr: training.lr, batch: training.batch, shuffle: training.shuffles ? "" : 0, speed: $("speed").value, edges: byGradient ? "gradient" : "", row: focus || "",
  x: axes[0] || "", y: axes[1] === Math.min(1, width - 1) ? "" : axes[1], step: training.steps || "", epoch: training.epochs || "", next: training.next || "",
  random: training.random, w: data.weights.length <= 2000 ? packed(training.weights) : "",
  ...(data.weights.length <= 2000 && training.steps ? Object.fromEntries(Object.entries(training.buffers).map(([name, numbers]) => [`b-${name}`, packed(numbers)])) : {}),
  ...(training.steps && training.shuffles && training.next ? { order: training.order.join(".") } : {}),
});
const restore = () => {
  const state = address(), whole = (name, least, most, otherwise) => {
    const number = Number(state.get(name) ?? NaN);
    return Number.isInteger(number) && number >= least && number <= most ? number : otherwise;
  };
  const lr = Number(state.get("lr") ?? NaN); // is in the address where somebody chose it
  if (lr >= 0 && Number.isFinite(lr)) training.lr = lr;
  training.batch = whole("batch", 1, 1e6, training.batch);
  training.shuffles = state.get("shuffle") !== "0";
  $("speed").value = whole("speed", 0, 10, 4);
  byGradient = state.get("edges") === "gradient";
  focus = whole("row", 0, data.rows.length - 1, 0);
  axes = [whole("x", 0, width - 1, axes[0]), whole("y", 0, width - 1, axes[1])];
  const weights = unpacked(state.get("w"), data.weights.length);
  if (!weights) return;
  training.weights = weights;
  const buffers = data.optimizer.buffers.map((name) => [name, unpacked(state.get(`b-${name}`), data.trained.length)]);
  if (buffers.some(([, numbers]) => !numbers)) return;
  training.buffers = Object.fromEntries(buffers);
  training.steps = whole("step", 0, 1e12, 0);
  training.epochs = whole("epoch", 0, 1e12, 0);
  training.random = whole("random", -(2 ** 31), 2 ** 32, training.random);
  const order = (state.get("order") ?? "").split(".").map(Number), next = whole("next", 0, data.rows.length, 0);
  if (next && new Set(order).size === data.rows.length && order.every((i) => Number.isInteger(i) && i >= 0 && i < data.rows.length)) Object.assign(training, { order, next });
  else if (next && !training.shuffles) training.next = next;
};

restore();
$("batch").value = training.batch;
$("shuffle").checked = training.shuffles;
$("edges").value = byGradient ? "gradient" : "weight";
$("row").value = focus;
$("row").max = data.rows.length - 1;
$("parameter").append(...labels.map((name, i) => made("option", { value: i, textContent: name })));
for (const id of ["across", "up"]) $(id).append(...data.inputs.map((name, i) => made("option", { value: i, textContent: name })));
[$("across").value, $("up").value] = axes;
for (const label of document.querySelectorAll(".axis")) label.hidden = width < 3;
$("scatter").hidden = $("scatterkey").hidden = width < 3;
$("judgedkey").hidden = !data.judged.length;
$("mapkey").textContent = data.kind === "classes" ? data.rows.length && Array.from({ length: data.outputs }, (_, k) => className(k)).join(", ") : width > 2 ? "the other inputs as in the chosen row" : "click a row to choose it";
const act = (id, event, run) => $(id).addEventListener(event, () => { guarded(run); save(); });
$("play").addEventListener("click", toggle);
const stepped = (move) => { if (playing) pause(); move(); training.note(); draw(); };
act("one", "click", () => stepped(() => training.step()));
act("epoch", "click", () => stepped(() => training.epoch()));
act("reset", "click", () => stepped(() => training.reset()));
act("lr", "change", () => {
  const text = $("lr").value;
  if (text === "") training.lr = null; // the optimiser's again
  else if (Number(text) >= 0) training.lr = Number(text);
  showRate();
});
act("batch", "change", () => { const size = Number($("batch").value); if (Number.isInteger(size) && size > 0) training.batch = size; $("batch").value = training.batch; });
act("shuffle", "change", () => { training.shuffles = $("shuffle").checked; });
act("speed", "change", () => {});
act("edges", "change", () => { byGradient = $("edges").value === "gradient"; draw(); });
act("across", "change", () => { axes[0] = Number($("across").value); draw(); });
act("up", "change", () => { axes[1] = Number($("up").value); draw(); });
const chosen = (row) => { focus = Math.max(0, Math.min(data.rows.length - 1, Math.round(row) || 0)); $("row").value = focus; draw(); };
act("row", "change", () => chosen(Number($("row").value)));
$("parameter").addEventListener("change", () => select(Number($("parameter").value)));
$("slide").addEventListener("input", () => change(selected, Number($("slide").value)));
act("slide", "change", () => {});
act("value", "change", () => { if ($("value").value !== "") change(selected, Number($("value").value)); showValue(); });
$("map").addEventListener("click", (event) => {
  const room = $("map").getBoundingClientRect(), [i, j] = axes, at = (row, k) => (row[k] - spans[k][0]) / (spans[k][1] - spans[k][0]);
  const x = (event.clientX - room.left) / room.width, y = 1 - (event.clientY - room.top) / room.height;
  const far = data.rows.map((row) => (width === 1 ? Math.abs(at(row, 0) - x) : Math.hypot(at(row, i) - x, at(row, j) - y)));
  guarded(() => chosen(far.indexOf(bounds(far)[0])));
  save();
});
$("explain").addEventListener("click", () => {
  $("captions").hidden = !$("captions").hidden;
  $("explain").setAttribute("aria-expanded", String(!$("captions").hidden));
  guarded(drawStep);
});
$("export").addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([modelFile(data.file, training.weights)], { type: "application/json" }));
  made("a", { href: url, download: "model.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, button") || event.altKey || event.ctrlKey || event.metaKey) return;
  const act = { " ": "play", ArrowRight: "one", e: "epoch", r: "reset" }[event.key];
  if (!act) return;
  event.preventDefault();
  $(act).click();
});
build();
select(0);
guarded(() => { training.note(); draw(); });
let wideBefore = net.clientWidth;
new ResizeObserver(() => {
  if (net.clientWidth !== wideBefore) { wideBefore = net.clientWidth; build(); select(selected); }
  guarded(draw, false);
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => guarded(draw, false));
