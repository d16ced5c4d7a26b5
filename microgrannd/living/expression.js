// The page of an expression: values, gradients and local derivatives come from program.trace, the picture is that of draw.
const values = data.leaves.map((leaf) => leaf.value), moves = data.leaves.map(() => true);
let traced = null;
const groups = (kind) => {
  const found = [];
  for (const group of document.querySelectorAll(`#picture g.${kind}`)) found[group.dataset.number] = group;
  return found;
};
const nodes = groups("node"), arrows = groups("edge");
for (const title of document.querySelectorAll("#picture .edge title")) title.remove(); // they had the numbers of the start
const wides = arrows.map((group) => {
  const wide = group.querySelector("path").cloneNode();
  for (const name of ["marker-start", "marker-end", "stroke-dasharray", "style"]) wide.removeAttribute(name);
  wide.setAttribute("stroke", "transparent");
  wide.setAttribute("stroke-width", 14);
  group.append(wide);
  return wide;
});
const slope = (...names) => names.map((name) => (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? `∂${name}` : `∂(${name})`)).join("/");

const typed = (x) => (Number.isFinite(x) ? Number(x.toPrecision(12)) : ""); // a field of numbers takes no others
const rows = data.leaves.map((leaf, i) => {
  const number = made("input", { type: "number", step: "any", value: typed(leaf.value) }), slide = made("input", { type: "range", step: "any" });
  const grad = made("td"), moved = made("input", { type: "checkbox", checked: true });
  number.setAttribute("aria-label", leaf.name);
  slide.setAttribute("aria-label", `${leaf.name}, slider`);
  moved.setAttribute("aria-label", `${leaf.name} moves with a step`);
  const reach = Math.max(1, 2 * Math.abs(leaf.value));
  Object.assign(slide, { min: leaf.value - reach, max: leaf.value + reach, value: leaf.value });
  slide.addEventListener("input", () => set(i, Number(slide.value)));
  slide.addEventListener("change", save);
  number.addEventListener("change", () => { if (number.value !== "") set(i, Number(number.value)); number.value = typed(values[i]); save(); });
  moved.addEventListener("change", () => { moves[i] = moved.checked; save(); });
  $("leaves").append(made("tr", {}, made("td", { textContent: leaf.name }), made("td", {}, number), made("td", {}, slide), grad, made("td", {}, moved)));
  return { number, slide, grad, moved };
});
function save() {
  remember({ v: packed(values), lr: $("lr").value, still: moves.flatMap((one, i) => (one ? [] : [i])).join(".") });
}
function set(i, number) {
  values[i] = number;
  update();
}
// Write data and gradients, as texts of a number's ref, in the table and in the picture.
const show = (dataOf, gradOf) => {
  data.leaves.forEach((leaf, i) => { rows[i].grad.textContent = gradOf(i + data.skipped[i]); });
  for (const [box, ref, line] of data.nodes) {
    if (line === null) continue;
    const texts = nodes[box].querySelectorAll("text");
    texts[line].textContent = `data ${dataOf(ref)}`;
    texts[line + 1].textContent = `grad ${gradOf(ref)}`;
  }
};
const update = () => {
  values.forEach((number, i) => {
    const { number: field, slide } = rows[i];
    if (document.activeElement !== field) field.value = typed(number);
    if (number < Number(slide.min)) slide.min = number;
    if (number > Number(slide.max)) slide.max = number;
    slide.value = number;
  });
  try {
    traced = program.trace([], values);
    $("problem").textContent = "";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    $("problem").textContent = error.message.replace(/^row 0: /, "");
    $("status").textContent = `${data.root} has no value here`;
    traced = null;
    show(() => "none", () => "none");
    for (const text of document.querySelectorAll("#picture g.edge text")) text.textContent = "";
    return;
  }
  const [numbers, grads, partials] = traced;
  $("status").textContent = `${data.root} = ${shown(numbers[data.root_ref])}`;
  show((ref) => shown(numbers[ref]), (ref) => shown(grads[ref]));
  const flows = data.edges.map(([, , node, place]) => partials[node - data.steps][place] * grads[node]);
  const most = Math.max(1e-300, ...flows.filter(Number.isFinite).map(Math.abs));
  data.edges.forEach(([arrow, , node, place], i) => {
    const path = arrows[arrow].querySelector("path"), flow = flows[i], text = arrows[arrow].querySelector("text");
    path.style.stroke = flow > 0 ? "var(--plus)" : flow < 0 ? "var(--minus)" : "var(--soft)";
    path.style.strokeWidth = (1 + 4 * Math.sqrt(Math.min(1, Math.abs(flow) / most) || 0)).toFixed(2);
    path.style.strokeDasharray = flow ? "none" : "5 4";
    path.style.markerStart = `url(#arrow${flow > 0 ? "0072b2" : flow < 0 ? "d55e00" : "555555"})`;
    if (text) text.textContent = shown(partials[node - data.steps][place]);
  });
};
for (const ink of ["0072b2", "d55e00", "555555"]) {
  if ($(`arrow${ink}`)) continue;
  const marker = inSvg("marker", { id: `arrow${ink}`, markerUnits: "userSpaceOnUse", markerWidth: 12, markerHeight: 12, refX: 10, refY: 6, orient: "auto-start-reverse" });
  marker.append(inSvg("path", { d: "M0,1 L11,6 L0,11 z", fill: `#${ink}` }));
  document.querySelector("#picture defs").append(marker);
}
data.edges.forEach(([arrow, operand, node, place, name, result]) => {
  arrows[arrow].addEventListener("pointerenter", () => {
    if (!traced) return;
    const [, grads, partials] = traced, partial = partials[node - data.steps][place];
    $("hint").textContent = `${slope(data.root, name)} += ${slope(data.root, result)} · ${slope(result, name)} = ${shown(grads[node])} × ${factor(partial)} = ${shown(grads[node] * partial)}`;
  });
});
$("step").addEventListener("click", () => {
  const lr = Number($("lr").value);
  if (!traced || !Number.isFinite(lr)) return;
  const grads = traced[1];
  if (!data.leaves.every((_, i) => Number.isFinite(grads[i + data.skipped[i]]))) { $("problem").textContent = "a gradient is not finite"; return; }
  data.leaves.forEach((_, i) => { if (moves[i]) values[i] -= lr * grads[i + data.skipped[i]]; });
  update();
  save();
});
$("reset").addEventListener("click", () => { data.leaves.forEach((leaf, i) => { values[i] = leaf.value; }); update(); save(); });
$("lr").addEventListener("change", save);
const state = address(), kept = unpacked(state.get("v"), values.length);
if (kept) kept.forEach((number, i) => { values[i] = number; });
if (Number.isFinite(Number(state.get("lr") ?? NaN))) $("lr").value = state.get("lr");
for (const i of (state.get("still") ?? "").split(".").filter(Boolean)) if (rows[Number(i)]) { moves[i] = false; rows[i].moved.checked = false; }
update();
