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
const bounds = (numbers) => numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
const first = (target) => (Array.isArray(target) ? target[0] : target); // of several outputs the first is shown
const spans = data.inputs.map((_, i) => {
  const column = data.rows.map((row) => row[i]), [low, high] = bounds(column), room = (high - low || 1) * 0.12;
  return [low - room, high + room];
});
const targetSpan = bounds(data.targets.map(first));
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
  return signed((2 * first(target) - low - high) / (high - low || 1));
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
    if (unit.bias === null && !unit.links.length) return 0; // the loss does not depend on it
    const parts = unit.links.map(([source, weight]) => [resultOf(cells, seen, source), slopes[weight]]);
    if (unit.bias !== null) parts.push([1, slopes[unit.bias]]);
    const [most, slope] = parts.reduce((best, one) => (Math.abs(one[0]) > Math.abs(best[0]) ? one : best)), sum = slope / most;
    return parts.every(([x, own]) => Math.abs(own - sum * x) <= 1e-9 * (Math.abs(own) + Math.abs(sum * x))) ? sum : NaN;
  });
  return { cells, seen, loss, slopes, sums };
};
// What is said of ∂L/∂z where it is nan: the gradients of a unit's parameters do not tell it.
const UNKNOWN = "∂L/∂z is not known: a parameter is used elsewhere too, as in a penalty, or all sources are 0";
const hint = ({ source, unit, weight }) => guarded(() => {
  const { cells, seen, slopes, sums } = ofRow(), x = resultOf(cells, seen, source), w = training.weights[weight], name = labels[weight];
  $("hint").textContent = [
    `${name} = ${shown(w)}, from ${nameOf(source)} to ${units[unit].name}`,
    `row ${focus}: ${shown(w)} × ${factor(x)} = ${shown(w * x)} is added to the sum z`,
    Number.isNaN(sums[unit]) ? `${UNKNOWN}; in all ∂L/∂w = ${shown(slopes[weight])}` : `∂L/∂w += ∂L/∂z · ∂z/∂w = ${shown(sums[unit])} × ${factor(x)} = ${shown(slopes[weight])}`,
    `over all training rows: ∂L/∂w = ${shown(gradients[weight] ?? NaN)}`,
  ].join("\n");
}, false);
const hintUnit = (source) => guarded(() => {
  const { cells, seen, sums } = ofRow(), u = source - width;
  $("hint").textContent = u < 0 ? `${nameOf(source)} = ${shown(cells[source])} in row ${focus}` : [
    `${units[u].name}: ${units[u].symbol ? `${units[u].symbol}(z), ` : ""}z = ${shown(seen[data.outputs + units.length + u])}, result ${shown(resultOf(cells, seen, source))} in row ${focus}`,
    Number.isNaN(sums[u]) ? UNKNOWN : `∂L/∂z = ${shown(sums[u])}`,
    ...(units[u].bias === null ? [] : [`bias ${labels[units[u].bias]} = ${shown(training.weights[units[u].bias])}; drag to change it`]),
  ].join("\n");
}, false);

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
    const name = nameOf(source), cut = name.length > 12 && columns.length > 1 ? `${name.slice(0, 11)}…` : name; // more would lie over others
    const text = source < width ? cut : shown(resultOf(cells, seen, source));
    if (box.text.textContent !== text) box.text.textContent = text;
    if (!box.canvas) box.group.firstChild.style.fill = css(signed(source < width ? (2 * cells[source] - spans[source][0] - spans[source][1]) / (spans[source][1] - spans[source][0]) : Math.tanh(resultOf(cells, seen, source))));
  });
};
