"use strict";
// Makes each picture of this page one to look into: its image becomes inline SVG with hints, zoom, pan and folding.
for (const image of document.querySelectorAll(".microgrannd-picture > img")) {
  const bytes = Uint8Array.from(atob(image.src.split(",")[1]), (letter) => letter.charCodeAt(0));
  const parsed = new DOMParser().parseFromString(new TextDecoder().decode(bytes), "image/svg+xml");
  const svg = document.importNode(parsed.documentElement, true);
  const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const hint = Object.assign(document.createElement("output"), { className: "microgrannd-hint" });
  const bar = Object.assign(document.createElement("div"), { className: "microgrannd-bar" });
  image.replaceWith(svg, bar);
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "group");
  const ground = svg.querySelector("rect");
  for (const [side, length] of [["x", left - 1e5], ["y", top - 1e5], ["width", 2e5], ["height", 2e5]]) ground.setAttribute(side, length);
  svg.style.height = `${Math.min(height, 0.8 * innerHeight)}px`; // notebooks set another

  // Zoom and pan: `at` is the corner that is shown, `scale` the pixels of the page for one of the picture.
  const at = { x: left, y: top };
  let scale = 1;
  const room = () => svg.getBoundingClientRect();
  const show = () => {
    const { width: w, height: h } = room();
    if (w && h) svg.setAttribute("viewBox", `${at.x} ${at.y} ${w / scale} ${h / scale}`);
    if (!lit) hint.textContent = usage();
  };
  let lit = null; // what is under the pointer
  const usage = () => {
    const more = width * scale > room().width + 1 || height * scale > room().height + 1;
    return (more ? "There is more: drag the picture, or press Whole.\n" : "") + "Point at a box or a line to read what it means."
      + (svg.querySelector("g.cluster") ? "\nClick a frame to fold it." : "");
  };
  const zoom = (factor, x = room().width / 2, y = room().height / 2) => {
    const before = scale;
    scale = Math.max(0.05, Math.min(8, scale * factor));
    at.x += x / before - x / scale;
    at.y += y / before - y / scale;
    show();
  };
  const move = (x, y) => { at.x -= x / scale; at.y -= y / scale; show(); };
  const fit = () => { scale = Math.min(1, room().width / width, room().height / height); at.x = left; at.y = top; show(); };
  const start = () => { scale = 1; at.x = left; at.y = top; show(); };
  const actions = { "+": () => zoom(1.25), "−": () => zoom(0.8), "Whole": fit, "1 : 1": start };
  for (const [name, act] of Object.entries(actions)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.setAttribute("aria-label", { "+": "Larger", "−": "Smaller" }[name] ?? name);
    button.addEventListener("click", act);
    bar.append(button);
  }
  bar.append(hint);
  const keys = {
    "+": () => zoom(1.25), "-": () => zoom(0.8), 0: fit, ArrowLeft: () => move(40, 0), ArrowRight: () => move(-40, 0),
    ArrowUp: () => move(0, 40), ArrowDown: () => move(0, -40),
  };
  svg.addEventListener("keydown", (event) => {
    if (event.target !== svg || event.altKey || event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook has keys of its own
    keys[event.key]();
  });
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page is scrolled
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), event.clientX - room().left, event.clientY - room().top);
  }, { passive: false });
  const pointers = new Map();
  let dragged = 0;
  const spread = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  svg.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, { x: event.clientX, y: event.clientY }); dragged = 0; });
  svg.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size > 1 ? spread() : 0;
    const by = { x: event.clientX - last.x, y: event.clientY - last.y };
    Object.assign(last, { x: event.clientX, y: event.clientY });
    dragged += Math.abs(by.x) + Math.abs(by.y);
    if (pointers.size === 1) move(by.x, by.y);
    else if (before) zoom(spread() / before, event.clientX - room().left, event.clientY - room().top);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(end, (event) => pointers.delete(event.pointerId));
  let opened = false;
  new ResizeObserver(() => { // also when a notebook lays it out for the first time
    show();
    if (!opened && room().width) open();
  }).observe(svg);

  // Hints: below the picture, and what belongs to the thing under the pointer stands out.
  const groups = (kind) => [...svg.querySelectorAll(`g.${kind}`)];
  const nodes = groups("node"), edges = groups("edge"), frames = groups("cluster");
  // Where no box would be in sight, the result is: the last one.
  const open = () => {
    opened = true;
    const { left: a, top: b, right: c, bottom: d } = room(), boxes = nodes.map((node) => node.getBoundingClientRect());
    if (!boxes.length || boxes.some((box) => box.right > a && box.left < c && box.bottom > b && box.top < d)) return;
    const last = boxes.at(-1);
    move((a + c - last.left - last.right) / 2, (b + d - last.top - last.bottom) / 2);
  };
  for (const edge of edges) {
    const wide = edge.querySelector("path").cloneNode();
    for (const name of ["marker-start", "marker-end", "stroke-dasharray"]) wide.removeAttribute(name);
    wide.setAttribute("stroke", "transparent");
    wide.setAttribute("stroke-width", 12);
    edge.append(wide);
  }
  const text = (group) => {
    const lines = [...group.querySelectorAll("text")].map((one) => one.textContent);
    const title = group.querySelector("title")?.textContent;
    return [...(group.classList.contains("node") ? lines : title ? [] : lines), ...(title ? [title] : [])].join("\n");
  };
  const light = (group) => {
    const number = group?.dataset.number;
    const ends = group?.classList.contains("edge") ? [group.dataset.source, group.dataset.target] : [number];
    const near = (edge) => edge === group || (group?.classList.contains("node") && [edge.dataset.source, edge.dataset.target].includes(number));
    for (const edge of edges) edge.style.opacity = !group || near(edge) ? "" : 0.15;
    const joined = new Set(ends.concat(edges.filter((edge) => group && near(edge)).flatMap((edge) => [edge.dataset.source, edge.dataset.target])));
    for (const node of nodes) node.style.opacity = !group || joined.has(node.dataset.number) ? "" : 0.35;
    lit = group;
    hint.textContent = group ? text(group) : usage();
  };
  for (const group of [...nodes, ...edges]) {
    group.addEventListener("pointerenter", () => pointers.size || light(group));
    group.addEventListener("pointerleave", () => light(null));
  }

  // Folding: a frame becomes a box with its name, and arrows from outside lead to that.
  const rectOf = (group) => {
    const rect = group.querySelector("rect");
    return Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, Number(rect.getAttribute(name))]));
  };
  const inside = (inner, outer) => inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height;
  const whole = new Map([...nodes, ...frames].map((group) => [group, rectOf(group)]));
  const paths = new Map(edges.map((edge) => [edge, edge.querySelector("path").getAttribute("d")]));
  const folded = new Set();
  const holder = (group) => frames.find((frame) => folded.has(frame) && frame !== group && inside(whole.get(group), whole.get(frame)));
  const small = (frame) => {
    const { x, y, width: w, height: h } = whole.get(frame), wide = frame.querySelector("text").getComputedTextLength() + 16;
    return { x: x + (w - wide) / 2, y: y + h / 2 - 13, width: wide, height: 26 };
  };
  const border = (box, from) => {
    const x = box.x + box.width / 2, y = box.y + box.height / 2, dx = from.x - x, dy = from.y - y;
    const share = Math.min(1, 1 / Math.max(Math.abs(dx) / (box.width / 2 + 2), Math.abs(dy) / (box.height / 2 + 2), 1e-9));
    return { x: x + dx * share, y: y + dy * share };
  };
  // What is folded leaves no hole: the parts of both axes on which it was, and nothing else is, are taken out.
  const without = (parts, from, to) => parts.flatMap(([a, b]) => [[a, Math.min(b, from)], [Math.max(a, to), b]].filter(([c, d]) => d > c));
  const squeezed = (side, length, shown) => {
    const parts = [];
    for (const frame of folded) {
      const box = whole.get(frame), part = [box[side], box[side] + box[length]];
      parts.push(...parts.reduce((rest, [a, b]) => without(rest, a, b), [part]));
    }
    const holes = shown.reduce((rest, box) => without(rest, box[side] - 20, box[side] + box[length] + 20), parts);
    return (at) => at - holes.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(at, b) - a), 0);
  };
  const moved = (box, x, y) => ({ ...box, x: x(box.x + box.width / 2) - box.width / 2, y: y(box.y + box.height / 2) - box.height / 2 });
  const middle = (box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  const fold = () => {
    const title = (frame) => ({ ...whole.get(frame), width: frame.querySelector("text").getComputedTextLength() + 16, height: 20 });
    const shown = [...nodes, ...frames].filter((group) => !holder(group));
    const taken = shown.map((group) => (folded.has(group) ? small(group) : frames.includes(group) ? title(group) : whole.get(group)));
    const [x, y] = [squeezed("x", "width", taken), squeezed("y", "height", taken)];
    for (const node of nodes) {
      const box = whole.get(node), to = moved(box, x, y);
      node.style.display = holder(node) ? "none" : "";
      node.setAttribute("transform", `translate(${to.x - box.x},${to.y - box.y})`);
    }
    for (const frame of frames) {
      frame.style.display = holder(frame) ? "none" : "";
      const { x: a, y: b, width: w, height: h } = whole.get(frame), rect = frame.querySelector("rect"), name = frame.querySelector("text");
      const box = folded.has(frame) ? moved(small(frame), x, y) : { x: x(a), y: y(b), width: x(a + w) - x(a), height: y(b + h) - y(b) };
      for (const [side, length] of Object.entries(box)) rect.setAttribute(side, length);
      name.setAttribute("x", box.x + 8);
      name.setAttribute("y", box.y + (folded.has(frame) ? 17 : 15));
      frame.setAttribute("aria-expanded", String(!folded.has(frame)));
    }
    for (const edge of edges) {
      const ends = [nodes[edge.dataset.source], nodes[edge.dataset.target]], held = ends.map(holder);
      edge.style.display = held[0] && held[0] === held[1] ? "none" : "";
      const turned = held[0] || held[1];
      const boxes = ends.map((node, i) => moved(held[i] ? small(held[i]) : whole.get(node), x, y));
      const [from, to] = [border(boxes[0], middle(boxes[1])), border(boxes[1], middle(boxes[0]))];
      const line = turned ? `M${from.x},${from.y} L${to.x},${to.y}`
        : paths.get(edge).replace(/(-?[\d.]+),(-?[\d.]+)/g, (_, a, b) => `${x(Number(a))},${y(Number(b))}`);
      for (const path of edge.querySelectorAll("path")) path.setAttribute("d", line);
      const label = edge.querySelector("text");
      if (!label) continue;
      const [a, b] = ["x", "y"].map((side) => Number(label.getAttribute(side)));
      label.style.display = turned ? "none" : "";
      label.setAttribute("transform", `translate(${x(a) - a},${y(b) - b})`);
    }
  };
  for (const frame of frames) {
    frame.setAttribute("role", "button");
    frame.setAttribute("tabindex", "0");
    frame.setAttribute("aria-label", `Fold ${frame.querySelector("text").textContent}`);
    frame.setAttribute("aria-expanded", "true");
    const toggle = () => { if (!folded.delete(frame)) folded.add(frame); fold(); };
    frame.addEventListener("click", () => { if (dragged < 4) toggle(); });
    frame.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      toggle();
    });
  }
}
