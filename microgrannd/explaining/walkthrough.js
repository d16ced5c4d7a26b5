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
const start = { caption: "Inputs and parameters have their values; nothing is computed yet." };
const forward = ([box, caption]) => ({ box, caption, forward: true });
const backward = ([box, name, partial, gradient, total, arrow, whole]) => ({
  box, total, arrow, whole,
  caption: `${data.names[name]}.grad ` + (arrow === undefined ? `= ${total}` : `+= ${partial} × ${gradient} → ${total}`),
});
const steps = [start, ...data.forward.map(forward), ...data.backward.map(backward)], last = steps.length - 1;
const target = (arrow) => data.targets[arrow];
let now = 0;

function show(to, scroll = true) {
  now = Math.max(0, Math.min(last, to));
  const known = new Set(data.given), gradients = new Map(), passed = new Set(), left = new Set();
  for (const step of steps.slice(0, now + 1)) {
    if (step.forward) known.add(step.box);
    else if (step.total) gradients.set(step.box, step.total);
    if (step.arrow !== undefined) { passed.add(step.arrow); left.add(target(step.arrow)); }
  }
  const step = steps[now];
  const arrows = step.forward ? [...edges.keys()].filter((arrow) => target(arrow) === step.box) : [step.arrow];
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
  select("#count").textContent = `${now} / ${last}`;
  const slider = select("input");
  slider.value = now;
  slider.setAttribute("aria-valuetext", step.caption);
  document.querySelectorAll("#steps li").forEach((item, i) => item.classList.toggle("now", i === now));
  const lit = nodes[boxes[0]];
  if (scroll && lit) inView(lit);
}

function inView(element) {
  const frame = select("#picture"), outer = frame.getBoundingClientRect(), inner = element.getBoundingClientRect();
  const move = (low, high, from, to) => (low < from ? low - from - 20 : high > to ? high - to + 20 : 0);
  frame.scrollBy({
    left: move(inner.left, inner.right, outer.left, outer.right),
    top: move(inner.top, inner.bottom, outer.top, outer.bottom),
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
  });
}

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
  play: () => { if (!timer && now === last) show(0); play(!timer); },
};
for (const button of document.querySelectorAll("#controls button")) {
  button.addEventListener("click", () => { if (button.dataset.to !== "play") play(false); go[button.dataset.to](); });
}
const slider = select("input");
slider.max = last;
slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
const keys = { ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last" };
document.addEventListener("keydown", (event) => {
  if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
  event.preventDefault();
  play(false);
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
