// The page of a model: draws what Training computes.
const training = new Training(data, lossProgram);
const labels = [];
for (const [name, place] of data.file.state) if (place !== null) labels[place] = name;
for (const [place, label] of Object.entries(data.labels)) labels[place] = label;
const width = data.inputs.length, { units } = data;
let selected = 0, playing = false, focus = 0, axes = [0, Math.min(1, width - 1)], byGradient = false, gradients = [];

// Numbers of rows: outputs, then results and sums of all units.
const view = (rows) => viewProgram.forward(rows, data.order.map((i) => training.weights[i]));
const inputsOf = (cells) => cells.slice(0, width);
const resultOf = (cells, seen, source) => (source < width ? cells[source] : seen[data.outputs + source - width]);
const nameOf = (source) => (source < width ? data.inputs[source] : units[source - width].name);
const spans = data.inputs.map((_, i) => {
  const column = data.rows.map((row) => row[i]), low = Math.min(...column), high = Math.max(...column), room = (high - low || 1) * 0.12;
  return [low - room, high + room];
});
const sorted = data.targets.filter((t) => typeof t === "number"), targetSpan = [Math.min(...sorted), Math.max(...sorted)];
// An output as a number from -1 to 1, or as shares of the classes.
const softmax = (zs) => { const top = Math.max(...zs), es = zs.map((z) => Math.exp(z - top)), sum = es.reduce((a, b) => a + b, 0); return es.map((e) => e / sum); };
const toned = (output) => {
  const z = output[0], [low, high] = targetSpan;
  if (data.kind === "logit") return Math.tanh(z / 2);
  if (data.kind === "margin") return z;
  return data.kind === "probability" ? 2 * z - 1 : (2 * z - low - high) / (high - low || 1);
};
const inkOf = (output) => {
  if (data.kind !== "classes") return signed(0.8 * toned(output));
  const ink = [0, 0, 0], { ground } = inks();
  softmax(output).forEach((share, k) => {
    const own = CLASSES[k % CLASSES.length];
    for (let i = 0; i < 3; i++) ink[i] += share * (ground[i] + (own[i] - ground[i]) * 0.75);
  });
  return ink;
};
const pointInk = (target) => {
  if (data.kind === "classes") return CLASSES[target % 8];
  const [low, high] = targetSpan;
  return typeof target === "number" ? signed((2 * target - low - high) / (high - low || 1)) : inks().plus;
};
const className = (k) => data.classes[k] ?? String(k);
const sized = (canvas, aspect) => {
  const scale = devicePixelRatio || 1, wide = Math.max(50, Math.round(canvas.clientWidth * scale)), high = Math.round(wide * aspect);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const at = canvas.getContext("2d");
  at.setTransform(scale, 0, 0, scale, 0, 0);
  at.clearRect(0, 0, wide, high);
  return [at, wide / scale, high / scale];
};

// The network: inputs and units in columns, a line for each weight.
const net = $("net"), picture = inSvg("svg", { role: "group", "aria-label": "Network" });
const columns = Array.from({ length: 1 + Math.max(0, ...units.map((unit) => unit.column)) }, () => []);
data.inputs.forEach((_, i) => columns[0].push(i));
units.forEach((unit, i) => columns[unit.column].push(width + i));
const places = [], edges = [], boxes = [];
const SIDE = Math.max(20, Math.min(40, 330 / Math.max(...columns.map((c) => c.length)) - 10));
const build = () => {
  net.replaceChildren(picture);
  picture.replaceChildren();
  const wide = net.clientWidth, step = SIDE + (SIDE < 40 ? 10 : 20), high = Math.max(...columns.map((c) => c.length)) * step + 16;
  net.style.height = `${high}px`;
  picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  columns.forEach((column, c) => column.forEach((source, i) => {
    places[source] = [columns.length > 1 ? 4 + SIDE / 2 + (c * (wide - SIDE - 76)) / (columns.length - 1) : wide / 2, (high * (i + 0.5)) / column.length];
  }));
  edges.length = boxes.length = 0;
  units.forEach((unit, u) => unit.links.forEach(([source, weight]) => {
    const [x0, y0] = places[source], [x1, y1] = places[width + u], a = x0 + SIDE / 2, b = x1 - SIDE / 2, m = (a + b) / 2;
    const d = `M${a},${y0} C${m},${y0} ${m},${y1} ${b},${y1}`, group = inSvg("g", { class: "edge", "aria-hidden": "true" }); // the list of parameters has them by name
    const line = inSvg("path", { d }), wideLine = inSvg("path", { d, stroke: "transparent", "stroke-width": 10 });
    group.append(line, wideLine);
    group.dataset.weight = weight;
    picture.append(group);
    const edge = { group, line, source, unit: u, weight };
    edges.push(edge);
    group.addEventListener("pointerenter", () => hint(edge));
    drag(group, weight, () => hint(edge));
  }));
  places.forEach(([x, y], source) => {
    const group = inSvg("g", { class: "unit", role: "img", "aria-label": nameOf(source) }), half = SIDE / 2;
    group.append(inSvg("rect", { x: x - half, y: y - half, width: SIDE, height: SIDE, rx: 4 }));
    const text = inSvg("text", source < width ? { x: x - half, y: y + half + 11 } : { x: x + half + 4, y: y + 4 });
    group.append(text);
    picture.append(group);
    let canvas = null;
    if (width === 2) {
      canvas = made("canvas", { width: 20, height: 20 });
      Object.assign(canvas.style, { left: `${x - half + 1}px`, top: `${y - half + 1}px`, width: `${SIDE - 2}px`, height: `${SIDE - 2}px` });
      net.append(canvas);
    }
    boxes[source] = { group, text, canvas };
    group.addEventListener("pointerenter", () => hintUnit(source));
    const bias = source < width ? null : units[source - width].bias;
    if (bias !== null) drag(group, bias, () => hintUnit(source));
  });
};
// A click selects a parameter, a drag to the side changes it.
const drag = (group, weight, after) => {
  group.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    select(weight);
    const from = event.clientX, before = training.weights[weight];
    group.setPointerCapture(event.pointerId);
    const move = (e) => { change(weight, before + (e.clientX - from) * 0.02); after(); };
    const end = () => { group.removeEventListener("pointermove", move); group.removeEventListener("pointerup", end); group.removeEventListener("pointercancel", end); save(); };
    group.addEventListener("pointermove", move);
    group.addEventListener("pointerup", end);
    group.addEventListener("pointercancel", end);
  });
};
const select = (weight) => {
  selected = weight;
  $("parameter").value = weight;
  showValue();
  for (const edge of edges) edge.group.classList.toggle("lit", edge.weight === weight);
  units.forEach((unit, u) => boxes[width + u].group.classList.toggle("lit", unit.bias === weight));
};
const showValue = () => {
  const number = training.weights[selected];
  const slide = $("slide"), most = Math.max(3, Math.abs(number) * 1.2);
  if (Number(slide.max) < most || !slide.matches(":active")) { slide.min = -most; slide.max = most; }
  slide.value = number;
  if (document.activeElement !== $("value")) $("value").value = Number(number.toPrecision(6));
};
const change = (weight, number) => {
  if (!Number.isFinite(number)) return;
  training.weights[weight] = number;
  guarded(() => { training.note(); draw(); });
};

// The chain rule at a line, for the row that is chosen: the sum's gradient times what the weight is multiplied by.
const ofRow = () => {
  const cells = data.rows[focus], [seen] = view([inputsOf(cells)]), [loss, slopes] = lossProgram.backward([cells], training.weights);
  const sums = units.map((unit) => {
    if (unit.bias !== null) return slopes[unit.bias];
    if (!unit.links.length) return 0; // the loss does not depend on it
    const [source, weight] = unit.links.reduce((best, link) => (Math.abs(resultOf(cells, seen, link[0])) > Math.abs(resultOf(cells, seen, best[0])) ? link : best));
    return slopes[weight] / resultOf(cells, seen, source);
  });
  return { cells, seen, loss, slopes, sums };
};
const hint = ({ source, unit, weight }) => guarded(() => {
  const { cells, seen, slopes, sums } = ofRow(), x = resultOf(cells, seen, source), w = training.weights[weight], name = labels[weight];
  $("hint").textContent = [
    `${name} = ${shown(w)}, from ${nameOf(source)} to ${units[unit].name}`,
    `row ${focus}: ${shown(w)} × ${factor(x)} = ${shown(w * x)} is added to the sum z`,
    `∂L/∂w += ∂L/∂z · ∂z/∂w = ${shown(sums[unit])} × ${factor(x)} = ${shown(slopes[weight])}`,
    `over all training rows: ∂L/∂w = ${shown(gradients[weight] ?? NaN)}`,
  ].join("\n");
}, false);
const hintUnit = (source) => guarded(() => {
  const { cells, seen, sums } = ofRow(), u = source - width;
  $("hint").textContent = u < 0 ? `${nameOf(source)} = ${shown(cells[source])} in row ${focus}` : [
    `${units[u].name}: ${units[u].symbol ? `${units[u].symbol}(z), ` : ""}z = ${shown(seen[data.outputs + units.length + u])}, result ${shown(resultOf(cells, seen, source))} in row ${focus}`,
    `∂L/∂z = ${shown(sums[u])}`,
    ...(units[u].bias === null ? [] : [`bias ${labels[units[u].bias]} = ${shown(training.weights[units[u].bias])}; drag to change it`]),
  ].join("\n");
}, false);

const SPOTS = 40;
const drawMap = (small) => {
  const [at, wide, high] = sized($("map"), 1), [i, j] = axes, [x0, x1] = spans[i], [y0, y1] = spans[j], held = inputsOf(data.rows[focus]);
  const atX = (x) => ((x - x0) / (x1 - x0)) * wide, atY = (y, [low, top] = [y0, y1]) => high - ((y - low) / (top - low)) * high;
  if (width === 1) {
    const xs = Array.from({ length: 120 }, (_, k) => x0 + ((x1 - x0) * k) / 119), ys = view(xs.map((x) => [x])).map(([z]) => (data.kind === "logit" ? 1 / (1 + Math.exp(-z)) : z));
    const room = (targetSpan[1] - targetSpan[0] || 1) * 0.2, span = [targetSpan[0] - room, targetSpan[1] + room];
    at.strokeStyle = css(inks().plus);
    at.lineWidth = 2;
    at.beginPath();
    ys.forEach((y, k) => at.lineTo(atX(xs[k]), atY(y, span)));
    at.stroke();
    data.rows.forEach((row, n) => spot(at, atX(row[0]), atY(data.targets[n], span), inks().minus, n === focus));
    return;
  }
  const rows = [];
  for (let v = 0; v < SPOTS; v++) for (let u = 0; u < SPOTS; u++) {
    const row = [...held];
    row[i] = x0 + ((x1 - x0) * (u + 0.5)) / SPOTS;
    row[j] = y1 - ((y1 - y0) * (v + 0.5)) / SPOTS;
    rows.push(row);
  }
  const seen = view(rows);
  sheet.getContext("2d", { willReadFrequently: true }).putImageData(painted(new ImageData(SPOTS, SPOTS), (k) => inkOf(data.kind === "classes" ? seen[k].slice(0, data.outputs) : seen[k])), 0, 0);
  at.imageSmoothingEnabled = true;
  at.drawImage(sheet, 0, 0, wide, high);
  const state = [i, j, focus, wide, high, dark(), devicePixelRatio].join();
  if (state !== spotsAre) { // which stay where they are while the network trains
    spotsAre = state;
    Object.assign(spots, { width: $("map").width, height: $("map").height });
    const above = spots.getContext("2d");
    above.scale(spots.width / wide, spots.height / high);
    [[data.rows, data.targets], [data.judged, data.judgedTargets]].forEach(([some, targets], group) => some.forEach((row, n) => spot(above, atX(row[i]), atY(row[j]), pointInk(targets[n]), !group && n === focus, group)));
  }
  at.drawImage(spots, 0, 0, wide, high);
  if (!small) return;
  if (width === 2) units.forEach((unit, u) => drawUnit(boxes[width + u].canvas, seen, data.outputs + u));
  if (width === 2) [0, 1].forEach((n) => drawUnit(boxes[n].canvas, rows, n));
};
const sheet = made("canvas", { width: SPOTS, height: SPOTS }), spots = made("canvas");
let spotsAre = "";
const drawUnit = (canvas, rows, index) => {
  let most = 1e-9;
  for (const row of rows) if (Number.isFinite(row[index])) most = Math.max(most, Math.abs(row[index]));
  const image = painted(new ImageData(20, 20), (k) => signed(rows[2 * Math.floor(k / 20) * SPOTS + 2 * (k % 20)][index] / most));
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
};
const spot = (at, x, y, ink, lit, hollow = 0) => {
  at.beginPath();
  at.arc(x, y, lit ? 6 : 3.5, 0, 7);
  at.lineWidth = lit ? 3 : 1.2;
  at.fillStyle = css(hollow ? inks().ground : ink);
  at.strokeStyle = lit ? (dark() ? "#fff" : "#000") : hollow ? css(ink) : dark() ? "#16181c" : "#fff";
  at.fill();
  at.stroke();
};
// Of more than two inputs: predictions against targets; of classes the share of the right one, in a column for each.
const drawScatter = () => {
  if ($("scatter").hidden) return;
  const [at, wide, high] = sized($("scatter"), 0.6), outputs = view(data.rows.map(inputsOf)), [low, top] = targetSpan, room = 26;
  const classes = data.kind === "classes" || data.kind === "logit", count = data.kind === "classes" ? data.outputs : 2;
  at.fillStyle = at.strokeStyle = css(inks().plus);
  at.font = "11px system-ui, sans-serif";
  if (!classes) { // where a prediction is its target
    at.globalAlpha = 0.4;
    at.beginPath();
    at.moveTo(room, high - room);
    at.lineTo(wide - room, room);
    at.stroke();
    at.globalAlpha = 1;
  }
  outputs.forEach((output, n) => {
    const target = data.targets[n];
    if (typeof target !== "number") return;
    if (classes) {
      const share = data.kind === "classes" ? softmax(output.slice(0, data.outputs))[target] : 1 / (1 + Math.exp(target ? -output[0] : output[0]));
      spot(at, room + ((target + 0.2 + (0.6 * ((n * 37) % 100)) / 100) / count) * (wide - room), (high - room) * (1 - share) + 6, pointInk(target), n === focus);
    } else spot(at, room + ((target - low) / (top - low || 1)) * (wide - 2 * room), high - room - ((output[0] - low) / (top - low || 1)) * (high - 2 * room), inks().plus, n === focus);
  });
  at.fillStyle = dark() ? "#e8e8e8" : "#1b1b1b";
  if (classes) for (let k = 0; k < count; k++) at.fillText(className(k), room + ((k + 0.3) / count) * (wide - room), high - 4);
  $("scatterkey").textContent = classes ? "for each row, the share that its class is given: at the top all" : "for each row, prediction (up) against target (across)";
};
const drawCurve = () => {
  const [at, wide, high] = sized($("curve"), 0.45), { curve } = training, all = curve.flatMap(([, a, b]) => [a, b]).filter(Number.isFinite);
  const top = Math.max(1e-12, ...all), last = Math.max(1, curve.at(-1)?.[0] ?? 1), left = 44;
  at.font = "11px system-ui, sans-serif";
  at.fillStyle = dark() ? "#a8a8a8" : "#5f5f5f";
  at.fillText(shown(top), 2, 12);
  at.fillText("0", 2, high - 14);
  at.fillText(`${last} steps`, wide - 70, high - 2);
  [inks().minus, inks().plus].forEach((ink, k) => {
    at.strokeStyle = css(ink);
    at.lineWidth = 1.8;
    at.beginPath();
    for (const point of curve) if (Number.isFinite(point[2 - k])) at.lineTo(left + (point[0] / last) * (wide - left - 4), 6 + (1 - point[2 - k] / top) * (high - 24));
    at.stroke();
  });
};
const drawNet = () => {
  gradients = byGradient || !playing ? lossProgram.backward(data.rows, training.weights)[1] : gradients;
  const numbers = byGradient ? gradients : training.weights, most = Math.max(1e-12, ...edges.map((edge) => Math.abs(numbers[edge.weight])));
  for (const edge of edges) {
    const number = numbers[edge.weight];
    const looks = [number < 0 ? "var(--minus)" : "var(--plus)", (0.4 + 5 * Math.sqrt(Math.abs(number) / most)).toFixed(1), number ? 0.85 : 0.25];
    ["stroke", "stroke-width", "opacity"].forEach((name, i) => { // to draw a line anew takes longer than to compare
      if (edge.looks?.[i] !== looks[i]) edge.line.setAttribute(name, looks[i]);
    });
    edge.looks = looks;
  }
  const cells = data.rows[focus], [seen] = view([inputsOf(cells)]);
  boxes.forEach((box, source) => {
    const text = source < width ? nameOf(source) : shown(resultOf(cells, seen, source));
    if (box.text.textContent !== text) box.text.textContent = text;
    if (!box.canvas) box.group.firstChild.style.fill = css(signed(source < width ? (2 * cells[source] - spans[source][0] - spans[source][1]) / (spans[source][1] - spans[source][0]) : Math.tanh(resultOf(cells, seen, source))));
  });
};
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
    found.push(`${units[u].name}: ∂L/∂z = ${shown(sums[u])}`);
    for (const [s, w] of units[u].links.slice(0, 6)) found.push(`${labels[w]} receives ∂L/∂z × ∂z/∂w = ${shown(sums[u])} × ${factor(resultOf(cells, seen, s))} = ${shown(slopes[w])}`);
    if (units[u].bias !== null) found.push(`${labels[units[u].bias]} receives ∂L/∂z × 1 = ${shown(slopes[units[u].bias])}`);
  });
  return found;
};
const drawStep = () => {
  if (!$("captions").hidden) $("captions").replaceChildren(...lines().map((text) => made("li", { textContent: text })));
};
const status = () => {
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
  const lr = Number(state.get("lr") ?? NaN);
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
$("lr").value = training.lr;
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
act("lr", "change", () => { const lr = Number($("lr").value); if (lr >= 0 && $("lr").value !== "") training.lr = lr; $("lr").value = training.lr; });
act("batch", "change", () => { const size = Number($("batch").value); if (Number.isInteger(size) && size > 0) training.batch = size; $("batch").value = training.batch; });
act("shuffle", "change", () => { training.shuffles = $("shuffle").checked; if (!training.shuffles && !training.next) training.order.sort((a, b) => a - b); });
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
  guarded(() => chosen(far.indexOf(Math.min(...far))));
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
