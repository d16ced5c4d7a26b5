// What the network gives: its output over two inputs with the map of each unit, predictions against targets, the losses.
const SPOTS = 40;
// Numbers of rows that nobody measured: where one has no value, as the logarithm of a negative number, nan.
const spread = (rows) => {
  try { return view(rows); } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return rows.map((row) => {
    try { return view([row])[0]; } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return new Array(data.outputs + 2 * units.length).fill(NaN);
    }
  });
};
const drawMap = (small) => {
  const [at, wide, high] = sized($("map"), 1), [i, j] = axes, [x0, x1] = spans[i], [y0, y1] = spans[j], held = inputsOf(data.rows[focus]);
  const atX = (x) => ((x - x0) / (x1 - x0)) * wide, atY = (y, [low, top] = [y0, y1]) => high - ((y - low) / (top - low)) * high;
  if (width === 1) {
    const xs = Array.from({ length: 120 }, (_, k) => x0 + ((x1 - x0) * k) / 119), ys = spread(xs.map((x) => [x])).map(([z]) => (data.kind === "logit" ? 1 / (1 + Math.exp(-z)) : z));
    const room = (targetSpan[1] - targetSpan[0] || 1) * 0.2, span = [targetSpan[0] - room, targetSpan[1] + room];
    at.strokeStyle = css(inks().plus);
    at.lineWidth = 2;
    at.beginPath();
    ys.forEach((y, k) => at.lineTo(atX(xs[k]), atY(y, span)));
    at.stroke();
    data.rows.forEach((row, n) => spot(at, atX(row[0]), atY(first(data.targets[n]), span), inks().minus, n === focus));
    return;
  }
  const rows = [];
  for (let v = 0; v < SPOTS; v++) for (let u = 0; u < SPOTS; u++) {
    const row = [...held];
    row[i] = x0 + ((x1 - x0) * (u + 0.5)) / SPOTS;
    row[j] = y1 - ((y1 - y0) * (v + 0.5)) / SPOTS;
    rows.push(row);
  }
  const seen = spread(rows);
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
    const target = first(data.targets[n]);
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
  const low = Math.min(0, ...all), top = Math.max(low + 1e-12, ...all), last = Math.max(1, curve.at(-1)?.[0] ?? 1), left = 44;
  at.font = "11px system-ui, sans-serif";
  at.fillStyle = dark() ? "#a8a8a8" : "#5f5f5f";
  at.fillText(shown(top), 2, 12);
  at.fillText(shown(low), 2, high - 14);
  at.fillText(`${last} steps`, wide - 70, high - 2);
  [inks().minus, inks().plus].forEach((ink, k) => {
    at.strokeStyle = css(ink);
    at.lineWidth = 1.8;
    at.beginPath();
    for (const point of curve) if (Number.isFinite(point[2 - k])) at.lineTo(left + (point[0] / last) * (wide - left - 4), 6 + ((top - point[2 - k]) / (top - low)) * (high - 24));
    at.stroke();
  });
};
