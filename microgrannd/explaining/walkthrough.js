"use strict";
document.documentElement.classList.add("steps"); // without this script the picture is shown as it ends
const data = JSON.parse(document.getElementById("data").textContent);
const select = (text) => document.querySelector(text);
const byNumber = (kind) => {
  const groups = [];
  for (const group of document.querySelectorAll("#picture g." + kind)) groups[group.dataset.number] = group;
  return groups;
};
const nodes = byNumber("node"), edges = byNumber("edge");
// Of each box the lines with its data and its gradient, and those that are known once its gradient is.
const lines = nodes.map((group, box) => {
  const texts = [...group.querySelectorAll("text")], at = data.lines[box];
  return at === null ? null : { data: texts[at], grad: texts[at + 1], rest: texts.slice(at + 2), final: texts[at].textContent };
});
// The steps: of both phases, then one that sums up.
const slope = (...names) => names.map((name) => (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? `∂${name}` : `∂(${name})`)).join("/");
const bound = (number) => (number.startsWith("−") ? `(${number})` : number);
const start = { phase: "forward", caption: "Inputs and parameters have their values; nothing is computed yet." };
const forward = ([box, caption]) => ({ phase: "forward", box, caption });
const several = ([box, caption, total, arrow]) => ({ phase: "backward", box, total, arrow, caption });
const backward = ([box, operand, result, gradient, partial, product, before, total, arrow, whole]) => {
  const [a, b, L] = [data.names[operand], data.names[result], data.root];
  const sum = before ? `, on top of ${before}: now ${total}` : "";
  const caption = arrow === undefined ? `The gradient starts at the result: ${slope(L, L)} = 1`
    : `${a} receives ${slope(L, b)} × ${slope(b, a)} = ${gradient} × ${bound(partial)} = ${product}${sum}`;
  return { phase: "backward", box, total, arrow, whole, caption };
};
const end = { phase: "backward", caption: data.summary };
const steps = [start, ...data.forward.map(forward), ...data.backward.map((step) => (typeof step[1] === "string" ? several(step) : backward(step))), end], last = steps.length - 1;
const target = (arrow) => data.targets[arrow];
let now = 0;

function show(to, scroll = true) {
  now = Math.max(0, Math.min(last, to));
  const known = new Set(data.given), gradients = new Map(), passed = new Set(), left = new Set();
  for (const step of steps.slice(0, now + 1)) {
    if (step.phase === "forward") known.add(step.box);
    else if (step.total) gradients.set(step.box, step.total);
    if (step.arrow !== undefined) { passed.add(step.arrow); left.add(target(step.arrow)); }
  }
  const step = steps[now];
  const arrows = step.phase === "forward" ? [...edges.keys()].filter((arrow) => target(arrow) === step.box) : [step.arrow];
  const boxes = step.arrow === undefined ? [step.box] : [step.box, target(step.arrow)];
  nodes.forEach((group, box) => {
    group.classList.toggle("lit", boxes.includes(box));
    const line = lines[box];
    if (!line) return;
    line.data.classList.toggle("later", !known.has(box));
    line.grad.textContent = "grad " + (gradients.get(box) ?? "0");
    line.grad.classList.toggle("later", !gradients.has(box));
    for (const text of line.rest) text.classList.toggle("later", !left.has(box) && now < last);
  });
  edges.forEach((group, arrow) => {
    group.classList.toggle("lit", arrows.includes(arrow));
    group.classList.toggle("done", passed.has(arrow));
  });
  select("#caption").textContent = step.caption;
  select("#sum").textContent = step.whole ? sumOf(step.box) : "";
  document.documentElement.classList.toggle("forward", step.phase === "forward");
  document.querySelectorAll("#phases span").forEach((span) => span.classList.toggle("now", span.textContent === step.phase));
  select("#count").textContent = `${now} / ${last}`;
  const slider = select("input");
  slider.value = now;
  slider.setAttribute("aria-valuetext", step.caption);
  document.querySelectorAll("#steps li").forEach((item, i) => item.classList.toggle("now", i === now));
  const lit = nodes[boxes[0]];
  if (scroll && lit) inView(lit);
}

// The camera: `view` is what is shown of the picture. It opens with the whole, and follows the steps where that is small.
const svg = select("#picture svg");
const picture = svg.getAttribute("viewBox").split(" ").map(Number);
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
let view = picture, moving = 0;
function look(to, smooth = true) {
  cancelAnimationFrame(moving);
  const from = view, begin = performance.now();
  const frame = (time) => {
    const share = smooth && !still() ? Math.min(1, Math.max(0, (time - begin) / 250)) : 1;
    view = from.map((side, i) => side + (to[i] - side) * share);
    svg.setAttribute("viewBox", view.join(" "));
    if (share < 1) moving = requestAnimationFrame(frame);
  };
  frame(begin);
}
const scale = () => Math.min(svg.clientWidth / view[2], svg.clientHeight / view[3]);
function inView(element) {
  const outer = svg.getBoundingClientRect(), inner = element.getBoundingClientRect(), size = scale();
  if (size * 12 < 10) { // text would be too small to read: nearer
    const box = element.getBBox(), width = svg.clientWidth, height = svg.clientHeight;
    look([box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2, width, height]);
    return;
  }
  const by = (low, high, from, to) => (low < from ? low - from - 20 : high > to ? high - to + 20 : 0) / size;
  const [x, y] = [by(inner.left, inner.right, outer.left, outer.right), by(inner.top, inner.bottom, outer.top, outer.bottom)];
  if (x || y) look([view[0] + x, view[1] + y, view[2], view[3]]);
}
function zoom(factor, x, y) {
  const [left, top, width, height] = view, outer = svg.getBoundingClientRect();
  const [u, v] = [(x - outer.left) / outer.width, (y - outer.top) / outer.height];
  look([left + width * u * (1 - 1 / factor), top + height * v * (1 - 1 / factor), width / factor, height / factor], false);
}
const move = (x, y) => look([view[0] - x / scale(), view[1] - y / scale(), view[2], view[3]], false);
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
}, { passive: false });
const pointers = new Map();
const spread = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
svg.addEventListener("pointerdown", (event) => pointers.set(event.pointerId, { x: event.clientX, y: event.clientY }));
svg.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const [x, y, wide] = [before.x, before.y, pointers.size > 1 ? spread() : 0];
  Object.assign(before, { x: event.clientX, y: event.clientY });
  if (pointers.size === 1) move(event.clientX - x, event.clientY - y);
  else if (wide) zoom(spread() / wide, event.clientX, event.clientY);
});
for (const up of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(up, (event) => pointers.delete(event.pointerId));

const sumOf = (box) => nodes[box].querySelector("title")?.textContent ?? "";
let timer = null;
function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => (now < last ? show(now + 1) : play(false)), 1200) : null;
  const button = select("[data-to=play]");
  button.textContent = on ? "Pause" : "Play";
  button.setAttribute("aria-pressed", String(on));
}
const go = {
  first: () => show(0), last: () => show(last), back: () => show(now - 1), next: () => show(now + 1),
  whole: () => look(picture),
  play: () => { if (!timer && now === last) show(0); play(!timer); },
};
for (const button of document.querySelectorAll("#controls button")) {
  button.addEventListener("click", () => { if (!["play", "whole"].includes(button.dataset.to)) play(false); go[button.dataset.to](); });
}
const slider = select("input");
slider.max = last;
["forward", "backward"].forEach((phase, i) => {
  const span = Object.assign(document.createElement("span"), { textContent: phase });
  span.style.flexGrow = steps.filter((step) => step.phase === phase).length;
  select("#phases").append(span);
});
slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
const keys = { ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play" };
document.addEventListener("keydown", (event) => {
  if (event.target.closest("button, summary") && event.key === " ") return; // its own key
  if ((event.target === slider && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
  event.preventDefault();
  if (event.key !== " ") play(false);
  go[keys[event.key]]();
});
nodes.forEach((group, box) => {
  group.addEventListener("mouseenter", () => { select("#sum").textContent = sumOf(box); });
  group.addEventListener("mouseleave", () => { select("#sum").textContent = steps[now].whole ? sumOf(steps[now].box) : ""; });
});
const list = () => {
  const ol = select("#steps ol");
  if (!ol.children.length) {
    const text = (step) => step.caption + (step.whole ? ": " + sumOf(step.box) : "");
    for (const step of steps) ol.append(Object.assign(document.createElement("li"), { textContent: text(step) }));
  }
};
select("#steps").addEventListener("toggle", () => { list(); show(now, false); });
let before;
addEventListener("beforeprint", () => { list(); before = [select("#steps").open, now]; select("#steps").open = true; show(last, false); });
addEventListener("afterprint", () => { [select("#steps").open, now] = before; show(now, false); });
show(0, false);
